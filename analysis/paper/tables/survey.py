"""What one survey of a small set found: its law and shift, channels, effective resolutions."""

import math

from analysis.paper.text import estimate, number, plain, table
from analysis.project.markdown import Markdown, code
from analysis.study.experiments.surveyed import ENLARGED, REACHES
from analysis.study.results import Results

NONE = [["no survey is committed"]]


def table_survey(results: Results) -> Markdown:
    """The set by encoder and side: mean law, mean mu, shift over the side before, its spread."""
    if (done := results.survey) is None:
        return table(["encoder"], NONE)
    rows = []
    for name, one in done.encoders.items():
        for place, side in enumerate(done.settings.sides):
            last = place == len(done.settings.sides) - 1
            a, beta = one.law[place]
            shift = [estimate(one.whole), plain(one.spread, 3)] if last else ["–", "–"]
            mean = plain(float(one.mu[:, place].mean()), 2)
            rows.append([code(name), str(side), number(a, 3), plain(beta, 2), mean, *shift])
    header = ["encoder", "px", "A", "β", "mean μ", "s", "sd of s"]
    return table(header, rows, "lrrrrrr")


def table_survey_channels(results: Results) -> Markdown:
    """Raw latents by encoder: means and deviations of channels, and the two factors they imply."""
    if (done := results.survey) is None:
        return table(["encoder"], NONE)
    rows = []
    for name, one in done.encoders.items():
        mean, std, (shift, scaling) = one.channel_mean[-1], one.channel_std[-1], one.factors[-1]
        ranges = [f"{plain(c.min(), 2)} to {plain(c.max(), 2)}" for c in (mean, std)]
        rows.append([code(name), str(len(mean)), *ranges, plain(shift, 3), number(scaling, 3)])
    header = ["encoder", "C", "mean", "standard deviation", "shift_factor", "scaling_factor"]
    return table([*header[:4], *map(code, header[4:])], rows, "lrrrrr")


def table_survey_reach(results: Results) -> Markdown:
    """Pictures by effective resolution over the short side, with each encoder's mean mu."""
    if (done := results.survey) is None:
        return table(["effective resolution"], NONE)
    names = list(done.encoders)
    each = [one.reaching() for one in done.encoders.values()]
    rows = []
    for place, (low, high) in enumerate(REACHES):
        words = f"{low:g} and more" if math.isinf(high) else f"{low:g} to {high:g}"
        mus = [of[place][1] for of in each]
        cells = ["–" if math.isnan(mu) else plain(mu, 2) for mu in mus]
        rows.append([words, str(each[0][place][0]), *cells])
    header = ["share of the short side", "pictures"]
    return table(
        [*header, *(Markdown(f"mean μ, {code(name)}") for name in names)],
        rows,
        "lr" + "r" * len(names),
    )


def table_survey_enlarged(results: Results) -> Markdown:
    """How many pictures are called soft as they are, and when they are enlarged."""
    if (done := results.survey) is None:
        return table(["enlarged"], NONE)
    names = ["as they are", *(f"{factor:g} times, {name}" for factor, name in ENLARGED)]
    rows = [
        [name, str(count), plain(median, 2)]
        for name, count, median in zip(names, done.found, done.medians, strict=True)
    ]
    return table(["enlarged", "below three quarters", "median"], rows, "lrr")
