"""What the solvable sampler and trained networks say, in sentences made from numbers."""

import math
from typing import Any

import numpy as np

from analysis.paper.text import claim, fixed, listing, number, percent
from analysis.project.markdown import code
from analysis.spectra.bands import octave_weights
from analysis.study.experiment import Settings
from analysis.study.results import Results
from analysis.timesteps import gaussian_sampler
from analysis.timesteps.trained_shift import LEVELS, Experiment, summary


def sampler(results: Results) -> str:
    """What the exactly solvable sampler says of few steps."""
    study, parts = results.study, []
    for name, by_solver in results.samplers.items():
        found = by_solver["euler"]
        at = [found.steps.tolist().index(n) for n in (4, 10, 200)]
        best = found.best[found.at(study.high, "total", "w2")][at]
        total = found.ratio(study.low, study.high, "total", "w2")
        parts.append(
            f"from {_best(best[0])} at 4 and {_best(best[1])} at 10 steps to {_best(best[2])} at "
            f"200 in {code(name)}, its ratio between the resolutions from {_best(total[at[0]])} "
            f"and {_best(total[at[1]])} to {_best(total[-1])} in the limit"
        )
    text = f"Weighed by power (W2), the best shift at the high resolution goes {'; '.join(parts)}."
    counted = [
        by_solver["euler"].best[by_solver["euler"].at(study.high, "total", "kl_model")]
        for by_solver in results.samplers.values()
    ]
    if all(np.all(best < 1) for best in counted):
        text += (
            " By number of modes (KL) all best shifts are below one: the many weak modes want "
            "steps next to the data."
        )
    for name, by_solver in results.samplers.items():
        if results.measured[name].card.kind == "pixel":
            shared = by_solver["euler"].ratio(study.low, study.high, f"whole {study.low}", "w2")
            worst = float(np.abs(shared / results.theory - 1).max())
            text += " " + claim(
                worst < 0.05,
                "Within the bands that both resolutions share, the ratio in pixels, where one "
                "shift nearly serves every mode, is the rule's to within "
                f"{percent(round(worst, 6), 1)} at every number of steps.",
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
    alone = listing([f"{text} in {code(name)}" for name, text in wanted.items()])
    error = listing([f"{text} in {code(name)}" for name, text in worth.items()])
    return (
        f"Bands by themselves ask for different shifts: ten Euler steps at {study.high} px are "
        f"best, by power, with shifts of {alone} for the low, middle and high band. The best shift "
        f"for all leaves a relative error (@eq-w2) of {error} without a shift."
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
    error = listing([f"{_of(share)} in {code(name)}" for name, share in cheaper.items()])
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
    moved = gaussian_sampler.relative_gain(s**2 * power, steps, s * shifts, "heun")
    return float(np.abs(moved - gaussian_sampler.relative_gain(power, steps, shifts, "heun")).max())


def falling(results: Results) -> tuple[list[str], list[str]]:
    """Encoders whose best shift by power falls as Euler steps are added, and the others."""
    falls: list[str] = []
    stays: list[str] = []
    for name, by_solver in results.samplers.items():
        found = by_solver["euler"]
        best = found.best[found.at(results.study.high, "total", "w2")]
        (falls if best[-1] < 0.9 * best[0] else stays).append(code(name))
    return falls, stays


def schedule_of_flux2(results: Results) -> str:
    """Whether the model behaves as FLUX.2's schedule, whose shift falls with the steps."""
    falls, stays = falling(results)
    where = f"in {listing(falls)}" if falls else "in none of these spectra"
    rest = f" and not in {listing(stays)}" if falls and stays else ""
    return (
        "FLUX.2’s schedule has a shift that falls with the number of steps. The best shift by "
        f"power does so {where}{rest}. The latents of FLUX.2’s model were not measured, so that "
        "whether this explains its schedule is open."
    )


def experiment(results: Results) -> str:
    """What the trained networks say, with the spread over seeds."""
    done = results.experiment
    if done is None:
        return "The experiment was not run for this site."
    found, low, high = summary(done), done.sides[0], done.sides[-1]
    unshifted = done.shifts.tolist().index(1.0)
    edges = sum(
        not math.isfinite(value)
        for measure in ("nats", "velocity")
        for row in np.array(found["loss"][measure]["best_each"], float)
        for value in row
    )
    cases = 2 * len(done.sides) * done.loss.shape[2]
    best = np.array(found["sampling"]["best_each"], float)[[0, -1]][:, unshifted]
    mean = np.array(found["sampling"]["best_mean"], float)[[0, -1]][:, unshifted]
    steps = Settings()
    return (
        "Which training shift is best is decided by how noise levels are weighed more than by "
        f"resolution. By the bound on likelihood and by the plain loss the best shift lies at an "
        f"edge of the grid in {edges} of {cases} cases. {_least(done, found['loss'])} In sampling "
        f"with {steps.euler} Euler steps, networks trained without a shift come closest to the "
        f"patches' spectrum at a shift of {_of(mean[0])} at {low} px and {_of(mean[1])} at {high} "
        f"px, a ratio of {_of(mean[1] / mean[0])} ({_range(best[1] / best[0])} over seeds). This "
        "was looked at after the first results were seen, and even with "
        f"{steps.fine} steps and no shift the samples have only {_kept(done, 0)} of the patches' "
        f"power at {low} px and {_kept(done, -1)} at {high} px (geometric mean over octaves and "
        f"seeds). {_equal_loss(done, found['matched'])}"
    )


def _least(done: Experiment, losses: dict[str, Any]) -> str:
    """Where L_z is least, which other measures have a least value, and how flat it is."""
    low, high = done.sides[0], done.sides[-1]
    inside = [
        name for name, one in losses.items()
        if np.isfinite(np.array(one["best_mean"], float)[[0, -1]]).all()
    ]  # fmt: skip
    if "z" not in inside:
        return "By $L_z$, too, the best shift is not inside the grid at both sizes."
    one = losses["z"]
    best = np.array(one["best_mean"], float)[[0, -1]]
    cost = 1 + np.array(one["relative"]["mean"], float)[[0, -1]]
    around = np.searchsorted(done.shifts, best)
    ends = [row[j - 1] / row[j] - 1 for row, j in zip(cost, around, strict=True)]
    lone = "the one measure that happens to have" if len(inside) == 1 else "which has"
    return (
        f"By $L_z$, {lone} a minimum inside the grid at both sizes, it is {_of(best[0])} at {low} "
        f"px and {_of(best[1])} at {high} px, a ratio of {_of(one['ratio_mean'])} "
        f"({_range(one['ratio_each'])} over seeds). The two shifts of the grid around the minimum "
        f"differ by up to {percent(max(map(abs, ends)), 1)} in $L_z$. A doubling is not found, and "
        "not resolved."
    )


def _kept(done: Experiment, index: int) -> str:
    """The share of the training patches' power in samples of many steps of unshifted networks."""
    last = int(np.isfinite(done.k[index]).sum())
    samples = done.fine[index, done.shifts.tolist().index(1.0), :, 1:last]
    logs = np.log(samples / done.training[index, :, 1:last])
    return percent(float(np.exp((logs @ octave_weights(done.k[index, 1:last])).mean())))


def _equal_loss(done: Experiment, matched: dict[str, Any]) -> str:
    """The shift at which networks of both sizes reach one L_z, with its spread over seeds."""
    unshifted = done.shifts.tolist().index(1.0)
    ends = [matched[str(level)] for level in (LEVELS[0], LEVELS[-1])]
    first, last = (f"{_of(e['mean'][unshifted])} ± {_of(e['std'][unshifted])}" for e in ends)
    each = done.matched()[[0, -1], unshifted]
    falls = ", falling in every seed" if np.all(each[1] < each[0]) else ""
    return (
        f"Equal $L_z$, finally, is reached at both sizes with a shift of {first} (standard "
        f"deviation over seeds) where noise dominates and {last} at the lowest level{falls}. The "
        "larger patch has fine modes that the smaller has not, and they are part of its loss, so "
        "that less than two was to be expected."
    )


def _of(value: float) -> str:
    return fixed(float(value), 2)


def _range(values: object) -> str:
    known = np.array(values, float)
    return f"{_of(np.nanmin(known))} to {_of(np.nanmax(known))}"


def _best(value: float) -> str:
    return fixed(float(value), 2) if math.isfinite(value) else "beyond what was tried"
