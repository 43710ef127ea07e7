"""The main figure: the shift that equal SNR asks for, measured per frequency in each encoder."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series, estimates
from analysis.paper.text import estimate, listing, number, point
from analysis.spectra.intervals import Estimate
from analysis.study.measurement import band_ends
from analysis.study.results import Results

CURVES, NUMBERS = "by frequency", "low and middle bands"
TICKS = (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8)


def data(results: Results) -> Data:
    """s(k) and one number of each encoder, with intervals.

    k is a fraction of each encoder's own Nyquist frequency: latents and pixels share an axis.
    """
    study, curves = results.study, []
    for name, measured in results.measured.items():
        shift, nyquist = measured.shift, len(measured.k(study.low)) - 1
        curves.append(Series(CURVES, name, shift.k / nyquist, shift.mean, shift.low, shift.high))
    for place, (name, measured) in enumerate(results.measured.items()):
        curves.append(estimates(NUMBERS, name, [measured.shift.whole], [place], [name]))
    y = f"shift s, {study.low} → {study.high} px"
    axes = {
        CURVES: (f"frequency / Nyquist frequency at {study.low} px", y),
        NUMBERS: ("encoder", y),
    }
    strides = {m.card.latent_stride for m in results.measured.values()}
    notes = {
        "square-root rule": results.theory,
        "ends of bands": band_ends(results.measured.values()),
        "strides of latents": sorted(strides),
        "low side (px)": study.low,
    }
    return Data(tuple(curves), axes=axes, notes=notes)


def _cycles(ax: Axes, nyquist: int, stride: int, place: float) -> None:
    """A second axis above the frame: the same frequencies in cycles per image."""
    above = ax.secondary_xaxis(
        place,
        functions=(lambda f: np.multiply(f, nyquist), lambda k: np.divide(k, nyquist)),
    )
    above.set_xscale("log", base=2)
    above.xaxis.set_major_formatter(lambda k, _: f"{k:g}" if k >= 1 else "")
    grid = "pixels" if stride == 1 else f"latents of stride {stride}"
    above.set_xlabel(f"cycles/image, {grid}", fontsize=7.5)
    above.tick_params(labelsize=7.5)


@style.styled
def draw(data: Data) -> Figure:
    """s(k) with intervals (left), one number per encoder (right), and the square-root rule."""
    figure = style.figure(3.7)
    left, right = figure.subplots(1, 2, width_ratios=(2.6, 1))
    names = [curve.name for curve in data.of(CURVES)]
    for curve in data.of(CURVES):
        style.line(left, curve, **style.encoder_look(names, curve.name), markevery=0.15, ms=4)
    for curve in data.of(NUMBERS):
        style.points(right, curve, **style.encoder_look(names, curve.name), ms=6, capsize=4)
        (value,), ((low,), (high,)) = curve.y, curve.ends
        text = point(Estimate(value, low, high, (0, 0)))
        bold = {"fontsize": 8.5, "fontweight": "bold", "ha": "center"}
        style.note(right, text, (curve.x[0], np.fmax(value, high)), (0, 8), **bold)
    theory = data.notes["square-root rule"]
    least = min(curve.y.min() for curve in data.of(CURVES))
    greatest = max(curve.y.max() for curve in data.of(CURVES))
    for ax in (left, right):
        ax.axhline(theory, color=style.THEORY, ls="--", lw=1)
        style.log_axis(ax, "y", min(1.0, 0.95 * least), max(3.0, 1.05 * greatest), TICKS)
    across = left.get_yaxis_transform()
    left.text(0.02, theory * 1.02, "square-root rule", fontsize=7.5, transform=across)
    style.nyquist_axis(left, data.notes["ends of bands"])
    for place, stride in enumerate(data.notes["strides of latents"]):
        _cycles(left, data.notes["low side (px)"] // stride // 2, stride, 1.0 + 0.17 * place)
    style.label(left, data, CURVES)
    left.legend(loc="upper left")
    style.names_axis(right, names, turned=25)
    right.set_title(NUMBERS, fontsize=8.5)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    each = [f"{estimate(m.shift.whole)} for {name}" for name, m in results.measured.items()]
    return (
        "Left: measured shift against frequency for each encoder with its interval, and the "
        f"square-root rule, {number(results.theory)}, as a dashed line. Right: one number for each "
        f"encoder: {listing(each)}."
    )
