"""The search index holds what a reader sees, section by section. Browsers: test_render_html."""

import json
from pathlib import Path

from analysis.site.builtin import html, search

PAGE = """<!DOCTYPE html><html><head><title>A page – The site</title>
<script>var not_this = 1;</script></head><body><nav>nor this</nav>
<main><header><h1>A page</h1><p>Before <b>any</b> heading.</p></header>
<h2 id="sec-a"><span>1</span> First <a class="anchor" href="#sec-a">#</a></h2>
<p>Power <em>falls</em>, as <math><semantics><mi>k</mi><annotation>\\TeX</annotation></semantics>
</math> grows.</p><p>Next&nbsp;to it.</p><pre>code()</pre><img src="a.svg" alt="hidden">
<table><tr><td>1.5</td><td>2.5</td></tr></table>
<h3 id="sec-b">Second</h3><p>&lt;/script&gt; é</p></main><footer>nor this</footer></body></html>"""


def test_sections_are_what_is_read() -> None:
    title, found = search.sections(PAGE)
    assert title == "A page – The site"
    assert [(one.anchor, one.title, one.text) for one in found] == [
        ("", "", "Before any heading."),
        ("sec-a", "1 First", "Power falls, as k grows. Next to it. 1.5 2.5"),
        ("sec-b", "Second", "</script> é"),
    ]


def test_the_index_is_a_script_with_the_paths_of_all_pages(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "a.html").write_text(PAGE, encoding="utf-8")
    (tmp_path / "index.html").write_text(html.redirect("report/a.html"))
    search.write(tmp_path)
    text = (tmp_path / html.ASSETS / search.FILE).read_text(encoding="utf-8")
    assert text.startswith("window.searchIndex={")
    index = json.loads(text.removeprefix("window.searchIndex=").rstrip().removesuffix(";"))
    assert index["pages"] == [["report/a.html", "A page"]], "a redirect is no page"
    assert index["sections"][0] == [0, "", "A page", "Before any heading."]
    assert [row[1] for row in index["sections"]] == ["", "sec-a", "sec-b"]
