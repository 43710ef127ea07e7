"""Quarto, the reference renderer: is a fit one there, and does it accept the pages?"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from analysis.project.errors import AnalysisError

# Quarto only warns about these and leaves "?fig-x" in the text; for us they are errors.
_UNRESOLVED = re.compile(
    r"Unable to resolve crossref|citation \S+ not found|Unable to resolve link target"
)
_TAIL = 25
# Of Quarto's own template, which no page reaches: the button that unfolds the navigation is no
# menu, and of two navigations each needs a name.
_TEMPLATE = (
    (re.compile(r'(<button class="navbar-toggler"[^>]*) role="menu"'), r"\1"),
    (re.compile(r'<nav class="navbar '), '<nav aria-label="Site" class="navbar '),
)
# Other formats stand below the contents, out of sight where these are long, and on no phone.
_FORMATS = re.compile(
    r'<div class="quarto-alternate-formats"><h2>[^<]*</h2><ul>(.*?)</ul></div>', re.DOTALL
)


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


def render(root: Path, site: Path, *, quiet: bool) -> None:
    """Render the project in ``root`` with Quarto, running its cells with this Python.

    Args:
        root: the project's folder.
        site: the folder to write, below it.
        quiet: Quarto's own lines are not shown.

    Raises:
        AnalysisError: there is no fit Quarto, it failed, or a reference or citation leads nowhere.
    """
    program = find()
    if program is None:
        raise AnalysisError("no quarto >= 1.9 on PATH: install it, or use the built-in renderer")
    command = [str(program), "render", "--output-dir", str(site.relative_to(root))]
    environment = os.environ | {"QUARTO_PYTHON": sys.executable}
    lines = []
    with subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        text=True,
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            if not quiet:
                print(line, end="", file=sys.stderr)
    if process.returncode != 0:
        tail = "\n".join(lines[-_TAIL:])
        raise AnalysisError(f"quarto render failed (exit {process.returncode}):\n{tail}")
    if unresolved := [line for line in lines if _UNRESOLVED.search(line)]:
        raise AnalysisError("quarto left references unresolved:\n" + "\n".join(unresolved))
    if not site.is_dir():
        raise AnalysisError("quarto wrote no site: is project.render of _quarto.yml right?")
    for page in site.rglob("*.html"):
        page.write_text(mended(page.read_text(encoding="utf-8")), encoding="utf-8")


def mended(page: str) -> str:
    """A page of Quarto's as everybody can use it: names and roles, the PDF beside the title.

    What stands in a page's text is mended by ``report/quarto.lua``.

    Args:
        page: its HTML.
    """
    for wrong, right in _TEMPLATE:
        page = wrong.sub(right, page)
    formats = _FORMATS.search(page)
    title = page.find("</header>", page.find('<header id="title-block-header"'))
    if formats is None or title < formats.end():
        return page
    listed = f'<ul class="formats">{formats[1]}</ul>\n'
    without = page[: formats.start()] + page[formats.end() : title]
    return without + listed + page[title:]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("-")[0]))
