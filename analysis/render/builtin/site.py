"""Pages -> ``_site``: reads them all, runs them, converts them, and moves the result into place."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from analysis.render import links
from analysis.render.builtin import html, kernel, markdown, pandoc, pdf, project
from analysis.render.builtin import page as pages
from analysis.settings import AnalysisError, InputError

_HERE = Path(__file__).parent


def check(root: Path) -> list[str]:
    """What is wrong with the pages of ``root``, found without running their code.

    Returns:
        One line a problem, ``file:line: message``: constructs outside the subset, references and
        citations to nothing, images and pages that aren't there. Of what can't be read at all
        only the first problem of each page.

    Raises:
        InputError: ``_quarto.yml`` can't be used.
    """
    plan = project.read(root)
    found = []
    for path in plan.pages:
        try:
            found += _check(plan, pages.read(path, root, plan.settings))
        except InputError as error:
            found.append(str(error))
    return found


def render(root: Path, *, progress: Callable[[str], None] = lambda _: None) -> list[Path]:
    """Render every page ``_quarto.yml`` lists into its output folder.

    The site is built beside its place and moved there when it is whole: a failed build leaves
    the old site as it was.

    Args:
        root: the project's folder.
        progress: told what is being done.

    Returns:
        The pages and PDFs written.

    Raises:
        InputError: a page or ``_quarto.yml`` has something outside the subset.
        AnalysisError: a cell, a conversion or an internal link failed.
    """
    root = root.resolve()
    plan = project.read(root)
    sources = [pages.read(path, root, plan.settings) for path in plan.pages]
    if problems := [problem for source in sources for problem in _check(plan, source)]:
        raise InputError("\n".join(problems))
    written = []
    with tempfile.TemporaryDirectory(prefix="._site-", dir=plan.output.parent) as scratch:
        site = Path(scratch) / "site"
        _copy_assets(plan, sources, site)
        for source in sources:
            written += _page(plan, source, Path(scratch), progress)
        first = plan.pages[0].relative_to(root).with_suffix(".html").as_posix()
        if not (site / "index.html").exists():
            (site / "index.html").write_text(html.redirect(first), encoding="utf-8")
        progress("checking links")
        links.check(site)
        _replace(plan.output, site, Path(scratch) / "old")
    return [plan.output / path for path in written]


def _check(plan: project.Project, source: pages.Page) -> list[str]:
    composed = markdown.compose(source, None, None)
    found: list[str] = []
    for form in source.formats:
        fields, complaints = pandoc.convert(source, composed, form, {})
        found += [one for one in complaints if one not in found]
        if form == "html":
            found += _missing(plan, source, fields.get("body", ""))
    if not source.meta.get("title"):
        found.append(f"{source.path}:1: the front matter has no title")
    return found


def _missing(plan: project.Project, source: pages.Page, body: str) -> list[str]:
    """Images, and links to pages of this project, that aren't there."""
    found = []
    for src in _images(body):
        if not (source.path.parent / src).is_file():
            found.append(f"{source.where(src)}: no such image: {src}")
    for href in re.findall(r'<a[^>]* href="([^":#]+)\.html', body):
        target = (source.path.parent / f"{unquote(href)}.qmd").resolve()
        if target not in [path.resolve() for path in plan.pages]:
            found.append(f"{source.where(href)}: no such page: {href}.qmd")
    return found


def _images(body: str) -> list[str]:
    found = re.findall(r'<img[^>]* src="([^"]+)"', body)
    return [unquote(src) for src in found if not re.match(r"[a-z]+:", src)]


def _page(
    plan: project.Project, source: pages.Page, build: Path, progress: Callable[[str], None]
) -> list[Path]:
    """Run and write one page; returns its files, relative to the site."""
    here = source.path.relative_to(plan.root)
    site = build / "site"
    folder = (site / here).parent
    folder.mkdir(parents=True, exist_ok=True)
    progress(f"{here}: running its cells")
    results = kernel.run(source, plan.root)
    composed = markdown.compose(source, results, folder)
    written = [here.with_suffix(".html")]
    output = None
    if "typst" in source.formats:
        output = str(source.option("output-file", "typst", f"{here.stem}.pdf"))
    progress(f"{here}: HTML")
    places = [plan.get(f"website.page-footer.{place}") for place in ("left", "center", "right")]
    footer = "\n\n".join(text for text in places if text)
    fields, complaints = pandoc.convert(source, composed, "html", {"footer": footer})
    _stop(complaints)
    for src in _images(fields["body"]):
        if not (folder / src).exists():
            _copy(source.path.parent / src, folder / src)
    text = html.page(plan, source, fields, output)
    (site / written[0]).write_text(text, encoding="utf-8")
    if output:
        progress(f"{here}: PDF")
        where = {"folder": f"/site/{here.parent.as_posix()}".removesuffix("/.")}
        fields, complaints = pandoc.convert(source, composed, "typst", where)
        _stop(complaints)
        written.append(here.with_name(output))
        text = pdf.document(source, fields)
        if source.option("keep-typ", "typst", False):
            (site / written[-1]).with_suffix(".typ").write_text(text, encoding="utf-8")
        pdf.write(source, text, build, site / written[-1])
    return written


def _stop(complaints: list[str]) -> None:
    if complaints:
        raise AnalysisError("\n".join(complaints))


def _copy_assets(plan: project.Project, sources: list[pages.Page], site: Path) -> None:
    for name in ("style.css", "page.js"):
        _copy(_HERE / name, site / html.ASSETS / name)
    for file in plan.resources:
        _copy(file, site / file.relative_to(plan.root))
    for css in {source.option("css", "html") for source in sources} - {None}:
        if not (plan.root / css).is_file():
            raise InputError(f"{plan.root / '_quarto.yml'}: css: no such file: {css}")
        _copy(plan.root / css, site / css)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _replace(place: Path, new: Path, old: Path) -> None:
    """Put ``new`` at ``place``; two renames, so no reader meets half a site."""
    if place.exists():
        os.replace(place, old)
    try:
        os.replace(new, place)
    except OSError:
        if old.exists():
            os.replace(old, place)
        raise
