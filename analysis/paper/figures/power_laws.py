"""RAPS of every photograph in every encoder, with the power law of the set's mean."""

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.spectra.powerlaw import fit_power_law
from analysis.study.results import Results


@style.styled
def draw(results: Results) -> Figure:
    """One panel an encoder, at the high resolution."""
    study = results.study
    figure = style.figure(2.9)
    axes = figure.subplots(1, len(results.measured), squeeze=False)[0]
    for ax, (name, measured) in zip(axes, results.measured.items(), strict=True):
        k, power = measured.k(study.high), measured.power(study.high)
        mean = np.exp(np.log(power[:, 1:]).mean(axis=0))
        for photo, row in zip(results.photographs, power, strict=True):
            look = {
                "color": style.PALE,
                "lw": 0.6,
                "alpha": 0.8,
                "label": f"_{style.literal(photo.title)}",
            }
            ax.plot(k[1:], row[1:], **look)
        ax.plot(
            k[1:],
            mean,
            color=style.encoder_colour(results.measured, name),
            lw=2,
            label="geometric mean",
        )
        band = measured.law_rings
        law = fit_power_law(k[band], mean[band.start - 1 : band.stop - 1])
        ax.plot(
            k[band], law(k[band]), color=style.THEORY, ls="--", lw=1.2, label=f"γ = {law.gamma:.2f}"
        )
        ax.set_yscale("log")
        ax.set_title(style.literal(name))
        style.frequency_axis(ax, k[1:])
        ax.legend(loc="lower left")
    axes[0].set_ylabel("power per mode (field units²)")
    return figure
