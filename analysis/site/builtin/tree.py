"""The elements of an HTML page, whichever renderer wrote it."""

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source"),
    *("track", "wbr"),
}
_ASIDE = {"script", "style", "button", "annotation", "details", "template", "noscript", "select"}


@dataclass
class Element:
    """An element of a page, with its text as strings among its children.

    Args:
        tag: its name; empty for the page as a whole.
        attributes: name -> value, empty where none is given.
        children: elements and texts in order.
        line: of the file, where it begins.
    """

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: "list[Element | str]" = field(default_factory=list)
    line: int = 1

    @property
    def classes(self) -> set[str]:
        """Its classes."""
        return set(self.attributes.get("class", "").split())

    def all(self, *tags: str) -> "Iterator[Element]":
        """Its descendants with one of the tags, or all, in order."""
        for child in self.children:
            if isinstance(child, Element):
                if not tags or child.tag in tags:
                    yield child
                yield from child.all(*tags)

    def text(self) -> str:
        """What is read: without code, controls and what hangs at a heading; spaces are one."""
        return " ".join("".join(self._pieces()).replace("\u00a0", " ").split())

    def html(self, keep: "Callable[[Element], bool]") -> str:
        """Its markup, without the elements that are not to be kept."""
        inner = "".join(
            html.escape(child, quote=False) if isinstance(child, str) else child.html(keep)
            for child in self.children
            if isinstance(child, str) or keep(child)
        )
        given = "".join(f' {name}="{html.escape(v)}"' for name, v in self.attributes.items())
        return f"<{self.tag}{given}>" + ("" if self.tag in _VOID else f"{inner}</{self.tag}>")

    def addresses(self) -> list[str]:
        """What it links to, shows or loads, as written."""
        given = self.attributes
        found = [
            given[name].strip() for name in ("href", "src", "poster", "data-src") if name in given
        ]
        if self.tag == "object":
            found.append(given.get("data", ""))
        candidates = (one.split() for one in given.get("srcset", "").split(","))
        return found + [one[0] for one in candidates if one]

    def _pieces(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag not in _ASIDE and "anchor" not in child.classes:
                yield from child._pieces()


class _Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = Element("")
        self.open = [self.root]
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, line=self.getpos()[0])
        self.open[-1].children.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        at = next((n for n in range(len(self.open) - 1, 0, -1) if self.open[n].tag == tag), 0)
        if at:
            del self.open[at:]

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read(text: str) -> Element:
    """The whole of a page or a piece of one, as an element without a name."""
    return _Reader(text).root
