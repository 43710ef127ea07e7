"""Whether an encoder can run here, where its weights are, and whether its results are committed."""

from analysis.encoders import cards
from analysis.study import archive
from analysis.study.plan import Plan
from analysis.study.store import MissError, Request


def unanswered(plan: Plan, card: cards.Card) -> dict[str, Request]:
    """name -> request of what pages read of an encoder and is neither stored nor committed."""
    missing = {}
    for name, request in plan.results_of(card).items():
        if plan.store.state(request) != "sound":
            try:
                archive.read(plan.study.name, request, name, "")
            except MissError:
                missing[name] = request
    return missing


def contributed(plan: Plan) -> dict[str, tuple[cards.Card, Request]]:
    """Measurements of encoders that a study does not name, committed for exactly what it asks.

    Returns:
        name -> the encoder's card, and the request that its committed measurement answers.
    """
    found = {}
    for name, card in cards.cards().items():
        own = (archive.folder(plan.study.name) / f"{name}.json").is_file()
        if name in plan.cards or not (own or is_committed(plan, card)):
            continue
        found[name] = card, plan.measurement_request(card)
    return found


def is_committed(plan: Plan, card: cards.Card) -> bool:
    """Whether an encoder's measurement is committed for exactly what a study asks."""
    if not (card.pinned and archive.named(plan.study.name, card.name)):
        return False  # which is told without hashing photographs
    key = plan.measurement_request(card).key
    return archive.answering(plan.study.name, key, card.name) is not None


def origin(plan: Plan, card: cards.Card, reason: str | None) -> str:
    """How it is told that an encoder's measurement is committed: in whose folder, and why taken.

    Args:
        plan: of the study.
        card: the encoder's.
        reason: why it is not computed here; None: it need not be.
    """
    key = plan.measurement_request(card).key
    path = archive.answering(plan.study.name, key, card.name)
    where = f" in {archive.place(path)}" if path else ""
    return f"committed results{where}: {reason or 'they are of these photographs and settings'}"
