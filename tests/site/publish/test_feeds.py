"""The feed and the sitemap, read with a parser of XML as their readers do."""

from xml.etree import ElementTree

from analysis.site.publish import feeds
from analysis.site.publish.changes import Change
from analysis.site.publish.versions import Published

URL = "https://example.org/a paper/".replace(" ", "-")
NAMES = {"a": feeds.ATOM, "s": feeds.SITEMAP}


def one(name: str, date: str) -> Published:
    return Published(
        name=name, date=date, commit="", site="", title="T", author="A. Author",
        first="report/index.html", pages=("report/index.html", "report/use it.html"),
        pdf=(f"report/paper-{name}.pdf",),
    )  # fmt: skip


FOUND = [
    one("dev", "2026-12-31T00:00:00Z"),
    one("0.1", "2026-11-01T00:00:00Z"),
    one("0.10", "2026-12-01T00:00:00Z"),
    one("0.9", "2026-11-20T00:00:00Z"),
]
CHANGE = Change("0.9", "0.10", (), (), 4, 2)
TO_DEV = Change("0.10", "dev", (), (), 4, 2)


def test_atom() -> None:
    root = ElementTree.fromstring(feeds.atom(FOUND, [CHANGE, TO_DEV], URL, "Noise & <signal>"))
    text = lambda path, of=root: of.findtext(path, namespaces=NAMES)  # noqa: E731
    assert root.tag == f"{{{feeds.ATOM}}}feed"
    assert text("a:title") == "Noise & <signal>"
    assert text("a:updated") == "2026-12-01T00:00:00Z"  # dev is no entry
    assert text("a:author/a:name") == "A. Author"
    entries = root.findall("a:entry", NAMES)
    ids = [text("a:id", entry) for entry in entries]
    assert ids == [f"{URL}0.10/", f"{URL}0.9/", f"{URL}0.1/"]
    links = {link.get("rel"): link.get("href") for link in entries[0].findall("a:link", NAMES)}
    assert links == {
        "alternate": f"{URL}0.10/report/index.html",
        "enclosure": f"{URL}0.10/report/paper-0.10.pdf",
        "related": f"{URL}changes/0.9...0.10.html",
    }
    said = [text("a:summary", entry) for entry in entries]
    assert said[0] == "Since version 0.9: No value and no figure differs."
    assert said[1:] == ["A new version.", "The first version."]
    # what RFC 4287 (section 4.1) asks of a feed and of an entry
    for element in (root, *entries):
        for name in ("id", "title", "updated"):
            assert len(element.findall(f"a:{name}", NAMES)) == 1


def test_a_feed_without_releases_is_one() -> None:
    root = ElementTree.fromstring(feeds.atom([FOUND[0]], [], URL, "T"))
    assert root.findall("a:entry", NAMES) == []
    assert root.findtext("a:updated", namespaces=NAMES)


def test_sitemap() -> None:
    root = ElementTree.fromstring(feeds.sitemap(FOUND, [CHANGE, TO_DEV], URL))
    rows = {
        entry.findtext("s:loc", namespaces=NAMES): entry.findtext("s:lastmod", namespaces=NAMES)
        for entry in root.findall("s:url", NAMES)
    }
    assert rows.pop(f"{URL}versions.html") == "2026-12-01T00:00:00Z"
    assert rows.pop(f"{URL}changes/0.9...0.10.html") == "2026-12-01T00:00:00Z"
    assert rows.pop(f"{URL}0.9/report/use%20it.html") == "2026-11-20T00:00:00Z"
    assert len(rows) == 5 and all(f"{URL}0." in str(loc) for loc in rows)
    empty = ElementTree.fromstring(feeds.sitemap([], [], URL))
    assert [entry.findtext("s:lastmod", namespaces=NAMES) for entry in empty] == [None]


def test_robots_are_told_at_the_root_of_a_server_only() -> None:
    assert feeds.robots("https://example.org/paper/") is None
    text = str(feeds.robots("https://example.org/"))
    assert "Sitemap: https://example.org/sitemap.xml\n" in text
    assert "Disallow: /dev/\n" in text
