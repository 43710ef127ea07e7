"""What a site gets after either renderer, and when."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from analysis.project.errors import InputError
from analysis.provenance.account import identity
from analysis.site import build
from analysis.study import results
from tests.conftest import PROJECT

PAGE = """<!DOCTYPE html><html lang="en"><head><title>A</title>
<meta name="description" content="What it is."></head>
<body><main><h1>A page</h1><p>Its text.</p></main></body></html>"""


@pytest.fixture(scope="module")
def finish() -> build.Finish:
    return build.Finish(results.load("bundled"))


def test_everything_is_there_and_digested(finish: build.Finish, tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text(PAGE, encoding="utf-8")
    finish.pages(tmp_path)
    assert "Its text." in (tmp_path / "report" / "index.md").read_text(encoding="utf-8")
    listed = (tmp_path / "llms.txt").read_text(encoding="utf-8")
    assert "[A page](report/index.md): What it is." in listed
    assert "(provenance.json)" in listed
    # What comes later, as the PDF does, is in the crate only when all is told to be there.
    (tmp_path / "report" / "paper.pdf").write_bytes(b"%PDF")

    def files() -> set[str]:
        crate = json.loads((tmp_path / "ro-crate-metadata.json").read_text(encoding="utf-8"))
        return {one["name"] for one in crate["@graph"] if one["@type"] == "File"}

    assert "report/paper.pdf" not in files()
    finish.whole(tmp_path)
    assert files() == {
        "provenance.json", "llms.txt", "report/index.html", "report/index.md", "report/paper.pdf",
    }  # fmt: skip


def test_what_takes_long_is_kept(tmp_path: Path) -> None:
    finish, kept = build.Finish(results.load("bundled")), {}

    def keep(kind, told, make):
        kept[kind] = told, make()
        return kept[kind][1] if kind != "values" else {"t": {"text": "what was kept"}}

    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text(PAGE, encoding="utf-8")
    finish.early(keep)
    finish.pages(tmp_path, keep)
    assert set(kept) == {"values", "copy-index-0"}
    told, values = kept["values"]
    assert json.loads(json.dumps(told)) == told
    assert "t_shifted" in values
    account = json.loads((tmp_path / "provenance.json").read_text(encoding="utf-8"))
    assert account["values"] == {"t": {"text": "what was kept"}}


def test_other_results_have_another_identity() -> None:
    found = results.load("bundled")
    other = dataclasses.replace(found, measured=dict(list(found.measured.items())[:1]))
    assert identity(found) == identity(results.load("bundled"))
    assert identity(found) != identity(other)


def test_a_site_without_pages_is_none(finish: build.Finish, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pages in its report/"):
        finish.pages(tmp_path)


def test_pages_references_and_links(project: Path) -> None:
    def wrong() -> list[str]:
        return [one.text for one in build.look(project) if one.wrong]

    (only,) = build.look(project)
    assert (only.text, only.wrong) == ("there is no _quarto.yml, so there are none", False)
    corpus = PROJECT / "tests" / "pages" / "project"
    shutil.copytree(corpus, project, dirs_exist_ok=True)
    assert wrong() == []
    assert [one.text for one in build.look(project) if one.part == "site"] == ["not built"]
    site = project / "_site"
    site.mkdir()
    (site / "index.html").write_text('<a href="gone.html">x</a>', encoding="utf-8")
    assert wrong() == ["index.html:1: gone.html: no such file"]
    page = next((project / "report").glob("*.qmd"))
    page.write_text(page.read_text(encoding="utf-8") + "\nSee @fig-none.\n", encoding="utf-8")
    assert any("fig-none" in text for text in wrong())
