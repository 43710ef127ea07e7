"""Numbers that the results say: on measurements whose numbers are known, and on the committed."""

import dataclasses

import numpy as np
import pytest
import scipy.stats

from analysis.shift.channel_rule import ChannelRule
from analysis.spectra.intervals import Estimate
from analysis.study import findings
from analysis.study.measurement import Measured
from analysis.study.results import Results, load
from analysis.study.settings import Variation
from analysis.timesteps.trained_shift import LEVELS, summary
from tests.standins.measured import pretend, sampled
from tests.study.test_measurement import CARD, known, other

LEARNED = CARD.model_copy(update={"kind": "taef2", "name": "x"})


@pytest.fixture(scope="module")
def loaded() -> Results:
    return load("bundled")


def varied(one: Measured, *variations: Variation) -> Measured:
    study = one.study.model_copy(update={"variations": variations})
    return dataclasses.replace(one, study=study)


# What is pictured ------------------------------------------------------------------------------


def test_the_exponent_is_half_the_slope_and_the_shift_at_fixed_pixels(loaded: Results) -> None:
    """The identity of every image; the slope is that of a power law where the spectrum is one."""
    for m in loaded.measured.values():
        r, half, rest = findings.slope_and_rest(m)
        np.testing.assert_allclose(r, half + rest, atol=1e-12)
        np.testing.assert_allclose(2**r, m.shift.each, rtol=1e-12)
        assert 2 ** rest.mean() == pytest.approx(m.shift_per_pixel.whole.value, rel=1e-9)
    one = known()
    k = one.k(one.study.high)
    law = np.maximum(k, 1.0) ** -1.7 * one.expected_noise(one.study.high)
    name = f"power_{one.study.high}"
    _, half, _ = findings.slope_and_rest(other(one, **{name: 0 * one.arrays[name] + law}))
    assert 2 * half == pytest.approx(1.7, rel=1e-9)


def test_crossing_is_where_the_snr_is_one(loaded: Results) -> None:
    measured, side = loaded.measured["linear-f8c16"], loaded.study.high
    k = findings.crossing(measured, 0, side)
    ratio = measured.power(side)[0, 1:] / measured.expected_noise(side)[1:]
    at = np.exp(np.interp(np.log(k), np.log(measured.k(side)[1:]), np.log(ratio)))
    assert at == pytest.approx(1, rel=1e-9)


def test_snr_mismatch_is_the_growth_of_power_less_that_of_the_shift() -> None:
    mean, worst = findings.snr_mismatch(known(), 0, 0.5)
    assert (mean, worst) == pytest.approx((4.0, 4.0), rel=1e-3)
    after = findings.snr_mismatch(known(), 0, 1 / 3)  # the rule's shift of two
    assert after == pytest.approx((1.0, 1.0), rel=1e-3)


def test_authors_are_the_sample_of_scipy_s_interval(loaded: Results) -> None:
    m = loaded.measured["taef2"]
    logs = np.log(m.shift.each)
    authors = [photo.author for photo in loaded.photographs]
    means = [logs[[a == author for a in authors]].mean() for author in dict.fromkeys(authors)]
    ends = scipy.stats.t.interval(0.95, len(means) - 1, np.mean(means), scipy.stats.sem(means))
    found = findings.by_author(loaded, m)
    assert (found.value, found.low, found.high) == pytest.approx(
        tuple(np.exp([np.mean(means), *ends])), rel=1e-12
    )
    assert len(set(authors)) < len(authors), "else authors are photographs"


