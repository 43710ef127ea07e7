"""SNR at both resolutions: at the same t, and with t shifted by the square-root rule."""

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series
from analysis.paper.text import percent, plain
from analysis.study.findings import snr_mismatch
from analysis.study.results import Results
from analysis.timesteps.schedule import snr

BEFORE, AFTER = "Same t", "t shifted at the high resolution"


def data(results: Results) -> Data:
    """The same photograph before and after; notes have the ratio of the curves in each panel."""
    study, measured = results.study, results.measured[results.study.display_encoder]
    index = results.photographs.index(results.display.photograph)
    curves, notes = [], {}
    for panel, t_high in ((BEFORE, study.t), (AFTER, results.t_shifted)):
        for side, t in ((study.high, t_high), (study.low, study.t)):
            ratio = snr(t, measured.power(side)[index, 1:], measured.noise(side)[index, 1:])
            curves.append(Series(panel, f"{side} px, t = {t:.3g}", measured.k(side)[1:], ratio))
        notes[f"{panel}: mean ratio of SNR over low and middle bands, and largest either way"] = (
            snr_mismatch(measured, index, t_high)
        )
    axes = ("frequency (cycles/image)", "SNR (ratio of powers)")
    return Data(tuple(curves), axes={BEFORE: axes, AFTER: axes}, notes=notes)


@style.styled
def draw(data: Data) -> Figure:
    """The same photograph and the same axes, before and after."""
    figure, (left, right) = style.panels(2, 3.0, 2.5, shared=True)
    for ax, panel in ((left, BEFORE), (right, AFTER)):
        high, low = data.of(panel)
        style.line(ax, high, color=style.HIGH)
        style.line(ax, low, color=style.LOW, ls="--")
        ax.axhline(1, color=style.THEORY, lw=0.8)
        ax.set_yscale("log")
        ax.set_title(panel)
        style.frequency_axis(ax, high.x)
        style.label(ax, data, panel)
        ax.legend()
    bottom, top = left.get_ylim()
    left.set_ylim(10 ** np.floor(np.log10(bottom)), top)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    (before, _), (after, worst) = data(results).notes.values()
    return (
        "Two log-log plots of signal-to-noise ratio against frequency. Left, at the same t, "
        f"{results.study.t:g}, the curve of the high resolution is {plain(before, 2)} times the "
        "other on average over the low and middle bands. Right, with t shifted to "
        f"{results.t_shifted:.3g}, {plain(after, 2)} times, and nowhere in them off by more than "
        f"{percent(worst - 1)}."
    )
