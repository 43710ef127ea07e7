"""``_quarto.yml`` as far as others than its renderer read it."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.project.errors import InputError
from analysis.project.files import checkout_folder


def lookup(settings: Mapping[str, Any], key: str, default: Any = None) -> Any:
    """The value at a dotted key, or the default."""
    value: Any = settings
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return default
        value = value[part]
    return value


def parse(text: str, path: Path, first_line: int = 1) -> dict[str, Any]:
    """A YAML mapping; InputError with the line if it is none."""
    import yaml  # of the site's packages

    try:
        value = yaml.safe_load(text) or {}
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark.line if error.problem_mark else 0) + first_line
        raise InputError(f"{path}:{line}: not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a NUL, a 99th month, [[[[...
        why = " ".join(str(error).split())
        raise InputError(f"{path}:{first_line}: not valid YAML: {why}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}:{first_line}: expected 'key: value' lines")
    return value


@functools.cache
def repository() -> str:
    """The repository's address, ``website.repo-url`` in ``_quarto.yml``; empty where none is."""
    folder = checkout_folder()
    if folder is None or not (folder / "_quarto.yml").is_file():
        return ""
    path = folder / "_quarto.yml"
    settings = parse(path.read_text(encoding="utf-8"), path)
    return str(lookup(settings, "website.repo-url") or "").rstrip("/")