def test_pooled_power_weighs_photographs_by_their_power() -> None:
    # One strong photograph of s = 4 among weak ones of s = 2 decides the pooled shift alone.
    m = known()
    arrays = dict(m.arrays)
    strong = [arrays[f"power_{side}"].copy() for side in m.study.pair]
    for power, factor in zip(strong, (1e9, 4e9), strict=True):
        power[0] *= factor
    arrays |= {f"power_{side}": p for side, p in zip(m.study.pair, strong, strict=True)}
    assert findings.pooled_power_shift(m) == pytest.approx(2, rel=1e-3)
    moved = dataclasses.replace(m, arrays=arrays)
    assert findings.pooled_power_shift(moved) == pytest.approx(4, rel=1e-3)
    assert moved.shift.each[0] == pytest.approx(4, rel=1e-3)
    assert moved.shift.each[1:] == pytest.approx(2, rel=1e-3)
    assert moved.shift.spread == pytest.approx(
        np.std([np.log(2), *[0] * (len(moved.shift.each) - 1)], ddof=1), rel=1e-2
    )


def test_ends_are_of_the_numbers_that_are_known() -> None:
    assert findings.ends([[2.0, np.nan], [1.0, 3.0]]) == (1.0, 3.0)
    assert np.isnan(findings.ends([np.nan, np.inf])).all()


# Windows ---------------------------------------------------------------------------------------


def test_windows_excess_is_over_the_studys_own() -> None:
    one = known()
    windows = one.arrays["windows_512"].copy()
    for place in range(len(one.study.windows)):
        windows[:, place] = one.power(512) * (1.1 + 0.2 * place)
    found = findings.window_excess(other(one, windows_512=windows))
    assert found == pytest.approx([0.1, 0.3, 0.5, 0.7])


# The shift -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "expected"),
    [((1.94, 1.98), True), ((1.9, 2.0), False), ((2.3, 2.7), False), ((np.nan, np.nan), False)],
)
def test_below_is_the_intervals(ends: tuple[float, float], expected: bool) -> None:
    s = known().shift
    s = dataclasses.replace(s, whole=Estimate(1.9, *ends, s.whole.band))
    assert findings.below(s) is expected


def test_departure() -> None:
    # s is 1.7 over the low band and 1.9 over the middle one.
    one = known()
    k = one.k(512)
    s = other(one, power_512=one.arrays["power_512"] * (np.where(k < 4.5, 1.7, 1.9) / 2) ** 2).shift
    assert findings.departure(s, "low", "middle") == pytest.approx(0.15, abs=0.01)
    assert findings.departure(s, "high") == pytest.approx(0.05, abs=0.01)


def test_choices_and_simulated_images_are_kept_apart() -> None:
    one = known()  # a box filter of 2.04, power-law fields of sqrt(3)
    assert findings.moved_by_choices(one) == pytest.approx(0.02, abs=1e-4)
    assert findings.simulated(one)["power-law"].whole.value == pytest.approx(3**0.5, rel=1e-4)
    assert findings.ideal(one) is None
    box, simulated = one.study.variations
    assert findings.moved_by_choices(varied(one, simulated)) == 0
    assert findings.simulated(varied(one, box)) == {}
    ideal = box.model_copy(update={"resample": "fourier"})
    found = findings.ideal(varied(one, ideal))
    assert found is not None
    assert found.whole.value == pytest.approx(2.04, abs=1e-3)


def test_a_floor_moves_the_shift_as_it_would_by_hand() -> None:
    one = known()
    s = one.shift  # P0 and 4 P0 of every image, P0 the mean over channels
    chosen = (s.k >= s.whole.band[0] - 1e-9) & (s.k <= s.whole.band[1] + 1e-9)
    low = one.snr(256).mean(axis=1)[:, 2:][:, chosen]
    logs = 0.5 * np.log((4 * low + 0.01) / (low + 0.01)).mean(axis=0)
    weights = np.gradient(np.log(s.k[chosen]))  # equal weight for octaves, up to the ends
    moved = np.exp(np.average(logs, weights=weights)) / 2 - 1
    assert moved < -1e-3
    assert findings.floored(one) == pytest.approx(moved, abs=1e-3)


