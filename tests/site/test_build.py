"""What a site gets after either renderer, and what `check` says of it."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from analysis.project.errors import AnalysisError
from analysis.provenance import page
from analysis.site import build
from analysis.site.builtin import html
from analysis.study import results
from tests.conftest import PROJECT

PAGE = """<!DOCTYPE html><html lang="en"><head><title>A</title></head>
<body><main><h1>A page</h1><p>Its text.</p></main></body></html>"""


def test_the_account_has_every_file(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = tmp_path_factory.mktemp("pages")
    monkeypatch.setattr(page, "pages_folder", lambda: pages)
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text(PAGE, encoding="utf-8")
    (tmp_path / "llms.txt").write_text("# A\n", encoding="utf-8")
    found = results.load("bundled")
    assert page.values(found).t_shifted  # as a page shows it
    build.finish(tmp_path, found)
    assert "t_shifted" in json.loads((tmp_path / "provenance.json").read_text())["values"]
    assert "[provenance.json](provenance.json)" in (tmp_path / "llms.txt").read_text()
    crate = json.loads((tmp_path / "ro-crate-metadata.json").read_text(encoding="utf-8"))
    files = {one["name"]: one["sha256"] for one in crate["@graph"] if one["@type"] == "File"}
    assert set(files) == {"provenance.json", "llms.txt", "report/index.html"}
    assert files["llms.txt"] == hashlib.sha256((tmp_path / "llms.txt").read_bytes()).hexdigest()
    (tmp_path / "report" / "index.html").write_text('<a href="none.html">x</a>', encoding="utf-8")
    with pytest.raises(AnalysisError, match="broken link"):
        build.finish(tmp_path, found)


def test_a_page_without_a_policy_gets_one(tmp_path: Path) -> None:
    theirs = '<html><head>\n<meta charset="utf-8"><script>run()</script></head><body></body></html>'
    (tmp_path / "quarto.html").write_text(theirs, encoding="utf-8")
    strict = html.redirect("a.html")
    (tmp_path / "ours.html").write_text(strict, encoding="utf-8")
    build.protect(tmp_path)
    text = (tmp_path / "quarto.html").read_text(encoding="utf-8")
    assert text.index("charset") < text.index("Content-Security-Policy") < text.index("<script>")
    assert "script-src 'self' file: 'unsafe-inline'" in text and "default-src 'none'" in text
    assert (tmp_path / "ours.html").read_text(encoding="utf-8") == strict


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
