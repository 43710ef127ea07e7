"""What published rules ask for between two resolutions, against what the encoders' latents do."""

import textwrap

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from analysis.paper.figures import style
from analysis.paper.text import listing, number, point
from analysis.shift import literature
from analysis.shift.rules import FORMULAS, STAGES, tokens
from analysis.study.results import Results

COLOURS = {"training": style.FIT, "sampling": style.NOISY}
MARKS = {"training": "D", "sampling": "o"}
PLACES = {"training": -0.22, "sampling": 0.22}  # of the marks in a row that has both
TICKS = (0.25, 0.35, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8, 16)
ROOM = 3.1  # rows' worth of height for the names of the constants

SIDES = np.arange(256, 2049, 16)
CURVES = {  # key: (label, tokens of 16 x 16 px at which its line ends, or 0 for no end)
    "flux1": ("FLUX.1", 4096),  # and FLUX.2 from 4300 tokens on
    "flux2-50": ("FLUX.2, 50 steps", 0),
    "opensora2": ("Open-Sora 2", 4096),
    "krea2": ("Krea 2", 6400),
    "qwen-image-layered": ("Qwen-Image-Layered", 0),
    "cogview4": ("CogView4", 0),
    "ideogram4": ("Ideogram 4", 0),
    "qwen-image": ("Qwen-Image", 8192),
    "sd35": ("SD3, SD3.5", 0),
}


def ratios(low: int, high: int) -> list[tuple[str, dict[str, float]]]:
    """(name, {stage: ratio}) of every rule but the constants, by ascending ratio.

    The ratio is s(high^2) / s(low^2); sides in pixels.
    """
    rows = [
        (style.literal(rule.name), dict.fromkeys(formula.stages, formula.ratio(low, high)))
        for rule, formula in literature.evaluable()
        if not formula.constant
    ]
    return sorted(rows, key=lambda row: (round(max(row[1].values()), 6), row[0].lower()))


def constants() -> dict[str, list[str]]:
    """Names of the rules with one number for all sizes, by stage; under both if they serve both."""
    found = [(style.literal(rule.name), f) for rule, f in literature.evaluable() if f.constant]
    return {stage: [name for name, f in found if stage in f.stages] for stage in STAGES}


def _mark(ax: Axes, x: float, y: float, stage: str) -> None:
    ax.plot([x], [y], MARKS[stage], color=COLOURS[stage], ms=5.5, mec="white", mew=0.6, zorder=3)


def _encoders(ax: Axes, results: Results) -> None:
    """The measured shift of each encoder: a line, and a band for its interval."""
    everything = results.everything
    for name, measured in everything.items():
        whole, colour = measured.shift.whole, style.encoder_colour(everything, name)
        if np.isfinite(whole.low) and np.isfinite(whole.high):
            ax.axvspan(whole.low, whole.high, color=colour, alpha=0.28, lw=0)
        ax.axvline(whole.value, color=colour, lw=1.6, label=f"{style.literal(name)}, measured")
    ax.axvline(results.theory, color=style.THEORY, ls="--", lw=1, label="square-root rule")


def _measured(ax: Axes, results: Results, first: int) -> dict[float, str]:
    """Both measured numbers of each encoder with intervals, below the rules: (place, label)."""
    everything = results.everything
    for place, (name, m) in enumerate(everything.items()):
        colour = style.encoder_colour(everything, name)
        offset = 0.5 * (place / max(len(everything) - 1, 1) - 0.5)
        found = [m.shift.whole, *([m.information.matched] if m.information else [])]
        for y, one in enumerate(found, start=first):
            ends = np.nan_to_num([[one.value - one.low], [one.high - one.value]])
            ax.errorbar([one.value], [y + offset], xerr=np.maximum(ends, 0), color=colour,
                        marker=style.marker(everything, name), ms=4, capsize=2, zorder=4,
                        mfc="white" if y > first else colour)  # fmt: skip
    labels: dict[float, str] = {first: "measured, channel average"}
    if any(m.information for m in everything.values()):
        labels[first + 1] = "measured, information-matched"
    return labels


def _constants(ax: Axes) -> None:
    """The row of rules that do not change, with their names beside it."""
    for (stage, names), y in zip(constants().items(), (0.0, 0.95), strict=True):
        _mark(ax, 1.0, y - ROOM + 0.4, stage)
        text = textwrap.fill(f"{stage}: " + "; ".join(names), 70)
        box = {"fc": "white", "ec": "none", "alpha": 0.9, "pad": 0.6}
        ax.annotate(text, (1.0, y - ROOM + 0.4), xytext=(8, 4), textcoords="offset points",
                    va="top", fontsize=7, zorder=4, bbox=box)  # fmt: skip


