"""Rendering the pages of a study: which renderer, and what every site gets after either."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from analysis.provenance import account
from analysis.site import copies, links
from analysis.site.builtin.memory import Keep, anew
from analysis.study.check import Finding
from analysis.study.results import Results


def _pages(folder: Path) -> Iterator[Finding]:
    """Pages, references and links of the project, and the links of its site if it is built."""
    from analysis.site.builtin import project
    from analysis.site.builtin.site import check

    if not (folder / "_quarto.yml").is_file():
        yield Finding("pages", "there is no _quarto.yml, so there are none")
        return
    problems = check(folder)
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


class Renderer(StrEnum):
    """What renders the pages."""

    auto = "auto"
    quarto = "quarto"
    builtin = "builtin"


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
    """The steps of finishing a site; its pages lie in ``report``.

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
        """When every file is there: their digests in the RO-Crate."""
        account.refresh(site)
