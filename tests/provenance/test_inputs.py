"""What a figure is drawn by and reads; that it reads no more is tested with `explain`."""

import importlib
import inspect

import pytest

from analysis.project.errors import InputError
from analysis.provenance import inputs
from analysis.study import results


@pytest.fixture(scope="module")
def loaded() -> results.Results:
    return results.load("bundled")


def names(label: str, loaded: results.Results) -> list[str]:
    """Names of the results that a figure reads."""
    return [one.name for one in inputs.inputs(label, loaded)]


@pytest.mark.parametrize("label", sorted(inputs.figures()))
def test_a_figure_s_function_is_where_it_is_said_to_be(label: str) -> None:
    path = inputs.path_of(label)
    module = importlib.import_module(f"analysis.paper.figures.{path.stem}")
    file, _, line = inputs.place(path).partition(":")
    assert file == f"analysis/paper/figures/{label[4:].replace('-', '_')}.py"
    assert inspect.getsource(module).splitlines()[int(line) - 1].startswith("def draw(")
    assert inputs.title(path) == inspect.getdoc(module)
    assert inputs.description(path) == inspect.getdoc(module.draw)


def test_inputs_are_results_of_the_study(loaded: results.Results) -> None:
    encoders = list(loaded.measured)
    assert names("fig-measured-shift", loaded) == encoders
    assert names("fig-raps", loaded) == [loaded.study.display_encoder]
    assert names("fig-fourier", loaded) == ["display"]
    assert names("fig-time-density", loaded) == []
    assert names("fig-experiment", loaded) == ["experiment"]
    assert names("fig-encoders", loaded) == [*encoders, *loaded.contributed]
    for one in inputs.inputs("fig-gaussian-sampler", loaded):
        assert len(one.key) == 64
        assert one.date == one.provenance["written"][:10]
        held = loaded.measured.get(one.name)
        assert (held is None) == one.name.startswith("sampler-")
        if held is not None:
            assert one.key == held.provenance["key"]
    (learned,) = (one for one in inputs.inputs("fig-rules", loaded) if one.name == "taef2")
    assert learned.encoder["sha256"] == loaded.measured["taef2"].card.sha256


def test_photographs_are_those_of_the_results(loaded: results.Results) -> None:
    assert inputs.photographs("fig-raps", loaded) == loaded.photographs
    assert inputs.photographs("fig-photographs", loaded) == loaded.photographs
    assert inputs.photographs("fig-fourier", loaded) == (loaded.display.photograph,)
    assert inputs.photographs("fig-noise-afar", loaded) == ()


def test_settings_name_what_the_study_chose(loaded: results.Results) -> None:
    said, study = inputs.settings(loaded), loaded.study
    for text in (study.name, f"seed {study.seed}", f"{study.low} px", study.window.text):
        assert text in said


def test_an_unknown_figure_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'fig-raps'"):
        inputs.path_of("fig-rasp")
