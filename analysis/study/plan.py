"""What a study asks for: what its encoders are shown, and the requests of all its steps.

`steps` says what each step is, `chain` computes it; here is what identifies it in one study, so
that reading results needs neither an encoder nor anything heavy.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from analysis.encoders import cards, encoder, formulas, latents, linear_code, networks
from analysis.images import catalogue, pixels, synthetic
from analysis.images.resize import Resample
from analysis.project.errors import InputError
from analysis.study import steps
from analysis.study.settings import Study, Variation
from analysis.study.steps import Result, Setting, Step
from analysis.study.store import Request, Store

ENCODING: dict[cards.Kind, tuple[Callable[..., Any], ...]] = {
    "pixel": (encoder.Loaded.encode,),
    "linear": (encoder.Loaded.encode, linear_code.LinearCode.encode),
    "formula": (encoder.Loaded.encode, formulas.encode),
    "trained": (encoder.Loaded.encode, networks.trained_here),
    "diffusers": (encoder.Loaded.encode, networks.autoencoder),
    "taef2": (encoder.Loaded.encode, networks.tiny),
    "taesana": (encoder.Loaded.encode, networks.tiny),
}
"""What gives the moments of a kind of encoder, whose source is noted beside them."""

Image = catalogue.Photograph | synthetic.Synthetic


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


@dataclasses.dataclass(frozen=True)
class Part:
    """A step of one photograph: a row of the arrays of a measurement.

    Args:
        step: which one.
        views: what the latents that it reads are of, one of each side.
        setting: what else it is told.
        request: what identifies it.
        variation: of the study that it belongs to, if to one.
    """

    step: Step
    views: tuple[View, ...]
    setting: Setting
    request: Request
    variation: Variation | None = None

    @property
    def sampled(self) -> bool:
        """Whether its latents are drawn from the posterior."""
        return bool(self.variation and self.variation.sample)

    @property
    def input(self) -> str:
        """What it is called among the inputs of the measurement."""
        kind = f"{self.variation.name}:" if self.variation else self.step.input or self.step.name
        return f"{kind} {self.views[-1].image.id} {self.setting.side}"

    def stored(self, name: str) -> str:
        """What the measurement calls one of its arrays."""
        return steps.stored(name, self.setting.side, self.variation)


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

    def shown(self, image: Image) -> dict[int, View]:
        """side -> the same at the two sides that are shown."""
        return {side: self.view(image, side) for side in self.study.pair}

    def varied(self, variation: Variation) -> Iterator[View]:
        """The views of a variation: of as many images as the study has, the sides of each."""
        some: tuple[Image, ...] = self.photographs
        if variation.images:
            count = len(self.photographs)
            some = synthetic.sources(variation.images, count, self.study.high, self.study.seed)
        resample = variation.resample or self.study.resample
        for image in some:
            for side in self.study.pair:
                yield View(image, side, resample, variation.jpeg)

    def views(self, card: cards.Card) -> list[View]:
        """Everything an encoder is shown, each once."""
        return list(dict.fromkeys(view for part in self.parts(card) for view in part.views))

    @property
    def linear(self) -> cards.Card | None:
        """The study's linear encoder, if it has one."""
        return next((card for card in self.cards.values() if card.kind == "linear"), None)

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

    def setting(self, card: cards.Card, view: View | None = None) -> Setting:
        """What steps are told of an encoder, and of a view: by default of the high resolution."""
        side, digest = self.study.high, ""
        if view:
            side, digest = view.side, self.digest(view.image)
        return Setting(self.study, card, len(self.photographs), side, digest)

    # The steps -------------------------------------------------------------------------------

    @functools.cached_property
    def fit_request(self) -> Request:
        """The linear code is fitted on the bundled photographs, whatever the study shows."""
        card = cards.card("linear-f8c16")
        return Request(
            "linear-fit",
            1,
            {"size": card.fit_size, "patch": card.stride, "channels": card.channels},
            {photo.id: photo.sha256 for photo in catalogue.image_set("bundled").photos},
            "the linear code",
            (linear_code.fit, pixels.load),
        )

    def moments_request(self, view: View, card: cards.Card) -> Request:
        """Moments of one view."""
        inputs = {"photograph": self.digest(view.image)}
        if card.kind == "linear":
            inputs["fit"] = self.fit_request.key
        parameters = {
            "size": view.side,
            "resample": view.resample,
            "encoder": cards.identity(card),
        }
        if view.jpeg:
            parameters["jpeg"] = view.jpeg
        text = f"latents of {view.text} by {card.name}"
        shown: tuple[Callable[..., Any], ...] = (pixels.load, synthetic.Synthetic.pixels)
        code = (*shown, *ENCODING[card.kind])
        return Request("moments", 1, parameters, inputs, text, code)

    def part(
        self,
        step: Step,
        views: Sequence[View],
        card: cards.Card,
        variation: Variation | None = None,
    ) -> Part:
        """A step of one image, of whose views it reads the latents."""
        setting = self.setting(card, views[-1])
        drawn = {"seed": self.study.seed} if variation and variation.sample else {}
        parameters = {"normalisation": card.normalisation.model_dump()} | drawn
        keys = [self.moments_request(view, card).key for view in views]
        names = ["moments"] if len(views) == 1 else [str(view.side) for view in views]
        what = " and ".join(view.text for view in views)
        request = Request(
            step.name,
            step.version,
            parameters | step.chosen(setting),
            dict(zip(names, keys, strict=True)),
            f"{step.name} of {what} by {card.name}",
            (step.compute, latents.normalise),
        )
        return Part(step, tuple(views), setting, request, variation)

    def parts(self, card: cards.Card) -> Iterator[Part]:
        """What is made of each photograph's latents, then in each variation, in order."""
        for photo in self.photographs:
            for step in steps.STEPS:
                for sides in steps.SIDES[step.sides](self.study):
                    yield self.part(step, [self.view(photo, side) for side in sides], card)
        for variation in self.setting(card).variations:
            for view in self.varied(variation):
                yield self.part(steps.POWER, [view], card, variation)

    def measurement_request(self, card: cards.Card) -> Request:
        """Everything that is measured of one encoder; asked for often, from hundreds of keys."""
        if card in self._measurements:
            return self._measurements[card]
        inputs = {part.input: part.request.key for part in self.parts(card)}
        # The inputs are a mapping and have no order; the rows of the arrays have.
        rows = {"photographs": [photo.id for photo in self.photographs]}
        code = (steps.measurement, *((steps.lost,) if card.kind == "linear" else ()))
        request = Request("measurement", 5, rows, inputs, f"measurement of {card.name}", code)
        return self._measurements.setdefault(card, request)

    def result_request(self, result: Result, card: cards.Card) -> Request:
        """What else pages are made of, of one encoder."""
        inputs: dict[str, str] = {}
        for read in result.reads:
            if read == "measurement":
                inputs[read] = self.measurement_request(card).key
            elif read == "fit":
                inputs[read] = self.fit_request.key
            elif read == "pictured":
                for side, view in self.shown(self.displayed).items():
                    inputs[str(side)] = self.moments_request(view, card).key
        label = result.label.format(card.name)
        chosen = result.chosen(self.setting(card))
        return Request(result.name, result.version, chosen, inputs, label, (result.compute,))

    def results_of(self, card: cards.Card) -> dict[str, Request]:
        """name -> request of what pages are made of and one encoder gives, as it is committed."""
        return {card.name: self.measurement_request(card)} | {
            result.file(card): self.result_request(result, card)
            for result in steps.results(self.setting(card))
        }

    def results(self) -> dict[str, Request]:
        """The same of all encoders."""
        return {k: v for card in self.cards.values() for k, v in self.results_of(card).items()}
