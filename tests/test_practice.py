"""Sentences on sampler, networks and published choices: chosen by numbers, each branch."""

import dataclasses
import itertools
import types

import numpy as np
import pytest
from test_comparisons import pretend, sampled
from test_measured import known, other

from analysis import gaussian, practice, results, timing, trained_shift
from analysis.settings import AnalysisError


def test_the_sampler_claims_only_what_its_ratios_say() -> None:
    one = known(images=2)
    results, study = pretend(x=one), sampled(one)["euler"]
    results.samplers = {"x": {"euler": study}}
    text = practice.sampler(results)
    best = study.best[study.at(512, "total", "w2")]
    assert f"from {best[0]:.2f} at 10 steps to {best[-1]:.2f} at 200 in `x`" in text
    assert "nowhere exceeds the rule's 2.00" in text
    raised = study.limit.copy()
    raised[study.at(512, "total", "w2")] *= 3
    results.samplers = {"x": {"euler": dataclasses.replace(study, limit=raised)}}
    assert "nowhere exceeds" not in practice.sampler(results)
    lost = study.best.copy()
    lost[study.at(512, "total", "w2")] = np.nan
    results.samplers = {"x": {"euler": dataclasses.replace(study, best=lost)}}
    assert "from beyond what was tried at 10 steps" in practice.sampler(results)


@pytest.mark.parametrize(("best", "below"), [(0.3, True), (1.2, False), (np.nan, False)])
def test_counted_modes_want_shifts_below_one_only_if_all_do(best: float, below: bool) -> None:
    one = known(images=2)
    results, study = pretend(x=one), sampled(one)["euler"]
    changed = study.best.copy()
    changed[study.at(512, "total", "kl_model")] = 0.3, 0.4, 0.4, best
    results.samplers = {"x": {"euler": dataclasses.replace(study, best=changed)}}
    assert ("are below one" in practice.sampler(results)) == below


def test_a_claim_that_the_numbers_contradict_stops_the_build() -> None:
    one = known(images=2)
    one = dataclasses.replace(one, card=one.card.model_copy(update={"kind": "pixel"}))
    found = pretend(x=one)
    study = sampled(known(images=2))["euler"]
    found.samplers = {"x": {"euler": study}}
    assert "is the rule's to within 5 %" in practice.sampler(found)
    raised = study.best.copy()
    raised[study.at(512, "whole 256", "w2")] *= 1.2
    found.samplers = {"x": {"euler": dataclasses.replace(study, best=raised)}}
    with pytest.raises(AnalysisError, match="contradict"):
        practice.sampler(found)


def test_the_experiment_is_told_with_its_spread_or_not_at_all() -> None:
    assert "not run" in practice.experiment(types.SimpleNamespace(experiment=None))
    committed = results.load("bundled")
    text = practice.experiment(committed)
    done = committed.experiment
    assert done is not None
    ratio = trained_shift.summary(done)["loss"]["z"]["ratio_mean"]
    assert f"a ratio of {ratio:.2f} " in text
    assert "not resolved" in text


def altered(best: list[float] | None = None) -> types.SimpleNamespace:
    """Results of one encoder, with other best shifts by power of Euler's steps at 512 px."""
    one = known(images=2)
    found, solvers = pretend(x=one), sampled(one)
    euler = solvers["euler"]
    if best is not None:
        changed = euler.best.copy()
        changed[euler.at(512, "total", "w2")] = best
        euler = dataclasses.replace(euler, best=changed)
    found.samplers = {"x": solvers | {"euler": euler}}
    return found


def test_heuns_steps_are_told_by_their_error_and_their_broken_invariance() -> None:
    found = altered()
    text = practice.heun(found)
    euler, second = found.samplers["x"].values()
    at = euler.at(512, "total", "w2")
    assert f"best shift, {second.error[at][0] / euler.error[at][1]:.2f} in `x`." in text
    assert "smaller than Euler’s" in text
    assert "smaller than Euler’s" not in practice.heun(altered([1e-3] * 4))
    # By the definition of a Heun step, mode by mode, for one mode and one grid.
    changes = []
    for power in np.logspace(-4, 6, 201):
        ends = []
        for q in (1.0, 4.0):
            t = gaussian.grid(4, 0.25 * np.sqrt(q))
            gain = 1.0
            for t0, t1 in itertools.pairwise(t):
                v0 = gaussian.velocity(t0, q * power) * gain
                step = gain + (t1 - t0) * v0
                v1 = gaussian.velocity(t1, q * power) * step
                gain = step if t1 == 1 else gain + (t1 - t0) * 0.5 * (v0 + v1)
            ends.append(gain / np.sqrt(q * power))
        changes.append(abs(ends[1] - ends[0]))
    assert f"by up to {100 * max(changes):.0f}\u00a0% of the amplitude at 4 steps" in text
    assert "In pixels" not in text
    one = found.measured["x"]
    card = one.card.model_copy(update={"kind": "pixel"})
    found.measured["x"] = dataclasses.replace(one, card=card)
    ratio = second.ratio(256, 512, "whole 256", "w2")[:-1]
    ends = f"the ratio is {ratio.min():.2f} to {ratio.max():.2f} by power"
    assert ends in practice.heun(found)


