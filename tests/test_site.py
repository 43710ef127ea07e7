"""The real pages, built once from the committed results, read as a reader would."""

import functools
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pypdf import PdfReader

from analysis.paper import values
from analysis.project.files import root
from analysis.provenance import shown
from analysis.site.builtin import tree
from analysis.study import results
from tests.conftest import malformed
from tests.site import looks

pytestmark = pytest.mark.slow


def built(copy: Path) -> Path:
    """``_site`` of a copy of the project with an empty cache: only committed results."""
    for name in ("data", "report"):
        unwanted = shutil.ignore_patterns("cache", "made")
        shutil.copytree(root() / name, copy / name, ignore=unwanted)
    for name in ("_quarto.yml", "pyproject.toml", "CITATION.cff"):
        shutil.copy(root() / name, copy)
    render(copy)
    return copy / "_site"


def render(copy: Path) -> str:
    """Build the site of the copy; what the build says of it."""
    said = {
        "ANALYSIS_ROOT": str(copy), "ANALYSIS_CACHE": str(copy / "empty"),
        "ANALYSIS_COMPUTE": "never", "PYTHONPATH": str(root()),
    }  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if k != "ANALYSIS_STUDY"} | said
    command = [sys.executable, "-m", "analysis", "render", "--renderer", "builtin"]
    done = subprocess.run(
        command, cwd=copy, env=environment, check=True, stderr=subprocess.PIPE, text=True
    )
    return done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("project"))


class Page:
    """Text, pictures and what is loaded, of a page."""

    def __init__(self, path: Path) -> None:
        html = path.read_text(encoding="utf-8")
        self.text = " ".join(unescape(re.sub("<[^>]*>", "", html)).split())
        whole = tree.read(html)
        loads = whole.all("img", "script", "audio", "link", "source")
        self.addresses = [address for one in loads for address in one.addresses()]
        self.alts = [one.attributes.get("alt") for one in whole.all("img")]


def test_tree(site: Path) -> None:
    for name in (
        "index.html",
        "report/index.html",
        "report/paper.html",
        "report/paper.pdf",
        "report/reproduce.html",
    ):
        assert (site / name).is_file(), name
    assert "report/index.html" in (site / "index.html").read_text()


def test_an_edit_of_a_paragraph_runs_nothing(site: Path) -> None:
    page, built_page = site.parent / "report" / "index.qmd", site / "report" / "index.html"
    text = page.read_text(encoding="utf-8")
    page.write_text(f"{text}\nA paragraph more.\n", encoding="utf-8")
    told = render(site.parent)
    assert "running its cells" not in told
    assert "A paragraph more." in built_page.read_text(encoding="utf-8")


def test_html_is_well_formed(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) == 1 + len(list((root() / "report").glob("[!_]*.qmd")))
    for page in pages:
        assert malformed(page.read_text(encoding="utf-8")) == [], page.name


def test_every_figure_says_how_it_was_made(site: Path) -> None:
    pages = [site / "report" / f"{name}.html" for name in ("paper", "index")]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    account = json.loads((site / "provenance.json").read_text(encoding="utf-8"))
    assert set(account["figures"]) == set(shown.figures())
    assert set(account["tables"]) == set(shown.tables())
    for label, figure in account["figures"].items():
        assert f'id="{label}"' in text
        for kind in ("svg", "png", "csv"):
            file = site / figure[kind]
            assert file.stat().st_size > 100
            assert f'href="made/{file.name}"' in text, "the page links to each form"
        assert hashlib.sha256((site / figure["svg"]).read_bytes()).hexdigest() == figure["sha256"]
        assert figure["function"] in text


def test_hovering_a_number_names_its_result(site: Path) -> None:
    text = (site / "report" / "paper.html").read_text(encoding="utf-8")
    values_shown = re.findall(r'<span class="value" title="(\w+): [^"]+">([^<]+)</span>', text)
    account = json.loads((site / "provenance.json").read_text(encoding="utf-8"))["values"]
    assert len(values_shown) > 50
    for name, text_shown in values_shown:
        assert unescape(text_shown) == account[name]["text"]


def test_programs_find_copies(site: Path) -> None:
    listed = (site / "llms.txt").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", listed):
        assert (site / target).is_file(), target
    assert "(report/index.llms.md)" in listed
    assert "(provenance.json)" in listed


