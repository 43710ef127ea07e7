"""The catalogue of images: which there are, where they come from, and what is wrong with them.

A set of images is named in ``data/images.toml`` or is any folder. Files are checked by sha256; a
download is moved into place only when it is complete, an image, and the expected one.
"""

import contextlib
import hashlib
import json
import logging
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from analysis.images.pixels import decode, load, opened, refuse_unusable, square
from analysis.images.resize import Resample
from analysis.project import errors, extras, faults
from analysis.project.downloads import get, sha256
from analysis.project.errors import FetchError, InputError
from analysis.project.files import Line, Name, Strict, checkout_folder, data, explain, read_toml
from analysis.project.markdown import printable

EXTENSIONS = "jpg jpeg jpe png webp tif tiff bmp gif avif jp2 ppm pgm pbm pnm"
HEIF = "heic heif"  # of telephones; read where pillow-heif is installed
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Photograph:
    """One image: a local file (``path``) or a ``url``; ``sha256`` is "" where none is known."""

    id: str
    path: Path | None
    url: str
    sha256: str
    title: str
    author: str
    license: str
    source: str


@dataclass(frozen=True)
class ImageSet:
    """A named list of photographs, with a title and a licence note for the reader.

    ``left_out`` is of a folder: what else is in it, with why that is none of its images; or empty.
    """

    name: str
    title: str
    license: str
    photos: tuple[Photograph, ...]
    left_out: str = ""


class _Row(Strict):
    id: Name
    file: str = ""
    url: str = Field("", pattern=r"^(https?://\S+)?$")
    sha256: str = Field(pattern=r"^([0-9a-f]{64})?$")
    title: Line = Field(min_length=1)
    author: Line
    license: Line = Field(min_length=1)
    source: Line = Field(min_length=1)
    active: bool = True

    @model_validator(mode="after")
    def _one_place(self) -> "_Row":
        if bool(self.file) == bool(self.url) or (self.file and not (self.sha256 and self.author)):
            raise ValueError(f"'{self.id}' needs a file with sha256 and author, or else a url")
        return self


