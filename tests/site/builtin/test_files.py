"""Which files a page needs beside it, and what its cells are seen to open."""

import os
import time
from pathlib import Path

import pytest

from analysis.site.builtin import files


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<img src="made/a.svg" alt="">', ["made/a.svg"]),
        ("<a href='a%20b.csv#x'>x</a>", ["a%20b.csv#x"]),
        ('<script src="interactive/x.js" defer></script>', ["interactive/x.js"]),
        ('<link rel="stylesheet" href="x.css">', ["x.css"]),
        ('<audio src="a.wav"></audio><video poster="p.png"><source src="v.mp4"></video>',
         ["a.wav", "p.png", "v.mp4"]),
        ('<img src="a.png" srcset="b.png 1x, c.png 2x">', ["a.png", "b.png", "c.png"]),
        ('<a href="a.csv">1</a><a href="a.csv">2</a>', ["a.csv"]),
        ('<a href="https://x.org/a.csv"></a><a href="mailto:x@y"></a><a href="//x/y"></a>', []),
        ('<a href="#here"></a><a href=""></a><img src="data:image/png;base64,AA">', []),
        ('<pre>a href="b.csv"</pre><!-- <a href="c.csv"> -->', []),
    ],
)  # fmt: skip
def test_needed(html: str, found: list[str]) -> None:
    assert files.needed(html) == found


def test_an_address_names_a_path() -> None:
    assert files.path_in("a%20b.csv?raw#x") == "a b.csv"


def test_state(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    assert files.state(file) is None
    file.write_text("one")
    one, names = files.state(file), files.state(tmp_path)
    file.write_text("two")
    assert files.state(file) not in (one, None)
    assert files.state(tmp_path) == names
    (tmp_path / "made").mkdir()
    assert files.state(tmp_path) == names
    (tmp_path / "b.txt").touch()
    assert files.state(tmp_path) != names


def observed(tmp_path: Path, opened: list[Path], written: list[Path], ago: float):
    trace = {"opened": [str(p) for p in opened], "written": [str(p) for p in written]}
    return files.observed(
        trace,
        time.time_ns() - int(ago * 1e9),
        tmp_path / "scratch",
        [tmp_path / "store", tmp_path / "fonts"],
    )


def test_observed(tmp_path: Path) -> None:
    file, absent = tmp_path / "a.txt", tmp_path / "none.txt"
    file.write_text("one")
    hour_ago = time.time() - 3600
    os.utime(file, (hour_ago, hour_ago))
    own = tmp_path / "scratch" / "kernel.json"
    found = observed(
        tmp_path, [file, absent, own, Path("/proc/cpuinfo"), Path(os.__file__)], [], 60
    )
    assert found == {str(file): files.state(file), str(absent): None}


def test_what_somebody_else_wrote_meanwhile_cannot_be_told(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("one")
    assert observed(tmp_path, [file], [], 60) is None
    assert observed(tmp_path, [file], [file], 60) == {str(file): files.state(file)}
    (tmp_path / "store" / "ab").mkdir(parents=True)
    assert observed(tmp_path, [tmp_path / "store" / "ab"], [], 60) == {}
    for shared in ("store", "fonts"):
        kept = tmp_path / shared / "entry"
        kept.parent.mkdir(exist_ok=True)
        kept.write_text("what its name says")
        assert observed(tmp_path, [kept], [], 60) == {str(kept): files.state(kept)}
