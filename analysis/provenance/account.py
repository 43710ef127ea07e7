"""The built site's account of itself: ``provenance.json``, and the same as an RO-Crate.

Both are written from the results and from the files that are there, after either renderer. They
hold no time of building, so that equal sites have equal accounts.
"""

import hashlib
import json
import mimetypes
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
    records = {
        label: record for label in shown.on_pages() if (record := page.record(label, results))
    }
    place = page.made_folder(results).relative_to(page.pages_folder().parent)
    files = {label: _files(site / place, site, label) for label in records}
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


def _files(folder: Path, site: Path, label: str) -> dict[str, str]:
    """The paths of a figure's files in the site, by ending, and the drawing's hash."""
    files = {path.suffix[1:]: path for path in folder.glob(f"{label}.*")}
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
    photographs, licence = account["photographs"], {"@id": f"{SPDX}MIT"}
    licences = {"MIT", *(one["license"] for one in photographs.values() if one["license"])}
    people = {one["author"] for one in photographs.values() if one["author"]}
    graph = [
        _entity(
            CRATE, "CreativeWork", about={"@id": "./"},
            conformsTo={"@id": "https://w3id.org/ro/crate/1.1"},
        ),
        _entity(
            "./", "Dataset",
            name="Time-step sampling for diffusion models, seen in the frequency domain",
            description=f"A report and the results it shows: {account['study']['title']}.",
            datePublished=account["date"], license=licence, author={"@id": "#contributors"},
            version=account["version"],
            mentions=[{"@id": f"#draw-{label}"} for label in account["figures"]],
        ),
        _entity("#contributors", "Organization", name="timestep-spectra contributors"),
        _entity(
            "#software", "SoftwareSourceCode", name="timestep-spectra", license=licence,
            version=account["version"], identifier=account["commit"],
            codeRepository=account["repository"], programmingLanguage="Python",
            runtimePlatform=account["drawn_with"],
        ),
        *(_entity(f"{SPDX}{quote(one)}", "CreativeWork", name=one) for one in sorted(licences)),
        *(_entity(_person(one), "Person", name=one) for one in sorted(people)),
        *(_photograph(name, one) for name, one in photographs.items()),
        *(_computed(name, one) for name, one in account["results"].items()),
        *(_action(label, one) for label, one in account["figures"].items()),
    ]  # fmt: skip
    return _with_files(site, graph)


def _entity(name: str, kind: str, /, **said: Any) -> Entity:
    """An entity of the crate; what is empty is not said."""
    return {"@id": name, "@type": kind} | {key: one for key, one in said.items() if one}


def _photograph(name: str, one: dict[str, str]) -> Entity:
    return _entity(
        _image(name), "ImageObject", name=one["title"], sha256=one["sha256"],
        creator={"@id": _person(one["author"])} if one["author"] else None,
        license={"@id": f"{SPDX}{quote(one['license'])}"} if one["license"] else None,
        isBasedOn=one["source"],
    )  # fmt: skip


def _image(name: str) -> str:
    return "#photograph-" + quote(name)


def _person(name: str) -> str:
    return "#person-" + quote(name.lower().replace(" ", "-"))


def _computed(name: str, one: dict[str, Any]) -> Entity:
    made = one["environment"]
    return _entity(
        f"#result-{quote(name)}", "CreativeWork", name=f"result {name}", identifier=one["key"],
        dateCreated=one["date"], isBasedOn={"@id": "#software"}, version=made["commit"],
        description=", ".join(f"{key} {value}" for key, value in sorted(made.items())),
    )  # fmt: skip


def _action(label: str, one: dict[str, Any]) -> Entity:
    read = [f"#result-{quote(name)}" for name in one["results"]]
    read += [_image(name) for name in one["photographs"]]
    made = [quote(one[kind]) for kind in ("svg", "png", "webp", "csv") if kind in one]
    return _entity(
        f"#draw-{label}", "CreateAction", name=f"{label}: {one['title']}",
        description=f"{one['description']} ({one['function']})", instrument={"@id": "#software"},
        object=[{"@id": name} for name in read], result=[{"@id": name} for name in made],
    )  # fmt: skip


def _with_files(site: Path, graph: list[Entity]) -> dict[str, Any]:
    """The crate with every file of the site but itself."""
    files = []
    for path in sorted(path for path in site.rglob("*") if path.is_file() and path.name != CRATE):
        name = path.relative_to(site).as_posix()
        files.append(_entity(
            quote(name), "File", name=name, contentSize=str(path.stat().st_size),
            encodingFormat=TYPES.guess_type(name)[0] or "application/octet-stream",
            sha256=_sha256(path),
        ))  # fmt: skip
    for entity in graph:
        if entity["@id"] == "./":
            entity["hasPart"] = [{"@id": file["@id"]} for file in files]
    return {"@context": CONTEXT, "@graph": graph + files}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
