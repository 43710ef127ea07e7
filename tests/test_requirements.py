"""The locks and floors of requirements/: hashes for all, true floors, and whose licences.

``python tests/test_requirements.py`` writes requirements/LICENCES.md anew, from what is installed.
"""

import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / "requirements"
LOCKS = ("build", "site", "test", "torch", "peers")
HASHED = LOCKS[:3]
FLOORS = ("site", "dev", "fast", "survey", "heic")
"""Extras that `make test-lowest` installs; torch's wheels are too large to try them all."""

UNSAID = {"axe-playwright-python": "MIT"}
"""package -> licence in its LICENSE file, where its metadata say none."""

COPYLEFT = {
    "ducc0": "the extra `fast`; without it scipy or numpy transforms",
    "pypandoc-binary": "its pandoc, a program of its own that is run, not linked: GPL 2 or later",
}
"""What has to be said of packages that are, or hold, what the GPL is for."""


def pins(lock: str) -> dict[str, tuple[str, int]]:
    """name -> locked version, and how many files of it are allowed."""
    text = (FOLDER / f"{lock}.txt").read_text(encoding="utf-8")
    joined = re.sub(r"^#.*\n|\\\n", "", text, flags=re.MULTILINE)
    found = {}
    for line in joined.splitlines():
        (name, version), hashes = line.split()[0].split("=="), line.count("--hash=sha256:")
        assert re.fullmatch(r"[\w.-]+==[\w.+]+( ; [^#-]+)?(\s+--hash=sha256:[0-9a-f]{64})*", line)
        found[canonicalize_name(name)] = version, hashes
    return found


def declared(*extras: str) -> Iterator[Requirement]:
    """What pyproject.toml asks for, with these extras."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for lines in (
        project["dependencies"],
        *(project["optional-dependencies"][extra] for extra in extras),
    ):
        yield from map(Requirement, lines)


@pytest.mark.parametrize("lock", HASHED)
def test_each_locked_package_is_locked_to_its_files(lock: str) -> None:
    found = pins(lock)
    assert found
    assert [name for name, (_, hashes) in found.items() if not hashes] == []


def test_locks_are_installed_with_their_hashes_and_nothing_else_builds() -> None:
    text = (PROJECT / "Makefile").read_text(encoding="utf-8")
    (locked,) = re.findall(r"^LOCKED := (.*)$", text, re.MULTILINE)
    assert {"--require-hashes", "--only-binary", "--no-deps"} <= set(locked.split())
    rule = text.partition("site.done: requirements/")[2].partition("touch")[0]
    installs = [line for line in rule.splitlines() if "install" in line or "LOCKED" in line]
    assert installs[0].strip() == "$(LOCKED) -r requirements/site.txt -r requirements/build.txt"
    assert {"--no-deps", "--no-build-isolation"} <= set(installs[1].split())
    assert len(installs) == 2
    assert "$(LOCKED) -r requirements/test.txt" in text


def test_the_lock_is_what_pyproject_asks_for() -> None:
    locked = {name: version for lock in LOCKS for name, (version, _) in pins(lock).items()}
    asked = [*declared("site", "dev", "vae", "fast", "survey"), Requirement("hatchling>=1.27")]
    for one in asked:
        assert one.specifier.contains(locked[canonicalize_name(one.name)]), one


def test_the_lowest_are_the_floors() -> None:
    lowest = pins("lowest")
    for one in declared(*FLOORS):
        (floor,) = (spec.version for spec in one.specifier if spec.operator == ">=")
        version = lowest[canonicalize_name(one.name)][0]
        # 2.0 where no 2.0.0 is published
        assert Version(version).release[: len(Version(floor).release)] == Version(floor).release, (
            one
        )


# Licences ------------------------------------------------------------------------------------


def licence(name: str) -> str:
    """As a package's metadata say it: the expression, else the classifiers, else the text."""
    said = metadata.metadata(name)
    classifiers = [
        c.rpartition(" :: ")[2] for c in said.get_all("Classifier") or [] if "License" in c
    ]
    text = (said.get("License") or "").splitlines()[:1]
    return said.get("License-Expression") or ", ".join(classifiers or text) or UNSAID[name]


def rows() -> Iterator[tuple[str, str, str]]:
    """Package, licence and lock of what is installed as locked."""
    for lock in LOCKS:
        for name, (version, _) in pins(lock).items():
            try:
                installed = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
            if installed.partition("+")[0] == version:
                yield name, licence(name), lock


def written() -> dict[str, tuple[str, ...]]:
    """package -> (package, licence, lock), as the table has it."""
    lines = (FOLDER / "LICENCES.md").read_text(encoding="utf-8").splitlines()
    cells = (tuple(line.strip("| ").split(" | ")) for line in lines if line.startswith("| "))
    return {row[0]: row for row in list(cells)[1:]}


def test_the_table_of_licences_is_that_of_the_locks() -> None:
    table = written()
    assert list(table) == [name for lock in LOCKS for name in pins(lock)]
    assert [row for row in rows() if table[row[0]] != row] == []


def test_what_is_under_the_gpl_is_known() -> None:
    gpl = [name for name, said, _ in written().values() if re.search(r"GPL|General Public", said)]
    assert gpl == ["ducc0"]
    (fast,) = re.findall(r"^fast = .*$", (PROJECT / "pyproject.toml").read_text(), re.MULTILINE)
    assert "GPL" in fast
    text = (FOLDER / "LICENCES.md").read_text(encoding="utf-8")
    assert all(f"- {name}: {said}" in text for name, said in COPYLEFT.items())


if __name__ == "__main__":
    head = (
        "# Licences of the packages that the locks name\n\n"
        "As their metadata say, by `python tests/test_requirements.py`. None is part of this "
        "repository; `site` is what a site is built with, `build` what installs the project, and "
        "the others are for its tests.\n\n"
    )
    notes = "".join(f"- {name}: {said}\n" for name, said in COPYLEFT.items())
    lines = "".join(f"| {' | '.join(row)} |\n" for row in rows())
    body = f"{head}{notes}\n| package | licence | lock |\n|---|---|---|\n{lines}"
    (FOLDER / "LICENCES.md").write_text(body, encoding="utf-8")
