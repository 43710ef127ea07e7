"""The survey that the page shows: run with each encoder over both sets of photographs, and kept."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from analysis.images import catalogue, pixels
from analysis.project.arrays import Floats
from analysis.project.errors import InputError
from analysis.study.experiments import record, surveyed
from analysis.study.experiments.surveyed import Settings
from analysis.study.plan import Plan
from analysis.study.settings import load_study
from analysis.study.store import Arrays, Store
from analysis.training import survey

Progress = Callable[[int, int, str], None]


def measure(folder: Path, out: Path, asked: survey.Survey) -> Arrays:
    """A survey's rows and set as arrays, in the order of keys, with its cost.

    Args:
        folder: photographs, all large enough for every side.
        out: where the survey writes.
        asked: what is measured.
    """
    before = time.process_time()
    stats = survey.run(folder, asked, out)
    seconds = time.process_time() - before
    rows = list(_rows(out))
    by_side = [[row for row in rows if row["resolution"] == side] for side in asked.resolutions]
    last = by_side[-1]
    sides = [stats["resolutions"][str(side)] for side in asked.resolutions]
    reach = [
        np.nan
        if (found := row["effective_resolution"]) is None
        else found / min(row["width"], row["height"])
        for row in last
    ]
    parquet = sum(path.stat().st_size for path in out.glob("*.parquet"))
    return {
        "mu": np.array([[row["mu"] for row in side] for side in by_side]).T,
        "effective": np.array(reach),
        "shift": np.array([row["shift"] for row in last]),
        "law": np.array([[one["A"], one["beta"]] for one in sides]),
        "channel_mean": np.array([one["channel_mean"] for one in sides]),
        "channel_std": np.array([one["channel_std"] for one in sides]),
        "factors": np.array([[one["shift_factor"], one["scaling_factor"]] for one in sides]),
        "seconds": np.array(seconds / len(last)),
        "bytes": np.array(parquet / len(last)),
    }


def _rows(out: Path) -> Iterator[dict[str, Any]]:
    from pyarrow import parquet

    for path in sorted(out.glob("*.parquet")):
        yield from parquet.read_table(path).to_pylist()


def enlarged(folder: Path) -> Floats:
    """Effective resolutions of photographs before and after `surveyed.ENLARGED`: ``[I, 1 + E]``.

    Each is the middle of a file as it is, which is enlarged and looked at as a survey does.
    """
    rows = []
    for path in sorted(folder.iterdir()):
        part = survey.middle(pixels.decode(path)).convert("RGB")
        each = [part]
        for factor, name in surveyed.ENLARGED:
            size = round(part.width * factor), round(part.height * factor)
            each.append(survey.middle(part.resize(size, Image.Resampling[name.upper()])))
        rows.append([survey.effective_scale(survey.grey_levels(one)) for one in each])
    return np.array(rows)


def commit(
    store: Store,
    progress: Progress = lambda done, total, label: None,
    settings: Settings | None = None,
) -> Path:
    """Survey the photographs and write what the page shows to ``data/results``.

    Returns:
        the path of ``experiment/survey.json``; the arrays are in the npz beside it.

    Raises:
        PackageError: pyarrow is not installed.
        InputError: numeric libraries may take several threads: the cost is told for one core.
    """
    if os.environ.get("OMP_NUM_THREADS") != "1":
        raise InputError(
            "what a survey costs is told for one core, and threads that wait count as well: set "
            "OMP_NUM_THREADS=1"
        )
    settings = settings or Settings()
    request = surveyed.request(settings, store)
    first = load_study(settings.studies[0])
    arrays: Arrays = {}
    with tempfile.TemporaryDirectory() as place:
        photographs = Path(place) / "photographs"
        photographs.mkdir()
        for name in settings.studies:
            for photo in Plan(load_study(name), store).photographs:
                path = catalogue.fetch(photo, store.downloads)
                shutil.copyfile(path, photographs / f"{name}-{photo.id}{path.suffix}")
        arrays["enlarged"] = enlarged(photographs)
        for done, name in enumerate(settings.encoders):
            progress(done, len(settings.encoders), name)
            asked = survey.Survey(
                name,
                settings.sides,
                first.resample,
                first.window,
                first.bands,
                settings.confidence,
            )
            found = measure(photographs, Path(place) / name, asked)
            arrays |= {f"{name} {part}": one for part, one in found.items()}
    numbers, whole = {}, surveyed.of_arrays(arrays, settings)
    for name, one in whole.encoders.items():
        numbers[name] = {
            "shift": [one.whole.value, one.whole.low, one.whole.high],
            "spread": one.spread,
            "law": one.law.tolist(),
            "factors": one.factors.tolist(),
            "seconds": one.seconds,
            "bytes": one.bytes,
        }
    enlargements = {"found": list(whole.found), "medians": list(whole.medians)}
    content = {"processors": os.cpu_count(), "numbers": numbers, "enlarged": enlargements}
    return record.write(surveyed.NAME, request, arrays, content)
