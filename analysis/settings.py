"""Settings: where things lie, what a study may choose, and how it fails.

A study is a TOML file in ``data/studies/``. Every choice that can change a number is in it, so
that a result is traced to a file a reader can open. Unknown keys are refused, with the nearest
right one suggested.
"""

import difflib
import itertools
import json
import math
import os
import re
import time
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from analysis.text import line

NAME = "timestep-spectra"
PACKAGE = Path(__file__).resolve().parent
Line = Annotated[str, AfterValidator(line)]  # of words that somebody wrote
STARTED = time.time_ns()  # modules that are edited later may not be those that run


class AnalysisError(Exception):
    """An error whose message says what failed, why, and what to do; one line."""

    exit_code = 1


class InputError(AnalysisError):
    """Something the user gave (file, name, option, image) cannot be used."""

    exit_code = 2


class FetchError(AnalysisError):
    """Something that has to be fetched (photograph, weights) could not be had."""

    exit_code = 3


class PackageError(AnalysisError):
    """A Python package that this needs is not installed; the message says how it is."""


def checkout_folder() -> Path | None:
    """The checkout: the folder with ``data/`` and ``report/``; None if there is only the package.

    ``ANALYSIS_ROOT`` names another than the one this module lies in.

    Raises:
        InputError: the folder that is named is none.
    """
    named = os.environ.get("ANALYSIS_ROOT")
    path = Path(named or PACKAGE.parent)
    if (path / "data" / "studies").is_dir():
        return path
    if named:
        raise InputError(f"no data/studies in {path}: set ANALYSIS_ROOT to a checkout, or unset it")
    return None


def root() -> Path:
    """The checkout, for what only works in one: pages, and what is written beside the sources.

    Raises:
        InputError: there is none.
    """
    path = checkout_folder()
    if path is None:
        raise InputError(
            "this command needs a checkout of the project, with its pages and photographs, and "
            "here only the package is installed: clone the project and run 'python -m analysis' in "
            "that folder, or set ANALYSIS_ROOT to it"
        )
    return path


def data() -> Path:
    """What was written by hand or committed: cards, studies, literature, results; only read.

    It is the checkout's ``data/``, or what the installed package carries of that.
    """
    return (checkout_folder() or PACKAGE) / "data"


def cache_folder() -> Path:
    """Where results and downloads are kept for the next time.

    ``ANALYSIS_CACHE``, else the checkout's ``data/cache``, else the user's cache folder.
    """
    if named := os.environ.get("ANALYSIS_CACHE"):
        return Path(named)
    checkout = checkout_folder()
    return checkout / "data" / "cache" if checkout else platformdirs.user_cache_path(NAME, False)


