"""Figures as files: drawn once, kept in the store, and stamped with what they were made from.

A drawing is kept under the source of its figure and of all the package that it imports, the study,
the results it reads and the versions it is drawn with. The commit and the keys are put into the
files afterwards, so that a new commit alone draws nothing again.

Pages draw figures one after another, from the first on. While they do, `ahead` has another process
draw them from the last on; each takes what the other has kept, until they meet.
"""

import ast
import contextlib
import dataclasses
import functools
import hashlib
import importlib
import io
import json
import platform
import re
import struct
import subprocess
import sys
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from html import escape
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from analysis.project.environment import environment
from analysis.project.errors import InputError
from analysis.project.files import canonical, data, root
from analysis.project.markdown import line
from analysis.provenance import series
from analysis.provenance.inputs import (
    PACKAGE,
    description,
    figures,
    inputs,
    parsed,
    path_of,
    photographs,
    place,
    settings,
    title,
)
from analysis.study.results import Results, load
from analysis.study.store import Request, Store

DPI = 200  # of the PNG, pixels per inch
# Dublin Core's elements as matplotlib names them, in the order of its SVG.
ELEMENTS = ("Title", "Coverage", "Date", "Description", "Identifier", "Relation", "Source",
            "Creator", "Contributor", "Rights")  # fmt: skip

Draw = Callable[[Results], Any]


def versions() -> str:
    """What figures are drawn with."""
    found = {name: metadata.version(name) for name in ("numpy", "matplotlib")}
    return ", ".join(f"{k} {v}" for k, v in {"python": platform.python_version(), **found}.items())


def facts(label: str, results: Results) -> dict[str, str]:
    """What the files of a figure say of themselves: Dublin Core elements (`ELEMENTS`).

    No time of building is in it: the date is that of the newest result that the figure reads, and
    is left out where it reads none.
    """
    path, found = path_of(label), inputs(label, results)
    dates = [one.date for one in found if one.date]
    shown = photographs(label, results)
    licences = sorted({photo.license or "not stated" for photo in shown})
    return {
        "Title": title(path),
        "Coverage": settings(results),
        **({"Date": max(dates)} if dates else {}),
        "Description": description(path),
        "Identifier": label,
        "Relation": "; ".join(
            f"{one.name} ({one.origin}) {one.key}, commit {one.provenance['environment']['commit']}"
            for one in found
        ) or "reads no results",
        "Source": f"{place(path)} (draw) at commit {environment()['commit']}",
        "Creator": f"timestep-spectra, with {versions()}",
        "Contributor": ", ".join(sorted({photo.author for photo in shown if photo.author}))
        or "no photographs",
        "Rights": "; ".join(["MIT", *(f"photographs {one}" for one in licences)]),
    }  # fmt: skip


def drawing(
    label: str, results: Results, store: Store, draw: Draw | None = None
) -> dict[str, bytes]:
    """A figure as ``svg``, ``png``, ``csv`` and, where it has pictures, ``webp``; unstamped.

    Args:
        label: such as ``fig-raps``.
        results: what it reads.
        store: where drawings are kept; the older ones of this figure and study are removed.
        draw: its function, where it is at hand.

    Raises:
        InputError: no figure of this label, or ``draw`` is another's.
    """
    path = path_of(label)
    module = f"analysis.paper.figures.{path.stem}"
    if draw is not None and draw.__module__ != module:
        raise InputError(f"'{label}' is drawn by {module}, not by {draw.__module__}")
    request = _request(label, results)
    kept = store.get(request)
    if kept is None:
        drawn = importlib.import_module(module)
        function: Draw = draw or drawn.draw
        if hasattr(drawn, "data"):  # draws numbers, not results
            content = drawn.data(results)
            made = _drawn(lambda: drawn.draw(content))
            made["csv"] = series.written(content).encode()
        else:
            made = _drawn(lambda: function(results))
        # Where nothing can be kept it is drawn each time; the build says why nothing is remembered.
        with contextlib.suppress(OSError):
            store.put(request, {name: np.frombuffer(data, np.uint8) for name, data in made.items()})
            _prune(store, request)
        return made
    return {name: data.tobytes() for name, data in kept.items()}


def stamped(made: Mapping[str, bytes], said: Mapping[str, str]) -> dict[str, bytes]:
    """The files with their facts: RDF in the SVG, text chunks in the PNG, comments in the CSV."""
    out = dict(made)
    svg = made["svg"].decode()
    for name in ELEMENTS:
        text = said.get(name)
        if text is None:
            svg = re.sub(rf"\n *<(dc:\w+)>@@{name}@@</\1>", "", svg)
        svg = svg.replace(f"@@{name}@@", escape(text or "", quote=False))
    out["svg"] = svg.encode()
    chunks = b"".join(_chunk(name, said[name]) for name in ELEMENTS if name in said)
    ihdr = 8 + 25  # the signature and the first chunk
    out["png"] = made["png"][:ihdr] + chunks + made["png"][ihdr:]
    head = "".join(f"# {name}: {line(said[name])}\n" for name in ELEMENTS if name in said)
    out["csv"] = head.encode() + made["csv"]
    return out


@contextlib.contextmanager
def ahead(results: Results) -> Iterator[None]:
    """Have another process draw the figures that are not kept, the last one first."""
    if all(Store().state(_request(label, results)) == "sound" for label in _shown()):
        yield
        return
    code = "from analysis import drawn; drawn.draw_backwards()"
    # What fails there fails on the page too, where its line is known.
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def draw_backwards() -> None:
    """Draw the figures of the environment's study into the reader's store, the last one first."""
    results, store = load(), Store()
    for label in reversed(_shown()):
        drawing(label, results, store)


