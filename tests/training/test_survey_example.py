"""The page's survey: what it keeps of rows is what the rows say."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis.project.errors import InputError
from analysis.study.experiments import surveyed
from analysis.study.store import Store
from analysis.training import survey_example
from analysis.training.survey import Survey
from tests.conftest import synthetic_photograph

if os.environ.get("CI"):
    from pyarrow import parquet
else:
    parquet = pytest.importorskip("pyarrow.parquet")


def test_what_is_kept_of_a_survey(tmp_path: Path) -> None:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for seed in range(4):
        picture = Image.fromarray(synthetic_photograph(seed, 160, 2.4))
        picture.save(folder / f"{seed}.png")
    picture.resize((80, 80)).resize((160, 160), Image.Resampling.LANCZOS).save(folder / "4.png")
    kept = survey_example.measure(folder, tmp_path / "out", Survey("pixel", (64, 128)))
    (path,) = (tmp_path / "out").glob("*.parquet")
    rows = parquet.read_table(path).to_pylist()
    assert kept["mu"].shape == (5, 2)
    assert kept["mu"][3, 1] == rows[3 * 2 + 1]["mu"]
    np.testing.assert_array_equal(kept["shift"], [row["shift"] for row in rows[1::2]])
    assert kept["effective"][4] == pytest.approx(0.5, abs=0.12)  # enlarged twofold
    assert kept["bytes"] == path.stat().st_size / 5
    settings = surveyed.Settings(encoders=("pixel",), sides=(64, 128))
    enlarged = survey_example.enlarged(folder)
    arrays = {f"pixel {name}": one for name, one in kept.items()} | {"enlarged": enlarged}
    found = surveyed.of_arrays(arrays, settings)
    np.testing.assert_array_equal(enlarged[:, 0], kept["effective"])
    assert np.all(enlarged[:4, 1:] < enlarged[:4, :1]) and len(found.found) == 7
    assert found.images == 5
    assert found.encoders["pixel"].hours == pytest.approx(float(kept["seconds"]) * 1e6 / 3600)


def test_the_cost_is_of_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with pytest.raises(InputError, match="set OMP_NUM_THREADS=1"):
        survey_example.commit(Store())
