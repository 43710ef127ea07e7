"""A page becomes prose and cells; what a page may contain.

=====================  ==========================================================================
Headings               ``##`` and deeper (``#`` is the title's); ``{#sec-x}``, ``{.unnumbered}``
Cells                  ```` ```{python} ```` at the margin, with the options in ``CELL_OPTIONS``
Inline code            `` `{python} expr` `` in prose and captions; not in YAML, maths, attributes
Figures                a cell with ``label: fig-x``, ``fig-cap`` and ``fig-alt``; a div
                       ``::: {#fig-x}`` round a cell or an image, its last paragraph the caption;
                       a cell that returns its image as ``Markdown`` may state ``alt="…"`` itself;
                       ``![Caption](file){#fig-x fig-alt="…"}``
Tables                 a div ``::: {#tbl-x}`` round a pipe table or a cell that returns one as
                       ``Markdown``, its last paragraph the caption; a cell with ``label: tbl-x``
                       and ``tbl-cap``; a pipe table with ``: Caption {#tbl-x}``; round the table
                       may be ``::: {.told title="…"}``, which hovering shows
Equations              ``$$ … $$ {#eq-x}``, always labelled
Footnotes              ``[^x]`` and ``[^x]: …``, ``^[…]``
References             ``@sec-x @fig-x @tbl-x @eq-x``, ``[-@eq-x]``, ``[@fig-a; @fig-b]``, and
                       citations of keys in the bibliography; ``::: {#refs}``
Callouts               ``.callout-note -tip -warning -important -caution``; ``title``, ``collapse``
Conditional            ``.content-visible`` / ``.content-hidden`` with ``when-format`` (or
                       ``unless-format``) ``html`` or ``typst``; no label and no heading in it
Lead                   ``::: {.lead}``, a page's answer in larger letters
Margin notes           ``::: {.column-margin}`` within conditional content for ``html``
Raw                    ```` ```{=html} ```` within conditional content, ```` ```{=typst} ```` too
Shortcodes             ``{{< include _file.qmd >}}`` on its own line, ``{{< meta key >}}``
=====================  ==========================================================================
"""

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from analysis.project.errors import InputError, nearest
from analysis.project.quarto_yml import lookup
from analysis.site.builtin import project

CELL_OPTIONS = [
    *("label", "echo", "output", "include", "eval", "warning", "error"),
    *("fig-cap", "fig-alt", "tbl-cap", "code-fold", "code-summary"),
]
# Inline code stands in the text between two private-use characters until it has a value.
MARK = re.compile("\ue000(\\d+)\ue001")

_FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})\s*(.*?)\s*$")
_DIV = re.compile(r"^:{3,}\s*(.*?)\s*$")
_INLINE = re.compile(r"(?<!`)`\{python\}[ \t]([^`]+)`")
_SHORTCODE = re.compile(r"\{\{<\s*(.*?)\s*>\}\}")
_APART = re.compile(r":::|#|```|~~~|\s*<!--")  # lines after which a div may open at once
_NOTE = re.compile(r"(?<!\\)\[\^([^\]\s]+)\](:?)")
_ANNOTATION = re.compile(r"(?:#|//|--|%|;|!|/\*)\s*<(\d+)>\s*(?:\*/|-->)?\s*$")
_LABEL = re.compile(r"#((?:fig|tbl)-[\w-]+)")


@dataclass(frozen=True)
class Line:
    """A line of text and where it was written."""

    text: str
    path: Path
    number: int

    def error(self, message: str) -> InputError:
        """The error that says where and what."""
        return InputError(f"{self.path}:{self.number}: {message}")


@dataclass(frozen=True)
class Cell:
    """A code cell: its place, its options, its code, and the labelled div it stands in.

    ``first`` is the line the code begins at, below the options.
    """

    line: Line
    options: dict[str, Any]
    code: str
    container: str | None
    first: int

    @property
    def label(self) -> str | None:
        """Its own ``fig-`` or ``tbl-`` label."""
        label = str(self.options.get("label", ""))
        return label if label.startswith(("fig-", "tbl-")) else None


