"""Numbers as strings: nothing is hidden by rounding, and every value says where it comes from."""

import json
import math
import re

import numpy as np
import pytest

from analysis import results, values
from analysis.settings import AnalysisError, root
from analysis.shift import Estimate


@pytest.fixture(scope="module")
def loaded() -> results.Results:
    return results.load("bundled")


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1.5329, 3, "1.53"),
        (0.05, 2, "0.050"),
        (1234.5, 3, "1234"),
        (2e-7, 2, "2.0e-07"),
        (0, 3, "0.00"),
    ],
)
def test_number(value: float, digits: int, text: str) -> None:
    assert values.number(value, digits) == text


def test_number_has_a_unit_that_stays_with_it() -> None:
    assert values.number(30.92, 3, "dB") == "30.9\u00a0dB"


def test_number_refuses_what_is_none() -> None:
    with pytest.raises(ValueError, match="nan"):
        values.number(math.nan)


def test_fixed_refuses_to_hide_a_value() -> None:
    assert values.fixed(-0.693, 2) == "−0.69"
    assert values.fixed(0.0, 2) == "0.00"
    with pytest.raises(ValueError, match="more decimals"):
        values.fixed(0.004, 2)


def test_interval_of_one_photograph_is_said() -> None:
    assert values.interval(Estimate(1.5, 1.4, 1.6, (2, 16))) == "[1.40, 1.60]"
    assert "no interval" in values.interval(Estimate(1.5, math.nan, math.nan, (2, 16)))


def test_claim() -> None:
    assert values.claim(2 > 1, "Two is more.") == "Two is more."
    with pytest.raises(AnalysisError, match="contradict"):
        values.claim(1 > 2, "One is more.")


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
        assert getattr(v, f"shift_{key}") == f"{numbers['measured']:.2f}"
        low, high = numbers["interval"]
        assert getattr(v, f"interval_{key}") == f"[{low:.2f}, {high:.2f}]"
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
