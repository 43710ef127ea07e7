"""Cards: what is known of each encoder before it is loaded, from ``data/encoders.toml``.

A card describes an encoder well enough to key its results without its weights, and to refuse
other weights. ``card`` also takes a folder that diffusers' ``save_pretrained`` wrote, and
``hf:owner/name`` on the Hugging Face Hub, and reads the card from their configuration.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np
from pydantic import ConfigDict, Field, ValidationError, model_validator

from analysis.encoders import weights
from analysis.encoders.checkpoints import (
    EACH_CHANNEL,
    FILES,
    VARIATIONAL,
    read_config,
    statistics,
    unfit,
)
from analysis.encoders.formulas import FORMULAS, Formula
from analysis.encoders.latents import Normalisation
from analysis.project import downloads, extras
from analysis.project.errors import InputError, PackageError, nearest
from analysis.project.files import Line, Strict, data, explain, named, read_toml
from analysis.project.markdown import printable

Kind = Literal["pixel", "linear", "formula", "trained", "diffusers", "taef2", "taesana"]

VERSIONS: dict[Kind, int] = dict.fromkeys(get_args(Kind), 1)
"""Raised when the numbers an encoder of this kind gives change."""

NEEDS: dict[Kind, tuple[str, ...]] = {
    "pixel": (),
    "linear": (),
    "formula": (),
    "trained": ("torch", "safetensors"),
    "diffusers": ("torch", "diffusers", "huggingface_hub", "safetensors"),
    "taef2": ("torch",),
    "taesana": ("torch",),
}
BY_HASH = ("trained", "taef2", "taesana")  # kinds whose weights are one file, found by its SHA-256
TOLERANCE = 1e-4  # of a channel's std: cards have means and stds rounded to four places
RESULTS = ("display", "leakage", "channel-rule")  # files of a study beside its encoders
COMMIT = re.compile(r"[0-9a-f]{40}")
HUB = re.compile(r"hf:(?P<repo>[^/@#]+/[^/@#]+)(@(?P<revision>[^#]+))?(#(?P<subfolder>.+))?")


class Card(Strict):
    """What is known about an encoder. Empty text and 0 mean: not known, or does not apply."""

    model_config = ConfigDict(populate_by_name=True)

    name: str
    title: Line
    kind: Kind
    class_name: str = Field("", alias="class", description="of diffusers, for kind 'diffusers'")
    channels: int = Field(gt=0, description="number of raw latent channels C")
    stride: int = Field(gt=0, description="pixels a raw latent pixel, each way")
    shift: float = Field(0.0, description="subtracted from raw latents, in their units")
    scale: float = Field(1.0, gt=0, description="multiplied afterwards")
    mean: tuple[float, ...] = Field((), description="of each channel, after folding")
    std: tuple[float, ...] = Field((), description="of each channel, after folding")
    patchify: int = Field(1, ge=1, description="side of the squares folded into channels")
    formula: Formula | Literal[""] = Field("", description="of kind 'formula': which")
    seed: int = Field(0, ge=0, description="of the formula 'random'")
    input_range: tuple[float, float] = Field((-1.0, 1.0), description="pixels the network takes")
    fit_size: int = Field(0, ge=0, description="side in pixels of the photographs a fit is made on")
    repo: str = Field("", description="owner/name on the Hugging Face Hub")
    subfolder: str = Field("", description="folder in the repository")
    revision: str = Field("", description="commit, tag or branch; empty: the newest")
    gated: bool = Field(False, description="the repository asks for an accepted licence")
    alternatives: tuple[str, ...] = Field((), description="repositories said to hold the same file")
    address: str = Field("", exclude=True, repr=False, description="how a user of no card names it")
    folder: str = Field("", exclude=True, repr=False, description="where a user's own weights lie")
    file: str = Field("", description="the weights file's name at its source")
    bytes: int = Field(0, ge=0, description="the weights file's size")
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$", description="of the weights file")
    config_sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$", description="of config.json")
    url: str = Field("", description="where the weights file can be downloaded")
    license: Line = ""
    source: Line = Field("", description="where the encoder and the card's facts come from")
    notes: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind in BY_HASH and not self.sha256:
            raise ValueError(f"kind '{self.kind}' needs sha256, by which its weights are found")
        if self.kind == "diffusers" and self.class_name not in VARIATIONAL:
            known = ", ".join(sorted(VARIATIONAL))
            raise ValueError(f"kind 'diffusers' needs class, one of {known}")
        if self.kind == "diffusers" and not (self.repo or self.folder):
            raise ValueError("kind 'diffusers' needs repo")
        if self.kind == "formula" and not self.formula:
            known = ", ".join(FORMULAS)
            raise ValueError(f"kind 'formula' needs formula, one of {known}")
        if self.kind == "linear" and not self.fit_size:
            raise ValueError("kind 'linear' needs fit_size")
        if self.mean and len(self.mean) != self.latent_channels:
            raise ValueError(f"mean has {len(self.mean)} values, not {self.latent_channels}")
        self._normalisation()
        return self

    @property
    def latent_channels(self) -> int:
        """Channels of the latents a diffusion model sees: those that are folded too."""
        return self.channels * self.patchify**2

    @property
    def latent_stride(self) -> int:
        """Pixels that a pixel of the latents a diffusion model sees is apart from the next."""
        return self.stride * self.patchify

    @property
    def variational(self) -> bool:
        """Whether the moments have a variance to sample with."""
        return VARIATIONAL.get(self.class_name, False)

    @property
    def normalised(self) -> bool:
        """Whether the card says how latents are normalised; if not, loading finds out."""
        if self.kind != "diffusers":
            return True
        if self.class_name in EACH_CHANNEL:
            return bool(self.mean)
        return "scale" in self.model_fields_set

    @property
    def learned(self) -> bool:
        """Whether a network was trained: pixels and the linear code are formulas, too."""
        return self.kind not in ("pixel", "linear", "formula")

    @property
    def pinned(self) -> bool:
        """Whether the card says all that results are keyed by."""
        named = not self.learned or bool(self.sha256 or self.revision)
        return named and self.normalised

    @property
    def normalisation(self) -> Normalisation:
        """How raw latents become those of a diffusion model.

        Raises:
            InputError: the card does not say; `encoders.Loaded.normalisation` does.
        """
        if not self.normalised:
            raise InputError(
                f"{self.name}: its card does not say how its latents are normalised: run "
                f"'python -m analysis encoders check {self.name}' and write what it prints there"
            )
        return self._normalisation()

    def _normalisation(self) -> Normalisation:
        names = ("shift", "scale", "mean", "std", "patchify")
        return Normalisation(**{name: getattr(self, name) for name in names})

    def hub_names(self) -> list[str]:
        """The paths in the repository of the files that diffusers reads."""
        return [f"{self.subfolder}/{name}" if self.subfolder else name for name in FILES]


def cards(path: Path | None = None) -> dict[str, Card]:
    """All cards by name, from ``data/encoders.toml`` or another file.

    Raises:
        InputError: the file is missing or not TOML, or a card has an unfit name or key.
    """
    path = path or data() / "encoders.toml"
    found = {}
    for name, table in read_toml(path).items():
        if not isinstance(table, dict) or {"name", "folder", "address"} & set(table):
            wrong = "no 'name', 'folder' or 'address' in it"
            raise InputError(f"{path}: '{name}' is not a card: write [{name}] and {wrong}")
        try:
            if named(name) in RESULTS or name.startswith("sampler-"):
                raise InputError(f"{path}: [{name}]: a result of studies is called so: rename it")
            found[name] = Card.model_validate({**table, "name": name})
        except ValidationError as error:
            raise InputError(explain(error, Card, f"{path}: [{name}]")) from None
        except ValueError as error:
            raise InputError(f"{path}: {error}") from None
    return found


def card(name: str) -> Card:
    """The card of this name, of a folder, or of ``hf:owner/name@revision#subfolder``.

    A folder is one that ``save_pretrained`` wrote. Of the Hub only the configuration is fetched,
    and the weights where the latents' normalisation is in them. The card of a folder or address is
    named after it and its content (`own_name`), since results are.

    Raises:
        InputError: there is none of the name (the nearest is suggested), or folder or repository
            hold something else.
        PackageError: a package that it takes is not installed.
        FetchError: files of the repository cannot be had, or are damaged.
    """
    known = cards()
    if name in known:
        return known[name]
    if name.startswith("hf:"):
        return _from_hub(name)
    if "/" in name or Path(name).expanduser().is_dir():
        return _from_folder(Path(name).expanduser())
    raise InputError(f"unknown encoder '{name}'; {nearest(name, list(known))}")


def own_name(address: str, content: str) -> str:
    """The name of an encoder that has no card: what files and figures call it.

    Small letters, digits and hyphens, as in ids of images, and the beginning of what identifies its
    content: other weights in a folder of the same name are another encoder.

    Args:
        address: the folder's own name, or the repository's with its subfolder.
        content: the commit, or the SHA-256 of configuration and weights, in hexadecimal digits.
    """
    return "-".join([*re.findall(r"[a-z0-9]+", address.lower()), content[:8]])


def _from_folder(folder: Path) -> Card:
    if why := unfit(folder):
        raise InputError(why)
    described = read_config(folder / FILES[0])
    config, digest = (downloads.sha256(folder / name) for name in FILES)
    folder = folder.resolve()
    return _own(
        own_name(folder.name, hashlib.sha256(f"{config} {digest}".encode()).hexdigest()),
        described | statistics(folder / FILES[1], described),
        title=printable(folder.name),
        address=f"path/to/{printable(folder.name)}",
        folder=str(folder),
        sha256=digest,
        config_sha256=config,
        bytes=(folder / FILES[1]).stat().st_size,
    )


def _from_hub(name: str) -> Card:
    match = HUB.fullmatch(name)
    if match is None:
        raise InputError(f"'{name}' is not hf:owner/name, hf:owner/name@revision or ...#subfolder")
    if lacking := extras.lacking(name, NEEDS["diffusers"]):
        raise PackageError(lacking)
    repo, subfolder = match["repo"], (match["subfolder"] or "").strip("/")
    files = [f"{subfolder}/{file}" if subfolder else file for file in FILES]
    (path,), commit = weights.from_hub(repo, files[:1], match["revision"] or "")
    described = read_config(path)
    if described["class"] == "AutoencoderKLFlux2":
        (path,), commit = weights.from_hub(repo, files[1:], commit)
        described |= statistics(path, described)
    return _own(
        own_name(f"{repo}/{subfolder}", commit),
        described,
        title=f"{repo}/{subfolder}".strip("/"),
        address=f"hf:{repo}@{commit}" + f"#{subfolder}" * bool(subfolder),
        repo=repo,
        subfolder=subfolder,
        revision=commit,
        source=f"https://huggingface.co/{repo}",
    )


def _own(name: str, described: Mapping[str, Any], **known: Any) -> Card:
    shown = {key: value for key, value in described.items() if key != "batch_norm_eps"}
    table = {"name": name, "kind": "diffusers", **shown, **known}
    try:
        return Card.model_validate(table)
    except ValidationError as error:
        raise InputError(explain(error, Card, name)) from None


def identity(card: Card, *, dtype: str = "float32", tiling: bool = False) -> dict[str, Any]:
    """What an encoder's moments depend on besides pixels, known without loading it.

    Args:
        card: the encoder's card.
        dtype: the type the network computes in; part of the identity unless it is float32.
        tiling: whether images are encoded in tiles; part of the identity if they are.

    Raises:
        InputError: neither the weights' SHA-256 nor a revision is in the card.
    """
    known = description(card, dtype, tiling)
    if not card.learned:
        return known
    if card.sha256:
        config = {"config": card.config_sha256} if card.config_sha256 else {}
        return known | {"sha256": card.sha256} | config
    if card.revision:
        place = {"subfolder": card.subfolder} if card.subfolder else {}
        return known | {"repo": card.repo, "revision": card.revision} | place
    raise InputError(
        f"{card.name}: its card has neither sha256 nor revision, so its results could not be told "
        f"from another version's: run 'python -m analysis encoders check {card.name}' and write "
        "what it prints into the card"
    )


def description(card: Card, dtype: str, tiling: bool) -> dict[str, Any]:
    known: dict[str, Any] = {"kind": card.kind, "version": VERSIONS[card.kind]}
    known |= {"channels": card.channels, "stride": card.stride}
    known |= {"input_range": list(card.input_range)}
    known |= {"class": card.class_name} if card.class_name else {}
    known |= {"formula": card.formula} if card.formula else {}
    known |= {"seed": card.seed} if card.formula == "random" else {}
    known |= {"dtype": dtype} if dtype != "float32" else {}
    return known | ({"tiling": True} if tiling else {})


def unsaid(card: Card, found: Mapping[str, Any]) -> dict[str, Any]:
    """What was found out that a card leaves empty, by its fields' names.

    A revision that is a branch or a tag is left empty in this sense: only a commit stays.
    """
    return {key: value for key, value in found.items() if not _says(card, key)}


def agree(card: Card, found: Mapping[str, Any]) -> None:
    """InputError if what was found of an encoder is not what the card says.

    Means and standard deviations of channels may differ by 1e-4 of the latter (cards have them
    rounded), other numbers by 1e-6 of themselves.
    """
    for key, value in found.items():
        said = getattr(card, key)
        if not _says(card, key):
            continue
        if isinstance(value, tuple):
            allowed = TOLERANCE * np.array(found["std"])
            same = len(said) == len(value) and bool((abs(np.subtract(said, value)) < allowed).all())
        else:
            same = bool(np.isclose(said, value, rtol=1e-6, atol=0))
        if not same:
            raise InputError(f"{card.name}: the card says {key} = {said}, the encoder has {value}")


def _says(card: Card, key: str) -> bool:
    if key in ("shift", "scale", "mean", "std", "patchify"):
        return card.normalised or key in card.model_fields_set
    if key == "revision":
        return bool(COMMIT.fullmatch(card.revision))
    return bool(getattr(card, key))