@dataclass
class Page:
    """A page as read: its settings (the project's below its own) and its pieces in order.

    ``undefined`` names the footnotes that it refers to and does not define.
    """

    path: Path
    root: Path
    meta: dict[str, Any]
    own: dict[str, Any]
    pieces: list[list[Line] | Cell] = field(default_factory=list)
    inline: list[tuple[Line, str]] = field(default_factory=list)
    source: list[Line] = field(default_factory=list)
    undefined: list[str] = field(default_factory=list)

    @property
    def formats(self) -> list[str]:
        """``html``, and ``typst`` if the page asks for a PDF."""
        return list(self.own.get("format") or {"html": "default"})

    def option(self, key: str, form: str, default: Any = None) -> Any:
        """A setting, as Quarto finds it: format, then page, then project; ``execute.`` or bare."""
        for place in (f"format.{form}.{key}", f"format.{form}.execute.{key}", key):
            value = lookup(self.meta, place)
            if value is not None:
                return value
        return lookup(self.meta, f"execute.{key}", default)

    def where(self, token: str) -> str:
        """``file:line`` of the first line that has ``token`` in it, else the file."""
        whole = re.compile(rf"(?<![\w-]){re.escape(token)}(?![\w-])")
        for line in self.source:
            if whole.search(line.text):
                return f"{line.path}:{line.number}"
        for line in self.source:
            if token in line.text:
                return f"{line.path}:{line.number}"
        return str(self.path)


def read(path: Path, root: Path, settings: dict[str, Any]) -> Page:
    """Read a page of the project in ``root``; ``settings`` is its ``_quarto.yml``.

    Raises:
        InputError: the page has something outside the subset, with its file and line.
    """
    lines = [Line(text, path, n) for n, text in enumerate(_text(path).splitlines(), 1)]
    own: dict[str, Any] = {}
    if lines and lines[0].text.rstrip() == "---":
        end = next((n for n, line in enumerate(lines) if n and line.text.rstrip() == "---"), None)
        if end is None:
            raise lines[0].error("the front matter has no closing '---'")
        own = project.front_matter("\n".join(line.text for line in lines[1:end]), path)
        lines = lines[end + 1 :]
    # Quarto merges every key of the project into the page, but the formats only if it has any.
    page = Page(path, root, project.merge(settings, own), own)
    page.source = _expand(lines, page.meta, ())
    _split(page)
    return page


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8: {error}") from None


def _expand(lines: list[Line], meta: dict[str, Any], within: tuple[Path, ...]) -> list[Line]:
    """The lines with their shortcodes replaced."""
    expanded: list[Line] = []
    for line in lines:
        include = _SHORTCODE.fullmatch(line.text.strip())
        if include and include[1].startswith("include "):
            target = (line.path.parent / include[1].removeprefix("include ").strip()).resolve()
            if not target.is_file():
                raise line.error(f"no such file to include: {target.name}")
            if target in within:
                raise line.error(f"{target.name} includes itself")
            inner = [Line(text, target, n) for n, text in enumerate(_text(target).splitlines(), 1)]
            expanded += _expand(inner, meta, (*within, target))
        else:
            text = _SHORTCODE.sub(lambda m, at=line: _meta(m[1], meta, at), line.text)  # type: ignore[misc]
            expanded.append(Line(text, line.path, line.number))
    return expanded


def _meta(call: str, meta: dict[str, Any], line: Line) -> str:
    name, _, key = call.partition(" ")
    if name == "include":
        raise line.error("an include stands on a line of its own")
    if name != "meta":
        raise line.error(f"unknown shortcode '{name}'; {nearest(name, ['include', 'meta'])}")
    value = lookup(meta, key.strip())
    if not isinstance(value, str | int | float):
        raise line.error(f"no text at the key '{key.strip()}' of the front matter or _quarto.yml")
    return str(value)


