"""RAPS of the latents of one photograph, of noise, and of their blend, at two resolutions."""

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series
from analysis.paper.text import plain
from analysis.study.findings import snr_mismatch
from analysis.study.results import Results

LOOKS: dict[str, style.Look] = {
    "latents": {"ls": "-", "lw": 1.8},
    "blend": {"ls": "-.", "lw": 1.2},
    "noise": {"ls": ":", "lw": 1.2},
}


def data(results: Results) -> Data:
    """What blending and resolution do to the spectrum of the pictured photograph."""
    study, measured = results.study, results.measured[results.study.display_encoder]
    index = results.photographs.index(results.display.photograph)
    spectra = {"latents": measured.power, "noise": measured.noise, "blend": measured.noisy}
    curves = []
    for side in (study.high, study.low):
        for kind in LOOKS:
            power = spectra[kind](side)[index, 1:]
            curves.append(Series("", f"{kind}, {side} px", measured.k(side)[1:], power))
    before, _ = snr_mismatch(measured, index, study.t)
    axes = {"": ("frequency (cycles/image)", "power per mode (latent units²)")}
    notes = {
        "t": study.t,
        "ratio of the latents' powers, mean over low and middle bands": before,
    }
    return Data(tuple(curves), axes=axes, notes=notes)


@style.styled
def draw(data: Data) -> Figure:
    """Latents, noise and their blend; colours by resolution, line styles by kind."""
    looks = [look | {"color": side} for side in (style.HIGH, style.LOW) for look in LOOKS.values()]
    figure, ax = style.curves(data, 3.1, looks)
    ax.set_yscale("log")
    style.frequency_axis(ax, data.curves[0].x)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    study = results.study
    _, ratio = data(results).notes.values()
    return (
        "Log-log plot of power against frequency at both resolutions: latents, flat noise, and "
        f"their blend at t = {study.t:g}, which follows the stronger of the two. Both noises "
        f"coincide, and latents at {study.high} px have {plain(ratio, 2)} times the power of those "
        f"at {study.low} px, on average over the low and middle bands."
    )
