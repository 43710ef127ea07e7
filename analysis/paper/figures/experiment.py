"""Trained networks: loss per noise level, what each shift costs, and the spectrum of samples."""

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series
from analysis.paper.text import plain
from analysis.study.experiments.patches import Settings
from analysis.study.results import Results

COSTS, ERRORS, SPECTRA = "integrals of the loss", "errors of few steps", "spectra of samples"
LINES = ("-", "--", ":", "-.")
MEASURES = {"nats": "nats", "z": "L_z"}
FEW = (1, 4)  # the sampler's shifts that are shown


def _over_seeds(panel: str, name: str, x: np.ndarray, values: np.ndarray) -> Series:
    """Mean over the seeds (first axis), with their range."""
    return Series(panel, name, x, values.mean(axis=0), values.min(axis=0), values.max(axis=0))


def data(results: Results) -> Data:
    """Losses of both resolutions against theta, their integrals, errors and spectra of samples.

    All are means over seeds with their range. Samples are of the networks trained without shift.
    """
    done = results.experiment
    if done is None:
        text = "The experiment was not run here: python -m analysis experiment"
        return Data(notes={"nothing": text})
    unshifted, curves = int(np.flatnonzero(done.shifts == 1)[0]), []
    for side, relative in zip(done.sides, done.relative(), strict=True):
        curves += [
            _over_seeds(f"{side} px", f"s = {s:g}", done.theta, 1 + of_shift)
            for s, of_shift in zip(done.shifts, relative, strict=True)
            if s != 1
        ]
    error = done.spectral_error(done.few)[:, unshifted]
    few, many = (f"{steps} steps" for steps in (Settings().euler, Settings().fine))
    for a in (0, -1):
        side = done.sides[a]
        for measure, label in MEASURES.items():
            values = done.integral(measure)[a]
            ratio = (values / values[unshifted]).T
            curves.append(_over_seeds(COSTS, f"{side} px, {label}", done.shifts, ratio))
        curves.append(_over_seeds(ERRORS, f"{side} px", done.sampling, error[a]))
        rings = slice(1, int(np.isfinite(done.k[a]).sum()))
        powers = {
            f"{few}, s = {s:g}": done.few[a, unshifted, :, g]
            for g, s in enumerate(done.sampling)
            if s in FEW
        } | {f"{many}, s = 1": done.fine[a, unshifted]}
        for name, power in powers.items():
            ratio = power[:, rings] / done.training[a, :, rings]
            curves.append(_over_seeds(SPECTRA, f"{side} px, {name}", done.k[a, rings], ratio))
    losses = ("noise level θ = logit t   (noise … data)", "loss / loss of s = 1")
    axes = {f"{side} px": losses for side in done.sides} | {
        COSTS: ("shift s of training", "integral / integral of s = 1"),
        ERRORS: ("shift s of the sampler", f"mean |ln(power / data's)|, {few}"),
        SPECTRA: ("frequency (cycles/patch)", "power of samples / of data"),
    }
    return Data(tuple(curves), axes=axes, notes={"sides (px)": done.sides.tolist()})


