r"""A small rectified flow: its network, its training, its losses and its sampler.

The convention is that of `schedule`: $z_t = t z + (1 - t) \varepsilon$. What is learned is
$v = z - \varepsilon$, by the plain mean squared error. torch is needed for `train` only;
losses and samples take any velocity, so that they can be held against an exact one.

References:
    Esser et al. 2024, arXiv:2403.03206, for the loss and the density of t; Karras et al. 2022,
    arXiv:2206.00364, section 5, for the network's skip and scale.
"""

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from analysis.project.arrays import Floats
from analysis.timesteps import gaussian_sampler, noise
from analysis.timesteps.schedule import expit

Velocity = Callable[[np.ndarray, float], np.ndarray]
"""(z_t ``[n, h, w]``, t) -> v ``[n, h, w]``."""


@dataclasses.dataclass(frozen=True)
class Training:
    """How a network is built and trained.

    Args:
        widths: channels of its three levels, multiples of 8.
        batch: patches a step.
        steps: of Adam, at least 2.
        rate: the learning rate's highest value, of one cycle that ends near 0.
        ema: decay a step of the averaged weights.
    """

    widths: tuple[int, int, int] = (16, 48, 128)
    batch: int = 32
    steps: int = 600
    rate: float = 6e-3
    ema: float = 0.99


def network(widths: tuple[int, int, int]) -> Any:
    """The network, a torch module (z_t ``[n, 1, h, h]``, t ``[n]``) -> v; h a multiple of 8.

    Three levels, from 2 x 2 pixels a place on, with residual blocks that t scales and shifts. Its
    output F stands behind a skip, v = a(t) z_t + F / sqrt(t^2 + (1 - t)^2), so that F = 0 is the
    optimal velocity for white data of unit variance and F is asked for unit variance at every t.
    """
    import torch
    from torch import nn
    from torch.nn import functional

    inner = 128

    class Block(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
            self.norms = nn.ModuleList([nn.GroupNorm(8, width) for _ in range(2)])
            self.film = nn.Linear(inner, 2 * width)

        def forward(self, x: Any, e: Any) -> Any:
            h = self.norms[1](self.first(functional.silu(self.norms[0](x))))
            scale, shift = self.film(e)[:, :, None, None].chunk(2, dim=1)
            return x + self.second(functional.silu(h * (1 + scale) + shift))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            pairs = list(itertools.pairwise(widths))
            self.embed = nn.Sequential(
                nn.Linear(32, inner), nn.SiLU(), nn.Linear(inner, inner), nn.SiLU()
            )
            self.first = nn.Conv2d(4, widths[0], 3, padding=1)
            self.down = nn.ModuleList([Block(a) for a, _ in pairs])
            self.coarser = nn.ModuleList([nn.Conv2d(a, b, 2, stride=2) for a, b in pairs])
            self.middle = nn.ModuleList([Block(widths[-1]) for _ in range(2)])
            self.finer = nn.ModuleList([nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairs])
            self.up = nn.ModuleList([Block(a) for a, _ in pairs])
            self.last = nn.Conv2d(widths[0], 4, 3, padding=1)
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)

        def forward(self, x: Any, t: Any) -> Any:
            angle = torch.pi * t[:, None] * torch.arange(1, 17)
            e = self.embed(torch.cat([angle.cos(), angle.sin()], dim=1))
            t = t[:, None, None, None]
            q = t**2 + (1 - t) ** 2
            h, kept = self.first(functional.pixel_unshuffle(x / q.sqrt(), 2)), []
            for block, coarser in zip(self.down, self.coarser, strict=True):
                kept.append(block(h, e))
                h = coarser(kept[-1])
            for block in self.middle:
                h = block(h, e)
            for block, finer, same in zip(self.up[::-1], self.finer[::-1], kept[::-1], strict=True):
                h = block(finer(h) + same, e)
            return (2 * t - 1) / q * x + functional.pixel_shuffle(self.last(h), 2) / q.sqrt()

    return Network()


def train(data: np.ndarray, settings: Training, shift: float, seed: int) -> Velocity:
    """Train the network on patches ``[n, h, h]``; the averaged weights' velocity.

    Nothing of torch's state is left changed. The draws depend on the seed alone, so that runs at
    other shifts see the same patches, flips, noise and quantiles of theta.
    """
    import torch
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    rng, side = noise.generator(seed, "training"), data.shape[-1]
    eps_rng = noise.generator(seed, "training noise", side)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = network(settings.widths).to(memory_format=torch.channels_last)
    mean = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(settings.ema))
    adam = torch.optim.Adam(model.parameters(), lr=settings.rate)
    rate = torch.optim.lr_scheduler.OneCycleLR(
        adam, settings.rate, settings.steps, pct_start=0.1, cycle_momentum=False
    )
    for _ in range(settings.steps):
        z = data[rng.integers(len(data), size=settings.batch)]
        flip = rng.random(settings.batch) < 0.5
        z = np.where(flip[:, None, None], z[..., ::-1], z)
        t = expit(rng.standard_normal(settings.batch) - np.log(shift)).astype(np.float32)
        eps, u = noise.gaussian(z.shape, eps_rng), t[:, None, None]
        x, v = (torch.from_numpy(array[:, None]) for array in (u * z + (1 - u) * eps, z - eps))
        adam.zero_grad()
        torch.mean((model(x, torch.from_numpy(t)) - v) ** 2).backward()
        adam.step()
        rate.step()
        mean.update_parameters(model)
    mean.eval()

    def velocity(z: np.ndarray, t: float) -> np.ndarray:
        with torch.inference_mode():
            parts = torch.from_numpy(np.asarray(z, np.float32)[:, None]).split(64)
            return np.concatenate(
                [mean(part, torch.full((len(part),), t))[:, 0].numpy() for part in parts]
            )

    return velocity


def losses(
    velocity: Velocity, z: np.ndarray, theta: np.ndarray, rng: np.random.Generator
) -> Floats:
    """Mean squared error of the velocity at each theta: ``[T]``, for patches z ``[n, h, h]``.

    For Gaussian data of power P and the optimal velocity it is the mean over modes of
    P / (t^2 P + (1 - t)^2). @eq-experiment-optimum
    """
    out = np.empty(len(theta))
    for index, t in enumerate(expit(theta).tolist()):
        eps = noise.gaussian(z.shape, rng)
        error = velocity(noise.blend(z, eps, t), t) - (z - eps)
        out[index] = np.mean(np.square(error, dtype=np.float64))
    return out


def sample(velocity: Velocity, eps: np.ndarray, steps: int, s: float) -> np.ndarray:
    """Euler steps from noise eps ``[n, h, h]`` to samples on the uniform grid shifted by s."""
    grid, z = gaussian_sampler.grid(steps, s).tolist(), eps
    for t, later in itertools.pairwise(grid):
        z = z + (later - t) * velocity(z, t)
    return z
