"""The built-in renderer on a corpus page that uses every construct of the subset."""

import re
import shutil
from html import unescape
from pathlib import Path

import pytest
from pypdf import PdfReader

from analysis.project.errors import AnalysisError, InputError
from analysis.site import build
from analysis.site.builtin import pandoc, site, tree
from tests.conftest import executable

CORPUS = Path(__file__).parents[2] / "pages" / "project"


def flat(text: str) -> str:
    return " ".join(text.replace("\xa0", " ").split())


def words(html: str) -> str:
    """What a page says, also in its folds."""
    return flat(unescape(re.sub(r"<(script|style).*?</\1>|<[^>]*>", "", html, flags=re.DOTALL)))


def copy(target: Path) -> Path:
    shutil.copytree(CORPUS, target, ignore=shutil.ignore_patterns("_site", "runs.txt"))
    return target


def write(root: Path, **pages: str) -> Path:
    """A project of small pages, without a PDF."""
    (root / "report").mkdir(parents=True, exist_ok=True)
    (root / "_quarto.yml").write_text(
        'project: {type: website, execute-dir: project, render: ["/report/*.qmd"]}\n'
        "number-sections: true\n"
    )
    for name, text in pages.items():
        (root / "report" / f"{name}.qmd").write_text(f"---\ntitle: {name}\n---\n\n{text}\n")
    return root


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = copy(tmp_path_factory.mktemp("corpus") / "project")
    build.pages(root)
    return root


@pytest.fixture(scope="module")
def html(corpus: Path) -> str:
    return (corpus / "_site" / "report" / "index.html").read_text()


@pytest.fixture(scope="module")
def paper(corpus: Path) -> str:
    reader = PdfReader(corpus / "_site" / "report" / "paper.pdf")
    return flat(" ".join(page.extract_text() for page in reader.pages))


def test_the_tree_is_quartos(corpus: Path) -> None:
    site = corpus / "_site"
    found = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert found >= {
        "index.html",
        "report/index.html",
        "report/paper.pdf",
        "report/use-it.html",
        "report/index_files/fig-curves.svg",
        "report/square.png",
        "report/style.css",
        "data/results/sound/tone.wav",
    }
    assert "url=report/index.html" in (site / "index.html").read_text()
    assert not [path for path in corpus.iterdir() if path.name.startswith(".unf")]


def test_cells_run_once_for_all_formats(corpus: Path) -> None:
    assert (corpus / "runs.txt").read_text() == "index\n"


def test_references_have_quartos_words(html: str) -> None:
    links = [one for one in tree.read(html).all("a") if "quarto-xref" in one.classes]
    assert [(one.attributes["href"], one.text()) for one in links] == [
        ("#sec-method", "Section 2"),
        ("#sec-window", "Section 2.1"),
        ("#eq-shift", "Equation 1"),
        ("#eq-power", "2"),
        ("#eq-shift", "Equation 1"),
        ("#eq-power", "Equation 2"),
        ("#fig-curves", "Figure 1"),
        ("#fig-curves", "Both of 1"),
        ("#fig-curves", "see 1"),
        ("#fig-label", "Figure 2"),
        ("#tbl-shifts", "Table 1"),
        ("#tbl-rules", "Table 2"),
        ("#tbl-cell", "Table 3"),
        ("#fig-curves", "Figure 1"),
        ("#fig-still", "Figure 3"),
        ("#eq-shift", "Equation 1"),
    ]


