"""What a rendered site gets after either renderer: its account of itself, and copies as Markdown.

Everything is made from the results and from the pages as they were built, so that the two
renderers' sites carry the same, and the same site is finished the same.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis import crate
from analysis.render import copies
from analysis.render.builtin.memory import Keep, anew
from analysis.results import Results


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
        told, results = crate.identity(self.results), self.results
        self._values = keep("values", told, lambda: crate.values_of(results))

    def pages(self, site: Path, keep: Keep = anew) -> None:
        """When the HTML is there: ``provenance.json``, Markdown copies and ``llms.txt``.

        Raises:
            InputError: the site has no pages, or a page is none of ours.
            AnalysisError: pandoc failed.
        """
        crate.write(site, self.results, self._values)
        copies.write(site, keep)  # llms.txt names the account, if it is there

    def whole(self, site: Path) -> None:
        """When every file is there: their digests in the RO-Crate."""
        crate.refresh(site)
