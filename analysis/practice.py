"""What the sampler, trained networks and published choices say, in sentences made from numbers."""

import math

import numpy as np

from analysis import gaussian, timing
from analysis.crossings import Weights
from analysis.formatting import claim, fixed, listing, number, percent, plain
from analysis.results import Results
from analysis.trained_shift import LEVELS, summary


def sampler(results: Results) -> str:
    """What the exactly solvable sampler says of few steps."""
    study, parts, above = results.study, [], []
    for name, by_solver in results.samplers.items():
        found = by_solver["euler"]
        at = [found.steps.tolist().index(n) for n in (10, 200)]
        best = found.best[found.at(study.high, "total", "w2")][at]
        total = found.ratio(study.low, study.high, "total", "w2")
        parts.append(
            f"from {_best(best[0])} at 10 steps to {_best(best[1])} at 200 in `{name}`, the ratio "
            f"between the resolutions from {_best(total[at[0]])} to {_best(total[-1])} in the limit"
        )
        if not np.all(total[at[0] :] <= results.theory):
            above.append(f"`{name}`")
    text = f"Weighed by power (W2), the best shift at the high resolution goes {listing(parts)}. "
    if not above:
        text += (
            f"From ten steps on this ratio nowhere exceeds the rule's {number(results.theory, 3)}: "
            "the weak modes that only the high resolution has pull the best shift down."
        )
    for name, by_solver in results.samplers.items():
        if results.measured[name].card.kind == "pixel":
            shared = by_solver["euler"].ratio(study.low, study.high, f"whole {study.low}", "w2")
            text += " " + claim(
                bool(np.all(np.abs(shared / results.theory - 1) < 0.05)),
                "Within the bands that both resolutions share, the ratio in pixels, where one "
                "shift serves every mode, is the rule's to within 5 % at every number of steps.",
            )
    counted = [
        by_solver["euler"].best[by_solver["euler"].at(study.high, "total", "kl_model")]
        for by_solver in results.samplers.values()
    ]
    if all(np.all(best < 1) for best in counted):
        text += (
            " By number of modes (KL) all best shifts are below one: the many weak modes want "
            "steps next to the data."
        )
    return text


def bands(results: Results) -> str:
    """What single bands would ask for, and what the best compromise is worth."""
    study, wanted, worth = results.study, {}, {}
    for name, by_solver in results.samplers.items():
        found = by_solver["euler"]
        ten = found.steps.tolist().index(10)
        each = [
            _best(found.best[found.at(study.high, f"{band} {study.low}", "w2")][ten])
            for band in ("low", "middle", "high")
        ]
        wanted[name] = f"{each[0]}, {each[1]} and {each[2]}"
        at = found.at(study.high, "total", "w2")
        left, plainly = (number(float(e[at][ten]), 2) for e in (found.error, found.unshifted))
        worth[name] = f"{left} instead of {plainly}"
    alone = listing([f"{text} in `{name}`" for name, text in wanted.items()])
    error = listing([f"{text} in `{name}`" for name, text in worth.items()])
    return (
        "How different the frequencies’ wishes are shows where bands are alone: ten Euler steps "
        f"at {study.high} px are best, by power, with shifts of {alone} for the low, middle and "
        f"high band. The best shift for all leaves a relative error (@eq-w2) of {error} without "
        "a shift."
    )


def heun(results: Results) -> str:
    """What steps of second order change."""
    study, cheaper, pixels = results.study, {}, ""
    smaller = True
    for name, by_solver in results.samplers.items():
        euler, second = by_solver["euler"], by_solver["heun"]
        at = euler.at(study.high, "total", "w2")
        few, double = (euler.steps.tolist().index(n) for n in (10, 20))
        cheaper[name] = float(second.error[at][few] / euler.error[at][double])
        smaller = smaller and bool(np.all(second.best[at] < euler.best[at]))
        if results.measured[name].card.kind == "pixel":
            ends = [
                _range(second.ratio(study.low, study.high, f"whole {study.low}", metric)[:-1])
                for metric in ("w2", "kl_model")
            ]
            pixels = (
                f" In pixels, over the bands that both resolutions share, the ratio is {ends[0]} "
                f"by power and {ends[1]} by number instead of the rule's one number."
            )
    error = listing([f"{_of(share)} in `{name}`" for name, share in cheaper.items()])
    text = (
        "Heun’s steps are of second order and cost two evaluations of the network, but for the "
        "last. With ten of them, nineteen evaluations, the error by power is, relative to that of "
        f"twenty Euler steps, each at its own best shift, {error}. "
    )
    if smaller:
        text += "Their best shift by power is smaller than Euler’s at every number of steps. "
    broken = [percent(_broken(steps, results.theory)) for steps in (4, 50)]
    return (
        f"{text}They have no exact invariance: on a grid moved by the rule along with the power, "
        f"the share of a mode’s amplitude that is kept changes by up to {broken[0]} of the "
        f"amplitude at 4 steps and {broken[1]} at 50, for shifts from a quarter to eight.{pixels}"
    )


