"""Trained networks: loss per noise level, what each shift costs, and the spectrum of samples."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from analysis.paper.figures import style
from analysis.study.results import Results
from analysis.timesteps.trained_shift import Experiment

LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
SHOWN = ("few, s = 1", "few, s = 4")  # the sampler's shift
COSTS = (("nats", "o", "-", "nats"), ("z", "s", "--", r"$L_z$"))


def _spread(ax: Axes, x: np.ndarray, values: np.ndarray, label: str, **look: object) -> None:
    """Mean over the seeds (first axis), with every seed's range as a band."""
    (line,) = ax.plot(x, values.mean(axis=0), label=label, **look)  # type: ignore[arg-type]
    ax.fill_between(
        x, values.min(axis=0), values.max(axis=0), color=line.get_color(), alpha=0.15, lw=0
    )


def _ratios(ax: Axes, ticks: tuple[float, ...]) -> None:
    """A logarithmic axis of ratios that ends at the outer ticks."""
    ax.set_yscale("log")
    ax.set_yticks(ticks)
    ax.set_ylim(ticks[0], ticks[-1])
    ax.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.minorticks_off()


def _keys(
    ax: Axes, done: Experiment, colours: list[str], kinds: Mapping[str, Mapping[str, object]],
    place: str,
) -> None:  # fmt: skip
    """A legend that names colours by side and looks by what they stand for.

    A line for each of both would be short, and a short dashed line looks like a solid one.
    """
    looks: dict[str, Mapping[str, object]] = {
        f"{done.sides[a]} px": {"color": colour} for a, colour in zip((0, -1), colours, strict=True)
    }
    looks |= {text: {"color": style.THEORY, **look} for text, look in kinds.items()}
    lines = [Line2D([], [], label=text, lw=1.2, ms=4, **look) for text, look in looks.items()]  # type: ignore[arg-type]
    ax.legend(handles=lines, fontsize=6.5, handlelength=3.2, loc=place)


def _losses(axes: list[Axes], done: Experiment) -> None:
    others = [index for index, s in enumerate(done.shifts) if s != 1]
    colours = mpl.colormaps["viridis"](np.linspace(0, 0.9, len(others)))
    for a, ax in enumerate(axes):
        for place, index in enumerate(others):
            _spread(ax, done.theta, 1 + done.relative()[a, index], f"s = {done.shifts[index]:g}",
                    color=colours[place], ls=LINES[place % len(LINES)])  # fmt: skip
        ax.axhline(1, color=style.THEORY, lw=1, label="_equal")
        _ratios(ax, (0.8, 1, 1.25, 1.5, 2, 3, 4))  # beyond, a network saw next to no such theta
        ax.set_title(f"{done.sides[a]} px")
        ax.set_xlabel(r"noise level $\theta$ = logit t   (noise … data)")
    axes[0].set_ylabel("loss / loss of s = 1")
    axes[0].legend(loc="upper left", ncols=2)


def _costs(ax: Axes, done: Experiment, colours: list[str]) -> None:
    for name, marker, dashes, label in COSTS:
        values = done.integral(name)
        relative = values / values[:, done.shifts == 1]
        for a in (0, -1):
            _spread(ax, done.shifts, relative[a].T, f"{label}, {done.sides[a]}",
                    color=colours[a], marker=marker, ms=4, ls=dashes)  # fmt: skip
    ax.axhline(1, color=style.THEORY, lw=1, label="_equal")
    _ratios(ax, (0.85, 0.9, 1, 1.1, 1.2, 1.3, 1.4))
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.set_xticks(done.shifts)
    ax.set_xlabel("shift s of training")
    ax.set_ylabel("integral / integral of s = 1")
    kinds = {label: {"marker": mark, "ls": dashes} for _, mark, dashes, label in COSTS}
    _keys(ax, done, colours, kinds, "upper right")


def _samplers(ax: Axes, done: Experiment, colours: list[str]) -> None:
    one = int(np.flatnonzero(done.shifts == 1)[0])
    error = done.spectral_error(done.few)[:, one]
    for a in (0, -1):
        _spread(ax, done.sampling, error[a], f"{done.sides[a]} px", color=colours[a],
                marker=style.MARKERS[a], ms=4)  # fmt: skip
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.set_ylim(bottom=0)
    ax.set_xticks(done.sampling)
    ax.set_xlabel("shift s of the sampler")
    ax.set_ylabel("mean |ln(power / data's)|, few steps")
    ax.legend(loc="upper right")


def _spectra(ax: Axes, done: Experiment, colours: list[str]) -> None:
    one, sampling = int(np.flatnonzero(done.shifts == 1)[0]), done.sampling
    kinds = {}
    for a in (0, -1):
        last = int(np.isfinite(done.k[a]).sum())
        k, data = done.k[a, 1:last], done.training[a, :, 1:last]
        few = {f"few, s = {s:g}": done.few[a, one, :, g] for g, s in enumerate(sampling)}
        drawn = {name: few[name] for name in SHOWN if name in few} | {"many": done.fine[a, one]}
        for (name, power), dashes in zip(drawn.items(), LINES, strict=False):
            label = f"{done.sides[a]}: {name}"
            kinds[f"{name} steps" if name == "many" else name.replace("few", "few steps")] = {
                "ls": dashes
            }
            _spread(ax, k, power[:, 1:last] / data, label, color=colours[a], ls=dashes)
    ax.axhline(1, color=style.THEORY, lw=1, label="_equal")
    style.frequency_axis(ax, done.k[-1, 1:])
    ax.set_yscale("log", base=2)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.set_xlabel("frequency (cycles/patch)")
    ax.set_ylabel("power of samples / of data")
    ax.set_ylim(bottom=0.03)
    _keys(ax, done, colours, kinds, "lower left")


@style.styled
def draw(results: Results) -> Figure:
    """Trained networks at two resolutions: losses against theta, and spectra of samples."""
    if results.experiment is None:
        return style.notice("The experiment was not run here: python -m analysis experiment")
    return draw_from(results.experiment)


@style.styled
def draw_from(done: Experiment) -> Figure:
    """Loss per theta of both resolutions (above); (below) its integrals, and samples of
    networks trained without shift: their spectral error by the sampler's shift, and their spectra.

    Bands are the range over seeds, lines their mean.
    """
    figure = style.figure(5.6)
    upper, lower = style.stacked(figure, 2)
    axes = upper.subplots(1, 2, sharey=True).tolist()
    left, middle, right = lower.subplots(1, 3)
    _losses([axes[0], axes[1]], done)
    colours = [style.LOW, style.HIGH]
    _costs(left, done, colours)
    _samplers(middle, done, colours)
    _spectra(right, done, colours)
    return figure
