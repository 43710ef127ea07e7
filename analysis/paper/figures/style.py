"""One look for all figures: sizes in inches, colours by meaning, nothing global.

A figure is drawn in two layouts, ``wide`` for a page and ``narrow`` for a phone, with the same
sizes of letters: ``draw(data)`` is one function, what stands beside each other there stands below
each other here (`beside`, `panels`). In the dark it is the same drawing with other colours
(`in_the_dark`), so every colour of a figure is one of these.

Colours keep three to one against their ground, those of letters four and a half to one (WCAG 2.2,
1.4.3 and 1.4.11). They follow Okabe and Ito, who chose theirs for colour-blind readers; line styles
and marks repeat what colour says where curves could be confused. Blue and orange mean high and low
resolution everywhere; encoders have colours of their own.
"""

import colorsys
import contextlib
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure, SubFigure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.scale import LogScale
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from analysis.paper.series import Data, Series

WIDTH = 7.2  # inches, the text width of page and PDF
NARROW = 3.54  # inches, 340 CSS pixels: the width of a phone without margins

GROUND, DARK_GROUND = "#ffffff", "#15181c"
HIGH, LOW = "#0072b2", "#c25100"
NOISY, FIT, THEORY, PALE, SOFT = "#7b3294", "#1b7837", "#222222", "#868686", "#57606a"
GRID = "#e2e2e2"  # what only guides the eye
ENCODERS = ("#4d4d4d", "#00805c", "#be3a7e", "#946200", "#2f7c9e")
MARKERS = ("o", "s", "D", "^", "v")
ON_PICTURE, UNDER_LETTERS = "#fefefe", "#010101"  # letters on a picture and their box: always so
DARK = {
    GROUND: DARK_GROUND,
    HIGH: "#5bb5e8",
    LOW: "#f2955a",
    NOISY: "#c79adc",
    FIT: "#6cc08b",
    THEORY: "#dde1e6",
    PALE: "#7a828b",
    SOFT: "#a3abb4",
    GRID: "#31373e",
    **dict(zip(ENCODERS, ("#b9bfc7", "#3cc79a", "#ee8fbf", "#e3b04b", "#7cc0db"), strict=True)),
    ON_PICTURE: ON_PICTURE,
    UNDER_LETTERS: UNDER_LETTERS,
}
"""Colour on white -> colour on a dark page."""
SHADES = 12  # as many as a sequence of curves has at most

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
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "figure.facecolor": GROUND,
    "savefig.facecolor": GROUND,
    "axes.facecolor": GROUND,
    "image.interpolation": "nearest",
    # No black: an SVG leaves it out, and what is not written can't be changed in the dark.
    **dict.fromkeys(
        (
            "text.color",
            "axes.edgecolor",
            "axes.labelcolor",
            "xtick.color",
            "ytick.color",
            "patch.edgecolor",
        ),
        THEORY,
    ),
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


LAYOUTS = ("wide", "narrow")
_LAYOUT: ContextVar[str] = ContextVar("layout", default="wide")


@contextlib.contextmanager
def layout(name: str) -> Iterator[None]:
    """Draw for a page, ``wide``, or for a phone, ``narrow``, within the block.

    Raises:
        ValueError: no layout of this name.
    """
    if name not in LAYOUTS:
        raise ValueError(f"no layout '{name}': {' or '.join(LAYOUTS)}")
    token = _LAYOUT.set(name)
    try:
        yield
    finally:
        _LAYOUT.reset(token)


def narrow() -> bool:
    """Whether it is being drawn for a phone."""
    return _LAYOUT.get() == "narrow"


def width() -> float:
    """Inches across a whole figure."""
    return NARROW if narrow() else WIDTH


def shades(n: int) -> list[str]:
    """n colours of an ordered family of curves, from violet over blue to green."""
    return [_shade(hue, 0.29) for hue in np.linspace(0.8, 0.32, n)]


def _shade(hue: float, lightness: float) -> str:
    return "#" + "".join(f"{round(255 * v):02x}" for v in colorsys.hls_to_rgb(hue, lightness, 0.64))


@functools.cache
def _counterparts() -> dict[str, str]:
    hues = {hue for n in range(1, SHADES + 1) for hue in np.linspace(0.8, 0.32, n)}
    return DARK | {_shade(hue, 0.29): _shade(hue, 0.72) for hue in hues}


