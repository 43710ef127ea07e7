"""Tables that set encoders, resolutions and choices side by side, as Markdown."""

import math

from analysis import encoders, literature, timing
from analysis.crossings import Weights
from analysis.formatting import estimate, percent, plain
from analysis.results import Results
from analysis.tables import table


def table_measures(results: Results) -> str:
    """What was measured of every encoder."""
    study, rows = results.study, []
    below = (study.resolutions[-3], study.low) if len(study.resolutions) > 2 else None
    everything = {**results.measured, **results.contributed}
    for name, m in everything.items():
        gammas = [law.gamma for law in m.channel_laws]
        spread = f"{plain(min(gammas), 2)} to {plain(max(gammas), 2)}"
        same = m.equivariance.coherence.bands
        shared = " / ".join(plain(same[band].value, 2) for band in ("low", "middle", "high"))
        first = [s for (low, high), s in m.shifts.items() if (low, high) == below]
        rows.append(
            [
                f"`{name}`", f"{m.card.latent_channels} / {m.card.latent_stride}", spread,
                plain(m.top_octave, 2), shared, estimate(first[0].whole) if first else "",
                estimate(m.shift.whole), plain(m.shift.exponent, 2),
            ]
        )  # fmt: skip
    header = [
        "encoder", "C / stride", "γ of channels", "γ, top octave", "coherence",
        f"s, {below[0]} → {below[1]}" if below else "",
        f"s, {study.low} → {study.high}", "r",
    ]  # fmt: skip
    return table(header, rows, "lllrlllr")


def table_unmeasured(results: Results) -> str:
    """The cards that have no measurement."""
    rows = []
    for name, card in encoders.cards().items():
        if name in results.measured or name in results.contributed:
            continue
        access = "licence to accept" if card.gated else "open"
        size = f"{card.latent_channels} / {card.latent_stride}"
        rows.append([f"`{name}`", card.title, size, access, card.license or "not known"])
    return table(["card", "encoder", "C / stride", "access", "licence"], rows)


def table_sensitivity(results: Results) -> str:
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
            cells.append(estimate(found.whole) if found else "no posterior")
        rows.append([variation.text, *cells])
    rows.append(
        ["fixed cycles per latent pixel (another question)"]
        + [estimate(m.shift_per_pixel.whole) for m in results.measured.values()]
    )
    return table(["", *(f"`{name}`" for name in names)], rows)


def table_information(results: Results) -> str:
    """The information-matched shift beside its limits and the channel average."""
    rows = []
    for name, m in results.measured.items():
        found = m.information
        if found is None:
            rows.append([f"`{name}`", estimate(m.shift.whole), *5 * ["too few images or modes"]])
            continue
        rows.append(
            [
                f"`{name}`", estimate(m.shift.whole), estimate(found.limits["trace"]),
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


def table_crossings(results: Results) -> str:
    """The nearest logit-normal at each resolution, and how its mean moves."""
    rows = []
    weights: tuple[tuple[Weights, str], ...] = (("power", "power"), ("modes", "number of modes"))
    for by, how in weights:
        for name, m in results.measured.items():
            nearest = [timing.nearest_of(m, side, by) for side in m.study.resolutions]
            moved = timing.movement_of(m, by)
            rows.append(
                [how, f"`{name}`"]
                + [f"({plain(n.mu, 2)}, {plain(n.std, 2)})" for n in nearest]
                + [percent(nearest[-1].distance), _triple(moved.total), _triple(moved.shared)]
            )
    sides = [f"{side} px" for side in results.study.resolutions]
    low, high = results.study.pair
    header = ["weight", "encoder", *sides, "TV", f"Δμ, {low} to {high}", "Δμ, shared modes"]
    return table(header, rows, "ll" + "l" * len(sides) + "rll")


def _triple(value: tuple[float, float, float]) -> str:
    return f"{plain(value[0], 2)} [{plain(value[1], 2)},\u00a0{plain(value[2], 2)}]"


def table_published(results: Results) -> str:
    """How far published densities of training times lie from those of the crossings."""
    links = {rule.key: rule.link for rule in literature.rules()}
    low, high = results.study.pair
    weights: tuple[tuple[Weights, str], ...] = (("power", "power"), ("modes", "number"))
    columns = [(by, m) for by, _ in weights for m in results.measured.values()]
    floors = [
        " / ".join(plain(timing.nearest_of(m, side, by).distance, 2) for side in (low, high))
        for by, m in columns
    ]
    rows = [["nearest logit-normal", *floors]]
    for one in timing.PUBLISHED:
        means = {plain(one.at(side)[0], 2): None for side in (low, high)}
        cells = [
            " / ".join(plain(timing.distance_of(m, side, by, one), 2) for side in (low, high))
            for by, m in columns
        ]
        address = links[one.key].partition("](")[2]  # and the closing bracket
        where = f"({' / '.join(means)}, {plain(one.std, 1)})"
        rows.append([f"[{one.name}]({address} {where}", *cells])
    header = ["density over θ"]
    header += [f"{how}, `{name}`" for _, how in weights for name in results.measured]
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
                few, fifty, many = (found.steps.tolist().index(n) for n in (10, 50, 200))
                sides = [
                    found.best[found.at(side, "total", metric)][fifty] for side in study.resolutions
                ]
                ends = [[values[few], values[many]] for values in (best, *ratios)]
                cells = [" / ".join(map(_best, values)) for values in (ends[0], sides, *ends[1:])]
                rows.append([f"`{name}`", how, solver.capitalize(), *cells])
    sizes = " / ".join(map(str, study.resolutions))
    header = [
        "spectrum", "error", "steps", f"best s at {study.high} px, 10 / 200 steps",
        f"at {sizes} px, 50 steps", "ratio, 10 / 200 steps", "ratio in shared bands",
    ]  # fmt: skip
    return table(header, rows)


def _best(value: float) -> str:
    return plain(value, 2) if math.isfinite(value) else "beyond the grid"
