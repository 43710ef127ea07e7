"""The built site becomes a version beside the others, in a folder that any server can serve.

``DIR/<version>/`` and ``DIR/dev/`` are the sites as they were built. ``DIR/latest/`` is a copy of
the newest release and no redirection: a static server can redirect pages only, and loses what
stands after the ``#`` without a script, while a copy serves the PDF, the data and every anchor,
also from a file system. Its pages' canonical links lead to the version.

No version's folder is touched for another. Therefore a page is only given its own name and a
script tag; which versions there are comes from ``DIR/versions.js``, which is made anew each time,
as is ``DIR/versions.html``, the list of versions and of what changed between them.
"""

import datetime
import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from analysis.project import placement
from analysis.project.errors import AnalysisError, InputError
from analysis.project.quarto_yml import lookup, parse
from analysis.provenance import account
from analysis.site.builtin import html, policy
from analysis.site.publish import changes, release, versions
from analysis.site.publish.versions import DEV, LATEST, MARKER, Published

_HERE = Path(__file__).parent
LOOK = _HERE.parent / "builtin" / "style.css"
_TEXTS = {".html", ".json", ".md", ".txt", ".xml"}  # files that may hold addresses of the site
SHARED = (
    *("versions.json", "versions.js", "versions.css", "site.css", "versions.html", "index.html"),
    ".nojekyll",  # else GitHub leaves out what begins with an underscore
)
_TEMPLATES = html.templates(_HERE)


@dataclass(frozen=True)
class Done:
    """What `publish` did: the version's name, and what it wrote in the folder, if anything."""

    name: str
    written: tuple[str, ...]


def publish(root: Path, to: Path, name: str, *, force: bool = False) -> Done:
    """Put the built site into the folder of versions.

    The same content a second time changes nothing. The date of publication is now, or
    ``SOURCE_DATE_EPOCH``; the same content keeps its date. Canonical links need the address that
    the folder is served at, ``website.site-url`` of ``_quarto.yml``.

    Args:
        root: the project, with the site in ``_site``.
        to: the folder of versions; made if it is not there.
        name: a version, or ``dev`` for the working state, which replaces the one before.
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
    content = changes.provenance(site)
    if name != DEV:
        name = release.check(root, to, name, content)
    _check_folder(to, name)
    quarto_yml = root / "_quarto.yml"
    settings = parse(quarto_yml.read_text("utf-8"), quarto_yml) if quarto_yml.is_file() else {}
    title, url = (str(lookup(settings, f"website.{key}", "")) for key in ("title", "site-url"))
    url = url and f"{url.rstrip('/')}/"

    def busy() -> None:
        raise AnalysisError(f"another process is publishing to {to}: wait until it is done")

    with placement.alone(to, busy), placement.stage(to) as staged:
        listed = versions.read(to)
        before = next((one for one in listed if one.name == name), None)
        digest = placement.digest(site)
        same = before is not None and before.site == digest
        if before and name != DEV and not same and not force:
            raise InputError(
                f"{name} is published already, with another content: raise the version in "
                "pyproject.toml, or replace it with --force"
            )
        if not same or force:
            date = before.date if before and same else _now()
            commit = str((content or {}).get("commit", "")).replace("unknown", "")
            one = Published(name, date, commit, digest)
            _stage(site, staged / name, one, url)
            listed = versions.ordered([*(each for each in listed if each.name != name), one])
        _share(to, staged, listed, title, url)
        return Done(name, placement.put(to, staged))


# Whether it may be ------------------------------------------------------------------------------


def _check_folder(to: Path, name: str) -> None:
    """Nothing is written over what `publish` did not write."""
    ours = next(to.glob(f"*/{MARKER}"), None) is not None
    shared = [LATEST, *(one for one in SHARED if one != ".nojekyll")]  # which hosts put there
    foreign = [one for one in ([] if ours else shared) if (to / one).exists()]
    if (to / name).exists() and not (to / name / MARKER).is_file():
        foreign.append(name)
    if foreign:
        raise InputError(
            f"{to / foreign[0]} was not written by publish: give an empty folder, or one that "
            "versions were published to"
        )


def _now() -> str:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    when = datetime.datetime.now(datetime.UTC)
    if epoch:
        when = datetime.datetime.fromtimestamp(int(epoch), datetime.UTC)
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


# What is written --------------------------------------------------------------------------------


def _stage(site: Path, folder: Path, one: Published, url: str) -> None:
    """Copy the built site as a version's folder, whose pages say which version they are of."""
    shutil.copytree(site, folder)
    for path in folder.rglob("*"):
        if path.suffix not in _TEXTS:
            continue
        text = old = path.read_text(encoding="utf-8")
        if url:  # the site's own addresses are that version's
            text = text.replace(f"{url}report/", f"{url}{one.name}/report/")
        if path.suffix == ".html":
            text = page(text, path.relative_to(folder).as_posix(), one, url)
        if text != old:
            path.write_text(text, encoding="utf-8")
    (folder / MARKER).write_text(json.dumps(asdict(one), indent=1) + "\n", encoding="utf-8")
    account.refresh(folder)  # its digests are of the files as they are now


