"""What changed in the results between two versions of the site.

Two ``provenance.json`` are compared, so nothing is computed. A value is the text on the pages; a
figure is its drawing, without the metadata in which it says what it was drawn from.
"""

import decimal
import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.provenance.account import PROVENANCE

_METADATA = re.compile(rb"<metadata\b.*?</metadata>", re.DOTALL)
_log = logging.getLogger(__name__)


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
        plain = [
            (text or "").replace("\N{MINUS SIGN}", "-").replace("\N{NO-BREAK SPACE}", "").strip()
            for text in (self.old, self.new)
        ]
        try:
            old, new = map(decimal.Decimal, plain)
        except decimal.InvalidOperation:
            return ""
        if not (old.is_finite() and new.is_finite()):
            return ""
        return f"{new - old:+f}".replace("-", "\N{MINUS SIGN}")


@dataclass(frozen=True)
class Figure:
    """Where the drawings of a figure lie in the folders of both versions; None where none is."""

    label: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Change:
    """The values, by name, and the figures, by label, that differ, are new or are gone."""

    values: tuple[Value, ...]
    figures: tuple[Figure, ...]


def provenance(folder: Path) -> dict[str, Any] | None:
    """What the site in a folder says of its own making, if it says it in a way that is known."""
    try:
        content: dict[str, Any] = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
        for part, key in (("values", "text"), ("figures", "svg")):
            if not all(isinstance(entry[key], str) for entry in content[part].values()):
                return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return content


def compare(old: Path, new: Path) -> Change | None:
    """What differs between the versions in two folders; None if one has no `provenance`."""
    before, after = provenance(old), provenance(new)
    if before is None or after is None:
        name = old.name if before is None else new.name
        _log.warning(f"{name} has no {PROVENANCE} to read; its results are not compared")
        return None
    values, figures = [], []
    first, second = before["values"], after["values"]
    for name in sorted(first.keys() | second.keys()):
        texts = [side.get(name, {}).get("text") for side in (first, second)]
        if texts[0] != texts[1]:
            entry = second.get(name) or first[name]
            told = (str(entry.get(key, "")) for key in ("meaning", "source"))
            values.append(Value(name, *texts, *told))
    first, second = before["figures"], after["figures"]
    for label in sorted(first.keys() | second.keys()):
        paths = [side.get(label, {}).get("svg") for side in (first, second)]
        if _drawing(old, paths[0]) != _drawing(new, paths[1]):
            figures.append(Figure(label, *paths))
    return Change(tuple(values), tuple(figures))


def _drawing(folder: Path, path: str | None) -> bytes | None:
    """What a figure shows; None if it is not there."""
    file = folder / path if path else None
    return _METADATA.sub(b"", file.read_bytes()) if file and file.is_file() else None
