"""How rules and hypotheses stand: chosen by numbers, on each side of each condition."""

import dataclasses
import re
import types

import numpy as np
import pytest

from analysis.paper import discussion
from analysis.shift import literature
from analysis.shift.rules import STAGES
from analysis.spectra.intervals import Estimate
from analysis.study import densities, results
from analysis.study.measurement import Measured
from analysis.timesteps import gaussian_sampler
from tests.conftest import Shown, unescaped
from tests.paper.test_findings import pretend as with_shift
from tests.standins.measured import STEPS, pretend, sampled
from tests.study.test_measurement import CARD, known, other

LEARNED = CARD.model_copy(update={"kind": "taef2", "name": "x"})


@pytest.fixture(scope="module")
def loaded() -> results.Results:
    return results.load("bundled")


def faked(loaded: results.Results, measured: dict, contributed: dict | None = None):
    """Results of these measurements alone, in the study of others."""
    return Shown(measured=measured, contributed=contributed or {}, study=loaded.study)


# Rules ---------------------------------------------------------------------------------------


def test_rules_are_counted_by_stage(loaded: results.Results) -> None:
    number = r"(\d+) (?:rules for \w+|use|lie|are|goe?s?)"
    sentences = discussion.rules(loaded).split("it.")
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
        measured = {"x": with_shift(loaded.measured["taef2"], *numbers), "pixel": pixel}
        return discussion.rules(faked(loaded, measured))

    pixel = with_shift(loaded.measured["pixel"], 1.234, 1.2339, 1.2341)
    assert "None lies within the interval measured for `x`." in said(1.234, 1.2339, 1.2341)
    assert "None lies" not in said(2.0, 1.9, 2.1)


def test_rules_inside_the_information_matched_interval_are_named(
    loaded: results.Results,
) -> None:
    def said(low: float, high: float) -> str:
        one = with_shift(loaded.measured["taef2"], 1.5, 1.49, 1.51)
        whole = one.shift.whole
        one.information = types.SimpleNamespace(matched=Estimate(1.5, low, high, whole.band))
        return unescaped(discussion.rules(faked(loaded, {"x": one})))

    assert said(1.41, 1.42).endswith("shift of `x` lies Matryoshka Diffusion, default.")
    assert said(1.49, 1.51).endswith("shift of `x` lies none.")
    assert "Qwen-Image" in said(1.1, 1.2)


def test_contributed_encoders_are_set_against_the_rules(loaded: results.Results) -> None:
    one = with_shift(loaded.measured["taef2"], 1.234, 1.2339, 1.2341)
    one.information = types.SimpleNamespace(matched=Estimate(1.5, 1.49, 1.51, (2.0, 16.0)))
    text = discussion.rules(faked(loaded, {}, {"theirs": one}))
    assert "interval measured for `theirs`." in text
    assert text.endswith("shift of `theirs` lies none.")


# Published densities ---------------------------------------------------------------------------


def test_the_nearest_published_density_is_named_by_each_weight() -> None:
    one = known()
    text = discussion.published(pretend(x=one))
    for by, how in (("power", "is by power"), ("modes", "; by number")):
        apart = {p.name: densities.distance_of(one, 512, by, p) for p in literature.PUBLISHED}
        name = min(apart, key=apart.get)
        assert f"{how} “{name}” in `x` ({apart[name]:.2f})" in text
    assert "3 of the 5 do not move; “Ideogram 4, tuning” moves most, by −0.69" in text


def test_where_published_densities_lie_is_said_only_if_all_do() -> None:
    one = known()
    quiet = {f"power_{side}": 1e-9 * one.arrays[f"power_{side}"] for side in (256, 512)}
    text = discussion.published(pretend(x=other(one, **quiet)))
    assert "By power and by number all published means lie nearer to noise" in text
    strong = {f"power_{side}": 1e9 * one.arrays[f"power_{side}"] for side in (256, 512)}
    assert "nearer to noise" not in discussion.published(pretend(x=other(one, **strong)))


