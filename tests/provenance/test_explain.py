"""`explain` and `rebuild`: everything on the pages is traced to code, inputs and pages."""

import hashlib
from pathlib import Path

import pytest

from analysis.project.files import root
from analysis.provenance import explain, shown
from analysis.study import results
from analysis.study.chain import Chain
from analysis.study.plan import Plan
from analysis.study.settings import load_study
from analysis.study.store import Store
from tests.conftest import BANDS, PHOTOGRAPHS, STUDY

ALONE = "none: it is computed from the settings alone"


@pytest.fixture
def plan(computed: Path) -> Plan:
    """Of a tiny project whose study is computed."""
    (computed / "report").mkdir()
    page = "::: {#fig-raps}\n:::\n\n`{python} v.t_shifted`, `{python} v.t`\n"
    (computed / "report" / "index.qmd").write_text(page, encoding="utf-8")
    return Plan(load_study("tiny"), Store())


@pytest.mark.slow
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
    assert content["photographs"] == {
        name: hashlib.sha256((root() / f"data/images/{name}.png").read_bytes()).hexdigest()
        for name in PHOTOGRAPHS
    }
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


@pytest.mark.slow
def test_contributed_measurements_are_inputs_where_they_are_shown(plan: Plan) -> None:
    found = results.assemble(plan)
    results.commit(found)
    text = STUDY.partition("[bands]")[0] + BANDS
    for old, new in (('["pixel", "linear-f8c16"]', '["pixel"]'), ('= "linear-f8c16"', '= "pixel"')):
        assert old in text
        text = text.replace(old, new)
    (root() / "data" / "studies" / "fewer.toml").write_text(text, encoding="utf-8")
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