def test_the_first_hypothesis_stands_by_the_ratios() -> None:
    text = practice.discretisation(altered())
    assert text.startswith("*Discretisation of the early path: not supported, for Gaussian data.*")
    assert "grows by less than the rule" in text
    assert "Only within the shared bands" not in text  # one factor serves all modes of `known`
    study = altered().samplers["x"]["euler"]
    low = study.best[study.at(256, "total", "w2")]
    open_ = practice.discretisation(altered([2.5 * value for value in low]))
    assert open_.startswith("*Discretisation of the early path: open, for Gaussian data.*")
    assert "grows by up to 2.50 from ten steps on" in open_
    raised = study.best.copy()
    raised[study.at(512, "whole 256", "w2")] *= 1.2
    found = altered()
    found.samplers["x"]["euler"] = dataclasses.replace(study, best=raised)
    assert "in `x` (up to 2.40), does a small number" in practice.discretisation(found)


@pytest.mark.parametrize(("last", "falls"), [(1.0, True), (3.9, False)])
def test_flux2s_schedule_is_explained_only_where_shifts_fall(last: float, falls: bool) -> None:
    found = altered([4.0, 3.9, 3.9, last])
    text = practice.schedule_of_flux2(found)
    assert ("`x` is the behaviour of FLUX.2’s schedule." in text) == falls
    assert ("none of these spectra" in text) != falls
    told = practice.discretisation(found)
    assert ("falls as steps are added is true by power in `x`." in told) == falls
    # Beside it FLUX.2's stand-in, whose best shift stays.
    stays = altered([4.0, 4.0, 4.0, 4.0])
    found.samplers["taef2"] = stays.samplers["x"]
    found.measured["taef2"] = stays.measured["x"]
    text = practice.schedule_of_flux2(found)
    assert ("the model does not explain that schedule" in text) == falls
    assert ("and not in `taef2`" in practice.discretisation(found)) == falls


def test_the_nearest_published_density_is_named_by_each_weight() -> None:
    one = known()
    text = practice.published(pretend(x=one))
    for by, how in (("power", "is by power"), ("modes", "; by number")):
        apart = {p.name: timing.distance_of(one, 512, by, p) for p in timing.PUBLISHED}
        name = min(apart, key=apart.get)
        assert f"{how} {name} in `x` ({apart[name]:.2f})" in text
    assert "3 of the 5 do not move; Ideogram 4, tuning moves most, by −0.69" in text


def test_where_published_densities_lie_is_said_only_if_all_do() -> None:
    one = known()
    quiet = {f"power_{side}": 1e-9 * one.arrays[f"power_{side}"] for side in (256, 512)}
    text = practice.published(pretend(x=other(one, **quiet)))
    assert "By power and by number all published means lie nearer to noise" in text
    strong = {f"power_{side}": 1e9 * one.arrays[f"power_{side}"] for side in (256, 512)}
    assert "nearer to noise" not in practice.published(pretend(x=other(one, **strong)))


def test_widths_and_movements_are_said_as_they_are() -> None:
    one = known()
    assert "narrower than" in practice.published(pretend(x=one))
    # All modes alike: a bump of 0.91, and every mode moves by the rule.
    flat = {
        f"power_{side}": (side / 256) ** 2 * np.maximum(one.expected_noise(side), 1e-3)
        * np.ones((5, 2, 1)) for side in (256, 512)
    }  # fmt: skip
    text = practice.published(pretend(x=other(one, **flat)))
    assert "narrower than" not in text
    wide = other(
        one,
        power_512=flat["power_512"] * np.exp(np.linspace(-1, 1, 5))[:, None, None],
        power_256=flat["power_256"],
    )
    _, least, greatest = timing.movement_of(wide, "power").total
    assert least < -np.log(2) < greatest
    assert practice.published(pretend(x=wide)).endswith("(Δμ) in `x`.")


def test_bands_alone_ask_for_their_own_shifts() -> None:
    found = altered()
    text = practice.bands(found)
    study = found.samplers["x"]["euler"]
    each = [study.best[study.at(512, f"{band} 256", "w2")][0] for band in ("low", "middle", "high")]
    assert each[0] > each[1] > each[2]  # of a falling spectrum
    low, middle, high = (f"{value:.2f}" for value in each)
    assert f"shifts of {low}, {middle} and {high} in `x` for the low" in text
    at = study.at(512, "total", "w2")
    left, without = (float(e[at][0]) for e in (study.error, study.unshifted))
    told = [
        float(part)
        for part in text.split("error (@eq-w2) of ")[1].split(" in ")[0].split(" instead of ")
    ]
    assert told == pytest.approx([left, without], rel=0.05)  # two digits
    assert left < without
