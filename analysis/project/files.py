"""Where the project lies, and how its files are read and written.

Choices are read from TOML into models that refuse what they do not know; what is written is there
whole or not at all.
"""

import json
import os
import re
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, field_validator

from analysis.project.errors import InputError, nearest
from analysis.project.markdown import line


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that it is either absent or complete, whatever happens meanwhile.

    Raises:
        OSError: it can't be written; the error names the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _replace(path, content)
    except OSError as error:  # it names a temporary file, or none
        raise OSError(error.errno, error.strerror, str(path)) from error


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


NAME = "timestep-spectra"
PACKAGE = Path(__file__).resolve().parents[1]
Line = Annotated[str, AfterValidator(line)]  # of words that somebody wrote
STARTED = time.time_ns()  # modules that are edited later may not be those that run


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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:  # [[[[...
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
