"""What a page shows of figures, tables and values, and how they were made.

A page's cells call ``figures.show(label)``, ``figures.made(label)`` and ``tables.show(label)``, its
prose has ``v.name``. Of each that is shown a record lies in ``made/`` beside the pages, with the
files of figures; both renderers copy what is linked, `account` reads the records.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from analysis.paper.values import Value, Values
from analysis.project.environment import edition as edition_of
from analysis.project.environment import environment
from analysis.project.errors import InputError
from analysis.project.files import root, write_atomic
from analysis.project.markdown import Markdown, code, escaped, link, quoted
from analysis.project.quarto_yml import repository
from analysis.provenance import drawings, shown
from analysis.provenance.inputs import Input, settings
from analysis.provenance.shown import Record
from analysis.study.results import Results
from analysis.study.settings import REFERENCE
from analysis.study.store import Store

FOLDER = "made"  # beside the pages
LIBRARIES = ("python", "numpy", "pillow", "torch", "diffusers")


class Figures:
    """The figures of a study for the pages.

    Args:
        results: what they are made from.
        store: where drawings are kept; by default the reader's.
    """

    def __init__(self, results: Results, store: Store | None = None) -> None:
        self.results, self.store = results, store or Store()
        self.folder = made_folder(results.study.name)
        self.place = self.folder.relative_to(pages_folder()).as_posix()  # for links
        self._records: dict[str, Record] = {}

    def show(self, label: str) -> Markdown:
        """Write a figure's files into the folder; show the SVG, or pictures as WebP.

        That is the wide, light one, which is all there is on paper; `site.pictures` adds those for
        phones and dark pages to the HTML of either renderer.

        On paper it is the SVG always. The built-in renderer runs a page once for all its formats
        and sees to that itself; Quarto runs it for each and says for which.

        Args:
            label: such as ``fig-raps``.

        Returns:
            The image with its alternative text and its size in CSS pixels, for the figure's div.

        Raises:
            InputError: no figure of this label, or it has no alternative text.
        """
        alt = shown.module(label).alt(self.results)
        if not alt.strip():
            raise InputError(f"'{label}' has no alternative text: its module's alt() says nothing")
        made, record = drawings.files(label, self.results, self.store)
        self._records[label] = record
        for ending, content in (made | {"json": _json(record)}).items():
            _write(self.folder / f"{label}.{ending}", content)
        for old in self.folder.glob(f"{label}.*"):
            if old.name.removeprefix(f"{label}.") not in {*made, "json"}:
                old.unlink(missing_ok=True)
        width, height = drawings.size(made["svg"])
        ending = "webp" if "webp" in made and not _on_paper() else "svg"
        # Quarto decodes the text of a page's first image as an address, where % begins a code.
        alt = re.sub(r"\s?%", " percent", alt)
        attributes = f"fig-alt={quoted(alt)} width={width} height={height}"
        return Markdown(f"![]({self.place}/{label}.{ending}){{{attributes}}}")

    def made(self, label: str) -> Markdown:
        """How a figure was made, folded, in HTML only: code, results, settings, versions, files.

        Raises:
            InputError: no figure of this label.
        """
        results, record = self.results, self._records.get(label)
        record = record or shown.figure(label, results)[1]
        found, images = record.taken.inputs, len(record.taken.photographs)
        option = "" if results.study.name == REFERENCE else f" --study {results.study.name}"
        # By its page, since figures are on pages without that table, too.
        credits_ = f"{'study' if option else 'paper'}.qmd#tbl-photographs"
        files = [f"[{kind.upper()}]({self.place}/{label}.{kind})" for kind in ("svg", "png")]
        files.append(f"[what is drawn, as CSV]({self.place}/{label}.csv)")
        commit = _commit(environment()["commit"])
        rows = [
            f"Drawn by {_code(record.function)} at commit {commit}.",
            *_results(found),
            *([f"Images: {images}, listed [with their credits]({credits_})."] if images else []),
            f"Settings: {escaped(settings(results))}.",
            f"Versions: {escaped('; '.join(_versions(found)))}.",
            f"Files: {', '.join(files)}; each carries this record.",
            f"Again: {code(f'timestep-spectra rebuild {label}{option} --to figures')}",
        ]
        body = "\n".join(f"- {row}" for row in rows)
        return Markdown(
            '::: {.content-visible when-format="html"}\n\n'
            '::: {.callout-note collapse="true" title="How this was made"}\n\n'
            f"{body}\n\n:::\n\n:::\n"
        )


class Tables:
    """The tables of a study for the pages.

    Args:
        results: what they are made from.
    """

    def __init__(self, results: Results) -> None:
        self.results = results

    def show(self, label: str) -> Markdown:
        """A table; hovering tells which function made it, from which results.

        Args:
            label: such as ``tbl-shift``.

        Raises:
            InputError: no table of this label.
        """
        made, record = shown.table(label, self.results)
        _write(made_folder(self.results.study.name) / f"{label}.json", _json(record))
        return Markdown(
            f"::: {{.told title={quoted(said(record, self.results))}}}\n\n{made}\n\n:::"
        )


class _Shown(Values):
    """Values that tell, hovered over, what made them; of each that is shown a record is written."""

    def __init__(self, results: Results) -> None:
        self._folder, self._records = made_folder(results.study.name), dict[str, Record]()
        super().__init__(self._made(results))

    def _made(self, results: Results) -> Iterator[tuple[str, Value]]:
        for one in shown.values(results):
            self._records[one.name] = one
            read = ":" in one.function or one.taken.inputs  # or it is stated in a file
            source = one.function + f", {one.taken}" * bool(read)
            yield one.name, Value(one.text, one.title, source)

    def __getattr__(self, name: str) -> str:
        text = super().__getattr__(name)
        _write(self._folder / f"{name}.json", _json(self._records[name]))
        return text


def values(results: Results) -> Values:
    """The values of a study for the pages."""
    return _Shown(results)


def said(record: Record, results: Results) -> str:
    """What hovering tells: what something is, which function made it, and from which results."""
    title = record.title.rstrip(".")
    return (
        f"{record.name}: {title}; {record.function} of study {results.study.name}, {record.taken}"
    )


def made_folder(study: str) -> Path:
    """Where the files of a study's figures and the records of what is shown are written.

    The paper's own study has the folder itself, any other one below it: the paper is beside it.
    """
    return pages_folder() / FOLDER / ("" if study == REFERENCE else study)


def pages_folder() -> Path:
    """Where the pages lie."""
    return root() / "report"


def shown_of(study: str) -> dict[str, dict[str, Any]]:
    """What pages show of a study: name -> its record, as it was written when it was shown last."""
    files = {name: made_folder(study) / f"{name}.json" for name in shown.on_pages()}
    there = {name: file for name, file in files.items() if file.is_file()}
    return {name: json.loads(file.read_text(encoding="utf-8")) for name, file in there.items()}


def edition() -> None:
    """Where Quarto sets a paper, write ``made/edition.txt`` for its running heads (quarto.typ)."""
    if _on_paper():
        _write(pages_folder() / FOLDER / "edition.txt", edition_of(root()).name.encode())


def _on_paper() -> bool:
    """Whether Quarto is running the page for its PDF."""
    told = os.environ.get("QUARTO_EXECUTE_INFO")
    if not told:
        return False
    info = json.loads(Path(told).read_text(encoding="utf-8"))
    return str(info["format"]["identifier"]["target-format"]).startswith(("typst", "pdf"))


def _code(where: str) -> str:
    """``file:line``, as a link to the repository where its address and the commit are known."""
    path, _, line = where.partition(":")
    address, commit = repository(), environment()["commit"]
    if not address or not re.fullmatch("[0-9a-f]{7,64}", commit):
        return code(where)
    return link(code(where), f"{address}/blob/{commit}/{path}#L{line}")


def _commit(name: str) -> str:
    """A commit shortened, with a word where files differ from it."""
    known, _, changes = name.partition("+")
    return code(known[:12]) + " with changes" * bool(changes)


def _results(found: Sequence[Input]) -> list[str]:
    """The results a figure reads; those that were computed together share a line."""
    rows = []
    for text, group in groupby(found, _when):
        names = [f"{code(one.name)} ({', '.join(_known(one))})" for one in group]
        rows.append(f"From {', '.join(names)}: {text}.")
    return rows or ["Reads no results: it is computed from the settings."]


def _known(one: Input) -> list[str]:
    """Shortened hashes of a result and of its encoder."""
    encoder = one.encoder
    known = [f"key {code(one.key[:12])}"]
    if revision := encoder.get("revision"):
        known.append(f"revision {code(str(revision)[:12])}")
    if weights := encoder.get("sha256"):
        known.append(f"weights {code(str(weights)[:12])}")
    return known


def _when(one: Input) -> str:
    """Where and when a result was computed."""
    day = f"{escaped(one.date)} " if one.date else ""
    commit = _commit(str(one.provenance["environment"]["commit"]))
    return f"{one.origin}, made {day}at commit {commit}"


def _versions(found: Sequence[Input]) -> list[str]:
    """What results were computed and the figure was drawn with."""
    made = [one.provenance["environment"] for one in found]
    lists = (", ".join(f"{name} {one[name]}" for name in LIBRARIES if name in one) for one in made)
    return [
        *dict.fromkeys(f"computed with {text}" for text in lists),
        f"drawn with {drawings.versions()}",
    ]


def _json(record: Record) -> bytes:
    return (json.dumps(record.json(), indent=1, ensure_ascii=False) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    """Write a file if it is not there with these bytes."""
    if not path.is_file() or path.read_bytes() != content:
        write_atomic(path, content)
