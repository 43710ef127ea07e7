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
EACH = ", each picture"
TICKS = (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8)


def data(results: Results) -> Data:
    """s(k) and one number of each encoder: of every picture, and the mean with its interval.

    k is a fraction of each encoder's own Nyquist frequency: latents and pixels share an axis.
    """
    study, curves = results.study, []
    for name, measured in results.measured.items():
        shift, nyquist = measured.shift, len(measured.k(study.low)) - 1
        f = shift.k / nyquist
        curves += [
            Series(CURVES, f"{name}{EACH}: {photo.title}", f, s)
            for photo, s in zip(results.photographs, shift.curves, strict=True)
        ]
        curves.append(Series(CURVES, name, f, shift.mean, shift.low, shift.high))
    for place, (name, measured) in enumerate(results.measured.items()):
        each = measured.shift.each
        curves.append(Series(NUMBERS, name + EACH, np.full(len(each), float(place)), each))
        curves.append(estimates(NUMBERS, name, [measured.shift.whole], [place], [name]))
    y = f"shift s, {study.low} → {study.high} px"
    axes = {
        CURVES: (f"frequency / Nyquist frequency at {study.low} px", y),
        NUMBERS: ("encoder", y),
    }
    strides = {m.card.latent_stride for m in results.measured.values()}
    notes = {
        "encoders": list(results.measured),
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
    """s(k) with a line a picture (left), numbers with a dot a picture (right), and the rule."""
    figure, (left, right) = style.panels(2, 3.7, 3.0, ratios=(2.4, 1))
    names = data.notes["encoders"]
    for curve in data.of(CURVES):
        name, thin, _ = curve.name.partition(EACH)
        look = style.encoder_look(names, name)
        if thin:
            style.line(left, curve, color=look["color"], lw=0.5, alpha=0.4, label=None)
        else:
            style.line(left, curve, **look, lw=1.8, markevery=0.15, ms=4, zorder=3)
    for name in names:
        look = style.encoder_look(names, name)
        each, curve = data.curve(NUMBERS, name + EACH), data.curve(NUMBERS, name)
        dots = look | {"marker": "o", "mec": style.GROUND, "mew": 0.4}
        right.plot(each.x - 0.2, each.y, **dots, ls="", ms=3, alpha=0.7)
        style.points(right, curve, 0.12, **look, ms=6, capsize=4)
        (value,), ((low,), (high,)) = curve.y, curve.ends
        text, top = (
            point(Estimate(value, low, high, (0, 0))),
            max(np.fmax(value, high), each.y.max()),
        )
        bold = {"fontsize": 8.5, "fontweight": "bold", "ha": "center"}
        style.note(right, text, (curve.x[0], top), (0, 5), **bold)
    theory = data.notes["square-root rule"]
    means = [data.curve(CURVES, name).y for name in names]
    numbers = [curve.y for curve in data.of(NUMBERS)]
    least, greatest = (end(np.concatenate([*means, *numbers])) for end in (np.min, np.max))
    for ax in (left, right):
        ax.axhline(theory, color=style.THEORY, ls="--", lw=1)
        style.log_axis(ax, "y", min(1.0, 0.95 * least), max(3.0, 1.05 * greatest), TICKS)
    across = left.get_yaxis_transform()
    left.text(0.02, theory * 1.02, "square-root rule", fontsize=7.5, transform=across)
    style.nyquist_axis(left, data.notes["ends of bands"])
    for place, stride in enumerate(data.notes["strides of latents"]):
        _cycles(left, data.notes["low side (px)"] // stride // 2, stride, 1.0 + 0.17 * place)
    style.label(left, data, CURVES)
    if style.narrow():
        right.set_ylabel(data.axes[NUMBERS][1])
    left.legend(loc="upper left")
    style.names_axis(right, names, turned=25)
    right.set_title(NUMBERS, fontsize=8.5)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    each = [f"{estimate(m.shift.whole)} for {name}" for name, m in results.measured.items()]
    return (
        "Left: measured shift against frequency for each encoder with its interval, a thin line "
        f"for each of {len(results.photographs)} pictures, and the square-root rule, "
        f"{number(results.theory)}, as a dashed line. Right: one number for each encoder, with a "
        f"dot for each picture: {listing(each)}."
    )
