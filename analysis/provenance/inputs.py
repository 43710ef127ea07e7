"""What draws a figure and what it reads: its file, its function, its results and photographs.

A figure's label is its file's name: ``fig-snr-match`` is drawn by ``paper/figures/snr_match.py``.
Which results it reads is found in its source, so asking does not draw it.
"""

import ast
import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.encoders import cards
from analysis.images.catalogue import Photograph
from analysis.project.errors import InputError, nearest
from analysis.study import archive, experiment
from analysis.study.results import Results

PACKAGE = Path(__file__).parents[1]
# What a figure may read.
ALL, SHOWN = "every measurement", "the display encoder's measurement"
PICTURED, THUMBNAILS = "the pictured latents", "thumbnails"
EXPERIMENT, CONTRIBUTED = "the experiment", "contributed measurements"
# What a figure reads of `Results` by attribute -> files in data/results that hold it.
FILES = {"leakage": ("leakage",), "rule": ("channel-rule",), "samplers": ("sampler-{}",)}


@dataclasses.dataclass(frozen=True)
class Input:
    """A result that a figure reads.

    Args:
        name: its file's name.
        origin, provenance: as of `Measured`.
        encoder: what identifies the encoder, where it is one's.
    """

    name: str
    origin: str
    provenance: Mapping[str, Any]
    encoder: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def key(self) -> str:
        """SHA-256 of what it depends on."""
        return str(self.provenance["key"])

    @property
    def date(self) -> str:
        """The day it was computed, or nothing."""
        return str(self.provenance.get("written", ""))[:10]


def figures() -> dict[str, Path]:
    """label -> the file that draws it: ``fig-snr-match`` -> ``paper/figures/snr_match.py``."""
    paths = sorted((PACKAGE / "paper" / "figures").glob("*.py"))
    return {
        "fig-" + path.stem.replace("_", "-"): path
        for path in paths
        if path.stem not in ("__init__", "style")
    }


def path_of(label: str) -> Path:
    """The file of a figure; InputError for an unknown label."""
    known = figures()
    if label not in known:
        raise InputError(f"no figure '{label}'; {nearest(label, list(known))}")
    return known[label]


@functools.cache
def parsed(path: Path) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def function_of(path: Path, name: str = "draw") -> ast.FunctionDef | None:
    """A function of a module, if it has one of this name."""
    body = parsed(path).body
    return next((n for n in body if isinstance(n, ast.FunctionDef) and n.name == name), None)


def place(path: Path, name: str = "draw") -> str:
    """``analysis/paper/figures/raps.py:10``, where a function of a module begins."""
    found = function_of(path, name)
    return f"{path.relative_to(PACKAGE.parent).as_posix()}:{found.lineno if found else 1}"


def description(path: Path) -> str:
    """What a figure's function says that it draws."""
    found = function_of(path)
    return (ast.get_docstring(found) if found else None) or ""


def title(path: Path) -> str:
    """What a figure's file says that it shows."""
    return ast.get_docstring(parsed(path)) or ""


@functools.cache
def reads(path: Path) -> frozenset[str]:
    """What a figure reads of `Results`, found by the names it uses."""
    tree = parsed(path)
    found, single = set[str](), set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.slice).endswith("display_encoder"):
            found.add(SHOWN)
            single.add(id(node.value))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        of_results = ast.unparse(node.value) == "results"
        if node.attr == "measured" and of_results and id(node) not in single:
            found.add(ALL)
        elif node.attr == "thumbnails":
            found.add(THUMBNAILS)
        elif of_results and node.attr == "everything":
            found |= {ALL, CONTRIBUTED}
        elif of_results and node.attr in ("experiment", "contributed"):
            found.add(EXPERIMENT if node.attr == "experiment" else CONTRIBUTED)
        elif node.attr in FILES and of_results:
            found.add(node.attr)
        elif node.attr in ("z", "eps", "noisy") and ast.unparse(node.value).endswith("display"):
            found.add(PICTURED)
    return frozenset(found)


def inputs(label: str, results: Results) -> list[Input]:
    """The results that a figure reads, in the order of the study."""
    read, found = reads(path_of(label)), []
    shown = results.study.display_encoder
    for name, m in results.measured.items():
        if ALL in read or (SHOWN in read and name == shown):
            found.append(Input(name, m.origin, m.provenance, cards.identity(m.card)))
    if CONTRIBUTED in read:
        for name, m in results.contributed.items():
            found.append(Input(name, m.origin, m.provenance, cards.identity(m.card)))
    if PICTURED in read:
        d, card = results.display, results.measured[shown].card
        found.append(Input("display", d.origin, d.provenance, cards.identity(card)))
    if "leakage" in read:
        found.append(Input("leakage", results.leakage.origin, results.leakage.provenance))
    for attribute in sorted(read & {"rule", "samplers"}):
        for name in dict.fromkeys(f.format(n) for f in FILES[attribute] for n in results.measured):
            if name in results.files:
                found.append(Input(name, *results.files[name][1:]))
    if EXPERIMENT in read and results.experiment is not None:
        path = archive.folder(experiment.STUDY) / f"{experiment.NAME}.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        found.append(Input("experiment", "committed", content["provenance"]))
    return found


def photographs(label: str, results: Results) -> tuple[Photograph, ...]:
    """The photographs that a figure shows or its results were made from."""
    read = reads(path_of(label))
    if read & {ALL, SHOWN, THUMBNAILS, "rule", "samplers", CONTRIBUTED}:
        return results.photographs
    return (results.display.photograph,) if PICTURED in read else ()


def settings(results: Results) -> str:
    """The choices of a study that every figure depends on."""
    study = results.study
    sides = " and ".join(f"{side} px" for side in study.pair)
    return (
        f"study {study.name}, seed {study.seed}, {sides}, t = {study.t:g}, "
        f"{study.resample} resizing, window {study.window.text}"
    )
