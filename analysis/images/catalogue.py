"""The catalogue of images: which there are, where they come from, and what is wrong with them.

A set of images is named in ``data/images.toml`` or is any folder. Files are checked by sha256; a
download is moved into place only when it is complete, an image, and the expected one.
"""

import contextlib
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from analysis.images.pixels import crop, decode, load, opened, planes, refuse_unusable
from analysis.images.resize import Resample
from analysis.project import errors, extras, placement
from analysis.project.downloads import LIMIT, download, sha256
from analysis.project.errors import FetchError, InputError
from analysis.project.files import (
    Line,
    Name,
    Strict,
    checkout_folder,
    data,
    explain,
    read_toml,
    write_atomic,
)
from analysis.project.markdown import printable

EXTENSIONS = "jpg jpeg jpe png webp tif tiff bmp gif avif jp2 ppm pgm pbm pnm"
HEIF = "heic heif"  # of telephones; read where pillow-heif is installed
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Photograph:
    """One image: a local file (``path``) or a ``url``; ``sha256`` is "" where none is known.

    Of a url no more than ``most_bytes`` are taken.
    """

    id: str
    path: Path | None
    url: str
    sha256: str
    title: str
    author: str
    license: str
    source: str
    most_bytes: int = LIMIT


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
    most_bytes: int = Field(LIMIT, gt=0)  # of a photograph that is downloaded
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

    def photo(row: _Row, most: int) -> Photograph:
        file = path.parent / row.file if row.file else None
        known = row.model_dump(exclude={"file", "active"})
        return Photograph(path=file, most_bytes=most, **known)

    def photos(one: _Set) -> tuple[Photograph, ...]:
        return tuple(photo(row, one.most_bytes) for row in one.images if row.active)

    return {n: ImageSet(n, s.title, s.license, photos(s)) for n, s in sets.items()}


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
    record = downloads / "pins.json"
    expected = photo.sha256 or _pins(record).get(photo.url, "")
    target = downloads / f"{photo.id}-{hashlib.sha256(photo.url.encode()).hexdigest()[:12]}"
    other = f"if that is right, give '{photo.id}' this sha256 in data/images.toml"
    remedy = "check the address and the connection, or name a folder with the file as images"

    def judge(part: Path, found: str) -> None:
        try:
            decode(part)
        except InputError:
            why = f"gives no image, or a damaged one; {remedy}"
            raise FetchError(f"{photo.url}: {why}") from None
        if expected:
            return
        # Another process may have met the same address, or others, meanwhile.
        with placement.alone(downloads, busy=lambda: None):
            pins = _pins(record)
            if (pinned := pins.setdefault(photo.url, found)) != found:
                why = f"refused, another file: expected sha256 {pinned}, found {found}"
                raise FetchError(f"{photo.url}: {why}; {other}")
            write_atomic(record, json.dumps(pins, indent=1, sort_keys=True).encode())
        LOG.warning('%s: pin this in data/images.toml: sha256 = "%s"', photo.id, found)

    return download(
        photo.url,
        target,
        expected,
        other=other,
        judge=judge,
        limit=photo.most_bytes,
        timeout=timeout,
        attempts=attempts,
        remedy=remedy,
    )


def _pins(record: Path) -> dict[str, str]:
    """url -> SHA-256 of what came from it first; InputError if the record is damaged."""
    try:
        text = record.read_bytes() if record.exists() else b"{}"
        return TypeAdapter(dict[str, str]).validate_json(text)
    except ValidationError:
        raise InputError(f"{record}: damaged; delete it to trust the downloads anew") from None


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
    constant = [plane.min() == plane.max() for plane in planes(crop(path, size))]
    if any(constant):
        names = [name for name, one in zip(("red", "green", "blue"), constant, strict=True) if one]
        which = "all of one colour" if all(constant) else f"of one value in {' and '.join(names)}"
        raise InputError(f"{path}: refused: its middle is {which}, so it has no spectrum")


def stack(
    photos: Sequence[Photograph], size: int, downloads: Path, resample: Resample = "lanczos"
) -> NDArray[np.float32]:
    """Photographs as ``[N, 3, size, size]``, float32, in [-1, 1]; errors of fetch and load."""
    if not photos:
        raise InputError("no photographs to load")
    return np.stack([load(fetch(photo, downloads), size, resample) for photo in photos])
