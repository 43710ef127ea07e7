"""Every construct outside the written subset fails, with the file and the line it is on."""

from pathlib import Path

import pytest
import yaml

from analysis.project.errors import InputError
from analysis.site.builtin import project, site

# Each text begins at line 5 of the page; the message begins with the line.
CASES = {
    "div class": ("text\n\n::: {.panel-tabset}\nx\n:::", "7: unknown div class 'panel-tabset'"),
    "column": ("::: {.column-body}\nx\n:::", "5: unknown div class 'column-body'"),
    "anonymous div": ("::: {layout-ncol=2}\nx\n:::", "5: a div has a label"),
    "callout attribute": (
        '::: {.callout-note appearance="simple"}\nx\n:::',
        "5: unknown attribute 'appearance'",
    ),
    "callout heading": ("::: {.callout-note}\ntext\n\n## A\n:::", "8: a heading within a callout"),
    "unclosed div": ("::: {.callout-note}\nx", "5: this ':::' isn't closed"),
    "closing div": ("x\n\n:::", "7: this ':::' closes nothing"),
    "glued div": ("x\n::: {.callout-note}\ny\n:::", "6: this ':::' isn't read as one"),
    "shortcode": ("\n{{< video x.mp4 >}}", "6: unknown shortcode 'video'"),
    "include": ("{{< include _none.qmd >}}", "5: no such file to include: _none.qmd"),
    "meta": ("{{< meta none >}}", "5: no text at the key 'none'"),
    "cell option": (
        "```{python}\n#| label: a\n#| fig-scap: x\n```",
        "7: unknown cell option 'fig-scap'; did you mean 'fig-cap'?",
    ),
    "other engine": ("```{r}\n1\n```", "5: unknown block {r}"),
    "raw block": ("```{=latex}\nx\n```", "5: unknown block {=latex}"),
    "indented cell": ("- a\n\n  ```{python}\n  1\n  ```", "7: a cell begins at the margin"),
    "open fence": ("```{python}\n1", "5: this code fence isn't closed"),
    "figure": ("see\n\n@fig-none", "7: nothing on this page has the label 'fig-none'"),
    "section": ("@sec-a\n\n## A {#sec-a .unnumbered}", "5: 'sec-a' has no number"),
    "other kind": ("@thm-a", "5: references of the kind 'thm' aren't supported"),
    "suffix": ("[@sec-a, p. 3]\n\n## A {#sec-a}", "5: words after a reference are lost"),
    "label twice": ("## A {#sec-a}\n\n## B {#sec-a}", "5: the label 'sec-a' is taken"),
    "label case": ("## A {#sec-A_b}", "5: a label is of lower-case"),
    "alt of cell": (
        '```{python}\n#| label: fig-a\n#| fig-cap: "A"\n```',
        "5: the figure 'fig-a' has no alternative text",
    ),
    "alt of image": ("![A](style.png){#fig-a}", "5: the figure 'fig-a' has no alternative text"),
    "image": ('![A](none.png){#fig-a fig-alt="x"}', "5: no such image: none.png"),
    "empty alt of call": (
        '::: {#fig-a}\n```{python}\nshow("fig-a", draw, alt="")\n```\n\nCaption\n:::',
        "6: the figure 'fig-a' has no alternative text",
    ),
    "linked file": ("[data](none.csv)", "5: no such file: none.csv"),
    "script": (
        '::: {.content-visible when-format="html"}\n```{=html}\n'
        '<script src="none.js"></script>\n```\n:::',
        "7: no such file: none.js",
    ),
    "label of caption": (
        '```{python}\n#| fig-cap: "A"\n```',
        "5: 'fig-cap' and a label 'fig-…' belong",
    ),
    "code in option": (
        '```{python}\n#| label: fig-a\n#| fig-alt: "`{python} x`"\n```',
        "7: inline code isn't run in 'fig-alt'",
    ),
    "no caption": ('::: {#fig-a}\n![](x.png){fig-alt="x"}\n:::', "5: 'fig-a' has no caption"),
    "table caption": ("| a |\n|---|\n| 1 |\n\n: Cap", "9: a table with a caption needs a label"),
    "equation": ("$$\nx = 1\n$$", "6: a displayed equation needs a label"),
    "loose label": ("$$ x $$\n{#eq-a}", "5: a displayed equation needs a label"),
    "code in maths": ("a $x = `{python} 1`$", "5: inline code isn't run in maths"),
    "split code": ("`{python}\n1`", "5: inline code is written"),
    "title level": ("# A", "5: '#' is the title's"),
    "skipped level": ("## A\n\n#### B", "7: this heading skips a level"),
    "below unnumbered": ("## A {.unnumbered}\n\n### B", "7: a numbered heading below"),
    "latex condition": (
        '::: {.content-visible when-format="pdf"}\nx\n:::',
        "5: conditional content names html or typst ('pdf' is LaTeX",
    ),
    "conditional label": (
        '::: {.content-visible when-format="html"}\n## A {#sec-a}\n:::',
        "6: a heading in conditional content",
    ),
    "page": ("[x](none.qmd)", "5: no such page: none.qmd"),
    "span": ("[x]{.aside}", "5: unknown span class 'aside'"),
    "handler": ('x\n\n[x]{onmouseover="y()"}', "7: unknown attribute 'onmouseover' of a span"),
    "handler of a link": ('[x](y){onclick="y()"}', "5: unknown attribute 'onclick' of a link"),
    "handler of code": ('`x`{onclick="y()"}', "5: unknown attribute 'onclick' of code"),
    "handler of a heading": ('## A {onclick="y()"}', "5: unknown attribute 'onclick' of a heading"),
    "script in a link": (
        "x\n[x](JavaScript:y)",
        "6: a link leads to http, https, mailto or a file",
    ),
    "no scheme": ("[x](//example.org)", "5: a link leads to http"),
    "image from elsewhere": ('![x](data:x){fig-alt="x"}', "5: an image is a file of this project"),
    "hidden file": ("x\n\n[x](../.git/config)", "7: ../.git/config is hidden"),
    "hidden file beside": ("[x](.env)", "5: .env is hidden"),
    "footnote": ("A note.[^1]\n\n[^2]\n\n[^1]: It.", "7: the footnote [^2] is defined nowhere"),
    "annotation": ("```python\nx = 1  # <1>\n```", "6: annotated code is outside the subset"),
}