def _shown() -> list[str]:
    """The labels of the paper's figures, in its order."""
    path = root() / "report" / "index.qmd"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return [label for label in re.findall(r"\{#(fig-[\w-]+)\}", text) if label in figures()]


def _chunk(keyword: str, text: str) -> bytes:
    """An uncompressed iTXt chunk of a PNG file (its specification, 11.3.4.5)."""
    body = b"iTXt" + keyword.encode() + b"\0\0\0\0\0" + text.encode()
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _drawn(draw: Callable[[], Any]) -> dict[str, bytes]:
    import matplotlib as mpl

    from analysis.paper.figures import style
    from analysis.provenance import series

    made = {}
    # Neither a reader's matplotlibrc nor what a notebook sets may change a figure. A letter of a
    # name that the font has not is drawn as a box, which says so.
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update(style.RC | {"svg.hashsalt": "analysis"})
        figure = draw()
        if engine := figure.get_layout_engine():  # once; each savefig would do it twice
            engine.execute(figure)
            figure.set_layout_engine("none")
        marks = {name: f"@@{name}@@" for name in ELEMENTS}
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", dpi=DPI, metadata=marks)
        made["svg"] = buffer.getvalue()
    made["csv"] = series.table(figure).encode()
    made["svg"] = _named(made["svg"])
    # A hundredth of a point is finer than any screen shows; six decimals are a third of the file.
    made["svg"] = re.sub(
        rb' (d|x|y|points)="[^"]*"',
        lambda item: re.sub(rb"-?\d+\.\d{3,}", _rounded, item[0]), made["svg"],
    )  # fmt: skip
    made["png"] = _pixels(made["svg"])
    # Pictures of noise hardly compress: a page shows them as WebP, and links to the SVG.
    if b"<image" in made["svg"]:
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(made["png"])) as image:
            image.convert("RGB").save(buffer, "webp", quality=65, method=4)
        made["webp"] = buffer.getvalue()
    return made


def _named(svg: bytes) -> bytes:
    """The drawing with its ids counted: matplotlib's are hashes of all digits of a place.

    The last of them differ between processors, though nothing that is drawn does.
    """
    hashed = re.findall(rb' id="([a-z]+[0-9a-f]{10})"', svg)
    names = {name: b"d%d" % number for number, name in enumerate(dict.fromkeys(hashed), 1)}
    return re.sub(rb"[a-z]+[0-9a-f]{10}\b", lambda found: names.get(found[0], found[0]), svg)


def _pixels(svg: bytes) -> bytes:
    """The drawing as PNG, by typst: what the SVG shows, five times as fast as by matplotlib."""
    import typst

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "figure.svg").write_bytes(svg)
        main = Path(folder) / "main.typ"
        main.write_text('#set page(width: auto, height: auto, margin: 0pt)\n#image("figure.svg")')
        png = typst.compile(
            str(main), root=folder, format="png", ppi=float(DPI), ignore_system_fonts=True
        )
    packed = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").save(packed, "png", dpi=(DPI, DPI))
    return packed.getvalue()


def _rounded(found: re.Match[bytes]) -> bytes:
    return f"{float(found[0]):.2f}".encode()


def _request(label: str, results: Results) -> Request:
    """What a drawing depends on."""
    path, study = path_of(label), results.study
    read = [*(data() / "literature").glob("*"), data() / "encoders.toml"]
    files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(read)}
    made = {name: metadata.version(name) for name in ("matplotlib", "numpy", "pillow", "typst")}
    shown = [dataclasses.asdict(photo) | {"path": ""} for photo in results.photographs]
    listed = {f"{one.name} ({one.origin})": canonical(dict(one.provenance))
              for one in inputs(label, results)}  # fmt: skip
    return Request(
        "drawing", 6,
        {"figure": label, "study": study.model_dump(mode="json"), "versions": made, "dpi": DPI},
        {"code": _code(path), "files": canonical(files), "photographs": canonical(shown), **listed},
        f"drawing of {label}",
    )  # fmt: skip


@functools.cache
def _imports(path: Path) -> frozenset[Path]:
    """The modules of the package that one of them imports, anywhere in it."""
    names = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    inside = [name.split(".")[1:] for name in names if name.startswith("analysis.")]
    files = {PACKAGE.joinpath(*parts).with_suffix(".py") for parts in inside}
    return frozenset(file for file in files if file.is_file())


def _code(path: Path) -> str:
    """SHA-256 of a figure's source, of all that it imports, and of how figures are written."""
    todo = [path, Path(series.__file__), Path(__file__)]
    found: dict[Path, bytes] = {}
    while todo:
        one = todo.pop()
        if one not in found:
            found[one] = one.read_bytes()
            todo += _imports(one)
    digest = hashlib.sha256()
    for one in sorted(found):
        digest.update(one.relative_to(PACKAGE).as_posix().encode() + b"\0" + found[one] + b"\0")
    return digest.hexdigest()


def _prune(store: Store, request: Request) -> None:
    """Remove older drawings of a figure: sources change often, and nobody asks for those again."""
    wanted = request.parameters
    for path in sorted((store.folder / request.step).glob("*/*.json")):
        if path.stem == request.key:
            continue
        try:
            stored = json.loads(path.read_bytes())["parameters"]
        except (ValueError, KeyError, OSError):
            continue
        same = stored.get("figure") == wanted["figure"]
        if same and stored.get("study", {}).get("name") == wanted["study"]["name"]:
            path.unlink(missing_ok=True)
            path.with_suffix(".npz").unlink(missing_ok=True)
