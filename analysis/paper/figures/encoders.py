"""The encoders side by side: slopes of their channels, and their shift on images of other kinds."""

import itertools

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from analysis.paper.figures import style
from analysis.paper.text import estimate, listing, plain
from analysis.shift.equal_snr import MeasuredShift
from analysis.spectra.intervals import Estimate
from analysis.study.measurement import Measured
from analysis.study.results import Results

TICKS = (0.5, 0.7, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4)


def _doubling(shift: MeasuredShift) -> Estimate:
    """2^r: what a shift between any two sides comes to for twice the side."""
    power = np.log(4) / np.log(shift.pixel_ratio)
    e = shift.whole
    return Estimate(e.value**power, e.low**power, e.high**power, e.band)


def _shifts(measured: Measured) -> dict[str, Estimate]:
    """What is compared, per doubling: neighbouring resolutions, and the simulated images."""
    pairs = itertools.pairwise(measured.study.resolutions)
    found = {
        f"{low} → {high}": _doubling(measured.shifts[low, high])
        for low, high in pairs
        if (low, high) in measured.shifts
    }
    simulated = [v.name for v in measured.study.variations if v.images]
    return found | {name: _doubling(measured.shift_by_variation[name]) for name in simulated}


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    slopes, shifts = [], []
    for name, m in results.everything.items():
        gammas = [law.gamma for law in m.channel_laws]
        slopes.append(
            f"{name} {plain(min(gammas), 2)} to {plain(max(gammas), 2)}, {plain(m.top_octave, 2)}"
        )
        found = [f"{what} {estimate(e)}" for what, e in _shifts(m).items()]
        shifts.append(f"{name}, {listing(found)}")
    return (
        "Left: the exponents of all channels of each encoder as symbols, least to greatest, and a "
        f"bar for the exponent of the top octave: {'; '.join(slopes)}. Right: shifts per doubling "
        f"of the side with intervals, by the rule two: {'; '.join(shifts)}."
    )


@style.styled
def draw(results: Results) -> Figure:
    """Power-law exponent of every channel (left); shift by images and resolution (right)."""
    everything = results.everything
    figure = style.figure(3.3)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
    shifts = {name: _shifts(measured) for name, measured in everything.items()}
    names = list(dict.fromkeys(itertools.chain.from_iterable(shifts.values())))
    for place, (name, measured) in enumerate(everything.items()):
        colour, mark = style.encoder_colour(everything, name), style.marker(everything, name)
        gammas = np.sort([law.gamma for law in measured.channel_laws])
        spread = np.linspace(-0.22, 0.22, len(gammas)) if len(gammas) > 1 else np.zeros(1)
        left.plot(place + spread, gammas, color=colour, marker=mark, ms=3.5,
                  ls="none", label=f"_{style.literal(name)}, channels")  # fmt: skip
        left.plot([place - 0.3, place + 0.3], 2 * [measured.top_octave], color=style.THEORY, lw=2,
                  label=f"_{style.literal(name)}, top octave")  # fmt: skip
        offset = 0.18 * (place - (len(everything) - 1) / 2)
        for index, (what, e) in enumerate(shifts[name].items()):
            ends = np.nan_to_num([[e.value - e.low], [e.high - e.value]])
            right.errorbar([names.index(what) + offset], [e.value], yerr=np.maximum(ends, 0),
                           color=colour, marker=mark, ms=4.5, capsize=2.5,
                           label=f"{'_' * (index > 0)}{style.literal(name)}")  # fmt: skip
    left.set_xticks(range(len(everything)), [style.literal(name) for name in everything],
                    rotation=20, ha="right", rotation_mode="anchor")  # fmt: skip
    left.set_xlim(-0.6, len(everything) - 0.4)
    left.set_ylabel(f"exponent γ at {results.study.high} px")
    left.grid(visible=False, axis="x")
    right.axhline(2, color=style.THEORY, ls="--", lw=1, label="_square-root rule")
    right.annotate("square-root rule", (len(names) - 0.5, 2), xytext=(0, 3),
                   textcoords="offset points", fontsize=7.5, ha="right")  # fmt: skip
    right.set_xticks(range(len(names)), [name.replace("-", "-\n") for name in names])
    right.set_xlim(-0.5, len(names) - 0.5)
    right.set_yscale("log")
    low, high = right.get_ylim()
    bottom, top = min(low, 1.7), max(high, 2.1)
    right.set_ylim(bottom, top)
    right.set_yticks([s for s in TICKS if bottom <= s <= top])
    right.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    right.minorticks_off()
    right.set_ylabel("shift s per doubling")
    right.grid(visible=False, axis="x")
    right.legend(loc="best")
    return figure