def _split(page: Page) -> None:
    """Cut the source into prose and cells, with the inline code numbered."""
    prose: list[Line] = []
    divs: list[tuple[Line, str | None]] = []
    labels: dict[str, Line] = {}
    notes: dict[str, set[str]] = {"": set(), ":": set()}
    lines = iter(page.source)
    before = ""
    for line in lines:
        above, before = before, line.text
        fence = _FENCE.match(line.text)
        if fence is None:
            for note in _NOTE.finditer(line.text):
                notes[note[2]].add(note[1])
            if div := _DIV.match(line.text):
                if div[1] and above.strip() and not _APART.match(above):
                    raise line.error(
                        "this ':::' isn't read as one: it needs a blank line before it"
                    )
                _track(div[1], line, divs)
            prose.append(_number(line, page))
            continue
        indent, ticks, info = fence.groups()
        body: list[Line] = []
        for inner in lines:
            if re.fullmatch(rf"\s*{ticks[0]}{{{len(ticks)},}}\s*", inner.text):
                before = inner.text
                break
            if _ANNOTATION.search(inner.text):
                raise inner.error("annotated code is outside the subset: write a comment instead")
            body.append(inner)
        else:
            raise line.error("this code fence isn't closed")
        if info == "{python}":
            if indent:
                raise line.error("a cell begins at the margin, not in a list or an indented block")
            if prose:
                page.pieces.append(prose)
                prose = []
            cell = _cell(line, body, next((name for _, name in divs[::-1] if name), None))
            name = str(cell.options.get("label", ""))
            if name in labels:
                raise line.error(f"the label '{name}' is taken, by line {labels[name].number}")
            if name:
                labels[name] = line
            page.pieces.append(cell)
        elif info.startswith("{") and info not in ("{=html}", "{=typst}"):
            if not re.fullmatch(r"\{\.[\w+-]+\}", info):
                raise line.error(
                    f"unknown block {info}; known: {{python}}, {{=html}}, {{=typst}}, {{.language}}"
                )
            prose += [line, *body, inner]
        else:
            prose += [line, *body, inner]
    if prose:
        page.pieces.append(prose)
    if divs:
        raise divs[-1][0].error("this ':::' isn't closed")
    page.undefined = sorted(notes[""] - notes[":"])


def _track(opening: str, line: Line, divs: list[tuple[Line, str | None]]) -> None:
    if opening:
        label = _LABEL.search(opening)
        divs.append((line, label[1] if label else None))
    elif divs:
        divs.pop()
    else:
        raise line.error("this ':::' closes nothing")


def _number(line: Line, page: Page) -> Line:
    def mark(found: re.Match[str]) -> str:
        page.inline.append((line, found[1].strip()))
        return f"\ue000{len(page.inline) - 1}\ue001"

    text = _INLINE.sub(mark, line.text)
    if re.search(r"(?<!`)`\{\w+\}", text):
        raise line.error("inline code is written `{python} expression`, on one line")
    return Line(text, line.path, line.number)


def _cell(line: Line, body: list[Line], container: str | None) -> Cell:
    options: dict[str, Any] = {}
    head = [item for item in body if item.text.startswith("#|")]
    if head != body[: len(head)]:
        raise head[-1].error("the '#|' options stand first in the cell")
    try:
        options = yaml.safe_load("\n".join(item.text[2:] for item in head)) or {}
    except yaml.YAMLError as error:
        raise line.error(f"the options of this cell are no YAML: {error}") from None
    if not isinstance(options, dict):
        raise line.error("the options of this cell are written '#| key: value'")
    for key, value in options.items():
        at = next((item for item in head if str(key) in item.text), line)
        if key not in CELL_OPTIONS:
            raise at.error(f"unknown cell option '{key}'; {nearest(str(key), CELL_OPTIONS)}")
        if "`{" in str(value):
            raise at.error(f"inline code isn't run in '{key}': use the div form of the caption")
    code = "\n".join(item.text for item in body[len(head) :])
    cell = Cell(line, options, code, container, line.number + len(head) + 1)
    label = str(options.get("label", ""))
    if label.split("-")[0] in ("sec", "eq", "lst"):
        raise line.error(f"a cell's label can't be of the kind '{label.split('-')[0]}'")
    if cell.label and container:
        raise line.error(f"'{cell.label}' is within '{container}': label one of them")
    name = cell.label or container or ""
    if name.startswith("fig-") and options.get("eval", True) and not alternative(cell):
        raise line.error(f"the figure '{name}' has no alternative text: '#| fig-alt: …'")
    for kind in ("fig", "tbl"):
        has_caption = f"{kind}-cap" in options
        if has_caption != bool(cell.label and cell.label.startswith(kind)):
            raise line.error(f"'{kind}-cap' and a label '{kind}-…' belong together")
    return cell


def alternative(cell: Cell) -> str:
    """The alternative text of a cell's figure: its option, or what its code passes or shows.

    Of an ``alt=…`` that the code makes it is the expression, as source, and so it is of a call of
    ``show``, whose image has its own; an empty one is refused when the image is there.
    """
    if said := str(cell.options.get("fig-alt") or ""):
        return said
    try:
        tree = ast.parse(cell.code)
    except SyntaxError:  # told when it runs
        return ""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    words = [word.value for call in calls for word in call.keywords if word.arg == "alt"]
    passed = [
        str(word.value or "") if isinstance(word, ast.Constant) else ast.unparse(word)
        for word in words
    ]
    shows = [ast.unparse(call) for call in calls if getattr(call.func, "attr", "") == "show"]
    return next((text for text in [*passed, *shows] if text.strip()), "")
