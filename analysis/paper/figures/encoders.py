"""The encoders side by side: slopes of their channels, and their shift on images of other kinds."""

import itertools

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series, estimates
from analysis.paper.text import estimate, listing, plain
from analysis.shift.equal_snr import MeasuredShift
from analysis.spectra.intervals import Estimate
from analysis.study.measurement import Measured
from analysis.study.results import Results

SLOPES, SHIFTS = "exponents of channels", "shifts per doubling of the side"
TOP = ", top octave"
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


def data(results: Results) -> Data:
    """Every channel's exponent, and every encoder's shifts by images and resolution."""
    everything = results.everything
    shifts = {name: _shifts(measured) for name, measured in everything.items()}
    names = list(dict.fromkeys(itertools.chain.from_iterable(shifts.values())))
    curves = []
    for place, (name, measured) in enumerate(everything.items()):
        gammas = np.sort([law.gamma for law in measured.channel_laws])
        spread = np.linspace(-0.22, 0.22, len(gammas)) if len(gammas) > 1 else np.zeros(1)
        ends, top = place + np.array([-0.3, 0.3]), np.full(2, measured.top_octave)
        found = shifts[name]
        curves += [
            Series(SLOPES, name, place + spread, gammas, categories=[name] * len(gammas)),
            Series(SLOPES, name + TOP, ends, top, categories=[name] * 2),
            estimates(
                SHIFTS, name, list(found.values()), [names.index(w) for w in found], list(found)
            ),
        ]
    axes = {
        SLOPES: ("encoder", f"exponent γ at {results.study.high} px"),
        SHIFTS: ("resolutions in px, or images", "shift s per doubling"),
    }
    notes = {"square-root rule": 2, "encoders": list(everything), "compared": names}
    return Data(tuple(curves), axes=axes, notes=notes)


@style.styled
def draw(data: Data) -> Figure:
    """Power-law exponent of every channel (left); shift by images and resolution (right)."""
    figure = style.figure(3.3)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
    names, compared = data.notes["encoders"], data.notes["compared"]
    for place, name in enumerate(names):
        look = style.encoder_look(names, name)
        style.line(left, data.curve(SLOPES, name), **look, ms=3.5, ls="none")
        style.line(left, data.curve(SLOPES, name + TOP), color=style.THEORY, lw=2)
        aside = 0.18 * (place - (len(names) - 1) / 2)
        style.points(right, data.curve(SHIFTS, name), aside, **look, ms=4.5)
    style.names_axis(left, names, turned=20)
    left.set_ylabel(data.axes[SLOPES][1])
    right.axhline(2, color=style.THEORY, ls="--", lw=1)
    style.note(right, "square-root rule", (len(compared) - 0.5, 2), ha="right")
    style.names_axis(right, [name.replace("-", "-\n") for name in compared], room=0.5)
    right.set_yscale("log")
    low, high = right.get_ylim()
    style.log_axis(right, "y", min(low, 1.7), max(high, 2.1), TICKS)
    right.set_ylabel(data.axes[SHIFTS][1])
    right.legend(loc="best")
    for ax in (left, right):
        ax.grid(visible=False, axis="x")
    return figure


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
