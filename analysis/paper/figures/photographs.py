"""The photographs of the study, as the centre squares that are measured."""

import math

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Picture
from analysis.study.results import Results


def data(results: Results) -> Data:
    """Thumbnails with titles."""
    thumbnails = results.thumbnails(min(192, results.study.high))
    return Data(
        pictures=tuple(
            Picture("", photo.title, image)
            for photo, image in zip(results.photographs, thumbnails, strict=True)
        )
    )


@style.styled
def draw(data: Data) -> Figure:
    """A contact sheet with titles."""
    columns = min(3 if style.narrow() else 6, len(data.pictures))
    rows = math.ceil(len(data.pictures) / columns)
    each = rows * (style.width() / columns + 0.2)
    figure = style.figure(each, each)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    for ax, picture in zip(axes, data.pictures, strict=False):
        ax.imshow(picture.pixels, interpolation="none")
        ax.set_title(style.literal(picture.name), fontsize=7.5, pad=3)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    return (
        f"Contact sheet of the study's {len(results.photographs)} photographs as squares, with "
        "their titles."
    )
