"""Encoders: what turns pixels into latents, each described by a card (`analysis.encoders.cards`).

``load(card("taef2"), downloads=...)`` gives an encoder; ``encode`` takes float32 [N, 3, H, W] in
[-1, 1] and gives raw moments, float32 [N, C, H/stride, W/stride] each: ``mean``, and ``logvar``
from a variational autoencoder. ``latents.normalise`` makes latents of them. An image's moments do
not depend on its batch beyond rounding. torch, diffusers and huggingface_hub are imported inside
functions only.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from analysis.encoders import formulas, networks, weights
from analysis.encoders.availability import folder_of, not_found
from analysis.encoders.cards import BY_HASH, NEEDS, Card, agree, description, unsaid
from analysis.encoders.checkpoints import FILES, described, unfit
from analysis.encoders.formulas import Formula
from analysis.encoders.latents import Normalisation
from analysis.encoders.linear_code import LinearCode
from analysis.encoders.networks import Device, Dtype, Network
from analysis.project import extras
from analysis.project.downloads import sha256
from analysis.project.errors import FetchError, InputError, PackageError

Moments = dict[str, np.ndarray]
Progress = Callable[[int, int], None]

MEMORY = 2 << 30  # bytes that a batch may take by `Network.bytes_for` unless more are allowed


class Encoder(Protocol):
    """What turns pixels into raw moments. `identity` is what the moments depend on besides x."""

    @property
    def card(self) -> Card: ...
    @property
    def identity(self) -> dict[str, Any]: ...
    @property
    def normalisation(self) -> Normalisation: ...
    @property
    def pins(self) -> dict[str, Any]: ...
    @property
    def pinned(self) -> Card: ...
    def encode(
        self, x: np.ndarray, batch: int | None = None, progress: Progress | None = None
    ) -> Moments: ...
    def decode(self, raw: np.ndarray, batch: int | None = None) -> np.ndarray | None: ...


@dataclass(frozen=True)
class Loaded:
    """An encoder ready to run.

    Args:
        card: as it was given.
        identity: JSON values on which the moments depend besides the pixels.
        network: the functions.
        pins: what loading found out that the card leaves empty, by its fields' names.
        memory: bytes that a batch may take.
    """

    card: Card
    identity: dict[str, Any]
    network: Network
    pins: dict[str, Any] = dataclasses.field(default_factory=dict)
    memory: int = MEMORY

    @property
    def pinned(self) -> Card:
        """The card with what loading found out filled in."""
        return self.card.model_copy(update=self.pins)

    @property
    def normalisation(self) -> Normalisation:
        """How raw latents become those of a diffusion model: the card's, or the checkpoint's."""
        return self.pinned.normalisation

    def encode(
        self, x: np.ndarray, batch: int | None = None, progress: Progress | None = None
    ) -> Moments:
        """Raw moments of images: float32 [N, 3, H, W] in [-1, 1] -> float32 [N, C, h, w] each.

        Args:
            x: the images; H and W are multiples of the stride.
            batch: how many go through the network at once; by default as many as `memory` allows
                by `networks.Network.bytes_for`, and one at least.
            progress: told how many of how many images are done, after each batch.

        Raises:
            InputError: x is no such array, the stride does not divide H and W, or the moments are
                not finite or not of the shape that the card says.
        """
        low, high = self.card.input_range
        stride = self.card.stride
        _check(x, self.card, batch)
        if (low, high) != (-1.0, 1.0):
            x = (low + (x + 1) * ((high - low) / 2)).astype(np.float32)
        step = batch or self._batch(x.shape[2], x.shape[3])
        parts = []
        for i in range(0, len(x), step):
            parts.append(self.network.encode(x[i : i + step].copy()))
            if progress is not None:
                progress(min(i + step, len(x)), len(x))
        moments = {
            name: np.concatenate([part[name] for part in parts]).astype(np.float32, copy=False)
            for name in parts[0]
        }
        shape = (len(x), self.card.channels, x.shape[2] // stride, x.shape[3] // stride)
        for name, values in moments.items():
            if values.shape != shape:
                raise InputError(
                    f"{self.card.name}: by its card the {name} has shape {shape}, the encoder gave "
                    f"{values.shape}: correct channels and stride in the card"
                )
            if not np.isfinite(values).all():
                dtype = self.identity.get("dtype", "float32")
                raise InputError(f"{self.card.name}: {name} not finite in {dtype}: use float32")
        return moments

    def decode(self, raw: np.ndarray, batch: int | None = None) -> np.ndarray | None:
        """Images of raw latents: float32 [N, C, h, w] -> float32 [N, 3, H, W], or no decoder: None.

        They are in the range of [-1, 1] but not clipped to it (Wan's and Qwen-Image's are, by
        their decoders).

        Raises:
            InputError: raw is no such array.
        """
        if self.network.decode is None:
            return None
        if raw.ndim != 4 or raw.shape[1] != self.card.channels or raw.dtype != np.float32:
            wanted = f"float32 [N, {self.card.channels}, h, w]"
            raise InputError(f"raw latents are {raw.dtype} {raw.shape}, not {wanted}")
        side = self.card.stride
        step = batch or self._batch(raw.shape[2] * side, raw.shape[3] * side)
        parts = [self.network.decode(raw[i : i + step].copy()) for i in range(0, len(raw), step)]
        return np.concatenate(parts).astype(np.float32, copy=False)

    def _batch(self, height: int, width: int) -> int:
        return max(1, self.memory // max(1, self.network.bytes_for(height, width)))


def pins_here(card: Card) -> dict[str, Any]:
    """What weights that are here already say of a card that leaves something open, by its fields.

    It is what loading finds out, without building the network; nothing is fetched. Empty where the
    card leaves nothing open, or where its weights are not in the Hub's cache.

    Raises:
        InputError: the weights are not what the card says.
        FetchError: they are damaged.
    """
    if card.pinned or not card.repo or extras.absent(NEEDS[card.kind]):
        return {}
    paths = weights.hub_paths(card.repo, card.hub_names(), card.revision)
    if paths is None:
        return {}
    path = paths[-1]
    return _pins(
        card, described(path.parent, card.class_name), path, sha256(path), weights.commit_of(path)
    )


def _pins(
    card: Card, known: Mapping[str, Any], path: Path, digest: str, commit: str
) -> dict[str, Any]:
    """What the files of an autoencoder say that its card leaves open; InputError if they differ."""
    agree(card, known)
    found = {**known, "sha256": digest, "bytes": path.stat().st_size}
    return unsaid(card, found | ({"revision": commit} if commit else {}))


def load(
    card: Card,
    *,
    linear: LinearCode | None = None,
    downloads: Path,
    folder: Path | None = None,
    device: Device = "auto",
    dtype: Dtype = "float32",
    tiling: bool = False,
    memory: int = MEMORY,
) -> Loaded:
    """The encoder of a card.

    Args:
        card: the encoder's card.
        linear: the fitted code, for kind ``linear``.
        downloads: where fetched weights are kept (the Hub keeps its own cache).
        folder: a folder with the weights; for ``diffusers`` one that ``save_pretrained`` wrote. By
            default they are looked for in ``ANALYSIS_WEIGHTS``, then fetched.
        device: where a network runs; ``auto``: CUDA, else Apple's GPU, else the CPU.
        dtype: the type a network computes in; moments are float32 all the same.
        tiling: encode in overlapping tiles, as diffusers does to save memory. It changes the
            latents, and so their spectrum.
        memory: bytes that a batch may take beyond the weights.

    Raises:
        InputError: a linear code is missing, code or weights are not what the card says, or an
            option does not apply to this kind.
        PackageError: a package is not installed.
        FetchError: the weights cannot be had or are damaged.
    """
    known = description(card, dtype, tiling)
    if lacking := extras.lacking(card.name, NEEDS[card.kind]):
        raise PackageError(lacking)
    if tiling and card.kind != "diffusers":
        raise InputError(f"{card.name} is not encoded in tiles: leave tiling off")
    if not card.learned:
        if dtype != "float32":
            raise InputError(f"{card.name} computes in float32 only, not in {dtype}")
        if card.kind == "pixel":
            network = Network(lambda x: {"mean": x}, lambda z: z, {"channels": 3, "stride": 1}, 3)
        elif card.formula:
            network = _formula(card.formula, card.seed)
        else:
            network, known["code"] = _linear(card, linear)
        agree(card, network.described)
        return Loaded(card, known, network, {}, memory)
    where = weights.folders() if folder is None else [folder]
    if card.kind in BY_HASH:
        path = weights.find(card.sha256, card.bytes, [*where, downloads])
        if path is None and (folder is not None or not card.url):
            raise FetchError(not_found(card))
        path = path or weights.from_address(card.url, card.sha256, card.bytes, downloads)
        if card.kind == "trained":
            network = networks.trained_here(path, card.channels, device, dtype)
        else:
            network = networks.tiny(path, card.channels, card.stride, device, dtype)
        agree(card, network.described)
        return Loaded(card, known | {"sha256": card.sha256}, network, {}, memory)
    config, path, commit = _paths(card, folder, where)
    digest = weights.agree(card.name, path, card.sha256)
    known |= {"sha256": digest, "config": sha256(config)}
    known |= {"repo": card.repo, "revision": commit} if commit else {}
    network = networks.autoencoder(path.parent, card.class_name, device, dtype, tiling)
    pins = _pins(card, network.described, path, digest, commit)
    return Loaded(card, known, network, pins, memory)


def _linear(card: Card, code: LinearCode | None) -> tuple[Network, str]:
    if code is None:
        raise InputError(f"{card.name} needs a fitted linear code: see linear_code.fit")
    shape = {"channels": code.channels, "stride": code.patch}
    network = Network(lambda x: {"mean": code.encode(x)}, code.decode, shape, 3 * code.channels)
    return network, code.fitted_on or code.digest


def _formula(formula: Formula, seed: int) -> Network:
    encode, decode = partial(formulas.encode, formula, seed), partial(formulas.decode, formula)
    shape = {"channels": formulas.channels(formula), "stride": formulas.PATCH}
    inverse = None if formula == "random" else decode
    return Network(lambda x: {"mean": encode(x)}, inverse, shape, 3 * formulas.PATCH)


def _check(x: np.ndarray, card: Card, batch: int | None) -> None:
    if x.ndim != 4 or x.shape[1] != 3 or x.dtype != np.float32 or x.size == 0:
        raise InputError(f"images are {x.dtype} {x.shape}, not float32 [N, 3, H, W]")
    if x.shape[2] % card.stride or x.shape[3] % card.stride:
        size = f"{x.shape[2]} x {x.shape[3]}"
        raise InputError(f"{card.name} takes multiples of {card.stride} pixels, not {size}")
    if not np.abs(x).max() <= 1 + 1e-6:
        raise InputError(
            f"pixels reach from {x.min():g} to {x.max():g}; they have to be in [-1, 1]"
        )
    if batch is not None and batch < 1:
        raise InputError(f"batch is {batch}; it has to be at least 1")


def _paths(card: Card, folder: Path | None, where: Sequence[Path]) -> tuple[Path, Path, str]:
    """Configuration, weights and commit (empty for a folder) of an autoencoder for diffusers."""
    own = Path(card.folder) if card.folder else None
    folder = folder or own or folder_of(card, where)
    if folder is None:
        names = card.hub_names()
        paths, commit = weights.from_hub(card.repo, names, card.revision, card.alternatives)
        return paths[0], paths[1], commit
    if why := unfit(folder):
        raise FetchError(f"{card.name}: {why}")
    return folder / FILES[0], folder / FILES[1], ""
