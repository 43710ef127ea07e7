"""Sentences of the comparisons: each follows from its numbers, on both sides of its condition."""

import dataclasses
import types

import numpy as np
import pytest

from analysis import interpretation, timing
from analysis.formatting import estimate
from analysis.measured import Measured
from analysis.responses import ChannelRule
from analysis.settings import Variation
from tests.test_comparisons import pretend, unevenly_grown
from tests.test_measured import CARD, known, other

LEARNED = CARD.model_copy(update={"kind": "taef2", "name": "x"})


def varied(one: Measured, *variations: Variation) -> Measured:
    study = one.study.model_copy(update={"variations": variations})
    return dataclasses.replace(one, study=study)


def test_the_curves_lie_as_close_as_the_shift_can_lay_them() -> None:
    # s is 1.7 over the low band and 1.9 over the middle one.
    one = known()
    k = one.k(512)
    power = one.arrays["power_512"] * (np.where(k < 4.5, 1.7, 1.9) / 2) ** 2
    one = other(one, power_512=power)
    text = interpretation.coincide(pretend(x=one))
    after, rule = text.split("after the square-root rule")
    s = one.shift.whole.value
    assert 1.7 < s < 1.9
    worst = max(abs((end / s) ** 2 - 1) for end in (1.7, 1.9))
    assert f"{100 * worst:.0f}\u00a0% in `x`" in after
    assert "28\u00a0% in `x`" in rule  # 1 - (1.7 / 2)^2


def test_choices_that_move_the_number_are_told_with_how_far() -> None:
    text = interpretation.sensitivity(pretend(x=known()))
    assert "by no more than 2.0\u00a0% in `x`" in text
    assert "power law" in text
    assert "1.732" in text
    box, simulated = known().study.variations
    text = interpretation.sensitivity(pretend(x=varied(known(), simulated)))
    assert "no more than" not in text
    text = interpretation.sensitivity(pretend(x=varied(known(), box)))
    assert "imulated" not in text
    assert interpretation.sensitivity(pretend(x=varied(known()))) == ""


def test_a_learned_encoder_below_the_rule_on_simulated_images_is_named() -> None:
    # On power-law fields `known` has sqrt(3) < 2.
    assert "In `x` the shift stays below" in interpretation.sensitivity(
        pretend(x=known(card=LEARNED))
    )
    assert "stays below" not in interpretation.sensitivity(pretend(x=known()))  # a linear code
    above = known(card=LEARNED)
    above = other(above, **{"varied_power-law_512": 2 * above.arrays["varied_power-law_512"]})
    assert "stays below" not in interpretation.sensitivity(pretend(x=above))


def test_a_variation_that_an_encoder_does_not_have_is_left_out() -> None:
    drawn = Variation(name="drawn", sample=True)  # which a deterministic encoder has not
    one = varied(known(), *known().study.variations, drawn)
    assert "2.0\u00a0% in `x`" in interpretation.sensitivity(pretend(x=one))


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
    return interpretation.channels(types.SimpleNamespace(rule=channels))


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
    assert "(75\u00a0% by number)" in text
    one = known()
    # One crossing is a logistic bump, whose distance from the normal of its moments is 4 %.
    k = np.maximum(one.k(512), 0.5)
    flat = other(one, power_512=one.arrays["power_512"] * k**2.5)
    assert timing.nearest_of(flat, 512, "power").distance < 0.1
    assert "within a tenth (TV) only for `x`" in interpretation.crossings(pretend(x=flat))
    steep = known(gamma=5.0)
    rough = np.exp(2.5 * (-1.0) ** np.arange(5))[:, None, None]  # images far apart: two humps
    split = other(steep, power_512=steep.arrays["power_512"] * rough**2)
    assert timing.nearest_of(split, 512, "power").distance > 0.1
    assert "within a tenth" not in interpretation.crossings(pretend(x=split))


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
    few = interpretation.reliability(pretend(x=known(images=timing.FEWEST - 1)))
    assert few == "With so few images, whether $R$ is specific to one can't be measured."


def test_what_is_carried_is_told_in_percent() -> None:
    one = known(images=2)
    rough = np.exp(0.2 * np.random.default_rng(5).standard_normal((2, 1, 33)))
    one = other(one, power_512=one.arrays["power_512"] * rough)
    share = f"{100 * timing.carried_share(one):.0f}"
    assert interpretation.carried(pretend(x=one)).startswith(f"{share}\u00a0% in `x` of the stand")


def test_who_has_no_posterior_is_named_with_what_a_floor_would_do() -> None:
    one = known()
    text = interpretation.posterior(pretend(x=one))
    assert text.startswith("In this study `x` has no posterior, so that it cannot show this.")
    # P0 and 4 P0 of every image, P0 the mean over channels.
    s = one.shift
    chosen = (s.k >= s.whole.band[0] - 1e-9) & (s.k <= s.whole.band[1] + 1e-9)
    low = one.snr(256).mean(axis=1)[:, 2:][:, chosen]
    logs = 0.5 * np.log((4 * low + 0.01) / (low + 0.01)).mean(axis=0)
    edges = np.log(s.k[chosen])
    weights = np.gradient(edges)  # equal weight for octaves, up to the ends
    moved = np.exp(np.average(logs, weights=weights)) / 2 - 1
    told = float(text.split("bands by ")[1].split("\u00a0")[0].replace("−", "-"))
    assert moved < -1e-3
    assert told == pytest.approx(100 * moved, abs=0.1)  # ends of the weights, and its rounding
    two = interpretation.posterior(pretend(x=one, y=known(images=2)))
    assert "`x` and `y` have no posterior, so that they cannot" in two


def test_a_sampled_encoder_is_told_by_its_own_number() -> None:
    drawn = Variation(name="drawn", sample=True)
    one = varied(known(), drawn)
    low, high = (one.arrays[f"varied_box_{side}"] for side in (256, 512))
    card = CARD.model_copy(update={"kind": "diffusers", "class_name": "AutoencoderKL"})
    assert card.variational
    one = other(one, varied_drawn_256=low, varied_drawn_512=high / 2)
    one = dataclasses.replace(one, card=card)
    text = interpretation.posterior(pretend(x=one))
    found = estimate(one.shift_by_variation["drawn"].whole)
    assert found.startswith("1.442 ")  # 2.04 / sqrt(2)
    assert text == f"With sampled latents the shift is {found} in `x`."
    # Variational, and not sampled in this study: nothing is said of it.
    assert interpretation.posterior(pretend(x=dataclasses.replace(known(), card=card))) == ""
