"""A field on a coarser grid, by keeping its low frequencies and nothing else."""

from typing import Literal

import numpy as np

from analysis.project.arrays import Floats


def crop(z: np.ndarray, side: int, edges: Literal["even", "periodic"] = "even") -> Floats:
    r"""The ideal low-pass of square fields, on a coarser grid. @eq-crop

    The middle of the transform is kept and scaled so that amplitudes stay: with the discrete
    transform F_n on n points a side and $\Omega$ the number of points of a period, 2 n for
    even edges and n for periodic ones, per axis

    $$
    F_s(k) = \frac{s}{n} F_n(k) \, e^{i \pi k (1/\Omega_s - 1/\Omega_n)}, \qquad
    |k| < \Omega_s / 2,
    $$

    where the phase moves the samples from the centres of fine pixels to those of coarse ones. The
    coarse Nyquist frequency itself, where a phase can't be told, is left out: an even continuation
    has nothing there, a periodic one loses one mode of each axis.

    Args:
        z: ``[..., n, n]``, real.
        side: s, points a side of the result, at most n; any ratio.
        edges: how the field goes on beyond them.

    Returns:
        ``[..., side, side]``, float64. A crop of a crop is the crop at once.
    """
    n = square_side(z, side)
    if n == side:
        return np.array(z, np.float64)
    out = np.asarray(z, np.float64)
    for _ in range(2):
        out = np.swapaxes(_crop_rows(out, side, mirrored=edges == "even"), -1, -2)
    return np.ascontiguousarray(out)


def _crop_rows(z: Floats, side: int, mirrored: bool) -> Floats:
    n, copies = z.shape[-1], 1 + mirrored
    if mirrored:
        z = np.concatenate([z, z[..., ::-1]], axis=-1)
    k = np.arange((copies * side + 1) // 2)
    phase = np.exp(1j * np.pi * k * (1 / side - 1 / n) / copies)
    modes = np.fft.rfft(z)[..., : len(k)] * phase * (side / n)
    return np.fft.irfft(modes, n=copies * side)[..., :side]  # modes that are left out are 0


def square_side(z: np.ndarray, side: int) -> int:
    n = z.shape[-1]
    if z.shape[-2] != n:
        raise ValueError(f"the planes are not square: {z.shape[-2]} x {n}")
    if not 1 <= side <= n:
        raise ValueError(f"{n} x {n} planes can't become {side} x {side}: nothing is upscaled")
    return n
