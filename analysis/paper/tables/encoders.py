"""Encoders side by side, and those that are not measured."""

import itertools

from analysis.encoders import cards
from analysis.paper.text import estimate, plain, table
from analysis.project.markdown import Markdown, code
from analysis.study import findings
from analysis.study.results import Results

BANDS = ("low", "middle", "high")


def table_encoders(results: Results) -> Markdown:
    """What was encoded by what, where it ran, and the spectrum's exponent."""
    rows = []
    for name, m in results.measured.items():
        mean, std = findings.spread(m.power_laws)
        where = "computed here" if m.origin == "computed" else "committed results"
        spread = f"{plain(mean, 2)} ± {plain(std, 2)}"
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


def table_measures(results: Results) -> Markdown:
    """What was measured of every encoder."""
    study, rows = results.study, []
    pairs = list(itertools.pairwise(study.resolutions))[-2:]
    for name, m in results.everything.items():
        gammas = [law.gamma for law in m.channel_laws]
        spread = f"{plain(min(gammas), 2)} to {plain(max(gammas), 2)}"
        same, apart = m.equivariance.coherence.bands, m.equivariance.difference.bands
        shared = " / ".join(plain(same[band].value, 2) for band in BANDS)
        lost = " / ".join(plain(100 * apart[band].value, 0) for band in BANDS)
        shifts = [estimate(m.shifts[p].whole) if p in m.shifts else "too small" for p in pairs]
        rows.append(
            [
                code(name),
                f"{m.card.latent_channels} / {m.card.latent_stride}",
                spread,
                plain(m.top_octave, 2),
                shared,
                lost,
                *shifts,
                plain(m.shift.exponent, 2),
            ]
        )
    header = [
        "encoder",
        "C / stride",
        "γ of channels",
        "γ, top octave",
        "coherence",
        "difference (%)",
        *(f"s, {low} → {high}" for low, high in pairs),
        "r",
    ]
    return table(header, rows, "lllrll" + "l" * len(pairs) + "r")


def table_unmeasured(results: Results) -> Markdown:
    """The cards that have no measurement, but for controls and what was trained here."""
    rows, measured = [], {*results.everything, *(results.rows or {})}
    for name, card in cards.cards().items():
        if name in measured or card.kind in ("formula", "trained"):
            continue
        access = "licence to accept" if card.gated else "open"
        size = f"{card.latent_channels} / {card.latent_stride}"
        rows.append([code(name), card.title, size, access, card.license or "not known"])
    return table(["card", "encoder", "C / stride", "access", "licence"], rows)
