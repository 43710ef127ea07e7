"""Errors as a user meets them: one line that says what, why and what to do, never a traceback."""

import ast
import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from analysis.cli.console import FLAGS
from tests.conftest import synthetic_photograph
from tests.standins import fresh

STUDY = """
title = "Mine"
images = "mine"
encoders = ["pixel"]
display_encoder = "pixel"
resolutions = [64, 128]
"""
RECOMMEND = ("recommend", "--encoder", "pixel", "--from", "64", "--to", "128", "--images")


@pytest.fixture
def mine(user: fresh.User) -> fresh.User:
    """A user with a study of three images of their own."""
    (user.project / "mine").mkdir()
    for seed in range(3):
        picture = Image.fromarray(synthetic_photograph(seed, 160))
        picture.save(user.project / "mine" / f"{seed}.png")
    user.write("data/studies/mine.toml", STUDY)
    return user


@pytest.fixture
def bound(mine: fresh.User) -> fresh.User:
    """The same, for whom rights on files hold as they do for people: root may do anything else."""
    if os.geteuid() == 0:
        without = "-dac_override,-dac_read_search"
        mine.under = ("setpriv", f"--bounding-set={without}", f"--inh-caps={without}")
    return mine


def one_line(said: fresh.Said, code: int, *parts: str) -> None:
    """It is an error of this exit code, on one line that has these parts."""
    assert said.code == code and said.out == "", said.all
    assert said.err.startswith("error: ") and said.err.count("\n") == 1, said.err
    for part in parts:
        assert part in said.err, said.err
    assert "not foreseen" not in said.err


# Disks and folders ----------------------------------------------------------------------------


