"""What stands in pages: data as they are, and no fault of a page that passes in silence."""

import html
import json
import os
import re
from pathlib import Path
from typing import Any

from PIL import Image
from pypdf import PdfReader

from tests.conftest import synthetic_photograph
from tests.standins import fresh

HEAD = "---\ntitle: A page\nformat: {html: default, typst: {output-file: page.pdf}}\n---\n\n"
# File names, as bytes, and how they are shown: as they are, but for what no page can show.
NAMES = {
    b"_DSC0001_.jpg": "_DSC0001_.jpg",
    b"img *x*.jpg": "img *x*.jpg",
    b"<b>bold.jpg": "<b>bold.jpg",
    b"caf\xe9.jpg": r"caf\xe9.jpg",
    b"new\nline.png": r"new\nline.png",
    b"q\"uo'te.jpg": "q\"uo'te.jpg",
    b'#read("x").jpg': '#read("x").jpg',
    b"$x$.png": "$x$.png",
    b"@you.png": "@you.png",
    b"- [x](javascript:y).png": "- [x](javascript:y).png",
    b"[x]{onmouseover=y}.png": "[x]{onmouseover=y}.png",
    b"a|b `c` \\d.png": r"a|b `c` \d.png",
    b"{{< meta x >}} ::: [^1].png": "{{< meta x >}} ::: [^1].png",
    b"&amp; a--b...png": "&amp; a--b...png",
    "\u202eemoji 😀 尺 مرحبا.png".encode(): r"\u202eemoji 😀 尺 مرحبا.png",
}
TITLE = 'My *own* <b>study</b>, $x$, `c`, #read("x"), [^1]'
CARD = "[d](../.git/config) | <script>y()</script> @you {{< meta title >}}"
RULE = "= [x]{onmouseover='y()'} $r$"
STUDY = """
title = '''TITLE'''
caution = "Look *out* for [x](javascript:y) and <b>."
images = '''FOLDER'''
encoders = ["pixel", "linear-f8c16"]
display_encoder = "linear-f8c16"
resolutions = [64, 128]
bands = {first_ring = 1, low = 0.5, middle = 0.75}
"""
MEASURE = """() => {
    const box = document.getElementById("popover"), at = box.getBoundingClientRect();
    const cut = [box, ...box.querySelectorAll("*")].filter(one =>
        one.namespaceURI.endsWith("xhtml") && getComputedStyle(one).display !== "inline"
        && one.scrollWidth > one.clientWidth + 1
        && !["auto", "scroll"].includes(getComputedStyle(one).overflowX));
    return [box.hidden, at.left >= 0 && at.right <= document.documentElement.clientWidth,
            cut.map(one => one.className)];
}"""


def only(user: fresh.User, **pages: str) -> None:
    """These pages and no others, without cells, so that a build takes little."""
    for path in (user.project / "report").glob("*.qmd"):
        path.unlink()
    for name, text in pages.items():
        user.write(f"report/{name}.qmd", HEAD + text)
    settings = (user.project / "_quarto.yml").read_text(encoding="utf-8")
    settings = re.sub(r"  navbar:\n.*?(?=  page-footer)", "", settings, flags=re.DOTALL)
    user.write("_quarto.yml", settings)


def test_faults_of_pages_are_told_with_file_and_line(user: fresh.User) -> None:
    only(
        user,
        a="A note.[^1]\n\n[x](javascript:y)\n\n[x](../.git/config)\n\n[x]{onmouseover='y()'}\n",
        b="```python\nx = 1  # <1>\n```\n\nNo list.\n",
    )
    told = user.run("check")
    assert told.code != 0
    for line in (
        "a.qmd:6: the footnote [^1] is defined nowhere",
        "a.qmd:8: a link leads to http, https, mailto or a file of the site",
        "a.qmd:10: ../.git/config is hidden: it can't be part of the site",
        "a.qmd:12: unknown attribute 'onmouseover' of a span",
        "b.qmd:7: annotated code is outside the subset",
    ):
        assert line in told.all, told.all


def test_a_dead_anchor_is_told_before_the_pdf_is_set(user: fresh.User) -> None:
    only(user, a="## A {#sec-a}\n\n[alive](#sec-a)\n\n[dead](#sec-b)\n")
    told = user.run("build", "--renderer", "builtin")
    assert told.code != 0
    assert "a.qmd:10: nothing on this page has the id 'sec-b'" in told.err
    assert "label" not in told.err and fresh.TRACEBACK not in told.err


