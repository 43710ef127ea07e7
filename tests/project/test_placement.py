"""All or none, one at a time; and what a killed process leaves is put right."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.project import placement
from tests.conftest import PROJECT


def tree(folder: Path) -> dict[str, str]:
    """Every file and what is in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def fill(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


OLD = {"dev/a": "1", "index": "1", "same": "s", "0.1/a": "x", "kept/b": "k"}
NEW = {"dev/a": "2", "dev/b": "2", "index": "2", "same": "s", "0.2/a": "y", "kept/b": "k"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fill(tmp_path / "out", OLD)
    return tmp_path / "out"


def put(folder: Path) -> tuple[str, ...]:
    with placement.alone(folder, busy), placement.stage(folder) as staged:
        fill(staged, NEW)
        return placement.put(folder, staged)


def test_put(folder: Path) -> None:
    times = {name: (folder / name).stat().st_mtime_ns for name in ("same", "kept/b", "0.1/a")}
    assert put(folder) == ("0.2", "dev", "index")  # folders first
    assert tree(folder) == OLD | NEW
    assert times == {name: (folder / name).stat().st_mtime_ns for name in times}
    assert put(folder) == ()
    put(folder / "a" / "b")
    assert tree(folder / "a" / "b") == NEW  # made, where it is not there
    shutil.rmtree(folder / "a")
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["0.1", "0.2", "dev", "index", "kept", "same"]
    )


class BusyError(Exception):
    """Another process is at it."""


def busy() -> None:
    raise BusyError


class Stop(BaseException):
    """As an interrupt does, it goes through `except Exception`."""


# Moves: 0.2 in, dev out, dev in, index in (over the old one).
@pytest.mark.parametrize("last", range(4))
def test_what_stops_midway_leaves_the_old_state(
    folder: Path, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    replace, moved = os.replace, list[str]()

    def stopping(source: Path, target: Path) -> None:
        moved.append(source.name)
        if len(moved) == last + 1:
            raise Stop
        replace(source, target)

    monkeypatch.setattr(os, "replace", stopping)
    with pytest.raises(Stop):
        put(folder)
    assert tree(folder) == OLD
    # In the opposite order: what lists folders goes before them.
    undone = list(dict.fromkeys(moved[last + 1 :]))
    assert undone == [name for name in ("index", "dev", "0.2") if name in undone]
    assert not list(folder.glob(".*"))
    monkeypatch.undo()
    assert put(folder) == ("0.2", "dev", "index")


KILLED = """
import os, sys
from pathlib import Path
from tests.project import test_placement as own
replace, count = os.replace, 0
def killing(source, target):
    global count
    count += 1
    if count == int(sys.argv[2]) + 1:
        os._exit(9)
    replace(source, target)
os.replace = killing
own.put(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("last", range(4))
def test_what_is_killed_midway_is_put_right_by_the_next(folder: Path, last: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), str(last)], check=False, timeout=60,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    assert done.returncode == 9
    assert len(list(folder.glob(f"{placement.STAGE}*"))) == 1
    with placement.alone(folder, busy):
        left = tree(folder)
        assert left["dev/a"] == ("2" if last == 3 else "1")
        assert left["index"] == "1"
        assert {name: left[name] for name in ("0.1/a", "same", "kept/b")} == {
            "0.1/a": "x", "same": "s", "kept/b": "k",
        }  # fmt: skip
    assert not list(folder.glob(f"{placement.STAGE}*"))
    put(folder)
    assert tree(folder) == OLD | NEW


def test_one_at_a_time(folder: Path) -> None:
    with (
        placement.alone(folder, busy),
        pytest.raises(BusyError),
        placement.alone(folder, busy),
    ):
        pass
    with placement.alone(folder, busy):  # the lock ended with its holder
        pass
