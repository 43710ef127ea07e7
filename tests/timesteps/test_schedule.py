"""The conventions, against algebra, scipy and diffusers' flow-matching scheduler.

Tolerances: identities in float64 hold to some units in the last place, hence 1e-12; diffusers
computes in float32, hence 1e-6 on numbers up to 1, compared by the largest difference.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special, stats

from analysis.timesteps import schedule

TIMES = np.linspace(0.001, 0.999, 999)
shifts = st.floats(0.05, 20)
sigmas = st.floats(0, 1)


def test_snr_is_a_ratio_of_powers_of_the_blend() -> None:
    # Monte Carlo on the definition: variance of t z over variance of (1 - t) eps; 4e5 draws of
    # each give the ratio a relative standard error of sqrt(4 / 4e5) = 0.3 %, 5 of them are 1.6 %.
    rng = np.random.default_rng(0)
    z, eps = 3 * rng.standard_normal(400_000), 0.5 * rng.standard_normal(400_000)
    measured = np.var(0.3 * z) / np.var(0.7 * eps)
    assert schedule.snr(0.3, 9.0, 0.25) == pytest.approx(measured, rel=0.016)


@given(st.floats(0, 0.9999), st.floats(1e-4, 1e4), st.floats(1e-4, 1e4))
def test_time_of_snr_inverts_snr(t: float, power: float, noise: float) -> None:
    back = schedule.time_of_snr(schedule.snr(t, power, noise), power, noise)
    assert back == pytest.approx(t, abs=1e-12)


@pytest.mark.parametrize("size", [(1024, 1024, 512, 512), (96, 64, 16, 32), (64, 64, 96, 96)])
def test_the_rule_is_how_much_noise_averaging_takes(size: tuple[int, int, int, int]) -> None:
    # A value of the coarse grid is the mean of as many of the fine one as there are more pixels,
    # and the mean's variance is theirs over that number (Bienaymé): s noise has unit noise's.
    height, width, height0, width0 = size
    averaged = height * width / (height0 * width0)
    s = schedule.theoretical_shift(*size)
    assert s**2 / averaged == pytest.approx(1, rel=1e-12)


def test_logit_and_expit_are_scipys() -> None:
    np.testing.assert_allclose(schedule.logit(TIMES), special.logit(TIMES), atol=1e-12)
    theta = np.linspace(-800, 800, 4001)
    np.testing.assert_allclose(schedule.expit(theta), special.expit(theta), rtol=1e-12, atol=1e-300)
    assert list(schedule.logit([0, 1])) == [-np.inf, np.inf]


@given(sigmas, shifts, shifts)
def test_shifts_compose_by_multiplication(sigma: float, one: float, two: float) -> None:
    twice = schedule.shift_sigma(schedule.shift_sigma(sigma, one), two)
    assert twice == pytest.approx(schedule.shift_sigma(sigma, one * two), abs=1e-12)


@given(sigmas, shifts)
def test_shifts_of_sigma_and_of_t_are_one_map(sigma: float, s: float) -> None:
    assert 1 - schedule.shift_sigma(sigma, s) == pytest.approx(
        schedule.shift_t(1 - sigma, s), abs=1e-12
    )


@given(st.floats(0.01, 0.99), shifts)
def test_a_shift_subtracts_its_logarithm_from_theta(t: float, s: float) -> None:
    moved = schedule.logit(schedule.shift_t(t, s))
    assert moved == pytest.approx(schedule.logit(t) - np.log(s), abs=1e-11)


def test_a_shifted_logit_normal_has_mu_minus_ln_s() -> None:
    # Exact, by change of variables: p'(t') dt' = p(t) dt.
    mu, std, s = 0.3, 0.8, 2.5
    moved = schedule.shift_t(TIMES, s)
    slope = s / (TIMES + s * (1 - TIMES)) ** 2  # dt'/dt
    expected = schedule.logit_normal_pdf(TIMES, mu, std) / slope
    found = schedule.logit_normal_pdf(moved, schedule.shift_mu(mu, s), std)
    np.testing.assert_allclose(found, expected, rtol=1e-11)
    assert schedule.shift_mu(mu, s) == pytest.approx(mu - np.log(s), abs=1e-15)


@pytest.mark.parametrize(("mu", "std"), [(0.0, 1.0), (-1.2, 0.6), (2.0, 1.8)])
def test_logit_normal_density_is_the_transformed_normal(mu: float, std: float) -> None:
    expected = stats.norm(mu, std).pdf(special.logit(TIMES)) / (TIMES * (1 - TIMES))
    np.testing.assert_allclose(schedule.logit_normal_pdf(TIMES, mu, std), expected, rtol=1e-11)
    area, _ = integrate.quad(
        lambda t: float(schedule.logit_normal_pdf(t, mu, std)), 0, 1, limit=200
    )
    assert area == pytest.approx(1, abs=1e-7)  # quad's own bound is 1.5e-8
    assert list(schedule.logit_normal_pdf([0.0, 1.0], mu, std)) == [0, 0]


def test_snr_of_logit_normal_times_is_lognormal() -> None:
    mu, std, k = -0.4, 0.7, 3.0
    m, v = schedule.snr_lognormal(mu, std, k)
    law = stats.lognorm(s=np.sqrt(v), scale=np.exp(m))
    assert schedule.expected_snr(mu, std, k) == pytest.approx(law.mean(), rel=1e-12)
    t = special.expit(stats.norm(mu, std).ppf(TIMES))
    np.testing.assert_allclose(schedule.snr(t, k), law.ppf(TIMES), rtol=1e-9)


@given(st.floats(-2, 3), st.floats(1.1, 64))
def test_exponent_inverts_its_definition(r: float, ratio: float) -> None:
    assert schedule.exponent(ratio ** (r / 2), ratio) == pytest.approx(r, abs=1e-10)
    assert schedule.exponent(ratio ** (-r / 2), 1 / ratio) == pytest.approx(r, abs=1e-10)


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (schedule.logit, (1.1,), "lie in"),
        (schedule.snr, (1.0,), "finite SNR"),
        (schedule.snr, (-0.1,), "finite SNR"),
        (schedule.snr, (0.5, 1.0, 0.0), "noise"),
        (schedule.time_of_snr, (1.0, 0.0), "power"),
        (schedule.shift_sigma, (1.1, 2.0), "sigma"),
        (schedule.shift_sigma, (float("nan"), 2.0), "sigma"),
        (schedule.shift_sigma, (0.5, 0.0), "s must"),
        (schedule.shift_t, (-0.1, 2.0), "t must"),
        (schedule.shift_t, (0.5, float("inf")), "s must"),
        (schedule.shift_mu, (0.0, -1.0), "s must"),
        (schedule.theoretical_shift, (0, 512, 512, 512), "size"),
        (schedule.exponent, (2.0, 1.0), "pixel_ratio"),
        (schedule.exponent, (0.0, 4.0), "s must"),
        (schedule.logit_normal_pdf, (0.5, 0.0, 0.0), "std"),
        (schedule.snr_lognormal, (0.0, 1.0, 0.0), "q must"),
    ],
)
def test_what_has_no_meaning_is_refused(function, arguments, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        function(*arguments)