def _broken(steps: int, s: float) -> float:
    """The largest change of a relative gain by Heun when power and grid move together by s."""
    power, shifts = np.logspace(-4, 6, 201), 2.0 ** np.arange(-2, 4)
    moved = gaussian.relative_gain(s**2 * power, steps, s * shifts, "heun")
    return float(np.abs(moved - gaussian.relative_gain(power, steps, shifts, "heun")).max())


def _falling(results: Results) -> tuple[list[str], list[str]]:
    """Encoders whose best shift by power falls as Euler steps are added, and the others."""
    falls: list[str] = []
    stays: list[str] = []
    for name, by_solver in results.samplers.items():
        found = by_solver["euler"]
        best = found.best[found.at(results.study.high, "total", "w2")]
        (falls if best[-1] < 0.9 * best[0] else stays).append(f"`{name}`")
    return falls, stays


def schedule_of_flux2(results: Results) -> str:
    """Whether the model behaves as FLUX.2's schedule, whose shift falls with the steps."""
    falls, stays = _falling(results)
    if not falls:
        return (
            "FLUX.2’s schedule has a shift that falls with the number of steps; the best shift by "
            "power does so in none of these spectra, so that the model does not explain it."
        )
    text = (
        "That the best shift by power falls with the number of steps in "
        f"{listing(falls)} is the behaviour of FLUX.2’s schedule"
    )
    if "`taef2`" in stays:
        text += (
            ", but in `taef2`’s latents, which stand in for FLUX.2’s, it hardly moves: the model "
            "does not explain that schedule"
        )
    return f"{text}."


def discretisation(results: Results) -> str:
    """How the original's first hypothesis stands, by the solvable sampler."""
    study, theory = results.study, results.theory
    total, counted, extra = [], [], {}
    falls, stays = _falling(results)
    for name, by_solver in results.samplers.items():
        found = by_solver["euler"]
        ten = found.steps.tolist().index(10)
        total.append(found.ratio(study.low, study.high, "total", "w2")[ten:])
        counted.append(found.ratio(study.low, study.high, "total", "kl_model"))
        shared = found.ratio(study.low, study.high, f"whole {study.low}", "w2")
        if np.nanmax(shared) > 1.05 * theory:
            extra[name] = _of(np.nanmax(shared))
    below = bool(np.nanmax(np.concatenate(total)) <= theory)
    verdict = "not supported" if below else "open"
    text = (
        f"*Discretisation of the early path: {verdict}, for Gaussian data.* Where one shift serves "
        "all modes it carries the error of Euler steps over exactly (@eq-cosines), and few steps "
        "add nothing. "
    )
    text += (
        "Over the whole spectrum the best shift by power grows by less than the rule from ten "
        "steps on, "
        if below
        else "Over the whole spectrum the best shift by power grows by up to "
        f"{_of(np.nanmax(np.concatenate(total)))} from ten steps on, "
    )
    text += f"and by number of modes the ratio is {_range(np.concatenate(counted))} (@tbl-sampler)."
    if extra:
        most = listing([f"in `{name}` (up to {ratio})" for name, ratio in extra.items()])
        text += (
            f" Only within the shared bands, and where channels ask for different shifts, {most}, "
            "does a small number of steps ask for more than the rule."
        )
    if falls:
        text += (
            " That the best shift at one resolution falls as steps are added is true by power in "
            f"{listing(falls)}{f', and not in {listing(stays)}' if stays else ''}."
        )
    return text


