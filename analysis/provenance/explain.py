"""Where a figure or a number on the pages comes from, and a figure drawn again on its own.

A figure's label is its file's name: ``fig-snr-match`` is drawn by ``figures/snr_match.py``. Which
results it reads is found in its source, so asking does not draw it.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from analysis.encoders import cards
from analysis.images import catalogue
from analysis.paper import values
from analysis.project.errors import InputError, nearest
from analysis.project.files import checkout_folder, write_atomic
from analysis.provenance import drawings
from analysis.provenance.inputs import (
    ALL,
    CONTRIBUTED,
    EXPERIMENT,
    FILES,
    PACKAGE,
    PICTURED,
    SHOWN,
    THUMBNAILS,
    description,
    figures,
    function_of,
    path_of,
    place,
    reads,
    title,
)
from analysis.study import archive, experiment
from analysis.study.measurement import Measured
from analysis.study.plan import Plan
from analysis.study.results import Results
from analysis.study.settings import Study
from analysis.study.store import MissError, Request, Store


def figure(label: str, study: Study, store: Store, given: str) -> dict[str, Any]:
    """What draws a figure, and from which inputs, as JSON values.

    Args:
        label: such as ``fig-raps``.
        study: every choice.
        store: where results lie.
        given: the name or path that the study was read from.

    Raises:
        InputError: no figure of this label.
        FetchError: a photograph of the study is not here, so that keys are not known.
    """
    path = path_of(label)
    plan = Plan(study, store)
    study = plan.study
    for error in catalogue.unavailable(plan.photographs, store.downloads).values():
        raise error
    read = reads(path)
    results = []
    for name, card in plan.cards.items():
        if ALL in read or (SHOWN in read and name == study.display_encoder):
            request = plan.measurement_request(card)
            known = cards.identity(card)
            if card.kind == "linear":
                known["fit"] = plan.fit_request.key
            result = _result(plan, request, name)
            results.append(result | {"encoder": known, "steps": list(request.inputs.values())})
    if CONTRIBUTED in read:
        results += _contributed(plan)
    photographs = list(plan.photographs) if results or THUMBNAILS in read else []
    if PICTURED in read:
        known = {"encoder": cards.identity(plan.cards[study.display_encoder])}
        request = plan.results()["display"]
        result = _result(plan, request, "display")
        results.append(result | known | {"steps": list(request.inputs.values())})
        photographs = photographs or [plan.displayed]
    wanted = plan.results()
    for attribute in sorted(read & FILES.keys()):
        for name in dict.fromkeys(f.format(n) for f in FILES[attribute] for n in plan.cards):
            if name in wanted:
                request = wanted[name]
                results.append(
                    _result(plan, request, name)
                    | {"parameters": dict(request.parameters)}
                    | {"steps": list(request.inputs.values())}
                )
    results += _experiment() if EXPERIMENT in read else []
    return {
        "figure": label,
        "title": title(path),
        "description": description(path),
        "function": place(path),
        "pages": _pages(label),
        "study": study.name,
        "study_file": given if given.endswith(".toml") else f"data/studies/{given}.toml",
        "seed": study.seed,
        "results": results,
        "photographs": {photo.id: plan.hashes[photo.id] for photo in photographs},
        "redraw": f"python -m analysis rebuild {label} --study {given} --to figures",
    }


def value(name: str, results: Results) -> dict[str, Any]:
    """What a value on the pages is and which result it comes from, as JSON values.

    Raises:
        InputError: no value, and no figure, of this name.
    """
    known = values.of(results)
    if name not in known.names():
        hint = nearest(name, [*known.names(), *figures()])
        if not hint.startswith("did"):
            hint = "figures and values are listed by 'explain' without a name"
        raise InputError(f"no figure or value '{name}'; {hint}")
    found = known.value(name)
    return {
        "value": name,
        "text": found.text,
        "meaning": found.meaning,
        "source": found.source,
        "place": place_of(found.source),
        "pages": _pages(name),
        "study": results.study.name,
        "results": [
            {"name": one, "origin": m.origin, "key": m.provenance["key"]}
            for one, m in behind(found.source, results).items()
        ],
    }


def behind(source: str, results: Results) -> dict[str, Measured]:
    """The measurements behind a value: those its source names, or all where it is a function."""
    if source.startswith("data/results/"):
        name = Path(source).stem
        return {name: results.measured[name]}
    return results.measured if place_of(source) else {}


def _experiment() -> list[dict[str, Any]]:
    """The committed experiment, if there is one."""
    path = archive.folder(experiment.STUDY) / f"{experiment.NAME}.json"
    if not path.is_file():
        return []
    key = json.loads(path.read_text(encoding="utf-8"))["provenance"]["key"]
    return [{"name": "experiment", "origin": "committed", "key": key, "steps": []}]


def _contributed(plan: Plan) -> list[dict[str, Any]]:
    """Measurements of encoders that the study does not name, from ``data/results``."""
    found = []
    for name, (card, request) in archive.contributed(plan).items():
        known = {"encoder": cards.identity(card), "steps": list(request.inputs.values())}
        found.append(_result(plan, request, name) | known)
    return found


def _result(plan: Plan, request: Request, name: str) -> dict[str, Any]:
    """A result's key and where it is."""
    origin = "computed" if plan.store.state(request) == "sound" else "missing: run compute"
    if origin != "computed":
        try:
            archive.read(plan.study.name, request, name, "")
            origin = "committed"
        except MissError:
            pass
    return {"name": name, "origin": origin, "key": request.key}


