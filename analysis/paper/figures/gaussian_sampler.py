"""The exactly solvable sampler: the best shift against the number of steps, and its ratio."""

from itertools import product

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series
from analysis.paper.text import number, plain
from analysis.shift.rules import flux2
from analysis.study.results import Results

METRICS = {"w2": "W2, weighed by power", "kl_model": "KL, weighed by number of modes"}
LINES = {"w2": "-", "kl_model": "--"}
BEST, WHOLE, SHARED = "best shift", "ratio, whole spectrum", "ratio, shared frequencies"
FLUX2, EQUAL_SNR = "FLUX.2 samples with", "measured equal-SNR shift"


def data(results: Results) -> Data:
    """Best shifts of Euler steps, their ratios, FLUX.2's shifts and the measured ones.

    nan where the best shift is beyond the grid that was searched.
    """
    low, high = results.study.pair
    curves = []
    for name, by_solver in results.samplers.items():
        found = by_solver["euler"]
        steps = found.steps.astype(float)
        for metric, label in METRICS.items():
            best = found.best[found.at(high, "total", metric)]
            curves.append(Series(BEST, f"{name}: {label}", steps, best))
            for panel, region in ((WHOLE, "total"), (SHARED, f"whole {low}")):
                ratio = found.ratio(low, high, region, metric)[:-1]
                curves.append(Series(panel, f"{name}: {label}", steps, ratio))
        place, shift = np.array([steps[-1] * 1.1]), results.measured[name].shift.whole
        curves.append(Series(SHARED, f"{name}: {EQUAL_SNR}", place, np.array([shift.value])))
    published = np.array([flux2(high, high, int(n)) for n in steps])
    curves.append(Series(BEST, FLUX2, steps, published))
    x, y = "number of Euler steps", f"best s at {high} px / at {low} px"
    axes = {BEST: (x, f"best shift s at {high} px"), WHOLE: (x, y), SHARED: (x, y)}
    notes = {
        "square-root rule": results.theory,
        "encoders": list(results.samplers),
        "where nothing stands": "the best shift is beyond the grid",
    }
    return Data(tuple(curves), axes=axes, notes=notes)


@style.styled
def draw(data: Data) -> Figure:
    """Best shift at the high resolution (left) and its ratio to that at the low one (the others).

    By power and by mode count; FLUX.2's own shifts are crosses.
    """
    figure, (left, *others) = style.panels(3, 3.6, 2.5, 1.2, ratios=(1.15, 1, 1))
    others[1].sharey(others[0])
    names, published = data.notes["encoders"], data.curve(BEST, FLUX2)
    for ax, panel in zip((left, *others), (BEST, WHOLE, SHARED), strict=True):
        for name, metric in product(names, METRICS):
            look = style.encoder_look(names, name) | {"ls": LINES[metric], "markevery": 3, "ms": 4}
            style.line(ax, data.curve(panel, f"{name}: {METRICS[metric]}"), **look)
        ax.set_xscale("log")
        ax.set_yscale("log")
        style.plain_log(ax.xaxis)
        style.plain_log(ax.yaxis)
        ax.set_xlim(published.x[0] * 0.9, published.x[-1] * 1.1)
        ax.set_title(panel)
        style.label(ax, data, panel, always=panel != SHARED)
    for name in names:
        look = style.encoder_look(names, name) | {"ms": 8, "mfc": "none", "ls": "", "zorder": 5}
        style.line(others[1], data.curve(SHARED, f"{name}: {EQUAL_SNR}"), clip_on=False, **look)
    cross = {"color": style.THEORY, "marker": "x", "ls": ""}
    style.line(left, published, ms=6, **cross)
    theory = data.notes["square-root rule"]
    for ax in others:
        ax.axhline(theory, color=style.THEORY, ls=":", lw=1)
        ax.set_yticks([0.8, 1.0, 1.2, 1.5, 2.0, 2.5])
    for ax in (left, *others):
        ax.minorticks_off()
    others[0].text(5 * published.x[0], theory * 1.02, "square-root rule", fontsize=7.5)
    keys = [
        *(style.key(style.literal(n), **style.encoder_look(names, n), ms=4) for n in names),
        *(style.key(METRICS[m], color=style.PALE, ls=line) for m, line in LINES.items()),
        style.key(EQUAL_SNR, color=style.PALE, marker="o", mfc="none", ms=8, ls=""),
        style.key(FLUX2, **cross),
    ]
    style.legend(figure, keys, columns=4)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    study, found, each = results.study, data(results), []
    for name, (metric, how) in product(results.samplers, (("w2", "W2"), ("kl_model", "KL"))):
        pairs = []
        for panel in (WHOLE, SHARED):
            curve = found.curve(panel, f"{name}: {METRICS[metric]}")
            ends = [curve.y[0], curve.y[curve.x == 200][0]]
            told = [plain(y, 2) if np.isfinite(y) else "beyond the grid" for y in ends]
            pairs.append(" / ".join(told))
        each.append(f"{name} by {how}, {' and '.join(pairs)}")
    return (
        f"Left: best shift at {study.high} px against the number of Euler steps for each encoder, "
        "by W2 and by KL, with FLUX.2’s own shifts as crosses. Middle: its ratio to the best shift "
        f"at {study.low} px for the whole spectrum. Right: the same for the frequencies both "
        f"resolutions share. The ratios at {int(curve.x[0])} / 200 steps, whole and shared: "
        f"{'; '.join(each)}; the square-root rule is {number(results.theory)}."
    )
