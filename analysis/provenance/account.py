"""The built site's account of itself: ``provenance.json``, and the same as an RO-Crate.

Both are written from the results and from the files that are there, after either renderer. They
hold no time of building, so that equal sites have equal accounts.
"""

import hashlib
import json
import mimetypes
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from analysis.encoders import cards
from analysis.project.environment import current, environment
from analysis.project.files import root, write_atomic
from analysis.project.quarto_yml import repository
from analysis.provenance import inputs, page, shown
from analysis.provenance.drawings import versions
from analysis.study.archive import rounded
from analysis.study.results import Results

PROVENANCE, CRATE = "provenance.json", "ro-crate-metadata.json"
CONTEXT = ["https://w3id.org/ro/crate/1.1/context", {"sha256": "https://schema.org/sha256"}]
SPDX = "https://spdx.org/licenses/"
SOFTWARE = {"@id": "#software"}
# Without the machine's own lists, which differ.
TYPES = mimetypes.MimeTypes(filenames=())
for _ending, _type in ((".webp", "image/webp"), (".woff2", "font/woff2"), (".wav", "audio/wav")):
    TYPES.add_type(_type, _ending)

Entity = dict[str, Any]


def write(site: Path, results: Results) -> list[Path]:
    """Write ``provenance.json`` and ``ro-crate-metadata.json`` at a built site's root.

    Args:
        site: the built site; its figures lie in ``report/made``.
        results: what its pages show.

    Returns:
        The two files.
    """
    account = of(site, results)
    written = [site / PROVENANCE, site / CRATE]
    write_atomic(written[0], _json(account))
    write_atomic(written[1], _json(_crate(site, account)))
    return written


def refresh(site: Path) -> Path | None:
    """Describe a site's files anew in its crate, after they were changed, added or renamed.

    Returns:
        The crate, or None where the site has none.
    """
    path = site / CRATE
    if not path.is_file():
        return None
    crate = json.loads(path.read_text(encoding="utf-8"))
    graph = [entity for entity in crate["@graph"] if entity["@type"] != "File"]
    write_atomic(path, _json(_with_files(site, graph)))
    return path


def of(site: Path, results: Results) -> dict[str, Any]:
    """What ``provenance.json`` says.

    Returns:
        ``version``, ``commit``, ``date`` of the newest result, ``study``; by name ``results``,
        ``photographs``, ``values`` (``text``, ``meaning``, ``source``, ``results``), ``tables`` and
        ``figures`` (what made them from what; ``svg``, a path in the site, its ``sha256``).
    """
    made, study = inputs.known(results), results.study
    records = {label: record for label in shown.on_pages() if (record := page.record(label))}
    files = {label: _files(site, label) for label in records}
    return {
        "name": "timestep-spectra",
        "version": current(root()),
        "commit": environment()["commit"],
        "date": max((one.date for one in made.values()), default=""),
        "drawn_with": versions(),
        "repository": repository(),
        "study": rounded(study.model_dump(mode="json")),
        "results": {name: _result(one) for name, one in sorted(made.items())},
        "encoders": {
            name: {"title": m.card.title, "license": m.card.license} | cards.identity(m.card)
            for name, m in results.everything.items()
        },
        "photographs": {
            photo.id: {
                "title": photo.title, "author": photo.author, "license": photo.license,
                "source": photo.source, "sha256": photo.sha256,
            }
            for photo in results.photographs
        },
        "figures": {label: records[label] | files[label] for label in records if files[label]},
        "tables": {label: record for label, record in records.items() if label[:4] == "tbl-"},
        "values": values_of(results),
    }  # fmt: skip


def _result(one: inputs.Input) -> dict[str, Any]:
    """A result without what differs between equal ones: where it was found and how long it took."""
    return {
        "key": one.key,
        "origin": one.origin,
        "date": one.date,
        "environment": dict(one.provenance["environment"]),
    }


def _files(site: Path, label: str) -> dict[str, str]:
    """The paths of a figure's files in the site, by ending, and the drawing's hash."""
    files = {path.suffix[1:]: path for path in (site / "report" / page.FOLDER).glob(f"{label}.*")}
    if "svg" not in files:
        return {}
    paths = {kind: path.relative_to(site).as_posix() for kind, path in sorted(files.items())}
    return paths | {"sha256": _sha256(files["svg"])}


def values_of(results: Results) -> dict[str, Any]:
    """Every value of the pages: its text, meaning and source, and the keys of results behind it."""
    return {
        name: {
            "text": value.text, "meaning": value.meaning, "source": value.source,
            "results": {one.name: one.key for one in record.taken.inputs},
        }
        for name, value, record in shown.values(results)
    }  # fmt: skip


