r"""Averages over rings of Fourier modes, and the fast way to them from a field.

**Rings** are one cycle per image apart, measured along the short side. Frequencies are physical:
(i / h, j / w) cycles per pixel, so that a ring is a circle on a rectangular grid too. Each mode is
shared linearly between the two adjacent rings; a ring's frequency is the weighted mean \|k\| of its
modes, not exactly an integer. The corners of the Fourier square, beyond the Nyquist circle, are
left out unless asked for: no ring is complete there.

**From a field** only power is wanted, and a mode and its mirror images have the same \|k\|. With
real transforms along both sides (cosines and sines, matrices C and S),

.. math:: |F(k, l)|^2 + |F(-k, l)|^2
          = 2 \left[ (C z C')^2 + (C z S')^2 + (S z C')^2 + (S z S')^2 \right]_{kl}

since the cross terms cancel. So no complex numbers and no negative frequencies are needed, and a
quarter of the plane holds everything. The 1-D transforms are matrix products: one for a short
side; for a long one of n = n1 n2 a transform of length n1, then n1 / 2 of length n2 with the
twiddle factors in their matrices (Cooley and Tukey 1965). That is more arithmetic than an FFT, in
the one form that numpy hands to BLAS; its own FFT is 2 to 5 times slower than scipy's.
"""

import dataclasses
import functools
import math
import threading

import numpy as np
from numpy.typing import DTypeLike, NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.intp]
BLOCK_BYTES = 2**20  # of fields at a time: intermediate results stay in a core's cache
DENSE = 2**19  # modes times rings up to which the average is a matrix product
COSTLIEST = 256  # multiplications a pixel and side beyond which an FFT is faster


@dataclasses.dataclass(frozen=True)
class Rings:
    """The ring average for one grid size, as an operator on half-plane power.

    Args:
        cycles_per_image: ``[R]``, weighted mean |k| of each ring, cycles per short side.
        modes: ``[R]``, number of Fourier modes in each ring (a sum of weights, so not whole).
        lower: ``[M]``, the lower of the two rings of each mode that is used, ascending.
        inside: ``[M]``, flat indices of those modes in the half plane.
        to_lower, to_upper: ``[M]``, their weights in the two rings; each mode of the half plane
            counts twice, except those of the zero and Nyquist columns, which are their own mirror.
        short_side: pixels, for `cycles_per_pixel`.
    """

    cycles_per_image: Floats
    modes: Floats
    lower: Whole
    inside: Whole
    to_lower: Floats
    to_upper: Floats
    short_side: int

    @property
    def cycles_per_pixel(self) -> Floats:
        """``[R]``, the same frequencies in cycles per pixel."""
        return self.cycles_per_image / self.short_side

    @property
    def in_corners(self) -> NDArray[np.bool_]:
        """``[R]``, whether a ring lies beyond the Nyquist circle; all False without corners."""
        return np.arange(len(self.modes)) > self.short_side // 2

    def average(self, power: np.ndarray) -> Floats:
        """Mean over each ring of half-plane power ``[..., h, w // 2 + 1]`` -> ``[..., R]``."""
        flat = power.reshape(-1, power.shape[-2] * power.shape[-1])
        out = np.empty((len(flat), len(self.modes)))
        for row, values in enumerate(flat):
            out[row] = self._sums(values[self.inside], self.to_lower, self.to_upper)
        return (out / self.modes).reshape(*power.shape[:-2], len(self.modes))

    @functools.cached_property
    def _segments(self) -> tuple[Whole, Whole]:
        return np.unique(self.lower, return_index=True)

    def _sums(self, kept: np.ndarray, to_lower: np.ndarray, to_upper: np.ndarray) -> Floats:
        present, starts = self._segments
        sums = np.zeros(len(self.modes) + 1)
        sums[present] = np.add.reduceat(to_lower * kept, starts)
        sums[present + 1] += np.add.reduceat(to_upper * kept, starts)
        return sums[:-1]


