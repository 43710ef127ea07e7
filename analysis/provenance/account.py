"""The built site's account of itself: ``provenance.json``, and the same as an RO-Crate.

Both are written from the results and from the files that are there, after either renderer. They
hold no time of building, so that equal sites have equal accounts.
"""

import hashlib
import json
import mimetypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from analysis.encoders import cards
from analysis.project.environment import current, environment
from analysis.project.files import root, write_atomic
from analysis.project.quarto_yml import repository
from analysis.provenance import inputs, page
from analysis.provenance.drawings import versions
from analysis.study.archive import rounded
from analysis.study.results import Results, load
from analysis.study.settings import REFERENCE

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
        ``encoders``, ``photographs``; what made each of the ``figures`` (``svg``, a path in the
        site, its ``sha256``), ``tables`` and ``values`` that pages show of the study, and from
        what. Where the study is not the paper's, ``paper`` has the same of that.
    """
    told = _of_study(site, results)
    if results.study.name != REFERENCE and page.shown_of(REFERENCE):
        told["paper"] = _of_study(site, load(REFERENCE))
    return {
        "name": "timestep-spectra",
        "version": current(root()),
        "commit": environment()["commit"],
        "date": max((one["date"] for one in told["results"].values()), default=""),
        "drawn_with": versions(),
        "repository": repository(),
        **told,
    }


def _of_study(site: Path, results: Results) -> dict[str, Any]:
    """A study, and what pages show of it."""
    made, records = inputs.known(results), page.shown_of(results.study.name)
    folder = site / page.made_folder(results.study.name).relative_to(page.pages_folder().parent)
    return {
        "study": rounded(results.study.model_dump(mode="json")),
        "results": {
            name: {
                "key": one.key,
                "origin": one.origin,
                "date": one.date,
                "environment": dict(one.provenance["environment"]),
            }  # without how long it took and where it was found, which differs between equal ones
            for name, one in sorted(made.items())
        },
        "encoders": {
            name: {"title": m.card.title, "license": m.card.license} | cards.identity(m.card)
            for name, m in results.everything.items()
        },
        "photographs": {
            photo.id: {
                "title": photo.title,
                "author": photo.author,
                "license": photo.license,
                "source": photo.source,
                "sha256": photo.sha256,
            }
            for photo in results.photographs
        },
        "figures": {
            label: record | _files(folder, site, label)
            for label, record in records.items()
            if (folder / f"{label}.svg").is_file()
        },
        "tables": {label: one for label, one in records.items() if label.startswith("tbl-")},
        "values": {
            name: {
                "text": one["text"],
                "meaning": one["title"],
                "source": one["function"],
                "results": {read: made[read].key for read in one["results"]},
            }
            for name, one in sorted(records.items())
            if "text" in one
        },
    }


def _files(folder: Path, site: Path, label: str) -> dict[str, str]:
    """The paths of a figure's files in the site, by ending, and the drawing's hash."""
    paths = sorted(folder.glob(f"{label}.*"))
    found = {path.suffix[1:]: path.relative_to(site).as_posix() for path in paths}
    return found | {"sha256": _sha256(folder / f"{label}.svg")}


def _crate(site: Path, account: dict[str, Any]) -> dict[str, Any]:
    """The account as JSON-LD of RO-Crate 1.1."""
    studies = {"#": account} | ({"#paper-": account["paper"]} if "paper" in account else {})
    photographs = [one for study in studies.values() for one in study["photographs"].values()]
    licences = {"MIT", *(one["license"] for one in photographs if one["license"])}
    people = {one["author"] for one in photographs if one["author"]}
    drawn = [f"{at}draw-{label}" for at, study in studies.items() for label in study["figures"]]
    licence = {"@id": f"{SPDX}MIT"}
    graph = [
        _entity(
            CRATE,
            "CreativeWork",
            about={"@id": "./"},
            conformsTo={"@id": "https://w3id.org/ro/crate/1.1"},
        ),
        _entity(
            "./",
            "Dataset",
            name="Time-step sampling for diffusion models, seen in the frequency domain",
            description=f"A report and the results it shows: {account['study']['title']}.",
            datePublished=account["date"],
            license=licence,
            author={"@id": "#contributors"},
            version=account["version"],
            mentions=[{"@id": name} for name in drawn],
        ),
        _entity("#contributors", "Organization", name="timestep-spectra contributors"),
        _entity(
            "#software",
            "SoftwareSourceCode",
            name="timestep-spectra",
            license=licence,
            version=account["version"],
            identifier=account["commit"],
            codeRepository=account["repository"],
            programmingLanguage="Python",
            runtimePlatform=account["drawn_with"],
        ),
        *(_entity(f"{SPDX}{quote(one)}", "CreativeWork", name=one) for one in sorted(licences)),
        *(_entity(_person(one), "Person", name=one) for one in sorted(people)),
        *(entity for at, study in studies.items() for entity in _made(at, study)),
    ]
    return _with_files(site, graph)


def _entity(name: str, kind: str, /, **said: Any) -> Entity:
    """An entity of the crate; what is empty is not said."""
    return {"@id": name, "@type": kind} | {key: one for key, one in said.items() if one}


def _person(name: str) -> str:
    return "#person-" + quote(name.lower().replace(" ", "-"))


def _made(at: str, study: dict[str, Any]) -> Iterator[Entity]:
    """The photographs, results and figures of a study, under names that begin with ``at``."""
    for name, one in study["photographs"].items():
        yield _entity(
            f"{at}photograph-{quote(name)}",
            "ImageObject",
            name=one["title"],
            creator={"@id": _person(one["author"])} if one["author"] else None,
            license={"@id": f"{SPDX}{quote(one['license'])}"} if one["license"] else None,
            isBasedOn=one["source"],
            sha256=one["sha256"],
        )
    for name, one in study["results"].items():
        made = one["environment"]
        yield _entity(
            f"{at}result-{quote(name)}",
            "CreativeWork",
            name=f"result {name}",
            identifier=one["key"],
            dateCreated=one["date"],
            isBasedOn={"@id": "#software"},
            version=made["commit"],
            description=", ".join(f"{key} {value}" for key, value in sorted(made.items())),
        )
    for label, one in study["figures"].items():
        read = [f"{at}result-{quote(name)}" for name in one["results"]]
        read += [f"{at}photograph-{quote(name)}" for name in one["photographs"]]
        files = [quote(one[kind]) for kind in ("svg", "png", "webp", "csv") if kind in one]
        yield _entity(
            f"{at}draw-{label}",
            "CreateAction",
            name=f"{label}: {one['title']}",
            description=f"{one['description']} ({one['function']})",
            instrument={"@id": "#software"},
            object=[{"@id": name} for name in read],
            result=[{"@id": name} for name in files],
        )


def _with_files(site: Path, graph: list[Entity]) -> dict[str, Any]:
    """The crate with every file of the site but itself."""
    files = []
    for path in sorted(path for path in site.rglob("*") if path.is_file() and path.name != CRATE):
        name = path.relative_to(site).as_posix()
        files.append(
            _entity(
                quote(name),
                "File",
                name=name,
                contentSize=str(path.stat().st_size),
                encodingFormat=TYPES.guess_type(name)[0] or "application/octet-stream",
                sha256=_sha256(path),
            )
        )
    for entity in graph:
        if entity["@id"] == "./":
            entity["hasPart"] = [{"@id": file["@id"]} for file in files]
    return {"@context": CONTEXT, "@graph": graph + files}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
