"""What shifted densities of training times do to the error of denoisers, band by band."""

from analysis.paper.text import estimate, table
from analysis.project.markdown import Markdown
from analysis.study.results import Results


def table_density(results: Results) -> Markdown:
    """Ratio of errors under two densities by band: both shifted ones to none, and to each other."""
    header, rows = ["band (cycles/image)"], []
    if (done := results.density) is not None:
        none, measured, rule = done.settings.shifts
        pairs = [(measured, none), (rule, none), (rule, measured)]
        header += [f"s = {a:g} / s = {b:g}" for a, b in pairs]
        names = [f"{low:g} to {high:g}" for low, high in done.settings.bands] + ["all together"]
        columns = [[estimate(one) for one in done.found(a, b)] for a, b in pairs]
        rows = [list(row) for row in zip(names, *columns, strict=True)]
    return table(header, rows, "llll"[: len(header)])
