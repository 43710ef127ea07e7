"""What each window makes of fields whose spectrum is known, and of the images."""

import itertools

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.text import plain
from analysis.study.results import Results

SUPERSCRIPTS = str.maketrans("−.0123456789", "⁻·⁰¹²³⁴⁵⁶⁷⁸⁹")
LOOKS = ((style.PALE, ":"), (style.LOW, "--"), (style.HIGH, "-"), (style.FIT, "-."))


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    leak = results.leakage
    upper = leak.ratio[..., len(leak.k) // 2 :].mean(axis=-1)
    each = [
        f"k^-{gamma:g}, "
        + ", ".join(
            f"{plain(float(one), 2)} ({window.text})"
            for one, window in zip(row, results.study.windows, strict=True)
        )
        for gamma, row in zip(leak.gammas, upper, strict=True)
    ]
    return (
        "Top: measured over true power of simulated fields, a line for each window; mean over the "
        f"upper half of the axis: {'; '.join(each)}. Bottom: the images’ power under each window "
        "relative to the study’s, one panel for each encoder."
    )


@style.styled
def draw(results: Results) -> Figure:
    """Simulated fields of two slopes (top); the images, against the study's window (bottom)."""
    study, leak = results.study, results.leakage
    figure = style.figure(4.8)
    above, below = style.stacked(figure, 2)
    top = np.atleast_1d(above.subplots(1, len(leak.gammas)))
    for ax, gamma, ratios in zip(top, leak.gammas, leak.ratio, strict=True):
        for window, row, (colour, line) in zip(
            study.windows, ratios, itertools.cycle(LOOKS), strict=False
        ):
            ax.plot(leak.k, row, color=colour, ls=line, label=window.text)
        exponent = f"−{gamma:g}".translate(SUPERSCRIPTS)
        ax.set_title(f"simulated, P = k{exponent}")
        style.frequency_axis(ax, leak.k)
    bottom = np.atleast_1d(below.subplots(1, len(results.measured)))
    for ax, (name, measured) in zip(bottom, results.measured.items(), strict=True):
        k = measured.k(study.high)[1:]
        powers = np.log(measured.arrays[f"windows_{study.high}"][..., 1:])
        own = np.log(measured.power(study.high)[:, 1:])
        for index, (window, (colour, line)) in enumerate(
            zip(study.windows, itertools.cycle(LOOKS), strict=False)
        ):
            mean = np.exp((powers[:, index] - own).mean(axis=0))
            ax.plot(k, mean, color=colour, ls=line, label=window.text)
        style.frequency_axis(ax, k)
        ax.set_title(f"images, {name}")
    top[0].set_ylabel("measured / true power")
    bottom[0].set_ylabel(f"power / power under {study.window.text}")
    for ax in (*top, *bottom):
        ax.set_ylim(0.5, 4)
        ax.set_yscale("log")
        style.plain_log(ax.yaxis)
        ax.axhline(1, color=style.THEORY, lw=0.8, label="_equal")
    top[0].legend(loc="upper right")
    return figure
