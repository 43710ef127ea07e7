r"""What a shift keeps when the grid changes: latents folded into channels, squares cut elsewhere.

**Folding.** Some models see p x p latent pixels as p^2 channels of one pixel on a coarser grid
(FLUX.2's: 2 x 2). To each square that is an orthogonal map, so that white noise stays white and the
power of all channels together stays where it is but for aliases: a ring of the coarser grid also
holds the p^2 - 1 frequencies that it cannot tell from its own,

$$
S_\mathrm{folded}(\mathbf{k})
\cong \mathrm{diag}_\mathbf{a}\, P(\mathbf{k} + \mathbf{a}),
$$

up to an orthogonal mix, with a the aliases. An average over channels, and the limit of power
(`information`), are decided by the strongest of them, which is the ring's own frequency; the
information-matched shift counts weak directions as much as strong ones, and the aliases are of
higher frequencies, whose shift is another. So it is a number of an encoder *and a grid*. Both grids
are measured in the same bins of frequencies: the low and the middle band of the coarser one.

**Cutting.** A square of ``cut`` pixels is taken from the middle and from each corner of the
photographs, and shrunk to half of that, instead of shrinking the whole square. They are small, so
that they show different things.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from analysis.encoders.cards import Card, identity
from analysis.encoders.latents import normalise, patchify
from analysis.images import catalogue, pixels, resize
from analysis.project.arrays import Floats
from analysis.shift import equal_snr, information
from analysis.shift.equal_snr import MeasuredShift
from analysis.spectra import cross_spectra, intervals, periodogram, rings
from analysis.spectra.bands import octave_weights
from analysis.spectra.cross_spectra import Bins
from analysis.spectra.intervals import Estimate
from analysis.study.chain import Chain
from analysis.study.experiments import record
from analysis.study.settings import Study, load_study
from analysis.study.store import Arrays, Request, Store

VERSION = 1
NAME = "grids"  # data/results/experiment/grids.npz
PLACES = ("middle", "top left", "top right", "bottom left", "bottom right")
GRIDS = ("flat", "folded")
Progress = Callable[[int, int, str], None]


@dataclasses.dataclass(frozen=True)
class Settings:
    """Every choice of the experiment.

    Args:
        study: whose photographs, sides, window and bands are taken.
        folds: (encoder, p): its latents are folded p x p.
        encoder: what is shown squares cut elsewhere.
        cut: their side in px, shrunk to half of it as well.
    """

    study: str = "bundled"
    folds: tuple[tuple[str, int], ...] = (("taef2", 2), ("pixel", 8))
    encoder: str = "taef2"
    cut: int = 512


@dataclasses.dataclass(frozen=True)
class Fold:
    """An encoder on two grids, over the same frequencies; pairs are (flat, folded).

    Args:
        p: side of the squares that were folded.
        average: the shift of the channel average.
        matched: the information-matched shift; trace: its limit by power.
        channels: C of either.
    """

    p: int
    average: tuple[Estimate, Estimate]
    matched: tuple[Estimate, Estimate]
    trace: tuple[Estimate, Estimate]
    channels: tuple[int, int]


@dataclasses.dataclass(frozen=True, eq=False)  # by identity, so that what is derived can be kept
class Grids:
    """What was measured.

    Args:
        folds: by encoder.
        cuts: `PLACES` -> the shift of squares from there.
    """

    folds: dict[str, Fold]
    cuts: dict[str, MeasuredShift]

    @functools.cached_property
    def each(self) -> Floats:
        """``[5, I]``, ln s of every picture's squares, by place."""
        return np.log([one.each for one in self.cuts.values()])

    @functools.cached_property
    def within(self) -> float:
        """Standard deviation of ln s over places, within a picture: root mean square."""
        return float(np.sqrt(self.each.var(axis=0, ddof=1).mean()))

    @functools.cached_property
    def between(self) -> float:
        """Standard deviation over pictures of the mean of ln s over places."""
        return float(self.each.mean(axis=0).std(ddof=1))

    @functools.cached_property
    def corners(self) -> Estimate:
        """The shift of corners over that of the middle, paired by picture; Student's t on ln s."""
        ratio = self.each[1:].mean(axis=0) - self.each[0]
        one = next(iter(self.cuts.values()))
        low, high = np.exp(intervals.student(ratio, one.confidence))
        return Estimate(float(np.exp(ratio.mean())), float(low), float(high), one.whole.band)

    @functools.cached_property
    def places(self) -> tuple[float, float]:
        """The least and the largest mean shift of a place."""
        shifts = [one.whole.value for one in self.cuts.values()]
        return min(shifts), max(shifts)


