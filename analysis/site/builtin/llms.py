"""Markdown copies of the pages and ``llms.txt``, for readers that are programs.

What Quarto's ``llms-txt`` writes, under the same names: ``x.llms.md`` beside ``x.html``, with what
is on the page, formulas as TeX, without navigation, folded code and controls; and the list of them
(https://llmstxt.org).
"""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from analysis.project.errors import AnalysisError
from analysis.site.builtin import pandoc, tree

_DROPPED = {
    *("script", "style", "button", "nav", "header", "template", "select", "input", "canvas"),
    *("dialog", "svg"),
}
_FOLDED = {"anchor", "code-fold"}


def write(site: Path, title: str, pages: list[Path], kept: Path) -> None:
    """Write a copy beside each page of a built site, and ``llms.txt`` at its root.

    Args:
        site: its folder.
        title: of the whole.
        pages: relative to the site.
        kept: a folder for what pandoc answered, so that it is not asked again.

    Raises:
        AnalysisError: pandoc failed.
    """
    lines = [f"# {title}", "", "## Pages", ""]
    with ThreadPoolExecutor(2) as threads:
        heads = threads.map(lambda page: _copy(site, page, kept), pages)
        for page, (name, description) in zip(pages, heads, strict=True):
            lines.append(f"- [{name}]({page.with_suffix('.llms.md').as_posix()}): {description}")
    (site / "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _copy(site: Path, name: Path, kept: Path) -> tuple[str, str]:
    """Write the Markdown of a page; returns its title and description."""
    page = site / name
    whole = tree.read(page.read_text(encoding="utf-8"))
    title, main = next(whole.all("h1")).text(), next(whole.all("main"))
    body = main.html(lambda one: one.tag not in _DROPPED and not one.classes & _FOLDED)
    done = pandoc.run(
        "--from=html",
        "--to=gfm-raw_html-tex_math_gfm",
        "--wrap=none",
        text=body,
        kept=kept / name.with_suffix(".gfm.json"),
    )
    if done.returncode != 0:
        raise AnalysisError(f"{page}: pandoc failed: {done.stderr.strip()}")
    # Links to other pages lead to their copies.
    text = re.sub(r"\]\(([\w-]+)\.html(#[^)]*)?\)", r"](\1.llms.md\2)", done.stdout)
    page.with_suffix(".llms.md").write_text(f"# {title}\n\n{text}", encoding="utf-8")
    meta = {one.attributes.get("name"): one.attributes.get("content") for one in whole.all("meta")}
    return title, meta.get("description") or ""
