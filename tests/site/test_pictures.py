"""Figures on the pages of either renderer: each theme's colours, and the drawing for the width."""

import re
from pathlib import Path

import pytest

from analysis.site import links, pictures
from analysis.site.builtin import html, tree
from tests.conftest import PROJECT

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt">'
    '<rect width="999" height="999" fill="{colour}"/></svg>'
)
# As the two renderers write a figure; the text has what an attribute may have.
BUILTIN = (
    '<p><img loading="lazy" decoding="async" src="made/fig-a.svg" width="600" height="300" '
    'alt="From 1 -> 2, it&#39;s &quot;more&quot;." /></p>'
)
QUARTO = (
    '<p><a href="made/fig-a.svg" class="lightbox" data-gallery="quarto-lightbox-gallery-1" '
    'title="Figure 1"><img src="made/fig-a.svg" class="img-fluid figure-img" width="600" '
    'height="300" alt="From 1 -> 2, it\'s &quot;more&quot;."></a></p>'
)


def write(folder: Path, figure: str) -> Path:
    """A project's figure in all its drawings, and a rendered page that shows it and another."""
    sizes = {"": (450, 225, "#fff"), "dark.": (450, 225, "#111"),
             "narrow.": (255, 390, "#eee"), "narrow.dark.": (255, 390, "#222")}  # fmt: skip
    made = folder / "report" / "made"
    made.mkdir(parents=True)
    for part, (width, height, colour) in sizes.items():
        svg = SVG.format(width=width, height=height, colour=colour)
        (made / f"fig-a.{part}svg").write_text(svg)
    (made / "fig-b.svg").write_text(SVG.format(width=9, height=9, colour="#fff"))
    site = folder / "site"
    (site / "report" / "made").mkdir(parents=True)
    for name in ("fig-a.svg", "fig-b.svg"):
        (site / "report" / "made" / name).write_bytes((made / name).read_bytes())
    html.write_assets(site)
    page = site / "report" / "index.html"
    page.write_text(
        f'<link rel="stylesheet" href="../{html.ASSETS}/style.css"><main>'
        f'<figure class="figure" id="fig-a"><div class="plate">{figure}</div></figure>'
        '<p><img src="made/fig-b.svg" alt="Another"><img src="made/x.png" alt=""></p></main>'
    )
    pictures.write(folder, site)
    return page


@pytest.mark.parametrize("figure", [BUILTIN, QUARTO], ids=["builtin", "quarto"])
def test_a_figure_comes_in_both_themes_and_widths(figure: str, tmp_path: Path) -> None:
    page = write(tmp_path, figure)
    whole = tree.read(page.read_text(encoding="utf-8"))
    light, dark = whole.all("picture")
    for one, part in ((light, ""), (dark, "dark.")):
        (source,), (image,) = one.all("source"), one.all("img")
        assert source.attributes["srcset"] == f"made/fig-a.narrow.{part}svg"
        assert (source.attributes["width"], source.attributes["height"]) == ("340", "520")
        assert image.attributes["src"] == f"made/fig-a.{part}svg"
        assert image.attributes["width"] == "600" and image.attributes["loading"] == "lazy"
        assert image.attributes["alt"] == 'From 1 -> 2, it\'s "more".'
    classes = [one.classes for one in (*whole.all("a"), light, dark)]
    for theme in ("light-content", "dark-content"):
        assert sum(theme in one for one in classes) == 1
    for link, part, theme in zip(whole.all("a"), ("", "dark."), ("light", "dark"), strict=False):
        assert link.attributes["href"] == f"made/fig-a.{part}svg"
        assert link.attributes["data-gallery"] == f"quarto-lightbox-gallery-1-{theme}"
        assert {"lightbox", f"{theme}-content"} == link.classes
    assert not [one for one in links.broken(page.parent.parent) if "x.png" not in one]
    # What was drawn once, and what is no drawing of ours, is as it was.
    assert '<img src="made/fig-b.svg" alt="Another"><img src="made/x.png" alt="">' in (
        page.read_text(encoding="utf-8")
    )


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 699, 700])
def test_a_browser_loads_and_shows_the_one_that_fits(
    theme: str, width: int, tmp_path: Path, browser
) -> None:
    page = write(tmp_path, BUILTIN)
    tab = browser.new_page(viewport={"width": width, "height": 700}, color_scheme=theme)
    loaded: list[str] = []
    tab.on("request", lambda request: loaded.append(request.url.rpartition("/")[2]))
    tab.goto(page.as_uri())
    tab.wait_for_load_state("networkidle")
    expected = "fig-a." + "narrow." * (width < 700) + "dark." * (theme == "dark") + "svg"
    assert [name for name in loaded if name.startswith("fig-a")] == [expected]
    (box,) = [one.bounding_box() for one in tab.locator("picture img").all() if one.is_visible()]
    assert box["width"] <= width and tab.evaluate("document.body.scrollWidth") <= width
    assert box["height"] / box["width"] == pytest.approx(390 / 255 if width < 700 else 0.5, 0.02)
    # On paper it is the light one, whatever the theme.
    tab.emulate_media(media="print", color_scheme=theme)
    (image,) = [one for one in tab.locator("picture img").all() if one.is_visible()]
    assert "dark" not in str(image.get_attribute("src"))
    tab.close()


def test_the_breakpoint_is_one() -> None:
    for sheet in ("analysis/site/builtin/style.css", "report/style.css"):
        found = re.findall(r"@media (\(max-width: 69[\d.]+px\))", (PROJECT / sheet).read_text())
        assert set(found) == {pictures.BREAKPOINT}
