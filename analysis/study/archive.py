"""The committed results in ``data/results``: what the site is built from where nothing is computed.

``<study>/<name>.npz`` holds arrays, ``<study>/<name>.json`` the derived numbers and the key they
were made for. A result is only taken for exactly the request it answers; by that key it answers
every study that asks the same, whatever the study is called.
"""

import copy
import functools
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from analysis.encoders import cards
from analysis.encoders.cards import Card
from analysis.project.files import data, root, write_atomic
from analysis.study.plan import Plan
from analysis.study.store import Arrays, MissError, Request, Store, from_bytes, to_bytes

Stored = tuple[Arrays, str, dict[str, Any]]
"""Arrays; ``computed`` or ``committed``; provenance."""


class DamagedError(MissError):
    """A committed result is not what was written."""


def folder(study: str) -> Path:
    """Where a study's committed results lie."""
    return data() / "results" / study


def target(study: str) -> Path:
    """Where a study's results are written to be committed; InputError where that is no checkout."""
    return root() / "data" / "results" / study


def answering(study: str, key: str, name: str) -> Path | None:
    """The JSON of the committed result that was made for a key; the study's own comes first.

    Args:
        study: the study's name.
        key: of the request.
        name: the result's file name, without ending.
    """
    return next((path for path in named(study, name) if said(path).get("key") == key), None)


def place(path: Path) -> str:
    """How a committed result's folder is called: ``data/results/bundled``."""
    return f"data/results/{path.parent.name}"


def named(study: str, name: str) -> list[Path]:
    """The JSON files of a name that have their npz beside them, the study's own first."""
    paths = folder(study).parent.glob(f"*/{name}.json")
    there = [path for path in sorted(paths) if path.with_suffix(".npz").is_file()]
    return sorted(there, key=lambda path: path.parent.name != study)


def said(path: Path) -> dict[str, Any]:
    """``key``, ``sha256`` and ``provenance`` of a result's JSON; nothing if it is damaged.

    A file is read once, until it is written anew.
    """
    state = path.stat()
    return _read_once(path, state.st_ino, state.st_mtime_ns, state.st_size)


@functools.cache
def _read_once(path: Path, *state: int) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        provenance = content["provenance"]
        return {"key": provenance["key"], "sha256": content["sha256"], "provenance": provenance}
    except (ValueError, KeyError, TypeError, RecursionError):  # the last of [[[[...
        return {}


def read(study: str, request: Request, name: str, reason: str) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and provenance of the committed result that answers exactly this request.

    Args:
        study: the study's name.
        request: what is wanted.
        name: the result's file name, without ending.
        reason: why it is not computed here, for the error message.

    Raises:
        MissError: there is none, or all were made from something else.
        DamagedError: it is not what was written.
    """
    path = answering(study, request.key, name)
    if path is None:
        others = named(study, name)
        if not others:
            raise MissError(f"{reason}; and data/results has no '{name}' either")
        if others[0].parent.name == study and not said(others[0]):
            raise DamagedError(f"{reason}; and {name}.json in {place(others[0])} is damaged")
        raise MissError(
            f"{reason}; and '{name}' in {', '.join(map(place, others))} was made from other "
            "photographs, settings or code"
        )
    known, payload = said(path), path.with_suffix(".npz").read_bytes()
    if hashlib.sha256(payload).hexdigest() != known["sha256"]:
        raise DamagedError(
            f"{reason}; and {name}.npz in {place(path)} is not the file that its .json describes"
        )
    return from_bytes(payload), copy.deepcopy(known["provenance"])


def find(store: Store, study: str, request: Request, name: str, reason: str = "") -> Stored:
    """A result from the store, else the committed one, with which of the two it is.

    Args:
        reason: why it is not computed here, for the error message; by default why it is not stored.

    Raises:
        MissError, DamagedError: as of `read`.
    """
    arrays = store.get(request)
    if arrays is not None:
        return arrays, "computed", store.sidecar(request)
    arrays, provenance = read(study, request, name, reason or store.explain_miss(request))
    return arrays, "committed", provenance


# Of a study ----------------------------------------------------------------------------------


def unanswered(plan: Plan, card: Card) -> dict[str, Request]:
    """name -> request of what pages read of an encoder and is neither stored nor committed."""
    missing = {}
    for name, request in plan.results_of(card).items():
        if plan.store.state(request) != "sound":
            try:
                read(plan.study.name, request, name, "")
            except MissError:
                missing[name] = request
    return missing


def is_committed(plan: Plan, card: Card) -> bool:
    """Whether an encoder's measurement is committed for exactly what a study asks."""
    if not (card.pinned and named(plan.study.name, card.name)):
        return False  # which is told without hashing photographs
    key = plan.measurement_request(card).key
    return answering(plan.study.name, key, card.name) is not None


