"""Packages that are not everywhere installed: which are missing, and the command that adds them.

Only the standard library is used here, so that it can be asked before anything else is imported,
by an older Python too.
"""

import importlib.util
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# Extra of pyproject.toml ("": always needed) -> what its packages are imported as.
MODULES = {
    "": (
        *("numpy", "packaging", "PIL", "platformdirs", "pydantic", "requests", "rich"),
        "typer",
    ),
    "heic": ("pillow_heif",),
    "vae": ("torch", "diffusers", "huggingface_hub", "safetensors"),
    "survey": ("pyarrow",),
    "ray": ("ray",),
    "site": (
        *("griffe", "ipykernel", "jinja2", "matplotlib", "nbclient", "nbformat", "pypandoc"),
        *("typst", "yaml"),
    ),
}


def absent(modules: Iterable[str]) -> list[str]:
    """The modules that are not installed; none of them is imported."""
    return [name for name in modules if not _installed(name)]


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def extra_of(module: str) -> str | None:
    """The extra that brings a module; None if none of them does."""
    top = module.partition(".")[0]
    return next((extra for extra, brought in MODULES.items() if top in brought), None)


def lacking(what: str, modules: Iterable[str]) -> str | None:
    """What is not installed of some modules, and what to do, on one line; None if all are there.

    Args:
        what: what needs them, such as ``taef2`` or ``build``.
        modules: as they are imported.
    """
    if not (missing := absent(modules)):
        return None
    extras = sorted({extra_of(name) or "" for name in missing})
    return f"{what} needs {', '.join(missing)}: run {command(*extras)}"


def command(*extras: str) -> str:
    """The command that installs this package with some extras, as it is typed in this folder."""
    named = ",".join(filter(None, extras))
    wanted = f"[{named}]" if named else ""
    # What is installed beside the sources is a checkout; else pip knows the package by its name.
    if (CHECKOUT / "pyproject.toml").is_file():
        what = f"-e {shlex.quote(_here(CHECKOUT) + wanted)}"
    else:
        what = shlex.quote("timestep-spectra" + wanted)
    return f"{_program(Path(sys.executable))} -m pip install {what}"


def typed(text: str) -> str:
    """A text in which commands of this package stand as they are typed here.

    Hints say ``'timestep-spectra compute'`` or ``'python -m analysis compute'``; the program may
    not be on PATH, and ``python`` be another.
    """
    script = Path(sys.argv[0])
    if script.name.startswith("timestep-spectra"):
        program = _program(script)
    else:
        program = f"{_program(Path(sys.executable))} -m analysis"
    return re.sub(r"(?<=')(timestep-spectra|python -m analysis)(?= )", lambda _: program, text)


def _program(path: Path) -> str:
    """A program as it is typed in this folder: its name, where that finds this very file."""
    return path.name if shutil.which(path.name) == str(path) else shlex.quote(_here(path))


def _here(path: Path) -> str:
    """A path as it is typed in this folder."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith(os.pardir) else relative


def refusal() -> str | None:
    """Why this interpreter can't run the package at all, and what to do, on one line; else None."""
    name = Path(sys.executable).name
    own = CHECKOUT / ".venv" / "bin" / "python"
    if own.is_file() and not own.samefile(sys.executable):
        remedy = f"run {_program(own)} -m analysis"
    elif (CHECKOUT / "Makefile").is_file():
        remedy = f"run 'make site' and use .venv/bin/python, or run {command()}"
    else:
        remedy = f"run {command()}"
    if sys.version_info < (3, 11):  # noqa: UP036 (a checkout is run by any Python)
        return f"{name} is Python {sys.version.split()[0]}, 3.11 or newer is needed: {remedy}"
    if missing := absent(MODULES[""]):
        return f"{name} has no {', '.join(missing)}: {remedy}"
    return None
