"""Sentences on the sampler and the trained networks: chosen by numbers, each branch."""

import dataclasses
import types

import numpy as np
import pytest
from test_comparisons import pretend, sampled
from test_measured import known

from analysis import practice, results, trained_shift
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
    changed[study.at(512, "total", "kl_model")] = 0.3, 0.4, best
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