def test_widths_and_movements_are_said_as_they_are() -> None:
    one = known()
    assert "narrower than" in discussion.published(pretend(x=one))
    # All modes alike: a bump of 0.91, and every mode moves by the rule.
    flat = {
        f"power_{side}": (side / 256) ** 2 * np.maximum(one.expected_noise(side), 1e-3)
        * np.ones((5, 2, 1)) for side in (256, 512)
    }  # fmt: skip
    text = discussion.published(pretend(x=other(one, **flat)))
    assert "narrower than" not in text
    wide = other(
        one,
        power_512=flat["power_512"] * np.exp(np.linspace(-1, 1, 5))[:, None, None],
        power_256=flat["power_256"],
    )
    _, least, greatest = densities.movement_of(wide, "power").total
    assert least < -np.log(2) < greatest
    assert discussion.published(pretend(x=wide)).endswith("(Δμ) in `x`.")


# Learned encoders --------------------------------------------------------------------------------


def said_of(one: Measured, contributed: Measured | None = None) -> str:
    measured = {"x": one} if contributed is None else {"plain": one, "x": contributed}
    found = pretend(**{name: m for name, m in measured.items() if m.card.name != "theirs"})
    found.contributed = {n: m for n, m in measured.items() if m.card.name == "theirs"}
    return discussion.learned(found)


def below(factor: float = 0.5) -> Measured:
    """A learned encoder all of whose power grows by less than the rule's."""
    one = known(card=LEARNED)
    arrays = {
        name: factor * array if name.endswith("_512") and not name.startswith("pair") else array
        for name, array in one.arrays.items()
        if name not in ("k_512", "modes_512")
    }
    return other(one, **arrays)


def test_no_learned_encoder_no_verdict() -> None:
    assert said_of(known()) == "No learned encoder was measured here."


def test_every_number_is_counted_and_named_where_it_reaches_the_rule() -> None:
    one = below()
    text = said_of(one)
    # By band and all: the pair, three other windows, two variations, equal channels and two single
    # ones; and the pooled number, the information-matched one and its limits.
    assert one.information is not None
    count = 4 * (1 + 3 + 2 + 1 + 2) + 2 + len(one.information.limits)
    assert f"Of the {count} shifts" in text
    assert "every one lies below the rule with its interval." in text
    assert "cannot explain a preference for more" in text
    power = one.arrays["power_512"].copy()
    power[:, 0, one.k(512) > 8] *= 2.5  # the weaker channel, in the high band alone
    text = said_of(other(one, power_512=power))
    assert f"{count - 1} lie below the rule" in text
    assert "are 1 of single channels in the high band." in text
    assert "No average over channels is among them." in text
    assert "cannot explain" in text
    box = {f"varied_box_{side}": known().arrays[f"varied_box_{side}"] for side in (256, 512)}
    text = said_of(other(one, **box))
    assert "1 of variations in the low band" in text
    assert "No average" not in text


def test_equal_snr_asks_for_less_only_where_all_learned_encoders_do() -> None:
    text = said_of(known(card=LEARNED))
    assert "cannot explain" not in text
    assert "of pairs of resolutions in the high band" in text
    theirs = below()
    theirs = dataclasses.replace(theirs, card=LEARNED.model_copy(update={"name": "theirs"}))
    text = said_of(known(), theirs)
    assert "the learned encoder `x`" in text
    assert "cannot explain" in text


# Hypotheses --------------------------------------------------------------------------------------


def altered(*changes: tuple[str, str, str, list[float]]) -> types.SimpleNamespace:
    """Results of one encoder with other best shifts at 512 px: (solver, region, metric, values)."""
    one = known(images=2)
    found, solvers = pretend(x=one), sampled(one)
    for solver, region, metric, values in changes:
        study = solvers[solver]
        best = study.best.copy()
        best[study.at(512, region, metric)] = values
        solvers = solvers | {solver: dataclasses.replace(study, best=best)}
    found.samplers = {"x": solvers}
    return found


def low(solver: str, region: str = "total") -> np.ndarray:
    """Best shifts by power at 256 px."""
    study = altered().samplers["x"][solver]
    return study.best[study.at(256, region, "w2")]


