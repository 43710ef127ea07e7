"""What the measurements say, in sentences made from them.

The pages serve any study, so a sentence about an encoder is chosen here by its numbers: `verdict`
compares the interval with the rule. Where a sentence states more than its own numbers, as in
`practice`, it passes through `text.claim`, which stops the build when it is false.
"""

import math

import numpy as np

from analysis.paper import values
from analysis.paper.text import estimate, fixed, listing, number, percent, plain
from analysis.paper.values import identifier
from analysis.project.markdown import code, escaped
from analysis.spectra.bands import in_band
from analysis.spectra.intervals import FEWEST, NONE
from analysis.study import densities
from analysis.study.measurement import Measured
from analysis.study.results import Results
from analysis.timesteps import weighting

NEAR = 0.02  # relative, within which a shift is said to be the rule's
FEW = 5  # channels below which ranks of them say little


def verdict(measured: Measured) -> str:
    """``agrees``, ``below`` or ``above`` the rule, by the interval; ``open`` if there is none."""
    s = measured.shift
    if not math.isfinite(s.whole.low):
        return "open"
    if s.whole.low <= s.theory <= s.whole.high:
        return "agrees"
    return "below" if s.whole.high < s.theory else "above"


def abstract(results: Results) -> str:
    """The findings with their numbers, for the abstract."""
    parts = []
    for name, m in results.measured.items():
        what = {"pixel": "", "linear": "the linear code "}.get(m.card.kind, "the learned encoder ")
        found = f"{estimate(m.shift.whole)} for {what}{code(name)}"
        if verdict(m) in ("below", "above") and abs(m.shift.exponent - 1) >= 0.1:
            found += f" (an exponent of {plain(m.shift.exponent, 2)} instead of 1)"
        parts.append(found)
    return f"Where the rule gives {number(results.theory, 3)}, we find {listing(parts)}."


def obeying(results: Results) -> np.ndarray:
    """Channels of the linear encoder that hold local means and shift by the rule, to 10 %."""
    rule, theory = results.rule, results.theory
    if rule is None:
        return np.array([], int)
    near = [np.abs(s[0] / theory - 1) < 0.1 for s in (rule.predicted, rule.measured)]
    return np.flatnonzero((rule.order == 0) & (rule.alias_share[0] < 0.5) & near[0] & near[1])


def holds(results: Results) -> str:
    """Where the rule holds, by how many channels, and what decides the shift, for the abstract."""
    where, means = [], set(obeying(results).tolist())
    for name, m in results.measured.items():
        if abs(m.shift.whole.value / results.theory - 1) >= NEAR:
            continue
        each = np.array([one.whole.value for one in m.shift_by_channel]) / results.theory
        near = np.flatnonzero(np.abs(each - 1) < NEAR).tolist()
        where.append(str(code(name)))
        if len(near) < len(each):
            what = ", local means" if m.card.kind == "linear" and means.issuperset(near) else ""
            where[-1] += f" ({len(near)} of its {len(each)} channels{what})"
    text = f"The rule holds to {percent(NEAR)} for {listing(where) if where else 'none of these'}"
    wholes = [m.shift.whole for m in results.measured.values()]
    if max(e.low for e in wholes) > min(e.high for e in wholes):
        text += ": the shift depends on the encoder, not on resolution alone"
    return f"{text}."


def reference(results: Results) -> str:
    """What pixels are there for, if the study has them."""
    names = [code(name) for name, m in results.measured.items() if m.card.kind == "pixel"]
    if not names:
        return ""
    return f"{listing(names)} is the identity, the reference against which the others are read."


def role(results: Results) -> str:
    """Which of the encoders are no model's, for the limits."""
    known = results.everything
    names = [code(name) for name, m in known.items() if not m.card.learned]
    parts = []
    if names:
        are = "is a reference" if len(names) == 1 else "are references"
        parts.append(f"{listing(names)} {are}, not the latents of a model in use.")
    parts += [
        f"{code(name)} is a small network distilled from FLUX.2’s encoder; we do not know how its "
        "latents relate to those that FLUX.2’s model sees, after folding and normalisation."
        for name, m in known.items()
        if m.card.kind == "taef2"
    ]
    return " ".join(parts)


