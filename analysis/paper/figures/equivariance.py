"""Scale equivariance: gain and coherence between resolutions, and the channels' exponents."""

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series, reach
from analysis.paper.text import plain
from analysis.study.measurement import band_ends
from analysis.study.results import Results

GAIN, COHERENCE, SLOPES = "gain", "coherence", "exponents of channels"
UNRELATED, TOP = ", unrelated latents", ", top octave"
BY_BAND = ", gain and coherence in the low, the middle and the high band"
GAINS = (0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2)


def data(results: Results) -> Data:
    """Gain and coherence of every encoder, means over images, and every channel's exponent.

    k is a fraction of each encoder's own Nyquist frequency: latents and pixels share an axis.
    """
    curves, notes = [], {"ends of bands": band_ends(results.measured.values())}
    for place, (name, measured) in enumerate(results.measured.items()):
        gammas = np.sort([law.gamma for law in measured.channel_laws])
        spread = np.linspace(-0.22, 0.22, len(gammas)) if len(gammas) > 1 else np.zeros(1)
        ends, top = place + np.array([-0.3, 0.3]), np.full(2, measured.top_octave)
        curves += [
            Series(SLOPES, name, place + spread, gammas, categories=[name] * len(gammas)),
            Series(SLOPES, name + TOP, ends, top, categories=[name] * 2),
        ]
        found = measured.equivariance
        f = found.k / round(found.k[-1])
        for panel, curve in ((GAIN, found.gain), (COHERENCE, found.coherence)):
            curves.append(Series(panel, name, f, curve.mean, curve.low, curve.high))
        curves.append(Series(COHERENCE, name + UNRELATED, f, found.chance))
        notes[name + BY_BAND] = [
            one.bands[band].value
            for band in ("low", "middle", "high")
            for one in (found.gain, found.coherence)
        ]
    low, high = results.study.pair
    x = f"frequency / Nyquist frequency at {low} px"
    axes = {
        GAIN: (x, f"gain g, {high} cropped / {low} px"),
        COHERENCE: (x, "coherence, the share in common"),
        SLOPES: ("encoder", f"exponent γ at {high} px"),
    }
    return Data(tuple(curves), axes=axes, notes=notes)


@style.styled
def draw(data: Data) -> Figure:
    """Gain and coherence against frequency, with intervals, and the exponents of all channels.

    Dotted beside coherence is that of unrelated latents; bars beside the exponents are those of
    the channel average between half and all of the Nyquist frequency.
    """
    figure, (left, right, slopes) = style.panels(3, 3.0, 2.5, ratios=(1.25, 1.25, 1))
    names = [curve.name for curve in data.of(GAIN)]
    for ax, panel in ((left, GAIN), (right, COHERENCE)):
        for name in names:
            look = style.encoder_look(names, name) | {"markevery": 0.15, "ms": 4}
            style.line(ax, data.curve(panel, name), **look)
        ax.axhline(1, color=style.THEORY, ls="--", lw=1)
        style.nyquist_axis(ax, data.notes["ends of bands"])
        ax.set_xlim(0.9 * min(curve.x[0] for curve in data.of(GAIN)), 1.07)
        style.label(ax, data, panel, always=True)
    for name in names:
        look = {"color": style.PALE, "lw": 1, "ls": ":"}
        style.line(right, data.curve(COHERENCE, name + UNRELATED), **look)
    low, high = reach(data.of(GAIN))
    style.log_axis(left, "y", min(0.9, 0.97 * low), max(1.1, 1.03 * high), GAINS)
    left.text(0.03, 1.01, "equivariant", fontsize=7.5, transform=left.get_yaxis_transform())
    right.set_ylim(0, 1.05)
    left.legend(loc="lower left")
    for name in names:
        look = style.encoder_look(names, name)
        style.line(slopes, data.curve(SLOPES, name), **look, ms=3.5, ls="none")
        style.line(slopes, data.curve(SLOPES, name + TOP), color=style.THEORY, lw=2)
    style.names_axis(slopes, names, turned=25)
    slopes.set_ylabel(data.axes[SLOPES][1])
    slopes.grid(visible=False, axis="x")
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    notes, each, slopes = data(results).notes, [], []
    for name in results.measured:
        values = [plain(value, 2) for value in notes[name + BY_BAND]]
        pairs = [f"{gain} and {same}" for gain, same in zip(values[::2], values[1::2], strict=True)]
        each.append(f"{name}, {'; '.join(pairs)}")
    for name, m in results.measured.items():
        gammas = [law.gamma for law in m.channel_laws]
        slopes.append(
            f"{name} {plain(min(gammas), 2)} to {plain(max(gammas), 2)}, {plain(m.top_octave, 2)}"
        )
    return (
        "Left: gain against frequency, one where encoding and shrinking can be exchanged. Middle: "
        "coherence, and that of unrelated latents. Both in the low, the middle and the high band: "
        f"{'. '.join(each)}. Right: the exponents of all channels of each encoder, least to "
        f"greatest, and of the top octave: {'; '.join(slopes)}."
    )
