"""Which channels of the linear encoder obey the square-root rule: predicted and measured."""

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series, reach
from analysis.paper.text import plain
from analysis.shift.channel_rule import BANDS
from analysis.study.results import Results

COLOURS = (style.HIGH, style.LOW, style.FIT, style.NOISY, style.PALE)
LOOKS: list[style.Look] = [  # by order
    {"color": colour, "marker": mark} for colour, mark in zip(COLOURS, style.MARKERS, strict=True)
]
ALONE, PREDICTED, MEASURED = "order alone", "predicted, with aliases", "measured"
TICKS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


def data(results: Results) -> Data:
    """Each channel's shift in the low and the middle band: by order, with aliases, measured."""
    rule, (low, high) = results.rule, results.study.pair
    if rule is None:
        return Data(notes={"nothing": "This study has no linear encoder."})
    curves, places = [], np.arange(len(rule.order)) + 1.0
    alone = rule.rule(results.theory)
    for band in (0, 1):
        for m in np.unique(rule.order):
            panel, at = f"{BANDS[band]} band", rule.order == m
            ends = (rule.low[band, at], rule.high[band, at])
            curves += [
                Series(panel, f"order {m}, {ALONE}", places[at], alone[at]),
                Series(panel, f"order {m}, {PREDICTED}", places[at], rule.predicted[band, at]),
                Series(panel, f"order {m}, {MEASURED}", places[at], rule.measured[band, at], *ends),
            ]
    axes = ("channel, strongest first", f"shift s, {low} → {high} px")
    panels = {f"{BANDS[band]} band": axes for band in (0, 1)}
    notes = {"square-root rule": results.theory, "orders": np.unique(rule.order).tolist()}
    return Data(tuple(curves), axes=panels, notes=notes)


@style.styled
def draw(data: Data) -> Figure:
    """Each channel of the study's linear encoder: by order alone, with aliases, and measured."""
    figure, axes = style.panels(2, 4.0, 2.9, 1.0, shared=True)
    orders = data.notes["orders"]
    looks = {m: LOOKS[m] for m in orders}
    for ax, panel in zip(axes, data.panels, strict=True):
        for m, look in looks.items():
            alone, predicted, measured = (
                data.curve(panel, f"order {m}, {kind}") for kind in (ALONE, PREDICTED, MEASURED)
            )
            bars = {"color": look["color"], "alpha": 0.35, "lw": 4}
            ax.hlines(alone.y, alone.x - 0.45, alone.x + 0.45, **bars)
            style.points(ax, measured, 0.14, **look, capsize=2)
            style.points(ax, predicted, -0.14, **look, ms=5, mfc="none")
        ax.set_title(panel, fontsize=8.5)
        ax.grid(axis="x", visible=False)
        ax.set_xticks(sorted({place for curve in data.of(panel) for place in curve.x}))
        style.label(ax, data, panel)
    low, high = reach(data.curves)
    style.log_axis(axes[0], "y", 0.9 * low, 1.1 * high, TICKS)
    exponent = f"${data.notes['square-root rule']:.3g}^{{1 - m}}$"
    keys = [
        *(style.key(f"order {m}", **look, ls="", ms=4) for m, look in looks.items()),
        style.key(f"{ALONE}, {exponent}", color=style.PALE, lw=5, alpha=0.6),
        style.key(PREDICTED, color=style.THEORY, marker="o", ls="", mfc="none"),
        style.key(MEASURED, color=style.THEORY, marker="o", ls="", ms=4),
    ]
    style.legend(figure, keys, "upper", 3)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    found = data(results)
    if "nothing" in found.notes:
        return str(found.notes["nothing"])
    each, channels, low = [], 0, found.panels[0]
    for m in found.notes["orders"]:
        alone, predicted, measured = (
            found.curve(low, f"order {m}, {kind}").y for kind in (ALONE, PREDICTED, MEASURED)
        )
        ends = [f"{plain(y.min(), 2)} to {plain(y.max(), 2)}" for y in (measured, predicted)]
        channels += len(alone)
        each.append(
            f"{len(alone)} of order {m}, {plain(alone[0], 2)} by order alone, "
            f"measured {ends[0]}, predicted with aliases {ends[1]}"
        )
    return (
        f"Shift of each of {channels} channels in the low and the middle band. In "
        f"the low band: {'; '.join(each)}."
    )
