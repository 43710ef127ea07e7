"""The reference page: every public name with its docstring, formulas as the paper has them."""

import importlib
import inspect
import re

import pytest

from analysis.project.files import root
from analysis.site import reference

PAGE = (root() / "report" / "reference.qmd").read_text(encoding="utf-8")
PACKAGES = re.findall(r'reference\.of\("(\w+)"\)', PAGE)


@pytest.mark.parametrize("package", PACKAGES)
def test_what_has_a_docstring_is_there_under_its_own_label(package: str) -> None:
    text = reference.of(package)
    labels = re.findall(r"\{#([\w-]+)\}$", text, re.MULTILINE)
    assert len(labels) == len(set(labels))
    for path in sorted((root() / "analysis" / package).glob("*.py")):
        if path.stem == "__init__":
            continue
        module = importlib.import_module(f"analysis.{package}.{path.stem}")
        assert f"### `{package}.{path.stem}` " in text
        for name, member in vars(module).items():
            own = getattr(member, "__module__", "") == module.__name__ and name[0] != "_"
            if own and (inspect.isfunction(member) or inspect.isclass(member)) and member.__doc__:
                assert f"#### `{package}.{path.stem}.{name}` " in text
                first = re.split(r"[@`$^~<\[*]", member.__doc__.splitlines()[0])[0].strip()
                assert first in text, name


def test_the_science_is_there() -> None:
    assert {"spectra", "timesteps", "shift", "images", "encoders", "training"} == set(PACKAGES)


def test_equations_lead_to_the_paper_and_powers_are_no_markup() -> None:
    text = reference.of("shift")
    assert "([equation: measured](paper.qmd#eq-measured))" in text
    for package in PACKAGES:
        for page, label in re.findall(r"\((\w[\w-]*)\.qmd#(eq-[\w-]+)\)", reference.of(package)):
            own = [root() / "report" / f"{page}.qmd", *(root() / "report" / page).glob("*.qmd")]
            assert any(f"{{#{label}}}" in one.read_text(encoding="utf-8") for one in own), label
    assert "@eq-" not in text
    assert r"G \~ nu\^m" in text
    assert re.search(r"\n\$\$ \{#eq-ref-shift-1\}\n", text)


def test_a_signature_that_is_long_has_a_parameter_a_line() -> None:
    text = reference.of("training")
    pattern = r"^measure\(\n    encode: Encode,\n.*?    \*,\n.*?\) -> Recommendation$"
    found = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    assert found
    assert "    name: str = ''," in found[0]


def test_docstrings_write_formulas_in_dollars() -> None:
    for path in sorted((root() / "analysis").rglob("*.py")):
        assert not re.search(r":math:|\.\. math::", path.read_text(encoding="utf-8")), path
