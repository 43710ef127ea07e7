"""Figures, tables and values are found by their names, with what makes them and from what."""

import gc
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.project.files import PACKAGE
from analysis.provenance import drawings, shown
from analysis.study import results
from analysis.study.results import Results


@pytest.fixture(scope="module")
def loaded() -> Results:
    return results.load("bundled")


def begins(place: str) -> str:
    """The line of the source that a place names."""
    path, _, line = place.partition(":")
    return (PACKAGE.parent / path).read_text(encoding="utf-8").splitlines()[int(line) - 1]


def test_a_table_is_what_its_function_gives(loaded: Results) -> None:
    for label, function in shown.tables().items():
        made, record = shown.table(label, loaded)
        assert made == function(loaded)
        assert record.title == inspect.getdoc(function)
        assert begins(record.function).startswith(f"def {function.__name__}(")


@pytest.mark.slow
@pytest.mark.parametrize("label", shown.figures())
def test_a_drawing_is_made_by_the_code_that_is_its_key(label: str, loaded: Results) -> None:
    data, _ = shown.figure(label, loaded)
    module, ran = shown.module(label), set[str]()
    gc.collect()  # what others left is not ended meanwhile
    sys.setprofile(lambda frame, event, argument: ran.add(frame.f_code.co_filename))
    try:
        module.draw(data)
    finally:
        sys.setprofile(None)
    own = {Path(file) for file in ran if file.startswith(str(PACKAGE))}
    assert Path(str(module.__file__)) in own
    assert own <= {Path(str(module.__file__)), *drawings.DRAWING}


# What each reads, as their captions say it.
SHOWN = {
    "fig-measured-shift": "all",
    "fig-raps": "displayed",
    "fig-fourier": ["display"],
    "fig-time-density": [],
    "fig-channel-rule": ["channel-rule"],
    "fig-experiment": ["experiment"],
    "fig-encoders": "all",
    "tbl-shift": "all",
    "tbl-rules": [],
    "tbl-sampler": ["sampler-pixel", "sampler-linear-f8c16", "sampler-taef2"],
}


@pytest.mark.parametrize("label", SHOWN)
def test_what_it_was_made_from(label: str, loaded: Results) -> None:
    make: Callable[..., Any] = shown.figure if label.startswith("fig-") else shown.table
    named = {"all": [*loaded.measured], "displayed": [loaded.study.display_encoder]}
    _, record = make(label, loaded)
    expected = SHOWN[label]
    names = [one.name for one in record.taken.inputs]
    assert names == (named[expected] if isinstance(expected, str) else expected)
    assert record.json()["results"] == names


def test_where_pages_show_it(project: Path) -> None:
    (project / "report" / "paper").mkdir(parents=True)
    (project / "report" / "index.qmd").write_text(
        "::: {#fig-raps}\n:::\n\n`{python} v.t`, `{python} v.t_shifted`, `{python} v.t`\n"
    )
    (project / "report" / "paper" / "_a.qmd").write_text("{#tbl-shift} @fig-raps `{python} v.t`\n")
    assert shown.on_pages() == {
        "fig-raps": ["report/index.qmd:1"],
        "t": ["report/index.qmd:4", "report/paper/_a.qmd:1"],
        "t_shifted": ["report/index.qmd:4"],
        "tbl-shift": ["report/paper/_a.qmd:1"],
    }


def test_all_that_pages_show_is_known(loaded: Results) -> None:
    known = {*shown.figures(), *shown.tables(), *(one.name for one in shown.values(loaded))}
    on_pages = shown.on_pages()
    assert set(on_pages) <= known
    assert len(on_pages) > 60