# Folding ---------------------------------------------------------------------------------------


def bins(study: Study, channels: int, side: int, images: int) -> Bins:
    """Bins of the low and the middle band of the coarser grid, in which both grids are measured.

    Args:
        study: the window and the bands.
        channels: C of the folded latents.
        side: of the folded latents at the low resolution.
        images: how many matrices are averaged.
    """
    found = cross_spectra.shared_bins(side, channels, images, study.window, study.bands)
    return found[found.within("whole")]


def spectra(z: np.ndarray, shared: Bins, study: Study) -> tuple[Floats, Floats]:
    """Of latents ``[C, h, w]``: SNR averaged over channels ``[R]``, matrices in bins ``[B, C, C]``.

    Both over the expected noise; ring 0 is left at 0.
    """
    window = study.window.kind, study.window.beta
    matrices = cross_spectra.cross_raps(z, *window)
    noise = periodogram.white_noise_raps(*z.shape[1:], *window)
    power = np.trace(matrices, axis1=1, axis2=2) / len(z)
    snr = np.divide(power, noise, out=np.zeros_like(power), where=noise > 1e-9)
    modes = rings.rings(*z.shape[1:]).modes
    return snr, shared.average(matrices, noise, modes)


def fold(
    low: list[tuple[Floats, Floats]],
    high: list[tuple[Floats, Floats]],
    grids: tuple[int, int],
    shared: Bins,
    study: Study,
) -> tuple[Estimate, Estimate, Estimate]:
    """(channel average, information-matched shift, limit by power) of one grid.

    Args:
        low, high: `spectra` of each picture's latents at either side.
        grids: their sides in latent pixels.
        shared: bins of the matrices.
        study: the confidence of the intervals.
    """
    k, above = (rings.rings(n, n).cycles_per_image for n in grids)
    chosen = slice(int(shared.edges[0, 0]), int(shared.edges[-1, 1]))
    first, second = (np.stack([snr for snr, _ in one]) for one in (low, high))
    curves = np.sqrt(
        equal_snr.at_frequencies(k[chosen], above[1:], second[:, 1:]) / first[:, chosen]
    )
    each = np.log(curves) @ octave_weights(k[chosen])
    ends = np.exp(intervals.student(each, study.confidence))
    band = (float(k[chosen][0]), float(k[chosen][-1]))
    average = Estimate(float(np.exp(each.mean())), float(ends[0]), float(ends[1]), band)
    matrices = (np.stack([matrix for _, matrix in one]) for one in (low, high))
    found = information.measure(next(matrices), next(matrices), shared, study.confidence)
    return average, found.matched, found.limits["trace"]


# Cutting ---------------------------------------------------------------------------------------


def squares(whole: np.ndarray, cut: int) -> dict[str, np.ndarray]:
    """place -> ``[3, cut, cut]`` of a picture ``[3, n, n]``, from its middle and its corners.

    Raises:
        ValueError: the picture is smaller than that.
    """
    n = whole.shape[-1]
    if n < cut:
        raise ValueError(f"a picture of {n} px has no square of {cut} px")
    far, middle = n - cut, (n - cut) // 2
    corners = [(middle, middle), (0, 0), (0, far), (far, 0), (far, far)]
    return {
        place: whole[:, y : y + cut, x : x + cut]
        for place, (y, x) in zip(PLACES, corners, strict=True)
    }


# Runs ------------------------------------------------------------------------------------------


