"""RAPS of latents, noise and their blend; and of latents and noise at two resolutions."""

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.study.results import Results


@style.styled
def draw(results: Results) -> Figure:
    """Left: what blending does at high resolution. Right: what resolution does."""
    study, measured = results.study, results.measured[results.study.display_encoder]
    index = results.photographs.index(results.display.photograph)
    high, low = study.high, study.low
    figure = style.figure(3.1)
    left, right = figure.subplots(1, 2, sharey=True)
    k = measured.k(high)[1:]
    left.plot(k, measured.power(high)[index, 1:], color=style.HIGH, label="latents, t = 1")
    left.plot(k, measured.noise(high)[index, 1:], color=style.PALE, ls="--", label="noise, t = 0")
    left.plot(
        k,
        measured.noisy(high)[index, 1:],
        color=style.NOISY,
        ls="-.",
        label=f"blend, t = {study.t:g}",
    )
    left.set_title(f"Blending, {high} px")
    left.set_ylabel("power per mode (latent units²)")
    for side, colour in ((high, style.HIGH), (low, style.LOW)):
        k = measured.k(side)[1:]
        right.plot(k, measured.power(side)[index, 1:], color=colour, label=f"latents, {side} px")
        right.plot(
            k,
            measured.noisy(side)[index, 1:],
            color=colour,
            ls="-.",
            lw=1,
            label=f"blend, {side} px",
        )
        right.plot(
            k,
            measured.noise(side)[index, 1:],
            color=colour,
            ls="--",
            alpha=0.6,
            label=f"noise, {side} px",
        )
    right.set_title("Resolution")
    for ax in (left, right):
        ax.set_yscale("log")
        style.frequency_axis(ax, measured.k(high)[1:])
        ax.legend()
    return figure
