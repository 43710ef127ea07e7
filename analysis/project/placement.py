"""Files and folders put into a folder together: all of them or none, by one process at a time."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

STAGE = ".unfinished-"  # git ignores these
NEW, OLD = "new", "old"
WAITING = "another build of this project is under way: waiting until it is done"


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
    comes when they are there. A folder is away for the moment between two renames, a file never.

    Args:
        folder: as given to `stage`.
        staged: as given by it.

    Returns:
        The names that were moved.

    Raises:
        BaseException: whatever stopped it; all that was moved is moved back before.
    """
    names = sorted((path.is_file(), path.name) for path in staged.iterdir())
    moved: list[str] = []
    try:
        for _, name in names:
            new, target, old = staged / name, folder / name, staged.parent / OLD / name
            if digest(new) == digest(target):
                continue
            moved.append(name)
            if target.is_dir():
                os.replace(target, old)
            elif target.exists():
                shutil.copy2(target, old)
            os.replace(new, target)
    except BaseException:
        for name in reversed(moved):
            for _ in range(2):  # an impatient second Ctrl-C must not leave it half done
                with contextlib.suppress(KeyboardInterrupt):
                    _undo(staged / name, folder / name, staged.parent / OLD / name)
                    break
        raise
    return tuple(moved)


def digest(path: Path) -> str:
    """SHA-256 of a file, or of all names and contents in a folder; empty if it is not there."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    if not path.is_dir():
        return ""
    whole = hashlib.sha256()
    for file in sorted(one for one in path.rglob("*") if one.is_file()):
        name = file.relative_to(path).as_posix()
        whole.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def _undo(new: Path, target: Path, old: Path) -> None:
    """Move back; a second time does nothing."""
    if not new.exists() and not old.is_file():
        os.replace(target, new)
    if old.exists():
        os.replace(old, target)


def _recover(folder: Path) -> None:
    """Put back folders that a killed process had moved away, and remove what it had staged."""
    for left in folder.glob(f"{STAGE}*"):
        for old in (left / OLD).glob("*"):
            if not (folder / old.name).exists():
                os.replace(old, folder / old.name)
        shutil.rmtree(left, ignore_errors=True)  # programs of the killed one may still write there