@pytest.mark.parametrize(
    "said",
    [
        "2.1 The window",
        "2.2.1 A deeper section",
        "3 Extras",
        "Figure 1: The shift for",
        "Figure 2: A labelled cell with",
        "Figure 3: A still image.",
        "Table 1: Shifts by size, from a cell, with 4 rows.",
        "Table 2: Rules, as a pipe table",
        "Table 3: A labelled table cell.",
        "See Section 2, Section 2.1 and the recipe",
        "By Equation 1, 2 and Equation 1, Equation 2 we get Figure 1.",
        "Both of 1 and see 1, Figure 2",
        "Table 1, Table 2 and Table 3 are all of them. Figure 1, Figure 3",
        "a*b_c <d> $e$ [f](g) -- \"h\"",
        "find 3.05, and",
        "this line is included from a file of its own",
        "“Time-step shift from the spectra of images”",
        "(Esser et al. 2024)",
    ],
)  # fmt: skip
def test_html_and_pdf_say_the_same(said: str, html: str, paper: str) -> None:
    assert said in words(html)
    # Typst breaks lines and hyphenates; the letters and digits are what has to agree.
    assert re.sub(r"\W", "", said) in re.sub(r"\W", "", paper)


def test_both_formats_number_the_equations(html: str, paper: str) -> None:
    assert re.findall(r'id="(eq-\w+)".*?equation-number">\((\d)\)', html, re.DOTALL) == [
        ("eq-shift", "1"),
        ("eq-power", "2"),
    ]
    assert "(1)" in paper
    assert "(2)" in paper
    assert html.count("<math") > 5
    assert "$$" not in html


def test_conditional_content_is_in_its_format_only(html: str, paper: str) -> None:
    assert '<audio controls src="../data/results/sound/tone.wav">' in html
    assert "The sound is on the page" not in html
    assert "The sound is on the page" in paper


def test_figures_have_alternatives_and_sizes(html: str) -> None:
    images = re.findall(r"<img[^>]*>", html)
    assert len(images) == 3
    assert all(re.search(r'alt="[^"]{4,}"', image) for image in images)
    assert all(re.search(r'width="\d+(px)?"', image) or "width:" in image for image in images)
    assert "&quot;other&quot;" in images[0]
    assert 'src="index_files/fig-label.png"' in images[1], "a large SVG gives way to its PNG"


def test_code_is_folded_and_not_in_the_paper(html: str, paper: str) -> None:
    assert html.count('<details class="code-fold"><summary>Show the code</summary>') == 4
    assert "figsize" in html
    assert "figsize" not in paper
    assert 'print("plain output")' in flat(paper).replace("“", '"')


def test_nothing_is_loaded_from_elsewhere(corpus: Path) -> None:
    for page in (corpus / "_site").rglob("*.html"):
        for one in tree.read(page.read_text()).all():
            loads = [] if one.tag == "a" else one.addresses()
            assert not any(re.match(r"(\w+:)?//", load) for load in loads), loads
    css = (corpus / "_site" / "site_libs" / "builtin" / "style.css").read_text()
    assert not re.search(r"url\(|@import", css)


def test_pdf_is_archival_and_says_whose_it_is(corpus: Path) -> None:
    reader = PdfReader(corpus / "_site" / "report" / "paper.pdf")
    assert reader.metadata is not None
    assert reader.metadata.title == "Time-step shift from the spectra of images"
    assert "A. Author" in str(reader.metadata.author)
    made = reader.metadata.creation_date
    assert made is not None
    assert made.date().isoformat() == "2026-11-23", "the date of the page, not of the build"
    names = [flat(item["/Title"]) for item in reader.outline if isinstance(item, dict)]
    numbered = [name for name in names if name != "Abstract"]
    assert numbered[:3] == ["1 Introduction", "2 Method", "3 Extras"]
    assert b"pdfaid" in (corpus / "_site" / "report" / "paper.pdf").read_bytes()


