"""Files and folders put into a folder together: all of them or none, by one process at a time.

And what killed processes left there is removed.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

STAGE = ".unfinished-"  # git ignores these
NEW, OLD = "new", "old"
ABANDONED = 3600.0  # seconds without a change after which nobody is writing it any more


@contextlib.contextmanager
def alone(folder: Path, busy: Callable[[], None]) -> Iterator[None]:
    """Work on a folder that no other process works on; what a killed one left is put right.

    Args:
        folder: made if it is not there.
        busy: called if another process is at it: raises, or tells that its end is waited for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # A lock on the folder itself: no file that would be published, and it ends with the process.
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            busy()
            fcntl.flock(handle, fcntl.LOCK_EX)
        _recover(folder)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def stage(folder: Path) -> Iterator[Path]:
    """An empty folder on the same file system, for what is to be `put`; removed afterwards."""
    with tempfile.TemporaryDirectory(prefix=STAGE, dir=folder) as scratch:
        for name in (NEW, OLD):
            (Path(scratch) / name).mkdir()
        yield Path(scratch) / NEW


def put(folder: Path, staged: Path) -> tuple[str, ...]:
    """Move what is staged into the folder, over what has the same name there.

    What is there already with the same content is not touched. Folders go first: what lists them
    comes when they are there. What is replaced is away for the moment between two renames.

    Args:
        folder: as given to `stage`.
        staged: as given by it.

    Returns:
        The names that were moved.

    Raises:
        BaseException: whatever stopped it; all that was moved is moved back before.
    """
    old = staged.parent / OLD
    names = [path.name for path in sorted(staged.iterdir(), key=lambda p: (p.is_file(), p.name))]
    changed = [name for name in names if digest(staged / name) != digest(folder / name)]
    begun: list[str] = []
    try:
        for name in changed:
            begun.append(name)
            if (folder / name).exists():
                os.replace(folder / name, old / name)
            os.replace(staged / name, folder / name)
    except BaseException:
        for name in reversed(begun):
            if not (staged / name).exists():
                os.replace(folder / name, staged / name)
            if (old / name).exists():
                os.replace(old / name, folder / name)
        raise
    return tuple(changed)


def digest(path: Path) -> str:
    """SHA-256 of a file, or of all names and contents in a folder; empty if it is not there."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    if not path.is_dir():
        return ""
    whole = hashlib.sha256()
    for file in sorted(one for one in path.rglob("*") if one.is_file()):
        whole.update(f"{file.relative_to(path).as_posix()}\0{digest(file)}\n".encode())
    return whole.hexdigest()


def _recover(folder: Path) -> None:
    """Put back what a killed process had moved away, and remove what it had staged."""
    for left in folder.glob(f"{STAGE}*"):
        for old in (left / OLD).glob("*"):
            if not (folder / old.name).exists():
                os.replace(old, folder / old.name)
        shutil.rmtree(left, ignore_errors=True)  # programs of the killed one may still write there


def sweep(folder: Path, patterns: Iterable[str]) -> list[Path]:
    """Remove from a folder what processes left that were killed while they wrote.

    What changed within the last hour, or has anything in it that did, may be another process's
    that is still writing.

    Args:
        patterns: of what is temporary, as `Path.glob` takes them.

    Returns:
        What was removed.
    """
    gone = []
    for path in [path for pattern in patterns for path in folder.glob(pattern)]:
        with contextlib.suppress(OSError):  # another process may sweep as well
            changed = max(one.lstat().st_mtime for one in (path, *path.rglob("*")))
            if time.time() - changed > ABANDONED:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                gone.append(path)
    return gone
