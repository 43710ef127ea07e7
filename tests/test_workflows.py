"""The workflows: actions pinned by commit, least permissions, and commands that exist."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from analysis.cli.app import app
from analysis.project.files import root

WORKFLOWS = sorted((root() / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
OTHERS = re.compile(r"\b(make|pip|python|npm|actions/checkout|actions/setup-\w+)\b")
"""What brings or runs code that git alone does not."""


def steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def complaints(text: str) -> list[str]:
    """What a workflow does that none may do."""
    workflow = yaml.safe_load(text)
    found = []
    triggers = workflow[True]  # YAML 1.1 reads the key "on" so
    if "pull_request_target" in triggers:
        found.append("pull_request_target gives a stranger's code our token")
    if workflow.get("permissions") != {"contents": "read"}:
        found.append("permissions are not read-only for the whole")
    for name, job in workflow["jobs"].items():
        if "timeout-minutes" not in job:
            found.append(f"{name}: no timeout")
        if job.get("permissions", {}) not in ({}, {"contents": "write"}):
            found.append(f"{name}: more permissions than a push needs")
        if "pull_request" in triggers and "permissions" in job:
            found.append(f"{name}: a pull request's code may write")
        run = "\n".join(step.get("uses", step.get("run")) for step in job["steps"])
        if "permissions" in job and (runs := OTHERS.search(run)):
            found.append(f"{name}: {runs[0]} runs others' code where a token may write")
        if "@sha256:" not in job.get("container", "@sha256:"):
            found.append(f"{name}: its container is not pinned by digest")
    for step in steps(workflow):
        if "uses" in step and not PINNED.fullmatch(step["uses"]):
            found.append(f"{step['uses']} is not pinned by a commit")
        if step.get("uses", "").startswith("actions/checkout") and (
            step.get("with", {}).get("persist-credentials") is not False
        ):
            found.append("checkout leaves its token in .git/config")
        if "${{" in step.get("run", ""):
            found.append("an expression within a script can be an injection: pass it by env")
    for command in commands(workflow):
        found += unknown(command)
    return found


def commands(workflow: dict[str, Any]) -> Iterator[list[str]]:
    for step in steps(workflow):
        for line in step.get("run", "").splitlines():
            if "-m analysis" in line:
                yield shlex.split(line.split("-m analysis")[1])


def unknown(command: list[str]) -> list[str]:
    """What a command line of ours has that the program does not."""
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    if command[0] not in known:
        return [f"no command '{command[0]}'"]
    options = {o for parameter in known[command[0]].params for o in parameter.opts}
    given = [word.split("=")[0] for word in command[1:] if word.startswith("--")]
    return [f"'{command[0]}' has no option {word}" for word in given if word not in options]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_keeps_the_rules(path: Path) -> None:
    assert complaints(path.read_text(encoding="utf-8")) == []


def test_there_are_workflows_for_changes_the_week_and_tags() -> None:
    triggers = {p.stem: yaml.safe_load(p.read_text(encoding="utf-8"))[True] for p in WORKFLOWS}
    assert {"push", "pull_request"} <= triggers["check"].keys()
    assert "schedule" in triggers["weekly"]
    assert triggers["publish"]["push"]["tags"] == ["v*"]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (r"checkout@\w{40}", "checkout@v7", "not pinned"),
        (r"contents: read", "contents: write", "not read-only"),
        (r"timeout-minutes: 90", "if: true", "no timeout"),
        (r"  pull_request:", "  pull_request_target:", "stranger"),
        (r"persist-credentials: false", "fetch-depth: 1", "leaves its token"),
        (r"(container: \S+)@\S+", r"\1", "not pinned by digest"),
        (r"bash .ci/run", "echo ${{ github.head_ref }}", "injection"),
        (r"analysis build", "analysis biuld", "no command 'biuld'"),
        (r"--renderer quarto", "--rendered quarto", "no option --rendered"),
    ],
)
def test_each_rule_can_complain(old: str, new: str, complaint: str) -> None:
    text = (root() / ".github" / "workflows" / "check.yml").read_text(encoding="utf-8")
    broken = re.sub(old, new, text, count=1)
    assert broken != text
    assert complaint in "\n".join(complaints(broken))


def test_what_may_write_runs_git_alone() -> None:
    text = (root() / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8")
    broken = text.replace(
        "          git -C pages.git push", "          make site\n          git push"
    )
    assert broken != text
    assert "deploy: make runs others' code" in "\n".join(complaints(broken))


class Publishing:
    """Both jobs of publish.yml, with a folder for the server, and for the program a few lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = root() / ".github" / "workflows" / "publish.yml"
        jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
        self.scripts = {name: job["steps"][-1 - (name == "build")] for name, job in jobs.items()}
        self.remote = folder / "remote.git"
        subprocess.run(["git", "init", "--quiet", "--bare", self.remote], check=True)

    def run(self, job: str, tag: str, writes: str = "") -> int:
        """A job's script in a new folder, with what the build left; its exit code."""
        here = self.folder / f"{job}-{tag}-{len(list(self.folder.iterdir()))}"
        program = here / ".venv" / "bin" / "python"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\n{writes}\n", encoding="utf-8")
        program.chmod(0o755)
        bundle = self.folder / "pages.bundle"
        if job == "deploy":
            shutil.copy(bundle, here)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(here),
            "TOKEN": "t",
            "SERVER": "https://server.invalid",
            "REPOSITORY": "a/b",
            "REF_TYPE": "tag",
            "REF_NAME": tag,
            "GITHUB_SHA": "0" * 40,
            "GITHUB_OUTPUT": str(here / "output"),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.file://{self.remote}.insteadOf",
            "GIT_CONFIG_VALUE_0": "https://x-access-token:t@server.invalid/a/b.git",
        }
        script = self.scripts[job]["run"]
        done = subprocess.run(["bash", "-c", script], cwd=here, env=environment, check=False)
        if (here / "pages.bundle").exists() and job == "build":
            assert (here / "output").read_text() == "changed=yes\n"
            shutil.move(here / "pages.bundle", bundle)
        return done.returncode

    def shown(self, path: str) -> str:
        """What the server has at a path of its branch."""
        command = ["git", "-C", self.remote, "show", f"gh-pages:{path}"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_versions_reach_the_branch_and_none_is_changed(tmp_path: Path) -> None:
    def page(version: str, text: str) -> str:
        return f"mkdir -p pages/{version}; echo {text} > pages/{version}/index.html"

    publishing = Publishing(tmp_path)
    for tag in ("v1.0", "v1.1"):  # onto no branch, and onto one
        assert publishing.run("build", tag, page(tag[1:], tag)) == 0
        assert publishing.run("deploy", tag) == 0
    assert [publishing.shown(f"{v}/index.html") for v in ("1.0", "1.1")] == ["v1.0\n", "v1.1\n"]
    # nothing new, no bundle
    (tmp_path / "pages.bundle").unlink()
    assert publishing.run("build", "v1.1", "true") == 0
    assert not (tmp_path / "pages.bundle").exists()
    # a build that changes or removes another version: its bundle is made, and not pushed
    for harm in (page("1.0", "other"), "rm -r pages/1.0"):
        assert publishing.run("build", "v1.2", f"{page('1.2', 'new')}; {harm}") == 0
        assert publishing.run("deploy", "v1.2") == 1
        assert publishing.shown("1.0/index.html") == "v1.0\n"
        assert publishing.shown("1.2/index.html") == ""
