"""What pandoc answered is given again only while nothing that it depends on changed."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.site.builtin import pandoc

BOOK = "@book{a, title={Title}, author={Writer, Ann}, year={1999}}\n"


class Asked:
    """A text with a citation, a filter and a given file; how often pandoc ran for it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kept = folder / "kept" / "a.json"
        self.book, self.filter = folder / "r.bib", folder / "f.lua"
        self.book.write_text(BOOK)
        self.filter.write_text("function Str(s) return s end\n")
        self.text, self.given, self.option, self.runs = "[@a] word", "$body$", "--wrap=none", 0
        real = subprocess.run

        def counted(command: list[str], **more: object) -> object:
            self.runs += "--citeproc" in command
            return real(command, **more)  # type: ignore[call-overload]

        monkeypatch.setattr(subprocess, "run", counted)

    def __call__(self) -> str:
        return pandoc.run(
            self.option,
            "--to=plain",
            "--template=given.txt",
            f"--bibliography={self.book}",
            "--citeproc",
            f"--lua-filter={self.filter}",
            text=self.text,
            given={"given.txt": self.given},
            reads=[self.book, self.filter],
            kept=self.kept,
        ).stdout


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(tmp_path, monkeypatch)


def _halved(asked: Asked) -> None:
    asked.kept.write_text(asked.kept.read_text()[:-20])


def _forged(asked: Asked) -> None:
    asked.kept.write_text(asked.kept.read_text().replace("1999", "2020"))


CHANGES: dict[str, tuple[Callable[[Asked], object], str]] = {
    "text": (lambda one: setattr(one, "text", "[@a] other"), "(Writer 1999) other"),
    "option": (lambda one: setattr(one, "option", "--ascii"), "(Writer 1999) word"),
    "given": (lambda one: setattr(one, "given", "<$body$>"), "<(Writer 1999) word"),
    "bibliography": (
        lambda one: one.book.write_text(BOOK.replace("1999", "2001")),
        "(Writer 2001)",
    ),
    "filter": (lambda one: one.filter.write_text('function Str() return "x" end'), "x x"),
    "damaged": (_halved, "(Writer 1999) word"),
    "forged": (_forged, "(Writer 1999) word"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_an_answer_is_given_again_until_something_changes(name: str, asked: Asked) -> None:
    first = asked()
    assert first.startswith("(Writer 1999) word")
    assert (asked(), asked.runs) == (first, 1)
    change, words = CHANGES[name]
    change(asked)
    assert asked().startswith(words)
    assert asked.runs == 2


def test_where_nothing_can_be_kept_pandoc_is_asked_each_time(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    asked.kept = tmp_path / "file" / "a.json"
    assert asked() == asked()
    assert asked.runs == 2
