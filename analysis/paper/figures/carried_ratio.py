"""The original's weighted density, by its own map of frequency to time and by the physical one."""

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series
from analysis.paper.text import plain
from analysis.study.densities import weighted_of
from analysis.study.results import Results

LINEAR, CARRIED = "R by the linear map", "R by the crossings"


def data(results: Results) -> Data:
    """Both weighted densities of every image over the one without weights, encoder by encoder."""
    curves = []
    for name, measured in results.measured.items():
        found = weighted_of(measured)
        for by, densities in ((LINEAR, found.linear), (CARRIED, found.carried)):
            curves += [
                Series(name, f"{photo.title}, {by}", found.t, density / found.unweighted)
                for photo, density in zip(results.photographs, densities, strict=True)
            ]
    axes = ("t  (noise ← → data)", "weighted / unweighted density")
    return Data(tuple(curves), axes=dict.fromkeys(results.measured, axes))


@style.styled
def draw(data: Data) -> Figure:
    """Weighted over unweighted density of t, a panel an encoder, all with one axis."""
    figure = style.figure(2.6)
    names = data.panels
    axes = figure.subplots(1, len(names), sharex=True, sharey=True, squeeze=False)[0]
    for ax, name in zip(axes, names, strict=True):
        own = style.encoder_colour(names, name)
        for curve in data.of(name):
            linear = curve.name.endswith(LINEAR)
            style.line(ax, curve, color=style.PALE if linear else own, lw=0.5 if linear else 1)
        ax.axhline(1, color=style.THEORY, ls=":", lw=1)
        ax.set_title(style.literal(name))
        style.label(ax, data, name, left=ax is axes[0])
    axes[0].set_xlim(0, 1)
    axes[0].set_yscale("log")
    style.plain_log(axes[0].yaxis)
    keys = [
        style.key(LINEAR, color=style.PALE, lw=0.8),
        style.key(f"{CARRIED} (colours)", color=style.THEORY, lw=1.2),
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=2)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    found, each = data(results), []
    for name in found.panels:
        ends = []
        for by in (LINEAR, CARRIED):
            chosen = [curve.y for curve in found.of(name) if curve.name.endswith(by)]
            least, greatest = min(y.min() for y in chosen), max(y.max() for y in chosen)
            ends.append(f"{plain(least, 2)} to {plain(greatest, 2)}")
        each.append(f"{name}, {' / '.join(ends)}")
    return (
        "One panel for each encoder: ratio of weighted to unweighted density against t, for every "
        "image, by the linear map in grey and by the crossings in the encoder's colour, with a "
        f"line at one. Least and greatest ratio by the one map / the other: {'; '.join(each)}."
    )
