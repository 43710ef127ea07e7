"""What a rendered site says, whichever renderer wrote it: do two of them say the same?

Quarto and the built-in renderer differ in markup, not in facts: numbers and texts of headings and
captions, numbers of equations, where references lead and what they are called, the cells of
tables, alternative texts, paragraphs, items of lists, and code; the labels and numbers of a PDF;
and every file beside the pages that is not a renderer's own. Both sites must be whole besides.

``python -m tests.site.facts SITE SITE`` prints the differences, and fails if there are any.
"""

import dataclasses
import difflib
import hashlib
import posixpath
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from analysis.project.errors import InputError
from analysis.site.builtin import tree
from analysis.site.builtin.tree import Element
from analysis.site.links import broken

_LABELS = ("fig-", "tbl-", "eq-", "sec-", "ref-")
# What a renderer makes in its own way: what pages load and are searched by; of pages, their copies
# as Markdown and the digests of all files are made.
_RENDERERS = (
    *("site_libs/", "search.json", "llms.txt", "ro-crate-metadata.json", "sitemap.xml"),
    "robots.txt",
)
_PAGES = (".html", ".pdf", ".typ")
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
    items: list[str]
    code: list[str]
    links: list[str]


def read(page: Path) -> Facts:
    """The facts of a rendered HTML page.

    Raises:
        InputError: it has no main content.
    """
    main = next(tree.read(page.read_text(encoding="utf-8")).all("main"), None)
    if main is None:
        raise InputError(f"{page}: no <main>, so this is no page of ours")
    # The title block is laid out differently, and says the same.
    main.children = [c for c in main.children if isinstance(c, str) or c.tag != "header"]

    def texts(*tags: str) -> list[str]:
        return [text for one in main.all(*tags) if (text := one.text())]

    return Facts(
        headings=texts("h2", "h3", "h4"),
        captions=texts("figcaption"),
        equations=[f"{one.attributes['id']} {_number(one)}" for one in _labelled(main, "eq-")],
        references=[f"{href} {link.text()}" for href, link in _links(main)],
        tables=[" | ".join(one.text() for one in row.all("th", "td")) for row in main.all("tr")],
        alternatives=[" ".join(one.attributes.get("alt", "").split()) for one in main.all("img")],
        paragraphs=texts("p"),
        items=texts("li", "dt", "dd"),
        code=texts("pre"),
        links=sorted(set(_elsewhere(main, page))),
    )


def _elsewhere(main: Element, page: Path) -> Iterator[str]:
    """Where links lead outside the page, from the folder above it; larger pictures are no links."""
    for link in main.all("a"):
        url = link.attributes.get("href", "")
        if url and not url.startswith("#") and not any(link.all("img")):
            local = not urlsplit(url).scheme
            yield posixpath.normpath(f"{page.parent.name}/{url}") if local else url


def files(site: Path) -> list[str]:
    """The files of a site that no renderer makes in a way of its own, with their digests."""
    names = {path.relative_to(site).as_posix(): path for path in site.rglob("*") if path.is_file()}
    return [
        f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
        for name, path in sorted(names.items())
        if not name.startswith(_RENDERERS)
        and path.suffix not in _PAGES
        and "_files/" not in name  # what cells draw by themselves is called otherwise in each
        and not name.endswith(".llms.md")
    ]


def paper(path: Path) -> list[str]:
    """What a PDF says: its labels, the numbers of its equations, and its decimals, each sorted."""
    try:
        text = " ".join(page.extract_text() for page in PdfReader(path).pages)
    except (PyPdfError, OSError, ValueError, KeyError, TypeError) as error:
        return [f"no PDF that can be read: {error}"]
    # Its pages, with the version at their heads, are as many as the layout needs.
    text = re.sub(r"version \S+", "", " ".join(text.replace("\u00a0", " ").split()))
    said = (r"\b(?:Figure|Table) \d+:", r"\(\d+\)", r"[-−]?\d+\.\d+")
    return [one for pattern in said for one in sorted(re.findall(pattern, text))]


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
        Lines: pages, PDFs and files that only one has, of those that both have the facts that
        differ, and what is missing within a site; ``-`` as in ``one``, ``+`` as in ``other``.

    Raises:
        InputError: a folder has no pages.
    """
    pages = []
    for site in (one, other):
        found = {p.relative_to(site).as_posix() for p in sorted((site / "report").glob("*.html"))}
        if not found:
            raise InputError(f"{site}: no pages in its report/: build a site there first")
        found |= {path.relative_to(site).as_posix() for path in site.rglob("*.pdf")}
        pages.append(found)
    lines = [f"- {name}: not in {other}" for name in sorted(pages[0] - pages[1])]
    lines += [f"+ {name}: not in {one}" for name in sorted(pages[1] - pages[0])]
    for name in sorted(pages[0] & pages[1]):
        if name.endswith(".pdf"):
            lines += _changed(name, paper(one / name), paper(other / name))
            continue
        first, second = read(one / name), read(other / name)
        for kind in dataclasses.fields(Facts):
            told = f"{name}: {kind.name}"
            lines += _changed(told, getattr(first, kind.name), getattr(second, kind.name))
    lines += _changed("files", files(one), files(other))
    for sign, site in (("-", one), ("+", other)):
        lines += [f"{sign} {problem}" for problem in broken(site)]
    return lines


def _changed(what: str, one: list[str], other: list[str]) -> list[str]:
    lines = difflib.unified_diff(one, other, lineterm="", n=0)
    kept = (line for line in lines if not line.startswith(("---", "+++", "@@")))
    return [f"{line[0]} {what}: {line[1:]}" for line in kept]


def main() -> None:
    """Compare the two sites that are named on the command line."""
    one, other = map(Path, sys.argv[1:])
    found = differences(one, other)
    print("\n".join(found) or "the same facts")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
