"""Densities over theta: of the crossings, and published ones."""

import math

from analysis.paper.text import percent, plain, table
from analysis.project.markdown import Markdown, code, escaped, link
from analysis.shift import literature
from analysis.spectra import intervals
from analysis.study import densities
from analysis.study.results import Results
from analysis.timesteps.crossings import Weights


def table_crossings(results: Results) -> Markdown:
    """The nearest logit-normal at each resolution, and how its mean moves."""
    rows = []
    weights: tuple[tuple[Weights, str], ...] = (("power", "power"), ("modes", "number of modes"))
    for by, how in weights:
        for name, m in results.measured.items():
            nearest = [densities.nearest_of(m, side, by) for side in m.study.resolutions]
            moved = densities.movement_of(m, by)
            rows.append(
                [how, code(name)]
                + [f"({plain(n.mu, 2)}, {plain(n.std, 2)})" for n in nearest]
                + [percent(nearest[-1].distance), _triple(moved.total), _triple(moved.shared)]
            )
    sides = [f"{side} px" for side in results.study.resolutions]
    low, high = results.study.pair
    header = ["weight", "encoder", *sides, "TV", f"Δμ, {low} to {high}", "Δμ, shared modes"]
    return table(header, rows, "ll" + "l" * len(sides) + "rll")


def _triple(value: tuple[float, float, float]) -> str:
    if not math.isfinite(value[1]):
        return f"{plain(value[0], 2)} ({intervals.NONE})"
    return f"{plain(value[0], 2)} [{plain(value[1], 2)},\u00a0{plain(value[2], 2)}]"


def table_published(results: Results) -> Markdown:
    """How far published densities of training times lie from those of the crossings."""
    addresses = {rule.key: rule.place[1] for rule in literature.rules()}
    low, high = results.study.pair
    weights: tuple[tuple[Weights, str], ...] = (("power", "power"), ("modes", "number"))
    columns = [(by, m) for by, _ in weights for m in results.measured.values()]
    floors = [
        " / ".join(plain(densities.nearest_of(m, side, by).distance, 2) for side in (low, high))
        for by, m in columns
    ]
    rows = [["nearest logit-normal", *floors]]
    for one in literature.PUBLISHED:
        means = {plain(one.at(side)[0], 2): None for side in (low, high)}
        cells = [
            " / ".join(plain(densities.distance_of(m, side, by, one), 2) for side in (low, high))
            for by, m in columns
        ]
        where = f"({' / '.join(means)}, {plain(one.std, 1)})"
        rows.append([Markdown(f"{link(one.name, addresses[one.key])} {escaped(where)}"), *cells])
    header = ["density over θ"]
    header += [
        Markdown(f"{escaped(how)}, {code(name)}") for _, how in weights for name in results.measured
    ]
    return table(header, rows)
