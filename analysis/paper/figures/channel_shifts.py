"""Every channel alone: its power-law exponent, and its shift in each band with its interval."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from analysis.paper.figures import style
from analysis.paper.text import estimate, number, plain
from analysis.study.measurement import Measured
from analysis.study.results import Results

BANDS = {"low": ("o", 1.0, -0.25), "middle": ("s", 0.75, 0.0), "high": ("^", 0.45, 0.25)}
"""Band -> (mark, opacity, place beside the channel's)."""
TICKS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
NONE = "No encoder of this study has more than one channel."
ROW = 20  # channels that share a row of the figure


def _rows(measured: Mapping[str, Measured]) -> list[list[str]]:
    """Encoders of more than one channel, few channels beside each other."""
    rows: list[list[str]] = []
    room = 0
    for name, one in measured.items():
        count = len(one.channel_laws)
        if count < 2:
            continue
        if rows and count <= room:
            rows[-1].append(name)
            room -= count
        else:
            rows.append([name])
            room = ROW - count
    return rows


def _slopes(ax: Axes, gammas: np.ndarray, colour: str) -> None:
    ax.bar(np.arange(len(gammas)), gammas, width=0.6, color=colour, alpha=0.6)
    ax.set_xticks([])
    ax.grid(axis="x", visible=False)


def _shifts(ax: Axes, one: Measured, order: np.ndarray, colour: str, theory: float) -> None:
    """Each channel's estimates by band, the number of all channels and the rule."""
    shown = [one.shift_by_channel[channel] for channel in order]
    for band, (mark, alpha, place) in BANDS.items():
        each = [shift.bands[band] for shift in shown]
        value = np.array([e.value for e in each])
        ends = np.array([[e.value - e.low for e in each], [e.high - e.value for e in each]])
        ax.errorbar(np.arange(len(order)) + place, value, yerr=np.nan_to_num(ends), color=colour,
                    alpha=alpha, marker=mark, ms=3, lw=0.9, ls="none")  # fmt: skip
    whole = one.shift_pooled
    if np.isfinite(whole.low):
        ax.axhspan(whole.low, whole.high, color=colour, alpha=0.15, lw=0)
    ax.axhline(whole.value, color=colour, lw=1)
    ax.axhline(theory, color=style.THEORY, ls="--", lw=1)
    ax.set_yscale("log")
    ax.set_yticks(TICKS)
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda s, _: f"{s:g}"))
    ax.set_xticks(np.arange(len(order)), order + 1, fontsize=7)
    ax.set_xlim(-0.7, len(order) - 0.3)
    ax.grid(axis="x", visible=False)


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    each = []
    for name in [name for row in _rows(results.measured) for name in row]:
        one = results.measured[name]
        found = [shift.whole.value for shift in one.shift_by_channel]
        each.append(
            f"{name}, {len(found)} channels from {plain(min(found), 2)} to {plain(max(found), 2)}, "
            f"mean {estimate(one.shift_pooled)}"
        )
    if not each:
        return NONE
    return (
        "For each encoder, channels in ascending order of their exponent, shown as bars, and below "
        "them the shift of each in three bands with intervals. Over the low and middle bands, "
        f"where the rule is {number(results.theory)}: {'; '.join(each)}."
    )


@style.styled
def draw(results: Results) -> Figure:
    """Exponent and shift of each channel, by ascending exponent, encoder by encoder."""
    rows = _rows(results.measured)
    if not rows:
        return style.notice(NONE)
    return draw_from(results.measured, rows, results.study.pair, results.theory)


@style.styled
def draw_from(
    measured: Mapping[str, Measured], rows: list[list[str]], sides: tuple[int, int], theory: float
) -> Figure:
    """A strip of exponents above the shifts for each encoder.

    Args:
        measured: by encoder.
        rows: encoders that share a row.
        sides: of the low and the high resolution, in pixels.
        theory: the square-root rule between them.
    """
    figure = style.figure(0.5 + 2.5 * len(rows))
    limits = [theory]
    panels = []
    for part, names in zip(style.stacked(figure, len(rows)), rows, strict=True):
        counts = [len(measured[name].channel_laws) for name in names]
        axes = part.subplots(
            2, len(names), sharex="col", sharey="row", squeeze=False, height_ratios=(1, 3.2),
            width_ratios=[count + 1.5 for count in counts],
        )  # fmt: skip
        for column, name in zip(axes.T, names, strict=True):
            one, colour = measured[name], style.encoder_colour(measured, name)
            gammas = np.array([law.gamma for law in one.channel_laws])
            order = np.argsort(gammas)
            _slopes(column[0], gammas[order], colour)
            column[0].set_title(style.literal(name))
            _shifts(column[1], one, order, colour, theory)
            column[1].set_xlabel("channel")
            limits += [
                end
                for shift in one.shift_by_channel
                for band in BANDS
                for end in (shift.bands[band].value, shift.bands[band].low, shift.bands[band].high)
                if np.isfinite(end)
            ]
            panels.append(column[1])
        axes[0, 0].set_ylabel("γ")
        axes[1, 0].set_ylabel(f"s, {sides[0]} → {sides[1]} px")
    for ax in panels:
        ax.set_ylim(0.93 * min(limits), 1.07 * max(limits))
        ax.set_yticks([s for s in TICKS if ax.get_ylim()[0] <= s <= ax.get_ylim()[1]])
    keys = [
        Line2D([], [], color=style.PALE, marker=mark, alpha=max(alpha, 0.6), ls="none", ms=4,
               label=f"{band} band")
        for band, (mark, alpha, _) in BANDS.items()
    ]  # fmt: skip
    keys.append(Line2D([], [], color=style.PALE, lw=1, label="mean over channels, low and middle"))
    keys.append(Line2D([], [], color=style.THEORY, ls="--", lw=1, label="square-root rule"))
    figure.legend(handles=keys, loc="outside lower center", ncols=5)
    return figure
