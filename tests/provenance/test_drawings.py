"""Files of figures: equal for equal numbers, drawn once, stamped with what they were made from."""

import csv
import dataclasses
import io
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from analysis.paper.figures import time_density
from analysis.paper.series import Data, Picture, Series
from analysis.project import environment
from analysis.provenance import drawings, shown
from analysis.study import results
from analysis.study.results import Results
from analysis.study.store import Store

LABEL = "fig-time-density"
DC = "{http://purl.org/dc/elements/1.1/}"


@pytest.fixture(scope="module")
def loaded() -> Results:
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


def changed(found: Results) -> Results:
    """Results with other numbers for the displayed encoder, under the key that they had."""
    name = found.study.display_encoder
    arrays = {key: 2 * array for key, array in found.measured[name].arrays.items()}
    other = dataclasses.replace(found.measured[name], arrays=arrays)
    return dataclasses.replace(found, measured={**found.measured, name: other})


def test_an_unchanged_figure_is_drawn_once(
    loaded: Results, store: Store, counted: list[str]
) -> None:
    first, record = drawings.files(LABEL, loaded, store)
    assert drawings.files(LABEL, loaded, store) == (first, record)
    assert counted == ["drawn"]
    assert set(first) == {"svg", "png", "csv", "dark.svg", "narrow.svg", "narrow.dark.svg"}
    other, _ = drawings.files(LABEL, loaded, Store(store.folder.parent / "other"))
    assert other == first, "the same inputs give the same bytes"


def test_a_changed_result_is_drawn_anew(loaded: Results, store: Store, counted: list[str]) -> None:
    for number, found in enumerate((loaded, changed(loaded)), 1):
        for _ in range(2):
            made, _ = drawings.files("fig-raps", found, store)
        assert len(counted) == number
        k, power = (
            getattr(found.measured[found.study.display_encoder], of) for of in ("k", "power")
        )
        index, high = found.photographs.index(found.display.photograph), found.study.high
        rows = csv.DictReader(line for line in made["csv"].decode().splitlines() if line[0] != "#")
        drawn = {
            row["x"]: row["y"] for row in rows if row["series"] == f"latents, {found.study.high} px"
        }
        assert float(drawn[f"{k(high)[1]:.6g}"]) == pytest.approx(power(high)[index, 1], rel=1e-5)