def nearest(name: str, known: list[str]) -> str:
    """A hint for a misspelt name: the nearest known one, or the list of them."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(sorted(known))}"


class Strict(BaseModel):
    """A model that is immutable and refuses keys it does not know, nan and infinity.

    Nothing is turned into another type: true is no number, 512.0 no integer, "3" neither.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)

    @field_validator("*", mode="before")
    @classmethod
    def _array(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value  # TOML's and JSON's arrays


def explain(error: ValidationError, model: type[BaseModel], where: str) -> str:
    """One problem of a validation error in one line; a misspelt key comes first, with the nearest.

    A misspelt required key is two problems, an unknown key and a missing one; the first says more.
    """
    errors = error.errors()
    first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        hint = nearest(str(first["loc"][-1]), list(model.model_fields))
        return f"{where}: unknown key '{place}'; {hint}"
    problem = first["msg"].removeprefix("Value error, ")
    if isinstance(given := first["input"], bool | int | float) and first["type"] != "value_error":
        problem += f", it is {json.dumps(given)}"
    return f"{where}: {place}: {problem}" if place else f"{where}: {problem}"


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file; InputError if it is missing or is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid TOML: {error}") from None


def named(name: str) -> str:
    """A name as it is, if it can be a file's name anywhere, and nothing but one (ValueError)."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ValueError(
            f"{name!r} is no name: use small letters, digits and single hyphens, as in 'sd-vae-2'"
        )
    return name


Name = Annotated[str, AfterValidator(named)]
"""Of a study, set, image, variation or encoder: results and downloads are stored under it."""

TWO_PI = 2 * math.pi
LARGEST = 16384  # side in pixels; larger squares than 13,377 are refused as images anyway


class Window(Strict):
    """The taper applied before the Fourier transform (see `spectra.window2d`)."""

    kind: Literal["kaiser", "hann", "none"] = Field("kaiser", description="family of the window")
    beta: float = Field(TWO_PI, ge=0, le=100, description="Kaiser beta as numpy.kaiser defines it")

    @property
    def text(self) -> str:
        """How the window is called on pages, such as ``Kaiser 2π``."""
        if self.kind != "kaiser":
            return {"hann": "Hann", "none": "none"}[self.kind]
        return "Kaiser 2π" if math.isclose(self.beta, TWO_PI) else f"Kaiser {self.beta:g}"


class Bands(Strict):
    """Edges of the frequency bands, as fractions of the lower resolution's Nyquist frequency."""

    first_ring: int = Field(2, ge=1, description="lowest ring used; ring 1 is biased by DC removal")
    low: float = Field(0.25, gt=0, le=1, description="end of the low band")
    middle: float = Field(0.5, gt=0, le=1, description="end of the middle band")
    high: float = Field(1.0, gt=0, le=1, description="end of the high band")

    @model_validator(mode="after")
    def _ascending(self) -> "Bands":
        if not self.low < self.middle < self.high:
            raise ValueError("band edges must ascend: low < middle < high")
        return self


Resample = Literal["lanczos", "bicubic", "box", "fourier"]


class Variation(Strict):
    """The same measurement with one choice changed, or on images whose answer is known."""

    name: Name = Field(description="short name")
    title: Line = Field("", description="what the tables call it; empty: the name")
    images: Literal["", "dead-leaves", "power-law"] = Field(
        "", description="simulated images instead of the study's; empty: the study's"
    )
    resample: Resample | Literal[""] = Field("", description="resize filter; empty: the study's")
    jpeg: int = Field(0, ge=0, le=100, description="JPEG quality before resizing; 0: none")
    sample: bool = Field(False, description="latents drawn from the posterior, not its mode")

    @property
    def text(self) -> str:
        """How the tables call it."""
        return self.title or self.name


class Study(Strict):
    """Every choice of a study. Lengths are in pixels, t is the data fraction (t = 1 is data)."""

    name: Name = Field(description="file name of the study")
    title: Line = Field(description="one line for the pages")
    caution: Line = Field("", description="what a reader should know of these images, a sentence")
    images: str = Field(description="a set in data/images.toml, or a folder of images")
    skip_unfit: bool = Field(
        False, description="whether images that can't be used are left out; else they are refused"
    )
    encoders: tuple[str, ...] = Field(
        min_length=1,
        description="names in data/encoders.toml, folders that "
        "save_pretrained wrote (with a slash, as ./my-vae), or hf:owner/name@revision#subfolder",
    )
    display_encoder: str = Field(
        description="the encoder whose latents are pictured; without it the first that is not "
        "'pixel', since pixels are shown as the photograph itself"
    )
    display_image: str = Field("", description="id of the pictured photograph; empty: the first")
    resolutions: tuple[int, ...] = Field(
        (512, 1024), min_length=2, description="sides in pixels, ascending; the last two are shown"
    )
    resample: Resample = Field(
        "lanczos", description="resize filter; it shapes the spectrum near the Nyquist frequency"
    )
    variations: tuple[Variation, ...] = Field((), description="what else is measured")
    t: float = Field(
        0.5, gt=0, lt=1, description="data fraction of the blend z_t = t z + (1-t) eps"
    )
    mu: float = Field(
        0.0, ge=-20, le=20, description="mean of theta = logit(t) at the low resolution"
    )
    std: float = Field(1.0, gt=0, le=20, description="standard deviation of theta")
    seed: int = Field(
        0, ge=0, lt=2**63, description="seed of every random draw, with the item's id"
    )
    window: Window = Window()
    windows: tuple[Window, ...] = Field(
        (Window(kind="none"), Window(beta=2.0), Window(), Window(kind="hann")),
        min_length=1,
        description="windows that are compared, to show what the choice of one matters",
    )
    bands: Bands = Bands()
    bootstrap: int = Field(
        2000, ge=100, le=100_000,
        description="resamples of the photographs, where intervals are a bootstrap's",
    )  # fmt: skip
    confidence: float = Field(0.95, gt=0.5, lt=1, description="coverage of the intervals")
    _folder: str = PrivateAttr("")

    @field_validator("resolutions")
    @classmethod
    def _ascending_sizes(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if sizes[0] < 32 or any(a >= b for a, b in itertools.pairwise(sizes)):
            raise ValueError("sides in pixels, ascending, the lowest at least 32")
        if sizes[-1] > LARGEST:
            raise ValueError(f"sides in pixels, at most {LARGEST}; one is {sizes[-1]}")
        return sizes

    @field_validator("variations")
    @classmethod
    def _names_differ(cls, variations: tuple[Variation, ...]) -> tuple[Variation, ...]:
        if len({one.name for one in variations}) < len(variations):
            raise ValueError("two variations have the same name")
        return variations

    @model_validator(mode="before")
    @classmethod
    def _display_the_first(cls, given: Any) -> Any:
        names = given.get("encoders") if isinstance(given, dict) else None
        if isinstance(names, list | tuple) and names and not given.get("display_encoder"):
            first = next((name for name in names if name != "pixel"), names[0])
            return given | {"display_encoder": first}
        return given

    @model_validator(mode="after")
    def _display_is_measured(self) -> "Study":
        if self.display_encoder not in self.encoders:
            raise ValueError(f"display_encoder '{self.display_encoder}' is not among the encoders")
        if len(set(self.encoders)) < len(self.encoders):
            raise ValueError("encoders: one is named twice")
        return self

    @model_validator(mode="after")
    def _low_band_has_rings(self) -> "Study":
        last = self.bands.low * self.low / 2
        if self.bands.first_ring > last:
            raise ValueError(
                f"bands.first_ring is {self.bands.first_ring}, and the low band ends at ring "
                f"{last:g} of {self.low} px, even in pixels: take a lower one"
            )
        return self

    @property
    def place(self) -> str:
        """The set, or the folder as it lies on this machine: for `images.image_set`, not to show.

        What is shown, and stands in files that go elsewhere, is ``images``.
        """
        return self._folder or self.images

    def placed(self, folder: str) -> "Study":
        """The same study with its images read from a folder of this machine, if that is one."""
        study = self.model_copy()
        study._folder = folder
        return study

    @property
    def low(self) -> int:
        """Side in pixels of the lower of the two resolutions that are shown."""
        return self.resolutions[-2]

    @property
    def high(self) -> int:
        """Side in pixels of the higher of the two resolutions that are shown."""
        return self.resolutions[-1]

    @property
    def pair(self) -> tuple[int, int]:
        """The two resolutions that are shown, (low, high)."""
        return self.low, self.high


def study_names() -> list[str]:
    """Names of the studies in ``data/studies``."""
    return sorted(path.stem for path in (data() / "studies").glob("*.toml"))


def _shown(folder: Path, project: Path) -> str:
    """What a folder is called where others read it: its path in the project, or its own name."""
    inside = os.path.relpath(folder.resolve(), project.resolve())
    return folder.resolve().name if inside.startswith("..") else Path(inside).as_posix()


def load_study(name_or_path: str | Path | None = None) -> Study:
    """Read a study by name (``data/studies/NAME.toml``) or by the path of a TOML file.

    Without an argument the environment's ``ANALYSIS_STUDY`` is read, else ``bundled``; this is how
    the pages, which take no arguments, learn which study they show.

    Raises:
        InputError: no such study (the nearest name is suggested), an unknown key (the nearest key
            is suggested), or a value out of its range.
    """
    given = str(name_or_path or os.environ.get("ANALYSIS_STUDY") or "bundled")
    path = Path(given)
    if path.suffix != ".toml":
        path = data() / "studies" / f"{given}.toml"
        if not path.is_file():
            raise InputError(f"no study '{given}' in data/studies; {nearest(given, study_names())}")
    content = read_toml(path)
    written, folder = content.get("images"), ""
    # A folder in a study file is relative to the project, wherever the command is run; where there
    # is no project, to the file.
    beside = checkout_folder() or path.resolve().parent
    if isinstance(written, str) and (beside / written).is_dir():
        folder = str(beside / written)
        content["images"] = _shown(Path(folder), beside)
    if os.environ.get("ANALYSIS_SKIP_UNFIT"):
        content["skip_unfit"] = True  # as --skip-unfit asks; this is how pages are told

    def placed(encoder: Any) -> Any:
        own = isinstance(encoder, str) and "/" in encoder and (beside / encoder).is_dir()
        return str(beside / encoder) if own else encoder

    if isinstance(encoders := content.get("encoders"), list):
        content["encoders"] = [placed(encoder) for encoder in encoders]
    if "display_encoder" in content:
        content["display_encoder"] = placed(content["display_encoder"])
    models: dict[str, type[BaseModel]] = {
        "window": Window, "windows": Window, "bands": Bands, "variations": Variation,
    }  # fmt: skip
    try:
        return Study(name=path.stem, **content).placed(folder)
    except ValidationError as error:
        unknown = [e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"]
        nested = bool(unknown) and len(unknown[0]) > 1
        model = models.get(str(unknown[0][0]), Study) if nested else Study
        raise InputError(explain(error, model, f"study {path.name}")) from None
    except TypeError as error:
        raise InputError(f"study {path.name}: {error}") from None