def _both(ax: Axes, data: Data, panel: str, kinds: list[style.Look]) -> list[Artist]:
    """Curves of both resolutions, colours by side and looks by kind; the legend's keys by kind."""
    found = data.of(panel)
    of_sides = {style.LOW: found[: len(found) // 2], style.HIGH: found[len(found) // 2 :]}
    for colour, of_side in of_sides.items():
        for curve, look in zip(of_side, kinds, strict=True):
            style.line(ax, curve, color=colour, **look)
    ax.axhline(1, color=style.THEORY, lw=0.8)
    texts = [curve.name.partition(", ")[2].replace("L_z", "$L_z$") for curve in of_side]
    return [
        style.key(text, color=style.THEORY, **look) for text, look in zip(texts, kinds, strict=True)
    ]


def _losses(axes: list[Axes], data: Data, sides: list[str]) -> None:
    """Loss over noise levels, a panel a resolution, a curve a shift of training."""
    for ax, side in zip(axes, sides, strict=True):
        found = data.of(side)
        for curve, shade, line in zip(found, style.shades(len(found)), LINES, strict=True):
            style.line(ax, curve, color=shade, ls=line)
        ax.axhline(1, color=style.THEORY, lw=0.8)
        ticks = (0.8, 1, 1.25, 1.5, 2, 3, 4)  # beyond, a network saw next to no such theta
        style.log_axis(ax, "y", ticks[0], ticks[-1], ticks)
        ax.set_title(f"patches of {side}")
        style.label(ax, data, side)
    axes[0].legend(
        loc="upper left",
        ncols=2,
        title="trained with",
        alignment="left",
        title_fontsize=7.5,
        handlelength=2.4,
    )


@style.styled
def draw(data: Data) -> Figure:
    """Loss per theta of both resolutions (a, b); its integrals (c); samples of networks trained
    without shift: their spectral error by the sampler's shift (d), and their spectra (e).

    Bands are the range over seeds, lines their mean.
    """
    figure = style.figure(5.9, 12.4)
    upper, lower = style.stacked(figure, 2, heights=(2, 3.15), ratios=(1, 1.08))
    sides = [f"{side} px" for side in data.notes["sides (px)"]]
    above = style.beside(upper, len(sides), shared=True)
    _losses(above, data, sides)
    left, middle, right = below = style.beside(lower, 3)
    colours = (style.LOW, style.HIGH)
    keys = [style.key(side, color=colour) for side, colour in zip(sides, colours, strict=True)]
    looks: list[style.Look] = [{"marker": "o", "ls": "-"}, {"marker": "s", "ls": "--"}]
    kinds = _both(left, data, COSTS, [look | {"ms": 4} for look in looks])
    left.legend(handles=[*keys, *kinds], loc="upper right", handlelength=2, fontsize=7)
    style.log_axis(left, "y", 0.85, 1.4, (0.85, 0.9, 1, 1.1, 1.2, 1.3, 1.4))
    for curve, colour, mark in zip(data.of(ERRORS), colours, "os", strict=True):
        style.line(middle, curve, color=colour, marker=mark, ms=4)
    middle.set_ylim(bottom=0)
    middle.legend(handles=keys, loc="upper right")
    for ax, panel in ((left, COSTS), (middle, ERRORS)):
        style.log2_axis(ax, "x", data.of(panel)[0].x.tolist())
    kinds = _both(right, data, SPECTRA, [{"ls": line} for line in LINES[:3]])
    right.legend(handles=[*keys, *kinds], loc="lower left", handlelength=2.6)
    style.frequency_axis(right, data.of(SPECTRA)[-1].x)
    style.log_axis(right, "y", 0.02, 1.3, (0.02, 0.05, 0.1, 0.2, 0.5, 1))
    for ax, panel in zip(below, (COSTS, ERRORS, SPECTRA), strict=True):
        style.label(ax, data, panel, always=True)
    style.lettered([*above, *below])
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    found = data(results)
    if "nothing" in found.notes:
        return str(found.notes["nothing"])
    losses = []
    for side in (f"{side} px" for side in found.notes["sides (px)"]):
        most = found.of(side)[-1]
        ends = f"{plain(most.y[0], 2)} at theta {plain(most.x[0], 0)}"
        losses.append(f"{side}, {ends} and {plain(most.y[-1], 2)} at {plain(most.x[-1], 0)}")
    costs, errors = (
        [f"{curve.name}, {curve.x[curve.y.argmin()]:g}" for curve in found.of(panel)]
        for panel in (COSTS, ERRORS)
    )
    return (
        "a, b: validation loss of trained networks relative to the unshifted one against theta, "
        f"for several shifts at two patch sizes; with {most.name}: {'; '.join(losses)}. c: "
        f"its integrals against the shift of training, least at {'; '.join(costs)}. d: "
        "error of samples in few steps against the sampler’s shift, least at "
        f"{'; '.join(errors)}. e: spectra of samples relative to the patches."
    )
