"""The measured shift of any encoder between any two resolutions, on any photographs.

`recommend` takes an encoder that the package can load, and goes through the same store as studies
do, so that what one has measured (or what is committed) is not computed again. `measure` takes any
function from pixels to latents, and neither a card nor a store.
"""

import dataclasses
import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.encoders import availability
from analysis.encoders.cards import Card
from analysis.images.catalogue import fetch, files, image_set, stack, unfit
from analysis.project.errors import InputError
from analysis.project.files import cache_folder
from analysis.shift import equal_snr
from analysis.spectra import intervals, periodogram
from analysis.study import archive, preflight
from analysis.study.archive import DamagedError
from analysis.study.chain import Chain, Progress
from analysis.study.measurement import numbers_of
from analysis.study.plan import Plan
from analysis.study.settings import Study, load_study
from analysis.study.steps import POWER, samplers
from analysis.study.store import MissError, Request, Store
from analysis.timesteps.gaussian_sampler import SamplerStudy
from analysis.timesteps.schedule import shift_mu
from analysis.training import settings

SAMPLED = (4, 10, 20, 50, 200)
"""Numbers of steps that are told; those of `gaussian_sampler.STEPS` that were not studied are left
out."""
MEASURES = {"w2": "W2, by power", "kl_model": "KL, by mode"}
UNSAMPLED = "not computed for this encoder, these sides and photographs"


@dataclasses.dataclass(frozen=True)
class Recommendation:
    """A measured shift, in the direction that was asked for.

    Args:
        encoder: what the encoder is called.
        shift: the measurement, always from the lower to the higher resolution.
        start, end: sides in pixels; downwards if start > end.
        photographs: the set or folder.
        origin: ``computed now``, ``stored``, or ``committed results`` and why.
        grid: latent pixels a side at the lower resolution.
        moved: bands that end at a later ring than they were to, since rings are few there
            (`equal_snr.moved_edges`).
        key: what identifies the measurement in the store; empty if it has none.
        pins: what was found out that the encoder's card leaves open, by the card's fields.
        sampled: what few steps of the sampler that can be solved make of these spectra, by solver;
            empty where a study has not computed it.
    """

    encoder: str
    shift: equal_snr.MeasuredShift
    start: int
    end: int
    photographs: str
    origin: str
    grid: int
    moved: Mapping[str, tuple[float, int]]
    key: str = ""
    pins: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    sampled: Mapping[str, SamplerStudy] = dataclasses.field(default_factory=dict)

    def content(self, base_shift: float = 1.0) -> dict[str, Any]:
        """Everything as JSON values; floats have six significant digits, nan is None.

        The measured shift is a statement about training, so settings are of training alone.

        Args:
            base_shift: the shift in use at the starting resolution, in training.

        Raises:
            InputError: the base shift is not positive and finite.
        """
        if not (math.isfinite(base_shift) and base_shift > 0):
            raise InputError(f"--base-shift is {base_shift}; it has to be positive and finite")
        numbers = numbers_of(self.shift)
        if self.start > self.end:
            numbers = _inverted(numbers)
        s = numbers["measured"]
        delta = shift_mu(0.0, s)
        numbers |= {
            "encoder": self.encoder,
            "images": len(self.shift.curves),
            "resolutions": [self.start, self.end],
            "photographs": self.photographs,
            "origin": self.origin,
            "key": self.key,
            "bands_note": equal_snr.moved_text(self.moved, self.grid),
            "delta_mu": {"t = 1 is data": delta, "sigma = 1 is noise": -delta},
            "base_shift": {"training": base_shift},
            "total_shift": {"training": settings.total_shift(s, base_shift)},
            "settings": [
                dataclasses.asdict(one)
                for one in settings.settings(s, base_shift)
                if one.stage == "training"
            ],
            "solvable_sampler": self._solved(),
        }
        content: dict[str, Any] = archive.rounded(numbers)
        return content | {"pins": dict(self.pins)}  # as they are: results are keyed by them

    def text(self, base_shift: float = 1.0) -> str:
        """The same on one screen; argument and errors as of `content`."""
        return text(self.content(base_shift))

    def _solved(self) -> list[dict[str, Any]]:
        """Best shifts of few steps on Gaussian data of these spectra, by measure and solver."""
        rows = []
        for metric, solver in itertools.product(MEASURES, self.sampled):
            found = self.sampled[solver]
            steps = [n for n in SAMPLED if n in found.steps]
            chosen = np.isin(found.steps, steps)
            best = {
                side: found.best[found.at(side, "total", metric)][chosen]
                for side in (self.start, self.end)
            }
            rows.append(
                {
                    "measure": metric,
                    "solver": solver,
                    "steps": steps,
                    "best": best[self.end].tolist(),
                    "ratio": (best[self.end] / best[self.start]).tolist(),
                }
            )
        return rows


