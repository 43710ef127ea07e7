"""Best shifts of the sampler that can be solved."""

import math

from analysis.paper.text import plain, table
from analysis.project.markdown import Markdown, code
from analysis.study.results import Results


def table_sampler(results: Results) -> Markdown:
    """Best shifts of Euler and Heun steps, by metric, and their ratio between two resolutions."""
    study, rows = results.study, []
    shared = f"whole {study.low}"
    for name, by_solver in results.samplers.items():
        for metric, how in (("w2", "W2"), ("kl_model", "KL")):
            for solver in ("euler", "heun"):
                found = by_solver[solver]
                best = found.best[found.at(study.high, "total", metric)]
                ratios = [
                    found.ratio(study.low, study.high, region, metric)
                    for region in ("total", shared)
                ]
                first, few, fifty, many = (found.steps.tolist().index(n) for n in (4, 10, 50, 200))
                sides = [
                    found.best[found.at(side, "total", metric)][fifty] for side in study.resolutions
                ]
                ends = [[values[n] for n in (first, few, many)] for values in (best, *ratios)]
                cells = [" / ".join(map(_best, values)) for values in (ends[0], sides, *ends[1:])]
                rows.append([code(name), how, solver.capitalize(), *cells])
    sizes = " / ".join(map(str, study.resolutions))
    header = [
        "spectrum",
        "error",
        "steps",
        f"best s at {study.high} px, 4 / 10 / 200 steps",
        f"at {sizes} px, 50 steps",
        "ratio, 4 / 10 / 200 steps",
        "ratio in shared bands",
    ]
    return table(header, rows)


def _best(value: float) -> str:
    return plain(value, 2) if math.isfinite(value) else "beyond the grid"
