"""Ring averages and their covariance, against sums that loop over rings on the whole plane."""

import numpy as np
import pytest

from analysis.spectra import rings, windows

SIZES = [(4, 4), (32, 32), (33, 47), (48, 60), (64, 50), (5, 256), (96, 160)]
WINDOWS = [("none", 0.0), ("kaiser", 2.0), ("kaiser", 2 * np.pi), ("hann", 0.0)]


def ring_weights(height: int, width: int, corners: bool) -> np.ndarray:
    """The share of every mode of the whole plane in every ring, ``[R, h, w]``."""
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)) * min(height, width)
    last = np.ceil(radius.max() - 1e-9) if corners else min(height, width) // 2
    ring = np.arange(last + 1)[:, None, None]
    return np.clip(1 - np.abs(radius - ring), 0, None) * (radius <= last + 1e-9)


@pytest.mark.parametrize("dense", [0, 2**30])
@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("shape", SIZES)
def test_the_average_is_the_sum_over_the_whole_plane(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], corners: bool, dense: int
) -> None:
    # Both ways of summing, by a matrix and by segments, at every size.
    monkeypatch.setattr(rings, "DENSE", dense)
    operator = rings.rings.__wrapped__(*shape, corners)  # a new one: it keeps its matrix
    assert bool(operator._double) == (dense > 0)
    whole = np.abs(np.fft.fft2(np.random.default_rng(0).standard_normal((2, 3, *shape)))) ** 2
    weights = ring_weights(*shape, corners)
    expected = np.einsum("...ij,rij->...r", whole, weights) / weights.sum(axis=(1, 2))
    half = whole[..., : shape[1] // 2 + 1]
    before = half.copy()
    np.testing.assert_allclose(operator.modes, weights.sum(axis=(1, 2)), rtol=1e-10)
    np.testing.assert_allclose(operator.average(half), expected, rtol=1e-10)
    # float32: sums of up to 8,000 positive terms, each rounded to 6e-8.
    low = operator.average(half.astype(np.float32))
    assert low.dtype == np.float64
    np.testing.assert_allclose(low, expected, rtol=3e-6)
    # The frequency of a ring is its modes' mean, on both axes.
    h, w = shape
    radius = np.hypot(np.fft.fftfreq(h)[:, None], np.fft.fftfreq(w)) * min(shape)
    k = np.einsum("ij,rij->r", radius, weights) / weights.sum(axis=(1, 2))
    np.testing.assert_allclose(operator.cycles_per_image, k, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(operator.cycles_per_pixel * min(shape), k, rtol=1e-10, atol=1e-12)
    # `average_squares` takes the modes themselves, and writes over them.
    modes = np.fft.rfft2(np.random.default_rng(0).standard_normal((2, 3, *shape)))
    np.testing.assert_allclose(operator.average_squares(modes), expected, rtol=1e-10)
    single = np.fft.rfft2(np.random.default_rng(0).standard_normal((2, 3, *shape)))
    np.testing.assert_allclose(
        operator.average_squares(single.astype(np.complex64)), expected, rtol=3e-6
    )
    np.testing.assert_array_equal(half, before)


@pytest.mark.parametrize("corners", [False, True])
def test_no_half_of_the_plane_lacks_rings(corners: bool) -> None:
    # The second matrix starts at the first ring that its rows reach: there has to be one.
    for h in (4, 5, 6, 7, 13, 40):
        for w in (4, 5, 6, 7, 13, 40):
            operator = rings.rings(h, w, corners)
            flat = operator.average(np.ones((h, w // 2 + 1)))
            np.testing.assert_allclose(flat, 1.0, rtol=1e-12)
            assert all(matrix.any(axis=1).any() for _, _, matrix in operator._double)


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("shape", [(16, 16), (24, 40), (33, 27)])
def test_the_covariance_is_a_convolution_of_the_rings(
    shape: tuple[int, int], window: tuple[str, float], corners: bool
) -> None:
    # Modes k and q have cov(P(k), P(q)) = S^2 C(k - q), and the same at k + q. The weights are
    # even, so the double sum is twice one with the weights' circular convolution with C.
    w = windows.window2d(*shape, *window)
    weights = ring_weights(*shape, corners)
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    kernel = np.abs(np.fft.fft2(w**2)) ** 2 / np.sum(w**2) ** 2
    smooth = np.fft.ifft2(np.fft.fft2(weights) * np.fft.fft2(kernel)).real
    expected = 2 * np.einsum("aij,bij->ab", weights, smooth)
    found = rings.ring_covariance(w, corners)
    # A sum in another order: a few roundings of double precision.
    np.testing.assert_allclose(found, found.T, rtol=1e-15)
    # Differences with C below 1e-5 are left out, at most a few hundred of them: 0.3 % of a ring's
    # variance, which is above 1 / modes.
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    np.testing.assert_allclose(found / scale, expected / scale, atol=3e-3)
    np.testing.assert_allclose(np.diag(found), np.diag(expected), rtol=3e-3)