def _dots(ax: Axes, results: Results) -> None:
    low, high = results.study.low, results.study.high
    rows = ratios(low, high)
    for y, (_, stages) in enumerate(rows):
        for stage, ratio in stages.items():
            _mark(ax, ratio, y + (PLACES[stage] if len(stages) > 1 else 0.0), stage)
    _constants(ax)
    below = _measured(ax, results, len(rows))
    ax.set_yticks(
        [0.4 - ROOM, *range(len(rows)), *below],
        ["one for all sizes", *(name for name, _ in rows), *below.values()],
    )
    ax.set_ylim(len(rows) + 1.6, -0.4 - ROOM)
    ax.tick_params(axis="y", labelsize=7.5, length=0)
    values = [1.0, *(ratio for _, stages in rows for ratio in stages.values())]
    everything = results.everything.values()
    values += [m.shift.whole.value for m in everything]
    matched = [m.information.matched for m in everything if m.information]
    values += [end for one in matched for end in (one.low, one.high) if np.isfinite(end)]
    ax.set_xscale("log", base=2)
    ax.set_xlim(0.95 * min(values), 1.06 * max(values))
    ax.set_xticks([s for s in TICKS if ax.get_xlim()[0] <= s <= ax.get_xlim()[1]])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.set_xlabel(f"shift at {high} px over shift at {low} px")
    handles, _ = ax.get_legend_handles_labels()
    for stage in STAGES:
        handles.append(
            Line2D([], [], ls="", marker=MARKS[stage], ms=5.5, color=COLOURS[stage], label=stage)
        )
    ax.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3)


def _spread(values: list[float], factor: float) -> list[float]:
    """Positions for labels at ascending values, no two closer than a factor."""
    placed: list[float] = []
    for value in values:
        placed.append(max(value, placed[-1] * factor) if placed else value)
    return placed


def _curves(ax: Axes) -> None:
    """s of square images at the published bases.

    Dotted beyond the last point of a line; FLUX.2's is cut where it drops to FLUX.1's.
    """
    ends: list[tuple[float, str, np.ndarray]] = []
    shades = mpl.colormaps["viridis"](np.linspace(0, 0.72, len(CURVES)))
    for (key, (label, last)), shade in zip(CURVES.items(), shades, strict=True):
        s = np.array([FORMULAS[key](int(n), int(n), stage="sampling") for n in SIDES])
        beyond = np.array([0 < last < tokens(int(n), int(n)) for n in SIDES])
        # A curve is cut where its dots begin, and where FLUX.2's rule drops.
        cuts = np.flatnonzero((np.diff(s) < 0) | (np.diff(beyond) > 0)) + 1
        for part in np.split(np.arange(len(SIDES)), cuts):
            line = ":" if beyond[part[0]] else "-"
            ax.plot(SIDES[part], s[part], line, color=shade, lw=1.4)
        if np.any(np.diff(s) < 0):  # beyond its drop it is FLUX.1's line: named before it
            ax.annotate(label, (SIDES[0], s[0]), xytext=(6, 5), textcoords="offset points",
                        fontsize=7.5, color=shade)  # fmt: skip
        else:
            ends.append((float(s[-1]), label, shade))
    ends.sort(key=lambda end: end[0])
    places = _spread([value for value, _, _ in ends], 1.34)
    for (value, label, shade), place in zip(ends, places, strict=True):
        ax.annotate(label, (SIDES[-1], value), xytext=(SIDES[-1] * 1.08, place), fontsize=7.5,
                    color=shade, va="center", annotation_clip=False,
                    arrowprops={"arrowstyle": "-", "color": style.PALE, "lw": 0.6,
                                "relpos": (0, 0.5), "patchA": None, "shrinkA": 2})  # fmt: skip
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    style.plain_log(ax.yaxis)
    ax.set_xlim(SIDES[0], SIDES[-1])
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.set_xlabel("side of a square image (px)")
    ax.set_ylabel("shift s, sampling")


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    low, high = results.study.pair
    found = [max(stages.values()) for _, stages in ratios(low, high)]
    found += [1.0 for names in constants().values() for _ in names]
    theory = results.theory
    counts = (
        sum(x < 1.001 for x in found),
        sum(1.001 <= x < theory / 1.001 for x in found),
        sum(theory / 1.001 <= x <= theory * 1.001 for x in found),
        sum(x > theory * 1.001 for x in found),
    )
    each = [f"{name} {point(m.shift.whole)}" for name, m in results.everything.items()]
    return (
        f"Top: a mark for each rule at its ratio of the shifts at {high} and {low} px, training "
        f"and sampling with different marks: {counts[0]} at one, {counts[1]} between one and the "
        f"square-root rule’s {number(theory)}, {counts[2]} there, {counts[3]} beyond. Vertical "
        f"bands are the encoders’ measured shifts: {listing(each)}. Bottom: sampling shifts of "
        f"{len(CURVES)} models against the side of the image, {SIDES[0]} to {SIDES[-1]} px."
    )


@style.styled
def draw(results: Results) -> Figure:
    """The ratio of every rule, training and sampling apart, with the measured intervals."""
    figure = style.figure(8.6)
    ax, below = figure.subplots(2, 1, height_ratios=(2.3, 1.1))
    _encoders(ax, results)
    _dots(ax, results)
    _curves(below)
    return figure
