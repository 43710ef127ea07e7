"""Noise, blend, and the two experiments. Bounds of random quantities are five standard errors."""

import io

import numpy as np
import pytest
from scipy.io import wavfile

from analysis.spectra.periodogram import raps
from analysis.spectra.rings import rings
from analysis.timesteps import noise


def test_blend_is_linear_and_t_1_is_data() -> None:
    rng = np.random.default_rng(0)
    z, eps = rng.standard_normal((2, 3, 8, 8))
    np.testing.assert_array_equal(noise.blend(z, eps, 1.0), z)
    np.testing.assert_array_equal(noise.blend(z, eps, 0.0), eps)
    np.testing.assert_allclose(noise.blend(z, eps, 0.25), 0.25 * z + 0.75 * eps, atol=1e-15)
    assert noise.blend(z.astype(np.float32), eps, 0.3).dtype == np.float32


def test_blend_refuses_t_out_of_range_and_broadcasts_nothing() -> None:
    for t in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="t must"):
            noise.blend(np.ones(2), np.ones(2), t)
    with pytest.raises(ValueError, match="shape"):
        noise.blend(np.ones((2, 3)), np.ones(3), 0.5)


def scatter(z: np.ndarray, window: tuple[str, float], t: float, draws: int = 400) -> np.ndarray:
    """Standard deviation of what a blend's rings have besides t^2 P + (1-t)^2 N, over draws."""
    power, found = raps(z, *window), []
    for seed in range(draws):
        eps = np.random.default_rng([7, seed]).standard_normal(z.shape)
        both = t**2 * power + (1 - t) ** 2 * raps(eps, *window)
        found.append((raps(noise.blend(z, eps, t), *window) - both).mean(axis=0))
    return np.std(found, axis=0)


def test_the_scatter_of_a_blend_is_that_of_one_wave() -> None:
    # All the power of ring 5 in one mode and its mirror: nothing scatters more.
    wave = np.cos(2 * np.pi * 5 * np.arange(32) / 32) * np.ones((2, 32, 1))
    modes = rings(32, 32).modes
    said = noise.blend_scatter(raps(wave, "none").mean(axis=0), modes, 0.3, ("none", 0.0), 2)
    found = scatter(wave, ("none", 0.0), 0.3)
    assert abs(found[5] / said[5] - 1) < 5 / np.sqrt(2 * 400)


@pytest.mark.parametrize("slope", [0, 3])
@pytest.mark.parametrize("shape", ["everywhere", "stripes", "a spot"])
@pytest.mark.parametrize("window", [("none", 0.0), ("kaiser", 2 * np.pi), ("hann", 0.0)])
def test_no_blend_scatters_more_than_it_may(
    slope: float, shape: str, window: tuple[str, float]
) -> None:
    n, rng = 32, np.random.default_rng(1)
    k = np.hypot(np.fft.fftfreq(n, 1 / n)[:, None], np.fft.fftfreq(n, 1 / n))
    modes = np.fft.fft2(rng.standard_normal((3, n, n))) * np.maximum(k, 1) ** (-slope / 2)
    if shape == "stripes":
        modes[:, 1:] = 0
    z = np.fft.ifft2(modes).real
    if shape == "a spot":
        z *= np.exp(-(np.hypot(*np.mgrid[-16:16, -16:16]) ** 2) / 8)
    power, expected = raps(z, *window).mean(axis=0), rings(n, n).modes
    said = noise.blend_scatter(power, expected, 0.5, window, 3)
    ratio = scatter(z, window, 0.5)[3:] / said[3:]
    assert ratio.max() < 1 + 5 / np.sqrt(2 * 400)
    assert ratio.mean() > 0.2  # and it is not much more than they do


def test_a_generator_is_the_same_everywhere() -> None:
    # PCG64 and SHA-256 are fixed by their definitions, so these numbers are too, on any machine.
    found = noise.generator(7, "noise", "kite", 512).integers(2**32, size=3)
    np.testing.assert_array_equal(found, [416566978, 4132353523, 1505661347])


def test_streams_of_different_things_are_independent() -> None:
    names = [(0, "a"), (1, "a"), (0, "b"), (0, "a", "b"), (0, "ab"), (0, "b", "a"), (0, "a", 512)]
    draws = np.array([noise.generator(*name).standard_normal(20_000) for name in names])
    correlation = np.corrcoef(draws) - np.eye(len(names))
    assert np.max(np.abs(correlation)) < 5 / np.sqrt(20_000)


