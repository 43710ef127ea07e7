"""Markdown copies of built pages, and llms.txt."""

from pathlib import Path

import pytest

from analysis.project.errors import InputError
from analysis.site import copies

PAGE = """<html><head><title>Paper – Site</title><meta name="description" content="What it says.">
</head><body><nav><a href="x">Menu</a></nav>
<main><header><h1>The paper</h1><p>An author</p></header>
<h2 id="sec-a">1 Spectra <a class="anchor" href="#sec-a">#</a></h2>
<p>Power <math><semantics><msup><mi>k</mi><mn>2</mn></msup>
<annotation encoding="application/x-tex">k^2</annotation></semantics></math> falls by
<span class="value" title="shift">1.53</span>, see <a href="use-it.html">elsewhere</a>.</p>
<details class="code-fold"><summary>How</summary><pre>draw(r)</pre></details>
<figure id="fig-a"><img src="made/fig-a.svg" alt="A line."><figcaption>Figure 1: Power.</figcaption>
</figure><table><thead><tr><th>encoder</th></tr></thead><tbody><tr><td>taef2</td></tr></tbody>
</table><button>Copy</button><script>let x = 1;</script></main></body></html>"""


def site(folder: Path) -> Path:
    (folder / "report").mkdir()
    (folder / "report" / "index.html").write_text(PAGE, encoding="utf-8")
    other = PAGE.replace("The paper", "Another page").replace("What it says.", "And this.")
    (folder / "report" / "a-page.html").write_text(other, encoding="utf-8")
    return folder


def test_a_copy_says_what_the_page_says(tmp_path: Path) -> None:
    written = copies.write(site(tmp_path))
    assert [path.name for path in written] == ["a-page.md", "index.md", "llms.txt"]
    text = (tmp_path / "report" / "index.md").read_text(encoding="utf-8")
    assert text.startswith("# The paper\n\n## 1 Spectra\n")
    for said in ("k^2", "falls by 1.53", "[elsewhere](use-it.html)", "![A line.](made/fig-a.svg)"):
        assert said in text
    assert "Figure 1: Power." in text
    assert "| taef2" in text
    for unsaid in ("draw(r)", "let x", "Menu", "Copy", "An author", "<span", "<math"):
        assert unsaid not in text


def test_llms_txt_lists_the_paper_first(tmp_path: Path) -> None:
    (site(tmp_path) / "provenance.json").write_text("{}")
    copies.write(tmp_path)
    lines = (tmp_path / "llms.txt").read_text(encoding="utf-8").splitlines()
    assert lines[:3] == ["# The paper", "", "> What it says."]
    links = [line for line in lines if line.startswith("- ")]
    assert links[0] == "- [The paper](report/index.md): What it says."
    assert links[1] == "- [Another page](report/a-page.md): And this."
    assert links[2].startswith("- [provenance.json](provenance.json)")
    assert len(links) == 3
    for link in links:
        assert (tmp_path / link.split("](")[1].split(")")[0]).is_file()


def test_the_copy_of_a_section_is_kept_under_what_the_section_says(tmp_path: Path) -> None:
    known: dict[tuple[str, str], str] = {}
    made: list[str] = []

    def keep(kind, told, make):
        if (kind, told) not in known:
            made.append(kind)
            known[kind, told] = make()
        return known[kind, told]

    page = site(tmp_path) / "report" / "index.html"
    text = page.read_text(encoding="utf-8")
    text = text.replace("</main>", "<section><h2>2 Noise</h2><p>White.</p></section></main>")
    page.write_text(text, encoding="utf-8")
    copies.write(tmp_path, keep)
    copy = page.with_suffix(".md")
    whole = copy.read_text(encoding="utf-8")
    assert whole.index("## 1 Spectra") < whole.index("Figure 1: Power.") < whole.index("## 2 Noise")
    # Before the first heading is nothing to convert.
    assert sorted(made) == ["copy-a-page-1", "copy-index-1", "copy-index-2"]
    made.clear()
    page.write_text(text.replace("White.", "Pink."), encoding="utf-8")
    copies.write(tmp_path, keep)
    assert made == ["copy-index-2"]
    assert copy.read_text(encoding="utf-8") == whole.replace("White.", "Pink.")


def test_what_is_no_site_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="render the site first"):
        copies.write(tmp_path)
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("<p>Not ours</p>")
    with pytest.raises(InputError, match="no <main>"):
        copies.write(tmp_path)
