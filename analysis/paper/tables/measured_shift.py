"""The measured shift, by band and as settings take it."""

from analysis.paper.text import fixed, interval, percent, plain, point, table
from analysis.project.markdown import Markdown, code
from analysis.study.results import Results
from analysis.timesteps import schedule
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
            rows.append([code(name), band, cycles, point(e), interval(e), r])
    header = ["encoder", "band", "cycles/image", "s", "interval", "r"]
    return table(header, rows, "lllrlr")


def table_recommended(results: Results) -> Markdown:
    """The shift between the study's resolutions by rule and by encoder, as s and as Delta mu."""
    rule = schedule.shift_mu(0.0, results.theory)
    rows = [["square-root rule", fixed(results.theory, 2), "", "1.00", plain(rule, 3)]]
    for name, m in results.measured.items():
        s = m.shift
        delta = plain(schedule.shift_mu(0.0, s.whole.value), 3)
        rows.append([code(name), point(s.whole), interval(s.whole), plain(s.exponent, 2), delta])
    return table(
        ["", "s", f"{percent(results.study.confidence)} interval", "r", "Δμ (t = 1 is data)"],
        rows,
        "lrlrr",
    )
