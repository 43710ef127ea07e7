"""Pages -> ``_site``: reads them all, runs them, converts them, and moves the result into place."""

import os
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from analysis.project.environment import Edition
from analysis.project.errors import AnalysisError, InputError
from analysis.site.builtin import (
    assets,
    cells,
    html,
    llms,
    markdown,
    page,
    pandoc,
    pdf,
    project,
    search,
)
from analysis.site.builtin.files import store
from analysis.site.builtin.memory import Memory


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
    found, sources = [], []
    for path in plan.pages:
        try:
            sources.append(page.read(path, root, plan.settings))
        except InputError as error:
            found.append(str(error))
    return found + _problems(plan, sources)


def render(
    root: Path,
    staged: Path,
    edition: Edition,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> None:
    """Render every page ``_quarto.yml`` lists into a folder of the output's name.

    Args:
        root: the project's folder.
        staged: an empty folder, on the same file system as the one beside it, for the site;
            what is only needed meanwhile is put beside it.
        edition: what the papers say of the state they were built from.
        progress: told what is being done.

    Raises:
        InputError: a page or ``_quarto.yml`` has something outside the subset.
        AnalysisError: a cell or a conversion failed.
    """
    # What the files hold is noted before they are read: a later change is then a change.
    memory = Memory(project.read(root), progress)
    plan = project.read(root)
    sources = [page.read(path, root, plan.settings) for path in plan.pages]
    recalled = [memory.recall(source) for source in sources]
    unknown = [source for source, found in zip(sources, recalled, strict=True) if found is None]
    # No cell runs before a slip in the prose is told; where none has to run, the conversion itself
    # tells it.
    if unknown and (problems := _problems(plan, sources)):
        raise InputError("\n".join(problems))
    for source in unknown:
        progress(f"{source.path.relative_to(root)}: running its cells")
    ran = dict(zip(map(id, unknown), _run(unknown, root), strict=True))
    for source in unknown:
        memory.keep(source, ran[id(source)])
    results = [found or ran[id(source)] for source, found in zip(sources, recalled, strict=True)]
    scratch = staged.parent
    assets.copy(plan, sources, scratch / "site")
    progress("converting the pages")
    _convert(plan, list(zip(sources, results, strict=True)), edition, scratch, bool(unknown))
    os.replace(scratch / "site", staged / plan.output.name)


def _convert(
    plan: project.Project,
    pages: list[tuple[page.Page, cells.Results]],
    edition: Edition,
    scratch: Path,
    checked: bool,
) -> None:
    """Convert the pages and write what is made of them, into the folder ``site``.

    Args:
        plan: the project.
        pages: with what their cells gave.
        edition: what the papers say of the state they were built from.
        scratch: where the folder is.
        checked: whether the prose was looked at before the cells ran.

    Raises:
        InputError: a slip in the prose, if it was not.
        AnalysisError: a conversion failed.
    """
    site, sources = scratch / "site", [source for source, _ in pages]
    kept = store(plan.root) / "converted"
    tasks: list[tuple[page.Page, markdown.Composed, str]] = []
    for source, found in pages:
        folder = (site / source.path.relative_to(plan.root)).parent
        folder.mkdir(parents=True, exist_ok=True)
        composed = markdown.compose(source, found, folder)
        tasks += [(source, composed, form) for form in source.formats]
    complaints: list[str] = []
    writing: dict[str, list[Future[None]]] = {"html": [], "typst": []}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool, warnings.catch_warnings():
        converting = {
            pool.submit(
                pandoc.convert, source, text, form, _told(plan, source, form) | {"ran": True}, kept
            ): (source, form)
            for source, text, form in tasks
        }
        # Each is written as soon as it can be: setting the PDF takes as long as all the rest.
        for done in as_completed(converting):
            source, form = converting[done]
            fields, told = done.result()
            complaints += told + assets.beside(plan, source, form, fields, sources, site)
            if not complaints:
                task = pool.submit(_write, plan, source, form, fields, edition, scratch)
                writing[form].append(task)
        if complaints:
            if not checked and (problems := _problems(plan, sources)):
                raise InputError("\n".join(problems))
            raise AnalysisError("\n".join(dict.fromkeys(complaints)))
        for task in writing["html"]:
            task.result()
        _complete(plan, sources, site, kept)
        for task in writing["typst"]:
            task.result()


def _run(sources: list[page.Page], root: Path) -> list[cells.Results]:
    """What the cells of pages give, in their order."""
    if not sources:
        return []
    from analysis.site.builtin import kernel  # not before it is needed: Jupyter takes long

    return kernel.run(sources, root)


def _complete(plan: project.Project, sources: list[page.Page], site: Path, kept: Path) -> None:
    """What is made of the HTML pages: the first page, the search index, the copies for programs."""
    pages = [source.path.relative_to(plan.root).with_suffix(".html") for source in sources]
    if not (site / "index.html").exists():
        (site / "index.html").write_text(html.redirect(pages[0].as_posix()), encoding="utf-8")
    if plan.get("website.search", False):
        search.write(site)
    if plan.get("website.llms-txt", False):
        llms.write(site, str(plan.get("website.title", "")), pages, kept)


def _problems(plan: project.Project, sources: list[page.Page]) -> list[str]:
    """What is wrong with the pages, found without running them; all formats at the same time."""
    tasks = [(source, form) for source in sources for form in source.formats]
    texts = {id(source): markdown.compose(source, None, None) for source in sources}
    found = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        converted = pool.map(
            lambda task: pandoc.convert(task[0], texts[id(task[0])], task[1], _told(plan, *task)),
            tasks,
        )
        for (source, form), (fields, complaints) in zip(tasks, converted, strict=True):
            found += complaints
            found += assets.beside(plan, source, form, fields, sources, None)
            if form == "html" and not source.meta.get("title"):
                found.append(f"{source.path}:1: the front matter has no title")
    return list(dict.fromkeys(found))


def _told(plan: project.Project, source: page.Page, form: str) -> dict[str, Any]:
    """What the filters are told of a page besides its own settings."""
    if form != "html":
        return {"folder": assets.folder(plan, source)}
    places = [plan.get(f"website.page-footer.{place}") for place in ("left", "center", "right")]
    return {"footer": "\n\n".join(text for text in places if text)}


def _write(
    plan: project.Project,
    source: page.Page,
    form: str,
    fields: dict[str, str],
    edition: Edition,
    build: Path,
) -> None:
    """Write a page in one format."""
    targets = dict(zip(source.formats, assets.targets(plan, source), strict=True))
    target = build / "site" / targets[form]
    if form == "html":
        pdf_file = targets["typst"].name if "typst" in targets else None
        target.write_text(html.page(plan, source, fields, pdf_file), encoding="utf-8")
    else:
        text = pdf.document(source, fields, edition)
        if source.option("keep-typ", "typst", False):
            target.with_suffix(".typ").write_text(text, encoding="utf-8")
        pdf.write(source, text, build, target)
