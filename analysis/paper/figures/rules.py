"""What published rules ask for between two resolutions, against what the encoders' latents do."""

import dataclasses
import textwrap
from itertools import groupby, pairwise

import numpy as np
from matplotlib.artist import Artist
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
TICKS = (0.25, 0.35, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8, 16)
RULES, SAMPLING, MEASURED = "ratios of shifts", "shifts in sampling", "measured"
AVERAGE, MATCHED = "channel average", "information-matched"
BEYOND = ", beyond its line"
LINE = 0.128  # inches a line of names

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


def ratios(low: int, high: int) -> dict[str, list[tuple[str, float]]]:
    """stage -> (name, ratio) of every rule, by ascending ratio; one for a rule of one number.

    The ratio is s(high^2) / s(low^2); sides in pixels.
    """
    found = [(rule.name, formula) for rule, formula in literature.evaluable()]
    each = {
        stage: [
            (n, 1.0 if f.constant else f.ratio(low, high)) for n, f in found if stage in f.stages
        ]
        for stage in STAGES
    }
    return {
        stage: sorted(of, key=lambda one: (round(one[1], 6), one[0].lower()))
        for stage, of in each.items()
    }


def data(results: Results) -> Data:
    """Ratio of every rule by row and stage, every encoder's two numbers, and shifts by side."""
    low, high = results.study.pair
    curves, rows = list[Series](), dict[str, list[str]]()
    for stage, found in ratios(low, high).items():
        # Rules with the same ratio, as it is printed, share a row.
        alike = [list(of) for _, of in groupby(found, key=lambda one: round(one[1], 2))]
        places = [row for row, of in enumerate(alike) for _ in of]
        names, values = zip(*found, strict=True)
        curves.append(
            Series(RULES, stage, np.array(places, float), np.array(values), categories=names)
        )
        rows[stage] = ["; ".join(name for name, _ in of) for of in alike]
    for name, m in results.everything.items():
        curves.append(estimates(AVERAGE, name, [m.shift.whole], [0], [AVERAGE]))
    for name, m in results.everything.items():
        if m.information is not None:
            curves.append(estimates(MATCHED, name, [m.information.matched], [1], [MATCHED]))
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
        **rows,
    }
    return Data(tuple(curves), axes=axes, notes=notes)


@dataclasses.dataclass(frozen=True)
class _Row:
    """A row of the upper panel: its names, where they begin and where its marks stand, in lines."""

    block: str
    names: str
    top: float
    at: float


def _laid(data: Data) -> tuple[list[_Row], float]:
    """The rows, and how many lines all of them take.

    On a page the names stand beside their marks, on a phone above them.
    """
    letters = 52 if style.narrow() else 50
    blocks = {stage: data.notes[stage] for stage in LOOKS}
    blocks[MEASURED] = [panel for panel in (AVERAGE, MATCHED) if data.of(panel)]
    rows, top = [], 0.0
    for block, each in blocks.items():
        top += 1.5  # its heading
        for names in each:
            text = style.literal(textwrap.fill(names, letters))
            lines, marks = text.count("\n") + 1, 1.7 if block == MEASURED else 1.0
            if style.narrow():
                rows.append(_Row(block, text, top, top + lines + marks / 2 - 0.1))
                top += lines + marks + 0.6
            else:
                height = max(lines, marks) + 0.45
                rows.append(_Row(block, text, top, top + height / 2))
                top += height
        top += 0.4
    return rows, top


