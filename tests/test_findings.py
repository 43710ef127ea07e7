"""Sentences follow from the numbers, whatever these are."""

import dataclasses
import re
import types

import pytest

from analysis import findings, formatting, literature, results
from analysis.shift import Estimate, MeasuredShift


@pytest.fixture(scope="module")
def loaded() -> results.Results:
    return results.load("bundled")


def pretend(measured, value: float, low: float, high: float):
    """The measurement with another shift."""
    whole = Estimate(value, low, high, measured.shift.whole.band)
    shift: MeasuredShift = dataclasses.replace(measured.shift, whole=whole)
    return types.SimpleNamespace(shift=shift, card=measured.card, study=measured.study)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((2.01, 1.99, 2.03), "agrees"),
        ((1.97, 1.94, 1.98), "below"),
        ((2.5, 2.3, 2.7), "above"),
        ((1.5, float("nan"), float("nan")), "open"),
    ],
)
def test_verdict_is_the_intervals(loaded: results.Results, numbers: tuple, expected: str) -> None:
    assert findings.verdict(pretend(loaded.measured["taef2"], *numbers)) == expected


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((1.5, 1.4, 1.6), "an exponent of 0.58 instead of 1"),
        ((2.5, 2.3, 2.7), "an exponent of 1.32 instead of 1"),
        ((1.97, 1.94, 1.98), "1.5\u00a0% below the rule"),
        ((2.0, 1.9, 2.1), "2.00 [1.90, 2.10] for `x`."),
    ],
)
def test_abstract_words_follow_the_interval(
    loaded: results.Results, numbers: tuple, words: str
) -> None:
    measured = {"x": pretend(loaded.measured["taef2"], *numbers)}
    text = findings.abstract(types.SimpleNamespace(measured=measured, theory=2.0))
    assert words in text


def test_findings_carry_the_numbers(loaded: results.Results) -> None:
    text = findings.measured(loaded) + findings.abstract(loaded)
    for measured in loaded.measured.values():
        assert formatting.estimate(measured.shift.whole) in text
    assert "30.9" in findings.linear(loaded)
    assert all(f"`{name}`" in findings.ratio(loaded) for name in loaded.measured)


def test_rules_are_counted(loaded: results.Results) -> None:
    counts = [
        int(n)
        for n in re.findall(
            r"(?<![\d.=$])\b(\d+)(?: rows| use| lie| are| go)", findings.rules(loaded)
        )
    ]
    assert counts[0] == sum(counts[1:]) == len(literature.shown())


def test_limits_warn_of_few_images(loaded: results.Results) -> None:
    assert loaded.study.caution in findings.limits(loaded)
    few = types.SimpleNamespace(photographs=loaded.photographs[:2], study=loaded.study)
    assert "hardly more than the range" in findings.limits(few)
    assert "hardly more than the range" not in findings.limits(loaded)


def test_no_linear_code_no_sentence(loaded: results.Results) -> None:
    assert (
        findings.linear(types.SimpleNamespace(measured={"pixel": loaded.measured["pixel"]})) == ""
    )
