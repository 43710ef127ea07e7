"""Getting what a study needs before it can be computed: photographs and weights, verified."""

from collections.abc import Callable, Iterator
from pathlib import Path

from analysis import downloads, extras, images, preflight, standing, weights
from analysis.cards import NEEDS
from analysis.chain import Progress
from analysis.checkpoints import unfit
from analysis.encoders import Card
from analysis.plan import Plan
from analysis.settings import FetchError, PackageError


def photographs(
    plan: Plan, progress: Progress, *, pages: bool = False
) -> Iterator[tuple[images.Photograph, Path]]:
    """Each photograph of a study with its file: of the expected content, an image, large enough.

    Args:
        plan: of the study.
        progress: told (done, total, id) of what is downloaded.
        pages: whether they are to be shown on pages.

    Raises:
        InputError: as of `preflight.look`.
        FetchError: one can't be downloaded.
    """
    preflight.fetch(plan, progress, pages=pages)
    for photo in plan.photographs:
        yield photo, images.fetch(photo, plan.store.downloads)


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
    path = standing.found(card, folder)
    if path is None and card.folder:
        raise FetchError(f"{card.name}: {unfit(Path(card.folder))}")
    if path is None and card.url:
        say(f"downloading {card.url}")
        path = downloads.download(card.url, card.sha256, folder)
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
