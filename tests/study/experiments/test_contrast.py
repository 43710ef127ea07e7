"""Pictures at lower contrast: what must hold of linear encoders, and of one that divides."""

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.encoders.encoder import Encoder
from analysis.study import archive
from analysis.study.chain import Chain
from analysis.study.experiments import contrast
from analysis.study.experiments.contrast import Settings, fainter
from analysis.study.results import load
from analysis.study.settings import load_study
from analysis.study.store import MissError, Store

TINY = Settings(
    studies=("tiny",), encoder="linear-f8c16", others=("pixel",), swept=2, factors=(1, 0.5, 0.125)
)


@pytest.fixture
def store(computed: Path) -> Store:
    return Store(computed / "data" / "cache", compute="auto")


def test_fainter_is_about_the_mean_colour_and_rounds_nothing() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (3, 32, 32)).astype(np.float32)
    faint = fainter(x, 1 / 64)
    assert faint.dtype == np.float32
    np.testing.assert_allclose(faint.mean(axis=(1, 2)), x.mean(axis=(1, 2)), atol=1e-6)
    np.testing.assert_allclose(faint.var(axis=(1, 2)) * 64**2, x.var(axis=(1, 2)), rtol=1e-4)
    assert len(np.unique(faint[0])) > 1000, "8 bits would leave three values"
    np.testing.assert_array_equal(fainter(x, 1), x)


def test_a_linear_encoder_has_the_same_shift_at_every_contrast(store: Store) -> None:
    contrast.commit(store, settings=TINY)
    done = contrast.committed(store, TINY)
    for name in ("linear-f8c16", "pixel"):
        shifts = done.swept_shifts(name)
        np.testing.assert_allclose(shifts, shifts[:, :1] * np.ones(3), rtol=1e-3)
        assert done.kept(name) == pytest.approx(1 / 64, rel=1e-3)  # 1/8 squared
        assert done.fall(name).value == pytest.approx(1, rel=1e-3)
    # At their own contrast they are the photographs of the study.
    np.testing.assert_allclose(done.swept_shifts("linear-f8c16")[:, 0], done.shifts[:2], rtol=1e-4)
    measured = Chain(load_study("tiny"), store)
    assert len(done.shifts) == len(measured.plan.photographs) == done.counts[0]
    content = json.loads((archive.folder("experiment") / "contrast.json").read_text())
    assert content["photographs"] == [photo.id for photo in measured.plan.photographs]
    count = len(store.computed)
    contrast.commit(store, settings=TINY)
    assert len(store.computed) == count, "what is there is not computed again"
    with pytest.raises(MissError, match="made from other"):
        contrast.committed(store, Settings(**{**vars(TINY), "factors": (1, 0.5)}))


def test_contrast_is_the_variance_within_the_band(store: Store, here: Path) -> None:
    """Of a wave whose frequency lies in the band, half its squared amplitude."""
    contrast.commit(store, settings=TINY)
    done = contrast.committed(store, TINY)
    side = load_study("tiny").low
    from analysis.spectra import periodogram

    y, x = np.mgrid[:side, :side] / side
    low, high = done.band
    wave = 0.3 * np.cos(2 * np.pi * np.floor((low + high) / 2) * x + y)
    power = periodogram.raps(wave[None], "kaiser", 2 * np.pi)[:, : done.pixels.shape[1]]
    vars(done).pop("contrast", None)
    object.__setattr__(done, "pixels", power)
    # The window spreads a line over neighbouring rings, of which a narrow band holds most.
    assert done.contrast[0] == pytest.approx(0.3**2 / 2, rel=0.25)


def test_an_encoder_that_divides_by_contrast_is_found_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What adds a floor and divides by its root mean square has less shift, the fainter it is."""

    class Dividing(Encoder):
        def encode(self, x: np.ndarray) -> dict[str, np.ndarray]:
            n = x.shape[-1] // 8
            z = x.reshape(1, 3, n, 8, n, 8).mean(axis=(3, 5))
            z = z - z.mean(axis=(2, 3), keepdims=True)
            floor = np.random.default_rng(n).standard_normal(z.shape) * 0.02
            return {"mean": ((z + floor) / np.sqrt(np.mean(z**2) + 1e-3)).astype(np.float32)}

    known = Chain.encoder
    monkeypatch.setattr(
        Chain,
        "encoder",
        lambda self, card: (
            known(self, card) if card.kind == "pixel" else Dividing.__new__(Dividing)
        ),
    )
    contrast.commit(store, settings=TINY)
    done = contrast.committed(store, TINY)
    shifts = done.swept_shifts("linear-f8c16")
    assert (shifts[:, -1] < shifts[:, 0]).all()
    assert done.kept("linear-f8c16") > 2 / 64, "power falls less than the picture's"


def test_the_committed_runs_say_what_their_arrays_give() -> None:
    done = load("bundled").contrast
    assert done is not None
    assert done.counts == (12, 29)
    measured = load("bundled").measured["taef2"].shift
    ln = np.log(done.shifts[:12])
    assert np.exp(ln.mean()) == pytest.approx(measured.whole.value, rel=1e-5)
    np.testing.assert_allclose(
        done.swept_shifts("taef2")[:, 0], done.shifts[: done.settings.swept], rtol=1e-3
    )  # another run of the network, in single precision
    numbers = json.loads((archive.folder("experiment") / "contrast.json").read_text())["numbers"]
    assert done.correlation(1) == pytest.approx(numbers["correlation"], rel=1e-4)
    quartiles = [one.value for one in done.quartiles()]
    assert quartiles == pytest.approx([one["value"] for one in numbers["quartiles"]], rel=1e-4)
