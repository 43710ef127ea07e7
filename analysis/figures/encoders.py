"""The encoders side by side: slopes of their channels, and their shift on images of other kinds."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from analysis.figures import style
from analysis.measured import Measured
from analysis.results import Results
from analysis.shift import Estimate

TICKS = (0.5, 0.7, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4)


def _shifts(measured: Measured) -> list[tuple[str, Estimate]]:
    """What is compared: every doubling that was measured, and the simulated images."""
    found = [
        (f"{low} → {high}", one.whole)
        for (low, high), one in measured.shifts.items()
        if high == 2 * low
    ]
    simulated = [v for v in measured.study.variations if v.images]
    return found + [(v.name, measured.shift_by_variation[v.name].whole) for v in simulated]


@style.styled
def draw(results: Results) -> Figure:
    """Power-law exponent of every channel (left); shift by images and resolution (right)."""
    everything = results.everything
    figure = style.figure(3.3)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
    for place, (name, measured) in enumerate(everything.items()):
        colour = style.encoder_colour(everything, name)
        gammas = np.sort([law.gamma for law in measured.channel_laws])
        spread = np.linspace(-0.22, 0.22, len(gammas)) if len(gammas) > 1 else np.zeros(1)
        left.plot(place + spread, gammas, color=colour, marker=style.MARKERS[place % 5], ms=3.5,
                  ls="none", label=f"_{style.literal(name)}, channels")  # fmt: skip
        left.plot([place - 0.3, place + 0.3], 2 * [measured.top_octave], color=style.THEORY, lw=2,
                  label=f"_{style.literal(name)}, top octave")  # fmt: skip
        shifts = _shifts(measured)
        offset = 0.18 * (place - (len(everything) - 1) / 2)
        for index, (_, e) in enumerate(shifts):
            ends = np.nan_to_num([[e.value - e.low], [e.high - e.value]])
            right.errorbar([index + offset], [e.value], yerr=np.maximum(ends, 0), color=colour,
                           marker=style.MARKERS[place % 5], ms=4.5, capsize=2.5,
                           label=f"{'_' * (index > 0)}{style.literal(name)}")  # fmt: skip
    left.set_xticks(range(len(everything)), [style.literal(name) for name in everything],
                    rotation=20, ha="right", rotation_mode="anchor")  # fmt: skip
    left.set_xlim(-0.6, len(everything) - 0.4)
    left.set_ylabel(f"exponent γ at {results.study.high} px")
    left.grid(visible=False, axis="x")
    names = [text.replace("-", "-\n") for text, _ in _shifts(next(iter(everything.values())))]
    right.axhline(results.theory, color=style.THEORY, ls="--", lw=1, label="_square-root rule")
    right.text(
        len(names) - 0.5, results.theory * 1.01, "square-root rule", fontsize=7.5, ha="right"
    )
    right.set_xticks(range(len(names)), names)
    right.set_xlim(-0.5, len(names) - 0.5)
    right.set_yscale("log")
    ends = right.get_ylim()
    right.set_yticks([s for s in TICKS if ends[0] <= s <= ends[1]])
    right.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    right.minorticks_off()
    right.set_ylabel("shift s per doubling")
    right.grid(visible=False, axis="x")
    right.legend(loc="lower left")
    return figure
