"""Whether an encoder can run here, where its weights are, and whether its results are committed."""

from pathlib import Path

from analysis import archive, encoders, weights
from analysis.cache import MissError, Request
from analysis.checkpoints import FILES
from analysis.plan import Plan


def cannot_run(card: encoders.Card, downloads: Path) -> str | None:
    """Why an encoder cannot run here without a download, or None."""
    reason = encoders.missing(card)
    if reason is None and card.sha256 and found(card, downloads) is None:
        get = f"'python -m analysis fetch --encoder {card.name}' gets them"
        reason = f"its weights are not on this machine ({get})"
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


def unanswered(plan: Plan, card: encoders.Card) -> dict[str, Request]:
    """name -> request of what pages read of an encoder and is neither stored nor committed."""
    missing = {}
    for name, request in plan.results_of(card).items():
        if plan.store.state(request) != "sound":
            try:
                archive.read(plan.study.name, request, name, "")
            except MissError:
                missing[name] = request
    return missing


def contributed(plan: Plan) -> dict[str, tuple[encoders.Card, Request]]:
    """Measurements of encoders that a study does not name, committed for exactly what it asks.

    Returns:
        name -> the encoder's card, and the request that its committed measurement answers.
    """
    found = {}
    for name, card in encoders.cards().items():
        own = (archive.folder(plan.study.name) / f"{name}.json").is_file()
        if name in plan.cards or not (own or is_committed(plan, card)):
            continue
        found[name] = card, plan.measurement_request(card)
    return found


def is_committed(plan: Plan, card: encoders.Card) -> bool:
    """Whether an encoder's measurement is committed for exactly what a study asks."""
    if not (card.pinned and archive.named(plan.study.name, card.name)):
        return False  # which is told without hashing photographs
    key = plan.measurement_request(card).key
    return archive.answering(plan.study.name, key, card.name) is not None


def origin(plan: Plan, card: encoders.Card, reason: str | None) -> str:
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
