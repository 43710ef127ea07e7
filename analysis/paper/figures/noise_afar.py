"""The visual noise experiment: Gaussian noise at two sampling densities, seen from afar."""

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.study.results import Results
from analysis.timesteps import noise
from analysis.timesteps.noise import AFAR_CELLS as CELLS
from analysis.timesteps.noise import AFAR_COARSE as COARSE
from analysis.timesteps.noise import AFAR_FINE as FINE


@style.styled
def draw(results: Results) -> Figure:
    """Two fields of unit variance from near, and both as they are resolved from afar."""
    rng = noise.generator(results.study.seed, "seen from afar")
    fine, coarse = rng.standard_normal((FINE, FINE)), rng.standard_normal((COARSE, COARSE))
    figure = style.figure(2.15)
    axes = figure.subplots(1, 4)
    panels = (
        (fine, f"near: {FINE} × {FINE}"),
        (coarse, f"near: {COARSE} × {COARSE}"),
        (noise.seen_from_afar(fine, CELLS), f"far: {FINE} × {FINE}"),
        (noise.seen_from_afar(coarse, CELLS), f"far: {COARSE} × {COARSE}"),
    )
    for ax, (field, title) in zip(axes, panels, strict=True):
        shown = ax.imshow(field, cmap="gray", vmin=-3, vmax=3)
        ax.set_axis_off()
        ax.set_title(f"{title}\nstd {field.std():.2f}", fontsize=8)
    figure.colorbar(shown, ax=axes, label="value", shrink=0.75, aspect=14)
    return figure
