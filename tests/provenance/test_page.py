"""What a page shows of a figure: image and callout, in Markdown that both renderers read."""

import dataclasses
import json
import os
from pathlib import Path

import pytest

from analysis.paper.figures import raps, time_density
from analysis.project import environment
from analysis.project.errors import InputError
from analysis.provenance import drawings, page, shown
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
    monkeypatch.setattr(page, "pages_folder", lambda: tmp_path)
    return page.Figures(loaded, Store(tmp_path / "store"))


@pytest.fixture
def committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clean commit and an address of the repository."""
    clean = environment.environment() | {"commit": COMMIT}
    monkeypatch.setattr(page, "environment", lambda: clean)
    monkeypatch.setattr(page, "repository", lambda: "https://example.org/r")


def test_the_image_with_its_text_and_size(
    figures: page.Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_density, "alt", lambda results: 'Two "densities"\nover t.')
    shown = figures.show(LABEL)
    assert shown._repr_markdown_() == shown == (
        f'![](made/{LABEL}.svg){{fig-alt="Two \\"densities\\" over t\\." width=499 height=250}}'
    )  # fmt: skip
    assert {path.name for path in figures.folder.iterdir()} == {
        f"{LABEL}.{ending}"
        for ending in ("svg", "dark.svg", "narrow.svg", "narrow.dark.svg", "png", "csv", "json")
    }
    # 5.2 by 2.6 inches, in CSS pixels of 1/96 inch.
    assert drawings.size((figures.folder / f"{LABEL}.svg").read_bytes()) == (499, 250)


def test_no_percent_sign_in_what_quarto_takes_for_an_address(
    figures: page.Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It warns of "213 %;", seen with 1.11, and would show %41 as A."""
    monkeypatch.setattr(time_density, "alt", lambda results: "Off by 213\u00a0%; or 41%.")
    shown = figures.show(LABEL)
    assert "213 percent" in shown and "41 percent" in shown and "%" not in shown


@pytest.mark.slow
def test_pictures_are_shown_as_webp_on_a_screen_and_as_svg_on_paper(
    figures: page.Figures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = "fig-photographs"
    assert f"(made/{label}.webp)" in figures.show(label)
    assert (figures.folder / f"{label}.webp").is_file()
    told = tmp_path / "execute-info.json"
    monkeypatch.setenv("QUARTO_EXECUTE_INFO", str(told))
    for form, ending in (("html", "webp"), ("typst", "svg")):
        told.write_text(json.dumps({"format": {"identifier": {"target-format": form}}}))
        assert f"(made/{label}.{ending})" in figures.show(label)


def test_files_are_left_alone_while_nothing_changes(figures: page.Figures) -> None:
    figures.show(LABEL)
    for path in figures.folder.iterdir():
        os.utime(path, ns=(0, 0))
    (figures.folder / f"{LABEL}.csv").write_text("damaged", encoding="utf-8")
    figures.show(LABEL)
    written = {path.suffix for path in figures.folder.iterdir() if path.stat().st_mtime_ns}
    assert written == {".csv"}


@pytest.mark.parametrize("alt", ["", "  \n"])
def test_no_figure_without_alternative_text(
    figures: page.Figures, alt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raps, "alt", lambda results: alt)
    with pytest.raises(InputError, match="'fig-raps' has no alternative text"):
        figures.show("fig-raps")


def test_how_a_figure_was_made(figures: page.Figures, loaded: Results, committed: None) -> None:
    said = unescaped(figures.made("fig-rules"))
    place = shown.figure("fig-rules", loaded)[1].function
    path, line = place.split(":")
    assert f"[`{place}`](https://example.org/r/blob/{COMMIT}/{path}#L{line})" in said
    assert f"commit `{COMMIT[:12]}`." in said
    for name, measured in loaded.measured.items():
        assert f"`{name}` (key `{measured.provenance['key'][:12]}`" in said
    assert f"weights `{loaded.measured['taef2'].card.sha256[:12]}`" in said
    assert f"Images: {len(loaded.photographs)}, listed [with their credits](paper.qmd#tb" in said
    assert f"seed {loaded.study.seed}" in said
    assert "torch 2" in said
    assert "drawn with python" in said
    for ending in ("svg", "png", "csv"):
        assert f"](made/fig-rules.{ending})" in said
    assert "`timestep-spectra rebuild fig-rules --to figures`" in said


def test_hovering_a_table_tells_what_made_it(loaded: Results, figures: page.Figures) -> None:
    made = page.Tables(loaded).show("tbl-shift")
    head, table, end = made.split("\n\n")
    assert (table, end) == (shown.table("tbl-shift", loaded)[0], ":::")
    place = shown.table("tbl-shift", loaded)[1].function
    said = unescaped(head)
    assert said.startswith('::: {.told title="tbl-shift: The measured shift')
    assert f"; {place} of study bundled, from pixel " in said
    for name, m in loaded.measured.items():
        assert f"{name} {m.provenance['key'][:12]}" in said
    assert page.shown_of("bundled")["tbl-shift"]["results"] == list(loaded.measured)


def test_hovering_a_value_tells_what_made_it(loaded: Results, figures: page.Figures) -> None:
    v = page.values(loaded)
    said = unescaped(v.shift_taef2._repr_markdown_())
    assert said.startswith(f'[{v.shift_taef2}]{{.value title="shift_taef2: ')
    assert f"from taef2 {loaded.measured['taef2'].provenance['key'][:12]}" in said
    assert "pixel" not in said
    assert "from the settings alone" in unescaped(v.t_shifted._repr_markdown_())
    assert unescaped(v.t._repr_markdown_()).endswith('; data/studies/bundled.toml"}')
    assert set(page.shown_of("bundled")) == {"shift_taef2", "t", "t_shifted"}
    with pytest.raises(AttributeError, match="did you mean 'shift_taef2'"):
        v.shif_taef2  # noqa: B018


def test_files_of_another_study_lie_beside_the_papers(
    loaded: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "pages_folder", lambda: tmp_path)
    other = dataclasses.replace(loaded, study=loaded.study.model_copy(update={"name": "mine"}))
    shown = page.Figures(other, Store(tmp_path / "store")).show("fig-time-density")
    assert shown.startswith("![](made/mine/fig-time-density.svg)")
    assert (tmp_path / "made" / "mine" / "fig-time-density.csv").is_file()
    assert list(page.shown_of("mine")) == ["fig-time-density"]
    assert page.shown_of("bundled") == {}
