"""How the package is built: which module may import which, and what none may do.

A package imports only packages above it, heavy packages wait until they are needed, nothing is
pickled. Each rule is a function from source text to complaints, so that each has a test that it
can complain.
"""

import ast
import functools
import graphlib
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "analysis"

ORDER = (
    *("project", "spectra", "timesteps", "shift", "images", "encoders", "study", "training"),
    *("paper", "provenance", "site", "cli"),
)
"""The packages from the top down: each imports those before it, and itself."""

STORING = ("study", "training", "provenance", "cli")
HEAVY = {"torch", "diffusers", "huggingface_hub", "safetensors", "transformers"}
PICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
VAGUE = {"utils", "util", "helpers", "helper", "common", "core", "misc", "lib", "base"}

# Rules ---------------------------------------------------------------------------------------


def imported(source: str, modules: set[str]) -> Iterator[str]:
    """The modules of the package that a source imports, anywhere in it.

    A name imported from a package is the module of that name where there is one.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [
                name if name.removeprefix("analysis.") in modules else str(node.module)
                for name in inside
            ]
            if node.level:
                names = ["analysis." + "." * node.level]
        else:
            continue
        for name in names:
            if name.startswith("analysis."):
                yield name.removeprefix("analysis.")


def against_order(module: str, source: str, modules: set[str]) -> list[str]:
    """Imports of what stands below in the order, and three arrows that are forbidden besides."""
    own, out = module.split(".")[0], []
    for name in imported(source, modules):
        other = name.split(".")[0]
        arrow = f"{module} imports {name}"
        if name.startswith("."):
            out.append(f"{module} imports relatively: write analysis.…")
        elif other not in ORDER:
            out.append(f"{arrow}, which is in none of the twelve packages")
        elif own in ORDER and ORDER.index(other) > ORDER.index(own):
            out.append(f"{arrow}, which does not stand above it")
        elif own in ("images", "encoders") and other == "shift":
            out.append(f"{arrow}: what is encoded knows nothing of the shift")
        elif module.startswith("site.builtin.") and not (
            other == "project" or name.startswith("site.builtin")
        ):
            out.append(f"{arrow}: the built-in renderer knows the project alone")
        elif name == "study.store" and own not in STORING:
            out.append(f"{arrow}: only {', '.join(STORING)} touch the store")
    return out


def circles(imports: dict[str, set[str]]) -> list[str]:
    """Modules that import each other, by whatever way."""
    try:
        tuple(graphlib.TopologicalSorter(imports).static_order())
    except graphlib.CycleError as error:
        return [" imports ".join(reversed(error.args[1]))]
    return []


def at_module_level(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements that run on import: all outside functions, and not for type checkers only."""
    todo: list[ast.stmt] = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo.extend(node.orelse)
            continue
        yield node
        for field in ("body", "orelse", "finalbody"):
            todo.extend(getattr(node, field, []))
        for handler in getattr(node, "handlers", []):
            todo.extend(handler.body)


def roots(node: ast.AST) -> set[str]:
    """The top-level packages that an import statement names."""
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module:
        return {node.module.split(".")[0]}
    return set()


def against_lightness(module: str, source: str) -> list[str]:
    """Heavy packages imported on import."""
    found = {name for node in at_module_level(ast.parse(source)) for name in roots(node) & HEAVY}
    return [f"{module} imports {name} at module level" for name in sorted(found)]


def against_pickle(module: str, source: str) -> list[str]:
    """Anything that reads or writes pickles."""
    out = []
    for node in ast.walk(ast.parse(source)):
        out += [f"{module} imports {name}" for name in sorted(roots(node) & PICKLERS)]
        if not isinstance(node, ast.Call):
            continue
        words = {word.arg: ast.unparse(word.value) for word in node.keywords}
        if words.get("allow_pickle", "False") != "False":
            out.append(f"{module} allows pickles")
        if ast.unparse(node.func) == "torch.load" and words.get("weights_only") != "True":
            out.append(f"{module} calls torch.load without weights_only=True")
    return out


def against_names(module: str, source: str) -> list[str]:
    return [f"{module} says nothing by its name" for part in module.split(".") if part in VAGUE]


