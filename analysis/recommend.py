"""The measured shift of any encoder between any two resolutions, on any photographs.

It runs the study's own chain with one encoder and two other sides, through the same store, so
that what a study has measured (or what is committed) is not computed again.
"""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from analysis import archive, encoders, export, intervals, shift, spectra, standing
from analysis.archive import DamagedError
from analysis.cache import Arrays, MissError, Store
from analysis.chain import Chain, Progress, Task
from analysis.measured import Measured
from analysis.plan import Plan
from analysis.schedule import shift_mu
from analysis.settings import InputError, Study

LARGEST = 256  # latent pixels; the largest grid that is tried where latents are too small


class _Measuring(Chain):
    """The chain without the pictured latents, which no number needs."""

    def tasks(self, card: encoders.Card) -> Iterator[Task]:
        for task in super().tasks(card):
            if task[0].step not in ("display", "leakage"):
                yield task


@dataclasses.dataclass(frozen=True)
class Recommendation:
    """A measured shift, in the direction that was asked for.

    Args:
        measured: the measurement, always from the lower to the higher resolution.
        start, end: sides in pixels; downwards if start > end.
        photographs: the set or folder.
        origin: ``computed now``, ``stored``, or ``committed results`` and why.
    """

    measured: Measured
    start: int
    end: int
    photographs: str
    origin: str

    def content(
        self, base_shift: float = 1.0, sampling_base_shift: float | None = None
    ) -> dict[str, Any]:
        """Everything as JSON values; floats have six significant digits, nan is None.

        Args:
            base_shift: the shift in use at the starting resolution, in training.
            sampling_base_shift: that in sampling, which need not be the same; None: it is.

        Raises:
            InputError: a base shift is not positive and finite.
        """
        sampling = base_shift if sampling_base_shift is None else sampling_base_shift
        for name, value in (("base-shift", base_shift), ("sampling-base-shift", sampling)):
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"--{name} is {value}; it has to be positive and finite")
        numbers = self.measured.numbers()
        if self.start > self.end:
            numbers = _inverted(numbers)
        s = numbers["measured"]
        delta = shift_mu(0.0, s)
        numbers |= {
            "resolutions": [self.start, self.end],
            "photographs": self.photographs,
            "origin": self.origin,
            "key": self.measured.provenance["key"],
            "delta_mu": {"t = 1 is data": delta, "sigma = 1 is noise": -delta},
            "base_shift": {"training": base_shift, "sampling": sampling},
            "total_shift": {
                "training": export.total_shift(s, base_shift),
                "sampling": export.total_shift(s, sampling),
            },
            "settings": [
                dataclasses.asdict(one) for one in export.settings(s, base_shift, sampling)
            ],
        }
        for other in ("power_exponent", "pairs", "channels", "mismatch", "variations", "windows"):
            numbers.pop(other, None)  # of the study, and not turned round
        content: dict[str, Any] = archive.rounded(numbers)
        return content


def _inverted(numbers: dict[str, Any]) -> dict[str, Any]:
    """The numbers of the opposite direction: 1/s; the exponent is that of both directions."""

    def one(estimate: dict[str, Any]) -> dict[str, Any]:
        low, high = estimate["interval"]
        return estimate | {"measured": 1 / estimate["measured"], "interval": [1 / high, 1 / low]}

    bands = {name: one(band) for name, band in numbers["bands"].items()}
    return one(numbers) | {"theory": 1 / numbers["theory"], "bands": bands}


def recommend(
    base: Study, encoder: str, start: int, end: int, store: Store, photographs: str = "",
    progress: Progress = lambda done, total, label: None,
) -> Recommendation:  # fmt: skip
    """Measure the shift of one encoder between two resolutions, or find it measured.

    Args:
        base: the study whose other choices (window, bands, filter, seed) are kept.
        encoder: a name in ``data/encoders.toml``.
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
    card = encoders.card(encoder)
    low, high = min(start, end), max(start, end)
    _fit(base, card, low, high)
    other = {"images": photographs, "display_image": ""} if photographs else {}
    study = Study.model_validate(
        base.model_dump()
        | {"encoders": (encoder,), "display_encoder": encoder, "resolutions": (low, high)}
        | {"variations": ()}
        | other
    ).placed("" if photographs else base.place)
    found = None if photographs else _known(base, card, store, {low, high})
    if found is None:
        chain = _Measuring(study, store)
        request = chain.plan.measurement_request(card)
        origin = chain.compute(progress)[encoder]
        if origin == "computed":
            origin = "computed now" if request.label in store.computed else "stored"
        arrays, _, provenance = archive.find(store, study.name, request, encoder, origin)
        found = arrays, provenance, origin
    arrays, provenance, origin = found
    measured = Measured(card, study, arrays, origin, provenance)
    try:
        measured.numbers()
    except ValueError as error:
        raise InputError(f"{encoder} from {low} to {high} px gives no shift: {error}") from None
    return Recommendation(measured, start, end, study.images, origin)


def _known(
    base: Study, card: encoders.Card, store: Store, sides: set[int]
) -> tuple[Arrays, dict[str, Any], str] | None:
    """What the study itself has measured, if these resolutions are among its own."""
    if card.name not in base.encoders or not sides <= set(base.resolutions):
        return None
    plan = Plan(base, store)
    request = plan.measurement_request(card)
    try:
        arrays, origin, provenance = archive.find(store, base.name, request, card.name)
    except DamagedError:
        raise
    except MissError:
        return None
    if origin == "committed":
        return arrays, provenance, standing.origin(plan, card, encoders.missing(card))
    return arrays, provenance, "stored"


def _fit(base: Study, card: encoders.Card, low: int, high: int) -> None:
    """InputError if the encoder can't take these sides or the bands have too few rings."""
    if low == high:
        raise InputError(f"--from and --to are both {low} px: no shift is needed between them")
    if low < 32:
        raise InputError(f"{low} px is too small: resolutions start at 32 px")

    def measurable(n: int) -> bool:
        return shift.measurable(spectra.rings(n, n).cycles_per_image, base.bands)

    for side in (low, high):
        if side % card.latent_stride:
            near = max(round(side / card.latent_stride), 1) * card.latent_stride
            raise InputError(
                f"{card.name} takes multiples of {card.latent_stride} px, not {side}: use {near}"
            )
    if measurable(low // card.latent_stride):
        return
    step = card.latent_stride
    sides = range(low + step, LARGEST * step + 1, step)
    enough = next((side for side in sides if measurable(side // step)), 0)
    remedy = f"use {enough} px or more" if enough else "widen the study's bands"
    raise InputError(
        f"{card.name} makes {low // step} x {low // step} latents of {low} px, too small for "
        f"three frequency bands: {remedy}"
    )


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
        f"  mean of theta     {data:+.3f} where t = 1 is data (here); {sigma:+.3f} for sigma, as "
        "in SD3 and FLUX",
        f"  measurement       {content['origin']}; key {content['key'][:12]}",
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
    return "\n".join(lines)
