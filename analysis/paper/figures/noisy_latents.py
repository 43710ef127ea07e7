"""Every channel of the noisy latents of one photograph, at both resolutions."""

import math

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.study.results import Results


@style.styled
def draw(results: Results) -> Figure:
    """High resolution above, low resolution below, at the study's t."""
    study = results.study
    channels = len(results.display.z[study.high])
    columns = min(8, channels)
    rows = math.ceil(channels / columns)
    figure = style.figure(2 * (rows * style.WIDTH / columns + 0.32))
    parts = style.stacked(figure, 2)
    for part, side in zip(parts, (study.high, study.low), strict=True):
        field = results.display.noisy(side, study.t)
        size = f"{field.shape[1]} × {field.shape[2]}"
        part.suptitle(f"{side} px, latents of {size}, t = {study.t:g}", fontsize=9)
        for index, ax in enumerate(part.subplots(rows, columns, squeeze=False).ravel()):
            ax.set_axis_off()
            if index < channels:
                style.picture(ax, field[index])
                box = {"facecolor": "#000000A0", "edgecolor": "none", "pad": 1}
                ax.text(0.04, 0.94, str(index + 1), transform=ax.transAxes, color="white",
                        va="top", fontsize=6.5, bbox=box)  # fmt: skip
    return figure
