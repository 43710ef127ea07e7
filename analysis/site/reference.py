"""The reference: what each module, class and function of a package is, from its docstrings.

Docstrings are Markdown with formulas in dollars and Google's sections. They are read without
importing anything, by griffe, so that the page needs neither torch nor an encoder.
"""

import functools
import itertools
import logging
import re
from collections.abc import Iterator
from typing import Any

import griffe

from analysis.project.files import PACKAGE
from analysis.project.markdown import Markdown, code, escaped

logging.getLogger("griffe").setLevel(logging.ERROR)  # it expects types where we give none
_FORMULA = re.compile(r"(\$\$.*?\$\$|\$[^$]+\$|``?[^`]+``?)", re.DOTALL)
_DISPLAYED = re.compile(r"^ *\$\$\n.*?\n *\$\$$", re.DOTALL | re.MULTILINE)
_EQUATION = re.compile(r"@(eq-[\w-]+)")
# The page that has the equations, and those that another has. Were they looked for in the pages,
# any edit of one would run this one's cells again; the site's links are followed anyway.
PAPER = "paper.qmd"
ELSEWHERE = {"eq-sign-trap": "settings.qmd"}


def of(package: str) -> Markdown:
    """The modules of a package with their public classes and functions, under headings.

    Args:
        package: such as ``spectra``.

    Returns:
        Markdown, headings from the third level down.
    """
    text = "\n\n".join(part for one in _below(_package()[package]) for part in _module(one))
    numbers = itertools.count(1)
    return Markdown(
        _DISPLAYED.sub(lambda found: f"{found[0]} {{#eq-ref-{package}-{next(numbers)}}}", text)
    )


def _below(package: griffe.Module) -> Iterator[griffe.Module]:
    """The modules of a package and of those within it, by name."""
    for _, one in sorted(package.modules.items()):
        yield one
        yield from _below(one)


@functools.cache
def _package() -> griffe.Module:
    loaded = griffe.load(
        PACKAGE.name,
        search_paths=[PACKAGE.parent],
        docstring_parser="google",
        docstring_options={
            "returns_named_value": False,
            "returns_multiple_items": False,
            "warnings": False,
        },
    )
    assert isinstance(loaded, griffe.Module)
    return loaded


def _module(module: griffe.Module) -> Iterator[str]:
    path = module.path.removeprefix(f"{PACKAGE.name}.")
    yield f"### {code(path)} {{#{_label(path)}}}"
    yield from _docstring(module)
    for name, member in module.members.items():
        own = not member.is_alias and not name.startswith("_")
        if own and (member.is_function or member.is_class) and member.docstring:
            yield f"#### {code(f'{path}.{name}')} {{#{_label(f'{path}.{name}')}}}"
            yield f"```python\n{_signature(member)}\n```"
            yield from _docstring(member)


def _signature(member: Any) -> str:
    """How a function or class is called, one parameter a line if it would not fit into one."""
    if member.is_class and not member.parameters:
        return f"class {member.name}"
    whole = str(member.signature())
    if len(whole) <= 80:
        return whole
    shown = [f"    {line}," for line in _parameters(member)]
    returns = "" if member.is_class or member.returns is None else f" -> {member.returns}"
    return "\n".join([f"{member.name}(", *shown, f"){returns}"])


def _parameters(member: Any) -> Iterator[str]:
    marked = False
    for one in member.parameters:
        if one.name == "self":
            continue
        if one.kind is griffe.ParameterKind.keyword_only and not marked:
            marked = True
            yield "*"
        text = one.name + (f": {one.annotation}" if one.annotation is not None else "")
        yield text if one.default is None else f"{text} = {one.default}"


def _docstring(member: Any) -> Iterator[str]:
    for section in member.docstring.parsed if member.docstring else ():
        kind, value = section.kind.value, section.value
        if kind == "text":
            yield _text(value)
        elif kind in ("parameters", "attributes"):
            yield "\n".join(f"- {code(one.name)}: {_item(one.description)}" for one in value)
        elif kind == "returns":
            yield "\n\n".join(f"Returns: {_text(one.description)}" for one in value)
        elif kind == "raises":
            yield "\n".join(
                f"- raises {code(str(one.annotation))}: {_item(one.description)}" for one in value
            )


def _item(text: str) -> str:
    """The text of a list's item, its further lines indented."""
    return _text(text).replace("\n", "\n  ")


def _text(text: str) -> str:
    """A docstring's text as Markdown: equations are links, powers beside formulas no markup."""
    parts = _FORMULA.split(text)
    for index in range(0, len(parts), 2):
        plain = parts[index].replace("^", r"\^").replace("~", r"\~").replace("<", r"\<")
        parts[index] = _EQUATION.sub(_link, plain)
    return "".join(parts)


def _link(found: re.Match[str]) -> str:
    page, name = ELSEWHERE.get(found[1], PAPER), found[1].removeprefix("eq-").replace("-", " ")
    return f"([equation: {escaped(name)}]({page}#{found[1]}))"


def _label(path: str) -> str:
    return "ref-" + path.replace(".", "-").replace("_", "-")
