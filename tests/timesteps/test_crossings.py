"""Crossings against scipy's distributions, numerical integration and Monte Carlo."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize, special, stats

from analysis.timesteps import crossings, schedule
from analysis.timesteps.crossings import WEIGHTS

K = np.arange(2.0, 33.0)
MODES = 2 * np.pi * K
NOISE = np.ones_like(K)


def spectra(images: int = 3, seed: int = 0) -> np.ndarray:
    """Power laws with channels of different level, ``[I, 2, R]``."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.standard_normal((images, 2, 1)))
    return 300 * level * K ** -rng.uniform(1.5, 2.5, (images, 1, 1))


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


# One mode -------------------------------------------------------------------------------------


def test_the_snr_is_1_at_the_crossing() -> None:
    power, noise = np.array([0.01, 1.0, 7.0]), np.array([1.0, 2.0, 0.5])
    t = schedule.expit(crossings.crossing(power, noise))
    np.testing.assert_allclose(schedule.snr(t, power, noise), 1, rtol=1e-12)
    np.testing.assert_allclose(schedule.time_of_snr(1.0, power, noise), t, rtol=1e-12)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_what_has_no_power_does_not_cross(bad: float) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        crossings.crossing([1.0, bad])
    with pytest.raises(ValueError, match="positive and finite"):
        crossings.crossing(1.0, bad)


def test_the_bumps_are_the_logistic_and_the_secant_distribution() -> None:
    x = np.linspace(-20, 20, 401)
    logistic = stats.logistic(scale=0.5)
    for by in ("modes", "power"):
        np.testing.assert_allclose(crossings.bump(x, by), logistic.pdf(x), rtol=1e-12)
        assert crossings.VARIANCE[by] == pytest.approx(logistic.var(), rel=1e-12)
    assert logistic.std() == pytest.approx(np.pi / (2 * np.sqrt(3)), rel=1e-12)
    # scipy's hypsecant is 1 / (pi cosh x); its variance is pi^2 / 4.
    np.testing.assert_allclose(crossings.bump(x, "amplitude"), stats.hypsecant.pdf(x), rtol=1e-12)
    assert crossings.VARIANCE["amplitude"] == pytest.approx(stats.hypsecant.var(), rel=1e-9)
    assert crossings.bump(-800.0) == 0  # without overflow, which would be a warning


# Many modes -----------------------------------------------------------------------------------


def test_by_modes_the_density_is_the_slope_of_the_rate() -> None:
    power = spectra(1)
    density = crossings.collect(power, NOISE, MODES, "modes")
    theta, h = np.linspace(-4, 4, 9), 1e-4
    at, n = density.theta[0], np.tile(MODES, 2)
    ends = [crossings.information_rate(theta + d, at, n) for d in (h, -h)]
    # Central differences err by h^2, some 1e-8.
    np.testing.assert_allclose(
        density.density(theta), (ends[0] - ends[1]) / (2 * h * n.sum()), rtol=1e-6
    )


def test_by_power_the_density_is_the_error_lost() -> None:
    power = spectra(1)
    density = crossings.collect(power, NOISE, MODES, "power")

    def error(theta: float) -> float:
        return float(np.sum(MODES * power / (1 + power * np.exp(2 * theta))))

    total = np.sum(MODES * power)
    for theta in (-2.0, 0.0, 1.5):
        lost, _ = integrate.quad(lambda u: density.density(np.array([u]))[0], -30, theta)
        assert lost == pytest.approx(1 - error(theta) / total, rel=1e-7)


def test_by_amplitude_the_density_is_rescaled_entropic_time() -> None:
    # Stancevic et al.: d Phi = sigma dH, with dH / d sigma = mmse / sigma^3 at x + sigma e.
    power = spectra(1)
    density = crossings.collect(power, NOISE, MODES, "amplitude")

    def rate(sigma: np.ndarray) -> np.ndarray:
        s = sigma[:, None, None]
        return np.sum(MODES * power[0] / (1 + power[0] / s**2), axis=(1, 2)) / sigma**2

    theta = np.linspace(-3, 3, 13)
    sigma = np.exp(-theta)
    whole, _ = integrate.quad(lambda u: float(rate(np.exp([-u]))[0] * np.exp(-u)), -25, 25)
    # A density over sigma becomes one over theta by |d sigma / d theta| = sigma.
    np.testing.assert_allclose(density.density(theta), rate(sigma) * sigma / whole, rtol=1e-7)