class _Set(Strict):
    title: Line = Field(min_length=1)
    license: Line = Field(min_length=1)
    images: tuple[_Row, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> "_Set":
        if twice := _twice([row.id for row in self.images]):
            raise ValueError(f"the id '{twice}' is given twice")
        return self


class _Sets(Strict):
    sets: dict[Name, _Set] = Field(min_length=1)


def _twice(names: list[str]) -> str:  # the first name given more than once, or ""
    return next((name for name, count in Counter(names).items() if count > 1), "")


def read_sets(path: Path) -> dict[str, ImageSet]:
    """The sets in an images.toml, by name, with their active images.

    Files are relative to its folder. InputError: missing, no TOML, unknown key, wrong value.
    """
    try:
        sets = _Sets.model_validate(read_toml(path)).sets
    except ValidationError as error:
        # a key misspelt comes before the right one missing; sets.name.images.0.key has five parts
        wrong = [e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"]
        if wrong:
            first: InitErrorDetails = {"type": "extra_forbidden", "loc": wrong[0], "input": None}
            error = ValidationError.from_exception_data("", [first])
        model = _Sets if (n := len(error.errors()[0]["loc"])) < 3 else _Set if n < 5 else _Row
        raise InputError(explain(error, model, str(path))) from None

    def photo(row: _Row) -> Photograph:
        file = path.parent / row.file if row.file else None
        return Photograph(path=file, **row.model_dump(exclude={"file", "active"}))

    def photos(rows: tuple[_Row, ...]) -> tuple[Photograph, ...]:
        return tuple(photo(row) for row in rows if row.active)

    return {n: ImageSet(n, s.title, s.license, photos(s.images)) for n, s in sets.items()}


def image_set(name_or_folder: str) -> ImageSet:
    """A set of ``data/images.toml`` (its active images), or the images of a folder.

    A set wins over a folder of its name, which is then written ``./name``. Of a folder: files with
    an image's extension in the order of their names, id = `printable` name without extension.
    Hidden files apart, ``left_out`` names all else. Files that are byte by byte the same count
    once, and a warning names them. InputError: no such set or folder, no image, or two with one
    id.
    """
    table, folder = data() / "images.toml", Path(name_or_folder)
    sets = read_sets(table)
    if name_or_folder in sets:
        if not sets[name_or_folder].photos:
            raise InputError(f"{table}: set '{name_or_folder}' has no active image")
        return replace(sets[name_or_folder], photos=_once(sets[name_or_folder].photos))
    if not name_or_folder or not folder.is_dir():
        hint = errors.nearest(name_or_folder, list(sets))
        raise InputError(f"'{name_or_folder}' is neither a set in {table} nor a folder; {hint}")
    found = {path: _unread(path) for path in sorted(folder.iterdir()) if path.name[0] != "."}
    paths = [path for path, why in found.items() if not why]
    others: dict[str, list[str]] = {}
    for path, why in found.items():
        others.setdefault(why, []).append(printable(path.name))
    left_out = "; ".join(f"{_listed(names)} ({why})" for why, names in others.items() if why)
    if not paths:
        there = f"; there is {left_out}" if left_out else ""
        raise InputError(f"{folder}: no image in this folder; looked for {EXTENSIONS}{there}")
    return ImageSet(folder.name, str(folder), "", files(paths), left_out)


def files(paths: Sequence[Path]) -> tuple[Photograph, ...]:
    """Files as photographs: the id is the name without extension, and each counts once.

    InputError: there are none, or two would have one id.
    """
    if not paths:
        raise InputError("no images: the list of files is empty")
    ids = [printable(path.stem) for path in paths]
    if twice := _twice(ids):
        both = [str(path) for name, path in zip(ids, paths, strict=True) if name == twice]
        raise InputError(
            f"two images would both be called '{twice}': {' and '.join(both)}: rename one"
        )
    return _once(
        tuple(
            Photograph(name, path, "", "", printable(path.name), "", "", "")
            for name, path in zip(ids, paths, strict=True)
        )
    )


def _unread(path: Path) -> str:
    """Why something in a folder is none of its images, by its kind and ending; empty if it is."""
    ending = path.suffix.lower()[1:]
    if path.is_dir():
        return "a folder"
    if not path.exists():
        return "a link that leads nowhere"
    if ending not in f"{EXTENSIONS} {HEIF}".split() or not path.is_file():
        return "no image"
    return (ending in HEIF.split() and extras.lacking("HEIC", ["pillow_heif"])) or ""


def _listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _once(photos: tuple[Photograph, ...]) -> tuple[Photograph, ...]:
    """The first of photographs that are one file under several names; a warning names them.

    A picture that counts twice would make intervals narrower than what was seen.
    """
    sizes = {p: p.path.stat().st_size for p in photos if p.path and p.path.is_file()}
    count = Counter(sizes.values())
    same: dict[str, list[Photograph]] = {}
    for photo in photos:
        digest = photo.sha256
        if not digest and photo.path and count[sizes.get(photo, -1)] > 1:
            with contextlib.suppress(OSError):  # said when it is read
                digest = sha256(photo.path)
        same.setdefault(digest or f"{photo.id}, alone", []).append(photo)
    for some in same.values():
        if len(some) > 1:
            *others, last = [photo.path.name if photo.path else photo.id for photo in some]
            LOG.warning("%s and %s are the same picture: counted once", ", ".join(others), last)
    return tuple(some[0] for some in same.values())


def digest(photo: Photograph, downloads: Path) -> str:
    """SHA-256 of a photograph's verified file; InputError, FetchError as of `fetch`.

    Of a photograph that lies in a checkout, where only the package is installed, it is the set's
    word: committed results can be read without the photographs they were made from.
    """
    return photo.sha256 if only_listed(photo) else sha256(fetch(photo, downloads))


def only_listed(photo: Photograph) -> bool:
    """Whether a photograph lies in a checkout, while here only its set is installed."""
    if photo.path is None or not photo.sha256 or checkout_folder() is not None:
        return False
    return not photo.path.exists()


def fetch(photo: Photograph, downloads: Path, timeout: float = 30, attempts: int = 3) -> Path:
    """The local file of a photograph, verified; a url is downloaded once, into ``downloads``.

    A url without sha256 is trusted on first use: its hash goes into ``downloads/pins.json``, and
    from then on nothing else is accepted. ``timeout`` is in seconds without any byte arriving.
    InputError: a local file is missing or not the one that is meant, or pins.json is damaged.
    FetchError: the url gives no answer, an error, no image, or not the image expected.
    """
    if photo.path is not None:
        if only_listed(photo):
            raise InputError(
                f"{photo.id}: the photographs of data/images.toml lie in a checkout of the "
                "project, and here only the package is installed: name a folder of your own as "
                "images, or clone the project and set ANALYSIS_ROOT to it"
            )
        try:
            found = sha256(photo.path)
        except OSError as error:
            raise InputError(f"{photo.path}: cannot be read: {error.strerror}") from None
        if photo.sha256 and found != photo.sha256:
            why = f"expected sha256 {photo.sha256}, found {found}; restore it, or fix images.toml"
            raise InputError(f"{photo.path}: another file than is meant: {why}")
        return photo.path
    path = downloads / "pins.json"
    try:
        text = path.read_bytes() if path.exists() else b"{}"
        pins = TypeAdapter(dict[str, str]).validate_json(text)
    except ValidationError:
        raise InputError(f"{path}: damaged; delete it to trust the downloads anew") from None
    expected = photo.sha256 or pins.get(photo.url, "")
    target = downloads / f"{photo.id}-{hashlib.sha256(photo.url.encode()).hexdigest()[:12]}"
    if expected and target.is_file() and sha256(target) == expected:
        return target
    try:
        downloads.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=downloads, prefix=".part-") as folder:
            part, record = Path(folder, "image"), Path(folder, "pins.json")
            _download(photo.url, part, timeout, attempts)
            found = sha256(part)
            if expected and found != expected:
                why = f"refused, another file: expected sha256 {expected}, found {found}"
                remedy = f"if that is right, give '{photo.id}' this sha256 in data/images.toml"
                raise FetchError(f"{photo.url}: {why}; {remedy}")
            if not expected:
                pins[photo.url] = found
                record.write_text(json.dumps(pins, indent=1, sort_keys=True), encoding="utf-8")
                record.replace(path)
                LOG.warning('%s: pin this in data/images.toml: sha256 = "%s"', photo.id, found)
            return part.replace(target)
    except OSError as error:
        why = faults.of_system(error, downloads)
        raise FetchError(f"{photo.url}: cannot be stored: {why}") from None


def unavailable(
    photographs: Iterable[Photograph], downloads: Path
) -> dict[str, errors.AnalysisError]:
    """id -> why a photograph isn't known; FetchError where it only has to be fetched.

    The network is left alone.
    """
    found: dict[str, errors.AnalysisError] = {}
    for photo in photographs:
        if only_listed(photo):
            continue  # its hash is known, which is all that reading results takes
        try:
            fetch(photo, downloads, attempts=0)
        except FetchError:
            found[photo.id] = FetchError(
                f"{photo.id} is not fetched: run 'python -m analysis fetch'"
            )
        except InputError as error:
            found[photo.id] = error
    return found


def _download(url: str, target: Path, timeout: float, attempts: int) -> None:
    """Get ``url`` into ``target``, as a complete image; what may pass is tried again."""
    remedy = "check the address and the connection, or name a folder with the file as images"
    get(url, target, timeout, attempts, remedy)
    try:
        decode(target)
    except InputError:
        raise FetchError(f"{url}: gives no image, or a damaged one; {remedy}") from None


def unfit(
    photographs: Iterable[Photograph], size: int, downloads: Path, *, decoded: bool
) -> dict[str, str]:
    """id -> why an image can't be measured at a size.

    What is not fetched yet is not looked at, nor a file that is missing or another than is meant.

    Args:
        photographs: any.
        size: side in pixels of the largest square that is needed.
        downloads: where fetched files lie.
        decoded: whether images are decoded: else damage behind the header, and a colour that is
            the same all over, are not seen.
    """
    found = {}
    for photo in photographs:
        try:
            path = fetch(photo, downloads, attempts=0)
        except (FetchError, InputError) as error:
            if photo.path and not photo.sha256:  # of a folder, and may not be read
                found[photo.id] = str(error)
            continue
        try:
            _large(path, size)
            if decoded:
                _vary(path, size)
        except InputError as error:
            found[photo.id] = str(error)
    return found


def _large(path: Path, size: int) -> None:
    """InputError if a file's header says that it can't be used at a size."""
    with opened(path) as image:
        width, height = image.size
        mode = "I;16" if (image.format, image.mode) == ("PPM", "I") else image.mode
    refuse_unusable(path, mode, width, height, size)


def _vary(path: Path, size: int) -> None:
    """InputError if an image can't be used at a size, or has a colour without any spectrum."""
    values = square(path, size)
    constant = values.min(axis=(0, 1)) == values.max(axis=(0, 1))
    if constant.any():
        names = [name for name, one in zip(("red", "green", "blue"), constant, strict=True) if one]
        which = "all of one colour" if constant.all() else f"of one value in {' and '.join(names)}"
        raise InputError(f"{path}: refused: its middle is {which}, so it has no spectrum")


def stack(
    photos: Sequence[Photograph], size: int, downloads: Path, resample: Resample = "lanczos"
) -> NDArray[np.float32]:
    """Photographs as ``[N, 3, size, size]``, float32, in [-1, 1]; errors of fetch and load."""
    if not photos:
        raise InputError("no photographs to load")
    return np.stack([load(fetch(photo, downloads), size, resample) for photo in photos])
