"""What published rules ask for between two resolutions, against what the encoders' latents do."""

import textwrap
from itertools import pairwise

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series, estimates, reach
from analysis.paper.text import listing, number, point
from analysis.shift import literature
from analysis.shift.rules import FORMULAS, STAGES, tokens
from analysis.study.results import Results

LOOKS: dict[str, style.Look] = {
    "training": {"color": style.FIT, "marker": "D"},
    "sampling": {"color": style.NOISY, "marker": "o"},
}
PLACES = {"training": -0.22, "sampling": 0.22}  # of the marks in a row that has both
TICKS = (0.25, 0.35, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8, 16)
ROOM = 3.1  # rows' worth of height for the names of the constants
RULES, SAMPLING, CONSTANT = "ratios of shifts", "shifts in sampling", "one for all sizes"
AVERAGE, MATCHED = "measured, channel average", "measured, information-matched"
BEYOND = ", beyond its line"

SIDES = np.arange(256.0, 2049, 16)
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
        (rule.name, dict.fromkeys(formula.stages, formula.ratio(low, high)))
        for rule, formula in literature.evaluable()
        if not formula.constant
    ]
    return sorted(rows, key=lambda row: (round(max(row[1].values()), 6), row[0].lower()))


def constants() -> dict[str, list[str]]:
    """Names of the rules with one number for all sizes, by stage; under both if they serve both."""
    found = [(rule.name, f) for rule, f in literature.evaluable() if f.constant]
    return {stage: [name for name, f in found if stage in f.stages] for stage in STAGES}


def data(results: Results) -> Data:
    """Ratio of every rule by row and stage, every encoder's two numbers, and shifts by side."""
    low, high = results.study.pair
    rows, curves = ratios(low, high), list[Series]()
    for stage in STAGES:
        found = [(y, by[stage], name) for y, (name, by) in enumerate(rows) if stage in by]
        places, values, names = zip(*found, strict=True)
        curves.append(
            Series(RULES, stage, np.array(places, float), np.array(values), categories=names)
        )
    for name, m in results.everything.items():
        curves.append(estimates(AVERAGE, name, [m.shift.whole], [len(rows)], [AVERAGE]))
    for name, m in results.everything.items():
        if m.information is not None:
            place = [len(rows) + 1]
            curves.append(estimates(MATCHED, name, [m.information.matched], place, [MATCHED]))
    for key, (label, last) in CURVES.items():
        s = np.array([FORMULAS[key](int(n), int(n), stage="sampling") for n in SIDES])
        beyond = np.array([0 < last < tokens(int(n), int(n)) for n in SIDES])
        # A curve is cut where its line ends, and where FLUX.2's rule drops.
        cuts = np.flatnonzero((np.diff(s) < 0) | (np.diff(beyond) > 0)) + 1
        for part in np.split(np.arange(len(SIDES)), cuts):
            name = label + BEYOND * bool(beyond[part[0]])
            curves.append(Series(SAMPLING, name, SIDES[part], s[part]))
    ratio = f"shift at {high} px over shift at {low} px"
    axes = {
        RULES: ("rule", ratio),
        AVERAGE: ("", ratio),
        MATCHED: ("", ratio),
        SAMPLING: ("side of a square image (px)", "shift s, sampling"),
    }
    notes = {
        "square-root rule": results.theory,
        "rows": [name for name, _ in rows],
        **{f"{CONSTANT}, {stage}": names for stage, names in constants().items()},
    }
    return Data(tuple(curves), axes=axes, notes=notes)


def _measured(ax: Axes, data: Data) -> None:
    """Each encoder's number as a line with a band, and both numbers in rows of their own."""
    names = [curve.name for curve in data.of(AVERAGE)]
    for place, name in enumerate(names):
        curve, look = data.curve(AVERAGE, name), style.encoder_look(names, name)
        if np.all(np.isfinite(curve.ends)):
            ax.axvspan(*curve.ends[:, 0], color=look["color"], alpha=0.28, lw=0)
        label = f"{style.literal(name)}, measured"
        ax.axvline(curve.y[0], color=look["color"], lw=1.6, label=label)
        aside = 0.5 * (place / max(len(names) - 1, 1) - 0.5)
        bars = look | {"capsize": 2, "zorder": 4, "label": None, "lying": True}
        style.points(ax, curve, aside, **bars)
        for matched in data.of(MATCHED):
            if matched.name == name:
                style.points(ax, matched, aside, **bars, mfc="white")
    theory = data.notes["square-root rule"]
    ax.axvline(theory, color=style.THEORY, ls="--", lw=1, label="square-root rule")