def test_nothing_comes_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        outside = [
            a for a in Page(path).addresses if re.match(r"[a-z]+:|//", a) and "data:" not in a
        ]
        assert outside == [], path.name


def test_every_picture_has_an_alternative(site: Path) -> None:
    alts = Page(site / "report" / "paper.html").alts
    assert len(alts) >= 13
    assert all(alts)


def test_the_paper_is_short_and_html_equals_pdf(site: Path) -> None:
    text = Page(site / "report" / "paper.html").text.replace("\u00a0", " ")
    pages = PdfReader(site / "report" / "paper.pdf").pages
    each = [" ".join(page.extract_text().split()).replace("\u00a0", " ") for page in pages]
    abstract = text.split("Abstract #")[1].split("Introduction #")[0]
    assert 80 < len(abstract.split()) <= 150
    assert len(re.findall(r"\b\d+(?:\.\d+)?\b", abstract)) <= 8 + 1  # the next heading's
    v = values.of(results.load("bundled"))
    for name in ("shift_taef2", "interval_taef2", "least_taef2", "most_taef2"):
        value = getattr(v, name).replace("\u00a0", " ")
        assert value in abstract
        assert value in " ".join(each)
    main = text.split("Introduction #")[1].split("Appendix: how it is measured #")[0]
    assert len(main.split()) <= 5000 * 1.15  # the figures' own records and alternatives beside it
    for kind, most in (("Figure", 12), ("Table", 4)):
        assert len(set(re.findall(rf"{kind} \d+(?=:)", main))) <= most
    (first,) = [n for n, page in enumerate(each) if re.search(r"\d+ Appendix: how it is", page)][:1]
    assert first <= 14, "pages of main text"
    numbered = set(re.findall(r"(?:Figure|Table) \d+(?=:)", text))
    assert len(numbered) >= 17
    assert numbered <= set(re.findall(r"(?:Figure|Table) \d+", " ".join(each)))
    assert "committed results" in text, "the page must say that nothing was computed here"


def test_recordings_are_shipped(site: Path) -> None:
    sources = [a for a in Page(site / "report" / "paper.html").addresses if a.endswith(".wav")]
    assert len(sources) == 2
    for source in sources:
        assert (site / "report" / source).resolve().read_bytes()[:4] == b"RIFF"


def weights(path: Path, *, packed: bool) -> dict[str, int]:
    """Bytes of a page and of what it loads, by file; what its styles load too.

    Of a figure's four drawings (wide and narrow, light and dark) a browser loads one.
    """
    loads = [a for a in Page(path).addresses if not re.search(r"^data:|\.(dark|narrow)\.", a)]
    needed = {path, *(path.parent / a for a in loads)}
    needed |= {
        (style.parent / url)
        for style in [file for file in needed if file.suffix == ".css"]
        for url in re.findall(r'url\("?([^")]+)"?\)', style.read_text(encoding="utf-8"))
    }
    return {os.path.normpath(file): size(Path(file).read_bytes(), packed) for file in needed}


def size(content: bytes, packed: bool) -> int:
    """Bytes; packed, as a server sends them: never more, for what is compressed already."""
    return min(len(content), len(gzip.compress(content))) if packed else len(content)


def test_pages_are_light(site: Path) -> None:
    for path in sorted((site / "report").glob("*.html")):
        found = weights(path, packed=True)
        assert sum(found.values()) < 3_000_000, found
        found = weights(path, packed=False)
        # Images wait until they are near and recordings until they are played.
        pictures = (".svg", ".png", ".webp", ".jpg", ".wav")
        first = sum(size for name, size in found.items() if not name.endswith(pictures))
        assert first < 900_000, found  # most of it the reference's text
        images = re.findall(r"<img[^>]*>", path.read_text(encoding="utf-8"))
        assert all('loading="lazy"' in image for image in images)


@pytest.mark.parametrize("width", looks.WIDTHS)
@pytest.mark.parametrize("name", sorted(page.stem for page in (root() / "report").glob("*.qmd")))
def test_nothing_is_wrong_in_a_browser(browser, axe, site: Path, name: str, width: int) -> None:
    for scheme in looks.SCHEMES:
        page = f"file://{site}/report/{name}.html"
        assert looks.faults(browser, page, width, scheme) == [], scheme


