"""Log-magnitude and phase of every channel of a noisy latent."""

import functools

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.spectra import periodogram
from analysis.study.results import Results


@style.styled
def draw(results: Results) -> Figure:
    """Per channel, magnitude above phase; zero frequency in the centre."""
    study = results.study
    field = results.display.noisy(study.high, study.t)
    modes = periodogram.fourier(field, study.window.kind, study.window.beta)
    # The centre is zero by construction; a floor keeps its logarithm finite.
    magnitude = np.log10(np.maximum(np.abs(modes), 1e-3))
    columns = min(8, len(field))
    rows = -(-len(field) // columns)
    cell = style.WIDTH / columns
    figure = style.figure(2 * rows * cell + 0.55)
    axes = figure.subplots(2 * rows, columns, squeeze=False)
    low, high = np.percentile(magnitude, [0.5, 99.8])
    for index in range(rows * columns):
        above, below = axes[2 * (index // columns) : 2 * (index // columns) + 2, index % columns]
        above.set_axis_off()
        below.set_axis_off()
        if index >= len(field):
            continue
        shown = above.imshow(magnitude[index], cmap="gray", vmin=low, vmax=high)
        turned = below.imshow(np.angle(modes[index]), cmap="twilight", vmin=-np.pi, vmax=np.pi)
        above.set_title(str(index + 1), fontsize=7, pad=2)
        below.set_label(f"{index + 1}, phase")
    bar = functools.partial(
        figure.colorbar, orientation="horizontal", aspect=30, pad=0.02, shrink=0.8
    )
    left = bar(shown, ax=axes[:, : columns // 2 or 1])
    left.set_label("log10 |Z|, latent units")
    right = bar(turned, ax=axes[:, columns // 2 :])
    right.set_label("phase (rad)")
    right.set_ticks([-np.pi, 0, np.pi], labels=["−π", "0", "π"])
    return figure