def place_of(source: str) -> str:
    """``timesteps.schedule.shift_t`` -> its file and line; empty if it is no function of ours."""
    if not re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", source):
        return ""
    module, _, name = source.rpartition(".")
    path = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    return place(path, name) if path.is_file() and function_of(path, name) else ""


def _pages(name: str) -> list[str]:
    """Where the pages show a figure (its label) or a value."""
    pattern = re.compile(rf"\{{#{name}\}}" if name.startswith("fig-") else rf"\bv\.{name}\b")
    if (folder := checkout_folder()) is None:
        return []
    found = []
    for path in sorted((folder / "report").glob("*.qmd")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(folder).as_posix()}:{number}")
    return found


def text(content: dict[str, Any]) -> str:
    """What `figure` or `value` gives, for reading."""
    rows: list[tuple[str, str]] = []
    if "figure" in content:
        head = f"{content['figure']}: {content['title']}\n  {content['description']}"
        rows.append(("drawn by", f"{content['function']} (draw)"))
    else:
        head = f"{content['value']} = {content['text']}\n  {content['meaning']}"
        rows.append(("source", " at ".join(filter(None, (content["source"], content["place"])))))
    # Tables and findings are made in Python, so the pages do not name what they show.
    elsewhere = "no page by this name; tables and sentences use the same results"
    rows.append(("shown in", ", ".join(content["pages"]) or elsewhere))
    if "figure" in content:
        rows.append(("study", f"{content['study_file']}, seed {content['seed']}"))
    for result in content["results"]:
        steps = f", from {len(result['steps'])} steps" if result.get("steps") else ""
        rows.append(("result", f"{result['name']}: {result['origin']}, key {result['key']}{steps}"))
        for part in ("encoder", "parameters"):
            if part in result:
                known = ", ".join(f"{key} {_brief(item)}" for key, item in result[part].items())
                rows.append((f"  {part}", known))
    for name, digest in content.get("photographs", {}).items():
        rows.append(("photograph", f"{name}, sha256 {digest}"))
    if "redraw" in content:
        rows.append(("redraw", content["redraw"]))
    return "\n".join([head, *(f"  {name:<12} {item}" for name, item in rows)])


def _brief(value: Any) -> str:
    """A JSON value for reading: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def draw(label: str, read: Callable[[], Results], folder: Path) -> list[Path]:
    """Write a figure into a folder as SVG, PNG and CSV: the same results, the same bytes.

    Args:
        label: such as ``fig-raps``.
        read: gives the results; not called for an unknown label.
        folder: is made if it is not there.

    Raises:
        InputError: no figure of this label.
        OSError: the folder can't be written.
    """
    path_of(label)
    results = read()
    made = drawings.stamped(
        drawings.drawing(label, results, Store()), drawings.facts(label, results)
    )
    written = []
    for ending in ("svg", "png", "csv"):
        written.append(folder / f"{label.removeprefix('fig-')}.{ending}")
        write_atomic(written[-1], made[ending])
    return written
