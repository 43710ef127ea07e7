"""The cells of a page run, once for all its formats, in a fresh kernel of this interpreter."""

import asyncio
import os
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from analysis.render.builtin import files
from analysis.render.builtin.page import MARK, Cell, Page
from analysis.settings import AnalysisError

_VALUES = "application/x-inline+json"
_TRACE = "application/x-trace+json"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
# Every file that is opened or written, and every folder that is listed, is noted, so that it can be
# told later whether the cells would give the same; Python's own search for modules and packages is
# not, since the packages are known anyway. What matplotlib keeps for itself (its list of fonts) is
# written by whichever kernel comes first.
# Figures as SVG and as a sharp PNG, without dates or random ids: the same page, the same bytes.
# Seven by five inches are Quarto's defaults for figures that name no size.
SETUP = f"""
def _setup():
    import importlib, os, sys
    importing = ("<frozen importlib", os.path.dirname(importlib.__file__) + os.sep)
    shell = get_ipython()
    shell.colors = "nocolor"
    trace = {{"opened": set(), "written": set()}}
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    def note(event, given):
        if event == "open":
            path, mode, flags = given
            writes = bool(set(mode) & set("wax+")) if mode else bool(flags & writing)
        elif event == "os.rename":
            path, writes = given[1], True
        elif event in ("os.listdir", "os.scandir"):
            path, writes = given[0] or ".", False
            if sys._getframe(1).f_code.co_filename.startswith(importing):
                return
        else:
            return
        if isinstance(path, (str, bytes, os.PathLike)):
            place = os.path.abspath(os.fsdecode(path))
            trace["written" if writes else "opened"].add(place)
    sys.addaudithook(note)
    def told():
        opened = trace["opened"] | {{
            os.path.abspath(module.__file__) for module in list(sys.modules.values())
            if getattr(module, "__file__", None)}}
        kept = []
        if "matplotlib" in sys.modules:
            own = os.path.join(sys.modules["matplotlib"].get_configdir(), "matplotlibrc")
            opened.add(os.path.abspath(own))
            kept.append(os.path.abspath(sys.modules["matplotlib"].get_cachedir()))
        shell.display_pub.publish({{{_TRACE!r}: {{
            "opened": sorted(opened), "written": sorted(trace["written"]), "kept": kept}}}})
    shell.push({{"_told": told, "_inline": lambda expressions: shell.display_pub.publish(
        {{{_VALUES!r}: shell.user_expressions(expressions)}})}})
    try:
        import matplotlib
        shell.run_line_magic("matplotlib", "inline")
    except ImportError:
        return
    from matplotlib_inline.backend_inline import set_matplotlib_formats
    set_matplotlib_formats("svg", "retina", metadata={{"Date": None}}, bbox_inches="tight")
    matplotlib.rcParams.update({{"figure.figsize": (7, 5), "figure.dpi": 96,
        "savefig.dpi": "figure", "svg.hashsalt": "analysis"}})
_setup()
del _setup
"""


@dataclass
class Results:
    """What the cells of a page gave.

    Args:
        outputs: by index of the piece.
        values: by number of the inline code.
        read: the state of the files that were opened on the way; None if somebody else wrote to
            one of them meanwhile.
    """

    outputs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    values: dict[int, dict[str, str]] = field(default_factory=dict)
    read: files.States | None = field(default_factory=dict)


class _ThisInterpreter(AsyncKernelManager):
    """A kernel of the running Python; a kernelspec named python3 may belong to another one."""

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, language="python", display_name="python")


def run(pages: Sequence[Page], root: Path) -> list[Results]:
    """Run the cells and the inline code of each page in document order, from ``root``.

    The pages run at the same time, each in a kernel of its own, no more than there are cores.

    Raises:
        AnalysisError: a cell or an expression failed; the message has its line in the page and
            the error. The other pages are stopped.
    """
    running: list[_ThisInterpreter] = []
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        warnings.simplefilter("ignore", DeprecationWarning)
        tasks = [pool.submit(_run, page, root, running) for page in pages]
        try:
            for task in as_completed(tasks):
                task.result()
        except BaseException:
            # The threads end when their kernels do.
            pool.shutdown(wait=False, cancel_futures=True)
            for manager in running:
                _kill(manager)
            raise
    return [task.result() for task in tasks]


def ways(page: Page, cell: Cell) -> tuple[bool, bool]:
    """Whether a cell runs, and whether it may fail."""
    runs = cell.options.get("eval", page.option("eval", "html", True))
    lenient = cell.options.get("error", page.option("error", "html", False))
    return bool(runs), bool(lenient)


