"""The chain: photographs -> moments -> latents -> spectra -> measurement, through the store.

This is the only module that knows the order of the steps. Each step is a `cache.Request`, made
from the requests it reads, and a function that computes it. Where an encoder cannot run here, its
committed measurement is used, and that is said.
"""

import functools
from collections.abc import Callable, Iterator

import numpy as np

from analysis import (
    archive,
    encoders,
    images,
    latents,
    linear_code,
    noise,
    simulated,
    spectra,
    weights,
)
from analysis.cache import Arrays, MissError, Request, Store
from analysis.settings import InputError, Study

Progress = Callable[[int, int, str], None]
Task = tuple[Request, Callable[[], Arrays]]

LEAKAGE_GAMMAS = [2.0, 3.0]  # exponents of power of the simulated fields
LEAKAGE_FIELDS = 64  # fields that are averaged
LEAKAGE_SIDE = 128  # largest side in pixels


class Chain:
    """The steps of one study over one store.

    Args:
        study: every choice.
        store: where results lie.
    """

    def __init__(self, study: Study, store: Store) -> None:
        self.study, self.store = study, store
        self.cards = {name: encoders.card(name) for name in study.encoders}
        self.photographs = images.image_set(study.images).photos
        self._loaded: dict[str, encoders.Encoder] = {}

    # What each step is asked for -------------------------------------------------------------

    @functools.cached_property
    def hashes(self) -> dict[str, str]:
        """id -> SHA-256 of each photograph's verified file."""
        return {
            photo.id: images.digest(images.fetch(photo, self.store.downloads))
            for photo in self.photographs
        }

    @functools.cached_property
    def fit_request(self) -> Request:
        """The linear code is fitted on the bundled photographs, whatever the study shows."""
        card = encoders.card("linear-f8c16")
        return Request(
            "linear-fit", 1,
            {"size": card.fit_size, "patch": card.stride, "channels": card.channels},
            {photo.id: photo.sha256 for photo in images.image_set("bundled").photos},
            "the linear code",
        )  # fmt: skip

    def moments_request(self, photo: images.Photograph, side: int, card: encoders.Card) -> Request:
        """Moments of one photograph at one resolution."""
        inputs = {"photograph": self.hashes[photo.id]}
        if card.kind == "linear":
            inputs["fit"] = self.fit_request.key
        parameters = {
            "size": side, "resample": self.study.resample, "encoder": encoders.identity(card),
        }  # fmt: skip
        label = f"latents of {photo.id} at {side} px by {card.name}"
        return Request("moments", 1, parameters, inputs, label)

    def spectra_request(self, photo: images.Photograph, side: int, card: encoders.Card) -> Request:
        """Spectra of one photograph's latents, of the noise, and of their blend."""
        parameters = {
            "window": self.study.window.model_dump(), "t": self.study.t, "seed": self.study.seed,
            "windows": [window.model_dump() for window in self.study.windows],
            "shift": card.shift, "scale": card.scale,
        }  # fmt: skip
        inputs = {"moments": self.moments_request(photo, side, card).key}
        return Request(
            "spectra", 4, parameters, inputs, f"spectra of {photo.id} at {side} px by {card.name}"
        )

    def measurement_request(self, card: encoders.Card) -> Request:
        """All spectra of one encoder."""
        inputs = {
            f"{photo.id} {side}": self.spectra_request(photo, side, card).key
            for photo in self.photographs
            for side in self.study.resolutions
        }
        # The inputs are a mapping and have no order; the rows of the arrays have.
        rows = {"photographs": [photo.id for photo in self.photographs]}
        return Request("measurement", 4, rows, inputs, f"measurement of {card.name}")

    def display_request(self) -> Request:
        """The pictured latents."""
        card = self.cards[self.study.display_encoder]
        inputs = {
            str(side): self.moments_request(self.displayed, side, card).key
            for side in self.study.resolutions
        }
        return Request(
            "display", 1, {"shift": card.shift, "scale": card.scale}, inputs, "pictured latents"
        )

    @functools.cached_property
    def displayed(self) -> images.Photograph:
        """The pictured photograph: the study's display_image, else the first."""
        wanted = self.study.display_image
        for photo in self.photographs:
            if not wanted or photo.id == wanted:
                return photo
        raise InputError(
            f"study {self.study.name}: display_image '{wanted}' is not in the set "
            f"'{self.study.images}'; it has {', '.join(p.id for p in self.photographs)}"
        )

    # How each step is computed ---------------------------------------------------------------

    def _pixels(self, photo: images.Photograph, side: int) -> np.ndarray:
        path = images.fetch(photo, self.store.downloads)
        return images.load(path, side, self.study.resample)

    def _fit(self) -> Arrays:
        card, bundled = encoders.card("linear-f8c16"), images.image_set("bundled").photos
        pixels = (
            images.load(images.fetch(photo, self.store.downloads), card.fit_size)
            for photo in bundled
        )
        code = linear_code.fit(pixels, card.stride, card.channels, self.fit_request.key)
        return {"mean": code.mean, "basis": code.basis, "eigenvalues": code.eigenvalues}

    @functools.cached_property
    def linear(self) -> linear_code.LinearCode:
        """The linear code."""
        arrays = self.store.obtain(self.fit_request, self._fit)
        return linear_code.LinearCode(**arrays, fitted_on=self.fit_request.key)

    def _encoder(self, card: encoders.Card) -> encoders.Encoder:
        if card.name not in self._loaded:
            code = self.linear if card.kind == "linear" else None
            self._loaded[card.name] = encoders.load(
                card, linear=code, downloads=self.store.downloads
            )
        return self._loaded[card.name]

    def _moments(self, photo: images.Photograph, side: int, card: encoders.Card) -> Arrays:
        return self._encoder(card).encode(self._pixels(photo, side)[np.newaxis])

    def _latents(self, photo: images.Photograph, side: int, card: encoders.Card) -> np.ndarray:
        compute = functools.partial(self._moments, photo, side, card)
        # Pixels are their own moments: storing them would only copy the photographs.
        stored = card.kind != "pixel"
        request = self.moments_request(photo, side, card)
        moments = self.store.obtain(request, compute) if stored else compute()
        return latents.normalise(moments, shift=card.shift, scale=card.scale)[0]

    def eps(self, photo: images.Photograph, side: int, shape: tuple[int, ...]) -> np.ndarray:
        """The noise of one photograph at one resolution, float32 of the given shape."""
        rng = noise.generator(self.study.seed, "noise", self.hashes[photo.id], side)
        return noise.gaussian(shape, rng)

    def _spectra(self, photo: images.Photograph, side: int, card: encoders.Card) -> Arrays:
        z = self._latents(photo, side, card)
        eps = self.eps(photo, side, z.shape)
        window = (self.study.window.kind, self.study.window.beta)
        try:
            each = [spectra.raps(z, w.kind, w.beta).mean(axis=0) for w in self.study.windows]
            return {
                "power": spectra.raps(z, *window),
                "windows": np.stack(each),
                "noise": spectra.raps(eps, *window).mean(axis=0),
                "noisy": spectra.raps(noise.blend(z, eps, self.study.t), *window).mean(axis=0),
            }
        except ValueError as error:
            raise InputError(f"{photo.id} at {side} px by {card.name}: {error}") from None

    def _measurement(self, card: encoders.Card) -> Arrays:
        out: Arrays = {}
        for side in self.study.resolutions:
            each = [
                self.store.obtain(
                    self.spectra_request(photo, side, card),
                    functools.partial(self._spectra, photo, side, card),
                )
                for photo in self.photographs
            ]
            for name in ("power", "windows", "noise", "noisy"):
                out[f"{name}_{side}"] = np.stack([arrays[name] for arrays in each])
            n = side // card.stride
            rings = spectra.rings(n, n)
            out[f"k_{side}"], out[f"modes_{side}"] = rings.cycles_per_image, rings.modes
        if card.kind == "linear":
            pixels = (self._pixels(photo, self.study.high) for photo in self.photographs)
            lost = linear_code.reconstruction_error(self.linear, pixels)
            out |= {"psnr": np.array(lost.psnr), "relative_mse": np.array(lost.relative_mse)}
        return out

    def leakage_request(self) -> Request:
        """What each window makes of simulated fields, on the grid of the pictured latents."""
        side = self.study.high // self.cards[self.study.display_encoder].stride
        parameters = {
            "side": min(side, LEAKAGE_SIDE), "gammas": LEAKAGE_GAMMAS, "fields": LEAKAGE_FIELDS,
            "windows": [window.model_dump() for window in self.study.windows],
            "seed": self.study.seed,
        }  # fmt: skip
        return Request("leakage", 1, parameters, {}, "leakage of the windows")

    def _leakage(self) -> Arrays:
        side = self.leakage_request().parameters["side"]
        windows = [(window.kind, window.beta) for window in self.study.windows]
        ratios = [
            simulated.leakage(
                side, gamma, windows, noise.generator(self.study.seed, "leakage", str(gamma)),
                LEAKAGE_FIELDS,
            )
            for gamma in LEAKAGE_GAMMAS
        ]  # fmt: skip
        k = spectra.rings(side, side).cycles_per_image[1:]
        return {"ratio": np.stack(ratios), "k": k, "gammas": np.array(LEAKAGE_GAMMAS)}

    def _display(self) -> Arrays:
        card = self.cards[self.study.display_encoder]
        # Half precision: these are only looked at, and are committed.
        return {
            f"z_{side}": self._latents(self.displayed, side, card).astype(np.float16)
            for side in self.study.resolutions
        }

    # Computing and reading -------------------------------------------------------------------

    def tasks(self, card: encoders.Card) -> Iterator[Task]:
        """The steps of one encoder in order; each is stored when done."""
        if card.kind == "linear":
            yield self.fit_request, self._fit
        for photo in self.photographs:
            for side in self.study.resolutions:
                yield (
                    self.spectra_request(photo, side, card),
                    functools.partial(self._spectra, photo, side, card),
                )
        yield self.measurement_request(card), functools.partial(self._measurement, card)
        if card.name == self.study.display_encoder:
            yield self.display_request(), self._display
            yield self.leakage_request(), self._leakage

    def compute(self, progress: Progress = lambda done, total, label: None) -> dict[str, str]:
        """Compute what is missing; encoder -> ``computed`` or why it is taken from elsewhere.

        Raises:
            MissError: something is missing and ``ANALYSIS_COMPUTE=never``.
            FetchError: an encoder can't run here and there is no committed result for it.
        """
        said: dict[str, str] = {}
        todo: list[Task] = []
        for name, card in self.cards.items():
            reason = self._cannot_run(card)
            if reason and self.store.state(self.measurement_request(card)) == "sound":
                said[name] = "computed"  # earlier, when it could run
            elif reason and self._committed(card, reason):
                said[name] = f"committed results: {reason}"
            else:
                said[name] = "computed"
                todo.extend(self.tasks(card))
        for index, (request, function) in enumerate(todo):
            progress(index, len(todo), request.label)
            self.store.obtain(request, function)
        progress(len(todo), len(todo), "done")
        return said

    def _cannot_run(self, card: encoders.Card) -> str | None:
        """Why an encoder cannot run here without a download, or None."""
        reason = encoders.missing(card)
        if reason is None and card.sha256 and not self._weights_here(card):
            reason = "its weights are not on this machine ('fetch' gets them)"
        return reason

    def _committed(self, card: encoders.Card, reason: str) -> bool:
        """Whether there are committed results; if not, a download is tried where one can help."""
        try:
            archive.read(self.study.name, self.measurement_request(card), card.name, reason)
        except MissError:
            if encoders.missing(card):
                raise
            return False
        return True

    def _weights_here(self, card: encoders.Card) -> bool:
        places = [*weights.folders(), self.store.downloads]
        return weights.find(card.sha256, card.bytes, places) is not None
