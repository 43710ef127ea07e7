"""How often intervals hold the truth: at reduced size anew, and as committed."""

import json

import numpy as np
import pytest

from analysis.study import archive
from analysis.study.experiments import coverage
from analysis.study.results import load

SHOWN = [kind for kind in coverage.KINDS if kind not in coverage.REPLACED]


@pytest.mark.slow
@pytest.mark.parametrize("kind", SHOWN)
def test_what_pages_show_holds_the_truth_as_often_as_it_says(kind: str) -> None:
    for images in (3, 5, 12, 40):
        found = coverage.share(kind, images, 400)
        if kind == "matched" and images == 3:
            assert np.isnan(found), "four photographs at least"
        else:
            # Two and a half standard errors of a share of 400 are 0.027; both ways from 0.95.
            assert found == pytest.approx(0.95, abs=0.04), images


def test_a_bootstrap_holds_less_than_it_says() -> None:
    assert coverage.share("bootstrap", 3, 300) < 0.85


def test_committed_shares_keep_the_promise() -> None:
    done = load("bundled").coverage
    assert done is not None
    low, high = done.ends()
    # To the standard error of a share of 4,000 sets.
    assert 0.93 - 0.004 <= low <= high <= 0.97 + 0.004
    numbers = json.loads((archive.folder("experiment") / "coverage.json").read_text())["numbers"]
    for kind, shares in done.shares.items():
        known = np.array([np.nan if one is None else one for one in numbers[kind]])
        np.testing.assert_allclose(known, shares, rtol=1e-5)
    # Student's interval is exact for what is normally distributed: four standard errors.
    np.testing.assert_allclose(done.shares["student"], 0.95, atol=0.014)
