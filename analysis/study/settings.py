"""What a study chooses: images, encoders, resolutions, windows, bands, variations.

A study is a TOML file in ``data/studies/``. Every choice that can change a number is in it, so
that a result is traced to a file a reader can open. Unknown keys are refused, with the nearest
right one suggested.
"""

import itertools
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from analysis.images.resize import Resample
from analysis.project.errors import InputError, nearest
from analysis.project.files import Line, Name, Strict, checkout_folder, data, explain, read_toml
from analysis.spectra.bands import Bands
from analysis.spectra.windows import Window

REFERENCE = "bundled"  # the study that the paper is about; its results are committed
LARGEST = 16384  # side in pixels; larger squares than 13,377 are refused as images anyway


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
        """The set, or the folder as it lies on this machine: for `catalogue.image_set`, not to
        show.

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
    given = str(name_or_path or os.environ.get("ANALYSIS_STUDY") or REFERENCE)
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
        "window": Window,
        "windows": Window,
        "bands": Bands,
        "variations": Variation,
    }
    try:
        return Study(name=path.stem, **content).placed(folder)
    except ValidationError as error:
        unknown = [e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"]
        nested = bool(unknown) and len(unknown[0]) > 1
        model = models.get(str(unknown[0][0]), Study) if nested else Study
        raise InputError(explain(error, model, f"study {path.name}")) from None
    except TypeError as error:
        raise InputError(f"study {path.name}: {error}") from None
