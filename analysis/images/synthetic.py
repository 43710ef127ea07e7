r"""Images whose answer is known, to be measured as photographs are.

Two kinds. A **power-law image** is a Gaussian field with $P(k) = k^{-\gamma}$ exactly. A
**dead-leaves image** is a pile of opaque discs whose radii have the density $r^{-3}$, which
looks the same at every scale between the smallest and the largest: it has edges and occlusion, as
photographs have and Gaussian fields don't, and P(k) close to $k^{-2}$.

Shrunk by an ideal low-pass, either shifts by 2 per doubling at fixed cycles per image in pixels,
for any image whatever, and by $2^{1 - \gamma / 2}$ at fixed cycles per pixel. What the
measurement says of them is a check of the measurement; what an encoder makes of them tells whether
its shift comes from the photographs or from the encoder.

Source of the dead leaves: Lee, Mumford & Huang, Occlusion models for natural images, Int. J.
Computer Vision 41 (2001) 35-59; drawn from the front, which stops when all is covered and then is
exact (Kendall & Thönnes, Perfect simulation in stochastic geometry, Pattern Recognition 32 (1999)
1569-1586).
"""

import dataclasses
import functools
import hashlib
import json
from typing import Literal

import numpy as np

from analysis.images import resize
from analysis.images.resize import Resample
from analysis.project.arrays import Pixels
from analysis.project.errors import InputError, nearest
from analysis.spectra.fields import power_law_field
from analysis.timesteps.noise import generator

Kind = Literal["dead-leaves", "power-law"]
RECIPES: dict[str, dict[str, float]] = {
    "dead-leaves": {"smallest": 0.5, "largest": 0.5, "contrast": 0.6},
    "power-law": {"gamma": 2.0, "deviation": 0.25},
}
VERSION = 1  # counts up when the same recipe gives other pixels
# Correlation of the channels, rounded, over the bundled photographs at 512 px.
CHANNELS = np.array([[1.0, 0.91, 0.75], [0.91, 1.0, 0.90], [0.75, 0.90, 1.0]])


