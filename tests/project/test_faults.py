"""What the system and Python raise, worded for a person."""

import errno
import os
from pathlib import Path

import pytest

from analysis.project import extras, faults


def refused(number: int, path: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), path)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (refused(errno.EACCES, "/x"), 2, "/x: Permission denied: give yourself the right to it"),
        (refused(errno.EROFS, "/x"), 2, "/x: Read-only file system: give yourself the right to it"),
        (refused(errno.ENOTDIR, "/x"), 2, "/x: Not a directory: name another path"),
        (refused(errno.EISDIR, "/x"), 2, "/x: Is a directory: name another path"),
        (refused(errno.ENAMETOOLONG, "/x"), 2, "/x: File name too long: name another path"),
        (refused(errno.ENOSPC, "/x"), 1, "/x: No space left on device: make room there"),
        (refused(errno.ENOSPC), 1, "No space left on device: make room there"),
        (refused(errno.EIO, "/x"), 1, "/x: Input/output error: the disk, or the connection"),
        (refused(errno.ESTALE), 1, f"{os.strerror(errno.ESTALE)}: the disk, or the connection"),
        (refused(errno.ENOMEM), 1, "Cannot allocate memory: take smaller sides"),
        (refused(errno.EAGAIN), 1, "Resource temporarily unavailable: something else uses it"),
        (refused(errno.ECONNRESET), 3, "Connection reset by peer: check the network, and run"),
        (refused(errno.ETIMEDOUT), 3, "Connection timed out: check the network, and run"),
        (refused(errno.EINVAL), 2, "Invalid argument: run the command again; --debug"),
        (RuntimeError("can't start new thread"), 1, "RuntimeError: can't start new thread: close"),
        (RuntimeError("std::bad_alloc"), 1, "RuntimeError: std::bad_alloc: take smaller sides"),
        (refused(errno.EMFILE), 1, "Too many open files: close other programs"),
        (MemoryError("Unable to allocate 9 TiB"), 1, "MemoryError: Unable to allocate 9 TiB: take"),
        (RuntimeError("[enforce] DefaultCPUAllocator: can't allocate memory"), 1, "RuntimeError:"),
        ("\udcff".encode, 2, "'utf-8' codec can't encode"),
        (ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow"), None, ""),
        (ImportError("cannot import name 'x' from 'analysis.y'", name="analysis.y"), None, ""),
        (ConnectionResetError("gone"), None, ""),
        (RuntimeError("a bug"), None, ""),
        (KeyError("a bug"), None, ""),
    ],
)
def test_what_can_be_foreseen_is_worded(
    project: Path, error: BaseException, code: int | None, said: str
) -> None:
    if callable(error):
        with pytest.raises(UnicodeError) as caught:
            error()
        error = caught.value
    told = faults.told(error)
    if code is None:
        assert told is None
    else:
        assert told is not None and told[0] == code and told[1].startswith(said), told
        assert "\n" not in told[1]


def test_of_the_store_it_says_where_else_it_may_lie(project: Path) -> None:
    below = str(project / "data" / "cache" / "spectra" / "ab" / "x.npz")
    for number in (errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.ENOSPC):
        _, line = faults.told(refused(number, below)) or (0, "")
        assert line.startswith(f"{below}: {os.strerror(number)}: set ANALYSIS_CACHE to a folder")
        assert ("cache --clear" in line) == (number == errno.ENOSPC)


def test_a_missing_package_is_one_of_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ImportError("libcudart.so.12: cannot open it", name="torch._C")
    said = (
        "torch is installed and cannot be imported (libcudart.so.12: cannot open it): reinstall it"
    )
    assert faults.told(broken) == (1, said)
    missing = ModuleNotFoundError("No module named 'yaml'", name="yaml")
    monkeypatch.setattr(extras, "absent", list)
    assert faults.told(missing) == (1, f"yaml is not installed: run {extras.command('site')}")
