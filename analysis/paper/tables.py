"""Tables and players for the pages, as Markdown; every cell comes from results."""

import math
import re
from collections.abc import Sequence

import numpy as np

from analysis.paper.text import estimate, fixed, interval, number, percent, plain, point
from analysis.project.markdown import Markdown, cell, code, escaped, link
from analysis.shift import literature, rules
from analysis.spectra import intervals
from analysis.study import densities
from analysis.study.results import Results
from analysis.timesteps import schedule
from analysis.timesteps.crossings import Weights
from analysis.timesteps.schedule import exponent
from analysis.training import settings


def table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str = "") -> str:
    """A Markdown pipe table; ``align`` has one of l, r, c a column.

    A cell that is `Markdown` stands as it is, and has no bare ``|``; any other is shown literally.
    """
    marks = {"l": ":---", "r": "---:", "c": ":---:"}
    rule = [marks[a] for a in (align or "l" * len(header))]
    lines = [[cell(one) for one in header], rule, *([cell(one) for one in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table_shift(results: Results) -> str:
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


def table_windows(results: Results) -> str:
    """Exponent and shift of every encoder under every window."""
    rows = []
    for name, m in results.measured.items():
        laws, shifts = m.power_laws_by_window, m.shift_by_window
        for window, each, shift in zip(results.study.windows, laws, shifts, strict=True):
            gammas = [law.gamma for law in each]
            spread = f"{plain(float(np.mean(gammas)), 2)} ± {plain(float(np.std(gammas)), 2)}"
            rows.append(
                [code(name), window.text, spread, point(shift.whole), interval(shift.whole)]
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
                code(name),
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
    rows = [
        [p.title, p.author or "not stated", p.license or "not stated"] for p in results.photographs
    ]
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
        rows.append([code(name), point(s.whole), interval(s.whole), plain(s.exponent, 2), delta])
    return table(
        ["", "s", f"{percent(results.study.confidence)} interval", "r", "Δμ (t = 1 is data)"],
        rows,
        "lrlrr",
    )


# Options with their value, names with an underscore, names of classes.
_CODE = re.compile(r"--[\w-]+( \w+)?|\w*_[\w=]+|\b[A-Z]\w*[a-z][A-Z]\w*")


def table_settings(s: float, base_shift: float = 1.0) -> str:
    """The shift as settings of training and sampling tools."""
    links = {rule.key: rule.link for rule in literature.rules()}
    rows = [
        [
            row.tool,
            row.stage,
            code(row.option),
            Markdown(_CODE.sub(r"`\g<0>`", row.note)),
            links[row.source],
        ]
        for row in settings.settings(s, base_shift)
    ]  # fmt: skip
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
                code(name),
                measured.origin,
                code(measured.provenance["key"][:12]),
                code(made["commit"][:12]),
                versions,
            ]
        )
    return table(["encoder", "measurement", "key", "commit", "versions"], rows)


def table_crossings(results: Results) -> str:
    """The nearest logit-normal at each resolution, and how its mean moves."""
    rows = []
    weights: tuple[tuple[Weights, str], ...] = (("power", "power"), ("modes", "number of modes"))
    for by, how in weights:
        for name, m in results.measured.items():
            nearest = [densities.nearest_of(m, side, by) for side in m.study.resolutions]
            moved = densities.movement_of(m, by)
            rows.append(
                [how, code(name)]
                + [f"({plain(n.mu, 2)}, {plain(n.std, 2)})" for n in nearest]
                + [percent(nearest[-1].distance), _triple(moved.total), _triple(moved.shared)]
            )
    sides = [f"{side} px" for side in results.study.resolutions]
    low, high = results.study.pair
    header = ["weight", "encoder", *sides, "TV", f"Δμ, {low} to {high}", "Δμ, shared modes"]
    return table(header, rows, "ll" + "l" * len(sides) + "rll")


def _triple(value: tuple[float, float, float]) -> str:
    if not math.isfinite(value[1]):
        return f"{plain(value[0], 2)} ({intervals.NONE})"
    return f"{plain(value[0], 2)} [{plain(value[1], 2)},\u00a0{plain(value[2], 2)}]"


def table_published(results: Results) -> str:
    """How far published densities of training times lie from those of the crossings."""
    addresses = {rule.key: rule.place[1] for rule in literature.rules()}
    low, high = results.study.pair
    weights: tuple[tuple[Weights, str], ...] = (("power", "power"), ("modes", "number"))
    columns = [(by, m) for by, _ in weights for m in results.measured.values()]
    floors = [
        " / ".join(plain(densities.nearest_of(m, side, by).distance, 2) for side in (low, high))
        for by, m in columns
    ]
    rows = [["nearest logit-normal", *floors]]
    for one in literature.PUBLISHED:
        means = {plain(one.at(side)[0], 2): None for side in (low, high)}
        cells = [
            " / ".join(plain(densities.distance_of(m, side, by, one), 2) for side in (low, high))
            for by, m in columns
        ]
        where = f"({' / '.join(means)}, {plain(one.std, 1)})"
        rows.append([Markdown(f"{link(one.name, addresses[one.key])} {escaped(where)}"), *cells])
    header = ["density over θ"]
    header += [
        Markdown(f"{escaped(how)}, {code(name)}") for _, how in weights for name in results.measured
    ]
    return table(header, rows)


def table_sampler(results: Results) -> str:
    """Best shifts of Euler and Heun steps, by metric, and their ratio between two resolutions."""
    study, rows = results.study, []
    shared = f"whole {study.low}"
    for name, by_solver in results.samplers.items():
        for metric, how in (("w2", "W2"), ("kl_model", "KL")):
            for solver in ("euler", "heun"):
                found = by_solver[solver]
                best = found.best[found.at(study.high, "total", metric)]
                ratios = [
                    found.ratio(study.low, study.high, region, metric)
                    for region in ("total", shared)
                ]
                first, few, fifty, many = (found.steps.tolist().index(n) for n in (4, 10, 50, 200))
                sides = [
                    found.best[found.at(side, "total", metric)][fifty] for side in study.resolutions
                ]
                ends = [[values[n] for n in (first, few, many)] for values in (best, *ratios)]
                cells = [" / ".join(map(_best, values)) for values in (ends[0], sides, *ends[1:])]
                rows.append([code(name), how, solver.capitalize(), *cells])
    sizes = " / ".join(map(str, study.resolutions))
    header = [
        "spectrum", "error", "steps", f"best s at {study.high} px, 4 / 10 / 200 steps",
        f"at {sizes} px, 50 steps", "ratio, 4 / 10 / 200 steps", "ratio in shared bands",
    ]  # fmt: skip
    return table(header, rows)


def _best(value: float) -> str:
    return plain(value, 2) if math.isfinite(value) else "beyond the grid"


def table_information(results: Results) -> str:
    """The information-matched shift beside its limits and the channel average."""
    rows = []
    for name, m in results.measured.items():
        found = m.information
        if found is None:
            rows.append([code(name), estimate(m.shift.whole), *5 * ["too few images or modes"]])
            continue
        rows.append(
            [
                code(name), estimate(m.shift.whole), estimate(found.limits["trace"]),
                estimate(found.matched), estimate(found.limits["inverse"]),
                percent(found.misfit(found.matched.value), 1),
                percent(found.misfit(m.shift.theory), 1),
            ]
        )  # fmt: skip
    header = [
        "encoder", "channel average", "by power", "matched", "by the weakest",
        "apart, matched", "apart, rule",
    ]  # fmt: skip
    return table(header, rows, "lllllrr")
