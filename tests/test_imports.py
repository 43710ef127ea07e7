"""How the package is built: which module may import which, and what none may do.

The rules are those of the design (section 2): a module imports only what stands above it, heavy
packages wait until they are needed, nothing is pickled. Each rule is a
function from source text to complaints, so that each has a test that it can complain.
"""

import ast
import functools
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

ORDER = [
    *("arrays", "extras", "text", "settings", "faults", "checkout", "cache", "downloads", "resize"),
    *("images", "linear_code", "weights"),
    *("latents", "checkpoints", "cards", "networks", "encoders"),
    *("schedule", "noise", "rings", "spectra", "simulated", "synthetic", "powerlaw", "intervals"),
    *("shift", "posterior", "equivariance", "responses", "cross_spectra"),
    *("weighting", "crossings", "gaussian"),
    *("formatting", "rules", "literature", "export", "sampling"),
    *(
        "archive",
        "plan",
        "preflight",
        "encoding",
        "matrices",
        "schema",
        "measured",
        "timing",
        "derived",
        "standing",
    ),
    *("chain", "fetching", "inventory", "recommend", "rectified_flow", "trained_shift"),
    *("experiment", "results", "contribute"),
    *("figures.style", "figures.*", "origins", "plotted", "drawn"),
    *("values", "tables", "comparisons", "findings", "interpretation", "practice"),
    "discussion",
    *("citation", "interactive", "widgets"),
    *("versions", "placement"),
    *("render.links", "render.quarto", "render.tree", "render.facts"),
    *("render.builtin.files", "render.builtin.project", "render.builtin.page"),
    *("render.builtin.cells", "render.builtin.kernel"),
    *("render.builtin.markdown", "render.builtin.pandoc"),
    *("render.builtin.html", "render.builtin.pdf", "render.builtin.search"),
    *("render.builtin.assets", "render.builtin.memory", "render.builtin.site"),
    *("render.builtin.*", "render.*"),
    *("provenance", "survey.*", "check", "explain"),
    *("release", "stamping", "crate", "changes", "feeds", "publish"),
    *("finishing", "console", "commands", "preview", "__main__"),
]
"""Modules from the top down; ``x.*`` is whatever of x is not named, side by side."""

MATHEMATICS = {
    "arrays",
    "schedule",
    "noise",
    "rings",
    "spectra",
    "powerlaw",
    "intervals",
    "simulated",
    "synthetic",
    "shift",
    "posterior",
    "equivariance",
    "responses",
    "cross_spectra",
    "weighting",
    "crossings",
    "gaussian",
    "linear_code",
    "latents",
    "resize",
}
HEAVY = {"torch", "diffusers", "huggingface_hub", "safetensors", "transformers"}
PICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
VAGUE = {"utils", "util", "helpers", "helper", "common", "core", "misc", "lib", "base"}

# Rules ---------------------------------------------------------------------------------------


def rank(module: str) -> int | None:
    """The place of a module (without ``analysis.``) in the order, or None if it has none."""
    if module in ORDER:
        return ORDER.index(module)
    parts = module.split(".")
    for n in range(len(parts) - 1, 0, -1):
        family = ".".join(parts[:n]) + ".*"
        if family in ORDER:
            return ORDER.index(family)
    return None


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
    """Imports of what stands below, or beside."""
    own = rank(module)
    if own is None:
        return [f"{module} has no place in the order: add it to ORDER in tests/test_imports.py"]
    out = []
    for name in imported(source, modules):
        other = rank(name)
        if name.startswith("."):
            out.append(f"{module} imports relatively: write analysis.…")
        elif other is None:
            out.append(f"{module} imports {name}, which has no place in the order")
        elif other >= own:
            out.append(f"{module} imports {name}, which does not stand above it")
    return out


def against_purity(module: str, source: str, modules: set[str]) -> list[str]:
    """Mathematics that knows storage."""
    if module not in MATHEMATICS:
        return []
    foreign = set(imported(source, modules)) - MATHEMATICS - {"settings"}
    return [f"{module} is mathematics and imports {name}" for name in sorted(foreign)]


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
    assert {"settings", "spectra", "results", "figures.style"} <= MODULES
    assert len(INITS) >= 3


@pytest.mark.parametrize("path", PATHS, ids=module_name)
def test_a_module_imports_only_what_stands_above_it(path: Path) -> None:
    assert against_order(module_name(path), path.read_text(encoding="utf-8"), MODULES) == []


@pytest.mark.parametrize("path", PATHS, ids=module_name)
def test_mathematics_knows_no_storage(path: Path) -> None:
    assert against_purity(module_name(path), path.read_text(encoding="utf-8"), MODULES) == []


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


# Rules can complain --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("settings", "from analysis.cache import Store"),
        ("settings", "from analysis import cache"),
        ("settings", "import analysis.cache"),
        ("settings", "import analysis.cache as store"),
        ("spectra", "def f():\n    from analysis import results"),
        (
            "spectra",
            "import typing\nif typing.TYPE_CHECKING:\n    from analysis.chain import Chain",
        ),
        ("chain", "from analysis import chain"),
        ("measured", "from analysis import archive, chain"),
        ("results", "from analysis.figures import style"),
        ("figures.raps", "from analysis.figures import fourier"),
        ("figures.style", "from analysis.figures.raps import draw"),
        ("render.builtin.project", "from analysis.render.builtin import page"),
        ("cache", "from . import settings"),
        ("cache", "from .settings import root"),
        ("cache", "from analysis import nowhere_to_be_found"),
        ("somewhere", "import os"),
    ],
)
def test_the_order_can_complain(module: str, source: str) -> None:
    modules = MODULES | {"nowhere_to_be_found"}
    assert len(against_order(module, source, modules)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "results",
            "from analysis import chain, images\nfrom analysis.cache import Store\nimport numpy",
        ),
        (
            "figures.raps",
            "from analysis.figures import style\nfrom analysis.results import Results",
        ),
        ("__main__", "from analysis import settings"),
        ("values", "from analysis.results import Results"),
    ],
)
def test_the_order_does_not_complain_of_what_is_right(module: str, source: str) -> None:
    assert against_order(module, source, MODULES) == []


def test_purity_can_complain() -> None:
    assert against_purity("spectra", "from analysis import cache", MODULES) == [
        "spectra is mathematics and imports cache"
    ]
    assert (
        against_purity(
            "shift", "from analysis.settings import Bands\nfrom analysis import powerlaw", MODULES
        )
        == []
    )
    assert against_purity("results", "from analysis import cache", MODULES) == []


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
    figures = [f"analysis.{m}" for m in sorted(MODULES) if m.startswith("figures.")]
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