def _inverted(numbers: dict[str, Any]) -> dict[str, Any]:
    """The numbers of the opposite direction: 1/s; the exponent is that of both directions."""

    def one(estimate: dict[str, Any]) -> dict[str, Any]:
        low, high = estimate["interval"]
        return estimate | {"measured": 1 / estimate["measured"], "interval": [1 / high, 1 / low]}

    bands = {name: one(band) for name, band in numbers["bands"].items()}
    return one(numbers) | {"theory": 1 / numbers["theory"], "bands": bands}


def recommend(
    base: Study,
    encoder: str,
    start: int,
    end: int,
    store: Store,
    photographs: str = "",
    progress: Progress = lambda done, total, label: None,
) -> Recommendation:
    """Measure the shift of one encoder between two resolutions, or find it measured.

    Args:
        base: the study whose other choices (window, bands, filter, seed) are kept.
        encoder: a name in ``data/encoders.toml``, a folder, or an address on the Hub.
        start, end: sides in pixels. If start > end, the shift upwards is measured and inverted.
        store: where results lie.
        photographs: a set or a folder; empty: those of the study.
        progress: told (done, total, label).

    Raises:
        InputError: an unknown encoder or set, sides that the encoder can't take or whose latents
            are too small for three bands, or an unfit photograph.
        FetchError: photographs or weights can't be had.
        MissError: nothing may be computed, and it is not stored.
    """
    low, high = _ordered(start, end)
    base = base.model_copy(update={"encoders": (encoder,), "display_encoder": encoder})
    if photographs:
        own = {"images": photographs, "display_image": ""}
        base = base.model_copy(update=own).placed("")
    pair = base.model_copy(update={"resolutions": (low, high), "variations": ()})
    chain = Chain(pair, store)
    (card,) = chain.plan.cards.values()
    preflight.fetch(chain.plan, progress)
    whole = Plan(base, store)
    found = _known(whole, {low, high})
    sampled = _sampled(whole, found is not None)
    if found is None:
        card = chain.settled(card.name)
        computed = len(store.computed)
        powers, key = _powers(chain, card, progress)
        found = powers, "computed now" if len(store.computed) > computed else "stored", key
    powers, origin, key = found
    grids = {side: side // card.latent_stride for side in (low, high)}
    one = _between(base, card.name, powers, grids)
    return dataclasses.replace(
        one,
        start=start,
        end=end,
        photographs=base.images,
        origin=origin,
        key=key,
        pins=chain.plan.pins.get(card.name, {}),
        sampled=sampled,
    )


def _sampled(plan: Plan, known: bool) -> dict[str, SamplerStudy]:
    """What few steps make of the spectra that a study has measured, by solver; nothing is computed.

    Args:
        plan: of the study, with one encoder.
        known: whether it has measured the sides that are asked for.
    """
    (card,) = plan.cards.values()
    if not known:
        return {}
    name = f"sampler-{card.name}"
    try:
        found, *_ = archive.find(plan.store, plan.study.name, plan.results_of(card)[name], name)
    except DamagedError:
        raise
    except MissError:
        return {}
    return samplers(found)


def _known(plan: Plan, sides: set[int]) -> tuple[dict[int, np.ndarray], str, str] | None:
    """What a study has measured: spectra ``[I, R]`` by side, where from, and the key; or None."""
    (card,) = plan.cards.values()
    if not (card.pinned and sides <= set(plan.study.resolutions)):
        return None
    request = plan.measurement_request(card)
    try:
        arrays, origin, _ = archive.find(plan.store, plan.study.name, request, card.name)
    except DamagedError:
        raise
    except MissError:
        return None
    powers = {side: arrays[f"power_{side}"].mean(axis=1) for side in sides}
    if origin == "committed":
        origin = archive.origin(plan, card, availability.missing(card))
    return powers, "stored" if origin == "computed" else origin, request.key


def _powers(chain: Chain, card: Card, progress: Progress) -> tuple[dict[int, np.ndarray], str]:
    """Spectra ``[I, R]`` by side, which are all that is computed, and the key of their shift."""
    plan, study = chain.plan, chain.study
    parts = [
        plan.part(POWER, [plan.view(photo, side)], card)
        for side in study.pair
        for photo in plan.photographs
    ]
    rows: dict[int, list[np.ndarray]] = {side: [] for side in study.pair}
    for part, arrays in zip(parts, chain.obtain(card, parts, progress), strict=True):
        rows[part.setting.side].append(arrays["power"])
    inputs = {f"{part.views[0].image.id} {part.setting.side}": part.request.key for part in parts}
    request = Request("shift", 1, {"bands": study.bands.model_dump()}, inputs)
    return {side: np.stack(some) for side, some in rows.items()}, request.key


def _between(
    study: Study, name: str, powers: Mapping[int, np.ndarray], grids: Mapping[int, int]
) -> Recommendation:
    """The shift from spectra ``[I, R]`` by side, of latents of so many pixels a side.

    Raises:
        InputError: they give no shift.
    """
    low, high = sorted(powers)
    window = study.window.kind, study.window.beta
    below, above = (equal_snr.of_grid(powers[side], grids[side], *window) for side in (low, high))
    try:
        found = equal_snr.measure(below, above, (high / low) ** 2, study.bands, study.confidence)
    except ValueError as error:
        raise InputError(f"{name} from {low} to {high} px gives no shift: {error}") from None
    moved = equal_snr.moved_edges(study.bands, below[0])
    return Recommendation(name, found, low, high, study.images, "", grids[low], moved)


def _ordered(start: int, end: int) -> tuple[int, int]:
    """(low, high) of two sides; InputError if no shift lies between them."""
    low, high = min(start, end), max(start, end)
    if low == high:
        raise InputError(f"--from and --to are both {low} px: no shift is needed between them")
    if low < 32:
        raise InputError(f"{low} px is too small: resolutions start at 32 px")
    return low, high


Encode = Callable[[np.ndarray], Any]
"""Pixels float32 ``[N, 3, H, W]`` in [-1, 1] -> latents ``[N, C, h, w]``, of numpy or of torch."""


def measure(
    encode: Encode,
    images: str | Path | Sequence[str | Path],
    start: int,
    end: int,
    *,
    name: str = "",
    study: Study | None = None,
    batch: int = 1,
    progress: Progress = lambda done, total, label: None,
) -> Recommendation:
    """Measure the shift of any function from pixels to latents, as `recommend` does of a card's.

    Nothing is stored, and torch is not needed unless the function needs it.

    Args:
        encode: the encoder, from pixels float32 ``[N, 3, H, W]`` in [-1, 1] to latents
            ``[N, C, h, w]`` as a diffusion model sees them, an array of numpy or a tensor of torch.
        images: a folder, the name of a set in ``data/images.toml``, or files.
        start, end: sides in pixels. If start > end, the shift upwards is measured and inverted.
        name: what the encoder is called; by default the function's own name.
        study: whose other choices (window, bands, filter) are taken; by default the bundled one's,
            or that of ``ANALYSIS_STUDY``.
        batch: how many images are encoded at once.
        progress: told (done, total, label).

    Returns:
        What ``timestep-spectra recommend`` prints: ``print(found.text())``, or as JSON values by
        ``found.content()``.

    Raises:
        InputError: what the function gives are no latents, latents are too small for three bands,
            or an image or a side can't be used.
        FetchError: a set's photographs can't be had.
    """
    study = study or load_study()
    name = name or getattr(encode, "__name__", type(encode).__name__)
    low, high = _ordered(start, end)
    if batch < 1:
        raise InputError(f"batch is {batch}; it has to be at least 1")
    if isinstance(images, str | Path):
        photos, label = image_set(str(images)).photos, str(images)
    else:
        photos = files([Path(path) for path in images])
        label = f"{len(photos)} file{'s'[: len(photos) != 1]}"
    downloads = cache_folder() / "downloads"
    for photo in photos:
        fetch(photo, downloads)
    if unusable := unfit(photos, high, downloads, decoded=True):
        raise InputError("\n".join(unusable.values()))
    known: tuple[int, int] | None = None
    grids: dict[int, int] = {}
    powers: dict[int, np.ndarray] = {}
    for number, side in enumerate((low, high)):
        rows: list[np.ndarray] = []
        for first in range(0, len(photos), batch):
            some = photos[first : first + batch]
            which = f"{', '.join(photo.id for photo in some)} at {side} px"
            progress(number * len(photos) + first, 2 * len(photos), which)
            z = _latents(encode, stack(some, side, downloads, study.resample), name)
            found = z.shape[1], side // z.shape[2]
            if known is None and (
                wrong := [*preflight.sides(name, found[1], (low, high), study.bands)]
            ):
                raise InputError("\n".join(wrong))
            if found != (known := known or found):
                raise InputError(
                    f"{name} gives {found[0]} channels at stride {found[1]} of {which}, and gave "
                    f"{known[0]} at stride {known[1]} before: it has to be the same for all"
                )
            try:
                power = periodogram.raps(z, study.window.kind, study.window.beta).mean(axis=1)
            except ValueError as error:
                raise InputError(f"{name}: latents of {which}: {error}") from None
            rows.append(power)
            grids[side] = z.shape[2]
        powers[side] = np.concatenate(rows)
    progress(2 * len(photos), 2 * len(photos), "done")
    one = _between(study, name, powers, grids)
    return dataclasses.replace(one, start=start, end=end, photographs=label, origin="computed now")


def _latents(encode: Encode, x: np.ndarray, name: str) -> np.ndarray:
    """What a function makes of pixels, ``[N, C, h, h]``; InputError if that is no such array."""
    given = encode(x.copy())
    if hasattr(given, "detach"):  # a tensor, also one that numpy has no type for
        given = given.detach().float().cpu()
    try:
        z = np.asarray(given)
    except ValueError:  # rows of different lengths
        z = np.asarray(None)
    n, side = len(x), x.shape[-1]
    wanted = f"latents [{n}, C, h, w] as an array or a tensor"
    if z.dtype.kind not in "fiu":
        raise InputError(f"{name} gives {type(given).__name__}, not {wanted}")
    if z.ndim != 4 or len(z) != n or 0 in z.shape:
        raise InputError(f"{name} gives shape {z.shape} of {x.shape}, not {wanted}")
    if z.shape[2] != z.shape[3] or side % z.shape[2]:
        raise InputError(
            f"{name} gives {z.shape[2]} x {z.shape[3]} latents of {side} x {side} px: they have "
            "to be square, and of a whole number of pixels each"
        )
    if not np.isfinite(z).all():
        raise InputError(f"{name} gives latents that are not finite")
    return z


def text(content: dict[str, Any]) -> str:
    """What `Recommendation.content` holds, on one screen."""
    start, end = content["resolutions"]

    def spread(estimate: dict[str, Any]) -> str:
        low, high = estimate["interval"]
        if low is None or high is None:
            return f"{estimate['measured']:.3f}  ({intervals.NONE})"
        return f"{estimate['measured']:.3f}  [{low:.3f}, {high:.3f}]"

    data, sigma = content["delta_mu"].values()
    whole = [content["bands"][name]["band"] for name in ("low", "middle")]
    count = f"{content['images']} photograph{'s'[: content['images'] != 1]}"
    lines = [
        f"{content['encoder']}, {start} -> {end} px, {count} of {content['photographs']}",
        "",
        f"  square-root rule  s = {content['theory']:.3f}",
        f"  measured          s = {spread(content)}",
        f"  exponent          r = {content['exponent']:.3f}  (1 is the rule, 0 is no shift)",
        f"  axis              {content['axis']}, {whole[0][0]:.0f} to {whole[1][1]:.0f} "
        f"(low and middle band); {100 * content['confidence']:g} % intervals over photographs "
        "(Student's t on ln s)",
        *(f"  {name + ' band':<17} s = {spread(band)}" for name, band in content["bands"].items()),
        *([f"  {content['bands_note']}"] if content["bands_note"] else []),
        f"  mean of theta     {data:+.3f} where t = 1 is data (here); {sigma:+.3f} for sigma, as "
        "in SD3 and FLUX",
        f"  measurement       {content['origin']}"
        + f"; key {content['key'][:12]}" * bool(content["key"]),
        "",
        f"Settings at {end} px",
    ]
    for stage, total in content["total_shift"].items():
        base = content["base_shift"][stage]
        product = "" if base == 1 else f" = {base:g} x measured"
        lines += ["", f"  {stage}, s = {total:.4g}{product}"]
        lines += [
            f"    {one['tool']:<18}  {one['option']}  ({one['note']})"
            for one in content["settings"]
            if one["stage"] == stage
        ]
    lines += ["", *_sampling(content)]
    if content["pins"]:
        lines += ["", f"Pin this in data/encoders.toml, [{content['encoder']}]:"]
        lines += [f"  {name} = {json.dumps(value)}" for name, value in content["pins"].items()]
    return "\n".join(lines)


def _sampling(content: dict[str, Any]) -> list[str]:
    """What is said of sampling: no setting, and what the sampler that can be solved gives."""
    (start, end), rows = content["resolutions"], content["solvable_sampler"]
    lines = ["Sampling: the measured shift is about training and gives no setting here."]
    about = "The exactly solvable sampler (Gaussian data of these spectra)"
    if not rows:
        return [*lines, f"{about} was {UNSAMPLED}."]
    lines += [
        f"{about}: its best shift at {end} px,",
        f"by number of steps, and in brackets that over its best at {start} px. No trained model.",
        "",
        f"  {'steps':<21}" + "".join(f"{n:>15}" for n in rows[0]["steps"]),
    ]

    def cell(best: float | None, ratio: float | None) -> str:
        return "beyond the grid" if best is None or ratio is None else f"{best:.2f} ({ratio:.2f})"

    for row in rows:
        cells = map(cell, row["best"], row["ratio"])
        name = f"{row['solver'].capitalize()}, {MEASURES[row['measure']]}"
        lines.append(f"  {name:<21}" + "".join(f"{one:>15}" for one in cells))
    return lines
