"""SNR at both resolutions: at the same t, and with t shifted by the square-root rule."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.study.results import Results
from analysis.timesteps.schedule import snr


def _panel(ax: Axes, results: Results, t_high: float) -> None:
    study, measured = results.study, results.measured[results.study.display_encoder]
    index = results.photographs.index(results.display.photograph)
    for side, t, colour, line in (
        (study.high, t_high, style.HIGH, "-"), (study.low, study.t, style.LOW, "--"),
    ):  # fmt: skip
        ratio = snr(t, measured.power(side)[index, 1:], measured.noise(side)[index, 1:])
        ax.plot(measured.k(side)[1:], ratio, color=colour, ls=line, label=f"{side} px, t = {t:.3g}")
    ax.axhline(1, color=style.THEORY, lw=0.8, label="_SNR = 1")
    ax.set_yscale("log")
    style.frequency_axis(ax, measured.k(study.high)[1:])
    ax.legend()


@style.styled
def draw(results: Results) -> Figure:
    """The same photograph and the same axes, before and after."""
    figure = style.figure(3.0)
    left, right = figure.subplots(1, 2, sharey=True)
    _panel(left, results, results.study.t)
    _panel(right, results, results.t_shifted)
    left.set_title("Same t")
    right.set_title("t shifted at the high resolution")
    left.set_ylabel("SNR (ratio of powers)")
    low, high = left.get_ylim()
    left.set_ylim(10 ** np.floor(np.log10(low)), high)
    return figure
