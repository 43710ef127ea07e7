r"""The power spectrum of a field, and its average over rings (RAPS).

For a field z on an h x w grid, a window w and the 2-D discrete Fourier transform F,

$$
P(\mathbf{k}) = \frac{|F[w (z - Z_0)](\mathbf{k})|^2}{h w \, \overline{w^2}},
\qquad Z_0 = \frac{\sum w z}{\sum w}.
$$

Removing the windowed mean Z_0 makes the windowed field sum to zero exactly. Dividing by h w (the
orthonormal transform) and by the mean of w^2 makes white noise of variance v read v at every size
and under every window. The ring average is a **mean** over modes, not a sum, so a flat spectrum
stays flat.

Rings, their frequencies and the corners beyond the Nyquist circle are those of `rings`. Every field
of a batch, such as a latent's channel, has its own spectrum: nothing is averaged over fields.

Ring 0 holds the removed mean; ring 1 is biased low by removing it. Neither is used for
measurements (`settings.Bands.first_ring`).
"""

import concurrent.futures
import functools
import importlib.util
import os
from collections.abc import Callable

import numpy as np

from analysis.project.arrays import Floats
from analysis.spectra.rings import ring_covariance, rings
from analysis.spectra.windows import TWO_PI, window2d

TRANSFORMS = ("ducc0", "scipy", "numpy")  # the fastest first; the same to rounding
BLOCK_BYTES = 2**20  # of fields at a time: intermediate results stay in a core's cache


def remove_mean(z: np.ndarray, window: np.ndarray) -> np.ndarray:
    """w (z - Z0) with Z0 = sum(w z) / sum(w) over the last two axes. @eq-dc

    The result sums to zero, so the transform's zero-frequency mode vanishes.
    """
    mean = np.einsum("...hw,hw->...", z, window) / window.sum()
    return window * (z - mean[..., None, None])


