"""Spaces beside named functions, as TeX sets them: what pandoc writes, measured in a browser."""

import pytest

from analysis.site import formulas
from analysis.site.builtin import pandoc


def mathml(tex: str) -> str:
    made = pandoc.run("--from=markdown", "--to=html5", "--mathml", text=f"${tex}$").stdout
    assert "<math" in made
    return made


@pytest.mark.parametrize(
    ("tex", "spaces"),
    [
        (r"\ln s", 1),
        (r"\theta - \ln s", 1),  # an operator has its own space
        (r"\frac{1}{2} \ln \frac{a}{b}", 2),
        (r"f \cos \phi", 2),
        (r"\ln(t)", 0),
        (r"\ln\left(\frac{t}{2}\right)", 0),
        (r"\cot^2 x", 0),  # the power stands between
        (r"(1) \ln s", 2),
        (r"\ln\, s", 0),  # the author's own
        (r"x \ln \ln s", 3),
        (r"a b", 0),
    ],
)
def test_a_named_function_stands_apart_where_tex_sets_it_apart(
    browser, tex: str, spaces: int
) -> None:
    page = browser.new_page()
    widths = []
    for text in (made := mathml(tex)), formulas.spaced(made):
        page.set_content(f"<body style='font-size: 100px'>{text}")
        widths.append(page.evaluate("document.querySelector('math').getBoundingClientRect().width"))
    assert widths[1] - widths[0] == pytest.approx(16.7 * spaces, abs=0.5)
    assert formulas.spaced(formulas.spaced(made)) == formulas.spaced(made)
    page.close()