class Runs:
    """The requests of the experiment, and their results, through the store.

    Args:
        settings: every choice.
        store: where each picture's spectra lie, so that what was stopped goes on.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store
        names = tuple(dict.fromkeys([*(name for name, _ in settings.folds), settings.encoder]))
        own = {"encoders": names, "display_encoder": names[0], "variations": ()}
        self.chain = Chain(load_study(settings.study).model_copy(update=own), store)
        self.study, self.plan = self.chain.study, self.chain.plan

    def request(self, step: str, card: Card, photo: catalogue.Photograph) -> Request:
        """What identifies the spectra of one picture: ``cut``, or ``fold`` of an encoder."""
        study, chosen = self.study, dict(self.settings.folds)
        parameters: dict[str, Any] = {
            "encoder": identity(card),
            "normalisation": card.normalisation.model_dump(),
            "window": study.window.model_dump(),
            "resample": study.resample,
        }
        if step == "fold":
            parameters |= {
                "sides": list(study.pair),
                "p": chosen[card.name],
                "bands": study.bands.model_dump(),
                "images": len(self.plan.photographs),
            }
        else:
            parameters["cut"] = self.settings.cut
        label = f"{step} of {photo.id} by {card.name}"
        inputs = {"photograph": self.plan.hashes[photo.id]}
        return Request(step, VERSION, parameters, inputs, label)

    @property
    def tasks(self) -> list[tuple[str, Card, catalogue.Photograph]]:
        """(step, encoder, picture), in order."""
        steps = [("fold", name) for name, _ in self.settings.folds]
        steps.append(("cut", self.settings.encoder))
        return [
            (step, self.plan.cards[name], photo)
            for step, name in steps
            for photo in self.plan.photographs
        ]

    @property
    def whole(self) -> Request:
        """What identifies the experiment."""
        each = {f"{s} {c.name} {p.id}": self.request(s, c, p).key for s, c, p in self.tasks}
        chosen = {"confidence": self.study.confidence, "bands": self.study.bands.model_dump()}
        return Request("grids", VERSION, chosen, each, "the experiment on grids")

    def bins(self, card: Card) -> Bins:
        """`bins` of an encoder that is folded."""
        p = dict(self.settings.folds)[card.name]
        side = self.study.low // card.latent_stride // p
        return bins(self.study, card.latent_channels * p**2, side, len(self.plan.photographs))

    def _latents(self, card: Card, x: np.ndarray) -> np.ndarray:
        moments = self.chain.encoder(card).encode(x[np.newaxis])
        return normalise(moments, card.normalisation)

    def folded(self, card: Card, photo: catalogue.Photograph) -> Arrays:
        """``<flat or folded>_<side>_<snr or cross>`` of one picture, matrices `packed`."""
        out: Arrays = {}
        p, shared = dict(self.settings.folds)[card.name], self.bins(card)
        for side in self.study.pair:
            z = self._latents(card, self.chain.pixels(self.plan.view(photo, side)))
            for grid, side_of_square in zip(GRIDS, (1, p), strict=True):
                snr, matrices = spectra(patchify(z, side_of_square)[0], shared, self.study)
                out[f"{grid}_{side}_snr"] = snr
                out[f"{grid}_{side}_cross"] = cross_spectra.packed(matrices)
        return out

    def cut(self, card: Card, photo: catalogue.Photograph) -> Arrays:
        """``low`` and ``high``, ``[5, R]``: spectra of one picture's squares, by place."""
        path, window = catalogue.fetch(photo, self.store.downloads), self.study.window
        side = min(pixels.decode(path).size)
        rows: dict[str, list[Floats]] = {"low": [], "high": []}
        for square in squares(pixels.load(path, side), self.settings.cut).values():
            half = resize.resize(square, self.settings.cut // 2, self.study.resample)
            for name, x in (("low", resize.clip(half)[0]), ("high", square)):
                z = self._latents(card, np.ascontiguousarray(x, np.float32))[0]
                rows[name].append(periodogram.raps(z, window.kind, window.beta).mean(axis=0))
        return {name: np.stack(each).astype(np.float32) for name, each in rows.items()}

    def results(
        self, progress: Progress = lambda done, total, label: None
    ) -> Iterator[tuple[str, str, Arrays]]:
        """(step, encoder, arrays of one picture), computed where the store has none."""
        for done, (step, card, photo) in enumerate(self.tasks):
            request = self.request(step, card, photo)
            progress(done, len(self.tasks), request.label)

            def compute(
                step: str = step, card: Card = card, photo: catalogue.Photograph = photo
            ) -> Arrays:
                return (self.folded if step == "fold" else self.cut)(card, photo)

            yield step, card.name, self.store.obtain(request, compute)


def commit(
    store: Store,
    progress: Progress = lambda done, total, label: None,
    settings: Settings | None = None,
) -> Path:
    """Write the experiment to ``data/results``, computed where the store has none of it.

    About five minutes of one core from nothing. Of folded latents the shifts alone are kept:
    matrices of 192 channels would be megabytes.

    Returns:
        the path of ``experiment/grids.json``; the arrays are in the npz beside it.
    """
    runs = Runs(settings or Settings(), store)
    rows: dict[str, list[Arrays]] = {}
    for step, name, arrays in runs.results(progress):
        rows.setdefault(f"{step} {name}", []).append(arrays)
    out = {}
    for name, p in runs.settings.folds:
        each, card = rows[f"fold {name}"], runs.plan.cards[name]
        shared, found = runs.bins(card), []
        for grid, fold_by in zip(GRIDS, (1, p), strict=True):
            channels = card.latent_channels * fold_by**2
            low, high = (
                [
                    (
                        one[f"{grid}_{side}_snr"],
                        cross_spectra.unpacked(one[f"{grid}_{side}_cross"], channels),
                    )
                    for one in each
                ]
                for side in runs.study.pair
            )
            grids = [side // card.latent_stride // fold_by for side in runs.study.pair]
            shifts = fold(low, high, (grids[0], grids[1]), shared, runs.study)
            found.append([[one.value, one.low, one.high] for one in shifts])
        out[f"fold {name}"] = np.array(found)
    for place in ("low", "high"):
        cut = np.stack([one[place] for one in rows[f"cut {runs.settings.encoder}"]], axis=1)
        out[f"cut {place}"] = cut
    done = _grids(runs, out)
    content = {
        "settings": dataclasses.asdict(runs.settings),
        "numbers": {
            "folds": {name: dataclasses.asdict(one) for name, one in done.folds.items()},
            "cuts": {place: dataclasses.asdict(one.whole) for place, one in done.cuts.items()},
            "within": done.within,
            "between": done.between,
            "corners": dataclasses.asdict(done.corners),
        },
    }
    return record.write(NAME, runs.whole, out, content)


def committed(store: Store, settings: Settings | None = None) -> Grids:
    """The committed experiment, if it is that of these settings and photographs; without torch.

    Raises:
        MissError: there is none, or it was made from something else.
    """
    runs = Runs(settings or Settings(), store)
    why = "the experiment on grids is not run for the site"
    return _grids(runs, record.read(NAME, runs.whole, why))


def _grids(runs: Runs, arrays: Arrays) -> Grids:
    """The results, from what is stored: ``[grid, (average, matched, trace), (value, low, high)]``
    of a fold, and spectra ``[5, I, R]`` of squares."""
    study, folds = runs.study, {}
    for name, p in runs.settings.folds:
        card = runs.plan.cards[name]
        edges = runs.bins(card).edges
        band = float(edges[0, 0]), float(edges[-1, 1] - 1)
        flat, folded = (
            [Estimate(value, low, high, band) for value, low, high in grid.tolist()]
            for grid in arrays[f"fold {name}"]
        )
        average, matched, trace = zip(flat, folded, strict=True)
        channels = (card.latent_channels, card.latent_channels * p**2)
        folds[name] = Fold(p, average, matched, trace, channels)
    card, window = runs.plan.cards[runs.settings.encoder], (study.window.kind, study.window.beta)
    sides = [runs.settings.cut // 2, runs.settings.cut]
    grids = [side // card.latent_stride for side in sides]
    cuts = {}
    for index, place in enumerate(PLACES):
        low, high = (
            equal_snr.of_grid(arrays[f"cut {name}"][index], n, *window)
            for name, n in zip(("low", "high"), grids, strict=True)
        )
        cuts[place] = equal_snr.measure(low, high, 4.0, study.bands, study.confidence)
    return Grids(folds, cuts)
