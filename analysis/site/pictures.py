"""Figures on pages as their reader wants them: in the theme's colours, for the screen's width.

A page of either renderer shows a figure's wide, light drawing. Beside it in ``made/`` lie the ones
for phones and for the dark, ``fig-x.narrow.svg``, ``fig-x.dark.svg`` and ``fig-x.narrow.dark.svg``.
Here the image becomes two ``<picture>``: style sheets show the theme's, the browser takes the
drawing for the width. No script has a part in it, and what is not shown is not loaded
(``loading="lazy"``). Quarto has the classes ``light-content`` and ``dark-content``, and hides one
of them; the built-in renderer's style sheet does the same.
"""

import functools
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

from analysis.provenance.drawings import size
from analysis.site.builtin import files

BREAKPOINT = "(max-width: 699.98px)"  # below it figures are the narrow ones
_TAG = r"(?:\s+[\w:-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'))?)*\s*/?>"
_LINKED = re.compile(rf"(?P<link><a{_TAG})?\s*(?P<image><img{_TAG})(?(link)\s*</a>)")
_SOURCE = re.compile(r'\ssrc="((?:[^"]*/)?made/(?:[^"]*/)?fig-[\w-]+)\.(svg|webp)"')


def write(folder: Path, site: Path) -> None:
    """Give the pages of a rendered site the drawings for phones and the dark, and copy these.

    Args:
        folder: the project's, in whose pages' folders the drawings lie.
        site: its rendered pages, in the same places.
    """
    for page in sorted(site.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        places = (folder / page.relative_to(site).parent, page.parent)
        made = _LINKED.sub(functools.partial(_shown, *places), text)
        if made != text:
            page.write_text(made, encoding="utf-8")


def _shown(source: Path, target: Path, found: re.Match[str]) -> str:
    """An image, and the link round it, in both themes; as it was if it has one drawing alone."""
    image = _SOURCE.search(found["image"])
    if image is None:
        return found[0]
    name, ending = image[1], image[2]
    if not (source / f"{name}.dark.{ending}").is_file():
        return found[0]
    for part in ("dark.", "narrow.", "narrow.dark."):
        files.copy(source / f"{name}.{part}{ending}", target / f"{name}.{part}{ending}")
    return "".join(_themes(found, source, name, ending))


def _themes(found: re.Match[str], source: Path, name: str, ending: str) -> Iterator[str]:
    wide = f"{name}.{ending}"
    for theme, part in (("light", ""), ("dark", "dark.")):
        narrow = f"{name}.narrow.{part}{ending}"
        width, height = size((source / narrow).read_bytes())
        image = found["image"].replace(f'src="{wide}"', f'src="{name}.{part}{ending}"')
        if "loading=" not in image:
            image = image.replace("<img", '<img loading="lazy" decoding="async"', 1)
        shown = (
            f'<source media="{BREAKPOINT}" srcset="{escape(narrow)}" width="{width}" '
            f'height="{height}">{image}</picture>'
        )
        if found["link"] is None:
            yield f'<picture class="{theme}-content">{shown}'
            continue
        # Quarto's link that enlarges, whose gallery is the other theme's, too.
        link = found["link"].replace(f'href="{wide}"', f'href="{name}.{part}{ending}"')
        link = re.sub(r'data-gallery="([^"]*)"', rf'data-gallery="\1-{theme}"', link)
        yield re.sub(r'class="', f'class="{theme}-content ', link, count=1)
        yield f"<picture>{shown}</a>"
