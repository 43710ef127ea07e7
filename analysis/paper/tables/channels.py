"""Shifts that do not depend on how channels are mixed."""

from analysis.paper.text import estimate, percent, table
from analysis.project.markdown import Markdown, code
from analysis.study.results import Results


def table_information(results: Results) -> Markdown:
    """The information-matched shift beside its limits and the channel average."""
    rows = []
    for name, m in results.measured.items():
        found = m.information
        if found is None:
            rows.append([code(name), estimate(m.shift.whole), *5 * ["too few images or modes"]])
            continue
        rows.append(
            [
                code(name),
                estimate(m.shift.whole),
                estimate(found.limits["trace"]),
                estimate(found.matched),
                estimate(found.limits["inverse"]),
                percent(found.misfit(found.matched.value), 1),
                percent(found.misfit(m.shift.theory), 1),
            ]
        )
    header = [
        "encoder",
        "channel average",
        "by power",
        "matched",
        "by the weakest",
        "apart, matched",
        "apart, rule",
    ]
    return table(header, rows, "lllllrr")
