"""Numbers as text: nothing is hidden by rounding."""

import math
import re

import pytest

from analysis.paper.text import (
    estimate,
    fixed,
    interval,
    listing,
    number,
    percent,
    plain,
    resolved,
    table,
)
from analysis.spectra.intervals import Estimate


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
    assert number(value, digits) == text


def test_number_has_a_unit_that_stays_with_it() -> None:
    assert number(30.92, 3, "dB") == "30.9\u00a0dB"


def test_number_refuses_what_is_none() -> None:
    with pytest.raises(ValueError, match="nan"):
        number(math.nan)


def test_fixed_refuses_to_hide_a_value() -> None:
    assert fixed(-0.693, 2) == "−0.69"
    assert fixed(0.0, 2) == "0.00"
    with pytest.raises(ValueError, match="more decimals"):
        fixed(0.004, 2)


def test_interval_of_one_photograph_is_said() -> None:
    assert interval(Estimate(1.5, 1.4, 1.6, (2, 16))) == "[1.40,\u00a01.60]"
    assert estimate(Estimate(1.9956, 1.993, 1.9973, (2, 16))) == "1.996 [1.993,\u00a01.997]"
    assert "no interval" in interval(Estimate(1.5, math.nan, math.nan, (2, 16)))


def test_plain_may_be_zero() -> None:
    assert plain(-0.003, 2) == "0.00"
    assert plain(-0.42, 2) == "−0.42"


@pytest.mark.parametrize(
    ("share", "decimals", "text"),
    [(0.942, 0, "94\u00a0%"), (0.0018, 0, "0.2\u00a0%"), (0.0, 1, "0.0\u00a0%")],
)
def test_percent(share: float, decimals: int, text: str) -> None:
    assert percent(share, decimals) == text


def test_listing() -> None:
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "c"]) == "a, b and c"


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((1.9998087, 1.9996796, 1.9999354), "1.99981 [1.99968,\u00a01.99994]"),
        ((1.9973, 1.9955, 1.9979), "1.997 [1.996,\u00a01.998]"),
        ((1.53, 1.44, 1.62), "1.53 [1.44,\u00a01.62]"),
        ((2.0, 2.0, 2.0), "2.000 [2.000,\u00a02.000]"),
        ((1.5, math.nan, math.nan), "1.50 (no interval below three images)"),
    ],
)
def test_an_interval_is_never_rounded_to_a_point(ends: tuple, text: str) -> None:
    assert resolved(Estimate(*ends, (2.0, 16.0))) == text


def test_table_has_one_width() -> None:
    made = table(["a", "b|c"], [["1", "2"], ["3", "4"]], "lr")
    assert made.splitlines()[1] == "| :--- | ---: |"
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in made.splitlines()} == {3}
