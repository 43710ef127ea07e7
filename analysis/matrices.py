"""Cross-spectral matrices as they are stored: which frequencies are averaged, and half of each."""

import numpy as np
from numpy.typing import NDArray

from analysis import cross_spectra, spectra
from analysis.arrays import Floats
from analysis.cross_spectra import Bins
from analysis.settings import Bands, Window


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
    rings = spectra.rings(side, side)
    squares = spectra.window2d(side, side, window.kind, window.beta) ** 2
    worth = float(np.mean(squares) ** 2 / np.mean(squares**2))
    least = 4 * channels / (images * worth)
    return cross_spectra.bins(bands, rings.modes, rings.cycles_per_image, least)


def unpacked(halves: np.ndarray, channels: int) -> Floats:
    """The inverse of `packed`: ``[..., C (C + 1) / 2]`` -> ``[..., C, C]``."""
    out = np.empty((*halves.shape[:-1], channels, channels))
    rows, columns = np.triu_indices(channels)
    out[..., rows, columns] = out[..., columns, rows] = halves
    return out