def dead_leaves(
    side: int,
    rng: np.random.Generator,
    smallest: float = 0.5,
    largest: float = 0.5,
    contrast: float = 0.6,
) -> Pixels:
    """A pile of opaque discs with radii of density r^-3, seen from above.

    Rendered at twice the side and averaged over 2 x 2. Every disc has one colour, uniform in
    [-contrast, contrast] in each channel.

    Args:
        side: pixels a side.
        rng: where it is drawn from.
        smallest: smallest radius in pixels. Near the frequency of such discs the spectrum bends.
        largest: largest radius as a fraction of the side.
        contrast: largest magnitude; up to 0.6 leaves room for what a filter overshoots.

    Returns:
        ``[3, side, side]``, float32, in [-contrast, contrast].

    Raises:
        ValueError: ``smallest`` is not below ``largest``.
    """
    n, low, high = 2 * side, 2 * smallest, 2 * largest * side
    if not 0 < low < high:
        raise ValueError(f"radii from {smallest:g} to {largest * side:g} pixels: none in between")
    seen = np.full((n, n), -1, np.int32)
    count, batch, colours = 0, 4096, []
    while (bare := seen < 0).any():
        # The density r^-3 between low and high, by the inverse of its distribution; centres are
        # spread over all from where a disc of its radius reaches the image.
        r = (low**-2 - rng.random(batch) * (low**-2 - high**-2)) ** -0.5
        r = r[rng.random(batch) < ((n + 2 * r) / (n + 2 * high)) ** 2]
        y, x = (rng.random(len(r)) * (n + 2 * r) - r for _ in range(2))
        top, left = np.maximum(np.ceil([y - r - 0.5, x - r - 0.5]), 0).astype(int)
        bottom, right = np.minimum(np.floor([y + r - 0.5, x + r - 0.5]) + 1, n).astype(int)
        bottom, right = np.maximum(bottom, top), np.maximum(right, left)
        # How much is bare in each disc's box, from a table of sums: most lie under others.
        table = np.pad(np.cumsum(np.cumsum(bare, axis=0), axis=1), ((1, 0), (1, 0)))
        free = table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]
        for i in np.flatnonzero(free).tolist():
            box = seen[top[i] : bottom[i], left[i] : right[i]]
            dy = np.arange(top[i], bottom[i]) + 0.5 - y[i]
            dx = np.arange(left[i], right[i]) + 0.5 - x[i]
            box[(dy[:, None] ** 2 + dx**2 <= r[i] ** 2) & (box < 0)] = count + i
        count += len(r)
        colours.append(rng.uniform(-contrast, contrast, (len(r), 3)))
        batch = min(4 * batch, max(4096, n * n // 16))  # a table costs n * n
    fine = np.moveaxis(np.concatenate(colours).astype(np.float32)[seen], 2, 0)
    return fine.reshape(3, side, 2, side, 2).mean(axis=(2, 4), dtype=np.float32)


def power_law_image(
    side: int, gamma: float, rng: np.random.Generator, deviation: float = 0.25
) -> Pixels:
    r"""Three correlated Gaussian fields, each with P(k) = k^-gamma up to one factor, not periodic.

    Mixing fields of one spectrum leaves that spectrum, so every channel has it exactly.

    Args:
        side: pixels a side.
        gamma: exponent of power.
        rng: where it is drawn from.
        deviation: standard deviation over all values of the image.

    Returns:
        ``[3, side, side]``, float32, mean 0, **not clipped**: at 0.25, values beyond 1 are four
        deviations away.
    """
    fields = np.stack([power_law_field(side, gamma, rng, larger=2) for _ in range(3)])
    mixed = np.einsum("ij,jhw->ihw", np.linalg.cholesky(CHANNELS), fields)
    mixed -= mixed.mean(axis=(1, 2), keepdims=True)
    return (mixed * (deviation / mixed.std())).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Synthetic:
    """An image that is made, not read; it stands where a `catalogue.Photograph` stands.

    Args:
        id: unique in its set.
        kind: how it is made.
        seed: of its generator, with its id.
        parameters: (name, value) of what `dead_leaves` or `power_law_image` take.
        full: pixels a side that it is made at.
    """

    id: str
    kind: Kind
    seed: int
    parameters: tuple[tuple[str, float], ...]
    full: int

    @property
    def digest(self) -> str:
        """sha256 of the recipe, which determines the pixels."""
        recipe = {"version": VERSION, **dataclasses.asdict(self)}
        return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()

    def pixels(self, side: int, resample: Resample = "lanczos") -> Pixels:
        """``[3, side, side]``, float32, in [-1, 1]; no value is ever rounded to 8 bits.

        Raises:
            InputError: unknown filter, or a side beyond the one it is made at.
        """
        return self.clipped(side, resample)[0]

    def clipped(self, side: int, resample: Resample = "lanczos") -> tuple[Pixels, float]:
        """The pixels, and the share of values that were beyond [-1, 1]."""
        if not 1 <= side <= self.full:
            raise InputError(
                f"{self.id}: made at {self.full} px, asked for {side}: never upscaled; choose a "
                "smaller size"
            )
        return resize.clip(resize.resize(_made(self), side, resample))


@functools.lru_cache(maxsize=24)
def _made(image: Synthetic) -> Pixels:  # 12 MB each at 1024 px
    rng = generator(image.seed, image.id, image.full)
    if image.kind == "dead-leaves":
        out = dead_leaves(image.full, rng, **dict(image.parameters))
    else:
        out = power_law_image(image.full, rng=rng, **dict(image.parameters))
    out.setflags(write=False)
    return out


def sources(
    name: str, count: int, side: int, seed: int, **parameters: float
) -> tuple[Synthetic, ...]:
    """Several images of one kind.

    Args:
        name: ``dead-leaves`` or ``power-law``.
        count: how many.
        side: pixels a side that they are made at, the highest resolution they are wanted in.
        seed: the study's.
        parameters: instead of those in `RECIPES`.

    Raises:
        InputError: unknown kind or parameter.
    """
    if name not in RECIPES:
        raise InputError(f"unknown kind of images '{name}'; {nearest(name, list(RECIPES))}")
    known = RECIPES[name]
    for key in parameters:
        if key not in known:
            raise InputError(f"{name}: unknown parameter '{key}'; {nearest(key, list(known))}")
    recipe = tuple(sorted({**known, **parameters}.items()))
    kind: Kind = "dead-leaves" if name == "dead-leaves" else "power-law"
    return tuple(
        Synthetic(f"{name}-{index:02d}", kind, seed, recipe, side) for index in range(1, count + 1)
    )
