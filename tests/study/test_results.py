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
    assert assembled.t_shifted == pytest.approx(1 / 3, abs=1e-12)  # half data moves to a third


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


def test_committed_results_are_not_taken_for_another_study(
    assembled: results.Results, project: Path, monkeypatch: pytest.MonkeyPatch,
    edit: Callable[[str, str, str], None],
) -> None:  # fmt: skip
    results.commit(assembled)
    monkeypatch.setenv("ANALYSIS_CACHE", str(project / "empty"))
    edit("studies/tiny.toml", "t = 0.5", "t = 0.25")
    with pytest.raises(MissError, match="tiny was made from other photographs, settings or code"):
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


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_numbers_are_derived_from_the_committed_arrays(name: str) -> None:
    # Six digits are stored; another machine's last digit may differ by one.
    arrays, content = committed(name)
    measured = Measured(cards.card(name), load_study("bundled"), arrays, "committed", {})
    assert not archive.differs(archive.rounded(measured.numbers()), content["numbers"], 3e-6)


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


def test_pixels_computed_anew_for_one_photograph_are_the_committed_row(tmp_path: Path) -> None:
    # 1e-4, for JPEG decoders, whose pixels may differ by 1 / 255 here and there. Power falls by
    # more than 1e4 over the rings, and what such a pixel has is white.
    one = Chain(load_study("bundled"), Store(tmp_path / "store", compute="auto"))
    found = one_photograph(one, "pixel")
    assert len(found) == 3 * 4 + 2 + 2 + 4
    arrays = committed("pixel")[0]
    for name, array in found.items():
        assert apart(name, array, arrays[name][3], floor=1e-4) < 1e-4, name


@pytest.mark.slow
def test_taef2_computed_anew_is_the_committed_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One photograph, or with RECOMPUTE=all every image of the study: about half an hour.

    Arrays and numbers agree to 1e-4. They are made of float32 convolutions, which each machine
    sums in another order: 1e-6 to 1e-5 of a ring's power here. Six digits are stored.
    """
    pytest.importorskip("torch")
    known = cards.card("taef2")
    places = ROOT.parent / "shared" / "weights", ROOT / "data" / "cache" / "downloads"
    path = weights.find(known.sha256, known.bytes, [*weights.folders(), *places])
    if path is None:
        pytest.skip("the weights of taef2 are not here; name their folder in ANALYSIS_WEIGHTS")
    monkeypatch.setenv("ANALYSIS_WEIGHTS", str(path.parent))
    one = Chain(load_study("bundled"), Store(tmp_path / "store", compute="auto"))
    card, (arrays, content) = one.plan.cards["taef2"], committed("taef2")
    if os.environ.get("RECOMPUTE") == "all":
        anew = one.measurement(card)[1]()
    else:
        anew = {name: array.copy() for name, array in arrays.items()}
        for name, array in one_photograph(one, "taef2").items():
            anew[name][3] = array
    assert anew.keys() == arrays.keys()
    for name, array in anew.items():
        if not name.startswith(("k_", "modes_")):
            assert apart(name, array, arrays[name], floor=0.0) < 1e-4, name
    numbers = Measured(card, one.study, anew, "computed", {}).numbers()
    assert not archive.differs(content["numbers"], archive.rounded(numbers), 1e-4)


def test_results_are_read_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules |= dict.fromkeys(('torch', 'diffusers', 'huggingface_hub'))\n"
        "from analysis.study.results import load; print(load('bundled').measured['taef2'].origin)"
    )
    settings = {
        "PYTHONPATH": str(ROOT),
        "ANALYSIS_CACHE": str(tmp_path),
        "ANALYSIS_COMPUTE": "never",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, env={**os.environ, **settings},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "committed\n"), done.stderr
