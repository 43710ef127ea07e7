"""Intervals: Student's quantile against scipy's, and how often intervals hold the truth."""

import numpy as np
import pytest
from scipy import stats

from analysis.spectra import intervals
from analysis.timesteps import weighting


@pytest.mark.parametrize("confidence", [0.01, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999])
def test_the_quantile_is_scipys(confidence: float) -> None:
    freedom = [*range(1, 120), 1000, 1001, 20_000]
    found = [intervals.t_quantile(confidence, one) for one in freedom]
    expected = stats.t.isf((1 - confidence) / 2, freedom)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize(("confidence", "freedom"), [(0.0, 3), (1.0, 3), (0.95, 0)])
def test_what_has_no_quantile_is_refused(confidence: float, freedom: int) -> None:
    with pytest.raises(ValueError, match="no quantile"):
        intervals.t_quantile(confidence, freedom)


def test_students_interval_is_scipys() -> None:
    samples = np.random.default_rng(1).standard_normal((7, 4, 3))
    ends = intervals.student(samples, 0.9)
    expected = stats.t.interval(0.9, 6, samples.mean(axis=0), stats.sem(samples, axis=0))
    np.testing.assert_allclose(ends, expected, rtol=1e-12)


@pytest.mark.parametrize("images", [1, 2])
def test_below_three_photographs_there_is_none(images: int) -> None:
    draws = np.random.default_rng(2).standard_normal((images, 5))
    for ends in intervals.student(draws, 0.95):
        assert ends.shape == (5,)
        assert np.isnan(ends).all()
    assert np.isnan(intervals.crossed(draws, 0.95)).all()
    assert np.isnan(intervals.jackknife(np.zeros(5), draws, 0.95)).all()


def test_the_jackknife_of_a_mean_is_students_interval() -> None:
    samples = np.random.default_rng(3).standard_normal((7, 4))
    without = (samples.sum(axis=0) - samples) / 6
    found = intervals.jackknife(samples.mean(axis=0), without, 0.9)
    np.testing.assert_allclose(found.T, intervals.student(samples, 0.9), rtol=1e-12)


def test_the_jackknife_is_about_the_value_corrected_for_its_bias() -> None:
    # The square of a mean is too large by the variance of the mean, which the correction takes off.
    samples = np.random.default_rng(3).standard_normal((7, 4))
    without = ((samples.sum(axis=0) - samples) / 6) ** 2
    ends = intervals.jackknife(samples.mean(axis=0) ** 2, without, 0.9)
    expected = samples.mean(axis=0) ** 2 - samples.var(axis=0, ddof=1) / 7
    np.testing.assert_allclose(ends.mean(axis=-1), expected, rtol=1e-10)


def test_the_crossed_interval_is_little_wider_than_it_need_be_for_independent_values() -> None:
    # Neither photographs nor channels scatter besides: all 1,600 values are independent, and the
    # mean's error is known. The largest of three mean squares is 1.2 times their expectation.
    rng, widths = np.random.default_rng(5), []
    for _ in range(100):
        low, high = intervals.crossed(rng.standard_normal((40, 40)), 0.95)
        widths.append((high - low) / 2)
    assert np.mean(widths) * 40 / 1.96 == pytest.approx(1.1, abs=0.1)


def test_fewer_degrees_of_freedom_widen_the_jackknife() -> None:
    without = np.random.default_rng(5).standard_normal((9, 1))
    value = without.mean(axis=0)

    def half(freedom: float) -> float:
        low, high = intervals.jackknife(value, without, 0.95, freedom)[0]
        return float(high - low)

    for freedom in (1.0, 2.0, 5.0, 8.0):
        expected = stats.t.isf(0.025, freedom) / stats.t.isf(0.025, 8)
        assert half(freedom) / half(8) == pytest.approx(expected, rel=1e-10)
    # Between whole numbers: scipy's t of any freedom, to what a straight line in its inverse makes.
    assert half(3.4) / half(8) == pytest.approx(
        stats.t.isf(0.025, 3.4) / stats.t.isf(0.025, 8), rel=0.01
    )
    assert half(0.1) == half(1)
    assert half(100) == half(8), "photographs are no more than there are"


def test_a_pool_is_worth_as_many_as_share_it() -> None:
    assert intervals.worth(np.full(7, 0.3)) == pytest.approx(7)
    assert intervals.worth(np.array([1, 1, 1, 0, 0])) == pytest.approx(3)
    assert 1 < intervals.worth(np.array([100, 1, 1])) < 1.1


def test_the_crossed_interval_is_students_where_one_kind_alone_scatters() -> None:
    images = np.random.default_rng(4).standard_normal((9, 1))
    found = intervals.crossed(images + np.zeros(5), 0.9)
    np.testing.assert_allclose(found, np.ravel(intervals.student(images, 0.9)), rtol=1e-12)
    channels = intervals.crossed((images + np.zeros(5)).T, 0.9)
    np.testing.assert_allclose(channels, found, rtol=1e-12)
    # Two channels are all there are.
    np.testing.assert_allclose(intervals.crossed(images + np.zeros(2), 0.9), found, rtol=1e-12)


# How often intervals hold the truth ---------------------------------------------------------------

COUNTS = [3, 5, 12, 40]
"""Photographs; an interval is a promise, for as few of them as people have."""


def held(ends: np.ndarray, truth: float) -> float:
    """Share of the intervals ``[2, N]`` that hold the truth."""
    return float(np.mean((ends[0] <= truth) & (truth <= ends[1])))


@pytest.mark.parametrize("images", COUNTS)
def test_students_intervals_hold_the_truth(images: int) -> None:
    """4,000 sets of normally distributed ln s, whose truth is zero.

    A percentile bootstrap, which takes three photographs for all there are, holds it in 0.74 at
    three, 0.83 at five and 0.91 at twelve; on the latents of taef2, sets drawn from 38
    photographs, in 0.74, 0.82 and 0.89.
    """
    samples = np.random.default_rng(images).standard_normal((images, 4000))
    # Three standard errors of a share of 4,000 are 0.01.
    assert held(np.array(intervals.student(samples, 0.95)), 0) == pytest.approx(0.95, abs=0.011)


@pytest.mark.parametrize("scatter", [(0.2, 0.2, 0.1), (0.2, 0.02, 0.1), (0.02, 0.2, 0.1)])
@pytest.mark.parametrize("images", COUNTS)
def test_crossed_intervals_hold_the_truth(images: int, scatter: tuple[float, float, float]) -> None:
    rng, found = np.random.default_rng(images), []
    for _ in range(2000):
        samples = (
            scatter[0] * rng.standard_normal((images, 1)) + scatter[1] * rng.standard_normal(16)
            + scatter[2] * rng.standard_normal((images, 16))
        )  # fmt: skip
        found.append(intervals.crossed(samples, 0.95))
    # Satterthwaite's freedom is itself estimated; three standard errors are 0.015.
    assert held(np.transpose(found), 0) == pytest.approx(0.95, abs=0.025)


@pytest.mark.parametrize("images", COUNTS)
def test_the_reliabilitys_jackknives_hold_the_truth(images: int) -> None:
    rng, found = np.random.default_rng(images), []
    for _ in range(300):
        own = rng.standard_normal((images, 1, 60))
        agreement = weighting.reliability(own + rng.standard_normal((images, 2, 60)))
        found.append([agreement.within, agreement.specific, agreement.intraclass])
    # Halves share half of their variance. Three standard errors of a share of 300 are 0.04.
    for triples in np.transpose(found, (1, 2, 0)):
        assert held(triples[1:], 0.5) == pytest.approx(0.95, abs=0.045)
