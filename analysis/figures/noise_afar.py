"""The visual noise experiment: the same Gaussian noise at two sampling densities, seen from afar."""

from matplotlib.figure import Figure

from analysis import noise
from analysis.figures import style
from analysis.results import Results

CELLS = 32  # what the eye resolves from afar, and the coarse grid
FACTOR = 8  # fine samples per coarse sample, each way


@style.styled
def draw(results: Results) -> Figure:
    """Two fields of unit variance from near (left) and averaged to one resolution (right)."""
    rng = noise.generator(results.study.seed, "seen from afar")
    fine = rng.standard_normal((CELLS * FACTOR, CELLS * FACTOR))
    coarse = rng.standard_normal((CELLS, CELLS))
    afar = noise.seen_from_afar(fine, CELLS), noise.seen_from_afar(coarse, CELLS)
    figure = style.figure(2.15)
    axes = figure.subplots(1, 4)
    panels = (
        (fine, f"fine: {fine.shape[0]}²"), (afar[0], f"fine, averaged {FACTOR} × {FACTOR}"),
        (coarse, f"coarse: {CELLS}²"), (afar[1], "coarse, as it is"),
    )  # fmt: skip
    for ax, (field, title) in zip(axes, panels, strict=True):
        shown = ax.imshow(field, cmap="gray", vmin=-3, vmax=3)
        ax.set_axis_off()
        ax.set_title(f"{title}\nstd {field.std():.2f}", fontsize=8)
    figure.colorbar(shown, ax=axes, label="value", shrink=0.75, aspect=14)
    return figure
