"""How rules and hypotheses stand by what was measured, in sentences made from numbers."""

import collections
import math
from collections.abc import Iterator

import numpy as np

from analysis.paper.findings import verdict
from analysis.paper.interpretation import WEIGHTS
from analysis.paper.practice import falling
from analysis.paper.text import fixed, listing, plain
from analysis.project.markdown import Markdown, code, escaped
from analysis.shift import literature
from analysis.shift.rules import STAGES
from analysis.spectra.intervals import FEWEST, NONE, Estimate
from analysis.study import densities
from analysis.study.measurement import Measured
from analysis.study.results import Results

FEW = 10  # steps of a sampler below which they are called few
SLIGHT = 0.1  # of the rule: what exceeds it by less is called slight
EQUAL = 0.005  # relative, within which two best shifts are called equal


def rules(results: Results) -> str:
    """What the published rules add up to, by stage."""
    parts = []
    for stage in STAGES:
        ratios = [
            formula.ratio(512, 1024)
            for _, formula in literature.evaluable()
            if stage in formula.stages
        ]
        none, full = (sum(math.isclose(r, x) for r in ratios) for x in (1, 2))
        between = sum(1 < r < 2 for r in ratios) - sum(math.isclose(r, 1) and r > 1 for r in ratios)
        beyond = len(ratios) - none - full - between
        parts.append(
            f"Of {len(ratios)} rules for {stage}, {none} use one shift at both sizes ($r = 0$), "
            f"{between} lie between that and the square root, {full} are the square root, and "
            f"{beyond} {'goes' if beyond == 1 else 'go'} beyond it."
        )
    if results.study.pair != (512, 1024):
        return " ".join(parts)
    learned = {n: m for n, m in results.everything.items() if m.card.learned}
    outside = [
        code(name)
        for name, m in learned.items()
        if math.isfinite(m.shift.whole.low) and not _inside(m.shift.whole)
    ]
    if outside:
        parts.append(f"None lies within the interval measured for {listing(outside)}.")
    for name, m in learned.items():
        if m.information:
            near = _inside(m.information.matched)
            parts.append(
                f"Within the interval of the information-matched shift of {code(name)} lies "
                f"{listing(near) if near else 'none'}."
            )
    return " ".join(parts)


def _inside(interval: Estimate) -> list[Markdown]:
    """Published rules whose ratio between 512 and 1024 px lies in an interval."""
    return [
        escaped(rule.name)
        for rule, formula in literature.evaluable()
        if interval.low <= formula.ratio(512, 1024) <= interval.high
    ]


def published(results: Results) -> str:
    """Which published density of training times is nearest to each density of crossings."""
    side = results.study.high
    parts, noisier = [], []
    for by, how in WEIGHTS:
        found: dict[str, list[str]] = {}
        for name, m in results.measured.items():
            apart = {p: densities.distance_of(m, side, by, p) for p in literature.PUBLISHED}
            first = min(apart, key=apart.__getitem__)
            found.setdefault(first.name, []).append(f"{code(name)} ({plain(apart[first], 2)})")
        each = listing([f"“{choice}” in {listing(where)}" for choice, where in found.items()])
        parts.append(f"by {how} {each}")
        mean = min(densities.nearest_of(m, side, by).mu for m in results.measured.values())
        if all(p.at(side)[0] < mean for p in literature.PUBLISHED):
            noisier.append(how)
    text = (
        f"At {side} px the published choice nearest to the density of crossings (total variation) "
        f"is {'; '.join(parts)}."
    )
    if noisier:
        text += (
            f" By {' and by '.join(noisier)} all published means lie nearer to noise than any "
            "encoder’s density."
        )
    narrow = min(
        densities.nearest_of(m, side, by).std
        for m in results.measured.values()
        for by, _ in WEIGHTS
    )
    if narrow > 1:
        text += " No density is narrower than a logit-normal of standard deviation one."
    return f"{text} {_movement(results)}"