def fourier(z: np.ndarray, kind: str = "kaiser", beta: float = TWO_PI) -> np.ndarray:
    """Orthonormal 2-D transform of the windowed, mean-free field, zero frequency in the centre.

    Args:
        z: ``[..., h, w]``, real; returned is complex ``[..., h, w]``, for pictures. @eq-fourier
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


@functools.cache
def _rfft2() -> Callable[[np.ndarray], np.ndarray]:
    """The real transform of the first of `TRANSFORMS` that is installed."""
    library = next(name for name in TRANSFORMS if importlib.util.find_spec(name))
    fft = importlib.import_module(f"{library}.fft")
    if library != "ducc0":
        return fft.rfft2
    return lambda z: fft.r2c(z, axes=(-2, -1)) if z.size else np.fft.rfft2(z)  # r2c refuses none


@functools.lru_cache(maxsize=16)
def _taper(
    height: int, width: int, kind: str, beta: float, dtype: np.dtype[np.floating]
) -> tuple[np.ndarray, np.ndarray, Floats]:
    """w / sqrt(h w mean(w^2)), and the weights of columns and rows in the windowed mean."""
    window = window2d(height, width, kind, beta)
    weights_y, weights_x = window.sum(axis=1) / window.sum(), window.sum(axis=0) / window.sum()
    scaled = window / np.sqrt(np.sum(window**2))
    return scaled.astype(dtype), weights_x.astype(dtype), weights_y


@np.errstate(all="ignore")  # `_refuse` looks at the result
def _modes(fields: np.ndarray, kind: str, beta: float) -> tuple[np.ndarray, Floats]:
    """Modes of ``[n, h, w]`` on the half plane, and the windowed means ``[n]``."""
    n, h, w = fields.shape
    z = fields.astype(_precision(fields), copy=False)
    window, weights_x, weights_y = _taper(h, w, kind, float(beta), z.dtype)
    # The window is separable; float64 from the rows on.
    mean = (z.reshape(-1, w) @ weights_x).reshape(n, h) @ weights_y
    tapered = z - mean.astype(z.dtype)[:, None, None]
    tapered *= window
    return _rfft2()(tapered), mean


@np.errstate(all="ignore")
def _squared(modes: np.ndarray) -> np.ndarray:
    return np.asarray(modes.real**2 + modes.imag**2)


@np.errstate(all="ignore")
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


def half_modes(z: np.ndarray, kind: str = "kaiser", beta: float = TWO_PI) -> np.ndarray:
    """Complex modes ``[..., h, w // 2 + 1]`` of `numpy.fft.rfft2`, of squared magnitude P(k).

    z is ``[..., h, w]``, real, finite and not constant, at least 4 x 4; else ValueError.
    """
    h, w = _checked(z).shape[-2:]
    fields = z.reshape(-1, h, w)
    modes, mean = _modes(fields, kind, beta)
    _refuse(fields, _squared(modes).reshape(len(fields), h * (w // 2 + 1)), mean)
    return modes.reshape(*z.shape[:-2], h, w // 2 + 1)


def half_power(z: np.ndarray, kind: str = "kaiser", beta: float = TWO_PI) -> np.ndarray:
    """P(k), the squared magnitude of `half_modes`, in field-units squared per mode. @eq-power"""
    return _squared(half_modes(z, kind, beta))


@functools.lru_cache(maxsize=4)
def _threads(count: int, process: int) -> concurrent.futures.ThreadPoolExecutor:
    """Threads kept from call to call: new ones take as long as some fields. A fork has none."""
    return concurrent.futures.ThreadPoolExecutor(count)


def raps(
    z: np.ndarray,
    kind: str = "kaiser",
    beta: float = TWO_PI,
    *,
    corners: bool = False,
    workers: int | None = 1,
) -> Floats:
    """Ring-averaged power spectrum of each field: ``[..., h, w]`` -> ``[..., R]``. @eq-raps

    A mean over directions, as @eq-raps-integral is of a field without a grid:
    ``rings(h, w, corners).average(half_power(z, kind, beta))``, a few fields at a time;
    nothing of the size of z is held besides z. Half precision and integers are read as float64.
    The transform is ducc0's where it is installed (extra ``fast``), else scipy's, else numpy's.

    Args:
        z: real, finite and not constant, at least 4 x 4.
        corners: rings beyond the Nyquist circle, too.
        workers: threads that share the fields; None for one a core. The result is the same.

    Returns:
        Field-units squared per mode. Frequencies are those of ``rings(h, w, corners)``.

    Raises:
        ValueError: a field is not real, not finite, too small or has no power; no workers.
    """
    h, w = _checked(z).shape[-2:]
    fields, operator = z.reshape(-1, h, w), rings(h, w, corners)
    out, means = np.empty((len(fields), len(operator.modes))), np.empty(len(fields))
    together = max(1, BLOCK_BYTES // (h * w * _precision(z).itemsize))

    @np.errstate(all="ignore")
    def estimate(starts: range) -> None:
        for start in starts:
            block = slice(start, start + together)
            modes, means[block] = _modes(fields[block], kind, beta)
            out[block] = operator.average_squares(modes)

    if (count := os.cpu_count() or 1 if workers is None else workers) < 1:
        raise ValueError(f"workers is {count}: at least 1, or None for one a core")
    shares = [range(n * together, len(fields), count * together) for n in range(count)]
    others = [_threads(count, os.getpid()).submit(estimate, share) for share in shares[1:]]
    estimate(shares[0])  # this thread is one of the workers
    for other in others:
        other.result()
    _refuse(fields, out, means)
    return out.reshape(*z.shape[:-2], out.shape[-1])


@functools.lru_cache(maxsize=16)
def _covariance(height: int, width: int, kind: str, beta: float, corners: bool) -> Floats:
    return ring_covariance(window2d(height, width, kind, beta), corners)


@functools.lru_cache(maxsize=16)
def effective_modes(
    height: int, width: int, kind: str = "kaiser", beta: float = TWO_PI, corners: bool = False
) -> Floats:
    """How many independent draws a ring's average is worth: 1 / v_aa of `rings.ring_covariance`.

    Returns:
        ``[R]``, read-only. Without window it is (sum a)^2 / (2 sum a^2), a the modes' weights:
        0.7 times the ring's modes (3 / 4 as rings grow), and not half of them, since a ring
        reaches over more modes than it counts. It holds where `white_noise_raps` is 1.
    """
    out: Floats = 1 / np.diag(_covariance(height, width, kind, float(beta), corners))
    out.setflags(write=False)
    return out


def ring_correlation(
    height: int, width: int, kind: str = "kaiser", beta: float = TWO_PI, corners: bool = False
) -> Floats:
    """Correlation of the ring averages of one field, the ``correlation`` of `powerlaw`'s fits.

    It is v_ab / sqrt(v_aa v_bb), v_ab of `rings.ring_covariance`, where `effective_modes` holds.

    Returns:
        ``[R, R]``. Neighbours have 0.2 without window (1 / 4 as rings grow), 0.3 under Kaiser
        beta 2, 0.6 under beta 2 pi.
    """
    covariance = _covariance(height, width, kind, float(beta), corners)
    scatter = np.sqrt(np.diag(covariance))
    return covariance / np.outer(scatter, scatter)


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
    height: int, width: int, kind: str = "kaiser", beta: float = TWO_PI, corners: bool = False
) -> Floats:
    r"""The expectation of `raps` for white noise of unit variance, exactly. @eq-expected-noise

    With W and W2 the transforms of w and w^2, removing the windowed mean leaves

    $$
    E |F[w (\varepsilon - \varepsilon_0)]|^2 = \sum w^2
    - \frac{2 \mathrm{Re}(W_2 \bar W)}{\sum w} + \frac{|W|^2 \sum w^2}{(\sum w)^2},
    $$

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