def against_inits(path: str, source: str) -> list[str]:
    """An ``__init__`` is a docstring at most."""
    body = ast.parse(source).body
    code = [
        node
        for node in body
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    return [f"{path} holds code: '{ast.unparse(node)}'" for node in code]


SIMPLE = (against_lightness, against_pickle, against_names)

# The package ---------------------------------------------------------------------------------

PATHS = sorted(p for p in PACKAGE.rglob("*.py") if p.name != "__init__.py")
INITS = sorted(PACKAGE.rglob("__init__.py"))


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


MODULES = {module_name(path) for path in PATHS}


def test_the_package_is_seen() -> None:
    assert {"study.settings", "spectra.rings", "paper.figures.style"} <= MODULES
    assert {module.split(".")[0] for module in MODULES} == {*ORDER, "__main__"}


@pytest.mark.parametrize("path", PATHS, ids=module_name)
def test_a_module_imports_only_what_stands_above_it(path: Path) -> None:
    assert against_order(module_name(path), path.read_text(encoding="utf-8"), MODULES) == []


def test_no_modules_import_each_other() -> None:
    assert circles(graph()) == []


@pytest.mark.parametrize("rule", SIMPLE, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", PATHS, ids=module_name)
def test_a_module_keeps_the_rules(path: Path, rule: Callable[[str, str], list[str]]) -> None:
    assert rule(module_name(path), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", INITS, ids=lambda path: path.parent.name)
def test_inits_import_nothing(path: Path) -> None:
    assert against_inits(path.parent.name, path.read_text(encoding="utf-8")) == []


def test_every_module_says_what_it_is() -> None:
    for path in PATHS:
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), (
            f"{path} has no docstring"
        )


def graph() -> dict[str, set[str]]:
    """module -> the modules it imports, anywhere in it."""
    return {
        module_name(path): {*imported(path.read_text(encoding="utf-8"), MODULES)} for path in PATHS
    }


# Rules can complain --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("spectra.rings", "from analysis.study.store import Store"),
        ("spectra.rings", "from analysis.study import store"),
        ("spectra.rings", "import analysis.study.store as kept"),
        ("spectra.rings", "def f():\n    from analysis.timesteps import noise"),
        (
            "study.chain",
            "import typing\nif typing.TYPE_CHECKING:\n    from analysis.cli import app",
        ),
        ("study.results", "from analysis.paper.figures import style"),
        ("images.pixels", "from analysis.shift import rules"),
        ("encoders.cards", "from analysis.shift.rules import FORMULAS"),
        ("site.builtin.page", "from analysis.provenance import inputs"),
        ("site.builtin.page", "from analysis.site import links"),
        ("paper.values", "from analysis.study.store import Store"),
        ("site.build", "from analysis.study import store"),
        ("study.store", "from . import settings"),
        ("study.store", "from .settings import load_study"),
        ("study.store", "from analysis.nowhere import found"),
    ],
)
def test_the_order_can_complain(module: str, source: str) -> None:
    assert len(against_order(module, source, MODULES)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("study.results", "from analysis.study import chain\nfrom analysis.images import pixels"),
        ("paper.figures.raps", "from analysis.paper.figures import style\nimport numpy"),
        (
            "site.builtin.html",
            "from analysis.site.builtin import page\nimport analysis.project.files",
        ),
        ("provenance.drawings", "from analysis.study.store import Store"),
        ("__main__", "from analysis.cli import app"),
    ],
)
def test_the_order_does_not_complain_of_what_is_right(module: str, source: str) -> None:
    assert against_order(module, source, MODULES) == []


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    (line,) = circles({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert line.count(" imports ") == 3


@pytest.mark.parametrize(
    "source",
    [
        "import torch",
        "import torch.nn as nn",
        "from diffusers.utils import logging",
        "try:\n    import huggingface_hub\nexcept ImportError:\n    pass",
        "try:\n    pass\nexcept ImportError:\n    import torch",
        "class A:\n    import torch",
        "if True:\n    import torch",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\nelse:\n    import torch",
        "with open('x'):\n    import torch",
    ],
)
def test_lightness_can_complain(source: str) -> None:
    assert len(against_lightness("m", source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    import torch",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch",
        "import torchless",
    ],
)
def test_lightness_allows_what_waits(source: str) -> None:
    assert against_lightness("m", source) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import Memory",
        "def f():\n    import dill",
        "np.load(p, allow_pickle=True)",
        "np.load(p, allow_pickle=flag)",
        "torch.load(p)",
        "torch.load(p, weights_only=False)",
    ],
)
def test_the_rule_on_pickles_can_complain(source: str) -> None:
    assert len(against_pickle("m", source)) == 1