def _crate(site: Path, account: dict[str, Any]) -> dict[str, Any]:
    """The account as JSON-LD of RO-Crate 1.1."""
    root_entity: Entity = {
        "@id": "./", "@type": "Dataset",
        "name": "Time-step sampling for diffusion models, seen in the frequency domain",
        "description": f"A report and the results it shows: {account['study']['title']}.",
        "datePublished": account["date"] or None,
        "license": {"@id": f"{SPDX}MIT"},
        "author": {"@id": "#contributors"},
        "version": account["version"],
        "mentions": [{"@id": f"#draw-{label}"} for label in account["figures"]],
    }  # fmt: skip
    graph: list[Entity] = [
        {
            "@id": CRATE, "@type": "CreativeWork", "about": {"@id": "./"},
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        },
        root_entity,
        {"@id": "#contributors", "@type": "Organization", "name": "timestep-spectra contributors"},
        {
            **SOFTWARE, "@type": "SoftwareSourceCode", "name": "timestep-spectra",
            "version": account["version"], "identifier": account["commit"],
            "codeRepository": account["repository"] or None, "license": {"@id": f"{SPDX}MIT"},
            "programmingLanguage": "Python", "runtimePlatform": account["drawn_with"],
        },
        *(_photograph(name, one) for name, one in account["photographs"].items()),
        *_people(account["photographs"].values()),
        *(_computed(name, one) for name, one in account["results"].items()),
        *(_action(label, one) for label, one in account["figures"].items()),
    ]  # fmt: skip
    licences = {"MIT", *(one["license"] for one in account["photographs"].values())}
    graph += [
        {"@id": f"{SPDX}{quote(one)}", "@type": "CreativeWork", "name": one}
        for one in sorted(filter(None, licences))
    ]
    graph = [{key: item for key, item in one.items() if item is not None} for one in graph]
    return _with_files(site, graph)


def _photograph(name: str, one: dict[str, str]) -> Entity:
    return {
        "@id": _image(name), "@type": "ImageObject", "name": one["title"],
        "creator": {"@id": _person(one["author"])} if one["author"] else None,
        "license": {"@id": f"{SPDX}{quote(one['license'])}"} if one["license"] else None,
        "isBasedOn": one["source"] or None, "sha256": one["sha256"] or None,
    }  # fmt: skip


def _image(name: str) -> str:
    return "#photograph-" + quote(name)


def _person(name: str) -> str:
    return "#person-" + quote(name.lower().replace(" ", "-"))


def _people(photographs: Iterable[dict[str, str]]) -> list[Entity]:
    names = sorted({one["author"] for one in photographs if one["author"]})
    return [{"@id": _person(name), "@type": "Person", "name": name} for name in names]


def _computed(name: str, one: dict[str, Any]) -> Entity:
    made = one["environment"]
    return {
        "@id": f"#result-{quote(name)}", "@type": "CreativeWork", "name": f"result {name}",
        "identifier": one["key"], "dateCreated": one["date"] or None, "isBasedOn": SOFTWARE,
        "version": made["commit"],
        "description": ", ".join(f"{key} {value}" for key, value in sorted(made.items())),
    }  # fmt: skip


def _action(label: str, one: dict[str, Any]) -> Entity:
    read = [{"@id": f"#result-{quote(name)}"} for name in one["results"]]
    read += [{"@id": _image(name)} for name in one["photographs"]]
    kinds = ("svg", "png", "webp", "csv")
    return {
        "@id": f"#draw-{label}", "@type": "CreateAction", "name": f"{label}: {one['title']}",
        "description": f"{one['description']} ({one['function']})", "instrument": SOFTWARE,
        "object": read, "result": [{"@id": quote(one[kind])} for kind in kinds if kind in one],
    }  # fmt: skip


def _with_files(site: Path, graph: list[Entity]) -> dict[str, Any]:
    """The crate with every file of the site but itself."""
    paths = sorted(path for path in site.rglob("*") if path.is_file() and path.name != CRATE)
    files = []
    for path in paths:
        name = path.relative_to(site).as_posix()
        kind = TYPES.guess_type(name)[0] or "application/octet-stream"
        files.append({
            "@id": quote(name), "@type": "File", "name": name, "encodingFormat": kind,
            "contentSize": str(path.stat().st_size), "sha256": _sha256(path),
        })  # fmt: skip
    for entity in graph:
        if entity["@id"] == "./":
            entity["hasPart"] = [{"@id": file["@id"]} for file in files]
    return {"@context": CONTEXT, "@graph": graph + files}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
