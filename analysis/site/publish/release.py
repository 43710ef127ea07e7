"""Is the built site what is committed, so that it may be published under a version's name?"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.version import Version

from analysis.project import environment
from analysis.project.errors import InputError
from analysis.site.publish import versions


def check(root: Path, to: Path, name: str, content: Mapping[str, Any] | None) -> str:
    """Whether a built site is what this commit gives, so that it may be released.

    Args:
        root: the project; where it is no repository (an unpacked archive), the site's own word
            must do.
        to: the folder of versions, which may lie in the project uncommitted.
        name: the version that it is to be released as.
        content: the site's ``provenance.json``, if it has one; its ``version`` and ``commit``.

    Returns:
        The version as the site names it: ``0.2.0`` where ``v0.2`` was given.

    Raises:
        InputError: it may not; the message says what to do.
    """
    remedy = "build again, or publish the working state with --dev"
    if content is None:
        raise InputError(f"the site has no provenance.json to read: {remedy}")
    name = versions.normal(name)
    built = str(content.get("version", ""))
    if not built or Version(versions.normal(built)) != Version(name):
        raise InputError(
            f"the site was built as version {built or 'unknown'}, not {name}: set the version in "
            f"pyproject.toml and {remedy}"
        )
    commit = str(content.get("commit", ""))
    if not re.fullmatch("[0-9a-f]{7,64}", commit):
        raise InputError(
            f"the site was built from {commit or 'an unknown commit'}, which nobody else has: "
            f"commit, and {remedy}"
        )
    head = environment.commit(root)
    if not head:
        return versions.normal(built)
    if head != commit:
        raise InputError(f"the site was built from {commit[:7]}, this is {head[:7]}: {remedy}")
    own = [f":(exclude){to.relative_to(root)}"] if to.is_relative_to(root) else []
    if changed := environment.changes(root, ".", *own):
        raise InputError(f"{changed[0]} is not committed: commit, and {remedy}")
    return versions.normal(built)
