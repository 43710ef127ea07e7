"""Encoders: what turns pixels into latents, each described by a card in ``data/encoders.toml``.

``load(card("taef2"), downloads=...)`` gives an encoder; ``encode`` takes float32 [N, 3, H, W] in
[-1, 1] and gives raw moments, float32 [N, C, H/stride, W/stride] each: ``mean``, and ``logvar``
from a variational autoencoder. ``latents.normalise`` makes latents of them. Networks run in
float32 in eval mode on the CPU; an image's moments do not depend on its batch beyond rounding.
torch, diffusers and huggingface_hub are imported inside functions only.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from analysis import networks, weights
from analysis.linear_code import LinearCode
from analysis.settings import FetchError, InputError, Strict, explain, nearest, read_toml, root

Kind = Literal["pixel", "linear", "autoencoder-kl", "taef2"]
Moments = dict[str, np.ndarray]

VERSIONS: dict[Kind, int] = {"pixel": 1, "linear": 1, "autoencoder-kl": 1, "taef2": 1}
"""Raised when the numbers an encoder of this kind gives change."""

NEEDS: dict[Kind, tuple[str, ...]] = {
    "pixel": (),
    "linear": (),
    "autoencoder-kl": ("torch", "diffusers", "huggingface_hub", "safetensors"),
    "taef2": ("torch",),
}
KL_FILES = ("config.json", "diffusion_pytorch_model.safetensors")  # what save_pretrained writes


class Card(Strict):
    """What is known about an encoder. Empty text and 0 mean: not known, or does not apply."""

    name: str
    title: str
    kind: Kind
    channels: int = Field(gt=0, description="number of latent channels C")
    stride: int = Field(gt=0, description="pixels a latent pixel, each way")
    shift: float = Field(0.0, description="subtracted from raw latents, in their units")
    scale: float = Field(1.0, gt=0, description="multiplied afterwards")
    input_range: tuple[float, float] = Field((-1.0, 1.0), description="pixels the network takes")
    fit_size: int = Field(0, ge=0, description="side in pixels of the photographs a fit is made on")
    repo: str = Field("", description="owner/name on the Hugging Face Hub")
    subfolder: str = Field("", description="folder in the repository")
    revision: str = Field("", description="commit, tag or branch; empty: the newest")
    gated: bool = Field(False, description="the repository asks for an accepted licence")
    alternatives: tuple[str, ...] = Field((), description="repositories said to hold the same file")
    file: str = Field("", description="the weights file's name at its source")
    bytes: int = Field(0, ge=0, description="the weights file's size")
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$", description="of the weights file")
    url: str = Field("", description="where the weights file can be downloaded")
    license: str = ""
    source: str = Field("", description="where the encoder comes from")
    notes: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "taef2" and not self.sha256:
            raise ValueError("kind 'taef2' needs sha256, by which its weights are found")
        if self.kind == "autoencoder-kl" and not self.repo:
            raise ValueError("kind 'autoencoder-kl' needs repo")
        if self.kind == "linear" and not self.fit_size:
            raise ValueError("kind 'linear' needs fit_size")
        return self

    def hub_names(self) -> list[str]:
        """The paths in the repository of the files that diffusers reads."""
        return [f"{self.subfolder}/{name}" if self.subfolder else name for name in KL_FILES]


def cards(path: Path | None = None) -> dict[str, Card]:
    """All cards by name, from ``data/encoders.toml`` or another file.

    Raises:
        InputError: the file is missing or not TOML, or a card has an unknown or unfit key.
    """
    path = path or root() / "data" / "encoders.toml"
    found = {}
    for name, table in read_toml(path).items():
        if not isinstance(table, dict) or "name" in table:
            raise InputError(f"{path}: '{name}' is not a card: write [{name}] and no 'name' in it")
        try:
            found[name] = Card.model_validate({**table, "name": name})
        except ValidationError as error:
            raise InputError(explain(error, Card, f"{path}: [{name}]")) from None
    return found


def card(name: str) -> Card:
    """The card of this name; InputError with the nearest name if there is none."""
    known = cards()
    if name not in known:
        raise InputError(f"unknown encoder '{name}'; {nearest(name, list(known))}")
    return known[name]


def identity(card: Card) -> dict[str, Any]:
    """What an encoder's moments depend on besides pixels, known without loading it.

    Raises:
        InputError: neither the weights' SHA-256 nor a revision is in the card.
    """
    known: dict[str, Any] = {
        "kind": card.kind,
        "version": VERSIONS[card.kind],
        "channels": card.channels,
        "stride": card.stride,
        "input_range": list(card.input_range),
    }
    if card.kind in ("pixel", "linear"):
        return known
    if card.sha256:
        return known | {"sha256": card.sha256}
    if card.revision:
        return known | {"repo": card.repo, "revision": card.revision}
    raise InputError(
        f"{card.name}: its card has neither sha256 nor revision, so its results could not be told "
        "from another version's: add one in data/encoders.toml"
    )


class Encoder(Protocol):
    """What turns pixels into raw moments. `identity` is what the moments depend on besides x."""

    @property
    def card(self) -> Card: ...
    @property
    def identity(self) -> dict[str, Any]: ...
    def encode(self, x: np.ndarray, batch: int = 1) -> Moments: ...


@dataclass(frozen=True)
class Loaded:
    """An encoder ready to run: a card, JSON values that identify it, and its network."""

    card: Card
    identity: dict[str, Any]
    network: Callable[[np.ndarray], Moments]

    def encode(self, x: np.ndarray, batch: int = 1) -> Moments:
        """Raw moments of images: float32 [N, 3, H, W] in [-1, 1] -> float32 [N, C, h, w] each.

        Args:
            x: the images.
            batch: how many go through the network at once; more need more memory.

        Raises:
            InputError: x is no such array, or the stride does not divide H and W.
        """
        _check(x, self.card, batch)
        low, high = self.card.input_range
        if (low, high) != (-1.0, 1.0):
            x = (low + (x + 1) * ((high - low) / 2)).astype(np.float32)
        parts = [self.network(x[i : i + batch].copy()) for i in range(0, len(x), batch)]
        return {
            name: np.concatenate([part[name] for part in parts]).astype(np.float32, copy=False)
            for name in parts[0]
        }


def missing(card: Card, weights_dirs: Sequence[Path] | None = None) -> str | None:
    """Why this encoder cannot run here, or None; nothing heavy is imported, nothing is fetched.

    None does not promise that a download will succeed.

    Args:
        card: the encoder's card.
        weights_dirs: where to look for weights; by default the folders of ``ANALYSIS_WEIGHTS``.
    """
    lacking = weights.absent(NEEDS[card.kind])
    if lacking:
        return f"{card.name} needs {', '.join(lacking)}: run pip install -e '.[vae]'"
    if card.kind not in ("taef2", "autoencoder-kl"):
        return None
    where = weights.folders() if weights_dirs is None else weights_dirs
    if card.kind == "taef2":
        found = card.url or weights.find(card.sha256, card.bytes, where)
        return None if found else _not_found(card)
    if _kl_folder(card, where):
        return None
    return weights.hub_missing(card.repo, card.hub_names(), card.revision)


def load(
    card: Card, *, linear: LinearCode | None = None, downloads: Path, folder: Path | None = None
) -> Encoder:
    """The encoder of a card.

    Args:
        card: the encoder's card.
        linear: the fitted code, for kind ``linear``.
        downloads: where fetched weights are kept (the Hub keeps its own cache).
        folder: a folder with the weights; for ``autoencoder-kl`` one that diffusers'
            ``save_pretrained`` wrote. By default they are looked for in ``ANALYSIS_WEIGHTS``, then
            fetched.

    Raises:
        InputError: a linear code is missing, or code or weights are not what the card says.
        FetchError: a package is not installed, or the weights cannot be had or are damaged.
    """
    identity = {"version": VERSIONS[card.kind], "input_range": list(card.input_range)}
    identity |= {"kind": card.kind, "channels": card.channels, "stride": card.stride}
    lacking = weights.absent(NEEDS[card.kind])
    if lacking:
        raise FetchError(f"{card.name} needs {', '.join(lacking)}: run pip install -e '.[vae]'")
    if card.kind == "pixel":
        _agree(card, {"channels": 3, "stride": 1})
        return Loaded(card, identity, lambda x: {"mean": x})
    if card.kind == "linear":
        if linear is None:
            raise InputError(f"{card.name} needs a fitted linear code: see linear_code.fit")
        _agree(card, {"channels": linear.channels, "stride": linear.patch})
        identity["code"] = linear.fitted_on or linear.digest
        code = linear
        return Loaded(card, identity, lambda x: {"mean": code.encode(x)})
    where = weights.folders() if folder is None else [folder]
    if card.kind == "taef2":
        path = weights.find(card.sha256, card.bytes, [*where, downloads])
        if path is None and (folder is not None or not card.url):
            raise FetchError(_not_found(card))
        path = path or weights.download(card.url, card.sha256, downloads)
        _agree(card, {"stride": 8})
        network = networks.tiny(path, card.channels)
        return Loaded(card, identity | {"sha256": card.sha256}, network)
    config, path, commit = _kl_paths(card, folder, where)
    digest = weights.sha256(path)
    if card.sha256 and digest != card.sha256:
        raise FetchError(
            f"{card.name}: {path} has sha256 {digest}, its card says {card.sha256}: delete the "
            "file and fetch it again, or correct the card if the file is known to be right"
        )
    identity |= {"sha256": digest, "config": weights.sha256(config)}
    identity |= {"repo": card.repo, "revision": commit} if commit else {}
    network, described = networks.autoencoder_kl(path.parent)
    _agree(card, described)
    return Loaded(card, identity, network)


def _check(x: np.ndarray, card: Card, batch: int) -> None:
    if x.ndim != 4 or x.shape[1] != 3 or x.dtype != np.float32 or x.size == 0:
        raise InputError(f"images are {x.dtype} {x.shape}, not float32 [N, 3, H, W]")
    if x.shape[2] % card.stride or x.shape[3] % card.stride:
        size = f"{x.shape[2]} x {x.shape[3]}"
        raise InputError(f"{card.name} takes multiples of {card.stride} pixels, not {size}")
    if not np.abs(x).max() <= 1 + 1e-6:
        raise InputError(
            f"pixels reach from {x.min():g} to {x.max():g}; they have to be in [-1, 1]"
        )
    if batch < 1:
        raise InputError(f"batch is {batch}; it has to be at least 1")


def _agree(card: Card, found: dict[str, float]) -> None:
    """InputError if the encoder found is not the one the card describes."""
    for key, value in found.items():
        if not math.isclose(getattr(card, key), value, rel_tol=1e-6):
            said = getattr(card, key)
            raise InputError(f"{card.name}: the card says {key} = {said}, the encoder has {value}")


def _not_found(card: Card) -> str:
    return (
        f"{card.name}: no file with sha256 {card.sha256[:12]}... in ANALYSIS_WEIGHTS: get "
        f"{card.file or 'it'} from {card.source or 'its author'} and name its folder there"
    )


def _kl_folder(card: Card, where: Sequence[Path]) -> Path | None:
    """The folder that holds the card's weights as ``save_pretrained`` names them, with config."""
    path = weights.find(card.sha256, card.bytes, where)
    complete = path and path.name == KL_FILES[1] and (path.parent / KL_FILES[0]).is_file()
    return path.parent if path and complete else None


def _kl_paths(card: Card, folder: Path | None, where: list[Path]) -> tuple[Path, Path, str]:
    """Configuration, weights and commit (empty for a folder) of an autoencoder for diffusers."""
    if folder is None:
        folder = _kl_folder(card, where)
    if folder is None:
        names = card.hub_names()
        paths, commit = weights.from_hub(card.repo, names, card.revision, card.alternatives)
        return paths[0], paths[1], commit
    for name in KL_FILES:
        if not (folder / name).is_file():
            raise FetchError(f"{card.name}: no {name} in {folder}: save it with save_pretrained")
    return folder / KL_FILES[0], folder / KL_FILES[1], ""
