"""The key figure: what learned encoders ask for, picture by picture, among what others use."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series, estimates
from analysis.paper.text import interval, listing, number, plain, point
from analysis.shift.equal_snr import MeasuredShift
from analysis.shift.rules import FORMULAS
from analysis.spectra.bands import in_band
from analysis.spectra.intervals import Estimate
from analysis.study.experiments.encoder_table import PUBLISHED
from analysis.study.results import Results
from analysis.study.settings import REFERENCE

LADDER, CURVES = "one number", "by frequency"
EACH, PIXEL = ", each picture", "pixel"
NONE, RULE = "no shift", "square-root rule"
OTHERS = {"flux2-50": "FLUX.2 ships", "flux1": "FLUX.1 ships"}
APART = 1.95  # of encoders on the ladder: room for their numbers
TICKS = (0.5, 0.7, 0.8, 1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3)


def _learned(results: Results) -> dict[str, MeasuredShift]:
    """The learned encoders' shifts: the study's, and in the paper those published ones that were
    measured beside it (`study.experiments.encoder_table`)."""
    found = {name: m.shift for name, m in results.measured.items() if m.card.learned}
    if results.study.name != REFERENCE or results.rows is None:
        return found
    beside = {name: results.rows[name].shift() for name in PUBLISHED if name in results.rows}
    return beside | found


def _rungs(results: Results) -> dict[str, float]:
    """What the shift is by no shift, by the rule, and as others have it."""
    low, high = results.study.pair
    others = {label: FORMULAS[key].ratio(low, high) for key, label in OTHERS.items()}
    return {NONE: 1.0, **others, RULE: results.theory}


def data(results: Results) -> Data:
    """Of pixels and the learned encoders: s(f) of each picture and the mean, and one number.

    Frequencies are those of the low and the middle band, over which the number is taken.
    """
    learned = _learned(results)
    if not learned:
        return Data(notes={"nothing": "This study has no learned encoder."})
    curves = list[Series]()
    for name, m in results.measured.items():
        if name in learned or name == PIXEL:
            shift, nyquist = m.shift, len(m.k(results.study.low)) - 1
            chosen = in_band(shift.k, shift.whole.band)
            f = shift.k[chosen] / nyquist
            titles = [photo.title for photo in results.photographs] if name in learned else []
            curves += [
                Series(CURVES, f"{name}{EACH}: {title}", f, s[chosen])
                for title, s in zip(titles, shift.curves, strict=False)
            ]
            mean, lower, upper = (of[chosen] for of in (shift.mean, shift.low, shift.high))
            curves.append(Series(CURVES, name, f, mean, lower, upper))
    for label, s in _rungs(results).items():
        ends = np.array([-0.5, APART * (len(learned) - 1) + 0.5])
        curves.append(Series(LADDER, label, ends, np.full(2, s)))
    for place, (name, shift) in enumerate(learned.items()):
        each = shift.each
        curves.append(Series(LADDER, name + EACH, np.full(len(each), APART * place), each))
        curves.append(estimates(LADDER, name, [shift.whole], [APART * place]))
    low, high = results.study.pair
    y = f"shift s, {low} → {high} px"
    axes = {CURVES: (f"frequency / Nyquist frequency at {low} px", y), LADDER: ("", y)}
    notes = {
        "encoders": list(dict.fromkeys([*results.measured, *learned])),
        "learned": list(learned),
        "rungs": list(_rungs(results)),
    }
    return Data(tuple(curves), axes=axes, notes=notes)


def _ladder(ax: Axes, data: Data) -> None:
    """Rungs that others stand on, and beside them each learned encoder with its pictures."""
    learned = data.notes["learned"]
    room = 2.45  # for the rungs' names, in columns of an encoder
    left = -0.5 - room
    for label in data.notes["rungs"]:
        curve = data.curve(LADDER, label)
        look: style.Look = {
            "color": style.SOFT,
            "lw": 1,
            "ls": "-" if label == NONE else (0, (1, 2)),
        }
        if label == RULE:
            look = {"color": style.THEORY, "lw": 1.2, "ls": "--"}
        ax.plot([left, curve.x[-1]], [curve.y[0]] * 2, **look)
        ax.plot(curve.x, curve.y, color=style.SOFT, alpha=0)  # the rung as it is in the data
        text = f"{label}: {curve.y[0]:.3g}"
        style.note(ax, text, (left, curve.y[0]), (2, 2.5), color=look["color"], fontsize=8.5)
    for name in learned:
        look = style.encoder_look(data.notes["encoders"], name)
        each, mean = data.curve(LADDER, name + EACH), data.curve(LADDER, name)
        spread = 0.1 * np.resize([-1, 1, 0], len(each.x))[np.argsort(np.argsort(each.y))]
        ax.plot(
            each.x + spread - 0.16,
            each.y,
            **look | {"marker": "o"},
            ls="",
            ms=4,
            alpha=0.8,
            mec=style.GROUND,
            mew=0.4,
        )
        style.points(ax, mean, 0.16, **look, ms=7, capsize=5, elinewidth=1.8, zorder=4)
        (value,), ((low,), (high,)) = mean.y, mean.ends
        whole, place = Estimate(value, low, high, (0, 0)), (mean.x[0] + 0.16, value)
        style.note(
            ax, point(whole), place, (9, -1), color=look["color"], fontsize=10.5, fontweight="bold"
        )
        if not style.narrow():  # a phone has no room for it beside the next encoder
            style.note(ax, interval(whole), place, (9, -10), color=look["color"])
        top = max(each.y.max(), high if np.isfinite(high) else value)
        style.note(
            ax,
            style.literal(name),
            (mean.x[0], top),
            (0, 5),
            color=look["color"],
            fontsize=8.5,
            fontweight="bold",
            ha="center",
        )
    ax.set_xlim(left, APART * (len(learned) - 1) + 1.2)
    ax.set_xticks([])
    ax.grid(visible=False)
    ax.spines["bottom"].set_visible(False)


@style.styled
def draw(data: Data) -> Figure:
    """s(f) of pixels and learned encoders, a thin line a picture, beside a ladder of ratios.

    On the ladder stand no shift, FLUX.2's schedule, each learned encoder with a dot a picture and
    its mean with the interval, FLUX.1's line, and the rule.
    """
    if style.narrow():
        figure = style.figure(0, 5.5)
        ladder, curves = figure.subplots(2, 1, height_ratios=(1.15, 1))
    else:
        figure = style.figure(3.4)
        curves, ladder = figure.subplots(1, 2, width_ratios=(1, 1.15), sharey=True)
    names = data.notes["encoders"]
    theory = data.curve(LADDER, RULE).y[0]
    curves.axhline(theory, color=style.THEORY, ls="--", lw=1.2)
    for curve in data.of(CURVES):
        name, thin, _ = curve.name.partition(EACH)
        look = style.encoder_look(names, name) | {"marker": ""}
        if thin:
            style.line(curves, curve, **look, lw=0.6, alpha=0.5, label=None)
            continue
        style.line(curves, curve, **look, lw=2.2)
        bold: style.Look = {"color": look["color"], "fontweight": "bold", "fontsize": 8.5}
        if name == PIXEL:
            at = (0.02, curve.y[0])
            style.note(curves, name, at, (0, -11), xycoords=curves.get_yaxis_transform(), **bold)
        else:
            style.note(
                curves,
                style.literal(name),
                (curve.x[0], curve.y[0]),
                (-4, 0),
                ha="right",
                va="center",
                **bold,
            )
    style.log2_axis(curves, "x")
    of_learned = [curve.x[0] for curve in data.of(CURVES) if EACH in curve.name]
    curves.set_xlim(0.45 * min(of_learned), 1.06 * curve.x[-1])
    curves.xaxis.set_major_formatter(lambda x, _: f"1/{round(1 / x)}" if x < 1 else f"{x:g}")
    values = np.concatenate([one.y for one in data.curves])
    low, high = min(0.95, 0.97 * values.min()), max(2.15, 1.05 * values.max())
    _ladder(ladder, data)
    for ax, panel in ((curves, CURVES), (ladder, LADDER)):
        style.log_axis(ax, "y", low, high, TICKS)
        ax.set_xlabel(data.axes[panel][0])
        if style.narrow() or panel == CURVES:
            ax.set_ylabel(data.axes[panel][1])
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    learned = _learned(results)
    if not learned:
        return str(data(results).notes["nothing"])
    rungs = [f"{label} {number(s)}" for label, s in _rungs(results).items()]
    each = []
    for name, shift in learned.items():
        found, whole = shift.each, shift.whole
        each.append(
            f"{name} {point(whole)}, interval {plain(whole.low, 2)} to {plain(whole.high, 2)}, "
            f"single pictures {plain(found.min(), 2)} to {plain(found.max(), 2)}"
        )
    return (
        f"A ladder of shifts from {results.study.low} to {results.study.high} px: "
        f"{listing(rungs)}; measured, {'; '.join(each)}. Beside it the shift against "
        "frequency: pixels lie on the rule, the learned encoders below it, with a thin line for "
        "each picture."
    )
