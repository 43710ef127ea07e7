"""The visual noise experiment: Gaussian noise at two sampling densities, seen from afar."""

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Picture
from analysis.paper.text import plain
from analysis.study.results import Results
from analysis.timesteps import noise


def data(results: Results) -> Data:
    """Two fields of unit variance from near, and both as they are resolved from afar."""
    rng = noise.generator(results.study.seed, "seen from afar")
    fields = [rng.standard_normal((side, side)) for side in (noise.AFAR_FINE, noise.AFAR_COARSE)]
    seen = {
        "near": fields,
        "far": [noise.seen_from_afar(field, noise.AFAR_CELLS) for field in fields],
    }
    return Data(
        pictures=tuple(
            Picture(f"{where}: {len(field)} × {len(field)}", f"std {shown.std():.2f}", shown)
            for where, pictures in seen.items()
            for field, shown in zip(fields, pictures, strict=True)
        )
    )


@style.styled
def draw(data: Data) -> Figure:
    """Two fields of unit variance from near, and both as they are resolved from afar."""
    figure = style.figure(2.15, 4.4)
    axes = figure.subplots(*(2, 2) if style.narrow() else (1, 4))
    for ax, picture in zip(axes.ravel(), data.pictures, strict=True):
        image = ax.imshow(picture.pixels, cmap="gray", vmin=-3, vmax=3)
        ax.set_axis_off()
        ax.set_title(f"{picture.panel}\n{picture.name}", fontsize=8)
    bar: style.Look = {"shrink": 0.75, "aspect": 14}
    if style.narrow():
        bar = {"shrink": 0.8, "aspect": 30, "orientation": "horizontal"}
    figure.colorbar(image, ax=axes, label="value", **bar)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    fine, coarse, far_fine, far_coarse = (
        plain(picture.pixels.std(), 2) for picture in data(results).pictures
    )
    return (
        "Four grey squares. Near: fine and coarse noise, equally strong (standard deviations "
        f"{fine} and {coarse}). Far: the fine noise has faded to almost uniform grey ({far_fine}), "
        f"the coarse noise is still clearly visible ({far_coarse})."
    )
