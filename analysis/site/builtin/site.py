"""Pages -> ``_site``: reads them all, runs them, converts them, and moves the result into place."""

import contextlib
import itertools
import os
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Protocol

from analysis.project.environment import Edition
from analysis.project.errors import AnalysisError, InputError
from analysis.site.builtin import assets, cells, html, markdown, page, pandoc, pdf, project, search
from analysis.site.builtin.memory import Keep, Memory


class Finish(Protocol):
    """What adds to a site: `early` before it, `pages` with its HTML, `whole` when all is there.

    ``keep`` remembers what takes long to make.
    """

    def early(self, keep: Keep) -> None: ...
    def pages(self, site: Path, keep: Keep) -> None: ...
    def whole(self, site: Path) -> None: ...


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
    finish: Finish | None = None,
    beside: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
) -> None:
    """Render every page ``_quarto.yml`` lists into a folder of the output's name.

    Args:
        root: the project's folder.
        staged: an empty folder, on the same file system as the one beside it, for the site;
            what is only needed meanwhile is put beside it.
        edition: what the papers say of the state they were built from.
        progress: told what is being done.
        finish: adds to the site and looks at it before it is remembered. What it adds may depend
            on nothing but what pages may depend on.
        beside: what goes on while cells run, if any have to.

    Raises:
        InputError: a page or ``_quarto.yml`` has something outside the subset.
        AnalysisError: a cell or a conversion failed.
    """
    # What the files hold is noted before they are read: a later change is then a change.
    memory = Memory(project.read(root), edition.name, progress)
    plan = project.read(root)
    sources = [page.read(path, root, plan.settings) for path in plan.pages]
    scratch = staged.parent
    if memory.recall_site(scratch / "site") is None:
        _build(plan, sources, memory, edition, scratch, progress, finish, beside)
    else:
        progress("nothing that the site is made from has changed")
    os.replace(scratch / "site", staged / plan.output.name)


def _build(
    plan: project.Project,
    sources: list[page.Page],
    memory: Memory,
    edition: Edition,
    scratch: Path,
    progress: Callable[[str], None],
    finish: Finish | None,
    beside: Callable[[], contextlib.AbstractContextManager[None]],
) -> None:
    """Run and convert what is not remembered."""
    site = scratch / "site"
    recalled = [memory.recall(source) for source in sources]
    unknown = [source for source, found in zip(sources, recalled, strict=True) if found is None]
    with beside() if unknown else contextlib.nullcontext():
        # No cell runs before a slip in the prose is told; where none has to run, the conversion
        # itself tells it.
        if unknown and (problems := _problems(plan, sources)):
            raise InputError("\n".join(problems))
        for source in unknown:
            progress(f"{source.path.relative_to(plan.root)}: running its cells")
        ran = dict(zip(map(id, unknown), _run(unknown, plan.root), strict=True))
    for source in unknown:
        memory.keep(source, ran[id(source)])
    results = [found or ran[id(source)] for source, found in zip(sources, recalled, strict=True)]
    copied = assets.copy(plan, sources, site)
    texts = []
    for source, found in zip(sources, results, strict=True):
        folder = (site / source.path.relative_to(plan.root)).parent
        folder.mkdir(parents=True, exist_ok=True)
        texts.append(markdown.compose(source, found, folder))
    tasks = [
        (source, composed, form)
        for source, composed in zip(sources, texts, strict=True)
        for form in source.formats
    ]
    complaints: list[list[str]] = [[] for _ in tasks]
    written: dict[int, Future[Path]] = {}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool, warnings.catch_warnings():
        progress("converting the pages")
        converting = {
            pool.submit(_convert, plan, memory, *task): index for index, task in enumerate(tasks)
        }
        if finish is not None:
            finish.early(memory.kept)
        # Each is written as soon as it can be: setting the PDF takes as long as all the rest.
        for done in as_completed(converting):
            index = converting[done]
            source, _, form = tasks[index]
            fields, told = done.result()
            missing = assets.beside(plan, source, form, fields, sources, site, copied)
            complaints[index] = told + missing
            if not any(complaints):
                written[index] = pool.submit(_write, plan, source, form, fields, edition, scratch)
        if any(complaints):
            if not unknown and (problems := _problems(plan, sources)):
                raise InputError("\n".join(problems))
            raise AnalysisError("\n".join(dict.fromkeys(itertools.chain(*complaints))))
        order = sorted(written, key=lambda index: (tasks[index][2] != "html", index))
        for index in order:
            if tasks[index][2] == "html":
                written[index].result()
        _complete(plan, memory, site, finish)
        paths = [written[index].result() for index in order]
    if finish is not None:
        finish.whole(site)
    memory.keep_site(site, paths, [*(found.read for found in results), copied])


def _run(sources: list[page.Page], root: Path) -> list[cells.Results]:
    """What the cells of pages give, in their order."""
    if not sources:
        return []
    from analysis.site.builtin import kernel  # not before it is needed: Jupyter takes long

    return kernel.run(sources, root)


def _complete(plan: project.Project, memory: Memory, site: Path, finish: Finish | None) -> None:
    """What is made of the HTML pages: the site's first page, the search index, and the rest."""
    first = plan.pages[0].relative_to(plan.root).with_suffix(".html").as_posix()
    if not (site / "index.html").exists():
        (site / "index.html").write_text(html.redirect(first), encoding="utf-8")
    if plan.get("website.search", False):
        search.write(site)
    if finish is not None:
        finish.pages(site, memory.kept)


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
            found += assets.beside(plan, source, form, fields, sources, None, {})
            if form == "html" and not source.meta.get("title"):
                found.append(f"{source.path}:1: the front matter has no title")
    return list(dict.fromkeys(found))


def _convert(
    plan: project.Project,
    memory: Memory,
    source: page.Page,
    composed: markdown.Composed,
    form: str,
) -> tuple[dict[str, str], list[str]]:
    told = _told(plan, source, form) | {"ran": True}
    return memory.converted(
        source, composed.text, form, lambda: pandoc.convert(source, composed, form, told)
    )


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
) -> Path:
    """Write a page in one format; returns its file, relative to the site."""
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
    return targets[form]
