"""What each step of a study is asked for: requests, made from the requests that they read.

Photographs -> moments -> latents -> spectra and other quantities of a field -> measurement. `chain`
knows how each is computed; here is only what identifies it, so that reading results needs neither
an encoder nor anything heavy.
"""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from analysis.encoders import cards, encoder
from analysis.images import catalogue, synthetic
from analysis.images.resize import Resample
from analysis.project.errors import InputError
from analysis.shift import equal_snr
from analysis.spectra import rings
from analysis.study.settings import Study, Variation
from analysis.study.store import Request, Store
from analysis.timesteps import noise

Image = catalogue.Photograph | synthetic.Synthetic

# Exponents of power; fields that are averaged.
LEAKAGE: dict[str, Any] = {"gammas": [2.0, 3.0], "fields": 64}
LEAKAGE_SIDE = 128  # largest side in pixels


@dataclasses.dataclass(frozen=True)
class View:
    """One image as an encoder is shown it.

    Args:
        image: a photograph or a simulated image.
        side: in pixels.
        resample: the resize filter.
        jpeg: quality of a JPEG file it is saved as before it is resized; 0 for none.
    """

    image: Image
    side: int
    resample: Resample
    jpeg: int = 0

    @property
    def text(self) -> str:
        """How a person is told which."""
        how = f", JPEG {self.jpeg}" * bool(self.jpeg)
        return f"{self.image.id} at {self.side} px ({self.resample}{how})"


class Part(NamedTuple):
    """One step of a measurement, of one photograph.

    Args:
        name: ``spectra``, ``cross``, ``halves`` or ``pair``, the last of both sides that are shown.
        photo, side: of what.
        request: what is asked for.
    """

    name: str
    photo: catalogue.Photograph
    side: int
    request: Request


