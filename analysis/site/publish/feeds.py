"""What machines read of the versions: an Atom feed, a sitemap and, at a server's root, robots.txt.

All of them need the address that the folder is served at; without it there are none.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit
from xml.etree import ElementTree

from analysis.site.publish.changes import Change, named
from analysis.site.publish.stamping import canonical
from analysis.site.publish.versions import DEV, Published, ordered

ATOM = "http://www.w3.org/2005/Atom"
SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
# ET.register_namespace would change what every other user of ElementTree writes.
_HEAD = "<?xml version='1.0' encoding='utf-8'?>\n"


def atom(found: Iterable[Published], changes: Iterable[Change], url: str, title: str) -> str:
    """The Atom feed (RFC 4287) of the releases, the newest first.

    Args:
        found: the versions; ``dev`` is no entry.
        changes: what is said of a version, if it is compared with the one before.
        url: the address of the folder of versions, with a slash at its end.
        title: of the site.
    """
    releases = [one for one in ordered(found) if one.name != DEV]
    said = {(one.old, one.new): one for one in changes}
    feed = ElementTree.Element("feed", xmlns=ATOM)
    _add(feed, "title", title)
    _add(feed, "id", url)
    _add(feed, "link", rel="self", type="application/atom+xml", href=f"{url}atom.xml")
    _add(feed, "link", rel="alternate", type="text/html", href=f"{url}versions.html")
    # Atom wants a time even of an empty feed; the beginning of time says that nothing is new.
    _add(feed, "updated", max((one.date for one in releases), default="1970-01-01T00:00:00Z"))
    _add(_add(feed, "author"), "name", next((one.author for one in releases if one.author), title))
    for number, one in enumerate(releases, 1):
        previous = releases[number] if number < len(releases) else None
        entry = _add(feed, "entry")
        _add(entry, "title", f"{title}, version {one.name}")
        _add(entry, "id", f"{url}{one.name}/")
        _add(entry, "updated", one.date)
        _add(entry, "published", one.date)
        first = canonical(url, one.name, one.first)
        _add(entry, "link", rel="alternate", type="text/html", href=first)
        for file in one.pdf:
            href = canonical(url, one.name, file)
            _add(entry, "link", rel="enclosure", type="application/pdf", href=href)
        change = said.get((previous.name, one.name)) if previous else None
        if change is not None:
            _add(entry, "link", rel="related", type="text/html", href=f"{url}{change.page}")
            _add(entry, "summary", f"Since {named(change.old)}: {change.sentence}")
        else:
            _add(entry, "summary", "The first version." if previous is None else "A new version.")
    return _text(feed)


def sitemap(found: Iterable[Published], changes: Iterable[Change], url: str) -> str:
    """The sitemap: every page of every release, the list of versions, and what changed."""
    root = ElementTree.Element("urlset", xmlns=SITEMAP)
    releases = [one for one in ordered(found) if one.name != DEV]
    dates = {one.name: one.date for one in releases}
    rows = [(f"{url}versions.html", max(dates.values(), default=""))]
    for one in releases:
        rows += [(canonical(url, one.name, page), one.date) for page in one.pages]
    for change in changes:
        if change.new in dates:
            rows.append((f"{url}{change.page}", dates[change.new]))
    for address, date in rows:
        entry = _add(root, "url")
        _add(entry, "loc", address)
        if date:
            _add(entry, "lastmod", date)
    return _text(root)


def robots(url: str) -> str | None:
    """The ``robots.txt`` that names the sitemap; None where no robot would look for it.

    Robots ask for it at the root of a server only (RFC 9309).
    """
    if urlsplit(url).path != "/":
        return None
    return f"User-agent: *\nAllow: /\nDisallow: /{DEV}/\n\nSitemap: {url}sitemap.xml\n"


def _add(
    parent: ElementTree.Element, tag: str, text: str = "", **attributes: str
) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, tag, attributes)
    child.text = text or None
    return child


def _text(root: ElementTree.Element) -> str:
    ElementTree.indent(root)
    return _HEAD + ElementTree.tostring(root, encoding="unicode") + "\n"
