"""Which channels of the linear encoder obey the square-root rule: predicted and measured."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from analysis.paper.figures import style
from analysis.paper.text import plain
from analysis.shift.channel_rule import BANDS, ChannelRule
from analysis.study.results import Results

COLOURS = (style.HIGH, style.LOW, style.FIT, style.NOISY, style.PALE)
NONE = "This study has no linear encoder."
TICKS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


def _band(ax: Axes, rule: ChannelRule, alone: np.ndarray, band: int) -> None:
    """Each channel's rule (a line), prediction (open) and measurement (filled), by order."""
    places = np.arange(len(rule.order)) + 1
    for m in np.unique(rule.order):
        chosen = rule.order == m
        colour, marker = COLOURS[m], style.MARKERS[m]
        value = rule.measured[band, chosen]
        ends = [value - rule.low[band, chosen], rule.high[band, chosen] - value]
        ax.hlines(alone[chosen], places[chosen] - 0.45, places[chosen] + 0.45, color=colour,
                  alpha=0.35, lw=4, label=f"_order {m}, order alone")  # fmt: skip
        ax.errorbar(places[chosen] + 0.14, value, yerr=ends, color=colour, marker=marker, ms=4,
                    ls="none", capsize=2, label=f"_order {m}, measured")  # fmt: skip
        ax.plot(places[chosen] - 0.14, rule.predicted[band, chosen], color=colour, marker=marker,
                ms=5, ls="none", mfc="none", label=f"_order {m}, predicted")  # fmt: skip
    ax.set_yscale("log")
    parts = (rule.predicted, rule.measured, rule.low, rule.high)
    drawn = np.concatenate([alone, *(part[:2].ravel() for part in parts)])
    drawn = drawn[np.isfinite(drawn)]
    ax.set_ylim(0.9 * drawn.min(), 1.1 * drawn.max())
    ax.set_yticks([s for s in TICKS if ax.get_ylim()[0] <= s <= ax.get_ylim()[1]])
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda s, _: f"{s:g}"))
    ax.set_xticks(places)
    ax.set_xlabel("channel, strongest first")
    ax.set_title(f"{BANDS[band]} band", fontsize=8.5)
    ax.grid(axis="x", visible=False)


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    rule = results.rule
    if rule is None:
        return NONE
    alone, each = rule.rule(results.theory), []
    for m in np.unique(rule.order).tolist():
        at = rule.order == m
        ends = [
            f"{plain(float(low), 2)} to {plain(float(high), 2)}"
            for of in (rule.measured[0, at], rule.predicted[0, at])
            for low, high in [(of.min(), of.max())]
        ]
        each.append(
            f"{int(at.sum())} of order {m}, {plain(float(alone[at][0]), 2)} by order alone, "
            f"measured {ends[0]}, predicted with aliases {ends[1]}"
        )
    return (
        f"Shift of each of {len(rule.order)} channels in the low and the middle band. In the low "
        f"band: {'; '.join(each)}."
    )


@style.styled
def draw(results: Results) -> Figure:
    """Each channel of the study's linear encoder: by order alone, with aliases, and measured."""
    if results.rule is None:
        return style.notice(NONE)
    return draw_from(results.rule, results.study.pair)


@style.styled
def draw_from(rule: ChannelRule, sides: tuple[int, int]) -> Figure:
    """Shift of each channel in the low and the middle band.

    Args:
        rule: from `channel_rule.channel_rule`.
        sides: of the low and the high resolution, in pixels.
    """
    figure = style.figure(4.0)
    left, right = figure.subplots(1, 2, sharey=True)
    ratio = sides[1] / sides[0]
    for band, ax in enumerate((left, right)):
        _band(ax, rule, rule.rule(ratio), band)
    left.set_ylabel(f"shift s, {sides[0]} → {sides[1]} px")
    orders = [
        Line2D([], [], color=COLOURS[m], marker=style.MARKERS[m], ls="none", ms=4,
               label=f"order {m}")
        for m in np.unique(rule.order).tolist()
    ]  # fmt: skip
    kinds = [
        Line2D([], [], color=style.PALE, lw=5, alpha=0.6,
               label=f"order alone, ${ratio:.3g}^{{1 - m}}$"),
        Line2D([], [], color=style.THEORY, marker="o", ls="none", mfc="none",
               label="predicted, with aliases"),
        Line2D([], [], color=style.THEORY, marker="o", ls="none", ms=4, label="measured"),
    ]  # fmt: skip
    figure.legend(handles=[*orders, *kinds], loc="outside upper center", ncols=3)
    return figure
