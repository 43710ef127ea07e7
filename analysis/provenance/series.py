"""What a figure shows, as numbers: every curve, mark, band and error bar as rows of a CSV.

A series is called what its label says. A label that begins with an underscore stays out of legends
and names the series here. Without one the legend is asked for the entry of the same look.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator

from analysis.paper.series import Data
from analysis.project import markdown

CURVES = ("panel", "series", "category", "x", "y", "lower", "upper")
IMAGES = ("panel", "image", "width", "height", "minimum", "maximum", "mean", "std")
UNNAMED = re.compile(r"(_?(child|container|line)\d+|_nolegend_)?")

Floats = np.ndarray


class Series(NamedTuple):
    """One curve: its name, and columns of one length, nan where there is nothing to say."""

    name: str
    x: Floats
    y: Floats
    lower: Floats
    upper: Floats


def table(figure: Figure, head: Iterable[str] = ()) -> str:
    """The CSV of what is drawn: comment lines, then one row a point, or one a picture.

    Args:
        figure: as a ``draw`` function gives it.
        head: lines that come first, as comments.

    Returns:
        Text with the columns `CURVES`, or `IMAGES` where the figure has pictures and no curves.
        ``lower`` and ``upper`` are the ends of a band or an error bar in y. ``category`` is the
        name at a tick, where an axis has names. Lines across a panel have only x or only y.
    """
    panels = [ax for ax in dict.fromkeys(figure.axes) if _is_panel(ax)]
    names = {ax: _panel(figure, ax) for ax in panels}
    curves, images = [], []
    notes = []
    for number, ax in enumerate(panels, 1):
        legend = _legend(figure, ax)
        found = list(_series(ax, legend))
        shown = [image for image in ax.images if isinstance(image, AxesImage)]
        images += [[number, names[ax], *_image(image)] for image in shown]
        if found:
            notes.append(f"panel {number}: {_described(names[ax], ax)}")
        for series in found:
            curves += [[number, *row] for row in _rows(series, ax)]
    out = io.StringIO()
    out.writelines(f"# {line}\n" for line in [*head, *notes])
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CURVES if curves else IMAGES)
    writer.writerows(curves or images)
    return out.getvalue()


def written(data: Data) -> str:
    """The CSV of a figure's data: axes and notes as comments, then one row a point or a picture.

    Returns:
        Text with the columns ``panel, series, category, x, y, lower, upper``, or, where the figure
        has pictures and no curves, ``panel, image, width, height, minimum, maximum, mean, std``.
        Numbers have six significant digits; what is not finite is empty.
    """
    out = io.StringIO()
    for panel, (x, y) in data.axes.items():
        out.write(f"# {_note(panel)}{'; ' * bool(panel)}x: {_note(x)}; y: {_note(y)}\n")
    out.writelines(f"# {name}: {_note(note)}\n" for name, note in data.notes.items())
    writer = csv.writer(out, lineterminator="\n")
    if data.curves or not data.pictures:
        writer.writerow(("panel", *CURVES[1:]))
    for one in data.curves:
        nothing = np.full(len(one.x), np.nan)
        lower, upper = (nothing if e is None else e for e in (one.lower, one.upper))
        names = one.categories or [""] * len(one.x)
        for name, *numbers in zip(names, one.x, one.y, lower, upper, strict=True):
            writer.writerow([one.panel, one.name, name, *map(_number, numbers)])
    if not data.curves and data.pictures:
        writer.writerow(IMAGES)
        for shown in data.pictures:
            p = shown.pixels
            some = [_number(float(e)) for e in (p.min(), p.max(), p.mean(), p.std())]
            writer.writerow([shown.panel, shown.name, p.shape[1], p.shape[0], *some])
    return out.getvalue()


def _is_panel(ax: Axes) -> bool:
    return ax.get_label() != "<colorbar>" and bool(
        ax.lines or ax.images or ax.collections or ax.patches
    )


def _plain(text: str) -> str:
    """A label on one line, without maths' dollars; names (`style.literal`) as they are."""
    text = re.sub(r"(?<!\\)\$", "", text.removeprefix("\u200b")).replace(r"\$", "$")
    return " ".join(text.replace("\\theta", "θ").split())


def _panel(figure: Figure, ax: Axes) -> str:
    """What names a panel: the title of its part of the figure, its own, and its legend's."""
    part = ax.figure
    above = "" if part is None or part is figure else part.get_suptitle()
    legend = ax.get_legend()
    titles = [
        above,
        ax.get_title() or str(ax.get_label()),
        legend.get_title().get_text() if legend else "",
    ]
    if not titles[1] and not ax.axison:  # a picture with its number inside
        titles += [text.get_text() for text in ax.texts[:1]]
    return "; ".join(_plain(title) for title in titles if title.strip())


