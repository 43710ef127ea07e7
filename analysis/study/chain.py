"""The chain: each step that `plan` asks for is computed from the steps it reads, through the store.

Photographs -> moments -> latents -> spectra and other quantities of a field -> measurement. Where
an encoder cannot run here, its committed measurement is used, and that is said.
"""

import collections
import functools
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import numpy as np

from analysis.encoders import availability, cards, linear_code
from analysis.encoders.cards import Card
from analysis.encoders.encoder import Encoder, load
from analysis.encoders.latents import normalise
from analysis.images import catalogue, synthetic
from analysis.images import pixels as images_pixels
from analysis.project.errors import InputError
from analysis.shift import equivariance
from analysis.spectra import cross_spectra, periodogram
from analysis.spectra import rings as spectra_rings
from analysis.spectra.cross_spectra import packed, shared_bins
from analysis.study import archive, derived, preflight, standing
from analysis.study.measurement import Measured
from analysis.study.plan import Image, Part, Plan, View
from analysis.study.settings import Study
from analysis.study.store import Arrays, MissError, Request, Store
from analysis.timesteps import noise, weighting

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

    def encoder(self, card: cards.Card) -> Encoder:
        """The encoder of a card, loaded once."""
        if card.name not in self._loaded:
            code = self.linear if card.kind == "linear" else None
            self._loaded[card.name] = load(card, linear=code, downloads=self.store.downloads)
        return self._loaded[card.name]

    def moments(self, view: View, card: cards.Card) -> Arrays:
        """Raw moments of one view, ``[1, C, h, w]`` each."""

        def compute() -> Arrays:
            return self.encoder(card).encode(self.pixels(view)[np.newaxis])

        # Pixels are their own moments: storing them would only copy the photographs.
        if card.kind == "pixel":
            return compute()
        return self.store.obtain(self.plan.moments_request(view, card), compute)

    def latents(self, view: View, card: cards.Card, sample: bool = False) -> np.ndarray:
        """The latents a diffusion model sees, float32 ``[C, h, w]``."""
        digest = self.plan.digest(view.image)
        rng = noise.generator(self.study.seed, "posterior", digest, view.side) if sample else None
        return normalise(self.moments(view, card), card.normalisation, rng)[0]

    # What is made of them --------------------------------------------------------------------

    @property
    def _window(self) -> tuple[str, float]:
        return self.study.window.kind, self.study.window.beta

    def _spectra(self, photo: Image, side: int, card: cards.Card) -> Arrays:
        z = self.latents(self.plan.view(photo, side), card)
        eps = self.plan.eps(photo, side, z.shape)
        each = [periodogram.raps(z, w.kind, w.beta).mean(axis=0) for w in self.study.windows]
        return {
            "power": periodogram.raps(z, *self._window),
            "windows": np.stack(each),
            "noise": periodogram.raps(eps, *self._window).mean(axis=0),
            "noisy": periodogram.raps(noise.blend(z, eps, self.study.t), *self._window).mean(
                axis=0
            ),
        }

    def _power(self, view: View, card: cards.Card, sample: bool) -> Arrays:
        z = self.latents(view, card, sample)
        return {"power": periodogram.raps(z, *self._window).mean(axis=0)}

    def _rings(self, side: int, card: cards.Card) -> spectra_rings.Rings:
        return spectra_rings.rings(side // card.latent_stride, side // card.latent_stride)

    def _cross(self, photo: Image, side: int, card: cards.Card) -> Arrays:
        z = self.latents(self.plan.view(photo, side), card)
        study = self.study
        bins = shared_bins(
            study.low // card.latent_stride, card.latent_channels, len(self.plan.photographs),
            study.window, study.bands,
        )  # fmt: skip
        expected = periodogram.white_noise_raps(*z.shape[1:], *self._window)
        matrices = cross_spectra.cross_raps(z, *self._window)
        binned = bins.average(matrices, expected, self._rings(side, card).modes)
        return {"cross": packed(binned)}

    def _halves(self, photo: Image, side: int, card: cards.Card) -> Arrays:
        z = self.latents(self.plan.view(photo, side), card)
        return weighting.halves(z, *self._window)

    def _pair(self, photo: Image, side: int, card: cards.Card) -> Arrays:
        low, high = (self.latents(self.plan.view(photo, s), card) for s in self.study.pair)
        compared = equivariance.compare(low, high, *self._window)
        return {f"pair_{name}": array for name, array in compared.items()}

    def _measurement(self, card: cards.Card) -> Arrays:
        rows: dict[str, list[np.ndarray]] = collections.defaultdict(list)
        for part in self.plan.parts(card):
            for name, array in self.store.obtain(*self._part_task(part, card)).items():
                rows[f"{name}_{part.side}"].append(array)
        for variation, view, _ in self.plan.varied_requests(card):
            found = self.store.obtain(*self._power_task(view, card, variation.sample))
            rows[f"varied_{variation.name}_{view.side}"].append(found["power"])
        out = {name: np.stack(arrays) for name, arrays in rows.items()}
        for side in self.study.resolutions:
            rings = self._rings(side, card)
            out[f"k_{side}"], out[f"modes_{side}"] = rings.cycles_per_image, rings.modes
        if card.kind == "linear":
            pixels = (
                self.pixels(self.plan.view(photo, self.study.high))
                for photo in self.plan.photographs
            )
            lost = linear_code.reconstruction_error(self.linear, pixels)
            out |= {"psnr": np.array(lost.psnr), "relative_mse": np.array(lost.relative_mse)}
        return out

    def _of(self, card: cards.Card) -> Measured:
        """The measurement, stored or committed, or else computed."""
        request = self.plan.measurement_request(card)
        try:
            arrays, *_ = archive.find(self.store, self.study.name, request, card.name)
        except MissError:
            arrays = self.store.obtain(request, functools.partial(self._measurement, card))
        return Measured(card, self.study, arrays, "computed", {"key": request.key})

    def _sampler(self, card: cards.Card) -> Arrays:
        return derived.sampler(self._of(card))

    def _rule(self, card: cards.Card) -> Arrays:
        views = [
            {side: self.plan.view(photo, side) for side in self.study.pair}
            for photo in self.plan.photographs
        ]
        pixels = ({side: self.pixels(view) for side, view in one.items()} for one in views)
        return derived.channel_rule(self._of(card), self.linear, pixels)

    def _leakage(self) -> Arrays:
        return derived.leakage(self.study, self.plan.leakage_request().parameters["side"])

    def _display(self) -> Arrays:
        card = self.plan.cards[self.study.display_encoder]
        # Half precision: these are only looked at, and are committed.
        return {
            f"z_{side}": self.latents(self.plan.view(self.plan.displayed, side), card).astype(
                np.float16
            )
            for side in self.study.pair
        }

    # Computing and reading -------------------------------------------------------------------

    def _task(self, request: Request, function: Callable[[], Arrays]) -> Task:
        """A step whose spectra may fail, with the step named."""

        def compute() -> Arrays:
            try:
                return function()
            except ValueError as error:
                raise InputError(f"{request.label}: {error}") from None

        return request, compute

    def _part_task(self, part: Part, card: cards.Card) -> Task:
        function = {
            "spectra": self._spectra, "cross": self._cross,
            "halves": self._halves, "pair": self._pair,
        }[part.name]  # fmt: skip
        return self._task(part.request, functools.partial(function, part.photo, part.side, card))

    def _power_task(self, view: View, card: cards.Card, sample: bool) -> Task:
        request = self.plan.power_request(view, card, sample)
        return self._task(request, functools.partial(self._power, view, card, sample))

    def tasks(self, card: cards.Card) -> Iterator[Task]:
        """The steps of one encoder in order; each is stored when done."""
        if card.kind == "linear":
            yield self.plan.fit_request, self._fit
        for part in self.plan.parts(card):
            yield self._part_task(part, card)
        for variation, view, _ in self.plan.varied_requests(card):
            yield self._power_task(view, card, variation.sample)
        yield self.plan.measurement_request(card), functools.partial(self._measurement, card)
        yield self.plan.sampler_request(card), functools.partial(self._sampler, card)
        if card.kind == "linear":
            yield self.plan.rule_request(card), functools.partial(self._rule, card)
        if card.name == self.study.display_encoder:
            yield self.plan.display_request(), self._display
            yield self.plan.leakage_request(), self._leakage

    def todo(self, card: cards.Card, *, anew: bool) -> list[Task]:
        """The steps of one encoder that have to be computed, in order.

        Args:
            card: the encoder's.
            anew: whether what is committed is computed as well.
        """
        missing = {one.key for one in standing.unanswered(self.plan, card).values()}
        if not anew and not missing:
            return []
        tasks = [task for task in self.tasks(card) if self.store.state(task[0]) != "sound"]
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
        shown: list[tuple[cards.Card, list[View]]] = []
        for name in self.plan.cards:
            card = self.settled(name)
            reason = availability.cannot_run(card, self.store.downloads)
            own = self.todo(card, anew=anew and not reason)
            needed = {key for request, _ in own for key in request.inputs.values()}
            groups = batches(self.plan, card, needed)
            if groups and availability.missing(card):
                for result, request in standing.unanswered(self.plan, card).items():
                    archive.read(self.study.name, request, result, str(reason))
            measurement = self.plan.measurement_request(card)
            here = self.store.state(measurement) == "sound" or any(
                request.key == measurement.key for request, _ in own
            )
            said[name] = "computed" if here else standing.origin(self.plan, card, reason)
            todo += own
            shown += [(card, views) for views in groups]
        self._run(shown, todo, progress)
        return said

    def settled(self, name: str) -> cards.Card:
        """The card of an encoder, with all that results are keyed by; loading finds the rest out.

        Raises:
            FetchError: the weights can't be had.
        """
        card = self.plan.cards[name]
        return card if card.pinned else self.plan.settle(card, self.encoder(card).pins)

    def powers(
        self, card: cards.Card, progress: Progress = lambda done, total, label: None
    ) -> dict[int, np.ndarray]:
        """Spectra at the two sides that are shown, ``[I, R]`` each, means over channels.

        They are all that a shift between the sides comes from, and all that is computed.

        Raises:
            MissError: some are not stored, and nothing may be computed or the encoder can't run.
            FetchError: what the encoder needs can't be had.
        """
        tasks = {
            side: [self._power_task(view, card, sample=False) for view in views]
            for side, views in self.plan.pair_views().items()
        }
        todo = [task for some in tasks.values() for task in some]
        todo = [task for task in todo if self.store.state(task[0]) != "sound"]
        needed = {key for request, _ in todo for key in request.inputs.values()}
        groups = batches(self.plan, card, needed)
        if groups and (reason := availability.missing(card)):
            raise MissError(f"{reason}; and this was not measured before")
        self._run([(card, group) for group in groups], todo, progress)
        return {
            side: np.stack([self.store.obtain(*task)["power"] for task in some])
            for side, some in tasks.items()
        }

    def _run(
        self, shown: list[tuple[cards.Card, list[View]]], todo: list[Task], progress: Progress
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

    def _encode(self, card: cards.Card, views: list[View]) -> float:
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


def batches(plan: Plan, card: Card, needed: Collection[str]) -> list[list[View]]:
    """The views of an encoder whose moments have to be computed, in groups of one size.

    Args:
        plan: of the study, and the store that moments lie in.
        card: the encoder. Pixels are their own moments and need none.
        needed: keys that the steps to come read.

    Returns:
        Groups of `TOGETHER` views at most. None under ``ANALYSIS_COMPUTE=never``: the step that
        misses its moments says so.
    """
    if card.kind == "pixel" or plan.store.compute == "never":
        return []
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


def photographs(
    plan: Plan, progress: Progress, *, pages: bool = False
) -> Iterator[tuple[catalogue.Photograph, Path]]:
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
        yield photo, catalogue.fetch(photo, plan.store.downloads)
