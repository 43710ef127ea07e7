"""Where a survey's images lie: folders, tar shards, Parquet, data sets on disk, cached latents.

Each is cut into shards, and a shard gives its items one by one, so that no more than one image is
held. A folder is cut into groups of `FOLDER` files in the order of their names.

Cached latents are those of kohya's sd-scripts (``.npz``, entries ``latents`` or ``latents_HxW``)
and musubi-tuner (``.safetensors``, ``latents_FxHxW_dtype``), read at kohya-ss/sd-scripts@48d368f
library/strategy_base.py and kohya-ss/musubi-tuner@30c658c dataset/cache_io.py.
"""

import dataclasses
import hashlib
import io
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from analysis.images.catalogue import EXTENSIONS, HEIF
from analysis.project.errors import InputError

Kind = Literal["folder", "tar", "parquet", "arrow", "latents"]
FOLDER = 256  # files of a folder in one shard
IMAGES = frozenset(f".{one}" for one in f"{EXTENSIONS} {HEIF}".split())
BYTES = ("image", "jpg", "jpeg", "png", "webp", "image_bytes", "bytes", "content")
"""Columns that hold an image's bytes, in the order they are looked for."""
NAMES = ("key", "__key__", "id", "image_id", "uid", "url")


@dataclasses.dataclass(frozen=True)
class Shard:
    """A part of a source that is measured as one and has one result file.

    Args:
        stem: of its result file.
        kind: how it is read.
        paths: its file, or files of a folder.
    """

    stem: str
    kind: Kind
    paths: tuple[Path, ...]


@dataclasses.dataclass(frozen=True)
class Item:
    """One image or one cached latent; what could not be read has ``wrong`` instead.

    Args:
        key: what it is called in its source.
        image: the file's bytes, or empty.
        latents: ``[C, h, w]``, or None.
        wrong: why it can't be read.
    """

    key: str
    image: bytes = b""
    latents: np.ndarray | None = None
    wrong: str = ""

    @property
    def sha256(self) -> str:
        """Of the bytes of the image, or of the latents."""
        content = self.image if self.latents is None else self.latents.tobytes()
        return hashlib.sha256(content).hexdigest() if content else ""


def shards(source: Path) -> list[Shard]:
    """The shards of a source, in the order of their names.

    Raises:
        InputError: there is no such source, or nothing in it that can be measured.
    """
    if not source.exists():
        raise InputError(f"{source}: no such folder or file")
    files = sorted(p for p in source.rglob("*") if p.is_file()) if source.is_dir() else [source]
    found: list[Shard] = []
    kinds: tuple[tuple[Kind, Callable[[Path], bool]], ...] = (
        ("tar", lambda p: p.suffix == ".tar"),
        ("parquet", lambda p: p.suffix == ".parquet"),
        ("arrow", lambda p: p.suffix == ".arrow"),
    )
    for kind, is_one in kinds:
        found += [Shard(_stem(p, source), kind, (p,)) for p in files if is_one(p)]
    if found:
        return _distinct(found)
    cached = [p for p in files if p.suffix == ".npz" or _musubi(p)]
    images = [p for p in files if p.suffix.lower() in IMAGES]
    groups: list[tuple[Kind, list[Path]]] = (
        [("latents", cached)] if cached else [("folder", images)]
    )
    for kind, paths in groups:
        found += [
            Shard(f"{kind}-{number:05d}", kind, tuple(paths[first : first + FOLDER]))
            for number, first in enumerate(range(0, len(paths), FOLDER))
        ]
    if not found:
        raise InputError(
            f"{source}: no images, no .tar, .parquet or .arrow shards and no cached latents (.npz, "
            ".safetensors)"
        )
    return found


def _musubi(path: Path) -> bool:
    return path.suffix == ".safetensors" and bool(re.search(r"_\d+x\d+_", path.name))


def _stem(path: Path, source: Path) -> str:
    """The shard's own stem; with its folder where a source has several."""
    parts = path.relative_to(source).with_suffix("").parts if source.is_dir() else (path.stem,)
    return "--".join(parts)


def _distinct(found: list[Shard]) -> list[Shard]:
    stems = [shard.stem for shard in found]
    if len(stems) != len({*stems}):
        raise InputError("two shards have the same name: survey them apart")
    return found


def items(shard: Shard, limit: int | None = None) -> Iterator[Item]:
    """The items of a shard, in its order.

    Args:
        shard: of `shards`.
        limit: as many at most, spread over the shard by the hashes of their keys, so that the same
            ones are taken each time.

    Raises:
        InputError: the shard itself can't be read.
    """
    read = {
        "folder": _folder,
        "tar": _tar,
        "parquet": _parquet,
        "arrow": _arrow,
        "latents": _latents,
    }[shard.kind]
    if limit is None:
        yield from read(shard, None)
        return
    keys = [item.key for item in read(shard, frozenset())]
    ranked = sorted(keys, key=lambda key: hashlib.sha256(key.encode()).digest())
    yield from read(shard, frozenset(ranked[:limit]))


