"""Denoisers of latents: error by band and noise level, and the shifts between the curves."""

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series, estimates, reach
from analysis.paper.text import estimate, listing
from analysis.study.experiments.denoiser import KINDS, OWN, PAIRS
from analysis.study.results import Results

LOOKS = {
    "high": {"color": style.HIGH, "ls": "-"}, "low": {"color": style.LOW, "ls": "-"},
    "cropped": {"color": style.THEORY, "ls": "--"},
}  # fmt: skip
MARKS: dict[str, style.Look] = {
    "networks": {"color": style.NOISY, "marker": "o"},
    "networks, own grids": {"color": style.NOISY, "marker": "D", "mfc": style.GROUND},
    "best linear": {"color": style.FIT, "marker": "^"},
    "equal SNR": {"color": style.SOFT, "marker": "s", "mfc": style.GROUND},
}
SHOWN = [pair for pair in PAIRS if not pair.endswith(OWN)]
ONTO = ", shifted"
NONE = "no run of the denoisers is committed"
TICKS = (0.8, 1, 1.2, 1.4, 1.6, 1.8, 2, 2.2, 2.5, 3)


def _band(edges: tuple[float, float]) -> str:
    return f"{edges[0]:g} to {edges[1]:g} cycles/image"


def data(results: Results) -> Data:
    """Relative errors by theta in each band, as measured and shifted onto ``cropped``; shifts."""
    if (done := results.denoiser) is None:
        return Data(notes={"nothing": NONE})
    theta, curves = done.settings.theta_grid, []
    relative = done.relative.mean(axis=(0, 3))
    found = {pair: done.found(pair) for pair in PAIRS}
    for index, edges in enumerate(done.settings.bands):
        for kind in LOOKS:
            curve = relative[KINDS.index(kind), :, index]
            curves.append(Series(_band(edges), kind, theta, curve))
            if kind != "cropped":
                moved = np.log(found[f"{kind} on cropped"][index].networks.value)
                curves.append(Series(_band(edges), kind + ONTO, theta + moved, curve))
    bands = [f"{low:g}–{high:g}" for low, high in done.settings.bands]
    for pair in SHOWN:
        marks = [[one.networks for one in found[pair]], [], [], []]
        if pair + OWN in found:
            marks[1] = [one.networks for one in found[pair + OWN]]
        marks[2] = [one.linear for one in found[pair]]
        marks[3] = [one.spectra for one in found[pair]]
        for place, (name, values) in enumerate(zip(MARKS, marks, strict=True)):
            if values:
                places = [index + 0.18 * (place - 1.5) for index in range(len(values))]
                curves.append(estimates(pair, name, values, places, bands))
    errors = ("θ = logit t   (noise … data)", "error / power of the data")
    axes = {_band(edges): errors for edges in done.settings.bands}
    axes |= dict.fromkeys(SHOWN, ("band (cycles/image)", "shift s"))
    return Data(tuple(curves), axes=axes, notes={"bands": bands, "square-root rule": 2})


@style.styled
def draw(data: Data) -> Figure:
    """Relative error by noise level in each band (a to c), and the shifts between kinds (d to f).

    Lines are as measured, dots moved along theta by the networks' shift onto ``cropped``.
    """
    figure = style.figure(5.4, 14)
    above, below = style.stacked(figure, 2)
    panels = [panel for panel in data.panels if panel not in SHOWN]
    axes = style.beside(above, len(panels), shared=True)
    for ax, panel in zip(axes, panels, strict=True):
        for kind, look in LOOKS.items():
            style.line(ax, data.curve(panel, kind), **look)
            if kind != "cropped":
                dots: style.Look = {"ls": "none", "marker": ".", "ms": 5, "color": look["color"]}
                style.line(ax, data.curve(panel, kind + ONTO), **dots)
        style.log_axis(ax, "y", 0.03, 1.3, (0.05, 0.1, 0.2, 0.5, 1))
        ax.set_xlim(-3.5, 2)
        ax.set_title(panel)
        style.label(ax, data, panel)
    axes[0].legend(loc="lower left")
    under = style.beside(below, len(SHOWN), shared=True)
    low, high = reach(one for pair in SHOWN for one in data.of(pair))
    for ax, pair in zip(under, SHOWN, strict=True):
        for curve in data.of(pair):
            style.points(ax, curve, **MARKS[curve.name])
        style.names_axis(ax, data.notes["bands"], room=0.5)
        ax.axhline(data.notes["square-root rule"], color=style.THEORY, ls="--", lw=1)
        style.log_axis(ax, "y", min(0.95, 0.97 * low), max(2.4, 1.03 * high), TICKS)
        ax.set_title(pair)
        style.label(ax, data, pair)
    style.lettered([*axes, *under])
    keys = [style.key(name, ls="none", ms=4, **look) for name, look in MARKS.items()]
    style.legend(figure, keys, columns=4)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    if (done := results.denoiser) is None:
        return NONE
    pairs = []
    for pair in SHOWN:
        each = [
            f"{_band(one.band)}, networks {estimate(one.networks)}, equal SNR "
            f"{estimate(one.spectra)}"
            for one in done.found(pair)
        ]
        pairs.append(f"{pair}: {listing(each)}")
    return (
        "a to c: relative error of denoisers of three kinds of latents against theta, one panel a "
        "band, falling from one to nearly nothing, and the curves of high and low moved onto that "
        f"of cropped. d to f: the shifts with intervals. {'; '.join(pairs)}."
    )
