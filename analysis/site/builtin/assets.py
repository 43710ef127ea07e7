"""What goes into a site beside its pages: what they show and link to, and what all of them need."""

import os
from pathlib import Path, PurePath

from analysis.project.errors import InputError
from analysis.site.builtin import files, html, pdf
from analysis.site.builtin.page import Page
from analysis.site.builtin.project import Project

_IMAGES = (".gif", ".jpeg", ".jpg", ".png", ".svg", ".webp")


def copy(plan: Project, sources: list[Page], site: Path) -> None:
    """Copy what every page needs into ``site``.

    Raises:
        InputError: a style sheet isn't there.
    """
    html.write_assets(site)
    own = list(plan.resources)
    for css in {source.option("css", "html") for source in sources} - {None}:
        if not (plan.root / css).is_file():
            raise InputError(f"{plan.root / '_quarto.yml'}: css: no such file: {css}")
        own.append(plan.root / css)
    for file in own:
        files.copy(file, site / file.relative_to(plan.root))


def beside(
    plan: Project,
    source: Page,
    form: str,
    fields: dict[str, str],
    sources: list[Page],
    site: Path | None,
) -> list[str]:
    """Copy the files of the project that a converted page shows or links to.

    Args:
        form, fields: of the conversion.
        sources: all pages, which link to each other.
        site: where to; None copies nothing, and takes for granted what cells will make.

    Returns:
        Which files aren't there, as ``file:line: message``.
    """
    made = {target for one in sources for target in targets(plan, one)}
    body = fields.get("body", "")
    found = []
    for url in files.needed(body) if form == "html" else pdf.pictures(body, folder(plan, source)):
        file = Path(os.path.normpath(source.path.parent / files.path_in(url)))
        if not file.is_relative_to(plan.root) or url.startswith("/") or file.is_dir():
            continue  # told by the check of links
        name = file.relative_to(plan.root)
        if hidden(name) or not file.resolve().is_relative_to(plan.root.resolve()):
            what = "hidden" if hidden(name) else "a link to outside the project"
            found.append(f"{source.where(url)}: {url} is {what}: it can't be part of the site")
            continue
        if name in made or (site and (site / name).exists()):
            continue
        if file.is_file():
            if site:
                files.copy(file, site / name)
        elif site or files.MADE not in name.parts:
            token = url.partition(".html")[0]
            what = f"file: {url}"
            if file.suffix == ".html":
                what = f"page: {token}.qmd"
            elif file.suffix in _IMAGES:
                what = f"image: {url}"
            found.append(f"{source.where(token)}: no such {what}")
    return found


def hidden(name: PurePath) -> bool:
    """Whether a file or a folder above it, up to the project's, is hidden from listings."""
    return any(part.startswith(".") for part in name.parts)


def folder(plan: Project, source: Page) -> str:
    """Where a page's own folder lies for the PDF's paths, which begin above the site."""
    where = source.path.relative_to(plan.root).parent.as_posix()
    return f"/site/{where}".removesuffix("/.")


def targets(plan: Project, source: Page) -> list[Path]:
    """The files of a page by format, relative to the site."""
    here = source.path.relative_to(plan.root)
    name = source.option("output-file", "typst", f"{here.stem}.pdf")
    return [
        here.with_suffix(".html") if form == "html" else here.with_name(str(name))
        for form in source.formats
    ]