def linear(results: Results) -> str:
    """What the linear code is and loses, if the study has it."""
    for name, measured in results.measured.items():
        if measured.card.kind == "linear":
            key, v = identifier(name), values.of(results)
            return (
                f"{code(name)} has the shape of FLUX.1’s autoencoder (8 × 8 pixels to 16 numbers) "
                "but is linear: the principal components of image patches, fitted in closed form "
                f"to the bundled images at {measured.card.fit_size} px, and scaled so that the "
                f"variance averaged over channels is one. At {results.study.high} px it loses "
                f"{v.value('lost_' + key).text} of the patches' variance (PSNR "
                f"{v.value('psnr_' + key).text}). Beyond these components nothing is learned, so "
                "what its spectra show follows from the images and from cutting them into patches."
            )
    return ""


def ratio(results: Results) -> str:
    """How alike and how noisy R(f) is, in every encoder."""
    correlations, scatters, alike = [], [], []
    for name, measured in results.measured.items():
        ratios = densities.ratios_of(measured)
        correlation = weighting.mean_correlation(ratios)
        correlations.append(f"{plain(correlation, 2)} in {code(name)}")
        if correlation > 0.2:
            alike.append(code(name))
        scatter = weighting.neighbour_scatter(ratios)
        scatters.append(f"{percent(scatter)} in {code(name)}")
    shared = f": in {listing(alike)} a part of it is shared" if alike else ""
    return (
        "For these images (fit of degree three) the mean correlation of $\\ln R$ between two of "
        f"them is {listing(correlations)}{shared}. Of the variance of "
        f"$\\ln R$, about {listing(scatters)} looks like mere scatter between neighbouring rings "
        "(a window that correlates neighbours lowers this number, fine structure raises it)."
    )


def measured(results: Results) -> str:
    """What the main figure shows, encoder by encoder, with the reason where there is one."""
    paragraphs = []
    for name, m in results.measured.items():
        if m.card.kind == "pixel":
            paragraphs.append(_pixel(m))
        elif m.card.kind == "linear":
            paragraphs.append(_linear(name, m))
        else:
            paragraphs.append(_learned(name, m))
    return "\n\n".join(paragraphs)


def _bands(m: Measured) -> tuple[str, str, str]:
    low, middle, high = (estimate(m.shift.bands[band]) for band in ("low", "middle", "high"))
    return low, middle, high


def _pixel(m: Measured) -> str:
    low, middle, high = _bands(m)
    theory, filtered = m.shift.theory, m.study.resample.capitalize()
    worst = max(abs(m.shift.bands[b].value / theory - 1) for b in ("low", "middle"))
    holds = f"holds to within {percent(round(worst, 6), 1)}" if worst < 0.05 else "does not hold"
    text = (
        f"In pixel space the rule {holds} in the low and the middle band, {low} and {middle}; in "
        f"the high one it is {high}."
    )
    for v in m.study.variations:
        if v.resample == "fourier" and not v.images and v.name in m.shift_by_variation:
            bands = m.shift_by_variation[v.name].bands
            text += (
                " With an ideal low-pass filter to shrink the images the three are "
                f"{listing([estimate(e) for e in bands.values()])}"
            )
            if all(e.low <= theory <= e.high for e in bands.values()):
                text += f": what departs from the rule is the work of {filtered}, not of the images"
            text += "."
    return text


def _linear(name: str, m: Measured) -> str:
    low, _, high = _bands(m)
    bands, equal = m.shift.bands, m.shift_equal_channels
    power = m.arrays[f"power_{m.study.low}"].mean(axis=0)
    each = power[:, in_band(m.k(m.study.low), bands["low"].band)].sum(axis=1)
    text = f"{code(name)} has {low} in the low and {high} in the high band. "
    if bands["low"].value > bands["high"].value:
        text += (
            "A patch code samples the picture once every 8 pixels after little filtering, so "
            "detail beyond its Nyquist frequency folds back. The coarser grid of the low "
            "resolution folds more, which raises its power and lowers the ratio. "
        )
    text += (
        "The average over channels is decided by the strongest: one channel alone has "
        f"{percent(float(each.max() / each.sum()))} of the power in the low band. With all "
        f"channels scaled to the same variance the number is {estimate(equal.whole)}."
    )
    if equal.whole.high < m.shift.whole.low:
        text += (
            " So the weaker channels, which respond to gradients and texture rather than to local "
            "means, do not follow the rule, and an average over channels hides that "
            "(@sec-channels)."
        )
    return text