def test_the_rule_on_pickles_allows_what_is_safe() -> None:
    assert (
        against_pickle(
            "m", "np.load(p, allow_pickle=False)\ntorch.load(p, weights_only=True)\njson.load(f)"
        )
        == []
    )


@pytest.mark.parametrize("module", ["utils", "render.helpers", "figures.common", "core.thing"])
def test_the_rule_on_names_can_complain(module: str) -> None:
    assert against_names(module, "") != []


@pytest.mark.parametrize(
    "source",
    ["import os", "from analysis.x import y", "__version__ = '1'", '"""Doc."""\nimport os'],
)
def test_the_rule_on_inits_can_complain(source: str) -> None:
    assert len(against_inits("p", source)) == 1
    assert against_inits("p", '"""Doc."""\n') == []


# Submodules -------------------------------------------------------------------------------------


def submodules_used(source: str) -> set[str]:
    """Dotted names of others' modules that a source reaches through a package it imports.

    ``import a`` and then ``a.b``, where ``a.b`` is a module that no import statement names, works
    only where the package, or whatever ran before, imported it.
    """
    tree, names, imported = ast.parse(source), dict[str, str](), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
                imported.add(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module)
            for alias in node.names:
                if is_module(f"{node.module}.{alias.name}"):
                    names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                    imported.add(f"{node.module}.{alias.name}")
    used = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        first, _, rest = ast.unparse(node).partition(".")
        dotted = f"{names.get(first)}.{rest}"
        if first in names and re.fullmatch(r"[\w.]+", dotted) and is_module(dotted):
            used.add(dotted)
    return {name for name in used if not any(f"{one}.".startswith(f"{name}.") for one in imported)}


@functools.cache
def is_module(dotted: str) -> bool:
    try:
        return importlib.util.find_spec(dotted) is not None
    except (ImportError, ValueError):
        return False


def test_submodules_can_be_seen() -> None:
    assert submodules_used("import huggingface_hub as hub\nhub.constants.HF_HUB_OFFLINE") == {
        "huggingface_hub.constants"
    }
    assert submodules_used("from huggingface_hub import constants\nconstants.HF_HOME") == set()
    assert submodules_used("import importlib.util\nimportlib.util.find_spec") == set()
    assert submodules_used("import importlib\nimportlib.util.find_spec") == {"importlib.util"}


@pytest.mark.slow
def test_a_submodule_is_there_when_only_its_package_is_imported() -> None:
    used = {name for path in PATHS for name in submodules_used(path.read_text(encoding="utf-8"))}
    assert "torch.backends.mps" in used
    packages = {name.split(".")[0] for name in used}
    for package in sorted(packages - {"analysis"}):
        names = sorted(name for name in used if name.startswith(f"{package}."))
        code = f"import {package}\n" + "\n".join(names)
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"import it by its own name: {done.stderr}"


# On import -----------------------------------------------------------------------------------

LIGHT = """
import sys
for name in {heavy!r}:
    sys.modules[name] = None
import {module}
"""


def import_without(module: str, before: str = "") -> subprocess.CompletedProcess[str]:
    code = LIGHT.format(heavy=sorted(HEAVY), module=module) + before
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_results_figures_and_values_import_without_torch() -> None:
    figures = [f"analysis.{m}" for m in sorted(MODULES) if m.startswith("paper.figures.")]
    done = import_without(", ".join(["analysis.study.results", "analysis.paper.values", *figures]))
    assert done.returncode == 0, done.stderr


def test_a_site_that_is_remembered_is_made_without_jupyter() -> None:
    code = (
        "import sys, analysis.site.builtin.site; print({'nbclient', 'nbformat'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "set()\n"


def test_that_test_can_fail() -> None:
    done = import_without("analysis.study.results", "import torch")
    assert done.returncode != 0
    assert "import of torch halted" in done.stderr
