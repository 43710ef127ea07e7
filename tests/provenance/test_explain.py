"""`explain` and `rebuild`: everything on the pages is traced to code, inputs and pages."""

from pathlib import Path

import pytest

from analysis.project.errors import InputError
from analysis.provenance import explain, shown
from analysis.study import results
from analysis.study.chain import Chain
from analysis.study.plan import Plan
from analysis.study.settings import load_study
from analysis.study.store import Store
from tests.conftest import BANDS, PHOTOGRAPHS, STUDY, make_project

ALONE = "none: it is computed from the settings alone"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny project whose study is computed."""
    made = make_project(tmp_path_factory.mktemp("tiny") / "project")
    text = STUDY.partition("[bands]")[0] + BANDS
    (made / "data" / "studies" / "tiny.toml").write_text(text, encoding="utf-8")
    (made / "report").mkdir()
    page = "::: {#fig-raps}\n:::\n\n`{python} v.t_shifted`, `{python} v.t`\n"
    (made / "report" / "index.qmd").write_text(page, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANALYSIS_ROOT", str(made))
        Chain(load_study("tiny"), Store(made / "data" / "cache")).compute()
    return made


@pytest.fixture
def plan(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setenv("ANALYSIS_ROOT", str(folder))
    monkeypatch.setenv("ANALYSIS_CACHE", str(folder / "data" / "cache"))
    return Plan(load_study("tiny"), Store())


def test_everything_that_pages_show_is_explained() -> None:
    plan = Plan(load_study("bundled"), Store())
    found = results.load("bundled")
    for name, places in shown.on_pages().items():
        content = explain.explain(name, found, plan, "bundled")
        said = explain.text(content)
        assert said.startswith(name) and places[0] in said, name
        assert bool(content["results"]) != (ALONE in said), name
        path, _, line = content["function"].partition(":")
        assert line.isdigit() or path.startswith("data/"), name
        for one in content["results"]:
            assert f"{one['name']}: {one['origin']}, key {one['key']}" in said, name


def test_inputs_are_keys_of_the_store(plan: Plan) -> None:
    content = explain.explain("fig-measured-shift", results.assemble(plan), plan, "tiny")
    pixel, linear = content["results"]
    requests = [plan.measurement_request(card) for card in plan.cards.values()]
    assert [pixel["key"], linear["key"]] == [one.key for one in requests]
    assert pixel["origin"] == linear["origin"] == "computed"
    assert linear["encoder"]["fit"] == plan.fit_request.key
    steps = ("spectra", "cross-spectra", "halves", "equivariance", "power")
    stored = {s["key"] for step in steps for s in plan.store.sidecars(step)}
    assert set(pixel["steps"]) | set(linear["steps"]) == stored
    assert set(content["photographs"]) == set(PHOTOGRAPHS)
    assert content["study_file"] == "data/studies/tiny.toml"
    assert content["redraw"].endswith("rebuild fig-measured-shift --study tiny --to figures")


def test_parameters_are_printed(plan: Plan) -> None:
    found = results.assemble(plan)
    content = explain.explain("fig-window-leakage", found, plan, "tiny")
    (leakage,) = (one for one in content["results"] if one["name"] == "leakage")
    assert leakage["parameters"].keys() == {"gammas", "fields", "side", "windows", "seed"}
    said = explain.text(content)
    for words in ("gammas [2.0, 3.0]", "fields 64", "seed 7", '{"kind": "kaiser", "beta": 2.0}'):
        assert words in said
    said = explain.text(explain.explain("fig-raps", found, plan, "tiny"))
    assert "parameters" not in said
    assert "report/index.qmd:1" in said


def test_a_value(plan: Plan) -> None:
    found = results.assemble(plan)
    shift = explain.explain("shift_linear_f8c16", found, plan, "tiny")
    key = found.measured["linear-f8c16"].provenance["key"]
    (one,) = shift["results"]
    assert (one["name"], one["origin"], one["key"]) == ("linear-f8c16", "computed", key)
    said = explain.text(shift)
    assert said.startswith(f"shift_linear_f8c16 = {shift['text']}\n  ")
    assert "sha256 " not in said.replace(f"fit {one['encoder']['fit']}", "")
    shifted = explain.explain("t_shifted", found, plan, "tiny")
    assert shifted["pages"] == ["report/index.qmd:4"]
    assert shifted["results"] == [] and ALONE in explain.text(shifted)
    assert shifted["function"].startswith("analysis/timesteps/schedule.py:")


def test_unknown_names(plan: Plan) -> None:
    found = results.assemble(plan)
    for given, near in (
        *(("fig-rasp", "fig-raps"), ("tbl-shfit", "tbl-shift"), ("t_shiftd", "t_shifted")),
        ("fig_raps", "fig-raps"),
    ):
        with pytest.raises(InputError, match=f"'{given}'; did you mean '{near}'"):
            explain.explain(given, found, plan, "tiny")
    with pytest.raises(InputError, match="'explain' without a name"):
        explain.explain("zzzzzz", found, plan, "tiny")
    for given in ("fig-rasp", "tbl-shfit"):
        with pytest.raises(InputError, match=f"no .* '{given}'; did you mean"):
            explain.refuse_label(given)
    assert {"fig-raps", "tbl-shift", "t_shifted"} <= set(explain.names(found))


def test_contributed_measurements_are_inputs_where_they_are_shown(plan: Plan, folder: Path) -> None:
    found = results.assemble(plan)
    results.commit(found)
    text = STUDY.partition("[bands]")[0] + BANDS
    for old, new in (('["pixel", "linear-f8c16"]', '["pixel"]'), ('= "linear-f8c16"', '= "pixel"')):
        assert old in text
        text = text.replace(old, new)
    (folder / "data" / "studies" / "fewer.toml").write_text(text, encoding="utf-8")
    Chain(load_study("fewer"), plan.store).compute()
    plan = Plan(load_study("fewer"), plan.store)
    fewer = results.assemble(plan)
    for label, shown_there in (("fig-rules", True), ("fig-encoders", True), ("tbl-shift", False)):
        content = explain.explain(label, fewer, plan, "fewer")
        names = [one["name"] for one in content["results"]]
        assert ("linear-f8c16" in names) == shown_there, label
        if shown_there:
            one = content["results"][names.index("linear-f8c16")]
            assert one["key"] == found.measured["linear-f8c16"].provenance["key"]
            assert one["encoder"]["channels"] == 16
            assert one["steps"]


def test_a_figure_drawn_twice_is_the_same_bytes(plan: Plan, tmp_path: Path) -> None:
    found = results.assemble(plan)
    first = explain.draw("fig-measured-shift", found, tmp_path / "a")
    second = explain.draw("fig-measured-shift", found, tmp_path / "b")
    names = ["measured-shift.svg", "measured-shift.png", "measured-shift.csv"]
    assert [path.name for path in first] == names
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert first[1].read_bytes()[:4] == b"\x89PNG"
    assert first[2].read_text().count("\n") > 20


def test_a_folder_that_cannot_be_written(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        explain.draw("fig-noise-afar", results.assemble(plan), tmp_path / "file")