def test_a_checkout_that_is_read_only(bound: fresh.User, tmp_path: Path) -> None:
    data = bound.project / "data"
    data.chmod(0o555)
    try:
        said = bound.run("compute", "--study", "mine", "--quiet")
        one_line(said, 2, "data/cache: Permission denied", "set ANALYSIS_CACHE to a folder")
        kept = bound.run("compute", "--study", "mine", ANALYSIS_CACHE=str(tmp_path / "kept"))
        assert kept.code == 0 and (tmp_path / "kept").is_dir(), kept.err
    finally:
        data.chmod(0o755)
    closed = tmp_path / "closed"
    closed.mkdir(0o000)
    said = bound.run("compute", "--study", "mine", "--quiet", ANALYSIS_CACHE=str(closed / "x"))
    one_line(said, 2, "Permission denied", "set ANALYSIS_CACHE")
    asked = bound.run("--help")
    assert "ANALYSIS_CACHE" in asked.out
    assert "ANALYSIS_CACHE" in (bound.project / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of half a megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(disk)]
    if os.geteuid() or not shutil.which("mount") or subprocess.run(command, check=False).returncode:
        pytest.skip("a disk can be mounted by root only, and not in every container")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path) -> None:
    """Write until there is no more space."""
    with (disk / "filling").open("wb", 0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(bytes(4096))


def test_a_full_disk(mine: fresh.User, small_disk: Path, tmp_path: Path) -> None:
    fill(small_disk)
    said = mine.run("compute", "--study", "mine", "--quiet", ANALYSIS_CACHE=str(small_disk))
    one_line(said, 1, str(small_disk), "No space left on device", "cache --clear'")
    assert not list(small_disk.rglob(".tmp-*")), "what could not be written is not left"
    other = {"ANALYSIS_CACHE": str(tmp_path / "kept")}
    said = mine.run("rebuild", "fig-raps", "--to", str(small_disk / "out"), "--quiet", **other)
    one_line(said, 1, str(small_disk / "out"), "No space left", "make room there")


# Packages -------------------------------------------------------------------------------------


def test_without_torch_every_command_names_the_extra(mine: fresh.User, tmp_path: Path) -> None:
    blocked = fresh.without(tmp_path / "blocked", "torch", "diffusers", "huggingface_hub")
    mine.edit("data/studies/mine.toml", "[64, 128]", "[80, 160]")  # large enough for taef2
    for command in (
        ("recommend", "--encoder", "taef2", "--from", "512", "--to", "768"),
        ("compute", "--encoder", "taef2", "--study", "mine"),
        ("fetch", "--encoder", "flux1", "--study", "mine"),
        ("encoders", "check", "taef2"),
        ("encoders", "check", "hf:owner/name"),
        ("experiment",),
    ):
        said = mine.run(*command, "--quiet", PYTHONPATH=str(blocked))
        assert said.code == 1, f"{command}: {said.err}"
        assert said.err.startswith("error: ") and said.err.count("\n") == 1, said.err
        assert re.search(r": run \S+ -m pip install -e '\.\[vae\]'", said.err), said.err


def test_without_what_pages_need_a_build_says_so_at_once(mine: fresh.User, tmp_path: Path) -> None:
    blocked = fresh.without(tmp_path / "blocked", "yaml", "matplotlib", "typst")
    for command in (("build",), ("render",), ("preview",), ("rebuild", "fig-raps", "--to", "x")):
        said = mine.run(*command, PYTHONPATH=str(blocked))
        one_line(said, 1, "yaml" if len(command) == 1 else "matplotlib", "install -e '.[site]'")
    checked = mine.run("check", "--study", "mine", PYTHONPATH=str(blocked))
    assert "install -e '.[site]'" in checked.all, checked.all


def test_without_any_package_a_line_says_what_to_run(user: fresh.User) -> None:
    said = user.python("-S", "-m", "analysis", "recommend")
    one_line(said, 1, " has no numpy, ", "run 'make site'", "-m pip install -e .")


# Numbers --------------------------------------------------------------------------------------


# What is kept ---------------------------------------------------------------------------------

KILLED = """
import os, signal
os.replace = lambda source, target: os.kill(os.getpid(), signal.SIGKILL)
from analysis.__main__ import main
main(["compute", "--study", "mine"])
"""


def test_what_a_killed_process_left_is_removed_by_the_next(mine: fresh.User) -> None:
    assert mine.python("-c", KILLED).code == -9
    kept = mine.project / "data" / "cache"
    (left,) = kept.rglob(".tmp-*")
    young = left.with_name(".tmp-another")  # of a process that is writing
    young.touch()
    part = kept / "downloads" / ".part-killed"
    part.mkdir(parents=True)
    (part / "image").touch()
    for path in (left, part / "image", part):
        os.utime(path, (1, 1))
    assert mine.run("compute", "--study", "mine").code == 0
    assert not left.exists() and not part.exists() and young.exists()


def test_the_store_is_looked_at_and_emptied(mine: fresh.User, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    mine.environment["ANALYSIS_CACHE"] = str(kept)
    assert mine.run("compute", "--study", "mine").code == 0
    foreign = [kept / "letter.txt", kept / "downloads" / "film.mkv", kept / "spectra" / "notes"]
    download = kept / "downloads" / ("0" * 64)
    (kept / "downloads" / "empty").mkdir(parents=True)
    for path in (*foreign, download):
        path.write_text("x", encoding="utf-8")
    shown = mine.run("cache")
    assert shown.code == 0 and str(kept) in shown.out and "spectra" in shown.out, shown.all
    parts = json.loads(mine.run("cache", "--format", "json").out)["parts"]
    files = [path for path in kept.rglob("*") if path.is_file() and path not in foreign]
    assert sum(part["files"] for part in parts.values()) == len(files)
    assert sum(part["bytes"] for part in parts.values()) == sum(p.stat().st_size for p in files)
    emptied = mine.run("cache", "--clear")
    assert emptied.code == 0 and "removed" in emptied.out and "spectra" in emptied.out
    left = {path for path in kept.rglob("*") if path.is_file()}
    assert left == {*foreign, download}, "what is not ours stays, and downloads"
    assert mine.run("cache", "--clear", "--downloads").code == 0
    assert all(path.is_file() for path in foreign) and not download.exists()
    assert {path.name for path in kept.iterdir()} == {"letter.txt", "downloads", "spectra"}
    assert (kept / "downloads" / "empty").is_dir()
    one_line(mine.run("cache", "--downloads"), 2, "--clear")
    assert "nothing" in mine.run("cache").out


# Help and hints -------------------------------------------------------------------------------

COMMANDS = r"""
import json, sys
import typer
from analysis.cli.app import app
from analysis.cli.console import FLAGS

def walk(command, names):
    yield names, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from walk(inner, [*names, name])

found = {}
for names, command in walk(typer.main.get_command(app), []):
    context = command.make_context("x", [], resilient_parsing=True)
    options = [name for one in command.get_params(context) for name in one.opts]
    found[" ".join(names)] = {"options": options, "help": command.get_help(context)}

faults = []
for line, arguments in json.load(sys.stdin):
    command, given = typer.main.get_command(app), [one for one in arguments if one not in FLAGS]
    while given and given[0] in getattr(command, "commands", {}):
        command = command.commands[given.pop(0)]
    if given and hasattr(command, "commands"):
        faults.append(f"{line}: no command {given[0]}")
    try:
        if given:  # else it is only named
            command.make_context("x", given)
    except Exception as error:
        usage = getattr(error, "format_message", None)
        faults.append(f"{line}: {usage() if usage else error!r}")
print(json.dumps({"commands": found, "faults": faults}))
"""
PARTS = {
    "recipes": ["recommend"],  # module -> the commands that it is of
    "release": ["publish"],
    "versions": ["publish"],
    "preflight": ["fetch", "compute", "build", "recommend"],
}
OTHERS = {  # options of trainers in our texts
    "--discrete_flow_shift", "--timestep_sampling", "--logit_mean", "--logit_std",
    "--flow_schedule_shift", "--flow_schedule_auto_shift", "--training_shift",
    "--flow_cubic_schedule_weights", "--weighting_scheme",
}  # fmt: skip


def written(user: fresh.User) -> Iterator[tuple[str, list[str]]]:
    """The commands in README and pages, with where they stand."""
    pages = [*(user.project / "report").rglob("*.qmd"), user.project / "README.md"]
    for path in [*pages, user.project / "data" / "README.md"]:
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        for number, line in enumerate(text.splitlines(), 1):
            for found in re.finditer(r"(?:python -m analysis|\btimestep-spectra) ([^`\n]*)", line):
                words = shlex.shlex(re.sub("['\"]", "", found[1]), posix=True)
                words.whitespace_split = True  # and what follows # is a comment
                arguments = list(words)
                whole = arguments and "..." not in arguments and line[:7] != "author:"
                if whole and re.fullmatch("[a-z][a-z-]*", arguments[0]):
                    yield f"{path.name}:{number}", arguments


def sentences(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a module that are words, not single arguments, with their lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {id(one) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
             for one in node.values}  # fmt: skip
    for node in ast.walk(tree):
        words = ""
        if isinstance(node, ast.JoinedStr):
            words = "".join(
                str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values
            )
        elif isinstance(node, ast.Constant) and id(node) not in inner:
            words = str(node.value)
        if " " in words:
            yield node.lineno, words


def test_help_hints_and_pages_name_only_what_exists(user: fresh.User) -> None:
    commands = list(written(user))
    assert len(commands) > 12, commands
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS], input=json.dumps(commands), cwd=user.project,
        env=user.settings(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told["faults"] == []
    known = {option for one in told["commands"].values() for option in one["options"]}
    known |= {"--help", *FLAGS}
    for name, one in told["commands"].items():
        assert set(re.findall(r"--[a-z][\w-]+", one["help"])) <= known, name
    for path in sorted((user.project / "analysis").rglob("*.py")):
        of = [told["commands"].get(name) for name in PARTS.get(path.stem, [path.stem])]
        own = set.intersection(*(set(one["options"]) if one else {"--study"} for one in of))
        every = path.stem in ("app", "commands", "console")
        for line, words in sentences(path):
            named = set(re.findall(r"(?<![\w-])--[a-z][\w-]+", words))
            assert named <= known | OTHERS, f"{path.name}:{line}"
            # Said by a module that serves several commands, an option comes with its command.
            command = re.search(r"(python -m analysis|timestep-spectra|'\{\}) [a-z]", words)
            alone = set() if every or command else named - OTHERS - own - {*FLAGS}
            assert not alone, f"{path.name}:{line} names {alone}, which not every command has"
