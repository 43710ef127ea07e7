"""What the comparisons say, in sentences made from their numbers; `findings` has the main result.

As there, the pages serve any study, and a sentence is chosen by its numbers.
"""

import math

import numpy as np

from analysis import timing
from analysis.formatting import estimate, fixed, listing, percent, plain
from analysis.measured import Measured
from analysis.posterior import sampled_shift
from analysis.powerlaw import octave_weights
from analysis.results import Results
from analysis.shift import in_band

FLOOR = 0.01  # of a supposed posterior, in units of the noise's power


def _each(said: dict[str, str]) -> str:
    """What is said of every encoder, listed."""
    return listing([f"{text} in `{name}`" for name, text in said.items()])


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
            parts.append(f"{percent(max(moved), 1)} in `{name}`")
    text = ""
    if parts:
        text = f"Resize filter and compression move the number by no more than {listing(parts)}. "
    simulated = [v for v in results.study.variations if v.images and not v.sample]
    if not simulated:
        return text
    known = []
    for name, m in results.measured.items():
        found = [f"{estimate(m.shift_by_variation[v.name].whole)}" for v in simulated]
        known.append(f"{' and '.join(found)} in `{name}`")
    text += (
        f"On simulated images, {' and '.join(v.images.replace('-', ' ') for v in simulated)}, "
        f"the shift is {listing(known)}. In pixels an ideal low-pass filter has to give the rule "
        "exactly, whatever the spectrum. "
    )
    below = [
        f"`{name}`"
        for name, m in results.measured.items()
        if m.card.learned
        and all(m.shift_by_variation[v.name].whole.high < m.shift.theory for v in simulated)
    ]
    if below:
        text += (
            f"In {listing(below)} the shift stays below the rule on them too, so that this comes "
            "from the encoder and not from these photographs. It is not the same number, though: "
            "the shift of a learned encoder depends on what it is shown."
        )
    return text


def posterior(results: Results) -> str:
    """What sampling latents instead of taking their mode does, and who could show it."""
    moved, sampled = {}, {}
    for name, m in {**results.measured, **results.contributed}.items():
        drawn = [v.name for v in m.study.variations if v.sample and v.name in m.shift_by_variation]
        if drawn:
            sampled[name] = estimate(m.shift_by_variation[drawn[0]].whole)
        elif not m.card.variational:
            moved[name] = f"{plain(100 * _floored(m), 1)}\u00a0%"
    text = ""
    if sampled:
        text += f"With sampled latents the shift is {_each(sampled)}. "
    if moved:
        named = listing([f"`{name}`" for name in moved])
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


def equivariance(results: Results) -> str:
    """Gain and coherence of the latents of two resolutions."""
    parts = []
    for name, m in results.measured.items():
        found = m.equivariance
        gain, lost = found.gain.bands["whole"], found.difference.bands["whole"]
        of_gain = found.of_gain.bands["whole"].value
        same = found.coherence.bands
        text = (
            f"In `{name}` the gain is {estimate(gain)} and the coherence "
            f"{plain(same['low'].value, 2)}, {plain(same['middle'].value, 2)} and "
            f"{plain(same['high'].value, 2)} in the low, middle and high band"
        )
        if lost.value > 0.01:
            text += (
                f"; the difference has {percent(lost.value)} of the power of the low resolution's "
                f"latents, of which the gain accounts for {percent(of_gain / lost.value)}"
            )
        parts.append(text + ".")
    return " ".join(parts)


def channels(results: Results) -> str:
    """Whether the channels of the linear encoder do what their order and their aliases say."""
    rule = results.rule
    if rule is None:
        return "This study has no linear encoder."
    count = len(rule.order)
    hits = [
        int(np.sum((rule.low[b] <= rule.predicted[b]) & (rule.predicted[b] <= rule.high[b])))
        for b in range(3)
    ]
    obey = np.flatnonzero(
        (rule.order == 0) & (rule.alias_share[0] < 0.5) & (np.abs(rule.predicted[0] / 2 - 1) < 0.1)
    )
    rest = np.setdiff1d(np.arange(count), obey)
    bias = [float(np.mean(np.log(rule.predicted[b] / rule.measured[b]))) for b in range(3)]
    side = "low" if max(bias) < 0 else "high" if min(bias) > 0 else "low or high"
    text = (
        f"With aliases, and without a fitted parameter, the prediction lies inside the interval "
        f"for {hits[0]} of {count} channels in the low band, {hits[1]} in the middle and {hits[2]} "
        f"in the high one; on average $\\ln s$ is predicted {plain(abs(bias[0]), 2)}, "
        f"{plain(abs(bias[1]), 2)} and {plain(abs(bias[2]), 2)} too {side}. "
    )
    if len(obey) == 0:
        return text + f"None of the {count} channels obeys the square-root rule."
    ends = rule.measured[0, obey]
    text += (
        f"{'All' if len(rest) == 0 else 'Only'} {len(obey)} of the {count} channels, of order zero "
        f"and hardly touched by aliases, obey the square-root rule ({fixed(ends.min(), 2)} to "
        f"{fixed(ends.max(), 2)} in the low band). "
    )
    if len(rest):
        spread = rule.measured[0, rest]
        text += (
            f"In the low band the others lie between {fixed(float(spread.min()), 2)} and "
            f"{fixed(float(spread.max()), 2)}."
        )
    return text


