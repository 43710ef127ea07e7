"""Encoders and controls side by side: one row each, whatever it was trained for."""

import math

from analysis.encoders.cards import Card
from analysis.paper.text import estimate, plain, table
from analysis.project.markdown import Markdown, code
from analysis.study.experiments.encoder_table import Row
from analysis.study.results import Results


def table_side_by_side(results: Results) -> Markdown:
    """Shift, exponent, coherence, reconstruction and spread of each, at equal variance, too."""
    rows = [
        [
            code(name),
            *_half(row, "power"),
            plain(row.spread, 3),
            _psnr(row),
            *_half(row, "equal"),
            _size(row.card),
            row.card.title,
        ]
        for name, row in (results.rows or {}).items()
    ]
    measured = ["s", "r", "coherence"]
    header = [
        "card",
        *measured,
        "sd of ln s",
        "PSNR (dB)",
        *(f"{name}, equal variance" for name in measured),
        "C / stride",
        "what it is",
    ]
    return table(header, rows, "llrrrrlrrll")


def _half(row: Row, weighted: str) -> list[str]:
    """Shift, exponent and coherence of channels as they are, or of equal variance."""
    shift, coherence = row.shift(weighted), row.coherence(weighted).value
    return [estimate(shift.whole), plain(shift.exponent, 2), plain(coherence, 2)]


def _size(card: Card) -> str:
    return f"{card.latent_channels} / {card.latent_stride}"


def _psnr(row: Row) -> str:
    if math.isinf(row.psnr):
        return "lossless"
    return "no decoder" if math.isnan(row.psnr) else plain(row.psnr, 1)
