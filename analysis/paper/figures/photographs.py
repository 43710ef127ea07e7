"""The photographs of the study, as the centre squares that are measured."""

import math

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.study.results import Results


@style.styled
def draw(results: Results) -> Figure:
    """A contact sheet with titles."""
    thumbnails, n = results.thumbnails(min(192, results.study.high)), len(results.photographs)
    columns = min(6, n)
    rows = math.ceil(n / columns)
    figure = style.figure(rows * (style.WIDTH / columns + 0.2))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    for ax, image, photo in zip(axes, thumbnails, results.photographs, strict=False):
        ax.imshow(image, interpolation="antialiased")
        ax.set_title(style.literal(photo.title), fontsize=7.5, pad=3)
    return figure
