"""Sentences follow from the numbers, whatever these are."""

import dataclasses
import types

import pytest

from analysis import findings, results
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
        ((2.01, 1.99, 2.03), "near"),
        ((1.5, 1.4, 1.6), "below"),
        ((2.5, 2.3, 2.7), "above"),
        ((1.8, 1.5, 2.1), "open"),
        ((1.5, float("nan"), float("nan")), "open"),
    ],
)
def test_verdict(loaded: results.Results, numbers: tuple, expected: str) -> None:
    assert findings.verdict(pretend(loaded.measured["taef2"], *numbers)) == expected


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((1.5, 1.4, 1.6), "less than the rule"),
        ((2.5, 2.3, 2.7), "more than the rule"),
        ((1.8, 1.5, 2.1), "do not decide"),
        ((2.0, 1.9, 2.1), "agreement"),
    ],
)
def test_abstract_words_follow_the_interval(
    loaded: results.Results, numbers: tuple, words: str
) -> None:
    measured = {"x": pretend(loaded.measured["taef2"], *numbers)}
    text = findings.abstract(types.SimpleNamespace(measured=measured))
    assert words in text
    assert f"{numbers[0]:.2f}" in text


def test_findings_carry_the_numbers(loaded: results.Results) -> None:
    text = findings.measured(loaded) + findings.abstract(loaded)
    for measured in loaded.measured.values():
        assert f"{measured.shift.whole.value:.2f}" in text
    assert "30.9" in findings.linear(loaded)
    assert all(f"`{name}`" in findings.ratio(loaded) for name in loaded.measured)


def test_no_linear_code_no_sentence(loaded: results.Results) -> None:
    assert (
        findings.linear(types.SimpleNamespace(measured={"pixel": loaded.measured["pixel"]})) == ""
    )
