"""What is taken of the results is noted, however the code that takes it is written."""

import dataclasses
import inspect
import re
import types
from collections.abc import Callable
from typing import Any

import pytest

from analysis.paper.figures import raps
from analysis.paper.tables import measured_shift
from analysis.provenance import inputs
from analysis.provenance.inputs import Recorder, known, recorded
from analysis.study import results
from analysis.study.results import Results


@pytest.fixture(scope="module")
def loaded() -> Results:
    return results.load("bundled")


def names(make: Callable[[Results], Any], loaded: Results) -> list[str]:
    """The results that a function takes."""
    return [one.name for one in recorded(make, loaded)[1].inputs]


ENCODERS = ["pixel", "linear-f8c16", "taef2"]
TAKEN: dict[str, tuple[Callable[[Results], Any], list[str]]] = {
    "one": (lambda r: r.measured["taef2"].shift, ["taef2"]),
    "the one displayed": (lambda r: r.measured[r.study.display_encoder], ["taef2"]),
    "by another name": (lambda anything: [*anything.measured.values()], ENCODERS),
    "by getattr": (lambda r: getattr(r, "meas" + "ured").get("pixel"), ["pixel"]),
    "pairs": (lambda r: dict(r.measured.items()), ENCODERS),
    "unpacked": (lambda r: {**r.measured}, ENCODERS),
    "everything": (lambda r: r.everything, ENCODERS),
    "names alone": (lambda r: (list(r.measured), len(r.measured), "x" in r.measured), []),
    "a sampler": (lambda r: r.samplers["pixel"]["heun"], ["sampler-pixel"]),
    "the rule": (lambda r: r.rule, ["channel-rule"]),
    "leakage": (lambda r: r.leakage.ratio, ["leakage"]),
    "pictured latents": (lambda r: r.display.z[r.study.low], ["display"]),
    "noisy latents": (lambda r: r.display.noisy(r.study.high, r.study.t), ["display"]),
    "which photograph": (lambda r: r.display.photograph, []),
    "the second set": (lambda r: r.second["pixel"], ["wallpapers/pixel"]),
    "the experiment": (lambda r: r.experiment, ["experiment"]),
    "fainter pictures": (lambda r: r.contrast, ["contrast"]),
    "other grids": (lambda r: r.grids, ["grids"]),
    "the table of encoders": (lambda r: r.rows, ["encoders"]),
    "a survey": (lambda r: r.survey, ["survey"]),
    "simulated intervals": (lambda r: r.coverage, ["coverage"]),
    "denoisers": (lambda r: r.denoiser, ["denoiser"]),
    "densities": (lambda r: r.density, ["density"]),
    "stored arrays": (lambda r: r.files["leakage"][0], ["leakage"]),
    "settings": (lambda r: (r.study, r.theory, r.t_shifted, r.sounds), []),
}


@pytest.mark.parametrize("what", TAKEN)
def test_what_is_taken_is_noted(what: str, loaded: Results) -> None:
    take, expected = TAKEN[what]
    assert names(take, loaded) == expected


def test_a_contributed_measurement_is_noted(loaded: Results) -> None:
    measured = dict(loaded.measured)
    theirs = {"taef2": measured.pop("taef2")}
    other = dataclasses.replace(loaded, measured=measured, contributed=theirs)
    assert names(lambda r: r.contributed["taef2"].shift, other) == ["taef2"]


def test_nothing_of_the_results_is_taken_unseen() -> None:
    """A new part of `Results` is noted by `Recorder`, or stated here to be no result."""
    parts = {name for name in {*vars(Results), *Results.__annotations__} if name[0] != "_"}
    each = {"measured", "contributed", "everything", "samplers", "files", "display", "second"}
    made_of_these_and_settings = {"thumbnails", "theory", "t_shifted", "sounds", "study"}
    assert parts == {*inputs.WHOLE, *each, *made_of_these_and_settings, "downloads"}


def test_a_recorder_gives_what_the_results_give(loaded: Results) -> None:
    recorder = Recorder(loaded)
    for name in ("study", "photographs", "leakage", "rule", "theory", "t_shifted", "downloads"):
        assert getattr(recorder, name) == getattr(loaded, name)
    assert dict(recorder.everything) == dict(loaded.everything)
    assert recorder.measured["pixel"] is loaded.measured["pixel"], "what is derived is kept once"
    assert recorder.display.noisy(512, 0.5) == pytest.approx(loaded.display.noisy(512, 0.5))


def test_one_recorder_knows_nothing_of_another(loaded: Results) -> None:
    first, second = Recorder(loaded), Recorder(loaded)
    assert first.measured["pixel"] and second.measured["taef2"]
    assert [one.name for one in first.taken().inputs] == ["pixel"]


def test_photographs_are_those_of_the_results(loaded: Results) -> None:
    def shown(make: Callable[[Results], Any]) -> Any:
        return recorded(make, loaded)[1].photographs

    assert shown(lambda r: r.measured["pixel"]) == loaded.photographs
    assert shown(lambda r: r.samplers["pixel"]) == loaded.photographs
    assert shown(lambda r: r.thumbnails(8)) == loaded.photographs
    assert shown(lambda r: r.display.z[512]) == (loaded.display.photograph,)
    assert shown(lambda r: (r.leakage, r.experiment)) == ()


def test_what_is_known_of_a_result(loaded: Results) -> None:
    found = known(loaded)
    assert list(found)[:3] == list(loaded.measured)
    for name, one in found.items():
        assert one.name == name
        assert re.fullmatch("[0-9a-f]{64}", one.key)
        assert one.date == str(one.provenance.get("written", ""))[:10]
    assert found["taef2"].encoder["sha256"] == loaded.measured["taef2"].card.sha256
    assert found["display"].encoder == found[loaded.study.display_encoder].encoder


def test_it_is_said_in_words(loaded: Results) -> None:
    key = loaded.measured["taef2"].provenance["key"]
    assert str(recorded(lambda r: r.measured["taef2"], loaded)[1]) == f"from taef2 {key[:12]}"
    assert "photographs" in str(recorded(lambda r: len(r.photographs), loaded)[1])
    assert "settings" in str(recorded(lambda r: r.theory, loaded)[1])


def renamed(module: types.ModuleType) -> types.ModuleType:
    """A module whose functions call the results they are given otherwise."""
    source = inspect.getsource(module)
    other = re.sub(r"(?<![.\w])results\b", "anything", source)
    assert "(anything: Results)" in other and "results." not in other.replace("study.results ", "")
    made = types.ModuleType(module.__name__)
    made.__file__ = module.__file__
    exec(compile(other, str(module.__file__), "exec"), vars(made))
    return made


def test_a_renamed_parameter_changes_no_record(loaded: Results) -> None:
    assert names(renamed(raps).data, loaded) == [loaded.study.display_encoder]
    assert names(renamed(measured_shift).table_shift, loaded) == list(loaded.measured)


def test_settings_name_what_the_study_chose(loaded: Results) -> None:
    said, study = inputs.settings(loaded), loaded.study
    for text in (study.name, f"seed {study.seed}", f"{study.low} px", study.window.text):
        assert text in said