@pytest.mark.parametrize("floats", [True, False])
def test_on_paper_the_title_comes_first_and_figures_where_asked(
    floats: bool, tmp_path: Path
) -> None:
    words = " ".join(["Words that fill a page of this paper."] * 12)
    body = "\n\n".join(
        [words, '::: {#fig-a}\n\n![](dot.png){fig-alt="A dot."}\n\nCaption.\n\n:::', words]
    )
    root = write(tmp_path, paper=body)
    shutil.copy(CORPUS / "report" / "square.png", root / "report" / "dot.png")
    page = root / "report" / "paper.qmd"
    option = "" if floats else "    fig-pos: H\n"
    head = f"title: paper\nformat:\n  html: default\n  typst:\n    output-file: a.pdf\n{option}"
    page.write_text(page.read_text().replace("title: paper\n", head))
    build.pages(root)
    heights: dict[str, float] = {}

    def seen(text: str, _: object, matrix: list[float], *rest: object) -> None:
        for word in ("paper", "Words", "Figure"):
            if text.strip().startswith(word):
                heights.setdefault(word, matrix[5])

    PdfReader(root / "_site" / "report" / "a.pdf").pages[0].extract_text(visitor_text=seen)
    first, second, third = sorted(heights, key=lambda word: -heights[word])
    assert first == "paper"
    assert (second, third) == (("Figure", "Words") if floats else ("Words", "Figure"))


@pytest.mark.slow
def test_two_builds_give_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    # Two clean builds: each has a store of its own, beside the project.
    again = copy(tmp_path / "elsewhere")
    build.pages(again)
    assert (again / "runs.txt").read_text() == "index\n"
    files = sorted(path.relative_to(again) for path in (again / "_site").rglob("*.*"))
    assert len(files) > 10
    for name in files:
        if (again / name).is_file():
            assert (again / name).read_bytes() == (corpus / name).read_bytes(), name


def test_a_failing_cell_is_named_and_the_old_site_stays(tmp_path: Path) -> None:
    root = write(
        tmp_path, index="```{python}\n#| echo: false\nx = 1\n\nraise ValueError('no')\n```"
    )
    (root / "_site").mkdir()
    (root / "_site" / "old.html").write_text("old")
    with pytest.raises(AnalysisError, match=r"index\.qmd:9: this cell failed: ValueError: no"):
        build.pages(root)
    assert [path.name for path in (root / "_site").iterdir()] == ["old.html"]
    assert sorted(path.name for path in root.iterdir()) == ["_quarto.yml", "_site", "report"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("`{python} 1 / 0`", r"index\.qmd:5: .* ZeroDivisionError: division by zero"),
        (
            '```{python}\n#| label: fig-x\n#| fig-cap: "C"\n#| fig-alt: "A"\n1\n```',
            r"index\.qmd:5: the cell of 'fig-x' gave no figure",
        ),
        (
            '::: {#tbl-x}\n```{python}\n"no table"\n```\n\nCaption\n:::',
            r"index\.qmd:5: 'tbl-x' holds no table",
        ),
    ],
)
def test_what_shows_only_in_running_is_an_error_too(
    text: str, message: str, tmp_path: Path
) -> None:
    root = write(tmp_path, index=text)
    assert site.check(root) == []
    with pytest.raises(AnalysisError, match=message):
        build.pages(root)


def test_a_link_to_no_anchor_fails_the_build(tmp_path: Path) -> None:
    root = write(tmp_path, index="[to](other.qmd#nowhere)", other="## There {#sec-there}")
    with pytest.raises(AnalysisError, match=r"other\.html#nowhere: no element with id 'nowhere'"):
        build.pages(root)
    assert not (root / "_site").exists()


SHOWN = """::: {#fig-dot}

```{python}
#| echo: false
from pathlib import Path
from IPython.display import Markdown
def show(label, *, alt):
    made = Path("report/made")
    made.mkdir()
    (made / "fig-dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9pt" '
                                      'height="9pt"><circle r="4"/></svg>')
    (made / "fig-dot.csv").write_text("x")
    return Markdown(f'![](made/fig-dot.svg){{fig-alt="{alt}" width=12 height=12}}')
show("fig-dot", alt="A dot.")
```

A dot.

:::

::: {#tbl-dot}

```{python}
#| echo: false
Markdown('::: {.told title="made of dots"}\\n\\n| a |\\n|---|\\n| 1 |\\n\\n:::')
```

A table.

:::

See @fig-dot, [its data](made/fig-dot.csv), and [notes](notes.txt). The number is [1.5]{.value title="a result"}.

::: {.content-visible when-format="html"}
```{=html}
<script src="interactive/x.js" defer></script>
```
:::
"""  # noqa: E501


