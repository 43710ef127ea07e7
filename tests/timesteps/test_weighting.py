"""The original's strategies, against closed forms."""

import numpy as np
import pytest
from scipy import integrate, stats

from analysis.spectra import periodogram
from analysis.timesteps import weighting

F = np.linspace(1.0, 200.0, 400)


def test_the_deviation_is_from_the_mean_of_the_set() -> None:
    power = np.array([[1.0, 4.0], [3.0, 8.0]])
    np.testing.assert_array_equal(weighting.deviation_from_mean(power), [[-1, -2], [1, 2]])
    many = np.random.default_rng(0).random((5, 30))
    np.testing.assert_allclose(weighting.deviation_from_mean(many).sum(axis=0), 0, atol=1e-13)


def test_the_share_below_a_frequency_counts_magnitudes() -> None:
    deviation = np.array([[-3.0, 1.0, 0.0], [3.0, -1.0, 2.0]])
    k = np.array([1.0, 2.0, 3.0])
    assert weighting.share_below(deviation, k, 1.0) == pytest.approx(0.6)
    assert weighting.share_below(deviation, k, 2.5) == pytest.approx(0.8)
    assert weighting.share_below(deviation, k, 3.0) == 1
    assert weighting.share_below(deviation, k, 0.5) == 0


def test_the_line_share_is_that_of_level_and_slope() -> None:
    # A line a_i + c_i x and a rest, none of which has the others in it, under weights.
    k, w = np.geomspace(2, 64, 40), np.random.default_rng(1).random(40)
    w /= w.sum()
    x = np.log(k) - w @ np.log(k)
    bend = x**2 - w @ x**2 - (w @ x**3) / (w @ x**2) * x
    signs = np.array([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]])
    parts = [0 * x + 1, x / np.sqrt(w @ x**2), bend / np.sqrt(w @ bend**2)]
    logs = sum(
        size * np.outer(sign, part)
        for size, sign, part in zip((2, 1, 2), signs, parts, strict=True)
    )
    power = np.exp(logs + np.cos(k))  # what all images have does not count
    assert weighting.level_share(power, w) == pytest.approx(4 / 9, abs=1e-12)
    assert weighting.line_share(power, k, w) == pytest.approx(5 / 9, abs=1e-12)


def test_the_scatter_of_neighbours_is_1_for_independent_rings_and_0_for_smooth_ones() -> None:
    # 20,000 values: the share is known to sqrt(1 / 20,000), five of them are 3.5 %.
    independent = np.exp(np.random.default_rng(2).standard_normal((20, 1000)))
    assert weighting.neighbour_scatter(independent) == pytest.approx(1, abs=0.035)
    levels = np.exp(np.arange(20.0))[:, None]  # how bright each picture is has no part in it
    assert weighting.neighbour_scatter(levels * independent) == pytest.approx(1, abs=0.035)
    smooth = np.exp(np.sin(np.linspace(0, 6, 1000)) + np.arange(3)[:, None])
    assert weighting.neighbour_scatter(smooth) < 1e-4


def test_the_ratio_to_its_own_law_is_1() -> None:
    power = 10**3 * F ** (-2 - 0.1 * np.log10(F))
    np.testing.assert_allclose(weighting.ratio_to_fit(F, power, 2), 1, rtol=1e-9)
    bumped = power * (1 + 0.5 * (F[200] == F))
    ratio = weighting.ratio_to_fit(F, bumped, 2)
    assert ratio.argmax() == 200
    # The bump pulls the fit by its leverage, some 3 / 400 of ln 1.5.
    assert ratio[200] == pytest.approx(1.5, rel=0.01)


def test_the_mean_correlation_is_over_pairs() -> None:
    logs = np.random.default_rng(5).standard_normal((3, 30))
    pairs = [stats.pearsonr(logs[i], logs[j]).statistic for i, j in ((0, 1), (0, 2), (1, 2))]
    assert weighting.mean_correlation(np.exp(logs)) == pytest.approx(np.mean(pairs), abs=1e-12)


def test_the_linear_map_takes_the_band_to_the_unit_interval() -> None:
    np.testing.assert_allclose(weighting.linear_time(np.array([2.0, 3.0, 6.0])), [0, 0.25, 1])


