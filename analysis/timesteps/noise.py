r"""Seeded Gaussian noise, the blend with latents, and the two experiments that explain it.

Why the same white noise disturbs a coarse image more than a fine one: per sample its variance is
the same, but a fine grid has more samples per feature, and averaging m samples divides the
variance by m. `seen_from_afar` shows it to the eye, `sampled_sound` to the ear; in both the
surviving power is 1/m of the whole, the same m that makes the shift (`schedule`).
"""

import dataclasses
import hashlib
import io
import wave

import numpy as np
from numpy.typing import NDArray

from analysis.project.arrays import Floats
from analysis.spectra.windows import window2d

AFAR_CELLS = 32  # squares a side that the eye resolves from afar
AFAR_FINE, AFAR_COARSE = 256, 64  # samples a side of the two fields it looks at
SQUARE = 64  # samples a side that tell a window's mean square; of 512 it differs by 3e-6
SOUND_FACTOR = 8  # ratio of the sampling rates of the audio experiment


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A generator that depends on the seed and on what it is for, not on the order of calls.

    Args:
        seed: the study's seed.
        names: what the draw belongs to, such as an image's id and a resolution.
    """
    digest = hashlib.sha256("\x1f".join(str(name) for name in names).encode()).digest()
    return np.random.Generator(np.random.PCG64([seed, int.from_bytes(digest[:16], "big")]))


def gaussian(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """eps ~ N(0, 1) of the given shape, float32."""
    return rng.standard_normal(shape, dtype=np.float32)


def blend(z: np.ndarray, eps: np.ndarray, t: float) -> np.ndarray:
    """z_t = t z + (1 - t) eps, elementwise; t = 1 is data. @eq-blend

    Args:
        z: clean field, any shape.
        eps: noise of the same shape.
        t: data fraction in [0, 1].

    Raises:
        ValueError: shapes differ (nothing is broadcast silently) or t is out of range.
    """
    if z.shape != eps.shape:
        raise ValueError(f"z has shape {z.shape}, eps {eps.shape}")
    if not 0.0 <= t <= 1.0:
        raise ValueError("t must lie in [0, 1]")
    return (t * z + (1.0 - t) * eps).astype(z.dtype, copy=False)


def blend_scatter(
    power: np.ndarray, modes: np.ndarray, t: float, window: tuple[str, float], channels: int = 1
) -> Floats:
    r"""How far the power of a blend scatters about t^2 P + (1 - t)^2 N, at most.

    What else a ring's average of the blend has, $2 t (1 - t) \overline{\mathrm{Re}\, Z E^*}$, is
    linear in the noise: for given latents it is Gaussian with mean 0, however they look. With a_k
    the modes' weights, whose sum is n, its variance over draws of eps is at most

    $$
    4 t^2 (1 - t)^2 \frac{\max w^2}{\overline{w^2}} \sum_k \frac{a_k^2 |Z_k|^2}{n^2}
    \le 4 t^2 (1 - t)^2 \frac{\max w^2}{\overline{w^2}} \frac{P}{n},
    $$

    since the transform keeps lengths and the window lengthens by at most max w. Equal for one
    wave without window. In the rings that the window's own transform reaches (0 to 2), taking the
    mean off can lengthen by 1.5 besides.

    Args:
        power: ``[..., R]``, of the latents, mean over channels.
        modes: ``[R]``, Fourier modes of each ring.
        t: data fraction of the blend.
        window: kind and beta.
        channels: independent noises that the average is over.

    Returns:
        ``[..., R]``, a standard deviation in the units of power.
    """
    squared = window2d(SQUARE, SQUARE, *window) ** 2
    widened = squared.max() / squared.mean()
    return np.asarray(2 * t * (1 - t) * np.sqrt(widened * power / (modes * channels)))


def seen_from_afar(field: np.ndarray, cells: int) -> Floats:
    """Mean of the field over cells x cells equal squares, as an eye that resolves no more sees it.

    Args:
        field: ``[n, n]``, n a multiple of ``cells``.
        cells: squares along a side.

    Returns:
        ``[cells, cells]``; for white noise of variance v its variance is v (cells / n)^2.
    """
    n = field.shape[-1]
    if field.shape != (n, n) or cells < 1 or n % cells:
        raise ValueError("field must be square with a side that is a multiple of cells")
    m = n // cells
    return field.reshape(cells, m, cells, m).mean(axis=(1, 3), dtype=np.float64)


@dataclasses.dataclass(frozen=True)
class Sound:
    """A mono recording.

    Args:
        samples: ``[n]``, full scale is [-1, 1].
        rate: samples per second, Hz.
    """

    samples: Floats
    rate: int

    @property
    def level(self) -> float:
        """Root-mean-square level in dB relative to a full-scale square wave (dBFS)."""
        return float(10.0 * np.log10(np.mean(self.samples**2)))

    def wav(self) -> bytes:
        """The recording as a 16-bit PCM WAV file."""
        if not np.max(np.abs(self.samples)) <= 1.0:
            raise ValueError("samples exceed full scale and would be clipped, or are not finite")
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self.rate)
            file.writeframes(np.round(self.samples * 32767.0).astype("<i2").tobytes())
        return buffer.getvalue()


def sampled_sound(
    rng: np.random.Generator,
    rate: int = 22050,
    factor: int = SOUND_FACTOR,
    seconds: float = 3.0,
    std: float = 0.1,
) -> tuple[Sound, Sound]:
    """White noise of one variance drawn at two sampling rates, heard in the same band.

    Both are drawn with standard deviation ``std`` per sample: one at ``rate``, then limited to
    the band below rate / (2 factor); one at rate / factor, whose whole band that is. Both are
    returned at ``rate`` (band limits and interpolation are exact, by zeroing or padding the
    discrete Fourier transform), so that a player needs no conversion and the levels compare.

    Returns:
        (fine, coarse); in expectation the fine one is 10 log10(factor) dB quieter.
    """
    n = round(rate * seconds / factor) * factor
    fine = np.fft.rfft(rng.standard_normal(n) * std)
    kept = n // factor // 2
    fine[kept:] = 0.0
    coarse = np.zeros(n // 2 + 1, dtype=complex)
    coarse[:kept] = np.fft.rfft(rng.standard_normal(n // factor) * std)[:kept] * factor
    return Sound(np.fft.irfft(fine, n), rate), Sound(np.fft.irfft(coarse, n), rate)
