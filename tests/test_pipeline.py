"""The whole pipeline on photographs made here: one command, from pixels to the page and the PDF.

First a page with a figure, a table and a number, in seconds: who breaks the build sees it at once.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader

from tests.conftest import PROJECT, Said, synthetic_photograph

TITLE = "Four fields that nobody photographed"
STUDY = """
title = "{title}"
images = "{folder}"
encoders = ["pixel", "linear-f8c16"]
display_encoder = "linear-f8c16"
resolutions = [96, 192]
seed = 11

[bands]
low = 0.5
middle = 0.75
"""


SITE = """
project: {type: website, output-dir: _site, execute-dir: project, render: ["/report/*.qmd"]}
execute: {echo: false}
"""
PAGE = """---
title: One page
format: {html: default, typst: {output-file: one.pdf}}
---

```{python}
#| include: false
from analysis.provenance import page
from analysis.study import results

r = results.load()
v, figures, tables = page.values(r), page.Figures(r), page.Tables(r)
```

Seen in @fig-raps, told in @tbl-shift, pixels ask for `{python} v.shift_pixel`.

::: {#fig-raps}

```{python}
figures.show("fig-raps")
```

Power by frequency.

:::

::: {#tbl-shift}

```{python}
tables.show("tbl-shift")
```

Shifts by band.

:::
"""


class Words(HTMLParser):
    """What a reader sees of a page, and its pictures."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.pictures.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_a_page_shows_what_was_computed(
    computed: Path, call: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))  # of the kernel
    (computed / "report").mkdir()
    (computed / "report" / "index.qmd").write_text(PAGE, encoding="utf-8")
    (computed / "_quarto.yml").write_text(SITE, encoding="utf-8")
    code, out, err = call("build", "--renderer", "builtin")
    assert code == 0, err
    assert "nothing to compute" in out and "_site/report/one.pdf\n" in out
    site = computed / "_site"
    account = json.loads((site / "provenance.json").read_text(encoding="utf-8"))
    assert set(account["figures"]) == {"fig-raps"} and set(account["tables"]) == {"tbl-shift"}
    (shift,) = account["values"].values()
    html = Words((site / "report" / "index.html").read_text(encoding="utf-8"))
    paper = " ".join(sheet.extract_text() for sheet in PdfReader(site / "report/one.pdf").pages)
    for text in (html.text, " ".join(paper.split())):
        assert re.search(rf"pixels ask for {re.escape(shift['text'])} ?\.", text)
    assert html.pictures  # several, for phones and the dark
    for picture in html.pictures:
        assert picture["alt"] and (site / "report" / str(picture["src"])).stat().st_size > 1000


@pytest.fixture
def place(project: Path) -> Path:
    """The tiny project with the page of the chosen study, and a study of a folder of JPEGs."""
    folder = project / "photographs of mine"
    folder.mkdir()
    for seed in range(4):
        picture = Image.fromarray(synthetic_photograph(60 + seed, 208, 2.4))
        picture.save(folder / f"field {seed}.jpg", quality=95)
    study = STUDY.format(title=TITLE, folder=folder)
    (project / "data" / "studies" / "whole.toml").write_text(study, encoding="utf-8")
    unwanted = shutil.ignore_patterns("made")
    shutil.copytree(PROJECT / "report", project / "report", ignore=unwanted)
    for name in (
        "index",
        "original",
        "paper",
        "settings",
        "reference",
        "encoders",
        "survey",
    ):  # are about results that this project does not have
        (project / "report" / f"{name}.qmd").write_text("---\ntitle: P\n---\n", encoding="utf-8")
    sounds = project / "data" / "results" / "sound"
    shutil.copytree(PROJECT / "data" / "results" / "sound", sounds)
    for name in ("_quarto.yml", "CITATION.cff"):
        shutil.copyfile(PROJECT / name, project / name)
    return project


def run(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "analysis", *arguments, "--study", "whole"],
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_from_photographs_to_the_paper_in_one_command(place: Path) -> None:
    done = run(place, "build", "--renderer", "builtin")
    assert done.returncode == 0, done.stderr
    assert "field 0  " in done.stdout
    assert " steps computed\n" in done.stdout
    assert "_site/report/study.html\n" in done.stdout
    assert "_site/report/study.pdf\n" in done.stdout
    assert "warning" not in done.stderr
    assert "rendering study 'whole' with builtin\n" in done.stderr

    shift = run(
        place, "recommend", "--encoder", "pixel", "--from", "96", "--to", "192", "--format", "json"
    )
    found = json.loads(shift.stdout)
    assert found["origin"] == "stored"
    assert found["measured"] == pytest.approx(2.0, rel=0.05)
    low, high = found["interval"]
    decimals = 3 if high - low < 0.02 else 2  # a narrow interval shows its width
    numbers = [f"{x:.{decimals}f}" for x in (found["measured"], low, high)]
    measured = f"{numbers[0]} [{numbers[1]}, {numbers[2]}]"

    site = place / "_site"
    page = Words((site / "report" / "study.html").read_text(encoding="utf-8"))
    paper = " ".join(
        " ".join(sheet.extract_text().split())
        for sheet in PdfReader(site / "report/study.pdf").pages
    )
    for text in (page.text, re.sub(r"-\s", "", paper)):
        assert TITLE in text
        assert measured in text
    assert all(picture.get("alt") for picture in page.pictures)
    assert (site / "index.html").is_file()
    assert (site / "data/results/sound/noise-fine.wav").is_file()
    for name in ("index", "reproduce"):
        assert (site / "report" / f"{name}.html").is_file()

    again = run(place, "compute")
    assert again.returncode == 0
    assert "nothing to compute" in again.stdout
    checked = run(place, "check")
    assert checked.returncode == 0, checked.stdout
    assert "site: every internal link in _site leads somewhere" in checked.stdout
