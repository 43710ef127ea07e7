"""Whether an encoder can run here, where its weights are, and how they are fetched."""

from collections.abc import Callable, Sequence
from pathlib import Path

from analysis.encoders import cards, weights
from analysis.encoders.cards import BY_HASH, NEEDS, Card
from analysis.encoders.checkpoints import FILES, unfit
from analysis.project import extras
from analysis.project.errors import FetchError, PackageError


def missing(card: Card, weights_dirs: Sequence[Path] | None = None) -> str | None:
    """Why this encoder cannot run here, or None; nothing heavy is imported, nothing is fetched.

    None does not promise that a download will succeed.

    Args:
        card: the encoder's card.
        weights_dirs: where to look for weights; by default the folders of ``ANALYSIS_WEIGHTS``.
    """
    if lacking := extras.lacking(card.name, NEEDS[card.kind]):
        return lacking
    where = weights.folders() if weights_dirs is None else weights_dirs
    if card.kind in BY_HASH:
        found = card.url or weights.find(card.sha256, card.bytes, where)
        return None if found else not_found(card)
    if card.kind == "diffusers" and card.folder:
        gone = [name for name in FILES if not (Path(card.folder) / name).is_file()]
        return f"{card.name}: no {gone[0]} in {card.folder} any more" if gone else None
    if card.kind == "diffusers" and not folder_of(card, where):
        return weights.hub_missing(card.repo, card.hub_names(), card.revision)
    return None


def not_found(card: Card) -> str:
    return (
        f"{card.name}: no file with sha256 {card.sha256[:12]}... in ANALYSIS_WEIGHTS: get "
        f"{card.file or 'it'} from {card.source or 'its author'} and name its folder there"
    )


def folder_of(card: Card, where: Sequence[Path]) -> Path | None:
    """The folder that holds the card's weights as ``save_pretrained`` names them, with config."""
    path = weights.find(card.sha256, card.bytes, where)
    complete = path and path.name == FILES[1] and (path.parent / FILES[0]).is_file()
    return path.parent if path and complete else None


def weights_of(card: Card, folder: Path, say: Callable[[str], None]) -> Path | None:
    """The file of an encoder's weights, found here or downloaded; None if it needs none.

    torch is not needed for that.

    Args:
        card: the encoder's card.
        folder: where downloads are kept (the Hub keeps its own cache).
        say: told what is downloaded.

    Raises:
        PackageError: it takes a package that is not installed.
        FetchError: they can't be had, or are not what the card says.
    """
    if not NEEDS[card.kind]:
        return None
    path = found(card, folder)
    if path is None and card.folder:
        raise FetchError(f"{card.name}: {unfit(Path(card.folder))}")
    if path is None and card.url:
        say(f"downloading {card.url}")
        path = weights.from_address(card.url, card.sha256, card.bytes, folder)
    if path is None and not card.repo:
        raise FetchError(
            f"{card.name}: its card has no url: get {card.file} from {card.source} and name "
            "its folder in ANALYSIS_WEIGHTS"
        )
    if path is None:
        if lacking := extras.lacking(card.name, ["huggingface_hub"]):
            raise PackageError(lacking)
        say(f"downloading from {card.repo}")
        names = card.hub_names()
        path = weights.from_hub(card.repo, names, card.revision, card.alternatives)[0][-1]
    weights.agree(card.name, path, card.sha256)
    return path


def cannot_run(card: cards.Card, downloads: Path) -> str | None:
    """Why an encoder cannot run here without a download, or None."""
    reason = missing(card)
    if reason is None and card.sha256 and found(card, downloads) is None:
        get = f"'python -m analysis fetch --encoder {card.name}' gets them"
        reason = f"its weights are not on this machine ({get})"
    return reason


def found(card: cards.Card, folder: Path) -> Path | None:
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
