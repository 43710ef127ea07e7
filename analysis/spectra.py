r"""The power spectrum of a field, and its average over rings (RAPS).

For a field z on an h x w grid, a window w and the 2-D discrete Fourier transform F,

.. math:: P(\mathbf{k}) = \frac{|F[w (z - Z_0)](\mathbf{k})|^2}{h w \, \overline{w^2}},
          \qquad Z_0 = \frac{\sum w z}{\sum w}.

Removing the windowed mean Z_0 makes the windowed field sum to zero exactly. Dividing by h w (the
orthonormal transform) and by the mean of w^2 makes white noise of variance v read v at every size
and under every window. The ring average is a **mean** over modes, not a sum, so a flat spectrum
stays flat.

Frequencies are physical: (i / h, j / w) cycles per pixel, so that a ring is a circle on a
rectangular grid too. Rings are one cycle per image apart, measured along the short side. Each mode
is shared linearly between the two adjacent rings, and the ring's frequency is the weighted mean
|k| of its modes, which is not exactly an integer. Modes beyond the Nyquist circle (the corners of
the Fourier square) are left out: no ring is complete there.

Ring 0 holds the removed mean; ring 1 is biased low by removing it. Neither is used for
measurements (`settings.Bands.first_ring`).
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@functools.lru_cache(maxsize=16)
def window2d(height: int, width: int, kind: str = "kaiser", beta: float = 2.0) -> Floats:
    """A separable 2-D window: the outer product of two periodic 1-D windows.

    Periodic means sampled at n of n + 1 points, so that the window continues with period n. It is
    not the radial window of the same name.

    Args:
        height, width: size in pixels.
        kind: ``kaiser``, ``hann`` or ``none``.
        beta: of the Kaiser window as `numpy.kaiser` defines it (0 is rectangular); Harris's alpha
            is beta / pi.

    Returns:
        ``[height, width]``, float64, read-only, at most 1.
    """
    makers: dict[str, Callable[[int], Floats]] = {
        "kaiser": lambda n: np.kaiser(n + 1, beta)[:-1],
        "hann": lambda n: np.hanning(n + 1)[:-1],
        "none": np.ones,
    }
    if kind not in makers:
        raise ValueError(f"unknown window '{kind}'; known: {', '.join(makers)}")
    window: Floats = np.outer(makers[kind](height), makers[kind](width))
    window.setflags(write=False)
    return window


def remove_mean(z: np.ndarray, window: np.ndarray) -> np.ndarray:
    """w (z - Z0) with Z0 = sum(w z) / sum(w) over the last two axes. @eq-dc

    The result sums to zero, so the transform's zero-frequency mode vanishes.
    """
    mean = np.einsum("...hw,hw->...", z, window) / window.sum()
    return window * (z - mean[..., None, None])


def fourier(z: np.ndarray, kind: str = "kaiser", beta: float = 2.0) -> np.ndarray:
    """Orthonormal 2-D transform of the windowed, mean-free field, zero frequency in the centre.

    Args:
        z: ``[..., h, w]``, real.

    Returns:
        complex ``[..., h, w]``, for pictures of magnitude and phase. @eq-fourier
    """
    tapered = remove_mean(z, window2d(*z.shape[-2:], kind, beta))
    return np.fft.fftshift(np.fft.fft2(tapered, norm="ortho"), axes=(-2, -1))


def _checked(z: np.ndarray) -> np.ndarray:
    if np.iscomplexobj(z):
        raise ValueError("the field must be real")
    if z.ndim < 2 or min(z.shape[-2:]) < 4:
        raise ValueError(f"the field needs at least 4 x 4 pixels, got shape {z.shape}")
    if not np.all(np.isfinite(z)):
        raise ValueError("the field has values that are not finite")
    # Integers and half precision would take the window's values with them when it is cast.
    return z if z.dtype in (np.float32, np.float64) else z.astype(np.float64)


def half_power(z: np.ndarray, kind: str = "kaiser", beta: float = 2.0) -> np.ndarray:
    """P(k) on the half plane of `numpy.fft.rfft2`. @eq-power

    Args:
        z: ``[..., h, w]``, real and finite, at least 4 x 4.

    Returns:
        ``[..., h, w // 2 + 1]``, in field-units squared per mode.
    """
    z = _checked(z)
    window = window2d(*z.shape[-2:], kind, beta)
    coefficients = np.fft.rfft2(remove_mean(z, window.astype(z.dtype, copy=False)), norm="ortho")
    return (coefficients.real**2 + coefficients.imag**2) / np.mean(window**2)


@dataclasses.dataclass(frozen=True)
class Rings:
    """The ring average for one grid size, as an operator on half-plane power.

    Args:
        cycles_per_image: ``[R]``, weighted mean |k| of each ring, cycles per short side.
        modes: ``[R]``, number of Fourier modes in each ring (a sum of weights, so not whole).
        lower: ``[M]``, the lower of the two rings of each mode inside the Nyquist circle.
        inside: ``[M]``, flat indices of those modes in the half plane.
        to_lower, to_upper: ``[M]``, their weights in the two rings; each mode of the half plane
            counts twice, except those of the zero and Nyquist columns, which are their own mirror.
        short_side: pixels, for `cycles_per_pixel`.
    """

    cycles_per_image: Floats
    modes: Floats
    lower: NDArray[np.intp]
    inside: NDArray[np.intp]
    to_lower: Floats
    to_upper: Floats
    short_side: int

    @property
    def cycles_per_pixel(self) -> Floats:
        """``[R]``, the same frequencies in cycles per pixel."""
        return self.cycles_per_image / self.short_side

    def average(self, power: np.ndarray) -> Floats:
        """Mean over each ring of half-plane power ``[..., h, w // 2 + 1]`` -> ``[..., R]``."""
        n = len(self.modes)
        flat = power.reshape(-1, power.shape[-2] * power.shape[-1])
        out = np.empty((len(flat), n))
        for row, values in enumerate(flat):
            kept = values[self.inside]
            sums = np.bincount(self.lower, self.to_lower * kept, minlength=n + 1)
            sums[1:] += np.bincount(self.lower, self.to_upper * kept, minlength=n + 1)[:-1]
            out[row] = sums[:n]
        return (out / self.modes).reshape(*power.shape[:-2], n)


@functools.lru_cache(maxsize=16)
def rings(height: int, width: int) -> Rings:
    """The rings of an h x w grid, 0 to min(h, w) // 2 cycles per image; built once per size."""
    short = min(height, width)
    last = short // 2
    fy = np.fft.fftfreq(height)[:, None]
    fx = np.fft.rfftfreq(width)[None, :]
    radius = np.hypot(fy, fx).ravel() * short
    twice = np.full((height, width // 2 + 1), 2.0)
    twice[:, 0] = 1.0
    if width % 2 == 0:
        twice[:, -1] = 1.0
    inside = np.flatnonzero(radius <= last + 1e-9)
    radius, count = radius[inside], twice.ravel()[inside]
    lower = np.minimum(np.floor(radius + 1e-9).astype(np.intp), last)
    fraction = np.clip(radius - lower, 0.0, 1.0)
    operator = Rings(
        np.zeros(last + 1), np.ones(last + 1), lower, inside,
        count * (1.0 - fraction), count * fraction, short,
    )  # fmt: skip
    sums = np.bincount(lower, operator.to_lower, minlength=last + 2)
    sums[1:] += np.bincount(lower, operator.to_upper, minlength=last + 2)[:-1]
    weighted = np.bincount(lower, operator.to_lower * radius, minlength=last + 2)
    weighted[1:] += np.bincount(lower, operator.to_upper * radius, minlength=last + 2)[:-1]
    modes: Floats = sums[: last + 1].astype(np.float64)
    mean_radius = weighted[: last + 1] / modes
    return dataclasses.replace(operator, cycles_per_image=mean_radius, modes=modes)


def raps(z: np.ndarray, kind: str = "kaiser", beta: float = 2.0) -> Floats:
    """Ring-averaged power spectrum of each field: ``[..., h, w]`` -> ``[..., R]``. @eq-raps

    Units: field-units squared per mode. Frequencies are those of ``rings(h, w)``.
    """
    return rings(*z.shape[-2:]).average(half_power(z, kind, beta))


@functools.lru_cache(maxsize=16)
def white_noise_raps(height: int, width: int, kind: str = "kaiser", beta: float = 2.0) -> Floats:
    r"""The expectation of `raps` for white noise of unit variance, exactly. @eq-expected-noise

    With W and W2 the transforms of w and w^2, removing the windowed mean leaves

    .. math:: E |F[w (\varepsilon - \varepsilon_0)]|^2 = \sum w^2
              - \frac{2 \mathrm{Re}(W_2 \bar W)}{\sum w} + \frac{|W|^2 \sum w^2}{(\sum w)^2},

    which is the flat sum of w^2 except in the few modes that the window's own transform reaches.

    Returns:
        ``[R]``, read-only: less than 1 in the lowest rings, 1 beyond (within 0.1 % from ring 2 on
        for Kaiser beta 2, from ring 4 on for beta 8).
    """
    window = window2d(height, width, kind, beta)
    total, square = window.sum(), np.sum(window**2)
    w, w2 = np.fft.rfft2(window), np.fft.rfft2(window**2)
    expected = square - 2 * (w2 * w.conj()).real / total + np.abs(w) ** 2 * square / total**2
    out = rings(height, width).average(expected / square)
    out.setflags(write=False)
    return out
