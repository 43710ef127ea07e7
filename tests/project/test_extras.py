"""Which packages are missing, and the command that adds them."""

import os
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from analysis.project import extras

VAE = ("diffusers", "huggingface_hub", "safetensors", "torch")
PROJECT = Path(__file__).resolve().parents[2]


def test_every_module_is_brought_by_the_extra_it_is_listed_under() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {"": project["dependencies"], **project["optional-dependencies"]}
    # These need not be installed here, and nothing else is called so.
    brought = {name: [name] for name in ("pillow_heif", "pyarrow", "ray", *VAE)}
    brought |= metadata.packages_distributions()
    for extra, modules in extras.MODULES.items():
        names = {name.partition(">")[0].replace("_", "-") for name in declared[extra]}
        found = {brought[module][0].lower().replace("_", "-") for module in modules}
        assert found == names, f"extra '{extra}'"
        assert all(extras.extra_of(f"{module}.inner") == extra for module in modules)
    assert extras.extra_of("json") is None


def test_absent_modules_are_named_without_an_import() -> None:
    assert extras.absent(["json", "no_such_module_here"]) == ["no_such_module_here"]
    assert "no_such_module_here" not in sys.modules


def test_the_command_is_one_that_works_in_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT)
    monkeypatch.setattr(sys, "executable", str(PROJECT / ".venv" / "bin" / "python"))
    assert extras.command("vae") == ".venv/bin/python -m pip install -e '.[vae]'"
    monkeypatch.chdir(tmp_path)
    assert extras.command().endswith(f"/python -m pip install -e {PROJECT}")
    monkeypatch.setattr(extras, "CHECKOUT", tmp_path / "site packages")
    assert extras.command("site", "vae").endswith("install 'timestep-spectra[site,vae]'")
    assert extras.lacking("build", ["json", "matplotlib"]) is None
    monkeypatch.setattr(extras, "absent", list)
    said = extras.lacking("build", ["json", "matplotlib"])
    assert said == f"build needs json, matplotlib: run {extras.command('site')}"


def test_an_older_python_is_told_which_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert extras.refusal() is None
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    assert "3.11 or newer is needed: run" in (extras.refusal() or "")


def test_without_packages_a_line_says_what_to_run(tmp_path: Path) -> None:
    """In a clone before 'make site', in one after it by another Python, and without a clone."""
    shutil.copytree(
        PROJECT / "analysis", tmp_path / "analysis", ignore=shutil.ignore_patterns("__pycache__")
    )

    def said() -> str:
        command = [sys.executable, "-I", "-S", "-c", "import runpy, sys; sys.path.insert(0, '.'); "
                   "runpy.run_module('analysis', run_name='__main__', alter_sys=True)"]  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
        return done.stderr

    assert " has no numpy, packaging, PIL, " in said()
    assert said().endswith("-m pip install timestep-spectra\n")
    for name in ("Makefile", "pyproject.toml"):
        (tmp_path / name).touch()
    assert "run 'make site' and use .venv/bin/python, or run " in said()
    assert said().endswith("-m pip install -e .\n")
    own = tmp_path / ".venv" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.write_text("another", encoding="utf-8")
    assert said().endswith(": run .venv/bin/python -m analysis\n")
    assert os.path.exists(own)
