"""`check`: everything that can be wrong is found, and what is only not there yet is no error."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.encoders import availability
from analysis.images.catalogue import Photograph, unavailable
from analysis.project import source
from analysis.project.errors import FetchError, InputError
from analysis.study import results
from analysis.study.chain import Chain
from analysis.study.check import check
from analysis.study.plan import Plan
from analysis.study.settings import load_study
from analysis.study.store import Store

Edit = Callable[[str, str, str], None]


def found(part: str = "") -> list[tuple[str, bool]]:
    lines = list(check(load_study("tiny"), Store()))
    return [(line.text, line.wrong) for line in lines if line.part == part or not part]


def commit() -> None:
    results.commit(results.assemble(Plan(load_study("tiny"), Store(compute="never"))))


def wrong() -> list[str]:
    return [text for text, is_wrong in found() if is_wrong]


def test_an_empty_cache_is_told_and_is_no_error(here: Path) -> None:
    assert wrong() == []
    [(text, _)] = found("pixel")
    assert text.startswith(
        "0 of 32 steps are cached; missing: spectra of birch at 64 px (lanczos) by pixel "
    )
    assert "and 31 more (nothing is stored for 'spectra')" in text
    assert found("committed results") == [
        (
            "none for pixel, sampler-pixel, linear-f8c16, sampler-linear-f8c16, display, leakage, "
            "channel-rule",
            False,
        )
    ]
    assert not (here / "data" / "cache").exists()


def test_a_computed_study_is_whole(computed: Path) -> None:
    commit()
    assert wrong() == []
    assert found("pixel") == [("32 of 32 steps are cached", False)]
    assert found("linear-f8c16") == [("36 of 36 steps are cached", False)]
    text = (
        "pixel, sampler-pixel, linear-f8c16, sampler-linear-f8c16, display, leakage, "
        "channel-rule in data/results/tiny: as this study makes them"
    )
    assert found("committed results") == [(text, False)]


def test_committed_results_answer_in_one_line(computed: Path) -> None:
    commit()
    shutil.rmtree(computed / "data" / "cache")
    (computed / "data" / "results" / "tiny").rename(computed / "data" / "results" / "elsewhere")
    said = ("committed results in data/results/elsewhere answer this study", False)
    assert found("pixel") == found("linear-f8c16") == [said]
    [(text, _)] = found("committed results")
    assert text.endswith(" in data/results/elsewhere: as this study makes them")
    (computed / "data" / "results" / "elsewhere" / "display.json").unlink()
    assert found("pixel") == [said]
    [(text, _)] = found("linear-f8c16")
    assert text == f"{said[0]}; missing: pictured latents (nothing is stored for 'display')"


def test_what_changed_is_named(computed: Path, edit: Edit) -> None:
    commit()
    edit("studies/tiny.toml", "seed = 7", "seed = 8")
    assert "nearest stored entry differs: parameters.seed is 8, stored 7)" in found("pixel")[0][0]
    stale = [text for text, is_wrong in found("committed results") if is_wrong]
    stale_ones = [text.partition(":")[0] for text in stale]
    assert set(stale_ones) == {
        "pixel", "sampler-pixel", "linear-f8c16", "sampler-linear-f8c16", "leakage", "channel-rule",
    }  # fmt: skip
    assert "stale, made from other photographs, settings or code" in stale[0]


@pytest.mark.parametrize("step", ["spectra", "moments", "measurement", "display", "linear-fit"])
def test_damage_of_any_step_is_found(computed: Path, step: str) -> None:
    path = next((computed / "data" / "cache" / step).rglob("*.npz"))
    path.write_bytes(b"x")
    [text] = wrong()
    assert "is damaged in the cache: 'python -m analysis compute' replaces it" in text
    Chain(load_study("tiny"), Store()).compute()
    assert wrong() == [] or step == "moments"  # read only when something needs it


@pytest.mark.parametrize("how", ["arrays", "json", "number"])
def test_a_damaged_committed_result(computed: Path, how: str) -> None:
    commit()
    path = computed / "data" / "results" / "tiny" / "pixel.json"
    if how == "arrays":
        path.with_suffix(".npz").write_bytes(b"no archive")
    elif how == "json":
        path.write_text("{", encoding="utf-8")
    else:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["numbers"]["bands"]["low"]["measured"] *= 1.001
        path.write_text(json.dumps(content), encoding="utf-8")
    [text] = wrong()
    said = "another bands than its arrays" if how == "number" else "damaged: "
    assert said in text


def test_results_of_two_states_of_the_code_are_named_and_by_compute_too(
    computed: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody edits what measures a spectrum, one photograph's is computed again, and is mixed."""
    assert not any("other code" in text for text, _ in found("pixel"))
    gone = next((computed / "data" / "cache" / "spectra").glob("*/*.json"))
    label = json.loads(gone.read_text())["label"]
    assert label.endswith((" by pixel", " by linear-f8c16"))
    name = label.rpartition(" by ")[2]
    gone.unlink()
    real = source.digest
    monkeypatch.setattr(source, "digest", lambda *code: "edited" + real(*code))
    assert any("other code" in text and not mixed for text, mixed in found(name))
    Chain(load_study("tiny"), Store()).compute()
    assert any(
        record.getMessage().startswith(f"{name}: step 'spectra': ") for record in caplog.records
    )
    lines = [line for line in found(name) if line[0].startswith("step 'spectra': ")]
    assert [wrong for _, wrong in lines] == [True]
    assert "so that results are mixed" in lines[0][0]


def test_a_missing_photograph_is_an_error(here: Path) -> None:
    (here / "data" / "images" / "birch.png").unlink()
    [text] = wrong()
    assert "birch.png" in text
    assert found("steps") == [("not looked at, since they depend on the photographs", False)]


def test_a_photograph_that_is_only_not_fetched(tmp_path: Path) -> None:
    photo = Photograph("far", None, "https://example.org/far", "", "Far", "", "", "")
    [error] = unavailable([photo], tmp_path).values()
    assert isinstance(error, FetchError)
    assert str(error) == "far is not fetched: run 'python -m analysis fetch'"
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_encoder_that_cannot_run_is_said(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(availability, "missing", lambda card: "it needs a thing")
    assert found("pixel")[0][0].endswith("; cannot be computed here: it needs a thing")


def test_a_study_that_names_nothing_is_bad_input(here: Path, edit: Edit) -> None:
    edit("studies/tiny.toml", '"heron"', '"herron"')
    with pytest.raises(InputError, match="herron"):
        found()
