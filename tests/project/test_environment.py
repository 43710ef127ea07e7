"""What git tells of the project's files, by repositories made here."""

from pathlib import Path

import pytest

from analysis.project import environment
from analysis.project.errors import AnalysisError
from tests.conftest import executable, git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "part").mkdir()
    for name in ("a.txt", "b.txt", "part/c d.txt"):
        (tmp_path / name).write_text("one")
    return tmp_path


def committed(repository: Path) -> str:
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "First")
    return git(repository, "rev-parse", "HEAD")


def test_a_commit_and_what_differs_from_it(repository: Path, tmp_path_factory) -> None:
    nowhere = tmp_path_factory.mktemp("none")
    assert (environment.commit(nowhere), environment.changes(nowhere)) == ("", [])
    assert environment.commit(repository) == ""  # before the first
    head = committed(repository)
    assert len(head) == 40
    assert environment.commit(repository) == head
    assert environment.commit(repository / "part") == environment.commit(repository)
    assert environment.changes(repository) == []
    (repository / "a.txt").write_text("two")
    (repository / "b.txt").unlink()
    (repository / "new.txt").touch()
    assert environment.changes(repository) == ["a.txt", "b.txt", "new.txt"]
    assert environment.changes(repository, "part") == []
    assert environment.changes(repository, ".", ":(exclude)b.txt") == ["a.txt", "new.txt"]
    assert environment.changes(repository / "part") == []


def test_provenance_names_the_commit_and_whether_code_differs(project: Path) -> None:
    """In the tiny project, made a repository of its own: no commit, a commit, a change."""

    def commit() -> str:
        environment.environment.cache_clear()
        return environment.environment()["commit"]

    git(project, "init", "-q")
    assert commit() == "unknown"
    (project / "analysis").mkdir()
    (project / "analysis" / "a.py").write_text("")
    clean = committed(project)
    assert commit() == clean
    (project / "analysis" / "a.py").write_text("x = 1")
    assert commit() == clean + "+changes"


def test_without_git_nothing_is_known(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(repository)
    monkeypatch.setenv("PATH", str(repository))
    assert environment.commit(repository) == ""
    assert environment.changes(repository) == []


def test_a_git_that_hangs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(tmp_path / "git", "exec sleep 60")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(environment, "SECONDS", 0.2)
    with pytest.raises(
        AnalysisError, match=r"'git rev-parse --verify HEAD' in .* took over 0\.2 s"
    ):
        environment.commit(tmp_path)
