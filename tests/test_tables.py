"""Tables: the rows are the results, and Markdown survives what is in the cells."""

import math
import re

import pytest

from analysis import formatting, literature, results, tables


@pytest.fixture(scope="module")
def loaded() -> results.Results:
    return results.load("bundled")


def cells(table: str) -> list[list[str]]:
    """Rows of a pipe table without the rule under its header."""
    lines = table.splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in [lines[0], *lines[2:]]
    ]


def test_table_has_one_width() -> None:
    made = tables.table(["a", "b|c"], [["1", "2"], ["3", "4"]], "lr")
    assert made.splitlines()[1] == "| :--- | ---: |"
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in made.splitlines()} == {3}


def test_shift_table(loaded: results.Results) -> None:
    rows = cells(tables.table_shift(loaded))[1:]
    assert len(rows) == 4 * len(loaded.measured)
    for row, measured in zip(rows[3::4], loaded.measured.values(), strict=True):
        assert row[0] == f"`{measured.card.name}`"
        assert f"{row[3]} {row[4]}" == formatting.estimate(measured.shift.whole)
        assert row[5] == f"{measured.shift.exponent:.2f}"


def test_recommended_is_the_rule_and_each_measured_shift(loaded: results.Results) -> None:
    rule, *rows = cells(tables.table_recommended(loaded))[1:]
    assert rule == ["square-root rule", "2.00", "", "1.00", "−0.693"]  # -ln 2
    for row, measured in zip(rows, loaded.measured.values(), strict=True):
        assert f"{row[1]} {row[2]}" == formatting.estimate(measured.shift.whole)
        assert row[4] == formatting.plain(-math.log(measured.shift.whole.value), 3)


def test_encoders_table_says_where(loaded: results.Results) -> None:
    for row, measured in zip(
        cells(tables.table_encoders(loaded))[1:], loaded.measured.values(), strict=True
    ):
        assert (
            row[-1]
            == {"computed": "computed here", "committed": "committed results"}[measured.origin]
        )


def test_photographs_are_credited(loaded: results.Results) -> None:
    rows = cells(tables.table_photographs(loaded))[1:]
    assert [row[0] for row in rows] == [photo.title for photo in loaded.photographs]
    assert all(row[1] and row[2] for row in rows)


def test_rules_are_verified_and_ascending() -> None:
    rows = cells(tables.table_rules())[1:]
    ratios = [float(row[1]) for row in rows]
    assert ratios == sorted(ratios)
    assert len(rows) == len(literature.shown())
    names = {rule.key for rule in literature.rules()}
    assert names >= literature.REPEATS, "a repeated row that is not in the table"


def test_settings_name_the_shift() -> None:
    assert "shift=3" in tables.table_settings(2.0, 1.5)


def test_windows_table(loaded: results.Results) -> None:
    rows = cells(tables.table_windows(loaded))[1:]
    windows = [window.text for window in loaded.study.windows]
    assert [row[1] for row in rows] == windows * len(loaded.measured)
    own = windows.index(loaded.study.window.text)
    for row, measured in zip(rows[own :: len(windows)], loaded.measured.values(), strict=True):
        assert f"{row[3]} {row[4]}" == formatting.estimate(measured.shift.whole)
