"""The main figure: the shift that equal SNR asks for, measured per frequency in each encoder."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from analysis.figures import style
from analysis.results import Results


@style.styled
def draw(results: Results) -> Figure:
    """s(k) with intervals (left), one number per encoder (right), and the square-root rule."""
    study = results.study
    figure = style.figure(3.3)
    left, right = figure.subplots(1, 2, width_ratios=(2.6, 1))
    for index, (name, measured) in enumerate(results.measured.items()):
        shift, colour = measured.shift, style.encoder_colour(results.measured, name)
        # As a fraction of each encoder's own Nyquist frequency, latents and pixels share an axis.
        f = shift.k / (len(measured.k(study.low)) - 1)
        left.plot(
            f,
            shift.mean,
            color=colour,
            label=name,
            marker=style.MARKERS[index],
            markevery=0.15,
            ms=4,
        )
        if np.all(np.isfinite(shift.low)):
            left.fill_between(f, shift.low, shift.high, color=colour, alpha=0.2, lw=0)
        whole = shift.whole
        errors = [[whole.value - whole.low], [whole.high - whole.value]]
        right.errorbar([index], [whole.value], yerr=np.nan_to_num(errors), color=colour, capsize=4,
                       marker=style.MARKERS[index], ms=6)  # fmt: skip
        right.annotate(f"{whole.value:.2f}", (index, whole.value), xytext=(0, 12),
                       textcoords="offset points", ha="center", fontweight="bold")  # fmt: skip
    theory = next(iter(results.measured.values())).shift.theory
    for ax in (left, right):
        ax.axhline(theory, color=style.THEORY, ls="--", lw=1)
        ax.set_yscale("log")
        ax.set_ylim(1.0, 3.0)
        ax.set_yticks([1, 1.25, 1.5, 2, 2.5, 3])
        ax.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        ax.minorticks_off()
    left.text(0.012, theory * 1.02, "square-root rule", fontsize=7.5)
    for edge in (study.bands.low, study.bands.middle):
        left.axvline(edge, color=style.PALE, lw=0.8, ls=":")
    left.set_xscale("log", base=2)
    left.xaxis.set_major_formatter(
        FuncFormatter(lambda x, _: f"1/{round(1 / x)}" if x < 1 else f"{x:g}")
    )
    left.set_xlabel(f"frequency / Nyquist frequency at {study.low} px")
    left.set_ylabel(f"shift s, {study.low} → {study.high} px")
    left.legend(loc="upper left")
    right.set_xticks(
        range(len(results.measured)),
        results.measured,
        rotation=25,
        ha="right",
        rotation_mode="anchor",
    )
    right.set_xlim(-0.6, len(results.measured) - 0.4)
    right.set_title("low and middle band")
    left.set_title(f"per frequency, {study.confidence:.0%} interval over photographs")
    return figure
