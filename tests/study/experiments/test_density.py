"""Denoisers under shifted densities: their noise levels, what is read off, what is kept."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from analysis.study.experiments import denoiser, denoising_network, density
from analysis.study.experiments.denoising_network import Training
from analysis.study.experiments.density import Densities, Settings
from analysis.study.store import MissError, Store
from analysis.timesteps import band_error, noise, schedule
from tests.study.experiments.test_denoiser import TINY as DENOISERS

TINY = Settings(
    data=DENOISERS, bands=((1, 4), (4, 8), (8, 16)), seeds=1,
    training=Training(widths=(8, 8), batch=4, steps=4),
)  # fmt: skip


@pytest.mark.parametrize("shift", [1.0, 1.53, 2.0])
def test_levels_are_a_logit_normal_shifted_in_time(shift: float) -> None:
    settings = Training(batch=2000)
    theta = denoising_network.logit_normal(settings, shift, noise.generator(0, "levels"))
    # In t: the unshifted density, moved by the shift of time that the paper defines.
    moved = schedule.shift_t(schedule.expit(theta), 1 / shift)
    expected = stats.norm().cdf(schedule.logit(moved))
    # 2,000 strata: the empirical distribution is within one of them.
    assert stats.kstest(expected, "uniform").statistic < 1.1 / 2000
    assert not np.all(np.diff(theta) > 0)
    plain = denoising_network.logit_normal(settings, 1.0, noise.generator(0, "levels"))
    np.testing.assert_allclose(theta, plain - math.log(shift), atol=1e-5)  # float32


def made(factor: float, scatter: float = 0.0) -> Densities:
    """Optimal denoisers of white fields, those of the second density with more error in ring 4 up.

    Args:
        factor: of the error there.
        scatter: of its logarithm over photographs and seeds.
    """
    settings = dataclasses.replace(TINY, seeds=3, data=dataclasses.replace(DENOISERS, window=8))
    theta, modes = settings.data.theta_grid, band_error.modes(16)
    error = np.tile(modes / (1 + np.exp(2 * theta))[:, None, None], (3, 3, 1, 6, 1))
    error[:, 1, ..., 4:] *= factor
    draws = noise.generator(0, "scatter").standard_normal((3, 1, 6, 1))
    error[:, 2] *= np.exp(scatter * draws)
    return Densities(settings, error, np.tile(modes, (6, 1)))


def test_the_ratio_of_errors_is_read_off_in_its_band() -> None:
    done = made(1.25)
    none, measured, rule = done.settings.shifts
    low, middle, fine, whole = done.found(measured, none)
    assert (low.value, low.low, low.high) == pytest.approx((1, 1, 1), abs=1e-6)
    for one in (middle, fine):
        assert (one.value, one.low, one.high) == pytest.approx((1.25,) * 3, rel=1e-6)
    modes = band_error.modes(16)
    assert whole.value == pytest.approx(1 + 0.25 * modes[4:].sum() / modes.sum(), rel=1e-6)
    assert done.found(rule, measured)[1].value == pytest.approx(0.8, rel=1e-6)
    curve = done.curve(measured, none, 1)
    np.testing.assert_allclose(curve, 1.25, rtol=1e-6)
    # White fields of power 1: error 1 / (1 + e^2 theta) lies within LEVELS there.
    inside = np.abs(2 * done.settings.data.theta_grid - 0.5) < 1.75
    assert np.array_equal(done.used, np.tile(inside[:, None], 4))


def test_intervals_are_over_photographs_and_seeds() -> None:
    done = made(1.0, scatter=0.05)
    none, _, rule = done.settings.shifts
    for one in done.found(rule, none):
        assert one.low < 1 < one.high and 0.01 < math.log(one.high / one.low) < 0.2


@pytest.mark.slow
def test_the_experiment_is_stored_committed_and_read(project: Path) -> None:
    store = Store()
    told: list[tuple[int, int, str]] = []
    path = density.commit(store, lambda *one: told.append(one), TINY, workers=2)
    assert path == project / "data" / "results" / "experiment" / "density.json"
    photographs = density.Runs(TINY, store).data.photographs
    assert told[0] == (0, len(photographs), f"latents of {photographs[0].id}")
    assert told[-1][0] == told[-1][1]
    assert not list((store.folder / "training").glob("*"))
    back = density.committed(Store(project / "empty"), TINY)
    alone = density.Runs(TINY, Store(project / "beside")).results()
    for name, array in alone.arrays().items():
        np.testing.assert_array_equal(back.arrays()[name], array)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["provenance"]["key"] == density.Runs(TINY, store).whole.key
    assert list(content["numbers"]) == ["1.53 over 1", "2 over 1", "2 over 1.53"]
    # Same start, same windows, same noise: the densities alone tell the networks apart.
    assert np.any(back.error[:, 1] != back.error[:, 0])
    first = denoiser.Runs(DENOISERS, store).power(
        denoiser.Runs(DENOISERS, store).tiled("high", held=True), 16
    )
    np.testing.assert_allclose(back.power, first, rtol=1e-6)
    with pytest.raises(MissError, match="made from other"):
        density.committed(Store(project / "empty"), dataclasses.replace(TINY, shifts=(1, 1.5, 2)))
