r"""Does the shift depend on a picture's contrast? Natural pictures, and the same ones made fainter.

Photographs of high contrast have a larger shift in `taef2`. They differ in much else, so that some
of them are measured again at lower contrast, with everything else left as it is: at both sides

$$
x' = \bar x + c\, (x - \bar x), \qquad c = 1, \tfrac14, \tfrac1{16}, \tfrac1{64},
$$

with $\bar x$ the picture's mean colour. Values are floats and are not rounded: at 1/64 a picture
spans about four of the steps of 8 bits, fewer than that no file holds. A linear encoder would give
the same shift at every c.

- **Contrast** is the variance of a picture at the low side between the first and the last frequency
  that the shift is measured over: the sum over modes of P / (h w), in squared units of the pixels,
  which reach from -1 to 1. The mean over the three colours; it falls with c squared, exactly.
- **Shifts** are those of `equal_snr.measure`, one number a picture.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from analysis.encoders.cards import Card, identity
from analysis.encoders.latents import normalise
from analysis.project.arrays import Floats
from analysis.shift import equal_snr
from analysis.shift.equal_snr import MeasuredShift
from analysis.spectra import intervals, periodogram, rings
from analysis.spectra.bands import in_band, octave_weights
from analysis.spectra.intervals import Estimate
from analysis.study import archive
from analysis.study.chain import Chain
from analysis.study.experiments import record
from analysis.study.plan import Plan
from analysis.study.settings import load_study
from analysis.study.store import Arrays, Request, Store

STEP, VERSION = "contrast", 1
NAME = "contrast"  # data/results/experiment/contrast.npz
Progress = Callable[[int, int, str], None]


@dataclasses.dataclass(frozen=True)
class Settings:
    """Every choice of the experiment.

    Args:
        studies: whose photographs are taken as they are; their measurements are read. The first
            one's window, bands and sides hold for all.
        encoder: whose shift it is, of all photographs.
        others: further encoders that the fainter pictures are shown to.
        swept: how many photographs are made fainter, the first ones of the first study.
        factors: c, descending from 1.
    """

    studies: tuple[str, ...] = ("bundled", "wallpapers")
    encoder: str = "taef2"
    others: tuple[str, ...] = ("trained-plain-0", "trained-kl-0", "random-f8c16-0")
    swept: int = 8
    factors: tuple[float, ...] = (1, 1 / 4, 1 / 16, 1 / 64)


@dataclasses.dataclass(frozen=True, eq=False)  # by identity, so that what is derived can be kept
class Contrast:
    """What was measured of natural and of fainter pictures.

    Args:
        factors: ``[F]``, c.
        power_low, power_high: ``[I, R]``, spectra of all photographs' latents, averaged over
            channels, at the low and the high side.
        pixels: ``[I, R']``, spectra of the photographs themselves at the low side.
        swept: encoder -> spectra ``[P, F, R]`` at (low, high) side of the first photographs, made
            fainter.
        counts: photographs of each set.
        strides: encoder -> pixels a latent.
        settings: every choice.
    """

    factors: Floats
    power_low: Floats
    power_high: Floats
    pixels: Floats
    swept: dict[str, tuple[Floats, Floats]]
    counts: tuple[int, ...]
    strides: dict[str, int]
    settings: Settings

    @functools.cached_property
    def natural(self) -> MeasuredShift:
        """The shift of the photographs as they are, all sets together."""
        return self._shift(self.settings.encoder, self.power_low, self.power_high)

    @property
    def band(self) -> tuple[float, float]:
        """(from, to) of the frequencies, cycles per image: the low and the middle band."""
        return self.natural.whole.band

    @functools.cached_property
    def shifts(self) -> Floats:
        """``[I]``, the shift of each photograph."""
        return self.natural.each

    @functools.cached_property
    def contrast(self) -> Floats:
        """``[I]``, variance of each photograph within the band, in squared units of [-1, 1]."""
        side = load_study(self.settings.studies[0]).low
        found = rings.rings(side, side)
        chosen = in_band(found.cycles_per_image, self.band)[: self.pixels.shape[1]]
        modes = found.modes[: self.pixels.shape[1]]
        return np.asarray(self.pixels[:, chosen] @ modes[chosen] / side**2)

    def swept_shifts(self, encoder: str) -> Floats:
        """``[P, F]``, the shift of each picture at each contrast."""
        low, high = self.swept[encoder]
        columns = [
            self._shift(encoder, low[:, f], high[:, f]).each for f in range(len(self.factors))
        ]
        return np.stack(columns, axis=1)

    @property
    def swept_contrast(self) -> Floats:
        """``[P, F]``, `contrast` of the pictures that were made fainter."""
        return np.asarray(self.contrast[: self.settings.swept, None] * self.factors**2)

    def at_factor(self, encoder: str, factor: float) -> Estimate:
        """The mean shift over pictures at one contrast, Student's t on ln s."""
        low, high = self.swept[encoder]
        index = self.factors.tolist().index(factor)
        return self._shift(encoder, low[:, index], high[:, index]).whole

    def fall(self, encoder: str) -> Estimate:
        """How much less the shift is at the least contrast than at 1: a ratio, paired by picture.

        Student's t on the difference of ln s.
        """
        logs = np.log(self.swept_shifts(encoder))
        return self._mean(logs[:, -1] - logs[:, 0])

    def fallen(self, encoder: str) -> int:
        """How many pictures have a smaller shift at the least contrast than at 1."""
        shifts = self.swept_shifts(encoder)
        return int(np.sum(shifts[:, -1] < shifts[:, 0]))

    def kept(self, encoder: str) -> float:
        """Power of the latents at the least contrast over that at 1, geometric mean; low side."""
        low, _ = self.swept[encoder]
        grid = load_study(self.settings.studies[0]).low // self.strides[encoder]
        k = rings.rings(grid, grid).cycles_per_image
        chosen = in_band(k, self.band)
        ratio = np.log(low[:, -1, chosen] / low[:, 0, chosen]) @ octave_weights(k[chosen])
        return float(np.exp(ratio.mean()))

    def quartiles(self) -> list[Estimate]:
        """The mean shift of each quarter of the photographs, from the least contrast upwards.

        Of fewer than four photographs each is a part.
        """
        order, logs = np.argsort(self.contrast), np.log(self.shifts)
        parts = np.array_split(order, min(4, len(order)))
        return [self._mean(logs[part]) for part in parts]

    def correlation(self, sets: int) -> float:
        """Of ln s with the logarithm of contrast, over the photographs of the first sets."""
        count = sum(self.counts[:sets])
        both = np.stack([np.log(self.shifts[:count]), np.log(self.contrast[:count])])
        return float(np.corrcoef(both)[0, 1])

    def _mean(self, logs: Floats) -> Estimate:
        confidence = load_study(self.settings.studies[0]).confidence
        low, high = np.exp(intervals.student(logs, confidence))
        return Estimate(float(np.exp(logs.mean())), float(low), float(high), self.band)

    def _shift(self, encoder: str, low: Floats, high: Floats) -> MeasuredShift:
        study = load_study(self.settings.studies[0])
        window = study.window.kind, study.window.beta
        below, above = (
            equal_snr.of_grid(power, side // self.strides[encoder], *window)
            for power, side in zip((low, high), study.pair, strict=True)
        )
        ratio = (study.high / study.low) ** 2
        return equal_snr.measure(below, above, ratio, study.bands, study.confidence)


class Runs:
    """The requests of the experiment, and their results, through the store.

    Args:
        settings: every choice.
        store: where each picture's spectra lie, so that what was stopped goes on.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store
        first = load_study(settings.studies[0])
        shown = (settings.encoder, *settings.others)
        own = {"encoders": shown, "display_encoder": shown[0], "variations": ()}
        self.chain = Chain(first.model_copy(update=own), store)
        self.plans = [Plan(load_study(name), store) for name in settings.studies]

    @property
    def cards(self) -> dict[str, Card]:
        """name -> card of the encoders that fainter pictures are shown to."""
        return self.chain.plan.cards

    def request(self, card: Card, index: int) -> Request:
        """What identifies the spectra of one picture at all contrasts."""
        study, photo = self.chain.study, self.chain.plan.photographs[index]
        parameters = {
            "encoder": identity(card),
            "normalisation": card.normalisation.model_dump(),
            "sides": list(study.pair),
            "resample": study.resample,
            "window": study.window.model_dump(),
            "factors": list(self.settings.factors),
        }
        digest = self.chain.plan.hashes[photo.id]
        label = f"{photo.id} at lower contrast by {card.name}"
        return Request(STEP, VERSION, parameters, {"photograph": digest}, label)

    def natural(self) -> dict[str, Request]:
        """``<study> <encoder>`` -> the measurements that are read of photographs as they are."""
        return {
            f"{plan.study.name} {name}": plan.measurement_request(plan.cards[name])
            for plan in self.plans
            for name in (self.settings.encoder, "pixel")
        }

    @property
    def whole(self) -> Request:
        """What identifies the experiment."""
        each = {
            f"{name} {index}": self.request(card, index)
            for name, card in self.cards.items()
            for index in range(self.settings.swept)
        }
        inputs = {name: request.key for name, request in {**each, **self.natural()}.items()}
        bands = {"bands": self.chain.study.bands.model_dump()}
        return Request(f"{STEP}-stacked", VERSION, bands, inputs, "the experiment on contrast")

    def fainter(self, card: Card, index: int) -> Arrays:
        """Spectra ``low`` and ``high``, ``[F, R]``, of one picture's latents at each contrast."""
        plan, encoder, study = self.chain.plan, self.chain.encoder(card), self.chain.study
        photo, window = plan.photographs[index], (study.window.kind, study.window.beta)
        out: dict[str, list[Floats]] = {"low": [], "high": []}
        for name, side in zip(out, study.pair, strict=True):
            x = self.chain.pixels(plan.view(photo, side))
            for factor in self.settings.factors:
                shown = fainter(x, factor)[np.newaxis]
                z = normalise(encoder.encode(shown), card.normalisation)[0]
                out[name].append(periodogram.raps(z, *window).mean(axis=0))
        return {name: np.stack(rows).astype(np.float32) for name, rows in out.items()}

    def results(
        self, progress: Progress = lambda done, total, label: None
    ) -> Iterator[tuple[str, Arrays]]:
        """(encoder, its picture's arrays), computed where the store has none."""
        tasks = [(c, index) for c in self.cards.values() for index in range(self.settings.swept)]
        for done, (card, index) in enumerate(tasks):
            request = self.request(card, index)
            progress(done, len(tasks), request.label)

            def compute(card: Card = card, index: int = index) -> Arrays:
                return self.fainter(card, index)

            yield card.name, self.store.obtain(request, compute)


def fainter(x: np.ndarray, factor: float) -> np.ndarray:
    """A picture ``[3, h, w]`` at so many times its contrast, about its mean colour; float32.

    A factor of 1 leaves it as it is.
    """
    mean = x.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    return np.asarray(mean + factor * (x - mean), np.float32)


def commit(
    store: Store,
    progress: Progress = lambda done, total, label: None,
    settings: Settings | None = None,
) -> Path:
    """Write the experiment to ``data/results``, computed where the store has none of it.

    About ten minutes of one core from nothing; photographs as they are, are read from the
    measurements of the studies.

    Returns:
        the path of ``experiment/contrast.json``; the arrays are in the npz beside it.
    """
    settings = settings or Settings()
    runs = Runs(settings, store)
    rows: dict[str, list[Arrays]] = {name: [] for name in runs.cards}
    for name, arrays in runs.results(progress):
        rows[name].append(arrays)
    out = {
        f"{name} {place}": np.stack([one[place] for one in each])
        for name, each in rows.items()
        for place in ("low", "high")
    }
    first = runs.chain.study
    measured: dict[str, list[Floats]] = {"power_low": [], "power_high": [], "pixels": []}
    for plan, (encoder, pixel) in _pairs(runs):
        for name, side in (("power_low", first.low), ("power_high", first.high)):
            measured[name].append(_arrays(plan, encoder)[f"power_{side}"].mean(axis=1))
        of_pixels = _arrays(plan, pixel)[f"power_{first.low}"].mean(axis=1)
        measured["pixels"].append(of_pixels[:, : measured["power_low"][-1].shape[1]])
    out |= {name: np.concatenate(each).astype(np.float32) for name, each in measured.items()}
    found = _contrast(runs, out)
    names = runs.cards
    content = {
        "settings": dataclasses.asdict(settings),
        "photographs": [photo.id for plan in runs.plans for photo in plan.photographs],
        "numbers": {
            "correlation": found.correlation(1),
            "correlation_all": found.correlation(2),
            "quartiles": [dataclasses.asdict(one) for one in found.quartiles()],
            "swept": {name: found.swept_shifts(name).tolist() for name in names},
            "fall": {name: dataclasses.asdict(found.fall(name)) for name in names},
            "kept": {name: found.kept(name) for name in names},
        },
    }
    return record.write(NAME, runs.whole, out, content)


def committed(store: Store, settings: Settings | None = None) -> Contrast:
    """The committed experiment, if it is that of these settings and photographs; without torch.

    Raises:
        MissError: there is none, or it was made from something else.
    """
    runs = Runs(settings or Settings(), store)
    why = "the experiment on contrast is not run for the site"
    return _contrast(runs, record.read(NAME, runs.whole, why))


def _contrast(runs: Runs, arrays: Arrays) -> Contrast:
    swept = {name: (arrays[f"{name} low"], arrays[f"{name} high"]) for name in runs.cards}
    return Contrast(
        np.array(runs.settings.factors),
        arrays["power_low"],
        arrays["power_high"],
        arrays["pixels"],
        swept,
        tuple(len(plan.photographs) for plan in runs.plans),
        {name: card.latent_stride for name, card in runs.cards.items()},
        runs.settings,
    )


def _pairs(runs: Runs) -> Iterator[tuple[Plan, tuple[Card, Card]]]:
    """Each study's plan, with the cards of the encoder and of pixels."""
    for plan in runs.plans:
        yield plan, (plan.cards[runs.settings.encoder], plan.cards["pixel"])


def _arrays(plan: Plan, card: Card) -> Arrays:
    """An encoder's measurement in a study, stored or committed."""
    request = plan.measurement_request(card)
    return archive.find(plan.store, plan.study.name, request, card.name)[0]
