"""A user: a copy of the project, a home of their own, and one fresh process for each command.

Tests that start where everything is imported, in the project's own folder, do not see what a user
sees. Here every command runs in an interpreter of its own, on a copy of the tracked files, with an
environment that holds nothing of ours: no cache, no token, no setting. No test itself.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[2]
OURS = ("ANALYSIS_", "HF_", "HUGGING", "TRANSFORMERS_", "PYTHON", "XDG_", "QUARTO_", "GIT_")
TRACEBACK = "Traceback (most recent call last)"


class Said(NamedTuple):
    """What a command said: its exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


@dataclass
class User:
    """Somebody who has the project in a folder.

    Args:
        project: the checkout, a copy of their own.
        home: their home, where caches go that nobody places elsewhere.
        environment: what is set beyond a bare environment.
        under: a program and its arguments that run every command, such as with fewer rights.
    """

    project: Path
    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    under: tuple[str, ...] = ()

    def settings(self, **more: str) -> dict[str, str]:
        """The environment of a process: PATH, locale and the like, and nothing of ours."""
        bare = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
        own = {
            "HOME": str(self.home), "COLUMNS": "200", "OMP_NUM_THREADS": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }  # fmt: skip
        return bare | own | self.environment | more

    def run(
        self, *arguments: str, at: Path | None = None, seconds: float = 300, **more: str
    ) -> Said:
        """`python -m analysis ARGUMENTS` in a fresh interpreter, in the checkout.

        Args:
            arguments: of the command.
            at: the folder it is run in; elsewhere than in the checkout, the checkout is on
                PYTHONPATH, as after an editable install.
            seconds: after which the test fails.
            more: further environment.
        """
        if at is not None:
            more = {"PYTHONPATH": str(self.project)} | more
        return self.python("-m", "analysis", *arguments, at=at, seconds=seconds, **more)

    def python(
        self, *arguments: str, at: Path | None = None, seconds: float = 300, **more: str
    ) -> Said:
        """`python ARGUMENTS` in a fresh interpreter."""
        done = subprocess.run(
            [*self.under, sys.executable, *arguments],
            cwd=at or self.project, env=self.settings(**more),
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=seconds, check=False,
        )  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)

    def write(self, path: str, text: str) -> Path:
        """A file of the checkout, by its path in it."""
        written = self.project / path
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(text, encoding="utf-8")
        return written

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that stands once in a file of the checkout."""
        text = (self.project / path).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {path}"
        self.write(path, text.replace(old, new))


def copy(to: Path) -> Path:
    """The project's tracked files, as they are now, in a new folder;.

    What git does not know is left out, as in a clone; what is edited and not yet committed is
    taken along, so that a test sees the code it is run on.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        source, target = PROJECT / name, to / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return to


def without(folder: Path, *modules: str) -> Path:
    """A folder for PYTHONPATH, with which these modules are as if they were not installed."""
    folder.mkdir(parents=True)
    (folder / "sitecustomize.py").write_text(
        "import importlib.abc, sys\n"
        "class Absent(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] in {modules!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n",
        encoding="utf-8",
    )
    return folder
