"""Versions side by side: their order, which is the newest, and which are compared."""

import dataclasses
import json
import random
from pathlib import Path

import packaging.version
import pytest

from analysis.project.errors import AnalysisError, InputError
from analysis.site.publish import versions
from analysis.site.publish.versions import Published

ASCENDING = ["0.1.0", "0.2.0rc1", "0.2.0", "0.9.0", "0.10.0", "1.0.0a1", "1.0.0rc1"]


def one(name: str) -> Published:
    return Published(name, "2026-11-23T00:00:00Z", "", "digest")


def marker(name: str, **more: str) -> str:
    return json.dumps(dataclasses.asdict(one(name)) | more)


def test_order_is_of_pep_440_with_dev_last(tmp_path: Path) -> None:
    found = [one(name) for name in [*ASCENDING, "dev"]]
    random.Random(0).shuffle(found)
    listed = versions.ordered(found)
    assert [each.name for each in listed] == [*ASCENDING[::-1], "dev"]
    assert sorted(ASCENDING, key=packaging.version.Version) == ASCENDING
    assert sorted(ASCENDING) != ASCENDING  # 0.10 is not above 0.9 as a text
    content = versions.listing(listed, dict.fromkeys([*ASCENDING, "dev"], tmp_path))
    assert content["latest"] == "0.10.0"
    assert {row["name"]: row["kind"] for row in content["versions"]} == {
        **dict.fromkeys(ASCENDING, "old"),
        "0.10.0": "newest",
        "1.0.0a1": "pre-release",
        "1.0.0rc1": "pre-release",
        "dev": "dev",
    }


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ([], {}),
        (["dev"], {"dev": None}),
        (["dev", "0.1rc1"], {"0.1rc1": None, "dev": "0.1rc1"}),
        (["0.1", "0.2"], {"0.2": "0.1", "0.1": None}),
        (
            ["0.1", "0.2", "0.3rc1", "dev"],
            {"0.3rc1": "0.2", "0.2": "0.1", "0.1": None, "dev": "0.2"},
        ),
    ],
)
def test_pairs(names: list[str], wanted: dict[str, str | None]) -> None:
    assert versions.pairs(versions.ordered(map(one, names))) == wanted


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
        text = marker("0.2" if name == "latest" else name, doi="of a later package")
        (tmp_path / name / versions.MARKER).write_text(text)
    (tmp_path / "pictures").mkdir()
    assert versions.read(tmp_path) == [one("0.2"), one("0.1")]


@pytest.mark.parametrize("text", ["{", "{}", marker("0.3"), "[]"])
def test_a_damaged_marker_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "0.1").mkdir()
    (tmp_path / "0.1" / versions.MARKER).write_text(text)
    with pytest.raises(AnalysisError, match=r"0\.1/version\.json cannot be used .*restore it"):
        versions.read(tmp_path)
