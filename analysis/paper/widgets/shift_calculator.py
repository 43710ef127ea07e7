"""The calculator of a shift: from one side in pixels to another, measured and by the rule."""

import html
import shlex
from typing import Any

from analysis.encoders import cards
from analysis.paper.text import estimate, percent, plain
from analysis.paper.widgets.parts import DIGITS, embedded, widget
from analysis.project.markdown import Markdown
from analysis.shift.equal_snr import MeasuredShift
from analysis.spectra import intervals, rings
from analysis.spectra.bands import AXIS, measurable
from analysis.study.archive import rounded
from analysis.study.measurement import Measured
from analysis.study.preflight import LARGEST
from analysis.study.results import Results
from analysis.study.settings import Study
from analysis.timesteps import schedule
from analysis.training import settings as training_settings


def _estimate(one: intervals.Estimate) -> dict[str, Any]:
    return {"measured": one.value, "interval": [one.low, one.high]}


def _pairs(measured: Measured) -> dict[str, Any]:
    pairs = {
        f"{low}-{high}": _estimate(one.whole)
        | {"bands": {n: _estimate(e) | {"band": list(e.band)} for n, e in one.bands.items()}}
        for (low, high), one in measured.shifts.items()
    }
    found: dict[str, Any] = rounded(pairs, DIGITS)
    return found


def smallest_grid(study: Study) -> int | None:
    """The fewest latent pixels a side that give the study's three bands; None: none that is tried.

    The condition is that of `recommend`, and more pixels never break it.
    """
    tried = range(1, LARGEST + 1)
    fits = (n for n in tried if measurable(rings.rings(n, n).cycles_per_image, study.bands))
    return next(fits, None)


def data(results: Results) -> dict[str, Any]:
    """Every measured shift, to nine digits, and what each encoder takes.

    Returns:
        ``axis``, ``confidence``, ``images``, ``photographs``; ``grid``: `smallest_grid`; ``mu``,
        ``std`` and ``pair``, where the form begins; ``encoders``, by name: ``title``, ``address``
        in commands, ``stride`` in pixels and ``pairs``, such as ``512-1024``, with ``measured``,
        ``interval`` (ends None below three photographs) and ``bands``. Encoders that were not
        measured have no pairs.
    """
    study = results.study
    known = results.everything
    own = {name: measured.card for name, measured in known.items()}
    return {
        "axis": AXIS,
        "confidence": study.confidence,
        "images": len(results.photographs),
        "photographs": study.images,
        "grid": smallest_grid(study),
        "mu": study.mu,
        "std": study.std,
        "pair": list(study.pair),
        "encoders": {
            name: {
                "title": card.title,
                "address": shlex.quote(card.address or name),
                "stride": card.latent_stride,
                "pairs": _pairs(known[name]) if name in known else {},
            }
            for name, card in (cards.cards() | own).items()
        },
    }


def _field(name: str, text: str, value: str, attributes: str) -> str:
    return f'<label>{text}<input type="number" name="{name}" value="{value}" {attributes}></label>'


def _select(name: str, text: str, options: str) -> str:
    return f'<label class="w-wide">{text}<select name="{name}">{options}</select></label>'


def _rows(one: MeasuredShift, study: Study) -> list[tuple[str, str, str]]:
    """What the script fills in later for other input: its place, what it is, and the text."""
    s, bands = one.whole.value, one.bands.items()
    mu, delta = schedule.shift_mu(study.mu, s), schedule.shift_mu(0.0, s)

    def normal(mean: float, by: float, symbol: str) -> str:
        sign, median = "+" if by >= 0 else "", float(schedule.expit(mean))
        return (
            f"mean {plain(mean, 3)} (moved by {sign}{plain(by, 3)}), std {study.std:.4g}, "
            f"median {symbol} = {plain(median, 3)}"
        )

    lines = (
        f'<span class="w-line">{name}, {e.band[0]:.0f} to {e.band[1]:.0f}: {estimate(e)}</span>'
        for name, e in bands
    )
    return [
        ("theory", "Square-root rule", f"{one.theory:.4g}"),
        ("measured", f"Measured, {percent(study.confidence)} interval", estimate(one.whole)),
        ("bands", "By band (cycles/image)", "".join(lines)),
        ("exponent", "Exponent r", plain(one.exponent, 2)),
        ("data", "Logit-normal over t", normal(mu, delta, "t")),
        ("sigma", "The same over σ = 1 − t", normal(-mu, -delta, "σ")),
    ]


