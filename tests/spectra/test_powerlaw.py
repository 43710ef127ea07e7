"""Fits, against laws known exactly, simulated fields, and numpy and scipy."""

import functools
import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special, stats

from analysis.spectra import bands, periodogram, powerlaw, windows
from analysis.spectra import rings as spectra_rings

F = np.arange(2.0, 65.0)
N = np.pi * F  # independent modes of a ring: half of 2 pi k

Fit = Callable[..., powerlaw.PowerLaw]
BY_MODES: list[Fit] = [powerlaw.fit_power_law_modes, powerlaw.fit_whittle]


def gamma_rings(gamma: float, n: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Ring powers as the model has them, 3 F^-gamma times gamma variables, ``[count, R]``."""
    draws = np.random.default_rng(seed).gamma(n, 1 / n, (count, len(n)))
    return 3 * F**-gamma * draws


def coverage(laws: list[powerlaw.PowerLaw], gamma: float, confidence: float = 0.95) -> float:
    """The share of the laws whose interval holds gamma."""
    intervals = np.array([law.interval(confidence) for law in laws])
    return float(np.mean((intervals[:, 0] <= gamma) & (gamma <= intervals[:, 1])))


@given(st.floats(0, 5), st.floats(-8, 8))
def test_an_exact_law_is_recovered(gamma: float, log_beta: float) -> None:
    law = powerlaw.fit_power_law(F, np.exp(log_beta) * F**-gamma)
    assert law.gamma == pytest.approx(gamma, abs=1e-11)  # rounding of sums of 63 logarithms
    assert np.log(law.beta) == pytest.approx(log_beta, abs=1e-10)
    assert law.gamma_error < 1e-10
    assert law.band == (2.0, 64.0)
    np.testing.assert_allclose(law(F), np.exp(log_beta) * F**-gamma, rtol=1e-9)


def test_weights_are_those_of_weighted_least_squares() -> None:
    rng = np.random.default_rng(1)
    power = F**-2.0 * np.exp(0.3 * rng.standard_normal(len(F)))
    for weights in (None, np.ones_like(F), rng.random(len(F))):
        law = powerlaw.fit_power_law(F, power, weights)
        w = bands.octave_weights(F) if weights is None else weights
        slope, intercept = np.polyfit(np.log(F), np.log(power), 1, w=np.sqrt(w))
        assert law.gamma == pytest.approx(-slope, rel=1e-10)
        assert np.log(law.beta) == pytest.approx(intercept, abs=1e-10)
    alike = powerlaw.fit_power_law(F, power, np.ones_like(F))
    line = stats.linregress(np.log(F), np.log(power))
    assert alike.gamma_error == pytest.approx(line.stderr, rel=1e-10)


def test_the_standard_error_is_the_scatter_of_gamma() -> None:
    # 2000 fits to lines with scatter 0.3: their standard deviation is known to 1.6 %; the formula
    # takes the residual variance over n - 2 though the weights differ, which costs some per cent.
    rng = np.random.default_rng(2)
    laws = [
        powerlaw.fit_power_law(F, F**-2.0 * np.exp(0.3 * rng.standard_normal(len(F))))
        for _ in range(2000)
    ]
    scatter = np.std([law.gamma for law in laws])
    assert np.mean([law.gamma_error for law in laws]) == pytest.approx(scatter, rel=0.1)


@pytest.mark.parametrize("degree", [1, 2, 3, 7])
def test_the_polynomial_is_numpys_in_the_band_and_is_given_everywhere(degree: int) -> None:
    power = F**-2.0 * np.exp(0.2 * np.random.default_rng(3).standard_normal(len(F)))
    chosen = (F >= 4) & (F <= 32)
    # Another basis, the same curve.
    x, y = np.log10(F[chosen]), np.log10(power[chosen])
    expected = np.polynomial.Polynomial.fit(x, y, degree)
    coefficients, fit = powerlaw.fit_loglog_polynomial(F, power, degree, band=(4, 32))
    np.testing.assert_allclose(fit, 10 ** expected(np.log10(F)), rtol=1e-7)
    np.testing.assert_allclose(coefficients[::-1], expected.convert().coef, rtol=1e-6, atol=1e-9)
    for wrong in (0, 3):
        with pytest.raises(ValueError, match="degree must lie between 1 and 2"):
            powerlaw.fit_loglog_polynomial(F[:3], F[:3], wrong)


@pytest.mark.parametrize("first", [2.0, 8.0])
def test_an_octave_weighs_what_its_width_does(first: float) -> None:
    # Cells end half-way, on a logarithmic axis, so that some rings weigh as ln of their ends.
    f = np.arange(first, 257.0)
    middle = np.sqrt(f[1:] * f[:-1])
    ends = np.concatenate([[f[0] ** 2 / middle[0]], middle, [f[-1] ** 2 / middle[-1]]])
    expected = np.log(ends[1:] / ends[:-1]) / np.log(ends[-1] / ends[0])
    np.testing.assert_allclose(bands.octave_weights(f), expected, rtol=1e-9)
    np.testing.assert_allclose(bands.octave_weights(2.0 ** np.arange(6)), 1 / 6, rtol=1e-12)


@pytest.mark.parametrize(
    "f", [[1.0], [0.0, 1.0], [2.0, 1.0], [1.0, 1.0], [1.0, np.nan], [1.0, np.inf], [[1.0, 2.0]]]
)
def test_octave_weights_refuse_what_does_not_ascend(f: list) -> None:
    with pytest.raises(ValueError, match="ascending"):
        bands.octave_weights(np.array(f))


# The band -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fit",
    [
        powerlaw.fit_power_law,
        lambda f, p, **a: powerlaw.fit_power_law(f, p, np.sqrt(f), **a),
        lambda f, p, **a: powerlaw.fit_power_law_modes(f, p, 3 * f, **a),
        lambda f, p, **a: powerlaw.fit_whittle(f, p, 3 * f, **a),
        lambda f, p, **a: powerlaw.loglog_polynomial(f, p, 2, **a),
    ],
)
def test_the_band_is_what_is_fitted_and_is_printed(fit: Fit) -> None:
    power = gamma_rings(2.0, N, 1, 4)[0]
    chosen = (F >= 5) & (F <= 20)
    law = fit(F, power, band=(5, 20), unit="cycles/pixel")
    # Both ends count, and the ends reported are frequencies of the data.
    assert str(law) == str(fit(F[chosen], power[chosen], unit="cycles/pixel"))
    assert law.band == fit(F, power, band=(4.5, 20.9)).band == (5.0, 20.0)
    assert "5 to 20 cycles/pixel" in str(law)
    assert "2 to 64 cycles/image" in str(fit(F, power))
    assert fit(F, power, band=(0, np.inf)).band == (2.0, 64.0)
    # What lies outside needs no logarithm: ring 0 holds the removed mean.
    f, p = np.concatenate([[0.0], F]), np.concatenate([[0.0], power])
    assert np.all(fit(f[1:], p[1:], band=(2, 64))(F) == fit(f, p + 1e-300, band=(2, 64))(F))


def test_a_polynomial_fitted_in_a_band_is_given_everywhere() -> None:
    power = gamma_rings(2.0, N, 1, 5)[0]
    coefficients, fit = powerlaw.fit_loglog_polynomial(F, power, 3, band=(4, 32))
    chosen = (F >= 4) & (F <= 32)
    expected = np.polyfit(np.log10(F[chosen]), np.log10(power[chosen]), 3)
    np.testing.assert_array_equal(coefficients, expected)
    assert fit.shape == F.shape


@pytest.mark.parametrize("fit", BY_MODES)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"band": (20, 5)}, "band 20 to 5 is empty"),
        ({"band": (np.nan, 5)}, "is empty"),
        ({"band": (100, 200)}, "no f in the band 100 to 200: f is 2 to 64"),
        ({"band": (5, 6)}, "at least three frequencies, got 2"),
        ({"f": F[::-1], "band": (5, 20)}, "ascending"),
        ({"f": np.full_like(F, 2.0)}, "at least three frequencies, got 1"),
        ({"power": np.where(F == 7, 0, F)}, "positive"),
        ({"modes": np.where(F == 7, 0, F)}, "positive"),
        ({"modes": np.where(F == 7, np.nan, F)}, "finite"),
        ({"modes": F[1:]}, "vector like f"),
        ({"correlation": np.eye(5)}, "R, R"),
        ({"correlation": 2 * np.eye(len(F))}, "diagonal"),
        ({"f": np.zeros(0), "power": np.zeros(0), "modes": np.zeros(0)}, "three"),
    ],
)
def test_what_the_fits_by_modes_refuse(fit: Fit, change: dict, message: str) -> None:
    arguments = {"f": F, "power": F**-2.0, "modes": N} | change
    with pytest.raises(ValueError, match=re.escape(message)):
        fit(**arguments)


# Least squares and likelihood, against others' ------------------------------------------------


def test_the_logarithm_of_a_gamma_variable_is_scipys() -> None:
    n = np.geomspace(0.05, 1e6, 200)
    mean, variance = powerlaw.log_gamma_moments(n)
    np.testing.assert_allclose(mean, special.psi(n) - np.log(n), rtol=1e-10, atol=2e-13)
    np.testing.assert_allclose(variance, special.polygamma(1, n), rtol=1e-11)


def test_the_fit_by_modes_is_generalised_least_squares() -> None:
    n = np.geomspace(0.8, 400, len(F))
    for power in gamma_rings(1.7, n, 5, 6):
        law = powerlaw.fit_power_law_modes(F, power, n)
        design = np.stack([np.ones_like(F), -np.log(F)], axis=1)
        root = special.polygamma(1, n) ** -0.5
        y = np.log(power) - special.psi(n) + np.log(n)
        expected = np.linalg.lstsq(root[:, None] * design, root * y)[0]
        covariance = np.linalg.inv(design.T @ (root[:, None] ** 2 * design))
        assert law.gamma == pytest.approx(expected[1], abs=1e-10)
        assert np.log(law.beta) == pytest.approx(expected[0], abs=1e-10)
        assert law.gamma_error == pytest.approx(np.sqrt(covariance[1, 1]), rel=1e-10)
        misfit = np.sum((root * (y - design @ expected)) ** 2) / (len(F) - 2)
        assert law.misfit == pytest.approx(misfit, rel=1e-9)


def test_whittle_is_the_minimum_that_scipy_finds() -> None:
    def objective(theta: np.ndarray, power: np.ndarray, n: np.ndarray) -> float:
        log_s = theta[0] - theta[1] * np.log(F)
        return float(np.sum(n * (log_s + power * np.exp(-log_s))))

    for gamma in (0.0, 1.0, 3.0):
        for n in (N, np.geomspace(0.8, 400, len(F))):
            power = gamma_rings(gamma, n, 1, 7)[0]
            law = powerlaw.fit_whittle(F, power, n)
            theta = np.array([0.0, 1.0])
            for _ in range(3):  # Nelder and Mead's simplex, which knows no derivative; restarted
                theta = optimize.minimize(
                    objective, theta, (power, n), "Nelder-Mead",
                    options={"xatol": 1e-9, "fatol": 1e-11, "maxiter": 4000},
                ).x  # fmt: skip
            assert law.gamma == pytest.approx(theta[1], abs=1e-6)
            assert np.log(law.beta) == pytest.approx(theta[0], abs=1e-6)
            # The score vanishes there, to rounding, and the error is Fisher's.
            design = np.stack([np.ones_like(F), -np.log(F)], axis=1)
            score = design.T @ (n * (1 - power / law(F)))
            assert np.all(np.abs(score) < 1e-9 * n.sum())
            fisher = design.T @ (n[:, None] * design)
            assert law.gamma_error == pytest.approx(np.sqrt(np.linalg.inv(fisher)[1, 1]), rel=1e-9)


@given(
    st.floats(-3, 6), st.floats(-100, 100), st.floats(0.01, 100), st.floats(0.3, 1e4),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_whittle_recovers_laws_and_keeps_units(
    gamma: float, log_beta: float, unit: float, modes: float, seed: int
) -> None:
    exact = powerlaw.fit_whittle(unit * F, np.exp(log_beta) * (unit * F) ** -gamma, modes * F)
    assert exact.gamma == pytest.approx(gamma, abs=1e-9)
    assert np.log(exact.beta) == pytest.approx(log_beta, abs=1e-8)
    assert exact.misfit == pytest.approx(0, abs=1e-12 * modes)
    # Other units of power and of frequency change beta alone.
    power = gamma_rings(gamma, 1 + N, 1, seed)[0]
    one = powerlaw.fit_whittle(F, power, N)
    other = powerlaw.fit_whittle(unit * F, np.exp(log_beta) * power, modes * N)
    assert other.gamma == pytest.approx(one.gamma, abs=1e-9)
    assert other.gamma_error == pytest.approx(one.gamma_error / np.sqrt(modes), rel=1e-9)
    np.testing.assert_allclose(other(unit * F), np.exp(log_beta) * one(F), rtol=1e-7)


@given(st.lists(st.floats(-10, 10), min_size=3, max_size=6), st.floats(-6, 6))
def test_whittle_converges_on_anything(log10_power: list[float], tilt: float) -> None:
    f = np.arange(1.0, len(log10_power) + 1)
    x, n = np.log(f), f**tilt
    power = 10.0 ** np.array(log10_power)
    law = powerlaw.fit_whittle(f, power, n)
    z = np.log(n * power) + law.gamma * x
    share = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    # Exponents of some hundreds: their rounding is all that is left.
    assert share @ x == pytest.approx(np.average(x, weights=n), abs=1e-9)


@pytest.mark.parametrize("fit", BY_MODES)
def test_a_correlation_widens_the_error(fit: Fit) -> None:
    power = gamma_rings(2.0, N, 1, 8)[0]
    plain = fit(F, power, N)
    assert fit(F, power, N, np.eye(len(F))).gamma_error == pytest.approx(plain.gamma_error)
    neighbours = np.eye(len(F)) + 0.25 * (np.eye(len(F), k=1) + np.eye(len(F), k=-1))
    wide = fit(F, power, N, neighbours, band=(20, 60))
    # A slope over many rings sees neighbours as one: variance times 1 + 2 / 4.
    ratio = wide.gamma_error / fit(F, power, N, band=(20, 60)).gamma_error
    assert ratio == pytest.approx(np.sqrt(1.5), rel=0.02)
    assert wide.gamma == fit(F, power, N, band=(20, 60)).gamma


def test_the_interval_is_normal() -> None:
    law = powerlaw.fit_whittle(F, gamma_rings(2.0, N, 1, 9)[0], N)
    for confidence in (0.5, 0.68, 0.95, 0.99):
        expected = stats.norm.interval(confidence, law.gamma, law.gamma_error)
        assert law.interval(confidence) == pytest.approx(expected, rel=1e-12)
    for confidence in (0.0, 1.0, 95.0):
        with pytest.raises(ValueError, match="between 0 and 1"):
            law.interval(confidence)


def test_the_misfit_tells_a_bend_from_a_law() -> None:
    law, bent = gamma_rings(2.0, N, 1, 10)[0], gamma_rings(2.0, N, 1, 10)[0] * np.exp(-F / 16)
    for fit in BY_MODES:
        straight = fit(F, law, N).misfit
        # 61 degrees of freedom: a standard deviation of sqrt(2 / 61) = 0.18.
        assert straight == pytest.approx(1, abs=0.5)
        assert fit(F, bent, N).misfit > 3


# Coverage of the 95 % intervals ----------------------------------------------------------------


SIDE, COUNT = 64, 600
RINGS = spectra_rings.rings(SIDE, SIDE)


@functools.cache
def simulated(kind: str, gamma: float) -> np.ndarray:
    """Gaussian fields ``[COUNT, SIDE, SIDE]`` with P = |k|^-gamma: periodic, or four crops, half a
    period apart, of periodic fields four times as wide."""
    side, crops = (SIDE, 1) if kind == "periodic" else (4 * SIDE, 4)
    k = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    k[0, 0] = np.inf
    rng = np.random.default_rng(40 + int(gamma))
    parts = []
    for _ in range(COUNT // crops // 50):
        white = np.fft.rfft2(rng.standard_normal((50, side, side)))
        z = np.fft.irfft2(white * k ** (-gamma / 2), (side, side))
        starts = [(0, 0)] if crops == 1 else [(a, b) for a in (0, 128) for b in (0, 128)]
        parts += [z[:, a : a + SIDE, b : b + SIDE] for a, b in starts]
    return np.concatenate(parts)


@functools.cache
def simulated_power(fields: str, gamma: float, kind: str, beta: float) -> np.ndarray:
    return periodogram.raps(simulated(fields, gamma), kind, beta)


@functools.cache
def ring_statistics(kind: str, beta: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n, correlation, draws) of the rings; ``draws`` is modes / 2 * (mean w^2)^2 / mean w^4."""
    window = windows.window2d(SIDE, SIDE, kind, beta)
    draws = RINGS.modes / 2 * np.mean(window**2) ** 2 / np.mean(window**4)
    statistics = (periodogram.effective_modes, periodogram.ring_correlation)
    n, correlation = (each(SIDE, SIDE, kind, beta) for each in statistics)
    return n, correlation, draws


def laws_of(
    fit: Fit, fields: str, gamma: float, window: tuple[str, float], how: str
) -> list[powerlaw.PowerLaw]:
    n, correlation, draws = ring_statistics(*window)
    arguments = {"correlated": (n, correlation), "draws": (draws,), "uncorrelated": (n,)}[how]
    # Low rings are left out: a crop's, because the window's main lobe steepens them, more.
    band = (2.5 if fields == "periodic" else 5.5, 32)
    power = simulated_power(fields, gamma, *window)
    return [fit(RINGS.cycles_per_image, row, *arguments, band=band) for row in power]


@pytest.mark.parametrize("fit", BY_MODES)
@pytest.mark.parametrize("gamma", [1.0, 2.0, 3.0])
@pytest.mark.parametrize(
    ("fields", "window"),
    [("periodic", ("none", 0.0)), ("crop", ("kaiser", 2 * np.pi))],
)
@pytest.mark.parametrize("how", ["correlated", "draws"])
def test_intervals_cover_simulated_fields(
    fit: Fit, gamma: float, fields: str, window: tuple[str, float], how: str
) -> None:
    # 600 fields: binomial error 0.9 %, from 95 % five of them to 90 % and three to 98 %. A bias of
    # b errors costs 0.95 - Phi(1.96 - b) + Phi(-1.96 - b), 2.9 % at 0.5. That much is allowed for
    # rings of a steep spectrum (the mean of k^-3 over a ring is above that at its mean k: 0.3) and,
    # under a strong window, for least squares with draws, whose n is too small ring by ring (0.2).
    laws = laws_of(fit, fields, gamma, window, how)
    assert 0.90 <= coverage(laws, gamma) <= 0.98
    assert np.mean([law.gamma for law in laws]) == pytest.approx(
        gamma, abs=0.5 * laws[0].gamma_error
    )
