"""Denoisers trained under shifted densities: error against the unshifted one's, by noise level."""

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series, reach
from analysis.paper.text import listing, plain
from analysis.study.experiments.density import SHOWN
from analysis.study.results import Results

LOOKS: tuple[style.Look, ...] = (
    {"color": style.NOISY, "ls": "-", "marker": "o", "ms": 3},
    {"color": style.THEORY, "ls": "--", "marker": "s", "ms": 3},
)
NONE = "no run of the densities is committed"
TICKS = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.5)


def data(results: Results) -> Data:
    """Ratio of errors to those under the first density, by theta, in each band."""
    if (done := results.density) is None:
        return Data(notes={"nothing": NONE})
    chosen, curves, axes = done.settings, [], {}
    theta, shown = chosen.data.theta_grid, done.shown
    first, *others = chosen.shifts
    found = {}
    for index, edges in enumerate(chosen.bands):
        panel = f"{edges[0]:g} to {edges[1]:g}"
        found[panel] = theta[done.used[:, index]][[0, -1]].tolist()
        axes[panel] = ("θ = logit t   (noise … data)", "error / error unshifted")
        for shift in others:
            value, low, high = done.curve(shift, first, index)[shown].T
            curves.append(Series(panel, f"s = {shift:g}", theta[shown], value, low, high))
    return Data(tuple(curves), axes=axes, notes={"the band is found": found})


@style.styled
def draw(data: Data) -> Figure:
    """One panel a band, both shifted densities with their intervals; below 1 they are better.

    Grey: the noise levels at which the band is being found.
    """
    figure, axes = style.panels(len(data.panels), 2.6, 2.4, shared=True)
    low, high = reach(data.curves)
    for ax, panel in zip(axes, data.panels, strict=True):
        ax.axvspan(*data.notes["the band is found"][panel], color=style.GRID, lw=0, zorder=0)
        for curve, look in zip(data.of(panel), LOOKS, strict=True):
            style.line(ax, curve, **look)
        ax.axhline(1, color=style.SOFT, lw=1)
        style.log_axis(ax, "y", 0.98 * low, 1.02 * high, TICKS)
        ax.set_xlim(*SHOWN)
        ax.set_title(panel)
        style.label(ax, data, panel)
    axes[0].legend(loc="upper left")
    style.lettered(axes)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    found = data(results)
    if "nothing" in found.notes:
        return NONE
    bands = []
    for panel in found.panels:
        *_, rule = found.of(panel)
        bands.append(f"{panel} from {plain(rule.y.min(), 3)} to {plain(rule.y.max(), 3)}")
    return (
        "Error under a shifted density over that under the unshifted one against theta, one panel "
        "a band from coarse to fine: mostly below one where noise dominates, above one nearer to "
        f"data, farther apart in the coarse bands. For {rule.name}: {listing(bands)}."
    )
