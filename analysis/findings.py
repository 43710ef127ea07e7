"""What the measurements say, in sentences that are checked against them.

The pages serve any study, so a sentence about an encoder is made here from its numbers: which of
several wordings is true is decided by the interval, and each passes through `values.claim`.
"""

import math

import numpy as np

from analysis import values, weighting
from analysis.measured import Measured
from analysis.results import Results
from analysis.values import claim, fixed, identifier, interval, listing, percent, plain

NEAR = 0.03  # relative distance from the rule that is called agreement


def verdict(measured: Measured) -> str:
    """``near``, ``below``, ``above`` or ``open``: the encoder's shift against the rule."""
    s = measured.shift
    if abs(s.whole.value / s.theory - 1) <= NEAR:
        return "near"
    if not math.isfinite(s.whole.low) or s.whole.low <= s.theory <= s.whole.high:
        return "open"
    return "below" if s.whole.high < s.theory else "above"


def _named(results: Results, wanted: str) -> list[tuple[str, Measured]]:
    return [(name, m) for name, m in results.measured.items() if verdict(m) == wanted]


def _number(name: str, measured: Measured) -> str:
    s = measured.shift
    return f"`{name}` {fixed(s.whole.value, 2)} {interval(s.whole)}"


def abstract(results: Results) -> str:
    """The findings with their numbers, for the abstract."""
    theory = next(iter(results.measured.values())).shift.theory
    sentences = []
    if near := _named(results, "near"):
        what = listing([_number(name, m) for name, m in near])
        sentences.append(
            claim(
                all(abs(m.shift.whole.value / theory - 1) <= NEAR for _, m in near),
                f"Where the rule says {fixed(theory, 2)}, we measure {what}, in agreement to "
                f"{percent(NEAR)}.",
            )
        )
    for wanted, word in (("below", "less"), ("above", "more")):
        for name, m in _named(results, wanted):
            s = m.shift
            sentences.append(
                claim(
                    s.whole.high < theory if wanted == "below" else s.whole.low > theory,
                    f"The latents of `{name}` ask for {fixed(s.whole.value, 2)} "
                    f"{interval(s.whole)}, {word} than the rule's {fixed(theory, 2)}: an exponent "
                    f"of r = {plain(s.exponent, 2)} where the rule has 1.",
                )
            )
    for name, m in _named(results, "open"):
        sentences.append(f"For {_number(name, m)} the photographs do not decide.")
    return " ".join(sentences)


def linear(results: Results) -> str:
    """What the linear code is and loses, if the study has it."""
    for name, measured in results.measured.items():
        if measured.card.kind == "linear":
            key, v = identifier(name), values.of(results)
            return (
                f"`{name}` has the shape of FLUX.1's autoencoder (8 × 8 pixels to 16 numbers) but "
                "is linear: the principal components of image patches, fitted in closed form to "
                "the bundled photographs, and scaled so that the variance averaged over channels "
                f"is one. It loses {v.value('lost_' + key).text} of the patches' variance (PSNR "
                f"{v.value('psnr_' + key).text}). Nothing in it is trained, so what its spectra "
                "show follows from the photographs and from cutting them into patches."
            )
    return ""


def ratio(results: Results) -> str:
    """How alike R(f) is between photographs, in every encoder."""
    parts, largest = [], -1.0
    for name, measured in results.measured.items():
        k, power = measured.k(measured.study.high)[1:], measured.power(measured.study.high)[:, 1:]
        if len(power) < 2:
            return "With one photograph this cannot be tested."
        ratios = np.stack([weighting.ratio_to_fit(k, row, 3) for row in power])
        correlation = weighting.mean_correlation(ratios)
        largest = max(largest, correlation)
        parts.append(f"{plain(correlation, 2)} in `{name}`")
    text = (
        "For these photographs the mean correlation of $\\ln R$ (degree three) between two of them "
        f"is {listing(parts)}: "
    )
    if largest < 0.5:
        return text + claim(
            largest < 0.5,
            "something is shared, but the larger part is not. That part may be specific to the "
            "image or mere scatter of rings with few modes; a split of each image into halves "
            "would tell, and is not done here.",
        )
    return text + claim(largest >= 0.5, "in at least one space most of R is common to all images.")


def measured(results: Results) -> str:
    """What the main figure shows, encoder by encoder, with the reason where there is one."""
    paragraphs = []
    for name, m in results.measured.items():
        s, kind = m.shift, m.card.kind
        bands, theory = s.bands, s.theory
        low, middle, high = (
            f"{fixed(bands[band].value, 2)} {interval(bands[band])}"
            for band in ("low", "middle", "high")
        )
        if kind == "pixel":
            holds = all(abs(bands[b].value / theory - 1) < 0.05 for b in ("low", "middle"))
            text = (
                f"In pixel space the rule {'holds' if holds else 'fails'}: {low} in the low and "
                f"{middle} in the middle band. In the high band the measured shift is {high}, "
                f"which is the work of the resize filter: {m.study.resample.capitalize()} weakens "
                "what lies just below the Nyquist frequency of the low resolution, and lets some "
                "of what lies beyond fold back, so the ratio of powers says little about the "
                "photographs there."
            )
        elif kind == "linear" and bands["low"].value > bands["high"].value:
            text = (
                f"`{name}` keeps near the rule at low frequencies, {low}, and departs from it "
                f"towards its Nyquist frequency, {high} in the high band. A patch code samples the "
                "picture once every 8 pixels after little filtering, so detail beyond its Nyquist "
                "frequency folds back. The coarser grid of the low resolution folds more, which "
                "raises its power and lowers the ratio. At low frequencies the average over "
                "channels is decided by the leading ones, which are local means."
            )
        else:
            word = {
                "near": "agrees with the rule",
                "below": "asks for less than the rule",
                "above": "asks for more than the rule",
                "open": "is not told from the rule by these photographs",
            }[verdict(m)]
            text = (
                f"`{name}` {word}: {fixed(s.whole.value, 2)} {interval(s.whole)} over the low and "
                f"middle bands, with r = {plain(s.exponent, 2)}"
            )
            spread = max(e.value for e in bands.values()) / min(e.value for e in bands.values())
            each = listing([fixed(e.value, 2) for e in bands.values()])
            text += (
                f", and much the same in every band ({each})."
                if spread < 1.15
                else f" ({each} in the three bands)."
            )
            if verdict(m) == "below":
                text += (
                    " Its latents at high resolution do not hold the low resolution's content "
                    f"with {fixed(theory**2, 0)} times the power: at the same cycles per image it "
                    f"is {fixed(s.whole.value**2, 2)} times. The encoder is not scale-equivariant "
                    "in the sense of the rule, and applying the rule to it adds more noise than "
                    "equal SNR asks for."
                )
        paragraphs.append(text)
    return "\n\n".join(paragraphs)
