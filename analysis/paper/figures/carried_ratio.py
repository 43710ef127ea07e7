"""The original's weighted density, by its own map of frequency to time and by the physical one."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.paper.figures import style
from analysis.study.densities import Weighted, weighted_of
from analysis.study.results import Results


@style.styled
def draw(results: Results) -> Figure:
    """Both weighted densities of every image over the one without weights, encoder by encoder."""
    return draw_from({name: weighted_of(m) for name, m in results.measured.items()})


@style.styled
def draw_from(curves: Mapping[str, Weighted]) -> Figure:
    """Weighted over unweighted density of t, a panel an encoder, all with one axis.

    Args:
        curves: by encoder.
    """
    figure = style.figure(2.6)
    axes = figure.subplots(1, len(curves), sharex=True, sharey=True, squeeze=False)[0]
    for ax, (name, found) in zip(axes, curves.items(), strict=True):
        for by, colour, width in (
            (found.linear, style.PALE, 0.5),
            (found.carried, style.encoder_colour(curves, name), 1.0),
        ):
            ax.plot(found.t, (by / found.unweighted).T, color=colour, lw=width)
        ax.axhline(1, color=style.THEORY, ls=":", lw=1)
        ax.set_title(style.literal(name))
        ax.set_xlabel("t  (noise ← → data)")
    axes[0].set_xlim(0, 1)
    axes[0].set_yscale("log")
    style.plain_log(axes[0].yaxis)
    axes[0].set_ylabel("weighted / unweighted density")
    keys = [
        Line2D([], [], color=style.PALE, lw=0.8, label="R by the linear map"),
        Line2D([], [], color=style.THEORY, lw=1.2, label="R by the crossings (colours)"),
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=2)
    return figure
