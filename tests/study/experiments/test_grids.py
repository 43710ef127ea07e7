"""Folded latents, against what an orthogonal map must keep; squares are cut where it is said."""

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.encoders.latents import patchify
from analysis.spectra import lowpass
from analysis.study import archive
from analysis.study.experiments import grids
from analysis.study.experiments.grids import Settings
from analysis.study.results import load
from analysis.study.settings import load_study
from analysis.study.store import MissError, Store


def fields(images: int, side: int, gamma: float) -> np.ndarray:
    """``[I, 2, side, side]``, Gaussian fields of power k^-gamma."""
    rng = np.random.default_rng(1)
    k = np.hypot(*np.meshgrid(*2 * [np.fft.fftfreq(side, 1 / side)]))
    k[0, 0] = np.inf
    spectrum = np.fft.fft2(rng.standard_normal((images, 2, side, side)))
    return np.asarray(np.fft.ifft2(spectrum * k ** (-gamma / 2)).real)


def shifts(images: int, gamma: float, p: int) -> tuple[list[float], list[float]]:
    """(channel average, information-matched, by power) of 64 to 128 px, flat and folded."""
    study = load_study("bundled")
    high = fields(images, 128, gamma)
    low = lowpass.crop(high, 64)  # the same content, so that the rule is exact
    shared = grids.bins(study, 2 * p**2, 64 // p, images)
    out = []
    for fold in (1, p):
        both = [
            [grids.spectra(patchify(one[None], fold)[0], shared, study) for one in z]
            for z in (low, high)
        ]
        found = grids.fold(*both, (64 // fold, 128 // fold), shared, study)
        out.append([one.value for one in found])
    return out[0], out[1]


@pytest.mark.parametrize("gamma", [2.0, 2.5])
def test_folding_moves_the_matched_shift_and_hardly_the_average(gamma: float) -> None:
    """Of power-law fields the rule holds on the flat grid, in both numbers.

    Folded 2 x 2, a ring's matrix has four frequencies: its own, whose shift is the rule's, and
    three aliases near the sampling frequency of the folded grid. That is twice as high on the finer
    grid, where their power is 2^gamma times less, so that their shift is the rule's over
    2^(gamma / 2). By number of directions the mean of ln s has all four.
    """
    (average, matched, trace), (average_p, matched_p, trace_p) = shifts(8, gamma, 2)
    # The window lies a fraction of a pixel elsewhere on the two grids.
    assert [average, matched, trace] == pytest.approx([2, 2, 2], rel=0.01)
    assert average_p == pytest.approx(average, rel=0.05)
    assert trace_p == pytest.approx(trace, rel=0.05)
    weak = 2 * 2 ** (-gamma / 2)
    expected = np.exp(np.mean(np.log([2, weak, weak, weak])))
    # Rings are not at zero: the aliases' frequencies are N - k, not N.
    assert matched_p == pytest.approx(expected, rel=0.1)


def test_squares_are_cut_where_they_are_said_to_be() -> None:
    y, x = np.mgrid[:10, :10]
    found = grids.squares(np.stack([y, x, y + x]), 4)
    corners = {place: (int(one[0, 0, 0]), int(one[1, 0, 0])) for place, one in found.items()}
    assert corners == {
        "middle": (3, 3), "top left": (0, 0), "top right": (0, 6),
        "bottom left": (6, 0), "bottom right": (6, 6),
    }  # fmt: skip
    assert {one.shape for one in found.values()} == {(3, 4, 4)}
    with pytest.raises(ValueError, match="no square of 11 px"):
        grids.squares(np.zeros((3, 10, 10)), 11)


def test_what_was_run_is_read_again(here: Path) -> None:
    tiny = Settings(study="tiny", folds=(), encoder="pixel", cut=128)
    store = Store(here / "data" / "cache", compute="auto")
    path = grids.commit(store, settings=tiny)
    done, count = grids.committed(store, tiny), len(store.computed)
    # Pictures of power k^-2 have the rule wherever they are cut.
    assert done.places == pytest.approx((2, 2), rel=0.05)
    assert done.corners.low < 1 < done.corners.high
    assert done.within < 0.05
    numbers = json.loads(path.read_text(encoding="utf-8"))["numbers"]
    assert numbers["cuts"]["middle"]["value"] == pytest.approx(
        done.cuts["middle"].whole.value, rel=1e-5
    )
    grids.commit(store, settings=tiny)
    assert len(store.computed) == count
    with pytest.raises(MissError, match="made from other"):
        grids.committed(store, Settings(study="tiny", folds=(), encoder="pixel", cut=64))


def test_the_committed_folds_are_of_the_measurements() -> None:
    """Unfolded, over the low and the middle band of pixels' own grid, numbers are the study's."""
    loaded = load("bundled")
    done = loaded.grids
    assert done is not None
    for name, fold in done.folds.items():
        flat, folded = fold.average
        assert folded.value == pytest.approx(flat.value, rel=0.05), "the issue's bound"
        assert fold.matched[1].value < fold.matched[0].value
        assert fold.channels[1] == fold.channels[0] * fold.p**2
        # Other frequencies than the study's band, so near alone.
        assert flat.value == pytest.approx(loaded.measured[name].shift.whole.value, rel=0.05)
    content = json.loads((archive.folder("experiment") / "grids.json").read_text())["numbers"]
    assert content["within"] == pytest.approx(done.within, rel=1e-4)
