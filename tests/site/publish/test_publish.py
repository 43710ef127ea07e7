"""Versions side by side: what is written, what is never touched, what is refused; in Chromium."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.project import placement
from analysis.project.errors import AnalysisError, InputError
from analysis.provenance import account
from analysis.site import links
from analysis.site.publish.publish import page, publish
from analysis.site.publish.versions import Published
from tests.conftest import malformed

SHARED = {
    "index.html", "versions.json", "versions.js", "versions.css", "versions.html", "site.css",
    ".nojekyll",
}  # fmt: skip
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="author" content="A. Author"><link rel="stylesheet" href="style.css"></head>
<body><a class="skip" href="#content">Skip</a><header><a href="../index.html">Home</a></header>
<main id="content"><h1 id="top-heading">{title}</h1><p>{text}</p>
<p><a href="paper.pdf">PDF</a></p><img src="made/fig-raps.svg" alt="a square"></main>
</body></html>
"""
REDIRECT = (
    '<!DOCTYPE html><html lang="en"><head><title>On</title>'
    '<meta http-equiv="refresh" content="0; url=report/index.html"></head>'
    '<body><a href="report/index.html">On</a></body></html>\n'
)
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 {side}">'
    '<rect width="40" height="{side}"/></svg>\n'
)
Build = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Build a tiny site of a version, as a renderer and `provenance` leave it; the project."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    root = tmp_path / "project"
    (root / "data" / "studies").mkdir(parents=True)
    (root / "_quarto.yml").write_text('website:\n  title: "Spectra"\n')

    def built(version: str, text: str = "", side: int = 20, extra: str = "") -> Path:
        site = root / "_site"
        shutil.rmtree(site, ignore_errors=True)
        (site / "report" / "made").mkdir(parents=True)
        (site / "index.html").write_text(REDIRECT)
        for name in ["index", "use", *extra.split()]:
            page = PAGE.format(title=f"The {name} page", text=text or f"of {version}")
            (site / "report" / f"{name}.html").write_text(page)
        (site / "report" / "paper.pdf").write_bytes(f"%PDF-1.7 of {version}".encode())
        (site / "report" / "style.css").write_text("body { background: #fff; color: #222; }")
        svg = SVG.format(side=side)
        (site / "report" / "made" / "fig-raps.svg").write_text(svg)
        content = {
            "version": version,
            "commit": hashlib.sha1(version.encode()).hexdigest(),
            "values": {"shift": {"text": f"1.{side}", "meaning": "the shift", "source": "x.json"}},
            "figures": {"fig-raps": {"svg": "report/made/fig-raps.svg"}},
        }
        (site / "provenance.json").write_text(json.dumps(content))
        return root

    return built


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def state(folder: Path) -> dict[str, tuple[str, int]]:
    """Of every file what is in it and when it was written."""
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def listing(out: Path) -> dict:
    return json.loads((out / "versions.json").read_text())


# What is written ------------------------------------------------------------------------------


def test_the_first_version(build: Build, out: Path) -> None:
    done = publish(build("0.1.0"), out, "v0.1")
    assert done.name == "0.1.0"
    assert set(done.written) == {"0.1.0", "latest", *SHARED} == {p.name for p in out.iterdir()}
    assert (out / "0.1.0/report/paper.pdf").read_bytes() == b"%PDF-1.7 of 0.1.0"
    assert "canonical" not in (out / "0.1.0/report/index.html").read_text()
    assert (out / "0.1.0/index.html").read_text() == REDIRECT
    assert "url=latest/index.html" in (out / "index.html").read_text()
    found = listing(out)
    assert found["latest"] == "0.1.0"
    (one,) = found["versions"]
    assert one["kind"] == "newest" and one["date"] == "2023-11-14T22:13:20Z"
    assert one["pages"] == ["index.html", "report/index.html", "report/use.html"]
    assert one["pdf"] == ["report/paper.pdf"]
    script = (out / "versions.js").read_text()
    data = script.partition("globalThis.timestepSpectraVersions = ")[2]
    assert json.JSONDecoder().raw_decode(data)[0] == found


