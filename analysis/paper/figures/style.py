"""One look for all figures: sizes in inches, colours by meaning, nothing global.

Colours are Okabe and Ito's, which stay apart for colour-blind readers; line styles repeat what
colour says where curves could be confused. Blue and vermilion mean high and low resolution
everywhere; encoders have the three others.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.scale import LogScale
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from analysis.paper.series import Data, Series

WIDTH = 7.2  # inches, the text width of page and PDF
HIGH, LOW = "#0072B2", "#D55E00"
NOISY, FIT, THEORY, PALE = "#7B3294", "#1B7837", "#222222", "#9A9A9A"
ENCODERS = ("#4D4D4D", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "D", "^", "v")

RC = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.labelsize": 8.5,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E2E2E2",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "image.interpolation": "nearest",
}
Look = dict[str, Any]  # how something is drawn, in matplotlib's words
PLAIN = FuncFormatter(lambda x, _: f"{x:g}".replace("-", "\u2212"))
"""Numbers at ticks without powers of ten."""


def styled(draw: Callable[[Data], Figure]) -> Callable[[Data], Figure]:
    """Run a drawing function under this style and leave matplotlib's settings as they were.

    Where a study has nothing to draw, its data have a note ``nothing`` that says why.
    """

    @functools.wraps(draw)
    def wrapped(data: Data) -> Figure:
        with mpl.rc_context(RC):
            return notice(data.notes["nothing"]) if "nothing" in data.notes else draw(data)

    return wrapped


def figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure of a size in inches, not registered anywhere."""
    return Figure(figsize=(width, height), layout="constrained")


def notice(text: str) -> Figure:
    """A low figure that says why there is nothing to draw in this study."""
    empty = figure(0.8)
    ax = empty.subplots()  # without axes a notebook shows nothing
    ax.set_axis_off()
    ax.text(0.5, 0.5, text, ha="center", va="center")
    return empty


def literal(text: str) -> str:
    """A name from data as a label: no mathematics between dollars, and in legends if it begins so.

    matplotlib leaves what begins with an underscore out of legends.
    """
    return "\u200b" * text.startswith("_") + text.replace("$", r"\$")


def stacked(figure: Figure, n: int) -> list[SubFigure]:
    """n parts of a figure, from top to bottom."""
    parts: list[SubFigure] = np.atleast_1d(figure.subfigures(n, 1)).tolist()  # type: ignore[arg-type]
    return parts


def encoder_look(names: Iterable[str], name: str) -> Look:
    """Colour and mark of an encoder: by its place in the study."""
    place = list(names).index(name)
    return {"color": ENCODERS[place % len(ENCODERS)], "marker": MARKERS[place % len(MARKERS)]}


def encoder_colour(names: Iterable[str], name: str) -> str:
    """The colour of an encoder."""
    return str(encoder_look(names, name)["color"])


def key(label: str, **look: Any) -> Line2D:
    """An entry of a legend that stands for many curves."""
    return Line2D([], [], label=label, **look)


def line(ax: Axes, curve: Series, **look: Any) -> None:
    """A curve under its name, with its interval as a band where it has one everywhere."""
    (drawn,) = ax.plot(curve.x, curve.y, **({"label": literal(curve.name)} | look))
    if np.all(np.isfinite(curve.ends)):
        ax.fill_between(curve.x, *curve.ends, color=drawn.get_color(), alpha=0.2, lw=0)


def points(ax: Axes, curve: Series, aside: float = 0, lying: bool = False, **look: Any) -> None:
    """Marks under their name, with error bars where there are intervals.

    Args:
        ax: where.
        curve: what.
        aside: how far to the side of its places, so that several stand beside each other.
        lying: y along the x axis.
        **look: as ``errorbar`` takes it.
    """
    low, high = curve.ends
    ends = None if curve.lower is None else np.fmax([curve.y - low, high - curve.y], 0)
    usual: Look = {"label": literal(curve.name), "ls": "none", "ms": 4, "capsize": 2.5}
    if lying:
        ax.errorbar(curve.y, curve.x + aside, xerr=ends, **(usual | look))
    else:
        ax.errorbar(curve.x + aside, curve.y, yerr=ends, **(usual | look))


def note(
    ax: Axes, text: str, at: tuple[float, float], away: tuple[float, float] = (0, 3), **look: Any
) -> None:
    """A small text that begins so many points right and above of a place."""
    usual: Look = {"fontsize": 7.5, "xytext": away, "textcoords": "offset points"}
    ax.annotate(text, at, **(usual | look))


def plain_log(axis: Axis) -> None:
    """Label a logarithmic axis with plain numbers at 1, 2 and 5 of each decade."""
    axis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(PLAIN)
    axis.set_minor_formatter(NullFormatter())


def log_axis(ax: Axes, which: str, low: float, high: float, ticks: Iterable[float]) -> None:
    """A logarithmic ``x`` or ``y`` axis with plain numbers at those of the ticks that it has."""
    ax.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
    axis: Axis = getattr(ax, f"{which}axis")
    axis.set_ticks([tick for tick in ticks if low <= tick <= high])
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(PLAIN)


def log2_axis(ax: Axes, which: str, ticks: Sequence[float] | None = None) -> None:
    """A logarithmic ``x`` or ``y`` axis with plain numbers at powers of two, or at the ticks."""
    axis: Axis = getattr(ax, f"{which}axis")
    ax.set(**{f"{which}scale": LogScale(axis, base=2)})
    if ticks is not None:
        axis.set_ticks(ticks)
    axis.set_major_formatter(PLAIN)


def label(ax: Axes, data: Data, panel: str, left: bool = True) -> None:
    """What the axes of a panel are; y only where it stands at the left of its row."""
    x, y = data.axes[panel]
    ax.set_xlabel(x)
    if left:
        ax.set_ylabel(y)


def frequency_axis(ax: Axes, k: np.ndarray) -> None:
    """A logarithmic axis of cycles per image, ticked at powers of two."""
    log2_axis(ax, "x")
    ax.set_xlim(k[0] * 0.93, k[-1] * 1.07)


def nyquist_axis(ax: Axes, edges: Iterable[float]) -> None:
    """A logarithmic axis of fractions of the Nyquist frequency, with dotted ends of bands."""
    log2_axis(ax, "x")
    ax.xaxis.set_major_formatter(lambda x, _: f"1/{round(1 / x)}" if x < 1 else f"{x:g}")
    for edge in edges:
        ax.axvline(edge, color=PALE, lw=0.8, ls=":")


def names_axis(ax: Axes, names: Sequence[str], turned: float = 0, room: float = 0.6) -> None:
    """Names at the places 0, 1, 2, … of the x axis, turned by so many degrees."""
    turn: Look = {"rotation": turned, "ha": "right", "rotation_mode": "anchor"} if turned else {}
    ax.set_xticks(range(len(names)), [literal(name) for name in names], **turn)
    ax.set_xlim(-room, len(names) - 1 + room)


def picture(ax: Axes, field: np.ndarray, cmap: str = "viridis", symmetric: bool = False) -> None:
    """A field as a picture without axes, its range clipped to the middle 98 %."""
    low, high = np.percentile(field, [1, 99])
    if symmetric:
        high = max(abs(low), abs(high))
        low = -high
    ax.imshow(field, cmap=cmap, vmin=low, vmax=high)
    ax.set_axis_off()
