"""The pages as text: no typed-in results, every label has its file, every equation its code."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from analysis.paper import values
from analysis.paper.text import resolved
from analysis.project.files import root
from analysis.site.builtin import site
from analysis.study import findings, results

PAGES = sorted((root() / "report").rglob("*.qmd"))
CODE = re.compile(r"^```\{python\}.*?^```", re.M | re.S)
INLINE = re.compile(r"`\{python\} ([^`]+)`")
MATHS = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.S)


def prose(text: str) -> str:
    """A page without front matter, cells, code, formulas, citations, addresses and labels."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)
    for pattern in (CODE, re.compile(r"^```.*?^```", re.M | re.S), MATHS, INLINE):
        text = pattern.sub(" ", text)
    return re.sub(r"`[^`]*`|\]\([^)]*\)|\{[#.][^}]*\}|\[[^\]]*@[^\]]*\]|@[\w-]+", " ", text)


def typed_results(text: str) -> list[str]:
    """Numbers in prose that look like results: with a decimal point, or a percentage.

    Numbers that are quoted from elsewhere are written with their source and listed here.
    """
    quoted = {"0.5", "1.5", "3.0", "2.4", "−0.8", "−1.5", "−1.2", "3.11", "1.9", "98 %"}
    # 0.5: the original's t. 1.5, 3.0: Esser et al. 2024. 2.4, −0.8, −1.5, −1.2: Tolhurst et al.
    # 1992. 3.11, 1.9: versions of Python and Quarto. 98 %: the range of a colour map.
    found = re.findall(r"−?\d+\.\d+|\d+\s?%", text.replace("\u00a0", " "))
    names = set(re.findall(r"(?:FLUX|Wan|SD|Lumina-Image)[.\s]?\d\.?\d?", text))
    return [n for n in found if n not in quoted and not any(n in name for name in names)]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_no_result_is_typed_by_hand(page: Path) -> None:
    assert typed_results(prose(page.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("text", ["the shift is 1.53 in this space", "agreement to 4 %"])
def test_typed_results_are_found(text: str) -> None:
    assert typed_results(prose(text))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_no_inline_code_in_formulas_or_front_matter(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not [m for m in MATHS.findall(CODE.sub("", text)) if "{python}" in m]
    front = re.match(r"\A---\n(.*?)\n---\n", text, re.S)
    if page.name.startswith("_"):  # a part of another page
        assert not front
        return
    assert front
    assert "{python}" not in front[1]
    assert yaml.safe_load(front[1])["title"]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_inline_values_exist_and_cells_do_no_arithmetic(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    v = values.of(results.load("bundled"))
    for expression in INLINE.findall(text):
        assert re.fullmatch(r"v\.\w+", expression), f"keep inline code simple: {expression}"
        assert getattr(v, expression[2:])
    for cell in CODE.findall(text):
        tree = ast.parse("\n".join(cell.splitlines()[1:-1]))
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.BinOp)], cell


def test_every_value_is_shown_at_least_for_one_encoder() -> None:
    """And leakage at least for one window and slope."""
    loaded = results.load("bundled")
    ends = "|".join(values.identifier(name) for name in loaded.measured)

    def kind(name: str) -> str:
        return re.sub(r"^leak_.*", "leak", re.sub(rf"_({ends})$", "", name))

    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    shown = {kind(name) for name in re.findall(r"\bv\.(\w+)", pages)}
    assert {kind(name) for name in values.of(loaded).names()} == shown


def test_no_module_assembles_sentences() -> None:
    """Numbers are worded in values, claims are conditions, prose is in the pages."""
    modules = {path.stem for path in (root() / "analysis" / "paper").glob("*.py")}
    assert modules == {"__init__", "text", "series", "values", "claims"}


def labels(kind: str) -> list[str]:
    """Labels of one kind that the pages define."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    return re.findall(rf"(?:\{{#|^#\| label: )({kind}-[\w-]+)", text, re.M)


def test_every_figure_has_a_file_and_every_file_a_figure() -> None:
    files = {path.stem for path in (root() / "analysis" / "paper" / "figures").glob("*.py")}
    expected = {f"fig-{stem.replace('_', '-')}" for stem in files - {"__init__", "style"}}
    assert set(labels("fig")) == expected
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for label in expected:
        body = re.search(rf"\{{#{label}\}}(.*?)^:::$", text, re.M | re.S)
        assert body, label
        shown = rf'figures\.show\(\s*"{label}"'
        assert re.search(shown, body[1]), "a figure under another's label"
        assert f'figures.made("{label}")' in text, f"nothing says how {label} was made"


def test_every_table_has_a_function_and_every_function_a_table() -> None:
    folder = root() / "analysis" / "paper" / "tables"
    code = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    named = re.findall(r"^def table_(\w+)\(\w+: Results\) -> Markdown:", code, re.M)
    assert {f"tbl-{name.replace('_', '-')}" for name in named} == set(labels("tbl"))


def test_every_label_is_referred_to() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for kind in ("fig", "tbl"):
        for label in labels(kind):
            assert f"@{label}" in text, f"{label} is shown and never mentioned"


def test_equations_and_docstrings_name_each_other() -> None:
    named: set[str] = set()
    for path in (root() / "analysis").rglob("*.py"):
        if "site" in path.parts:  # where a label is only an example
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                named |= set(re.findall(r"@(eq-[\w-]+)", ast.get_docstring(node) or ""))
    # The page of a study repeats what it needs, for a reader who has it alone.
    assert named == {label for label in labels("eq") if not label.startswith("eq-study-")}


def test_pages_keep_to_the_subset_and_references_resolve() -> None:
    assert site.check(root()) == []


def test_the_code_beside_each_step_runs(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = {
        page.name: re.findall(
            r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S
        )
        for page in PAGES
        if page.parent.name == "paper"
    }
    assert sum(map(len, blocks.values())) >= 7
    for name, codes in blocks.items():
        for code in codes:
            assert 5 <= len(code.splitlines()) <= 15 or name == "_products.qmd", name
            exec(compile(code, name, "exec"), {})
    said = capsys.readouterr().out
    v = values.of(results.load("bundled"))
    assert f"taef2: {v.shift_taef2}" in said
    assert v.matched_taef2.split()[0] in said


def test_what_is_promised_names_tests_and_commands_that_are_there() -> None:
    text = (root() / "report" / "reproduce.qmd").read_text(encoding="utf-8")
    section = text.partition("{#sec-promised}")[2].partition("\n## ")[0]
    promises = [line for line in section.splitlines() if line.startswith("- ")]
    makefile = (root() / "Makefile").read_text(encoding="utf-8")
    for promise in promises:
        paths = re.findall(r"`((?:tests|requirements)/[^`]+)`", promise)
        assert paths, promise
        assert all((root() / path).is_file() for path in paths), promise
    for target in re.findall(r"`make ([a-z-]+)`", section):
        assert f"\n{target}:" in makefile, target
    assert promises


def test_no_machine_paths_or_hosts_in_what_is_published() -> None:
    for path in [*PAGES, root() / "README.md", root() / "CHANGELOG.md", root() / "_quarto.yml"]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"/(home|root|work|Users|tmp)/", text), path


def row(name: str, cells: Iterable[str]) -> str:
    """A row of the changelog's tables."""
    return f"| {name} | {' | '.join(cells)} |".replace("\u00a0", " ")


def test_changelog_states_the_committed_results() -> None:
    changelog = (root() / "CHANGELOG.md").read_text(encoding="utf-8")
    loaded = results.load("bundled")
    v, every = values.of(loaded), loaded.measured.values()
    expected = []
    for name in loaded.measured:
        key = values.identifier(name)
        found = [getattr(v, f"{what}_{key}") for what in ("shift", "interval", "exponent")]
        expected.append(row(name, found).removesuffix("|"))
    matched = [m.information.matched for m in every if m.information]
    (fields,) = (x for x in loaded.study.variations if x.images == "power-law")
    estimates = {
        "information-matched shift, 512 to 1024 px": matched,
        "channels of equal variance": [m.shift_equal_channels.whole for m in every],
        "mean over channels, channels drawn too": [m.shift_pooled for m in every],
        "on exact power-law fields": [m.shift_by_variation[fields.name].whole for m in every],
        "the same at fixed cycles per latent pixel": [
            findings.per_pixel(m, fields).whole for m in every
        ],
    }
    expected += [row(name, map(resolved, found)) for name, found in estimates.items()]
    missing = [text for text in expected if text not in changelog]
    assert not missing, f"CHANGELOG.md does not have the current results: {missing}"
