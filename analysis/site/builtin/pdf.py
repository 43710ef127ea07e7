"""A converted page as PDF, set by Typst with the fonts inside it."""

import datetime
import json
import logging
import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import typst

from analysis.project.environment import Edition
from analysis.project.errors import AnalysisError
from analysis.project.files import write_atomic
from analysis.site.builtin import html
from analysis.site.builtin.page import Page

_HERE = Path(__file__).parent
FONTS = ("Libertinus Serif", "DejaVu Sans Mono")  # of text in paper.typ
_NO_LETTER = "could not be displayed with font"
LOG = logging.getLogger(__name__)
_PARTS = ("year", "month", "day", "hour", "minute", "second")
_AUTHOR = ("name", "affiliation", "url")


def document(page: Page, fields: dict[str, str], state: Edition) -> str:
    """The Typst source of a page: a call of ``paper.typ`` round the converted body.

    Args:
        page: for the settings.
        fields: its parts as converted.
        state: what the title block and the running heads name.
    """
    keywords = [*page.meta.get("keywords", []), *state.keywords]

    made = _made(page)

    def option(key: str, default: str) -> str:
        return str(page.option(key, "typst", default))

    def listed(items: Sequence[str]) -> str:
        return f"({''.join(f'{item}, ' for item in items)})"

    def author(one: dict[str, Any]) -> str:
        return listed([f"{key}: {_text(str(one.get(key, '')))}" for key in _AUTHOR])

    settings = [
        f"title: [{fields['title'].strip()}]",
        f"subtitle: [{fields['subtitle'].strip()}]",
        f"summary: [{fields['abstract'].strip()}]",
        f"description: [{fields['description'].strip()}]",
        f"keywords: {listed([_text(str(word)) for word in dict.fromkeys(keywords)])}",
        f"authors: {listed([author(one) for one in html.authors(page)])}",
        f"date: {_text(html.date(page))}",
        f"made: datetime({', '.join(f'{part}: {getattr(made, part)}' for part in _PARTS)})",
        f"edition: {_text(state.name)}",
        f"licence: {_text(f'{state.licence} licence' if state.licence else '')}",
        f"lang: {_text(option('lang', 'en'))}",
        f"margin: (x: {option('margin.x', '2.8cm')}, y: {option('margin.y', '2.6cm')})",
        f"fontsize: {option('fontsize', '11pt')}",
        f"contents: {str(bool(page.option('toc', 'typst', False))).lower()}",
        f"floats: {str(page.option('fig-pos', 'typst') != 'H').lower()}",
    ]
    head = '#import "/paper.typ": *\n#show: paper.with(\n  ' + ",\n  ".join(settings) + ",\n)\n\n"
    return head + fields["body"]


def pictures(body: str, folder: str) -> list[str]:
    """The images that a converted body shows, as a page in ``folder`` addresses them."""
    paths = [json.loads(found) for found in re.findall(r'#plate\(("(?:[^"\\]|\\.)+")', body)]
    return list(dict.fromkeys(quote(path.removeprefix(f"{folder}/")) for path in paths))


def _made(page: Page) -> datetime.datetime:
    """When the file says that it was made, which is not the hour of the build.

    SOURCE_DATE_EPOCH if that is set, else the date in the front matter, else 1970.
    """
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        return datetime.datetime.fromtimestamp(int(epoch), datetime.UTC)
    try:
        return datetime.datetime.fromisoformat(str(page.meta.get("date", "")))
    except ValueError:
        return datetime.datetime.fromtimestamp(0, datetime.UTC)


def _text(text: str) -> str:
    """A string as Typst writes it."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False)


def write(page: Page, source: str, build: Path, target: Path) -> None:
    """Set ``source`` as the PDF ``target``; ``build`` is the root the figures' paths begin at.

    The same source gives the same bytes: the fonts are Typst's own, and the time is in it. A letter
    that they have not, of a name from elsewhere, is set as U+FFFD and told in the log.

    Raises:
        AnalysisError: Typst failed or warned, or something on the page is against the page's
            ``pdf-standard``.
    """
    # Several papers are set at the same time.
    write_atomic(build / "paper.typ", (_HERE / "paper.typ").read_bytes())
    main = build / "typst" / page.path.relative_to(page.root).with_suffix(".typ")
    main.parent.mkdir(parents=True, exist_ok=True)
    standard = page.option("pdf-standard", "typst")
    standards = [standard] if standard else []

    def compiled(text: str) -> bytes:
        main.write_text(text, encoding="utf-8")
        found, complaints = typst.compile_with_warnings(
            str(main),
            root=str(build),
            ignore_system_fonts=True,
            format="pdf",
            pdf_standards=standards,
        )
        if complaints:
            told = "\n".join(str(getattr(one, "diagnostic", one)).strip() for one in complaints)
            raise AnalysisError(f"{page.path}: the PDF has warnings:\n{told}")
        return bytes(found)

    with warnings.catch_warnings():
        warnings.simplefilter("error", typst.TypstWarning)
        try:
            try:
                made = compiled(source)
            except RuntimeError as error:
                lacking = _lacking(source) if _NO_LETTER in str(error) else ""
                if not lacking:
                    raise
                LOG.warning(f"{page.path}: the PDF shows \ufffd, as its fonts lack {lacking}")
                made = compiled(f'#show regex("[{lacking}]"): "\ufffd"\n{source}')
        except RuntimeError as error:
            told = getattr(error, "diagnostic", "") or str(error)
            raise AnalysisError(f"{page.path}: the PDF failed:\n{told.strip()}") from None
    target.write_bytes(made)


def _lacking(source: str) -> str:
    """The letters of a source, outside its formulas, that the fonts of text have not."""
    formulas = "".join(re.findall(r"\$[^$]*\$", source))
    found = sorted({one for one in source if not one.isascii()} - set(formulas))
    return "".join(one for one in found if not _has(one))


def _has(letter: str) -> bool:
    fonts = "(" + ", ".join(map(_text, FONTS)) + ")"
    document = f"#set text(font: {fonts}, fallback: false)\n#{_text(letter)}"
    try:
        typst.compile(
            document.encode(), ignore_system_fonts=True, format="pdf", pdf_standards=["a-2b"]
        )
    except RuntimeError:
        return False
    return True