def _described(name: str, ax: Axes) -> str:
    """A panel for a comment: its name, and what its axes are."""
    own = f"{name}; " if name else ""
    shared_x, shared_y = ax.get_shared_x_axes(), ax.get_shared_y_axes()
    x = ax.get_xlabel() or _first(other.get_xlabel() for other in shared_x.get_siblings(ax))
    y = ax.get_ylabel() or _first(other.get_ylabel() for other in shared_y.get_siblings(ax))
    named_x, named_y = (any(_category(axis, np.zeros(1))) for axis in (ax.xaxis, ax.yaxis))
    if not y and not named_y:  # then the panel at the left of the row says it
        y = _first(other.get_ylabel() for other in _row(ax))
    return f"{own}x: {_plain(x) or 'names' * named_x}; y: {_plain(y) or 'names' * named_y}"


def _first(texts: Iterable[str]) -> str:
    return next(filter(None, texts), "")


def _row(ax: Axes) -> list[Axes]:
    """The panels of the same row, from the left."""
    spec = ax.get_subplotspec()
    if spec is None or ax.figure is None:
        return []
    rows = spec.rowspan
    placed = [(other, other.get_subplotspec()) for other in ax.figure.axes]
    return [o for o, s in placed if s and s.get_gridspec() is spec.get_gridspec()
            and s.rowspan == rows]  # fmt: skip


def _look(artist: Artist) -> tuple[str, str, str]:
    """Colour, line and mark, by which a legend tells curves apart."""
    if isinstance(artist, Line2D):
        marker = artist.get_marker()
        style = artist.get_linestyle()
        hollow = " hollow" * (str(artist.get_markerfacecolor()) == "none")
        return to_hex(artist.get_color()), str(style), f"{marker}{hollow}"
    if isinstance(artist, LineCollection):
        return to_hex(artist.get_color()[0]), "", ""
    colours: Any = np.atleast_2d(getattr(artist, "get_facecolor", list)())
    return (to_hex(colours[0]) if np.size(colours) else ""), "", ""


def _legend(figure: Figure, ax: Axes) -> dict[tuple[str, ...], str]:
    """Look -> text, of the panel's legend and the figure's; parts of a look that are one's own."""
    legends = [one for one in (ax.get_legend(), *figure.legends) if one is not None]
    # Where there is none, panels of one figure say for each other what a look means.
    if not legends:
        legends = [one for one in (other.get_legend() for other in figure.axes) if one is not None]
    found: dict[tuple[str, ...], set[str]] = {}
    for legend in legends:
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
            first = handle[0] if isinstance(handle, ErrorbarContainer) else handle
            if not isinstance(first, Artist):
                continue
            colour, line, marker = _look(first)
            for key in ((colour, line, marker), (colour, line), (colour, "", marker), (colour,)):
                found.setdefault(key, set()).add(_plain(text.get_text()))
    return {key: min(texts) for key, texts in found.items() if len(texts) == 1}


def _name(artist: Any, look: Artist, legend: dict[tuple[str, ...], str], number: int) -> str:
    """The label; else the legend's text for this look; else a number."""
    label = str(artist.get_label() or "")
    if not UNNAMED.fullmatch(label):
        return _plain(label.removeprefix("_"))
    colour, line, marker = _look(look)
    for key in ((colour, line, marker), (colour, line), (colour, "", marker), (colour,)):
        if key in legend:
            return legend[key]
    return f"unnamed {number}"


def _series(ax: Axes, legend: dict[tuple[str, ...], str]) -> Iterator[Series]:
    """Every series of a panel; a band with a line of its colour and places goes with the line."""
    used: set[int] = set()
    for number, bars in enumerate(ax.containers, 1):
        if isinstance(bars, ErrorbarContainer):
            line, caps, ends = bars.lines
            used |= {id(one) for one in (line, *caps, *ends)}
            x, y = _data(line)
            segments = np.array([segment[:, 1] for segment in ends[0].get_segments()])
            name = _name(bars, line, legend, number)
            yield Series(name, x, y, segments.min(axis=1), segments.max(axis=1))
    bands = [
        (band, _band(corners))
        for band in ax.collections
        if isinstance(band, PolyCollection)
        for corners in (np.asarray(path.vertices, float) for path in band.get_paths())
        if len(corners) > 4
    ]
    taken: set[int] = set()
    for number, line in enumerate(ax.lines, 1):
        if id(line) in used:
            continue
        x, y = _data(line)
        across_x, across_y = line.get_transform().contains_branch_seperately(ax.transData)
        if not across_x:  # a line across the panel, at one y
            x, y = np.array([np.nan]), y[:1]
        elif not across_y:
            x, y = x[:1], np.array([np.nan])
        lower = upper = np.full(len(x), np.nan)
        for index, (band, (bx, below, above)) in enumerate(bands):
            same = len(bx) == len(x) and np.array_equal(bx, x)
            if index not in taken and same and _look(band)[0] == to_hex(line.get_color()):
                lower, upper = below, above
                taken.add(index)
                break
        yield Series(_name(line, line, legend, number), x, y, lower, upper)
    for index, (band, (x, below, above)) in enumerate(bands):
        if index not in taken:
            nothing = np.full(len(x), np.nan)
            yield Series(_name(band, band, legend, index + 1), x, nothing, below, above)
    yield from _others(ax, used, legend)


