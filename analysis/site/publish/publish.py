"""The built site becomes a version beside the others, in a folder that any server can serve.

``DIR/<version>/`` and ``DIR/dev/`` are complete sites. ``DIR/latest/`` is a copy of the newest
release and no redirection: a static server can redirect pages only, and loses what stands after
the ``#`` without a script, while a copy serves the PDF, the data and every anchor, also from a
file system. Its pages' canonical links lead to the version.

No version's folder is touched for another. All else (the list, the switcher's data, what changed,
feeds) is made anew from the versions each time.
"""

import datetime
import json
import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from analysis.project import placement
from analysis.project.errors import AnalysisError, InputError
from analysis.project.quarto_yml import lookup, parse
from analysis.provenance import account
from analysis.site.publish import changes, feeds, release, stamping, versions
from analysis.site.publish.changes import Change
from analysis.site.publish.stamping import TEMPLATES
from analysis.site.publish.versions import DEV, LATEST, MARKER, Published

# What a site says of itself as a whole, and the folder of versions says instead.
REPLACED = {"sitemap.xml", "robots.txt", "atom.xml", MARKER}
LOOK = TEMPLATES.parent / "builtin" / "style.css"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Done:
    """What `publish` did: the version's name, and what it wrote in the folder, if anything."""

    name: str
    written: tuple[str, ...]


def publish(root: Path, to: Path, name: str, *, url: str = "", force: bool = False) -> Done:
    """Put the built site into the folder of versions.

    The same content a second time changes nothing. The date of publication is now, or
    ``SOURCE_DATE_EPOCH``; the same content keeps its date.

    Args:
        root: the project, with the site in ``_site``.
        to: the folder of versions; made if it is not there.
        name: a version, or ``dev`` for the working state, which replaces the one before.
        url: the address the folder is served at; by default ``website.site-url`` of
            ``_quarto.yml``, else the one of the last publishing. Without one there are no
            canonical links, no feed and no sitemap.
        force: replace a version that is published already, with another content.

    Raises:
        InputError: there is no site; the folder is another's; a release is published already, or
            is not built from what is committed.
        AnalysisError: another process is publishing there, or what is there is damaged.
    """
    site, to = (root / "_site").resolve(), to.resolve()
    if to.is_relative_to(site) or site.is_relative_to(to):
        raise InputError(f"{to} and the site itself lie in each other: give another folder")
    if not any(site.rglob("*.html")):
        raise InputError("no site in _site: run 'timestep-spectra build' first")
    content = versions.provenance(site)
    if content is not None:
        changes.check(name, content)
    if name != DEV:
        name = release.check(root, to, name, content)
    _check_folder(to, name)
    settings = _settings(root)

    def busy() -> None:
        raise AnalysisError(f"another process is publishing to {to}: wait until it is done")

    with placement.alone(to, busy), placement.stage(to) as staged:
        listed = versions.read(to)
        url = _url(to, url or str(lookup(settings, "website.site-url", "")))
        before = next((one for one in listed if one.name == name), None)
        digest = placement.digest(site)
        same = before is not None and before.site == digest
        if before and name != DEV and not same and not force:
            raise InputError(
                f"{name} is published already, with another content: raise the version in "
                "pyproject.toml, or replace it with --force"
            )
        if not (before and same and name != DEV and not force):
            date = before.date if before and same else _now()
            one = _stage(site, staged / name, (name, date, digest, url), content or {})
            listed = versions.ordered([*(each for each in listed if each.name != name), one])
        title = str(lookup(settings, "website.title", "") or listed[0].title)
        _share(to, staged, listed, {"title": title, "url": url})
        return Done(name, placement.put(to, staged))


# Whether it may be ------------------------------------------------------------------------------


def _check_folder(to: Path, name: str) -> None:
    """Nothing is written over what `publish` did not write."""
    ours = next(to.glob(f"*/{MARKER}"), None) is not None
    shared = [LATEST, changes.FOLDER, "index.html", "versions.json", "versions.html", "site.css"]
    foreign = [one for one in ([] if ours else shared) if (to / one).exists()]
    if (to / name).exists() and not (to / name / MARKER).is_file():
        foreign.append(name)
    if foreign:
        raise InputError(
            f"{to / foreign[0]} was not written by publish: give an empty folder, or one that "
            "versions were published to"
        )


def _url(to: Path, given: str) -> str:
    """The address of the folder, with a slash at its end; empty if nobody said it."""
    if not given:
        try:
            given = json.loads((to / "versions.json").read_text(encoding="utf-8")).get("url") or ""
        except (FileNotFoundError, ValueError):
            given = ""
        if not given:
            return ""
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise InputError(f"'{given}' is no address of a folder: write https://host/path/")
    return given.rstrip("/") + "/"


def _settings(root: Path) -> dict[str, Any]:
    path = root / "_quarto.yml"
    return parse(path.read_text(encoding="utf-8"), path) if path.is_file() else {}


def _now() -> str:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    when = datetime.datetime.now(datetime.UTC)
    if epoch:
        when = datetime.datetime.fromtimestamp(int(epoch), datetime.UTC)
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


