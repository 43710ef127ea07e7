"""What this runs with: versions of Python and packages, the commit, the project's own version."""

import functools
import platform
import subprocess
import tomllib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from analysis.project.errors import AnalysisError, InputError
from analysis.project.files import NAME, checkout_folder


@functools.cache
def environment() -> dict[str, str]:
    """What the numbers may depend on beyond their inputs: commit, versions, machine type."""
    folder = checkout_folder()
    head = folder and commit(folder)
    changed = folder and head and changes(folder, "analysis")
    versions = {}
    for name in ("numpy", "pillow", "torch", "diffusers"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "commit": (head or "unknown") + "+changes" * bool(changed),
        "python": platform.python_version(),
        "machine": platform.machine(),
        **versions,
    }


def current(root: Path | None) -> str:
    """The version of the project: ``pyproject.toml``'s, else that of the installed package.

    Args:
        root: the checkout, if there is one.
    """
    try:
        if root is None:
            return metadata.version(NAME)
        content = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
        return str(content["project"]["version"])
    except (FileNotFoundError, KeyError):
        return metadata.version(NAME)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"pyproject.toml: not valid TOML: {error}") from None


SECONDS = 60  # that git may take, on the slowest of disks


def commit(folder: Path) -> str:
    """The commit of the repository around a folder, 40 or 64 hexadecimal digits.

    Empty outside a repository, before its first commit, and without git.

    Raises:
        AnalysisError: git did not answer.
    """
    # --verify: without a commit, plain rev-parse prints the word HEAD.
    return _git(folder, "rev-parse", "--verify", "HEAD")


def changes(folder: Path, *paths: str) -> list[str]:
    """What differs from the commit below some paths, by default the folder: added, edited, gone.

    Args:
        folder: within the repository; other folders have none.
        paths: relative to it, as git's pathspecs.

    Raises:
        AnalysisError: git did not answer.
    """
    told = _git(folder, "status", "--porcelain", "--", *(paths or (".",)))
    return [line.split(maxsplit=1)[-1] for line in told.splitlines()]


def _git(folder: Path, *arguments: str) -> str:
    """What git prints; empty where it fails or is not here."""
    command = ["git", *arguments]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except OSError:
        return ""
    except subprocess.TimeoutExpired:
        told = f"'{' '.join(command)}' in {folder} took over {SECONDS} s"
        raise AnalysisError(f"{told}: run it by hand to see what git waits for") from None
    return done.stdout.strip() if done.returncode == 0 else ""


@dataclass(frozen=True)
class Edition:
    """What a paper says of the state it was built from; what isn't known is empty.

    Attributes:
        version: of the project.
        commit: its first seven digits, with ``+changes`` where files differ from it.
        licence: of the project, as in its ``pyproject.toml``.
        keywords: of the project; the front matter's go before them.
    """

    version: str = ""
    commit: str = ""
    licence: str = ""
    keywords: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``version 1.2.0, commit 0123456``, or as much of it as is known."""
        parts = {"version": self.version, "commit": self.commit}
        return ", ".join(f"{key} {value}" for key, value in parts.items() if value)


def edition(root: Path) -> Edition:
    """The edition of the project in ``root``, from its ``pyproject.toml`` and git.

    Raises:
        InputError: ``pyproject.toml`` is no TOML.
        AnalysisError: git did not answer.
    """
    project: dict[str, Any] = {}
    path = root / "pyproject.toml"
    if path.is_file():
        try:
            project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{path}: not valid TOML: {error}") from None
    licence, head = project.get("license", ""), commit(root)
    return Edition(
        version=str(project.get("version", "")),
        # Seven digits by cutting: how many git's own --short gives depends on the clone.
        commit=head[:7] + "+changes" * bool(head and changes(root)),
        licence=licence if isinstance(licence, str) else str(licence.get("text", "")),
        keywords=tuple(project.get("keywords", ())),
    )
