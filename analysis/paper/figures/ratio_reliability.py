"""Is R specific to an image? Its halves against each other, and against other images' halves."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.text import plain
from analysis.study.densities import FEWEST, reliability_of
from analysis.study.results import Results
from analysis.timesteps.weighting import Reliability

NONE = f"Reliability is measured over {FEWEST} images or more."
HALVES = {
    "left_right": "left and right halves",
    "top_bottom": "top and bottom halves",
}
ROWS = (
    ("within", "one image's halves", "o", style.HIGH),
    ("between", "halves of two images", "s", style.LOW),
    ("specific", "one image's, less the others' mean", "D", style.FIT),
)


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    if len(results.photographs) < FEWEST:
        return NONE
    each = []
    for name, m in results.measured.items():
        ways = [reliability_of(m, way) for way in HALVES]
        found = [" / ".join(plain(getattr(one, row[0])[0], 2) for row in ROWS) for one in ways]
        each.append(f"{name}, {' and '.join(found)}")
    return (
        "Correlations of ln R with intervals for each encoder: within an image / between images / "
        "within an image after the others’ mean is taken off; left and right halves in one panel, "
        f"top and bottom halves in the other. {'; '.join(each)}."
    )


@style.styled
def draw(results: Results) -> Figure:
    """Agreement of ln R within and between images, by encoder and way to halve an image."""
    if len(results.photographs) < FEWEST:
        return style.notice(NONE)
    found = {
        name: {way: reliability_of(m, way) for way in HALVES}
        for name, m in results.measured.items()
    }
    return draw_from(found)


@style.styled
def draw_from(found: Mapping[str, Mapping[str, Reliability]]) -> Figure:
    """Correlations of ln R with their intervals, a panel for each way to halve.

    Args:
        found: encoder -> way to halve (a key of `HALVES`) -> reliability.
    """
    figure = style.figure(2.9)
    axes = figure.subplots(1, len(HALVES), sharey=True)
    for ax, (way, title) in zip(axes, HALVES.items(), strict=True):
        for place, by_way in enumerate(found.values()):
            for index, (name, label, marker, colour) in enumerate(ROWS):
                value, low, high = getattr(by_way[way], name)
                ax.errorbar([place + 0.22 * (index - 1)], [value],
                            yerr=[[max(value - low, 0)], [max(high - value, 0)]],
                            color=colour, marker=marker, ms=5, capsize=3, lw=1.2,
                            label=label if place == 0 else f"_{label}")  # fmt: skip
        ax.axhline(0, color=style.THEORY, lw=0.8, label="_no agreement")
        ax.axhline(1, color=style.PALE, lw=0.8, ls=":", label="_full agreement")
        ax.grid(visible=False, axis="x")
        ax.set_xticks(range(len(found)), [style.literal(name) for name in found], rotation=20,
                      ha="right", rotation_mode="anchor")  # fmt: skip
        ax.set_xlim(-0.6, len(found) - 0.4)
        ax.set_title(title)
    axes[0].set_ylabel("correlation of ln R over f")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure
