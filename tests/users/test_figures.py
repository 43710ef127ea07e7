"""What a user reads of their own pictures: intervals, figures, captions and tables; fresh each."""

import csv
import re
from pathlib import Path
from typing import Any

import html5lib
import pytest
from PIL import Image

from tests.conftest import synthetic_photograph
from tests.standins.fresh import User


def pictures(folder: Path, count: int, side: int = 160) -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        picture = synthetic_photograph(number, side, gamma=1.6 + 0.4 * number)
        Image.fromarray(picture).save(folder / f"{'abcdef'[number]}.png")
    return folder


STUDY = """
title = "Three of mine"
images = "{folder}"
encoders = ["linear-f8c16"]
display_encoder = "linear-f8c16"
resolutions = [64, 256, 384]
windows = [{{kind = "none"}}, {{beta = 2.0}}, {{}}]

[[variations]]
name = "dead-leaves"
images = "dead-leaves"
"""
# What the bundled study has and this one has not; and where a caption states it of others' work.
BUNDLED = re.compile(r"\b(512|1024|taef2|sixteen|four windows|learned encoder|one and a half)\b")
PUBLISHED = ("Published rules: the ratio", "SD3’s shift is stated for 1024²")


def text(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def levels(figures: Path, figure: str, series: str) -> set[float]:
    """The heights at which lines of a series lie, of what a figure draws."""
    with (figures / f"{figure}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return {float(row["y"]) for row in rows if row["series"] == series}


def test_the_page_of_another_study_says_nothing_of_the_bundled_one(
    user: User, tmp_path: Path
) -> None:
    folder = pictures(tmp_path / "mine", 3, side=400)
    user.write("data/studies/mine.toml", STUDY.format(folder=folder))
    said = user.run("build", "--study", "mine", "--renderer", "builtin")
    assert said.code == 0, said.all
    report = user.project / "_site" / "report"
    page = html5lib.parse((report / "study.html").read_text("utf-8"), namespaceHTMLElements=False)
    captions = [text(one) for one in page.iter("figcaption")]
    alts = [one.get("alt") for one in page.iter("img") if one.get("alt")]
    assert len(alts) > 20 and len(captions) > 25
    for said_of in [*captions, *alts]:
        own = said_of if not any(what in said_of for what in PUBLISHED) else ""
        assert not BUNDLED.search(own), said_of
    body = text(page)
    assert "the reference against which" not in body  # there are no pixels
    assert "`pixel`" not in body and "taef2 is a small network" not in body
    assert any("fewer than 4" in alt for alt in alts)  # three images: that figure is a notice

    # Tables: nothing is left blank that has a reason.
    (measures,) = [
        table
        for table in page.iter("table")
        if "C / stride" in text(table) and "coh" in text(table)
    ]
    cells = [text(cell) for cell in measures.iter() if cell.tag in ("td", "th")]
    assert all(cells)
    assert cells[cells.index("linear-f8c16") + 6] == "too small"
    assert cells[6:8] == ["s, 64 → 256", "s, 256 → 384"]

    # What is drawn: the rule of what the axis says.
    made = report / "made" / "mine"
    for figure, rule in (("fig-encoders", "2"), ("fig-measured-shift", "1.5")):  # per doubling; own
        assert f"# square-root rule: {rule}\n" in (made / f"{figure}.csv").read_text("utf-8")
    alone = {m: levels(made, "fig-channel-rule", f"order {m}, order alone") for m in range(4)}
    found = {m: heights.pop() for m, heights in alone.items() if heights}
    assert found[0] == 1.5 and len(found) > 1
    assert found == pytest.approx({m: 1.5 ** (1 - m) for m in found})
    assert not any(alone.values())  # one height each
