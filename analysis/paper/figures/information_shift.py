"""The information of two resolutions, laid on each other by a shift no channel basis decides."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series, estimates, reach
from analysis.paper.text import estimate, plain
from analysis.shift.information import FEWEST, QUANTILES, quantiles
from analysis.study.results import Results

TICKS = (0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0)
KINDS = ("channel average", "trace", "matched", "determinant", "inverse")
RATES, SHARE, NUMBERS = "rates, ", "s by share of the rate", "shifts in numbers"
LOOKS: tuple[style.Look, ...] = (
    {"color": style.HIGH, "lw": 2},
    {"color": style.LOW, "ls": "--"},
    {"color": style.LOW, "ls": ":", "lw": 2},
)


def data(results: Results) -> Data:
    """Rates of both resolutions before and after the matched shift, s by share, and the numbers.

    Notes have each encoder's matched shift, and how far the rates lie apart after it, as a share.
    """
    informed = {
        name: found for name, m in results.measured.items() if (found := m.information) is not None
    }
    if not informed:
        text = f"The images (fewer than {FEWEST}) or the latents' modes are too few."
        return Data(notes={"nothing": text})
    low, high = results.study.pair
    curves, axes, notes = list[Series](), {}, dict[str, Any]()
    for name, found in informed.items():
        panel, s, share = RATES + name, found.matched.value, np.array([0.005, 0.995])
        ends = [quantiles(e, found.modes, share) for e in (found.low, found.high)]
        theta = np.linspace(np.min(ends), np.max(ends), 200)
        (before, of_high), (moved, _) = found.rates(theta), found.rates(theta, s)
        rates = {f"{high} px": of_high, f"{low} px": before, f"{low} px, shifted": moved}
        curves += [Series(panel, label, theta, 100 * rate) for label, rate in rates.items()]
        axes[panel] = ("θ = ln t / (1 − t)", "dI/dθ (% of its largest)")
        notes[panel] = (s, found.misfit(s))
    for name, found in informed.items():
        curves.append(Series(SHARE, name, 100 * QUANTILES, *found.curve.T))
    for name, found in informed.items():
        average = results.measured[name].shift.whole
        numbers = {"channel average": average, "matched": found.matched, **found.limits}
        curves.append(estimates(NUMBERS, name, [numbers[k] for k in KINDS], categories=KINDS))
    axes[SHARE] = ("share of the information rate (%)", f"shift s, {low} → {high} px")
    axes[NUMBERS] = ("", axes[SHARE][1])
    notes |= {"square-root rule": results.theory, "encoders": list(results.measured)}
    return Data(tuple(curves), axes=axes, notes=notes)


def _rates(ax: Axes, data: Data, panel: str) -> None:
    """D / K of both resolutions, and the low one's after the matched shift."""
    for curve, look in zip(data.of(panel), LOOKS, strict=True):
        style.line(ax, curve, **look)
    shift, misfit = data.notes[panel]
    ax.set_title(f"{style.literal(panel.removeprefix(RATES))}: s = {shift:.2f}")
    text = f"apart by {100 * misfit:.2g} % at most"
    ax.text(0.98, 0.04, text, transform=ax.transAxes, ha="right", fontsize=7)
    ax.set_ylim(0, 100)


@style.styled
def draw(data: Data) -> Figure:
    """Rates before and after the shift, s against the share of information, and the numbers."""
    panels = [panel for panel in data.panels if panel.startswith(RATES)]
    n = len(panels)
    figure = style.figure(5.6, 2.1 * n + 5.4)
    upper, lower = style.stacked(figure, 2, heights=(2.1 * n, 5.4), ratios=(1, 1.15))
    axes = style.beside(upper, n, shared=True)
    for ax, panel in zip(axes, panels, strict=True):
        _rates(ax, data, panel)
        style.label(ax, data, panel)
    axes[0].legend(loc="upper left", handlelength=2.2)
    left, right = style.beside(lower, 2, ratios=(1, 1.35))
    numbers = data.of(NUMBERS)
    for index, (curve, number) in enumerate(zip(data.of(SHARE), numbers, strict=True)):
        look = style.encoder_look(data.notes["encoders"], curve.name)
        style.line(left, curve, **look, markevery=15, ms=4)
        aside = 0.2 * (index - (len(numbers) - 1) / 2)
        style.points(right, number, aside, **look, ms=5, mfc="none")
        matched = KINDS.index("matched")
        right.plot(matched + aside, number.y[matched], **look, ms=5)
    low, high = reach([*numbers, *data.of(SHARE)])
    theory = data.notes["square-root rule"]
    for ax, panel in ((left, SHARE), (right, NUMBERS)):
        ax.axhline(theory, color=style.THEORY, ls="--", lw=1)
        style.log_axis(ax, "y", 0.93 * low, 1.1 * max(theory, high), TICKS)
        style.label(ax, data, panel)
    left.text(97, theory * 1.03, "square-root rule", fontsize=7.5, ha="right")
    turned = 25 if style.narrow() else 0  # side by side they would touch on a phone
    style.names_axis(right, [kind.replace(" ", "\n") for kind in KINDS], turned, room=0.5)
    right.legend(*left.get_legend_handles_labels(), loc="lower left")
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    each = [
        f"{name}, matched {estimate(found.matched)}, s from {plain(found.curve[0, 0], 2)} at the "
        f"noisy end to {plain(found.curve[-1, 0], 2)} at the other"
        for name, m in results.measured.items()
        if (found := m.information) is not None
    ]
    if not each:
        return str(data(results).notes["nothing"])
    return (
        "Top: rate of information against theta for each encoder, at both resolutions and after "
        "the matched shift. Bottom left: s against the share of the rate. Bottom right: channel "
        "average, trace, matched, determinant and inverse shifts with intervals. "
        f"{'. '.join(each)}."
    )
