"""Files of figures: equal for equal inputs, drawn once, stamped with what they were made from."""

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from PIL import Image

from analysis.paper.figures import photographs, time_density
from analysis.project import environment
from analysis.project.errors import InputError
from analysis.provenance import drawings, inputs
from analysis.study import results
from analysis.study.store import Store

LABEL = "fig-time-density"
DC = "{http://purl.org/dc/elements/1.1/}"


@pytest.fixture(scope="module")
def loaded() -> results.Results:
    return results.load("bundled")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes every drawing that is really made."""
    calls: list[str] = []
    draw = drawings._drawn

    def noting(function: Callable[[], Figure]) -> dict[str, bytes]:
        calls.append("drawn")
        return draw(function)

    monkeypatch.setattr(drawings, "_drawn", noting)
    return calls


def test_an_unchanged_figure_is_drawn_once(
    loaded: results.Results, store: Store, counted: list[str]
) -> None:
    first = drawings.drawing(LABEL, loaded, store)
    assert drawings.drawing(LABEL, loaded, store, time_density.draw) == first
    assert counted == ["drawn"]
    assert set(first) == {"svg", "png", "csv"}
    other = drawings.drawing(LABEL, loaded, Store(store.folder.parent / "other"))
    assert other == first, "the same inputs give the same bytes"


def test_a_readers_own_settings_change_nothing(loaded: results.Results, tmp_path: Path) -> None:
    plain = drawings.drawing(LABEL, loaded, Store(tmp_path / "one"))
    own = {"figure.dpi": 150, "lines.linestyle": ":", "xtick.direction": "in", "svg.hashsalt": "x"}
    with mpl.rc_context(own):
        assert drawings.drawing(LABEL, loaded, Store(tmp_path / "other")) == plain
        assert mpl.rcParams["figure.dpi"] == 150


def test_what_a_drawing_depends_on(
    loaded: results.Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = drawings._request("fig-raps", loaded).key
    study = loaded.study.model_copy(update={"t": 0.25})
    assert drawings._request("fig-raps", dataclasses.replace(loaded, study=study)).key != key
    name = loaded.study.display_encoder
    shown = loaded.measured[name]
    changed = dataclasses.replace(shown, provenance=shown.provenance | {"key": "0" * 64})
    measured = loaded.measured | {name: changed}
    assert drawings._request("fig-raps", dataclasses.replace(loaded, measured=measured)).key != key
    # Another encoder's result is not in this figure.
    measured = loaded.measured | {"pixel": changed}
    assert drawings._request("fig-raps", dataclasses.replace(loaded, measured=measured)).key == key
    monkeypatch.setattr(drawings, "_code", lambda path: "other source")
    assert drawings._request("fig-raps", loaded).key != key


def test_the_code_of_a_drawing_is_all_that_it_imports() -> None:
    path = inputs.path_of("fig-fit-ratio")
    imported = {file.stem for file in drawings._imports(path)}
    assert {"style", "series", "text", "powerlaw", "results", "weighting"} == imported
    plot = {file.stem for file in drawings._imports(inputs.PACKAGE / "timesteps" / "weighting.py")}
    assert plot, "what is imported imports, too"


def test_older_drawings_of_a_figure_go(
    loaded: results.Results, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def entries() -> list[str]:
        return sorted(path.name for path in store.folder.rglob("*.*"))

    drawings.drawing("fig-noise-afar", loaded, store)
    kept = entries()
    drawings.drawing(LABEL, loaded, store)
    old = set(entries())
    monkeypatch.setattr(drawings, "_code", lambda path: "other source")
    drawings.drawing(LABEL, loaded, store)
    assert set(kept) < old
    assert len(entries()) == len(old)
    assert set(entries()) & old == set(kept)


def test_another_figure_s_function_is_refused(loaded: results.Results, store: Store) -> None:
    with pytest.raises(InputError, match=r"'fig-time-density' is drawn by .*time_density, not by"):
        drawings.drawing(LABEL, loaded, store, photographs.draw)


def test_pictures_come_with_webp(loaded: results.Results, store: Store) -> None:
    made = drawings.drawing("fig-photographs", loaded, store)
    with Image.open(io.BytesIO(made["webp"])) as small, Image.open(io.BytesIO(made["png"])) as png:
        assert small.format == "WEBP"
        assert small.size == png.size
    assert len(made["webp"]) < len(made["svg"]) / 4


def test_numbers_in_the_svg_are_rounded_and_not_in_its_text(
    loaded: results.Results, store: Store
) -> None:
    tree = ElementTree.fromstring(drawings.drawing(LABEL, loaded, store)["svg"])
    paths = [e.get("d", "") for e in tree.iter("{http://www.w3.org/2000/svg}path")]
    numbers = [n for path in paths for n in path.split() if "." in n]
    assert numbers
    assert all(len(number.partition(".")[2]) <= 2 for number in numbers)


def test_every_file_carries_the_facts(loaded: results.Results, store: Store) -> None:
    label = "fig-raps"
    facts = drawings.facts(label, loaded)
    made = drawings.stamped(drawings.drawing(label, loaded, store), facts)
    (input_,) = inputs.inputs(label, loaded)
    assert input_.key in facts["Relation"]
    assert facts["Date"] == input_.date
    assert "analysis/paper/figures/raps.py:" in facts["Source"]
    assert environment.environment()["commit"] in facts["Source"]
    assert f"seed {loaded.study.seed}" in facts["Coverage"]
    assert "matplotlib" in facts["Creator"]
    assert "LGPL-3.0-only" in facts["Rights"]
    # matplotlib, ElementTree and Pillow read back what we wrote.
    tree = ElementTree.fromstring(made["svg"])
    for name, text in facts.items():
        (element,) = tree.iter(f"{DC}{name.lower()}") if name != "Title" else [
            next(tree.iter(f"{DC}title"))
        ]  # fmt: skip
        inner = element.find(f".//{DC}title")
        assert (element if inner is None else inner).text == text
    assert "@@" not in made["svg"].decode()
    with Image.open(io.BytesIO(made["png"])) as image:
        image.load()
        assert {name: str(image.info[name]) for name in facts} == facts
    lines = made["csv"].decode().splitlines()
    for name, text in facts.items():
        assert f"# {name}: {text}" in lines


def test_a_figure_that_reads_nothing_has_no_date(loaded: results.Results, store: Store) -> None:
    facts = drawings.facts(LABEL, loaded)
    made = drawings.stamped(drawings.drawing(LABEL, loaded, store), facts)
    assert "Date" not in facts
    assert list(ElementTree.fromstring(made["svg"]).iter(f"{DC}date")) == []


def test_facts_are_escaped(loaded: results.Results, store: Store) -> None:
    made = drawings.drawing(LABEL, loaded, store)
    svg = drawings.stamped(made, {"Title": "a < b & c"})["svg"]
    assert next(ElementTree.fromstring(svg).iter(f"{DC}title")).text == "a < b & c"
