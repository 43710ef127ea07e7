"""The workflows: actions pinned by commit, least permissions, and commands that exist."""

import re
import shlex
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
