"""The search index of a built site: ``search-index.js``, which sets ``window.searchIndex``.

It is a script and not JSON because a page opened from a file may load scripts but not data. It is
made from the pages as built, section by section, so it holds what a reader sees: the numbers, the
text of formulas without their TeX, no scripts and no folded code.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from analysis.site.builtin import html

FILE = "search-index.js"
_LEFT_OUT = {"script", "style", "svg", "annotation", "pre", "audio", "video", "button"}
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source",
         "track", "wbr"}  # fmt: skip
_BREAKS = {"p", "li", "td", "th", "tr", "div", "figure", "figcaption", "h2", "h3", "h4", "h5", "h6"}
_HEADINGS = {"h2", "h3", "h4", "h5", "h6"}


@dataclass
class Section:
    """A heading, its anchor, and the text up to the next heading."""

    anchor: str
    title: str = ""
    text: str = ""


@dataclass
class _Reader(HTMLParser):
    """The sections of the ``<main>`` of a page."""

    sections: list[Section] = field(default_factory=list)
    title: str = ""
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _VOID:
            return
        skipped = tag in _LEFT_OUT or given.get("class") == "anchor"
        self._open.append(f"-{tag}" if skipped else tag)
        if tag == "main":
            self.sections.append(Section(""))
        elif tag in _HEADINGS and "main" in self._open and given.get("id"):
            self.sections.append(Section(str(given["id"])))

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        while self._open and self._open.pop().removeprefix("-") != tag:
            pass
        if tag in _BREAKS:
            self._add(" ")

    def handle_data(self, data: str) -> None:
        self._add(data)

    def _add(self, text: str) -> None:
        if "title" in self._open:
            self.title += text
        if "main" not in self._open or any(tag.startswith("-") for tag in self._open):
            return
        section = self.sections[-1]
        if _HEADINGS & set(self._open):
            section.title += text
        elif "h1" not in self._open:
            section.text += text


def sections(page: str) -> tuple[str, list[Section]]:
    """The title of a page and its sections; the first, without an anchor, is what comes before."""
    reader = _Reader()
    reader.feed(page)
    title = " ".join(reader.title.split())
    found = [Section(one.anchor, _folded(one.title), _folded(one.text)) for one in reader.sections]
    return title, [one for one in found if one.text or one.title]


def index(site: Path) -> str:
    """The script for all pages of a site.

    ``pages`` has the path from the site's root and the title of each page; ``sections`` has the
    number of the page, the anchor, the heading and the text of each section.
    """
    pages: list[list[str]] = []
    rows: list[list[str | int]] = []
    for path, page in _pages(site):
        title, found = sections(page)
        # Every page but the first carries the site's title after its own.
        short = title.rsplit(" – ", 1)[0]
        for one in found:
            rows.append([len(pages), one.anchor, one.title or short, one.text])
        pages.append([path, short])
    data = json.dumps({"pages": pages, "sections": rows}, ensure_ascii=False, separators=(",", ":"))
    return f"window.searchIndex={data};\n"


def write(site: Path) -> None:
    """Write the index of a site beside its scripts."""
    folder = site / html.ASSETS
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(index(site), encoding="utf-8")


def _pages(site: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(site.rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        if "<main" in text:
            yield path.relative_to(site).as_posix(), text


def _folded(text: str) -> str:
    # Between a word and its stop an inline element may have left a space.
    return re.sub(r" ([,.;:)])", r"\1", " ".join(text.split()))
