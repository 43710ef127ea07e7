"""What all figures share: matplotlib's settings stay, and names from data are shown as they are."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series


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
