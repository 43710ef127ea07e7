"""Sentences of the comparisons: each follows from its numbers, on both sides of its condition."""

import types

import numpy as np
import pytest

from analysis.paper import interpretation
from analysis.paper.text import estimate, percent, plain
from analysis.shift.channel_rule import ChannelRule
from analysis.study import densities
from analysis.timesteps.crossings import Movement
from tests.standins.measured import pretend, unevenly_grown
from tests.study.test_measurement import known, other


def test_equivariance_names_a_difference_only_where_there_is_one() -> None:
    assert interpretation.equivariance(pretend(x=known())) == (
        "In `x` the gain is 1.000 [1.000,\u00a01.000] and the coherence 1.00, 1.00 and 1.00 in the "
        "low, middle and high band."
    )
    one = known()
    low = one.arrays["pair_low_512"]
    quieter = other(one, pair_cropped_512=0.64 * low, pair_cross_512=0.8 * low)
    text = interpretation.equivariance(pretend(x=quieter))
    # (1 - 0.8)^2, all of it gain
    assert "the difference has 4\u00a0% of the power" in text
    assert "the gain accounts for 100\u00a0%" in text


def rule(order: list[int], predicted: list[float], measured: list[float]) -> ChannelRule:
    """Channels with intervals of 5 %, alike in every band, and few aliases."""
    law, found = (np.tile(values, (3, 1)) for values in (predicted, measured))
    alias = np.full_like(law, 0.1)
    return ChannelRule(np.array(order), law, law, alias, found, 0.95 * found, 1.05 * found)


def said_of(channels: ChannelRule | None) -> str:
    return interpretation.channels(types.SimpleNamespace(rule=channels, theory=2.0))


def test_channels_that_obey_are_counted_and_misses_too() -> None:
    assert said_of(None) == "This study has no linear encoder."
    text = said_of(rule([0, 0, 1, 2], [2.0, 2.0, 1.0, 0.7], [2.01, 1.99, 1.02, 1.2]))
    assert "for 3 of 4 channels in the low band, 3 in the middle and 3 in the high one" in text
    assert "Only 2 of the 4 channels" in text
    assert "(1.99 to 2.01 in the low band)" in text
    assert "between 1.02 and 1.20" in text
    assert "too low." in text
    over = said_of(rule([0, 1], [2.0, 1.3], [2.0, 1.0]))
    assert "too high." in over
    exact = said_of(rule([0, 1], [2.0, 1.001], [2.0, 1.0]))  # 0.00 is a bias, too
    assert "for 2 of 2 channels" in exact


@pytest.mark.parametrize(("order", "measured"), [([1, 2], [1.0, 0.9]), ([0, 0], [2.0, 2.0])])
def test_all_channels_or_none_may_obey(order: list[int], measured: list[float]) -> None:
    text = said_of(rule(order, measured, measured))
    expected = "All 2 of the 2" if order == [0, 0] else "None of the 2"
    assert f"{expected} channels" in text


def test_information_is_told_encoder_by_encoder_or_why_not() -> None:
    results = pretend(many=unevenly_grown(), few=known(images=3))
    text = interpretation.information(results)
    found = results.measured["many"].information
    assert f"In `many` it is {estimate(found.matched)}: " in text
    assert f"rule leaves {100 * found.misfit(2.0):.1f}\u00a0%" in text
    first, last = found.curve[[0, -1], 0]
    assert first > last + 0.1
    assert f"from {first:.2f} at the noisy end to {last:.2f} at the other" in text
    assert "For `few` the images or the latents' modes are too few." in text
    headline = interpretation.headline(results)
    assert "`many`" in headline
    assert "`few`" not in headline
    assert interpretation.headline(pretend(few=known(images=3))) == ""


def test_crossings_name_the_spectra_that_are_near_a_logit_normal() -> None:
    text = interpretation.crossings(pretend(x=known()))
    assert "From 256 to 512 px" in text
    assert "the rule says −0.69" in text
    assert "Of all modes 75\u00a0% are in the high resolution alone, and they cross nearer" in text
    one = known()
    # One crossing is a logistic bump, whose distance from the normal of its moments is 4 %.
    k = np.maximum(one.k(512), 0.5)
    flat = other(one, power_512=one.arrays["power_512"] * k**2.5)
    assert densities.nearest_of(flat, 512, "power").distance < 0.1
    assert "within a tenth (TV) only for `x`" in interpretation.crossings(pretend(x=flat))
    steep = known(gamma=5.0)
    rough = np.exp(2.5 * (-1.0) ** np.arange(5))[:, None, None]  # images far apart: two humps
    split = other(steep, power_512=steep.arrays["power_512"] * rough**2)
    assert densities.nearest_of(split, 512, "power").distance > 0.1
    assert "within a tenth" not in interpretation.crossings(pretend(x=split))


