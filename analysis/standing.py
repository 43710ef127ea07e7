"""Whether an encoder can run here, where its weights are, and whether its results are committed."""

from pathlib import Path

from analysis import archive, encoders, weights
from analysis.cache import MissError
from analysis.checkpoints import FILES
from analysis.plan import Plan


def cannot_run(card: encoders.Card, downloads: Path) -> str | None:
    """Why an encoder cannot run here without a download, or None."""
    reason = encoders.missing(card)
    if reason is None and card.sha256 and found(card, downloads) is None:
        reason = "its weights are not on this machine ('fetch' gets them)"
    return reason


def found(card: encoders.Card, folder: Path) -> Path | None:
    """The file of an encoder's weights where it is on this machine; nothing is fetched.

    It is looked for in the card's own folder, in ``ANALYSIS_WEIGHTS``, among the downloads, and in
    the Hub's cache. None as well if the encoder needs no weights.

    Args:
        card: the encoder's card.
        folder: where downloads are kept.
    """
    if card.folder:
        own = Path(card.folder) / FILES[1]
        return own if own.is_file() else None
    path = weights.find(card.sha256, card.bytes, [*weights.folders(), folder])
    if path is None and card.repo:
        paths = weights.hub_paths(card.repo, card.hub_names(), card.revision)
        return paths[-1] if paths else None
    return path


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
