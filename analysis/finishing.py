"""What a rendered site gets after either renderer: its account of itself, and copies as Markdown.

Everything is made from the results and from the pages as they were built, so that the two
renderers' sites carry the same, and the same site is finished the same.
"""

from pathlib import Path

from analysis import crate
from analysis.render import copies
from analysis.results import Results


def finish(site: Path, results: Results) -> list[Path]:
    """Write ``provenance.json``, the RO-Crate, Markdown copies and ``llms.txt`` into a site.

    Args:
        site: the rendered site; its pages lie in ``report``.
        results: what its pages show.

    Returns:
        The files written.

    Raises:
        InputError: the site has no pages, or a page is none of ours.
        AnalysisError: pandoc failed.
    """
    account = crate.write(site, results)
    written = copies.write(site)  # llms.txt names the account, if it is there
    crate.refresh(site)
    return [*account, *written]
