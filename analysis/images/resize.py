r"""From the pixels of a file to those of a resolution: resizing, and JPEG before it.

Which filter shrinks an image decides what is left of its spectrum near the new Nyquist frequency,
so it is a choice that a measurement of spectra has to name. Three filters are Pillow's, as loaders
use them; the fourth is the **ideal low-pass**, which leaves every frequency below the new Nyquist
frequency as it was and nothing above.

For the ideal low-pass the image is continued evenly (mirrored) beyond its edges, which is a crop of
its discrete cosine transform (DCT-II). A crop of the plain Fourier transform would continue the
image periodically: a photograph's left edge does not meet its right one, and the jump rings on
both sides. Both kinds of crop place samples at the centres of pixels, (i + 1/2) / n of the side,
on the fine grid as on the coarse one, as Pillow's filters do; without that the coarse image would
be moved by (1/s - 1/n) / 2 of the side.
"""

import io
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.project.errors import InputError, nearest
from analysis.spectra.lowpass import crop, square_side

Resample = Literal["lanczos", "bicubic", "box", "fourier"]


def resize(planes: np.ndarray, side: int, resample: Resample = "lanczos") -> NDArray[np.float32]:
    """Square planes shrunk to ``side`` pixels a side, not clipped.

    Args:
        planes: ``[..., n, n]``, real values of any range; Pillow's filters work in float32, the
            ideal low-pass in float64.
        side: pixels a side, at most n. If it is n, nothing is resampled.
        resample: ``lanczos``, ``bicubic`` and ``box`` are Pillow's, widened by the factor of the
            reduction; ``fourier`` is `crop` with even edges. All but ``box`` overshoot.

    Returns:
        ``[..., side, side]``, float32, C-contiguous.

    Raises:
        InputError: unknown filter.
        ValueError: the planes are not square, or smaller than ``side``.
    """
    known = list(get_args(Resample))
    if resample not in known:
        raise InputError(f"unknown filter '{resample}'; {nearest(resample, known)}")
    n = square_side(planes, side)
    if n == side:
        return np.ascontiguousarray(planes, np.float32)
    if resample == "fourier":
        return crop(planes, side).astype(np.float32)
    kind = Image.Resampling[resample.upper()]
    flat = np.ascontiguousarray(planes, np.float32).reshape(-1, n, n)
    out = np.empty((len(flat), side, side), np.float32)
    for row, plane in zip(out, flat, strict=True):
        row[:] = np.asarray(Image.fromarray(plane).resize((side, side), kind))
    return out.reshape(*planes.shape[:-2], side, side)


def clip(pixels: np.ndarray) -> tuple[NDArray[np.float32], float]:
    """Pixels limited to [-1, 1], the range encoders are trained on, and the share that was not."""
    beyond = float(np.mean(np.abs(pixels) > 1))
    return np.clip(pixels, -1, 1, dtype=np.float32, casting="same_kind"), beyond


def jpeg(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """What JPEG leaves of an image: written by Pillow at a quality and read again.

    Args:
        pixels: ``[H, W, 3]``, uint8, sRGB.
        quality: 1 to 100, of libjpeg's scale; colour is halved in both directions (4:2:0).

    Returns:
        ``[H, W, 3]``, uint8.

    Raises:
        InputError: quality out of range.
    """
    if not 1 <= quality <= 100:
        raise InputError(f"JPEG quality {quality}: choose 1 (worst) to 100 (best)")
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(buffer, formats=("JPEG",)) as image:
        return np.asarray(image)
