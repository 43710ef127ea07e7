"""What changed in the results between two versions of the site: a page, and its numbers.

Two ``provenance.json`` are compared, so nothing is computed. A value is the text on the pages; a
figure is its drawing, without the metadata in which it names the commit it was drawn at.
"""

import decimal
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.project.errors import AnalysisError
from analysis.site.publish.stamping import environment

FOLDER = "changes"
_METADATA = re.compile(rb"<metadata\b.*?</metadata>", re.DOTALL)
_SIZE = re.compile(rb'<svg\b[^>]*?\bviewBox="[\d.+-]+[\s,]+[\d.+-]+[\s,]+([\d.]+)[\s,]+([\d.]+)"')


@dataclass(frozen=True)
class Value:
    """The texts of a value that are not the same in both versions; None where there is none."""

    name: str
    old: str | None
    new: str | None
    meaning: str
    source: str

    @property
    def difference(self) -> str:
        """New less old in the digits shown, such as ``+0.02``; empty if either is no number."""
        try:
            old, new = (decimal.Decimal(_plain(text or "")) for text in (self.old, self.new))
        except decimal.InvalidOperation:
            return ""
        if not (old.is_finite() and new.is_finite()):
            return ""
        return f"{new - old:+f}".replace("-", "\N{MINUS SIGN}")


@dataclass(frozen=True)
class Picture:
    """A figure of one version: its address from the page, and its sides in pixels if known."""

    src: str
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class Figure:
    """A figure that is not the same in both versions; a side that has none is None."""

    label: str
    old: Picture | None
    new: Picture | None


@dataclass(frozen=True)
class Change:
    """What differs between two versions, by name; and how much does not.

    Args:
        old: name of the version compared with.
        new: name of the version that is told about.
        values: those that differ, are new or are gone, by name.
        figures: those, by label.
        same_values: how many are as they were.
        same_figures: how many are as they were.
    """

    old: str
    new: str
    values: tuple[Value, ...]
    figures: tuple[Figure, ...]
    same_values: int
    same_figures: int

    @property
    def page(self) -> str:
        """Where its page lies, from the folder of versions."""
        return f"{FOLDER}/{self.old}...{self.new}.html"

    @property
    def summary(self) -> dict[str, Any]:
        """What ``versions.json`` says of it."""
        return {
            "old": self.old,
            "new": self.new,
            "page": self.page,
            "values": len(self.values),
            "figures": len(self.figures),
        }

    @property
    def sentence(self) -> str:
        """How much differs, as a sentence."""
        if not self.values and not self.figures:
            return "No value and no figure differs."
        counts = _count(len(self.values), "value"), _count(len(self.figures), "figure")
        return f"{counts[0]} and {counts[1]} differ."


def check(name: str, content: Mapping[str, Any]) -> None:
    """Raise AnalysisError if the ``provenance.json`` of a version can't be compared."""
    for part, keys in (("values", ("text",)), ("figures", ("svg", "sha256"))):
        entries = content.get(part)
        if not isinstance(entries, Mapping):
            raise AnalysisError(f"provenance.json of {name} has no '{part}': build it again")
        for key, entry in entries.items():
            for one in keys:
                if not isinstance(entry, Mapping) or not isinstance(entry.get(one), str):
                    raise AnalysisError(
                        f"provenance.json of {name}: {part}.{key} lacks '{one}': build it again"
                    )


def compare(
    old: tuple[str, Path, Mapping[str, Any]], new: tuple[str, Path, Mapping[str, Any]]
) -> Change:
    """Compare two versions.

    Args:
        old: its name, its folder and its ``provenance.json``: ``values`` has name -> ``text``,
            ``meaning`` and ``source``; ``figures`` has label -> ``svg`` (a path in the folder) and
            ``sha256``. Both have passed `check`. More keys are passed over.
        new: the same of the other.
    """
    before, after = old[2]["values"], new[2]["values"]
    values = [
        _value(name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name, {}).get("text") != after.get(name, {}).get("text")
    ]
    drawn, redrawn = old[2]["figures"], new[2]["figures"]
    figures = [
        Figure(label, _picture(old, label), _picture(new, label))
        for label in sorted(drawn.keys() | redrawn.keys())
        if label not in drawn
        or label not in redrawn
        or _drawing(old, label) != _drawing(new, label)
    ]
    return Change(
        old[0], new[0], tuple(values), tuple(figures),
        len(before.keys() | after.keys()) - len(values),
        len(drawn.keys() | redrawn.keys()) - len(figures),
    )  # fmt: skip


def html(change: Change, site: Mapping[str, str]) -> str:
    """The page of a change, which needs no script.

    Args:
        change: what differs.
        site: of the folder of versions, as `publish` knows it: ``title`` and ``url``.
    """
    rows = {
        "Changed": [one for one in change.values if None not in (one.old, one.new)],
        "New": [one for one in change.values if one.old is None],
        "Gone": [one for one in change.values if one.new is None],
    }
    return (
        environment()
        .get_template("changes.html")
        .render(change=change, rows=rows, site=site, up="../", kept=_kept(change), named=named)
    )


def named(version: str) -> str:
    """How a version is called in a sentence."""
    return "the working state" if version == "dev" else f"version {version}"


def _kept(change: Change) -> str:
    counts = _count(change.same_values, "value"), _count(change.same_figures, "figure")
    verb = "is" if change.same_values + change.same_figures == 1 else "are"
    return f"{counts[0]} and {counts[1]} {verb} as they were."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _value(name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Value:
    entry = new or old or {}
    texts = [None if one is None else str(one["text"]) for one in (old, new)]
    meaning, source = (str(entry.get(key, "")) for key in ("meaning", "source"))
    return Value(name, texts[0], texts[1], meaning, source)


def _plain(text: str) -> str:
    return text.replace("\N{MINUS SIGN}", "-").replace("\N{NO-BREAK SPACE}", "").strip()


def _file(version: tuple[str, Path, Mapping[str, Any]], label: str) -> Path:
    return version[1] / version[2]["figures"][label]["svg"]


def _drawing(version: tuple[str, Path, Mapping[str, Any]], label: str) -> bytes:
    """The drawing itself; the digest that stands for it where there is no file."""
    path = _file(version, label)
    if path.is_file():
        return _METADATA.sub(b"", path.read_bytes())
    return str(version[2]["figures"][label]["sha256"]).encode()


def _picture(version: tuple[str, Path, Mapping[str, Any]], label: str) -> Picture | None:
    if label not in version[2]["figures"]:
        return None
    src = f"../{version[0]}/{version[2]['figures'][label]['svg']}"
    path = _file(version, label)
    # The sides are in the first tag, after a declaration and a comment at most.
    found = _SIZE.search(path.read_bytes()[:4096]) if path.is_file() else None
    sides = [round(float(side)) for side in found.groups()] if found else [0, 0]
    return Picture(src, *sides)
