"""The measurement with one choice changed."""

from analysis.paper.text import estimate, resolved, table
from analysis.project.markdown import Markdown, code
from analysis.study import findings
from analysis.study.results import Results


def table_sensitivity(results: Results) -> Markdown:
    """The same measurement with one choice changed, and on images whose answer is known."""
    names = list(results.measured)
    rows = [
        ["as measured"] + [estimate(m.shift.whole) for m in results.measured.values()],
        ["every channel of equal variance"]
        + [estimate(m.shift_equal_channels.whole) for m in results.measured.values()],
        ["mean over channels of ln s, channels drawn too"]
        + [estimate(m.shift_pooled) for m in results.measured.values()],
    ]
    for window, index in ((w.text, i) for i, w in enumerate(results.study.windows)):
        if window != results.study.window.text:
            cells = [estimate(m.shift_by_window[index].whole) for m in results.measured.values()]
            rows.append([f"window: {window}", *cells])
    for variation in results.study.variations:
        cells = []
        for m in results.measured.values():
            found = m.shift_by_variation.get(variation.name)
            cells.append(resolved(found.whole) if found else "no posterior")
        rows.append([variation.text, *cells])
    rows.append(
        ["fixed cycles per latent pixel (another question)"]
        + [estimate(m.shift_per_pixel.whole) for m in results.measured.values()]
    )
    for variation in findings.lawful(results):
        cells = [
            resolved(findings.per_pixel(m, variation).whole) for m in results.measured.values()
        ]
        rows.append([f"{variation.text}, fixed cycles per latent pixel", *cells])
    return table(["choice", *map(code, names)], rows)
