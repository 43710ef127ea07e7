"""Which images are encoded together: those that are needed and not stored, size by size."""

from pathlib import Path

import numpy as np
import pytest

from analysis.study import chain
from analysis.study.plan import Plan
from analysis.study.settings import load_study
from analysis.study.store import Store

LINEAR = "linear-f8c16"


@pytest.fixture
def plan(project: Path) -> Plan:
    return Plan(load_study("tiny"), Store())


def keys(plan: Plan) -> dict[str, int]:
    """Key of every view's moments -> its side."""
    card = plan.cards[LINEAR]
    return {plan.moments_request(view, card).key: view.side for view in plan.views(card)}


def test_groups_have_one_size_and_hold_everything_once(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "TOGETHER", 4)
    card, known = plan.cards[LINEAR], keys(plan)
    found = chain.batches(plan, card, known)
    assert all(1 <= len(group) <= 4 for group in found)
    assert [{view.side for view in group} for group in found] == [{64}] * 3 + [{128}] * 3
    every = [view for group in found for view in group]
    assert len(every) == len(set(every)) == len(known)


def test_only_what_is_needed_and_not_stored(plan: Plan) -> None:
    card, known = plan.cards[LINEAR], keys(plan)
    first, second, *_ = known
    assert chain.batches(plan, card, ()) == []
    (group,) = chain.batches(plan, card, {first, "something else"})
    assert [plan.moments_request(view, card).key for view in group] == [first]
    plan.store.put(plan.moments_request(group[0], card), {"mode": np.zeros((1, 1))})
    (group,) = chain.batches(plan, card, {first, second})
    assert [plan.moments_request(view, card).key for view in group] == [second]


def test_pixels_and_a_store_that_may_not_compute_need_none(project: Path, plan: Plan) -> None:
    assert chain.batches(plan, plan.cards["pixel"], keys(plan)) == []
    never = Plan(load_study("tiny"), Store(compute="never"))
    assert chain.batches(never, never.cards[LINEAR], keys(never)) == []