def contributed(plan: Plan) -> dict[str, tuple[Card, Request]]:
    """Measurements of encoders that a study does not name, committed for exactly what it asks.

    Returns:
        name -> the encoder's card, and the request that its committed measurement answers.
    """
    found = {}
    for name, card in cards.cards().items():
        own = (folder(plan.study.name) / f"{name}.json").is_file()
        if name not in plan.cards and (own or is_committed(plan, card)):
            found[name] = card, plan.measurement_request(card)
    return found


def origin(plan: Plan, card: Card, reason: str | None) -> str:
    """How it is told that an encoder's measurement is committed: in whose folder, and why taken.

    Args:
        plan: of the study.
        card: the encoder's.
        reason: why it is not computed here; None: it need not be.
    """
    key = plan.measurement_request(card).key
    path = answering(plan.study.name, key, card.name)
    where = f" in {place(path)}" if path else ""
    return f"committed results{where}: {reason or 'they are of these photographs and settings'}"


# Writing -------------------------------------------------------------------------------------


def write(study: str, name: str, arrays: Arrays, content: dict[str, Any]) -> Path:
    """Write one result: arrays, and JSON with sorted keys, so that a changed number is a line.

    Returns:
        the path of the JSON file.
    """
    base = target(study) / name
    text, payload = pair(arrays, content)
    write_atomic(base.with_suffix(".npz"), payload)
    write_atomic(base.with_suffix(".json"), text)
    return base.with_suffix(".json")


def pair(arrays: Arrays, content: dict[str, Any]) -> tuple[bytes, bytes]:
    """The bytes of a result's JSON, which names the other's SHA-256, and of its npz."""
    payload = to_bytes(arrays)
    content = {**rounded(content), "sha256": hashlib.sha256(payload).hexdigest()}
    text = json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    return text.encode(), payload


def differs(right: Any, given: Any, relative: float, absolute: float = 0.0, place: str = "") -> str:
    """Where two JSON values differ by more than rounding, as ``.key[0]``; empty if nowhere.

    Args:
        relative, absolute: what floats may differ by, of themselves and beyond that.
        place: where the values are.
    """
    near = functools.partial(differs, relative=relative, absolute=absolute)
    if isinstance(right, dict):
        if not isinstance(given, dict) or right.keys() != given.keys():
            return place or " (as a whole)"
        each = (near(right[key], given[key], place=f"{place}.{key}") for key in right)
        return next(filter(None, each), "")
    if isinstance(right, list):
        if not isinstance(given, list) or len(right) != len(given):
            return place or " (as a whole)"
        pairs = enumerate(zip(right, given, strict=True))
        return next(filter(None, (near(a, b, place=f"{place}[{i}]") for i, (a, b) in pairs)), "")
    if isinstance(right, float) and isinstance(given, int | float):
        same = math.isclose(right, given, rel_tol=relative, abs_tol=absolute)
    else:
        same = bool(right == given)
    return "" if same else place or " (as a whole)"


def rounded(value: Any, digits: int = 6) -> Any:
    """Floats to so many significant digits, which other machines reproduce; nan becomes null.

    Args:
        value: JSON values, tuples and nan as well.
        digits: nine are still the same on every processor, but for one number in a million: its
            linear algebra moves the sixteenth.
    """
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if np.isfinite(value) else None
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    return [rounded(item, digits) for item in value] if isinstance(value, list | tuple) else value