def _divide(radius: np.ndarray, count: np.ndarray, short: int, corners: bool) -> Rings:
    """Rings from each mode's |k| in cycles per short side and how often it counts."""
    radius, count = radius.ravel(), count.ravel()
    last = math.ceil(radius.max() - 1e-9) if corners else short // 2
    inside = np.flatnonzero((radius <= last + 1e-9) & (count > 0))
    lower = np.floor(radius[inside] + 1e-9).astype(np.intp)
    order = np.argsort(lower, kind="stable")
    inside, lower, radius = inside[order], lower[order], radius[inside[order]]
    to_upper: Floats = np.clip(radius - lower, 0.0, 1.0)
    to_lower: Floats = count[inside] * (1.0 - to_upper)
    to_upper = count[inside] * to_upper
    empty = np.ones(last + 1)
    bare = Rings(empty, empty, lower, inside, to_lower, to_upper, short)
    modes = bare._sums(np.ones_like(radius), to_lower, to_upper)
    k = bare._sums(radius, to_lower, to_upper) / modes
    k.flags.writeable = modes.flags.writeable = False
    return dataclasses.replace(bare, cycles_per_image=k, modes=modes)


@functools.lru_cache(maxsize=16)
def rings(height: int, width: int, corners: bool = False) -> Rings:
    """The rings of an h x w grid; built once per size.

    Args:
        height, width: pixels.
        corners: go on beyond the Nyquist circle, from ring min(h, w) // 2 to the corner of the
            Fourier square. Those rings are arcs, and ring min(h, w) // 2 has both its sides.
    """
    short = min(height, width)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    count = np.broadcast_to(_mirrors(np.arange(width // 2 + 1), width), radius.shape)
    return _divide(radius * short, count, short, corners)


def _mirrors(k: np.ndarray, n: int) -> np.ndarray:
    """How many of +k and -k there are on n points; none for a place that is only padding, k < 0."""
    return np.where(k < 0, 0, np.where((k == 0) | (2 * k == n), 1, 2))


def pair_sums(height: int, width: int, corners: bool, overlap: np.ndarray, least: float) -> Floats:
    """Sum over pairs of modes m, n of a_m a_n C(m - n), for each ring's weights a: ``[R]``.

    Args:
        overlap: C, ``[h, w]``, by difference of index; even, at most 1.
        least: differences with a smaller C are left out.
    """
    short = min(height, width)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :]) * short
    whole = _divide(radius, np.ones_like(radius), short, corners)
    size = len(whole.modes) + 1
    lower = np.full(radius.size, -9, dtype=np.intp)
    near, far = np.zeros((2, radius.size))
    lower[whole.inside], near[whole.inside] = whole.lower, whole.to_lower
    far[whole.inside] = whole.to_upper
    plane = [array.reshape(height, width) for array in (lower, near, far)]
    used, a, b = whole.lower, whole.to_lower, whole.to_upper
    out = np.zeros(size)
    for i, j in np.argwhere(overlap > least):
        mirror = (-i % height, -j % width)
        if (i, j) > mirror:
            continue  # d and -d are alike: one is counted twice
        other, c, d = (np.roll(array, (i, j), (0, 1)).ravel()[whole.inside] for array in plane)
        gap = other - used
        at_lower = a * np.where(gap == 0, c, np.where(gap == -1, d, 0.0))
        at_upper = b * np.where(gap == 0, d, np.where(gap == 1, c, 0.0))
        sums = np.bincount(used, at_lower, minlength=size)
        sums[1:] += np.bincount(used, at_upper, minlength=size)[:-1]
        out += (1.0 if (i, j) == mirror else 2.0) * overlap[i, j] * sums
    return out[:-1]


def _cosines(k: np.ndarray, n: int, places: int) -> tuple[Floats, Floats]:
    """cos and sin of 2 pi k b / n for b < places, ``[len(k), places]``."""
    phase = 2 * np.pi * (np.outer(k, np.arange(places)) % n) / n
    return np.cos(phase), np.sin(phase)


def _cost(n: int, first: int) -> int:
    return n if first == 1 else first + 2 * n // first


def _first(n: int) -> int:
    """n1 of n = n1 n2: even, or 1 for a single product."""
    splits = [d for d in range(2, n // 2, 2) if n % d == 0] if n > 48 else []
    return min([1, *splits], key=lambda d: (_cost(n, d) + 8 * (d > n // d), d))


def suits(height: int, width: int) -> bool:
    """Whether products are the fast way for this size: not for long sides with few divisors."""
    return all(_cost(n, _first(n)) <= COSTLIEST for n in (height, width))


def _matrices(n: int, dtype: DTypeLike) -> tuple[np.ndarray | None, np.ndarray, Whole]:
    """The transform of one side: first matrix, stack of second ones, and the places' |k|.

    Returns:
        ``[n1, n1]`` or None if n1 is 1; ``[p, 2 m, n / p]``, cosines before sines, where
        p = max(n1 / 2, 1); ``[p, m]`` with -1 where a place is only padding.
    """
    first = _first(n)
    if first == 1:
        k = np.arange(n // 2 + 1)
        return None, np.concatenate(_cosines(k, n, n))[None].astype(dtype), k[None]
    second, pairs = n // first, first // 2
    start = np.empty((first, first))
    stack = np.zeros((pairs, 2, second + 1, 2, second))
    places = np.full((pairs, second + 1), -1)
    # Pair 0 is the two real outputs of the first step, k = 0 and n1 / 2 modulo n1.
    start[0], start[1] = 1.0, (-1.0) ** np.arange(first)
    zero, half = first * np.arange(second // 2 + 1), pairs + first * np.arange((second + 1) // 2)
    places[0] = np.concatenate([zero, half])
    stack[0, :, : len(zero), 0] = _cosines(zero, n, second)
    stack[0, :, len(zero) :, 1] = _cosines(half, n, second)
    # Pair p is (cos, sin) of k = p modulo n1: complex, and -k stands for k.
    for p in range(1, pairs):
        start[2 * p], start[2 * p + 1] = (row[0] for row in _cosines(np.array([p]), first, first))
        k = p + first * np.arange(second)
        cosines, sines = _cosines(k, n, second)
        stack[p, 0, :-1, 0], stack[p, 0, :-1, 1] = cosines, -sines
        stack[p, 1, :-1, 0], stack[p, 1, :-1, 1] = sines, cosines
        places[p, :-1] = np.minimum(k, n - k)
    matrices = stack.reshape(pairs, 2 * (second + 1), 2 * second)
    return start.astype(dtype), matrices.astype(dtype), places


class Products:
    """Ring averages of fields by matrix products, for one size, window and precision.

    Args:
        window: ``[h, w]``, separable.
        dtype: of the products, float32 or float64; averages are float64.
    """

    def __init__(self, window: np.ndarray, dtype: DTypeLike, corners: bool) -> None:
        h, w = self.shape = window.shape
        self.dtype = np.dtype(dtype)
        self.kept = threading.local()
        self.start_y, second_y, ky = _matrices(h, dtype)
        self.start_x, self.second_x, kx = _matrices(w, dtype)
        self.second_y = np.ascontiguousarray(second_y.swapaxes(-1, -2))
        self.window = window.astype(dtype)
        self.row_mean = (window.sum(axis=0) / window.sum()).astype(dtype)
        self.column_mean = window.sum(axis=1) / window.sum()
        ky, kx = ky[:, None, None, :], kx[None, :, :, None]  # the order within a block
        radius = np.hypot(ky / h, kx / w) * min(h, w)
        self.places = radius.shape
        self.rings = _divide(radius, _mirrors(ky, h) * _mirrors(kx, w), min(h, w), corners)
        divisor = h * w * np.mean(window**2)
        lower, upper = self.rings.to_lower / divisor, self.rings.to_upper / divisor
        self.to_lower, self.to_upper = (array.astype(dtype) for array in (lower, upper))
        self.modes, self.dense = self.rings.modes, None
        if radius.size * len(self.modes) <= DENSE:
            dense = np.zeros((radius.size, len(self.modes) + 1))
            dense[self.rings.inside, self.rings.lower] = lower
            dense[self.rings.inside, self.rings.lower + 1] = upper
            self.dense = dense[:, :-1].astype(dtype)

    def average(self, fields: np.ndarray) -> tuple[Floats, Floats]:
        """``[n, h, w]`` -> ring averages ``[n, R]`` and windowed means ``[n]``."""
        (h, w), n = self.shape, len(fields)
        together = max(1, BLOCK_BYTES // (self.dtype.itemsize * h * w))
        # The matrix of a dense average is larger than a block: it is read once for many fields.
        group = together * max(1, 32 // together) if self.dense is not None else together
        sums, means = np.empty((n, len(self.modes))), np.empty(n)
        buffer, places = self._buffer, self.places
        for i in range(0, n, group):
            power = buffer("power", (min(group, n - i), math.prod(places)))
            for j in range(0, len(power), together):
                part = fields[i + j : i + min(j + together, len(power))]
                mean = (part @ self.row_mean) @ self.column_mean  # float64 from the rows on
                means[i + j : i + j + len(part)] = mean
                mean = mean.astype(self.dtype)[:, None, None]
                x = np.subtract(part, mean, out=buffer("x", part.shape))
                x *= self.window
                self._quarter(x, power[j : j + len(part)].reshape(-1, *places))
            if self.dense is not None:
                sums[i : i + group] = power @ self.dense
                continue
            for row, kept in enumerate((values[self.rings.inside] for values in power), i):
                sums[row] = self.rings._sums(kept, self.to_lower, self.to_upper)
        return sums / self.modes, means

    def _buffer(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Room for an intermediate result; kept from call to call, each thread's its own."""
        size, room = math.prod(shape), vars(self.kept)
        if name not in room or room[name].size < size:
            room[name] = np.empty(size, self.dtype)
        return room[name][:size].reshape(shape)

    def _quarter(self, x: np.ndarray, out: np.ndarray) -> None:
        """Power of windowed fields ``[f, h, w]`` at each place of the quarter plane."""
        (f, _, w), buffer = x.shape, self._buffer
        (pairs_y, in_y, out_y), (pairs_x, out_x, in_x) = self.second_y.shape, self.second_x.shape
        if self.start_y is not None:
            x = x.reshape(f, 2 * pairs_y, -1)
            x = np.matmul(self.start_y, x, out=buffer("start y", x.shape))
        x = x.reshape(f, pairs_y, in_y, w).swapaxes(-1, -2)
        step = max(1, BLOCK_BYTES // (self.dtype.itemsize * f * w * out_y))
        for p in range(0, pairs_y, step):
            part = x[:, p : p + step]
            g = part.shape[1]
            v = np.matmul(part, self.second_y[p : p + step], out=buffer("y", (f, g, w, out_y)))
            if self.start_x is not None:
                v = v.reshape(f, g, 2 * pairs_x, -1)
                v = np.matmul(self.start_x, v, out=buffer("start x", v.shape))
            v = v.reshape(f, g, pairs_x, in_x, out_y)
            v = np.matmul(self.second_x, v, out=buffer("x second", (f, g, pairs_x, out_x, out_y)))
            v *= v
            half = v[..., : out_x // 2, :]
            v = np.add(half, v[..., out_x // 2 :, :], out=buffer("fold", half.shape))
            np.add(v[..., : out_y // 2], v[..., out_y // 2 :], out=out[:, p : p + step])
