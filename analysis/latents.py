"""Latents: from what an encoder stores to what a diffusion model is trained on.

An encoder gives the *moments* of a Gaussian for each latent value, in the encoder's raw units:
``mean`` and, from a variational autoencoder, ``logvar``, the natural logarithm of the variance;
both float32 [N, C, h, w] with h = H / stride. The moments are what is stored. The latents

    z = (raw - shift) * scale,    raw = mean  or  raw = mean + exp(logvar / 2) eps,  eps ~ N(0, 1)

are made when they are read, so that a change of convention costs no encoding. ``shift`` is in raw
units and ``scale`` in 1 / raw units: z has no unit, and for FLUX.1 (0.1159, 0.3611) a variance near
one. The mode of the Gaussian is its mean; the original investigation used the mode.
"""

from collections.abc import Mapping

import numpy as np

from analysis.settings import InputError

Moments = Mapping[str, np.ndarray]


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


def normalise(
    moments: Moments, *, shift: float, scale: float, rng: np.random.Generator | None = None
) -> np.ndarray:
    """The latents a diffusion model sees: (raw - shift) * scale, float32 [N, C, h, w].

    Args:
        moments: as the encoder stores them.
        shift: the card's ``shift``, in raw units.
        scale: the card's ``scale``, in 1 / raw units.
        rng: if given, the raw latents are sampled with it; otherwise they are the mode.

    Raises:
        InputError: moments that are incomplete or of the wrong shape.
    """
    raw = mode(moments) if rng is None else sample(moments, rng)
    return (raw - np.float32(shift)) * np.float32(scale)
