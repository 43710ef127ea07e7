"""Sentences follow from the numbers, whatever these are."""

import dataclasses
import re
import types

import numpy as np
import pytest

from analysis import findings, formatting, literature, results
from analysis.rules import STAGES
from analysis.shift import Estimate, MeasuredShift
from tests.test_measured import CARD, known, other


@pytest.fixture(scope="module")
def loaded() -> results.Results:
    return results.load("bundled")


def pretend(measured, value: float, low: float, high: float):
    """The measurement with another shift."""
    whole = Estimate(value, low, high, measured.shift.whole.band)
    shift: MeasuredShift = dataclasses.replace(measured.shift, whole=whole)
    return types.SimpleNamespace(
        shift=shift, card=measured.card, study=measured.study, information=None
    )


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
        ((2.0, 1.9, 2.1), "2.00 [1.90,\u00a02.10] for `x`."),
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


def test_rules_are_counted_by_stage(loaded: results.Results) -> None:
    number = r"(\d+) (?:rules for \w+|use|lie|are|goe?s?)"
    sentences = findings.rules(loaded).split("it.")
    known = [formula for _, formula in literature.evaluable()]
    for stage, sentence in zip(STAGES, sentences, strict=False):
        assert f"rules for {stage}" in sentence
        counts = [int(n) for n in re.findall(number, sentence)]
        assert len(counts) == 5
        assert counts[0] == sum(counts[1:]) == sum(stage in formula.stages for formula in known)
        ratios = [formula.ratio(512, 1024) for formula in known if stage in formula.stages]
        assert counts[1] == sum(abs(ratio - 1) < 1e-9 for ratio in ratios)
        assert counts[4] == sum(not 1 - 1e-9 < ratio < 2 + 1e-9 for ratio in ratios)


def test_no_rule_inside_an_interval_is_said_of_learned_encoders_alone(
    loaded: results.Results,
) -> None:
    def said(*numbers: float) -> str:
        measured = {"x": pretend(loaded.measured["taef2"], *numbers), "pixel": pixel}
        return findings.rules(types.SimpleNamespace(measured=measured, study=loaded.study))

    pixel = pretend(loaded.measured["pixel"], 1.234, 1.2339, 1.2341)
    assert "None lies within the interval measured for `x`." in said(1.234, 1.2339, 1.2341)
    assert "None lies" not in said(2.0, 1.9, 2.1)


def test_limits_warn_of_few_images(loaded: results.Results) -> None:
    assert loaded.study.caution in findings.limits(loaded)
    few = types.SimpleNamespace(photographs=loaded.photographs[:2], study=loaded.study)
    assert "hardly more than the range" in findings.limits(few)
    assert "hardly more than the range" not in findings.limits(loaded)


def test_no_linear_code_no_sentence(loaded: results.Results) -> None:
    assert (
        findings.linear(types.SimpleNamespace(measured={"pixel": loaded.measured["pixel"]})) == ""
    )


@pytest.mark.parametrize(
    ("numbers", "verdict", "equivariant"),
    [
        ((1.5, 1.4, 1.6), "asks for less than the rule", False),
        ((2.5, 2.4, 2.6), "asks for more than the rule", True),
        ((2.0, 1.9, 2.1), "agrees with the rule", True),
        ((2.0, float("nan"), float("nan")), "has no interval", True),
    ],
)
def test_a_learned_encoders_paragraph_follows_the_interval(
    numbers: tuple, verdict: str, equivariant: bool
) -> None:
    one = known(card=CARD.model_copy(update={"kind": "taef2", "name": "x"}))
    fake = types.SimpleNamespace(
        **vars(pretend(one, *numbers)), shift_equal_channels=one.shift_equal_channels
    )
    text = findings.measured(types.SimpleNamespace(measured={"x": fake}))
    assert f"`x` {verdict}" in text
    assert ("not scale-equivariant" not in text) == equivariant


def test_the_pixel_paragraph_says_whether_the_rule_holds() -> None:
    card = CARD.model_copy(update={"kind": "pixel"})
    for q, words in ((4.0, "the rule holds"), (3.0, "the rule does not hold")):
        text = findings.measured(types.SimpleNamespace(measured={"x": known(q=q, card=card)}))
        assert words in text


def test_the_linear_paragraph_says_what_the_strongest_channel_decides() -> None:
    one = known()
    text = findings.measured(types.SimpleNamespace(measured={"x": one}))
    # One channel has twice the power of the other; bands and channels do not differ.
    assert "one channel alone has 67\u00a0% of the power in the low band" in text
    assert "folds more" not in text
    assert "weaker channels" not in text
    power = one.arrays["power_512"] * np.array([1.0, 0.25])[:, None]
    power[..., 10:] *= 0.5
    text = findings.measured(types.SimpleNamespace(measured={"x": other(one, power_512=power)}))
    assert "folds more" in text


def test_channels_are_counted_against_the_rule_and_ranked() -> None:
    def said(one) -> str:
        return findings.each_channel(types.SimpleNamespace(measured={"x": one}))

    one = known()
    assert said(one) == "The 2 channels of `x` agree to within 1\u00a0%."
    power = one.arrays["power_512"] * np.array([1.0, 0.36])[:, None]
    text = said(other(one, power_512=power))
    assert "Of the 2 channels of `x`, 1 has an interval wholly below the rule" in text
    assert "from 1.20 to 2.00" in text
    assert "rank" not in text  # of two channels
    power = one.arrays["power_512"] * np.array([1.44, 1.96])[:, None]
    assert "`x`, none have an interval" in said(other(one, power_512=power))
    # Ten channels that are steeper the more they grow.
    k, growth = one.k(512).clip(0.5), np.linspace(1.0, 2.0, 10)
    low, high = (
        one.arrays[f"power_{side}"][:, :1]
        * one.k(side).clip(0.5) ** -np.linspace(0, 1, 10)[:, None]
        for side in (256, 512)
    )
    ten = other(one, power_256=low, power_512=high * growth[:, None] ** 2 / 4)
    assert len(k) == high.shape[-1]
    assert "(rank correlation of γ and $s$: 1.00)" in said(ten)
    single = {f"power_{side}": one.arrays[f"power_{side}"][:, :1] for side in (256, 512)}
    assert said(other(one, **single)) == ""


def test_rules_inside_the_information_matched_interval_are_named(
    loaded: results.Results,
) -> None:
    def said(low: float, high: float) -> str:
        one = pretend(loaded.measured["taef2"], 1.5, 1.49, 1.51)
        whole = one.shift.whole
        one.information = types.SimpleNamespace(matched=Estimate(1.5, low, high, whole.band))
        return findings.rules(types.SimpleNamespace(measured={"x": one}, study=loaded.study))

    assert said(1.41, 1.42).endswith("shift of `x` lies Matryoshka Diffusion, default.")
    assert said(1.49, 1.51).endswith("shift of `x` none lies, either.")
    assert "Qwen-Image" in said(1.1, 1.2)