def page(text: str, where: str, one: Published, url: str) -> str:
    """A built page as a page of a version: with its name, the shared style and the shared script.

    Args:
        text: the built page; one that only leads to another comes back as it is.
        where: its path in the site, with slashes.
        one: the version.
        url: the address of the folder of versions, with a slash at its end; or empty.
    """
    body = re.search(r"<body\b[^>]*>", text)
    if body is None or re.search(r"<meta http-equiv=.refresh", text, re.IGNORECASE):
        return text
    # Before the page's own header, so that a link that skips to the content stays the first.
    header, main = text.find("<header", body.end()), text.find("<main")
    place = header if body.end() <= header < main else body.end()
    context = {
        "one": one,
        "url": f"{url}{one.name}/{quote(where)}" if url else "",
        "up": "../" * len(PurePosixPath(where).parts),
        "page": where,
    }
    head, strip = (
        _TEMPLATES.get_template(name).render(context) for name in ("head.html", "strip.html")
    )
    text = text[:place] + strip + text[place:]
    return text.replace("</head>", f"{head}</head>", 1)


def _share(to: Path, staged: Path, listed: Sequence[Published], title: str, url: str) -> None:
    """Write what all versions share."""
    folders = {one.name: staged / one.name for one in listed}
    folders = {name: path if path.exists() else to / name for name, path in folders.items()}
    last = versions.newest(listed)
    if last:
        shutil.copytree(folders[last.name], staged / LATEST)
        _keep_foreign(to, staged / LATEST)
    content = versions.listing(listed, folders)
    data = json.dumps(content, indent=1, ensure_ascii=False)
    pairs = versions.pairs(listed)
    start = LATEST if last else DEV if DEV in folders else listed[0].name
    context = {
        "title": title,
        "versions": content["versions"],
        "latest": last and last.name,
        "before": pairs,
        "changes": {
            new: changes.compare(folders[old], folders[new]) if old else None
            for new, old in pairs.items()
        },
        "target": f"{start}/index.html",
        "url": url,
        "policy": policy.meta(policy.scripts(_HERE / "versions.html")),
    }
    script = (_HERE / "versions.js").read_text(encoding="utf-8")
    written = {
        "versions.json": f"{data}\n",
        "versions.js": f"globalThis.timestepSpectraVersions = {data};\n{script}",
        "versions.css": (_HERE / "versions.css").read_text(encoding="utf-8"),
        "site.css": LOOK.read_text(encoding="utf-8"),
        "versions.html": _TEMPLATES.get_template("versions.html").render(context),
        "index.html": _TEMPLATES.get_template("redirect.html").render(context),
        ".nojekyll": "",
    }
    for name in SHARED:
        (staged / name).write_text(written[name], encoding="utf-8")


def _keep_foreign(to: Path, copy: Path) -> None:
    """Take over what somebody put into ``latest/``: all that is not of the version it copies.

    Raises:
        InputError: the new version has a file of that name.
    """
    old = to / LATEST
    try:
        original = to / str(json.loads((old / MARKER).read_bytes())["name"])
    except (OSError, ValueError, LookupError, TypeError):
        return
    if not (original / MARKER).is_file():  # that version was removed, and nobody knows any more
        return
    for path in sorted(old.rglob("*")):
        name = path.relative_to(old)
        if (path.is_dir() and not path.is_symlink()) or os.path.lexists(original / name):
            continue
        if os.path.lexists(copy / name):
            raise InputError(f"{path} was not written by publish, and would be now: move it away")
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy / name, follow_symlinks=False)
