"""A built page becomes the page of a version: it names its version and finds the others.

Only what every HTML page has is needed (``<head>``, ``<body>``), so the pages of either renderer
will do. What is put in is final: a version is never touched again. Therefore the page only names
itself, and everything that will change (which versions there are, whether this one is old) comes
from ``versions.js`` and ``versions.css`` in the folder above, which all versions share.
"""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote

import jinja2

TEMPLATES = Path(__file__).parent
TEXTS = {".json", ".jsonld", ".md", ".txt", ".xml"}  # files that may hold addresses of the site
_REFRESH = re.compile(r"\s*\d+\s*;\s*url\s*=\s*['\"]?([^'\"]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Stamp:
    """What is the same on every page of a version.

    Args:
        name: the version, or ``dev``.
        date: of its publication, ISO 8601.
        commit: it was built from; may be empty.
        url: the address of the folder of versions, with a slash at its end; or empty.
        files: every file of the built site, as POSIX path -> its name in the version.
    """

    name: str
    date: str
    commit: str
    url: str
    files: Mapping[str, str] = field(repr=False)

    @property
    def is_dev(self) -> bool:
        """Whether it is the working state, which search engines shall not list."""
        return self.name == "dev"


def environment() -> jinja2.Environment:
    """Where the templates of published pages are; everything put into them is escaped."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@dataclass
class Reader(HTMLParser):
    """What a page says of itself, and where in its text something is to be put in or changed."""

    text: str
    title: str = ""
    author: str = ""
    refresh: str = ""
    head_end: int | None = None
    body_start: int | None = None
    header_start: int | None = None
    tags: list[tuple[int, str]] = field(default_factory=list)
    canonical: list[tuple[int, str]] = field(default_factory=list)
    linked_data: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines = [0, *(match.end() for match in re.finditer("\n", self.text))]
        self._inside = ""
        self._in_main = False
        self.feed(self.text)
        self.close()

    @property
    def _place(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        text = self.get_starttag_text() or ""
        self.tags.append((self._place, text))
        if tag == "body":
            self.body_start = self._place + len(text)
        elif tag == "main":
            self._in_main = True
        elif tag == "header" and self.header_start is None and not self._in_main:
            self.header_start = self._place
        elif tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            found = _REFRESH.match(given.get("content", ""))
            self.refresh = found.group(1) if found else ""
        elif tag == "meta" and given.get("name", "").lower() == "author":
            self.author = self.author or given.get("content", "")
        elif tag == "link" and "canonical" in given.get("rel", "").lower().split():
            self.canonical.append(self.tags.pop())
        self._inside = tag
        if tag == "script" and "ld+json" in given.get("type", ""):
            self._inside = "linked data"

    def handle_endtag(self, tag: str) -> None:
        if tag == "head":
            self.head_end = self._place
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "title" and self.head_end is None:
            self.title += data
        elif self._inside == "linked data":
            self.linked_data.append((self._place, data))


def page(text: str, where: str, stamp: Stamp) -> str:
    """A page of the built site as a page of a version.

    Put in are the strip that names the version and lists the others, what loads the shared script
    and style, and, if the address is known, the canonical link and the feed. Links to what is
    named otherwise in the version, and addresses of the site, are changed.

    Args:
        text: the built page.
        where: its path in the site, with slashes.
        stamp: of the version.

    Returns:
        The page. A text without ``<head>`` or ``<body>``, and a redirection, come back with
        nothing put in.
    """
    found = Reader(text)
    parts = [*found.tags, *found.linked_data]
    edits = [(start, old, addressed(old, where, stamp)) for start, old in parts]
    if found.head_end is not None and found.body_start is not None and not found.refresh:
        # Before the page's own header, so that a link that skips to the content stays the first.
        body = found.header_start if found.header_start is not None else found.body_start
        up = "../" * (len(PurePosixPath(where).parts))
        context = {"stamp": stamp, "up": up, "page": where}
        context["canonical"] = canonical(stamp.url, stamp.name, where)
        templates = environment()
        edits.append((found.head_end, "", templates.get_template("head.html").render(context)))
        edits.append((body, "", templates.get_template("strip.html").render(context)))
        if stamp.url:  # a renderer's own canonical link does not know of versions
            edits += [(start, old, "") for start, old in found.canonical]
    for start, old, new in sorted(edits, reverse=True):
        if old != new:
            assert text[start : start + len(old)] == old
            text = text[:start] + new + text[start + len(old) :]
    return text


def canonical(url: str, name: str, where: str) -> str:
    """The one address of a page of a version; empty if the site's address is not known."""
    return f"{url}{quote(name)}/{quote(where)}" if url else ""


def addressed(text: str, where: str, stamp: Stamp) -> str:
    """A text in which the site's addresses and renamed files are those of the version.

    Only whole addresses are changed, which lead from the site's folder or from that of ``where``
    to a file of the site: not a name in a sentence (``make`` still writes ``paper.pdf``), nor
    another server's file of the same name.

    Args:
        text: a page's tag, or a whole file.
        where: the path of what it is in.
        stamp: of the version.
    """
    for old, new in stamp.files.items():
        if old == new:
            continue
        name, edits = PurePosixPath(old).name, []
        for match in re.finditer(re.escape(name) + "(?=[\"')?#>])", text):
            start = max(text.rfind(mark, 0, match.start()) for mark in "\"'(= \n") + 1
            address = unquote(text[start : match.end()].removeprefix(stamp.url))
            beside = posixpath.normpath(posixpath.join(posixpath.dirname(where), address))
            if old in (address, beside):
                edits.append(match.span())
        for begin, end in reversed(edits):
            text = text[:begin] + PurePosixPath(new).name + text[end:]
    if stamp.url and stamp.url in text:
        known = {"", *stamp.files, *stamp.files.values()}

        def versioned(match: re.Match[str]) -> str:
            inside = match.group(1)
            known_here = unquote(inside) in known
            return f"{stamp.url}{quote(stamp.name)}/{inside}" if known_here else match[0]

        text = re.sub(re.escape(stamp.url) + "([^\\s\"'<>()?#]*)", versioned, text)
    return text
