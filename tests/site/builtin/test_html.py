"""The page round the text, in a real browser: what readers do with mouse, keyboard and eyes.

One small site without cells, built once; opened from the file system, as a reader may.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from analysis.project.errors import InputError
from analysis.site import build
from analysis.site.builtin import html

SETTINGS = """
project: {type: website, output-dir: _site, execute-dir: project, render: ["/report/*.qmd"],
  resources: ["/report/icon.svg"]}
website:
  title: Site
  site-url: https://example.org/paper/
  search: true
  favicon: report/icon.svg
  open-graph: true
  navbar:
    title: Briefly
    left: [{href: report/index.qmd, text: Paper}, {href: report/second.qmd, text: Second}]
lang: en
number-sections: true
link-citations: true
bibliography: refs.bib
format:
  html: {toc: true, lightbox: true, citations-hover: true, crossrefs-hover: true,
         footnotes-hover: true, html-math-method: mathml}
"""
FILLER = "\n\n".join(["A line of text that fills the page so that it can be scrolled. " * 6] * 6)
PAGE = rf"""---
title: "A paper & more"
author: A. Author
date: 2026-11-23
description: What it is about.
image: made/one.png
image-alt: "A curve"
format: {{html: {{google-scholar: true}}}}
---

## Beginning {{#sec-one}}

::: {{.column-margin}}
A note beside the text.
:::

A value $x_{{max}}$, another ($y$) and [$z$]; a last one $w$ alone, in a line of text that is cut off.

Cited by its key [@smith2020], numbered in @eq-one, drawn in @fig-lines, and noted.[^a]

[^a]: The text of the note.

