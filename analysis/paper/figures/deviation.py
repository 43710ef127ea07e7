"""Strategy 1: each photograph's RAPS against the mean of the set."""

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series
from analysis.paper.text import number
from analysis.study.results import Results
from analysis.timesteps.weighting import deviation_from_mean

DIFFERENCE, RATIO = "difference from the mean", "ratio to the mean"


def data(results: Results) -> Data:
    """Every photograph's difference and ratio, the pictured one last."""
    measured, side = results.measured[results.study.display_encoder], results.study.high
    k, power = measured.k(side)[1:], measured.power(side)[:, 1:]
    shown = results.photographs.index(results.display.photograph)
    order = sorted(range(len(power)), key=lambda index: index == shown)
    parts = {DIFFERENCE: deviation_from_mean(power), RATIO: power / power.mean(axis=0)}
    curves = tuple(
        Series(panel, results.photographs[index].title, k, values[index])
        for panel, values in parts.items()
        for index in order
    )
    x = "frequency (cycles/image)"
    axes = {DIFFERENCE: (x, "ΔP = P − mean (latent units²)"), RATIO: (x, "P / mean")}
    return Data(curves, axes=axes)


@style.styled
def draw(data: Data) -> Figure:
    """Left: the difference. Right: the same as a ratio, where high frequencies can be seen."""
    figure, (left, right) = style.panels(2, 3.0, 2.6)
    for ax, panel, equal in ((left, DIFFERENCE, 0), (right, RATIO, 1)):
        *others, shown = data.of(panel)
        for curve in others:
            style.line(ax, curve, color=style.PALE, lw=0.7, label=None)
        style.line(ax, shown, color=style.HIGH, lw=1.6, zorder=3)
        ax.axhline(equal, color=style.THEORY, lw=0.8)
        style.frequency_axis(ax, shown.x)
        style.label(ax, data, panel, always=True)
    left.set_yscale("symlog", linthresh=0.1)
    left.set_yticks([-1000, -100, -10, -1, 0, 1, 10, 100, 1000])
    left.minorticks_off()
    left.legend()
    right.set_yscale("log")
    for ax in (left, right):
        ax.yaxis.set_major_formatter(style.PLAIN)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    found = data(results).of(RATIO)
    ends = [
        f"from {number(min(curve.y.min() for curve in of), 2)} to "
        f"{number(max(curve.y.max() for curve in of), 2)}"
        for of in (found, found[-1:])
    ]
    return (
        f"Left: differences of the spectra of {len(found)} images from the mean of the set, "
        f"against frequency. Right: ratios to that mean, {ends[0]}; in colour "
        f"“{found[-1].name}”, {ends[1]}."
    )
