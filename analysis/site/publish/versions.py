"""The versions of the site that lie side by side in one folder, and how they are ordered.

Each version's folder carries a ``version.json`` that says what it is. Everything the versions share
is made from these folders alone, so it can be made anew at any time.
"""

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from analysis.project.errors import AnalysisError, InputError

DEV = "dev"
LATEST = "latest"
MARKER = "version.json"


@dataclass(frozen=True)
class Published:
    """What ``version.json`` says.

    Args:
        name: a version as PEP 440 normalises it, or ``dev``; the folder's name.
        date: when it was published, ``2026-11-23T23:55:10Z``.
        commit: what it was built from; empty if that is not known.
        site: `placement.digest` of the built site that it was made from.
    """

    name: str
    date: str
    commit: str
    site: str


def normal(version: str) -> str:
    """A version as PEP 440 writes it: ``0.2`` for ``v0.2``, ``0.3rc1`` for ``0.3-rc.1``.

    Raises:
        InputError: it is none.
    """
    try:
        return str(Version(version))
    except InvalidVersion:
        raise InputError(
            f"'{version}' is no version: write one such as 0.2.0 or 0.3.0rc1, or use --dev for "
            "the working state"
        ) from None


def read(folder: Path) -> list[Published]:
    """The versions in a folder, the newest first and ``dev`` last.

    Raises:
        AnalysisError: a ``version.json`` cannot be used.
    """
    found = []
    for path in sorted(folder.glob(f"*/{MARKER}")):
        if path.parent.name == LATEST:  # a copy, which carries the marker of its original
            continue
        try:
            content = json.loads(path.read_bytes())
            one = Published(*(str(content[key]) for key in ("name", "date", "commit", "site")))
            if one.name != path.parent.name or (one.name != DEV and one.name != normal(one.name)):
                raise InputError(f"it names '{one.name}'")
        except (ValueError, LookupError, TypeError, InputError) as error:
            raise AnalysisError(
                f"{path} cannot be used ({error}): restore it, or remove that version's folder"
            ) from None
        found.append(one)
    return ordered(found)


def ordered(found: Iterable[Published]) -> list[Published]:
    """Versions by PEP 440, the newest first; ``dev`` last."""
    found = list(found)
    releases = [one for one in found if one.name != DEV]
    releases.sort(key=lambda one: Version(one.name), reverse=True)
    return releases + [one for one in found if one.name == DEV]


def newest(listed: Iterable[Published]) -> Published | None:
    """The newest release that is no pre-release, if there is one; ``listed`` is `ordered`."""
    finals = (one for one in listed if one.name != DEV and not Version(one.name).is_prerelease)
    return next(finals, None)


def pairs(listed: Sequence[Published]) -> dict[str, str | None]:
    """Which version each is compared with: the release before; ``dev`` with the newest release.

    Args:
        listed: `ordered`.

    Returns:
        name -> name of the older one; None where there is none.
    """
    releases = [one.name for one in listed if one.name != DEV]
    found: dict[str, str | None] = dict(itertools.zip_longest(releases, releases[1:]))
    if len(releases) < len(listed):
        last = newest(listed)
        found[DEV] = last.name if last else next(iter(releases), None)
    return found


def listing(listed: Sequence[Published], folders: Mapping[str, Path]) -> dict[str, Any]:
    """The content of ``versions.json``.

    Args:
        listed: the versions, `ordered`.
        folders: name -> where it lies.

    Returns:
        JSON values: ``latest`` (a name or None) and ``versions``: `Published` with its ``kind``
        (newest, old, pre-release or dev), ``pages`` and ``pdf`` (paths in its folder).
    """
    last = newest(listed)
    rows = []
    for one in listed:
        kind = {DEV: DEV, last and last.name: "newest"}.get(one.name, "pre-release")
        if kind == "pre-release" and last and Version(one.name) < Version(last.name):
            kind = "old"
        folder = folders[one.name]
        files = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*"))]
        pages = [path for path in files if path.endswith(".html")]
        pdf = [path for path in files if path.endswith(".pdf")]
        rows.append(asdict(one) | {"kind": kind, "pages": pages, "pdf": pdf})
    return {"latest": last.name if last else None, "versions": rows}
