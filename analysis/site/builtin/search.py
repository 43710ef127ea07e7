"""The search index of a built site: ``search-index.js``, which sets ``window.searchIndex``.

It is a script and not JSON because a page opened from a file may load scripts but not data. It is
made from the pages as built, section by section, so it holds what a reader sees: the numbers, the
text of formulas without their TeX, no scripts and no folded code.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analysis.site.builtin import html, tree

FILE = "search-index.js"
_LEFT_OUT = {"script", "style", "svg", "annotation", "pre", "audio", "video", "button", "h1"}
_HEADINGS = {"h2", "h3", "h4", "h5", "h6"}
_BREAKS = {"p", "li", "td", "th", "tr", "div", "figure", "figcaption", *_HEADINGS}


@dataclass
class Section:
    """A heading, its anchor, and the text up to the next heading."""

    anchor: str
    title: str = ""
    text: str = ""


def sections(page: str) -> tuple[str, list[Section]]:
    """The title of a page and its sections; the first, without an anchor, is what comes before."""
    whole = tree.read(page)
    found = [Section("")]
    for main in whole.all("main"):
        _gather(main, found)
    for one in found:
        # Between a word and its stop an inline element may have left a space.
        one.text = re.sub(r" ([,.;:)])", r"\1", " ".join(one.text.split()))
    title = next((one.text() for one in whole.all("title")), "")
    return title, [one for one in found if one.text or one.title]


def _gather(element: tree.Element, found: list[Section]) -> None:
    """Add the text of an element to the last section, and a section for each heading in it."""
    for child in element.children:
        if isinstance(child, str):
            found[-1].text += child
        elif child.tag in _HEADINGS and "id" in child.attributes:
            found.append(Section(child.attributes["id"], child.text()))
        elif child.tag not in _LEFT_OUT and "anchor" not in child.classes:
            _gather(child, found)
            if child.tag in _BREAKS:
                found[-1].text += " "


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
