"""Runs pandoc with the Lua filters, and turns every complaint into file, line and message."""

import contextlib
import hashlib
import json
import locale
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from analysis.project import extras
from analysis.project.errors import AnalysisError, InputError, PackageError
from analysis.project.files import canonical
from analysis.site.builtin.files import keep, recall, state
from analysis.site.builtin.markdown import Composed
from analysis.site.builtin.page import Page

_HERE = Path(__file__).parent
_MINIMUM = (3, 8, 3)
# What comes back is one text; the template puts this between its fields.
_SEPARATOR = "\x1e"
FILES = ("bibliography", "csl")
FIELDS = (
    *("body", "table-of-contents", "title", "subtitle", "abstract", "description", "footer"),
    "cited",
)
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


def run(
    *arguments: str,
    text: str,
    given: Mapping[str, str] = MappingProxyType({}),
    reads: Iterable[Path] = (),
    kept: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """What pandoc makes of a text.

    In a locale of another encoding, as the POSIX one is, it could not open a file whose path is not
    ASCII; a reader's own locale of UTF-8 is left as it is, since not all systems have C.UTF-8.

    Args:
        given: files in the folder that it runs in, by name.
        reads: other files that the arguments name.
        kept: the file that has its last answer: that is given again while everything here, and
            pandoc itself, is as it was.
    """
    key = ""
    if kept:
        at = os.stat(program())
        itself = [program(), at.st_size, at.st_mtime_ns]
        known = [itself, arguments, text, dict(given), [(str(one), state(one)) for one in reads]]
        key = hashlib.sha256(canonical(known).encode()).hexdigest()
        last = recall(kept)
        if last and last["key"] == key:
            return subprocess.CompletedProcess(arguments, 0, last["out"], last["told"])
    own = locale.getencoding().lower() in ("utf-8", "utf8")
    with tempfile.TemporaryDirectory(prefix="pandoc-") as scratch:
        for name, content in given.items():
            (Path(scratch) / name).write_text(content, encoding="utf-8")
        done = subprocess.run(
            [*command(), *arguments],
            input=text,
            capture_output=True,
            encoding="utf-8",
            env=os.environ | ({} if own else {"LC_ALL": "C.UTF-8"}),
            check=False,
            cwd=scratch,
        )
    if kept and done.returncode == 0:
        with contextlib.suppress(OSError):  # the build says where nothing can be remembered
            keep(kept, {"key": key, "out": done.stdout, "told": done.stderr})
    return done


def convert(
    page: Page, composed: Composed, to: str, metadata: dict[str, Any], kept: Path | None = None
) -> tuple[dict[str, str], list[str]]:
    """Convert a composed page.

    Args:
        page: for the settings and for finding the line of a complaint.
        composed: its Markdown.
        to: ``html`` or ``typst``.
        metadata: for the filters.
        kept: a folder for what pandoc answered, so that it is not asked again.

    Returns:
        The parts in ``FIELDS``, and the complaints, each with file and line.
    """
    keys = ("title", "subtitle", "abstract", "description", "lang", "link-citations")
    meta = {key: page.meta[key] for key in keys if page.meta.get(key) is not None}
    meta |= metadata | {
        "formats": page.formats,
        "undefined": page.undefined,
        "number-sections": bool(page.option("number-sections", to, False)),
        "scholar": bool(page.option("google-scholar", to, False)),
    }
    for key in FILES:
        if page.option(key, to):
            meta[key] = str(file_of(page, key, to))
    done = run(
        "--from=markdown-tex_math_single_backslash",
        f"--to={'html5' if to == 'html' else to}",
        "--mathml",
        "--wrap=none",
        "--standalone",
        "--toc",
        f"--toc-depth={page.option('toc-depth', to, 3)}",
        "--template=fields.txt",
        "--metadata-file=meta.json",
        *(["--syntax-highlighting=idiomatic"] if to == "typst" else []),
        f"--lua-filter={_HERE / 'subset.lua'}",
        f"--lua-filter={_HERE / 'number.lua'}",
        f"--lua-filter={_HERE / 'references.lua'}",
        "--citeproc",
        f"--lua-filter={_HERE / 'output.lua'}",
        text=composed.text,
        given={"fields.txt": _TEMPLATE, "meta.json": json.dumps(meta)},
        reads=[*sorted(_HERE.glob("*.lua")), *(Path(meta[key]) for key in FILES if key in meta)],
        kept=kept and kept / page.path.relative_to(page.root).with_suffix(f".{to}.json"),
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