@pytest.mark.parametrize(("mu", "std"), [(0.0, 1.0), (-0.7, 0.5)])
def test_the_weighted_density_integrates_to_1(mu: float, std: float) -> None:
    ratio = np.exp(0.3 * np.sin(F))
    t, density, weighted = weighting.weighted_density(F, ratio, mu, std)
    assert np.trapezoid(weighted, t) == pytest.approx(1, abs=1e-12)
    assert integrate.trapezoid(density, t) == pytest.approx(
        1, abs=1e-3
    )  # 400 points of a smooth bell
    theta = np.log(t[1:-1] / (1 - t[1:-1]))
    np.testing.assert_allclose(
        density[1:-1], stats.norm(mu, std).pdf(theta) / (t[1:-1] * (1 - t[1:-1])), rtol=1e-10
    )
    shape = weighted[1:-1] / (density * ratio)[1:-1]
    np.testing.assert_allclose(shape, shape[0], rtol=1e-10)


def test_one_image_has_no_set_to_compare_with() -> None:
    with pytest.raises(ValueError, match="at least two"):
        weighting.deviation_from_mean(np.ones((1, 5)))
    with pytest.raises(ValueError, match="I, R"):
        weighting.deviation_from_mean(np.ones(5))
    with pytest.raises(ValueError, match="at least two"):
        weighting.mean_correlation(np.ones((1, 5)))


# Is R specific to an image? -------------------------------------------------------------------


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_halves_of_the_picture_are_those_of_its_parts() -> None:
    z = rng().standard_normal((3, 32, 48))
    halves = weighting.halves(z)
    left = periodogram.raps(z[:, :, :24], "kaiser", 2 * np.pi).mean(axis=0)[1:]
    bottom = periodogram.raps(z[:, 16:], "kaiser", 2 * np.pi).mean(axis=0)[1:]
    np.testing.assert_array_equal(halves["left_right"][0], left)
    np.testing.assert_array_equal(halves["top_bottom"][1], bottom)
    square = weighting.halves(rng().standard_normal((1, 32, 32)))
    for halved in square.values():
        assert halved.shape == (2, len(weighting.half_frequencies(32)))


def planted(shared: float, own: float, noise: float, images: int = 200, rings: int = 400):
    """ln R [I, 2, R] with known standard deviations of its three parts."""
    r = rng(7)
    m = shared * r.standard_normal(rings)
    a = own * r.standard_normal((images, 1, rings))
    return m + a + noise * r.standard_normal((images, 2, rings))


@pytest.mark.parametrize(
    ("shared", "own", "noise"), [(0, 0, 1), (1, 0, 1), (0, 1, 1), (1, 2, 0.5), (0.7, 0.5, 1.5)]
)
def test_planted_variances_are_found(shared: float, own: float, noise: float) -> None:
    found = weighting.reliability(planted(shared, own, noise))
    # 80000 values, 400 of the shared curve: its variance is known to sqrt(2 / 400) = 7 %.
    total = shared**2 + own**2 + noise**2
    assert found.within[0] == pytest.approx((shared**2 + own**2) / total, abs=0.06)
    assert found.between[0] == pytest.approx(shared**2 / total, abs=0.06)
    assert found.specific[0] == pytest.approx(own**2 / (own**2 + noise**2), abs=0.02)
    assert found.intraclass[0] == pytest.approx(own**2 / (own**2 + noise**2), abs=0.02)
    both = shared**2 + own**2 + noise**2 / 2
    np.testing.assert_allclose(
        found.shares, [shared**2 / both, own**2 / both, noise**2 / 2 / both], atol=0.06
    )
    assert sum(found.shares) == pytest.approx(1, abs=1e-12)
    assert found.full[0] == pytest.approx(2 * found.within[0] / (1 + found.within[0]))
    for value, low, high in (found.within, found.full, found.between, found.specific):
        assert low <= value <= high


def test_opposite_halves_have_no_reliability() -> None:
    one = rng().standard_normal((4, 1, 3))
    found = weighting.reliability(np.concatenate([one, -0.5 * one], axis=1))
    assert found.within[0] == pytest.approx(-1)
    assert found.full[0] < -1e6


def test_the_intraclass_correlation_is_the_textbook_one() -> None:
    # One frequency's ICC(1) by scipy's one-way analysis of variance: F gives (F - 1) / (F + 1).
    logs = planted(0, 1, 1, images=12, rings=30)
    logs -= logs.mean(axis=2, keepdims=True)
    between, within = [], []
    for f in range(30):
        groups = logs[:, :, f]
        within.append(np.mean(groups.var(axis=1, ddof=1)))
        between.append(stats.f_oneway(*groups).statistic * within[-1])
    expected = (np.mean(between) - np.mean(within)) / (np.mean(between) + np.mean(within))
    found = weighting.reliability(logs)
    assert found.intraclass[0] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("shape", [(2, 2, 5), (4, 3, 5), (4, 5)])
def test_what_has_no_halves_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="three images"):
        weighting.reliability(np.ones(shape))
