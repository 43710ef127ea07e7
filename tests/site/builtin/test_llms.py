"""Markdown copies of built pages, and llms.txt."""

from pathlib import Path

from analysis.site.builtin import llms

PAGE = """<html><head><title>Paper – Site</title><meta name="description" content="What it says.">
</head><body><nav><a href="x">Menu</a></nav>
<main><header><h1>The paper</h1><p>An author</p></header>
<h2 id="sec-a">1 Spectra <a class="anchor" href="#sec-a">#</a></h2>
<p>Power <math><semantics><msup><mi>k</mi><mn>2</mn></msup>
<annotation encoding="application/x-tex">k^2</annotation></semantics></math> falls by
<span class="value" title="shift">1.53</span>, see <a href="use-it.html#sec-b">elsewhere</a> and
<a href="https://example.org/a.html">there</a>.</p>
<details class="code-fold"><summary>How</summary><pre>draw(r)</pre></details>
<figure id="fig-a"><img src="made/fig-a.svg" alt="A line."><figcaption>Figure 1: Power.</figcaption>
</figure><table><thead><tr><th>encoder</th></tr></thead><tbody><tr><td>taef2</td></tr></tbody>
</table><button>Copy</button><svg><path d="M0 4"/></svg>
<script>let x = 1;</script></main></body></html>"""


def test_a_copy_says_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text(PAGE, encoding="utf-8")
    other = PAGE.replace("The paper", "Another page").replace("What it says.", "And this.")
    (tmp_path / "report" / "use-it.html").write_text(other, encoding="utf-8")
    pages = [Path("report/index.html"), Path("report/use-it.html")]
    llms.write(tmp_path, "Site", pages, tmp_path / "kept")
    text = (tmp_path / "report" / "index.llms.md").read_text(encoding="utf-8")
    assert text.startswith("# The paper\n\n## 1 Spectra\n")
    for said in ("$k^2$", "falls by 1.53", "[elsewhere](use-it.llms.md#sec-b)", "Figure 1: Power."):
        assert said in text
    for said in ("![A line.](made/fig-a.svg)", "| taef2", "[there](https://example.org/a.html)"):
        assert said in text
    for unsaid in ("draw(r)", "let x", "Menu", "Copy", "An author", "<span", "<math", "data:image"):
        assert unsaid not in text
    assert (tmp_path / "llms.txt").read_text(encoding="utf-8").splitlines() == [
        "# Site",
        "",
        "## Pages",
        "",
        "- [The paper](report/index.llms.md): What it says.",
        "- [Another page](report/use-it.llms.md): And this.",
    ]
