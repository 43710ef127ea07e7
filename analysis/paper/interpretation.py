"""What channels, information and densities over theta say, in sentences made from their numbers.

`findings` has the main result. As there, the pages serve any study, and a sentence is chosen by its
numbers.
"""

import math

import numpy as np

from analysis.paper import findings
from analysis.paper.text import estimate, fixed, listing, percent, plain
from analysis.project.markdown import code
from analysis.study import densities
from analysis.study.measurement import Measured
from analysis.study.results import Results
from analysis.timesteps.crossings import Movement, Weights

WEIGHTS: tuple[tuple[Weights, str], ...] = (("power", "power"), ("modes", "number"))
WAYS = {"left_right": "left and right", "top_bottom": "top and bottom"}


def _each(said: dict[str, str]) -> str:
    """What is said of every encoder, listed."""
    return listing([f"{text} in {code(name)}" for name, text in said.items()])


def equivariance(results: Results) -> str:
    """Gain and coherence of the latents of two resolutions."""
    parts = []
    for name, m in results.measured.items():
        found = m.equivariance
        gain, lost = found.gain.bands["whole"], found.difference.bands["whole"]
        of_gain = found.of_gain.bands["whole"].value
        same = found.coherence.bands
        text = (
            f"In {code(name)} the gain is {estimate(gain)} and the coherence "
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
    count, obey = len(rule.order), findings.obeying(results)
    hits = [
        int(np.sum((rule.low[b] <= rule.predicted[b]) & (rule.predicted[b] <= rule.high[b])))
        for b in range(3)
    ]
    rest = np.setdiff1d(np.arange(count), obey)
    bias = [float(np.mean(np.log(rule.predicted[b] / rule.measured[b]))) for b in range(3)]
    side = "low" if max(bias) < 0 else "high" if min(bias) > 0 else "low or high"
    known = bool(np.isfinite(rule.low).all())
    text = (
        f"With aliases, and without a fitted parameter, the prediction lies inside the interval "
        f"for {hits[0]} of {count} channels in the low band, {hits[1]} in the middle and {hits[2]} "
        "in the high one; on average "
        if known
        else "With aliases, and without a fitted parameter, on average "
    )
    text += (
        f"$\\ln s$ is predicted {plain(abs(bias[0]), 2)}, {plain(abs(bias[1]), 2)} and "
        f"{plain(abs(bias[2]), 2)} too {side}. "
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
            parts.append(f"For {code(name)} the images or the latents' modes are too few.")
            continue
        first, last = found.curve[0, 0], found.curve[-1, 0]
        parts.append(
            f"In {code(name)} it is {estimate(found.matched)}: the two curves then differ by at "
            f"most {percent(found.misfit(found.matched.value), 1)} of their height, where the "
            f"square-root rule leaves {percent(found.misfit(m.shift.theory), 1)} and the "
            f"channel average {percent(found.misfit(m.shift.whole.value), 1)}; $s(u)$ goes from "
            f"{fixed(first, 2)} at the noisy end to {fixed(last, 2)} at the other."
        )
    return " ".join(parts)


def headline(results: Results) -> str:
    """The information-matched shifts, for the abstract."""
    found = {name: m.information for name, m in results.measured.items()}
    parts = [f"{estimate(one.matched)} for {code(name)}" for name, one in found.items() if one]
    if not parts:
        return ""
    return (
        "The shift that matches the rates of information, which no orthogonal mix of channels "
        f"changes, is {listing(parts)} (jackknife intervals, too narrow)."
    )


def crossings(results: Results) -> str:
    """How the density of crossings moves with resolution, and which modes move it."""
    study, measured = results.study, results.measured
    moves = {
        by: {n: densities.movement_of(m, by) for n, m in measured.items()} for by, _ in WEIGHTS
    }
    shared = [
        f"{_each({n: plain(move.shared[0], 2) for n, move in moves[by].items()})} by {how}"
        for by, how in WEIGHTS
    ]
    logs = {n: plain(-math.log(m.shift.whole.value), 2) for n, m in measured.items()}
    share = percent(next(iter(moves["modes"].values())).share[0])
    text = (
        f"From {study.low} to {study.high} px the modes that both resolutions have move the mean "
        f"of θ by {'; '.join(shared)}, where the rule says {plain(-math.log(results.theory), 2)}. "
        f"They need not move by the logarithm of the measured shift ({_each(logs)}), in which "
        f"octaves of the low and middle bands weigh alike. Of all modes {share} are in the high "
        "resolution alone"
    )
    if all(move.entering[0] > 0 for found in moves.values() for move in found.values()):
        text += ", and they cross nearer to data"
    text += ". They undo the movement of the others (in brackets what all do together)"
    for by, how in WEIGHTS:
        sorts: dict[str, list[str]] = {}
        for name, move in moves[by].items():
            sorts.setdefault(_undone(move), []).append(f"{code(name)} ({plain(move.total[0], 2)})")
        still = sorts.pop("", [])
        said = listing([f"{kind} in {listing(n)}" for kind, n in sorts.items()]) if sorts else ""
        if still:
            said += ", while" if said else "not at all, as"
            said += f" shared modes do not measurably move in {listing(still)}"
        text += f"{'; ' if by == 'modes' else ', '}by {how}, {said}"
    close = [
        code(n)
        for n, m in measured.items()
        if densities.nearest_of(m, study.high, "power").distance < 0.1
    ]
    if close:
        text += f". By power, a logit-normal is within a tenth (TV) only for {listing(close)}"
    return f"{text}."


def _undone(move: Movement) -> str:
    """How far those that enter undo what the shared modes do; empty if these do not move."""
    (shared, low, high), (total, least, most) = move.shared, move.total
    if low <= 0 <= high:
        return ""
    if least <= 0 <= most:
        return "wholly, within the interval,"
    if total * shared < 0:
        return "by more than its size"
    return "in part" if abs(total) < abs(shared) else "not at all"


def _own(results: Results) -> dict[str, list[str]]:
    """way -> encoders in which halves of an image share something of ln R of its own."""
    return {
        way: [code(n) for n, m in results.measured.items() if _specific(m, way)] for way in WAYS
    }


def _specific(m: Measured, way: str) -> bool:
    return densities.reliability_of(m, way).specific[1] > 0


def reliability(results: Results) -> str:
    """Whether R says something about its image."""
    if len(results.photographs) < densities.FEWEST:
        return "With so few images, whether $R$ is specific to one can't be measured."
    parts, own = [], _own(results)
    for way, text in WAYS.items():
        found = {n: densities.reliability_of(m, way) for n, m in results.measured.items()}
        cells = [
            f"{plain(one.within[0], 2)} against {plain(one.between[0], 2)} in {code(name)}"
            for name, one in found.items()
        ]
        parts.append(f"{listing(cells)} between {text} halves")
    said = [
        f"{text} halves share something of their image's own in {listing(own[way])}"
        if own[way]
        else f"{text} halves share nothing of their image's own that can be told from zero"
        for way, text in WAYS.items()
    ]
    text = (
        "The mean correlation of $\\ln R$ within an image, against that between two images, is "
        f"{'; '.join(parts)}. {said[0].capitalize()}, {said[1]}."
    )
    if not all(own.values()):
        text += " So $R$ is not a property that a picture repeats all over."
    return text


def carried(results: Results) -> str:
    """What is left of R over theta."""
    left = {name: densities.carried_share(m) for name, m in results.measured.items()}
    apart = {name: densities.weighted_distance(m) for name, m in results.measured.items()}
    most = max(left.values())
    judged = "Little" if most < 0.1 else "Less than half" if most < 0.5 else "Much"
    carried, linear = (_each({n: percent(d[way], 1) for n, d in apart.items()}) for way in (1, 0))
    return (
        f"{judged} of its variation is left: the standard deviation of $\\ln R$ over θ, weighted "
        f"by the logit-normal (0, 1), is {_each({n: percent(s) for n, s in left.items()})} of that "
        "over rings, all alike. Weighted by $R$ in this way, the density of time steps differs "
        f"from the one without weights by {carried} of its mass (mean over images); by the linear "
        f"map it is {linear}."
    )


def attempts(results: Results) -> str:
    """What weighting time steps by an image's own spectrum comes to, for the abstract."""
    if len(results.photographs) < densities.FEWEST:
        return ""
    own, count = _own(results), len(results.measured)
    where = {
        way: "no encoder" if not names else "every encoder" if len(names) == count
        else listing(names) for way, names in own.items()
    }  # fmt: skip
    shares = sorted(densities.carried_share(m) for m in results.measured.values())
    ends = " to ".join(dict.fromkeys(percent(share) for share in (shares[0], shares[-1])))
    return (
        "Departures of an image from a smooth spectrum, proposed as weights of time steps, are "
        "alike in its left and right halves beyond what images share in "
        f"{where['left_right']}, in its top and bottom halves in {where['top_bottom']}; {ends} of "
        "their variation survives the map to noise levels."
    )