def in_the_dark(svg: bytes) -> bytes:
    """A drawing with the colours of a dark page; its pictures are as they were.

    Raises:
        ValueError: a colour has no counterpart.
    """
    known = _counterparts()

    def other(found: re.Match[bytes]) -> bytes:
        colour = found[1].decode().lower()
        if colour not in known:
            raise ValueError(f"{colour} has no counterpart in the dark: take a colour of style.py")
        return known[colour].encode()

    return re.sub(rb"(?<=: )(#[0-9a-fA-F]{6})\b", other, svg)


def figure(height: float, tall: float | None = None, across: float = WIDTH) -> Figure:
    """An empty figure of a size in inches, not registered anywhere.

    Args:
        height: on a page.
        tall: height on a phone, where it is another one.
        across: width on a page.
    """
    size = (NARROW, height if tall is None else tall) if narrow() else (across, height)
    return Figure(figsize=size, layout="constrained")


def beside(
    part: Figure | SubFigure,
    n: int,
    ratios: Sequence[float] | None = None,
    heights: Sequence[float] | None = None,
    shared: bool = False,
) -> list[Axes]:
    """n panels beside each other; on a phone below each other.

    Args:
        part: what they fill.
        n: how many.
        ratios: of their widths on a page.
        heights: of their heights on a phone.
        shared: one y axis for all.
    """
    look: Look = (
        {"nrows": n, "height_ratios": heights}
        if narrow()
        else {
            "ncols": n,
            "width_ratios": ratios,
        }
    )
    return list(part.subplots(**look, sharey=shared, squeeze=False).ravel())


def panels(
    n: int, height: float, tall: float | None = None, more: float = 0, **look: Any
) -> tuple[Figure, list[Axes]]:
    """A figure of n panels beside each other; on a phone below each other.

    Args:
        n: how many.
        height: of the figure on a page.
        tall: height of a panel on a phone; by default that of the figure on a page.
        more: height of what stands outside the panels on a phone, such as a legend.
        **look: as `beside` takes it.
    """
    whole = figure(height, n * (height if tall is None else tall) + more)
    return whole, beside(whole, n, **look)


def curves(data: Data, height: float, looks: Sequence[Look]) -> tuple[Figure, Axes]:
    """A figure of one panel with the curves of the data, each with its look, and a legend."""
    whole = figure(height, across=5.2)
    ax = whole.subplots()
    for curve, look in zip(data.curves, looks, strict=True):
        line(ax, curve, **look)
    label(ax, data, "")
    ax.legend(handlelength=2.6)
    return whole, ax


def legend(whole: Figure, keys: Sequence[Artist], place: str = "lower", columns: int = 5) -> Legend:
    """A legend outside the panels, in as many columns as have room.

    Args:
        whole: the figure.
        keys: its entries.
        place: ``lower`` or ``upper``, below or above the panels.
        columns: no more than these.
    """
    longest = max(len(str(one.get_label())) for one in keys)
    room = int(whole.get_figwidth() / (0.062 * longest + 0.48))  # a letter, and a mark, in inches
    count = max(1, min(columns, room, len(keys)))
    rows = -(-len(keys) // count)
    return whole.legend(
        handles=keys, loc=f"outside {place} center", ncols=-(-len(keys) // rows), handlelength=2.2
    )


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


def stacked(
    figure: Figure, n: int, heights: Sequence[float] | None = None, ratios: Sequence[float] = ()
) -> list[SubFigure]:
    """n parts of a figure, from top to bottom.

    Args:
        figure: the whole.
        n: how many.
        heights: relative ones on a phone.
        ratios: relative heights on a page.
    """
    found = (heights if narrow() else ratios) or None
    parts: list[SubFigure] = np.atleast_1d(figure.subfigures(n, 1, height_ratios=found)).tolist()  # type: ignore[arg-type]
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


def label(ax: Axes, data: Data, panel: str, always: bool = False) -> None:
    """What the axes of a panel are; y only where it stands at the left of its row, or always."""
    x, y = data.axes[panel]
    ax.set_xlabel(x)
    place = ax.get_subplotspec()
    if always or place is None or place.is_first_col():
        ax.set_ylabel(y)


def lettered(axes: Iterable[Axes]) -> None:
    """a, b, c, … at the upper left of panels, by which captions name them."""
    for letter, ax in zip("abcdefgh", axes, strict=False):
        look: Look = {"fontweight": "bold", "fontsize": 9.5, "ha": "left", "va": "baseline"}
        away: Look = {"xytext": (-2, 5), "textcoords": "offset points", "annotation_clip": False}
        ax.annotate(letter, (0, 1), xycoords="axes fraction", **look, **away)


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
