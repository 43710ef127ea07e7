"""What code a number comes from: a digest of a function with the project's functions that it calls.

Results are found by versions, which somebody raises. That it was forgotten can be seen only if what
was computed is known to be of other code. Followed are the names that a function reads, its type
hints, and the methods of the classes that are met so; comments, docstrings and white space do not
count. What is reached in another way (a function that is handed over as data) is not seen.
"""

import ast
import functools
import hashlib
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

APART = (  # which say, find and fetch, and give no numbers
    *("analysis.project", "analysis.encoders.cards", "analysis.encoders.weights"),
    *("analysis.encoders.availability", "analysis.encoders.checkpoints"),
    *("analysis.images.catalogue", "analysis.study.settings", "analysis.study.store"),
)


@functools.cache
def digest(*functions: Callable[..., Any]) -> str:
    """SHA-256 of the source of functions and of what they call in the project; empty for none.

    It is the same in every process and version of Python.
    """
    reached: dict[str, str] = {}
    classes: list[type] = []
    names: set[str] = set()
    waiting: list[Any] = list(functions)
    while waiting:
        while waiting:
            _visit(waiting.pop(), reached, classes, names, waiting)
        # A method counts if anything that was met has its name; which may be met later than it.
        for one in classes:
            for name, member in vars(one).items():
                if name in names or name in ("__init__", "__post_init__", "__call__"):
                    waiting += [code for code in _codes(member) if _name(code) not in reached]
    text = "\n".join(f"{name} {reached[name]}" for name in sorted(reached))
    return hashlib.sha256(text.encode()).hexdigest() if reached else ""


def _visit(
    item: Any, reached: dict[str, str], classes: list[type], names: set[str], waiting: list[Any]
) -> None:
    """Note a function's source, or a class; put what it leads to among what waits."""
    if isinstance(item, type):
        if _ours(item) and item not in classes:
            classes.append(item)
            waiting += item.__bases__
        return
    for function in _codes(item):
        if not _ours(function) or (name := _name(function)) in reached:
            continue
        reached[name] = _text(function)
        for hint in function.__annotations__.values():
            waiting += _within(hint, function)
        for code in _nested(function.__code__):
            names.update(code.co_names)
            for read in code.co_names:
                place = f"{function.__module__}.{read}"
                waiting += _value(function.__globals__.get(read), code, reached, place)
        for cell in function.__closure__ or ():
            waiting += _codes(cell.cell_contents)


def _value(value: Any, code: types.CodeType, reached: dict[str, str], place: str) -> Iterator[Any]:
    """What a global name leads to: a function, a class, the parts of a module, or itself."""
    if isinstance(value, types.ModuleType):
        if value.__name__.startswith("analysis."):
            for read in code.co_names:
                if hasattr(value, read):
                    yield from _value(
                        getattr(value, read), code, reached, f"{value.__name__}.{read}"
                    )
    elif isinstance(value, type) or _codes(value):
        yield value
    elif isinstance(value, dict | list | tuple):
        parts = [*value.values()] if isinstance(value, dict) else [*value]
        yield from (part for part in parts if _codes(part))
        if not any(_codes(part) for part in parts) and _plain(value):
            reached[place] = repr(value)
    elif isinstance(value, bool | int | float | str):
        reached[place] = repr(value)


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_plain, [*value.keys(), *value.values()]))
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    return isinstance(value, bool | int | float | str)


def _within(hint: Any, function: types.FunctionType) -> list[Any]:
    """The classes in a type hint."""
    if isinstance(hint, str):
        hint = function.__globals__.get(hint)
    found = [hint] if isinstance(hint, type) else []
    return found + [one for part in typing.get_args(hint) for one in _within(part, function)]


def _codes(item: Any) -> list[types.FunctionType]:
    """The function behind what can be called or read like an attribute."""
    if isinstance(item, property):
        return _codes(item.fget)
    if isinstance(item, functools.cached_property | functools.partial):
        return _codes(item.func)
    if isinstance(item, staticmethod | classmethod | types.MethodType):
        return _codes(item.__func__)
    if hasattr(item, "__wrapped__") and not isinstance(item, type):
        item = inspect.unwrap(item)
    return [item] if isinstance(item, types.FunctionType) else []


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _nested(constant)


def _ours(item: Any) -> bool:
    module = item.__module__ or ""
    apart = any(module == one or module.startswith(f"{one}.") for one in APART)
    return module.startswith("analysis.") and not apart


def _name(function: types.FunctionType) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _text(function: types.FunctionType) -> str:
    """A function's source without white space, comments and docstring; empty if it has none."""
    return _texts(function.__module__).get(function.__code__.co_firstlineno, "")


@functools.cache
def _texts(module: str) -> dict[int, str]:
    """First line -> text of each function and lambda of a module; of one line's, all."""
    source = inspect.getsource(sys.modules[module])
    lines = source.splitlines(keepends=True)
    found: dict[int, str] = {}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            continue
        first, skipped = node.lineno, range(0)
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            if ast.get_docstring(node) is not None:
                skipped = range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
        numbers = range(first, (node.end_lineno or first) + 1)
        text = "".join(lines[n - 1] for n in numbers if n not in skipped)
        text = re.sub(r"(?m)(^|\s)#.*$", "", text)
        found[first] = found.get(first, "") + re.sub(r"\s+", "", text)
    return found
