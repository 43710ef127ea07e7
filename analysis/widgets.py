"""The interactive parts of the pages as raw HTML, in Markdown; scripts in ``report/interactive``.

The markup is complete without its script, so that nothing moves when the script takes over, and
controls are disabled until it does. Where scripts are switched off the style sheet leaves all of it
out, and a sentence says where the same stands.
"""

import html
from pathlib import Path

from analysis import export, interactive, schedule
from analysis.cache import write_atomic
from analysis.formatting import estimate, fixed, percent, plain
from analysis.results import Results
from analysis.settings import Study, root
from analysis.shift import MeasuredShift

MADE = Path("report/made/noise-slider.js")
STYLE = '<link rel="stylesheet" href="interactive/widgets.css">'


def _instead(text: str) -> str:
    """What is said where scripts are switched off."""
    return f'<noscript class="w-without"><p>{text}</p></noscript>'


def _raw(*parts: str) -> str:
    return "\n".join(["```{=html}", *parts, "```"])


def _script(name: str) -> str:
    return f'<script src="interactive/{name}.js" defer></script>'


def _json(data: dict[str, object]) -> str:
    return f'<script type="application/json">{interactive.embedded(data)}</script>'


def noise_slider(results: Results) -> str:
    """The slider over the pictured latents; writes their planes to ``report/made``."""
    data = interactive.noise_slider(results)
    text = f"window.noiseSliderData={interactive.embedded(data)};\n"
    write_atomic(root() / MADE, text.encode())
    low, high = results.study.pair
    source = MADE.relative_to("report").as_posix()
    title, encoder = html.escape(data["photograph"]), html.escape(data["encoder"])
    few, many = (side["n"] for side in data["sides"])
    t = results.study.t
    moved = f"{schedule.shift_t(t, data['shifts']['rule']):.3f}"
    cases = (
        ("low", low, few, f"{t:.2f}", ""),
        ("high", high, many, f"{t:.2f}", ""),
        ("shifted", high, many, moved, ", shifted"),
    )
    pictures = [
        f'<figure><canvas width="{n}" height="{n}" role="img" '
        f'aria-label="Noisy latents of {title} at {px} px as colours{what}"></canvas>'
        f'<figcaption><svg class="w-key" viewBox="0 0 28 8" aria-hidden="true">'
        f'<path class="w-curve w-{kind}" d="M0 4H28"/></svg>{px}&nbsp;px, '
        f't&nbsp;=&nbsp;<span class="w-value">{at}</span>{what}</figcaption></figure>'
        for kind, px, n, at, what in cases
    ]
    choices = [
        f'<label><input type="radio" name="w-shift" value="{value}"{checked} disabled> '
        f"{text}, s&nbsp;=&nbsp;{fixed(data['shifts'][value], 2)}</label>"
        for value, text, checked in (
            ("rule", "square-root rule", " checked"),
            ("measured", "measured", ""),
        )
    ]
    plots = [
        f'<div><p class="w-title">{text}</p><svg class="w-plot w-{name}" viewBox="0 0 340 258" '
        f'role="img" aria-label="{label}"></svg></div>'
        for name, text, label in (
            (
                "power", "Power of the data, and of the noise (dotted)",
                "Power of the data and of the noise in each blend against frequency",
            ),
            (
                "snr", "Ratio (SNR), marked where it falls through one",
                "Signal-to-noise ratio of each blend against frequency",
            ),
        )
    ]  # fmt: skip
    part = "Latents" if data["share"] == 1 else "The middle of the latents"
    return _raw(
        STYLE,
        f'<div class="widget noise-slider" data-src="{source}">',
        '<div class="w-controls"><label class="w-wide">Fraction of data, t&nbsp;=&nbsp;'
        f'<span class="w-t">{t:.2f}</span>'
        f'<input type="range" min="0" max="1" step="0.01" value="{t:.2f}" disabled>'
        '<span class="w-ends"><span>0: noise</span><span>1: data</span></span></label>',
        f"<fieldset><legend>Shift of t at {high}&nbsp;px</legend>"
        f"{''.join(choices)}</fieldset></div>",
        f'<div class="w-pictures">{"".join(pictures)}</div>',
        f'<div class="w-plots">{"".join(plots)}</div>',
        '<p class="w-says" aria-live="polite"></p>',
        f"<p class=\"w-note\">{part} of “{title}” in <code>{encoder}</code>, blended in your "
        "browser and seen through the linear map of all channels to red, green and blue that comes "
        f"closest to the photograph ({percent(data['explained'], 1)} of its variance). Each "
        "picture has its own colour range. The curves are means over all channels; those "
        f'of the noise, its expectation. <a href="{source}">Latents and spectra as data</a></p>',
        "</div>",
        _instead(
            "The slider over t needs JavaScript. The figures show the same latents and spectra at "
            f"t&nbsp;=&nbsp;{t:g}."
        ),
        _script("noise-slider"),
    )  # fmt: skip


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