def test_a_phone_s_first_screen_has_the_answer_and_its_figure(browser, site: Path) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.goto(f"file://{site}/report/index.html")
    answer = page.locator(".lead").bounding_box()
    (figure,) = [one for one in page.locator("figure img").all() if one.is_visible()][:1]
    box = figure.bounding_box()
    assert answer["y"] + answer["height"] < box["y"]
    # On a phone the ladder stands above the curves: its rungs and numbers are read at once.
    assert box["y"] + 0.45 * box["height"] < 740, "the figure can be read before scrolling"
    assert box["width"] <= 360
    v = values.of(results.load("bundled"))
    assert v.shift_taef2 in page.locator(".lead").inner_text()
    page.close()


def test_a_question_finds_the_answer(browser, site: Path) -> None:
    page = browser.new_page()
    page.goto(f"file://{site}/report/paper.html")
    page.keyboard.press("/")
    page.get_by_role("combobox").fill("which shift should I use?")
    first = page.get_by_role("option").first
    first.wait_for()
    assert "Which shift should I use?" in first.inner_text()
    page.close()


# What somebody's title could hold if it were shown unescaped: none of it may run.
PLANTED = """<img src="none.png" onerror="window.ran = 1"><script>window.ran = 2</script>
<svg onload="window.ran = 3"></svg><button id="planted" onclick="window.ran = 4">x</button>"""


@pytest.mark.parametrize("served", [False, True])
def test_no_page_runs_what_is_not_the_site_s(browser, site: Path, served: bool) -> None:
    handler = functools.partial(Quiet, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}" if served else f"file://{site}"
        context = browser.new_context()
        context.add_init_script(
            "window.refused = []; document.addEventListener('securitypolicyviolation',"
            "event => window.refused.push([event.violatedDirective, event.blockedURI]))"
        )
        page = context.new_page()
        page.goto(f"{base}/index.html")
        page.wait_for_url("**/report/*.html")
        for path in sorted((site / "report").rglob("*.html")):
            page.goto(f"{base}/{path.relative_to(site).as_posix()}")
            page.keyboard.press("/")  # the index is a script that is loaded now
            page.get_by_role("combobox", name="Search").fill("shift")
            page.locator("#search-results [role=option]").first.wait_for()
            page.keyboard.press("Escape")
            page.locator("#theme").click()
            assert page.evaluate("document.fonts.ready.then(() => window.refused)") == [], path.name
        path = site / "report" / "index.html"
        text = path.read_text(encoding="utf-8")
        body = '<main id="content">'
        assert body in text
        planted = path.with_name("planted.html")
        planted.write_text(text.replace(body, body + PLANTED), encoding="utf-8")
        try:
            page.goto(f"{base}/report/planted.html")
            page.locator("#planted").click()
            of_handlers = "window.refused.filter(([what]) => what === 'script-src-attr').length"
            page.wait_for_function(f"{of_handlers} >= 3")  # an image's comes when it has failed
            refused = page.evaluate("window.refused.map(([what]) => what)")
            assert page.evaluate("window.ran") is None
            assert refused.count("script-src-attr") == 3 and "script-src-elem" in refused
            # A page without a policy runs it: the test can fail.
            bare = re.sub("<meta http-equiv[^>]*>", "", planted.read_text(encoding="utf-8"))
            planted.write_text(bare, encoding="utf-8")
            page.goto(f"{base}/report/planted.html?bare")  # not what the browser has kept
            page.locator("#planted").click()
            page.wait_for_function("window.ran === 4")
        finally:
            planted.unlink()
        context.close()
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


def test_recordings_play(browser, site: Path) -> None:
    page = browser.new_page()
    page.goto(f"file://{site}/report/paper.html")
    seconds = page.evaluate(
        """() => Promise.all([...document.querySelectorAll("audio")].map(audio =>
            new Promise((done, fail) => {
                audio.onloadedmetadata = () => done(audio.duration);
                audio.onerror = () => fail(audio.error.message);
                audio.preload = "metadata"; audio.load();
            })))"""
    )
    assert seconds == pytest.approx([3.0, 3.0], abs=0.01)
    page.close()


def test_tables_fit_a_desktop(browser, site: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"file://{site}/report/paper.html")
    wide = """[...document.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth)
        .map(e => e.closest("figure")?.id)"""
    assert page.evaluate(wide) == []
    page.close()