def test_a_project_in_a_folder_that_is_not_ascii_and_its_equations(
    tmp_path: Path, browser: Any
) -> None:
    (tmp_path / "home").mkdir()
    user = fresh.User(fresh.copy(tmp_path / "Größe 尺"), tmp_path / "home")
    parts = sorted((user.project / "report" / "paper").glob("_*.qmd"))
    paper = "\n".join(part.read_text(encoding="utf-8") for part in parts)
    equations = re.findall(r"^\$\$.*?\$\$ \{#(eq-[\w-]+)", paper, re.DOTALL | re.MULTILINE)
    bodies = re.findall(r"^\$\$.*?\$\$ \{#eq-[^\n]*\}$", paper, re.DOTALL | re.MULTILINE)
    assert len(equations) == len(bodies) > 40
    named = " ".join(f"@{label}" for label in equations)
    only(user, a="\n\n".join([f"As in @esser2024scaling: {named}", *bodies]) + "\n")
    told = user.run("build", "--renderer", "builtin", LC_ALL="POSIX")
    assert told.code == 0, told.err
    site = user.project / "_site" / "report"
    assert (site / "page.pdf").is_file()
    for width, scheme in ((1280, "light"), (360, "dark")):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page.goto((site / "a.html").as_uri())
        page.keyboard.press("Tab")  # focus is shown to those who use the keyboard
        for label in equations:
            page.locator(f"a.quarto-xref[href='#{label}']").focus()
            assert page.evaluate(MEASURE) == [False, True, []], (label, width)
        page.close()


def words(text: str) -> str:
    """A text without its white space, which lines of a PDF break."""
    return "".join(text.replace("\ufffd", "").split())


def cells(page: str) -> set[str]:
    """What the cells of a page's tables show; none of these has an element in it."""
    return {html.unescape(one).strip() for one in re.findall(r"<td[^>]*>([^<]*)</td>", page)}


def test_data_are_shown_as_they_are_and_no_home_path_is(user: fresh.User, tmp_path: Path) -> None:
    folder = tmp_path / "away" / "my pictures"
    folder.mkdir(parents=True)
    for number, name in enumerate(NAMES):
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            picture = Image.fromarray(synthetic_photograph(number, 140))
            picture.save(file, "PNG" if name.endswith(b"png") else "JPEG")
    user.write(
        "data/studies/mine.toml", STUDY.replace("TITLE", TITLE).replace("FOLDER", str(folder))
    )
    user.edit("data/encoders.toml", "TAEF2, tiny encoder distilled from FLUX.2's", CARD)
    user.edit("data/literature/shift_rules.csv", '"SD3, derived rule"', RULE)
    computed = user.run("compute", "--study", "mine")
    assert computed.code == 0, computed.all
    built = user.run("build", "--study", "mine", "--renderer", "builtin")
    assert built.code == 0, built.err
    assert "the PDF shows \ufffd, as its fonts lack 尺😀" in built.err
    site = user.project / "_site"
    shown = {"paper": ("paper", (CARD, f"{RULE} (2024)")), "study": ("study", NAMES.values())}
    for name, (paper, texts) in shown.items():
        page = (site / "report" / f"{name}.html").read_text(encoding="utf-8")
        pages = PdfReader(site / "report" / f"{paper}.pdf").pages
        printed = words("".join(one.extract_text() for one in pages))
        for text in texts:
            assert text in cells(page), text
            assert words(text.replace("😀", "").replace("尺", "")) in printed, text
        assert re.search(r"<[^>]*(onmouseover|javascript:|\.git/config)", page) is None
    assert TITLE in html.unescape(page)
    assert words(TITLE) in printed
    assert not [path for path in site.rglob("*") if ".git" in path.parts]
    drawn = (site / "report" / "made" / "mine" / "fig-deviation.csv").read_text(encoding="utf-8")
    assert ",_DSC0001_.jpg," in drawn and ",$x$.png," in drawn
    account = json.loads((site / "provenance.json").read_text(encoding="utf-8"))
    assert account["study"]["images"] == "my pictures"
    assert account["study"]["title"] == TITLE
    assert {one["title"] for one in account["photographs"].values()} == set(NAMES.values())
    for path in site.rglob("*"):
        if path.is_file():
            assert str(tmp_path).encode() not in path.read_bytes(), path
