"""The measured shift, by band."""

from analysis.paper.text import interval, plain, point, table
from analysis.project.markdown import Markdown, code
from analysis.study.results import Results
from analysis.timesteps.schedule import exponent


def table_shift(results: Results) -> Markdown:
    """The measured shift per encoder and band."""
    rows = []
    for name, measured in results.measured.items():
        shift = measured.shift
        for band, e in (*shift.bands.items(), ("low and middle", shift.whole)):
            cycles = f"{e.band[0]:.0f} to {e.band[1]:.0f}" + " (ends at its second ring)" * (
                band in measured.moved
            )
            r = plain(float(exponent(e.value, shift.pixel_ratio)), 2)
            rows.append([code(name), point(e), interval(e), band, cycles, r])
    header = ["encoder", "s", "interval", "band", "cycles/image", "r"]
    return table(header, rows, "lrlllr")
