"""Encoders and choices side by side: tables, and what they say, as Markdown.

The pages serve any study, so a sentence is chosen by its numbers.
"""

import numpy as np

from analysis.paper import values
from analysis.paper.text import estimate, listing, percent, plain, resolved
from analysis.project.markdown import code
from analysis.shift.equal_snr import sampled_shift
from analysis.spectra.bands import in_band, octave_weights
from analysis.spectra.windows import Window
from analysis.study import findings
from analysis.study.measurement import Measured
from analysis.study.results import Results
from analysis.study.settings import Variation

FLOOR = 0.01  # of a supposed posterior, in units of the noise's power


def _each(said: dict[str, str]) -> str:
    """What is said of every encoder, listed."""
    return listing([f"{text} in {code(name)}" for name, text in said.items()])


def coincide(results: Results) -> str:
    """How far the SNR curves of the two resolutions lie apart after a shift."""
    measured = results.measured
    after = {name: percent(m.shift.mismatch(m.shift.whole.value)) for name, m in measured.items()}
    rule = {name: percent(m.shift.mismatch(m.shift.theory)) for name, m in measured.items()}
    return (
        "A check on the whole curve: with $t$ shifted by the measured $s$, the SNR curves of the "
        "two resolutions (geometric means over images) differ nowhere in the low and middle "
        f"bands by more than about {_each(after)}; after the "
        f"square-root rule, by {_each(rule)}."
    )


def sensitivity(results: Results) -> str:
    """What other choices matter, and what images whose answer is known say."""
    parts = []
    for name, m in results.measured.items():
        shifts = m.shift_by_variation
        choices = [
            v.name
            for v in results.study.variations
            if not v.images and not v.sample and v.name in shifts
        ]
        moved = [abs(shifts[c].whole.value / m.shift.whole.value - 1) for c in choices]
        if moved:
            parts.append(f"{percent(max(moved), 1)} in {code(name)}")
    text = ""
    if parts:
        text = f"Resize filter and compression move the number by no more than {listing(parts)}. "
    simulated = [v for v in results.study.variations if v.images and not v.sample]
    if not simulated:
        return text
    known = []
    for name, m in results.measured.items():
        found = [resolved(m.shift_by_variation[v.name].whole) for v in simulated]
        known.append(f"{' and '.join(found)} in {code(name)}")
    text += (
        f"On simulated images, {' and '.join(v.images.replace('-', ' ') for v in simulated)}, "
        f"the shift is {listing(known)}. {_control(results, simulated)}"
    )
    below = {}
    for name, m in results.measured.items():
        ends = [m.shift_by_variation[v.name].whole for v in simulated]
        if m.card.learned and all(one.high < m.shift.theory for one in ends):
            whole = m.shift.whole
            below[code(name)] = any(e.high < whole.low or e.low > whole.high for e in ends)
    if below:
        text += (
            f"In {listing(list(below))} the shift stays below the rule on them too, so that this "
            "comes from the encoder and not from these photographs."
        )
    if any(below.values()):
        text += (
            " It is not the same number, though: the shift of a learned encoder depends on what "
            "it is shown."
        )
    return text


def _control(results: Results, simulated: list[Variation]) -> str:
    """How far pixels are from the answers that are known."""
    text = ""
    for m in results.measured.values():
        if m.card.kind != "pixel":
            continue
        exact = [v.name for v in simulated if v.resample == "fourier"]
        if exact:
            shifts = {name: m.shift_by_variation[name].whole for name in exact}
            off = max(abs(one.value / m.shift.theory - 1) for one in shifts.values())
            theory = m.shift.theory
            missed = [n for n, e in shifts.items() if theory < e.low or e.high < theory]
            text += (
                "In pixels an ideal low-pass filter gives the rule whatever the spectrum, but for "
                "the window, which begins at a pixel’s centre and so lies a fraction of a pixel "
                "elsewhere on the two grids: what is measured is within "
                f"{percent(round(off, 6), 2)} of it"
            )
            if missed:
                text += f", though the interval for {listing(missed)} does not hold it"
            text += ". " if off < 1e-3 else ". That is more than the window explains. "
        for variation in findings.lawful(results):
            found = findings.per_pixel(m, variation)
            text += (
                "At fixed cycles per pixel the fields’ answer is one: measured is "
                f"{resolved(found.whole)}, and {resolved(found.bands['middle'])} in the middle "
                "band alone, away from the lowest rings, which the window blurs. "
            )
    return text