def information(results: Results) -> str:
    """The information-matched shift, encoder by encoder."""
    parts = []
    for name, m in results.measured.items():
        found = m.information
        if found is None:
            parts.append(f"For `{name}` the images or the latents' modes are too few.")
            continue
        first, last = found.curve[0, 0], found.curve[-1, 0]
        parts.append(
            f"In `{name}` it is {estimate(found.matched)}: the two curves then differ by at most "
            f"{percent(found.misfit(found.matched.value), 1)} of their height, where the "
            f"square-root rule leaves {percent(found.misfit(m.shift.theory), 1)} and the "
            f"channel average {percent(found.misfit(m.shift.whole.value), 1)}; $s(u)$ goes from "
            f"{fixed(first, 2)} at the noisy end to {fixed(last, 2)} at the other."
        )
    return " ".join(parts)


def learned(results: Results) -> str:
    """Whether anything that was measured of learned encoders asks for as much as the rule."""
    names, below = [], []
    for name, m in results.measured.items():
        if not m.card.learned:
            continue
        names.append(f"`{name}`")
        numbers = [m.shift.whole, m.shift_equal_channels.whole, m.shift_pooled]
        numbers += [m.shift.bands["low"], m.shift.bands["middle"]]
        numbers += [one.whole for one in m.shift_by_variation.values()]
        if m.information:
            numbers += [m.information.matched, *m.information.limits.values()]
        if all(one.high < m.shift.theory for one in numbers):
            below.append(f"`{name}`")
    if not names:
        return "No learned encoder was measured here."
    if names != below:
        return "Not every number of the learned encoders measured here lies below the rule."
    return (
        f"Of the learned encoders {listing(names)} was measured here, and every number of it at "
        "fixed cycles per image lies below the rule. Equal SNR then asks for less noise than the "
        "rule adds; it cannot explain a preference for more."
        if len(names) == 1
        else f"Of the learned encoders {listing(names)} were measured here, and every number of "
        "them at fixed cycles per image lies below the rule."
    )


def headline(results: Results) -> str:
    """The information-matched shifts, for the abstract."""
    found = {name: m.information for name, m in results.measured.items()}
    parts = [f"{estimate(one.matched)} for `{name}`" for name, one in found.items() if one]
    if not parts:
        return ""
    return (
        "A second number is the same for every orthogonal mix of the channels: the shift that lays "
        "the rates of information of the two resolutions on each other. It is "
        f"{listing(parts)} (jackknife intervals, which cover less than they say)."
    )


def crossings(results: Results) -> str:
    """How the density of crossings moves with resolution."""
    study = results.study
    by_power = {n: timing.movement_of(m, "power") for n, m in results.measured.items()}
    by_count = {n: timing.movement_of(m, "modes") for n, m in results.measured.items()}
    power = {n: plain(move.total[0], 2) for n, move in by_power.items()}
    count = {n: plain(move.total[0], 2) for n, move in by_count.items()}
    shared = {n: plain(move.shared[0], 2) for n, move in by_power.items()}
    share = {n: percent(move.share[0]) for n, move in by_count.items()}
    nearest = {
        n: timing.nearest_of(m, study.high, "power").distance for n, m in results.measured.items()
    }
    close = [f"`{n}`" for n, distance in nearest.items() if distance < 0.1]
    text = (
        f"From {study.low} to {study.high} px the mean of θ moves by "
        f"{_each(power)} when modes count by power, where the rule says "
        f"{plain(-math.log(results.theory), 2)}, and by {_each(count)} "
        "when they count alike. The modes that both resolutions have move by "
        f"{_each(shared)} by power, not exactly by the logarithm of the "
        "measured shift, because the high band is included and channels that gain power also gain "
        f"weight. Those that only the high resolution has ({next(iter(share.values()))} by number) "
        "pull the mean towards data and undo part of it."
    )
    if close:
        text += f" By power, a logit-normal is within a tenth (TV) only for {listing(close)}."
    return text


def reliability(results: Results) -> str:
    """Whether R says something about its image."""
    if len(results.photographs) < timing.FEWEST:
        return "With so few images, whether $R$ is specific to one can't be measured."
    ways = {"left_right": "left and right", "top_bottom": "top and bottom"}
    parts, own = [], {}
    for way, text in ways.items():
        found = {n: timing.reliability_of(m, way) for n, m in results.measured.items()}
        cells = [
            f"{plain(one.within[0], 2)} against {plain(one.between[0], 2)} in `{name}`"
            for name, one in found.items()
        ]
        parts.append(f"{listing(cells)} between {text} halves")
        own[way] = [f"`{n}`" for n, one in found.items() if one.specific[1] > 0]
    said = [
        f"{text} halves share something of their image's own in {listing(own[way])}"
        if own[way]
        else f"{text} halves share nothing of their image's own that can be told from zero"
        for way, text in ways.items()
    ]
    text = (
        "The mean correlation of $\\ln R$ within an image, against that between two images, is "
        f"{'; '.join(parts)} (fit of degree three). {said[0].capitalize()}, {said[1]}."
    )
    if not all(own.values()):
        text += " So $R$ is not a property that a picture repeats all over."
    return text


def carried(results: Results) -> str:
    """What is left of R over theta."""
    left = {name: percent(timing.carried_share(m)) for name, m in results.measured.items()}
    return f"{_each(left)} of the standard deviation of $\\ln R$."