def test_every_kind_of_shift_is_told_with_its_rule() -> None:
    one = known()
    found = list(findings.of_many_kinds(one))
    # By band and all: the pair, three other windows, two variations, equal channels and two single
    # ones; and the pooled number, the information-matched one and its limits.
    assert one.information is not None
    assert len(found) == 4 * (1 + 3 + 2 + 1 + 2) + 2 + len(one.information.limits)
    assert {rule for _, _, rule in found} == {2.0}
    power = 0.5 * one.arrays["power_512"]
    power[:, 0, one.k(512) > 8] *= 2.5  # the weaker channel, in the high band alone
    reach = {
        what
        for what, shift, rule in findings.of_many_kinds(other(one, power_512=power))
        if what.startswith("single") and not shift.high < rule
    }
    assert reach == {"single channels, high"}


def test_the_known_answers_are_recovered(loaded: Results) -> None:
    """The committed control in pixels.

    Ideal low-passed, power-law fields and dead leaves have the rule whatever their spectrum. What
    is left is the place of the window: at 1024 px it scatters ln s of a field by about
    2e-4, so that 5e-4 in s are four standard errors of twelve images. At fixed cycles per pixel
    k^-2 has one; the window blurs the first rings of the two grids differently, by 5 % in ring 2
    (fig-window-leakage), which is 0.7 % over the octaves; the rest is chance, 1 % of the mean.
    """
    m = loaded.measured["pixel"]
    simulated = findings.simulated(m)
    assert simulated.keys() == {"dead-leaves", "power-law"}
    for s in simulated.values():
        for e in s.bands.values():
            assert e.value == pytest.approx(s.theory, abs=1e-3)
        assert s.whole.value == pytest.approx(2, abs=5e-4)
    (law,) = findings.lawful(loaded)
    found = findings.per_pixel(m, law)
    assert found.whole.value == pytest.approx(1, abs=0.03)
    for band in ("middle", "high"):
        assert found.bands[band].low < 1 < found.bands[band].high


# Channels --------------------------------------------------------------------------------------


def test_channels_by_power_shift_and_slope() -> None:
    one = known()  # one of two channels has twice the power of the other
    assert findings.channel_shifts(one) == pytest.approx([2.0, 2.0])
    # Ten channels that are steeper the more they grow.
    growth = np.linspace(1.0, 2.0, 10)
    low, high = (
        one.arrays[f"power_{side}"][:, :1]
        * one.k(side).clip(0.5) ** -np.linspace(0, 1, 10)[:, None]
        for side in (256, 512)
    )
    ten = other(one, power_256=low, power_512=high * growth[:, None] ** 2 / 4)
    assert findings.channel_shifts(ten) == pytest.approx(growth, rel=1e-3)
    assert findings.rank_correlation(ten) == pytest.approx(1.0)


def test_flat_channels_are_counted_against_learned_ones() -> None:
    learned = known(card=LEARNED, gamma=1.2)
    k = np.maximum(known().k(512), 0.5)
    power = known().arrays["power_512"] * np.stack([k**2.4, k**0.5])
    flat = other(known(), power_512=power)  # exponents 0.1 and 2.0
    assert findings.flatter(flat, [flat, learned]) == 1
    assert findings.flatter(flat, [flat]) == 0  # none is learned


def test_local_means_obey_that_shift_as_predicted() -> None:
    law, found = np.full((3, 3), 2.0), np.tile([2.0, 1.5, 2.0], (3, 1))
    rule = ChannelRule(np.array([0, 0, 1]), law, law, 0 * law, found, 0.95 * found, 1.05 * found)
    assert findings.by_obedience(rule, 2.0) == ([2.0], [1.5, 2.0])
    hits, low = findings.predicted(rule)
    assert hits == [2, 2, 2]
    assert low == pytest.approx([np.log(1.5 / 2) / 3] * 3)


# Densities and rules ---------------------------------------------------------------------------


def test_published_means_move_by_their_shifts(loaded: Results) -> None:
    moved = findings.published_moves(loaded)
    assert moved["Ideogram 4, tuning"] == pytest.approx(-np.log(2))
    assert moved["SD3, shift 3"] == 0