def published(results: Results) -> str:
    """Which published density of training times is nearest to each density of crossings."""
    side = results.study.high
    weights: tuple[tuple[Weights, str], ...] = (("power", "power"), ("modes", "number"))
    parts, noisier = [], []
    for by, how in weights:
        found: dict[str, list[str]] = {}
        for name, m in results.measured.items():
            apart = {p: timing.distance_of(m, side, by, p) for p in timing.PUBLISHED}
            first = min(apart, key=apart.__getitem__)
            found.setdefault(first.name, []).append(f"`{name}` ({plain(apart[first], 2)})")
        each = listing([f"{choice} in {listing(where)}" for choice, where in found.items()])
        parts.append(f"by {how} {each}")
        mean = min(timing.nearest_of(m, side, by).mu for m in results.measured.values())
        if all(p.at(side)[0] < mean for p in timing.PUBLISHED):
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
        timing.nearest_of(m, side, by).std for m in results.measured.values() for by, _ in weights
    )
    if narrow > 1:
        text += " No density is narrower than a logit-normal of standard deviation one."
    return f"{text} {_movement(results)}"


def _movement(results: Results) -> str:
    """Whether published densities move with resolution as the densities of crossings do."""
    low, high = results.study.pair
    moved = {p.name: p.at(high)[0] - p.at(low)[0] for p in timing.PUBLISHED}
    most = min(moved, key=moved.__getitem__)
    still = sum(value == 0 for value in moved.values())
    inside = []
    for name, m in results.measured.items():
        _, least, greatest = timing.movement_of(m, "power").total
        if least <= moved[most] <= greatest:
            inside.append(f"`{name}`")
    return (
        f"From {low} to {high} px {still} of the {len(moved)} do not move; {most} moves most, by "
        f"{plain(moved[most], 2)}, which lies within the interval of the movement by power (Δμ) in "
        f"{listing(inside) if inside else 'none of the encoders'}."
    )


def experiment(results: Results) -> str:
    """What the trained networks say, with the spread over seeds."""
    done = results.experiment
    if done is None:
        return "The experiment was not run for this site."
    found = summary(done)
    low, high = done.sides[0], done.sides[-1]
    loss, unshifted = found["loss"]["z"], done.shifts.tolist().index(1.0)
    edges = sum(
        not math.isfinite(value)
        for measure in ("nats", "velocity")
        for row in np.array(found["loss"][measure]["best_each"], float)
        for value in row
    )
    cases = 2 * len(done.sides) * done.loss.shape[2]
    best = np.array(found["sampling"]["best_each"], float)[[0, -1]][:, unshifted]
    ratios = best[1] / best[0]
    mean = np.array(found["sampling"]["best_mean"], float)[[0, -1]][:, unshifted]
    match = found["matched"]
    levels = [match[str(level)]["mean"][unshifted] for level in LEVELS]
    return (
        "Which training shift is best is decided by how noise levels are weighed more than by "
        f"resolution. By the bound on likelihood and by the plain loss the best shift lies at an "
        f"edge of the grid in {edges} of {cases} cases. By $L_z$, the only measure that has a "
        f"minimum at both sizes, it is {_of(loss['best_mean'][0])} at {low} px and "
        f"{_of(loss['best_mean'][-1])} at {high} px, a ratio of {_of(loss['ratio_mean'])} "
        f"({_range(loss['ratio_each'])} over seeds) with a flat minimum: a doubling is not found, "
        "and not resolved. In sampling with eight Euler steps, networks trained without a shift "
        f"come closest to the patches' spectrum at a shift of {_of(mean[0])} at {low} px and "
        f"{_of(mean[1])} at {high} px, a ratio of {_of(mean[1] / mean[0])} ({_range(ratios)} over "
        "seeds). This was looked at after the first results were seen, and the samples lack power "
        "even with many steps, which a larger shift partly makes up for. Equal $L_z$, finally, is "
        f"reached at both sizes with a shift of {_of(levels[0])} where noise dominates, falling to "
        f"{_of(levels[-1])}: the larger patch has fine modes that the smaller has not, and they "
        "are part of the loss."
    )


def _of(value: float) -> str:
    return fixed(float(value), 2)


def _range(values: object) -> str:
    known = np.array(values, float)
    return f"{_of(np.nanmin(known))} to {_of(np.nanmax(known))}"


def _best(value: float) -> str:
    return fixed(float(value), 2) if math.isfinite(value) else "beyond what was tried"
