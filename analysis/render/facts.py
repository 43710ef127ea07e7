"""What a rendered page says, whichever renderer wrote it: do two of them say the same?

Quarto and the built-in renderer differ in markup, not in facts: numbers and texts of headings and
captions, numbers of equations, where references lead and what they are called, the cells of
tables, alternative texts, and the paragraphs.
"""

import dataclasses
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analysis.render.tree import Element, main_of
from analysis.settings import InputError

_LABELS = ("fig-", "tbl-", "eq-", "sec-", "ref-")
_OWN = {"anchor", "caption-lead", "equation-number"}  # links of the built-in renderer to copy


@dataclass(frozen=True)
class Facts:
    """What a page says, a line each, in the order of the page."""

    headings: list[str]
    captions: list[str]
    equations: list[str]
    references: list[str]
    tables: list[str]
    alternatives: list[str]
    paragraphs: list[str]


def read(page: Path) -> Facts:
    """The facts of a rendered HTML page.

    Raises:
        InputError: it has no main content.
    """
    main = main_of(page)
    # The title block is laid out differently, and says the same.
    main.children = [c for c in main.children if isinstance(c, str) or c.tag != "header"]
    return Facts(
        [text for heading in main.all("h2", "h3", "h4") if (text := heading.text())],
        [text for caption in main.all("figcaption") if (text := caption.text())],
        [f"{one.attributes['id']} {_number(one)}" for one in _labelled(main, "eq-")],
        [f"{href} {link.text()}" for href, link in _links(main)],
        [" | ".join(cell.text() for cell in row.all("th", "td")) for row in main.all("tr")],
        [" ".join(image.attributes.get("alt", "").split()) for image in main.all("img")],
        [text for one in main.all("p") if (text := one.text())],
    )  # fmt: skip


def _labelled(main: Element, prefix: str) -> Iterator[Element]:
    for element in main.all():
        if element.attributes.get("id", "").startswith(prefix):
            yield element


def _links(main: Element) -> Iterator[tuple[str, Element]]:
    for link in main.all("a"):
        label = link.attributes.get("href", "").removeprefix("#")
        if label.startswith(_LABELS) and not link.classes & _OWN:
            yield label, link


def _number(equation: Element) -> str:
    """``(3)``: text beside the formula, or the end of the formula itself."""
    found = re.findall(r"\([A-Z]?[\d.]+\)", equation.text())
    return found[-1] if found else "without a number"


def differences(one: Path, other: Path) -> list[str]:
    """Where two built sites say different things.

    Args:
        one, other: folders of sites, pages in the same places.

    Returns:
        Lines: pages that only one has, and of each page that both have the facts that differ,
        ``-`` as in ``one``, ``+`` as in ``other``.

    Raises:
        InputError: a folder has no pages.
    """
    pages = []
    for site in (one, other):
        found = {p.relative_to(site).as_posix() for p in sorted((site / "report").glob("*.html"))}
        if not found:
            raise InputError(f"{site}: no pages in its report/: build a site there first")
        pages.append(found)
    lines = [f"- {name}: not in {other}" for name in sorted(pages[0] - pages[1])]
    lines += [f"+ {name}: not in {one}" for name in sorted(pages[1] - pages[0])]
    for name in sorted(pages[0] & pages[1]):
        first, second = read(one / name), read(other / name)
        for kind in dataclasses.fields(Facts):
            pair = getattr(first, kind.name), getattr(second, kind.name)
            changed = [
                line
                for line in difflib.unified_diff(*pair, lineterm="", n=0)
                if not line.startswith(("---", "+++", "@@"))
            ]
            lines += [f"{line[0]} {name}: {kind.name}: {line[1:]}" for line in changed]
    return lines
