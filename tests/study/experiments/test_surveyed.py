"""The survey that the page shows: the same shifts as the studies', and sizes that hold."""

import json

import numpy as np
import pytest

from analysis.paper.tables.survey import (
    table_survey,
    table_survey_channels,
    table_survey_enlarged,
    table_survey_reach,
)
from analysis.spectra import intervals
from analysis.study import archive
from analysis.study.experiments import surveyed
from analysis.study.results import Results, load


@pytest.fixture(scope="module")
def loaded() -> Results:
    return load("bundled")


def test_each_picture_has_the_shift_that_its_study_measured(loaded: Results) -> None:
    """Another path from file to shift: by the store, from both studies' committed spectra."""
    done = loaded.survey
    assert done is not None
    for name, one in done.encoders.items():
        studies = loaded.measured[name], loaded.second[name]
        each = np.concatenate([m.shift.each for m in studies])
        assert len(each) == done.images
        # Spectra are kept in single precision; weights may run on another processor.
        np.testing.assert_allclose(np.sort(one.shift), np.sort(each), rtol=1e-3)


def test_so_many_pictures_give_the_precision(loaded: Results) -> None:
    """Means of as many draws from the survey's spread are off by more than 0.01 in 5 %."""
    done = loaded.survey
    assert done is not None
    one = done.encoders["taef2"]
    draws = np.random.default_rng(0).normal(0, one.spread, (2000, round(one.needed)))
    off = np.mean(np.abs(draws.mean(axis=1)) > surveyed.PRECISION)
    assert off == pytest.approx(1 - one.confidence, abs=0.015)  # three errors of 2,000 trials
    assert intervals.t_quantile(one.confidence, 10) > 1.96


def test_numbers_beside_the_arrays_are_theirs(loaded: Results) -> None:
    numbers = json.loads((archive.folder("experiment") / "survey.json").read_text())["numbers"]
    assert loaded.survey is not None
    for name, one in loaded.survey.encoders.items():
        assert numbers[name]["shift"][0] == pytest.approx(one.whole.value, rel=1e-5)
        assert numbers[name]["spread"] == pytest.approx(one.spread, rel=1e-5)
        assert sum(count for count, _ in one.reaching()) == np.isfinite(one.effective).sum()


def test_tables_have_a_row_an_encoder_and_side(loaded: Results) -> None:
    done = loaded.survey
    assert done is not None
    names = len(done.encoders)
    assert len(table_survey(loaded).splitlines()) == 2 + names * len(done.settings.sides)
    assert len(table_survey_channels(loaded).splitlines()) == 2 + names
    assert len(table_survey_reach(loaded).splitlines()) == 2 + len(surveyed.REACHES)
    assert len(table_survey_enlarged(loaded).splitlines()) == 3 + len(surveyed.ENLARGED)


def test_an_enlargement_divides_the_effective_resolution(loaded: Results) -> None:
    """By its factor or more, since filters blur; more are called soft, and after 2 nearly all."""
    done = loaded.survey
    assert done is not None
    assert len(done.enlarged) == done.images
    for (factor, _), median in zip(surveyed.ENLARGED, done.medians[1:], strict=True):
        assert factor <= done.medians[0] / median <= 1.4 * factor
    assert all(2 * done.found[0] < found for found in done.found[1:])
    assert min(done.found[4:]) >= 0.9 * done.images
