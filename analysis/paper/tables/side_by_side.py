"""Encoders and controls side by side: one row each, whatever it was trained for."""

import math

from analysis.paper.text import estimate, plain, table
from analysis.project.markdown import Markdown, code
from analysis.spectra.powerlaw import PowerLaw
from analysis.study.experiments.encoder_table import PUBLISHED, Row
from analysis.study.experiments.encoder_table import Settings as Encoders
from analysis.study.results import Results


def table_side_by_side(results: Results) -> Markdown:
    """Shift, exponent, coherence, spread and reconstruction of each."""
    rows = [
        [code(name), *_half(row, "power"), plain(row.spread, 3), _psnr(row), row.card.title]
        for name, row in (results.rows or {}).items()
    ]
    header = ["card", "s", "r", "coherence", "sd of ln\u00a0s", "PSNR (dB)", "what it is"]
    return table(header, rows, "llrrrrl")


def table_equal_variance(results: Results) -> Markdown:
    """Shift, exponent and coherence of each, all its channels scaled to the same variance."""
    rows = [
        [code(name), *_half(row, "equal"), plain(row.shift().exponent, 2)]
        for name, row in (results.rows or {}).items()
    ]
    return table(["card", "s", "r", "coherence", "r as it is"], rows, "llrrr")


ENCODERS = Encoders()
LAWS = (*PUBLISHED, "linear-f8c16", "pixel")


def table_latent_laws(results: Results) -> Markdown:
    """Power of one mode over the noise's as A k^-β, at both sides, as SPEED writes it."""
    rows = []
    for name, row in (results.rows or {}).items():
        if name in LAWS:
            laws = [row.power_law(side) for side in row.settings.sides]
            rows.append([code(name), *(x for law in laws for x in _law(law))])
    sides = [f"{side} px" for side in ENCODERS.sides]
    return table(["card", *(f"{what}, {side}" for side in sides for what in "Aβ")], rows, "lrrrr")


def _law(law: PowerLaw) -> list[str]:
    digits = max(0, 2 - math.floor(math.log10(law.beta)))
    return [plain(law.beta, digits), plain(law.gamma, 2)]


def _half(row: Row, weighted: str) -> list[str]:
    """Shift, exponent and coherence of channels as they are, or of equal variance."""
    shift, coherence = row.shift(weighted), row.coherence(weighted).value
    return [estimate(shift.whole), plain(shift.exponent, 2), plain(coherence, 2)]


def _psnr(row: Row) -> str:
    if math.isinf(row.psnr):
        return "lossless"
    return "no decoder" if math.isnan(row.psnr) else plain(row.psnr, 1)