def test_rules_inside_an_interval_are_named() -> None:
    band = (2.0, 16.0)
    assert findings.rules_inside(Estimate(1.5, 1.41, 1.42, band)) == [
        "Matryoshka Diffusion, default"
    ]
    assert findings.rules_inside(Estimate(1.5, 1.49, 1.51, band)) == []
    assert "Qwen-Image" in findings.rules_inside(Estimate(1.15, 1.1, 1.2, band))


# The sampler -----------------------------------------------------------------------------------


def test_the_samplers_numbers_are_those_of_its_study() -> None:
    one = known(images=2)
    by_solver = sampled(one)
    euler, heun = by_solver["euler"], by_solver["heun"]
    at, steps = euler.at(512, "total", "w2"), euler.steps.tolist()
    ten, twenty = steps.index(10), steps.index(20)
    assert findings.best_shift(euler, 512, 10) == euler.best[at][ten]
    assert findings.worth(euler, 512, 10) == (euler.error[at][ten], euler.unshifted[at][ten])
    expected = heun.error[at][ten] / euler.error[at][twenty]
    assert findings.heun_error(by_solver, 512) == pytest.approx(expected)
    for last, falls in ((1.0, True), (3.9, False)):
        best = euler.best.copy()
        best[at] = [4.0, 3.9, 3.9, 3.9, last]
        changed = dataclasses.replace(euler, best=best)
        assert findings.falls_with_steps(changed, 512) is falls
    results = pretend(x=one)
    results.samplers = {"x": by_solver}
    assert findings.largest_best(euler, 512, "w2") == euler.best[at].max()
    assert findings.heun_shifts_less(by_solver, 512) is bool(np.all(heun.best[at] < euler.best[at]))
    assert not findings.heun_shifts_less({"euler": heun, "heun": euler}, 512)
    ratios = findings.best_ratios(results, "whole 256")
    # One factor for all modes.
    assert ratios["x", "euler"] == pytest.approx([2.0] * len(steps), rel=1e-3)
    assert ratios.keys() == {("x", "euler"), ("x", "heun")}


def test_heuns_steps_break_the_invariance_less_as_they_get_more() -> None:
    assert findings.heun_broken(4, 1.0) == pytest.approx(0, abs=1e-12)  # nothing is moved
    assert 0 < findings.heun_broken(50, 2.0) < findings.heun_broken(4, 2.0) < 1


# Trained networks ------------------------------------------------------------------------------


def test_the_experiment_is_told_with_its_spread(loaded: Results) -> None:
    done = loaded.experiment
    assert done is not None
    one, whole = findings.trained(done), summary(done)
    assert one.sides == (16, 32)
    each = np.array(whole["loss"]["z"]["ratio_each"])
    assert one.ratio == whole["loss"]["z"]["ratio_mean"]
    assert one.ratios == (each.min(), each.max())
    matched = done.matched()[[0, -1], 1]  # of the networks that were trained without a shift
    for row, told in zip(matched, one.matched, strict=True):
        assert told == pytest.approx((row.mean(), row.std(ddof=1)))
    assert one.falling is bool(np.all(matched[1] < matched[0]))
    assert whole["matched"].keys() == {str(level) for level in LEVELS}
    halved = dataclasses.replace(done, fine=0.49 * np.ones((5, 1, 1)) * done.training[:, None])
    assert findings.trained(halved).kept == pytest.approx((0.49, 0.49))


def test_measures_with_a_best_shift_inside_the_grid_are_named(loaded: Results) -> None:
    done = loaded.experiment
    assert done is not None
    # The same loss at all noise levels, least at a shift of two: then every measure has one.
    cost = 1 + 0.1 * np.log(done.shifts / 2)[:, None, None] ** 2
    one = findings.trained(dataclasses.replace(done, loss=np.broadcast_to(cost, done.loss.shape)))
    assert set(one.inside) == set(summary(done)["loss"])
    assert one.best == pytest.approx([2.0, 2.0])
    assert one.edges == 0
    edge = np.broadcast_to(done.shifts[:, None, None], done.loss.shape)
    one = findings.trained(dataclasses.replace(done, loss=edge))
    assert (one.inside, one.edges) == ((), one.cases)
    assert not one.falling
