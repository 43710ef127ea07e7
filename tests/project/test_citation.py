"""How to cite: the file is read, and its sentence and its entry say what it says."""

import datetime
import json
import subprocess
from pathlib import Path

import pytest

from analysis.project import citation
from analysis.project.errors import InputError
from analysis.project.files import root
from analysis.site.builtin import pandoc

WHOLE = """
cff-version: 1.2.0
title: The software
authors: [{name: A group}]
version: 1.2.3
date-released: 2026-11-23
doi: 10.5281/zenodo.1
keywords: [a, b]
"""
PAPER = """
preferred-citation:
  type: report
  title: "50 % of R&D: a paper_title"
  authors:
    - {family-names: Mühlberg, given-names: Ada, orcid: "https://orcid.org/0000-0001-2345-6789"}
    - {name: The B group}
  year: 2027
  doi: https://doi.org/10.5281/zenodo.2
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "CITATION.cff"


def entry(bibtex: str) -> dict[str, object]:
    """An entry as pandoc, another reader of BibTeX, understands it."""
    done = subprocess.run(
        [pandoc.program(), "--from=bibtex", "--to=csljson"],
        input=bibtex, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)[0]


def test_software_is_cited_where_no_paper_is_preferred(file: Path) -> None:
    file.write_text(WHOLE)
    cited = citation.read(file)
    assert cited.date == datetime.date(2026, 11, 23)
    assert citation.text(cited) == (
        "A group (2026). The software. Version 1.2.3. https://doi.org/10.5281/zenodo.1"
    )
    read = entry(citation.bibtex(cited))
    assert read["author"] == [{"literal": "A group"}]
    assert read["title"] == "The software"
    assert read["DOI"] == "10.5281/zenodo.1"
    assert read["id"] == "agroup2026"


def test_the_preferred_citation_is_cited(file: Path) -> None:
    file.write_text(WHOLE + PAPER, encoding="utf-8")
    cited = citation.read(file)
    assert cited.authors[0].orcid == "0000-0001-2345-6789"
    read = entry(citation.bibtex(cited))
    assert read["title"] == "50 % of R&D: a paper_title"
    assert read["author"] == [
        {"family": "Mühlberg", "given": "Ada"}, {"literal": "The B group"}
    ]  # fmt: skip
    assert read["issued"] == {"date-parts": [[2027]]}
    assert read["id"] == "muhlberg2027"
    assert "Ada Mühlberg and The B group (2027)." in citation.text(cited)


def test_a_doi_is_shown_only_if_there_is_one(file: Path) -> None:
    file.write_text(WHOLE.replace("doi:", "abstract:"))
    assert "doi" not in citation.box(citation.read(file)).lower()
    file.write_text(WHOLE)
    assert "](https://doi.org/10.5281/zenodo.1)" in citation.box(citation.read(file))


def test_the_repositorys_own_file_can_be_cited() -> None:
    cited = citation.read()
    assert cited.title in (root() / "CITATION.cff").read_text(encoding="utf-8")
    assert entry(citation.bibtex(cited))["title"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: [", "not valid YAML"),
        ("- a", "'key: value'"),
        ("title: A", "'title' and 'authors' are needed"),
        ("title: A\nauthors: [{given-names: B}]", "neither 'name' nor"),
        ("title: A\nauthors: [B]", "is a mapping"),
    ],
)
def test_what_cannot_be_cited_is_said(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        citation.read(file)
    file.unlink()
    with pytest.raises(InputError, match="no such file"):
        citation.read(file)
