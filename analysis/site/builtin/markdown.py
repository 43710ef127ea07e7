"""Prose and results become one Markdown text, with the origin of every line.

The text is the same for HTML and PDF; what differs between them is decided by the Lua filters.
"""

import ast
import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.project.errors import AnalysisError
from analysis.project.markdown import escaped, quoted
from analysis.site.builtin.cells import Results
from analysis.site.builtin.page import MARK, Cell, Line, Page, alternative

# Up to this size a figure is shown as SVG; above it, as the smaller of SVG and PNG.
LARGEST_SVG = 400_000
_STUB_TABLE = "| a |\n|---|\n| 1 |"
_PX = {"pt": 96 / 72, "in": 96.0, "px": 1.0, "": 1.0}


@dataclass
class Composed:
    """A text for pandoc; ``origins[n]`` is where its line n + 1 comes from."""

    lines: list[str]
    origins: list[Line]

    @property
    def text(self) -> str:
        """The whole text."""
        return "\n".join(self.lines) + "\n"


def compose(page: Page, results: Results | None, folder: Path | None) -> Composed:
    """The Markdown of a page.

    Args:
        page: as read.
        results: what its cells gave; None composes stand-ins for a check without running.
        folder: where the figures are written; None writes none.

    Raises:
        AnalysisError: a cell gave something the page can't show: no figure or two where one is
            promised, a figure without alternative text.
    """
    composed = Composed([], [])
    for index, piece in enumerate(page.pieces):
        if isinstance(piece, Cell):
            outputs = None if results is None else results.outputs.get(index, [])
            for block in _cell(page, piece, index, outputs, folder):
                for text in ["", *block.splitlines(), ""]:
                    composed.lines.append(text)
                    composed.origins.append(piece.line)
            continue
        for line in piece:
            text = line.text
            if results is not None:
                values = results.values
                text = MARK.sub(lambda found, at=values: _value(at[int(found[1])]), text)  # type: ignore[misc]
            for part in text.split("\n"):
                composed.lines.append(part)
                composed.origins.append(line)
    return composed


def _value(data: dict[str, str]) -> str:
    """An inline value: Markdown as it is, anything else as plain text."""
    if "text/markdown" in data:
        return data["text/markdown"]
    text = data["text/plain"]
    if re.match(r"""^['"].*['"]$""", text, re.DOTALL):
        text = str(ast.literal_eval(text))
    return escaped(text)


def _cell(
    page: Page, cell: Cell, index: int, outputs: list[dict[str, Any]] | None, folder: Path | None
) -> Iterator[str]:
    options = cell.options
    if not options.get("include", page.option("include", "html", True)):
        return
    if cell.label:
        yield f"::: {{#{cell.label}}}"
    yield from _code(page, cell)
    shown = options.get("output", page.option("output", "html", True))
    name = cell.label or cell.container
    if outputs is None:
        if name and shown:
            alt = quoted(alternative(cell))
            stub = f"![](about:stub){{fig-alt={alt}}}"
            yield stub if name.startswith("fig-") else _STUB_TABLE
    elif shown:
        figures = [out for out in outputs if _is_figure(out.get("data", {}))]
        if name and name.startswith("fig-") and len(figures) != 1 and options.get("eval", True):
            what = "no figure" if not figures else f"{len(figures)} figures"
            raise AnalysisError(
                f"{cell.line.path}:{cell.line.number}: the cell of '{name}' gave {what}; it shall "
                "give one, as its last expression (a pyplot figure is shown by itself: close it)"
            )
        for number, out in enumerate(outputs):
            stem = name or f"cell-{index}-{number}"
            yield from _output(page, cell, out, shown == "asis", stem, folder)
    if cell.label:
        yield str(options.get("fig-cap") or options.get("tbl-cap"))
        yield ":::"


def _is_figure(data: dict[str, str]) -> bool:
    """Whether an output is a picture, or Markdown with one in it."""
    return "image/png" in data or "![" in data.get("text/markdown", "")


def _code(page: Page, cell: Cell) -> Iterator[str]:
    def choice(key: str, form: str, default: Any) -> Any:
        return cell.options.get(key, page.option(key, form, default))

    if not cell.code.strip():
        return
    fold = choice("code-fold", "html", False)
    forms = [form for form in page.formats if choice("echo", form, True)]
    # Folded code is for those who unfold it: there is nothing to unfold on paper.
    forms = [form for form in forms if form != "typst" or not fold]
    if forms:
        summary = quoted(str(choice("code-summary", "html", "Code")))
        state = {True: "closed", "show": "open"}.get(fold, "none")
        yield f'::: {{.cell-code formats="{" ".join(forms)}" fold={state} summary={summary}}}'
        yield _fenced(cell.code.strip("\n"), ".python")
        yield ":::"


def _output(
    page: Page, cell: Cell, out: dict[str, Any], asis: bool, stem: str, folder: Path | None
) -> Iterator[str]:
    kind, data = out["output_type"], out.get("data", {})
    if kind == "stream":
        if out["name"] == "stdout":
            yield out["text"] if asis else _fenced(out["text"].rstrip(), ".cell-output")
        elif cell.options.get("warning", page.option("warning", "html", True)):
            yield _fenced(out["text"].rstrip(), ".cell-stderr")
    elif kind == "error":
        yield _fenced(f"{out['ename']}: {out['evalue']}", ".cell-stderr")
    elif "image/png" in data:
        yield _figure(page, cell, data, stem, folder)
    elif "text/markdown" in data:
        yield data["text/markdown"]
    elif "text/html" in data:
        # The filter refuses raw HTML on a page with a PDF unless it is conditional.
        yield f'::: {{.cell-html at="{cell.line.path}:{cell.line.number}"}}'
        yield _fenced(data["text/html"], "=html")
        yield ":::"
    elif "text/plain" in data:
        yield _fenced(data["text/plain"], ".cell-output")


def _figure(page: Page, cell: Cell, data: dict[str, str], stem: str, folder: Path | None) -> str:
    """Write the figure beside the page and return the image that shows it."""
    alt = str(cell.options.get("fig-alt") or "")
    if not alt:
        raise cell.line.error("this cell shows a figure without alternative text: '#| fig-alt: …'")
    svg = data.get("image/svg+xml", "")
    head = svg[svg.find("<svg") :].partition(">")[0]
    sizes = dict(re.findall(r' (width|height)="([\d.]+(?:pt|px|in)?)"', head))
    if len(sizes) < 2:
        raise cell.line.error("this figure has no size: return a matplotlib figure")
    size = " ".join(f"{side}={_pixels(length)}" for side, length in sizes.items())
    png = base64.b64decode(data["image/png"])
    suffix = "svg" if len(svg.encode()) <= max(LARGEST_SVG, len(png)) else "png"
    target = Path(f"{page.path.stem}_files") / f"{stem}.{suffix}"
    if folder is not None:
        file = folder / target
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(svg.encode() if suffix == "svg" else png)
    return f"![]({target.as_posix()}){{fig-alt={quoted(alt)} {size}}}"


def _pixels(length: str) -> int:
    """A length of an SVG, such as ``345.6pt``, in CSS pixels."""
    number = length.rstrip("ptxin")
    return round(float(number) * _PX[length.removeprefix(number)])


def _fenced(text: str, info: str) -> str:
    ticks = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", text) or [""]))
    return f"{ticks} {{{info}}}\n{text}\n{ticks}"
