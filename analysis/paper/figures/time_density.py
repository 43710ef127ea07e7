"""The density of time steps at the low resolution, and shifted for the high one."""

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.study.results import Results
from analysis.timesteps import schedule


@style.styled
def draw(results: Results) -> Figure:
    """Two logit-normal densities over t."""
    study = results.study
    s = schedule.theoretical_shift(study.high, study.high, study.low, study.low)
    t = np.linspace(0, 1, 801)
    figure = style.figure(2.6, 5.2)
    ax = figure.subplots()
    for mu, side, colour, line in (
        (study.mu, study.low, style.LOW, "--"),
        (schedule.shift_mu(study.mu, s), study.high, style.HIGH, "-"),
    ):
        ax.plot(
            t,
            schedule.logit_normal_pdf(t, mu, study.std),
            color=colour,
            ls=line,
            label=f"{side} px: μ = {mu:.3f}",
        )
    ax.set_xlabel("t (0 noise, 1 data)")
    ax.set_ylabel("density over t")
    ax.set_xlim(0, 1)
    ax.set_ylim(0)
    ax.legend()
    return figure