Wanted = frozenset[str] | None
"""Keys whose content is read; None: all. With an empty set keys alone are given."""


def _take(key: str, wanted: Wanted) -> tuple[bool, bool]:
    """Whether an item is given, and whether its content is read."""
    return (True, True) if wanted is None else (not wanted or key in wanted, key in wanted)


def _folder(shard: Shard, wanted: Wanted) -> Iterator[Item]:
    for path in shard.paths:
        given, read = _take(str(path), wanted)
        if not given:
            continue
        try:
            yield Item(str(path), path.read_bytes() if read else b"")
        except OSError as error:
            yield Item(str(path), wrong=str(error))


def _tar(shard: Shard, wanted: Wanted) -> Iterator[Item]:
    try:
        with tarfile.open(shard.paths[0]) as archive:
            for member in archive:
                if Path(member.name).suffix.lower() not in IMAGES or not member.isfile():
                    continue
                given, read = _take(key := member.name, wanted)
                if given:
                    content = archive.extractfile(member)
                    yield Item(key, content.read() if read and content else b"")
    except (tarfile.TarError, OSError) as error:
        raise InputError(f"{shard.paths[0]}: cannot be read as a tar file: {error}") from None


def _rows(batches: Iterator[Any], names: list[str], where: Path, wanted: Wanted) -> Iterator[Item]:
    """Items of record batches of Arrow with a column of images."""
    column = next((name for name in BYTES if name in names), "")
    if not column:
        raise InputError(
            f"{where}: no column of images ({', '.join(BYTES)}); it has {', '.join(names)}"
        )
    named = next((name for name in NAMES if name in names), "")
    number = 0
    for batch in batches:
        images = batch.column(column)
        keys = batch.column(named) if named else None
        for at in range(batch.num_rows):
            key = str(keys[at].as_py()) if keys is not None else f"{where.stem}/{number:08d}"
            number += 1
            given, read = _take(key, wanted)
            if not given:
                continue
            value = images[at].as_py() if read else b""
            if isinstance(value, dict):  # as Hugging Face's data sets store images
                value = value.get("bytes")
            yield Item(key, value or b"", wrong="" if value or not read else "no bytes in this row")


def _parquet(shard: Shard, wanted: Wanted) -> Iterator[Item]:
    from pyarrow import parquet

    path = shard.paths[0]
    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            columns = [name for name in names if name in (*BYTES, *NAMES)]
            batches = file.iter_batches(batch_size=16, columns=columns)
            yield from _rows(batches, names, path, wanted)
    except InputError:
        raise
    except Exception as error:  # a damaged file gives OSError, UnicodeError and others, too
        raise InputError(f"{path}: cannot be read as Parquet: {error}") from None


def _sound(batches: Iterator[Any]) -> Iterator[Any]:
    """Record batches whose offsets and lengths lie within them.

    A stream is taken from the disk as it is: of a damaged one, Arrow would read beyond its end, and
    the process would die without a word.
    """
    for batch in batches:
        batch.validate(full=True)
        yield batch


def _arrow(shard: Shard, wanted: Wanted) -> Iterator[Item]:
    import pyarrow

    path = shard.paths[0]
    try:
        with pyarrow.memory_map(str(path)) as source:
            reader = pyarrow.ipc.open_stream(source)
            yield from _rows(_sound(reader), reader.schema.names, path, wanted)
    except InputError:
        raise
    except Exception as error:  # as of Parquet
        raise InputError(f"{path}: cannot be read as an Arrow stream: {error}") from None


def _latents(shard: Shard, wanted: Wanted) -> Iterator[Item]:
    for path in shard.paths:
        given, read = _take(str(path), wanted)
        if not given:
            continue
        if not read:
            yield Item(str(path))
            continue
        try:
            for name, latents in _cached(path):
                yield Item(f"{path}#{name}", latents=latents)
        except Exception as error:  # whatever is in a file that another program wrote
            yield Item(str(path), wrong=f"{type(error).__name__}: {error}")


def _cached(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(entry, latents ``[C, h, w]``) of a trainer's cache; each frame of a video its own."""
    if path.suffix == ".npz":
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            found = {name: file[name] for name in file.files if re.match(r"latents(_\d|$)", name)}
    else:
        from safetensors.numpy import load_file

        try:
            entries = load_file(path)
        except (TypeError, KeyError):  # bfloat16, which numpy has not
            from safetensors.torch import load_file as torch_load_file

            entries = {name: one.float().numpy() for name, one in torch_load_file(path).items()}
        found = {name: one for name, one in entries.items() if re.match(r"latents_\d", name)}
    if not found:
        raise ValueError("no entry 'latents' or 'latents_...'")
    for name, values in found.items():
        values = np.asarray(values, np.float32)
        if values.ndim == 3:
            yield name, values
        elif values.ndim == 4:  # [C, F, h, w]
            for frame in range(values.shape[1]):
                yield f"{name}/{frame}", values[:, frame]
        else:
            raise ValueError(f"latents of shape {values.shape}, not [C, h, w] or [C, F, h, w]")
