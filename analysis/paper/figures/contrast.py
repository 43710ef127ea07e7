"""The shift against a picture's contrast: pictures as they are, and the same ones made fainter."""

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series, estimates
from analysis.paper.text import estimate, listing, plain
from analysis.study.results import Results

PICTURES, MEANS = "each picture", "means over pictures"
NONE = "no run of the experiment on contrast is committed"
TICKS = (0.75, 1, 1.25, 1.5, 1.75, 2, 2.5)


def data(results: Results) -> Data:
    """Shift of each picture by its contrast, and the fainter ones' mean by encoder."""
    if (done := results.contrast) is None:
        return Data(notes={"nothing": NONE})
    curves, start = [], 0
    for name, count in zip(done.settings.studies, done.counts, strict=True):
        chosen = slice(start, start + count)
        curves.append(Series(PICTURES, f"set {name}", done.contrast[chosen], done.shifts[chosen]))
        start += count
    own = done.settings.encoder
    fainter = zip(done.swept_contrast, done.swept_shifts(own), strict=True)
    for number, (contrast, shifts) in enumerate(fainter, 1):
        curves.append(Series(PICTURES, f"picture {number}, made fainter", contrast, shifts))
    for name in done.swept:
        means = [done.at_factor(name, factor) for factor in done.factors]
        curves.append(estimates(MEANS, name, means, done.factors.tolist()))
    side, y = results.study.low, "shift s"
    axes = {
        PICTURES: (f"contrast at {side} px (variance in the bands)", f"{y}, {own}"),
        MEANS: ("contrast over the picture's own", y),
    }
    notes = {
        "square-root rule": results.theory,
        "encoders": list(dict.fromkeys([*results.measured, *done.swept])),
        "encoder": own,
        "pictures": sum(done.counts),
        "made fainter": done.settings.swept,
        "quarters by rising contrast": [[one.value, one.low, one.high] for one in done.quartiles()],
        "least contrast is 1 /": round(1 / done.factors[-1]),
    }
    return Data(tuple(curves), axes=axes, notes=notes)


@style.styled
def draw(data: Data) -> Figure:
    """Shift by contrast: every picture and its fainter copies (left), by encoder (right)."""
    figure, (left, right) = style.panels(2, 3.4, 3.0, ratios=(1.4, 1), shared=True)
    names = data.notes["encoders"]
    sets = [c for c in data.of(PICTURES) if c.name.startswith("set ")]
    swept = [c for c in data.of(PICTURES) if c not in sets]
    for curve in swept:
        left.plot(curve.x, curve.y, color=style.PALE, lw=0.9, marker=".", ms=4, zorder=1)
    own = style.encoder_colour(names, data.notes["encoder"])
    for curve, filled in zip(sets, (own, style.GROUND), strict=False):
        left.plot(curve.x, curve.y, "o", ms=4, mec=own, mfc=filled, label=curve.name)
    handles = [*left.get_legend_handles_labels()[0]]
    handles.append(style.key("made fainter", color=style.PALE, lw=0.9, marker="."))
    left.legend(handles=handles, loc="upper left")
    for curve in data.of(MEANS):
        look = style.encoder_look(names, curve.name)
        style.points(right, curve, ls="-", lw=1.1, **look)
    for ax in (left, right):
        ax.set_xscale("log")
        ax.axhline(data.notes["square-root rule"], color=style.THEORY, ls="--", lw=1)
    style.log_axis(left, "y", 0.7, 3.6, TICKS)  # the legend stands above the rule
    for ax, panel in ((left, PICTURES), (right, MEANS)):
        style.label(ax, data, panel)
    right.legend(loc="lower right")
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    if (done := results.contrast) is None:
        return NONE
    quarters = [estimate(one) for one in done.quartiles()]
    least = f"1/{round(1 / done.factors[-1])}"
    falls = [
        f"{name} from {plain(done.at_factor(name, 1.0).value, 2)} to "
        f"{plain(done.at_factor(name, float(done.factors[-1])).value, 2)}"
        for name in done.swept
    ]
    return (
        f"Left: the shift of {sum(done.counts)} pictures against their contrast, rising: by "
        f"quarters of the pictures {listing(quarters)}; and {done.settings.swept} of them made "
        f"fainter. Right: mean shift of these by encoder, at full contrast and at {least} of it: "
        f"{listing(falls)}. Dashed: the square-root rule."
    )
