"""What pages show that is made from results: figures and tables, found by their labels.

``fig-snr-match`` is drawn by ``paper/figures/snr_match.py`` from the numbers of its
``data(results)``; ``tbl-shift`` is ``table_shift(results)`` in a module of ``paper/tables``.
"""

import dataclasses
import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from analysis.paper import figures as paper_figures
from analysis.paper import tables as paper_tables
from analysis.paper import values as paper_values
from analysis.paper.series import Data
from analysis.project.errors import InputError, nearest
from analysis.project.files import PACKAGE, checkout_folder
from analysis.project.markdown import Markdown
from analysis.provenance.inputs import Recorder, Taken, recorded
from analysis.study.results import Results

# The label of a figure or a table, or a value's name.
_SHOWN = re.compile(r"\{#((?:fig|tbl)-[\w-]+)\}|\bv\.(\w+)")


@dataclasses.dataclass(frozen=True)
class Record:
    """What something on the pages is, and what it was made from.

    Args:
        name: ``fig-raps``, ``tbl-shift``, ``shift_taef2``.
        title, description: what its module or function says that it shows.
        function: where that is, ``analysis/paper/figures/raps.py:10``; or a file that states it.
        taken: what it was made from.
        text: of a value.
    """

    name: str
    title: str
    description: str
    function: str
    taken: Taken
    text: str = ""

    def json(self) -> dict[str, Any]:
        """The same as JSON values, with results and photographs by name."""
        return {
            **({"text": self.text} if self.text else {}),
            "title": self.title,
            "description": self.description,
            "function": self.function,
            "results": [one.name for one in self.taken.inputs],
            "photographs": [photo.id for photo in self.taken.photographs],
        }


@functools.cache
def figures() -> dict[str, str]:
    """label -> the name of the module that draws it."""
    names = [one.name for one in pkgutil.iter_modules(paper_figures.__path__)]
    return {"fig-" + name.replace("_", "-"): name for name in names if name != "style"}


@functools.cache
def tables() -> dict[str, Callable[[Results], Markdown]]:
    """label -> the function that makes it."""
    found = {}
    for one in pkgutil.iter_modules(paper_tables.__path__, f"{paper_tables.__name__}."):
        for name, function in vars(importlib.import_module(one.name)).items():
            if name.startswith("table_"):
                found["tbl-" + name.removeprefix("table_").replace("_", "-")] = function
    return dict(sorted(found.items()))


def module(label: str) -> ModuleType:
    """The module that draws a figure; InputError for an unknown label."""
    if label not in figures():
        raise InputError(f"no figure '{label}'; {nearest(label, list(figures()))}")
    return importlib.import_module(f"{paper_figures.__name__}.{figures()[label]}")


def figure(label: str, results: Results) -> tuple[Data, Record]:
    """What a figure draws, as numbers, and its record.

    Raises:
        InputError: no figure of this label.
    """
    drawn = module(label)
    made, taken = recorded(drawn.data, results)
    says = inspect.getdoc(drawn.draw) or ""
    return made, Record(label, inspect.getdoc(drawn) or "", says, place(drawn.draw), taken)


def table(label: str, results: Results) -> tuple[Markdown, Record]:
    """A table and its record.

    Raises:
        InputError: no table of this label.
    """
    if label not in tables():
        raise InputError(f"no table '{label}'; {nearest(label, list(tables()))}")
    function = tables()[label]
    made, taken = recorded(function, results)
    return made, Record(label, inspect.getdoc(function) or "", "", place(function), taken)


def values(results: Results) -> Iterator[Record]:
    """Every value, as they are worked out; what its group took before is in its record."""
    for group in paper_values.groups(results):
        recorder = Recorder(results)
        for name, value in group(recorder):
            where = value.source
            if "/" not in where:  # a function, not a file
                found = pkgutil.resolve_name(f"{PACKAGE.name}.{where}")
                where = place(getattr(found, "func", found))  # of a cached property
            yield Record(name, value.meaning, "", where, recorder.taken(), value.text)


@functools.cache
def place(function: Callable[..., Any]) -> str:
    """``analysis/paper/figures/raps.py:10``, where a function of the package begins."""
    function = inspect.unwrap(function)
    lines, first = inspect.getsourcelines(function)
    line = first + next(n for n, text in enumerate(lines) if text.lstrip().startswith("def "))
    path = Path(inspect.getfile(function)).relative_to(PACKAGE.parent)
    return f"{path.as_posix()}:{line}"


def on_pages() -> dict[str, list[str]]:
    """label or value -> where pages show it, such as ``report/index.qmd:12``; in their order."""
    found: dict[str, list[str]] = {}
    if folder := checkout_folder():
        for path in sorted((folder / "report").rglob("*.qmd")):
            for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                where = f"{path.relative_to(folder).as_posix()}:{number}"
                for label, value in dict.fromkeys(_SHOWN.findall(text)):
                    found.setdefault(label or value, []).append(where)
    return found
