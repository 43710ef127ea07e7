"""Crossings, their movement and the halves of images, of measurements whose numbers are known."""

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats

from analysis.shift import literature
from analysis.study.densities import (
    FEWEST,
    carried_share,
    crossings_of,
    distance_of,
    movement_of,
    ratios_of,
    reliability_of,
    weighted_distance,
    weighted_of,
)
from analysis.study.measurement import Measured
from analysis.timesteps import schedule
from analysis.timesteps.weighting import half_frequencies
from tests.study.test_measurement import known, other


def disc(side: int, power: int = 1) -> float:
    """The mean of (ln k)^power over a disc of modes, from 1.5 to the Nyquist circle of side / 8."""
    k = np.linspace(1.5, side / 16, 20001)
    return float(np.trapezoid(k * np.log(k) ** power, k) / np.trapezoid(k, k))


def test_crossings_start_at_the_first_ring_used_and_keep_channels_apart() -> None:
    one = known(images=3)
    found = crossings_of(one, 512, "modes")
    assert found.theta.shape == (3, 2 * 31)  # rings 2 to 32 of two channels
    np.testing.assert_allclose(found.theta[0], -0.5 * np.log(one.snr(512)[0, :, 2:].ravel()))
    np.testing.assert_allclose(found.weight.sum(axis=1), 1)
    assert crossings_of(one, 256, "power").theta.shape == (3, 2 * 15)


def test_shared_modes_move_by_the_shift_and_new_ones_take_some_of_it_back() -> None:
    one = known(gamma=2.5)
    for by in ("modes", "power"):
        moved = movement_of(one, by)
        # 2e-3: the last shared ring has a slightly different frequency on the finer grid.
        assert moved.shared == pytest.approx(3 * [-np.log(2)], abs=2e-3)
        assert moved.total[0] == pytest.approx(moved.shared[0] + moved.entering[0])
        assert moved.entering[0] > 0
    # A disc of twice the radius has a mean of ln k that is larger by ln 2.
    count = movement_of(one, "modes")
    assert count.total[0] == pytest.approx(2.5 / 2 * (disc(512) - disc(256)) - np.log(2), abs=0.02)
    assert count.share[0] == pytest.approx(0.75, abs=0.02)
    assert np.isnan(movement_of(known(images=1), "modes").total[1:]).all()
    # Steep spectra have their power where both resolutions have modes.
    assert movement_of(known(gamma=4.0), "power").total[0] < -0.6


def test_halves_that_are_alike_are_reliable_and_independent_ones_are_not() -> None:
    one = known(images=8)
    alike, apart = (reliability_of(one, way) for way in ("left_right", "top_bottom"))
    assert alike.within == pytest.approx((1, 1, 1))
    assert alike.intraclass[0] == pytest.approx(1)
    # Independent curves of 31 rings, some taken by the fit: a correlation of 0.19 each, 8 of them.
    assert abs(apart.within[0]) < 3 * 0.2 / np.sqrt(8)
    assert apart.intraclass[0] < 0.5
    assert apart.specific[1] < 0 < alike.specific[1]
    assert reliability_of(one, "left_right") == alike


def test_reliability_takes_the_smooth_course_and_the_first_rings_away() -> None:
    one = known(images=4)
    f, halves = half_frequencies(64), one.arrays["top_bottom_512"]
    course = np.exp(0.5 * np.log(f) + 0.2 * np.log(f) ** 2 - 0.1 * np.log(f) ** 3)
    course = course * np.where(f < 1.4, 50, 1)  # below ring 2 nothing counts
    bent = other(one, top_bottom_512=halves * course * np.array([[[3.0]], [[1]], [[0.1]], [[7]]]))
    expected = reliability_of(one, "top_bottom")
    assert reliability_of(bent, "top_bottom").within == pytest.approx(expected.within)
    with pytest.raises(ValueError, match="three images"):
        reliability_of(known(images=FEWEST - 1), "left_right")


def rippled(images: int = 3, gamma: float = 2.0) -> Measured:
    """Power laws with rough R, the same in both channels."""
    one = known(images=images, gamma=gamma)
    rough = 0.2 * np.random.default_rng(5).standard_normal((images, 1, 33))
    return other(one, power_512=one.arrays["power_512"] * np.exp(rough))


def test_what_is_carried_to_theta_is_the_mean_of_r_under_each_bump() -> None:
    one = rippled()
    k, modes = one.k(512)[2:], one.modes(512)[2:]
    theta = np.linspace(-4, 4, 401)
    weight = scipy.stats.norm.pdf(theta)
    before, after = [], []
    for power in one.power(512)[:, 2:]:
        x, y = np.log(k), np.log(power)
        course = np.polynomial.Polynomial.fit(x, y, 3)(x)
        at = -0.5 * (course - np.log(one.expected_noise(512)[2:]))
        bumps = scipy.stats.logistic.pdf(theta[:, None], at, 0.5) * modes
        carried = np.log(bumps @ np.exp(y - course) / bumps.sum(axis=1))
        mean = np.average(carried, weights=weight)
        after.append(np.average((carried - mean) ** 2, weights=weight))
        before.append(np.var(y - course))
    expected = np.sqrt(np.mean(after) / np.mean(before))
    assert carried_share(one) == pytest.approx(expected, rel=1e-6)


