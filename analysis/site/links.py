"""Does every link of a built site lead somewhere it may lead to?

It reads the HTML as built, so it serves either renderer. External links are not followed: whether
another server answers today is no property of this site. But they lead to the web or a mailbox:
what runs a script is no link, and no hidden file is part of a site.
"""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from analysis.project.errors import AnalysisError
from analysis.site.builtin import tree

_UP = {".", ".."}
_SCHEMES = {"", "http", "https", "mailto"}
# What Quarto writes for buttons, and pictures that are in the page itself: nothing runs.
_HARMLESS = ("javascript:void(0)", "data:image/")


def broken(site: Path) -> list[str]:
    """Every ``href``, ``src`` and ``#anchor`` in ``site`` that leads nowhere, or may not be there.

    Returns:
        One line a link: the page, its line, the link and what is missing.
    """
    site = site.resolve()
    pages = {
        path: list(tree.read(path.read_text(encoding="utf-8")).all())
        for path in sorted(site.rglob("*.html"))
    }
    anchors = {path: {name for one in page for name in _names(one)} for path, page in pages.items()}
    return [
        f"{path.relative_to(site)}:{one.line}: {link}: {problem}"
        for path, page in pages.items()
        for one in page
        for link in one.addresses()
        if (problem := _problem(link, path, site, anchors))
    ]


def check(site: Path) -> None:
    """Raise AnalysisError naming the links that are `broken`."""
    if found := broken(site):
        raise AnalysisError(f"{len(found)} broken link(s):\n" + "\n".join(found))


def _names(one: tree.Element) -> list[str]:
    """What a link can name to lead to an element."""
    return [one.attributes.get("id", ""), one.attributes.get("name", "") if one.tag == "a" else ""]


def _problem(link: str, page: Path, site: Path, anchors: dict[Path, set[str]]) -> str | None:
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
    if anchor in ("", "top") or anchor in anchors.get(target, (anchor,)):
        return None
    return f"no element with id '{anchor}'"