def _others(ax: Axes, used: set[int], legend: dict[tuple[str, ...], str]) -> Iterator[Series]:
    """Marks of scatter plots, strokes, bars, and spans (the ends in x or in y)."""
    for number, item in enumerate(ax.collections, 1):
        if id(item) in used:
            continue
        if isinstance(item, PathCollection):
            points = np.asarray(np.ma.filled(item.get_offsets(), np.nan), float)
        elif isinstance(item, LineCollection):
            points = np.concatenate([*item.get_segments(), np.empty((0, 2))])
        else:
            continue
        nothing = np.full(len(points), np.nan)
        name = _name(item, item, legend, number)
        yield Series(name, points[:, 0], points[:, 1], nothing, nothing)
    for number, bars in enumerate(ax.containers, 1):
        if isinstance(bars, BarContainer):
            used |= {id(bar) for bar in bars}
            x = np.array([bar.get_x() + bar.get_width() / 2 for bar in bars])
            y = np.array([bar.get_y() + bar.get_height() for bar in bars])
            nothing = np.full(len(x), np.nan)
            yield Series(_name(bars, bars[0], legend, number), x, y, nothing, nothing)
    for number, patch in enumerate(ax.patches, 1):
        if id(patch) in used or not isinstance(patch, Rectangle):
            continue
        nothing = np.full(2, np.nan)
        ends = patch.get_bbox().get_points()
        along, _ = patch.get_data_transform().contains_branch_seperately(ax.transData)
        x, y = (ends[:, 0], nothing) if along else (nothing, ends[:, 1])
        yield Series(_name(patch, patch, legend, number), x, y, nothing, nothing)


def _data(line: Line2D) -> tuple[Floats, Floats]:
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


def _band(vertices: Floats) -> tuple[Floats, Floats, Floats]:
    """x, lower and upper end of a polygon as ``fill_between`` makes it.

    It runs from the start along one edge and back along the other, with a corner at each end and
    the first one again: 2 n + 3 vertices for n places.
    """
    n = (len(vertices) - 3) // 2
    there, back = vertices[1 : n + 1], vertices[n + 2 : 2 * n + 2][::-1]
    edges = np.sort([there[:, 1], back[:, 1]], axis=0)
    return there[:, 0], edges[0], edges[1]


def _category(axis: Axis, places: Floats) -> list[str]:
    """The names at the ticks that are nearest to the places; empty where ticks are numbers."""
    locator = axis.get_major_locator()
    ticks = np.asarray(locator(), float)
    names = [str(name) for name in axis.get_major_formatter().format_ticks(ticks.tolist())]
    named = any(_is_name(name, tick) for name, tick in zip(names, ticks, strict=True))
    if not isinstance(locator, FixedLocator) or not named:
        return [""] * len(places)
    near = np.abs(places[:, None] - ticks[None, :])
    return [_plain(names[int(np.argmin(row))]) if np.all(np.isfinite(row)) else "" for row in near]


def _is_name(text: str, tick: float) -> bool:
    """Whether a tick's label is not just its number; channels are numbered in another order."""
    try:
        return not np.isclose(float(text.replace("−", "-")), tick, rtol=0.01)
    except ValueError:
        return any(map(str.isalpha, text))


def _rows(series: Series, ax: Axes) -> Iterator[list[str]]:
    along, up = _category(ax.xaxis, series.x), _category(ax.yaxis, series.y)
    for place, numbers in enumerate(zip(*series[1:], strict=True)):
        category = along[place] or up[place]
        yield [series.name, category, *(_number(value) for value in numbers)]


def _image(image: AxesImage) -> list[str]:
    """Size and range of a picture."""
    array: Floats = np.ma.filled(np.ma.asarray(image.get_array(), float), np.nan)
    some = [np.nanmin(array), np.nanmax(array), np.nanmean(array), np.nanstd(array)]
    return [str(array.shape[1]), str(array.shape[0]), *(_number(float(one)) for one in some)]


def _note(value: Any) -> str:
    """Text on one line; numbers as elsewhere; several apart by commas."""
    if isinstance(value, str | int):
        return markdown.line(str(value))
    return _number(value) if isinstance(value, float) else ", ".join(map(_note, value))


def _number(value: float) -> str:
    """Six significant digits, as of committed numbers; empty for nothing."""
    return f"{value:.6g}" if np.isfinite(value) else ""
