"""`explain` and `rebuild`: every figure and value is traced to code, inputs and pages."""

import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest

from analysis.paper.values import of
from analysis.project.errors import FetchError, InputError
from analysis.provenance import explain, inputs
from analysis.study import results
from analysis.study.chain import Chain
from analysis.study.plan import Plan
from analysis.study.settings import Study, load_study
from analysis.study.store import Store
from tests.conftest import PHOTOGRAPHS, STUDY

FIGURES = sorted(inputs.figures())
BANDS = "[bands]\nfirst_ring = 1\nlow = 0.5\nmiddle = 0.75\n"


@pytest.fixture
def tiny(project: Path) -> Study:
    text = STUDY.partition("[bands]")[0] + BANDS
    (project / "data" / "studies" / "tiny.toml").write_text(text, encoding="utf-8")
    (project / "report").mkdir()
    page = "::: {#fig-raps}\n:::\n\n`{python} v.t_shifted`, `{python} v.t`\n"
    (project / "report" / "index.qmd").write_text(page, encoding="utf-8")
    return load_study("tiny")


@pytest.fixture
def computed(tiny: Study) -> results.Results:
    chain = Chain(tiny, Store())
    chain.compute()
    return results.assemble(chain.plan)


def thumbnails(found: results.Results, size: int) -> list[np.ndarray]:
    """Grey ones, since the synthetic photographs are smaller than a thumbnail."""
    return [np.full((size, size, 3), 127, np.uint8) for _ in found.photographs]


@pytest.mark.parametrize("label", FIGURES)
def test_every_figure_is_explained_by_its_function(tiny: Study, label: str) -> None:
    content = explain.figure(label, tiny, Store(), "tiny")
    module = importlib.import_module(f"analysis.paper.figures.{label[4:].replace('-', '_')}")
    path, _, line = content["function"].partition(":")
    source = inspect.getsource(module).splitlines()
    assert path == f"analysis/paper/figures/{label[4:].replace('-', '_')}.py"
    assert source[int(line) - 1].startswith("def draw(")
    assert content["title"] == inspect.getdoc(module)
    assert content["description"] == inspect.getdoc(module.draw)
    assert content["redraw"] == f"python -m analysis rebuild {label} --study tiny --to figures"
    assert label in explain.text(content)


class Noting(dict):  # type: ignore[type-arg]
    """A mapping that notes what is taken from it."""

    def __init__(self, content: dict[str, object], read: set[str]) -> None:
        super().__init__(content)
        self.read = read

    def __getitem__(self, name: str) -> object:
        self.read.add(name)
        return super().__getitem__(name)

    def items(self) -> object:  # type: ignore[override]
        self.read.update(self)
        return super().items()

    def values(self) -> object:  # type: ignore[override]
        self.read.update(self)
        return super().values()


def test_the_results_a_figure_is_said_to_read_are_those_it_reads(
    computed: results.Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results.Results, "thumbnails", thumbnails)
    for label in FIGURES:
        read: set[str] = set()

        class Display:
            def __getattr__(self, name: str, read: set[str] = read) -> object:
                if name != "photograph":
                    read.add("display")
                return getattr(computed.display, name)

        parts = {name: getattr(computed, name) for name in computed.__dataclass_fields__}

        class Reading(results.Results):
            def __getattribute__(self, name: str, read: set[str] = read) -> object:
                if name in inputs.FILES:
                    wanted = {f.format(n) for f in inputs.FILES[name] for n in computed.measured}
                    read.update(wanted & set(computed.files))
                return super().__getattribute__(name)

        parts |= {"measured": Noting(computed.measured, read), "display": Display()}
        module = importlib.import_module(f"analysis.paper.figures.{label[4:].replace('-', '_')}")
        getattr(module, "data", module.draw)(Reading(**parts))
        content = explain.figure(label, computed.study, Store(), "tiny")
        assert {one["name"] for one in content["results"]} == read, label


def test_a_figure_s_inputs_are_keys_of_the_store(computed: results.Results) -> None:
    store, study = Store(), computed.study
    content = explain.figure("fig-measured-shift", study, store, "tiny")
    pixel, linear = content["results"]
    assert pixel["key"] == computed.measured["pixel"].provenance["key"]
    assert pixel["origin"] == linear["origin"] == "computed"
    assert linear["encoder"]["fit"] == Plan(study, store).fit_request.key
    steps = ("spectra", "cross-spectra", "halves", "equivariance", "power")
    stored = {s["key"] for step in steps for s in store.sidecars(step)}
    assert set(pixel["steps"]) | set(linear["steps"]) == stored
    assert set(content["photographs"]) == set(PHOTOGRAPHS)
    assert content["study_file"] == "data/studies/tiny.toml"
    assert content["pages"] == []
    assert explain.figure("fig-raps", study, store, "tiny")["pages"] == ["report/index.qmd:1"]


