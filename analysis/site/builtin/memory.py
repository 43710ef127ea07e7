"""What a build remembers: what cells gave, while nothing that they read changed.

Nothing is remembered under a name. An entry lies under the SHA-256 of all that is known before the
cells run: their code in order, the package's source, the project's data and other files beside the
pages, the commit, the installed packages, the interpreter, the variables of the environment. With
it lies the state of every file that was opened on the way, also of those that were not there; the
entry counts while all are as they were. What was written on the way (``made/``) counts as opened.

An entry that is damaged is as good as none. One is kept only if nothing but the build itself wrote
to what it read meanwhile, and if no module was edited since the build began. What escapes: a file
outside the project that is asked for by name only, what programs started by cells read, and
extension modules that open files past Python.
"""

import contextlib
import hashlib
import os
import platform
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import analysis
from analysis.project.environment import environment
from analysis.project.files import STARTED, canonical
from analysis.site.builtin import cells
from analysis.site.builtin.files import (
    INSTALLED,
    States,
    keep,
    recall,
    sources,
    state,
    store,
)
from analysis.site.builtin.page import MARK, Cell, Page
from analysis.site.builtin.project import Project

KEPT = 3  # entries of a page
_TOLD = (".cff", ".toml", ".yml")  # at the root: what pages and PDF say of the project
_PROSE = (".qmd", ".md")  # no input of cells; one that reads a page is seen to open it
_PREFIXES = ("ANALYSIS_", "LC_", "MKL_", "MPL", "NUMBA_", "OMP_", "OPENBLAS_", "PYTHON")
_VARIABLES = ("HOME", "LANG", "LANGUAGE", "SOURCE_DATE_EPOCH", "TZ")
_PACKAGE = Path(analysis.__file__).parent


class Memory:
    """What earlier builds of a project left for this one.

    Args:
        plan: the project.
        say: told, once, why nothing can be remembered: the build goes on.
    """

    def __init__(self, plan: Project, say: Callable[[str], None]) -> None:
        self.plan, self._say = plan, say
        self.store = store(plan.root)
        self.before = self._files()
        # Modules that were edited after this process began may not be those that it runs.
        edited = (path.stat().st_mtime_ns for path in sources(_PACKAGE))
        self._sure = max(edited, default=0) < STARTED

    def recall(self, page: Page) -> cells.Results | None:
        """What the cells of a page gave, if they would give the same now."""
        if not page.inline and not any(isinstance(piece, Cell) for piece in page.pieces):
            return cells.Results()
        file = self._entry(page)
        content = recall(file)
        if content is None:
            return None
        if any(state(Path(path)) != known for path, known in content["read"].items()):
            return None
        with contextlib.suppress(OSError):
            os.utime(file)  # the newest are kept
        outputs, values = (
            {int(number): value for number, value in content[name].items()}
            for name in ("outputs", "values")
        )
        return cells.Results(outputs, values, content["read"])

    def keep(self, page: Page, results: cells.Results) -> None:
        """Remember what the cells of a page gave, unless something changed while they ran."""
        if not self._sure or not results.read or self._files() != self.before:
            return
        file = self._entry(page)
        try:
            keep(file, vars(results))
        except OSError as error:
            self._sure = False
            self._say(
                f"{self.store}: {error.strerror}: the next build will do all of this again; "
                "ANALYSIS_CACHE takes a folder that can be written"
            )
            return
        entries = file.parent.glob("*.json")
        for old in sorted(entries, key=lambda one: one.stat().st_mtime_ns)[:-KEPT]:
            old.unlink(missing_ok=True)

    def _entry(self, page: Page) -> Path:
        """Where an entry lies: under the code as it will run, and all that is known beforehand."""
        code = [
            [piece.code, *cells.ways(page, piece)]
            if isinstance(piece, Cell)
            else [
                page.inline[int(number)][1] for line in piece for number in MARK.findall(line.text)
            ]
            for piece in page.pieces
        ]
        key = _sha256(canonical([self._around, str(page.path), cells.SETUP, code, self.before]))
        return self.store / "pages" / page.path.stem / f"{key}.json"

    @cached_property
    def _around(self) -> dict[str, Any]:
        """What cells may depend on beyond files: interpreter, packages, commit, variables."""
        return {
            "root": str(self.plan.root),
            # Whether weights are here is asked by name, without opening them.
            "downloads": sorted(str(path) for path in (self.store / "downloads").rglob("*")),
            "python": [sys.version, sys.executable, platform.machine()],
            "packages": _packages(),
            "package": environment(),
            "variables": {
                name: value
                for name, value in os.environ.items()
                if name.startswith(_PREFIXES) or name in _VARIABLES
            },
        }

    def _files(self) -> States:
        """The package, the project's data, what lies beside the pages, what the root tells.

        Without prose and what is made: the store, the site, ``made/``, bytecode.
        """
        root = self.plan.root
        folders = {_PACKAGE, root / "analysis", root / "data"}
        folders |= {path.parent for path in self.plan.pages if path.parent != root}
        out = {self.plan.output, self.store, root / "data" / "cache"}
        found = {path for folder in folders for path in sources(folder, out)}
        found |= {path for path in root.iterdir() if path.suffix in _TOLD and path.name[0] != "."}
        found |= set(self.plan.resources)
        return {str(path): state(path) for path in sorted(found) if path.suffix not in _PROSE}


def _packages() -> list[str]:
    """The installed packages with their versions, by the names of their records."""
    folders = [Path(place) for place in INSTALLED if Path(place).is_dir()]
    names = {entry.name for folder in folders for entry in os.scandir(folder)}
    return sorted(name for name in names if name.endswith((".dist-info", ".egg-info")))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
