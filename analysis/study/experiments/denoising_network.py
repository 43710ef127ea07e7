r"""A small denoiser of latents, and its training as a rectified flow.

The convention is that of `schedule`: $z_t = t z + (1 - t) \varepsilon$, and what is learned is
$v = z - \varepsilon$ by the mean squared error, so that $\hat z = z_t + (1 - t) v$. The
network is one for every grid: it folds 2 x 2 pixels into a place, as FLUX does, and has two levels
of residual blocks, which theta scales and shifts. As in Karras et al. 2022 (arXiv:2206.00364,
section 5) its output F stands behind a skip, v = a(t) z_t + F / sqrt(q), q = t^2 + (1 - t)^2, which
for F = 0 is optimal for white data of unit variance: nothing of a spectrum is built in.

Every draw depends on the seed and the step's number alone, so that a training that was stopped goes
on from its last checkpoint to the same weights.
"""

import dataclasses
import math
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.encoders import resumable
from analysis.timesteps import noise
from analysis.timesteps.band_error import Denoiser
from analysis.timesteps.schedule import expit

if TYPE_CHECKING:
    from torch import Tensor, nn

Draw = Callable[[np.random.Generator, int], NDArray[np.float32]]
"""(generator, batch) -> clean fields ``[batch, C, h, h]``."""
EMBEDDED = 16  # frequencies that theta is turned into, a sine and a cosine each


@dataclasses.dataclass(frozen=True)
class Training:
    """How a network is built and trained.

    Args:
        widths: channels of its two levels.
        batch: fields a step.
        steps: of Adam.
        rate: the learning rate's highest value; it rises for a tenth of the steps and falls to 0
            as a cosine.
        theta: (from, to), between which `thetas` draws it evenly, the batch in equal parts.
    """

    widths: tuple[int, int] = (64, 96)
    batch: int = 16
    steps: int = 6000
    rate: float = 3e-3
    theta: tuple[float, float] = (-4.0, 3.0)


Levels = Callable[[Training, np.random.Generator], NDArray[np.float32]]
"""(settings, generator) -> theta ``[batch]``."""


def network(channels: int, widths: tuple[int, int]) -> "nn.Module":
    """The network, (z_t ``[n, C, h, h]``, theta ``[n]``) -> v; h a multiple of 4."""
    import torch
    from torch import Tensor, nn

    functional = nn.functional
    fine, coarse = widths
    inner = 4 * EMBEDDED

    def conv(inputs: int, outputs: int) -> nn.Conv2d:
        return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)

    class Block(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.first, self.second = conv(width, width), conv(width, width)
            self.film = nn.Linear(inner, 2 * width)
            nn.init.zeros_(self.second.weight)

        def forward(self, x: Tensor, e: Tensor) -> Tensor:
            scale, shift = self.film(e)[:, :, None, None].chunk(2, dim=1)
            h = self.first(functional.silu(x)) * (1 + scale) + shift
            return x + self.second(functional.silu(h))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Sequential(
                nn.Linear(2 * EMBEDDED, inner), nn.SiLU(), nn.Linear(inner, inner), nn.SiLU()
            )
            self.first = conv(4 * channels, fine)
            self.down, self.up = Block(fine), Block(fine)
            self.coarser = nn.Conv2d(fine, coarse, kernel_size=2, stride=2)
            self.middle = nn.ModuleList([Block(coarse) for _ in range(2)])
            self.finer = nn.ConvTranspose2d(coarse, fine, kernel_size=2, stride=2)
            self.last = conv(fine, 4 * channels)
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)
            # As many channels as the input has, which the levels' widths would not let through.
            self.taken, self.given = (nn.Conv2d(4 * channels, 4 * channels, 1) for _ in range(2))
            self.gate = nn.Linear(inner, 4 * channels)
            nn.init.zeros_(self.given.weight)
            nn.init.zeros_(self.given.bias)

        def forward(self, x: Tensor, theta: Tensor) -> Tensor:
            angle = torch.pi / 12 * (theta[:, None] + 1) * torch.arange(1, EMBEDDED + 1)
            e = self.embed(torch.cat([angle.cos(), angle.sin()], dim=1))
            t = torch.sigmoid(theta)[:, None, None, None]
            q = t**2 + (1 - t) ** 2
            places = functional.pixel_unshuffle(x / q.sqrt(), 2)
            fine = self.down(self.first(places), e)
            h = self.coarser(fine)
            for block in self.middle:
                h = block(h, e)
            h = self.up(fine + self.finer(h), e)
            through = self.given(self.taken(places) * self.gate(e)[:, :, None, None])
            out = functional.pixel_shuffle(self.last(h) + through, 2).float()
            return (2 * t - 1) / q * x + out / q.sqrt()

    return Network()


