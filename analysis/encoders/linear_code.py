"""The linear autoencoder of FLUX's shape: principal components of image patches, in closed form.

An image is cut into non-overlapping p x p patches of 3 colours, each a vector v of D = 3 p^2 values
(order: colour, row, column; D = 192 for p = 8). Over all patches of the fitting images, with

    m = mean(v),    K = mean((v - m)(v - m)^T),    K b_i = l_i b_i,    l_1 >= l_2 >= ...

the C leading eigenvectors b_i are the best linear code of C numbers a patch: no other linear code
of that size has a smaller squared error (Eckart & Young, 1936). The latent and its inverse are

    z_i = s b_i . (v - m),    v' = m + sum_i z_i b_i / s,    s = 1 / sqrt(mean(l_1 ... l_C)).

So over the fitting images every channel has mean 0, and the variance averaged over the C channels
is 1: ONE scalar for all channels, as FLUX's ``scaling_factor`` is. The channels keep their unequal
variances s^2 l_i. The share of variance the code keeps is (l_1 + ... + l_C) / (l_1 + ... + l_D).

An eigenvector has no sign of its own. Rule: its entry of largest magnitude is positive; among
entries within 1e-6 (relative) of the largest, the first decides. The span of equal eigenvalues is
unique but its basis is not; photographs do not have equal eigenvalues.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.project.errors import InputError

COLOURS = 3


@dataclass(frozen=True, eq=False)
class LinearCode:
    """A fitted linear code; three arrays and where they came from.

    Args:
        mean: the mean patch m, float32 [D], in pixel units of [-1, 1].
        basis: the eigenvectors as rows, orthonormal, float32 [C, D].
        eigenvalues: all of l, falling, float64 [D], in pixel units squared.
        fitted_on: key of the images the code was fitted on (as the caller names its inputs).
    """

    mean: np.ndarray
    basis: np.ndarray
    eigenvalues: np.ndarray
    fitted_on: str = ""

    @property
    def patch(self) -> int:
        """Side p of a patch in pixels; the stride of the latents."""
        return math.isqrt(len(self.mean) // COLOURS)

    @property
    def channels(self) -> int:
        """Number of latent channels C."""
        return len(self.basis)

    @property
    def scale(self) -> float:
        """The scalar s: the mean variance of the latent channels over the fitting images is 1."""
        return float(1 / np.sqrt(self.eigenvalues[: self.channels].mean()))

    @property
    def explained(self) -> float:
        """Share of the patches' variance that the code keeps, between 0 and 1."""
        return float(self.eigenvalues[: self.channels].sum() / self.eigenvalues.sum())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the fitted numbers, as 64 hexadecimal digits."""
        total = hashlib.sha256()
        for array, dtype in ((self.mean, "<f4"), (self.basis, "<f4"), (self.eigenvalues, "<f8")):
            total.update(np.ascontiguousarray(array, dtype=dtype).tobytes())
        return total.hexdigest()

    def encode(self, x: np.ndarray) -> np.ndarray:
        """Latents of images: [N, 3, H, W] in [-1, 1] -> float32 [N, C, H/p, W/p], unit variance.

        Raises:
            InputError: x has another shape, or H or W is no multiple of p.
        """
        z = (patches(x, self.patch) - self.mean) @ self._basis.T * self.scale
        return np.moveaxis(z, -1, 1).astype(np.float32)

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Images of latents: [N, C, h, w] -> float32 [N, 3, h p, w p], not clipped to [-1, 1]."""
        if z.ndim != 4 or z.shape[1] != self.channels:
            raise InputError(f"latents have shape {z.shape}, not [N, {self.channels}, h, w]")
        n, _, h, w = z.shape
        p = self.patch
        vectors = np.moveaxis(z, 1, -1) / self.scale @ self._basis + self.mean
        tiles = vectors.reshape(n, h, w, COLOURS, p, p).transpose(0, 3, 1, 4, 2, 5)
        return tiles.reshape(n, COLOURS, h * p, w * p).astype(np.float32)

    @cached_property
    def _basis(self) -> np.ndarray:
        return self.basis.astype(np.float64)


