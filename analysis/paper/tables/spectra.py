"""Exponents and shifts under every window."""

from analysis.paper.text import interval, plain, point, table
from analysis.project.markdown import Markdown, code
from analysis.study import findings
from analysis.study.results import Results


def table_windows(results: Results) -> Markdown:
    """Exponent and shift of every encoder under every window."""
    rows = []
    for name, m in results.measured.items():
        laws, shifts = m.power_laws_by_window, m.shift_by_window
        for window, each, shift in zip(results.study.windows, laws, shifts, strict=True):
            mean, std = findings.spread(each)
            spread = f"{plain(mean, 2)} ± {plain(std, 2)}"
            rows.append(
                [code(name), window.text, spread, point(shift.whole), interval(shift.whole)]
            )
    return table(["encoder", "window", "γ", "s", "interval"], rows, "llrrl")
