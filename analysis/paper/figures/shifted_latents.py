"""Noisy latents: high resolution, high resolution with shifted t, low resolution."""

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.study.results import Results


@style.styled
def draw(results: Results) -> Figure:
    """The first channels, one row a case; each picture has its own colour range."""
    study, display = results.study, results.display
    columns = min(6, len(display.z[study.high]))
    rows = (
        (display.noisy(study.high, study.t), f"{study.high} px, t = {study.t:g}"),
        (
            display.noisy(study.high, results.t_shifted),
            f"{study.high} px, t = {results.t_shifted:.3f}",
        ),
        (display.noisy(study.low, study.t), f"{study.low} px, t = {study.t:g}"),
    )
    figure = style.figure(3 * (style.WIDTH / columns + 0.26))
    for part, (field, title) in zip(style.stacked(figure, 3), rows, strict=True):
        part.suptitle(title, fontsize=9)
        for index, ax in enumerate(part.subplots(1, columns, squeeze=False)[0]):
            style.picture(ax, field[index])
            if part is figure.subfigs[0]:
                ax.set_title(f"channel {index + 1}", fontsize=7.5, pad=3)
    return figure
