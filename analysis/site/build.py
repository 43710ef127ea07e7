"""Pages -> ``_site``: which renderer, what every site gets after either, and into place.

The site is built beside its place and moved there when it is whole: a failed build leaves the old
site as it was. One build goes on at a time: another waits for it. What is added is made from the
results and from the pages as they were built, so that the two renderers' sites carry the same.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from analysis.project import placement
from analysis.project.environment import edition
from analysis.project.files import root
from analysis.provenance import account
from analysis.site import formulas, links, pictures, quarto
from analysis.site.builtin import policy, project
from analysis.site.builtin import site as builtin
from analysis.study.check import Finding
from analysis.study.results import Results

_DATA = """
## Data

- [provenance.json](provenance.json): where every figure and number comes from
- [ro-crate-metadata.json](ro-crate-metadata.json): the same, and every file of the site
"""


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
    with told_to_pages(study, results.study.skip_unfit):
        return pages(root(), renderer, quiet=quiet, say=say, results=results)


def pages(
    folder: Path,
    renderer: str = "builtin",
    *,
    quiet: bool = True,
    say: Callable[[str], None] = lambda _: None,
    results: Results | None = None,
) -> list[Path]:
    """Render the pages of a project with one renderer, ``quarto`` or ``builtin``.

    Args:
        folder: the project's.
        renderer: its name.
        quiet: Quarto's own lines are not shown.
        say: told what is being done.
        results: what the pages show; without any, the site gets no account.

    Returns:
        The pages and PDFs of the site, where they lie; what only leads to a page is none.

    Raises:
        InputError, AnalysisError: as `render` says.
    """
    folder = folder.resolve()
    plan = project.read(folder)
    made = edition(folder)  # asked for before anything is written, which would be a change to git

    def busy() -> None:
        say("another build of this project is under way: waiting until it is done")

    place = plan.output.parent
    with placement.alone(place, busy), placement.stage(place) as staged:
        site = staged / plan.output.name
        if renderer == "quarto":
            quarto.render(folder, site, quiet=quiet)
        else:
            builtin.render(folder, staged, made, progress=say)
        pictures.write(folder, site)
        formulas.write(site)
        protect(site)
        finish(site, results)
        names = {page.relative_to(folder).with_suffix(".html") for page in plan.pages}
        found = sorted(path.relative_to(site) for path in site.rglob("*"))
        placement.put(place, staged)
    return [plan.output / path for path in found if path in names or path.suffix == ".pdf"]


def protect(site: Path) -> None:
    """Give every page that has none a content security policy: Quarto's, and those of extensions.

    Quarto's own pages have handlers in attributes and scripts of their own, so theirs allows what
    stands in the page; what is loaded is the site's all the same, and nothing is sent elsewhere.
    Those of the built-in renderer have a stricter one from the start.
    """
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        if not re.search(r"<meta http-equiv=.Content-Security-Policy", text):
            meta = policy.meta(["'unsafe-inline'"])
            place = re.search(r"<meta charset[^>]*>", text) or re.search(r"<head[^>]*>", text)
            if place:
                path.write_text(text[: place.end()] + meta + text[place.end() :], encoding="utf-8")


def finish(site: Path, results: Results | None) -> None:
    """What a rendered site gets after either renderer: its account; and its links are followed.

    Args:
        site: the folder.
        results: what its pages show; None adds nothing.

    Raises:
        AnalysisError: an internal link leads nowhere.
    """
    if results is not None:
        if (listed := site / "llms.txt").is_file():
            with listed.open("a", encoding="utf-8") as file:
                file.write(_DATA)
        account.write(site, results)
    links.check(site)


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
