"""One look for all figures: sizes in inches, colours by meaning, nothing global.

Colours are Okabe and Ito's, which stay apart for colour-blind readers; line styles repeat what
colour says where curves could be confused. Blue and vermilion mean high and low resolution
everywhere; encoders have the three others.
"""

import functools
from collections.abc import Callable, Iterable
from typing import ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

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
P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Run a drawing function under this style and leave matplotlib's settings as they were."""

    @functools.wraps(draw)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context(RC):
            return draw(*args, **kwargs)

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


def encoder_colour(names: Iterable[str], name: str) -> str:
    """The colour of an encoder: by its place in the study."""
    return ENCODERS[list(names).index(name) % len(ENCODERS)]


def marker(names: Iterable[str], name: str) -> str:
    """The mark of an encoder: by its place in the study."""
    return MARKERS[list(names).index(name) % len(MARKERS)]


def plain_log(axis: object) -> None:
    """Label a logarithmic axis with plain numbers at 1, 2 and 5 of each decade."""
    axis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))  # type: ignore[attr-defined]
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))  # type: ignore[attr-defined]
    axis.set_minor_formatter(NullFormatter())  # type: ignore[attr-defined]


def frequency_axis(ax: Axes, k: np.ndarray) -> None:
    """A logarithmic axis of cycles per image, ticked at powers of two."""
    ax.set_xscale("log", base=2)
    ax.set_xlabel("frequency (cycles/image)")
    ax.set_xlim(k[0] * 0.93, k[-1] * 1.07)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))


def picture(ax: Axes, field: np.ndarray, cmap: str = "viridis", symmetric: bool = False) -> None:
    """A field as a picture without axes, its range clipped to the middle 98 %."""
    low, high = np.percentile(field, [1, 99])
    if symmetric:
        high = max(abs(low), abs(high))
        low = -high
    ax.imshow(field, cmap=cmap, vmin=low, vmax=high)
    ax.set_axis_off()
