r"""Encoders that are written down, not trained: controls whose truth is known or arguable.

All have stride 8. All but ``random`` are linear maps of a patch's 192 values (8 x 8 pixels of three
colours, in the order of `linear_code.patches`), so that what they show follows from pictures:

- ``unshuffle``: the values themselves, as channels;
- ``dct``: the orthonormal cosine transform of each colour's block, $u$ down and $v$ across;
- ``haar``: the orthonormal Haar transform of each colour's block, three levels along each axis;
- ``average``: each colour's mean over the patch, 3 channels;
- ``jpeg``: the cosine transform of Y, Cb and Cr (JFIF), divided by JPEG's example tables (ITU-T
  T.81, annex K): channels are weighted by what an eye sees of them;
- ``whitened``: the cosine transform times $\sqrt{u^2 + v^2}$ (1/2 for the block's mean), which
  would give channels of equal variance for pictures of power $k^{-2}$;
- ``random``: three 3x3 convolutions of stride 2 to 32, 64 and 16 channels, with ReLU between, of
  weights that are drawn and never trained: what architecture alone does.

An orthonormal map of a patch's values keeps the power of every mode summed over channels, so the
channel average of ``dct`` and ``haar`` is that of ``unshuffle``: they are one encoder to a spectrum
that is averaged over channels, and differ only where channels are weighted. @eq-raps
"""

import functools
import itertools
import math
from typing import Literal, get_args

import numpy as np

from analysis.encoders.linear_code import COLOURS, patches
from analysis.project.arrays import Floats
from analysis.project.errors import InputError
from analysis.timesteps import noise

Formula = Literal["unshuffle", "dct", "haar", "average", "jpeg", "whitened", "random"]
FORMULAS: tuple[Formula, ...] = get_args(Formula)
PATCH = 8
WIDTHS = (COLOURS, 32, 64, 16)  # channels of the random network, from pixels to latents

# ITU-T T.81, tables K.1 and K.2: example quantisation of luminance and chrominance, u down.
LUMINANCE = """
16 11 10 16 24 40 51 61  12 12 14 19 26 58 60 55  14 13 16 24 40 57 69 56  14 17 22 29 51 87 80 62
18 22 37 56 68 109 103 77  24 35 55 64 81 104 113 92  49 64 78 87 103 121 120 101
72 92 95 98 112 100 103 99"""
CHROMINANCE = """
17 18 24 47 99 99 99 99  18 21 26 66 99 99 99 99  24 26 56 99 99 99 99 99  47 66 99 99 99 99 99 99
99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99
"""
# JFIF 1.02: rows Y, Cb, Cr of R, G, B.
YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def cosines() -> Floats:
    """``[8, 8]``, the orthonormal DCT-II: row u has (u / 2) cycles a block."""
    u, x = np.arange(PATCH)[:, None], np.arange(PATCH) + 0.5
    return np.sqrt(np.where(u == 0, 1, 2) / PATCH) * np.cos(np.pi * u * x / PATCH)


def haar() -> Floats:
    """``[8, 8]``, the orthonormal Haar transform: the mean, then differences of ever finer halves.

    H_2n is the rows (H_n kron [1, 1]) and (I_n kron [1, -1]), over sqrt 2.
    """
    out = np.ones((1, 1))
    while len(out) < PATCH:
        means, details = np.kron(out, [1, 1]), np.kron(np.eye(len(out)), [1, -1])
        out = np.concatenate([means, details]) / math.sqrt(2)
    return out


@functools.cache
def matrix(formula: Formula) -> Floats:
    """``[C, 192]``: a patch's values -> its channels, for all formulas that are linear."""
    eye = np.eye(COLOURS)
    dct = np.kron(cosines(), cosines())
    if formula == "unshuffle":
        return np.eye(COLOURS * PATCH**2)
    if formula == "dct":
        return np.kron(eye, dct)
    if formula == "haar":
        return np.kron(eye, np.kron(haar(), haar()))
    if formula == "average":
        return np.kron(eye, np.full((1, PATCH**2), 1 / PATCH**2))
    if formula == "jpeg":
        luminance, chrominance = (np.array(t.split(), float) for t in (LUMINANCE, CHROMINANCE))
        steps = np.concatenate([luminance, chrominance, chrominance])
        # A file's values reach from -128 to 127, and its DCT is the orthonormal one for 8 x 8.
        return 127.5 * np.kron(YCBCR, dct) / steps[:, None]
    if formula == "whitened":
        u, v = np.indices((PATCH, PATCH))
        frequency = np.hypot(u, v).ravel()
        frequency[0] = 0.5
        return np.kron(eye, frequency[:, None] * dct)
    raise InputError(f"the formula '{formula}' is not a matrix")


def channels(formula: Formula) -> int:
    """Latent channels that a formula gives."""
    return WIDTHS[-1] if formula == "random" else len(matrix(formula))


def encode(formula: Formula, seed: int, x: np.ndarray) -> np.ndarray:
    """Raw latents: pixels ``[N, 3, H, W]`` in [-1, 1] -> float32 ``[N, C, H/8, W/8]``.

    Args:
        formula: which.
        seed: of ``random``; others are not drawn.
        x: the images; H and W are multiples of 8.
    """
    if formula == "random":
        return _random(seed, x)
    return np.moveaxis(patches(x, PATCH) @ matrix(formula).T, -1, 1).astype(np.float32)


def decode(formula: Formula, z: np.ndarray) -> np.ndarray:
    """Images of raw latents, by the least squares inverse: exact but for ``average``.

    Raises:
        InputError: the formula is ``random``, which has no inverse.
    """
    n, _, h, w = z.shape
    vectors = np.moveaxis(z, 1, -1).astype(np.float64) @ np.linalg.pinv(matrix(formula)).T
    tiles = vectors.reshape(n, h, w, COLOURS, PATCH, PATCH).transpose(0, 3, 1, 4, 2, 5)
    return tiles.reshape(n, COLOURS, h * PATCH, w * PATCH).astype(np.float32)


def _random(seed: int, x: np.ndarray) -> np.ndarray:
    rng = noise.generator(seed, "random encoder")
    for index, (inputs, outputs) in enumerate(itertools.pairwise(WIDTHS)):
        # He et al. 2015, arXiv:1502.01852: the scale that ReLU keeps.
        spread = math.sqrt(2 / (9 * inputs))
        kernels = spread * rng.standard_normal((3, 3, outputs, inputs), dtype=np.float32)
        x = _convolved(np.maximum(x, 0) if index else x, kernels.astype(np.float32))
    return x


def _convolved(x: np.ndarray, kernels: np.ndarray) -> np.ndarray:
    """A 3x3 convolution of stride 2 with zeros around: ``[N, I, H, W]`` -> ``[N, O, H/2, W/2]``."""
    n, _, height, width = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    out = np.zeros((n, kernels.shape[2], height // 2 * (width // 2)), np.float32)
    for i in range(3):
        for j in range(3):
            part = padded[:, :, i : i + height : 2, j : j + width : 2]
            out += kernels[i, j] @ part.reshape(n, x.shape[1], -1)
    return out.reshape(n, -1, height // 2, width // 2)
