"""A release is what is committed, and nothing else."""

from pathlib import Path

import pytest

from analysis.project.errors import InputError
from analysis.site.publish import release
from tests.conftest import git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "pyproject.toml").write_text('[project]\nversion = "0.2.0"\n')
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "First")
    return folder


def said(folder: Path, **more: object) -> dict[str, object]:
    return {"version": "0.2.0", "commit": git(folder, "rev-parse", "HEAD"), **more}


def test_what_is_committed_may_be_released(repository: Path, tmp_path: Path) -> None:
    assert release.check(repository, tmp_path / "out", "0.2.0", said(repository)) == "0.2.0"
    for other in ("0.2", "v0.2.0", "v0.2"):  # PEP 440: the same version, as the site spells it
        assert release.check(repository, tmp_path / "out", other, said(repository)) == "0.2.0"


def test_versions_that_lie_in_the_project_are_no_change_of_it(repository: Path) -> None:
    (repository / "public").mkdir()
    (repository / "public" / "index.html").write_text("")
    assert release.check(repository, repository / "public", "0.2.0", said(repository)) == "0.2.0"
    with pytest.raises(InputError, match="public/ is not committed"):
        release.check(repository, repository / "elsewhere", "0.2.0", said(repository))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"version": "0.1.0"}, "was built as version 0.1.0, not 0.2.0: set the version"),
        ({"version": ""}, "was built as version unknown"),
        ({"commit": "unknown"}, "built from unknown"),
        ({"commit": ""}, "built from an unknown commit"),
        ({"commit": 40 * "a" + "+changes"}, r"\+changes, which nobody else has: commit, and"),
        ({"commit": 40 * "a"}, "was built from aaaaaaa, this is [0-9a-f]{7}: build again"),
    ],
)
def test_another_site_is_refused(
    repository: Path, tmp_path: Path, more: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=f"{message}.*--dev"):
        release.check(repository, tmp_path, "0.2.0", said(repository, **more))


@pytest.mark.parametrize("name", ["pyproject.toml", "new.py"])
def test_what_is_not_committed_is_refused(repository: Path, tmp_path: Path, name: str) -> None:
    (repository / name).write_text("# changed\n")
    with pytest.raises(InputError, match=f"{name} is not committed: commit, and.*--dev"):
        release.check(repository, tmp_path, "0.2.0", said(repository))


def test_without_a_repository_the_site_is_believed(tmp_path: Path) -> None:
    content = {"version": "0.2.0", "commit": 40 * "a"}
    assert release.check(tmp_path, tmp_path / "out", "0.2.0", content) == "0.2.0"
