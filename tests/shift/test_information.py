"""Cross-spectra and the information-matched shift, against scipy and fields of known spectra."""

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.signal
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from analysis.shift import information
from analysis.spectra import (
    cross_spectra,
)
from analysis.spectra.bands import Bands

BANDS = Bands(first_ring=2, low=0.25, middle=0.5, high=1.0)
KAISER = ("kaiser", 2 * np.pi)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def some_bins(modes: tuple[float, ...] = (30.0, 80.0, 200.0)) -> cross_spectra.Bins:
    count = len(modes)
    edges = np.stack([np.arange(count), np.arange(count) + 1], axis=1) + 2
    return cross_spectra.Bins(edges, edges[:, 0] + 0.0, np.array(modes), ("low",) * count)


def some_matrices(images: int, bins: int, channels: int, seed: int) -> np.ndarray:
    """Positive definite [I, B, C, C] whose powers span some decades."""
    x = rng(seed).standard_normal((images, bins, channels, 3 * channels))
    x *= np.geomspace(3, 0.1, channels)[:, None]
    return x @ x.swapaxes(-1, -2) / (3 * channels)


# Information ---------------------------------------------------------------------------------


def test_information_is_that_of_gaussian_channels() -> None:
    # 1/2 ln det(1 + SNR) by numpy's determinant, and its derivative by scipy.
    matrices, modes = some_matrices(1, 3, 4, 6)[0], np.array([5.0, 7.0, 11.0])
    values = np.linalg.eigvalsh(matrices)
    for theta in (-3.0, 0.2, 4.0):
        signs, logs = np.linalg.slogdet(np.eye(4) + np.exp(2 * theta) * matrices)
        assert np.all(signs == 1)
        found = information.information(values, modes, np.array(theta))
        assert found == pytest.approx(0.5 * modes @ logs, rel=1e-12)
    rate = lambda theta: float(information.information_rate(values, modes, theta))  # noqa: E731
    gain = information.information(values, modes, np.array([-2.0, 3.0]))
    assert scipy.integrate.quad(rate, -2, 3)[0] == pytest.approx(gain[1] - gain[0], rel=1e-9)


@given(st.floats(0, 12), st.integers(0, 1000))
def test_quantiles_are_where_the_rate_is_a_share(decades: float, seed: int) -> None:
    values = 10 ** rng(seed).uniform(-decades, decades, (3, 5))
    modes = rng(seed + 1).uniform(1, 100, 3)
    theta = information.quantiles(values, modes)
    found = information.information_rate(values, modes, theta) / (5 * modes.sum())
    np.testing.assert_allclose(found, information.QUANTILES, atol=1e-6)


def test_general_shifts_are_scipys_generalised_eigenvalues() -> None:
    low, high = some_matrices(2, 1, 5, 7)[:, 0]
    values, vectors = information.general_shifts(low, high)
    np.testing.assert_allclose(values**2, scipy.linalg.eigh(high, low)[0][::-1], rtol=1e-10)
    np.testing.assert_allclose(vectors.T @ low @ vectors, np.eye(5), atol=1e-10)
    np.testing.assert_allclose(vectors.T @ high @ vectors, np.diag(values**2), atol=1e-8)


def test_principal_directions_keep_the_power_and_its_order() -> None:
    low, high = some_matrices(2, 3, 5, 8)
    first, second = information.principal_powers(low, high)
    for matrices, powers in ((low, first), (high, second)):
        np.testing.assert_allclose(powers.sum(-1), np.trace(matrices, axis1=1, axis2=2), rtol=1e-12)
    joint = first / first.sum(-1)[:, None] + second / second.sum(-1)[:, None]
    assert np.all(np.diff(joint) <= 0)


# The measurement -----------------------------------------------------------------------------


@given(st.floats(0.2, 5))
def test_a_common_factor_is_the_shift_of_every_kind(s: float) -> None:
    low = some_matrices(5, 3, 4, 9)
    found = information.measure(low, s**2 * low, some_bins())
    for estimate in (found.matched, *found.limits.values()):
        np.testing.assert_allclose([estimate.value, estimate.low, estimate.high], s, rtol=1e-8)
    for array in (found.curve, found.principal, found.general):
        np.testing.assert_allclose(array, s, rtol=1e-6)
    assert found.misfit(s) < 1e-9
    assert found.misfit(2 * s) > 0.05
    assert found.share.sum() == pytest.approx(1)


# Intervals -----------------------------------------------------------------------------------


def test_limits_are_traces_determinants_and_inverses() -> None:
    low, high, bins = some_matrices(6, 3, 4, 10), 2 * some_matrices(6, 3, 4, 11), some_bins()
    found = information.measure(low, high, bins)
    first, second = low.mean(axis=0), high.mean(axis=0)
    power = [bins.modes @ np.trace(m, axis1=1, axis2=2) for m in (first, second)]
    weak = [bins.modes @ np.trace(np.linalg.inv(m), axis1=1, axis2=2) for m in (first, second)]
    log_det = bins.modes @ np.linalg.slogdet(np.linalg.solve(first, second))[1]
    assert found.limits["trace"].value ** 2 == pytest.approx(power[1] / power[0])
    assert found.limits["inverse"].value ** 2 == pytest.approx(weak[0] / weak[1])
    expected = np.exp(log_det / (2 * 4 * bins.modes.sum()))
    assert found.limits["determinant"].value == pytest.approx(expected)
    assert np.exp(np.log(found.general).mean()) == pytest.approx(expected)


def test_each_direction_has_its_own_shift_whatever_the_basis() -> None:
    factors, powers = np.array([4.0, 1.0, 9.0]), np.array([30.0, 3.0, 0.3])
    levels = np.exp(rng(14).standard_normal((5, 3, 1, 1)))
    q = scipy.stats.ortho_group.rvs(3, random_state=2)
    mix = rng(15).standard_normal((3, 3)) + 2 * np.eye(3)
    plain, turned, mixed = (
        information.measure(
            levels * (b * powers @ b.T), levels * (b * (powers * factors) @ b.T), some_bins()
        )
        for b in (np.eye(3), q, mix)
    )
    for found in (plain, turned):
        np.testing.assert_allclose(found.principal[:, 0], [2, 1, 3], rtol=1e-9)
        np.testing.assert_allclose(found.general, [3, 2, 1], rtol=1e-9)
    for name in ("curve", "share", "low", "high"):
        np.testing.assert_allclose(getattr(turned, name), getattr(plain, name), rtol=1e-9)
    # Of all numbers these two alone are those of any invertible mix.
    np.testing.assert_allclose(mixed.general, plain.general, rtol=1e-9)
    assert mixed.limits["determinant"].value == pytest.approx(6 ** (1 / 3), rel=1e-9)
    assert abs(mixed.matched.value / plain.matched.value - 1) > 1e-3


@pytest.mark.parametrize(
    ("images", "channels", "message"),
    [(3, 4, "4 photographs"), (6, 40, "singular")],
)
def test_too_few_photographs_or_modes_are_refused(images: int, channels: int, message: str) -> None:
    x = rng(17).standard_normal((images, 3, channels, 5))
    with pytest.raises(ValueError, match=message):
        information.measure(x @ x.swapaxes(2, 3), x @ x.swapaxes(2, 3), some_bins())


def test_matrices_must_fit_the_bins() -> None:
    low = some_matrices(4, 2, 3, 18)
    with pytest.raises(ValueError, match="3 bins"):
        information.measure(low, low, some_bins())
