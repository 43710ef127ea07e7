"""Pages -> ``_site``: which renderer, what every site gets after either, and into place.

The site is built beside its place and moved there when it is whole: a failed build leaves the old
site as it was. One build goes on at a time: another waits for it. What is added is made from the
results and from the pages as they were built, so that the two renderers' sites carry the same.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.project import placement
from analysis.project.environment import edition
from analysis.project.files import root
from analysis.provenance import account, drawings
from analysis.site import copies, links, quarto
from analysis.site.builtin import project
from analysis.site.builtin import site as builtin
from analysis.site.builtin.memory import Keep, anew
from analysis.study.check import Finding
from analysis.study.results import Results

_WAITING = "another build of this project is under way: waiting until it is done"


def render(
    results: Results, study: str, renderer: str, *, quiet: bool, say: Callable[[str], None]
) -> list[Path]:
    """Render the pages of a study into the project's ``_site``.

    Args:
        results: what the pages show.
        study: its name, or the full path of its TOML file.
        renderer: ``quarto``, ``builtin``, or ``auto``: Quarto if a fit one is on PATH.
        quiet: Quarto's own lines are not shown.
        say: told what is being done.

    Returns:
        The pages and PDFs of the site.

    Raises:
        InputError: a page or ``_quarto.yml`` has something outside the subset.
        AnalysisError: a cell, a conversion, a reference or an internal link failed.
    """
    if renderer == "auto":
        renderer = "quarto" if quarto.find() else "builtin"
    say(f"rendering study '{Path(study).stem}' with {renderer}")
    finish, folder = Finish(results), root()
    with told_to_pages(study, results.study.skip_unfit):
        if renderer == "quarto":
            return with_quarto(folder, quiet, say, finish, lambda: drawings.ahead(results))
        return with_builtin(folder, say, finish, lambda: drawings.ahead(results))


Beside = Callable[[], contextlib.AbstractContextManager[None]]


def with_builtin(
    folder: Path,
    say: Callable[[str], None] = lambda _: None,
    finish: builtin.Finish | None = None,
    beside: Beside = contextlib.nullcontext,
) -> list[Path]:
    """Render with the built-in renderer; arguments and errors as of `builtin.render`.

    Without ``finish`` nothing is added, and only links are looked at.
    """
    folder = folder.resolve()
    # Asked for before anything is written, which would be a change to git.
    made, output = edition(folder), project.read(folder).output
    with placed(output, say) as staged:
        builtin.render(
            folder, staged, made, progress=say, finish=finish or _OnlyLinks(), beside=beside
        )
        return _written(folder, staged / output.name, output)


def with_quarto(
    folder: Path,
    quiet: bool,
    say: Callable[[str], None] = lambda _: None,
    finish: "Finish | None" = None,
    beside: Beside = contextlib.nullcontext,
) -> list[Path]:
    """Render with Quarto; arguments and errors as of `quarto.render`."""
    output = folder / "_site"
    with placed(output, say) as staged:
        site = staged / output.name
        quarto.render(folder, site, quiet=quiet, beside=beside)
        if finish is not None:
            finish.pages(site)
        (finish or _OnlyLinks()).whole(site)
        return _written(folder, site, output)


@contextlib.contextmanager
def placed(output: Path, say: Callable[[str], None]) -> Iterator[Path]:
    """A folder beside a site's own, for its next state, which takes its place at the end."""
    with (
        placement.alone(output.parent, lambda: say(_WAITING)),
        placement.stage(output.parent) as staged,
    ):
        yield staged
        placement.put(output.parent, staged)


def _written(folder: Path, site: Path, output: Path) -> list[Path]:
    """The pages and PDFs of a site, where they will lie; what only leads to a page is none."""
    pages = {page.relative_to(folder).with_suffix(".html") for page in project.read(folder).pages}
    made = sorted(path.relative_to(site) for path in site.rglob("*"))
    return [output / path for path in made if path in pages or path.suffix == ".pdf"]


@contextlib.contextmanager
def told_to_pages(study: str, skip_unfit: bool) -> Iterator[None]:
    """Say by the environment, since pages take no arguments, which study is shown and where it is.

    Pages run in the project's folder, so paths that are relative to here are made full ones.

    Args:
        study: a name, or the full path of a TOML file.
        skip_unfit: whether its unfit images are left out.
    """
    said = {"ANALYSIS_STUDY": study} | ({"ANALYSIS_SKIP_UNFIT": "1"} if skip_unfit else {})
    for key in ("ANALYSIS_ROOT", "ANALYSIS_CACHE"):
        if os.environ.get(key):
            said[key] = os.path.abspath(os.environ[key])
    before = {key: os.environ.get(key) for key in said}
    os.environ.update(said)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


@dataclass
class Finish:
    """What a rendered site gets after either renderer; its pages lie in ``report``.

    Args:
        results: what its pages show.
    """

    results: Results
    _values: dict[str, Any] | None = field(default=None, init=False)

    def early(self, keep: Keep) -> None:
        """While others convert the pages: what needs no page."""
        told, results = account.identity(self.results), self.results
        self._values = keep("values", told, lambda: account.values_of(results))

    def pages(self, site: Path, keep: Keep = anew) -> None:
        """When the HTML is there: ``provenance.json``, Markdown copies and ``llms.txt``.

        Raises:
            InputError: the site has no pages, or a page is none of ours.
            AnalysisError: pandoc failed.
        """
        account.write(site, self.results, self._values)
        copies.write(site, keep)  # llms.txt names the account, if it is there

    def whole(self, site: Path) -> None:
        """When every file is there: their digests in the RO-Crate; links that lead nowhere.

        Raises:
            AnalysisError: an internal link leads nowhere.
        """
        account.refresh(site)
        links.check(site)


class _OnlyLinks:
    """Nothing is added to a site."""

    def early(self, keep: Keep) -> None:
        """Nothing."""

    def pages(self, site: Path, keep: Keep) -> None:
        """Nothing."""

    def whole(self, site: Path) -> None:
        """When every file is there: links that lead nowhere."""
        links.check(site)


def look(folder: Path) -> Iterator[Finding]:
    """Pages, references and links of the project, and the links of its site if it is built."""
    if not (folder / "_quarto.yml").is_file():
        yield Finding("pages", "there is no _quarto.yml, so there are none")
        return
    problems = builtin.check(folder)
    for problem in problems:
        yield Finding("pages", problem, wrong=True)
    plan = project.read(folder)
    if not problems:
        yield Finding("pages", f"{len(plan.pages)}, and every reference in them leads somewhere")
    if not plan.output.is_dir():
        yield Finding("site", "not built")
        return
    broken = links.broken(plan.output)
    for link in broken:
        yield Finding("site", link, wrong=True)
    if not broken:
        yield Finding("site", f"every internal link in {plan.output.name} leads somewhere")
