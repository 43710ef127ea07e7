"""What all figures share: names from data are shown as they are."""

import numpy as np
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure

from analysis.paper.figures import style


def test_names_from_data_are_no_mathematics_and_stand_in_legends() -> None:
    names = ["_DSC0001_.jpg", "$x$.png", r"\$ $", "a$b"]
    figure = Figure()
    ax = figure.subplots()
    for name in names:
        ax.plot(np.arange(3), label=style.literal(name))
    texts = ax.legend().get_texts()
    figure.canvas.draw()
    assert [text.get_text().lstrip("\u200b").replace(r"\$", "$") for text in texts] == names
    assert not any(is_math_text(text.get_text()) for text in texts)