def test_versions_side_by_side(build: Build, out: Path) -> None:
    for version in ("0.1.0", "0.2.0"):
        publish(build(version, side=int(version[2]) * 10), out, version)
    publish(build("0.3.0", side=20), out, "dev")
    assert [(one["name"], one["kind"]) for one in listing(out)["versions"]] == [
        ("0.2.0", "newest"), ("0.1.0", "old"), ("dev", "dev"),
    ]  # fmt: skip
    text = (out / "versions.html").read_text()
    assert "<td>1.10</td><td>1.20</td><td>+0.10</td>" in text
    assert 'src="0.1.0/report/made/fig-raps.svg"' in text
    assert "1 value and 1 figure differ from 0.1.0" in text
    assert "No value and no figure differs from 0.2.0" in text  # of dev
    assert placement.digest(out / "latest") == placement.digest(out / "0.2.0")
    assert links.broken(out) == []
    for path in out.rglob("*.html"):
        assert malformed(path.read_text(encoding="utf-8")) == [], path
    # that check can complain
    (out / "0.1.0" / "report" / "use.html").unlink()
    (out / "0.1.0" / "index.html").unlink()
    assert len(links.broken(out)) >= 2


ONE = Published("0.2", "2026-11-23T01:02:03Z", "be0c0ff" + 33 * "0", "digest")


def test_the_strip_follows_the_skip_link() -> None:
    text = PAGE.format(title="T", text="t")
    done = page(text, "report/index.html", ONE, "")
    strip = done[done.index("<nav class") : done.index("</nav>")]
    assert done.index('class="skip"') < done.index(strip) < done.index("<header>")
    assert 'data-version="0.2" data-page="report/index.html" data-root="../../"' in strip
    assert "Version 0.2" in strip and "be0c0ff<" in strip and "2026-11-23<" in strip
    assert done.index("</nav>") < done.index('<script src="../../versions.js">')
    assert '<link rel="stylesheet" href="../../versions.css">' in done[: done.index("</head>")]
    assert "noindex" not in done
    dev = page(text, "a.html", Published("dev", "2026", "", ""), "")
    assert '<meta name="robots" content="noindex">' in dev
    assert "Working state" in dev and "commit" not in dev and 'data-root="../"' in dev
    bare = page("<head></head><body>\n<main><header></header></main></body>", "a.html", ONE, "")
    assert bare.index("<body>") < bare.index("version-strip") < bare.index("<main>")
    for none in ("no page", REDIRECT, '<meta http-equiv="refresh" content="0;URL=\'a\'" /><body>'):
        assert page(none, "index.html", ONE, "https://example.org/") == none


def test_no_other_version_is_touched(build: Build, out: Path) -> None:
    for version in ("0.1.0", "0.2.0"):
        publish(build(version), out, version)
    publish(build("0.2.1"), out, "dev")
    before = state(out)
    publish(build("0.3.0", side=30), out, "0.3.0")
    publish(build("0.2.0", text="corrected"), out, "0.2.0", force=True)
    after = state(out)
    kept = [name for name in before if name.split("/")[0] in ("0.1.0", "dev")]
    assert len(kept) == 16
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert after["0.2.0/report/use.html"] != before["0.2.0/report/use.html"]
    assert after["0.2.0/report/made/fig-raps.svg"] != before["0.2.0/report/made/fig-raps.svg"]


def test_pre_releases_are_not_the_latest(build: Build, out: Path) -> None:
    publish(build("0.1rc1"), out, "0.1rc1")
    assert listing(out)["latest"] is None and not (out / "latest").exists()
    assert "url=0.1rc1/index.html" in (out / "index.html").read_text()
    publish(build("0.1rc2"), out, "dev")
    assert "url=dev/index.html" in (out / "index.html").read_text()
    publish(build("0.1"), out, "0.1")
    publish(build("0.2a1"), out, "0.2a1")
    assert "url=latest/index.html" in (out / "index.html").read_text()
    assert json.loads((out / "latest" / "version.json").read_text())["name"] == "0.1"
    publish(build("0.0.9"), out, "0.0.9")  # of an older line: not the newest either
    assert listing(out)["latest"] == "0.1"