def page(root: Path, text: str, head: str = "title: A page") -> Path:
    (root / "report").mkdir(exist_ok=True)
    (root / "_quarto.yml").write_text('project: {render: ["/report/*.qmd"]}\nnumber-sections: true')
    (root / "report" / "a.qmd").write_text(f"---\n{head}\n---\n\n{text}\n")
    return root


@pytest.mark.parametrize("name", CASES)
def test_outside_the_subset(name: str, tmp_path: Path) -> None:
    text, message = CASES[name]
    found = site.check(page(tmp_path, text))
    assert any(one.startswith(f"{tmp_path}/report/a.qmd:{message}") for one in found), found


def test_what_only_looks_like_a_footnote_or_an_annotation(tmp_path: Path) -> None:
    text = (
        "Code `x[^1]`, maths $x[^2]$, escaped \\[^3], a note.[^long]\n\n"
        "    indented[^4]\n\n[^long]: First.\n\n    Second.\n\n"
        "```python\na = b < 1\n```\n"
    )
    assert site.check(page(tmp_path, text)) == []


def test_a_link_to_outside_is_no_part_of_the_site(tmp_path: Path) -> None:
    project_ = tmp_path / "project"
    project_.mkdir()
    page(project_, "[x](own.txt)")
    (tmp_path / "secret.txt").write_text("secret")
    (project_ / "report" / "own.txt").symlink_to(tmp_path / "secret.txt")
    found = site.check(project_)
    assert len(found) == 1
    assert "a.qmd:5: own.txt is a link to outside the project" in found[0]