def _rows(ax: Axes, data: Data, rows: list[_Row], lines: float) -> list[Artist]:
    """Marks of the rules and of the encoders over one axis; the entries of a legend."""
    encoders = [curve.name for curve in data.of(AVERAGE)]
    theory, marks = data.notes["square-root rule"], data.of(RULES)
    measured = [curve for panel in (AVERAGE, MATCHED) for curve in data.of(panel)]
    low, high = reach([*marks, *measured])
    style.log_axis(ax, "x", 0.93 * min(low, 1), 1.06 * max(high, 1), TICKS)
    ax.set_ylim(lines, -0.2)
    keys: list[Artist] = []
    for name in encoders:
        curve, colour = data.curve(AVERAGE, name), style.encoder_colour(encoders, name)
        if np.all(np.isfinite(curve.ends)):
            ax.axvspan(*curve.ends[:, 0], color=colour, alpha=0.22, lw=0)
        label = f"{style.literal(name)}, measured"
        keys.append(ax.axvline(curve.y[0], color=colour, lw=1.6, label=label))
    keys.append(ax.axvline(theory, color=style.THEORY, ls="--", lw=1, label="square-root rule"))
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    beside: style.Look = {"transform": ax.get_yaxis_transform(), "fontsize": 7.5, "clip_on": False}
    at, turn = (0, "left") if style.narrow() else (-0.015, "right")
    box = {"fc": style.GROUND, "ec": "none", "alpha": 0.85, "pad": 0.5}
    for block in dict.fromkeys(row.block for row in rows):
        own = [row for row in rows if row.block == block]
        ax.text(at, own[0].top - 0.35, block.capitalize(), ha=turn, fontweight="bold", **beside)
        for index, row in enumerate(own):
            if style.narrow():
                ax.text(at, row.top, row.names, va="top", bbox=box, **beside)
            else:
                ax.text(at, row.at, row.names, va="center", ha=turn, **beside)
                ax.axhline(row.at, color=style.GRID, lw=0.6, zorder=0.5)
            if block in LOOKS:
                (curve,) = (one for one in marks if one.name == block)
                ratios = curve.y[curve.x == index]
                look = LOOKS[block] | {"ls": "", "ms": 5.5, "mec": style.GROUND, "mew": 0.6}
                ax.plot(ratios, np.full(len(ratios), row.at), **look, zorder=3)
                value = {"va": "center", "color": style.SOFT, "fontsize": 7, "bbox": box}
                style.note(ax, f"{ratios[0]:.2f}", (ratios[-1], row.at), (7, 0), **value)
                continue
            for place, name in enumerate(encoders):
                aside = row.at - index + 0.55 * (place - (len(encoders) - 1) / 2)
                bars = style.encoder_look(encoders, name) | {"capsize": 2, "zorder": 4}
                for curve in data.of(row.names):
                    if curve.name == name:
                        style.points(ax, curve, aside, lying=True, **bars)
    ax.set_xlabel(data.axes[RULES][1])
    return keys


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
    shades = style.shades(len(parts))
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
    rows, lines = _laid(data)
    above, below = lines * LINE + 0.8, 2.6
    figure = style.figure(above + below, above + below)
    upper, lower = style.stacked(figure, 2, (above, below), (above, below))
    style.legend(figure, _rows(upper.subplots(), data, rows, lines), "upper")
    _curves(lower.subplots(), data)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    low, high = results.study.pair
    theory, counted = results.theory, []
    for stage, rules in ratios(low, high).items():
        found = [ratio for _, ratio in rules]
        counts = (
            sum(x < 1.001 for x in found),
            sum(1.001 <= x < theory / 1.001 for x in found),
            sum(theory / 1.001 <= x <= theory * 1.001 for x in found),
            sum(x > theory * 1.001 for x in found),
        )
        counted.append(
            f"{stage}: {counts[0]} at one, {counts[1]} between one and the rule’s "
            f"{number(theory)}, {counts[2]} there, {counts[3]} beyond"
        )
    each = [f"{name} {point(m.shift.whole)}" for name, m in results.everything.items()]
    return (
        f"Top: a mark for each rule at its ratio of the shifts at {high} and {low} px, rules for "
        f"{'; for '.join(counted)}. Vertical bands are the encoders’ measured shifts: "
        f"{listing(each)}. Bottom: sampling shifts of {len(CURVES)} models against the side of the "
        f"image, {SIDES[0]:g} to {SIDES[-1]:g} px."
    )
