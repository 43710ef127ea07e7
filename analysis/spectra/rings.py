r"""Averages over rings of Fourier modes.

**Rings** are one cycle per image apart, measured along the short side. Frequencies are physical:
(i / h, j / w) cycles per pixel, so that a ring is a circle on a rectangular grid too. Each mode is
shared linearly between the two adjacent rings; a ring's frequency is the weighted mean \|k\| of its
modes, not exactly an integer. The corners of the Fourier square, beyond the Nyquist circle, are
left out unless asked for: no ring is complete there.
"""

import dataclasses
import functools
import math

import numpy as np
from numpy.typing import NDArray

from analysis.project.arrays import Floats, Whole

DENSE = 2**19  # modes times rings up to which the average is a matrix product


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
        plane: (rows, columns) of the half plane, h and w // 2 + 1.
        short_side: pixels, for `cycles_per_pixel`.
    """

    cycles_per_image: Floats
    modes: Floats
    lower: Whole
    inside: Whole
    to_lower: Floats
    to_upper: Floats
    plane: tuple[int, int]
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
        return self._means(_folded(power.copy())).reshape(*power.shape[:-2], len(self.modes))

    def average_squares(self, modes: np.ndarray) -> Floats:
        """`average` of the squared magnitudes of complex modes, which are **overwritten**.

        Squares and sums stay where the modes were, and rows are halved before real and imaginary
        parts are added: every pass is over long runs of memory, and none is made twice.
        """
        parts = modes.view(modes.real.dtype)  # real and imaginary parts by turns
        np.multiply(parts, parts, out=parts)
        both = _folded(parts)
        return self._means(both[:, ::2] + both[:, 1::2]).reshape(*modes.shape[:-2], len(self.modes))

    def _means(self, folded: np.ndarray) -> Floats:
        """Means over rings of the power in rows k >= 0, ``[n, modes]`` -> ``[n, R]``."""
        sums = np.zeros((len(folded), len(self.modes)))
        for modes, first, matrix in self._single if folded.dtype == np.float32 else self._double:
            sums[:, first:] += folded[:, modes] @ matrix
        if not self._double:
            inside, _, to_lower, to_upper = self._upper
            for row, values in zip(sums, folded, strict=True):
                row[:] = _ring_sums(values[inside], self._runs, to_lower, to_upper, len(row))
        return sums / self.modes

    @functools.cached_property
    def _upper(self) -> tuple[Whole, Whole, Floats, Floats]:
        """(inside, lower, to_lower, to_upper) in the rows k >= 0, after which the others follow."""
        first = self.inside < (self.plane[0] // 2 + 1) * self.plane[1]
        return self.inside[first], self.lower[first], self.to_lower[first], self.to_upper[first]

    @functools.cached_property
    def _runs(self) -> tuple[Whole, Whole]:
        return _runs(self._upper[1])

    @functools.cached_property
    def _double(self) -> list[tuple[slice, int, np.ndarray]]:
        """The sums over rings as (modes, first ring, matrix) of two halves, if small; else none.

        The rows far from zero reach the outer rings only.
        """
        rows, columns = self.plane[0] // 2 + 1, self.plane[1]
        if rows * columns * len(self.modes) > DENSE:
            return []
        inside, lower, to_lower, to_upper = self._upper
        whole = np.zeros((rows * columns, len(self.modes) + 1))
        whole[inside, lower] = to_lower
        whole[inside, lower + 1] = to_upper
        half = rows // 2 * columns
        first = int(np.flatnonzero(whole[half:].any(axis=0))[0])
        return [
            (slice(half), 0, whole[:half, :-1].copy()),
            (slice(half, None), first, whole[half:, first:-1].copy()),
        ]

    @functools.cached_property
    def _single(self) -> list[tuple[slice, int, np.ndarray]]:
        return [(modes, first, m.astype(np.float32)) for modes, first, m in self._double]


def _folded(values: np.ndarray) -> np.ndarray:
    """Rows k and -k have the same rings: added, in place, they halve the work that follows.

    ``[..., h, n]`` is changed; returned are its rows k >= 0, ``[fields, (h // 2 + 1) n]``.
    """
    rows, columns = values.shape[-2:]
    mirrored = (rows - 1) // 2
    values[..., 1 : mirrored + 1, :] += values[..., : -mirrored - 1 : -1, :]
    return values.reshape(-1, rows * columns)[:, : (rows // 2 + 1) * columns]


def _runs(lower: Whole) -> tuple[Whole, Whole]:
    """(where each run of one ring begins, which ring it is) among modes in the order of rings."""
    starts = np.flatnonzero(np.diff(lower, prepend=-1))
    return starts, lower[starts]


def _ring_sums(
    values: np.ndarray,
    runs: tuple[Whole, Whole],
    to_lower: np.ndarray,
    to_upper: np.ndarray,
    count: int,
) -> Floats:
    """Weighted sums over the rings of modes in the order of their lower ring: ``[count]``."""
    (starts, present), sums = runs, np.zeros(count + 1)
    sums[present] = np.add.reduceat(to_lower * values, starts)
    sums[present + 1] += np.add.reduceat(to_upper * values, starts)
    return sums[:-1]


def _divide(radius: np.ndarray, count: np.ndarray, short: int, corners: bool) -> Rings:
    """Rings from each mode's |k| in cycles per short side and how often it counts, ``[h, n]``."""
    plane = (radius.shape[0], radius.shape[1])
    radius, count = radius.ravel(), count.ravel()
    last = math.ceil(radius.max() - 1e-9) if corners else short // 2
    inside = np.flatnonzero(radius <= last + 1e-9)
    lower = np.floor(radius[inside] + 1e-9).astype(np.intp)
    order = np.argsort(lower, kind="stable")
    inside, lower, radius = inside[order], lower[order], radius[inside[order]]
    to_upper: Floats = np.clip(radius - lower, 0.0, 1.0)
    to_lower: Floats = count[inside] * (1.0 - to_upper)
    to_upper = count[inside] * to_upper
    runs = _runs(lower)
    modes = _ring_sums(np.ones_like(radius), runs, to_lower, to_upper, last + 1)
    k = _ring_sums(radius, runs, to_lower, to_upper, last + 1) / modes
    k.flags.writeable = modes.flags.writeable = False
    return Rings(k, modes, lower, inside, to_lower, to_upper, plane, short)


@functools.lru_cache(maxsize=16)
def rings(height: int, width: int, corners: bool = False) -> Rings:
    """The rings of an h x w grid; built once per size.

    Args:
        height, width: pixels.
        corners: go on beyond the Nyquist circle, from ring min(h, w) // 2 to the corner of the
            Fourier square. Those rings are arcs, and ring min(h, w) // 2 has both its sides.
    """
    short = min(height, width)
    columns = np.arange(width // 2 + 1)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    count = np.where((columns == 0) | (2 * columns == width), 1.0, 2.0)
    return _divide(radius * short, np.broadcast_to(count, radius.shape), short, corners)


def ring_covariance(window: np.ndarray, corners: bool) -> Floats:
    r"""Covariance of the ring averages of one Gaussian field under a window ``[h, w]``: ``[R, R]``.

    A mode's power scatters by its mean (an exponential distribution), a mode and its mirror are
    one draw, and a window makes neighbours alike: for a spectrum that is flat over the window's
    reach their powers have the correlation $C(d) = |W_2(d) / W_2(0)|^2$, W_2 the transform
    of w^2 (Percival and Walden 1993). With a and b the weights of modes in two rings,
    over the whole plane, in units of the spectrum squared,

    $$
    v_{ab} = \frac{2 \sum_{m,n} a_m b_n C(m - n)}{\sum_m a_m \sum_n b_n}.
    $$
    """
    height, width = window.shape
    overlap = np.abs(np.fft.fft2(window**2)) ** 2
    overlap /= overlap[0, 0]
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :])
    whole = _divide(radius * min(height, width), np.ones_like(radius), min(height, width), corners)
    size = len(whole.modes) + 1
    lower = np.zeros(radius.size, dtype=np.intp)
    near, far = np.zeros((2, radius.size))  # no weight outside the rings
    lower[whole.inside], near[whole.inside] = whole.lower, whole.to_lower
    far[whole.inside] = whole.to_upper
    plane = [array.reshape(height, width) for array in (lower, near, far)]
    used, a, b = whole.lower * size, whole.to_lower, whole.to_upper
    total = np.zeros((size, size))
    for i, j in np.argwhere(overlap > 1e-5):
        mirror = (-i % height, -j % width)
        if (i, j) > mirror:
            continue  # d and -d are alike: one is counted twice
        other, c, d = (np.roll(array, (i, j), (0, 1)).ravel()[whole.inside] for array in plane)
        sums = np.zeros(size * size)
        for shift, weight in ((0, a * c), (1, a * d), (size, b * c), (size + 1, b * d)):
            sums += np.bincount(used + other + shift, weight, minlength=size * size)
        found = overlap[i, j] * sums.reshape(size, size)
        total += found if (i, j) == mirror else found + found.T
    return 2 * total[:-1, :-1] / np.outer(whole.modes, whole.modes)