def posterior(results: Results) -> str:
    """What sampling latents instead of taking their mode does, and who could show it."""
    moved, sampled = {}, {}
    for name, m in results.everything.items():
        drawn = [v.name for v in m.study.variations if v.sample and v.name in m.shift_by_variation]
        if drawn:
            sampled[name] = estimate(m.shift_by_variation[drawn[0]].whole)
        elif not m.card.variational:
            moved[name] = f"{plain(100 * _floored(m), 1)}\u00a0%"
    text = ""
    if sampled:
        text += f"With sampled latents the shift is {_each(sampled)}. "
    if moved:
        named = listing([code(name) for name in moved])
        text += (
            f"In this study {named} {'has' if len(moved) == 1 else 'have'} no posterior, so that "
            f"{'it' if len(moved) == 1 else 'they'} cannot show this. As a scale: floors of "
            f"{FLOOR:g} of the noise’s power at both resolutions would change the shift of the low "
            f"and middle bands by {_each(moved)}."
        )
    return text.strip()


def _floored(m: Measured) -> float:
    """Relative change of the shift by `FLOOR` at both resolutions."""
    s = m.shift
    chosen = in_band(s.k, s.whole.band)
    curves = s.curves[:, chosen]
    low = m.snr(m.study.low).mean(axis=1)[:, m.study.bands.first_ring :][:, chosen]
    ratio = np.log(sampled_shift(low, curves**2 * low, FLOOR, FLOOR) / curves).mean(axis=0)
    return float(np.expm1(np.average(ratio, weights=octave_weights(s.k[chosen]))))


def mode(results: Results) -> str:
    """Whether a sampled posterior was measured, for the limits."""
    drawn = [
        code(name)
        for name, m in results.everything.items()
        if any(v.sample and v.name in m.shift_by_variation for v in m.study.variations)
    ]
    if drawn:
        return (
            "Where an encoder has a posterior its mode is measured. With samples it was measured "
            f"for {listing(drawn)} (@sec-sensitivity)."
        )
    return (
        "Mode against sample is open. What a sampled posterior does is derived (@eq-posterior), "
        "and untested on an encoder in use until a result with `sample = true` is contributed."
    )


def excess(results: Results) -> str:
    """What every window reads too much of simulated fields, whose spectrum is known."""
    v, parts = values.of(results), []
    for gamma in results.leakage.gammas:
        each = [
            f"{v.value(values.leak_name(window, gamma)).text} {_under(window)}"
            for window in results.study.windows
        ]
        parts.append(f"with $P = k^{{-{gamma:g}}}$ it is {listing(each)}")
    return f"In the upper half of the axis there is an excess: {'; '.join(parts)}."


def _under(window: Window) -> str:
    return "without a window" if window.kind == "none" else f"under {window.text}"


def leakage(results: Results) -> str:
    """What other windows than the study's read of the images at high frequency."""
    study, said = results.study, {}
    others = [w for w in enumerate(study.windows) if w[1].text != study.window.text]
    for name, m in results.measured.items():
        half = m.power(study.high).shape[1] // 2
        own = np.log(m.power(study.high)[:, half:])
        read = np.log(m.arrays[f"windows_{study.high}"][..., half:])
        excess = np.exp((read - own[:, None]).mean(axis=0)).mean(axis=-1) - 1
        said[name] = listing([percent(float(excess[index])) for index, _ in others])
    return (
        "In the upper half of the axis the images' power, in geometric mean over images, changes "
        f"by {_each(said)} if {study.window.text} is replaced by "
        f"{listing([w.text if w.kind != 'none' else 'no window' for _, w in others])}."
    )


def flat(results: Results) -> str:
    """Whether flat channels are a sign of learning."""
    gammas = {name: [law.gamma for law in m.channel_laws] for name, m in results.measured.items()}
    learned = [name for name, m in results.measured.items() if m.card.learned]
    said = []
    for name, m in results.measured.items():
        if m.card.kind == "linear" and learned:
            least = min(min(gammas[other]) for other in learned)
            flatter = sum(abs(gamma) < least for gamma in gammas[name])
            if 2 * flatter > len(gammas[name]):
                said.append(
                    f"{flatter} of the {len(gammas[name])} channels of {code(name)} are flatter "
                    f"than any of {listing([code(other) for other in learned])}"
                )
    return f"Flat channels are no sign of learning, though: {listing(said)}." if said else ""
