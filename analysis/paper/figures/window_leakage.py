"""What each window makes of fields whose spectrum is known, and of the images."""

import itertools

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series
from analysis.paper.text import plain
from analysis.study import findings
from analysis.study.results import Results

SUPERSCRIPTS = str.maketrans("−.0123456789", "⁻·⁰¹²³⁴⁵⁶⁷⁸⁹")
LOOKS = ((style.PALE, ":"), (style.LOW, "--"), (style.HIGH, "-"), (style.FIT, "-."))
SIMULATED = "simulated, P = k"


def data(results: Results) -> Data:
    """Simulated fields of known slopes, and each encoder's images relative to the study's window.

    Notes have the mean over the upper half of the frequencies, of each slope for each window.
    """
    study, leak = results.study, results.leakage
    curves, axes, notes = [], {}, {}
    x = "frequency (cycles/image)"
    means = 1 + findings.leakage(results)
    for gamma, ratios, mean in zip(leak.gammas, leak.ratio, means, strict=True):
        panel = SIMULATED + f"−{gamma:g}".translate(SUPERSCRIPTS)
        axes[panel] = (x, "measured / true power")
        notes[f"k^-{gamma:g}"] = mean.tolist()
        curves += [
            Series(panel, window.text, leak.k, ratio)
            for window, ratio in zip(study.windows, ratios, strict=True)
        ]
    for name, measured in results.measured.items():
        panel = f"images, {name}"
        axes[panel] = (x, f"power / power under {study.window.text}")
        own = np.log(measured.power(study.high)[:, 1:])
        for index, window in enumerate(study.windows):
            power = np.log(measured.arrays[f"windows_{study.high}"][:, index, 1:])
            ratio = np.exp((power - own).mean(axis=0))
            curves.append(Series(panel, window.text, measured.k(study.high)[1:], ratio))
    return Data(tuple(curves), axes=axes, notes=notes)


@style.styled
def draw(data: Data) -> Figure:
    """Simulated fields of known slopes (top); the images, against the study's window (bottom)."""
    figure = style.figure(4.8, 2.1 * len(data.panels))
    rows = [
        [panel for panel in data.panels if panel.startswith(SIMULATED) == simulated]
        for simulated in (True, False)
    ]
    parts = style.stacked(figure, 2, [len(panels) for panels in rows])
    for part, panels in zip(parts, rows, strict=True):
        axes = style.beside(part, len(panels))
        for ax, panel in zip(axes, panels, strict=True):
            for curve, (colour, line) in zip(data.of(panel), itertools.cycle(LOOKS), strict=False):
                style.line(ax, curve, color=colour, ls=line)
            ax.set_title(style.literal(panel))
            style.frequency_axis(ax, data.of(panel)[0].x)
            style.label(ax, data, panel)
            ax.set_ylim(0.5, 4)
            ax.set_yscale("log")
            style.plain_log(ax.yaxis)
            ax.axhline(1, color=style.THEORY, lw=0.8)
        if panels is rows[0]:
            axes[0].legend(loc="upper right")
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    windows = [window.text for window in results.study.windows]
    each = []
    for slope, means in data(results).notes.items():
        values = [f"{plain(curve, 2)} ({text})" for curve, text in zip(means, windows, strict=True)]
        each.append(f"{slope}, {', '.join(values)}")
    return (
        "Top: measured over true power of simulated fields, a line for each window; mean over the "
        f"upper half of the axis: {'; '.join(each)}. Bottom: the images’ power under each window "
        "relative to the study’s, one panel for each encoder."
    )
