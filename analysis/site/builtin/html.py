"""A converted page in its shell: head, navigation, contents, title block, footer.

What a reader with a script gets beyond the text is chosen by Quarto's own options: ``search``,
``lightbox``, ``citations-hover`` (with ``crossrefs-hover`` and ``footnotes-hover``); what machines
read, by ``google-scholar`` and ``open-graph``.
"""

import datetime
import os
import re
import shutil
from html import unescape
from pathlib import Path
from typing import Any

import jinja2

from analysis.project import citation
from analysis.site.builtin import policy
from analysis.site.builtin.page import Page
from analysis.site.builtin.project import Project

_HERE = Path(__file__).parent
_HEADING = re.compile(r'(<h([2-6])[^>]*? id="([^"]+)"[^>]*>)(.*?)(</h\2>)', re.DOTALL)
_IMAGE = re.compile(r'<img (src="[^":?#]+")')
# A browser may break a line on both sides of a formula, also where a bracket or a full stop is.
_FORMULA = re.compile(r'([(\[“‘]*)(<math display="inline".*?</math>)([.,;:!?)\]’”]*)', re.DOTALL)
CITATION = "CITATION.cff"
ASSETS = "site_libs/builtin"
_HOVER = ("citations-hover", "crossrefs-hover", "footnotes-hover")


def templates(folder: Path) -> jinja2.Environment:
    """The templates of a folder: what they are given is escaped, and must be given."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


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
    shell = templates(_HERE).get_template("page.html")
    css = source.option("css", "html")
    body = _FORMULA.sub(_unbroken, _HEADING.sub(_anchored, fields["body"]))
    # Addresses are left out while no site-url is known: they have to be absolute.
    base = str(project.get("website.site-url") or "").rstrip("/")
    address = f"{base}/{here.with_suffix('.html').as_posix()}" if base else ""
    paper = f"{base}/{here.with_name(pdf).as_posix()}" if base and pdf else ""
    image, icon = (
        str(one or "") for one in (source.meta.get("image"), project.get("website.favicon"))
    )
    scholar = source.option("google-scholar", "html", False)
    cited = citation.read(project.root / CITATION) if scholar else None
    return shell.render(
        fields=fields,
        policy=policy.meta(policy.scripts(_HERE / "page.html")),
        body=_IMAGE.sub(r'<img loading="lazy" decoding="async" \1', body),  # until it is near
        toc=fields["table-of-contents"] if source.option("toc", "html", False) else "",
        toc_title=source.option("toc-title", "html", "On this page"),
        lang=source.option("lang", "html", "en"),
        title=_plain(fields["title"]) or here.stem,
        description=_plain(fields["description"]),
        site_title=project.get("website.title", ""),
        brand=_brand(project),
        authors=authors(source),
        date=date(source),
        pdf=pdf,
        home=f"{up}index.html",
        up=up,
        assets=f"{up}{ASSETS}",
        scripts=scripts(project, source),
        open_graph=project.get("website.open-graph", False),
        cited=cited,
        day=str(source.meta.get("date", "")),
        address=address,
        image=image and f"{base}/{here.parent.as_posix()}/{image}" if base else "",
        image_alt=str(source.meta.get("image-alt", "")),
        icon=icon and up + icon,
        paper=paper,
        linked_data=cited and _linked_data(source, cited, fields, address, paper),
        css=f"{up}{css}" if css else None,
        nav=_navigation(project, here),
        repository=project.get("website.repo-url"),
    )


def scripts(project: Project, source: Page) -> list[str]:
    """The scripts that the page's options ask for."""
    chosen = {
        "page.js": True,
        "popover.js": any(source.option(key, "html", False) for key in _HOVER),
        "lightbox.js": bool(source.option("lightbox", "html", False)),
        "search.js": bool(project.get("website.search", False)),
    }
    return [name for name, wanted in chosen.items() if wanted]


def write_assets(site: Path) -> None:
    """Copy the style sheet and all scripts into a site."""
    folder = site / ASSETS
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted([*_HERE.glob("*.css"), *_HERE.glob("*.js")]):
        shutil.copyfile(path, folder / path.name)


def redirect(target: str) -> str:
    """The page that sends the reader on to ``target``."""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">{policy.meta()}'
        "<title>Redirect</title>"
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


def _unbroken(found: re.Match[str]) -> str:
    """A formula with the punctuation at its sides, on one line."""
    return f'<span class="unbroken">{found[0]}</span>' if found[1] or found[3] else found[0]


def _anchored(heading: re.Match[str]) -> str:
    start, _, label, text, end = heading.groups()
    anchor = f'<a class="anchor" href="#{label}" aria-label="Link to this section">#</a>'
    return f"{start}{text} {anchor}{end}"


def _linked_data(
    source: Page, cited: citation.Citation, fields: dict[str, str], address: str, paper: str
) -> dict[str, Any]:
    """schema.org's ScholarlyArticle, without what is not known."""
    people = [
        {
            "@type": "Person" if one.given else "Organization",
            "name": one.name,
            "sameAs": f"https://orcid.org/{one.orcid}" if one.orcid else "",
        }
        for one in cited.authors
    ]
    pdf = {"@type": "MediaObject", "encodingFormat": "application/pdf", "contentUrl": paper}
    article = {
        "@context": "https://schema.org",
        "@type": "ScholarlyArticle",
        "headline": _plain(fields["title"]),
        "description": _plain(fields["description"]),
        "author": [{key: value for key, value in one.items() if value} for one in people],
        "datePublished": str(source.meta.get("date", "")),
        "version": cited.version,
        "inLanguage": str(source.option("lang", "html", "en")),
        "keywords": list(cited.keywords),
        "identifier": f"https://doi.org/{cited.doi}" if cited.doi else "",
        "url": address,
        "encoding": pdf if paper else "",
    }
    return {key: value for key, value in article.items() if value}


def _brand(project: Project) -> str:
    """What leads home in the navigation; by ``navbar: title: false`` there is none."""
    title = project.get("website.navbar.title", True)
    return str(project.get("website.title", "")) if title is True else str(title or "")


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
    return " ".join(unescape(re.sub(r"<annotation.*?</annotation>|<[^>]+>", "", html)).split())
