"""Driving Quarto, with a stand-in for its program: the real one is in CI only."""

import re
import sys
from pathlib import Path

import pytest

from analysis.project.errors import AnalysisError
from analysis.site import build, quarto
from analysis.site.builtin import tree
from tests.conftest import PROJECT
from tests.standins.contrast import contrast


@pytest.fixture(autouse=True)
def a_project(tmp_path: Path) -> None:
    (tmp_path / "_quarto.yml").write_text('project: {render: ["/report/*.qmd"]}\n')
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.qmd").touch()


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, version: str, render: str = "") -> Path:
    program = folder / "quarto"
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = --version ]; then echo {version}; exit; fi\n{render}\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return program


@pytest.mark.parametrize(
    ("version", "fit"),
    [("1.9.38", True), ("1.10.0", True), ("2.0.0", True), ("1.8.27", False), ("nonsense", False)],
)
def test_a_fit_quarto_is_found(
    version: str, fit: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = install(tmp_path, monkeypatch, version)
    assert quarto.find() == (program if fit else None)


def test_no_quarto_is_no_error_until_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert quarto.find() is None
    with pytest.raises(AnalysisError, match="no quarto"):
        build.pages(tmp_path, "quarto")


def test_it_renders_with_this_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'mkdir -p $3/report; echo "$QUARTO_PYTHON $1" > $3/report/index.html'
    install(tmp_path, monkeypatch, "1.10.1", script)
    assert build.pages(tmp_path, "quarto") == [tmp_path / "_site" / "report" / "index.html"]
    assert (tmp_path / "_site/report/index.html").read_text().split() == [sys.executable, "render"]


def test_a_failure_shows_the_tail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "1.10.1", "echo the reason >&2; exit 1")
    with pytest.raises(AnalysisError, match=r"exit 1\D+the reason"):
        build.pages(tmp_path, "quarto")


@pytest.mark.parametrize(
    "warning",
    [
        "[WARNING] Unable to resolve crossref @fig-none",
        "WARN: Unable to resolve link target: none.qmd",
        "[WARNING] Citeproc: citation none2020 not found",
    ],
)
def test_an_unresolved_reference_is_an_error(
    warning: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "1.10.1", f"echo '{warning}' >&2")
    with pytest.raises(AnalysisError, match="none"):
        build.pages(tmp_path, "quarto")


@pytest.mark.parametrize(("theme", "paper"), [("light", "#ffffff"), ("dark", "#15181c")])
def test_links_in_quartos_themes_have_the_contrast_that_wcag_asks_for(
    theme: str, paper: str
) -> None:
    text = (PROJECT / "report" / f"quarto-{theme}.scss").read_text(encoding="utf-8")
    found = re.search(r"\$link-color: (#\w{6});", text)
    assert found
    assert contrast(found[1], paper) >= 4.5


PAGE = """<body><header id="quarto-header"><nav class="navbar navbar-expand-lg ">
<button class="navbar-toggler" type="button" aria-controls="navbarCollapse" role="menu"
 aria-expanded="false" aria-label="Toggle navigation"></button></nav></header>
<nav id="TOC" role="doc-toc"><ul><li>1 One</li></ul>
<div class="quarto-alternate-formats"><h2>Other Formats</h2><ul><li><a href="paper.pdf"><i
 class="bi"></i>PDF</a></li></ul></div></nav><main>
<header id="title-block-header"><h1>A</h1></header><p>Text.</p></main></body>"""


def test_quartos_template_is_mended() -> None:
    page = tree.read(quarto.mended(PAGE))
    bar = next(one for one in page.all("nav") if "navbar" in one.classes)
    (button,) = bar.all("button")
    assert bar.attributes["aria-label"] == "Site"
    assert "role" not in button.attributes and button.attributes["aria-expanded"] == "false"
    (title,) = (one for one in page.all("header") if one.attributes["id"].startswith("title"))
    assert [link.attributes["href"] for link in title.all("a")] == ["paper.pdf"]
    assert [link.attributes["href"] for link in page.all("a")] == ["paper.pdf"]
    assert quarto.mended("<p>Not a page of Quarto's</p>") == "<p>Not a page of Quarto's</p>"
