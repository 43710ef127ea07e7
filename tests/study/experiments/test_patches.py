"""The experiment: data, splits, and runs that are stored, resumed, stacked and committed."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from analysis.project.errors import InputError
from analysis.study import archive
from analysis.study.experiments import patches as experiment
from analysis.study.experiments.patches import Runs, Settings, fold, normalised, regions
from analysis.study.store import MissError, Store
from analysis.timesteps.rectified_flow import Training

TINY = Settings(
    size=128, region=(32, 96), patches=6, held=1, sides=(8, 16), shifts=(0.5, 1.0, 2.0), seeds=2,
    training=Training(widths=(8, 8, 8), batch=4, steps=3), theta=(-2.0, 2.0, 5), probes=4,
    samples=3, euler=2, sampling=(1.0, 3.0), fine=4,
)  # fmt: skip


def small(**changes: object) -> Settings:
    """Two runs: one shift, one seed."""
    return dataclasses.replace(TINY, **{"shifts": (1.0,), "seeds": 1, **changes})  # type: ignore[arg-type]


# Data ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "held"), [(12, 3), (3, 1), (7, 2)])
def test_folds_share_no_photograph(count: int, held: int) -> None:
    folds = np.stack([fold(count, held, seed) for seed in range(count // held)])
    assert np.all(folds.sum(axis=1) == held)
    assert folds.sum(axis=0).max() == 1
    np.testing.assert_array_equal(fold(count, held, count // held), folds[0])


@pytest.mark.parametrize("held", [0, 3, 4])
def test_an_empty_side_of_the_split_is_refused(held: int) -> None:
    with pytest.raises(InputError, match="can't be held out"):
        fold(3, held, 0)


def test_no_photograph_is_on_both_sides() -> None:
    """Photograph i holds only values near i: sets of values tell where patches came from."""
    patches = (
        np.random.default_rng(0).uniform(0, 0.1, (6, 5, 16, 16)) + np.arange(6)[:, None, None, None]
    )
    held = fold(6, 2, 1)
    known, unknown = normalised(patches.astype(np.float32), held, 16)
    inside = patches[~held]
    origin = [np.rint(part.mean(axis=(1, 2, 3)) * inside.std() + inside.mean() - 0.05)
              for part in (known, unknown)]  # fmt: skip
    assert sorted(origin[0]) == np.flatnonzero(~held).tolist()
    assert sorted(origin[1]) == np.flatnonzero(held).tolist()


def test_patches_are_normalised_by_the_training_photographs_alone() -> None:
    patches = np.random.default_rng(1).normal(3.0, 2.0, (4, 10, 16, 16)).astype(np.float32)
    held = fold(4, 1, 0)
    known, _ = normalised(patches, held, 16)
    # float32 rounding of 7680 values
    assert known.mean() == pytest.approx(0, abs=1e-6) and known.std() == pytest.approx(1, rel=1e-6)
    other = patches.copy()
    other[held] *= 100
    np.testing.assert_array_equal(normalised(other, held, 16)[0], known)


def test_regions_are_parts_of_the_photograph() -> None:
    """Of a plane that rises along x, a region is a plane that rises as far as it is large."""
    x = np.linspace(0, 1, 128)
    pixels = np.stack([np.tile(x, (128, 1)) + c for c in (-1, 0, 1)])
    found = regions(pixels, TINY, np.random.default_rng(3))
    assert found.shape == (6, 16, 16)
    rise = (found[:, :, -1] - found[:, :, 0]).mean(axis=1) * 127 * 16 / 15
    # 10 %: the ideal low-pass rounds the two ends off
    assert np.all((rise > 32 * 0.9) & (rise < 96 * 1.1)) and np.ptp(rise) > 5
    assert found.min() > -0.1 and found.max() < 1.1  # the mean of the three channels is x


# Runs ----------------------------------------------------------------------------------------


def test_a_run_is_determined_by_its_settings(project: Path) -> None:
    patches = Runs(TINY, Store()).patches
    first, second = (experiment.one_run(patches, TINY, 8, 2.0, 1) for _ in range(2))
    assert {name: value.shape for name, value in first.items()} == {
        "loss": (5,), "few": (2, 5), "fine": (5,), "training": (5,), "validation": (5,)
    }  # fmt: skip
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])
    assert np.any(experiment.one_run(patches, TINY, 8, 1.0, 1)["loss"] != first["loss"])


def test_a_stopped_experiment_goes_on(project: Path) -> None:
    def stop(done: int, total: int, label: str) -> None:
        assert total == 2
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        experiment.run(Store(), stop, small())
    store = Store()
    done = experiment.run(store, settings=small())
    assert store.computed == ["network for 16 px, shift 1, seed 0"]
    again = experiment.run(Store(compute="never"), settings=small())
    np.testing.assert_array_equal(again.loss, done.loss)


def test_more_shifts_and_seeds_keep_the_runs_that_are_there(project: Path) -> None:
    experiment.run(Store(), settings=small())
    store = Store()
    experiment.run(store, settings=small(shifts=(1.0, 2.0)))
    assert [label.split(", ", 1)[1] for label in store.computed] == ["shift 2, seed 0"] * 2
    with pytest.raises(MissError, match="network for 8 px, shift 1, seed 0"):
        experiment.run(Store(compute="never"), settings=small(probes=3))


def test_results_are_stacked_in_their_places(project: Path) -> None:
    store = Store()
    done = experiment.run(store, settings=TINY)
    assert done.loss.shape == (2, 3, 2, 5) and done.few.shape == (2, 3, 2, 2, 9)
    runs = Runs(TINY, store)
    for run in runs.each:
        stored = store.get(runs.request(run))
        assert stored is not None
        rings = TINY.sides[run[0]] // 2 + 1
        np.testing.assert_array_equal(done.loss[run], stored["loss"])
        np.testing.assert_array_equal(done.fine[run][:rings], stored["fine"])
        np.testing.assert_array_equal(done.training[run[0], run[2], :rings], stored["training"])
        assert np.all(np.isnan(done.few[run][:, rings:]))
    np.testing.assert_array_equal(np.isfinite(done.k).sum(axis=1), [5, 9])


def test_committed_results_come_back_without_the_store(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, settings = Store(), small()
    done = experiment.run(store, settings=settings)
    path = experiment.commit(store, settings)
    assert path == archive.folder("experiment") / "patches.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["held_out"] == [[str(i) for i in Runs(settings, store).held_out[0]]]
    assert content["settings"]["training"]["steps"] == 3
    empty = Store(project / "elsewhere", compute="never")
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    back = experiment.committed(empty, settings)
    for name, value in done.arrays().items():
        np.testing.assert_array_equal(back.arrays()[name], value)
    with pytest.raises(MissError, match="made from other photographs, settings or code"):
        experiment.committed(empty, small(euler=3))
