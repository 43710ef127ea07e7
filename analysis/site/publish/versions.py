"""The versions of the site that lie side by side in one folder, and how they are ordered.

Each version's folder carries a ``version.json`` that says what it is. Everything the versions share
(the list, the switcher, feeds, pages on what changed) is made from these files alone, so it can be
made anew at any time and no version has to be touched for another.
"""

import functools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import packaging.version
from pydantic import BaseModel, ConfigDict, ValidationError

from analysis.project.errors import AnalysisError, InputError

DEV = "dev"
LATEST = "latest"
MARKER = "version.json"
PROVENANCE = "provenance.json"
Kind = Literal["newest", "old", "pre-release", "dev"]


class Published(BaseModel):
    """What ``version.json`` says. Keys that a later version of this package adds are passed over.

    Args:
        name: a version as PEP 440 normalises it, or ``dev``; the folder's name.
        date: when it was published, ``2026-11-23T23:55:10Z``.
        commit: what it was built from; empty if that is not known.
        site: `digest` of the built site that it was made from.
        title: of the first page.
        author: of the first page; empty if it names none.
        first: the first page, relative to the version's folder.
        pages: all pages, so; redirections are none.
        pdf: all PDFs, so.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    date: str
    commit: str
    site: str
    title: str
    author: str = ""
    first: str
    pages: tuple[str, ...]
    pdf: tuple[str, ...] = ()


def normal(version: str) -> str:
    """A version as PEP 440 writes it: ``0.2`` for ``v0.2``, ``0.3rc1`` for ``0.3-rc.1``.

    Raises:
        InputError: it is none.
    """
    try:
        return str(packaging.version.Version(version))
    except packaging.version.InvalidVersion:
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
            one = Published.model_validate_json(path.read_bytes())
            if one.name != path.parent.name or (one.name != DEV and one.name != normal(one.name)):
                raise InputError(f"it names '{one.name}'")
        except (ValidationError, InputError) as error:
            why = str(error).splitlines()[0]
            raise AnalysisError(
                f"{path} cannot be used ({why}): restore it, or remove that version's folder"
            ) from None
        found.append(one)
    return ordered(found)


def ordered(found: Iterable[Published]) -> list[Published]:
    """Versions by PEP 440, the newest first; ``dev`` last."""
    releases = [one for one in found if one.name != DEV]
    releases.sort(key=lambda one: packaging.version.Version(one.name), reverse=True)
    return releases + [one for one in found if one.name == DEV]


def newest(found: Iterable[Published]) -> Published | None:
    """The newest release that is no pre-release, if there is one."""
    return next((one for one in ordered(found) if _is_final(one.name)), None)


def kind(one: Published, found: Iterable[Published]) -> Kind:
    """What a version is among others; a pre-release older than the newest release is ``old``."""
    if one.name == DEV:
        return "dev"
    last = newest(found)
    if last == one:
        return "newest"
    version = packaging.version.Version
    if last is not None and version(one.name) < version(last.name):
        return "old"
    return "pre-release"


def pairs(found: Iterable[Published]) -> list[tuple[str, str]]:
    """(old, new) names whose results are compared: neighbours, each with the newest, and ``dev``.

    ``dev`` is compared with the newest release or, while there is none, with the newest
    pre-release. Sorted by the new one and then the old one, the newest first.
    """
    listed = ordered(found)
    releases = [one.name for one in listed if one.name != DEV]
    last = newest(listed)
    wanted = [*zip(releases[1:], releases, strict=False)]
    if last is not None:
        wanted += [(name, last.name) for name in releases[releases.index(last.name) + 1 :]]
    if len(releases) < len(listed) and releases:
        wanted.append((last.name if last else releases[0], DEV))
    place = {one.name: number for number, one in enumerate(listed)}
    return sorted(set(wanted), key=lambda pair: (place[pair[1]], place[pair[0]]))


def listing(
    found: Iterable[Published], changes: Iterable[Mapping[str, Any]], url: str
) -> dict[str, Any]:
    """The content of ``versions.json``.

    Args:
        found: the versions.
        changes: `changes.Change.summary` of every compared pair.
        url: the address that the folder is served at, with a slash at its end; or empty.

    Returns:
        JSON values: ``latest`` (a name or None), ``url`` (or None), ``versions`` (`Published`
        with its ``kind``, the newest first) and ``changes``.
    """
    listed = ordered(found)
    last = newest(listed)
    return {
        "latest": last.name if last else None,
        "url": url or None,
        "versions": [{"kind": kind(one, listed), **one.model_dump(mode="json")} for one in listed],
        "changes": [dict(one) for one in changes],
    }


def provenance(folder: Path) -> dict[str, Any] | None:
    """What a site says of its own making, if it does.

    Raises:
        AnalysisError: ``provenance.json`` is there and is no JSON object.
    """
    path = folder / PROVENANCE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise AnalysisError(f"{path}: not valid JSON: {error}; build the site again") from None
    if not isinstance(content, dict):
        raise AnalysisError(f"{path} is no JSON object; build the site again")
    return content


@functools.cache
def _is_final(name: str) -> bool:
    return name != DEV and not packaging.version.Version(name).is_prerelease
