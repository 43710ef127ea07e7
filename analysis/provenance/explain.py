"""Where a figure, a table or a number on the pages comes from, and a figure drawn on its own."""

import json
from pathlib import Path
from typing import Any

from analysis.project.errors import InputError, nearest
from analysis.project.files import write_atomic
from analysis.provenance import drawings, shown
from analysis.provenance.inputs import Input
from analysis.study import archive
from analysis.study.plan import Plan
from analysis.study.results import Results
from analysis.study.store import Request, Store


def names(results: Results | None = None) -> list[str]:
    """The labels of figures and tables; with results, the values as well."""
    values = [] if results is None else [one.name for one in shown.values(results)]
    return [*shown.figures(), *shown.tables(), *values]


def refuse_label(name: str) -> None:
    """Raise InputError for a label of nothing, before results are read."""
    if name.startswith(("fig-", "tbl-")) and name not in names():
        kind = "figure" if name.startswith("fig-") else "table"
        raise InputError(f"no {kind} '{name}'; {nearest(name, names())}")


def explain(name: str, results: Results, plan: Plan, given: str) -> dict[str, Any]:
    """What something on the pages is, and which function made it from which inputs, as JSON values.

    Args:
        name: of a figure (``fig-raps``), a table (``tbl-shift``) or a value (``shift_taef2``).
        results: what it is made from.
        plan: of the same study.
        given: the name or path that the study was read from.

    Raises:
        InputError: nothing on the pages has this name.
    """
    if name in shown.figures():
        kind, record = "figure", shown.figure(name, results)[1]
    elif name in shown.tables():
        kind, record = "table", shown.table(name, results)[1]
    else:
        kind, record = "value", _value(name, results)
    requests = plan.results()
    requests |= {one: request for one, (_, request) in archive.contributed(plan).items()}
    redraw = f"python -m analysis rebuild {name} --study {given} --to figures"
    return {
        kind: name,
        **record.json(),
        "pages": shown.on_pages().get(name, []),
        "study": results.study.name,
        "study_file": given if given.endswith(".toml") else f"data/studies/{given}.toml",
        "seed": results.study.seed,
        "results": [_result(one, requests.get(one.name), plan) for one in record.taken.inputs],
        "photographs": {one.id: plan.hashes[one.id] for one in record.taken.photographs},
        **({"redraw": redraw} if kind == "figure" else {}),
    }


def _value(name: str, results: Results) -> shown.Record:
    for one in shown.values(results):
        if one.name == name:
            return one
    hint = nearest(name, names(results))
    if not hint.startswith("did"):
        hint = "all are listed by 'explain' without a name"
    raise InputError(f"no figure, table or value '{name}'; {hint}")


def _result(one: Input, request: Request | None, plan: Plan) -> dict[str, Any]:
    """A result's key, where it is, and what it was asked to be made from."""
    found: dict[str, Any] = {"name": one.name, "origin": one.origin, "key": one.key}
    if one.encoder:
        fit = one.name in plan.cards and plan.cards[one.name].kind == "linear"
        found["encoder"] = dict(one.encoder) | ({"fit": plan.fit_request.key} if fit else {})
    elif request is not None:
        found["parameters"] = dict(request.parameters)
    return found | {"steps": list(request.inputs.values()) if request is not None else []}


def text(content: dict[str, Any]) -> str:
    """What `explain` gives, for reading."""
    kind = next(iter(content))
    name, lines = content[kind], [content["title"], content["description"]]
    head = f"{name} = {content['text']}" if kind == "value" else f"{name}: {lines.pop(0)}"
    elsewhere = "no page by this name; tables and figures show the same results"
    rows = [
        ("made by", content["function"]),
        ("shown in", ", ".join(content["pages"]) or elsewhere),
        ("study", f"{content['study_file']}, seed {content['seed']}"),
    ]
    for result in content["results"]:
        steps = f", from {len(result['steps'])} steps" if result["steps"] else ""
        rows.append(("result", f"{result['name']}: {result['origin']}, key {result['key']}{steps}"))
        for part in ("encoder", "parameters"):
            if part in result:
                known = ", ".join(f"{key} {_brief(item)}" for key, item in result[part].items())
                rows.append((f"  {part}", known))
    if not content["results"]:
        rows.append(("result", "none: it is computed from the settings alone"))
    if kind != "value":
        rows += [("photograph", f"{one}, sha256 {h}") for one, h in content["photographs"].items()]
    if "redraw" in content:
        rows.append(("redraw", content["redraw"]))
    lines = [f"  {one}" for one in lines if one]
    return "\n".join([head, *lines, *(f"  {part:<12} {item}" for part, item in rows)])


def _brief(value: Any) -> str:
    """A JSON value for reading: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def draw(label: str, results: Results, folder: Path) -> list[Path]:
    """Write a figure into a folder as SVG, PNG and CSV: the same results, the same bytes.

    Args:
        label: such as ``fig-raps``.
        results: what it is made from.
        folder: is made if it is not there.

    Raises:
        InputError: no figure of this label.
        OSError: the folder can't be written.
    """
    made, _ = drawings.files(label, results, Store())
    written = []
    for ending in ("svg", "png", "csv"):
        written.append(folder / f"{label.removeprefix('fig-')}.{ending}")
        write_atomic(written[-1], made[ending])
    return written
