"""Log-magnitude and phase of the channels of a noisy latent."""

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Picture
from analysis.paper.text import plain
from analysis.spectra import periodogram
from analysis.study.results import Results

MAGNITUDE, PHASE = "log10 |Z|, latent units", "phase (rad)"
SHOWN = 8  # channels at most
PEAKS = "powers of ten between a channel's median and its brightest point"


def data(results: Results) -> Data:
    """Magnitude and phase of the strongest channels, zero frequency in the centre."""
    study = results.study
    channels = results.display.strongest(SHOWN)
    field = results.display.noisy(study.high, study.t)
    modes = periodogram.fourier(field[channels], study.window.kind, study.window.beta)
    # The centre is zero by construction; a floor keeps its logarithm finite.
    magnitude = np.log10(np.maximum(np.abs(modes), 1e-3))
    pictures = [
        Picture(panel, f"channel {channel + 1}", field)
        for panel, fields in ((MAGNITUDE, magnitude), (PHASE, np.angle(modes)))
        for channel, field in zip(channels, fields, strict=True)
    ]
    return Data(
        pictures=tuple(pictures), notes={PEAKS: [p.max() - np.median(p) for p in magnitude]}
    )


@style.styled
def draw(data: Data) -> Figure:
    """Per channel, magnitude above phase; zero frequency in the centre."""
    channels = len(data.pictures) // 2
    columns = min(4 if style.narrow() else 8, channels)
    rows = -(-channels // columns)
    each = 2 * rows * style.width() / columns + 0.55
    figure = style.figure(each, each)
    axes = figure.subplots(2 * rows, columns, squeeze=False)
    for ax in axes.ravel():
        ax.set_axis_off()
    low, high = np.percentile([picture.pixels for picture in data.pictures[:channels]], [0.5, 99.8])
    ranges = {"cmap": "gray", "vmin": low, "vmax": high}
    turns = {"cmap": "twilight", "vmin": -np.pi, "vmax": np.pi}
    for index in range(channels):
        row, column = divmod(index, columns)
        above, below = axes[2 * row : 2 * row + 2, column]
        shown = above.imshow(data.pictures[index].pixels, **ranges)
        turned = below.imshow(data.pictures[channels + index].pixels, **turns)
        number = data.pictures[index].name.removeprefix("channel ")
        above.set_title(number, fontsize=7, pad=2)
    bars = [
        figure.colorbar(
            image, ax=part, label=panel, orientation="horizontal", aspect=30, pad=0.02, shrink=0.8
        )
        for image, part, panel in zip(
            (shown, turned),
            (axes[:, : columns // 2 or 1], axes[:, columns // 2 :]),
            data.panels,
            strict=True,
        )
    ]
    bars[1].set_ticks([-np.pi, 0, np.pi], labels=["−π", "0", "π"])
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    above = data(results).notes[PEAKS]
    return (
        f"For each of {len(above)} latent channels, a grey picture of log-magnitude and a coloured "
        "picture of phase. Channels that carry power have a bright centre; elsewhere both look "
        f"like noise. The brightest point of a channel lies {plain(min(above), 1)} to "
        f"{plain(max(above), 1)} powers of ten above the channel's median."
    )
