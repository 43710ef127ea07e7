"""Noisy latents of the high resolution, not shifted and shifted in two ways, and the low one's."""

from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Picture, Series
from analysis.paper.text import number, percent, plain
from analysis.study.findings import snr_mismatch
from analysis.study.results import Results
from analysis.timesteps import schedule

SHOWN = 2  # channels at most
CURVES = "SNR"
SAME, RULE, MEASURED, LOW = "same t", "t by the rule", "t by the measured shift", "low resolution"
LOOKS: dict[str, style.Look] = {
    SAME: {"color": style.PALE, "ls": ":", "lw": 1.6},
    RULE: {"color": style.NOISY, "ls": "--"},
    MEASURED: {"color": style.HIGH},
    LOW: {"color": style.LOW, "lw": 2.2, "alpha": 0.8},
}


def _cases(results: Results) -> dict[str, tuple[int, float]]:
    """What is shown: case -> (side in pixels, t)."""
    study = results.study
    measured = results.measured[study.display_encoder].shift.whole.value
    return {
        SAME: (study.high, study.t),
        RULE: (study.high, results.t_shifted),
        MEASURED: (study.high, float(schedule.shift_t(study.t, measured))),
        LOW: (study.low, study.t),
    }


def data(results: Results) -> Data:
    """The strongest channels and the SNR in four cases, of the pictured photograph.

    Notes have, for the cases of the high resolution, the mean ratio of SNR to the low one's over
    the low and the middle band, and the largest either way.
    """
    study, display = results.study, results.display
    measured = results.measured[study.display_encoder]
    index = results.photographs.index(display.photograph)
    pictures, curves, notes = [], [], dict[str, object]()
    for case, (side, t) in _cases(results).items():
        shown = f"{side} px, t = {t:.3g}"
        field = display.noisy(side, t)
        pictures += [
            Picture(f"{case}: {shown}", f"channel {channel + 1}", field[channel])
            for channel in display.strongest(SHOWN)
        ]
        power, noise = (of(side)[index, 1:] for of in (measured.power, measured.noise))
        ratio = schedule.snr(t, power, noise)
        curves.append(Series(CURVES, case, measured.k(side)[1:], ratio))
        if side == study.high:
            notes[case] = snr_mismatch(measured, index, t)
    notes["shifts"] = [results.theory, measured.shift.whole.value]
    axes = {CURVES: ("frequency (cycles/image)", "SNR (ratio of powers)")}
    return Data(tuple(curves), tuple(pictures), axes, notes)


@style.styled
def draw(data: Data) -> Figure:
    """Pictures of the channels, a column a case (on a phone a row), above the SNR of all cases.

    Each picture has its own colour range.
    """
    panels = [panel for panel in data.panels if panel != CURVES]
    shown = {panel: [one for one in data.pictures if one.panel == panel] for panel in panels}
    cases, channels = len(panels), len(shown[panels[0]])
    if style.narrow():
        above = cases * (min(1.35, style.width() / channels) + 0.36)
        whole = style.figure(0, above + 2.6)
    else:
        above = channels * style.width() / cases + 0.4
        whole = style.figure(above + 2.4)
    below = whole.get_figheight() - above
    upper, lower = style.stacked(whole, 2, (above, below), (above, below))
    grid = upper.subplots(
        *(cases, channels) if style.narrow() else (channels, cases), squeeze=False
    )
    for row, (panel, pictures) in zip(
        grid if style.narrow() else grid.T, shown.items(), strict=True
    ):
        case, _, where = panel.partition(": ")
        for ax, picture in zip(row, pictures, strict=True):
            style.picture(ax, picture.pixels)
        if style.narrow():  # over both pictures of the row
            row[0].set_title(f"{case}: {where}", fontsize=8.5, pad=4, loc="left")
        else:
            row[0].set_title(f"{case}\n{where}", fontsize=8.5, pad=4)
    ax = lower.subplots()
    for curve in data.of(CURVES):
        style.line(ax, curve, **LOOKS[curve.name])
    ax.axhline(1, color=style.THEORY, lw=0.8)
    ax.set_yscale("log")
    style.frequency_axis(ax, data.of(CURVES)[0].x)
    style.label(ax, data, CURVES)
    ax.legend(handlelength=2.6)
    return whole


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    found, cases = data(results), _cases(results)
    rule, measured = found.notes["shifts"]
    ways = [
        f"{case}, t = {cases[case][1]:.3g}, {plain(found.notes[case][0], 2)} times on average and "
        f"off by up to {percent(found.notes[case][1] - 1)}"
        for case in (SAME, RULE, MEASURED)
    ]
    return (
        f"Noisy latents at {results.study.high} px with the same t, with t shifted by the rule, "
        f"{number(rule)}, and by the measured shift, {plain(measured, 2)}; and those at "
        f"{results.study.low} px. Below them the signal-to-noise ratio of each against frequency: "
        f"over the low and middle bands, compared with the low resolution, {'; '.join(ways)}."
    )