@pytest.mark.parametrize("by", WEIGHTS)
def test_the_moments_are_those_of_the_density(by: crossings.Weights) -> None:
    made = crossings.collect(spectra(), NOISE, MODES, by)
    theta = crossings.grid(made, 8001)
    density = made.density(theta)
    mean, square = (m.mean() for m in made.moments())
    # The tails that the grid leaves out hold 1e-6 at most, at distances up to 20.
    assert np.trapezoid(density, theta) == pytest.approx(1, abs=1e-5)
    assert np.trapezoid(theta * density, theta) == pytest.approx(mean, abs=2e-4)
    assert np.trapezoid(theta**2 * density, theta) == pytest.approx(square, abs=2e-3)


@pytest.mark.parametrize("by", WEIGHTS)
def test_no_logit_normal_is_nearer(by: crossings.Weights) -> None:
    made = crossings.collect(spectra(), NOISE, MODES, by)
    fit = crossings.nearest_logit_normal(made)
    theta = crossings.grid(made)
    density = made.density(theta)
    found = optimize.minimize(
        lambda x: np.trapezoid(
            special.rel_entr(density, stats.norm(x[0], np.exp(x[1])).pdf(theta)), theta
        ),
        (0.0, 0.0), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-12},
    )  # fmt: skip
    assert fit.mu == pytest.approx(found.x[0], abs=2e-4)
    assert fit.std == pytest.approx(np.exp(found.x[1]), abs=2e-4)
    assert fit.divergence == pytest.approx(found.fun, abs=1e-6)
    assert fit.divergence > 0
    # Pinsker's inequality binds the two.
    assert 0 < fit.distance <= np.sqrt(fit.divergence / 2)


@given(st.floats(0.01, 100), st.sampled_from(WEIGHTS))
def test_a_factor_on_the_power_moves_everything(q: float, by: crossings.Weights) -> None:
    power, theta = spectra(), np.linspace(-5, 5, 21)
    before, after = (crossings.collect(p, NOISE, MODES, by) for p in (power, q * power))
    by_how_much = -0.5 * np.log(q)
    np.testing.assert_allclose(after.weight, before.weight, rtol=1e-10)
    np.testing.assert_allclose(after.density(theta + by_how_much), before.density(theta), rtol=1e-9)
    move = crossings.movement((power, NOISE, MODES), (q * power, NOISE, MODES), by)
    np.testing.assert_allclose(move.total, by_how_much, atol=1e-10)
    np.testing.assert_allclose(move.shared, by_how_much, atol=1e-10)
    np.testing.assert_allclose([*move.entering, *move.share], 0, atol=1e-10)


def test_new_modes_pull_towards_the_data() -> None:
    k = np.arange(2.0, 65.0)
    power = 300 * np.array([1.0, 2.0])[:, None] * k**-2.0
    low = (power[:, :31], np.ones(31), 2 * np.pi * k[:31])
    high = (4 * power, np.ones(63), 2 * np.pi * k)
    by_power = crossings.movement(low, high, "power")
    by_modes = crossings.movement(low, high, "modes")
    for move in (by_power, by_modes):
        assert np.isnan(move.total[1:]).all()  # two images have no interval
        assert move.shared[0] == pytest.approx(-np.log(2), abs=1e-12)
        assert move.total[0] == pytest.approx(move.shared[0] + move.entering[0], abs=1e-12)
        assert move.entering[0] > 0
    # Power k^-2 on rings of 2 pi k modes: what enters is the sum of 1 / k.
    harmonic = np.sum(1 / k[31:]) / np.sum(1 / k)
    assert by_power.share[0] == pytest.approx(harmonic, rel=1e-12)
    assert by_modes.share[0] == pytest.approx(k[31:].sum() / k.sum(), rel=1e-12)
    assert by_modes.total[0] > by_power.total[0]


