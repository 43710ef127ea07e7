"""Quarto, the reference renderer: is a fit one there, and does it accept the pages?"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from analysis.project.errors import AnalysisError
from analysis.site import links, placement

# Quarto only warns about these and leaves "?fig-x" in the text; for us they are errors.
_UNRESOLVED = re.compile(
    r"Unable to resolve crossref|citation \S+ not found|Unable to resolve link target"
)
_TAIL = 25
SITE = "_site"


def find(minimum: str = "1.9") -> Path | None:
    """The ``quarto`` on PATH, or None if there is none or it is older than ``minimum``."""
    program = shutil.which("quarto")
    if program is None:
        return None
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return Path(program) if _numbers(answer.stdout) >= _numbers(minimum) else None


def render(
    root: Path,
    *,
    quiet: bool,
    progress: Callable[[str], None] = lambda _: None,
    finish: Callable[[Path], None] = lambda _: None,
    beside: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
) -> list[Path]:
    """Render the project in ``root`` with Quarto, running its cells with this Python.

    The site is built beside its place and moved there when it is whole: a failed build leaves
    the old site as it was. One build goes on at a time: another waits for it.

    Args:
        root: the project's folder.
        quiet: Quarto's own lines are not shown.
        progress: told what is being done.
        finish: adds to the site, before its links are checked.
        beside: what goes on meanwhile.

    Returns:
        The pages and PDFs it wrote.

    Raises:
        AnalysisError: there is no fit Quarto, it failed, or a reference, citation or link in the
            pages leads nowhere.
    """
    program = find()
    if program is None:
        raise AnalysisError("no quarto >= 1.9 on PATH: install it, or use the built-in renderer")
    with (
        placement.alone(root, lambda: progress(placement.WAITING)),
        placement.stage(root) as staged,
    ):
        site = staged / SITE
        with beside():
            _run([str(program), "render", "--output-dir", str(site.relative_to(root))], root, quiet)
        if not site.is_dir():
            raise AnalysisError("quarto wrote no site: is project.render of _quarto.yml right?")
        finish(site)
        links.check(site)
        # The pages it rendered are named in its own output, but the tree is the same and simpler.
        made = [path.relative_to(site) for path in site.rglob("*")]
        placement.put(root, staged)
    return sorted(root / SITE / path for path in made if path.suffix in (".html", ".pdf"))


def _run(command: list[str], root: Path, quiet: bool) -> None:
    """Run Quarto in the project; AnalysisError if it fails or leaves a reference unresolved."""
    with subprocess.Popen(
        command,
        cwd=root,
        env=os.environ | {"QUARTO_PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip())
            if not quiet:
                print(line, end="", file=sys.stderr)
    if process.returncode != 0:
        tail = "\n".join(lines[-_TAIL:])
        raise AnalysisError(f"quarto render failed (exit {process.returncode}):\n{tail}")
    if unresolved := [line for line in lines if _UNRESOLVED.search(line)]:
        raise AnalysisError("quarto left references unresolved:\n" + "\n".join(unresolved))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("-")[0]))
