"""A converted page as PDF, set by Typst with the fonts inside it."""

import datetime
import json
import os
import warnings
from pathlib import Path

import typst

from analysis.render.builtin import html
from analysis.render.builtin.page import Page
from analysis.settings import AnalysisError

_HERE = Path(__file__).parent
_PARTS = ("year", "month", "day", "hour", "minute", "second")


def document(page: Page, fields: dict[str, str]) -> str:
    """The Typst source of a page: a call of ``paper.typ`` round the converted body."""
    names = [str(author["name"]) for author in html.authors(page)]

    # A stated date keeps the hour of the build out of the file.
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    made = datetime.datetime.fromtimestamp(epoch, datetime.UTC)

    def option(key: str, default: str) -> str:
        return str(page.option(key, "typst", default))

    settings = [
        f"title: [{fields['title'].strip()}]",
        f"subtitle: [{fields['subtitle'].strip()}]",
        f"summary: [{fields['abstract'].strip()}]",
        f"authors: ({''.join(json.dumps(name, ensure_ascii=False) + ',' for name in names)})",
        f"date: {json.dumps(html.date(page), ensure_ascii=False)}",
        f"made: datetime({', '.join(f'{part}: {getattr(made, part)}' for part in _PARTS)})",
        f"lang: {json.dumps(option('lang', 'en'))}",
        f"margin: (x: {option('margin.x', '2.2cm')}, y: {option('margin.y', '2.2cm')})",
        f"fontsize: {option('fontsize', '10pt')}",
        f"contents: {str(bool(page.option('toc', 'typst', False))).lower()}",
    ]
    head = '#import "/paper.typ": *\n#show: paper.with(\n  ' + ",\n  ".join(settings) + ",\n)\n\n"
    return head + fields["body"]


def write(page: Page, source: str, build: Path, target: Path) -> None:
    """Set ``source`` as the PDF ``target``; ``build`` is the root the figures' paths begin at.

    The same source gives the same bytes: the fonts are Typst's own, and the time is
    SOURCE_DATE_EPOCH, or 0.

    Raises:
        AnalysisError: Typst failed or warned.
    """
    (build / "paper.typ").write_bytes((_HERE / "paper.typ").read_bytes())
    main = build / f"{page.path.stem}.typ"
    main.write_text(source, encoding="utf-8")
    standard = page.option("pdf-standard", "typst")
    with warnings.catch_warnings():
        warnings.simplefilter("error", typst.TypstWarning)
        try:
            found, complaints = typst.compile_with_warnings(
                str(main),
                root=str(build),
                ignore_system_fonts=True,
                format="pdf",
                pdf_standards=[standard] if standard else [],
            )
        except RuntimeError as error:
            told = getattr(error, "diagnostic", "") or str(error)
            raise AnalysisError(f"{page.path}: the PDF failed:\n{told.strip()}") from None
    if complaints:
        told = "\n".join(str(getattr(one, "diagnostic", one)).strip() for one in complaints)
        raise AnalysisError(f"{page.path}: the PDF has warnings:\n{told}")
    target.write_bytes(found)
