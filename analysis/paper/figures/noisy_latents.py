"""The channels of the noisy latents of one photograph, at both resolutions."""

import math

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Picture
from analysis.study.results import Results

SHOWN = 8  # channels at most


def data(results: Results) -> Data:
    """The strongest channels at the study's t, at the high and at the low resolution."""
    study, pictures = results.study, []
    channels = results.display.strongest(SHOWN)
    for side in (study.high, study.low):
        field = results.display.noisy(side, study.t)
        size = f"{field.shape[1]} × {field.shape[2]}"
        panel = f"{side} px, latents of {size}, t = {study.t:g}"
        pictures += [Picture(panel, f"{channel + 1}", field[channel]) for channel in channels]
    return Data(pictures=tuple(pictures))


@style.styled
def draw(data: Data) -> Figure:
    """High resolution above, low resolution below, at the study's t."""
    channels = len(data.pictures) // 2
    columns = min(4 if style.narrow() else 8, channels)
    rows = math.ceil(channels / columns)
    each = 2 * (rows * style.width() / columns + 0.32)
    figure = style.figure(each, each)
    box = {"facecolor": style.UNDER_LETTERS, "alpha": 0.6, "edgecolor": "none", "pad": 1}
    number = {"color": style.ON_PICTURE, "va": "top", "fontsize": 6.5, "bbox": box}
    for part, panel in zip(style.stacked(figure, 2), data.panels, strict=True):
        part.suptitle(panel, fontsize=9)
        axes = part.subplots(rows, columns, squeeze=False).ravel()
        for ax in axes:
            ax.set_axis_off()
        shown = [picture for picture in data.pictures if picture.panel == panel]
        for ax, picture in zip(axes, shown, strict=False):
            style.picture(ax, picture.pixels)
            ax.text(0.04, 0.94, picture.name, transform=ax.transAxes, **number)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    found = data(results)
    above, below = found.panels
    return (
        f"Grids of small pictures, one for each of {len(found.pictures) // 2} latent channels, "
        f"above at {above}, below at {below}: the scene, as far as the channel has it, through "
        "noise."
    )
