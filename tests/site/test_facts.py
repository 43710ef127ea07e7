"""What two rendered sites say, compared: the markup is Quarto's and ours, as each writes it."""

from pathlib import Path

import pytest

from analysis.project.errors import InputError
from tests.site import facts

QUARTO = """<body><nav><a href="#fig-a" id="toc-fig-a">Menu</a></nav><main class="content">
<header id="title-block-header"><h1>Title</h1><p>An author</p></header>
<section id="sec-a"><h2 data-number="1" class="anchored" data-anchor-id="sec-a"><span
 class="header-section-number">1</span> Spectra</h2>
<p>Power falls, see <a href="#fig-a" class="quarto-xref">Figure&nbsp;1</a> and
(<a href="#eq-a" class="quarto-xref">Equation&nbsp;1</a>), by 1.53.</p>
<details class="code-fold"><summary>How</summary><pre>code</pre></details>
<div id="fig-a" class="quarto-float"><figure><p><img src="index_files/a.png" alt="A line."></p>
<figcaption class="quarto-float-caption">Figure&nbsp;1: Power.</figcaption></figure></div>
<p><span id="eq-a"><math><mi>P</mi><mspace></mspace><mo>(</mo><mn>1</mn><mo>)</mo>
<annotation encoding="application/x-tex">P \\qquad(1)</annotation></math></span></p>
<table><thead><tr><th>encoder</th><th>shift</th></tr></thead>
<tbody><tr><td><code>taef2</code></td><td>1.53</td></tr></tbody></table>
</section></main></body>"""

OURS = """<body><main id="content"><header class="title"><h1>Title</h1>
<p class="byline">An author PDF</p></header>
<h2 id="sec-a"><span class="header-section-number">1</span> Spectra
<a class="anchor" href="#sec-a" aria-label="Link to this section">#</a></h2>
<p>Power falls, see <a href="#fig-a" class="quarto-xref">Figure 1</a>
and (<a href="#eq-a">Equation 1</a>), by <span class="value" title="shift">1.53</span>.</p>
<figure class="figure" id="fig-a"><div class="plate"><p><img src="made/a.svg" alt="A line." /></p>
</div><figcaption><a href="#fig-a" class="caption-lead">Figure 1:</a> Power.</figcaption>
<details class="code-fold"><summary>How</summary><pre>code</pre></details></figure>
<p><span id="eq-a" class="equation"><math><mi>P</mi></math><a
href="#eq-a" class="equation-number"><span>(1)</span></a></span></p>
<div class="scroll"><table><thead><tr><th>encoder</th><th>shift</th></tr></thead>
<tbody><tr><td><code>taef2</code></td><td>1.53</td></tr></tbody></table></div></main></body>"""


def site(folder: Path, page: str, name: str = "index") -> Path:
    (folder / "report").mkdir(parents=True, exist_ok=True)
    (folder / "report" / f"{name}.html").write_text(page, encoding="utf-8")
    for shown in ("index_files/a.png", "made/a.svg"):
        (folder / "report" / shown).parent.mkdir(exist_ok=True)
        (folder / "report" / shown).touch()
    return folder


def changed(folder: Path, old: str, new: str) -> list[str]:
    assert old in OURS
    one = site(folder / "quarto", QUARTO)
    return facts.differences(one, site(folder / "ours", OURS.replace(old, new, 1)))


def test_two_renderers_markup_of_one_page_says_the_same(tmp_path: Path) -> None:
    found = facts.read(site(tmp_path / "quarto", QUARTO) / "report" / "index.html")
    assert found.headings == ["1 Spectra"]
    assert found.captions == ["Figure 1: Power."]
    assert found.references == ["fig-a Figure 1", "eq-a Equation 1"]
    assert found.equations == ["eq-a (1)"]
    assert found.tables == ["encoder | shift", "taef2 | 1.53"]
    assert changed(tmp_path, "1.53", "1.53") == []


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("headings", "1</span> Spectra", "2</span> Spectra"),
        ("captions", "Figure 1:</a> Power", "Figure 1:</a> Powers"),
        ("captions", 'caption-lead">Figure 1:', 'caption-lead">Figure 2:'),
        ("equations", "<span>(1)</span>", "<span>(2)</span>"),
        ("equations", "<span>(1)</span>", ""),
        ("references", '<a href="#eq-a">', '<a href="#eq-b">'),
        ("references", "Equation 1", "Equation 2"),
        ("tables", "<td>1.53</td>", "<td>1.54</td>"),
        ("alternatives", "A line.", ""),
        ("paragraphs", 'title="shift">1.53', 'title="shift">1.54'),
    ],
)
def test_each_kind_of_fact_is_noticed(tmp_path: Path, kind: str, old: str, new: str) -> None:
    found = changed(tmp_path, old, new)
    assert {line[0] for line in found} == {"-", "+"}
    assert any(f"report/index.html: {kind}: " in line for line in found)


def test_a_missing_page_is_a_difference(tmp_path: Path) -> None:
    one, two = site(tmp_path / "one", QUARTO), site(tmp_path / "two", OURS)
    site(one, QUARTO, "use-it")
    assert facts.differences(one, two) == [f"- report/use-it.html: not in {two}"]
    assert facts.differences(two, one) == [f"+ report/use-it.html: not in {two}"]


def test_what_is_no_site_is_an_input_error(tmp_path: Path) -> None:
    one = site(tmp_path / "one", QUARTO)
    with pytest.raises(InputError, match="no pages in its report/"):
        facts.differences(one, tmp_path / "nowhere")
    with pytest.raises(InputError, match="no <main>"):
        facts.differences(one, site(tmp_path / "two", "<p>Not ours</p>"))
