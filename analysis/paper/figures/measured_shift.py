"""The main figure: the shift that equal SNR asks for, measured per frequency in each encoder."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from analysis.paper.figures import style
from analysis.paper.text import estimate, listing, number, point
from analysis.study.measurement import band_ends
from analysis.study.results import Results

TICKS = (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8)


def _cycles(ax: Axes, nyquist: int, stride: int, place: float) -> None:
    """A second axis above the frame: the same frequencies in cycles per image."""
    above = ax.secondary_xaxis(
        place,
        functions=(lambda f: np.multiply(f, nyquist), lambda k: np.divide(k, nyquist)),
    )
    above.set_xscale("log", base=2)
    above.xaxis.set_major_formatter(FuncFormatter(lambda k, _: f"{k:g}" if k >= 1 else ""))
    grid = "pixels" if stride == 1 else f"latents of stride {stride}"
    above.set_xlabel(f"cycles/image, {grid}", fontsize=7.5)
    above.tick_params(labelsize=7.5)


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    each = [f"{estimate(m.shift.whole)} for {name}" for name, m in results.measured.items()]
    return (
        "Left: measured shift against frequency for each encoder with its interval, and the "
        f"square-root rule, {number(results.theory)}, as a dashed line. Right: one number for each "
        f"encoder: {listing(each)}."
    )


@style.styled
def draw(results: Results) -> Figure:
    """s(k) with intervals (left), one number per encoder (right), and the square-root rule."""
    study = results.study
    figure = style.figure(3.7)
    left, right = figure.subplots(1, 2, width_ratios=(2.6, 1))
    for index, (name, measured) in enumerate(results.measured.items()):
        shift, colour = measured.shift, style.encoder_colour(results.measured, name)
        mark = style.marker(results.measured, name)
        # As a fraction of each encoder's own Nyquist frequency, latents and pixels share an axis.
        f = shift.k / (len(measured.k(study.low)) - 1)
        left.plot(
            f,
            shift.mean,
            color=colour,
            label=style.literal(name),
            marker=mark,
            markevery=0.15,
            ms=4,
        )
        if np.all(np.isfinite(shift.low)):
            left.fill_between(f, shift.low, shift.high, color=colour, alpha=0.2, lw=0)
        whole = shift.whole
        errors = [[whole.value - whole.low], [whole.high - whole.value]]
        right.errorbar([index], [whole.value], yerr=np.nan_to_num(errors), color=colour, capsize=4,
                       marker=mark, ms=6, label=f"_{style.literal(name)}")  # fmt: skip
        top = whole.high if np.isfinite(whole.high) else whole.value
        right.annotate(point(whole), (index, top), xytext=(0, 8),
                       textcoords="offset points", ha="center", fontweight="bold")  # fmt: skip
    theory = results.theory
    everything = np.concatenate([m.shift.mean for m in results.measured.values()])
    lowest, highest = everything.min(), everything.max()
    for ax in (left, right):
        ax.axhline(theory, color=style.THEORY, ls="--", lw=1, label="_square-root rule")
        ax.set_yscale("log")
        ax.set_ylim(min(1.0, 0.95 * lowest), max(3.0, 1.05 * highest))
        ax.set_yticks([s for s in TICKS if ax.get_ylim()[0] <= s <= ax.get_ylim()[1]])
        ax.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        ax.minorticks_off()
    left.text(0.02, theory * 1.02, "square-root rule", fontsize=7.5,
              transform=left.get_yaxis_transform())  # fmt: skip
    for edge in band_ends(results.measured.values()):
        left.axvline(edge, color=style.PALE, lw=0.8, ls=":", label="_edge of a band")
    left.set_xscale("log", base=2)
    left.xaxis.set_major_formatter(
        FuncFormatter(lambda x, _: f"1/{round(1 / x)}" if x < 1 else f"{x:g}")
    )
    left.set_xlabel(f"frequency / Nyquist frequency at {study.low} px")
    for place, stride in enumerate(
        sorted({m.card.latent_stride for m in results.measured.values()})
    ):
        _cycles(left, study.low // stride // 2, stride, 1.0 + 0.17 * place)
    left.set_ylabel(f"shift s, {study.low} → {study.high} px")
    left.legend(loc="upper left")
    right.set_xticks(
        range(len(results.measured)),
        [style.literal(name) for name in results.measured],
        rotation=25,
        ha="right",
        rotation_mode="anchor",
    )
    right.set_xlim(-0.6, len(results.measured) - 0.4)
    right.set_title("low and middle bands", fontsize=8.5)
    return figure
