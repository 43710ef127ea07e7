"""Driving Quarto, with a stand-in for its program: the real one is in CI only."""

import itertools
import json
import re
import shutil
import sys
from pathlib import Path

import pytest
import typst
from pypdf import PdfReader

from analysis.project.errors import AnalysisError
from analysis.provenance import page
from analysis.site import build, quarto
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


def test_quartos_paper_has_a_running_head_and_tables_that_fit(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("report/quarto.typ", "analysis/site/builtin/paper.typ"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, project / name)
    monkeypatch.setenv("QUARTO_EXECUTE_INFO", str(project / "info.json"))
    (project / "pyproject.toml").write_text('[project]\nversion = "1.2"\n')
    for target in ("html", "typst"):
        info = {"format": {"identifier": {"target-format": target}}}
        (project / "info.json").write_text(json.dumps(info))
        page.edition()
        assert (project / "report/made/edition.txt").exists() == (target == "typst")
    # Quarto's template includes the file, and sets document and page afterwards.
    cells = ", ".join("[−0.55 [−0.65,~−0.43]]" for _ in range(7))
    (project / "paper.typ").write_text(
        '#include-here\n#set page(paper: "a4", margin: 3cm)\n#set document(title: [Shifts])\n'
        f"First.\n#pagebreak()\n#table(columns: 7, {cells})\n".replace(
            "#include-here", (project / "report/quarto.typ").read_text(encoding="utf-8")
        )
    )
    typst.compile(str(project / "paper.typ"), output=str(project / "a.pdf"), root=str(project))
    first, second = PdfReader(project / "a.pdf").pages
    assert "version" not in first.extract_text()
    assert "Shifts" in second.extract_text() and "version 1.2" in second.extract_text()
    # A table that is too wide for its text is set smaller, and its numbers over their intervals.
    pieces: list[tuple[float, str]] = []
    second.extract_text(visitor_text=lambda text, cm, tm, *_: pieces.append((cm[4], text.strip())))
    starts, texts = zip(*[piece for piece in pieces if "0.65" in piece[1]], strict=True)
    assert len(starts) == 7
    steps = [b - a for a, b in itertools.pairwise(starts)]
    assert min(steps) > 3.2 * len(texts[0])  # points a character, at the least size
