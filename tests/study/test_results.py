"""Results: read, never computed; committed ones taken for exactly the request, and still true."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.encoders import cards, weights
from analysis.study import archive, results
from analysis.study.chain import Chain
from analysis.study.measurement import Measured
from analysis.study.settings import load_study
from analysis.study.store import MissError, Store

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ("pixel", "linear-f8c16", "taef2")


def chain(compute: str = "auto") -> Chain:
    return Chain(load_study("tiny"), Store(compute=compute))


@pytest.fixture
def assembled(computed: Path) -> results.Results:
    return results.assemble(chain("never").plan)


# Assembling ----------------------------------------------------------------------------------


def test_results_assemble(assembled: results.Results) -> None:
    assert list(assembled.measured) == ["pixel", "linear-f8c16"]
    assert [p.id for p in assembled.photographs] == ["birch", "heron", "quarry"]
    assert assembled.display.photograph.id == "heron"
    for measured in assembled.measured.values():
        assert measured.origin == "computed"
        assert len(measured.provenance["key"]) == 64
        assert measured.power(64).shape == (3, 64 // measured.card.latent_stride // 2 + 1)
    assert assembled.display.z[64].shape == (16, 8, 8)
    assert assembled.display.eps[128].shape == (16, 16, 16)
    assert assembled.display.z[64].dtype == np.float32


def test_synthetic_photographs_obey_the_square_root_rule_in_pixels(
    assembled: results.Results,
) -> None:
    # k^-2 fields of 160 px, resampled by Lanczos to 128 and 64: the low band (to half the Nyquist
    # ring of 64 px) is the same content on two grids; Lanczos takes some per cent off near its end.
    assert assembled.measured["pixel"].shift.bands["low"].value == pytest.approx(2.0, rel=0.03)


def test_half_data_moves_to_a_third(assembled: results.Results) -> None:
    assert assembled.t_shifted == pytest.approx(1 / 3, abs=1e-12)


def test_sounds_and_thumbnails(assembled: results.Results) -> None:
    fine, coarse = assembled.sounds
    assert assembled.sounds[0] is fine
    # 3 s in a band of 1.4 kHz are 8268 modes of variance 1: 10 log10(8) is known to 0.1 dB.
    assert coarse.level - fine.level == pytest.approx(10 * np.log10(8), abs=0.4)
    small = assembled.thumbnails(32)
    assert [t.shape for t in small] == 3 * [(32, 32, 3)]
    assert small[0].dtype == np.uint8


def test_reading_computes_nothing(project: Path) -> None:
    for compute in ("auto", "never"):
        one = chain(compute)
        with pytest.raises(
            MissError, match=r"measurement of pixel.*; and data/results has no 'pixel' either"
        ):
            results.assemble(one.plan)
        assert one.store.computed == []
        assert not one.store.folder.exists()


def test_load_is_for_pages(computed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results.load.cache_clear()
    try:
        assert results.load().study.name == "tiny"
        assert results.load() is results.load()
    finally:
        results.load.cache_clear()


# Committing ----------------------------------------------------------------------------------


def test_commit_writes_what_a_machine_without_a_store_reads(
    assembled: results.Results, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = results.commit(assembled)
    folder = project / "data" / "results"
    assert [p.relative_to(folder).as_posix() for p in written] == [
        "tiny/pixel.json",
        "tiny/linear-f8c16.json",
        "tiny/sampler-pixel.json",
        "tiny/sampler-linear-f8c16.json",
        "tiny/display.json",
        "tiny/leakage.json",
        "tiny/channel-rule.json",
        "sound/noise-fine.wav",
        "sound/noise-coarse.wav",
    ]
    assert all(p.is_file() for p in written)
    numbers = json.loads(written[0].read_text())["numbers"]
    assert numbers == archive.rounded(assembled.measured["pixel"].numbers())

    monkeypatch.setenv("ANALYSIS_CACHE", str(project / "empty"))
    again = results.assemble(chain("never").plan)
    for name, measured in again.measured.items():
        assert measured.origin == "committed"
        assert measured.provenance == archive.rounded(assembled.measured[name].provenance)
        for key, array in assembled.measured[name].arrays.items():
            np.testing.assert_array_equal(measured.arrays[key], array)
        assert measured.numbers() == assembled.measured[name].numbers()
    assert again.display.origin == "committed"
    for side in (64, 128):
        np.testing.assert_array_equal(again.display.z[side], assembled.display.z[side])
        np.testing.assert_array_equal(again.display.eps[side], assembled.display.eps[side])


def test_what_was_read_from_there_is_not_written_again(
    assembled: results.Results, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results.commit(assembled)
    monkeypatch.setenv("ANALYSIS_CACHE", str(project / "empty"))
    written = results.commit(results.assemble(chain("never").plan))
    assert {p.suffix for p in written} == {".wav"}


def test_committing_twice_changes_no_byte(assembled: results.Results) -> None:
    def content() -> list[bytes]:
        paths = results.commit(assembled)
        return [q.read_bytes() for p in paths for q in sorted(p.parent.glob(p.stem + ".*"))]

    assert content() == content()


@pytest.mark.parametrize(
    ("old", "new"),
    [("t = 0.5", "t = 0.25"), ("seed = 7", "seed = 8"), ("beta = 2.0", "beta = 8.0")],
)
def test_committed_results_are_not_taken_for_another_study(
    assembled: results.Results,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    edit: Callable[[str, str, str], None],
    old: str,
    new: str,
) -> None:
    results.commit(assembled)
    monkeypatch.setenv("ANALYSIS_CACHE", str(project / "empty"))
    edit("studies/tiny.toml", old, new)
    with pytest.raises(
        MissError,
        match="'pixel' in data/results/tiny was made from other photographs, settings or code",
    ):
        results.assemble(chain("never").plan)


def test_the_store_wins_over_what_is_committed(assembled: results.Results) -> None:
    results.commit(assembled)
    assert {m.origin for m in results.assemble(chain("never").plan).measured.values()} == {
        "computed"
    }


# The committed results of the project --------------------------------------------------------


def committed(name: str) -> tuple[dict[str, np.ndarray], dict]:
    base = archive.folder("bundled") / name
    with np.load(base.with_suffix(".npz"), allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    return arrays, json.loads(base.with_suffix(".json").read_text(encoding="utf-8"))


def close(found: object, expected: object, rel: float, place: str = "") -> None:
    """Two JSON values agree, numbers within a relative tolerance."""
    if isinstance(expected, dict):
        assert isinstance(found, dict)
        assert found.keys() == expected.keys(), place
        for key in expected:
            close(found[key], expected[key], rel, f"{place}.{key}")
    elif isinstance(expected, list):
        assert isinstance(found, list)
        assert len(found) == len(expected), place
        for i, (one, other) in enumerate(zip(found, expected, strict=True)):
            close(one, other, rel, f"{place}[{i}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=rel), place
    else:
        assert found == expected, place


def test_close_can_fail() -> None:
    close({"a": [1.0, "x"]}, {"a": [1.00001, "x"]}, 1e-4)
    for other in ({"a": [1.001, "x"]}, {"a": [1.0, "y"]}, {"a": [1.0]}, {"b": [1.0, "x"]}):
        with pytest.raises(AssertionError):
            close({"a": [1.0, "x"]}, other, 1e-4)


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_numbers_are_derived_from_the_committed_arrays(name: str) -> None:
    # Six digits are stored; another machine's last digit may differ by one.
    arrays, content = committed(name)
    measured = Measured(cards.card(name), load_study("bundled"), arrays, "committed", {})
    close(json.loads(json.dumps(archive.rounded(measured.numbers()))), content["numbers"], 3e-6)


def test_committed_results_answer_the_bundled_study(tmp_path: Path) -> None:
    one = Chain(load_study("bundled"), Store(tmp_path / "empty", compute="never"))
    found = results.assemble(one.plan)
    assert tuple(found.measured) == COMMITTED
    assert {m.origin for m in found.measured.values()} == {"committed"}
    assert found.display.origin == "committed"
    assert not (tmp_path / "empty").exists()


def one_photograph(one: Chain, name: str) -> dict[str, np.ndarray]:
    """Arrays of the fourth photograph of an encoder, computed anew, by their committed names."""
    card, photo = one.plan.cards[name], one.plan.photographs[3]
    return {
        part.stored(key): array
        for part in one.plan.parts(card)
        if part.views[0].image == photo and not part.variation
        for key, array in one.part(part)[1]().items()
    }


def apart(name: str, found: np.ndarray, expected: np.ndarray, floor: float) -> float:
    """The largest difference of two arrays of that name, relative.

    Args:
        floor: of the largest value of a row, below which a difference is relative to that.
    """
    if not name.startswith(("cross", "left", "top")):  # which are of bins, or from ring 1 on
        found, expected = found[..., 1:], expected[..., 1:]  # ring 0: rounding of the removed mean
    if name.startswith("cross"):  # what channels share may vanish: relative to what they have
        floor = 0.1
    largest = np.abs(expected).max(axis=-1, keepdims=True)
    scale = np.maximum(np.abs(expected), floor * largest)
    return float((np.abs(found - expected) / scale).max())


def test_apart_can_fail() -> None:
    power = np.array([[0.0, 100.0, 1.0]])
    assert apart("power_512", power * 1.001, power, 0.0) == pytest.approx(1e-3)
    assert apart("power_512", np.add(power, [[5.0, 0, 0]]), power, 0.0) == 0
    assert apart("left_right_512", np.add(power, [[5.0, 0, 0]]), power, 0.1) == pytest.approx(0.5)
    assert apart("cross_512", np.add(power, [[0, 0, 0.1]]), power, 0.0) == pytest.approx(0.01)


def test_pixels_computed_anew_for_one_photograph_are_the_committed_row(tmp_path: Path) -> None:
    # 1e-4, for JPEG decoders, whose pixels may differ by 1 / 255 here and there. Power falls by
    # more than 1e4 over the rings, and what such a pixel has is white.
    one = Chain(load_study("bundled"), Store(tmp_path / "store", compute="auto"))
    found = one_photograph(one, "pixel")
    assert len(found) == 3 * 4 + 2 + 2 + 4
    arrays = committed("pixel")[0]
    for name, array in found.items():
        assert apart(name, array, arrays[name][3], floor=1e-4) < 1e-4, name


def taef2_weights() -> Path | None:
    card = cards.card("taef2")
    places = [
        *weights.folders(),
        ROOT.parent / "shared" / "weights",
        ROOT / "data" / "cache" / "downloads",
    ]
    return weights.find(card.sha256, card.bytes, places)


def test_taef2_computed_anew_is_the_committed_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One photograph, or with RECOMPUTE=all every image of the study: about half an hour.

    Arrays and numbers agree to 1e-4. They are made of float32 convolutions, which each machine
    sums in another order: 1e-6 to 1e-5 of a ring's power here. Six digits are stored.
    """
    pytest.importorskip("torch")
    path = taef2_weights()
    if path is None:
        pytest.skip(
            "the weights of taef2 are not on this machine; name their folder in ANALYSIS_WEIGHTS"
        )
    monkeypatch.setenv("ANALYSIS_WEIGHTS", str(path.parent))
    one = Chain(load_study("bundled"), Store(tmp_path / "store", compute="auto"))
    card, (arrays, content) = one.plan.cards["taef2"], committed("taef2")
    if os.environ.get("RECOMPUTE") == "all":
        anew = one.measurement(card)[1]()
        assert anew.keys() == arrays.keys()
    else:
        anew = {name: array.copy() for name, array in arrays.items()}
        found = one_photograph(one, "taef2")
        assert len(found) == 3 * 4 + 2 + 2 + 4
        for name, array in found.items():
            assert apart(name, array, arrays[name][3], floor=0.0) < 1e-4, name
            anew[name][3] = array
    for name, array in anew.items():
        if not name.startswith(("k_", "modes_")):
            assert apart(name, array, arrays[name], floor=0.0) < 1e-4, name
    numbers = json.loads(json.dumps(Measured(card, one.study, anew, "computed", {}).numbers()))
    close(numbers, content["numbers"], 1e-4)
    # The same of the photograph by itself, where the others do not hide a difference.
    shifts = [
        Measured(card, one.study, {**rows, **alone}, "computed", {}).shift
        for rows in (anew, arrays)
        for alone in [
            {f"power_{side}": rows[f"power_{side}"][3:4] for side in one.study.resolutions}
        ]
    ]
    assert shifts[0].whole.value == pytest.approx(shifts[1].whole.value, rel=1e-4)
    np.testing.assert_allclose(shifts[0].curves, shifts[1].curves, rtol=1e-4)


# Without torch -------------------------------------------------------------------------------

BLOCKED = """
import sys
for name in ("torch", "diffusers", "huggingface_hub"):
    sys.modules[name] = None  # any import of it raises ImportError
from analysis.study import results
from analysis.study.plan import Plan
from analysis.study.settings import load_study
from analysis.study.store import Store
found = results.assemble(Plan(load_study("bundled"), Store(compute="never")))
print(found.measured["taef2"].origin)
"""


def without_torch(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ANALYSIS_CACHE": str(folder / "empty")}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_results_are_read_without_torch(tmp_path: Path) -> None:
    done = without_torch(BLOCKED, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "committed\n"


def test_that_test_can_fail(tmp_path: Path) -> None:
    done = without_torch(BLOCKED.replace("print(", "import torch\nprint("), tmp_path)
    assert done.returncode != 0
    assert "import of torch halted" in done.stderr
