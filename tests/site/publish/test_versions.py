"""Versions side by side: their order, which is the newest, and which are compared."""

import json
import random
from pathlib import Path

import packaging.version
import pytest

from analysis.project import placement
from analysis.project.errors import AnalysisError, InputError
from analysis.site.publish import versions
from analysis.site.publish.versions import Published


def one(name: str) -> Published:
    return Published(
        name=name, date="2026-11-23T00:00:00Z", commit="", site="", title="T", first="index.html",
        pages=("index.html",),
    )  # fmt: skip


ASCENDING = ["0.1.0", "0.2.0rc1", "0.2.0", "0.9.0", "0.10.0", "1.0.0a1", "1.0.0rc1"]


def test_order_is_of_pep_440_with_dev_last() -> None:
    found = [one(name) for name in [*ASCENDING, "dev"]]
    random.Random(0).shuffle(found)
    assert [each.name for each in versions.ordered(found)] == [*ASCENDING[::-1], "dev"]
    assert sorted(ASCENDING, key=packaging.version.Version) == ASCENDING
    assert sorted(ASCENDING) != ASCENDING  # 0.10 is not above 0.9 as a text


def test_kinds() -> None:
    found = [one(name) for name in [*ASCENDING, "dev"]]
    kinds = {each.name: versions.kind(each, found) for each in found}
    assert kinds.pop("0.10.0") == "newest"
    assert kinds.pop("dev") == "dev"
    assert {name for name, kind in kinds.items() if kind == "pre-release"} == {
        "1.0.0a1", "1.0.0rc1",
    }  # fmt: skip
    assert kinds["0.2.0rc1"] == "old"
    only = [one("0.1.0rc1"), one("dev")]
    assert versions.newest(only) is None
    assert versions.kind(only[0], only) == "pre-release"


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ([], []),
        (["dev"], []),
        (["0.1"], []),
        (["0.1", "dev"], [("0.1", "dev")]),
        (["0.1rc1", "dev"], [("0.1rc1", "dev")]),
        (["0.1", "0.2", "0.3"], [("0.2", "0.3"), ("0.1", "0.3"), ("0.1", "0.2")]),
        (["0.1", "0.2", "0.3rc1", "dev"], [("0.2", "0.3rc1"), ("0.1", "0.2"), ("0.2", "dev")]),
    ],
)
def test_pairs(names: list[str], wanted: list[tuple[str, str]]) -> None:
    assert versions.pairs([one(name) for name in names]) == wanted


@pytest.mark.parametrize(
    ("given", "wanted"), [("v0.2", "0.2"), ("0.3-rc.1", "0.3rc1"), ("1.0.0", "1.0.0")]
)
def test_spelling(given: str, wanted: str) -> None:
    assert versions.normal(given) == wanted


@pytest.mark.parametrize("given", ["dev", "latest", "", "0.1/../x", "one"])
def test_no_version(given: str) -> None:
    with pytest.raises(InputError, match=r"is no version: .* --dev"):
        versions.normal(given)


def test_reading(tmp_path: Path) -> None:
    for name in ("0.1", "latest", "0.2"):
        (tmp_path / name).mkdir()
        text = one("0.2" if name == "latest" else name).model_dump_json()
        (tmp_path / name / versions.MARKER).write_text(text)
    (tmp_path / "pictures").mkdir()
    assert [each.name for each in versions.read(tmp_path)] == ["0.2", "0.1"]
    assert versions.read(tmp_path)[1] == one("0.1")
    marker = tmp_path / "0.1" / versions.MARKER
    later = json.loads(marker.read_text()) | {"doi": "10.5281/zenodo.1"}
    marker.write_text(json.dumps(later))
    assert versions.read(tmp_path)[1] == one("0.1")  # what a later package adds is passed over


@pytest.mark.parametrize("text", ["{", "{}", one("0.3").model_dump_json(), "[]"])
def test_a_damaged_marker_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "0.1").mkdir()
    (tmp_path / "0.1" / versions.MARKER).write_text(text)
    with pytest.raises(AnalysisError, match=r"0\.1/version\.json cannot be used .*restore it"):
        versions.read(tmp_path)


def test_provenance(tmp_path: Path) -> None:
    assert versions.provenance(tmp_path) is None
    path = tmp_path / versions.PROVENANCE
    path.write_text('{"values": {}}')
    assert versions.provenance(tmp_path) == {"values": {}}
    for text in ("{", "[]"):
        path.write_text(text)
        with pytest.raises(AnalysisError, match="build the site again"):
            versions.provenance(tmp_path)


def test_digest_tells_names_and_contents(tmp_path: Path) -> None:
    seen = {placement.digest(tmp_path / "site")}
    for name, text in (("a/b", "1"), ("a/b", "2"), ("a/c", "2"), ("ab", "2"), ("a/b", "")):
        folder = tmp_path / str(len(seen))
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
        seen.add(placement.digest(folder))
    assert len(seen) == 6
    again = tmp_path / "again"
    (again / "a").mkdir(parents=True)
    (again / "a" / "b").write_text("1")
    (again / "empty").mkdir()  # git keeps no empty folder
    assert placement.digest(again) == placement.digest(tmp_path / "1")
