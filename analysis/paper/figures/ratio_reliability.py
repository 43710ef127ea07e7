"""Is R specific to an image? Its halves against each other, and against other images' halves."""

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series
from analysis.paper.text import plain
from analysis.study.densities import FEWEST, reliability_of
from analysis.study.results import Results

HALVES = {"left_right": "left and right halves", "top_bottom": "top and bottom halves"}
ROWS = {
    "within": "one image's halves",
    "between": "halves of two images",
    "specific": "one image's, less the others' mean",
}
LOOKS: tuple[style.Look, ...] = (
    {"marker": "o", "color": style.HIGH},
    {"marker": "s", "color": style.LOW},
    {"marker": "D", "color": style.FIT},
)


def data(results: Results) -> Data:
    """Correlations of ln R with their intervals, by way to halve an image and by encoder."""
    if len(results.photographs) < FEWEST:
        return Data(notes={"nothing": f"Reliability is measured over {FEWEST} images or more."})
    names, curves = list(results.measured), []
    for way, panel in HALVES.items():
        found = [reliability_of(m, way) for m in results.measured.values()]
        for row, label in ROWS.items():
            value, low, high = np.array([getattr(curve, row) for curve in found]).T
            places = np.arange(len(names), dtype=float)
            curves.append(Series(panel, label, places, value, low, high, names))
    axes = ("encoder", "correlation of ln R over f")
    return Data(tuple(curves), axes=dict.fromkeys(HALVES.values(), axes))


@style.styled
def draw(data: Data) -> Figure:
    """Agreement of ln R within and between images, by encoder and way to halve an image."""
    figure, axes = style.panels(len(data.panels), 2.9, 2.3, 0.6, shared=True)
    for ax, panel in zip(axes, data.panels, strict=True):
        for index, (curve, look) in enumerate(zip(data.of(panel), LOOKS, strict=True)):
            style.points(ax, curve, 0.22 * (index - 1), **look, ms=5, capsize=3, lw=1.2)
        ax.axhline(0, color=style.THEORY, lw=0.8)
        ax.axhline(1, color=style.PALE, lw=0.8, ls=":")
        ax.grid(visible=False, axis="x")
        style.names_axis(ax, curve.categories, turned=20)
        ax.set_title(panel)
        style.label(ax, data, panel)
        ax.set_xlabel("")  # its ticks say it
    style.legend(figure, axes[0].get_legend_handles_labels()[0])
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    found = data(results)
    if "nothing" in found.notes:
        return str(found.notes["nothing"])
    each = []
    for place, name in enumerate(results.measured):
        ways = [
            " / ".join(plain(curve.y[place], 2) for curve in found.of(panel))
            for panel in found.panels
        ]
        each.append(f"{name}, {' and '.join(ways)}")
    return (
        "Correlations of ln R with intervals for each encoder: within an image / between images / "
        "within an image after the others’ mean is taken off; left and right halves in one panel, "
        f"top and bottom halves in the other. {'; '.join(each)}."
    )
