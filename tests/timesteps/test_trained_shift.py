"""The best shift of trained networks: from losses and spectra whose answer is known."""

import json
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from scipy import integrate, stats

from analysis.study.archive import rounded
from analysis.timesteps.schedule import expit
from analysis.timesteps.trained_shift import LEVELS, MEASURES, Experiment, lowest, summary

SHIFTS = np.array([0.5, 1.0, 2.0, 4.0, 8.0])
SAMPLING = np.array([1.0, 2.0, 4.0])
THETA = np.linspace(-6.0, 6.0, 241)


def made(best: tuple[float, float] = (1.5, 3.0), moved: float = 2.0) -> Experiment:
    """Losses that are least at a known s, of two resolutions whose curves lie ln(moved) apart.

    L_z falls with theta as 1 / (1 + e^theta), and every loss grows with ln(s / best)^2.
    """
    loss = np.empty((2, 5, 2, len(THETA)))
    few, fine = np.full((2, 5, 2, 3, 5), np.nan), np.full((2, 5, 2, 5), np.nan)
    training = np.full((2, 2, 5), np.nan)
    k = np.array([[0, 1, 2, np.nan, np.nan], [0, 1, 2, 3, 4]])
    for a in range(2):
        rings = 3 if a == 0 else 5
        z = 1 / (1 + np.exp(THETA + a * np.log(moved)))
        excess = 0.01 * np.log(SHIFTS / best[a]) ** 2
        loss[a] = (z / (1 - expit(THETA)) ** 2)[None, None] * (1 + excess[:, None, None])
        training[a, :, :rings] = 2.0
        of_sampler = 0.02 * np.log(SAMPLING / (1.5, 2.5)[a]) ** 2
        error = 0.1 + excess[:, None, None, None] + of_sampler[:, None]
        few[a, ..., :rings] = 2.0 * np.exp(-error)
        fine[a, ..., :rings] = 2.0 * np.exp(0.25)
    few[..., 0] = fine[..., 0] = training[..., 0] = 1e-30  # ring 0 is of no use
    return Experiment(
        np.array([8, 16]), SHIFTS, SAMPLING, THETA, k, loss, few, fine,
        training, training.copy(),
    )  # fmt: skip


def test_lowest_is_exact_for_a_parabola_and_does_not_extrapolate() -> None:
    s = np.array([0.5, 1.0, 3.0, 4.0])  # uneven on purpose
    values = np.stack([np.log(s / 1.7) ** 2, 5 + np.log(s / 2.2) ** 2, s, -s])
    np.testing.assert_allclose(lowest(s, values), [1.7, 2.2, np.nan, np.nan], rtol=1e-12)


def test_best_shifts_and_their_ratio_are_found() -> None:
    done = made()
    for measure in MEASURES:
        each, mean = done.best(done.integral(measure))
        np.testing.assert_allclose(each, [[1.5, 1.5], [3.0, 3.0]], rtol=1e-9)
        np.testing.assert_allclose(mean, [1.5, 3.0], rtol=1e-9)
    each, _ = done.best(done.spectral_error(done.few)[..., 0])
    np.testing.assert_allclose(each, [[1.5, 1.5], [3.0, 3.0]], rtol=1e-9)


def test_a_difficult_fold_weighs_no_more() -> None:
    values = np.stack([np.log(SHIFTS / 1.5) ** 2 + 1, 100 * (np.log(SHIFTS / 3.0) ** 2 + 1)], -1)
    _, mean = made().best(values[None])
    assert 1.9 < mean[0] < 2.4  # between the two; 2.98 if the second weighed a hundred times more


def test_integrals_are_scipys() -> None:
    done = made(best=(1.0, 1.0))
    one = int(np.flatnonzero(SHIFTS == 1)[0])

    def integral(a: int, weight: Callable[[float], float]) -> float:
        def velocity(x: float) -> float:
            return (1 + np.exp(x)) ** 2 / (1 + np.exp(x + a * np.log(2)))

        return float(integrate.quad(lambda x: weight(x) * velocity(x), -6, 6)[0])

    def density(x: float, centre: float) -> float:
        return float(stats.norm.pdf(x, centre) / np.diff(stats.norm.cdf([-6, 6], centre))[0])

    for a in range(2):
        expected = {
            "velocity": integral(a, lambda x: density(x, 0.0)),
            "velocity, moved": integral(a, partial(density, centre=-a * np.log(2))),
            "nats": integral(a, lambda x: expit(x) ** 2),
            "z": integral(a, lambda x: expit(-x) ** 2),
        }
        for name, value in expected.items():
            # The trapezoidal rule at steps of 0.05 errs by 0.05^2 / 12 times a curvature below 5.
            assert done.integral(name)[a, one, 0] == pytest.approx(value, rel=2e-3), name


def test_an_unknown_measure_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown measure 'fid'"):
        made().integral("fid")


@pytest.mark.parametrize("moved", [1.0, 1.6, 2.0])
def test_the_matched_shift_is_that_of_the_curves(moved: float) -> None:
    found = made(best=(1.0, 1.0), moved=moved).matched()
    assert found.shape == (len(LEVELS), 5, 2)
    # Linear between points 0.05 apart of a curve of curvature below 0.25: 1e-4 of theta.
    np.testing.assert_allclose(found, moved, rtol=2e-3)


def test_a_level_that_is_not_reached_is_not_made_up() -> None:
    done = made()
    short = Experiment(**{**done.arrays(), "theta": THETA[:121], "loss": done.loss[..., :121]})
    found = short.matched()  # theta <= 0: L_z falls to 1/2 and 1/3, not to 0.2
    assert np.all(np.isnan(found[1:]))


def test_spectral_errors_are_the_logarithms() -> None:
    done = made()
    # To rounding: one ratio at all rings, and the weights sum to 1.
    np.testing.assert_allclose(done.spectral_error(done.fine), 0.25, rtol=1e-12)
    expected = 0.1 + 0.01 * np.log(SHIFTS / 1.5) ** 2 + 0.02 * np.log(4.0 / 1.5) ** 2
    np.testing.assert_allclose(done.spectral_error(done.few)[0, :, 1, 2], expected, rtol=1e-12)


def test_relative_losses_are_of_the_run_without_shift() -> None:
    relative = made(best=(1.0, 1.0)).relative()
    expected = 0.01 * np.log(SHIFTS) ** 2
    np.testing.assert_allclose(
        relative, np.broadcast_to(expected[:, None, None], relative.shape), atol=1e-12
    )


def test_the_summary_is_json_with_the_known_ratio() -> None:
    numbers = json.loads(json.dumps(rounded(summary(made())), allow_nan=False))
    assert set(numbers) == {"loss", "spectrum", "fine", "sampling", "matched"}
    assert set(numbers["loss"]) == set(MEASURES)
    assert numbers["loss"]["nats"]["ratio_mean"] == pytest.approx(2.0)
    assert numbers["loss"]["nats"]["ratio_each"] == pytest.approx([2.0, 2.0])
    assert numbers["spectrum"]["2"]["best_mean"] == pytest.approx([1.5, 3.0])
    np.testing.assert_allclose(numbers["sampling"]["best_mean"], [[1.5] * 5, [2.5] * 5], rtol=1e-5)
    np.testing.assert_allclose(numbers["sampling"]["ratio_each"], np.full((5, 2), 5 / 3), rtol=1e-5)
    assert numbers["fine"]["error"]["mean"][0] == pytest.approx([0.25] * 5)