class Plan:
    """The requests of one study.

    Args:
        study: every choice.
        store: where downloads lie.

    Attributes:
        study: the same, with each encoder called by its card's name.
        cards: name -> card, with what is known of it here.
        pins: name -> what was found out that the card leaves open, by the card's fields.
    """

    def __init__(self, study: Study, store: Store) -> None:
        self.store = store
        self._measurements: dict[cards.Card, Request] = {}
        given = {written: cards.card(written) for written in study.encoders}
        self.cards = {card.name: card for card in given.values()}
        # A study may name an encoder by its folder; everything else does by its card's name.
        shown = given[study.display_encoder].name
        named = {"encoders": tuple(self.cards), "display_encoder": shown}
        self.study = study.model_copy(update=named)
        self.pins: dict[str, dict[str, Any]] = {}
        for card in given.values():
            self.settle(card, encoder.pins_here(card))
        self.images = catalogue.image_set(study.place)

    def settle(self, card: cards.Card, pins: dict[str, Any]) -> cards.Card:
        """Fill in what a card leaves open, so that results can be keyed; the card that is used."""
        if pins and not card.pinned:
            self.pins[card.name] = pins
            self.cards[card.name] = card = card.model_copy(update=pins)
        return card

    # What is shown to the encoders -----------------------------------------------------------

    @functools.cached_property
    def unfit(self) -> dict[str, str]:
        """id -> why an image can't be used, of those that the study leaves out for that."""
        if not self.study.skip_unfit:
            return {}
        photos, downloads = self.images.photos, self.store.downloads
        return catalogue.unfit(photos, self.study.high, downloads, decoded=True)

    @functools.cached_property
    def photographs(self) -> tuple[catalogue.Photograph, ...]:
        """The images of the study."""
        return tuple(photo for photo in self.images.photos if photo.id not in self.unfit)

    @functools.cached_property
    def hashes(self) -> dict[str, str]:
        """id -> SHA-256 of each photograph's verified file."""
        return {
            photo.id: catalogue.digest(photo, self.store.downloads) for photo in self.photographs
        }

    def digest(self, image: Image) -> str:
        """What identifies an image's content: its file's SHA-256, or that of its recipe."""
        return image.digest if isinstance(image, synthetic.Synthetic) else self.hashes[image.id]

    def view(self, image: Image, side: int) -> View:
        """An image as the study shows it."""
        return View(image, side, self.study.resample)

    def pair_views(self) -> dict[int, list[View]]:
        """side -> the photographs at the two sides that are shown."""
        return {side: [self.view(p, side) for p in self.photographs] for side in self.study.pair}

    def varied(self, variation: Variation) -> dict[int, list[View]]:
        """The views of a variation by side, as many images as the study has."""
        some: tuple[Image, ...] = self.photographs
        if variation.images:
            count = len(self.photographs)
            some = synthetic.sources(variation.images, count, self.study.high, self.study.seed)
        resample = variation.resample or self.study.resample
        return {
            side: [View(image, side, resample, variation.jpeg) for image in some]
            for side in self.study.pair
        }

    @property
    def linear(self) -> cards.Card | None:
        """The study's linear encoder, if it has one."""
        return next((card for card in self.cards.values() if card.kind == "linear"), None)

    def results_of(self, card: cards.Card) -> dict[str, Request]:
        """name -> request of what pages are made of and one encoder gives, as it is committed."""
        name = card.name
        found = {
            name: self.measurement_request(card),
            f"sampler-{name}": self.sampler_request(card),
        }
        if name == self.study.display_encoder:
            found |= {"display": self.display_request(), "leakage": self.leakage_request()}
        if card.kind == "linear":
            found["channel-rule"] = self.rule_request(card)
        return found

    def results(self) -> dict[str, Request]:
        """The same of all encoders."""
        return {k: v for card in self.cards.values() for k, v in self.results_of(card).items()}

    def views(self, card: cards.Card) -> list[View]:
        """Everything an encoder is shown, each once."""
        shown = [
            self.view(photo, side) for photo in self.photographs for side in self.study.resolutions
        ]
        shown += [view for _, view, _ in self.varied_requests(card)]
        return list(dict.fromkeys(shown))

    def variations(self, card: cards.Card) -> list[Variation]:
        """The study's variations that mean something for an encoder."""
        return [v for v in self.study.variations if not v.sample or card.variational]

    @functools.cached_property
    def displayed(self) -> catalogue.Photograph:
        """The pictured photograph: the study's display_image, else the first."""
        wanted = self.study.display_image
        for photo in self.photographs:
            if not wanted or photo.id == wanted:
                return photo
        raise InputError(
            f"study {self.study.name}: display_image '{wanted}' is not in the set "
            f"'{self.study.images}'; it has {', '.join(p.id for p in self.photographs)}"
        )

    def eps(self, image: Image, side: int, shape: tuple[int, ...]) -> np.ndarray:
        """The noise of one image at one resolution, float32 of the given shape."""
        rng = noise.generator(self.study.seed, "noise", self.digest(image), side)
        return noise.gaussian(shape, rng)

    # The steps -------------------------------------------------------------------------------

    @functools.cached_property
    def fit_request(self) -> Request:
        """The linear code is fitted on the bundled photographs, whatever the study shows."""
        card = cards.card("linear-f8c16")
        return Request(
            "linear-fit", 1,
            {"size": card.fit_size, "patch": card.stride, "channels": card.channels},
            {photo.id: photo.sha256 for photo in catalogue.image_set("bundled").photos},
            "the linear code",
        )  # fmt: skip

    def moments_request(self, view: View, card: cards.Card) -> Request:
        """Moments of one view."""
        inputs = {"photograph": self.digest(view.image)}
        if card.kind == "linear":
            inputs["fit"] = self.fit_request.key
        parameters = {
            "size": view.side, "resample": view.resample, "encoder": cards.identity(card),
        }  # fmt: skip
        if view.jpeg:
            parameters["jpeg"] = view.jpeg
        return Request("moments", 1, parameters, inputs, f"latents of {view.text} by {card.name}")

    def _of_latents(
        self, step: str, version: int, views: dict[str, View], card: cards.Card, what: str,
        **parameters: Any,
    ) -> Request:  # fmt: skip
        """A step that reads the latents of some views."""
        inputs = {name: self.moments_request(view, card).key for name, view in views.items()}
        chosen = {"normalisation": card.normalisation.model_dump()}
        text = " and ".join(view.text for view in views.values())
        label = f"{what} of {text} by {card.name}"
        return Request(step, version, chosen | parameters, inputs, label)

    def spectra_request(self, photo: Image, side: int, card: cards.Card) -> Request:
        """Spectra of one photograph's latents, of the noise, and of their blend."""
        return self._of_latents(
            "spectra", 5, {"moments": self.view(photo, side)}, card, "spectra",
            window=self.study.window.model_dump(), t=self.study.t, seed=self.study.seed,
            windows=[window.model_dump() for window in self.study.windows],
        )  # fmt: skip

    def power_request(self, view: View, card: cards.Card, sample: bool) -> Request:
        """The spectrum of one view's latents, averaged over channels, and nothing else."""
        chosen: dict[str, Any] = {"window": self.study.window.model_dump()}
        if sample:
            chosen["seed"] = self.study.seed
        return self._of_latents("power", 1, {"moments": view}, card, "spectrum", **chosen)

    def powers_key(self, card: cards.Card) -> str:
        """What identifies a shift that comes from `power_request` of both sides and no more."""
        views = [view for some in self.pair_views().values() for view in some]
        inputs = {
            f"{view.image.id} {view.side}": self.power_request(view, card, sample=False).key
            for view in views
        }
        chosen = {"bands": self.study.bands.model_dump()}
        return Request("shift", 1, chosen, inputs).key

    def cross_request(self, photo: Image, side: int, card: cards.Card) -> Request:
        """Cross-spectral matrices of one photograph's latents, in bins that both sides share."""
        n = self.study.low // card.latent_stride
        moved = equal_snr.moved_edges(self.study.bands, rings.rings(n, n).cycles_per_image)
        return self._of_latents(
            "cross-spectra", 1, {"moments": self.view(photo, side)}, card, "cross-spectra",
            window=self.study.window.model_dump(), bands=self.study.bands.model_dump(),
            low=self.study.low, photographs=len(self.photographs),
            **({"ends": {name: ring for name, (_, ring) in moved.items()}} if moved else {}),
        )  # fmt: skip

    def halves_request(self, photo: Image, card: cards.Card) -> Request:
        """Spectra of halves of one photograph's latents, at the high resolution."""
        return self._of_latents(
            "halves", 1, {"moments": self.view(photo, self.study.high)}, card, "halves",
            window=self.study.window.model_dump(),
        )  # fmt: skip

    def pair_request(self, photo: Image, card: cards.Card) -> Request:
        """What the latents of both sides that are shown share."""
        views = {str(side): self.view(photo, side) for side in self.study.pair}
        return self._of_latents(
            "equivariance", 1, views, card, "equivariance",
            window=self.study.window.model_dump(),
        )  # fmt: skip

    def parts(self, card: cards.Card) -> Iterator[Part]:
        """What is made of each photograph's latents, in order."""
        study = self.study
        for photo in self.photographs:
            for side in study.resolutions:
                yield Part("spectra", photo, side, self.spectra_request(photo, side, card))
            for side in study.pair:
                yield Part("cross", photo, side, self.cross_request(photo, side, card))
            yield Part("halves", photo, study.high, self.halves_request(photo, card))
            yield Part("pair", photo, study.high, self.pair_request(photo, card))

    def measurement_request(self, card: cards.Card) -> Request:
        """Everything that is measured of one encoder; asked for often, from hundreds of keys."""
        if card in self._measurements:
            return self._measurements[card]
        inputs = {
            f"{part.name} {part.photo.id} {part.side}": part.request.key
            for part in self.parts(card)
        }
        for variation, view, request in self.varied_requests(card):
            inputs[f"{variation.name}: {view.image.id} {view.side}"] = request.key
        # The inputs are a mapping and have no order; the rows of the arrays have.
        rows = {"photographs": [photo.id for photo in self.photographs]}
        request = Request("measurement", 5, rows, inputs, f"measurement of {card.name}")
        return self._measurements.setdefault(card, request)

    def sampler_request(self, card: cards.Card) -> Request:
        """The exactly solvable sampler on one encoder's measured spectra."""
        inputs = {"measurement": self.measurement_request(card).key}
        parameters = {"bands": self.study.bands.model_dump()}
        return Request("sampler", 1, parameters, inputs, f"sampler on {card.name}")

    def rule_request(self, card: cards.Card) -> Request:
        """What each channel of a linear encoder should do, and does."""
        chosen = self.study.model_dump(include={"bands", "bootstrap", "confidence", "seed"})
        inputs = {
            "measurement": self.measurement_request(card).key, "fit": self.fit_request.key,
        }  # fmt: skip
        return Request("channel-rule", 1, chosen, inputs, f"channels of {card.name}")

    def varied_requests(self, card: cards.Card) -> Iterator[tuple[Variation, View, Request]]:
        """The spectra that the variations need, in order."""
        for variation in self.variations(card):
            # All sides of an image together: a simulated one is then made once.
            for views in zip(*self.varied(variation).values(), strict=True):
                for view in views:
                    yield variation, view, self.power_request(view, card, variation.sample)

    def display_request(self) -> Request:
        """The pictured latents."""
        card = self.cards[self.study.display_encoder]
        views = {str(side): self.view(self.displayed, side) for side in self.study.pair}
        request = self._of_latents("display", 2, views, card, "pictured latents")
        return dataclasses.replace(request, label="pictured latents")

    def leakage_request(self) -> Request:
        """What each window makes of simulated fields, on the grid of the pictured latents."""
        side = self.study.high // self.cards[self.study.display_encoder].latent_stride
        parameters = LEAKAGE | {
            "side": min(side, LEAKAGE_SIDE),
            "windows": [window.model_dump() for window in self.study.windows],
            "seed": self.study.seed,
        }
        return Request("leakage", 1, parameters, {}, "leakage of the windows")
