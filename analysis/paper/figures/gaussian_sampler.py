"""The exactly solvable sampler: the best shift against the number of steps, and its ratio."""

from collections.abc import Mapping
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.paper.figures import style
from analysis.paper.text import number, plain
from analysis.shift.rules import flux2
from analysis.study.results import Results
from analysis.timesteps.gaussian_sampler import SamplerStudy

SHOWN = {"w2": ("-", "W2, weighed by power"), "kl_model": ("--", "KL, weighed by number of modes")}
PANELS = (("total", "whole spectrum"), ("whole {low}", "shared frequencies"))


def _steps_axis(ax: Axes, steps: np.ndarray) -> None:
    ax.set_xscale("log")
    ax.set_yscale("log")
    style.plain_log(ax.xaxis)
    style.plain_log(ax.yaxis)
    ax.set_xlim(steps[0] * 0.9, steps[-1] * 1.1)
    ax.minorticks_off()
    ax.set_xlabel("number of Euler steps")


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    study, each = results.study, []
    for name, by_solver in results.samplers.items():
        found = by_solver["euler"]
        for metric, how in (("w2", "W2"), ("kl_model", "KL")):
            ends = [
                [found.ratio(study.low, study.high, region.format(low=study.low), metric)[at]
                 for at in (0, found.steps.tolist().index(200))]
                for region, _ in PANELS
            ]  # fmt: skip
            each.append(
                f"{name} by {how}, {' and '.join(' / '.join(map(_two, pair)) for pair in ends)}"
            )
    first = int(next(iter(results.samplers.values()))["euler"].steps[0])
    return (
        f"Left: best shift at {study.high} px against the number of Euler steps for each encoder, "
        "by W2 and by KL, with FLUX.2’s own shifts as crosses. Middle: its ratio to the best shift "
        f"at {study.low} px for the whole spectrum. Right: the same for the frequencies both "
        f"resolutions share. The ratios at {first} / 200 steps, whole and shared: "
        f"{'; '.join(each)}; the square-root rule is {number(results.theory)}."
    )


def _two(value: float) -> str:
    return plain(value, 2) if np.isfinite(value) else "beyond the grid"


@style.styled
def draw(results: Results) -> Figure:
    """Best shift of Euler steps, by power and by mode count, and FLUX.2's own shift beside it."""
    study = results.study
    studies = {name: by_solver["euler"] for name, by_solver in results.samplers.items()}
    equal_snr = {name: m.shift.whole.value for name, m in results.measured.items()}
    steps = next(iter(studies.values())).steps
    published = np.array([flux2(study.high, study.high, int(n)) for n in steps])
    return draw_from(studies, study.low, study.high, results.theory, equal_snr, (steps, published))


@style.styled
def draw_from(
    studies: Mapping[str, SamplerStudy], low: int, high: int, theory: float,
    equal_snr: Mapping[str, float], published: tuple[np.ndarray, np.ndarray] | None = None,
) -> Figure:  # fmt: skip
    """Best shift at the high resolution (left) and its ratio to that at the low one (the others).

    Args:
        studies: of each encoder, all with the same steps, from Euler steps.
        low, high: sides in pixels that are compared.
        theory: the square-root rule between them.
        equal_snr: the measured shift of each encoder in the low and the middle band.
        published: (steps, shift) that a released model uses at the high resolution.
    """
    figure = style.figure(3.6)
    left, *others = figure.subplots(1, 3, width_ratios=(1.15, 1, 1))
    others[1].sharey(others[0])
    for mark, (name, found) in zip(cycle(style.MARKERS), studies.items(), strict=False):
        colour = style.encoder_colour(studies, name)
        for metric, (line, _) in SHOWN.items():
            best = found.best[found.at(high, "total", metric)]
            look = {"color": colour, "ls": line, "marker": mark, "ms": 4, "markevery": 3}
            left.plot(found.steps, best, **look)
            for ax, (region, _) in zip(others, PANELS, strict=True):
                ratio = found.ratio(low, high, region.format(low=low), metric)[:-1]
                ax.plot(found.steps, ratio, **look)
        last = found.steps[-1] * 1.1
        others[1].plot(
            [last],
            [equal_snr[name]],
            color=colour,
            marker=mark,
            ms=8,
            mfc="none",
            ls="",
            clip_on=False,
            zorder=5,
        )
        _steps_axis(left, found.steps)
        for ax in others:
            _steps_axis(ax, found.steps)
    if published is not None:
        left.plot(*published, color=style.THEORY, marker="x", ms=6, ls="")
    left.set_ylabel(f"best shift s at {high} px")
    left.set_title("best shift")
    others[0].set_ylabel(f"best s at {high} px / at {low} px")
    for ax, (_, title) in zip(others, PANELS, strict=True):
        ax.axhline(theory, color=style.THEORY, ls=":", lw=1)
        ax.set_yticks([0.8, 1.0, 1.2, 1.5, 2.0, 2.5])
        ax.minorticks_off()
        ax.set_title("ratio, " + title)
    first = next(iter(studies.values())).steps[0]
    others[0].text(5 * first, theory * 1.02, "square-root rule", fontsize=7.5)
    keys = [
        Line2D(
            [],
            [],
            color=style.encoder_colour(studies, name),
            marker=mark,
            ms=4,
            label=style.literal(name),
        )
        for mark, name in zip(cycle(style.MARKERS), studies, strict=False)
    ]
    keys += [Line2D([], [], color=style.PALE, ls=line, label=text) for line, text in SHOWN.values()]
    keys.append(
        Line2D(
            [],
            [],
            color=style.PALE,
            marker="o",
            mfc="none",
            ms=8,
            ls="",
            label="measured equal-SNR shift",
        )
    )
    if published is not None:
        keys.append(
            Line2D([], [], color=style.THEORY, marker="x", ls="", label="FLUX.2 samples with")
        )
    figure.legend(handles=keys, loc="outside lower center", ncols=4)
    return figure
