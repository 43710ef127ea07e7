"""Whether an encoder can run here, and whether what it gives is committed."""

from pathlib import Path

from analysis import archive, encoders, weights
from analysis.cache import MissError
from analysis.plan import Plan


def cannot_run(card: encoders.Card, downloads: Path) -> str | None:
    """Why an encoder cannot run here without a download, or None."""
    reason = encoders.missing(card)
    if reason is None and card.sha256 and not _weights_here(card, downloads):
        reason = "its weights are not on this machine ('fetch' gets them)"
    return reason


def _weights_here(card: encoders.Card, downloads: Path) -> bool:
    own = [Path(card.folder)] if card.folder else []
    places = [*own, *weights.folders(), downloads]
    return weights.find(card.sha256, card.bytes, places) is not None


def must_be_committed(plan: Plan, card: encoders.Card, reason: str) -> bool:
    """Whether there are committed results of an encoder that cannot run here.

    Raises:
        MissError: there are none, and no download could help either.
    """
    try:
        archive.read(plan.study.name, plan.measurement_request(card), card.name, reason)
    except MissError:
        if encoders.missing(card):
            raise
        return False
    return True


def is_committed(plan: Plan, card: encoders.Card) -> bool:
    """Whether all that pages read of an encoder is committed, and its measurement is not stored."""
    if plan.store.state(plan.measurement_request(card)) == "sound":
        return False
    try:
        for name, request in plan.results_of(card).items():
            archive.read(plan.study.name, request, name, "")
    except MissError:
        return False
    return True