# What is written --------------------------------------------------------------------------------


def _stage(
    site: Path, staged: Path, said: tuple[str, str, str, str], content: dict[str, Any]
) -> Published:
    """Write the site as a version's folder; what its ``version.json`` says."""
    name, date, digest, url = said
    paths = sorted(path for path in site.rglob("*") if path.is_file())
    inside = [path.relative_to(site).as_posix() for path in paths]
    files = {path: _renamed(path, name) for path in inside if path not in REPLACED}
    commit = str(content.get("commit", "")).replace("unknown", "")
    stamp = stamping.Stamp(name, date, commit, url, files)
    read: dict[str, stamping.Reader] = {}
    for old, new in files.items():
        source, target = site / old, staged / new
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".html":
            text = source.read_text(encoding="utf-8")
            read[new] = stamping.Reader(text)
            target.write_text(stamping.page(text, old, stamp), encoding="utf-8")
        elif source.suffix in stamping.TEXTS:
            text = source.read_text(encoding="utf-8")
            target.write_text(stamping.addressed(text, old, stamp), encoding="utf-8")
        else:
            shutil.copyfile(source, target)
    pages = [path for path, page in read.items() if not page.refresh]
    start = read.get("index.html")
    first = (start.refresh or "index.html") if start else ""
    first = first if first in pages else next(iter(pages), "index.html")
    shown = read[first]
    one = Published(
        name=name, date=date, commit=commit, site=digest, title=shown.title.strip(),
        author=shown.author, first=first, pages=tuple(pages),
        pdf=tuple(path for path in files.values() if path.endswith(".pdf")),
    )  # fmt: skip
    (staged / MARKER).write_text(one.model_dump_json(indent=1) + "\n", encoding="utf-8")
    account.refresh(staged)  # its digests are of the files as they are now
    return one


def _renamed(path: str, name: str) -> str:
    """A PDF is saved and passed on without its folder, so its own name says its version."""
    here = PurePosixPath(path)
    return str(here.with_stem(f"{here.stem}-{name}")) if here.suffix == ".pdf" else path


def _share(to: Path, staged: Path, listed: Sequence[Published], site: dict[str, str]) -> None:
    """Write what all versions share."""
    folders = {one.name: staged / one.name for one in listed}
    folders = {name: path if path.exists() else to / name for name, path in folders.items()}
    last = versions.newest(listed)
    if last:
        shutil.copytree(folders[last.name], staged / LATEST)
    found = _changes(to, listed, folders)
    listing = versions.listing(listed, [one.summary for one in found], site["url"])
    data = json.dumps(listing, indent=1, ensure_ascii=False)
    script = (TEMPLATES / "versions.js").read_text(encoding="utf-8")
    start = next((one for one in (*listed[::-1], *listed) if one.name == DEV), listed[0])
    target = f"{LATEST}/{last.first}" if last else f"{start.name}/{start.first}"
    rows = [
        {
            "it": one,
            "kind": versions.kind(one, listed),
            "changes": [each for each in found if each.new == one.name],
        }
        for one in listed
    ]
    templates = stamping.environment()
    context = {"site": site, "up": "", "rows": rows, "latest": last, "target": target}
    written = {
        "versions.json": data + "\n",
        "versions.js": f"globalThis.timestepSpectraVersions = {data};\n{script}",
        "versions.css": (TEMPLATES / "versions.css").read_text(encoding="utf-8"),
        "site.css": LOOK.read_text(encoding="utf-8"),
        "versions.html": templates.get_template("versions.html").render(context),
        "index.html": templates.get_template("redirect.html").render(context),
        ".nojekyll": "",  # else GitHub leaves out what begins with an underscore
        **{one.page: changes.html(one, site) for one in found},
    }
    if url := site["url"]:
        written["atom.xml"] = feeds.atom(listed, found, url, site["title"])
        written["sitemap.xml"] = feeds.sitemap(listed, found, url)
        if robots := feeds.robots(url):
            written["robots.txt"] = robots
    for name, text in written.items():
        (staged / name).parent.mkdir(exist_ok=True)
        (staged / name).write_text(text, encoding="utf-8")


def _changes(to: Path, listed: Sequence[Published], folders: dict[str, Path]) -> list[Change]:
    """What changed between versions: the wanted pairs, and those there are already."""
    known = {}
    for one in listed:
        try:
            content = versions.provenance(folders[one.name])
            if content is None:
                raise AnalysisError(f"{one.name} has no {versions.PROVENANCE}")
            changes.check(one.name, content)
        except AnalysisError as error:  # of a version that is not to be touched any more
            _log.warning(f"{error}; its results are not compared")
            continue
        known[one.name] = (one.name, folders[one.name], content)
    wanted = versions.pairs(listed)
    for page in sorted((to / changes.FOLDER).glob("*.html")):
        old, _, new = page.stem.partition("...")
        if DEV not in (old, new) and (old, new) not in wanted:
            wanted.append((old, new))
    return [
        changes.compare(known[old], known[new])
        for old, new in wanted
        if old in known and new in known
    ]
