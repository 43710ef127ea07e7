"""The files round a page: what its HTML needs beside it, what its cells opened, what they hold."""

import hashlib
import json
import os
import re
import shutil
import site as interpreter
import sysconfig
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from analysis.project.files import write_atomic
from analysis.site.builtin import tree

MADE = "made"  # the folder beside the pages that their cells write to
States = dict[str, str | None]
INSTALLED = sorted(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    | {*interpreter.getsitepackages(), interpreter.getusersitepackages()}
)


def needed(body: str) -> list[str]:
    """The addresses of local files that a piece of HTML shows, loads or links to, as written."""
    found = [address for one in tree.read(body).all() for address in one.addresses()]
    local = [url for url in found if not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//|#|\?|$", url)]
    return list(dict.fromkeys(local))


def path_in(url: str) -> str:
    """The path that a local address names."""
    return unquote(urlsplit(url).path)


def state(path: Path) -> str | None:
    """What a file holds, as its SHA-256; a folder's names, as theirs; None if there is neither."""
    try:
        if path.is_dir():
            names = sorted(
                one.name for one in path.iterdir() if one.name[0] not in "._" and one.name != MADE
            )
            return "names " + hashlib.sha256(os.fsencode("\0".join(names))).hexdigest()
        if not path.is_file():
            return None
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None


def store(root: Path) -> Path:
    """Where the reader's store lies, in which a name says what a file holds."""
    return Path(os.environ.get("ANALYSIS_CACHE") or root / "data" / "cache").resolve()


def keep(file: Path, value: Any) -> None:
    """Write a value as JSON under its own digest.

    Raises:
        OSError: it can't be written.
    """
    text = json.dumps(value)
    write_atomic(file, f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}".encode())


def recall(file: Path) -> Any:
    """What `keep` wrote; None if nothing is there, or if it is damaged."""
    try:
        digest, _, text = file.read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeError):
        return None
    return json.loads(text) if digest == hashlib.sha256(text.encode()).hexdigest() else None


def observed(
    trace: Mapping[str, list[str]], started: int, scratch: Path, shared: Sequence[Path]
) -> States | None:
    """The state of the files that a kernel opened.

    Args:
        trace: ``opened`` and ``written``, full paths.
        started: nanoseconds of the clock when it began.
        scratch: its own folder, which is of no account.
        shared: folders where what others write meanwhile is what the kernel would have written.

    Returns:
        path -> state; None if somebody else wrote to one of them meanwhile.
    """
    written = set(trace["written"])
    found: States = {}
    for name in sorted({*trace["opened"], *written}):
        path = Path(name)
        if path.is_relative_to(scratch) or name.startswith(("/proc/", "/sys/", "/dev/")):
            continue
        if "__pycache__" in path.parts or any(path.is_relative_to(one) for one in INSTALLED):
            continue
        of_all = any(path.is_relative_to(one) for one in shared)
        if of_all and path.is_dir():  # what lies in the store is asked for by name
            continue
        found[name] = state(path)
        if name in written or of_all:
            continue
        if path.is_file() and path.stat().st_mtime_ns >= started:
            return None
    return found


def sources(folder: Path, without: Set[Path] = frozenset()) -> Iterator[Path]:
    """The files below a folder, without what is hidden and what builds write beside them.

    Args:
        folder: may be missing.
        without: folders that are left out.
    """
    for place, folders, files in os.walk(folder):
        written = {"__pycache__", MADE}
        kept = [one for one in folders if one[0] != "." and one not in written]
        kept = [one for one in kept if not one.endswith("_files")]
        folders[:] = [one for one in kept if Path(place, one).resolve() not in without]
        yield from (Path(place, name) for name in files if name[0] != ".")


def copy(source: Path, target: Path) -> None:
    """Copy a file, and make the folders it goes to."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
