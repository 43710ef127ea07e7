"""Where frequencies rise out of the noise: densities over theta, and the nearest logit-normals."""

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series
from analysis.paper.text import plain
from analysis.study.densities import crossings_of, nearest_of
from analysis.study.results import Results
from analysis.timesteps.crossings import Weights, normal_pdf

TITLES: dict[Weights, str] = {
    "power": "by power: error lost",
    "modes": "by mode count: slope of information",
}
STANDARD, NEAREST, MEAN = "logit-normal (0, 1)", ", nearest logit-normal", ", its mean"
LOOKS = (
    {"ls": ":", "color": style.PALE},
    {"ls": "--", "color": style.LOW},
    {"ls": "-", "color": style.HIGH},
)


def data(results: Results) -> Data:
    """Densities over theta of every encoder at three resolutions at most, by power and by number.

    Each has the logit-normal nearest to it, whose mean and standard deviation are in its name.
    """
    theta, curves = np.linspace(-8, 8, 321), []
    for name, measured in results.measured.items():
        for by, title in TITLES.items():
            panel = f"{name}, {title}"
            curves.append(Series(panel, STANDARD, theta, normal_pdf(theta)))
            for side in results.study.resolutions[-3:]:
                density = crossings_of(measured, side, by).density(theta)
                fit = nearest_of(measured, side, by)
                text = f"{side} px: {plain(fit.mu, 2)}, {plain(fit.std, 2)}"
                nearest = normal_pdf(theta, fit.mu, fit.std)
                curves += [
                    Series(panel, text, theta, density),
                    Series(panel, text + NEAREST, theta, nearest),
                    Series(panel, text + MEAN, np.full(2, fit.mu), np.array([0, 0.02])),
                ]
    axes = ("θ = logit t  (noise ← → data)", "density over θ")
    panels = {curve.panel: axes for curve in curves}
    return Data(tuple(curves), axes=panels, notes={"encoders": list(results.measured)})


@style.styled
def draw(data: Data) -> Figure:
    """Densities over theta: a row an encoder, a column a weight."""
    names = data.notes["encoders"]
    rows, columns = len(names), len(TITLES)
    figure = style.figure(0.9 + 1.7 * rows, 0.9 + 1.65 * rows * columns)
    if style.narrow():
        rows, columns = rows * columns, 1
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax, panel in zip(axes.ravel(), data.panels, strict=True):
        standard, *others = data.of(panel)
        shade = {"color": style.PALE, "alpha": 0.25, "lw": 0}
        reference = ax.fill_between(standard.x, standard.y, **shade)
        densities, nearest, means = others[::3], others[1::3], others[2::3]
        looks = LOOKS[-len(densities) :]
        for density, fit, mean, look in zip(densities, nearest, means, looks, strict=True):
            style.line(ax, density, **look)
            (thin,) = ax.plot(fit.x, fit.y, color=look["color"], lw=0.6)
            ax.plot(mean.x, mean.y, color=look["color"], lw=2.2)
        # On the side that the densities leave free.
        place = "upper right" if sum(mean.x[0] for mean in means) < 1 else "upper left"
        ax.legend(loc=place, title_fontsize=8, borderaxespad=0, handlelength=1.6)
    per = axes.reshape(len(names), len(TITLES))
    for name, row in zip(names, per, strict=True):
        for ax in row:
            ax.get_legend().set_title("" if style.narrow() else style.literal(name))
    for row in axes:
        row[0].set_ylabel(data.axes[panel][1])
    axes[0, 0].set_xlim(standard.x[0], standard.x[-1])
    # Room for the legends above the curves.
    axes[0, 0].set_ylim(0, 1.5 * max(curve.y.max() for curve in data.curves))
    for name, row in zip(names, per if style.narrow() else per[:1], strict=False):
        for ax, title in zip(row, TITLES.values(), strict=True):
            short = f"{style.literal(name)}, {title.partition(':')[0]}"
            ax.set_title(short if style.narrow() else title)
    for ax in axes[-1]:
        ax.set_xlabel(data.axes[panel][0])
    reference.set_label(STANDARD)
    thin.set_label("nearest logit-normal: μ, std")
    style.legend(figure, [reference, thin])
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    sides, each = results.study.resolutions[-3:], []
    for name, m in results.measured.items():
        for by in TITLES:
            means = [plain(nearest_of(m, side, by).mu, 2) for side in sides]
            each.append(f"{name}, {by}, {' / '.join(means)}")
    return (
        "Densities over theta for each encoder and resolution, by power and by number of modes, "
        "with the nearest logit-normals and the standard one in grey. Their means at "
        f"{' / '.join(map(str, sides))} px: {'; '.join(each)}."
    )
