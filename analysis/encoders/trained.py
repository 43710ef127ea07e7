r"""Small autoencoders trained here, alike in all but what the training asks of their latents.

Whether latents of a larger picture are those of the smaller one on a finer grid could be a property
of pictures, of convolutions, or of the training. So the same network (stride 8, 16 channels, about
0.6 million parameters) is trained from the same start, on the same crops in the same order, with
four losses. With E the encoder, D the decoder, x a crop, x' the same region of the picture at half
the resolution, S the ideal low-pass to half the grid (`lowpass.crop`, edges mirrored):

- ``plain``: $|D(E(x)) - x|^2$, means over all values here and below;
- ``kl``: E gives means m and variances $\sigma^2$; what is decoded is drawn from them, and
  $\beta \, (m^2 + \sigma^2 - \ln \sigma^2 - 1) / 2$ is added;
- ``eq``: $|D(S E(x)) - x'|^2$ is added: the shrunk latent is decoded to the shrunk picture
  (EQ-VAE: Kouzelis et al. 2025, arXiv:2502.09509);
- ``equivariant``: $\lambda \, |S E(x) - E(x')|^2 / \mathrm{var} \, E(x')$ is added: the shrunk
  latent is the shrunk picture's latent. Divided by the variance, it asks nothing of the scale.

Crops come from photographs at all but the smallest of `Recipe.sides`, each x' from the next smaller
one, so that pictures are shrunk by the filter with which they are shrunk for measuring.

Every draw depends on the seed and the step's number alone: a training that was stopped goes on from
its last checkpoint to the same weights. The weights are kept in half precision.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from analysis.encoders import resumable
from analysis.project.arrays import Floats
from analysis.timesteps import noise

if TYPE_CHECKING:
    from torch import Tensor, nn

Variant = Literal["plain", "kl", "eq", "equivariant"]
STRIDE, CHANNELS = 8, 16
UNSHUFFLED = 4  # side of the squares of pixels that are channels first
Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Every choice of a training.

    Args:
        variant: what is asked of the latents.
        seed: of the first weights and of all draws.
        photographs: a set of images.
        sides: px that whole photographs are loaded at, descending, each half the one before.
        crop: side of a crop x in px, a multiple of 16.
        batch: crops a step.
        steps: of Adam.
        rate: the learning rate's highest value; it rises for a tenth of the steps and falls to 0
            as a cosine.
        widths: channels at stride 4 and at stride 8.
        beta: weight of ``kl``.
        weight: lambda of ``equivariant``.
    """

    variant: Variant
    seed: int
    photographs: str = "wallpapers"
    sides: tuple[int, ...] = (1024, 512, 256)
    crop: int = 128
    batch: int = 4
    steps: int = 1200
    rate: float = 2e-3
    widths: tuple[int, int] = (48, 72)
    beta: float = 1e-3
    weight: float = 0.1


RECIPES = {
    f"trained-{variant}-{seed}": Recipe(variant, seed)
    for seed in range(2)
    for variant in get_args(Variant)
}
"""name of the card -> how its encoder was trained."""


