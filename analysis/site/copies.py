"""Markdown copies of the pages and ``llms.txt``, for readers that are programs.

They are made of the built HTML, so that both renderers' sites have the same: what is on the page,
with formulas as TeX and without navigation, folded code and controls. ``llms.txt`` follows
https://llmstxt.org: a title, a summary, and links to the copies.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from analysis.project.errors import AnalysisError, InputError
from analysis.site.builtin import pandoc
from analysis.site.builtin.memory import Keep, anew
from analysis.site.tree import Element, read

_TO = "gfm-raw_html+tex_math_dollars"
_DROPPED = {"script", "style", "button", "nav", "template", "select", "input", "canvas", "dialog"}


def write(site: Path, keep: Keep = anew) -> list[Path]:
    """Write ``x.md`` beside each page ``x.html`` of a built site, and ``llms.txt`` at its root.

    Args:
        site: the built site.
        keep: remembers the copies of sections that stay as they are.

    Returns:
        The files written.

    Raises:
        InputError: the site has no pages.
        AnalysisError: pandoc failed.
    """
    pages = sorted((site / "report").glob("*.html"))
    if not pages:
        raise InputError(f"{site}: no pages in its report/: render the site first")
    with ThreadPoolExecutor(2) as threads:
        heads = list(threads.map(lambda page: _copy(page, keep), pages))
    # The paper is the index; the other pages follow it.
    listed = sorted(zip(pages, heads, strict=True), key=lambda one: one[0].stem != "index")
    title, summary = listed[0][1]
    lines = [f"# {title}", "", f"> {summary}", "", "## Pages", ""]
    for page, (name, description) in listed:
        target = page.relative_to(site).with_suffix(".md").as_posix()
        lines.append(f"- [{name}]({target}): {description}")
    others = [
        name for name in ("provenance.json", "ro-crate-metadata.json") if (site / name).is_file()
    ]
    if others:
        lines += ["", "## Data", ""]
        lines += [
            f"- [{name}]({name}): where every figure and number comes from" for name in others
        ]
    (site / "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [*(page.with_suffix(".md") for page in pages), site / "llms.txt"]


def _copy(page: Path, keep: Keep) -> tuple[str, str]:
    """Write the Markdown of a page; returns its title and description."""
    whole = read(page)
    main = next(whole.all("main"), None)
    if main is None:
        raise InputError(f"{page}: no <main>, so this is no page of ours")
    title, description = _title(whole), _description(whole)
    parts = [c for c in main.children if isinstance(c, str) or (c.tag != "header" and _kept(c))]
    sections: list[list[Element | str]] = [[]]
    for part in parts:
        if isinstance(part, Element) and part.tag in ("h2", "section"):
            sections.append([])
        sections[-1].append(part)
    text = [f"# {title}"]
    for number, section in enumerate(sections):
        if body := Element("", {}, section).html(_kept).strip():
            text.append(keep(f"copy-{page.stem}-{number}", body, partial(_markdown, page, body)))
    content = "\n\n".join(filter(None, text))
    page.with_suffix(".md").write_text(f"{content}\n", encoding="utf-8")
    return title, description


def _markdown(page: Path, body: str) -> str:
    """A piece of HTML as Markdown."""
    done = pandoc.run("--from=html", f"--to={_TO}", "--wrap=none", text=body)
    if done.returncode != 0:
        raise AnalysisError(f"{page}: pandoc failed: {done.stderr.strip()}")
    return done.stdout.strip()


def _kept(element: Element) -> bool:
    gone = element.tag in _DROPPED or element.classes & {"anchor", "code-fold", "code-copy-button"}
    return not gone


def _title(whole: Element) -> str:
    heading = next(whole.all("h1"), None) or next(whole.all("title"), None)
    return heading.text() if heading else ""


def _description(whole: Element) -> str:
    for meta in whole.all("meta"):
        if meta.attributes.get("name") == "description":
            return meta.attributes.get("content", "")
    return ""
