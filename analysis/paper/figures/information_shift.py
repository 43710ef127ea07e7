"""The information of two resolutions, laid on each other by a shift no channel basis decides."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from analysis.paper.figures import style
from analysis.paper.text import estimate, plain
from analysis.shift.information import FEWEST, QUANTILES, InformationShift, quantiles
from analysis.spectra.intervals import Estimate
from analysis.study.results import Results

TICKS = (0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0)
NONE = f"The images (fewer than {FEWEST}) or the latents' modes are too few."
KINDS = ("channel average", "trace", "matched", "determinant", "inverse")


def _rates(ax: Axes, name: str, found: InformationShift) -> None:
    """D / K of both resolutions, and the low one's after the matched shift."""
    share = np.array([0.005, 0.995])
    ends = [quantiles(e, found.modes, share) for e in (found.low, found.high)]
    theta = np.linspace(np.min(ends), np.max(ends), 200)
    low, high = found.rates(theta)
    ax.plot(theta, high, color=style.HIGH, lw=2, label="_high resolution")
    ax.plot(theta, low, color=style.LOW, ls="--", label="_low resolution")
    moved, _ = found.rates(theta, found.matched.value)
    ax.plot(theta, moved, color=style.LOW, ls=":", lw=2, label="_low resolution, shifted")
    ax.set_title(f"{style.literal(name)}: s = {found.matched.value:.2f}")
    text = f"apart by {100 * found.misfit(found.matched.value):.2g} % at most"
    ax.text(0.98, 0.04, text, transform=ax.transAxes, ha="right", fontsize=7)
    ax.set_xlabel(r"θ = ln t / (1 − t)")
    ax.set_ylim(0, 1)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:.0f}"))


def _logarithmic(ax: Axes, values: np.ndarray, theory: float) -> None:
    """A logarithmic axis of s, with the square-root rule."""
    ax.axhline(theory, color=style.THEORY, ls="--", lw=1, label="_square-root rule")
    ax.set_yscale("log")
    ax.set_ylim(0.93 * values.min(), 1.1 * max(theory, values.max()))
    ax.set_yticks([s for s in TICKS if ax.get_ylim()[0] <= s <= ax.get_ylim()[1]])
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda s, _: f"{s:g}"))


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    each = [
        f"{name}, matched {estimate(one.matched)}, s from {plain(float(one.curve[0, 0]), 2)} at "
        f"the noisy end to {plain(float(one.curve[-1, 0]), 2)} at the other"
        for name, m in results.measured.items()
        if (one := m.information)
    ]
    if not each:
        return NONE
    return (
        "Top: rate of information against theta for each encoder, at both resolutions and after "
        "the matched shift. Bottom left: s against the share of the rate. Bottom right: channel "
        "average, trace, matched, determinant and inverse shifts with intervals. "
        f"{'. '.join(each)}."
    )


@style.styled
def draw(results: Results) -> Figure:
    """Information of both resolutions before and after the shift, and the numbers by encoder."""
    found = {name: m.information for name, m in results.measured.items()}
    known = {name: one for name, one in found.items() if one is not None}
    if not known:
        return style.notice(NONE)
    averages = {name: m.shift.whole for name, m in results.measured.items()}
    return draw_from(known, averages, results.study.pair)


@style.styled
def draw_from(
    found: Mapping[str, InformationShift], averages: Mapping[str, Estimate], sides: tuple[int, int]
) -> Figure:
    """Rates before and after the shift, s against the share of information, and the numbers.

    Args:
        found: encoder -> its information shift over one band.
        averages: encoder -> the channel-averaged shift over the same band (`equal_snr.measure`), of
            every encoder of the study, which has its colour by its place there.
        sides: of the low and the high resolution, in pixels.
    """
    theory = sides[1] / sides[0]
    figure = style.figure(5.6)
    upper, lower = figure.subfigures(2, 1, height_ratios=(1, 1.15))
    panels = upper.subplots(1, len(found), sharey=True, squeeze=False)[0]
    for ax, (name, one) in zip(panels, found.items(), strict=True):
        _rates(ax, name, one)
    panels[0].set_ylabel("dI/dθ (% of its largest)")
    handles = [
        Line2D([], [], color=style.HIGH, lw=2, label=f"{sides[1]} px"),
        Line2D([], [], color=style.LOW, ls="--", label=f"{sides[0]} px"),
        Line2D([], [], color=style.LOW, ls=":", lw=2, label=f"{sides[0]} px, shifted"),
    ]
    panels[0].legend(handles=handles, loc="upper left", handlelength=2.2)
    left, right = lower.subplots(1, 2, width_ratios=(1, 1.35))
    every = np.concatenate([one.curve.ravel() for one in found.values()])
    for index, (name, one) in enumerate(found.items()):
        colour, mark = style.encoder_colour(averages, name), style.marker(averages, name)
        value, low, high = one.curve.T
        left.plot(100 * QUANTILES, value, color=colour, label=style.literal(name),
                  marker=mark, markevery=15, ms=4)  # fmt: skip
        left.fill_between(100 * QUANTILES, low, high, color=colour, alpha=0.2, lw=0)
        offset = 0.2 * (index - (len(found) - 1) / 2)
        numbers = {"channel average": averages[name], "matched": one.matched, **one.limits}
        for place, kind in enumerate(KINDS):
            e = numbers[kind]
            ends = np.nan_to_num([[e.value - e.low], [e.high - e.value]])
            right.errorbar([place + offset], [e.value], yerr=np.maximum(ends, 0), color=colour,
                           marker=mark, ms=5, capsize=2.5,
                           mfc=colour if kind == "matched" else "none",
                           label=f"_{style.literal(name)}")  # fmt: skip
            every = np.append(every, [e.value, *np.nan_to_num([e.low, e.high], nan=e.value)])
    for ax in (left, right):
        _logarithmic(ax, every, theory)
    left.set_xlabel("share of the information rate (%)")
    left.set_ylabel(f"shift s, {sides[0]} → {sides[1]} px")
    left.text(97, theory * 1.03, "square-root rule", fontsize=7.5, ha="right")
    right.set_xticks(range(len(KINDS)), [kind.replace(" ", "\n") for kind in KINDS])
    right.set_xlim(-0.5, len(KINDS) - 0.5)
    right.legend(*left.get_legend_handles_labels(), loc="lower left")
    return figure
