"""What ``_quarto.yml`` and the front matter of a page may say.

The keys are closed: Quarto passes a misspelt key through in silence, here it is an error. A key
whose value is fixed in the table below is one this renderer can honour in that way only.
"""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.project.errors import InputError, nearest
from analysis.project.quarto_yml import lookup, parse

# A leaf is the types a value may have, or the only values it may have. ANY is for what only
# Quarto reads (its themes): the built-in renderer has one look of its own.
ANY = object()
BOOL, TEXT, NUMBER = (bool,), (str,), (int,)
_EXECUTE = {
    "echo": BOOL,
    "warning": BOOL,
    "error": BOOL,
    "output": BOOL,
    "eval": BOOL,
    "include": BOOL,
    "daemon": [False],
    "freeze": [False],
    "cache": [False],
    "enabled": [True],
}
_CODE = {"code-fold": [True, False, "show"], "code-summary": TEXT}
_DOCUMENT = {
    "lang": TEXT,
    "number-sections": BOOL,
    "toc": BOOL,
    "toc-depth": NUMBER,
    "toc-title": TEXT,
    "bibliography": TEXT,
    "csl": TEXT,
    "link-citations": BOOL,
    "date-format": ["long"],
    "tbl-colwidths": [False],
    "execute": _EXECUTE,
    "echo": BOOL,
    "warning": BOOL,
    **_CODE,
}
_FORMAT = {
    "html": {
        "theme": ANY,
        "respect-user-color-scheme": BOOL,
        "html-math-method": ["mathml"],
        "fig-format": ["svg"],
        "css": TEXT,
        "filters": ANY,
        "grid": ANY,
        "page-layout": ANY,
        "anchor-sections": ANY,
        "highlight-style": ANY,
        "axe": ANY,
        "lightbox": BOOL,
        "citations-hover": BOOL,
        "crossrefs-hover": BOOL,
        "footnotes-hover": BOOL,
        "google-scholar": BOOL,
        **_DOCUMENT,
    },
    "typst": {
        "output-file": TEXT,
        "papersize": ["a4"],
        "margin": {"x": TEXT, "y": TEXT},
        "fontsize": TEXT,
        "mainfont": ["Libertinus Serif"],
        "mathfont": ["New Computer Modern Math"],
        "codefont": ["DejaVu Sans Mono"],
        "citeproc": [True],
        "fig-format": ["svg"],
        "fig-pos": ["H"],
        "pdf-standard": ["a-2b"],
        "keep-typ": BOOL,
        "include-in-header": ANY,
        "section-numbering": ANY,
        "linkcolor": ANY,
        "citecolor": ANY,
        **_DOCUMENT,
    },
}
_PROJECT = {
    "project": {
        "type": ["website"],
        "output-dir": TEXT,
        "execute-dir": ["project"],
        "render": (list,),
        "resources": (list,),
    },
    "quarto-required": TEXT,
    "website": {
        "title": TEXT,
        "description": TEXT,
        "site-url": TEXT,
        "repo-url": TEXT,
        "navbar": {"title": (str, bool), "left": (list,), "right": (list,), "search": [False]},
        "page-footer": {"left": TEXT, "center": TEXT, "right": TEXT, "border": BOOL},
        "search": BOOL,
        "page-navigation": [False],
        "open-graph": BOOL,
        "favicon": TEXT,
        "llms-txt": BOOL,
    },
    "format": _FORMAT,
    **_DOCUMENT,
}
_PAGE = {
    "title": TEXT,
    "subtitle": TEXT,
    "author": (str, list, dict),
    "date": (str, datetime.date),
    "description": TEXT,
    "image": TEXT,
    "image-alt": TEXT,
    "abstract": TEXT,
    "keywords": (list,),
    "format": _FORMAT,
    "format-links": (list, bool),
    "lightbox": BOOL,
    "google-scholar": BOOL,
    **_DOCUMENT,
}
_AUTHOR = {"name": TEXT, "url": TEXT, "orcid": TEXT, "affiliation": TEXT, "email": TEXT}
_LINK = {"href": TEXT, "text": TEXT, "aria-label": TEXT, "icon": ANY}


