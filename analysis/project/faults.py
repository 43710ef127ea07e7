"""What Python and the system raise, in a person's words: what failed, why, what to do; one line.

A full disk or a folder of another user can stop any command anywhere; it is worded here, once.
"""

import errno
import os
from pathlib import Path

from analysis.project import extras
from analysis.project.errors import FetchError, InputError, PackageError
from analysis.project.files import NAME, cache_folder

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
FEW = (errno.EMFILE, errno.ENFILE)
BUSY = (errno.EAGAIN, errno.EBUSY, errno.ETXTBSY)
BROKEN = (errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE)
MACHINE = (*FULL, *FEW, *BUSY, *BROKEN, errno.ENOMEM)
# torch raises a RuntimeError that only says so, or a class of its own; C++ names its exception.
MEMORY = ("OutOfMemoryError", "can't allocate memory", "not enough memory", "bad_alloc")
LESS = "take smaller sides or fewer images, or close other programs"


def told(error: BaseException) -> tuple[int, str] | None:
    """Exit code and line of an error that no module worded; None if it could not be foreseen."""
    if isinstance(error, ImportError):
        return _package(error)
    if isinstance(error, OSError) and (error.filename is not None or error.errno is not None):
        if isinstance(error, ConnectionError | TimeoutError) and error.filename is None:
            return FetchError.exit_code, of_system(error)
        machine = error.errno in MACHINE
        return 1 if machine else InputError.exit_code, of_system(error)
    if isinstance(error, UnicodeError):
        return InputError.exit_code, (
            f"{_first_line(error)}: a file or its name is not in this system's encoding: rename or "
            "convert it, or set PYTHONUTF8=1"
        )
    said = f"{type(error).__name__}: {_first_line(error)}"
    if isinstance(error, MemoryError) or any(word in said for word in MEMORY):
        return 1, f"{said}: {LESS}"
    if "can't start new thread" in said:
        return 1, f"{said}: close other programs, or allow more with 'ulimit -u'"
    return None


def of_system(error: OSError, path: Path | None = None) -> str:
    """What the system refused, why, and what to do.

    Args:
        path: of what it was refused, where the error names another or none.
    """
    named = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else None
    place = path or (Path(named) if named else None)
    why = error.strerror or _first_line(error)
    full = error.errno in FULL
    if error.errno in FEW:
        remedy = "close other programs, or allow more open files with 'ulimit -n'"
    elif error.errno == errno.ENOMEM:
        remedy = LESS
    elif error.errno in BUSY:
        remedy = "something else uses it: close other programs, and run the command again"
    elif error.errno in BROKEN:
        remedy = "the disk, or the connection to it, fails: look after it, or name another path"
    elif isinstance(error, ConnectionError | TimeoutError):
        remedy = "check the network, and run the command again"
    elif place is not None and _below(place, cache_folder()):
        remedy = "set ANALYSIS_CACHE to a folder that can be written and has room"
        if full:
            remedy += f", or empty this one with '{NAME} cache --clear'"
    elif full:
        remedy = "make room there, or write to another disk"
    elif error.errno in CLOSED:
        remedy = "give yourself the right to it, or name another folder"
    else:
        remedy = "name another path" if place else "run the command again; --debug shows where"
    return f"{place}: {why}: {remedy}" if place else f"{why}: {remedy}"


def _below(path: Path, folder: Path) -> bool:
    return Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder))


def _package(error: ImportError) -> tuple[int, str] | None:
    name = (error.name or "").partition(".")[0]
    extra = extras.extra_of(name)
    if extra is None:
        return None
    if isinstance(error, ModuleNotFoundError) and extras.absent([name]):
        why = f"{name} is not installed: run {extras.command(extra)}"
    else:
        why = f"{name} is installed and cannot be imported ({_first_line(error)}): reinstall it"
    return PackageError.exit_code, why


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0]
