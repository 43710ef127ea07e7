"""Scale equivariance per encoder: gain and coherence between the latents of two resolutions."""

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from analysis.paper.figures import style
from analysis.paper.text import plain
from analysis.shift.equivariance import Curve, Equivariance
from analysis.study.measurement import band_ends
from analysis.study.results import Results

BANDS = ("low", "middle", "high")
GAINS = (0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2)


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    each = []
    for name, m in results.measured.items():
        gain, same = m.equivariance.gain.bands, m.equivariance.coherence.bands
        pairs = [f"{plain(gain[b].value, 2)} and {plain(same[b].value, 2)}" for b in BANDS]
        each.append(f"{name}, {'; '.join(pairs)}")
    return (
        "Left: gain against frequency, one where encoding and shrinking can be exchanged. Right: "
        "coherence, and that of unrelated latents. Both in the low, the middle and the high band: "
        f"{'. '.join(each)}."
    )


@style.styled
def draw(results: Results) -> Figure:
    """Gain and coherence of every encoder against frequency."""
    found = {name: m.equivariance for name, m in results.measured.items()}
    return draw_from(found, results.study.pair, band_ends(results.measured.values()))


@style.styled
def draw_from(
    encoders: Mapping[str, Equivariance], sides: tuple[int, int], edges: Iterable[float]
) -> Figure:
    """Gain (left) and coherence (right) against frequency, mean over images with intervals.

    Dotted in the right panel: the coherence of unrelated latents.

    Args:
        encoders: what was measured, by the encoder's name, in the order of the study.
        sides: the two resolutions in pixels, the low one first.
        edges: where the low and middle bands end, as fractions of the Nyquist frequency.
    """
    figure = style.figure(3.1)
    left, right = figure.subplots(1, 2)
    least, greatest = 0.9, 1.1
    for name, measured in encoders.items():
        colour = style.encoder_colour(encoders, name)
        # As a fraction of each encoder's own Nyquist frequency, latents and pixels share an axis.
        f = measured.k / round(measured.k[-1])
        panels: tuple[tuple[object, Curve], ...] = (
            (left, measured.gain),
            (right, measured.coherence),
        )
        for ax, curve in panels:
            ax.plot(f, curve.mean, color=colour, label=style.literal(name),  # type: ignore[attr-defined]
                    marker=style.marker(encoders, name), markevery=0.15, ms=4)  # fmt: skip
            if np.all(np.isfinite(curve.low)):
                ax.fill_between(f, curve.low, curve.high, color=colour, alpha=0.2, lw=0)  # type: ignore[attr-defined]
        # Where only unrelated latents would be.
        right.plot(f, measured.chance, color=style.PALE, lw=1, ls=":",
                   label=f"_{style.literal(name)}, unrelated latents")  # fmt: skip
        ends = np.concatenate([measured.gain.mean, measured.gain.low, measured.gain.high])
        least = min(least, 0.97 * float(np.nanmin(ends)))
        greatest = max(greatest, 1.03 * float(np.nanmax(ends)))
    longest = max(encoders.values(), key=lambda measured: len(measured.k))
    for ax in (left, right):
        ax.axhline(1, color=style.THEORY, ls="--", lw=1, label="_equivariant")
        for edge in edges:
            ax.axvline(edge, color=style.PALE, lw=0.8, ls=":", label="_edge of a band")
        ax.set_xscale("log", base=2)
        ax.set_xlim(longest.k[0] / round(longest.k[-1]) * 0.9, 1.07)
        ax.xaxis.set_major_formatter(
            FuncFormatter(lambda x, _: f"1/{round(1 / x)}" if x < 1 else f"{x:g}")
        )
        ax.set_xlabel(f"frequency / Nyquist frequency at {sides[0]} px")
    left.set_yscale("log")
    left.set_ylim(least, greatest)
    left.set_yticks([g for g in GAINS if least <= g <= greatest])
    left.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    left.yaxis.set_minor_formatter(NullFormatter())
    left.set_ylabel(f"gain g, {sides[1]} cropped / {sides[0]} px")
    left.text(0.03, 1.01, "equivariant", fontsize=7.5, transform=left.get_yaxis_transform())
    right.set_ylim(0, 1.05)
    right.set_ylabel("coherence, the share in common")
    left.legend(loc="lower left")
    return figure
