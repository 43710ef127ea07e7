r"""How well a field is denoised, frequency by frequency, and the shift between two such curves.

A field z is seen through noise, $z_t = t z + (1 - t) \varepsilon$, and estimated as
$\hat z$. The error is judged in the modes of the cosine transform (DCT-II, orthonormal), in which
white noise stays white and the ideal low-pass (`lowpass.crop`, even edges) is a choice of modes: a
field on n points and its low-pass on half as many share the modes below the coarse grid's Nyquist
frequency exactly. Mode (i, j) of a window has $\sqrt{i^2 + j^2} / 2$ cycles per window; ring r
holds those with $r \le \sqrt{i^2 + j^2} < r + 1$, so that it is a ring of half a cycle.

The relative error of a ring is the error's power over the data's,

$$
E(\theta) = \frac{\sum |\hat Z - Z|^2}{\sum |Z|^2},
$$

1 where nothing is known and falling to 0 with $\theta = \mathrm{logit}\, t$. For Gaussian fields
the best estimate is Wiener's. With the eigenvalues $\lambda_i$ of the covariance of the channels
in a ring, in units in which the noise has 1,

$$
E(\theta) = \sum_i \frac{\lambda_i}{1 + e^{2 \theta} \lambda_i} \Big/ \sum_i \lambda_i ,
$$

so that spectra that are m times higher give the same curve at $\theta - \tfrac12 \ln m$. The
shift between two curves is measured as it is read: s = exp(theta_0 - theta) at equal error, by the
geometric mean over `LEVELS`.
"""

import functools
from collections.abc import Callable, Sequence

import numpy as np

from analysis.project.arrays import Floats
from analysis.timesteps import noise
from analysis.timesteps.schedule import expit

Denoiser = Callable[[np.ndarray, float], np.ndarray]
"""(z_t ``[n, C, h, h]``, theta) -> the estimate of z, of the same shape."""

LEVELS = tuple(expit(np.linspace(1.25, -2.25, 8)).tolist())
"""Relative errors at which two curves are compared: 0.78 to 0.10, even in their logit."""


@functools.cache
def cosines(n: int) -> Floats:
    """``[n, n]``, the orthonormal cosine transform (DCT-II) of n points; rows are modes."""
    k, x = np.arange(n)[:, None], np.arange(n) + 0.5
    out: Floats = np.sqrt(np.where(k == 0, 1, 2) / n) * np.cos(np.pi * k * x / n)
    out.setflags(write=False)
    return out


@functools.cache
def lowpass_matrix(n: int, side: int) -> Floats:
    """``[side, n]``, M of M z M^T, which is `lowpass.crop` with even edges."""
    out: Floats = np.sqrt(side / n) * cosines(side).T @ cosines(n)[:side]
    out.setflags(write=False)
    return out


def shrunk(z: np.ndarray, side: int) -> np.ndarray:
    """The ideal low-pass of ``[..., n, n]`` on ``[..., side, side]``, in the type of z."""
    matrix = lowpass_matrix(z.shape[-1], side).astype(z.dtype)
    return np.asarray(matrix @ z @ matrix.T)


def shrunk_noise(eps: np.ndarray, side: int) -> np.ndarray:
    """White noise on the coarse grid, of unit variance as eps, with the modes that eps has."""
    return shrunk(eps, side) * np.asarray(eps.shape[-1] / side, eps.dtype)


def kept(z: np.ndarray, side: int) -> np.ndarray:
    """The modes that `shrunk` keeps, on the grid they are on: ``[..., n, n]`` of the same shape."""
    lowest = cosines(z.shape[-1])[:side]
    matrix = (lowest.T @ lowest).astype(z.dtype)
    return np.asarray(matrix @ z @ matrix)


def refined(z: np.ndarray, n: int) -> np.ndarray:
    """The modes of ``[..., s, s]`` on a finer grid ``[..., n, n]``, each with the power it has.

    White noise becomes `kept` white noise, so that every mode keeps its signal-to-noise ratio.
    """
    side = z.shape[-1]
    matrix = (cosines(n)[:side].T @ cosines(side)).astype(z.dtype)
    return np.asarray(matrix @ z @ matrix.T)


@functools.cache
def _rings(n: int, count: int) -> Floats:
    """``[count, n n]``, 1 where a mode lies in a ring."""
    i = np.arange(n)
    ring = np.floor(np.hypot(i[:, None], i)).ravel()
    return (np.arange(count)[:, None] == ring).astype(np.float64)


def modes(count: int) -> Floats:
    """``[count]``, modes in each of the first rings, on any grid of at least as many points."""
    return _rings(count, count).sum(axis=1)


def ring_power(z: np.ndarray, count: int) -> Floats:
    """Squared modes summed over rings and channels: ``[n, C, h, h]`` -> ``[n, count]``."""
    transform = cosines(z.shape[-1]).astype(z.dtype)
    squares = np.square(transform @ z @ transform.T, dtype=np.float64).sum(axis=1)
    return np.asarray(squares.reshape(len(z), -1) @ _rings(z.shape[-1], count).T)