def test_where_the_address_is_known(build: Build, out: Path) -> None:
    root = build("0.1", text="see https://example.org/p/report/paper.pdf")
    (root / "_quarto.yml").write_text('website:\n  site-url: "https://example.org/p"\n')
    publish(root, out, "0.1")
    text = (out / "latest" / "report" / "use.html").read_text()
    assert '<link rel="canonical" href="https://example.org/p/0.1/report/use.html">' in text
    assert "see https://example.org/p/0.1/report/paper.pdf" in text


def test_the_crate_describes_the_files_that_are_published(build: Build, out: Path) -> None:
    root = build("0.1")
    graph = [
        {"@id": "./", "@type": "Dataset"},
        {"@id": "report/paper.pdf", "@type": "File", "sha256": "of the built one"},
    ]
    (root / "_site" / account.CRATE).write_text(json.dumps({"@graph": graph}))
    publish(root, out, "0.1")
    found = json.loads((out / "0.1" / account.CRATE).read_text())["@graph"]
    files = {one["@id"]: one["sha256"] for one in found if one["@type"] == "File"}
    there = {path for path in state(out / "0.1") if path != account.CRATE}
    assert files.keys() == there
    for name, digest in files.items():
        assert hashlib.sha256((out / "0.1" / name).read_bytes()).hexdigest() == digest


# Again ----------------------------------------------------------------------------------------


def test_what_others_put_beside_the_versions_stays(build: Build, out: Path) -> None:
    publish(build("0.1.0"), out, "0.1.0")
    foreign = ["robots.txt", "sitemap.xml", "changes/feed.xml", "latest/CNAME", "latest/a/b.txt"]
    for name in foreign:
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text(f"somebody's {name}")
    before = state(out)
    publish(build("0.1.0", "again"), out, "0.1.0", force=True)
    publish(build("0.2.0", extra="more"), out, "0.2.0")
    publish(build("0.3.0"), out, "dev")
    after = state(out)
    assert {name: after[name][0] for name in foreign} == {name: before[name][0] for name in foreign}
    assert (out / "latest" / "report" / "more.html").is_file()
    publish(build("0.3.0"), out, "0.3.0")
    assert not (out / "latest" / "report" / "more.html").exists(), "which was the version's own"
    assert publish(build("0.3.0"), out, "0.3.0").written == ()
    (out / "latest" / "report" / "new.html").write_text("mine")
    with pytest.raises(InputError, match=r"new\.html was not written by publish, and would be now"):
        publish(build("0.4.0", extra="new"), out, "0.4.0")
    assert (out / "latest" / "report" / "new.html").read_text() == "mine"


@pytest.mark.parametrize("name", ["0.1", "dev"])
@pytest.mark.parametrize("force", [False, True])
def test_the_same_again_changes_nothing(
    build: Build, out: Path, monkeypatch: pytest.MonkeyPatch, name: str, force: bool
) -> None:
    publish(build("0.1"), out, name)
    before = state(out)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")  # later
    assert publish(build("0.1"), out, name, force=force).written == ()
    assert state(out) == before
    for lost in SHARED:
        (out / lost).unlink()
    assert set(publish(build("0.1"), out, name, force=force).written) == SHARED
    assert state(out).keys() == before.keys()


def test_another_content_is_refused_unless_forced(build: Build, out: Path) -> None:
    publish(build("0.1"), out, "0.1")
    before = state(out)
    root = build("0.1", text="other")
    with pytest.raises(InputError, match=r"0\.1 is published already, with another.*--force"):
        publish(root, out, "0.1")
    assert state(out) == before
    assert set(publish(root, out, "0.1", force=True).written) >= {"0.1", "latest"}
    assert "other" in (out / "latest" / "report" / "use.html").read_text()


# Refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "to", "message"),
    [
        ("0.2", "out", r"was built as version 0\.1, not 0\.2"),
        ("nightly", "out", "'nightly' is no version"),
        ("0.1", "_site/out", "lie in each other"),
        ("dev", ".", "lie in each other"),
    ],
)
def test_what_may_not_be_published(build: Build, name: str, to: str, message: str) -> None:
    root = build("0.1")
    with pytest.raises(InputError, match=message):
        publish(root, root / to, name)
    assert not (root / "out").exists()
    shutil.rmtree(root / "_site")
    with pytest.raises(InputError, match="no site in _site: run"):
        publish(root, root / "out", name)


@pytest.mark.parametrize("name", ["index.html", "0.1/mine.txt", "latest/a"])
def test_what_is_somebody_elses_is_left(build: Build, out: Path, name: str) -> None:
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")
    (out / "README.md").write_text("mine too")
    with pytest.raises(InputError, match="was not written by publish: give an empty folder"):
        publish(build("0.1"), out, "0.1")
    assert (out / name).read_text() == "mine"
    (out / name).unlink()
    for folder in {out / name.split("/")[0]} & set(out.iterdir()):
        folder.rmdir()
    publish(build("0.1"), out, "0.1")  # what has another name does not matter
    assert (out / "README.md").read_text() == "mine too"


# In a browser ---------------------------------------------------------------------------------


@pytest.fixture
def site(build: Build, out: Path) -> Path:
    """Two releases, a pre-release and the working state; 0.2.0 has one page more."""
    publish(build("0.1.0", side=10), out, "0.1.0")
    publish(build("0.2.0", side=20, extra="more"), out, "0.2.0")
    publish(build("0.3.0rc1"), out, "0.3.0rc1")
    publish(build("0.3.0rc1"), out, "dev")
    return out


def visit(context, path: Path):
    """A page, and what it complained of."""
    page, errors = context.new_page(), []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("requestfailed", lambda request: errors.append(request.url))
    page.goto(f"file://{path}")
    return page, errors


def test_the_switcher_by_keyboard(browser, site: Path) -> None:
    page, errors = visit(browser, site / "versions.html")
    page.close()
    assert errors == []  # under its policy, which allows its one script and no other
    assert "Content-Security-Policy" in (site / "index.html").read_text()
    page, errors = visit(browser, site / "0.1.0" / "report" / "use.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert "Version 0.1.0" in page.evaluate("document.activeElement.innerText")
    menu = page.locator(".version-menu")
    for key, opened in (("Enter", True), ("Escape", False), ("Space", True)):
        page.keyboard.press(key)
        assert menu.evaluate("menu => menu.open") == opened
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    navigation = page.get_by_role("navigation", name="Version")
    assert navigation.get_by_role("listitem").all_inner_texts() == [
        "0.3.0rc1 (pre-release)", "0.2.0 (newest)", "0.1.0", "working state", "All versions",
    ]  # fmt: skip
    assert menu.locator("[aria-current]").inner_text() == "0.1.0"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"file://{site}/0.2.0/report/use.html")
    assert page.locator("h1").inner_text() == "The use page"
    # a page that is not in the other version leads to its first one
    page.goto(f"file://{site}/0.2.0/report/more.html")
    page.locator(".version-menu summary").click()
    page.get_by_role("link", name="0.1.0").click()
    page.wait_for_url(f"file://{site}/0.1.0/report/index.html")
    assert errors == []
    page.close()


def test_two_do_not_publish_at_the_same_time(build: Build, tmp_path: Path) -> None:
    root, to = build("0.1"), tmp_path / "public"
    with (
        placement.alone(to, lambda: None),
        pytest.raises(AnalysisError, match="another process is publishing"),
    ):
        publish(root, to, "dev")