@dataclass(frozen=True)
class Project:
    """A project: its folder, its settings as written, and the pages to render, in order."""

    root: Path
    settings: dict[str, Any]
    pages: list[Path]

    @property
    def output(self) -> Path:
        """The folder of the site."""
        return self.root / str(self.get("project.output-dir", "_site"))

    @property
    def resources(self) -> list[Path]:
        """The files to copy as they are."""
        return _listed(self.root, self.get("project.resources", []), "project.resources")

    def get(self, key: str, default: Any = None) -> Any:
        """The value at a dotted key of ``_quarto.yml``."""
        return lookup(self.settings, key, default)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` laid on ``base``, mapping by mapping."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and value == "default":
            continue  # ``html: default`` asks for a format as the project has it
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return merged


def read(root: Path) -> Project:
    """Read ``_quarto.yml`` in ``root``.

    Raises:
        InputError: it is missing, is no YAML, has a key or a value outside the subset, or lists
            a page that isn't there.
    """
    path = root / "_quarto.yml"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; a project has its _quarto.yml here") from None
    settings = parse(text, path)
    _validate(settings, _PROJECT, text, path)
    for place in ("left", "right"):
        for item in lookup(settings, f"website.navbar.{place}", []):
            _validate(item, _LINK, text, path, "website.navbar.")
    pages = _listed(root, lookup(settings, "project.render", ["/*.qmd"]), "project.render")
    # Quarto's own rule: a file or folder that begins with an underscore is no page.
    pages = [page for page in pages if not page.name.startswith("_")]
    if not pages:
        raise InputError(f"{path}: project.render lists no page")
    pages.sort(key=lambda page: (page.parent, page.name != "index.qmd", page.name))
    return Project(root, settings, pages)


def front_matter(text: str, path: Path) -> dict[str, Any]:
    """The front matter of a page, checked; ``text`` is what stands between the ``---``."""
    meta = parse(text, path, first_line=2)
    _validate({k: v for k, v in meta.items() if not k.startswith("x-")}, _PAGE, text, path)
    authors = meta.get("author", [])
    for author in authors if isinstance(authors, list) else [authors]:
        if isinstance(author, Mapping):
            _validate(author, _AUTHOR, text, path, "author.")
    if "`{python}" in text:
        raise InputError(f"{path}: inline code isn't run in the front matter")
    return meta


def _validate(value: Any, known: Mapping[str, Any], text: str, path: Path, place: str = "") -> None:
    if not isinstance(value, Mapping):
        raise InputError(f"{path}: '{place.rstrip('.')}' must be a mapping")
    for key, item in value.items():
        where = f"{path}:{_line(text, str(key), path)}"
        if key not in known:
            hint = nearest(str(key), list(known))
            raise InputError(f"{where}: unknown key '{place}{key}'; {hint}")
        rule = known[key]
        if isinstance(rule, Mapping):
            if item == "default" and place == "format.":
                continue
            _validate(item, rule, text, path, f"{place}{key}.")
        elif isinstance(rule, list) and item not in rule:
            allowed = ", ".join(str(one).lower() if one in (True, False) else one for one in rule)
            raise InputError(f"{where}: '{place}{key}' can only be: {allowed} (it is {item!r})")
        elif isinstance(rule, tuple) and not isinstance(item, rule):
            names = " or ".join(one.__name__ for one in rule)
            raise InputError(f"{where}: '{place}{key}' must be {names} (it is {item!r})")


def _line(text: str, key: str, path: Path) -> int:
    before = 1 if path.suffix == ".qmd" else 0
    found = re.search(rf"^.*(?<![\w-]){re.escape(key)}['\"]?\s*:", text, re.MULTILINE)
    return before + (text[: found.start()].count("\n") + 1 if found else 1)


def _listed(root: Path, patterns: list[str], key: str) -> list[Path]:
    """The files that patterns name, as Quarto reads them; `!` leaves some out again."""
    where = f"{root / '_quarto.yml'}: {key}"
    found: list[Path] = []
    for written in patterns:
        if not written.removeprefix("!").startswith("/"):
            raise InputError(
                f"{where}: '{written}' must begin with '/': without it Quarto looks at any "
                "depth, also in data/cache/ and in older sites"
            )
        pattern = written.removeprefix("!").strip("/")
        if (root / pattern).is_dir():
            pattern = f"{pattern}/**/*".removeprefix("/")
        matches = sorted(root.glob(pattern))
        if written.startswith("!"):
            found = [path for path in found if path not in matches]
            continue
        if not matches and not set("*?[") & set(pattern):
            raise InputError(f"{where}: no such file: {written}")
        # What is hidden (.DS_Store, an editor's copies) matches a star, and is nobody's page.
        found += [
            path for path in matches if path.is_file() and path not in found and path.name[0] != "."
        ]
    return found