$$
\mathrm{{SNR}}(f, t) = \frac{{t^2}}{{(1 - t)^2}}\, \frac{{P(f)}}{{N(f)}} + \frac{{a b c d e f g h i j k}}{{l m n}}
$$ {{#eq-one}}

{FILLER}

::: {{#fig-lines}}

![](lines.svg){{fig-alt="A black line." width=600 height=300}}

A drawing of lines.

:::

{FILLER}

::: {{#fig-photo}}

![](photo.png){{fig-alt="A grey square." width=300 height=300}}

A photograph.

:::

## Middle {{#sec-two}}

| a rather long heading | another one of them | and a third heading | and yet a fourth |
|---|---|---|---|
| unbreakable-cell-one | unbreakable-cell-two | unbreakable-cell-3 | 1.5 |

```python
print("copy me")
```

## Kurtosis of windows {{#sec-three}}

{FILLER}
"""  # noqa: E501
SECOND = (
    "---\ntitle: Second\n---\n\n## Leakage {#sec-leak}\n\nA Kaiser window; zebras \\<leak\\>.\n"
)
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="300">'
    '<rect width="600" height="300" fill="white"/><path d="M0 0 600 300" stroke="black"/></svg>'
)
CFF = "title: Cited\nauthors: [{family-names: Author, given-names: A.}]\ndoi: 10.1/x\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("paper")
    (root / "report").mkdir()
    for name, text in {
        "_quarto.yml": SETTINGS, "CITATION.cff": CFF, "report/index.qmd": PAGE,
        "report/icon.svg": "<svg/>",
        "report/second.qmd": SECOND, "report/lines.svg": SVG,
        "refs.bib": "@article{smith2020, title={On Windows}, author={Smith, Ann and {A Body}}, "
        "journal={Leaks}, year={2020}, url={https://example.org/w?a&b}}\n"
        "@misc{jones2021, title={Cited Nowhere}}",
    }.items():  # fmt: skip
        (root / name).write_text(text, encoding="utf-8")
    Image.new("RGB", (300, 300), "grey").save(root / "report" / "photo.png")
    build.pages(root)
    return root


@pytest.fixture
def page(browser, project: Path) -> Iterator:
    """The paper at 1280 px; whatever a console, an error or the network says fails the test."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme="light", reduced_motion="reduce"
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(request.url))
    page.on("request", lambda r: None if r.url.startswith("file:") else said.append(r.url))
    page.goto(f"file://{project}/_site/report/index.html")
    yield page
    context.close()
    assert said == []


def text_of(project: Path, name: str = "index") -> str:
    return (project / "_site" / "report" / f"{name}.html").read_text(encoding="utf-8")


# Without a browser ---------------------------------------------------------------------------


def test_machines_find_title_authors_and_addresses(project: Path) -> None:
    text = text_of(project)
    meta = dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">', text))
    assert meta["citation_title"] == meta["og:title"] == "A paper &amp; more"
    assert meta["citation_author"] == "A. Author"
    assert meta["citation_publication_date"] == "2026/11/23"
    assert meta["citation_doi"] == "10.1/x"
    assert meta["og:url"] == "https://example.org/paper/report/index.html"
    assert meta["og:image"] == "https://example.org/paper/report/made/one.png"
    assert (meta["og:image:alt"], meta["twitter:card"]) == ("A curve", "summary_large_image")
    assert 'rel="icon" href="../report/icon.svg"' in text
    assert meta["citation_fulltext_html_url"] == meta["og:url"]
    assert "citation_pdf_url" not in meta, "this page has no PDF"
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', text)
    assert found
    article = json.loads(found[1])
    assert article["@type"] == "ScholarlyArticle"
    assert article["author"] == [{"@type": "Person", "name": "A. Author"}]
    assert article["identifier"] == "https://doi.org/10.1/x"
    assert re.findall(r'<meta name="citation_reference" content="(.*)">', text) == [
        "citation_title=On windows;citation_author=Ann Smith;citation_author=A Body;"
        "citation_publication_date=2020;citation_journal_title=Leaks;"
        "citation_fulltext_html_url=https://example.org/w?a&amp;b"
    ]
    assert "citation_title" not in text_of(project, "second"), "only the page that asks for it"


def test_the_navigation_has_its_own_short_title(project: Path) -> None:
    for text in map(text_of, (project, project), ("index", "second")):
        assert '<a class="brand" href="../index.html">Briefly</a>' in text
        assert " – Site</title>" in text


def test_a_citation_needs_its_file(project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns("_site", "CITATION.cff", ".*"))
    with pytest.raises(InputError, match="it says how to cite"):
        build.pages(copy)


def test_no_option_no_script(project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns("_site", ".*"))
    text = (copy / "_quarto.yml").read_text(encoding="utf-8")
    for key in ("search", "lightbox", "citations-hover", "crossrefs-hover", "footnotes-hover"):
        text = text.replace(f"{key}: true", f"{key}: false")
    (copy / "_quarto.yml").write_text(text, encoding="utf-8")
    build.pages(copy)
    shown = text_of(copy)
    assert re.findall(r'<script src="[^"]*/([\w-]+\.js)"', shown) == ["page.js"]
    assert 'id="search"' not in shown
    assert not (copy / "_site" / html.ASSETS / "search-index.js").exists()


def test_images_wait_keep_their_place_and_say_what_they_are(project: Path) -> None:
    lines, photo = re.findall(r"<img[^>]*>", text_of(project))
    for image in (lines, photo):
        assert 'loading="lazy"' in image and 'decoding="async"' in image
        assert re.search(r'width="\d+', image) and re.search(r'height="\d+', image)


# With one ------------------------------------------------------------------------------------


def test_the_theme_is_remembered(page) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.get_by_role("button", name="Switch to dark colours").click()
    dark = page.evaluate(colour)
    assert dark != light
    page.reload()
    assert page.evaluate(colour) == dark


def test_search_works_from_files_by_keyboard(page, project: Path) -> None:
    page.keyboard.press("/")
    box = page.get_by_role("combobox")
    box.fill("windows")
    options = page.get_by_role("option")
    options.first.wait_for()
    # A heading that has the word comes before the text that has it (the references).
    assert "Kurtosis of windows" in options.first.inner_text()
    assert page.locator("mark").first.inner_text().lower().startswith("window")
    assert "2 results" in page.get_by_role("status").inner_text()
    box.press("ArrowDown")
    assert options.nth(1).get_attribute("aria-selected") == "true"
    assert box.get_attribute("aria-activedescendant") == options.nth(1).get_attribute("id")
    box.press("Escape")
    assert not page.get_by_role("dialog").is_visible()
    page.keyboard.press("Control+k")
    box.fill("ZEBR")
    page.get_by_role("option", name="zebras").wait_for()
    assert "<leak>" in options.first.inner_text(), "text is never taken for markup"
    box.fill("xylophone")
    page.get_by_text("Nothing found.").wait_for()
    box.fill("zebras")
    options.first.wait_for()
    box.press("Enter")
    page.wait_for_url(f"file://{project}/_site/report/second.html#sec-leak")


def test_figures_are_enlarged_by_keyboard(page) -> None:
    button = page.get_by_role("button", name="Enlarge Figure 1")
    button.focus()
    button.press("Enter")
    dialog = page.get_by_role("dialog", name="Figure 1")
    image = dialog.get_by_role("img")
    assert image.get_attribute("alt") == "A black line."
    assert image.bounding_box()["width"] > 900, "600 px on the page"
    assert "A drawing of lines" in dialog.inner_text()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("dialog", name="Figure 2").is_visible()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("dialog", name="Figure 1").is_visible(), "round and round"
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Enlarge Figure 1"
    page.locator("#fig-photo img").click()
    assert page.get_by_role("dialog", name="Figure 2").is_visible()


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("a[href='#ref-smith2020']", "On Windows"),
        ("a[href='#eq-one']", "(1)"),
        ("a.quarto-xref[href='#fig-lines']", "A drawing of lines"),
        ("a.footnote-ref", "The text of the note."),
    ],
)
def test_what_is_cited_is_shown_on_focus_and_on_hover(page, link: str, shown: str) -> None:
    popover = page.get_by_role("tooltip")
    page.keyboard.press("Tab")  # focus is shown to those who use the keyboard
    page.locator(link).first.focus()
    assert shown in popover.inner_text()
    assert page.locator(link).first.get_attribute("aria-describedby") == "popover"
    page.keyboard.press("Escape")
    assert not popover.is_visible()
    page.locator("h1").hover()
    page.locator(link).first.hover()
    popover.wait_for()
    popover.hover()
    page.wait_for_timeout(400)  # longer than it waits before it goes
    assert popover.is_visible(), "the pointer may move onto it"
    assert page.evaluate("document.querySelectorAll('#popover [id]').length") == 0
    box = popover.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 1280


def test_no_line_begins_with_what_belongs_to_a_formula_before_it(page) -> None:
    lines = """() => [...document.querySelectorAll("main p math")].slice(0, 3).map(formula => {
      const own = formula.getBoundingClientRect(), next = formula.nextSibling;
      const range = document.createRange();
      range.setStart(next, 0);
      range.setEnd(next, 1);
      const mark = range.getBoundingClientRect();
      return [range.toString(), mark.left >= own.right - 1 && mark.top < own.bottom];
    })"""
    for width in range(240, 420, 4):  # wherever the lines break
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(lines) == [[",", True], [")", True], ["]", True]], width


def test_the_page_is_whole_without_scripts(browser, project: Path) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(f"file://{project}/_site/report/index.html")
    for text in ("Beginning", "On Windows", "A drawing of lines.", "The text of the note."):
        assert page.locator("main").get_by_text(text).first.is_visible()
    assert not page.locator("#search").is_visible()
    assert not page.locator("#theme").is_visible()
    context.close()
