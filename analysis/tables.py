"""Tables and players for the pages, as Markdown; every cell comes from results."""

import math
from collections.abc import Sequence

import numpy as np

from analysis import export, literature, rules, schedule
from analysis.formatting import fixed, interval, number, percent, plain, point
from analysis.results import Results
from analysis.schedule import exponent


def table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str = "") -> str:
    """A Markdown pipe table; ``align`` has one of l, r, c a column."""
    marks = {"l": ":---", "r": "---:", "c": ":---:"}
    rule = [marks[a] for a in (align or "l" * len(header))]
    lines = [header, rule, *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def table_shift(results: Results) -> str:
    """The measured shift per encoder and band."""
    rows = []
    for name, measured in results.measured.items():
        shift = measured.shift
        for band, e in (*shift.bands.items(), ("low and middle", shift.whole)):
            cycles = f"{e.band[0]:.0f} to {e.band[1]:.0f}"
            r = plain(float(exponent(e.value, shift.pixel_ratio)), 2)
            rows.append([f"`{name}`", band, cycles, point(e), interval(e), r])
    header = ["encoder", "band", "cycles/image", "s", "interval", "r"]
    return table(header, rows, "lllrlr")


def table_windows(results: Results) -> str:
    """Exponent and shift of every encoder under every window."""
    rows = []
    for name, m in results.measured.items():
        laws, shifts = m.power_laws_by_window, m.shift_by_window
        for window, each, shift in zip(results.study.windows, laws, shifts, strict=True):
            gammas = [law.gamma for law in each]
            spread = f"{plain(float(np.mean(gammas)), 2)} ± {plain(float(np.std(gammas)), 2)}"
            rows.append(
                [f"`{name}`", window.text, spread, point(shift.whole), interval(shift.whole)]
            )
    return table(["encoder", "window", "γ", "s", "interval"], rows, "llrrl")


def table_encoders(results: Results) -> str:
    """What was encoded by what, where it ran, and the spectrum's exponent."""
    rows = []
    for name, m in results.measured.items():
        gammas = [law.gamma for law in m.power_laws]
        where = "computed here" if m.origin == "computed" else "committed results"
        spread = f"{plain(float(np.mean(gammas)), 2)} ± {plain(float(np.std(gammas)), 2)}"
        rows.append(
            [
                f"`{name}`",
                m.card.title,
                str(m.card.latent_channels),
                str(m.card.latent_stride),
                spread,
                where,
            ]
        )
    return table(
        ["encoder", "what it is", "channels", "stride (px)", "γ", "measurement"], rows, "llrrrl"
    )


def table_photographs(results: Results) -> str:
    """Credits."""
    rows = [[p.title, p.author or "not stated", p.license] for p in results.photographs]
    return table(["photograph", "author", "licence"], rows)


def table_rules() -> str:
    """Published rules with their ratio between 512 and 1024 px."""
    rows = []
    for rule in literature.shown():
        ratio, exponent = rule.ratio or math.nan, rule.exponent or 0.0
        low, high = ("" if s is None else number(s, 3) for s in (rule.base_value, rule.value))
        rows.append(
            [f"{rule.name} ({rule.year})", fixed(ratio, 2), f"{exponent:.2f}", low, high,
             rule.stage, rule.link]
        )  # fmt: skip
    return table(
        ["rule or model", "ratio", "r", "s at 512²", "s at 1024²", "stage", "source"],
        rows,
        "lrrrrll",
    )


def table_sign_trap() -> str:
    """What a mean of +0.5 does where u is sigma and where u indexes a table, by static shift."""
    rows = [
        [f"{shift:g}", one.reader, plain(one.mean, 2), fixed(one.median, 3), percent(one.noisy)]
        for shift in (1.0, 3.0)
        for one in rules.sign_trap(0.5, 1.0, shift)
    ]
    header = ["static s", "read as", "mean of logit σ", "median σ", "share with σ > 1/2"]
    return table(header, rows, "llrrr")


def table_recommended(results: Results) -> str:
    """The shift between the study's resolutions by rule and by encoder, as s and as Delta mu."""
    rule = schedule.shift_mu(0.0, results.theory)
    rows = [["square-root rule", fixed(results.theory, 2), "", "1.00", plain(rule, 3)]]
    for name, m in results.measured.items():
        s = m.shift
        delta = plain(schedule.shift_mu(0.0, s.whole.value), 3)
        rows.append([f"`{name}`", point(s.whole), interval(s.whole), plain(s.exponent, 2), delta])
    return table(
        ["", "s", f"{percent(results.study.confidence)} interval", "r", "Δμ (t = 1 is data)"],
        rows,
        "lrlrr",
    )


def table_settings(s: float, base_shift: float = 1.0) -> str:
    """The shift as settings of training and sampling tools."""
    links = {rule.key: rule.link for rule in literature.rules()}
    rows = [
        [row.tool, row.stage, f"`{row.option}`", row.note, links[row.source]]
        for row in export.settings(s, base_shift)
    ]
    return table(["tool", "stage", "setting", "use", "read in"], rows)


def table_provenance(results: Results) -> str:
    """Where each measurement was made."""
    rows = []
    for name, measured in results.measured.items():
        made = measured.provenance["environment"]
        versions = ", ".join(
            f"{k} {made[k]}" for k in ("python", "numpy", "pillow", "torch") if k in made
        )
        rows.append(
            [
                f"`{name}`",
                measured.origin,
                f"`{measured.provenance['key'][:12]}`",
                f"`{made['commit'][:12]}`",
                versions,
            ]
        )
    return table(["encoder", "measurement", "key", "commit", "versions"], rows)
