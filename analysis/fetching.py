"""Getting what a study needs before it can be computed: photographs and weights, verified."""

from collections.abc import Callable, Iterator
from pathlib import Path

from analysis import images, weights
from analysis.chain import Progress
from analysis.encoders import Card
from analysis.settings import FetchError, Study


def photographs(
    study: Study, downloads: Path, progress: Progress
) -> Iterator[tuple[images.Photograph, Path]]:
    """Each photograph of a study with its file: of the expected content, an image, large enough.

    Raises:
        InputError: one is missing, is not the file that is meant, or can't be used.
        FetchError: one can't be downloaded.
    """
    photos = images.image_set(study.images).photos
    for index, photo in enumerate(photos):
        progress(index, len(photos), photo.id)
        path = images.fetch(photo, downloads)
        images.load(path, study.high)
        yield photo, path


def weights_of(card: Card, downloads: Path, say: Callable[[str], None]) -> Path | None:
    """The file of an encoder's weights, found here or downloaded; None if it needs none.

    torch is not needed for that.

    Raises:
        FetchError: they can't be had, or are not what the card says.
    """
    if card.kind in ("pixel", "linear"):
        return None
    path = weights.find(card.sha256, card.bytes, [*weights.folders(), downloads])
    if path is not None:
        return path
    if card.kind == "taef2":
        if not card.url:
            raise FetchError(
                f"{card.name}: its card has no url: get {card.file} from {card.source} and name "
                "its folder in ANALYSIS_WEIGHTS"
            )
        say(f"downloading {card.url}")
        return weights.download(card.url, card.sha256, downloads)
    if weights.absent(["huggingface_hub"]):
        raise FetchError(f"{card.name} needs huggingface_hub: run pip install -e '.[vae]'")
    say(f"downloading from {card.repo}")
    names = card.hub_names()
    (_, path), _ = weights.from_hub(card.repo, names, card.revision, card.alternatives)
    digest = weights.sha256(path)
    if card.sha256 and digest != card.sha256:
        raise FetchError(
            f"{card.name}: {path} has sha256 {digest}, its card says {card.sha256}: delete it and "
            "fetch again, or correct the card if the file is known to be right"
        )
    return path
