"""Figures as files: drawn once, kept in the store, and stamped with what they were made from.

A drawing is kept under the numbers that are drawn, the code that draws them and the versions it is
drawn with: what is drawn of changed results is another drawing. The commit and the keys are put
into the files afterwards, so that a new commit alone draws nothing again.
"""

import base64
import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import platform
import re
import struct
import tempfile
import warnings
import zlib
from collections.abc import Callable, Mapping
from html import escape
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image

from analysis.paper import figures as paper_figures
from analysis.paper import series, text
from analysis.paper.series import Data
from analysis.project.environment import environment
from analysis.project.errors import InputError
from analysis.project.files import canonical
from analysis.project.markdown import line
from analysis.provenance import shown
from analysis.provenance.inputs import settings
from analysis.provenance.shown import Record
from analysis.study.results import Results
from analysis.study.store import Request, Store

DPI = 200  # of the PNG, pixels per inch
# Dublin Core's elements as matplotlib names them, in the order of its SVG.
ELEMENTS = (
    "Title",
    "Coverage",
    "Date",
    "Description",
    "Identifier",
    "Relation",
    "Source",
    "Creator",
    "Contributor",
    "Rights",
)
# What draws, besides a figure's own module.
DRAWING = [
    Path(str(paper_figures.__path__[0])) / "style.py",
    *(Path(file) for file in (series.__file__, text.__file__, __file__)),
]
CURVES = ("panel", "series", "category", "x", "y", "lower", "upper")
PICTURES = ("panel", "image", "width", "height", "minimum", "maximum", "mean", "std")


def versions() -> str:
    """What figures are drawn with."""
    found = {name: metadata.version(name) for name in ("numpy", "matplotlib")}
    return ", ".join(f"{k} {v}" for k, v in {"python": platform.python_version(), **found}.items())


def files(label: str, results: Results, store: Store) -> tuple[dict[str, bytes], Record]:
    """A figure as files by their endings, and its record.

    ``svg``, ``png`` and ``csv``; ``dark.svg``, ``narrow.svg`` and ``narrow.dark.svg`` with the
    colours of a dark page and the layout of a phone. Where a figure has pictures these are ``webp``
    instead, and ``webp`` is beside ``svg``.

    Args:
        label: such as ``fig-raps``.
        results: what it is made from.
        store: where drawings are kept; the older ones of this figure and study are removed.

    Raises:
        InputError: no figure of this label.
    """
    data, record = shown.figure(label, results)
    made = drawing(label, data, results.study.name, store)
    return stamped(made | {"csv": table(data).encode()}, facts(record, results)), record


def size(drawing: bytes) -> tuple[int, int]:
    """Width and height of a figure's SVG or WebP in CSS pixels.

    Raises:
        InputError: it is neither.
    """
    if drawing[:4] == b"RIFF":
        with Image.open(io.BytesIO(drawing)) as image:
            return round(image.width * 96 / DPI), round(image.height * 96 / DPI)
    found = re.search(rb'<svg[^>]*? width="([\d.]+)pt" height="([\d.]+)pt"', drawing)
    if found is None:
        raise InputError("a figure has no size: return a matplotlib figure")
    return round(float(found[1]) * 96 / 72), round(float(found[2]) * 96 / 72)


def facts(record: Record, results: Results) -> dict[str, str]:
    """What the files of a figure say of themselves: Dublin Core elements (`ELEMENTS`).

    No time of building is in it: the date is that of the newest result that the figure reads, and
    is left out where it reads none.
    """
    found, photographs = record.taken.inputs, record.taken.photographs
    dates = [one.date for one in found if one.date]
    licences = sorted({photo.license or "not stated" for photo in photographs})
    return {
        "Title": record.title,
        "Coverage": settings(results),
        **({"Date": max(dates)} if dates else {}),
        "Description": record.description,
        "Identifier": record.name,
        "Relation": "; ".join(
            f"{one.name} ({one.origin}) {one.key}, commit {one.provenance['environment']['commit']}"
            for one in found
        )
        or "reads no results",
        "Source": f"{record.function} (draw) at commit {environment()['commit']}",
        "Creator": f"timestep-spectra, with {versions()}",
        "Contributor": ", ".join(sorted({photo.author for photo in photographs if photo.author}))
        or "no photographs",
        "Rights": "; ".join(["MIT", *(f"photographs {one}" for one in licences)]),
    }


def drawing(label: str, data: Data, study: str, store: Store) -> dict[str, bytes]:
    """A figure as files by their endings, as `files` says; without facts and numbers.

    Args:
        label: such as ``fig-raps``.
        data: what is drawn.
        study: its name.
        store: where drawings are kept.
    """
    drawn = shown.module(label)
    request = _request(label, data, study, drawn)
    with store.alone(request):  # pages that show the same figure run at the same time
        if (kept := store.get(request)) is not None:
            return {name: content.tobytes() for name, content in kept.items()}
        made = _drawn(lambda: drawn.draw(data))
        # Where nothing can be kept it is drawn each time; the build says why nothing is remembered.
        with contextlib.suppress(OSError):
            store.put(request, {name: np.frombuffer(one, np.uint8) for name, one in made.items()})
            _prune(store, request)
    return made


def _request(label: str, data: Data, study: str, drawn: ModuleType) -> Request:
    """What a drawing depends on."""
    code = hashlib.sha256()
    for one in (Path(str(drawn.__file__)), *DRAWING):
        code.update(one.read_bytes())
    made = {name: metadata.version(name) for name in ("matplotlib", "numpy", "pillow", "typst")}
    return Request(
        "drawing",
        8,
        {"figure": label, "study": {"name": study}, "versions": made, "dpi": DPI},
        {"code": code.hexdigest(), "data": digest(data)},
        f"drawing of {label}",
    )


