"""Errors by frequency: cosine transform, Wiener in closed form, and the shift of 2."""

import numpy as np
import pytest
from scipy import fft

from analysis.spectra import lowpass
from analysis.timesteps import band_error, noise
from analysis.timesteps.band_error import errors, gaussian_error, in_bands, log_shift, wiener

BANDS = ((2, 4), (4, 8), (8, 16))
THETA = np.log(2) / 2 * np.arange(-10, 7)
N, SMALL, CHANNELS = 32, 16, 3


def fields(count: int, *names: str) -> np.ndarray:
    """Gaussian fields whose channels depend on each other, of a steep spectrum."""
    rng = noise.generator(0, *names)
    i = np.arange(N)
    amplitude = 8 / np.sqrt(1 + i[:, None] ** 2 + i**2)
    mix = noise.generator(0, "mix").standard_normal((CHANNELS, CHANNELS))
    modes = amplitude * np.einsum(
        "ij,njxy->nixy", mix, rng.standard_normal((count, CHANNELS, N, N))
    )
    return np.asarray(fft.idctn(modes, axes=(-2, -1), norm="ortho"))


def covariance(side: int) -> np.ndarray:
    """Of the channels in each ring, exactly, of `fields` or of their low-pass."""
    mix = noise.generator(0, "mix").standard_normal((CHANNELS, CHANNELS))
    i = np.arange(side)
    radius, power = np.hypot(i[:, None], i), 64 / (1 + i[:, None] ** 2 + i**2) * (side / N) ** 2
    means = np.array([power[np.floor(radius) == r].mean() for r in range(side)])
    return means[:, None, None] * (mix @ mix.T)


def relative(found: np.ndarray, z: np.ndarray) -> np.ndarray:
    return in_bands(found.sum(axis=1), BANDS) / in_bands(
        band_error.ring_power(z, SMALL).sum(axis=0), BANDS
    )


def test_the_low_pass_is_a_choice_of_modes() -> None:
    z = fields(2, "choice")
    assert np.allclose(band_error.shrunk(z, SMALL), lowpass.crop(z, SMALL), atol=1e-12)
    spectrum = fft.dctn(z, axes=(-2, -1), norm="ortho")
    i = np.arange(N)
    third = np.floor(np.hypot(i[:, None], i)) == 3
    power = band_error.ring_power(z, SMALL)
    assert np.allclose(power[:, 3], (spectrum[..., third] ** 2).sum(axis=(1, 2)))
    assert band_error.modes(SMALL)[3] == third.sum()
    # Amplitudes stay, so that a mode has a quarter of its power; noise keeps its own.
    assert np.allclose(power / 4, band_error.ring_power(band_error.shrunk(z, SMALL), SMALL))
    assert np.allclose(power, band_error.ring_power(band_error.shrunk_noise(z, SMALL), SMALL))


def test_the_measuring_code_finds_the_optimum_of_gaussian_fields() -> None:
    z = fields(300, "data")
    eps = noise.generator(0, "noise").standard_normal(z.shape)
    found = relative(errors(wiener(covariance(N)), z, eps, THETA, SMALL), z)
    error, power = gaussian_error(np.linalg.eigvalsh(covariance(N)[:SMALL]), THETA)
    modes = band_error.modes(SMALL)
    expected = in_bands(error * modes, BANDS) / in_bands(power * modes, BANDS)
    # 9, 38 and 150 modes of three channels in 300 fields, of which one channel has most power, so
    # that a sum scatters by sqrt(2 / (300 modes)), 2.7, 1.3 and 0.7 %: five of them. A ring's modes
    # are filtered alike though their powers fall by 1 / r across it, which costs the lowest 1 %.
    assert np.all(np.abs(found / expected - 1) < (0.14, 0.07, 0.035))
    # Where nothing is known and where everything is.
    assert np.all(expected[0] < 1) and np.all(np.diff(expected, axis=0) < 0)


def test_the_shift_from_a_low_pass_is_two_and_from_other_powers_their_root() -> None:
    z = fields(60, "shift")
    eps = noise.generator(1, "noise").standard_normal(z.shape)
    cropped, its_noise = band_error.shrunk(z, SMALL), band_error.shrunk_noise(eps, SMALL)
    high = relative(errors(wiener(covariance(N)), z, eps, THETA, SMALL), z)
    low = relative(errors(wiener(covariance(SMALL)), cropped, its_noise, THETA, SMALL), cropped)
    # The same modes under the same noise: nothing is left to chance. Levels are read from the same
    # places of both curves, since a doubling is two steps of theta.
    assert np.exp(log_shift(THETA, high, low)) == pytest.approx([2, 2, 2], rel=1e-6)
    # Twice the power: the root of two, which is one step.
    louder = np.sqrt(2) * cropped
    other = relative(errors(wiener(2 * covariance(SMALL)), louder, its_noise, THETA, SMALL), louder)
    assert np.exp(log_shift(THETA, other, low)) == pytest.approx([np.sqrt(2)] * 3, rel=1e-6)
    assert np.exp(log_shift(THETA, high, other)) == pytest.approx([np.sqrt(2)] * 3, rel=1e-6)
    # Noise whose modes are not brought to unit variance would be told.
    fainter = relative(
        errors(wiener(covariance(SMALL)), cropped, its_noise / 2, THETA, SMALL), cropped
    )
    assert np.all(np.abs(np.exp(log_shift(THETA, high, fainter)) - 2) > 0.2)


def test_a_shift_between_the_steps_is_found_and_a_missing_level_is_nan() -> None:
    def curve(power: float) -> np.ndarray:
        return 1 / (1 + power * np.exp(2 * THETA))

    # The logit of one Gaussian mode's error is a line in theta: interpolation is exact.
    assert log_shift(THETA, curve(3.0), curve(1.3)) == pytest.approx(np.log(3 / 1.3) / 2, rel=1e-9)
    mixed = (curve(30.0) + curve(0.3)) / 2, (curve(90.0) + curve(0.9)) / 2
    # Of a mixture it is not, but nearly so within a step of half a doubling.
    assert log_shift(THETA, mixed[1], mixed[0]) == pytest.approx(np.log(3) / 2, rel=5e-3)
    assert np.isnan(log_shift(THETA, curve(3.0), curve(1e-3)))
