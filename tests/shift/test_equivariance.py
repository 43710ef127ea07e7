"""analysis.shift.equivariance against waves, filters of known response, and unrelated noise."""

from collections.abc import Callable

import numpy as np
import pytest

from analysis.images import resize
from analysis.shift import equivariance
from analysis.spectra import lowpass, periodogram
from analysis.spectra.bands import Bands

RNG = np.random.default_rng(3)
BANDS = Bands()
H = 32


def smooth(n: int, seed: int = 0, channels: int = 2) -> np.ndarray:
    """A field of half waves up to 20 across, sampled at the centres of n pixels."""
    rng = np.random.default_rng(seed)
    k = np.arange(21)
    amplitudes = rng.standard_normal((channels, 21, 21))
    waves = np.cos(np.pi * np.outer((np.arange(n) + 0.5) / n, k))
    return np.einsum("yk,ckl,xl->cyx", waves, amplitudes, waves)


def noise(seed: int, n: int = H, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((channels, n, n))


def summary(pairs: list[tuple[np.ndarray, np.ndarray]], **options) -> equivariance.Equivariance:
    compared = [equivariance.compare(low, high, **options) for low, high in pairs]
    side = pairs[0][0].shape[-1]
    return equivariance.summarise(compared, side, BANDS, **options)


@pytest.mark.parametrize("ratio", [1, 2, 4])
def test_samples_of_one_field_are_the_same(ratio: int) -> None:
    found = equivariance.compare(smooth(H), smooth(ratio * H))
    np.testing.assert_allclose(found["cropped"], found["low"], atol=1e-9 * found["low"].max())
    np.testing.assert_allclose(found["cross"], found["low"], atol=1e-9 * found["low"].max())


def test_pixels_shrunk_by_the_ideal_low_pass_are_equivariant() -> None:
    """The crop of the crop is the crop; float32 leaves 1e-7 of an amplitude."""
    images = [RNG.random((3, 100, 100)) for _ in range(3)]
    pairs = [(resize.resize(x, 32, "fourier"), resize.resize(x, 64, "fourier")) for x in images]
    found = summary(pairs)
    np.testing.assert_allclose(found.gain.mean, 1, atol=1e-5)
    assert found.difference.mean.max() < 1e-10
    np.testing.assert_allclose(found.coherence.mean, 1, atol=1e-5)


def test_a_box_encoder_has_the_gain_of_its_box() -> None:
    """The mean over stride x stride pixels of waves: the ratio of two Dirichlet kernels.

    Patches of 4 pixels are a quarter of the image at 16 px and an eighth at 32 px, so the encoder
    is not equivariant, by a known gain per wave and no phase, if the grids are aligned.
    """

    def boxes(x: np.ndarray) -> np.ndarray:
        n = x.shape[-1] // 4
        return x.reshape(*x.shape[:-2], n, 4, n, 4).mean(axis=(-3, -1))

    def kernel(k: int, n: int) -> float:  # mean of four samples, pi k / n apart, about its middle
        return float(np.mean(np.cos(np.pi * k / n * np.array([-1.5, -0.5, 0.5, 1.5]))))

    for k in (5, 10, 15):  # half waves; 16 latent pixels hold up to 15
        waves = [np.cos(np.pi * k * (np.arange(n) + 0.5) / n) for n in (64, 128)]
        low, high = (boxes(np.outer(wave, wave)[None]) for wave in waves)
        expected = (kernel(k, 128) / kernel(k, 64)) ** 2
        np.testing.assert_allclose(lowpass.crop(high, 16), expected * low, atol=1e-12)
        found = equivariance.compare(low, high)
        ring = int(np.argmax(found["low"]))
        gain = np.sqrt(found["cropped"][ring] / found["low"][ring])
        assert gain == pytest.approx(expected, rel=1e-9)
        coherence = found["explained"][ring] / found["low"][ring]
        assert coherence == pytest.approx(1, rel=1e-9)


def test_gain_and_content_are_told_apart() -> None:
    """Channels amplified by 2 and 1/2: all the difference is of the gain; then unrelated noise."""
    z = [noise(i) for i in range(8)]
    factors = np.array([2.0, 0.5])[:, None, None]
    amplified = summary([(x, x * factors) for x in z])
    # mean power 1 -> (4 + 1/4) / 2
    assert amplified.gain.bands["high"].value == pytest.approx(np.sqrt(17 / 8), rel=0.05)
    np.testing.assert_allclose(amplified.coherence.mean, 1, rtol=1e-9)
    same = summary([(x, 0.5 * x) for x in z])
    np.testing.assert_allclose(same.gain.mean, 0.5, rtol=1e-9)
    np.testing.assert_allclose(same.difference.mean, 0.25, rtol=1e-9)
    np.testing.assert_allclose(same.of_gain.mean, 0.25, rtol=1e-9)
    mixed = summary([(x, x + noise(100 + i)) for i, x in enumerate(z)])
    # a share 1/2 of power in common; 1.5 % from 8 x 2 fields of some 300 modes, and chance's 1/2 %
    assert mixed.coherence.bands["high"].value == pytest.approx(0.5, abs=0.06)
    assert mixed.difference.bands["high"].value == pytest.approx(1, abs=0.1)


def test_unrelated_fields_reach_chance() -> None:
    draws = [
        equivariance.compare(noise(i, channels=4), noise(500 + i, channels=4)) for i in range(100)
    ]
    coherence = np.mean([row["explained"] / row["low"] for row in draws], axis=0)[2:]
    # 400 pairs; chance^2 scatters as chi^2 with one freedom: sqrt(2 / 400) = 7 %, four times that
    np.testing.assert_allclose(coherence, equivariance.chance(H)[2:], rtol=0.3)
    assert coherence.mean() == pytest.approx(equivariance.chance(H)[2:].mean(), rel=0.1)


def test_parts_add_up_to_the_difference() -> None:
    """P of the difference, measured of the difference itself, is that of the identity."""
    low, high = noise(1), noise(2, 2 * H) + np.kron(noise(1), np.ones((2, 2)))
    found = equivariance.compare(low, high)
    direct = periodogram.raps(low - lowpass.crop(high, H), "kaiser", 2 * np.pi).mean(axis=0)
    identity = found["low"] + found["cropped"] - 2 * found["cross"]
    np.testing.assert_allclose(identity[1:], direct[1:], rtol=1e-9)
    gain = np.sqrt(found["cropped"] / found["low"])[1:]
    rho = found["cross"][1:] / np.sqrt(found["cropped"] * found["low"])[1:]
    parts = (1 - gain) ** 2 + 2 * gain * (1 - rho)
    np.testing.assert_allclose(parts, direct[1:] / found["low"][1:], rtol=1e-9)


def test_one_photograph_has_no_interval_and_several_hold_their_values() -> None:
    pairs = [(noise(i), noise(i) * (1 + 0.2 * i) + noise(60 + i)) for i in range(5)]
    found, one = summary(pairs), summary(pairs[:1])
    for curve in (found.gain, found.difference, found.of_gain, found.coherence):
        assert np.all((curve.low <= curve.mean) & (curve.mean <= curve.high))
        for estimate in curve.bands.values():
            assert estimate.low < estimate.value < estimate.high
    assert np.all(np.isnan(one.gain.low)) and np.isnan(one.coherence.bands["whole"].high)
    assert one.gain.bands["whole"].value > 0


BAD: dict[str, tuple[Callable[[], object], str]] = {
    "channels": (lambda: equivariance.compare(noise(0), noise(0, channels=3)), "not of one image"),
    "axes": (lambda: equivariance.compare(noise(0)[0], noise(0)[0]), "not of one image"),
    "smaller": (lambda: equivariance.compare(noise(0), noise(0, 16)), "nothing is upscaled"),
    "oblong": (lambda: equivariance.compare(noise(0), noise(0)[:, :20]), "not square"),
    "constant": (lambda: equivariance.compare(np.ones((1, 8, 8)), noise(0, 8, 1)), "no power"),
    "none": (lambda: equivariance.summarise([], 32, BANDS), "no photographs"),
    "rings": (lambda: summary([(noise(0, 8), noise(1, 8))]), "too few for three bands"),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_what_cannot_be_compared(case: str) -> None:
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call()
