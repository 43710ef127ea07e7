r"""The power spectrum of a field, and its average over rings (RAPS).

For a field z on an h x w grid, a window w and the 2-D discrete Fourier transform F,

.. math:: P(\mathbf{k}) = \frac{|F[w (z - Z_0)](\mathbf{k})|^2}{h w \, \overline{w^2}},
          \qquad Z_0 = \frac{\sum w z}{\sum w}.

Removing the windowed mean Z_0 makes the windowed field sum to zero exactly. Dividing by h w (the
orthonormal transform) and by the mean of w^2 makes white noise of variance v read v at every size
and under every window. The ring average is a **mean** over modes, not a sum, so a flat spectrum
stays flat.

Rings, their frequencies and the corners beyond the Nyquist circle are those of `rings`. Every field
of a batch, such as a latent's channel, has its own spectrum: nothing is averaged over fields.

Ring 0 holds the removed mean; ring 1 is biased low by removing it. Neither is used for
measurements (`settings.Bands.first_ring`).
"""

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from analysis.rings import Products, Rings, pair_sums, rings, suits

__all__ = [
    "Rings",
    "effective_modes",
    "fourier",
    "half_power",
    "raps",
    "remove_mean",
    "rings",
    "standard_error",
    "white_noise_raps",
    "window2d",
]
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
    """The field, if it is real and large enough."""
    if np.iscomplexobj(z) or z.dtype.kind not in "fiub":
        raise ValueError(f"the field must be real, got {z.dtype}")
    if z.ndim < 2 or min(z.shape[-2:]) < 4:
        raise ValueError(f"the field needs at least 4 x 4 pixels, got shape {z.shape}")
    return z


def _precision(z: np.ndarray) -> np.dtype[np.floating]:
    # Integers and half precision would take the window's values with them when it is cast.
    return z.dtype if z.dtype in (np.float32, np.float64) else np.dtype(np.float64)


def _refuse(z: np.ndarray, summary: np.ndarray, mean: np.ndarray) -> None:
    """Raise if fields ``[n, h, w]`` have no spectrum, as ``[n, R]`` numbers made of it tell.

    The numbers are few, so that sound fields are not read again: whatever is not finite in a
    field is in all of them, and a constant leaves only rounding.
    """
    total = summary.max(axis=-1)
    if not np.all(np.isfinite(total)):
        index = int(np.argmin(np.isfinite(total)))
        if not np.all(np.isfinite(z[index])):
            raise ValueError(f"the field has values that are not finite (field {index})")
        raise ValueError(f"the field's power is not finite in {z.dtype} (field {index})")
    faint = total <= (1e-5 * np.abs(mean)) ** 2 * z[0].size if len(z) else total < 0
    for index in np.flatnonzero(faint).tolist():
        if total[index] == 0 or np.all(z[index] == z[index, 0, 0]):
            raise ValueError(
                f"the field has no power: field {index} of {len(z)} is constant, or too faint "
                f"to be squared in {_precision(z)}"
            )


def half_power(z: np.ndarray, kind: str = "kaiser", beta: float = 2.0) -> np.ndarray:
    """P(k) on the half plane of `numpy.fft.rfft2`. @eq-power

    Args:
        z: ``[..., h, w]``, real, finite and not constant, at least 4 x 4.

    Returns:
        ``[..., h, w // 2 + 1]``, in field-units squared per mode.

    Raises:
        ValueError: a field is not real, not finite, too small or has no power.
    """
    z = _checked(z).astype(_precision(z), copy=False)
    window = window2d(*z.shape[-2:], kind, beta)
    with np.errstate(all="ignore"):
        tapered = remove_mean(z, window.astype(z.dtype, copy=False))
        modes = np.fft.rfft2(tapered, norm="ortho")
        power = (modes.real**2 + modes.imag**2) / np.mean(window**2)
    fields = z.reshape(-1, *z.shape[-2:])
    flat = power.reshape(len(fields), -1)
    with np.errstate(all="ignore"):
        _refuse(fields, flat, fields.mean(axis=(-2, -1)))
    return power


@functools.lru_cache(maxsize=16)
def _products(
    height: int, width: int, kind: str, beta: float, dtype: np.dtype, corners: bool
) -> Products:
    return Products(window2d(height, width, kind, beta), dtype, corners)


def raps(
    z: np.ndarray, kind: str = "kaiser", beta: float = 2.0, *, corners: bool = False
) -> Floats:
    """Ring-averaged power spectrum of each field: ``[..., h, w]`` -> ``[..., R]``. @eq-raps

    It is ``rings(h, w, corners).average(half_power(z, kind, beta))``, and nothing of the size of z
    is held besides z. Half precision and integers are read as float64.

    Args:
        z: real, finite and not constant, at least 4 x 4.
        corners: rings beyond the Nyquist circle, too.

    Returns:
        Field-units squared per mode. Frequencies are those of ``rings(h, w, corners)``.

    Raises:
        ValueError: a field is not real, not finite, too small or has no power.
    """
    h, w = _checked(z).shape[-2:]
    fields = z.reshape(-1, h, w)
    if suits(h, w):
        products = _products(h, w, kind, float(beta), _precision(z), corners)
        with np.errstate(all="ignore"):
            out, mean = products.average(fields)
            _refuse(fields, out, mean)
    else:
        operator = rings(h, w, corners)
        out = np.empty((len(fields), len(operator.modes)))
        for row, field in zip(out, fields, strict=True):
            row[:] = operator.average(half_power(field, kind, beta))
    return out.reshape(*z.shape[:-2], out.shape[-1])


@functools.lru_cache(maxsize=16)
def effective_modes(
    height: int, width: int, kind: str = "kaiser", beta: float = 2.0, corners: bool = False
) -> Floats:
    r"""How many independent draws a ring's average is worth.

    A mode's power scatters by its mean (an exponential distribution), a mode and its mirror are
    one draw, and a window makes neighbours alike: for a spectrum that is flat over the window's
    reach their powers have the correlation :math:`C(d) = |W_2(d) / W_2(0)|^2`, W_2 the transform
    of w^2. With a the modes' weights in the ring, over the whole plane,

    .. math:: n = \frac{(\sum_m a_m)^2}{2 \sum_{m,n} a_m a_n C(m - n)}.

    Returns:
        ``[R]``, read-only. Without window, n = (sum a)^2 / (2 sum a^2): about three quarters of
        half the ring's modes, for their sharing with the next ring. It holds where
        `white_noise_raps` is 1: removing the mean leaves less of the lowest rings.
    """
    square = np.abs(np.fft.fft2(window2d(height, width, kind, beta) ** 2)) ** 2
    overlap = square / square[0, 0]
    pairs = pair_sums(height, width, corners, overlap, 1e-5)
    out: Floats = rings(height, width, corners).modes ** 2 / (2 * pairs)
    out.setflags(write=False)
    return out


def standard_error(power: np.ndarray, modes: np.ndarray, fields: int = 1) -> Floats:
    """Standard error of a ring average: power / sqrt(n).

    Of one estimate from Gaussian fields; photographs differ from one another by much more.

    Args:
        power: ``[..., R]``, from `raps`, or its mean over independent fields.
        modes: ``[R]``, from `effective_modes`.
        fields: how many independent fields were averaged.
    """
    return np.asarray(power / np.sqrt(modes * fields), dtype=np.float64)


@functools.lru_cache(maxsize=16)
def white_noise_raps(
    height: int, width: int, kind: str = "kaiser", beta: float = 2.0, corners: bool = False
) -> Floats:
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
    out = rings(height, width, corners).average(expected / square)
    out.setflags(write=False)
    return out
