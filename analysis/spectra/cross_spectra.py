"""Cross-spectral matrices: the power that channels share, averaged over bins of rings."""

import dataclasses
import itertools
import math

import numpy as np
from numpy.typing import NDArray

from analysis.project.arrays import Floats
from analysis.spectra import periodogram, windows
from analysis.spectra import rings as spectra_rings
from analysis.spectra.bands import Bands, band_edges
from analysis.spectra.windows import TWO_PI, Window


@dataclasses.dataclass(frozen=True)
class Bins:
    """Groups of neighbouring rings, the same at two resolutions.

    Args:
        edges: ``[B, 2]``, the first ring of each bin and the one after its last.
        k, modes: ``[B]``, mean frequency (cycles per image) and number of a bin's modes.
        bands: B names, the band each bin lies in.
    """

    edges: NDArray[np.intp]
    k: Floats
    modes: Floats
    bands: tuple[str, ...]

    def within(self, *bands: str) -> NDArray[np.bool_]:
        """Which of the B bins lie in these bands; ``whole`` is low and middle together."""
        names = {*bands, *(("low", "middle") if "whole" in bands else ())}
        return np.array([band in names for band in self.bands])

    def __getitem__(self, chosen: NDArray[np.bool_]) -> "Bins":
        """Some of the bins."""
        names = tuple(band for band, keep in zip(self.bands, chosen, strict=True) if keep)
        return Bins(self.edges[chosen], self.k[chosen], self.modes[chosen], names)

    def average(self, matrices: np.ndarray, noise: np.ndarray, modes: np.ndarray) -> Floats:
        """`cross_raps` over `periodogram.white_noise_raps` of a grid, in bins: ``[B, C, C]``."""
        ring, out = np.arange(len(modes)), []
        for first, end in self.edges:
            chosen = (ring >= first) & (ring < end)
            weights = modes[chosen] / noise[chosen] / modes[chosen].sum()
            out.append(np.einsum("r,rcd->cd", weights, matrices[chosen]))
        return np.stack(out)


def cross_raps(z: np.ndarray, kind: str = "kaiser", beta: float = TWO_PI) -> Floats:
    """Ring-averaged cross-spectral matrices of a field: ``[C, h, w]`` -> ``[R, C, C]``. @eq-cross

    The diagonal is ``spectra.raps(z, kind, beta)``. ValueError as of `periodogram.half_modes`."""
    if z.ndim != 3:
        raise ValueError(f"cross-spectra need one field [C, h, w], got shape {z.shape}")
    rings = spectra_rings.rings(*z.shape[1:])
    double = z.astype(np.result_type(z, np.float64), copy=False)  # what is complex is refused so
    modes = periodogram.half_modes(double, kind, beta).reshape(len(z), -1)
    modes = modes[:, rings.inside]
    parts = np.stack([modes.real, modes.imag], axis=1)
    sums = np.zeros((len(rings.modes) + 1, len(z), len(z)))
    bounds = np.searchsorted(rings.lower, np.arange(len(rings.modes) + 1))
    for ring, (start, stop) in enumerate(itertools.pairwise(bounds)):
        part = parts[:, :, start:stop]
        for place, weights in ((ring, rings.to_lower), (ring + 1, rings.to_upper)):
            weighted = (part * weights[start:stop]).reshape(len(z), -1)
            sums[place] += weighted @ part.reshape(len(z), -1).T
    out = sums[:-1] / rings.modes[:, None, None]
    return 0.5 * (out + out.swapaxes(1, 2))  # products differ in the last bits


def bins(bands: Bands, modes: np.ndarray, k: np.ndarray, least: float = 0.0) -> Bins:
    """Bins of a third of an octave, of the rings two resolutions share; band edges are theirs.

    The low resolution's last ring is left out: the grids have different modes there.

    Args:
        bands: edges as fractions of the low resolution's Nyquist frequency.
        modes, k: ``[R]``, of the low resolution's rings.
        least: modes below which neighbouring bins of a band are joined. I photographs have a
            matrix of C channels well in hand from 4 C / (I e) on, where the window makes each
            mode worth e = mean(w^2)^2 / mean(w^4): 0.25 for Kaiser beta 2 pi.
    """
    named = band_edges(bands, k)
    cuts, names, parts = [bands.first_ring], ("low", "middle", "high"), []
    ends = [min(math.floor(named[name][1]) + 1, len(modes) - 1) for name in names]
    for name, end in zip(names, ends, strict=True):
        if end == cuts[-1]:
            continue  # on a small grid a band may have no ring of its own
        inner = np.geomspace(cuts[-1], end, max(2, round(3 * math.log2(end / cuts[-1])) + 1))
        for cut in np.unique(inner.round().astype(int))[1:-1].tolist():
            if min(modes[cuts[-1] : cut].sum(), modes[cut:end].sum()) >= least:
                parts.append((name, cuts[-1], cut))
                cuts.append(cut)
        parts.append((name, cuts[-1], end))
        cuts.append(end)
    count = np.array([modes[first:end].sum() for _, first, end in parts])
    centre = np.array([modes[first:end] @ k[first:end] for _, first, end in parts]) / count
    edges = np.array([part[1:] for part in parts])
    return Bins(edges, centre, count, tuple(name for name, *_ in parts))


def packed(matrices: np.ndarray) -> NDArray[np.float32]:
    """Rows of the upper halves of symmetric matrices: ``[..., C, C]`` -> ``[..., C (C + 1) / 2]``.

    In single precision, since they are committed.
    """
    return matrices[..., *np.triu_indices(matrices.shape[-1])].astype(np.float32)


def shared_bins(side: int, channels: int, images: int, window: Window, bands: Bands) -> Bins:
    """Bins of frequencies in which cross-spectral matrices are averaged.

    A matrix of C channels is well determined by four times C modes; a window makes neighbouring
    modes alike, so that each is worth mean(w^2)^2 / mean(w^4) of one.

    Args:
        side: latent pixels a side at the low resolution.
        channels: C, of the latents.
        images: how many matrices are averaged.
        window: the taper of the spectra.
        bands: edges of the frequency bands, which no bin crosses.
    """
    rings = spectra_rings.rings(side, side)
    squares = windows.window2d(side, side, window.kind, window.beta) ** 2
    worth = float(np.mean(squares) ** 2 / np.mean(squares**2))
    least = 4 * channels / (images * worth)
    return bins(bands, rings.modes, rings.cycles_per_image, least)


def unpacked(halves: np.ndarray, channels: int) -> Floats:
    """The inverse of `packed`: ``[..., C (C + 1) / 2]`` -> ``[..., C, C]``."""
    out = np.empty((*halves.shape[:-1], channels, channels))
    rows, columns = np.triu_indices(channels)
    out[..., rows, columns] = out[..., columns, rows] = halves
    return out
