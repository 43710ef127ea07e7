"""What shifted densities of training times do to the error of denoisers, band by band."""

from analysis.paper.text import change, table
from analysis.project.markdown import Markdown
from analysis.study.results import Results


def table_density(results: Results) -> Markdown:
    """Change of the error from one density to another by band: from none, and between shifts."""
    header, rows = ["band (cycles/image)"], []
    if (done := results.density) is not None:
        none, measured, rule = done.settings.shifts
        pairs = [(measured, none), (rule, none), (rule, measured)]
        header += [f"s = {a:g} against {b:g}" for a, b in pairs]
        names = [f"{low:g} to {high:g}" for low, high in done.settings.bands] + ["all together"]
        columns = [[change(one) for one in done.found(a, b)] for a, b in pairs]
        rows = [list(row) for row in zip(names, *columns, strict=True)]
    return table(header, rows, "llll"[: len(header)])
