"""RAPS of every photograph in every encoder, with the power law of the set's mean."""

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series
from analysis.spectra.powerlaw import fit_power_law
from analysis.study.results import Results


def data(results: Results) -> Data:
    """Of each encoder, at the high resolution: every photograph, their mean, and its power law."""
    curves = []
    for name, measured in results.measured.items():
        k, power = (of(results.study.high)[..., 1:] for of in (measured.k, measured.power))
        mean = np.exp(np.log(power).mean(axis=0))
        band = slice(measured.law_rings.start - 1, measured.law_rings.stop - 1)
        law = fit_power_law(k[band], mean[band])
        curves += [
            *(
                Series(name, photo.title, k, row)
                for photo, row in zip(results.photographs, power, strict=True)
            ),
            Series(name, "geometric mean", k, mean),
            Series(name, f"γ = {law.gamma:.2f}", k[band], law(k[band])),
        ]
    axes = ("frequency (cycles/image)", "power per mode (field units²)")
    return Data(tuple(curves), axes=dict.fromkeys(results.measured, axes))


@style.styled
def draw(data: Data) -> Figure:
    """One panel an encoder, at the high resolution."""
    figure, axes = style.panels(len(data.panels), 2.9, 2.3)
    for ax, name in zip(axes, data.panels, strict=True):
        *photographs, mean, law = data.of(name)
        for curve in photographs:
            style.line(ax, curve, color=style.PALE, lw=0.6, alpha=0.8, label=None)
        style.line(ax, mean, color=style.encoder_colour(data.panels, name), lw=2)
        style.line(ax, law, color=style.THEORY, ls="--", lw=1.2)
        ax.set_yscale("log")
        ax.set_title(style.literal(name))
        style.frequency_axis(ax, mean.x)
        style.label(ax, data, name)
        ax.legend(loc="lower left")
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    found = data(results)
    laws = [f"{name}, {found.of(name)[-1].name}" for name in found.panels]
    return (
        f"One log-log panel for each encoder: thin grey spectra of {len(results.photographs)} "
        "images, their geometric mean as a bold line, and a dashed power law fitted to it: "
        f"{'; '.join(laws)}."
    )