def test_results_that_are_not_there_or_committed(computed: results.Results, tmp_path: Path) -> None:
    empty = Store(tmp_path / "empty")
    content = explain.figure("fig-fourier", computed.study, empty, "tiny")
    assert content["results"][0]["origin"] == "missing: run compute"
    assert set(content["photographs"]) == {"heron"}
    results.commit(computed)
    content = explain.figure("fig-fourier", computed.study, empty, "tiny")
    assert content["results"][0]["origin"] == "committed"


def test_parameters_are_printed(computed: results.Results) -> None:
    content = explain.figure("fig-window-leakage", computed.study, Store(), "tiny")
    (leakage,) = (one for one in content["results"] if one["name"] == "leakage")
    text = explain.text(content)
    side = min(128 // 8, 128)
    for said in ("gammas [2.0, 3.0]", "fields 64", f"side {side}", "seed 7"):
        assert f" {said}" in text
    for window in computed.study.windows:
        assert f'{{"kind": "{window.kind}", "beta": {window.beta}}}' in text
    assert leakage["parameters"].keys() == {"gammas", "fields", "side", "windows", "seed"}
    assert "parameters" not in explain.text(
        explain.figure("fig-raps", computed.study, Store(), "tiny")
    )


def test_contributed_measurements_are_inputs_of_the_figures_that_show_them(
    computed: results.Results, project: Path
) -> None:
    results.commit(computed)
    text = STUDY.partition("[bands]")[0] + BANDS
    for old in ('encoders = ["pixel", "linear-f8c16"]', 'display_encoder = "linear-f8c16"'):
        assert old in text
    text = text.replace('["pixel", "linear-f8c16"]', '["pixel"]')
    text = text.replace('display_encoder = "linear-f8c16"', 'display_encoder = "pixel"')
    (project / "data" / "studies" / "tiny.toml").write_text(text, encoding="utf-8")
    study = load_study("tiny")
    for label, shown in (("fig-rules", True), ("fig-encoders", True), ("fig-crossings", False)):
        content = explain.figure(label, study, Store(), "tiny")
        names = [one["name"] for one in content["results"]]
        assert ("linear-f8c16" in names) == shown
        if shown:
            one = content["results"][names.index("linear-f8c16")]
            assert one["key"] == computed.measured["linear-f8c16"].provenance["key"]
            assert one["encoder"]["channels"] == 16


def test_every_value_is_explained(computed: results.Results) -> None:
    known = of(computed)
    for name in known.names():
        content = explain.value(name, computed)
        assert content["text"] == known.value(name).text
        assert content["text"] in explain.text(content)
        assert content["meaning"]


def test_a_value_s_source(computed: results.Results) -> None:
    shift = explain.value("shift_linear_f8c16", computed)
    key = computed.measured["linear-f8c16"].provenance["key"]
    assert shift["results"] == [{"name": "linear-f8c16", "origin": "computed", "key": key}]
    shifted = explain.value("t_shifted", computed)
    path, _, line = shifted["place"].partition(":")
    source = (inputs.PACKAGE.parent / path).read_text(encoding="utf-8").splitlines()
    assert source[int(line) - 1].startswith("def shift_t(")
    assert shifted["pages"] == ["report/index.qmd:4"]
    assert explain.value("seed", computed)["results"] == []


def test_unknown_names(tiny: Study, computed: results.Results) -> None:
    with pytest.raises(InputError, match="did you mean 'fig-raps'"):
        explain.figure("fig-rasp", tiny, Store(), "tiny")
    with pytest.raises(InputError, match="did you mean 't_shifted'"):
        explain.value("t_shiftd", computed)
    with pytest.raises(InputError, match="did you mean 'fig-raps'"):
        explain.value("fig_raps", computed)
    with pytest.raises(InputError, match="'explain' without a name"):
        explain.value("zzzzzz", computed)


def test_a_photograph_that_is_not_there(tiny: Study, project: Path) -> None:
    (project / "data" / "images" / "birch.png").unlink()
    with pytest.raises((InputError, FetchError), match=r"birch\.png"):
        explain.figure("fig-raps", tiny, Store(), "tiny")


def test_a_figure_drawn_twice_is_the_same_bytes(computed: results.Results, tmp_path: Path) -> None:
    first = explain.draw("fig-measured-shift", lambda: computed, tmp_path / "a")
    second = explain.draw("fig-measured-shift", lambda: computed, tmp_path / "b")
    names = ["measured-shift.svg", "measured-shift.png", "measured-shift.csv"]
    assert [path.name for path in first] == names
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert first[1].read_bytes()[:4] == b"\x89PNG"
    assert first[2].read_text().count("\n") > 20


def test_a_folder_that_cannot_be_written(computed: results.Results, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        explain.draw("fig-noise-afar", lambda: computed, tmp_path / "file")