def covariances(z: np.ndarray, count: int) -> Floats:
    """Covariance of the channels in each ring, means over modes and fields: ``[count, C, C]``.

    Args:
        z: ``[n, C, h, h]``, of mean 0.
        count: of rings.
    """
    n, channels, side, _ = z.shape
    transform = cosines(side).astype(z.dtype)
    spectrum = (transform @ z @ transform.T).reshape(n, channels, -1)
    out = np.empty((count, channels, channels))
    for row, inside in zip(out, _rings(side, count) > 0, strict=True):
        chosen = np.moveaxis(spectrum[:, :, inside], 1, 0).reshape(channels, -1).astype(np.float64)
        row[:] = chosen @ chosen.T / chosen.shape[1]
    return out


def gaussian_error(eigenvalues: np.ndarray, theta: np.ndarray) -> tuple[Floats, Floats]:
    """Error and power a mode of the best estimate of Gaussian fields: ``[T, R]``, ``[R]``.

    Args:
        eigenvalues: ``[R, C]``, of the channels' covariance in each ring, in units of the noise's.
        theta: ``[T]``.
    """
    values = np.clip(np.asarray(eigenvalues, np.float64), 0, None)
    snr = np.exp(2 * np.asarray(theta))[:, None, None]
    return (values / (1 + snr * values)).sum(axis=-1), values.sum(axis=-1)


def wiener(covariance: np.ndarray) -> Denoiser:
    """The best estimate of Gaussian fields with given covariances of the channels in each ring.

    Args:
        covariance: ``[R, C, C]``; modes beyond the last ring are taken for noise alone.
    """
    values, vectors = np.linalg.eigh(covariance)
    values = np.clip(values, 0, None)

    def estimate(z: np.ndarray, theta: float) -> np.ndarray:
        t, side = float(expit(theta)), z.shape[-1]
        gain = t * values / (t**2 * values + (1 - t) ** 2)
        matrices = (vectors * gain[:, None, :]) @ np.swapaxes(vectors, -1, -2)
        transform = cosines(side).astype(z.dtype)
        spectrum = (transform @ z @ transform.T).reshape(*z.shape[:2], -1)
        out = np.zeros_like(spectrum)
        for inside, matrix in zip(_rings(side, len(values)) > 0, matrices, strict=True):
            out[:, :, inside] = matrix.astype(z.dtype) @ spectrum[:, :, inside]
        return np.asarray(transform.T @ out.reshape(z.shape) @ transform)

    return estimate


def errors(
    estimate: Denoiser, z: np.ndarray, eps: np.ndarray, theta: np.ndarray, count: int
) -> Floats:
    """Power of the error in each ring: ``[T, n, count]``, for fields ``[n, C, h, h]``.

    Args:
        estimate: what is judged.
        z, eps: clean fields and the noise that hides them, the same at every theta.
        theta: ``[T]``.
        count: of rings.
    """
    out = np.empty((len(theta), len(z), count))
    for row, value in zip(out, theta.tolist(), strict=True):
        seen = noise.blend(z, eps, float(expit(value)))
        row[:] = ring_power(estimate(seen, value) - z, count)
    return out


def in_bands(rings: np.ndarray, bands: Sequence[tuple[int, int]]) -> Floats:
    """Sums over bands of rings, (first, beyond the last): ``[..., R]`` -> ``[..., B]``."""
    return np.stack([rings[..., first:beyond].sum(axis=-1) for first, beyond in bands], axis=-1)


def crossings(theta: np.ndarray, relative: np.ndarray) -> Floats:
    """Where relative errors fall to each of `LEVELS`: ``[T, ...]`` -> ``[len(LEVELS), ...]``.

    The logit of the error is interpolated, which is a line for a Gaussian field of one variance.
    What rises again by chance counts as level; nan where a level lies outside the range.
    """
    curves = np.reshape(relative, (len(theta), -1))
    falling = np.minimum.accumulate(np.clip(curves, 1e-9, 1 - 1e-9), axis=0)
    logits, wanted = np.log(falling / (1 - falling)), np.log(LEVELS) - np.log1p(-np.array(LEVELS))
    out = np.full((len(LEVELS), curves.shape[1]), np.nan)
    for column, values in zip(out.T, logits.T, strict=True):
        for index, level in enumerate(wanted):
            below = int(np.argmax(values <= level))
            if values[below] <= level and below:
                a, b = values[below - 1], values[below]
                share = (a - level) / (a - b)
                column[index] = theta[below - 1] + share * (theta[below] - theta[below - 1])
    return out.reshape(len(LEVELS), *np.shape(relative)[1:])


def log_shift(theta: np.ndarray, high: np.ndarray, low: np.ndarray) -> Floats:
    """ln s that lays relative errors ``high`` on ``low``, each ``[T, ...]``: ``[...]``.

    Positive where the first are as small at more noise; mean over `LEVELS`, nan if one is missing.
    """
    return np.asarray((crossings(theta, low) - crossings(theta, high)).mean(axis=0))