def modules(widths: tuple[int, int], variational: bool) -> tuple["nn.Module", "nn.Module"]:
    """Encoder and decoder, torch modules with weights drawn from torch's state.

    Pixels ``[N, 3, H, W]`` in [-1, 1] -> ``[N, 16, H/8, W/8]`` (means, and as many logarithms of
    variances behind them if variational) -> pixels. No layer normalises over the image, so that a
    place's latent depends on its surroundings alone.
    """
    from torch import Tensor, nn

    def conv(inputs: int, outputs: int, **options: int) -> nn.Conv2d:
        return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, **options)

    class Block(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.first, self.second = conv(width, width), conv(width, width)
            nn.init.zeros_(self.second.weight)

        def forward(self, x: Tensor) -> Tensor:
            silu = nn.functional.silu
            return x + self.second(silu(self.first(silu(x))))

    fine, coarse = widths
    values = 3 * UNSHUFFLED**2
    encoder = nn.Sequential(
        nn.PixelUnshuffle(UNSHUFFLED),
        conv(values, fine),
        Block(fine),
        conv(fine, coarse, stride=2),
        Block(coarse),
        Block(coarse),
        conv(coarse, CHANNELS * (1 + variational)),
    )
    decoder = nn.Sequential(
        conv(CHANNELS, coarse),
        Block(coarse),
        Block(coarse),
        nn.Conv2d(coarse, 4 * fine, kernel_size=1),
        nn.PixelShuffle(2),
        Block(fine),
        conv(fine, values),
        nn.PixelShuffle(UNSHUFFLED),
    )
    return encoder, decoder


def shrinking(side: int) -> Floats:
    """``[side / 2, side]``, what takes one axis to half the grid: `lowpass.crop`, even edges.

    With mirrored edges the modes are cosines, of which the lower half is kept.
    """
    half = side // 2

    def cosines(n: int) -> Floats:
        k, x = np.arange(half)[:, None], np.arange(n) + 0.5
        return np.sqrt(np.where(k == 0, 1, 2) / n) * np.cos(np.pi * k * x / n)

    return np.sqrt(half / side) * cosines(half).T @ cosines(side)


def draws(
    pictures: Sequence[NDArray[np.float32]], recipe: Recipe, step: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The crops x ``[batch, 3, n, n]`` and x' ``[batch, 3, n/2, n/2]`` of one step.

    Args:
        pictures: ``[I, 3, side, side]`` for each of the recipe's sides.
        recipe: every choice.
        step: its number; all variants of a seed are shown the same.
    """
    rng = noise.generator(recipe.seed, "trained encoder", step)
    half = recipe.crop // 2
    large, small = [], []
    for _ in range(recipe.batch):
        level = int(rng.integers(len(pictures) - 1))
        image = int(rng.integers(len(pictures[0])))
        y, x = rng.integers(recipe.sides[level + 1] - half + 1, size=2).tolist()
        flip = slice(None, None, -1 if rng.random() < 0.5 else 1)
        fine, coarse = pictures[level][image], pictures[level + 1][image]
        large.append(fine[:, 2 * y : 2 * y + recipe.crop, 2 * x : 2 * x + recipe.crop][..., flip])
        small.append(coarse[:, y : y + half, x : x + half][..., flip])
    return np.stack(large), np.stack(small)


def loss(
    encoder: "nn.Module",
    decoder: "nn.Module",
    recipe: Recipe,
    step: int,
    x: NDArray[np.float32],
    small: NDArray[np.float32],
) -> tuple["Tensor", "Tensor"]:
    """What a step minimises, and the part of it that is the reconstruction of x."""
    import torch

    def run(network: "nn.Module", field: "Tensor") -> "Tensor":
        with torch.autocast("cpu", dtype=torch.bfloat16):  # halves the time
            out: Tensor = network(field.to(memory_format=torch.channels_last))
        return out.float()

    target, smaller = torch.from_numpy(x), torch.from_numpy(small)
    z = run(encoder, target)
    if recipe.variant == "kl":
        mean, logvar = z.chunk(2, dim=1)
        logvar = logvar.clamp(-30, 20)
        rng = noise.generator(recipe.seed, "trained encoder", "posterior", step)
        eps = torch.from_numpy(noise.gaussian(tuple(mean.shape), rng))
        drawn = mean + torch.exp(logvar / 2) * eps
        error = torch.mean((run(decoder, drawn) - target) ** 2)
        divergence = torch.mean(mean**2 + logvar.exp() - logvar - 1) / 2
        return error + recipe.beta * divergence, error
    error = torch.mean((run(decoder, z) - target) ** 2)
    if recipe.variant == "plain":
        return error, error
    matrix = torch.from_numpy(shrinking(z.shape[-1]).astype(np.float32))
    shrunk = matrix @ z @ matrix.T
    if recipe.variant == "eq":
        return error + torch.mean((run(decoder, shrunk) - smaller) ** 2), error
    own = run(encoder, smaller)
    spread = torch.var(own, dim=(0, 2, 3), correction=0).mean()
    return error + recipe.weight * torch.mean((shrunk - own) ** 2) / spread, error


def train(
    pictures: Sequence[NDArray[np.float32]],
    recipe: Recipe,
    checkpoint: Path,
    progress: Progress = lambda done, total: None,
    every: int = 100,
) -> dict[str, NDArray[np.float16]]:
    """The weights of an autoencoder, trained from nothing or from its last checkpoint.

    Args:
        pictures: ``[I, 3, side, side]`` in [-1, 1] for each of the recipe's sides.
        recipe: every choice.
        checkpoint: a file that is written every so many steps, and gone on from if it is there; it
            has to be named after the recipe and the pictures, since it does not say them.
        progress: told (done, total) with each checkpoint.
        every: steps between checkpoints.

    Returns:
        name -> float16, as `modules` names its weights, after ``encoder.`` and ``decoder.``.
    """
    import torch

    with resumable.one_thread():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            encoder, decoder = modules(recipe.widths, recipe.variant == "kl")
        both = torch.nn.ModuleDict({"encoder": encoder, "decoder": decoder})
        both.to(memory_format=torch.channels_last)
        parameters = dict(both.named_parameters())
        adam = torch.optim.Adam(parameters.values(), lr=recipe.rate)
        errors = torch.zeros(recipe.steps)
        first = resumable.resume(checkpoint, parameters, adam, errors)
        for step in range(first, recipe.steps):
            adam.param_groups[0]["lr"] = recipe.rate * _schedule(step, recipe.steps)
            adam.zero_grad()
            total, error = loss(encoder, decoder, recipe, step, *draws(pictures, recipe, step))
            total.backward()
            torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
            adam.step()
            errors[step] = error.detach()
            if (step + 1) % every == 0 or step + 1 == recipe.steps:
                resumable.save(checkpoint, step + 1, parameters, adam, errors)
                progress(step + 1, recipe.steps)
    half = ((name, p.detach().contiguous().numpy()) for name, p in parameters.items())
    return {name: array.astype(np.float16) for name, array in half}


def _schedule(step: int, steps: int) -> float:
    warm = steps / 10
    if step < warm:
        return (step + 1) / warm
    return float(0.5 + 0.5 * np.cos(np.pi * (step - warm) / (steps - warm)))


def written(weights: Mapping[str, NDArray[np.float16]], recipe: Recipe) -> bytes:
    """Weights as safetensors, with the recipe in the file's head."""
    import safetensors.numpy

    text = json.dumps(dataclasses.asdict(recipe), sort_keys=True)
    return safetensors.numpy.save(dict(weights), metadata={"recipe": text})


def read(path: Path) -> tuple[Recipe, dict[str, NDArray[np.float16]]]:
    """What `written` wrote; errors are those of safetensors, or KeyError and TypeError."""
    import safetensors

    with safetensors.safe_open(path, framework="np") as file:
        said = json.loads(file.metadata()["recipe"])
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    lists = {name: tuple(value) for name, value in said.items() if isinstance(value, list)}
    return Recipe(**{**said, **lists}), state