def _movement(results: Results) -> str:
    """Whether published densities move with resolution as the densities of crossings do."""
    low, high = results.study.pair
    moved = {p.name: p.at(high)[0] - p.at(low)[0] for p in literature.PUBLISHED}
    most = min(moved, key=moved.__getitem__)
    still = sum(value == 0 for value in moved.values())
    inside = []
    for name, m in results.measured.items():
        _, least, greatest = densities.movement_of(m, "power").total
        if least <= moved[most] <= greatest:
            inside.append(code(name))
    text = (
        f"From {low} to {high} px {still} of the {len(moved)} do not move; “{most}” moves most, by "
        f"{plain(moved[most], 2)}"
    )
    if len(results.photographs) < FEWEST:
        return f"{text}."
    return (
        f"{text}, which lies within the interval of the movement by power (Δμ) in "
        f"{listing(inside) if inside else 'none of the encoders'}."
    )


def learned(results: Results) -> str:
    """Whether anything that was measured of learned encoders asks for as much as the rule."""
    parts = []
    for name, m in results.everything.items():
        if not m.card.learned:
            continue
        found = list(_shifts(m))
        if verdict(m) == "open":
            parts.append(f"For the learned encoder {code(name)} there is {NONE}.")
            continue
        reach = collections.Counter(kind for kind, e, theory in found if not e.high < theory)
        of = (
            f"Of the {len(found)} shifts at fixed cycles per image that were measured of the "
            f"learned encoder {code(name)}, by band, pair of resolutions, window, filter, kind of "
            "image and channel, "
        )
        if not reach:
            parts.append(f"{of}every one lies below the rule with its interval.")
            continue
        kinds = listing([f"{count} {kind}" for kind, count in reach.items()])
        parts.append(
            f"{of}{len(found) - reach.total()} lie below the rule with their intervals; those "
            f"that do not are {kinds}."
        )
        if all(kind.startswith("of single channels") for kind in reach):
            parts.append("No average over channels is among them.")
    if not parts:
        return "No learned encoder was measured here."
    if all(verdict(m) == "below" for m in results.everything.values() if m.card.learned):
        parts.append(
            "Equal SNR then asks for less noise than the rule adds; it cannot explain a "
            "preference for more."
        )
    return " ".join(parts)


def _shifts(m: Measured) -> Iterator[tuple[str, Estimate, float]]:
    """(what it is, the number, the rule) of all that is measured at fixed cycles per image."""
    by_window = zip(m.study.windows, m.shift_by_window, strict=True)
    others = [(w, shift) for w, shift in by_window if w.text != m.study.window.text]
    several = [
        ("of pairs of resolutions", list(m.shifts.values())),
        ("of windows", [shift for _, shift in others]),
        ("of variations", list(m.shift_by_variation.values())),
        ("of channels with equal variance", [m.shift_equal_channels]),
        ("of single channels", m.shift_by_channel),
    ]
    for what, shifts in several:
        for shift in shifts:
            yield f"{what} in the low and middle bands", shift.whole, shift.theory
            for band, found in shift.bands.items():
                yield f"{what} in the {band} band", found, shift.theory
    single = [m.shift_pooled]
    if m.information:
        single += [m.information.matched, *m.information.limits.values()]
    for one in single:
        yield "of other averages", one, m.shift.theory


def _ratios(results: Results, region: str, metric: str = "w2") -> dict[tuple[str, str], np.ndarray]:
    """(encoder, solver) -> ratio of the best shifts of two resolutions, by number of steps."""
    low, high = results.study.pair
    return {
        (name, solver): found.ratio(low, high, region, metric)[:-1]
        for name, by_solver in results.samplers.items()
        for solver, found in by_solver.items()
    }


def _steps(results: Results) -> list[int]:
    """The numbers of steps that were tried."""
    by_solver = next(iter(results.samplers.values()))
    return [int(n) for n in by_solver["euler"].steps]


def _largest(ratios: dict[tuple[str, str], np.ndarray], steps: list[int]) -> str:
    """The largest of some ratios, with where it is: ``2.07 (`x`, Heun, 4 steps)``."""
    name, solver = max(ratios, key=lambda key: float(np.nanmax(ratios[key])))
    row = ratios[name, solver]
    at = steps[int(np.nanargmax(row))]
    return f"{_of(np.nanmax(row))} ({code(name)}, {solver.capitalize()}, {at} steps)"


