"""What all figures share: matplotlib's settings stay, and names from data are shown as they are."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series
from tests.conftest import PROJECT
from tests.standins.contrast import contrast


def test_settings_are_left_even_when_drawing_fails() -> None:
    @style.styled
    def broken(data: Data) -> Figure:
        mpl.rcParams["font.size"] = 99
        raise RuntimeError

    before = mpl.rcParams["font.size"]
    with pytest.raises(RuntimeError):
        broken(Data())
    assert mpl.rcParams["font.size"] == before


def test_any_number_of_encoders_has_colours_and_marks() -> None:
    names = [f"encoder-{n}" for n in range(12)]
    looks = {tuple(style.encoder_look(names, name).values()) for name in names}
    assert len(looks) == len(style.MARKERS)


def test_names_from_data_are_no_mathematics_and_stand_in_legends() -> None:
    names = ["_DSC0001_.jpg", "$x$.png", r"\$ $", "a$b"]
    figure = Figure()
    ax = figure.subplots()
    for name in names:
        style.line(ax, Series("", name, np.arange(3.0), np.arange(3.0)))
    texts = [text.get_text() for text in ax.legend().get_texts()]
    figure.canvas.draw()
    assert [text.lstrip("\u200b").replace(r"\$", "$") for text in texts] == names
    assert not any(map(is_math_text, texts))


def test_colours_keep_the_contrast_that_wcag_asks_for() -> None:
    fixed = {
        style.GROUND,
        style.GRID,
        style.ON_PICTURE,
        style.UNDER_LETTERS,
    }  # nothing is read there
    assert contrast(style.ON_PICTURE, style.UNDER_LETTERS) > 7
    for light, dark in style._counterparts().items():
        if light not in fixed:
            least = 3 if light == style.PALE else 4.5  # letters have every other colour
            assert contrast(light, style.GROUND) >= least, light
            assert contrast(dark, style.DARK_GROUND) >= least, dark
    assert len(set(style.DARK.values())) == len(style.DARK)


def test_figures_have_the_ground_of_the_pages() -> None:
    builtin = (PROJECT / "analysis/site/builtin/style.css").read_text(encoding="utf-8")
    assert builtin.count(f"--page: {style.DARK_GROUND};") == 2
    assert f"--page: {style.GROUND};" in builtin
    quarto = (PROJECT / "report/quarto-dark.scss").read_text(encoding="utf-8")
    assert f"$body-bg: {style.DARK_GROUND};" in quarto


def test_the_dark_changes_what_is_drawn_and_not_its_pictures() -> None:
    svg = b'<path style="fill: #0072b2; stroke: #222222"/><image xlink:href="#0072b2"/>'
    assert style.in_the_dark(svg) == (
        b'<path style="fill: #5bb5e8; stroke: #dde1e6"/><image xlink:href="#0072b2"/>'
    )
    with pytest.raises(ValueError, match="#1f77b4 has no counterpart"):
        style.in_the_dark(b'<path style="fill: #1f77b4"/>')


def test_panels_stand_below_each_other_on_a_phone() -> None:
    for layout, shape in (("wide", (1, 3)), ("narrow", (3, 1))):
        with style.layout(layout):
            _, axes = style.panels(3, 2.0)
        assert axes[0].get_gridspec().get_geometry() == shape
    assert not style.narrow()
    with pytest.raises(ValueError, match="no layout 'tall'"), style.layout("tall"):
        pass