@pytest.mark.parametrize(
    ("shared", "total", "words"),
    [
        ((-0.7, -0.8, -0.6), (-0.5, -0.6, -0.4), "in part in `x` (−0.50)"),
        ((-0.7, -0.8, -0.6), (-0.03, -0.1, 0.04), "wholly, within the interval, in `x` (−0.03)"),
        ((-0.7, -0.8, -0.6), (0.2, 0.1, 0.3), "by more than its size in `x` (0.20)"),
        ((-0.7, -0.8, -0.6), (-0.9, -1.0, -0.8), "not at all in `x` (−0.90)"),
    ],
)
def test_what_entering_modes_undo_is_told_by_intervals(
    shared: tuple, total: tuple, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = Movement(total, shared, tuple(np.subtract(total, shared)), (0.75, 0.75, 0.75))
    still = Movement((0.2, 0.1, 0.3), (-0.05, -0.2, 0.1), (0.25, 0.2, 0.3), (0.75, 0.75, 0.75))
    one, two = known(), known()
    monkeypatch.setattr(densities, "movement_of", lambda m, by: still if m is two else moved)
    text = interpretation.crossings(pretend(x=one, y=two))
    assert f"together), by power, {words}, while shared modes do not measurably move in `y`" in text
    assert f"; by number, {words}" in text
    alone = interpretation.crossings(pretend(y=two))
    assert "by power, not at all, as shared modes do not measurably move in `y` (0.20)" in alone
    assert f"{plain(shared[0], 2)} in `x` and −0.05 in `y` by power" in text
    assert ("cross nearer" in text) == (total[0] > shared[0])


def halves(left_right: bool, top_bottom: bool) -> str:
    """The sentence where these halves share their image's own curve, or nothing."""
    one = known(images=8)
    alike, apart = one.arrays["left_right_512"], one.arrays["top_bottom_512"]
    chosen = {
        "left_right_512": alike if left_right else apart,
        "top_bottom_512": alike if top_bottom else apart,
    }
    return interpretation.reliability(pretend(x=other(one, **chosen)))


def test_reliability_says_which_halves_share_something() -> None:
    yes, no = "share something of their image's own in `x`", "share nothing of their image's own"
    text = halves(left_right=True, top_bottom=False)
    assert "1.00 against" in text
    assert f"Left and right halves {yes}, top and bottom halves {no}" in text
    assert "not a property that a picture repeats" in text
    both = halves(left_right=True, top_bottom=True)
    assert both.count(yes) == 2
    assert "not a property that a picture repeats" not in both
    neither = halves(left_right=False, top_bottom=False)
    assert neither.count(no) == 2
    only = halves(left_right=False, top_bottom=True)
    assert f"Left and right halves {no}" in only
    assert f"top and bottom halves {yes}" in only
    few = interpretation.reliability(pretend(x=known(images=densities.FEWEST - 1)))
    assert few == "With so few images, whether $R$ is specific to one can't be measured."


def rippled(gamma: float = 2.5):
    """Power laws with waves of R in ln k, the same in both channels and all images."""
    one = known(images=3, gamma=gamma)
    waves = np.sin(8 * np.pi * np.log(np.arange(33).clip(1)) / np.log(32))
    return other(one, power_512=one.arrays["power_512"] * np.exp(0.2 * waves))


@pytest.mark.parametrize(
    ("gamma", "word", "least", "most"), [(0.0, "Little", 0, 0.1), (8.0, "Less than half", 0.1, 0.5)]
)
def test_what_is_carried_is_judged_by_its_share(
    gamma: float, word: str, least: float, most: float
) -> None:
    one = rippled(gamma)
    share = densities.carried_share(one)
    assert least < share < most
    text = interpretation.carried(pretend(x=one))
    assert text.startswith(f"{word} of its variation is left: ")
    assert f"is {percent(share)} in `x` of that over rings" in text
    linear, crossed = densities.weighted_distance(one)
    assert f"by {percent(crossed, 1)} in `x` of its mass" in text
    assert f"map it is {percent(linear, 1)} in `x`." in text


def test_much_that_is_left_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(densities, "carried_share", lambda m: 0.6)
    assert interpretation.carried(pretend(x=rippled())).startswith("Much of its variation")


def test_the_abstract_says_whose_halves_are_alike() -> None:
    alike, apart = known(images=8), known(images=8)
    apart = other(apart, left_right_512=apart.arrays["top_bottom_512"])
    rough = np.exp(0.2 * np.random.default_rng(5).standard_normal((8, 1, 33)))
    alike, apart = (other(m, power_512=m.arrays["power_512"] * rough) for m in (alike, apart))
    text = interpretation.attempts(pretend(x=alike, y=apart))
    assert "halves beyond what images share in `x`, in its top and bottom halves in no" in text
    shares = [percent(densities.carried_share(m)) for m in (alike, apart)]
    assert f"; {' to '.join(dict.fromkeys(sorted(shares)))} of their variation" in text
    assert "share in every encoder, in its" in interpretation.attempts(pretend(x=alike))
    assert interpretation.attempts(pretend(x=known(images=densities.FEWEST - 1))) == ""
