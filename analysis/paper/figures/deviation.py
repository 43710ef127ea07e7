"""Strategy 1: each photograph's RAPS against the mean of the set."""

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from analysis.paper.figures import style
from analysis.study.results import Results
from analysis.timesteps.weighting import deviation_from_mean


@style.styled
def draw(results: Results) -> Figure:
    """Left: the difference. Right: the same as a ratio, where high frequencies can be seen."""
    study, measured = results.study, results.measured[results.study.display_encoder]
    k, power = measured.k(study.high)[1:], measured.power(study.high)[:, 1:]
    figure = style.figure(3.0)
    left, right = figure.subplots(1, 2)
    differences, ratios = deviation_from_mean(power), power / power.mean(axis=0)
    for row, ratio, photo in zip(differences, ratios, results.photographs, strict=True):
        shown, title = photo == results.display.photograph, style.literal(photo.title)
        look = {
            "color": style.HIGH if shown else style.PALE,
            "lw": 1.6 if shown else 0.7,
            "zorder": 3 if shown else 2,
        }
        left.plot(k, row, label=title if shown else f"_{title}", **look)
        right.plot(k, ratio, label=f"_{title}", **look)
    left.set_yscale("symlog", linthresh=0.1)
    left.set_yticks([-1000, -100, -10, -1, 0, 1, 10, 100, 1000])
    left.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}".replace("-", "−")))
    left.minorticks_off()
    left.set_ylabel("ΔP = P − mean (latent units²)")
    right.set_yscale("log")
    right.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    right.set_ylabel("P / mean")
    for ax in (left, right):
        style.frequency_axis(ax, k)
        ax.axhline(0 if ax is left else 1, color=style.THEORY, lw=0.8, label="_the mean")
    left.legend()
    return figure
