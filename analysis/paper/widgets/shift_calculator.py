"""The calculator: the shift of an encoder, or of a model's, at the sizes of a training run."""

import functools
import html
import itertools
import math
from typing import Any

from analysis.encoders import cards
from analysis.paper.text import estimate, fixed, number
from analysis.paper.widgets.parts import DIGITS, embedded, widget
from analysis.project.markdown import Markdown
from analysis.study.archive import rounded
from analysis.study.measurement import Measured
from analysis.study.results import Results
from analysis.timesteps import schedule
from analysis.training import models, recipes
from analysis.training.models import Model, Stage
from analysis.training.recipes import Exponent

STAGES: tuple[Stage, ...] = ("training", "sampling")
_SIZES = tuple(itertools.product((256, 512, 832, 1024), (256, 640, 1024)))


@functools.cache
def rule_of(name: str, stage: Stage) -> list[float] | None:
    """How a model's own rule gives ln s, as ``[constant, per token, per ln(pixels)]``; or None.

    A token is 16 x 16 px. Up to 1024 px every rule of the cards is a constant, a line in tokens or
    a power of the number of pixels; which, is found out by trying.

    Raises:
        ValueError: it is none of these.
    """
    card = models.model(name)
    if card.shift(stage, _SIZES[0]) is None:
        return None
    known = [math.log(card.shift(stage, size) or math.nan) for size in _SIZES]
    tokens = [float(h // 16 * (w // 16)) for h, w in _SIZES]
    pixels = [math.log(h * w) for h, w in _SIZES]
    for place, along in enumerate((tokens, pixels), 1):
        slope = (known[-1] - known[0]) / (along[-1] - along[0])
        found = [known[0] - slope * along[0], 0.0, 0.0]
        found[place] = slope
        if all(abs(found[0] + slope * x - y) < 1e-9 for x, y in zip(along, known, strict=True)):
            return found
    raise ValueError(f"the rule of {stage} of {name} is no line and no power")


def _encoder(title: str, r: Exponent, pairs: dict[str, list[float]], learned: bool) -> Any:
    return {
        "title": title,
        "r": [r.value, r.low, r.high],
        "pair": list(r.pair),
        "pairs": pairs,
        "learned": learned,
    }


def _measured(m: Measured) -> Any:
    """An encoder of the study, with each pair of sides that was measured."""
    whole, name = m.shift.whole, m.card.name
    exponent = recipes.exponent_of(whole.value, whole.low, whole.high, m.study.pair, name)
    pairs = {
        f"{low}-{high}": [one.whole.value, one.whole.low, one.whole.high]
        for (low, high), one in m.shifts.items()
    }
    return _encoder(m.card.title, exponent, pairs, m.card.learned)


def _model(card: Model) -> Any:
    return {
        "title": card.title,
        "encoder": card.encoder,
        "native": list(card.native),
        "multiple": card.multiple,
        "rules": {stage: rule_of(card.name, stage) for stage in STAGES},
    }


def data(results: Results) -> dict[str, Any]:
    """What the form computes with, to nine digits.

    Returns:
        ``images``; ``encoders``, those that were measured, by name: ``title``, exponent ``r`` with
        its interval, the ``pair`` it is of, the shifts of all ``pairs`` with theirs, ``learned``;
        ``lowest``, the name of the learned one of the lowest exponent; ``models`` by name:
        ``title``, ``encoder``, ``native`` size, ``multiple`` and ``rules`` (`rule_of`).
    """
    encoders = {name: _measured(m) for name, m in results.everything.items()}
    for name, r in recipes.measured().items():
        value, low, high = r.shift((r.pair[1] / r.pair[0]) ** 2)
        pairs = {f"{r.pair[0]}-{r.pair[1]}": [value or math.nan, low, high]}
        encoders.setdefault(name, _encoder(cards.card(name).title, r, pairs, True))
    learned = [name for name, one in encoders.items() if one["learned"]]
    content = {
        "images": len(results.photographs),
        "encoders": encoders,
        "lowest": min(learned, key=lambda name: encoders[name]["r"][0], default=""),
        # Shifts of videos count frames, which this form does not ask for; DDPM has no shift.
        "models": {
            name: _model(card)
            for name, card in models.models().items()
            if card.prediction == "flow" and not card.video
        },
    }
    found: dict[str, Any] = rounded(content, DIGITS)
    return found


def _options(found: dict[str, Any], chosen: str) -> str:
    groups = (("Encoders measured here", "encoders"), ("Models", "models"))
    return "".join(
        f'<optgroup label="{label}">'
        + "".join(
            f'<option value="{name}"{" selected" * (name == chosen)}>{html.escape(one["title"])}'
            "</option>"
            for name, one in found[kind].items()
        )
        + "</optgroup>"
        for label, kind in groups
    )


def markup(results: Results) -> Markdown:
    """The form; it begins with the study's last encoder and pair, also without its script."""
    found, study = data(results), results.study
    chosen = study.encoders[-1]
    m = results.measured[chosen]
    s = m.shift.whole.value
    sigma = 1 - float(schedule.shift_t(0.5, s))
    cells = (
        f"{study.high} × {study.high}",
        estimate(m.shift.whole),
        fixed(sigma, 3),
        fixed(1 - sigma, 3),
        f"+{fixed(math.log(s), 3)}",
        "–",
    )
    heads = (
        "to",
        "shift s",
        "σ = ½ becomes",
        "t = ½ becomes",
        "mean of logit σ moves by",
        "its makers’ rule: training, sampling",
    )
    says = f"{m.card.title}: measured between these sizes, on {found['images']} images."
    return widget(
        "shift-calculator",
        '<div class="widget shift-calculator">',
        '<form aria-label="Shift calculator"><fieldset disabled>',
        "<legend>Your change of resolution</legend>",
        f'<label class="w-wide">Encoder or model<select name="for">{_options(found, chosen)}'
        "</select></label>",
        '<label>From (width x height)<input name="from" autocomplete="off" '
        f'value="{study.low}"></label>',
        '<label>To, with commas between sizes<input name="to" autocomplete="off" '
        f'value="{study.high}"></label>',
        '<label>Shift in use there (1: none)<input name="base" autocomplete="off" '
        'value="1"></label>',
        "</fieldset></form>",
        f'<p class="w-answer" aria-live="polite">{html.escape(says)}</p>',
        # Quarto would read the table and write one of its own.
        '<div class="w-table"><table data-quarto-disable-processing="true"><thead><tr>',
        *(f'<th scope="col">{head}</th>' for head in heads),
        "</tr></thead><tbody><tr>",
        *(f'<td data-label="{head}">{cell}</td>' for head, cell in zip(heads, cells, strict=True)),
        "</tr></tbody></table></div>",
        '<p class="w-note">σ is the share of noise, as in SD3, FLUX and diffusers; t = 1 − σ is '
        "that of data. A shift of one adds no noise. Of sampling a measured shift says "
        "nothing.</p>",
        '<p class="w-command"><code data-out="command">timestep-spectra recommend --encoder '
        f"{chosen} --from {study.low} --to {study.high}</code> "
        '<button type="button" class="w-copy" disabled>Copy</button></p>',
        f'<script type="application/json">{embedded(found)}</script></div>',
        without=(
            "The calculator needs JavaScript. <code>timestep-spectra recommend</code> gives the "
            f"same numbers, here s = {number(s, 3)}."
        ),
    )