@dataclass(frozen=True)
class Reconstruction:
    """What is lost by encoding and decoding.

    Args:
        mse: mean squared error a pixel value, in pixel units squared ([-1, 1]).
        relative_mse: mse over the variance about the mean patch: the unexplained variance.
        psnr: 10 log10(2^2 / mse) in dB, the range [-1, 1] being 2 wide; infinite if mse is 0.
    """

    mse: float
    relative_mse: float
    psnr: float


def patches(x: np.ndarray, patch: int) -> np.ndarray:
    """Non-overlapping patches: [N, 3, H, W] -> float64 [N, H/p, W/p, 3 p^2].

    Raises:
        InputError: x has another shape, or H or W is no multiple of p.
    """
    if x.ndim != 4 or x.shape[1] != COLOURS:
        raise InputError(f"images have shape {x.shape}, not [N, 3, H, W]")
    n, _, height, width = x.shape
    if min(height, width) == 0 or height % patch or width % patch:
        raise InputError(f"an image of {height} x {width} is not made of {patch} x {patch} patches")
    tiles = x.reshape(n, COLOURS, height // patch, patch, width // patch, patch)
    vectors = tiles.transpose(0, 2, 4, 1, 3, 5).astype(np.float64)
    return vectors.reshape(n, height // patch, width // patch, COLOURS * patch**2)


def fit(
    images: Iterable[np.ndarray], patch: int = 8, channels: int = 16, fitted_on: str = ""
) -> LinearCode:
    """The linear code of the images, each [3, H, W] in [-1, 1]; every patch counts the same.

    The images are read once, one at a time. The covariance is summed and decomposed in float64;
    the basis is then rounded to float32.

    Args:
        images: the fitting images; their sizes may differ.
        patch: side p of a patch in pixels.
        channels: C, at most 3 p^2.
        fitted_on: key of the images, kept in the result.

    Raises:
        InputError: no images, images without variance or with NaN, a size that p does not divide,
            or C out of range.
    """
    size = COLOURS * patch**2
    if not 1 <= channels <= size:
        raise InputError(
            f"a code of {patch} x {patch} patches has 1 to {size} channels, not {channels}"
        )
    count, total, products = 0, np.zeros(size), np.zeros((size, size))
    for image in images:
        vectors = patches(image[np.newaxis], patch).reshape(-1, size)
        count += len(vectors)
        total += vectors.sum(axis=0)
        products += vectors.T @ vectors
    if count == 0:
        raise InputError("a linear code needs at least one image to be fitted on")
    mean = total / count
    covariance = products / count - np.outer(mean, mean)
    if not np.isfinite(covariance).all():
        raise InputError("the images to fit a linear code on hold values that are not finite")
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    values, basis = np.maximum(values[::-1], 0), vectors.T[::-1][:channels]
    if values[0] <= 1e-12 * max(1.0, float(mean @ mean)):
        raise InputError("the images to fit a linear code on are constant: they have no variance")
    return LinearCode(
        mean=mean.astype(np.float32),
        basis=_signed(basis).astype(np.float32),
        eigenvalues=values,
        fitted_on=fitted_on,
    )


def reconstruction_error(code: LinearCode, images: Iterable[np.ndarray]) -> Reconstruction:
    """What the code loses on images [3, H, W]; on the fitting images relative_mse = 1 - explained.

    Raises:
        InputError: there are no images, or they equal the mean patch everywhere.
    """
    count, error, spread = 0, 0.0, 0.0
    for image in images:
        vectors = patches(image[np.newaxis], code.patch)
        back = patches(code.decode(code.encode(image[np.newaxis])), code.patch)
        count += vectors.size
        error += float(((vectors - back) ** 2).sum())
        spread += float(((vectors - code.mean) ** 2).sum())
    if spread == 0:
        raise InputError("a reconstruction error needs at least one image that is not constant")
    mse = error / count
    return Reconstruction(mse, error / spread, 10 * math.log10(4 / mse) if mse else math.inf)


def _signed(basis: np.ndarray) -> np.ndarray:
    """The rows with the sign of the module's rule."""
    size = np.abs(basis)
    leading = np.argmax(size >= (1 - 1e-6) * size.max(axis=1, keepdims=True), axis=1)
    return basis * np.sign(basis[np.arange(len(basis)), leading])[:, np.newaxis]
