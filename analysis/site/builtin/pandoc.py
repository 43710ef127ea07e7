"""Runs pandoc with the Lua filters, and turns every complaint into file, line and message."""

import json
import locale
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from analysis.project import extras
from analysis.project.errors import AnalysisError, InputError, PackageError
from analysis.site.builtin.markdown import Composed
from analysis.site.builtin.page import Page

_HERE = Path(__file__).parent
_MINIMUM = (3, 8, 3)
# What comes back is one text; the template puts this between its fields.
_SEPARATOR = "\x1e"
FIELDS = ("body", "table-of-contents", "title", "subtitle", "abstract", "description", "footer")
_TEMPLATE = _SEPARATOR.join(f"${field}$" for field in FIELDS)
# output.lua puts these round a formula.
_FORMULA = re.compile("\ue010(.*?)\ue011", re.DOTALL)
# What pandoc gets wrong in maths for Typst: bars are set as relations, so that |x| becomes | x |,
# and the spaces of \; and \! are rounded to whole ems.
_MENDED = {r"\|": 'class("normal", bar.v)', "#h(0em)": "thick", "#h(-1em)": "#h(-0.167em)"}


@cache
def program() -> str:
    """The pandoc to run: the one of ``pypandoc_binary``, else the one on PATH.

    Raises:
        PackageError: there is none.
        AnalysisError: it is older than 3.8.3, whose Typst doesn't compile.
    """
    try:
        import pypandoc

        # Its bare name, where the one on PATH is newer.
        found = shutil.which(pypandoc.get_pandoc_path())
    except (ImportError, OSError):
        found = shutil.which("pandoc")
    if found is None:
        command = extras.command("site")
        raise PackageError(f"no pandoc: run {command}, or put pandoc >= 3.8.3 on PATH")
    answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    version = re.search(r"\d+(\.\d+)+", answer.stdout)
    if version is None or tuple(map(int, version[0].split("."))) < _MINIMUM:
        raise AnalysisError(f"{found} is too old: pandoc >= 3.8.3 is needed")
    return found


@cache
def command() -> list[str]:
    """`program`, told to collect garbage less often: a third of its time goes there."""
    roomy = [program(), "+RTS", "-A128m", "-RTS"]
    taken = subprocess.run([*roomy, "--version"], capture_output=True, check=False)
    return roomy if taken.returncode == 0 else roomy[:1]  # a build may refuse such options


def run(*arguments: str, text: str) -> subprocess.CompletedProcess[str]:
    """What pandoc makes of a text.

    In a locale of another encoding, as the POSIX one is, it could not open a file whose path is not
    ASCII; a reader's own locale of UTF-8 is left as it is, since not all systems have C.UTF-8.
    """
    own = locale.getencoding().lower() in ("utf-8", "utf8")
    return subprocess.run(
        [*command(), *arguments],
        input=text,
        capture_output=True,
        encoding="utf-8",
        env=os.environ | ({} if own else {"LC_ALL": "C.UTF-8"}),
        check=False,
    )


def convert(
    page: Page, composed: Composed, to: str, metadata: dict[str, Any]
) -> tuple[dict[str, str], list[str]]:
    """Convert a composed page.

    Args:
        page: for the settings and for finding the line of a complaint.
        composed: its Markdown.
        to: ``html`` or ``typst``.
        metadata: for the filters.

    Returns:
        The parts in ``FIELDS``, and the complaints, each with file and line.
    """
    keys = ("title", "subtitle", "abstract", "description", "lang", "link-citations")
    meta = {key: page.meta[key] for key in keys if page.meta.get(key) is not None}
    meta |= metadata | {
        "formats": page.formats,
        "undefined": page.undefined,
        "number-sections": bool(page.option("number-sections", to, False)),
    }
    for key in ("bibliography", "csl"):
        if page.option(key, to):
            meta[key] = str(file_of(page, key, to))
    with tempfile.TemporaryDirectory(prefix="pandoc-") as scratch:
        template = Path(scratch) / "fields.txt"
        template.write_text(_TEMPLATE, encoding="utf-8")
        facts = Path(scratch) / "meta.json"
        facts.write_text(json.dumps(meta), encoding="utf-8")
        done = run(
            "--from=markdown-tex_math_single_backslash",
            f"--to={'html5' if to == 'html' else to}",
            "--mathml",
            "--wrap=none",
            "--standalone",
            "--toc",
            f"--toc-depth={page.option('toc-depth', to, 3)}",
            f"--template={template}",
            f"--metadata-file={facts}",
            *(["--syntax-highlighting=idiomatic"] if to == "typst" else []),
            f"--lua-filter={_HERE / 'subset.lua'}",
            f"--lua-filter={_HERE / 'number.lua'}",
            "--citeproc",
            f"--lua-filter={_HERE / 'output.lua'}",
            text=composed.text,
        )
    complaints = _complaints(page, composed, done.stderr)
    if done.returncode != 0 and not complaints:
        raise AnalysisError(f"{page.path}: pandoc failed: {done.stderr.strip()}")
    text = _FORMULA.sub(_mended, done.stdout)
    return dict(zip(FIELDS, text.split(_SEPARATOR), strict=False)), complaints


def _mended(found: re.Match[str]) -> str:
    """A formula as Typst is to set it."""
    formula = found[1]
    for wrong, right in _MENDED.items():
        formula = formula.replace(wrong, right)
    return formula


def file_of(page: Page, key: str, to: str) -> Path:
    """The file that a setting names: in the front matter the page's, else the project's.

    Raises:
        InputError: there is none.
    """
    folder = page.path.parent if key in page.own else page.root
    path = folder / str(page.option(key, to))
    if not path.is_file():
        raise InputError(f"{page.path}: {key}: no such file: {path}")
    return path


def _complaints(page: Page, composed: Composed, stderr: str) -> list[str]:
    """Every message of pandoc and of our filters as ``file:line: message``; all are errors."""
    found = []
    for line in re.sub(r"\n\s+", " ", stderr).splitlines():
        if ours := re.match(r"@@(.*?)@@(.*)", line):
            place = ours[1].removeprefix("at:")
            found.append(f"{place if place != ours[1] else page.where(place)}: {ours[2]}")
        elif cited := re.search(r"citation (\S+) not found", line):
            key = cited[1]
            found.append(f"{page.where('@' + key)}: '@{key}' isn't in the bibliography")
        elif line.strip():
            origin = str(page.path)
            if at := re.search(r"line (\d+)", line):
                spot = composed.origins[min(int(at[1]), len(composed.origins)) - 1]
                origin = f"{spot.path}:{spot.number}"
                line = line.replace(at[0], f"line {spot.number}")
            found.append(f"{origin}: {line.removeprefix('[WARNING] ')}")
    return list(dict.fromkeys(found))
