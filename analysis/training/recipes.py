"""What a training run of a model takes at its sizes: shifts beside one another, and settings.

At each size stand the model's own rule, the square-root rule and the measured shift, each in whole,
that is times the shift in use at the size they are counted from. Training and sampling are apart:
the measured shift is a statement about training, and sampling keeps the model's own rule.
"""

import dataclasses
import functools
import json
import math
import re
from typing import Any, Literal

from analysis.encoders import cards
from analysis.project.errors import InputError
from analysis.project.files import data
from analysis.training import settings
from analysis.training.models import Model, Size, Stage, model, square_root

By = Literal["own", "square-root", "measured"]
REFERENCE, EXPERIMENT = "bundled", "experiment"
PUBLISHED = ("taef2", "taesana")
"""Encoders in the table of the experiment that somebody published."""
CONTROLS = ("pixel", "linear", "formula", "trained")
"""Kinds of encoders that no model in use has."""


@dataclasses.dataclass(frozen=True)
class Exponent:
    """A measured exponent r of s = (pixel ratio)^(r/2), with an interval.

    Args:
        encoders: those it was measured of.
        value: None for a range over several.
        low, high: of the interval, or of the range over their intervals.
        pair: sides in pixels that it was measured between.
    """

    encoders: tuple[str, ...]
    value: float | None
    low: float
    high: float
    pair: tuple[int, int]

    def shift(self, ratio: float) -> tuple[float | None, float, float]:
        """(s, low, high) of a ratio of pixels; the ends in order."""
        value = None if self.value is None else ratio ** (self.value / 2)
        ends = sorted((ratio ** (self.low / 2), ratio ** (self.high / 2)))
        return value, ends[0], ends[1]


def exponent_of(s: float, low: float, high: float, pair: tuple[int, int], name: str) -> Exponent:
    """The exponent of a measured shift between two sides in pixels."""
    ratio = math.log((pair[1] / pair[0]) ** 2)
    r, first, last = (2 * math.log(one) / ratio for one in (s, low, high))
    return Exponent((name,), r, min(first, last), max(first, last), pair)


@functools.cache
def measured() -> dict[str, Exponent]:
    """name -> exponent, of every encoder that is committed as measured and that models have.

    Those of the reference study, and the published ones of the experiment's table.
    """
    folder, found = data() / "results", {}
    known = cards.cards()
    for path in sorted((folder / REFERENCE).glob("*.json")):
        numbers = json.loads(path.read_text(encoding="utf-8")).get("numbers", {})
        name, interval = numbers.get("encoder", ""), numbers.get("interval", [None, None])
        if name in known and known[name].kind not in CONTROLS and interval[0] is not None:
            low, high = numbers["resolutions"][-2:]
            s, (first, last) = numbers["measured"], interval
            found[name] = exponent_of(s, first, last, (low, high), name)
    table = json.loads((folder / EXPERIMENT / "encoders.json").read_text(encoding="utf-8"))
    low, high = table["settings"]["sides"]
    for name in PUBLISHED:
        if name not in found:
            one = table["numbers"][name]["shift"]
            found[name] = exponent_of(one["value"], one["low"], one["high"], (low, high), name)
    return found


def range_of(card: Model, encoder: str = "") -> Exponent:
    """What was measured of a model's encoder; of all that models have, where it was not.

    Args:
        card: the model's.
        encoder: another encoder than the model's.

    Raises:
        InputError: the encoder was not measured.
    """
    known = measured()
    if encoder and encoder not in known:
        raise InputError(
            f"{encoder} is not among the committed measurements ({', '.join(sorted(known))}): "
            f"measure it by 'python -m analysis recommend --encoder {encoder} --from 512 --to 1024'"
        )
    if name := encoder or (card.encoder if card.encoder in known else ""):
        return known[name]
    several = known.values()
    return Exponent(
        tuple(sorted(known)),
        None,
        min(one.low for one in several),
        max(one.high for one in several),
        next(iter(several)).pair,
    )


def parsed(text: str, card: Model) -> Size:
    """A size as it is written, width first: ``1024``, ``832x1216``, ``832x480x81``.

    Raises:
        InputError: it is none, or the model does not take it.
    """
    if not (match := re.fullmatch(r"(\d+)(?:[x×](\d+))?(?:[x×](\d+))?", text.strip())):
        raise InputError(
            f"'{text}' is no size: write 1024, or width and height as 832x1216, and for video "
            "frames behind them as 832x480x81"
        )
    width, height, frames = match.groups()
    sides = int(height or width), int(width)
    return card.fit((*sides, int(frames)) if frames else sides)


def written(size: Size) -> str:
    """A size as `parsed` reads it."""
    return "x".join(str(n) for n in (size[1], size[0], *size[2:]))


