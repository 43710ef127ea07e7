"""The encoders side by side: their shift between other sides, and on images of other kinds."""

import itertools

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, estimates
from analysis.paper.text import estimate, listing
from analysis.shift.equal_snr import MeasuredShift
from analysis.spectra.intervals import Estimate
from analysis.study.measurement import Measured
from analysis.study.results import Results

SHIFTS = "shifts per doubling of the side"
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
    """Every encoder's shifts by images and resolution."""
    everything = results.everything
    shifts = {name: _shifts(measured) for name, measured in everything.items()}
    names = list(dict.fromkeys(itertools.chain.from_iterable(shifts.values())))
    curves = [
        estimates(SHIFTS, name, list(found.values()), [names.index(w) for w in found], list(found))
        for name, found in shifts.items()
    ]
    axes = {SHIFTS: ("resolutions in px, or images", "shift s per doubling")}
    notes = {"square-root rule": 2, "encoders": list(everything), "compared": names}
    return Data(tuple(curves), axes=axes, notes=notes)


@style.styled
def draw(data: Data) -> Figure:
    """Shift by images and resolution, with intervals."""
    figure = style.figure(2.9, 3.0, across=5.6)
    ax = figure.subplots()
    names, compared = data.notes["encoders"], data.notes["compared"]
    for place, name in enumerate(names):
        look, aside = style.encoder_look(names, name), 0.18 * (place - (len(names) - 1) / 2)
        style.points(ax, data.curve(SHIFTS, name), aside, **look, ms=4.5)
    ax.axhline(2, color=style.THEORY, ls="--", lw=1)
    style.note(ax, "square-root rule", (len(compared) - 0.5, 2), ha="right")
    style.names_axis(ax, [name.replace("-", "-\n") for name in compared], room=0.5)
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    style.log_axis(ax, "y", min(low, 1.7), max(high, 2.1), TICKS)
    ax.set_ylabel(data.axes[SHIFTS][1])
    ax.legend(loc="best")
    ax.grid(visible=False, axis="x")
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    shifts = []
    for name, m in results.everything.items():
        found = [f"{what} {estimate(e)}" for what, e in _shifts(m).items()]
        shifts.append(f"{name}, {listing(found)}")
    return (
        "Shifts per doubling of the side with intervals, by the rule two, for photographs between "
        f"neighbouring resolutions and for simulated images: {'; '.join(shifts)}."
    )