def test_changed_code_is_drawn_anew(
    loaded: Results,
    store: Store,
    counted: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    drawings.files(LABEL, loaded, store)
    assert time_density.__file__
    other = tmp_path / "other.py"
    other.write_bytes(Path(time_density.__file__).read_bytes() + b"\n# another")
    monkeypatch.setattr(drawings, "DRAWING", [*drawings.DRAWING[:-1], other])
    drawings.files(LABEL, loaded, store)
    monkeypatch.setattr(time_density, "__file__", str(other))
    drawings.files(LABEL, loaded, store)
    assert len(counted) == 3


CURVE = Series("a", "one", np.array([1.0, 2.0]), np.array([3.0, 4.0]))


@pytest.mark.parametrize(
    "other",
    [
        Data((dataclasses.replace(CURVE, y=np.array([3.0, np.nextafter(4.0, 5)])),)),
        Data((dataclasses.replace(CURVE, name="other"),)),
        Data((dataclasses.replace(CURVE, lower=CURVE.x),)),
        Data((CURVE, CURVE)),
        Data((CURVE,), (Picture("a", "p", np.zeros((2, 2))),)),
        Data((CURVE,), axes={"a": ("x", "y")}),
        Data((CURVE,), notes={"side": 512}),
        Data((CURVE,), notes={"side": 512.0}),
        Data((CURVE,), notes={"side": [{"of": (np.float64(512),)}]}),
    ],
)
def test_other_numbers_have_another_digest(other: Data) -> None:
    assert drawings.digest(Data((CURVE,))) == drawings.digest(Data((dataclasses.replace(CURVE),)))
    assert drawings.digest(other) != drawings.digest(Data((CURVE,)))


def test_the_csv_has_what_is_drawn() -> None:
    nan = np.nan
    bars = Series("b", "shift, τ", np.array([0.0, 1]), np.array([2, nan]), np.array([1.5, nan]),
                  np.array([2.5, 3]), ("pixel", "ta\nef2"))  # fmt: skip
    data = Data((CURVE, bars), axes={"a": ("k (cycles)", "power")}, notes={"rule": 2.0000001})
    text = drawings.table(data)
    assert text.splitlines()[:2] == ["# a; x: k (cycles); y: power", "# rule: 2"]
    rows = list(csv.DictReader(line for line in text.splitlines() if line[0] != "#"))
    assert list(rows[0]) == list(drawings.CURVES)
    assert [row["panel"] for row in rows] == ["a", "a", "b", "b"]
    assert [(row["series"], row["x"], row["y"]) for row in rows[:2]] == [
        ("one", "1", "3"),
        ("one", "2", "4"),
    ]
    assert [row["lower"] for row in rows] == ["", "", "1.5", ""]
    assert [row["category"] for row in rows[2:]] == ["pixel", "ta ef2"]


def test_pictures_are_told_by_size_and_range() -> None:
    pixels = np.arange(6.0).reshape(2, 3)
    (row,) = csv.DictReader(
        io.StringIO(drawings.table(Data(pictures=(Picture("a", "field", pixels),))))
    )
    assert row == {
        "panel": "a", "image": "field", "width": "3", "height": "2", "minimum": "0",
        "maximum": "5", "mean": "2.5", "std": f"{pixels.std():.6g}",
    }  # fmt: skip


def test_a_readers_own_settings_change_nothing(loaded: Results, tmp_path: Path) -> None:
    plain, _ = drawings.files(LABEL, loaded, Store(tmp_path / "one"))
    own = {"figure.dpi": 150, "lines.linestyle": ":", "xtick.direction": "in", "svg.hashsalt": "x"}
    with mpl.rc_context(own):
        assert drawings.files(LABEL, loaded, Store(tmp_path / "other"))[0] == plain
        assert mpl.rcParams["figure.dpi"] == 150


def test_numbers_in_the_svg_are_rounded_and_not_in_its_text(loaded: Results, store: Store) -> None:
    tree = ElementTree.fromstring(drawings.files(LABEL, loaded, store)[0]["svg"])
    paths = [e.get("d", "") for e in tree.iter("{http://www.w3.org/2000/svg}path")]
    numbers = [n for path in paths for n in path.split() if "." in n]
    assert numbers
    assert all(len(number.partition(".")[2]) <= 2 for number in numbers)


def test_every_file_carries_the_facts(loaded: Results, store: Store) -> None:
    label = "fig-raps"
    made, record = drawings.files(label, loaded, store)
    facts = drawings.facts(record, loaded)
    (input_,) = record.taken.inputs
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
    csv_lines = made["csv"].decode().splitlines()
    for name, text in facts.items():
        assert f"# {name}: {text}" in csv_lines


def test_facts_are_escaped(loaded: Results, store: Store) -> None:
    data, _ = shown.figure(LABEL, loaded)
    made = drawings.drawing(LABEL, data, "bundled", store) | {"csv": b""}
    svg = drawings.stamped(made, {"Title": "a < b & c"})["svg"]
    assert next(ElementTree.fromstring(svg).iter(f"{DC}title")).text == "a < b & c"


def test_pages_that_run_at_once_draw_it_once(
    loaded: Results, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, started = [], threading.Barrier(2)

    def slowly(draw: Callable[[], Figure]) -> dict[str, bytes]:
        calls.append(draw)
        time.sleep(0.2)  # time enough for the other to look
        return {"svg": b"drawn"}

    def draw(_: int) -> dict[str, bytes]:
        started.wait(10)
        return drawings.drawing(LABEL, data, "bundled", Store(store.folder))

    monkeypatch.setattr(drawings, "_drawn", slowly)
    data, _ = shown.figure(LABEL, loaded)
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(draw, range(2))) == [{"svg": b"drawn"}] * 2
    assert len(calls) == 1