def digest(data: Data) -> str:
    """SHA-256 of what is drawn: other numbers, names or order give another."""
    return hashlib.sha256(canonical(_plain(data)).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """A value as JSON that differs where the value does: arrays by their bytes, floats exactly."""
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        held = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return [value.dtype.str, list(value.shape), held]
    if dataclasses.is_dataclass(value):
        value = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return [[repr(key), _plain(item)] for key, item in value.items()]
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else repr(value)


def table(data: Data) -> str:
    """What is drawn, as CSV: axes and notes as comments, then one row a point or a picture.

    Returns:
        Text with the columns `CURVES`, or `PICTURES` where there are pictures and no curves.
        Numbers have six significant digits; what is not finite is empty.
    """
    out = io.StringIO()
    for panel, (x, y) in data.axes.items():
        out.write(f"# {_note(panel)}{'; ' * bool(panel)}x: {_note(x)}; y: {_note(y)}\n")
    out.writelines(f"# {name}: {_note(note)}\n" for name, note in data.notes.items())
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CURVES if data.curves or not data.pictures else PICTURES)
    for one in data.curves:
        nothing = np.full(len(one.x), np.nan)
        lower, upper = (nothing if end is None else end for end in (one.lower, one.upper))
        names = one.categories or [""] * len(one.x)
        for name, *numbers in zip(names, one.x, one.y, lower, upper, strict=True):
            row = [one.panel, one.name, name, *map(float, numbers)]
            writer.writerow(map(_note, row))
    for picture in () if data.curves else data.pictures:
        p = picture.pixels
        some = [float(one) for one in (p.min(), p.max(), p.mean(), p.std())]
        row = [picture.panel, picture.name, p.shape[1], p.shape[0], *some]
        writer.writerow(map(_note, row))
    return out.getvalue()


def _note(value: Any) -> str:
    """Text on one line; numbers with six digits, nothing for none; several apart by commas."""
    if isinstance(value, float):
        return f"{value:.6g}" if np.isfinite(value) else ""
    return line(str(value)) if isinstance(value, str | int) else ", ".join(map(_note, value))


def stamped(made: Mapping[str, bytes], said: Mapping[str, str]) -> dict[str, bytes]:
    """The files with their facts: RDF in the SVG, text chunks in the PNG, comments in the CSV."""
    out = dict(made)
    for ending in (one for one in made if one.endswith("svg")):
        svg = made[ending].decode()
        for name in ELEMENTS:
            words = said.get(name)
            if words is None:
                svg = re.sub(rf"\n *<(dc:\w+)>@@{name}@@</\1>", "", svg)
            svg = svg.replace(f"@@{name}@@", escape(words or "", quote=False))
        out[ending] = svg.encode()
    chunks = b"".join(_chunk(name, said[name]) for name in ELEMENTS if name in said)
    ihdr = 8 + 25  # the signature and the first chunk
    out["png"] = made["png"][:ihdr] + chunks + made["png"][ihdr:]
    head = "".join(f"# {name}: {line(said[name])}\n" for name in ELEMENTS if name in said)
    out["csv"] = head.encode() + made["csv"]
    return out


def _chunk(keyword: str, text: str) -> bytes:
    """An uncompressed iTXt chunk of a PNG file (its specification, 11.3.4.5)."""
    body = b"iTXt" + keyword.encode() + b"\0\0\0\0\0" + text.encode()
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _drawn(draw: Callable[[], Any]) -> dict[str, bytes]:
    """A figure in both layouts and both themes: see `files`."""
    from analysis.paper.figures import style

    svgs: dict[str, bytes] = {}
    for layout in style.LAYOUTS:
        name = "" if layout == "wide" else f"{layout}."
        with style.layout(layout):
            svgs[name] = _svg(draw)
        svgs[name + "dark."] = style.in_the_dark(svgs[name])
    made = {"svg": svgs[""], "png": _pixels(svgs[""])}
    # Pictures of noise hardly compress: a page shows them as WebP, and links to the SVG.
    if b"<image" in svgs[""]:
        return made | {f"{name}webp": _webp(svg) for name, svg in svgs.items()}
    return made | {f"{name}svg": svg for name, svg in svgs.items()}


def _svg(draw: Callable[[], Any]) -> bytes:
    """What a function draws, as SVG with marks where its facts go."""
    import matplotlib as mpl

    from analysis.paper.figures import style

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
    # A hundredth of a point is finer than any screen shows; six decimals are a third of the file.
    return re.sub(
        rb' (d|x|y|points)="[^"]*"',
        lambda item: re.sub(rb"-?\d+\.\d{3,}", _rounded, item[0]),
        re.sub(rb"data:image/png;base64,([\w+/=\s]+)", _lighter, _named(buffer.getvalue())),
    )


def _lighter(found: re.Match[bytes]) -> bytes:
    """A picture within a drawing as JPEG, if that is smaller: noise hardly compresses otherwise.

    A PDF takes it as it is, where it would unpack a PNG.
    """
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as image:
        if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
            return found[0]  # JPEG knows no transparency
        image.convert("RGB").save(buffer, "jpeg", quality=85, subsampling=0)
    made = base64.b64encode(buffer.getvalue())
    return b"data:image/jpeg;base64," + made if len(made) < len(found[1]) else found[0]


def _webp(svg: bytes) -> bytes:
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(_pixels(svg))) as image:
        image.convert("RGB").save(buffer, "webp", quality=65, method=4)
    return buffer.getvalue()


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