def shift_calculator(results: Results) -> str:
    """The form that turns a change of resolution into settings, as `recommend` does."""
    data, study = interactive.shift_calculator(results), results.study
    known = [name for name, one in data["encoders"].items() if one["pairs"]]
    others = [name for name in data["encoders"] if name not in known]
    chosen = study.encoders[-1]
    card, one = data["encoders"][chosen], results.measured[chosen].shift

    def options(label: str, names: list[str]) -> str:
        each = "".join(
            f"<option{' selected' if name == chosen else ''}>{html.escape(name)}</option>"
            for name in names
        )
        return f'<optgroup label="{label}">{each}</optgroup>' if names else ""

    step = card["stride"]
    grid = f'min="{-(-32 // step) * step}" step="{step}" inputmode="numeric"'
    fields = [
        _select("encoder", "Encoder", options("measured here", known)
                + options("not measured here", others)),
        _field("start", "From (px)", str(study.low), grid),
        _field("end", "To (px)", str(study.high), grid),
        _select("by", "Settings by", '<option value="measured">measured shift</option>'
                '<option value="theory">square-root rule</option>'),
        _field("mu", "Mean of logit t", f"{study.mu:g}", 'step="any"'),
        _field("std", "Std of logit t", f"{study.std:g}", 'min="0" step="any"'),
        _field("baseShift", "Base shift, training", "1", 'min="0" step="any"'),
        _field("samplingBaseShift", "Base shift, sampling", "", 'min="0" step="any" '
               'placeholder="the same"'),
    ]  # fmt: skip
    settings = [
        f'<tr><td>{one.tool}, {one.stage}</td><td><code class="w-option">{one.option}</code></td>'
        f"<td>{html.escape(one.note)}</td></tr>"
        for one in export.settings(one.whole.value)
    ]
    images = f"{data['images']} image{'s' if data['images'] != 1 else ''}"
    return _raw(
        STYLE,
        '<div class="widget shift-calculator">',
        '<form aria-label="Shift calculator"><fieldset disabled><legend>Your change of resolution'
        f"</legend>{''.join(fields)}</fieldset></form>",
        '<p class="w-note">The mean and std of logit t (t = 1 is data) and the base shifts '
        "(1: none) are those in use where you come from.</p>",
        f'<div class="w-headline" aria-live="polite"><strong data-out="s">s = {one.whole.value:.4g}'
        f'</strong> <span data-out="says">{html.escape(card["title"])}: measured on {images}, at '
        "equal cycles per image.</span></div>",
        '<div class="w-results"><dl>',
        *(
            f'<div><dt>{what}</dt><dd data-out="{name}">{text}</dd></div>'
            for name, what, text in _rows(one, study)
        ),
        # Quarto would read the table and write one of its own.
        '</dl><div class="w-settings"><table data-quarto-disable-processing="true">'
        "<thead><tr><th>tool</th><th>setting</th><th>use</th></tr></thead>",
        f"<tbody>{''.join(settings)}</tbody></table></div>",
        '<p class="w-command">For what was not measured, or with <code>--images FOLDER</code> for '
        'your own images:<code data-out="command">python -m analysis recommend --encoder '
        f"{html.escape(card['address'])} --from {study.low} --to {study.high}</code></p></div>",
        _json(data),
        "</div>",
        _instead(
            "The calculator needs JavaScript. <code>python -m analysis recommend</code> gives the "
            "same numbers."
        ),
        _script("shift-calculator"),
    )


def sound_levels(results: Results) -> str:
    """The two recordings with players, and a meter beside each."""
    figures = []
    for name, sound in zip(("fine", "coarse"), results.sounds, strict=True):
        how = "Densely" if name == "fine" else "Sparsely"
        label = f"{how} sampled noise, {fixed(sound.level, 1)} dB re full scale"
        mean = 1 + max(sound.level, -60) / 60
        figures.append(
            f'<figure class="sound" data-track="{name}"><figcaption>{label}</figcaption>'
            f'<audio controls preload="none" src="../data/results/sound/noise-{name}.wav"'
            f' aria-label="{label}"></audio>'
            f'<div class="w-level"><div role="meter" aria-label="Level of this recording" '
            'aria-valuemin="-60" aria-valuemax="0" aria-valuenow="-60" '
            'aria-valuetext="not playing"><span class="w-bar"></span>'
            f'<span class="w-mean" style="left:{100 * mean:.1f}%"></span></div>'
            '<div class="w-scale" aria-hidden="true"><span>−60</span><span>−40</span>'
            "<span>−20</span><span>0 dBFS</span></div>"
            '<div aria-hidden="true"><span class="w-value">not playing</span> '
            "<span>(mark: its mean)</span></div></div></figure>"
        )
    return _raw(
        STYLE,
        '<div class="sound-levels">',
        *figures,
        '<p class="w-switch"><button type="button" disabled>Switch between the two</button></p>',
        _json(interactive.sound_levels(results)),
        "</div>",
        _script("sound-levels"),
    )
