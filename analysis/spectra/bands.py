"""Bands of frequencies: low, middle and high, and which frequencies lie in one."""

import itertools

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from analysis.project.arrays import Floats
from analysis.project.files import Strict


def octave_weights(f: np.ndarray) -> Floats:
    """The width of each frequency's cell on a logarithmic axis: every octave weighs the same.

    Rings are evenly spaced in f, so without weights a log-log fit is decided by the many rings of
    the highest octave.

    Takes at least two f, ascending and positive; returns weights that sum to 1."""
    f = np.asarray(f, np.float64)
    if (
        f.ndim != 1
        or len(f) < 2
        or not (f[0] > 0 and np.isfinite(f[-1]) and np.all(np.diff(f) > 0))
    ):
        raise ValueError("f must be at least two ascending positive frequencies")
    log_f = np.log(f)
    middle = 0.5 * (log_f[1:] + log_f[:-1])
    edges = np.concatenate([[2 * log_f[0] - middle[0]], middle, [2 * log_f[-1] - middle[-1]]])
    width = np.diff(edges)
    return width / width.sum()


class Bands(Strict):
    """Edges of the frequency bands, as fractions of the lower resolution's Nyquist frequency."""

    first_ring: int = Field(2, ge=1, description="lowest ring used; ring 1 is biased by DC removal")
    low: float = Field(0.25, gt=0, le=1, description="end of the low band")
    middle: float = Field(0.5, gt=0, le=1, description="end of the middle band")
    high: float = Field(1.0, gt=0, le=1, description="end of the high band")

    @model_validator(mode="after")
    def _ascending(self) -> "Bands":
        if not self.low < self.middle < self.high:
            raise ValueError("band edges must ascend: low < middle < high")
        return self


AXIS = "cycles/image"
PER_PIXEL = "cycles/pixel"


def band_edges(bands: Bands, k: np.ndarray) -> dict[str, tuple[float, float]]:
    """(from, to) of each band in cycles per image; ``whole`` is low and middle together.

    Where a grid is so small that a band would have fewer than two rings, the band ends at the ring
    that is its second, and the next begins there: `moved_edges` tells which did.

    Args:
        bands: edges as fractions of the low resolution's Nyquist frequency.
        k: ``[R]``, cycles per image of the low resolution's rings, from ring 0 on.

    Raises:
        ValueError: there are too few rings for three bands even so.
    """
    first, nyquist = bands.first_ring, float(len(k) - 1)
    wanted = [float(first), *(nyquist * e for e in (bands.low, bands.middle, bands.high))]
    # The last ring lies below its number: once an edge moves, it has to count by that too.
    rings, usable, ends = np.arange(first, len(k)), k[first:], wanted
    if not all(_two(usable, band) for band in itertools.pairwise(wanted)):
        ends = wanted[:1]
        for end in wanted[1:]:
            beyond = rings[rings >= ends[-1] - 0.5]
            if len(beyond) < 2:
                raise ValueError(
                    f"rings {first} to {nyquist:g} are too few for three bands of two rings: "
                    "use a higher resolution"
                )
            band = ends[-1], end
            ends.append(end if _two(usable, band) and _two(rings, band) else float(beyond[1]))
    low, middle, high = itertools.pairwise(ends)
    return {"whole": (low[0], middle[1]), "low": low, "middle": middle, "high": high}


def _two(k: np.ndarray, band: tuple[float, float]) -> bool:
    return int(np.count_nonzero(in_band(k, band))) > 1


def in_band(k: np.ndarray, band: tuple[float, float]) -> NDArray[np.bool_]:
    """Which frequencies lie in [from, to), with half a ring of grace at both ends."""
    return (k >= band[0] - 0.5) & (k < band[1] + 0.5)


def measurable(k: np.ndarray, bands: Bands) -> bool:
    """Whether there are bands of two rings, which `measure` needs, in a low resolution's k."""
    try:
        band_edges(bands, k)
    except ValueError:
        return False
    return True
