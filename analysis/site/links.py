"""Does every link of a built site lead somewhere it may lead to?

It reads the HTML as built, so it serves either renderer. External links are not followed: whether
another server answers today is no property of this site. But they lead to the web or a mailbox:
what runs a script is no link, and no hidden file is part of a site.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from analysis.project.errors import AnalysisError

_LINKING = {"href", "src", "poster", "data-src"}
_UP = {".", ".."}
_SCHEMES = {"", "http", "https", "mailto"}
# What Quarto writes for buttons, and pictures that are in the page itself: nothing runs.
_HARMLESS = ("javascript:void(0)", "data:image/")


@dataclass
class _Document(HTMLParser):
    """The anchors and the links of one HTML file."""

    anchors: set[str] = field(default_factory=set)
    links: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value)
            elif name in _LINKING:
                self.links.append((self.getpos()[0], value.strip()))
            elif name == "srcset":
                for candidate in value.split(","):
                    self.links.append((self.getpos()[0], candidate.split()[0]))


def broken(site: Path) -> list[str]:
    """Every ``href``, ``src`` and ``#anchor`` in ``site`` that leads nowhere, or may not be there.

    Returns:
        One line a link: the page, its line, the link and what is missing.
    """
    documents = {path.resolve(): _read(path) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, document in documents.items():
        for line, link in document.links:
            if problem := _problem(link, path, site.resolve(), documents):
                found.append(f"{path.relative_to(site.resolve())}:{line}: {link}: {problem}")
    return found


def check(site: Path) -> None:
    """Raise AnalysisError naming the links that are `broken`."""
    if found := broken(site):
        raise AnalysisError(f"{len(found)} broken link(s):\n" + "\n".join(found))


def _read(path: Path) -> _Document:
    document = _Document()
    document.feed(path.read_text(encoding="utf-8"))
    return document


def _problem(link: str, page: Path, site: Path, documents: dict[Path, _Document]) -> str | None:
    parts = urlsplit(link)
    if link.startswith(_HARMLESS):
        return None
    if parts.scheme not in _SCHEMES or (parts.netloc and not parts.scheme):
        return "no address of http, https or mailto"
    if parts.scheme:
        return None
    if any(part.startswith(".") for part in unquote(parts.path).split("/") if part not in _UP):
        return "a hidden file"
    if parts.path.startswith("/"):
        target = site / unquote(parts.path).lstrip("/")
    else:
        target = page.parent / unquote(parts.path) if parts.path else page
    target = target.resolve()
    if target.is_dir():
        target = target / "index.html"
    if not target.is_relative_to(site):
        return "leaves the site"
    if not target.is_file():
        return "no such file"
    anchor = unquote(parts.fragment)
    if anchor in ("", "top") or target not in documents or anchor in documents[target].anchors:
        return None
    return f"no element with id '{anchor}'"
