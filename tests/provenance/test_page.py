"""What a page shows of a figure: image and callout, in Markdown that both renderers read."""

import json
import os
import re
from pathlib import Path

import pytest

from analysis.paper import findings
from analysis.paper.figures import photographs, raps, time_density
from analysis.project import environment
from analysis.project.errors import InputError
from analysis.provenance import inputs, page
from analysis.study.results import Results, load
from analysis.study.store import Store
from tests.conftest import unescaped

LABEL = "fig-time-density"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def loaded() -> Results:
    return load("bundled")


@pytest.fixture
def figures(loaded: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> page.Figures:
    found = page.Figures(loaded, Store(tmp_path / "store"))
    found.folder = tmp_path / "made"
    return found


@pytest.fixture
def committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clean commit and an address of the repository."""
    clean = environment.environment() | {"commit": COMMIT}
    monkeypatch.setattr(page, "environment", lambda: clean)
    monkeypatch.setattr(page, "repository", lambda: "https://example.org/r")


def test_the_image_with_its_text_and_size(figures: page.Figures) -> None:
    shown = figures.show(LABEL, time_density.draw, alt='Two "densities"\nover t.')
    assert shown._repr_markdown_() == shown == (
        f'![](made/{LABEL}.svg){{fig-alt="Two \\"densities\\" over t\\." width=499 height=250}}'
    )  # fmt: skip
    assert {path.name for path in figures.folder.iterdir()} == {
        f"{LABEL}.{ending}" for ending in ("svg", "png", "csv")
    }
    # 5.2 by 2.6 inches, in CSS pixels of 1/96 inch.
    assert page.size((figures.folder / f"{LABEL}.svg").read_bytes()) == (499, 250)


def test_pictures_are_shown_as_webp_on_a_screen_and_as_svg_on_paper(
    figures: page.Figures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = "fig-photographs"
    assert f"(made/{label}.webp)" in figures.show(label, photographs.draw, alt="x")
    assert (figures.folder / f"{label}.webp").is_file()
    told = tmp_path / "execute-info.json"
    monkeypatch.setenv("QUARTO_EXECUTE_INFO", str(told))
    for form, ending in (("html", "webp"), ("typst", "svg")):
        told.write_text(json.dumps({"format": {"identifier": {"target-format": form}}}))
        assert f"(made/{label}.{ending})" in figures.show(label, photographs.draw, alt="x")


def test_a_webp_goes_with_the_pictures(figures: page.Figures) -> None:
    figures.folder.mkdir()
    webp = figures.folder / f"{LABEL}.webp"
    webp.write_bytes(b"of an earlier drawing")
    assert f"(made/{LABEL}.svg)" in figures.show(LABEL, time_density.draw, alt="x")
    assert not webp.exists()


def test_files_are_left_alone_while_nothing_changes(figures: page.Figures) -> None:
    figures.show(LABEL, time_density.draw, alt="x")
    for path in figures.folder.iterdir():
        os.utime(path, ns=(0, 0))
    (figures.folder / f"{LABEL}.csv").write_text("damaged", encoding="utf-8")
    figures.show(LABEL, time_density.draw, alt="x")
    written = {path.suffix for path in figures.folder.iterdir() if path.stat().st_mtime_ns}
    assert written == {".csv"}


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_no_figure_without_alternative_text(
    figures: page.Figures, alt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raps, "alt", lambda results: alt)
    with pytest.raises(InputError, match="'fig-raps' has no alternative text"):
        figures.show("fig-raps")


def test_no_figure_under_another_s_label(figures: page.Figures) -> None:
    with pytest.raises(InputError, match="is drawn by"):
        figures.show("fig-raps", time_density.draw, alt="x")


def test_how_a_figure_was_made(figures: page.Figures, loaded: Results, committed: None) -> None:
    said = unescaped(figures.made("fig-rules"))
    place = inputs.place(inputs.path_of("fig-rules"))
    path, line = place.split(":")
    assert f"[`{place}`](https://example.org/r/blob/{COMMIT}/{path}#L{line})" in said
    assert f"commit `{COMMIT[:12]}`." in said
    for name, measured in loaded.measured.items():
        assert f"`{name}` (key `{measured.provenance['key'][:12]}`" in said
    assert f"weights `{loaded.measured['taef2'].card.sha256[:12]}`" in said
    assert f"Images: {len(loaded.photographs)}, listed in @tbl-photographs." in said
    assert f"seed {loaded.study.seed}" in said
    assert "torch 2" in said
    assert "drawn with python" in said
    for ending in ("svg", "png", "csv"):
        assert f"](made/fig-rules.{ending})" in said
    assert "`timestep-spectra rebuild fig-rules --to figures`" in said


def test_the_callout_is_for_html_and_keeps_the_numbers(figures: page.Figures) -> None:
    said = figures.made("fig-raps").splitlines()
    divs = [line for line in said if line.startswith(":::")]
    assert divs == [
        '::: {.content-visible when-format="html"}',
        '::: {.callout-note collapse="true" title="How this was made"}',
        ":::", ":::",
    ]  # fmt: skip
    assert not [line for line in said if re.search(r"\{#|^#", line)]


def test_a_figure_without_results_says_so(figures: page.Figures) -> None:
    said = figures.made(LABEL)
    assert "Reads no results" in said
    assert "@tbl-photographs" not in said


def test_no_link_without_an_address_or_to_a_commit_nobody_has(
    figures: page.Figures, committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for commit in ("unknown", f"{COMMIT}+changes"):
        monkeypatch.setattr(page, "environment", lambda now=commit: {"commit": now})
        assert "example.org" not in figures.made(LABEL)
    assert f"`{COMMIT[:12]}` with changes" in figures.made(LABEL)
    monkeypatch.setattr(page, "environment", lambda: {"commit": COMMIT})
    monkeypatch.setattr(page, "repository", lambda: "")
    assert "](http" not in figures.made(LABEL)


def test_the_repository_s_address(project: Path) -> None:
    page.repository.cache_clear()
    assert page.repository() == ""
    (project / "_quarto.yml").write_text(
        "project:\n  type: website\n  output-dir: _site\n  render: [/report/*.qmd]\n"
        "website:\n  title: T\n  repo-url: https://example.org/r/\n", encoding="utf-8",
    )  # fmt: skip
    (project / "report").mkdir()
    (project / "report" / "index.qmd").write_text("---\ntitle: T\n---\n", encoding="utf-8")
    page.repository.cache_clear()
    assert page.repository() == "https://example.org/r"
    page.repository.cache_clear()


def test_a_sentence_tells_what_made_it(loaded: Results) -> None:
    said = page.told(findings.abstract, loaded)
    assert findings.abstract(loaded) in said
    said = unescaped(said)
    line = findings.abstract.__code__.co_firstlineno
    assert f'{{.told title="findings.abstract (analysis/paper/findings.py:{line}) of study ' in said
    for name, m in loaded.measured.items():
        assert f"{name} {m.provenance['key'][:12]}" in said


def test_each_paragraph_tells_it(loaded: Results) -> None:
    def twice(results: Results) -> str:
        return "One [1, 2].\n\nTwo."

    def nothing(results: Results) -> str:
        return ""

    twice.__code__ = twice.__code__.replace(co_filename=str(inputs.PACKAGE / "x.py"))
    one, two = page.told(twice, loaded).split("\n\n")
    assert one.startswith("[One [1, 2].]{.told ")
    assert two.startswith("[Two.]{.told ")
    nothing.__code__ = nothing.__code__.replace(co_filename=str(inputs.PACKAGE / "x.py"))
    assert page.told(nothing, loaded) == ""
