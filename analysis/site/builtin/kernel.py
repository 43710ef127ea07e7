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
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from analysis.project.errors import AnalysisError
from analysis.site.builtin import cells, files
from analysis.site.builtin.page import MARK, Cell, Page

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class _ThisInterpreter(AsyncKernelManager):
    """A kernel of the running Python; a kernelspec named python3 may belong to another one."""

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, language="python", display_name="python")


def run(pages: Sequence[Page], root: Path) -> list[cells.Results]:
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


def _run(page: Page, root: Path, running: list["_ThisInterpreter"]) -> cells.Results:
    book = nbformat.v4.new_notebook()
    book.cells.append(_code(cells.SETUP))
    ran: list[tuple[int, Any]] = []
    asked: list[tuple[dict[str, str], Any]] = []
    for index, piece in enumerate(page.pieces):
        if isinstance(piece, Cell):
            runs, lenient = cells.ways(page, piece)
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
    results = cells.Results()
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
            found |= out.get("data", {}).get(cells.VALUES, {})
        for key, expression in expressions.items():
            line, answer = page.inline[int(key)][0], found.get(key, {})
            if answer.get("status") != "ok":
                why = f"{answer.get('ename', 'Error')}: {answer.get('evalue', 'no answer')}"
                raise AnalysisError(
                    f"{line.path}:{line.number}: `{{python}} {expression}` failed: {why}"
                )
            results.values[int(key)] = answer["data"]
    told = [out["data"][cells.TRACE] for out in last.outputs if cells.TRACE in out.get("data", {})]
    results.read = None
    if told:
        # Pages that show the same figure run at once, and write the same: none reads another's.
        shared = [files.store(root), page.path.parent / files.MADE, *map(Path, told[0]["kept"])]
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
