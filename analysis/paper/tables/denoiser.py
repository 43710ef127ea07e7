"""Shifts that trained denoisers ask for, beside what spectra say."""

from analysis.paper.text import estimate, plain, table
from analysis.project.markdown import Markdown
from analysis.study.experiments.denoiser import PAIRS
from analysis.study.results import Results


def table_denoiser(results: Results) -> Markdown:
    """Shifts between kinds of latents by band: of networks, of linear denoisers, of spectra."""
    rows = []
    if (done := results.denoiser) is not None:
        for pair in PAIRS:
            bands = [(f"{one.band[0]:g} to {one.band[1]:g}", one) for one in done.found(pair)]
            for name, one in [*bands, ("mean of octaves", done.over_bands(pair))]:
                rows.append(
                    [
                        pair, name, estimate(one.networks), plain(one.linear.value, 2),
                        plain(one.optimum, 2), plain(one.spectra.value, 2), estimate(one.ratio),
                    ]
                )  # fmt: skip
    header = [
        "shift of", "band (cycles/image)", "networks", "best linear", "closed form", "equal SNR",
        "networks / equal SNR",
    ]  # fmt: skip
    return table(header, rows, "llllrrl")