def _learned(name: str, m: Measured) -> str:
    s = m.shift
    word = {
        "agrees": "agrees with the rule",
        "below": "asks for less than the rule",
        "above": "asks for more than the rule",
        "open": "has no interval that could tell it from the rule",
    }[verdict(m)]
    chosen = in_band(s.k, s.whole.band)
    low, middle, high = _bands(m)
    text = (
        f"{code(name)} {word}: {estimate(s.whole)} over the low and middle bands, an exponent of "
        f"{plain(s.exponent, 2)}. By band it is {low}, {middle} and {high}; over frequency the "
        f"mean curve runs between {fixed(float(s.mean[chosen].min()), 2)} and "
        f"{fixed(float(s.mean[chosen].max()), 2)} in the low and middle bands. At the same cycles "
        f"per image the latents' power grows {fixed(s.whole.value**2, 2)}-fold between the two "
        f"resolutions, where the rule assumes {number(s.theory**2, 2)}. With all channels "
        f"scaled to the same variance the shift is {estimate(m.shift_equal_channels.whole)}."
    )
    if verdict(m) == "below":
        text += (
            " The encoder is not scale-equivariant in the sense of the rule (@sec-equivariance), "
            "and the rule adds more noise than equal SNR asks for."
        )
    return text


def each_channel(results: Results) -> str:
    """How far single channels differ, and whether their exponent says which."""
    parts = []
    for name, m in results.measured.items():
        whole = [one.whole for one in m.shift_by_channel]
        if len(whole) < 2:
            continue
        found = np.array([one.value for one in whole])
        if found.max() < 1.01 * found.min():
            parts.append(f"The {len(whole)} channels of {code(name)} agree to within 1\u00a0%.")
            continue
        below = sum(one.high < m.shift.theory for one in whole)
        count = "all" if below == len(whole) else below or "none"
        text = (
            f"Of the {len(whole)} channels of {code(name)}, {count} "
            f"{'has' if below == 1 else 'have'} an interval wholly below the rule; they range from "
            f"{fixed(float(found.min()), 2)} to {fixed(float(found.max()), 2)}, and their mean, "
            f"with channels drawn as well as images, is {estimate(m.shift_pooled)}"
        )
        if len(whole) > FEW:
            gammas = np.array([law.gamma for law in m.channel_laws])
            ranks = np.argsort(np.argsort([gammas, found], axis=1), axis=1)
            together = float(np.atleast_2d(np.corrcoef(ranks))[0, 1])
            text += f" (rank correlation of γ and $s$: {plain(together, 2)})"
        parts.append(text + ".")
    return " ".join(parts)


def limits(results: Results) -> str:
    """What a reader should know of this study's images."""
    n = len(results.photographs)
    text = f"The images are few ({n}). {escaped(results.study.caution)}".strip()
    if n < FEWEST:
        return f"{text} There is {NONE}."
    return text + (
        " Intervals cover the choice of images among such images. Those of the measured shift are "
        "Student’s $t$ on $\\ln s$; those of gain, coherence, halves, crossings, the "
        "channels of the linear code against their prediction and the mean over channels are a "
        "percentile bootstrap’s, which is somewhat too narrow for so few."
    )


def scope(results: Results) -> str:
    """How many learned encoders were measured, for the limits."""
    names = [code(name) for name, m in results.everything.items() if m.card.learned]
    if not names:
        return "No learned encoder was measured."
    if len(names) == 1:
        return (
            f"One learned encoder was measured, {names[0]}. What is said of it is not said of "
            "autoencoders."
        )
    return (
        f"{len(names)} learned encoders were measured, {listing(names)}. What is said of them is "
        "not said of all autoencoders."
    )
