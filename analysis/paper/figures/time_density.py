"""The density of time steps at the low resolution, and shifted for the high one."""

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series
from analysis.paper.text import plain
from analysis.study.results import Results
from analysis.timesteps import schedule


def data(results: Results) -> Data:
    """Two logit-normal densities over t."""
    study, t = results.study, np.linspace(0, 1, 801)
    curves = [
        Series("", f"{side} px: μ = {plain(mu, 3)}", t, schedule.logit_normal_pdf(t, mu, study.std))
        for side, mu in (
            (study.low, study.mu),
            (study.high, schedule.shift_mu(study.mu, results.theory)),
        )
    ]
    return Data(tuple(curves), axes={"": ("t (0 noise, 1 data)", "density over t")})


@style.styled
def draw(data: Data) -> Figure:
    """Two logit-normal densities over t."""
    looks: list[style.Look] = [{"color": style.LOW, "ls": "--"}, {"color": style.HIGH}]
    figure, ax = style.curves(data, 2.6, looks)
    ax.set_xlim(0, 1)
    ax.set_ylim(0)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    low, high = (
        f"{curve.name}, largest at t = {plain(curve.x[curve.y.argmax()], 2)}"
        for curve in data(results).curves
    )
    return (
        f"Two densities over t between 0 and 1: that of the low resolution ({low}), and that of "
        f"the high one ({high}), which lies nearer to small t, more noise."
    )