def _run(page: Page, root: Path, running: list["_ThisInterpreter"]) -> Results:
    book = nbformat.v4.new_notebook()
    book.cells.append(_code(SETUP))
    ran: list[tuple[int, Any]] = []
    asked: list[tuple[dict[str, str], Any]] = []
    for index, piece in enumerate(page.pieces):
        if isinstance(piece, Cell):
            runs, lenient = ways(page, piece)
            if runs:
                ran.append((index, _code(piece.code, lenient=lenient)))
                book.cells.append(ran[-1][1])
            continue
        text = "\n".join(line.text for line in piece)
        numbers = [int(found) for found in MARK.findall(text)]
        if numbers:
            expressions = {str(number): page.inline[number][1] for number in numbers}
            asked.append((expressions, _code(f"_inline({expressions!r})")))
            book.cells.append(asked[-1][1])
    results = Results()
    if not ran and not asked:
        return results
    last = _code("_told()")
    book.cells.append(last)
    started = time.time_ns()
    log, scratch = _execute(book, page, root, running)
    for index, cell in ran:
        results.outputs[index] = cell.outputs
        piece = page.pieces[index]
        assert isinstance(piece, Cell)
        failed = [out for out in cell.outputs if out["output_type"] == "error"]
        if failed and "raises-exception" not in cell.metadata.get("tags", []):
            raise AnalysisError(_failure(piece, failed[0]))
        if cell.execution_count is None and piece.code.strip():
            raise AnalysisError(f"{page.path}:{piece.line.number}: the kernel died here{log}")
    for expressions, cell in asked:
        found: dict[str, Any] = {}
        for out in cell.outputs:
            found |= out.get("data", {}).get(_VALUES, {})
        for key, expression in expressions.items():
            line, answer = page.inline[int(key)][0], found.get(key, {})
            if answer.get("status") != "ok":
                why = f"{answer.get('ename', 'Error')}: {answer.get('evalue', 'no answer')}"
                raise AnalysisError(
                    f"{line.path}:{line.number}: `{{python}} {expression}` failed: {why}"
                )
            results.values[int(key)] = answer["data"]
    told = [out["data"][_TRACE] for out in last.outputs if _TRACE in out.get("data", {})]
    results.read = None
    if told:
        shared = [files.store(root), *map(Path, told[0]["kept"])]
        results.read = files.observed(told[0], started, scratch, shared)
    return results


def _code(source: str, *, lenient: bool = False) -> Any:
    tags = {"tags": ["raises-exception"]} if lenient else {}
    return nbformat.v4.new_code_cell(source, metadata=tags)


def _execute(
    book: Any, page: Page, root: Path, running: list["_ThisInterpreter"]
) -> tuple[str, Path]:
    """Run the notebook.

    Returns:
        What the kernel itself complained about, for a message, and the folder it had for itself.
    """
    with tempfile.TemporaryDirectory(prefix="kernel-") as scratch:
        environment = os.environ | {
            "QUARTO_PROJECT_ROOT": str(root),
            "QUARTO_DOCUMENT_PATH": str(page.path.parent),
            "QUARTO_DOCUMENT_FILE": page.path.name,
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            # Neither the reader's IPython profile nor a history file has a say in the figures.
            "IPYTHONDIR": scratch,
            "PYTHONHASHSEED": "0",
        }
        # A socket file instead of TCP ports: no port to lose, and nobody else can connect.
        manager = _ThisInterpreter(
            transport="tcp" if sys.platform == "win32" else "ipc",
            connection_file=str(Path(scratch) / "kernel.json"),
        )
        client = NotebookClient(
            book,
            km=manager,
            timeout=None,
            shutdown_kernel="immediate",
            resources={"metadata": {"path": str(root)}},
        )
        with open(Path(scratch) / "log", "w+", encoding="utf-8") as log:
            running.append(manager)
            try:
                asyncio.run(client.async_execute(cleanup_kc=True, env=environment, stderr=log))
            except (CellExecutionError, DeadKernelError):
                pass  # told from the outputs, where the line in the page is known
            except (OSError, RuntimeError) as error:
                raise AnalysisError(f"{page.path}: no kernel: {error}") from error
            finally:
                running.remove(manager)
            log.seek(0)
            complaint = log.read().strip().splitlines()[-1:]
    return f": {complaint[0]}" if complaint else "", Path(scratch)


def _kill(manager: "_ThisInterpreter") -> None:
    """End a kernel from another thread than its own."""
    process = getattr(manager.provisioner, "process", None)
    if process is not None:
        process.kill()


def _failure(cell: Cell, error: dict[str, Any]) -> str:
    """``file:line: Name: message``, with the line of the cell in which it was raised."""
    trace = _ANSI.sub("", "\n".join(error.get("traceback", [])))
    inside = re.search(r"Cell In\[\d+\], line (\d+)", trace)
    number = cell.first + int(inside[1]) - 1 if inside else cell.line.number
    last = f"{error['ename']}: {error['evalue']}".splitlines()[0]
    return f"{cell.line.path}:{number}: this cell failed: {last}"
