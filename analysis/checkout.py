"""The state of the project's files, as git tells it."""

import subprocess
from pathlib import Path

from analysis.settings import AnalysisError

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
