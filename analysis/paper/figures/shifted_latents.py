"""Noisy latents: high resolution, high resolution with shifted t, low resolution."""

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Picture
from analysis.study.results import Results


def data(results: Results) -> Data:
    """The first channels, at most six, in three cases."""
    study, display = results.study, results.display
    cases = (
        (f"{study.high} px, t = {study.t:g}", study.high, study.t),
        (f"{study.high} px, t = {results.t_shifted:.3f}", study.high, results.t_shifted),
        (f"{study.low} px, t = {study.t:g}", study.low, study.t),
    )
    return Data(
        pictures=tuple(
            Picture(panel, f"channel {number}", picture)
            for panel, side, t in cases
            for number, picture in enumerate(display.noisy(side, t)[:6], 1)
        )
    )


@style.styled
def draw(data: Data) -> Figure:
    """The first channels, one row a case; each picture has its own colour range."""
    columns = len(data.pictures) // 3
    figure = style.figure(3 * (style.WIDTH / columns + 0.26))
    for number, part in enumerate(style.stacked(figure, 3)):
        part.suptitle(data.panels[number], fontsize=9)
        shown = data.pictures[number * columns : (number + 1) * columns]
        for ax, picture in zip(part.subplots(1, columns, squeeze=False)[0], shown, strict=True):
            style.picture(ax, picture.pixels)
            if number == 0:
                ax.set_title(picture.name, fontsize=7.5, pad=3)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    found = data(results)
    return (
        f"Three rows of the first {len(found.pictures) // 3} latent channels: "
        f"{'; '.join(found.panels)}. The second row has the noise of the shifted t."
    )
