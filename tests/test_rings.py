"""The fast way to ring averages, against numpy's FFT and the half plane's rings."""

import numpy as np
import pytest

from analysis import rings, spectra

SIZES = [(4, 4), (32, 32), (33, 47), (48, 60), (64, 50), (128, 96), (98, 200), (5, 256)]


def by_fft(z: np.ndarray, window: np.ndarray, corners: bool) -> np.ndarray:
    """The definition, with numpy's transform of the half plane."""
    modes = np.fft.rfft2(spectra.remove_mean(z, window))
    power = np.abs(modes) ** 2 / (window.size * np.mean(window**2))
    return rings.rings(*window.shape, corners).average(power)


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("shape", SIZES)
def test_products_give_what_the_fft_gives(shape: tuple[int, int], corners: bool) -> None:
    z = np.random.default_rng(0).standard_normal((3, *shape)) + 2
    window = spectra.window2d(*shape)
    expected = by_fft(z, window, corners)
    found, mean = rings.Products(window, np.float64, corners).average(z)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(mean, np.sum(z * window, axis=(1, 2)) / window.sum())
    low, _ = rings.Products(window, np.float32, corners).average(z.astype(np.float32))
    np.testing.assert_allclose(low[:, 1:], expected[:, 1:], rtol=1e-5, atol=1e-8)


def test_a_large_field_takes_the_same_way() -> None:
    # 512 by 1024: both sides in two steps, rings by segments instead of a matrix.
    z = np.random.default_rng(1).standard_normal((1, 512, 1024)).cumsum(axis=1)
    window = spectra.window2d(512, 1024)
    products = rings.Products(window, np.float64, False)
    assert products.dense is None
    np.testing.assert_allclose(
        products.average(z)[0][:, 1:], by_fft(z, window, False)[:, 1:], rtol=1e-12
    )


@pytest.mark.parametrize("shape", [(6, 263), (263, 6)])
def test_a_long_side_without_divisors_takes_the_fft(shape: tuple[int, int]) -> None:
    assert not rings.suits(*shape)
    z = np.random.default_rng(2).standard_normal((2, *shape))
    expected = by_fft(z, spectra.window2d(*shape), False)
    np.testing.assert_allclose(spectra.raps(z), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shape", [(32, 32), (48, 60), (128, 96)])
@pytest.mark.parametrize("size", [2**8, 2**14, 2**17, 2**24])
def test_blocks_of_any_size_give_the_whole(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], size: int
) -> None:
    z = np.random.default_rng(3).standard_normal((37, *shape))
    expected = by_fft(z, spectra.window2d(*shape), False)
    monkeypatch.setattr(rings, "BLOCK_BYTES", size)
    products = rings.Products(spectra.window2d(*shape), np.float64, False)
    for part in (z, z[:5], z):  # buffers are kept from call to call
        np.testing.assert_allclose(
            products.average(part)[0], expected[: len(part)], rtol=1e-12, atol=1e-14
        )


def test_fields_need_not_be_contiguous() -> None:
    z = np.random.default_rng(4).standard_normal((2, 3, 64, 96))
    for view in (z[:, ::2], z[..., ::-1, ::3], z.swapaxes(-1, -2), z.transpose(1, 0, 2, 3)):
        copied = spectra.raps(view.copy())
        np.testing.assert_allclose(spectra.raps(view), copied, rtol=1e-12, atol=1e-14)
    constant = np.broadcast_to(z[0, 0], (4, 64, 96))
    assert np.ptp(spectra.raps(constant)[:, 1:], axis=0).max() < 1e-12 * z.var() * 64


def test_what_was_given_is_left_alone() -> None:
    z = np.random.default_rng(5).standard_normal((2, 32, 32))
    before = z.copy()
    first = spectra.raps(z)
    kept = first.copy()
    spectra.raps(2 * z)
    np.testing.assert_array_equal(z, before)
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("n", [4, 32, 49, 50, 96, 97, 128, 360, 1024, 1536, 2048])
def test_a_side_is_split_into_an_even_factor_or_not_at_all(n: int) -> None:
    first = rings._first(n)
    assert n % first == 0 and (first == 1 or first % 2 == 0)
    start, second, places = rings._matrices(n, np.float64)
    assert (start is None) == (first == 1)
    # Every |k| has its place once, whatever its sign; padding is never counted.
    assert sorted(places[places >= 0]) == list(range(n // 2 + 1))
    assert rings._mirrors(places, n).sum() == n
    assert second.shape[0] * second.shape[2] == n
