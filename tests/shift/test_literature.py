"""The published rules: every row parses, and its function gives the numbers printed in it.

Whether a function is the published one is for test_rules.py, which asks the code that ships it.
"""

import csv
import re
from pathlib import Path

import pytest

from analysis.project.errors import InputError
from analysis.shift import literature, rules
from tests.conftest import unescaped

TABLE = Path(__file__).resolve().parents[2] / "data" / "literature" / "shift_rules.csv"
RULES = {rule.key: rule for rule in literature.rules(TABLE)}
# The table prints four significant digits: half a unit of the fourth is at most 5e-4 of a value.
PRINTED = 1e-3


@pytest.mark.parametrize("key", [k for k, r in RULES.items() if r.formula and r.ratio])
def test_a_function_gives_the_ratio_in_the_table(key: str) -> None:
    formula = rules.FORMULAS[key]
    assert formula.ratio(512, 1024) == pytest.approx(RULES[key].ratio, rel=PRINTED)


@pytest.mark.parametrize("key", [k for k, r in RULES.items() if r.formula and r.value])
def test_a_function_gives_the_value_in_the_table(key: str) -> None:
    assert rules.FORMULAS[key](1024, 1024) == pytest.approx(RULES[key].value, rel=PRINTED)


def test_every_row_has_a_function_or_says_why_not() -> None:
    for key, rule in RULES.items():
        assert bool(rule.formula) != bool(rule.no_function), key
    assert set(rules.FORMULAS) <= set(RULES)


def test_a_ratio_that_nothing_computes_is_an_exception_with_a_reason() -> None:
    bare = {k: r for k, r in RULES.items() if r.ratio is not None and not r.formula}
    assert set(bare) == {
        "hoogeboom2023", "hoogeboom2023-interp", "li2025-jit", "longcat-image", "seedvr",
        "teng2023-rdm",
    }  # fmt: skip
    for key in set(bare) - {"teng2023-rdm"}:
        assert not bare[key].verified
        assert "not read" in bare[key].no_function
    assert "our inference" in bare["teng2023-rdm"].no_function


def test_table_and_functions_agree_on_the_stage() -> None:
    for key, formula in rules.FORMULAS.items():
        assert RULES[key].stage == " and ".join(formula.stages), key


def test_every_row_parses() -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(RULES) == len(rows)  # keys are unique
    for row, rule in zip(rows, RULES.values(), strict=True):
        assert rule.key == row["key"]
        assert row["verified"] in ("yes", "no")
        assert rule.verified == (row["verified"] == "yes")
        assert rule.kind in ("paper", "code", "model-config")
        assert rule.locator
        assert rule.stage in literature.STAGES
        assert 2020 <= rule.year <= 2026
        assert rule.ratio is None or rule.ratio > 0
        assert rule.value is None or rule.value > 0
        assert None not in row, f"{rule.key}: more cells than columns"


@pytest.mark.parametrize(
    ("source", "short", "address"),
    [
        ("arXiv:2511.13720 (README copies)", "arXiv:2511.13720", "arxiv.org/abs/2511.13720"),
        (
            f"NVlabs/edm:a/loss.py@008a4e5{'0' * 33}", "NVlabs/edm@008a4e5",
            f"github.com/NVlabs/edm/blob/008a4e5{'0' * 33}/a/loss.py",
        ),
        ("hf:a/F.1-s/scheduler/x.json", "a/F.1-s", "huggingface.co/a/F.1-s"),
        ("https://bfl.ai/techblog/x", "bfl.ai", "bfl.ai/techblog/x"),
        ("NVlabs/edm:training/loss.py@main", "NVlabs/edm:training/loss.py@main", ""),
    ],
)  # fmt: skip
def test_sources_are_links(source: str, short: str, address: str) -> None:
    one = literature.Rule("k", "n", 2024, "paper", 3.0, 6.0, source, True, "l", "sampling", "-")
    link = f"[{short}](https://{address})" if address else short
    assert unescaped(one.link) == link
    assert 4 ** ((one.exponent or 0) / 2) == pytest.approx(3.0)
    assert one.base_value == 2.0


def test_only_verified_rules_with_a_ratio_are_shown_in_order() -> None:
    shown = literature.with_ratio(TABLE)
    assert {r.key for r in shown} == {
        k for k, r in RULES.items() if r.verified and r.ratio is not None
    }
    ratios = [r.ratio for r in shown]
    assert ratios == sorted(ratios)  # type: ignore[type-var]
    assert "hoogeboom2023" not in {r.key for r in shown}


HEAD = (
    "key,name,year,kind,rule,predicted_shift_512_to_1024,value_used_at_1024,"
    "source_id,source_locator,verified,stage,no_function\n"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "a,b,2024,paper,r,two,,s,l,yes,sampling,\n", "line 2: could not convert .*'two'"),
        (HEAD + 2 * "a,b,2024,paper,r,2,,s,l,yes,training,\n" + "a,b,soon\n", "line 4"),
        ("key,name,year\na,b,2024\n", "line 2: 'stage'"),
        (HEAD + "a,b,2024,paper,r,2,,s,l,yes,both,\n", "line 2: 'both' is no stage; use training"),
    ],
)
def test_a_row_that_does_not_parse_names_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rules.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=f"rules.csv, {message}"):
        literature.rules(path)


def test_repeats_are_rows_of_the_table_and_never_its_last_witness() -> None:
    assert set(RULES) >= literature.REPEATS
    # What a repeat says, at which stage, is also said by a row that is no repeat.
    kept = {(r.ratio, s) for r in literature.shown(TABLE) for s in stages(r)}
    for key in literature.REPEATS:
        assert {(RULES[key].ratio, s) for s in stages(RULES[key])} <= kept, key


def stages(rule: literature.Rule) -> list[str]:
    return rule.stage.split(" and ")


def test_what_the_figure_evaluates_is_what_the_table_shows() -> None:
    pairs = literature.evaluable(TABLE)
    assert [rule.key for rule, _ in pairs] == [f.key for _, f in pairs]
    left = {rule.key for rule in literature.shown(TABLE)} - {rule.key for rule, _ in pairs}
    assert left == {"teng2023-rdm"}


READ = {"whole", "part", "abstract", "code", "thread", "second hand", "not read"}


def test_of_every_source_it_is_said_how_far_it_was_read() -> None:
    text = (TABLE.parent / "references.bib").read_text(encoding="utf-8")
    # The mark stands in the comment before its entry.
    marks = dict(
        reversed(found) for found in re.findall(r"^% \[([VSM])\].*\n@\w+\{(\w+),", text, re.M)
    )
    assert set(marks) == set(re.findall(r"^@\w+\{(\w+),", text, re.M)), "an entry has no mark"
    rows = re.findall(
        r"^\| (\w+\d{4}\w+|diffusers) \| ([^|]*) \|",
        (TABLE.parent / "README.md").read_text(encoding="utf-8"), re.M,
    )  # fmt: skip
    read = {key: set(how.split(", ")) for key, how in rows}
    assert len(read) == len(rows)
    assert set(read) == set(marks)
    for key, how in read.items():
        assert how and how <= READ, key
        if marks[key] == "S":
            assert how == {"second hand"}, f"{key} is marked as seen in a summary only"