@pytest.mark.slow
def test_files_that_a_page_links_to_come_along(tmp_path: Path) -> None:
    root = write(tmp_path, index=SHOWN)
    (root / "report" / "interactive").mkdir()
    (root / "report" / "interactive" / "x.js").write_text("1;")
    (root / "report" / "notes.txt").write_text("notes")
    (root / "report" / "unlinked.txt").write_text("stays")
    assert site.check(root) == []
    build.pages(root)
    there = root / "_site" / "report"
    for name in ("made/fig-dot.svg", "made/fig-dot.csv", "interactive/x.js", "notes.txt"):
        assert (there / name).read_bytes() == (root / "report" / name).read_bytes()
    assert not (there / "unlinked.txt").exists()
    html = (there / "index.html").read_text()
    assert 'alt="A dot."' in html
    assert re.search(r'<span class="value"[^>]* title="a result">1.5</span>', html)
    table = html[html.index('<figure class="table" id="tbl-dot">') :]
    assert re.search(r'<div class="told"[^>]* title="made of dots">\s*<div class="scroll"', table)


@pytest.mark.slow
def test_a_linked_file_that_no_cell_makes_is_named(tmp_path: Path) -> None:
    root = write(tmp_path, index="[data](made/none.csv)\n\n```{python}\n1\n```")
    assert site.check(root) == [], "cells may make it"
    with pytest.raises(AnalysisError, match=r"index\.qmd:5: no such file: made/none\.csv"):
        build.pages(root)


def test_bars_and_spaces_in_formulas_are_mended_for_typst_and_nowhere_else(tmp_path: Path) -> None:
    root = write(tmp_path)
    path = root / "report" / "index.qmd"
    path.write_text(
        "---\ntitle: Bars\nformat: {html: default, typst: {keep-typ: true}}\n---\n\n"
        "The gain $|g|$, again $|g|$, and $a \\; b \\! c$; a bar \\| in words and `|x|` in code.\n"
    )
    build.pages(root)
    text = (root / "_site" / "report" / "index.typ").read_text(encoding="utf-8")
    bar = 'class("normal", bar.v)'
    assert text.count(f"{bar} g {bar}") == 2
    assert "a thick b #h(-0.167em) c" in text
    assert text.count(bar) == 4
    assert "in words and `|x|` in code" in text
    assert not re.search("[\ue010\ue011]", text)


@pytest.mark.slow
def test_a_failing_page_stops_the_others(tmp_path: Path) -> None:
    slow = "```{python}\nimport time\ntime.sleep(600)\n```"
    with pytest.raises(AnalysisError, match=r"b\.qmd:6: this cell failed: ZeroDivisionError"):
        build.pages(write(tmp_path, a=slow, b="```{python}\n1 / 0\n```"))


def test_problems_stop_a_render_before_anything_runs(tmp_path: Path) -> None:
    cell = "```{python}\nopen('ran', 'w').close()\n```\n\n@fig-none"
    with pytest.raises(InputError, match=r"index\.qmd:9: nothing on this page has the label"):
        build.pages(write(tmp_path, index=cell))
    assert not (tmp_path / "ran").exists()


def test_an_old_pandoc_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = executable(tmp_path / "pandoc", "echo pandoc 3.1.2")
    monkeypatch.setattr("pypandoc.get_pandoc_path", lambda: str(old))
    with pytest.raises(AnalysisError, match="too old"):
        pandoc.program.__wrapped__()
