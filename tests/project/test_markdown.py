"""Data as text: whatever it is, it is shown as it is, by pandoc's HTML and by Typst's PDF."""

import html
import io
import re
from pathlib import Path

import pytest
import typst
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from analysis.project.markdown import Markdown, cell, code, escaped, line, link, printable, quoted
from analysis.site.builtin import pandoc

FILTER = Path(pandoc.__file__).parent / "output.lua"
READ = "--from=markdown-tex_math_single_backslash"
# What some reader of markup takes for more than itself, where it stands in a cell or a paragraph.
HOSTILE = [
    *("- x", "= x", "+ x", "/ t: x", "1. x", "1) x", "(@x)", "* x", ">q", ": x", "# x", "%x"),
    *("a-?b", "...", "a..b", "--", "---", "x -5", "a//b /* c */", "'q' \"r\"", "(c) (tm)"),
    *("*b*", "_i_", "`c`", "``", "$x$", "$", "a^2^ H~2~O", "~~~", "```", "==m==", ":smile:"),
    *("[c]{d}", "[x](javascript:y)", "![a](b)", "[^1]", "[x]{onmouseover='y()'}", "@ref"),
    "<a@b.c>",
    *("<b>", "</table>", "<!-- x -->", "<script>y()</script>", "&amp; &#65;", "\\begin{x}", "\\"),
    *("|a|", "a|b", ":::", "{.x}", "{{< meta x >}}", "`{python} 1`", "#read(\"x\")", "\\u{41}"),
    *("https://x.y/z_1", "a\u00a0b", "é → ☺", "#set text(red)", "<lab>", "../.git/config"),
]  # fmt: skip


def pages(to: str) -> str:
    """Every text in a cell, at the start of a paragraph, and within one."""
    rows = [f"| {number} | {escaped(text)} |" for number, text in enumerate(HOSTILE)]
    text = "\n".join(["| n | text |", "|--|--|", *rows, ""])
    for one in HOSTILE:
        text += f"\n{escaped(one)}\n\nin {escaped(one)} it\n"
    made = pandoc.run(READ, f"--to={to}", "--wrap=none", f"--lua-filter={FILTER}", text=text)
    assert made.returncode == 0, made.stderr
    return made.stdout


def count(text: str, one: str) -> int:
    return "".join(text.split()).count("".join(one.split()))


def test_html_shows_what_data_are() -> None:
    made = pages("html")
    assert set(re.findall(r"<(\w+)", made)) <= {
        *("table", "thead", "tbody", "tr", "th", "td", "colgroup", "col", "p", "div"),
    }  # fmt: skip
    shown = html.unescape(re.sub(r"<[^>]+>", "", made))
    for one in HOSTILE:
        assert count(shown, one) >= 3, one


def test_typst_shows_what_data_are() -> None:
    fonts = '#set text(font: ("Libertinus Serif", "DejaVu Sans Mono"))\n'
    source = fonts + pages("typst")
    made = typst.compile(source.encode(), format="pdf", ignore_system_fonts=True)
    shown = "".join(page.extract_text() for page in PdfReader(io.BytesIO(made)).pages)
    for one in HOSTILE:
        assert count(shown, one) >= 3, one


def test_an_attribute_has_what_data_are() -> None:
    text = "\n\n".join(f"[x]{{.value title={quoted(one)}}}" for one in HOSTILE)
    made = pandoc.run(READ, "--to=html", "--wrap=none", text=text).stdout
    assert [html.unescape(one) for one in re.findall(r'title="([^"]*)"', made)] == HOSTILE


@given(st.text(st.characters(codec=None)))
def test_what_is_printable_is_text_of_one_line(text: str) -> None:
    shown = printable(text)
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown
    if text.isascii() and text.isprintable():
        assert shown == text


def test_what_cannot_be_seen_is_shown_by_its_number() -> None:
    assert printable(b"caf\xe9\n.jpg".decode("utf-8", "surrogateescape")) == r"caf\xe9\n.jpg"
    assert printable("a\u202eb\ue000\x00") == r"a\u202eb\ue000\x00"
    assert printable("é 尺 😀 a\u00a0b \u200d") == "é 尺 😀 a\u00a0b \u200d"


@pytest.mark.parametrize("name", ["taef2", "a b", "a\\b", "../x", "<b>"])
def test_names_are_code(name: str) -> None:
    assert code(name) == f"`{name}`"


@pytest.mark.parametrize("name", ["a`b", "a|b", "{{< x >}}", ""])
def test_what_would_end_code_is_prose(name: str) -> None:
    assert code(name) == escaped(name)


def test_a_link_leads_to_the_web_or_nowhere_and_text_is_of_one_line() -> None:
    assert line(" two\n\tlines\u00a0x ") == "two lines\u00a0x"
    assert (cell(Markdown("*x*")), cell("*x*")) == ("*x*", r"\*x\*")
    assert link("x", "https://a.b/c_d(e)f?g=h#i") == "[x](https://a.b/c_d%28e%29f?g=h#i)"
    for address in ("javascript:x()", "../.git/config", "data:x", "//a.b", ""):
        assert link("[x]", address) == escaped("[x]")
