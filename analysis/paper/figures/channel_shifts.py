"""Every channel alone: its power-law exponent, and its shift in each band with its interval."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series, estimates, reach
from analysis.paper.text import estimate, number, plain
from analysis.study import findings
from analysis.study.results import Results

BANDS = {"low": ("o", 1.0, -0.25), "middle": ("s", 0.75, 0.0), "high": ("^", 0.45, 0.25)}
"""Band -> (mark, opacity, place beside the channel's)."""
TICKS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
SLOPES, SHIFTS, MEAN = ", exponents", ", shifts", "mean over channels, low and middle"
WHOLE = ", shifts over the low and middle bands"
ROW = {False: 20, True: 1}  # channels that share a row of the figure, on a page and a phone


def data(results: Results) -> Data:
    """Of each encoder with several channels: exponents in ascending order, and shifts by band."""
    low, high = results.study.pair
    measured = {name: m for name, m in results.measured.items() if len(m.channel_laws) > 1}
    if not measured:
        return Data(notes={"nothing": "No encoder of this study has more than one channel."})
    curves, axes = [], {}
    for name, m in measured.items():
        gammas = np.array([law.gamma for law in m.channel_laws])
        order = np.argsort(gammas)
        numbers, places = (
            [f"{channel + 1}" for channel in order],
            np.arange(len(order), dtype=float),
        )
        curves.append(Series(name + SLOPES, "γ", places, gammas[order], categories=numbers))
        for band in BANDS:
            found = [m.shift_by_channel[channel].bands[band] for channel in order]
            curves.append(estimates(name + SHIFTS, f"{band} band", found, categories=numbers))
        ends = (-0.7, len(order) - 0.3)
        curves.append(estimates(name + SHIFTS, MEAN, [m.shift_pooled] * 2, ends))
        axes[name + SLOPES] = ("channel", "γ")
        axes[name + SHIFTS] = ("channel", f"s, {low} → {high} px")
    notes = {
        "square-root rule": results.theory,
        "encoders": list(results.measured),
        "shown": list(measured),
    } | {name + WHOLE: findings.channel_shifts(m).tolist() for name, m in measured.items()}
    return Data(tuple(curves), axes=axes, notes=notes)


def _rows(channels: dict[str, int]) -> list[list[str]]:
    """Encoders by row, those with few channels beside each other."""
    rows: list[list[str]] = []
    room = 0
    for name, count in channels.items():
        if rows and count <= room:
            rows[-1].append(name)
            room -= count
        else:
            rows.append([name])
            room = ROW[style.narrow()] - count
    return rows


def _column(above: Axes, below: Axes, data: Data, name: str) -> None:
    """Exponents as bars above shifts by band, with the mean of all channels and the rule."""
    (slopes,), (*bands, mean) = data.of(name + SLOPES), data.of(name + SHIFTS)
    colour = style.encoder_colour(data.notes["encoders"], name)
    above.bar(slopes.x, slopes.y, width=0.6, color=colour, alpha=0.6)
    above.set_title(style.literal(name))
    for curve, (mark, alpha, aside) in zip(bands, BANDS.values(), strict=True):
        look: style.Look = {"color": colour, "alpha": alpha, "marker": mark}
        style.points(below, curve, aside, **look, ms=3, lw=0.9, capsize=0)
    style.line(below, mean, color=colour, lw=1)
    below.axhline(data.notes["square-root rule"], color=style.THEORY, ls="--", lw=1)
    every = 2 if style.narrow() and len(slopes.x) > 20 else 1
    below.set_xticks(slopes.x[::every], slopes.categories[::every], fontsize=7)
    below.set_xlim(*mean.x)
    below.set_xlabel("channel")
    for ax in (above, below):
        ax.grid(axis="x", visible=False)
    above.tick_params(axis="x", bottom=False, labelbottom=False)


@style.styled
def draw(data: Data) -> Figure:
    """Exponent and shift of each channel, by ascending exponent, encoder by encoder."""
    channels = {name: len(data.curve(name + SLOPES, "γ").x) for name in data.notes["shown"]}
    rows = _rows(channels)
    figure = style.figure(0.5 + 2.5 * len(rows))
    shifts = [curve for curve in data.curves if curve.name != "γ"]
    low, high = reach(shifts)
    theory = data.notes["square-root rule"]
    low, high = 0.93 * min(low, theory), 1.07 * max(high, theory)
    for part, names in zip(style.stacked(figure, len(rows)), rows, strict=True):
        shared: style.Look = {"sharex": "col", "sharey": "row", "squeeze": False}
        widths = [channels[name] + 1.5 for name in names]
        axes = part.subplots(2, len(names), height_ratios=(1, 3.2), width_ratios=widths, **shared)
        for (above, below), name in zip(axes.T, names, strict=True):
            _column(above, below, data, name)
            style.log_axis(below, "y", low, high, TICKS)
        axes[0, 0].set_ylabel(data.axes[names[0] + SLOPES][1])
        axes[1, 0].set_ylabel(data.axes[names[0] + SHIFTS][1])
    keys = [
        style.key(f"{band} band", color=style.PALE, marker=mark, alpha=max(alpha, 0.6), ls="", ms=4)
        for band, (mark, alpha, _) in BANDS.items()
    ]
    keys.append(style.key(MEAN, color=style.PALE, lw=1))
    keys.append(style.key("square-root rule", color=style.THEORY, ls="--", lw=1))
    style.legend(figure, keys)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    found = data(results)
    if "nothing" in found.notes:
        return str(found.notes["nothing"])
    each = []
    for name in found.notes["shown"]:
        shifts, mean = found.notes[name + WHOLE], estimate(results.measured[name].shift_pooled)
        ends = f"{plain(min(shifts), 2)} to {plain(max(shifts), 2)}"
        each.append(f"{name}, {len(shifts)} channels from {ends}, mean {mean}")
    return (
        "For each encoder, channels in ascending order of their exponent, shown as bars, and below "
        "them the shift of each in three bands with intervals. Over the low and middle bands, "
        f"where the rule is {number(results.theory)}: {'; '.join(each)}."
    )
