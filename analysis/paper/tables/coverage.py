"""How often intervals hold the truth in simulated sets of photographs."""

import math

from analysis.paper.text import percent, table
from analysis.project.markdown import Markdown
from analysis.study.results import Results

KINDS = {
    "student": "Student's t, mean over images",
    "crossed": "mean over images and channels",
    "reliability": "jackknife, correlation of halves",
    "matched": "jackknife, information-matched shift",
    "bootstrap": "percentile bootstrap (not used)",
}


def table_coverage(results: Results) -> Markdown:
    """Share of sets whose interval holds the truth, by kind and number of images."""
    if (done := results.coverage) is None:
        return table(["interval"], [["no simulation is committed"]])
    rows = [
        [words, *("none" if math.isnan(one) else percent(one, 1) for one in done.shares[kind])]
        for kind, words in KINDS.items()
    ]
    header = ["interval", *(f"{images} images" for images in done.images)]
    return table(header, rows, "l" + "r" * len(done.images))
