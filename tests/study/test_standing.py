"""Whether an encoder can run here, and whether its results are committed."""

import hashlib
from pathlib import Path

import pytest

from analysis.encoders import availability, cards
from analysis.study import standing
from analysis.study.plan import Plan
from analysis.study.settings import load_study
from analysis.study.store import Store


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANALYSIS_WEIGHTS", raising=False)


def taef2(**changed: object) -> cards.Card:
    return cards.card("taef2").model_copy(update=changed)


def test_formulas_run_anywhere(tmp_path: Path, alone: None) -> None:
    for name in ("pixel", "linear-f8c16"):
        assert availability.cannot_run(cards.card(name), tmp_path) is None
        assert availability.found(cards.card(name), tmp_path) is None


def test_a_network_runs_where_its_weights_are(tmp_path: Path, alone: None) -> None:
    pytest.importorskip("torch", reason="networks need the encoders extra")
    card = taef2(sha256=hashlib.sha256(b"weights").hexdigest(), bytes=7)
    reason = availability.cannot_run(card, tmp_path)
    assert reason is not None and "fetch --encoder taef2' gets them" in reason
    path = tmp_path / card.sha256
    path.write_bytes(b"weights")
    assert availability.found(card, tmp_path) == path
    assert availability.cannot_run(card, tmp_path) is None
    path.write_bytes(b"damaged")  # a file is what its content says, not its name
    assert availability.found(card, tmp_path) is None


def test_what_is_committed_is_told_from_what_is_not(tmp_path: Path) -> None:
    plan = Plan(load_study("bundled"), Store(tmp_path))
    card = plan.cards["taef2"]
    assert standing.is_committed(plan, card)
    assert standing.unanswered(plan, card) == {}
    told = standing.origin(plan, card, "no weights")
    assert told == "committed results in data/results/bundled: no weights"
    other = Plan(plan.study.model_copy(update={"seed": plan.study.seed + 1}), Store(tmp_path))
    assert not standing.is_committed(other, other.cards["taef2"])
    assert set(standing.unanswered(other, card)) == {"taef2", "sampler-taef2"}


def test_what_another_study_committed_is_contributed(tmp_path: Path) -> None:
    study = load_study("bundled").model_copy(update={"name": "mine", "encoders": ("pixel",)})
    plan = Plan(study.model_copy(update={"display_encoder": "pixel"}), Store(tmp_path))
    assert set(standing.contributed(plan)) == {"linear-f8c16", "taef2"}
    card, request = standing.contributed(plan)["taef2"]
    assert request.key == plan.measurement_request(card).key
