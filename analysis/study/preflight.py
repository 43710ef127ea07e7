"""Whether a study can be measured at all: looked at before anything is computed.

Sides and bands against each encoder's grid, and every image against the largest side, by its header
(`fetch`), then by its pixels (`verify`). All that is wrong is told at once, a line each.
"""

import logging
from collections.abc import Callable, Iterator, Sequence

from analysis.encoders.cards import Card
from analysis.images import catalogue
from analysis.project.errors import FetchError, InputError
from analysis.spectra import bands as spectra_bands
from analysis.spectra import rings
from analysis.spectra.bands import Bands
from analysis.study.plan import Plan
from analysis.timesteps import weighting

LARGEST = 256  # latent pixels; the largest grid that is tried where latents are too small
SMALLEST = 4  # latent pixels that a spectrum needs
HALVES = 4  # rings of half a field that a cubic is fitted to, see `densities.DEGREE`
LOG = logging.getLogger(__name__)


def sides(name: str, step: int, resolutions: Sequence[int], bands: Bands) -> Iterator[str]:
    """What is wrong with sides for an encoder, a line each.

    Args:
        name: what the encoder is called.
        step: pixels that a pixel of its latents is apart from the next.
        resolutions: in pixels, ascending; the shift is measured between the last two.
        bands: edges of the frequency bands, each of which needs two rings.
    """

    def measurable(n: int) -> bool:
        return n >= SMALLEST and spectra_bands.measurable(rings.rings(n, n).cycles_per_image, bands)

    for side in resolutions:
        if side % step:
            near = max(round(side / step), 1) * step
            yield f"{name} takes multiples of {step} px, not {side}: use {near}"
    for side in resolutions:
        n = side // step
        if side == resolutions[-2] and not measurable(n):
            why, enough = "three frequency bands", _least(n, measurable)
        elif n < SMALLEST:
            why, enough = "a spectrum", SMALLEST
        else:
            continue
        remedy = f"use {enough * step} px or more" if enough else "widen the study's bands"
        yield f"{name} makes {n} x {n} latents of {side} px, too small for {why}: {remedy}"


def _least(n: int, enough: Callable[[int], bool]) -> int:
    """The smallest grid above a given one that is enough, or 0."""
    return next((more for more in range(n + 1, LARGEST + 1) if enough(more)), 0)


def _halves(plan: Plan) -> Iterator[str]:
    """Encoders whose latents are too small for the halves that the pages compare, a line each."""
    study = plan.study

    def enough(n: int) -> bool:
        k = weighting.half_frequencies(n)
        return int((k >= study.bands.first_ring - 0.5).sum()) >= HALVES

    for card in plan.cards.values():
        step, n = card.latent_stride, plan.setting(card).grid
        if n >= SMALLEST and not enough(n):
            more = _least(n, enough)
            remedy = f"use {more * step} px or more, or " if more else ""
            yield (
                f"{card.name} makes {n} x {n} latents of {study.high} px, too small for pages, "
                f"which compare halves of them: {remedy}measure the shift alone by 'recommend'"
            )


def fetch(
    plan: Plan,
    progress: Callable[[int, int, str], None] = lambda done, total, label: None,
    *,
    pages: bool = False,
) -> None:
    """Get the photographs that are not here, and look at all by their headers.

    What is here is looked at first. What a folder has beside its images is warned of, and each
    image that is left out.

    Args:
        plan: of the study.
        progress: told (done, total, id) of what is downloaded.
        pages: whether it is to be shown on pages, which compare images.

    Raises:
        InputError: all that is wrong, a line each.
        FetchError: some can't be downloaded, a line each; the others are here then.
    """
    study = plan.study
    found = catalogue.unavailable(plan.images.photos, plan.store.downloads)
    absent = [photo for photo in plan.images.photos if isinstance(found.get(photo.id), FetchError)]
    # Which are left out is settled once, when all are here.
    if absent and not study.skip_unfit:
        _refuse(_wrong(plan, decoded=False))
    failed = []
    for index, photo in enumerate(absent):
        progress(index, len(absent), photo.id)
        try:
            catalogue.fetch(photo, plan.store.downloads)
        except FetchError as error:
            failed.append(f"{photo.id}: {error}")
    if failed:
        raise FetchError("\n".join(failed))
    wrong = _wrong(plan, decoded=False)
    if plan.images.left_out:
        LOG.warning("left out of %s: %s", plan.images.title, plan.images.left_out)
    for line in plan.unfit.values():
        LOG.warning("left out, as skip_unfit asks: %s", line)
    if not plan.photographs:
        wrong.append(f"study {study.name}: no image of {study.images} is left")
    if pages and len(plan.photographs) == 1:
        wrong.append(
            f"study {study.name} has one image; the pages compare images and need two (for one "
            "image use 'recommend')"
        )
    _refuse([*wrong, *_halves(plan)] if pages else wrong)


def verify(plan: Plan) -> None:
    """InputError if images are damaged, or of one colour, which only their pixels tell."""
    _refuse(_wrong(plan, decoded=True))


def _refuse(wrong: Sequence[str]) -> None:
    if wrong:
        raise InputError("\n".join(wrong))


def of_encoder(plan: Plan, card: Card) -> list[str]:
    """What is wrong with a study's sides for an encoder, a line each."""
    return list(sides(card.name, card.latent_stride, plan.study.resolutions, plan.study.bands))


def _wrong(plan: Plan, *, decoded: bool) -> list[str]:
    """What is wrong with sides and images, a line each; nothing is fetched."""
    study, photos, downloads = plan.study, plan.images.photos, plan.store.downloads
    wrong = [line for card in plan.cards.values() for line in of_encoder(plan, card)]
    unfit = plan.unfit  # which have been found by their pixels
    if not study.skip_unfit:
        unfit = catalogue.unfit(photos, study.high, downloads, decoded=decoded)
        if unfit and not decoded:  # so that all are told, look at pixels now
            unfit = catalogue.unfit(photos, study.high, downloads, decoded=True)
        wrong += unfit.values()
        remedy = "--skip-unfit, or 'skip_unfit = true' in the study, leaves"
        if len(unfit) == 1 < len(photos):
            wrong[-1] += f"; {remedy} it out"
        elif 1 < len(unfit) < len(photos):
            wrong.append(f"{len(unfit)} of {len(photos)} images can't be used: {remedy} them out")
    missing = catalogue.unavailable(photos, downloads)
    wrong += [
        str(error)
        for name, error in missing.items()
        if name not in unfit and isinstance(error, InputError)
    ]
    return wrong
