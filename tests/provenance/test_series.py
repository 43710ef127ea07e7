"""The CSV of a figure holds what was given to matplotlib, under the names a reader sees."""

import csv
import math

import numpy as np
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.provenance import series

X = np.array([1.0, 2.0, 4.0])


def rows(figure: Figure) -> list[dict[str, str]]:
    """The rows of a figure's CSV."""
    text = series.table(figure)
    return list(csv.DictReader(line for line in text.splitlines() if line[0] != "#"))


def column(found: list[dict[str, str]], name: str, of: str = "") -> list[float]:
    """Numbers of a column, nan where it is empty; of one series if it is named."""
    chosen = [row for row in found if not of or row["series"] == of]
    return [float(row[name]) if row[name] else math.nan for row in chosen]


def one() -> tuple[Figure, series.Axes]:
    """A figure with one panel."""
    figure = Figure()
    return figure, figure.subplots()


def test_a_curve_with_its_band() -> None:
    figure, ax = one()
    ax.plot(X, X**2, label="squares", color="C1")
    ax.fill_between(X, X**2 - 1, X**2 + X, color="C1", alpha=0.2)
    found = rows(figure)
    assert {row["series"] for row in found} == {"squares"}
    assert column(found, "x") == X.tolist()
    assert column(found, "y") == (X**2).tolist()
    assert column(found, "lower") == (X**2 - 1).tolist()
    assert column(found, "upper") == (X**2 + X).tolist()


def test_a_band_of_another_colour_is_a_series_of_its_own() -> None:
    figure, ax = one()
    ax.plot(X, X, label="line", color="C1")
    ax.fill_between(X, -X, X, color="C2", label="_band")
    found = rows(figure)
    assert column(found, "lower", "band") == (-X).tolist()
    assert all(map(math.isnan, column(found, "lower", "line")))


def test_error_bars_and_the_names_at_ticks() -> None:
    figure, ax = one()
    ax.errorbar([0.1, 0.9], [2, 3], yerr=[[0.5, 1], [0.25, 2]], label="shift", capsize=3)
    ax.set_xticks([0, 1], ["pixel", "taef2"])
    found = rows(figure)
    assert [row["category"] for row in found] == ["pixel", "taef2"]
    assert column(found, "lower") == [1.5, 2]
    assert column(found, "upper") == [2.25, 5]
    assert {row["series"] for row in found} == {"shift"}


def test_lines_across_and_spans_have_one_coordinate() -> None:
    figure, ax = one()
    ax.axhline(2, label="_rule")
    ax.axvline(3, label="_edge")
    ax.axvspan(4, 5, label="_interval")
    found = rows(figure)
    assert [(row["series"], row["x"], row["y"]) for row in found] == [
        ("rule", "", "2"), ("edge", "3", ""), ("interval", "4", ""), ("interval", "5", ""),
    ]  # fmt: skip


def test_a_curve_without_a_label_takes_the_legend_s_of_its_look() -> None:
    figure, ax = one()
    ax.plot(X, X, color="C3", ls="--")
    ax.plot(X, 2 * X, color="C3", ls=":")
    handles = [
        series.Line2D([], [], color="C3", ls="--"),
        series.Line2D([], [], color="C3", ls=":"),
    ]
    figure.legend(handles, ["dashed", "dotted"])
    found = rows(figure)
    assert column(found, "y", "dashed") == X.tolist()
    assert column(found, "y", "dotted") == (2 * X).tolist()


def test_a_look_of_two_names_is_no_name() -> None:
    figure, ax = one()
    ax.plot(X, X, color="C3")
    figure.legend([series.Line2D([], [], color="C3")] * 2, ["one", "other"])
    assert {row["series"] for row in rows(figure)} == {"unnamed 1"}


def test_scatter_and_strokes() -> None:
    figure, ax = one()
    ax.scatter(X, X + 1, label="marks")
    ax.hlines([7, 8], 0, [1, 2], label="strokes")
    found = rows(figure)
    assert column(found, "y", "marks") == (X + 1).tolist()
    assert column(found, "x", "strokes") == [0, 1, 0, 2]


def test_pictures_are_told_by_size_and_range_and_colour_bars_are_not_panels() -> None:
    figure, ax = one()
    shown = ax.imshow(np.arange(6.0).reshape(2, 3))
    ax.set_title("field")
    figure.colorbar(shown)
    (row,) = rows(figure)
    assert row == {
        "panel": "1", "image": "field", "width": "3", "height": "2", "minimum": "0",
        "maximum": "5", "mean": "2.5", "std": f"{np.arange(6).std():.6g}",
    }  # fmt: skip


def test_panels_are_told_by_title_and_axes() -> None:
    figure = Figure()
    left, right = figure.subplots(1, 2, sharey=True)
    for ax, title in ((left, "one"), (right, "two")):
        ax.plot(X, X, label="line")
        ax.set_title(title)
        ax.set_xlabel(r"$\theta$")
    left.set_ylabel("power")
    text = series.table(figure, ["first"])
    assert text.splitlines()[:3] == [
        "# first", "# panel 1: one; x: θ; y: power", "# panel 2: two; x: θ; y: power",
    ]  # fmt: skip


def test_nothing_is_written_for_what_is_not_finite() -> None:
    figure, ax = one()
    ax.plot([1, 2], [np.nan, 3], label="line")
    assert [row["y"] for row in rows(figure)] == ["", "3"]


def test_bars_and_spans_across() -> None:
    figure, ax = one()
    ax.bar([0, 1], [3, 4], label="exponents")
    ax.set_xticks([0, 1], ["7", "5"])
    ax.axhspan(1, 2, label="_interval")
    found = rows(figure)
    assert column(found, "y", "exponents") == [3, 4]
    # Numbers in another order than their places are names.
    assert [row["category"] for row in found if row["series"] == "exponents"] == ["7", "5"]
    assert column(found, "y", "interval") == [1, 2]
    assert all(map(math.isnan, column(found, "x", "interval")))


def test_names_from_data_are_no_mathematics_and_stand_in_legends() -> None:
    names = ["_DSC0001_.jpg", "$x$.png", r"\$ $", "a$b"]
    figure, ax = one()
    for name in names:
        ax.plot(X, X, label=style.literal(name))
        ax.plot(X, X, label=f"_{style.literal(name)}")
    texts = ax.legend().get_texts()
    figure.canvas.draw()
    assert [text.get_text().lstrip("\u200b").replace(r"\$", "$") for text in texts] == names
    assert not any(is_math_text(text.get_text()) for text in texts)
    assert [*dict.fromkeys(row["series"] for row in rows(figure))] == names
