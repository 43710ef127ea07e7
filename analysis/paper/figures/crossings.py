"""Where frequencies rise out of the noise: densities over theta, and the nearest logit-normals."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.study.densities import crossings_of, nearest_of
from analysis.study.results import Results
from analysis.timesteps.crossings import Crossings, LogitNormal, Weights, normal_pdf

SHOWN: tuple[Weights, ...] = ("power", "modes")
LINES = (":", "--", "-")
COLOURS = (style.PALE, style.LOW, style.HIGH)
TITLES: dict[Weights, str] = {
    "power": "by power: error lost",
    "modes": "by mode count: slope of information",
    "amplitude": "by amplitude: rescaled entropic time",
}


@dataclasses.dataclass(frozen=True)
class Curve:
    """One density: the crossings of an encoder at a resolution, and their nearest logit-normal.

    Args:
        side: pixels of the images.
        crossings: they hold the weights, too.
        nearest: of `crossings.nearest_logit_normal`.
    """

    side: int
    crossings: Crossings
    nearest: LogitNormal


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    each = []
    for name, m in results.measured.items():
        sides = m.study.resolutions[-3:]
        for by in SHOWN:
            means = [minus(nearest_of(m, side, by).mu) for side in sides]
            each.append(f"{name}, {by}, {' / '.join(means)}")
    sizes = " / ".join(f"{side}" for side in results.study.resolutions[-3:])
    return (
        "Densities over theta for each encoder and resolution, by power and by number of modes, "
        "with the nearest logit-normals and the standard one in grey. Their means at "
        f"{sizes} px: {'; '.join(each)}."
    )


@style.styled
def draw(results: Results) -> Figure:
    """Densities over theta of every encoder and resolution, by power and by mode count."""
    curves = {
        name: [
            Curve(side, crossings_of(m, side, by), nearest_of(m, side, by))
            for by in SHOWN
            for side in m.study.resolutions[-3:]
        ]
        for name, m in results.measured.items()
    }
    return draw_from(curves, SHOWN)


@style.styled
def draw_from(
    curves: Mapping[str, Sequence[Curve]], weights: Sequence[Weights] = ("power", "modes")
) -> Figure:
    """Densities over theta: a row an encoder, a column a weight.

    Args:
        curves: encoder -> its curves, three sides at most, lowest first, under every weight.
        weights: the columns.
    """
    figure = style.figure(0.9 + 1.7 * len(curves))
    axes = figure.subplots(len(curves), len(weights), sharex=True, sharey=True, squeeze=False)
    theta = np.linspace(-8, 8, 801)
    for row, (name, all_curves) in zip(axes, curves.items(), strict=True):
        for ax, by in zip(row, weights, strict=True):
            reference = ax.fill_between(
                theta, normal_pdf(theta), color=style.PALE, alpha=0.25, lw=0
            )
            shown = [curve for curve in all_curves if curve.crossings.by == by]
            looks = list(zip(LINES, COLOURS, strict=True))[-len(shown) :]
            for curve, (line, colour) in zip(shown, looks, strict=True):
                fit = curve.nearest
                ax.plot(theta, curve.crossings.density(theta), color=colour, ls=line,
                        label=f"{curve.side} px: {minus(fit.mu)}, {minus(fit.std)}")  # fmt: skip
                (thin,) = ax.plot(theta, normal_pdf(theta, fit.mu, fit.std), color=colour, lw=0.6)
                ax.plot([fit.mu] * 2, [0, 0.02], color=colour, lw=2.2)
            # On the side that the densities leave free.
            place = "upper right" if sum(c.nearest.mu for c in shown) < 1 else "upper left"
            ax.legend(
                title=style.literal(name),
                title_fontsize=8,
                loc=place,
                borderaxespad=0,
                handlelength=1.6,
            )
        row[0].set_ylabel("density over θ")
    axes[0, 0].set_xlim(theta[0], theta[-1])
    axes[0, 0].set_ylim(0)
    for ax, by in zip(axes[0], weights, strict=True):
        ax.set_title(TITLES[by])
    for ax in axes[-1]:
        ax.set_xlabel("θ = logit t  (noise ← → data)")
    labels = ("logit-normal (0, 1)", "nearest logit-normal, its μ and std in the legends")
    figure.legend([reference, thin], labels, loc="outside lower center", ncols=2)
    return figure


def minus(x: float) -> str:
    """Two decimals with a typographic minus, and no minus on a zero."""
    return f"{round(x, 2) + 0.0:.2f}".replace("-", "−")