def test_the_corpus_has_nothing_outside() -> None:
    assert site.check(Path(__file__).parents[2] / "pages" / "project") == []


def test_raw_html_is_lost_in_a_pdf_and_says_so(tmp_path: Path) -> None:
    text = "a<br>b\n\n```{=html}\n<hr>\n```\n"
    assert site.check(page(tmp_path, text)) == []
    found = site.check(page(tmp_path, text, "title: A\nformat: {html: default, typst: default}"))
    assert [one.split(": ")[0].rsplit(":", 1)[1] for one in found] == ["6", "9"]


def test_a_note_beside_the_text_is_for_screens(tmp_path: Path) -> None:
    both = "title: A\nformat: {html: default, typst: default}"
    text = "::: {.column-margin}\nx\n:::\n"
    assert site.check(page(tmp_path, text)) == []
    found = site.check(page(tmp_path, text, both))
    assert len(found) == 1
    assert "a.qmd:6: a page of paper has no room for notes beside the text" in found[0]
    text = f'::: {{.content-visible when-format="html"}}\n{text}:::\n'
    assert site.check(page(tmp_path, text, both)) == []


def test_a_citation_nobody_knows(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "r.bib").write_text("@book{known2020, title={A}, year={2020}}")
    head = "title: A\nbibliography: r.bib"
    found = site.check(page(tmp_path, "@known2020\n\n[@none2020]", head))
    assert found == [f"{tmp_path}/report/a.qmd:8: '@none2020' isn't in the bibliography"]


def test_the_line_is_the_included_files(tmp_path: Path) -> None:
    page(tmp_path, "{{< include _part.qmd >}}")
    (tmp_path / "report" / "_part.qmd").write_text("fine\n\n@fig-none\n")
    assert site.check(tmp_path)[0].startswith(f"{tmp_path}/report/_part.qmd:3: ")


def test_an_include_of_itself_ends(tmp_path: Path) -> None:
    page(tmp_path, "{{< include _part.qmd >}}")
    (tmp_path / "report" / "_part.qmd").write_text("{{< include _part.qmd >}}\n")
    assert "includes itself" in site.check(tmp_path)[0]


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("title: A\nsubtitel: B", "a.qmd:3: unknown key 'subtitel'; did you mean 'subtitle'?"),
        ("title: A\nformat: {pdf: default}", "a.qmd:3: unknown key 'format.pdf'"),
        ("title: A\nauthor: [{nam: B}]", "unknown key 'author.nam'; did you mean 'name'?"),
        ("title: [A", "not valid YAML"),
        ("title: A\ntoc: 3", "a.qmd:3: 'toc' must be bool"),
        ("subtitle: A", "has no title"),
    ],
)
def test_front_matter(head: str, message: str, tmp_path: Path) -> None:
    found = site.check(page(tmp_path, "text", head))
    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"projct": {}}, "_quarto.yml:1: unknown key 'projct'; did you mean 'project'?"),
        ({"website": {"serach": False}}, "unknown key 'website.serach'; did you mean 'search'?"),
        ({"format": {"html": {"html-math-method": "mathjax"}}}, "can only be: mathml"),
        ({"execute": {"freeze": True}}, "'execute.freeze' can only be: false"),
        ({"website": {"navbar": {"left": [{"link": "x"}]}}}, "unknown key 'website.navbar.link'"),
        ({"project": {"render": ["/none.qmd"]}}, "project.render: no such file: /none.qmd"),
        ({"project": {"render": ["/none/*.qmd"]}}, "lists no page"),
        ({"project": {"render": ["report/*.qmd"]}}, "'report/*.qmd' must begin with '/'"),
    ],
)
def test_project_file(change: dict[str, object], message: str, tmp_path: Path) -> None:
    (tmp_path / "_quarto.yml").write_text(yaml.safe_dump(change))
    with pytest.raises(InputError) as error:
        project.read(tmp_path)
    assert message in str(error.value)


def test_a_folder_without_a_project(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"_quarto\.yml: no such file"):
        project.read(tmp_path)