def test_the_first_hypothesis_stands_by_all_steps_of_both_solvers() -> None:
    text = discussion.discretisation(altered())
    assert text.startswith("*Discretisation of the early path: not supported, for Gaussian data.*")
    assert "by less than the rule’s 2.00 at every number of steps" in text
    # At 4 steps alone, and by little: by Heun's.
    ratios = np.array([2.07, 1.9, 1.8, 1.7, 1.6])
    text = discussion.discretisation(altered(("heun", "total", "w2", ratios * low("heun"))))
    assert text.startswith("*Discretisation of the early path: hardly supported")
    assert (
        "by more than the rule’s 2.00 at 4 steps, by up to 2.07 (`x`, Heun, 4 steps), and by no "
        "more at the other numbers of steps, up to 200"
    ) in text
    for many in ([2.5, 1.9, 1.8, 1.7, 1.6], [2.01, 2.01, 1.8, 1.7, 1.6]):  # by much; at 10 steps
        text = discussion.discretisation(altered(("euler", "total", "w2", many * low("euler"))))
        assert "early path: supported in part" in text
    assert "at 4 and 10 steps, by up to 2.01" in text
    text = discussion.discretisation(altered(("euler", "total", "w2", 2.5 * low("euler"))))
    assert "by more than the rule’s 2.00 at every number of steps" in text
    lost = [np.nan, *low("euler")[1:]]
    text = discussion.discretisation(altered(("euler", "total", "w2", lost)))
    assert "early path: open" in text
    assert "not known at every number of steps" in text


def test_few_steps_raise_the_ratio_only_where_they_do() -> None:
    ratios = np.array([1.9, 1.8, 1.7, 1.6, 1.4])
    text = discussion.discretisation(altered(("euler", "total", "w2", ratios * low("euler"))))
    assert "Fewer Euler steps raise it, from 1.40 at 200 to 1.90 at 4 in `x`." in text
    even = discussion.discretisation(altered(("euler", "total", "w2", 1.5 * low("euler"))))
    assert "raise it" not in even


def test_shared_bands_are_told_where_they_exceed_the_rule() -> None:
    quiet = ("heun", "whole 256", "w2", 2 * low("heun", "whole 256"))
    assert "it exceeds" not in discussion.discretisation(altered(quiet))  # one factor for all modes
    more = (
        "euler",
        "whole 256",
        "w2",
        np.array([2.2, 2.37, 2.1, 2, 2]) * low("euler", "whole 256"),
    )
    text = discussion.discretisation(altered(quiet, more))
    assert "it exceeds the rule by up to 2.37 (`x`, Euler, 10 steps)" in text


@pytest.mark.parametrize(("last", "falls"), [(1.0, True), (3.9, False)])
def test_best_shifts_that_fall_with_the_steps_are_named(last: float, falls: bool) -> None:
    found = altered(("euler", "total", "w2", [4.0, 3.9, 3.9, 3.9, last]))
    text = discussion.discretisation(found)
    assert ("falls as Euler steps are added is true by power in `x`." in text) == falls
    stays = altered(("euler", "total", "w2", [4.0] * len(STEPS)))
    found.samplers["y"] = stays.samplers["x"]
    assert ("in `x`, and not in `y`." in discussion.discretisation(found)) == falls


def test_modes_that_are_added_pull_the_best_shift_down_where_they_do() -> None:
    found = altered()
    study: gaussian_sampler.SamplerStudy = found.samplers["x"]["euler"]
    whole, shared = (study.ratio(256, 512, region, "w2")[-2] for region in ("total", "shared 256"))
    assert whole < 0.95 * shared
    text = discussion.volume(found)
    assert text.startswith("*Volume in high dimension: open.*")
    assert f"is {whole:.2f} and {shared:.2f} in `x`: the modes that" in text
    assert "pull it down." in text
    even = altered(("euler", "total", "w2", 2.1 * low("euler")))
    assert "pull it down" not in discussion.volume(even)
    even.samplers["y"] = found.samplers["x"]
    assert "pull it down in `y`." in discussion.volume(even)