def _rows(ax: Axes, data: Data) -> None:
    """A row for each rule, training and sampling apart, below the row of the constants."""
    _measured(ax, data)
    rows, marks = data.notes["rows"], data.of(RULES)
    box = {"fc": "white", "ec": "none", "alpha": 0.9, "pad": 0.6}
    for curve, y in zip(marks, (0.4 - ROOM, 1.35 - ROOM), strict=True):
        both = np.all([np.isin(curve.x, other.x) for other in marks], axis=0)
        look = LOOKS[curve.name] | {"ls": "", "ms": 5.5, "mec": "white", "mew": 0.6, "zorder": 3}
        ax.plot([*curve.y, 1.0], [*(curve.x + PLACES[curve.name] * both), y], **look)
        names = "; ".join(map(style.literal, data.notes[f"{CONSTANT}, {curve.name}"]))
        text = textwrap.fill(f"{curve.name}: {names}", 70)
        style.note(ax, text, (1.0, y), (8, 4), va="top", fontsize=7, zorder=4, bbox=box)
    below = [panel for panel in (AVERAGE, MATCHED) if data.of(panel)]
    places = [0.4 - ROOM, *range(len(rows) + len(below))]
    ax.set_yticks(places, [CONSTANT, *map(style.literal, rows), *below])
    ax.set_ylim(len(rows) + 1.6, -0.4 - ROOM)
    ax.tick_params(axis="y", labelsize=7.5, length=0)
    low, high = reach([*marks, *data.of(AVERAGE), *data.of(MATCHED)])
    style.log_axis(ax, "x", 0.95 * min(low, 1), 1.06 * max(high, 1), TICKS)
    ax.set_xlabel(data.axes[RULES][1])
    handles, _ = ax.get_legend_handles_labels()
    handles += [style.key(stage, **look, ls="", ms=5.5) for stage, look in LOOKS.items()]
    ax.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3)


def _spread(values: list[float], factor: float) -> list[float]:
    """Positions for labels at ascending values, no two closer than a factor."""
    placed: list[float] = []
    for value in values:
        placed.append(max(value, placed[-1] * factor) if placed else value)
    return placed


def _curves(ax: Axes, data: Data) -> None:
    """s of square images at the published bases, dotted beyond the last point of a line."""
    parts: dict[str, list[Series]] = {}
    for curve in data.of(SAMPLING):
        parts.setdefault(curve.name.removesuffix(BEYOND), []).append(curve)
    shades = mpl.colormaps["viridis"](np.linspace(0, 0.72, len(parts)))
    ends = []
    for (label, of_label), shade in zip(parts.items(), shades, strict=True):
        for curve in of_label:
            ax.plot(curve.x, curve.y, ":" if curve.name.endswith(BEYOND) else "-", color=shade)
        # A rule that drops is another's beyond its drop: its name stands before it.
        if any(after.y[0] < before.y[-1] for before, after in pairwise(of_label)):
            start = (of_label[0].x[0], of_label[0].y[0])
            style.note(ax, label, start, (6, 5), color=shade)
        else:
            ends.append((curve.y[-1], label, shade))
    ends.sort(key=lambda end: end[0])
    left, right = of_label[0].x[0], curve.x[-1]
    leader: style.Look = {"arrowstyle": "-", "color": style.PALE, "lw": 0.6}
    leader |= {"relpos": (0, 0.5), "patchA": None, "shrinkA": 2}
    look: style.Look = {"fontsize": 7.5, "va": "center", "arrowprops": leader}
    look["annotation_clip"] = False  # the names stand beside the frame
    places = _spread([value for value, _, _ in ends], 1.34)
    for (value, label, shade), place in zip(ends, places, strict=True):
        ax.annotate(label, (right, value), xytext=(right * 1.08, place), color=shade, **look)
    style.log2_axis(ax, "x")
    ax.set_yscale("log")
    style.plain_log(ax.yaxis)
    ax.set_xlim(left, right)
    style.label(ax, data, SAMPLING)


@style.styled
def draw(data: Data) -> Figure:
    """The ratio of every rule, training and sampling apart, with the measured intervals."""
    figure = style.figure(8.6)
    above, below = figure.subplots(2, 1, height_ratios=(2.3, 1.1))
    _rows(above, data)
    _curves(below, data)
    return figure


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
        f"{len(CURVES)} models against the side of the image, {SIDES[0]:g} to {SIDES[-1]:g} px."
    )
