"""Sentences follow from the numbers, whatever these are."""

import dataclasses
import types

import numpy as np
import pytest

from analysis.paper import findings
from analysis.paper.text import estimate
from analysis.shift.channel_rule import ChannelRule
from analysis.shift.equal_snr import MeasuredShift
from analysis.spectra.intervals import Estimate
from analysis.study.results import Results, load
from analysis.study.settings import Variation
from tests.conftest import Shown, unescaped
from tests.study.test_measurement import CARD, known, other


@pytest.fixture(scope="module")
def loaded() -> Results:
    return load("bundled")


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
def test_verdict_is_the_intervals(loaded: Results, numbers: tuple, expected: str) -> None:
    assert findings.verdict(pretend(loaded.measured["taef2"], *numbers)) == expected


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((1.5, 1.4, 1.6), "an exponent of 0.58 instead of 1"),
        ((2.5, 2.3, 2.7), "an exponent of 1.32 instead of 1"),
        ((1.97, 1.94, 1.98), "find 1.97 [1.94,\u00a01.98] for the learned encoder `x`."),
        ((2.0, 1.9, 2.1), "find 2.00 [1.90,\u00a02.10] for the learned encoder `x`."),
    ],
)
def test_abstract_words_follow_the_interval(loaded: Results, numbers: tuple, words: str) -> None:
    measured = {"x": pretend(loaded.measured["taef2"], *numbers)}
    text = findings.abstract(types.SimpleNamespace(measured=measured, theory=2.0))
    assert words in text


def test_findings_carry_the_numbers(loaded: Results) -> None:
    text = findings.measured(loaded) + findings.abstract(loaded)
    for measured in loaded.measured.values():
        assert estimate(measured.shift.whole) in text
    assert "30.9" in findings.linear(loaded)
    assert all(f"`{name}`" in findings.ratio(loaded) for name in loaded.measured)


def test_limits_warn_of_few_images(loaded: Results) -> None:
    assert loaded.study.caution in unescaped(findings.limits(loaded))
    few = types.SimpleNamespace(photographs=loaded.photographs[:2], study=loaded.study)
    assert "There is no interval below three images." in findings.limits(few)
    assert "hardly more than the range" not in findings.limits(loaded)


def test_no_linear_code_no_sentence(loaded: Results) -> None:
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


PIXEL = CARD.model_copy(update={"kind": "pixel"})


def said_of(one) -> str:
    return findings.measured(types.SimpleNamespace(measured={"x": one}))


def test_the_pixel_paragraph_says_whether_the_rule_holds() -> None:
    assert "the rule holds to within 0.0\u00a0% in the low and the middle band, 2.000" in said_of(
        known(card=PIXEL)
    )
    assert "the rule holds to within 1.3\u00a0% in " in said_of(known(q=3.9, card=PIXEL))
    assert "the rule does not hold in the low" in said_of(known(q=3.0, card=PIXEL))


def test_a_departure_is_the_filters_only_if_the_ideal_one_has_none() -> None:
    one = known(q=3.9, card=PIXEL, scatter=0.1)
    assert "ideal low-pass" not in said_of(one)
    ideal = Variation(name="ideal", resample="fourier")
    one = dataclasses.replace(one, study=one.study.model_copy(update={"variations": (ideal,)}))
    low = one.arrays["varied_box_256"]
    for factor, blamed in ((4.0, True), (3.5, False)):
        high = np.zeros_like(one.arrays["varied_box_512"])
        high[:, : low.shape[1]] = factor * low
        high[:, low.shape[1] :] = 1.0  # beyond what both have
        rough = np.exp(0.05 * np.random.default_rng(1).standard_normal((5, 1)))
        text = said_of(other(one, varied_ideal_256=low, varied_ideal_512=rough * high))
        assert "With an ideal low-pass filter to shrink the images the three are " in text
        assert ("is the work of Lanczos, not of the images." in text) == blamed


def test_where_the_rule_holds_is_said_with_how_many_channels() -> None:
    def said(rule=None, **measured) -> str:
        found = types.SimpleNamespace(measured=measured, theory=2.0, rule=rule)
        return findings.holds(found)

    one = known()
    assert said(x=one) == "The rule holds to 2\u00a0% for `x`."
    assert said(x=known(q=3.0)) == "The rule holds to 2\u00a0% for none of these."
    both = said(x=one, y=known(q=3.0))
    assert both.endswith("for `x`: the shift depends on the encoder, not on resolution alone.")
    power = one.arrays["power_512"].copy()
    power[:, 0] *= 0.9  # a third of the power
    part = other(one, power_512=power)
    assert said(x=part) == "The rule holds to 2\u00a0% for `x` (1 of its 2 channels)."
    flat = np.full((3, 2), 2.0)
    rule = ChannelRule(np.array([1, 0]), flat, flat, 0 * flat, flat, flat, flat)
    assert "(1 of its 2 channels, local means)" in said(rule, x=part)
    rule = dataclasses.replace(rule, order=np.array([0, 1]))
    assert "(1 of its 2 channels)" in said(rule, x=part)


def test_local_means_that_shift_otherwise_do_not_obey() -> None:
    law, found = np.full((3, 2), 2.0), np.tile([2.0, 1.5], (3, 1))
    rule = ChannelRule(np.zeros(2, int), law, law, 0 * law, found, found, found)
    results = types.SimpleNamespace(rule=rule, theory=2.0)
    assert findings.obeying(results).tolist() == [0]
    assert findings.obeying(types.SimpleNamespace(rule=None, theory=2.0)).tolist() == []


def test_learned_encoders_are_counted_for_the_limits() -> None:
    def said(*names: str) -> str:
        card = CARD.model_copy(update={"kind": "taef2"})
        measured = {name: types.SimpleNamespace(card=card) for name in names[:1]}
        theirs = {name: types.SimpleNamespace(card=card) for name in names[1:]}
        measured["plain"] = types.SimpleNamespace(card=CARD)
        return findings.scope(Shown(measured=measured, contributed=theirs))

    assert said() == "No learned encoder was measured."
    assert said("x").startswith("One learned encoder was measured, `x`.")
    assert said("x", "y").startswith("2 learned encoders were measured, `x` and `y`.")


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
