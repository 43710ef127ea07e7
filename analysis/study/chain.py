"""The chain: each step that `plan` asks for is computed from what it reads, through the store.

What a step is and in which order they come, `steps` says; here is only what is missing, and how it
is run. Where an encoder cannot run here, its committed measurement is used, and that is said.
"""

import collections
import functools
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from analysis.encoders import availability, cards, linear_code
from analysis.encoders.cards import Card
from analysis.encoders.encoder import Encoder, load
from analysis.encoders.latents import normalise
from analysis.images import catalogue, synthetic
from analysis.images import pixels as images_pixels
from analysis.project.errors import InputError
from analysis.study import archive, preflight, steps
from analysis.study.measurement import Measured
from analysis.study.plan import Part, Plan, View
from analysis.study.settings import Study
from analysis.study.steps import Read, Result
from analysis.study.store import Arrays, MissError, Request, Store
from analysis.timesteps import noise

LOG = logging.getLogger(__name__)
Progress = Callable[[int, int, str], None]
Task = tuple[Request, Callable[[], Arrays]]


class Chain:
    """The steps of one study over one store.

    Args:
        study: every choice.
        store: where results lie.

    Attributes:
        plan: what each step is asked for.
    """

    def __init__(self, study: Study, store: Store) -> None:
        self.store, self.plan = store, Plan(study, store)
        self.study = self.plan.study
        self._loaded: dict[str, Encoder] = {}

    # Latents ---------------------------------------------------------------------------------

    def pixels(self, view: View) -> np.ndarray:
        """What the encoder is shown: float32 ``[3, side, side]`` in [-1, 1]."""
        if isinstance(view.image, synthetic.Synthetic):
            return view.image.pixels(view.side, view.resample)
        path = catalogue.fetch(view.image, self.store.downloads)
        return images_pixels.load(path, view.side, view.resample, view.jpeg)

    def _fit(self) -> Arrays:
        card, bundled = cards.card("linear-f8c16"), catalogue.image_set("bundled").photos
        if any(map(catalogue.only_listed, bundled)):
            raise InputError(
                f"{card.name} is fitted on the photographs of data/images.toml, which lie in a "
                "checkout of the project, and here only the package is installed: take another "
                "encoder, or clone the project and set ANALYSIS_ROOT to it"
            )
        pixels = (
            images_pixels.load(catalogue.fetch(photo, self.store.downloads), card.fit_size)
            for photo in bundled
        )
        code = linear_code.fit(pixels, card.stride, card.channels, self.plan.fit_request.key)
        return {"mean": code.mean, "basis": code.basis, "eigenvalues": code.eigenvalues}

    @functools.cached_property
    def linear(self) -> linear_code.LinearCode:
        """The linear code."""
        arrays = self.store.obtain(self.plan.fit_request, self._fit)
        return linear_code.LinearCode(**arrays, fitted_on=self.plan.fit_request.key)

    def encoder(self, card: Card) -> Encoder:
        """The encoder of a card, loaded once."""
        if card.name not in self._loaded:
            code = self.linear if card.kind == "linear" else None
            self._loaded[card.name] = load(card, linear=code, downloads=self.store.downloads)
        return self._loaded[card.name]

    def moments(self, view: View, card: Card) -> Arrays:
        """Raw moments of one view, ``[1, C, h, w]`` each."""

        def compute() -> Arrays:
            return self.encoder(card).encode(self.pixels(view)[np.newaxis])

        # Pixels are their own moments: storing them would only copy the photographs.
        if card.kind == "pixel":
            return compute()
        return self.store.obtain(self.plan.moments_request(view, card), compute)

    def latents(self, view: View, card: Card, sample: bool = False) -> np.ndarray:
        """The latents a diffusion model sees, float32 ``[C, h, w]``."""
        digest = self.plan.digest(view.image)
        rng = noise.generator(self.study.seed, "posterior", digest, view.side) if sample else None
        return normalise(self.moments(view, card), card.normalisation, rng)[0]

    # The steps -------------------------------------------------------------------------------

    def part(self, part: Part) -> Task:
        """A step of one photograph; its error says which."""

        def compute() -> Arrays:
            card = part.setting.card
            z = [self.latents(view, card, part.sampled) for view in part.views]
            try:
                return part.step.made(part.setting, *z)
            except ValueError as error:
                raise InputError(f"{part.request.label}: {error}") from None

        return part.request, compute

    def measurement(self, card: Card) -> Task:
        """Everything that is measured of one encoder: its steps of all photographs, stacked."""

        def compute() -> Arrays:
            rows: dict[str, list[np.ndarray]] = collections.defaultdict(list)
            for part in self.plan.parts(card):
                for name, array in self.store.obtain(*self.part(part)).items():
                    rows[part.stored(name)].append(array)
            out = {name: np.stack(arrays) for name, arrays in rows.items()}
            for name, (known, setting) in steps.measurement(self.plan.setting(card)).items():
                if known.exact:
                    out[name] = known.exact(setting)
            if card.kind == "linear":
                views = (self.plan.view(p, self.study.high) for p in self.plan.photographs)
                out |= steps.lost(self.linear, map(self.pixels, views))
            return out

        return self.plan.measurement_request(card), compute

    def result(self, result: Result, card: Card) -> Task:
        """What else pages are made of, of one encoder."""

        def compute() -> Arrays:
            return result.compute(*(self._read(name, card) for name in result.reads))

        return self.plan.result_request(result, card), compute

    def _read(self, name: Read, card: Card) -> Any:
        """What `Result.reads` names."""
        if name == "measurement":
            request, compute = self.measurement(card)
            try:
                arrays, *_ = archive.find(self.store, self.study.name, request, card.name)
            except MissError:
                arrays = self.store.obtain(request, compute)
            return Measured(card, self.study, arrays, "computed", {"key": request.key})
        if name == "fit":
            return self.linear
        if name == "pictured":
            views = self.plan.shown(self.plan.displayed)
            return {side: self.latents(view, card) for side, view in views.items()}
        if name == "pixels":
            return (
                {side: self.pixels(view) for side, view in self.plan.shown(photo).items()}
                for photo in self.plan.photographs
            )
        return self.plan.setting(card)

    # Computing and reading -------------------------------------------------------------------

    def tasks(self, card: Card) -> Iterator[Task]:
        """The steps of one encoder in order; each is stored when done."""
        if card.kind == "linear":
            yield self.plan.fit_request, self._fit
        yield from map(self.part, self.plan.parts(card))
        yield self.measurement(card)
        for result in steps.results(self.plan.setting(card)):
            yield self.result(result, card)

    def requests(self, card: Card) -> list[Request]:
        """All that may be stored of one encoder: its steps, and the moments that they read."""
        steps = [request for request, _ in self.tasks(card)]
        # Moments are no steps of their own, and pixels are not stored as such.
        views = self.plan.views(card) if card.kind != "pixel" else []
        return [*steps, *(self.plan.moments_request(view, card) for view in views)]

    def todo(self, card: Card, *, anew: bool) -> list[Task]:
        """The steps of one encoder that have to be computed, in order.

        Args:
            card: the encoder's.
            anew: whether what is committed is computed as well.
        """
        missing = {one.key for one in archive.unanswered(self.plan, card).values()}
        if not anew and not missing:
            return []
        tasks = self._missing(self.tasks(card))
        if anew:
            return tasks
        if self.plan.measurement_request(card).key in missing:
            answered = {one.key for one in self.plan.results_of(card).values()} - missing
            return [task for task in tasks if task[0].key not in answered]
        # All else reads the measurement, or asks for its few latents itself.
        return [task for task in tasks if task[0].key in missing]

    def compute(
        self, progress: Progress = lambda done, total, label: None, *, anew: bool = True
    ) -> dict[str, str]:
        """Compute what is missing; encoder -> ``computed`` or why it is taken from elsewhere.

        Args:
            progress: told (done, total, label).
            anew: also compute what `archive` holds for exactly this study; without, only what
                is neither stored nor committed.

        Raises:
            InputError: the study can't be measured, see `preflight`.
            MissError: something is missing and ``ANALYSIS_COMPUTE=never``, or an encoder can't run
                here and there is no committed result for it.
            FetchError: what an encoder needs can't be had.
        """
        preflight.fetch(self.plan)
        said: dict[str, str] = {}
        todo: list[Task] = []
        shown: list[tuple[Card, list[View]]] = []
        for name in self.plan.cards:
            card = self.settled(name)
            reason = availability.cannot_run(card, self.store.downloads)
            own = self.todo(card, anew=anew and not reason)
            groups = batches(self.plan, card, own)
            if own or anew:
                for line, _ in self.store.other_code(self.requests(card)):
                    LOG.warning("%s: %s", name, line)
            if groups and availability.missing(card):
                for result, request in archive.unanswered(self.plan, card).items():
                    archive.read(self.study.name, request, result, str(reason))
            measurement = self.plan.measurement_request(card)
            here = self.store.state(measurement) == "sound" or any(
                request.key == measurement.key for request, _ in own
            )
            said[name] = "computed" if here else archive.origin(self.plan, card, reason)
            todo += own
            shown += [(card, views) for views in groups]
        self._run(shown, todo, progress)
        return said

    def settled(self, name: str) -> Card:
        """The card of an encoder, with all that results are keyed by; loading finds the rest out.

        Raises:
            FetchError: the weights can't be had.
        """
        card = self.plan.cards[name]
        return card if card.pinned else self.plan.settle(card, self.encoder(card).pins)

    def obtain(
        self,
        card: Card,
        parts: Iterable[Part],
        progress: Progress = lambda done, total, label: None,
    ) -> list[Arrays]:
        """What steps of photographs give, of one encoder; what is not stored is computed, no more.

        Raises:
            MissError: some are not stored, and nothing may be computed or the encoder can't run.
            FetchError: what the encoder needs can't be had.
        """
        tasks = [self.part(part) for part in parts]
        todo = self._missing(tasks)
        groups = batches(self.plan, card, todo)
        if groups and (reason := availability.missing(card)):
            raise MissError(f"{reason}; and this was not measured before")
        self._run([(card, group) for group in groups], todo, progress)
        return [self.store.obtain(*task) for task in tasks]

    def _missing(self, tasks: Iterable[Task]) -> list[Task]:
        """Those that are not stored."""
        return [task for task in tasks if self.store.state(task[0]) != "sound"]

    def _run(
        self, shown: list[tuple[Card, list[View]]], todo: list[Task], progress: Progress
    ) -> None:
        """Encode views, then compute steps, which read their moments."""
        if todo:
            preflight.verify(self.plan)
        done, total, rate = 0, sum(len(views) for _, views in shown) + len(todo), ""
        for card, views in shown:
            progress(done, total, f"{card.name} at {views[0].side} px{rate}")
            rate = f", {self._encode(card, views):.2g} images/s"
            done += len(views)
        for index, (request, function) in enumerate(todo, done):
            progress(index, total, request.label)
            self.store.obtain(request, function)
        progress(total, total, "done")

    def _encode(self, card: Card, views: list[View]) -> float:
        """Store the moments of views of one size; returns how many images a second that were."""
        pixels, encoder = np.stack([self.pixels(view) for view in views]), self.encoder(card)
        start = time.monotonic()
        moments = encoder.encode(pixels)
        seconds = (time.monotonic() - start) / len(views)
        for index, view in enumerate(views):
            one = {name: values[index : index + 1] for name, values in moments.items()}
            self.store.keep(self.plan.moments_request(view, card), one, seconds)
        return 1 / seconds


TOGETHER = 8  # images that are in memory as pixels


def batches(plan: Plan, card: Card, todo: Iterable[Task]) -> list[list[View]]:
    """The views of an encoder whose moments have to be computed, in groups of one size.

    Args:
        plan: of the study, and the store that moments lie in.
        card: the encoder. Pixels are their own moments and need none.
        todo: the steps to come, which read them.

    Returns:
        Groups of `TOGETHER` views at most. None under ``ANALYSIS_COMPUTE=never``: the step that
        misses its moments says so.
    """
    if card.kind == "pixel" or plan.store.compute == "never":
        return []
    needed = {key for request, _ in todo for key in request.inputs.values()}
    by_side: dict[int, list[View]] = {}
    for view in plan.views(card):
        request = plan.moments_request(view, card)
        if request.key in needed and plan.store.state(request) != "sound":
            by_side.setdefault(view.side, []).append(view)
    return [
        same[first : first + TOGETHER]
        for _, same in sorted(by_side.items())
        for first in range(0, len(same), TOGETHER)
    ]
