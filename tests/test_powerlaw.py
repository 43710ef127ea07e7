"""Fits, against laws known exactly, simulated fields, and numpy and scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from analysis import powerlaw, spectra

F = np.arange(2.0, 65.0)


@given(st.floats(0, 5), st.floats(-8, 8))
def test_an_exact_law_is_recovered(gamma: float, log_beta: float) -> None:
    law = powerlaw.fit_power_law(F, np.exp(log_beta) * F**-gamma)
    assert law.gamma == pytest.approx(gamma, abs=1e-11)  # rounding of sums of 63 logarithms
    assert np.log(law.beta) == pytest.approx(log_beta, abs=1e-10)
    assert law.gamma_error < 1e-10
    assert law.band == (2.0, 64.0)
    np.testing.assert_allclose(law(F), np.exp(log_beta) * F**-gamma, rtol=1e-9)


@pytest.mark.parametrize("gamma", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("shape", [(64, 64), (33, 47)])
def test_simulated_fields_give_their_exponent(shape: tuple[int, int], gamma: float) -> None:
    # 256 fields: the first ring used, 3, has about 9 independent modes, so 2 % each and 0.01 in
    # gamma; the ring mean of k^-3 is up to 0.06 steeper (tests/test_spectra.py). So 0.08.
    k = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :])
    k[0, 0] = np.inf
    white = np.random.default_rng(0).standard_normal((256, *shape))
    z = np.fft.irfft2(np.fft.rfft2(white) * k ** (-gamma / 2), shape)
    rings = spectra.rings(*shape)
    law = powerlaw.fit_power_law(
        rings.cycles_per_image[3:], spectra.raps(z, "none").mean(axis=0)[3:]
    )
    assert law.gamma == pytest.approx(gamma, abs=0.08)


def test_every_octave_weighs_the_same() -> None:
    f = np.arange(1.0, 257.0)
    weights = powerlaw.octave_weights(f)
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    octaves = [weights[(f >= 2**i) & (f < 2 ** (i + 1))].sum() for i in range(3, 8)]
    # Cells straddle an octave's ends, by half a cell of its first ring: 1 / 16 of the octave at 8.
    np.testing.assert_allclose(octaves, octaves[-1], rtol=1 / 8)
    # where unweighted rings would give the highest octave 16 times the weight of the lowest here
    counts = [np.count_nonzero((f >= 2**i) & (f < 2 ** (i + 1))) for i in range(3, 8)]
    assert counts[-1] == 16 * counts[0]


def test_octave_weights_are_equal_on_a_logarithmic_grid() -> None:
    np.testing.assert_allclose(powerlaw.octave_weights(2.0 ** np.arange(6)), 1 / 6, rtol=1e-12)
    np.testing.assert_allclose(powerlaw.octave_weights(np.array([3.0, 5.0])), 0.5, rtol=1e-12)


def test_weights_are_those_of_weighted_least_squares() -> None:
    rng = np.random.default_rng(1)
    power = F**-2.0 * np.exp(0.3 * rng.standard_normal(len(F)))
    for weights in (None, np.ones_like(F), rng.random(len(F))):
        law = powerlaw.fit_power_law(F, power, weights)
        w = powerlaw.octave_weights(F) if weights is None else weights
        slope, intercept = np.polyfit(np.log(F), np.log(power), 1, w=np.sqrt(w))
        assert law.gamma == pytest.approx(-slope, rel=1e-10)
        assert np.log(law.beta) == pytest.approx(intercept, abs=1e-10)


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
def test_the_polynomial_is_numpys_and_scipys(degree: int) -> None:
    rng = np.random.default_rng(3)
    power = F**-2.0 * np.exp(0.2 * rng.standard_normal(len(F)))
    x, y = np.log10(F), np.log10(power)
    coefficients, fit = powerlaw.fit_loglog_polynomial(F, power, degree)
    expected = np.polynomial.Polynomial.fit(x, y, degree)  # another basis, the same curve
    np.testing.assert_allclose(fit, 10 ** expected(x), rtol=1e-7)
    if degree <= 3:
        found = optimize.least_squares(
            lambda c: np.polyval(c, x) - y, np.zeros(degree + 1), xtol=1e-14, ftol=1e-14
        ).x
        np.testing.assert_allclose(coefficients, found, rtol=1e-5, atol=1e-6)


def test_degree_2_is_the_formula_of_the_original() -> None:
    a, b, c = -0.3, -1.5, 4.0
    power = 10**c * F ** (b + a * np.log10(F))
    coefficients, fit = powerlaw.fit_loglog_polynomial(F, power, 2)
    np.testing.assert_allclose(coefficients, [a, b, c], rtol=1e-9)
    np.testing.assert_allclose(fit, power, rtol=1e-9)


@pytest.mark.parametrize(
    ("f", "power", "message"),
    [
        ([1.0, 2.0], [1.0, 2.0], "three"),
        ([1.0, 2.0, 3.0], [1.0, 2.0], "one length"),
        ([[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0]], "vectors"),
        ([0.0, 1.0, 2.0], [1.0, 1.0, 1.0], "positive"),
        ([1.0, 2.0, np.inf], [1.0, 1.0, 1.0], "finite"),
        ([1.0, 2.0, np.nan], [1.0, 1.0, 1.0], "finite"),
        ([1.0, 2.0, 3.0], [1.0, 0.0, 1.0], "positive"),
        ([1.0, 2.0, 3.0], [1.0, np.nan, 1.0], "finite"),
        ([1.0, 3.0, 2.0], [1.0, 1.0, 1.0], "ascending"),
    ],
)
def test_what_has_no_power_law_is_refused(f: list, power: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        powerlaw.fit_power_law(np.array(f), np.array(power))


@pytest.mark.parametrize("degree", [0, 3, 4])
def test_a_degree_that_does_not_fit_is_refused(degree: int) -> None:
    with pytest.raises(ValueError, match="degree must lie between 1 and 2"):
        powerlaw.fit_loglog_polynomial(np.array([1.0, 2.0, 3.0]), np.ones(3), degree)


@pytest.mark.parametrize(
    "f", [[1.0], [0.0, 1.0], [2.0, 1.0], [1.0, 1.0], [1.0, np.nan], [1.0, np.inf], [[1.0, 2.0]]]
)
def test_octave_weights_refuse_what_does_not_ascend(f: list) -> None:
    with pytest.raises(ValueError, match="ascending"):
        powerlaw.octave_weights(np.array(f))
