"""Scale equivariance per encoder: gain and coherence between the latents of two resolutions."""

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series, reach
from analysis.paper.text import plain
from analysis.study.measurement import band_ends
from analysis.study.results import Results

GAIN, COHERENCE, UNRELATED = "gain", "coherence", ", unrelated latents"
BY_BAND = ", gain and coherence in the low, the middle and the high band"
GAINS = (0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2)


def data(results: Results) -> Data:
    """Gain and coherence of every encoder, means over images, and unrelated latents' coherence.

    k is a fraction of each encoder's own Nyquist frequency: latents and pixels share an axis.
    """
    curves, notes = [], {"ends of bands": band_ends(results.measured.values())}
    for name, measured in results.measured.items():
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
    }
    return Data(tuple(curves), axes=axes, notes=notes)


@style.styled
def draw(data: Data) -> Figure:
    """Gain (left) and coherence (right) against frequency, mean over images with intervals.

    Dotted in the right panel: the coherence of unrelated latents.
    """
    figure = style.figure(3.1)
    left, right = figure.subplots(1, 2)
    names = [curve.name for curve in data.of(GAIN)]
    for ax, panel in ((left, GAIN), (right, COHERENCE)):
        for name in names:
            look = style.encoder_look(names, name) | {"markevery": 0.15, "ms": 4}
            style.line(ax, data.curve(panel, name), **look)
        ax.axhline(1, color=style.THEORY, ls="--", lw=1)
        style.nyquist_axis(ax, data.notes["ends of bands"])
        ax.set_xlim(0.9 * min(curve.x[0] for curve in data.curves), 1.07)
        style.label(ax, data, panel)
    for name in names:
        look = {"color": style.PALE, "lw": 1, "ls": ":"}
        style.line(right, data.curve(COHERENCE, name + UNRELATED), **look)
    low, high = reach(data.of(GAIN))
    style.log_axis(left, "y", min(0.9, 0.97 * low), max(1.1, 1.03 * high), GAINS)
    left.text(0.03, 1.01, "equivariant", fontsize=7.5, transform=left.get_yaxis_transform())
    right.set_ylim(0, 1.05)
    left.legend(loc="lower left")
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    notes, each = data(results).notes, []
    for name in results.measured:
        values = [plain(value, 2) for value in notes[name + BY_BAND]]
        pairs = [f"{gain} and {same}" for gain, same in zip(values[::2], values[1::2], strict=True)]
        each.append(f"{name}, {'; '.join(pairs)}")
    return (
        "Left: gain against frequency, one where encoding and shrinking can be exchanged. Right: "
        "coherence, and that of unrelated latents. Both in the low, the middle and the high band: "
        f"{'. '.join(each)}."
    )
