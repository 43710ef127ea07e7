"""Latents: from what an encoder stores to what a diffusion model is trained on.

An encoder gives the *moments* of a Gaussian for each latent value, in the encoder's raw units:
``mean`` and, from a variational autoencoder, ``logvar``, the natural logarithm of the variance;
both float32 [N, C, h, w] with h = H / stride. The moments are what is stored. The latents

    z = scale (P_p(raw) - shift - mean_c) / std_c,
    raw = mean  or  raw = mean + exp(logvar / 2) eps,  eps ~ N(0, 1)

are made when they are read, so that a change of convention costs no encoding. P_p folds p x p
latent pixels into channels (p = 1: nothing). ``shift`` and ``mean_c`` are in raw units, ``scale``
in 1 / raw units where there is no std, so z has no unit; a variance near one is the aim. Each
family of models uses a part of this (@eq-latent-normalisation):

- AutoencoderKL, AutoencoderTiny, AutoencoderDC: shift and scale, FLUX.1's being (0.1159, 0.3611);
- AutoencoderKLWan and AutoencoderKLQwenImage: a mean and a std for each of their channels;
- AutoencoderKLFlux2: p = 2, then the mean and std of each of the 128 channels, which a batch
  normalisation in the checkpoint keeps: std = sqrt(running variance + epsilon).

The mode of the Gaussian is its mean; the original investigation used the mode.
"""

from collections.abc import Mapping
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from analysis.project.errors import InputError
from analysis.project.files import Strict

Moments = Mapping[str, np.ndarray]


class Normalisation(Strict):
    """How raw latents become those of a diffusion model: ``scale (P_p(raw) - shift - mean) / std``.

    ``mean`` and ``std`` have one value for each channel after folding, or none.
    """

    shift: float = Field(0.0, description="subtracted from every value, in raw units")
    scale: float = Field(1.0, gt=0, description="multiplied last")
    mean: tuple[float, ...] = Field((), description="subtracted from each channel")
    std: tuple[float, ...] = Field((), description="each channel is divided by it")
    patchify: int = Field(1, ge=1, description="side p of the squares folded into channels")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.mean) != len(self.std):
            raise ValueError(f"{len(self.mean)} values of mean, {len(self.std)} of std")
        if len(self.mean) % self.patchify**2:
            raise ValueError(f"{len(self.mean)} values are no multiple of {self.patchify**2}")
        if any(value <= 0 for value in self.std):
            raise ValueError("std has to be above 0")
        return self


def mode(moments: Moments) -> np.ndarray:
    """The raw latents of highest density, which are the means: float32 [N, C, h, w].

    Raises:
        InputError: the moments have no mean, or it is not [N, C, h, w].
    """
    if "mean" not in moments:
        raise InputError(f"moments without 'mean'; they hold: {', '.join(sorted(moments))}")
    mean = moments["mean"]
    if mean.ndim != 4:
        raise InputError(f"the moments' mean has shape {mean.shape}, not [N, C, h, w]")
    return mean


def sample(moments: Moments, rng: np.random.Generator) -> np.ndarray:
    """Raw latents drawn from the Gaussian: mean + exp(logvar / 2) eps, float32 [N, C, h, w].

    Args:
        moments: ``mean`` and ``logvar``, [N, C, h, w] each.
        rng: where eps is drawn from; the same state gives the same latents.

    Raises:
        InputError: there is no logvar (the encoder is deterministic), or it has another shape.
    """
    mean = mode(moments)
    if "logvar" not in moments:
        raise InputError("this encoder gives no variance to sample from: use the mode (rng=None)")
    logvar = moments["logvar"]
    if logvar.shape != mean.shape:
        raise InputError(f"logvar has shape {logvar.shape}, mean has {mean.shape}")
    eps = rng.standard_normal(mean.shape, dtype=np.float32)
    return mean + np.exp(logvar / 2) * eps


def patchify(raw: np.ndarray, p: int) -> np.ndarray:
    """Fold p x p latent pixels into channels: [N, C, h, w] -> [N, C p^2, h/p, w/p].

    Channel c, row i and column j of a square become channel (c p + i) p + j, which is the order of
    ``Flux2Pipeline._patchify_latents`` in diffusers.

    Raises:
        InputError: raw is not [N, C, h, w], or h or w is no multiple of p.
    """
    if raw.ndim != 4:
        raise InputError(f"latents have shape {raw.shape}, not [N, C, h, w]")
    n, channels, h, w = raw.shape
    if h % p or w % p:
        raise InputError(f"latents of {h} x {w} pixels cannot be folded {p} x {p}: pad or crop")
    squares = raw.reshape(n, channels, h // p, p, w // p, p).transpose(0, 1, 3, 5, 2, 4)
    return squares.reshape(n, channels * p * p, h // p, w // p)


def normalise(
    moments: Moments, normalisation: Normalisation, rng: np.random.Generator | None = None
) -> np.ndarray:
    """The latents a diffusion model sees, float32 [N, C p^2, h/p, w/p], @eq-latent-normalisation.

    Args:
        moments: as the encoder stores them.
        normalisation: the card's.
        rng: if given, the raw latents are sampled with it; otherwise they are the mode.

    Raises:
        InputError: moments that are incomplete or of the wrong shape, or that have another number
            of channels than the normalisation.
    """
    raw = mode(moments) if rng is None else sample(moments, rng)
    if normalisation.patchify > 1:
        raw = patchify(raw, normalisation.patchify)
    z = raw - np.float32(normalisation.shift)
    if normalisation.mean:
        known = len(normalisation.mean)
        if raw.shape[1] != known:
            raise InputError(f"latents have {raw.shape[1]} channels, their normalisation {known}")
        mean, std = (
            np.array(values, np.float32)[:, np.newaxis, np.newaxis]
            for values in (normalisation.mean, normalisation.std)
        )
        z = (z - mean) / std
    return z * np.float32(normalisation.scale)
