"""The committed results in ``data/results``: what the site is built from where nothing is computed.

``<study>/<name>.npz`` holds arrays, ``<study>/<name>.json`` the derived numbers and the key they
were made for. A result is only taken for exactly the request it answers.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from analysis.cache import Arrays, MissError, Request, from_bytes, to_bytes, write_atomic
from analysis.settings import root


class DamagedError(MissError):
    """A committed result is not what was written."""


def folder(study: str) -> Path:
    """Where a study's committed results lie."""
    return root() / "data" / "results" / study


def read(study: str, request: Request, name: str, reason: str) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and provenance of a committed result, if it answers exactly this request.

    Args:
        study: the study's name.
        request: what is wanted.
        name: the result's file name, without ending.
        reason: why it is not computed here, for the error message.

    Raises:
        MissError: there is none, or it was made from something else.
        DamagedError: it is not what was written.
    """
    base = folder(study) / name
    try:
        sidecar = json.loads(base.with_suffix(".json").read_text(encoding="utf-8"))
        payload = base.with_suffix(".npz").read_bytes()
    except FileNotFoundError:
        raise MissError(f"{reason}; and data/results/{study} has no '{name}' either") from None
    except ValueError as error:
        raise DamagedError(
            f"{reason}; and {base.name}.json in data/results/{study} is damaged: {error}"
        ) from None
    if not isinstance(sidecar, dict) or sidecar.get("provenance", {}).get("key") != request.key:
        raise MissError(
            f"{reason}; and '{name}' in data/results/{study} was made from other photographs, "
            "settings or code"
        )
    if hashlib.sha256(payload).hexdigest() != sidecar.get("sha256"):
        raise DamagedError(
            f"{reason}; and {base.name}.npz in data/results/{study} is not the file that its "
            ".json describes"
        )
    return from_bytes(payload), sidecar["provenance"]


def write(study: str, name: str, arrays: Arrays, content: dict[str, Any]) -> Path:
    """Write one result: arrays, and JSON with sorted keys, so that a changed number is a line.

    Returns:
        the path of the JSON file.
    """
    base = folder(study) / name
    payload = to_bytes(arrays)
    write_atomic(base.with_suffix(".npz"), payload)
    content = {**rounded(content), "sha256": hashlib.sha256(payload).hexdigest()}
    text = json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    write_atomic(base.with_suffix(".json"), text.encode())
    return base.with_suffix(".json")


def rounded(value: Any) -> Any:
    """Floats to six significant digits, which other machines reproduce; nan becomes null."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list | tuple) else value