def test_rings_that_the_low_resolution_has_in_part_are_split() -> None:
    # Two rings; of the second the low resolution has a quarter of the modes.
    low = (np.ones((1, 2)), np.ones(2), np.array([4.0, 2.0]))
    high = (np.ones((1, 2)), np.ones(2), np.array([4.0, 8.0]))
    assert crossings.movement(low, high, "modes").share[0] == pytest.approx(0.5)


# Distances ------------------------------------------------------------------------------------


def test_the_divergence_of_normals_is_the_closed_form() -> None:
    theta = np.linspace(-15, 15, 6001)
    mine = crossings.normal_pdf(theta, 0.5, 0.8)
    np.testing.assert_allclose(mine, stats.norm(0.5, 0.8).pdf(theta), rtol=1e-12)
    expected = np.log(1.5 / 0.8) + (0.8**2 + (0.5 + 1) ** 2) / (2 * 1.5**2) - 0.5
    assert crossings.divergence(theta, mine, -1.0, 1.5) == pytest.approx(expected, rel=1e-9)
    # Equal widths d apart: 2 Phi(d / 2) - 1.
    other = crossings.normal_pdf(theta, 1.5, 0.8)
    distance = 2 * stats.norm.cdf(0.5 / 0.8) - 1
    # The kink where the densities cross costs the trapezoidal rule 1e-6.
    assert crossings.total_variation(theta, mine, other) == pytest.approx(distance, abs=1e-5)


def test_a_density_over_time_is_the_logit_normal() -> None:
    theta = np.linspace(-6, 6, 2001)
    t, density = crossings.over_time(theta, crossings.normal_pdf(theta, -0.4, 0.9))
    np.testing.assert_allclose(density, schedule.logit_normal_pdf(t, -0.4, 0.9), rtol=1e-9)
    assert np.trapezoid(density, t) == pytest.approx(1, abs=1e-4)


# The ratio ------------------------------------------------------------------------------------


def test_over_the_bumps_a_ratio_is_a_weighted_mean() -> None:
    at, ratio, n = crossings.crossing(spectra(1)[0, 0]), 1 + 0.5 * np.sin(K), MODES
    theta = np.linspace(-4, 4, 17)
    weight = n * stats.logistic(scale=0.5).pdf(theta[:, None] - at)
    carried = crossings.carried_ratio(theta, at, ratio, n)
    np.testing.assert_allclose(carried, weight @ ratio / weight.sum(axis=1), rtol=1e-10)
    np.testing.assert_allclose(crossings.carried_ratio(theta, at, 0 * at + 3, n), 3, rtol=1e-12)
    # Far from all crossings every bump is e^(-2 distance): no 0 / 0.
    far = crossings.carried_ratio(np.array([-900.0, 900.0]), at, ratio, n)
    for value, sign in zip(far, (-1, 1), strict=True):
        w = n * np.exp(2 * sign * at)
        assert value == pytest.approx(w @ ratio / w.sum(), rel=1e-10)


def test_a_weighted_density_is_the_product_normalised() -> None:
    theta = np.linspace(-8, 8, 4001)
    # exp(theta) times N(0, 1) is N(1, 1), up to a factor.
    np.testing.assert_allclose(
        crossings.weighted_density(theta, np.exp(theta)), stats.norm(1).pdf(theta), rtol=1e-8
    )


@pytest.mark.parametrize("by", crossings.WEIGHTS)
def test_many_crossings_on_a_lattice_give_the_same_density(
    by: crossings.Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(23)
    power = np.exp(rng.normal(0, 3, (4, 300, len(MODES))))
    many = crossings.collect(power, NOISE, MODES, by)
    assert many.theta.size > crossings.MANY
    theta = np.linspace(-12, 12, 301)
    found = many.density(theta)
    monkeypatch.setattr(crossings, "MANY", many.theta.size)
    exact = many.density(theta)
    assert not np.array_equal(found, exact), "this compares the two ways"
    # The second derivative of a bump of unit mass is below 2 in size.
    np.testing.assert_allclose(found, exact, rtol=0, atol=crossings.STEP**2 / 8 * 2)
