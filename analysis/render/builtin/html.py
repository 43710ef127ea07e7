"""A converted page in its shell: navigation, contents, title block, footer."""

import datetime
import os
import re
from pathlib import Path
from typing import Any

import jinja2

from analysis.render.builtin.page import Page
from analysis.render.builtin.project import Project

_HERE = Path(__file__).parent
_HEADING = re.compile(r'(<h([2-6])[^>]*? id="([^"]+)"[^>]*>)(.*?)(</h\2>)', re.DOTALL)
ASSETS = "site_libs/builtin"


def page(project: Project, source: Page, fields: dict[str, str], pdf: str | None) -> str:
    """The HTML file of a page.

    Args:
        project: for the navigation and the footer.
        source: the page as read.
        fields: its parts as converted.
        pdf: the file of its PDF beside it, if it has one.
    """
    here = source.path.relative_to(project.root)
    up = "../" * (len(here.parts) - 1)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    css = source.option("css", "html")
    return environment.get_template("page.html").render(
        fields=fields,
        body=_HEADING.sub(_anchored, fields["body"]),
        toc=fields["table-of-contents"] if source.option("toc", "html", False) else "",
        toc_title=source.option("toc-title", "html", "On this page"),
        lang=source.option("lang", "html", "en"),
        title=_plain(fields["title"]) or here.stem,
        description=_plain(fields["description"]),
        site_title=project.get("website.title", ""),
        authors=authors(source),
        date=date(source),
        pdf=pdf,
        home=f"{up}index.html",
        assets=f"{up}{ASSETS}",
        css=f"{up}{css}" if css else None,
        nav=_navigation(project, here),
        repository=project.get("website.repo-url"),
    )


def redirect(target: str) -> str:
    """The page that sends the reader on to ``target``."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Redirect</title>'
        f'<meta http-equiv="refresh" content="0; url={target}"></head>'
        f'<body><p><a href="{target}">Continue to the first page</a></p></body></html>\n'
    )


def authors(source: Page) -> list[dict[str, Any]]:
    """The authors as mappings with a ``name``."""
    given = source.meta.get("author", [])
    listed = given if isinstance(given, list) else [given]
    return [one if isinstance(one, dict) else {"name": str(one)} for one in listed]


def date(source: Page) -> str:
    """The date as Quarto writes it, ``November 23, 2026``; other texts as they are."""
    given = source.meta.get("date", "")
    try:
        day = datetime.date.fromisoformat(str(given))
    except ValueError:
        return str(given)
    return f"{day:%B} {day.day}, {day.year}"


def _anchored(heading: re.Match[str]) -> str:
    start, _, label, text, end = heading.groups()
    anchor = f'<a class="anchor" href="#{label}" aria-label="Link to this section">#</a>'
    return f"{start}{text} {anchor}{end}"


def _navigation(project: Project, here: Path) -> list[dict[str, Any]]:
    up = "../" * (len(here.parts) - 1)
    items = []
    for place in ("left", "right"):
        for item in project.get(f"website.navbar.{place}", []):
            href = str(item.get("href", ""))
            outside = "://" in href
            target = href if outside else f"{up}{re.sub(r'[.]qmd(?=#|$)', '.html', href)}"
            text = item.get("text") or item.get("aria-label") or href
            current = not outside and os.path.normpath(href) == here.as_posix()
            items.append({"href": target, "text": text, "current": current})
    return items


def _plain(html: str) -> str:
    # MathML carries its TeX along as an annotation.
    return " ".join(re.sub(r"<annotation.*?</annotation>|<[^>]+>", "", html).split())
