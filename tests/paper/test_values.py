"""Values for the pages: each has a text, a meaning and a source, and follows the results."""

import json
import re
import subprocess

import numpy as np
import pytest

from analysis.paper import values
from analysis.project.files import root
from analysis.site.builtin import pandoc
from analysis.study import results
from tests.conftest import unescaped


@pytest.fixture(scope="module")
def loaded() -> results.Results:
    return results.load("bundled")


def test_unknown_value_suggests_the_nearest(loaded: results.Results) -> None:
    v = values.of(loaded)
    with pytest.raises(AttributeError, match="did you mean 'shift_taef2'"):
        _ = v.shift_taef3


def test_every_value_is_text_with_meaning_and_source(loaded: results.Results) -> None:
    v = values.of(loaded)
    for name in v.names():
        value = v.value(name)
        assert value.text == getattr(v, name)
        assert value.text, name
        assert value.meaning, name
        assert value.source, name
        if value.source.endswith((".json", ".toml")):
            assert (root() / value.source).is_file(), value.source


def test_values_equal_the_committed_numbers(loaded: results.Results) -> None:
    v = values.of(loaded)
    for name in loaded.measured:
        path = root() / "data" / "results" / "bundled" / f"{name}.json"
        numbers = json.loads(path.read_text())["numbers"]
        key = values.identifier(name)
        low, high = numbers["interval"]
        decimals = 3 if high - low < 0.02 else 2
        assert getattr(v, f"shift_{key}") == f"{numbers['measured']:.{decimals}f}"
        assert getattr(v, f"interval_{key}") == f"[{low:.{decimals}f},\u00a0{high:.{decimals}f}]"
        assert getattr(v, f"exponent_{key}") == f"{numbers['exponent']:.2f}"


def test_bundled_measurements_keep_to_what_the_issue_asks(loaded: results.Results) -> None:
    pixel = loaded.measured["pixel"].shift
    for band in ("low", "middle"):
        assert pixel.bands[band].value == pytest.approx(2.0, rel=0.05)
    assert loaded.t_shifted == pytest.approx(1 / 3, abs=1e-12)


def test_crossing_is_where_the_snr_is_one(loaded: results.Results) -> None:
    measured = loaded.measured["linear-f8c16"]
    side = loaded.study.high
    k = values.crossing(measured, 0, side)
    ratio = measured.power(side)[0, 1:] / measured.expected_noise(side)[1:]
    at = np.exp(np.interp(np.log(k), np.log(measured.k(side)[1:]), np.log(ratio)))
    assert at == pytest.approx(1, rel=1e-9)


def test_snr_mismatch_at_equal_t_is_the_shift_squared(loaded: results.Results) -> None:
    measured = loaded.measured["taef2"]
    means = [
        values.snr_mismatch(measured, i, loaded.study.t)[0] for i in range(len(loaded.photographs))
    ]
    # Rings weigh the same here and octaves in the shift, so this agrees only roughly.
    assert np.exp(np.mean(np.log(means))) == pytest.approx(measured.shift.whole.value**2, rel=0.1)


def test_identifier_is_a_python_name() -> None:
    assert re.fullmatch(r"[a-z_0-9]+", values.identifier("linear-f8c16"))


def test_a_value_names_its_result_where_it_is_hovered(loaded: results.Results) -> None:
    v = values.of(loaded)
    shown = v.shift_taef2._repr_markdown_()
    text, _, rest = shown.partition("]{.value title=")
    assert text == "[" + str(v.shift_taef2).replace(".", "\\.")
    rest = unescaped(rest)
    assert rest.startswith('"shift_taef2: measured shift of taef2')
    assert rest.endswith('data/results/bundled/taef2.json"}')
    assert "|" not in shown, "a pipe would break a table"


def test_a_value_shown_is_read_back_by_pandoc() -> None:
    said = values.Text('5 [*"x"*] {.a}')
    said.said = 'n: a "quoted" \\ meaning {x}; [y] `z`'
    document = json.loads(
        subprocess.run(
            [pandoc.program(), "--from=markdown-smart", "--to=json"],
            input=said._repr_markdown_(), capture_output=True, encoding="utf-8", check=True,
        ).stdout
    )  # fmt: skip
    (block,) = document["blocks"]
    (span,) = block["c"]
    (identifier, classes, attributes), inside = span["c"]
    assert (identifier, classes) == ("", ["value"])
    assert attributes == [["title", said.said]]
    assert "".join(one.get("c", " ") for one in inside) == str(said)


def test_text_is_a_string_like_any_other(loaded: results.Results) -> None:
    v = values.of(loaded)
    assert f"{v.t_shifted}" == str(v.t_shifted) == v.value("t_shifted").text
    assert "value" not in "".join([v.t_shifted, v.study])
    assert values.Text("a_b")._repr_markdown_() == "a\\_b"