def test_gaussian_is_standard_float32() -> None:
    eps = noise.gaussian((4, 100, 100), noise.generator(0, "g"))
    assert eps.dtype == np.float32
    assert eps.shape == (4, 100, 100)
    assert abs(eps.mean()) < 5 / np.sqrt(eps.size)
    assert abs(eps.var() - 1) < 5 * np.sqrt(2 / eps.size)


def test_seen_from_afar_is_the_mean_of_each_cell() -> None:
    field = np.arange(36.0).reshape(6, 6)
    np.testing.assert_allclose(noise.seen_from_afar(field, 3)[1, 2], field[2:4, 4:6].mean())
    np.testing.assert_array_equal(noise.seen_from_afar(field, 6), field)
    np.testing.assert_allclose(noise.seen_from_afar(field, 1), [[field.mean()]])


@pytest.mark.parametrize(
    ("shape", "cells"), [((6, 6), 4), ((6, 6), 0), ((6, 8), 2), ((2, 6, 6), 2)]
)
def test_seen_from_afar_refuses_what_does_not_divide(shape: tuple[int, ...], cells: int) -> None:
    with pytest.raises(ValueError, match="multiple"):
        noise.seen_from_afar(np.zeros(shape), cells)


def test_a_wav_is_read_back_by_scipy() -> None:
    samples = np.sin(np.linspace(0, 60, 4000))
    rate, back = wavfile.read(io.BytesIO(noise.Sound(samples, 8000).wav()))
    assert rate == 8000
    assert back.dtype == np.int16
    # Half a quantisation step, in units of full scale.
    np.testing.assert_allclose(back / 32767, samples, atol=0.5 / 32767 + 1e-12)


def test_level_is_relative_to_a_full_scale_square_wave() -> None:
    assert noise.Sound(np.array([1.0, -1.0]), 1).level == pytest.approx(0, abs=1e-12)
    sine = noise.Sound(np.sin(2 * np.pi * np.arange(1000) / 100), 1)
    assert sine.level == pytest.approx(-3.0103, abs=1e-4)
    assert noise.Sound(np.full(4, 0.1), 1).level == pytest.approx(-20, abs=1e-12)


@pytest.mark.parametrize("peak", [1.001, -1.001, float("nan"), float("inf")])
def test_a_sound_that_would_clip_is_refused(peak: float) -> None:
    with pytest.raises(ValueError, match="clipped"):
        noise.Sound(np.array([0.0, peak]), 8000).wav()


@pytest.mark.parametrize("factor", [2, 8])
def test_sampled_finely_is_quieter_by_the_factor(factor: int) -> None:
    # Mean power over 400 draws of n kept modes: relative standard error sqrt(2 / (400 * n)), n
    # about 250 (factor 8) or more: 0.45 %, or 0.02 dB; for the ratio 0.03 dB; five are 0.14 dB.
    rng = np.random.default_rng(factor)
    pairs = [noise.sampled_sound(rng, rate=2000, factor=factor, seconds=1) for _ in range(400)]
    fine, coarse = (np.mean([np.mean(p[i].samples ** 2) for p in pairs]) for i in (0, 1))
    assert 10 * np.log10(coarse / fine) == pytest.approx(10 * np.log10(factor), abs=0.14)


@pytest.mark.parametrize(
    ("rate", "factor", "seconds"), [(22050, 8, 3.0), (8000, 4, 0.5), (1000, 7, 1.0)]
)
def test_no_power_above_the_band(rate: int, factor: int, seconds: float) -> None:
    for sound in noise.sampled_sound(np.random.default_rng(0), rate, factor, seconds):
        assert sound.rate == rate
        assert len(sound.samples) == pytest.approx(rate * seconds, abs=factor)
        power = np.abs(np.fft.rfft(sound.samples)) ** 2
        frequency = np.fft.rfftfreq(len(sound.samples), 1 / rate)
        above = frequency >= rate / (2 * factor)
        assert power[above].max() < 1e-20 * power.max()  # rounding of the transform, squared
        # and the band is filled: its upper tenth holds power too
        edge = (frequency > 0.9 * rate / (2 * factor)) & ~above
        assert power[edge].mean() > 0.3 * power[~above].mean()