def discretisation(results: Results) -> str:
    """How the original's first hypothesis stands, by the solvable sampler, at all its steps."""
    theory, steps = results.theory, _steps(results)
    whole = _ratios(results, "total")
    rows = np.stack(list(whole.values()))
    known = bool(np.isfinite(rows).all())
    above = [n for n, column in zip(steps, rows.T, strict=True) if np.any(column > theory)]
    slight = float(np.nanmax(rows)) < (1 + SLIGHT) * theory and all(n < FEW for n in above)
    verdict = "open" if not known else "not supported" if not above else "hardly supported"
    if known and above and not slight:
        verdict = "supported in part"
    text = (
        f"*Discretisation of the early path: {verdict}, for Gaussian data.* Where one shift serves "
        "all modes it carries the error of Euler steps over exactly (@eq-cosines), and few steps "
        "add nothing. Over the whole spectrum the best shift by power grows from the low to the "
        "high resolution "
    )
    if not known:
        text += "by a factor that is not known at every number of steps"
    elif not above:
        text += f"by less than the rule’s {_of(theory)} at every number of steps"
    elif above == steps:
        text += f"by more than the rule’s {_of(theory)} at every number of steps"
    else:
        text += (
            f"by more than the rule’s {_of(theory)} at {listing([str(n) for n in above])} steps, "
            f"by up to {_largest(whole, steps)}, and by no more at the other numbers of steps, up "
            f"to {steps[-1]}"
        )
    rising = [
        f"{_of(row[-1])} at {steps[-1]} to {_of(row[0])} at {steps[0]} in {code(name)}"
        for (name, solver), row in whole.items()
        if solver == "euler" and row[0] > (1 + SLIGHT) * row[-1]
    ]
    if rising:
        text += f". Fewer Euler steps raise it, from {listing(rising)}"
    counted = np.stack(list(_ratios(results, "total", "kl_model").values()))
    text += f". By number of modes it is {_range(counted)} (@tbl-sampler)."
    return text + _shared(results) + _falls(results)


def _shared(results: Results) -> str:
    """Where in the shared bands few steps ask for more than the rule."""
    more: dict[str, dict[tuple[str, str], np.ndarray]] = {}
    for key, row in _ratios(results, f"whole {results.study.low}").items():
        if np.nanmax(row) > (1 + EQUAL) * results.theory:
            more.setdefault(key[0], {})[key] = row
    if not more:
        return ""
    steps = _steps(results)
    each = listing([_largest(rows, steps) for rows in more.values()])
    return (
        f" In the low and middle bands, which both resolutions have, it exceeds the rule by up to "
        f"{each}: there modes ask for different shifts, or Heun’s steps lack the invariance."
    )


def _falls(results: Results) -> str:
    """In which encoders the best shift at one resolution falls as steps are added."""
    falls, stays = falling(results)
    if not falls:
        return ""
    return (
        " That the best shift at one resolution falls as Euler steps are added is true by power in "
        f"{listing(falls)}{f', and not in {listing(stays)}' if stays else ''}."
    )


def volume(results: Results) -> str:
    """How the original's second hypothesis stands, as far as the sampler goes."""
    low, high = results.study.pair
    pairs: dict[str, tuple[float, float]] = {}
    for name, by_solver in results.samplers.items():
        found = by_solver["euler"]
        at = found.steps.tolist().index(200)
        whole, shared = (
            float(found.ratio(low, high, region, "w2")[at]) for region in ("total", f"shared {low}")
        )
        pairs[name] = whole, shared
    pulled = [code(name) for name, (whole, shared) in pairs.items() if whole < (1 - EQUAL) * shared]
    said = listing([f"{_of(w)} and {_of(s)} in {code(name)}" for name, (w, s) in pairs.items()])
    text = (
        "*Volume in high dimension: open.* In sampling Gaussian data the number of modes acts only "
        "through their weights. By power and with 200 Euler steps the ratio of the best shifts, "
        "over the whole spectrum and over the frequencies that both resolutions have, is "
        f"{said}"
    )
    if len(pulled) == len(pairs):
        text += ": the modes that the higher resolution adds pull it down"
    elif pulled:
        text += f": the modes that the higher resolution adds pull it down in {listing(pulled)}"
    return f"{text}. The original’s argument is about training, which the model does not contain."


def _of(value: float) -> str:
    return fixed(float(value), 2)


def _range(values: np.ndarray) -> str:
    return f"{_of(np.nanmin(values))} to {_of(np.nanmax(values))}"
