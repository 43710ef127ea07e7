"""Where the time of a build goes: from committed results, by the built-in renderer.

``make bench`` prints three tables: seconds of a build from nothing, of one where nothing changed
and of one after an edit, against what is aimed at; the parts of a build from nothing; and what the
cells spend their time in, by package. Nothing is asserted, so a busy machine fails no test.

In the last table the time of Python's own functions and of numpy belongs to whoever called them.
"""

import ast
import contextlib
import cProfile
import io
import os
import pstats
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from analysis.project.files import root
from analysis.provenance import account
from analysis.site import build, links
from analysis.site.builtin import html, kernel, llms, markdown, memory, pandoc, pdf, project, site
from analysis.site.builtin.page import MARK, Cell, read
from analysis.study import results

AIMS = {"from nothing": 30.0, "nothing changed": 6.0, "a paragraph edited": 6.0}
FOREIGN = 0.5  # of a build at least: pandoc, typst, matplotlib and other packages
PARTS: list[tuple[Any, str, str]] = [
    (kernel, "run", "cells, in kernels"),
    (pandoc, "convert", "pandoc"),
    (pdf, "write", "typst"),
    (html, "page", "HTML shell"),
    (markdown, "compose", "Markdown of the pages"),
    (memory.Memory, "_files", "hashes of what is read"),
    (memory.Memory, "_read", "remembered, read"),
    (memory.Memory, "_write", "remembered, written"),
    (links, "check", "links"),
    (account, "write", "provenance and crate"),
    (llms, "write", "copies as Markdown"),
]


def copy(folder: Path) -> Path:
    """The project without its store, site and history."""
    for name in ("data", "report"):
        shutil.copytree(
            root() / name, folder / name, ignore=shutil.ignore_patterns("cache", "made")
        )
    for name in ("_quarto.yml", "pyproject.toml", "CITATION.cff"):
        shutil.copy(root() / name, folder)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # modules are compiled once, as for a reader
    os.environ |= {
        "ANALYSIS_ROOT": str(folder),
        "ANALYSIS_CACHE": str(folder / "data" / "cache"),
        "PYTHONPATH": str(Path(site.__file__).parents[3]),
    }
    return folder


def command() -> float:
    """Seconds of ``analysis build``."""
    start = time.perf_counter()
    run = [sys.executable, "-m", "analysis", "--quiet", "build", "--renderer", "builtin"]
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def builds(folder: Path) -> dict[str, float]:
    """Seconds of the three kinds of build."""
    took = {"from nothing": command(), "nothing changed": command()}
    page = folder / "report" / "paper" / "_unknown.qmd"
    text = page.read_text(encoding="utf-8")
    edited = text.replace("\n- *Phase", "\n- One more sentence.\n- *Phase", 1)
    assert edited != text
    page.write_text(edited, encoding="utf-8")
    return took | {"a paragraph edited": command()}


@contextlib.contextmanager
def timed(parts: list[tuple[Any, str, str]]) -> Iterator[Counter[str]]:
    """Seconds spent in functions, summed over calls and threads."""
    spent: Counter[str] = Counter()
    lock = threading.Lock()

    def wrapped(function: Callable[..., Any], part: str) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                with lock:
                    spent[part] += time.perf_counter() - start

        return run

    before = [(place, name, getattr(place, name)) for place, name, _ in parts]
    for place, name, part in parts:
        setattr(place, name, wrapped(getattr(place, name), part))
    try:
        yield spent
    finally:
        for place, name, function in before:
            setattr(place, name, function)


def package(file: str) -> str:
    """Whose a profiled function is; empty for Python's own and numpy's."""
    if found := re.search(r"(?:site|dist)-packages/([^/.]+)", file):
        return "" if found[1] == "numpy" else found[1]
    return "analysis" if file.startswith((str(Path(site.__file__).parents[2]), "<cell")) else ""


def shares(profile: cProfile.Profile) -> dict[str, float]:
    """package -> share of the time, with nobody's time handed on to the callers."""
    stats: dict[Any, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    left = {place: entry[2] for place, entry in stats.items()}
    total: Counter[str] = Counter()
    for _ in range(60):  # calls within nobody's code are no deeper
        handed: Counter[Any] = Counter()
        for place, seconds in left.items():
            callers = stats[place][4]
            if name := package(place[0]):
                total[name] += seconds
            elif weight := sum(caller[3] for caller in callers.values()):
                for caller, numbers in callers.items():
                    handed[caller] += seconds * numbers[3] / weight
            else:
                total["python"] += seconds
        left = handed
    total["python"] += sum(left.values())
    whole = total.total()
    return {name: seconds / whole for name, seconds in total.most_common()}


def cells(folder: Path) -> dict[str, float]:
    """Shares of packages in the time of the paper's cells, drawing from nothing."""
    os.environ["ANALYSIS_CACHE"] = str(folder / "empty")
    plan = project.read(folder)
    page = read(folder / "report" / "paper.qmd", folder, plan.settings)
    profile, names = cProfile.Profile(), dict[str, Any]()
    with contextlib.chdir(folder):
        for piece in page.pieces:
            if not isinstance(piece, Cell):
                text = "\n".join(line.text for line in piece)
                code = "\n".join(page.inline[int(n)][1] for n in MARK.findall(text))
            else:
                code = piece.code
            tree = ast.parse(code)
            shown = tree.body.pop() if isinstance(piece, Cell) and tree.body else None
            profile.enable()
            exec(compile(tree, "<cell>", "exec"), names)
            if isinstance(shown, ast.Expr):
                value = eval(compile(ast.Expression(shown.value), "<cell>", "eval"), names)
                if hasattr(value, "savefig"):
                    for form in ("svg", "png"):
                        value.savefig(io.BytesIO(), format=form, bbox_inches="tight")
            elif shown is not None:
                exec(compile(ast.Module([shown], []), "<cell>", "exec"), names)
            profile.disable()
    return shares(profile)


def row(name: str, *columns: str) -> None:
    """Print a row."""
    print(f"{name:<26}" + "".join(f"{column:>14}" for column in columns))


def main() -> None:
    """Print the tables."""
    import matplotlib

    matplotlib.use("agg")
    with tempfile.TemporaryDirectory(prefix="bench-site-") as scratch:
        folder = copy(Path(scratch))
        print(f"A build, {os.cpu_count()} cores")
        row("", "seconds", "aim", "")
        for name, seconds in builds(folder).items():
            aim = AIMS[name]
            row(name, f"{seconds:.1f}", f"< {aim:g}", "met" if seconds < aim else "NOT met")
        shutil.rmtree(folder / "data" / "cache")
        start = time.perf_counter()
        with timed(PARTS) as spent:
            found = results.load("bundled")
            build.pages(folder, results=found)
        whole = time.perf_counter() - start
        print("\nParts of rendering from nothing; those that run at the same time are all counted")
        row("", "seconds", "of the whole")
        for name, seconds in spent.most_common():
            row(name, f"{seconds:.2f}", f"{seconds / whole:.0%}")
        row("rendering", f"{whole:.2f}", "100%")
        found = cells(folder)
        print("\nThe paper's cells, by package")
        row("", "share")
        for name, share in list(found.items())[:8]:
            row(name, f"{share:.0%}")
        inside = spent["cells, in kernels"] * (1 - found.get("analysis", 0.0))
        foreign = (inside + spent["pandoc"] + spent["typst"]) / spent.total()
        met = "met" if foreign > FOREIGN else "NOT met"
        print(f"\nnot our own code: {foreign:.0%} of the parts (aim: over {FOREIGN:.0%}): {met}")


if __name__ == "__main__":
    main()
