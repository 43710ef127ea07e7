"""How to cite: CITATION.cff as a sentence, as BibTeX, and as the box at the end of the paper.

The file is the one source. Its ``preferred-citation`` is what is to be cited where there is one,
else the software that the file describes.
"""

import datetime
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.project.errors import InputError
from analysis.project.files import root
from analysis.project.markdown import escaped, line, link
from analysis.project.quarto_yml import parse

_TEX = {"\\": r"\textbackslash{}", **{c: f"\\{c}" for c in "&%$#_{}"}}
_TEX |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


@dataclass(frozen=True)
class Person:
    """An author: ``given`` and ``family``, or the name of a body in ``family`` alone."""

    family: str
    given: str = ""
    orcid: str = ""

    @property
    def name(self) -> str:
        """As it is read."""
        return f"{self.given} {self.family}".strip()


@dataclass(frozen=True)
class Citation:
    """What is to be cited; empty texts are not known."""

    title: str
    authors: tuple[Person, ...]
    date: datetime.date | None
    version: str = ""
    doi: str = ""
    url: str = ""
    publisher: str = ""
    keywords: tuple[str, ...] = ()

    @property
    def year(self) -> str:
        """Of its publication, or ``n.d.``."""
        return f"{self.date.year}" if self.date else "n.d."

    @property
    def address(self) -> str:
        """The address of its DOI, else its own; empty where it has neither."""
        return f"https://doi.org/{self.doi}" if self.doi else self.url


def read(path: Path | None = None) -> Citation:
    """What a citation file asks to be cited, by default the repository's.

    Raises:
        InputError: the file is missing, is no YAML, or has no title or no authors.
    """
    path = path or root() / "CITATION.cff"
    try:
        whole = parse(path.read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; it says how to cite") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8: {error}") from None
    said = whole.get("preferred-citation") or whole
    try:
        return _citation(whole, said, path)
    except (AttributeError, TypeError, ValueError, OverflowError) as error:  # of another type
        raise InputError(f"{path}: not as a citation file has it: {error}") from None


def _citation(whole: dict[str, Any], said: dict[str, Any], path: Path) -> Citation:
    people = tuple(_person(one, path) for one in said.get("authors") or [])
    if not said.get("title") or not people:
        raise InputError(f"{path}: 'title' and 'authors' are needed to cite")
    return Citation(
        title=line(str(said["title"])),
        authors=people,
        date=_date(said),
        version=str(said.get("version") or ""),
        doi=str(said.get("doi") or "").removeprefix("https://doi.org/"),
        url=str(said.get("url") or said.get("repository-code") or ""),
        publisher=str((said.get("publisher") or {}).get("name") or ""),
        keywords=tuple(str(word) for word in whole.get("keywords") or []),
    )


def text(citation: Citation) -> str:
    """One sentence, with commas between the authors and the address last."""
    names = [one.name for one in citation.authors]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    version = f" Version {citation.version}." if citation.version else ""
    address = f" {citation.address}" if citation.address else ""
    return f"{listed} ({citation.year}). {citation.title}.{version}{address}"


def bibtex(citation: Citation) -> str:
    """A ``@misc`` entry; the braces keep the title's capitals and the names of bodies."""
    names = [
        f"{_tex(one.family)}, {_tex(one.given)}" if one.given else f"{{{_tex(one.family)}}}"
        for one in citation.authors
    ]
    date = citation.date
    fields = {
        "title": f"{{{_tex(citation.title)}}}",
        "author": " and ".join(names),
        "year": f"{date.year}" if date else "",
        "publisher": _tex(citation.publisher),
        "note": f"Version {_tex(citation.version)}" if citation.version else "",
        "doi": citation.doi,
        "url": citation.address,
    }
    width = max(map(len, fields))
    lines = [f"  {key:<{width}} = {{{value}}}," for key, value in fields.items() if value]
    return "\n".join([f"@misc{{{key(citation)},", *lines, "}"])


def key(citation: Citation) -> str:
    """The entry's name: the first author and the year, in ASCII letters and digits."""
    plain = unicodedata.normalize("NFKD", citation.authors[0].family)
    letters = re.sub(r"[^a-z0-9]", "", plain.encode("ascii", "ignore").decode().lower())
    return f"{letters or 'anonymous'}{citation.date.year if citation.date else ''}"


def box(citation: Citation) -> str:
    """The citation as Markdown for a page: the sentence, and the entry as a block of code."""
    plain: str = escaped(text(citation))
    if citation.address:
        address = link(citation.address, citation.address)
        plain = f"{plain.removesuffix(escaped(citation.address))}{address}"
    return f"> {plain}\n\n```bibtex\n{bibtex(citation)}\n```\n"


def _person(given: Any, path: Path) -> Person:
    if not isinstance(given, dict):
        raise InputError(f"{path}: an author is a mapping with 'name', or with 'family-names'")
    orcid = str(given.get("orcid") or "").rstrip("/").rsplit("/", 1)[-1]
    if given.get("name"):
        return Person(str(given["name"]), orcid=orcid)
    family = " ".join(str(given[k]) for k in ("name-particle", "family-names") if given.get(k))
    if not family:
        raise InputError(f"{path}: an author has neither 'name' nor 'family-names'")
    return Person(family, str(given.get("given-names") or ""), orcid)


def _date(said: dict[str, Any]) -> datetime.date | None:
    for name in ("date-published", "date-released"):
        if given := said.get(name):
            return datetime.date.fromisoformat(str(given))
    if said.get("year"):
        return datetime.date(int(said["year"]), int(said.get("month") or 1), 1)
    return None


def _tex(plain: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in plain)
