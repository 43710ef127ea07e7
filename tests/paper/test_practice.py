"""Sentences on the sampler and trained networks: chosen by their numbers, each branch."""

import dataclasses
import itertools
import types

import numpy as np
import pytest

from analysis.paper import practice
from analysis.project.errors import AnalysisError
from analysis.study.results import load
from analysis.timesteps import gaussian_sampler, trained_shift
from tests.standins.measured import STEPS, pretend, sampled
from tests.study.test_measurement import known


def test_the_sampler_is_told_at_few_and_many_steps() -> None:
    one = known(images=2)
    results, study = pretend(x=one), sampled(one)["euler"]
    results.samplers = {"x": {"euler": study}}
    text = practice.sampler(results)
    best = study.best[study.at(512, "total", "w2")]
    assert f"from {best[0]:.2f} at 4 and {best[1]:.2f} at 10 steps to {best[-1]:.2f} at 200" in text
    ratio = study.ratio(256, 512, "total", "w2")
    assert f"from {ratio[0]:.2f} and {ratio[1]:.2f} to {ratio[-1]:.2f} in the limit." in text
    lost = study.best.copy()
    lost[study.at(512, "total", "w2")] = np.nan
    results.samplers = {"x": {"euler": dataclasses.replace(study, best=lost)}}
    assert "from beyond what was tried at 4 and" in practice.sampler(results)


@pytest.mark.parametrize(("best", "below"), [(0.3, True), (1.2, False), (np.nan, False)])
def test_counted_modes_want_shifts_below_one_only_if_all_do(best: float, below: bool) -> None:
    one = known(images=2)
    results, study = pretend(x=one), sampled(one)["euler"]
    changed = study.best.copy()
    changed[study.at(512, "total", "kl_model")] = 0.3, 0.3, 0.4, 0.4, best
    results.samplers = {"x": {"euler": dataclasses.replace(study, best=changed)}}
    assert ("are below one" in practice.sampler(results)) == below


def test_a_claim_that_the_numbers_contradict_stops_the_build() -> None:
    one = known(images=2)
    one = dataclasses.replace(one, card=one.card.model_copy(update={"kind": "pixel"}))
    found = pretend(x=one)
    study = sampled(known(images=2))["euler"]
    found.samplers = {"x": {"euler": study}}
    text = practice.sampler(found)
    ratio = study.ratio(256, 512, "whole 256", "w2")
    worst = 100 * np.abs(ratio / 2 - 1).max()
    assert float(text.split("is the rule's to within ")[1].split("\u00a0")[0]) == pytest.approx(
        worst, abs=0.05
    )
    raised = study.best.copy()
    raised[study.at(512, "whole 256", "w2")] *= 1.2
    found.samplers = {"x": {"euler": dataclasses.replace(study, best=raised)}}
    with pytest.raises(AnalysisError, match="contradict"):
        practice.sampler(found)


def test_the_experiment_is_told_with_its_spread_or_not_at_all() -> None:
    assert "not run" in practice.experiment(types.SimpleNamespace(experiment=None))
    committed = load("bundled")
    text = practice.experiment(committed)
    done = committed.experiment
    assert done is not None
    ratio = trained_shift.summary(done)["loss"]["z"]["ratio_mean"]
    assert f"a ratio of {ratio:.2f} " in text
    assert "not resolved" in text
    matched = done.matched()[[0, -1], 1]  # of the networks that were trained without a shift
    for row in matched:
        assert f"{row.mean():.2f} ± {row.std(ddof=1):.2f}" in text
    assert np.all(matched[1] < matched[0])
    assert "falling in every seed" in text


def tried(**arrays: np.ndarray) -> types.SimpleNamespace:
    """The committed experiment with other arrays."""
    done = load("bundled").experiment
    assert done is not None
    return types.SimpleNamespace(experiment=dataclasses.replace(done, **arrays))


def test_samples_power_is_that_of_many_steps_over_the_patches() -> None:
    done = tried().experiment
    text = practice.experiment(tried(fine=0.49 * np.ones((5, 1, 1)) * done.training[:, None]))
    assert "only 49\u00a0% of the patches' power at 16 px and 49\u00a0% at 32 px" in text


def test_the_lone_measure_with_a_minimum_is_told_as_such_only_if_it_is() -> None:
    assert "the one measure that happens to have a minimum" in practice.experiment(tried())
    done = tried().experiment
    # The same loss at all noise levels, least at a shift of two: then every measure has one.
    cost = 1 + 0.1 * np.log(done.shifts / 2)[:, None, None] ** 2
    flat = np.broadcast_to(cost, done.loss.shape)
    text = practice.experiment(tried(loss=flat))
    assert "By $L_z$, which has a minimum inside the grid at both sizes, it is 2.00 at" in text
    edge = practice.experiment(tried(loss=np.broadcast_to(done.shifts[:, None, None], flat.shape)))
    assert "By $L_z$, too, the best shift is not inside the grid at both sizes." in edge
    assert "falling in every seed" not in edge


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
    assert f"best shift, {second.error[at][1] / euler.error[at][2]:.2f} in `x`." in text
    assert "smaller than Euler’s" in text
    assert "smaller than Euler’s" not in practice.heun(altered([1e-3] * len(STEPS)))
    # By the definition of a Heun step, mode by mode, for one mode and one grid.
    changes = []
    for power in np.logspace(-4, 6, 201):
        ends = []
        for q in (1.0, 4.0):
            t = gaussian_sampler.grid(4, 0.25 * np.sqrt(q))
            gain = 1.0
            for t0, t1 in itertools.pairwise(t):
                v0 = gaussian_sampler.velocity(t0, q * power) * gain
                step = gain + (t1 - t0) * v0
                v1 = gaussian_sampler.velocity(t1, q * power) * step
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


@pytest.mark.parametrize(("last", "falls"), [(1.0, True), (3.9, False)])
def test_flux2s_schedule_is_compared_and_not_explained(last: float, falls: bool) -> None:
    found = altered([4.0, 3.9, 3.9, 3.9, last])
    text = practice.schedule_of_flux2(found)
    assert ("power does so in `x`. " in text) == falls
    assert ("in none of these spectra. " in text) != falls
    assert "were not measured" in text
    found.samplers["taef2"] = altered([4.0] * len(STEPS)).samplers["x"]
    text = practice.schedule_of_flux2(found)
    assert ("does so in `x` and not in `taef2`. " in text) == falls


def test_bands_alone_ask_for_their_own_shifts() -> None:
    found = altered()
    text = practice.bands(found)
    study = found.samplers["x"]["euler"]
    each = [study.best[study.at(512, f"{band} 256", "w2")][1] for band in ("low", "middle", "high")]
    assert each[0] > each[1] > each[2]  # of a falling spectrum
    low, middle, high = (f"{value:.2f}" for value in each)
    assert f"shifts of {low}, {middle} and {high} in `x` for the low" in text
    at = study.at(512, "total", "w2")
    left, without = (float(e[at][1]) for e in (study.error, study.unshifted))
    told = [
        float(part)
        for part in text.split("error (@eq-w2) of ")[1].split(" in ")[0].split(" instead of ")
    ]
    assert told == pytest.approx([left, without], rel=0.05)  # two digits
    assert left < without
