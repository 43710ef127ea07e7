"""The interactive parts of the pages as raw HTML, in Markdown; scripts in ``report/interactive``.

The markup is complete without its script, so that nothing moves when the script takes over. Where
scripts are switched off the style sheet leaves it out; the static figure or table says the same.
"""

import html
from pathlib import Path

from analysis import encoders, export, interactive
from analysis.cache import write_atomic
from analysis.formatting import fixed, percent, plain
from analysis.results import Results
from analysis.settings import root

MADE = Path("report/made/noise-slider.js")
STYLE = '<link rel="stylesheet" href="interactive/widgets.css">'


def _instead(text: str) -> str:
    """What is said where scripts are switched off."""
    return f"<noscript><p>{text}</p></noscript>"


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
    cases = (("low", low, few, ""), ("high", high, many, ""), ("shifted", high, many, ", shifted"))
    start = f"{results.study.t:g}"
    pictures = [
        f'<figure><canvas width="{n}" height="{n}" role="img" '
        f'aria-label="Noisy latents of {title} at {px} px as colours{what}"></canvas>'
        f'<figcaption><svg class="w-key" viewBox="0 0 28 8" aria-hidden="true">'
        f'<path class="w-curve w-{kind}" d="M0 4H28"/></svg>{px}&nbsp;px, '
        f't&nbsp;=&nbsp;<span class="w-value">{start}</span>{what}</figcaption></figure>'
        for kind, px, n, what in cases
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
        f'<svg class="w-plot w-{name}" viewBox="0 0 340 258" role="img" aria-label="{label}"></svg>'
        for name, label in (
            ("power", "Power of the data and of the noise in each blend against frequency"),
            ("snr", "Signal-to-noise ratio of each blend against frequency"),
        )
    ]
    return _raw(
        STYLE,
        f'<div class="widget noise-slider" data-src="{source}">',
        '<div class="w-controls"><label class="w-wide">Fraction of data, t&nbsp;=&nbsp;'
        f'<span class="w-t">{start}</span>'
        f'<input type="range" min="0" max="1" step="0.01" value="{start}" disabled>'
        '<span class="w-ends"><span>0: noise</span><span>1: data</span></span></label>',
        f"<fieldset><legend>Shift of t at {high}&nbsp;px</legend>"
        f"{''.join(choices)}</fieldset></div>",
        f'<div class="w-pictures">{"".join(pictures)}</div>',
        f'<div class="w-plots">{"".join(plots)}</div>',
        '<p class="w-says" aria-live="polite"></p>',
        f"<p class=\"w-note\">Latents of “{title}” in <code>{encoder}</code>, blended in your "
        "browser and seen through the linear map of all channels to red, green and blue that comes "
        f"closest to the photograph ({percent(data['explained'], 1)} of its variance). Each "
        "picture has its own colour range. The curves are means over all channels; dotted where "
        f'power is noise. <a href="{source}">The latents and spectra</a></p>',
        "</div>",
        _script("noise-slider"),
    )  # fmt: skip


def _field(name: str, text: str, value: str, attributes: str) -> str:
    return f'<label>{text}<input type="number" name="{name}" value="{value}" {attributes}></label>'


def shift_calculator(results: Results) -> str:
    """The form that turns a change of resolution into settings, as `recommend` does."""
    data = interactive.shift_calculator(results)
    low, high = results.study.pair
    known = [name for name, one in data["encoders"].items() if one["pairs"]]
    others = [name for name in data["encoders"] if name not in known]
    chosen = known[-1]

    def options(names: list[str]) -> str:
        return "".join(
            f"<option{' selected' if name == chosen else ''}>{html.escape(name)}</option>"
            for name in names
        )

    groups = f'<optgroup label="measured here">{options(known)}</optgroup>'
    if others:
        groups += f'<optgroup label="not measured here">{options(others)}</optgroup>'
    step = encoders.card(chosen).latent_stride
    fields = [
        f'<label>Encoder<select name="encoder">{groups}</select></label>',
        _field("start", "From (px)", str(low), f'min="32" step="{step}" inputmode="numeric"'),
        _field("end", "To (px)", str(high), f'min="32" step="{step}" inputmode="numeric"'),
        '<label>Settings by<select name="by"><option value="measured">measured shift</option>'
        '<option value="theory">square-root rule</option></select></label>',
        _field("mu", "Mean μ of logit t", f"{data['mu']:g}", 'step="any"'),
        _field("std", "Its std", f"{data['std']:g}", 'min="0" step="any"'),
        _field("baseShift", "Base shift, training", "1", 'min="0" step="any"'),
        _field("samplingBaseShift", "Base shift, sampling", "", 'min="0" step="any" '
               'placeholder="the same"'),
    ]  # fmt: skip
    rows = [
        ("theory", "Square-root rule"),
        ("measured", f"Measured, {percent(data['confidence'])} interval"),
        ("bands", "By band"), ("exponent", "Exponent r"),
        ("data", "Logit-normal, t = 1 is data"), ("sigma", "The same over σ = 1 − t"),
        ("std", "Its std"),
    ]  # fmt: skip
    shift = results.measured[chosen].shift.whole.value if chosen in results.measured else 1.0
    settings = [
        f'<tr><td>{one.tool}, {one.stage}</td><td><code class="w-option">{one.option}</code></td>'
        f"<td>{html.escape(one.note)}</td></tr>"
        for one in export.settings(shift)
    ]
    return _raw(
        STYLE,
        '<div class="widget shift-calculator">',
        '<form aria-label="Shift calculator"><fieldset disabled><legend>Your change of resolution'
        f"</legend>{''.join(fields)}</fieldset></form>",
        f'<div class="w-headline" aria-live="polite"><strong data-out="s">s = {plain(shift, 3)}'
        '</strong> <span data-out="says"></span></div>',
        '<div class="w-results"><dl>',
        *(f'<div><dt>{text}</dt><dd data-out="{name}">–</dd></div>' for name, text in rows),
        '</dl><div class="w-settings"><table>'
        "<thead><tr><th>tool</th><th>setting</th><th>use</th></tr></thead>",
        f"<tbody>{''.join(settings)}</tbody></table></div>",
        '<p class="w-command">On your own images, or for what was not measured:'
        '<code data-out="command">python -m analysis recommend</code></p></div>',
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
            '<div class="w-ends" aria-hidden="true"><span>−60</span><span>−40</span>'
            "<span>−20</span><span>0 dBFS</span></div>"
            '<span class="w-value" aria-hidden="true">not playing</span></div></figure>'
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
