"""How the package is built: twelve packages in an order, three arrows that are forbidden besides.

A package imports only packages above it; within a package no modules import each other. What is
imported without being needed is told of two: torch, and Jupyter.
"""

import ast
import graphlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ORDER = (
    *("project", "spectra", "timesteps", "shift", "images", "encoders", "study", "training"),
    *("paper", "provenance", "site", "cli"),
)
"""The packages from the top down: each imports those before it, and itself."""
STORING = ("study", "training", "provenance", "cli")
PATHS = {
    ".".join(path.relative_to(ROOT / "analysis").with_suffix("").parts): path
    for path in sorted((ROOT / "analysis").rglob("*.py"))
    if path.name != "__init__.py"
}


def imported(source: str) -> Iterator[str]:
    """The modules of the package that a source imports, anywhere in it.

    A name imported from a package is the module of that name where there is one.
    """
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            names = ["analysis.relative"]
        elif isinstance(node, ast.ImportFrom):
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [
                n if n.removeprefix("analysis.") in PATHS else str(node.module) for n in inside
            ]
        yield from (n.removeprefix("analysis.") for n in names if n.startswith("analysis."))


def against_order(module: str, source: str) -> list[str]:
    """Imports of what stands below in the order, and of what is forbidden besides."""
    own, rest = module.split(".")[0], []
    for name in imported(source):
        other = name.split(".")[0]
        inside = own in ORDER and other in ORDER
        wrong = (
            other not in ORDER
            or (inside and ORDER.index(other) > ORDER.index(own))
            or (own in ("images", "encoders") and other == "shift")
            or (module.startswith("site.builtin.") and other != "project"
                and not name.startswith("site.builtin"))
            or (name == "study.store" and own not in STORING)
        )  # fmt: skip
        rest += [f"{module} imports {name}"] * wrong
    return rest


def test_the_packages_are_these_twelve() -> None:
    assert {module.split(".")[0] for module in PATHS} == {*ORDER, "__main__"}


@pytest.mark.parametrize("module", PATHS)
def test_a_module_imports_only_what_stands_above_it(module: str) -> None:
    assert against_order(module, PATHS[module].read_text(encoding="utf-8")) == []


def test_no_modules_import_each_other() -> None:
    graph = {name: {*imported(path.read_text(encoding="utf-8"))} for name, path in PATHS.items()}
    graphlib.TopologicalSorter(graph).prepare()  # CycleError names them
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter({"a": {"b"}, "b": {"c"}, "c": {"a"}}).prepare()


@pytest.mark.parametrize(
    ("module", "source", "right"),
    [
        ("spectra.rings", "from analysis.study import store", False),
        ("spectra.rings", "def f():\n    import analysis.timesteps.noise as n", False),
        ("study.chain", "if typing.TYPE_CHECKING:\n    from analysis.cli import app", False),
        ("images.pixels", "from analysis.shift import rules", False),
        ("encoders.cards", "from analysis.shift.rules import FORMULAS", False),
        ("site.builtin.page", "from analysis.provenance import inputs", False),
        ("site.builtin.page", "from analysis.site import links", False),
        ("paper.values", "from analysis.study.store import Store", False),
        ("study.store", "from .settings import load_study", False),
        ("study.store", "from analysis.nowhere import found", False),
        ("study.results", "from analysis.study import chain\nimport numpy", True),
        ("site.builtin.html", "from analysis.site.builtin import page", True),
        ("site.builtin.html", "import analysis.project.files", True),
        ("provenance.drawings", "from analysis.study.store import Store", True),
        ("__main__", "from analysis.cli import app", True),
    ],
)
def test_the_order_can_complain_and_only_of_what_is_wrong(
    module: str, source: str, right: bool
) -> None:
    assert (against_order(module, source) == []) == right


# On import -----------------------------------------------------------------------------------


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_results_figures_and_values_need_no_torch_and_a_site_no_jupyter() -> None:
    names = ["study.results", "paper.values", *(m for m in PATHS if m.startswith("paper.figures."))]
    heavy = ("torch", "diffusers", "huggingface_hub", "safetensors", "transformers")
    blocked = f"import sys; sys.modules |= dict.fromkeys({heavy})\n"
    run(blocked + "".join(f"import analysis.{name}\n" for name in names))
    code = (
        "import sys, analysis.site.builtin.site; print({'nbclient', 'nbformat'} & {*sys.modules})"
    )
    assert run(code) == "set()\n"