def built(channels: int, settings: Training, seed: int) -> "nn.Module":
    """The network with the weights that a seed gives it; torch's state is left as it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return network(channels, settings.widths).to(memory_format=torch.channels_last)


def _quantiles(settings: Training, rng: np.random.Generator) -> NDArray[np.float64]:
    """``[batch]`` from 0 to 1, one in each part of equal length, in random order."""
    out: NDArray[np.float64] = rng.permutation(settings.batch) + rng.random(settings.batch)
    return out / settings.batch


def thetas(settings: Training, rng: np.random.Generator) -> NDArray[np.float32]:
    """``[batch]``, one in each part of equal length, in random order."""
    first, last = settings.theta
    return (first + (last - first) * _quantiles(settings, rng)).astype(np.float32)


def logit_normal(settings: Training, shift: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """``[batch]``, theta of a standard logit-normal density of t, shifted to more noise.

    Esser et al. 2024 (arXiv:2403.03206, equation 19, mean 0 and deviation 1); a shift s of time
    moves its mean to -ln s. One in each part of equal probability, in random order.

    Args:
        settings: for the batch; its ``theta`` is not used.
        shift: s, 1 for none.
        rng: the quantiles are the same for every shift.
    """
    quantiles = _quantiles(settings, rng).clip(1e-9)
    normal = statistics.NormalDist(-math.log(shift))
    return np.array([normal.inv_cdf(q) for q in quantiles.tolist()], np.float32)


def train(
    draw: Draw,
    settings: Training,
    seed: int,
    checkpoint: Path,
    heard: Callable[[NDArray[np.float32]], NDArray[np.float32]] = lambda eps: eps,
    tell: Callable[[int, int], None] = lambda done, total: None,
    every: int = 200,
    levels: Levels = thetas,
) -> dict[str, NDArray[np.float32]]:
    """A network trained from nothing or from its last checkpoint: its weights, and the loss.

    Args:
        draw: where clean fields come from.
        settings: of network and training.
        seed: of the first weights and of all draws.
        checkpoint: a file that is written every so many steps, and gone on from if it is there; it
            has to be named after the data and the settings, since it does not say them.
        heard: what of white noise is added to the fields.
        tell: told (done, total) with each checkpoint.
        every: steps between checkpoints.
        levels: where the noise levels of a batch come from.

    Returns:
        name -> weights, and ``loss`` ``[steps]``.
    """
    import torch

    with resumable.one_thread():
        channels = draw(noise.generator(seed, "channels"), 1).shape[1]
        model = built(channels, settings, seed)
        parameters = dict(model.named_parameters())
        adam = torch.optim.Adam(parameters.values(), lr=settings.rate)
        losses = torch.zeros(settings.steps)
        first = resumable.resume(checkpoint, parameters, adam, losses)
        for step in range(first, settings.steps):
            rng = noise.generator(seed, "denoiser", step)
            theta, z = levels(settings, rng), draw(rng, settings.batch)
            eps = heard(noise.gaussian(z.shape, noise.generator(seed, "denoiser noise", step)))
            t = expit(theta).astype(np.float32)[:, None, None, None]
            x, v = _tensor(t * z + (1 - t) * eps), _tensor(z - eps)
            adam.param_groups[0]["lr"] = settings.rate * _schedule(step, settings.steps)
            adam.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):  # halves the time
                out = model(x, torch.from_numpy(theta))
            loss = torch.mean((out - v) ** 2)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
            adam.step()
            losses[step] = loss.detach()
            if (step + 1) % every == 0 or step + 1 == settings.steps:
                resumable.save(checkpoint, step + 1, parameters, adam, losses)
                tell(step + 1, settings.steps)
    weights = {name: p.detach().contiguous().numpy() for name, p in parameters.items()}
    return weights | {"loss": losses.numpy()}


def restored(weights: Mapping[str, np.ndarray], settings: Training, batch: int = 64) -> Denoiser:
    """The estimate of clean fields that a trained network's velocity gives, in float32.

    Args:
        weights: as `train` gives them.
        settings: they were trained with.
        batch: fields at once.
    """
    import torch

    channels = weights["last.weight"].shape[0] // 4
    model = built(channels, settings, 0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(weights[name]))

    def estimate(z: np.ndarray, theta: float) -> np.ndarray:
        parts, sigma = [], float(1 - expit(theta))
        with resumable.one_thread(), torch.inference_mode():
            for start in range(0, len(z), batch):
                x = _tensor(z[start : start + batch])
                v = model(x, torch.full((len(x),), theta))
                parts.append((x + sigma * v).contiguous().numpy())
        return np.concatenate(parts)

    return estimate


def _tensor(array: np.ndarray) -> "Tensor":
    import torch

    out = torch.from_numpy(np.ascontiguousarray(array, np.float32))
    return out.to(memory_format=torch.channels_last)


def _schedule(step: int, steps: int) -> float:
    warm = steps / 10
    if step < warm:
        return (step + 1) / (warm + 1)
    return float(0.5 + 0.5 * np.cos(np.pi * (step - warm) / (steps - warm)))
