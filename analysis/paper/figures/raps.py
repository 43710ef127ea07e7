"""RAPS of latents, noise and their blend; and of latents and noise at two resolutions."""

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series
from analysis.paper.text import plain
from analysis.study.findings import snr_mismatch
from analysis.study.results import Results

AXES = ("frequency (cycles/image)", "power per mode (latent units²)")
LOOKS: dict[str, style.Look] = {
    "latents": {"ls": "-"},
    "noise": {"ls": "--", "alpha": 0.6},
    "blend": {"ls": "-.", "lw": 1},
}


def data(results: Results) -> Data:
    """What blending does at the high resolution, and what resolution does, of one photograph."""
    study, measured = results.study, results.measured[results.study.display_encoder]
    index = results.photographs.index(results.display.photograph)
    spectra = {"latents": measured.power, "noise": measured.noise, "blend": measured.noisy}
    blending, t = f"Blending, {study.high} px", {"latents": 1, "noise": 0, "blend": study.t}

    def curve(panel: str, kind: str, what: str, side: int) -> Series:
        k, power = measured.k(side)[1:], spectra[kind](side)[index, 1:]
        return Series(panel, f"{kind}, {what}", k, power)

    curves = [curve(blending, kind, f"t = {t[kind]:g}", study.high) for kind in spectra]
    for side in (study.high, study.low):
        curves += [curve("Resolution", kind, f"{side} px", side) for kind in spectra]
    before, _ = snr_mismatch(measured, index, study.t)
    notes = {"ratio of the latents' powers, mean over low and middle bands": before}
    return Data(tuple(curves), axes={blending: AXES, "Resolution": AXES}, notes=notes)


@style.styled
def draw(data: Data) -> Figure:
    """Left: what blending does at high resolution. Right: what resolution does."""
    figure = style.figure(3.1)
    colours = ((style.HIGH, style.PALE, style.NOISY), (style.HIGH,) * 3 + (style.LOW,) * 3)
    left, right = figure.subplots(1, 2, sharey=True)
    for ax, panel, colour in zip((left, right), data.panels, colours, strict=True):
        for curve, colour_of in zip(data.of(panel), colour, strict=True):
            look = LOOKS[curve.name.split(",")[0]]
            style.line(ax, curve, color=colour_of, **(look if ax is right else {"ls": look["ls"]}))
        ax.set_title(panel)
        ax.set_yscale("log")
        style.frequency_axis(ax, data.curves[0].x)
        style.label(ax, data, panel, left=ax is left)
        ax.legend()
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    study = results.study
    (ratio,) = data(results).notes.values()
    return (
        "Two log-log plots of power against frequency. Left: latents, flat noise, and their blend "
        f"at t = {study.t:g}, which follows the stronger of the two. Right: latents, noise and "
        f"blend at both resolutions; both noises coincide, and latents at {study.high} px have "
        f"{plain(ratio, 2)} times the power of those at {study.low} px, on average over the low "
        "and middle bands."
    )