def markup(results: Results) -> Markdown:
    """The form that turns a change of resolution into settings, as `recommend` does.

    It begins with the study's pair in its last encoder, and says so without its script, too.
    """
    found, study = data(results), results.study
    chosen = study.encoders[-1]
    card, shift = found["encoders"][chosen], results.measured[chosen].shift

    def group(label: str, measured: bool) -> str:
        names = [
            n for n, encoder in found["encoders"].items() if bool(encoder["pairs"]) == measured
        ]
        each = "".join(
            f"<option{' selected' * (name == chosen)}>{html.escape(name)}</option>"
            for name in names
        )
        return f'<optgroup label="{label}">{each}</optgroup>' if names else ""

    step = card["stride"]
    sides = f'min="{-(-32 // step) * step}" step="{step}" inputmode="numeric"'
    positive = 'min="0" step="any"'
    images = f"{found['images']} image{'s' if found['images'] != 1 else ''}"
    return widget(
        "shift-calculator",
        '<div class="widget shift-calculator">',
        '<form aria-label="Shift calculator"><fieldset disabled>',
        "<legend>Your change of resolution</legend>",
        _select(
            "encoder", "Encoder", group("measured here", True) + group("not measured here", False)
        ),
        _field("start", "From (px)", f"{study.low}", sides),
        _field("end", "To (px)", f"{study.high}", sides),
        _select(
            "by",
            "Settings by",
            '<option value="measured">measured shift</option>'
            '<option value="theory">square-root rule</option>',
        ),
        _field("mu", "Mean of logit t", f"{study.mu:g}", 'step="any"'),
        _field("std", "Std of logit t", f"{study.std:g}", positive),
        _field("baseShift", "Base shift", "1", positive),
        "</fieldset></form>",
        '<p class="w-note">The mean and std of logit t (t = 1 is data) and the base shift '
        "(1: none) are those in use in training where you come from. Of sampling the measured "
        "shift says nothing.</p>",
        '<div class="w-headline" aria-live="polite"><strong data-out="s">s = '
        f'{shift.whole.value:.4g}</strong> <span data-out="says">{html.escape(card["title"])}: '
        f"measured on {images}, at equal cycles per image.</span></div>",
        '<div class="w-results"><dl>',
        *(
            f'<div><dt>{what}</dt><dd data-out="{name}">{text}</dd></div>'
            for name, what, text in _rows(shift, study)
        ),
        # Quarto would read the table and write one of its own.
        '</dl><div class="w-settings"><table data-quarto-disable-processing="true">'
        "<thead><tr><th>tool, in training</th><th>setting</th><th>use</th></tr></thead><tbody>",
        *(
            f"<tr><td>{setting.tool}</td>"
            f'<td><code class="w-option">{setting.option}</code></td>'
            f"<td>{html.escape(setting.note)}</td></tr>"
            for setting in training_settings.settings(shift.whole.value)
            if setting.stage == "training"
        ),
        "</tbody></table></div>",
        '<p class="w-command">For what was not measured, or with <code>--images FOLDER</code> for '
        'your own images:<code data-out="command">python -m analysis recommend --encoder '
        f"{html.escape(card['address'])} --from {study.low} --to {study.high}</code></p></div>",
        f'<script type="application/json">{embedded(found)}</script></div>',
        without="The calculator needs JavaScript. <code>python -m analysis recommend</code> gives "
        "the same numbers.",
    )
