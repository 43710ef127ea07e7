"""How an experiment is committed: ``data/results/experiment/<name>``, an npz and its JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.project.environment import environment
from analysis.study import archive
from analysis.study.store import Arrays, Request

FOLDER = "experiment"  # in data/results, beside those of the studies


def write(
    name: str, request: Request, arrays: Arrays, content: Mapping[str, Any], **provenance: Any
) -> Path:
    """Commit a result.

    Args:
        name: of its files.
        request: what identifies it.
        arrays: what it consists of.
        content: what the JSON says besides, such as settings and numbers.
        provenance: what is said of how it came about, besides key and environment.

    Returns:
        the path of the JSON; the arrays are in the npz beside it.
    """
    made = {"key": request.key, "environment": environment(), **provenance}
    return archive.write(FOLDER, name, arrays, {"provenance": made, **content})


def read(name: str, request: Request, why: str) -> Arrays:
    """The arrays of a committed result, if it is exactly the request's.

    Args:
        why: it is not computed here, for the error message.

    Raises:
        MissError: there is none, or it was made from something else.
    """
    return archive.read(FOLDER, request, name, why)[0]
