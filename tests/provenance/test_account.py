"""The site's account of itself, and the same as an RO-Crate: complete, sound and repeatable."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from analysis.paper import values
from analysis.provenance import page
from analysis.provenance.account import CRATE, PROVENANCE, refresh, write
from analysis.study import results
from analysis.study.store import Store


@pytest.fixture(scope="module")
def loaded() -> results.Results:
    return results.load("bundled")


@pytest.fixture(scope="module")
def site(loaded: results.Results, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A site with two figures."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "pages_folder", lambda: folder / "report")
        figures = page.Figures(loaded, Store(folder.parent / "store"))
        figures.show("fig-raps")
        figures.show("fig-time-density")
        page.Tables(loaded).show("tbl-shift")
        v = page.values(loaded)
        assert v.shift_taef2 and v.seed
        (folder / "report" / "a page.html").write_text("<p>", encoding="utf-8")
        yield folder


@pytest.fixture(scope="module")
def written(site: Path, loaded: results.Results) -> tuple[dict[str, Any], dict[str, Any]]:
    paths = write(site, loaded)
    assert [path.name for path in paths] == ["provenance.json", "ro-crate-metadata.json"]
    account, graph = (json.loads(path.read_text(encoding="utf-8")) for path in paths)
    return account, graph


def entities(graph: dict[str, Any]) -> dict[str, Any]:
    return {one["@id"]: one for one in graph["@graph"]}


def references(value: Any) -> list[str]:
    """Every ``{"@id": …}`` below an entity's properties."""
    if isinstance(value, dict):
        if set(value) == {"@id"}:
            return [value["@id"]]
        return [one for item in value.values() for one in references(item)]
    return [one for item in value for one in references(item)] if isinstance(value, list) else []


def test_all_that_the_site_shows(
    written: tuple[dict[str, Any], dict[str, Any]], site: Path, loaded: results.Results
) -> None:
    account, _ = written
    key = loaded.measured["taef2"].provenance["key"]
    shift = account["values"]["shift_taef2"]
    assert shift["text"] == values.of(loaded).value("shift_taef2").text
    assert shift["meaning"] and shift["source"].startswith("analysis/study/measurement.py:")
    assert shift["results"] == {"taef2": key}
    assert account["values"]["seed"]["results"] == {}
    assert sorted(account["values"]) == ["seed", "shift_taef2"]
    assert sorted(account["figures"]) == ["fig-raps", "fig-time-density"]
    found = account["figures"]["fig-raps"]
    assert hashlib.sha256((site / found["svg"]).read_bytes()).hexdigest() == found["sha256"]
    assert set(found["results"]) <= set(account["results"])
    assert set(found["photographs"]) <= set(account["photographs"])
    assert account["tables"]["tbl-shift"]["results"] == list(loaded.measured)
    assert account["results"]["taef2"]["key"] == key
    assert set(account["results"]) >= {*loaded.measured, "display", "leakage", "experiment"}
    assert "paper" not in account


def test_the_crate_is_one_by_its_specification(
    written: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    _, graph = written
    found = entities(graph)
    assert len(found) == len(graph["@graph"]), "an @id is there twice"
    descriptor = found["ro-crate-metadata.json"]
    assert descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"]["@id"].startswith("https://w3id.org/ro/crate/1.")
    for required in ("name", "description", "datePublished", "license", "hasPart"):
        assert found["./"][required], required
    for one in graph["@graph"]:
        assert one["@type"], one["@id"]
        for reference in references({k: v for k, v in one.items() if k != "@id"}):
            known = reference in found or reference.startswith("https://w3id.org/")
            assert known, f"{one['@id']} refers to {reference}, which is not in the crate"


def test_files_are_there_with_their_hashes(
    written: tuple[dict[str, Any], dict[str, Any]], site: Path
) -> None:
    _, graph = written
    files = [one for one in graph["@graph"] if one["@type"] == "File"]
    there = {p.relative_to(site).as_posix() for p in site.rglob("*") if p.is_file()}
    assert {unquote(one["@id"]) for one in files} == there - {"ro-crate-metadata.json"}
    assert "report/a%20page.html" in entities(graph)
    for one in files:
        content = (site / unquote(one["@id"])).read_bytes()
        assert one["sha256"] == hashlib.sha256(content).hexdigest()
        assert one["contentSize"] == str(len(content))


def test_a_changed_site_is_described_anew(
    written: tuple[dict[str, Any], dict[str, Any]], site: Path, tmp_path: Path
) -> None:
    assert refresh(tmp_path) is None
    page = site / "report" / "a page.html"
    page.write_text("<p>other", encoding="utf-8")
    assert refresh(site) == site / CRATE
    graph = json.loads((site / CRATE).read_text(encoding="utf-8"))
    assert (
        entities(graph)["report/a%20page.html"]["sha256"] == hashlib.sha256(b"<p>other").hexdigest()
    )
    assert graph["@context"] == written[1]["@context"]


def test_the_paper_is_told_beside_another_study(
    site: Path, loaded: results.Results, tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in (site / PROVENANCE, site / CRATE)}
    other = loaded.study.model_copy(update={"name": "mine", "title": "Mine"})
    theirs = dataclasses.replace(loaded, study=other)
    page.Figures(theirs, Store(tmp_path)).show("fig-time-density")
    account, graph = (json.loads(path.read_text(encoding="utf-8")) for path in write(site, theirs))
    assert (account["study"]["name"], account["paper"]["study"]["name"]) == ("mine", "bundled")
    (own,), paper = account["figures"].values(), account["paper"]["figures"]
    assert own["svg"] == "report/made/mine/fig-time-density.svg"
    assert paper["fig-time-density"]["svg"] == "report/made/fig-time-density.svg"
    assert account["values"] == account["tables"] == {}
    drawn = entities(graph)["#paper-draw-fig-raps"]
    assert {"@id": f"#paper-result-{loaded.study.display_encoder}"} in drawn["object"]
    found = entities(graph)
    assert len(found) == len(graph["@graph"])
    assert all(one["@id"] in found for one in found["./"]["mentions"] + drawn["object"])
    for path, content in before.items():
        path.write_bytes(content)
