"""What stands in pages: data as they are, and no fault of a page that passes in silence."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests import fresh

pytestmark = pytest.mark.slow

HEAD = "---\ntitle: A page\nformat: {html: {toc: false}, typst: {output-file: page.pdf}}\n---\n\n"
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
        "b.qmd:7: nothing tells of the annotation <1>",
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
    paper = (user.project / "report" / "index.qmd").read_text(encoding="utf-8")
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
