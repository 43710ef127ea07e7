"""The committed results: taken for exactly one request, written so that a change is a line."""

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.study import archive
from analysis.study.plan import Plan
from analysis.study.settings import load_study
from analysis.study.store import MissError, Request, Store, to_bytes

REQUEST = Request("measurement", 1, {"a": 1}, {"x": "y"})
ARRAYS = {"power": np.arange(4.0)}


def content(key: str = REQUEST.key) -> dict:
    return {
        "numbers": {"measured": 1.23456789, "interval": [float("nan"), 2.0]},
        "provenance": {"key": key},
    }


def read() -> tuple:
    return archive.read("tiny", REQUEST, "pixel", "no torch here")


def test_what_is_written_is_read(project: Path) -> None:
    path = archive.write("tiny", "pixel", ARRAYS, content())
    assert path == project / "data" / "results" / "tiny" / "pixel.json"
    arrays, provenance = read()
    np.testing.assert_array_equal(arrays["power"], ARRAYS["power"])
    assert provenance == {"key": REQUEST.key}


def test_whatever_the_study_is_called(project: Path) -> None:
    """By its key; the study's own is preferred, and a file that is written anew is read anew."""
    other = Request("measurement", 2, {"a": 1}, {"x": "y"}).key
    archive.write("first", "pixel", {"power": np.zeros(4)}, content())
    archive.write("tiny", "pixel", ARRAYS, content(other))
    np.testing.assert_array_equal(read()[0]["power"], np.zeros(4))
    path = archive.answering("tiny", REQUEST.key, "pixel")
    assert path is not None and archive.place(path) == "data/results/first"
    archive.write("tiny", "pixel", ARRAYS, content())
    np.testing.assert_array_equal(read()[0]["power"], ARRAYS["power"])
    archive.write("tiny", "pixel", ARRAYS, content(other))
    archive.write("first", "pixel", ARRAYS, content(other))
    said = "no torch here; and 'pixel' in data/results/tiny, data/results/first was made from other"
    with pytest.raises(MissError, match=said):
        read()


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_an_incomplete_result_is_none(project: Path, suffix: str) -> None:
    archive.write("tiny", "pixel", ARRAYS, content()).with_suffix(suffix).unlink()
    with pytest.raises(MissError, match="no torch here; and data/results has no 'pixel' either"):
        read()


@pytest.mark.parametrize(
    "text", ["<<<<<<< HEAD\n{}", "[]", "{}", '{"provenance": {}}', '{"provenance": {"key": null}}']
)
def test_a_json_that_says_no_key_is_refused(project: Path, text: str) -> None:
    archive.write("tiny", "pixel", ARRAYS, content()).write_text(text)
    with pytest.raises(MissError, match=r"damaged|made from other"):
        read()


def test_arrays_that_the_json_does_not_describe_are_refused(project: Path) -> None:
    path = archive.write("tiny", "pixel", ARRAYS, content())
    path.with_suffix(".npz").write_bytes(to_bytes({"power": np.zeros(4)}))
    with pytest.raises(archive.DamagedError, match=r"pixel\.npz in .* is not the file that its"):
        read()


def test_json_is_sorted_rounded_and_the_same_every_time(project: Path) -> None:
    path = archive.write("tiny", "pixel", ARRAYS, content())
    text, payload = path.read_text(), path.with_suffix(".npz").read_bytes()
    assert json.loads(text)["numbers"] == {"interval": [None, 2.0], "measured": 1.23457}
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=1) + "\n"
    archive.write("tiny", "pixel", ARRAYS, dict(reversed(content().items())))
    assert path.read_text() == text
    assert path.with_suffix(".npz").read_bytes() == payload


def test_rounding_keeps_what_is_no_float() -> None:
    value = {
        "i": 1234567,
        "s": "1.23456789",
        "b": True,
        "n": None,
        "t": (1 / 3, [np.float64(2 / 3)]),
        "inf": float("inf"),
    }
    assert archive.rounded(value) == {
        "i": 1234567, "s": "1.23456789", "b": True, "n": None,
        "t": [0.333333, [0.666667]], "inf": None,
    }  # fmt: skip


# Of a study ----------------------------------------------------------------------------------


def test_what_is_committed_is_told_from_what_is_not(tmp_path: Path) -> None:
    plan = Plan(load_study("bundled"), Store(tmp_path))
    card = plan.cards["taef2"]
    assert archive.is_committed(plan, card)
    assert archive.unanswered(plan, card) == {}
    told = archive.origin(plan, card, "no weights")
    assert told == "committed results in data/results/bundled: no weights"
    other = Plan(plan.study.model_copy(update={"seed": plan.study.seed + 1}), Store(tmp_path))
    assert not archive.is_committed(other, other.cards["taef2"])
    # Pictured latents have no seed in them.
    assert archive.unanswered(other, card).keys() == other.results_of(card).keys() - {"display"}


def test_what_another_study_committed_is_contributed(tmp_path: Path) -> None:
    study = load_study("bundled").model_copy(update={"name": "mine", "encoders": ("pixel",)})
    plan = Plan(study.model_copy(update={"display_encoder": "pixel"}), Store(tmp_path))
    assert set(archive.contributed(plan)) == {"linear-f8c16", "taef2"}
    card, request = archive.contributed(plan)["taef2"]
    assert request.key == plan.measurement_request(card).key
