"""What changed in the results: which values and figures, how it is counted, and the page."""

import copy
import hashlib
from pathlib import Path
from typing import Any

import pytest

from analysis.project.errors import AnalysisError
from analysis.site.publish import changes

SITE = {"title": "Spectra", "url": ""}
SVG = (
    '<?xml version="1.0"?>\n<svg width="20pt" viewBox="0 0 400.4 200" version="1.1">\n'
    "<metadata>{commit}</metadata>\n<path d='{path}'/></svg>\n"
)


def built(folder: Path, commit: str, **paths: str) -> dict[str, Any]:
    """A site's figures, label -> path drawn, and its provenance."""
    figures = {}
    for name, path in paths.items():
        label = name.replace("_", "-")
        content = SVG.format(commit=commit, path=path).encode()
        file = folder / "report" / "made" / f"{label}.svg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        figures[label] = {"svg": f"report/made/{label}.svg", "sha256": digest, "csv": "x"}
    values = {
        "shift_taef2": {"text": "1.53", "meaning": "shift of <taef2>", "source": "taef2.json"},
        "exponent": {"text": "\N{MINUS SIGN}0.61", "meaning": "exponent", "source": "fit"},
        "interval": {"text": "[1.44, 1.62]", "meaning": "interval", "source": "bootstrap"},
        "same": {"text": "2.00", "meaning": "the rule", "source": "rules.py"},
    }
    return {"version": "0", "commit": commit, "values": values, "figures": figures}


@pytest.fixture
def two(tmp_path: Path) -> tuple[tuple[str, Path, dict], tuple[str, Path, dict]]:
    old = built(tmp_path / "0.1", "aaaaaaa", fig_raps="M 0", fig_same="M 0", fig_gone="M 0")
    new = built(tmp_path / "0.2", "bbbbbbb", fig_raps="M 1", fig_same="M 0", fig_added="M 0")
    new["values"]["shift_taef2"]["text"] = "1.55"
    new["values"]["exponent"]["text"] = "\N{MINUS SIGN}0.7"
    new["values"]["interval"]["text"] = "[1.45, 1.62]"
    new["values"]["same"]["source"] = "moved.py"
    new["values"]["added"] = {"text": "9", "meaning": "", "source": ""}
    old["values"]["gone"] = {"text": "", "meaning": "", "source": ""}
    return ("0.1", tmp_path / "0.1", old), ("0.2", tmp_path / "0.2", new)


def test_what_differs(two) -> None:
    found = changes.compare(*two)
    assert [(one.name, one.old, one.new) for one in found.values] == [
        ("added", None, "9"),
        ("exponent", "\N{MINUS SIGN}0.61", "\N{MINUS SIGN}0.7"),
        ("gone", "", None),
        ("interval", "[1.44, 1.62]", "[1.45, 1.62]"),
        ("shift_taef2", "1.53", "1.55"),
    ]
    # fig-same is of another commit, which its metadata name, and the same drawing
    assert two[0][2]["figures"]["fig-same"]["sha256"] != two[1][2]["figures"]["fig-same"]["sha256"]
    assert [one.label for one in found.figures] == ["fig-added", "fig-gone", "fig-raps"]
    assert (found.same_values, found.same_figures) == (1, 1)
    assert found.sentence == "5 values and 3 figures differ."
    assert found.summary == {
        "old": "0.1", "new": "0.2", "page": "changes/0.1...0.2.html", "values": 5, "figures": 3,
    }  # fmt: skip


def test_where_files_are_missing_digests_decide(two) -> None:
    for _, folder, _ in two:
        (folder / "report" / "made" / "fig-same.svg").unlink()
    assert "fig-same" in [one.label for one in changes.compare(*two).figures]
    digests = [one[2]["figures"]["fig-same"] for one in two]
    digests[0]["sha256"] = digests[1]["sha256"]
    assert "fig-same" not in [one.label for one in changes.compare(*two).figures]


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("1.53", "1.55", "+0.02"),
        ("\N{MINUS SIGN}0.61", "\N{MINUS SIGN}0.7", "\N{MINUS SIGN}0.09"),
        ("0.1", "0.3", "+0.2"),  # 0.3 - 0.1 is not 0.2 in binary
        ("1.5", "1.50", "+0.00"),
        ("10", "1e3", "+990"),
        ("[1, 2]", "[1, 3]", ""),
        ("yes", "no", ""),
        (None, "1", ""),
        ("1", None, ""),
        ("nan", "1", ""),
    ],
)
def test_difference(old: str | None, new: str | None, difference: str) -> None:
    assert changes.Value("x", old, new, "", "").difference == difference


def test_the_page(two) -> None:
    text = changes.html(changes.compare(*two), SITE)
    plain = " ".join(text.split())
    assert "5 values and 3 figures differ. 1 value and 1 figure are as they were." in plain
    assert "<td>1.53</td><td>1.55</td><td>+0.02</td>" in text
    assert "shift of &lt;taef2&gt;" in text
    names = ("changed", "value-exponent", "value-interval", "new", "value-added")
    order = [text.index(f'id="{name}"') for name in names]
    assert order == sorted(order)
    assert 'src="../0.1/report/made/fig-raps.svg"' in text
    assert 'src="../0.2/report/made/fig-raps.svg"' in text
    assert 'width="400" height="200"' in text
    assert "../0.2/report/made/fig-gone.svg" not in text and "0.2: none" in text
    assert "fig-same" not in text and ">2.00<" not in text
    assert "<script src" not in text and "canonical" not in text
    known = changes.html(changes.compare(*two), SITE | {"url": "https://example.org/p/"})
    assert 'rel="canonical" href="https://example.org/p/changes/0.1...0.2.html"' in known


def test_nothing_differs(two) -> None:
    same = changes.compare(two[0], ("dev", *two[0][1:]))
    assert (same.values, same.figures, same.same_values, same.same_figures) == ((), (), 5, 3)
    text = changes.html(same, SITE)
    assert "No value and no figure differs." in text
    assert "<table" not in text and 'id="figures"' not in text
    assert "to the working state" in text


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (("values",), "has no 'values'"),
        (("figures",), "has no 'figures'"),
        (("values", "same", "text"), "values.same lacks 'text'"),
        (("figures", "fig-raps", "svg"), "figures.fig-raps lacks 'svg'"),
        (("figures", "fig-raps", "sha256"), "figures.fig-raps lacks 'sha256'"),
    ],
)
def test_a_provenance_that_cannot_be_compared(two, path: tuple[str, ...], said: str) -> None:
    content = copy.deepcopy(two[0][2])
    changes.check("0.1", content)
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    with pytest.raises(AnalysisError, match=f"of 0.1.*{said}.*build it again"):
        changes.check("0.1", content)
    inner[path[-1]] = 1
    with pytest.raises(AnalysisError, match=said):
        changes.check("0.1", content)