def recipe(
    name: str,
    to: str,
    start: str = "",
    encoder: str = "",
    tool: str = "",
    *,
    by: By | None = None,
    base_shift: float | None = None,
    steps: int | None = None,
    exponent: Exponent | None = None,
) -> dict[str, Any]:
    """Shifts and settings of a model at the sizes of a run, as JSON values.

    Args:
        name: of the model.
        to: sizes with commas between them.
        start: the size that shifts are counted from; by default the model's native one.
        encoder: whose measured shift is taken; by default the model's own, or the range over what
            was measured.
        tool: whose settings are given; by default all.
        by: which shift the settings of training take. By default the model's own rule, where its
            makers state one and no ``start`` is given; else the square-root rule.
        base_shift: the shift in use at ``start`` in training; by default the model's own rule
            there, its rule of sampling where its makers state none of training, and 1 for DDPM.
        steps: of the sampler.
        exponent: a measurement to take in place of a committed one.

    Raises:
        InputError: no such model, size, tool, encoder or rule.
    """
    card = model(name)
    sizes = [parsed(one, card) for one in to.split(",")]
    origin = parsed(start, card) if start else card.native
    only = settings.tool(tool) if tool else ""
    found = exponent or range_of(card, encoder)
    if by == "measured" and found.value is None:
        raise InputError(
            f"the encoder of {card.title} is not measured, and a range gives no setting: name a "
            f"measured one with --encoder ({', '.join(found.encoders)}), or leave --by out"
        )
    base, source = _base(card, origin, base_shift)
    if by is None:
        by = "own" if card.training != "" and not start and base_shift is None else "square-root"
    return {
        "model": card.name,
        "title": card.title,
        "encoder": card.encoder,
        "prediction": card.prediction,
        "from": list(origin),
        "by": by,
        "rules": {
            stage: {
                "rule": card.rule(stage),
                "reported": stage in card.reported,
                "source": card.source(stage).place[0] if card.rule(stage) else "",
            }
            for stage in _STAGES
        },
        "base_shift": base,
        "base_shift_is": source,
        "measured": dataclasses.asdict(found),
        "sizes": [_at(card, size, origin, base, by, found, steps, only) for size in sizes],
    }


_STAGES: tuple[Stage, ...] = ("training", "sampling")


def _base(card: Model, origin: Size, given: float | None) -> tuple[float, str]:
    """The shift in use at the size that is counted from, and what says so."""
    if given is not None:
        return settings.total_shift(given), "given"
    for stage in _STAGES:
        if (s := card.shift(stage, origin)) is not None:
            return s, f"the model's rule of {stage}"
    return 1.0, "the published noise schedule"


def _at(
    card: Model,
    size: Size,
    origin: Size,
    base: float,
    by: By,
    found: Exponent,
    steps: int | None,
    only: str,
) -> dict[str, Any]:
    """What `recipe` says of one size."""
    ratio = card.pixels(size) / card.pixels(origin)
    value, low, high = found.shift(ratio)
    candidates: dict[By, float | None] = {
        "own": card.shift("training", size),
        "square-root": base * square_root(card, origin, size),
        "measured": None if value is None else base * value,
    }
    chosen = candidates[by]
    if chosen is None:
        raise InputError(
            f"the makers of {card.title} state no rule of training: use --by square-root"
        )
    shifts: dict[Stage, float | None] = {
        "training": chosen,
        "sampling": card.shift("sampling", size, steps),
    }
    return {
        "size": list(size),
        "written": written(size),
        "pixel_ratio": ratio,
        "training": {
            **candidates,
            "measured_range": [base * low, base * high],
            "shift": chosen,
            "mu": {"t = 1 is data": -math.log(chosen), "sigma = 1 is noise": math.log(chosen)},
        },
        "sampling": {"shift": shifts["sampling"]},
        "settings": [
            dataclasses.asdict(one) for one in settings.for_model(card, size, shifts, only)
        ],
    }


def text(content: dict[str, Any]) -> str:
    """What `recipe` gives, as text."""
    found, rules = content["measured"], content["rules"]
    origin = written(tuple(content["from"]))
    names = ", ".join(found["encoders"])
    pair = f"{found['pair'][0]} to {found['pair'][1]} px"
    what = f"encoder {content['encoder']}"
    if found["value"] is None:
        what += f" not measured; range over {names}, {pair}"
    else:
        what += "" if names == content["encoder"] else f", measured: {names}"
        what += f", r = {found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}], {pair}"
    lines = [
        f"{content['title']}, from {origin}",
        f"  base shift        {content['base_shift']:.4g} ({content['base_shift_is']})",
        f"  measured          {what}",
    ]
    for stage, rule in rules.items():
        told = f"{rule['rule']} ({rule['source']}{', a report' * rule['reported']})"
        lines.append(f"  rule of {stage:<9} {told if rule['rule'] else 'none is stated'}")
    for one in content["sizes"]:
        lines += ["", *_of_size(one, content["by"])]
    return "\n".join(lines)


def _of_size(one: dict[str, Any], by: str) -> list[str]:
    """The part of `text` about one size."""
    training, sampling = one["training"], one["sampling"]["shift"]
    low, high = training["measured_range"]

    def said(name: str) -> str:
        value = training[name]
        number = "none is stated" if value is None else f"{value:.4g}"
        if name == "measured":
            number = (
                f"{low:.4g} to {high:.4g}"
                if value is None
                else (f"{number} [{low:.4g}, {high:.4g}]")
            )
        return f"  {name.replace('own', 'own rule'):<18}{number}" + "  <- used" * (name == by)

    lines = [f"{one['written']} ({one['pixel_ratio']:.4g} times the pixels), training: s"]
    lines += [said(name) for name in ("own", "square-root", "measured")]
    data_mean, noise_mean = training["mu"].values()
    lines.append(
        f"  mean of theta     {data_mean:+.4f} where t = 1 is data (here); {noise_mean:+.4f} for "
        "sigma"
    )
    if sampling is not None:
        lines.append(f"  in sampling       {sampling:.4g}, the model's own rule")
    for setting in one["settings"]:
        lines += ["", f"  {setting['tool']}, {setting['stage']} ({setting['checked']})"]
        lines += [f"    {line}" for line in (setting["typed"] or setting["note"]).splitlines()]
        for label, parts in (
            ("in", [setting["place"]] if setting["place"] else []),
            ("for", [", ".join(setting["distributions"])] if setting["typed"] else []),
            ("needs", setting["requires"]),
            ("undone by", setting["conflicts"]),
            ("note", [setting["note"]] if setting["note"] and setting["typed"] else []),
            ("read in", [place for place, _ in setting["sources"]]),
        ):
            lines += [f"      {label}: {part}" for part in parts]
    return lines
