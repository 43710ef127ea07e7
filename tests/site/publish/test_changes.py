"""What changed in the results: which values and figures, and by how much."""

import json
from pathlib import Path

import pytest

from analysis.site.publish import changes

SVG = "<svg viewBox='0 0 4 2'>\n<metadata>{drawn}</metadata>\n<path d='{path}'/></svg>\n"


def built(folder: Path, values: dict[str, str], **paths: str) -> Path:
    """A site with values, name -> text, and figures, label -> path drawn."""
    figures = {}
    for name, path in paths.items():
        label = name.replace("_", "-")
        figures[label] = {"svg": f"{label}.svg"}
        folder.mkdir(exist_ok=True)
        (folder / f"{label}.svg").write_text(SVG.format(drawn=folder.name, path=path))
    content = {
        "values": {
            name: {"text": text, "meaning": f"what {name} is", "source": folder.name}
            for name, text in values.items()
        },
        "figures": figures,
    }
    (folder / "provenance.json").write_text(json.dumps(content))
    return folder


def test_what_differs(tmp_path: Path) -> None:
    old = built(
        tmp_path / "0.1", {"shift": "1.53", "same": "2.00", "gone": ""},
        fig_raps="M 0", fig_same="M 0", fig_gone="M 0",
    )  # fmt: skip
    new = built(
        tmp_path / "0.2", {"shift": "1.55", "same": "2.00", "added": "9"},
        fig_raps="M 1", fig_same="M 0", fig_added="M 0",
    )  # fmt: skip
    found = changes.compare(old, new)
    assert found is not None
    assert [(one.name, one.old, one.new) for one in found.values] == [
        ("added", None, "9"),
        ("gone", "", None),
        ("shift", "1.53", "1.55"),
    ]
    assert (found.values[1].meaning, found.values[2].source) == ("what gone is", "0.2")
    # fig-same says in its metadata that it was drawn for another version
    assert [(one.label, one.old, one.new) for one in found.figures] == [
        ("fig-added", None, "fig-added.svg"),
        ("fig-gone", "fig-gone.svg", None),
        ("fig-raps", "fig-raps.svg", "fig-raps.svg"),
    ]
    assert changes.compare(old, old) == changes.Change((), ())


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("1.53", "1.55", "+0.02"),
        ("\N{MINUS SIGN}0.61", "\N{MINUS SIGN}0.7", "\N{MINUS SIGN}0.09"),
        ("0.1", "0.3", "+0.2"),  # 0.3 - 0.1 is not 0.2 in binary
        ("1.5", "1.50", "+0.00"),
        ("10", "1e3", "+990"),
        ("[1, 2]", "[1, 3]", ""),
        (None, "1", ""),
        ("nan", "1", ""),
    ],
)
def test_difference(old: str | None, new: str | None, difference: str) -> None:
    assert changes.Value("x", old, new, "", "").difference == difference


@pytest.mark.parametrize(
    "text",
    [
        None, "{", "[]", '{"values": {}}', '{"values": {"a": {}}, "figures": {}}',
        '{"values": {}, "figures": {"a": {"svg": 1}}}',
    ],
)  # fmt: skip
def test_what_says_nothing_is_not_compared(
    tmp_path: Path, text: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    old, new = built(tmp_path / "0.1", {}, fig_a="M 0"), tmp_path / "dev"
    new.mkdir()
    if text is not None:
        (new / "provenance.json").write_text(text)
    assert changes.compare(old, new) is None
    assert "dev has no provenance.json to read; its results are not compared" in caplog.text