def published(name: str) -> literature.Published:
    return next(one for one in literature.PUBLISHED if one.name.startswith(name))


def test_published_densities_were_read_in_training_code_or_papers() -> None:
    rules = {rule.key: rule for rule in literature.rules()}
    for one in literature.PUBLISHED:
        assert rules[one.key].verified
        assert "training" in rules[one.key].stage


@pytest.mark.parametrize("side", [512, 1024])
def test_published_densities_are_those_of_draws_as_their_sources_make_them(side: int) -> None:
    # Every source draws a noise fraction sigma (EDM2 a noise level); theta is logit(1 - sigma).
    normal = np.random.default_rng(0).standard_normal(100_000)
    sigma = scipy.special.expit(normal)
    count = (side // 16) ** 2
    flux = np.exp(0.5 + 0.65 * (count - 256) / 3840)
    level = np.exp(-0.4 + normal)  # on data of standard deviation 1 / 2
    drawn = {
        "SD3, no": sigma,
        "SD3, shift": 3 * sigma / (1 + 2 * sigma),
        "Ideogram": scipy.special.expit(1.5 * normal + 0.5 * np.log(side**2 / 512**2)),
        "FLUX.1": flux / (flux + (1 / sigma - 1)),
        "EDM2": level / (level + 0.5),
    }
    assert len(drawn) == len(literature.PUBLISHED)
    for name, fraction in drawn.items():
        theta = scipy.special.logit(1 - fraction)
        mu, std = published(name).at(side)
        # Four standard errors: 4 * 1.5 / sqrt(1e5).
        assert theta.mean() == pytest.approx(mu, abs=0.02)
        assert theta.std() == pytest.approx(std, abs=0.02)


def test_the_distance_is_the_integral_over_the_line() -> None:
    one = known()
    found = crossings_of(one, 512, "modes")
    for choice in (published("SD3, shift"), published("Ideogram")):
        mu, std = choice.at(512)

        def apart(x: float, mu: float = mu, std: float = std) -> float:
            return abs(found.density(np.array([x]))[0] - scipy.stats.norm.pdf(x, mu, std))

        whole, _ = scipy.integrate.quad(apart, -15, 15, limit=400, epsabs=1e-6)
        # Trapezoids of 0.01 with kinks where the densities cross: 1e-5.
        expected = pytest.approx(whole / 2, abs=1e-4)
        assert distance_of(one, 512, "modes", choice) == expected
    far = literature.Published("far", "", 40.0, 0.5, lambda side: 1.0)  # beyond the crossings' grid
    assert distance_of(one, 512, "modes", far) == pytest.approx(1, abs=1e-3)


def test_weighted_densities_are_the_products_by_both_maps() -> None:
    one = rippled()
    found = weighted_of(one)
    p = schedule.logit_normal_pdf(found.t, one.study.mu, one.study.std)
    np.testing.assert_allclose(found.unweighted, p, rtol=1e-9)
    assert found.linear.shape == found.carried.shape == (3, len(found.t))
    for each in (*found.linear, *found.carried):
        # The tails beyond five standard deviations hold 1e-6, trapezoids err by 1e-4.
        assert np.trapezoid(each, found.t) == pytest.approx(1, abs=5e-4)
    k, power = one.k(512)[2:], one.power(512)[0, 2:]
    course = np.polynomial.Polynomial.fit(np.log(k), np.log(power), 3)(np.log(k))
    ratio = np.exp(np.log(power) - course)
    product = p * np.interp(found.t, (k - k[0]) / (k[-1] - k[0]), ratio)
    np.testing.assert_allclose(found.linear[0], product / np.trapezoid(product, found.t), rtol=1e-6)
    at = -0.5 * (course - np.log(one.expected_noise(512)[2:]))
    theta = scipy.special.logit(found.t)
    bumps = scipy.stats.logistic.pdf(theta[:, None], at, 0.5) * one.modes(512)[2:]
    product = p * (bumps @ ratio) / bumps.sum(axis=1)
    np.testing.assert_allclose(
        found.carried[0], product / np.trapezoid(product, found.t), rtol=1e-4
    )
    assert np.abs(found.carried / p - 1).max() < np.abs(found.linear / p - 1).max()
    apart = [np.abs(each - p) for each in (found.linear, found.carried)]
    expected = [0.5 * np.trapezoid(each, found.t).mean() for each in apart]
    assert weighted_distance(one) == pytest.approx(expected, rel=1e-6)


def test_r_of_an_image_is_its_power_over_its_own_smooth_fit() -> None:
    one = rippled()
    ratios = ratios_of(one)
    for power, ratio in zip(one.power(512)[:, 1:], ratios, strict=True):
        x, y = np.log(one.k(512)[1:]), np.log(power)
        course = np.polynomial.Polynomial.fit(x, y, 3)(x)
        np.testing.assert_allclose(np.log(ratio), y - course, atol=1e-9)
