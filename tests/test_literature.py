"""The published rules: every row parses, and the closed formulas give the ratios in the table.

The ratios are recomputed here from each rule's own formula, written from its source, not from the
table's text. The table gives four significant digits, so half a unit of the fourth is allowed.
"""

import csv
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis import literature
from analysis.settings import InputError

TABLE = Path(__file__).resolve().parents[1] / "data" / "literature" / "shift_rules.csv"
RULES = {rule.key: rule for rule in literature.rules(TABLE)}
SMALL, LARGE = 32 * 32, 64 * 64  # tokens of 16 x 16 pixels at 512 and at 1024


def line(tokens: float, low: float, high: float, first: float = 256, last: float = 4096) -> float:
    """FLUX.1's calculate_shift: a line through (first, low) and (last, high)."""
    return low + (high - low) * (tokens - first) / (last - first)


def flux2(tokens: float, steps: int) -> float:
    """FLUX.2's compute_empirical_mu below 4300 tokens."""
    at_10 = 8.73809524e-05 * tokens + 1.89833333
    at_200 = 0.00016927 * tokens + 0.45666666
    slope = (at_200 - at_10) / 190
    return slope * steps + at_200 - 200 * slope


FORMULAS: dict[str, Callable[[int], float]] = {  # side in pixels -> s
    "esser2024-eq23": lambda side: math.sqrt(side**2 / 512**2),
    "hoogeboom2023": lambda side: side / 64,
    "gu2023-mdm-p1": lambda side: math.sqrt(side / 64),
    "gu2023-mdm-p2": lambda side: side / 64,
    "karras2022-edm": lambda side: 1.0,
    "li2025-jit": lambda side: side / 256,
    "zheng2025-rae": lambda side: math.sqrt((side // 16) ** 2 * 768 / 4096),
    "ideogram4": lambda side: math.exp(0.5 * math.log(side**2 / 512**2)),
    "sd3-ref": lambda side: 3.0,
    "flux1": lambda side: math.exp(line((side / 16) ** 2, 0.5, 1.15)),
    "flux2-50": lambda side: math.exp(flux2((side / 16) ** 2, 50)),
    "flux2-200": lambda side: math.exp(flux2((side / 16) ** 2, 200)),
    "qwen-image": lambda side: math.exp(line((side / 16) ** 2, 0.5, 0.9, last=8192)),
    "qwen-image-layered": lambda side: math.sqrt((side / 16) ** 2 / 256),
    "cogview4": lambda side: 0.25 + 0.75 * math.sqrt((side / 16) ** 2 / 256),
    "krea2": lambda side: math.exp(line((side / 16) ** 2, 0.5, 1.15, last=6400)),
    "kohya": lambda side: math.exp(line((side / 16) ** 2, 0.5, 1.15)),
    "ai-toolkit": lambda side: math.exp(line((side / 16) ** 2, 0.5, 1.16)),
    "opensora2": lambda side: 1 + 2 * ((side / 16) ** 2 - 256) / 3840,
    "seedvr": lambda side: 1 + 2.2 * (side**2 - 256**2) / (1024**2 - 256**2),
    "ltx-video": lambda side: math.exp(0.95 + 1.10 * ((side / 16) ** 2 - 1024) / 3072),
    "ltx-simple-diffusion": lambda side: (side / 16) ** 2 / 1024,
}
WITH_VALUE = {
    "flux1",
    "flux2-50",
    "flux2-200",
    "qwen-image",
    "qwen-image-layered",
    "cogview4",
    "krea2",
    "opensora2",
    "ideogram4",
    "sd3-ref",
    "ai-toolkit",
    "seedvr",
}


@pytest.mark.parametrize("key", FORMULAS)
def test_a_closed_formula_gives_the_ratio_in_the_table(key: str) -> None:
    s = FORMULAS[key]
    assert RULES[key].ratio == pytest.approx(s(1024) / s(512), abs=5e-4)


@pytest.mark.parametrize("key", sorted(WITH_VALUE))
def test_a_closed_formula_gives_the_value_in_the_table(key: str) -> None:
    # Ideogram's mu0 of 0 is meant; Qwen's terminal stretch comes after the shift.
    assert RULES[key].value == pytest.approx(FORMULAS[key](1024), abs=6e-4)


def test_every_row_parses() -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(RULES) == len(rows)  # keys are unique
    for row, rule in zip(rows, RULES.values(), strict=True):
        assert rule.key == row["key"]
        assert row["verified"] in ("yes", "no")
        assert rule.verified == (row["verified"] == "yes")
        assert rule.kind in ("paper", "code", "model-config")
        assert 2020 <= rule.year <= 2026
        assert rule.ratio is None or rule.ratio > 0
        assert rule.value is None or rule.value > 0
        assert None not in row, f"{rule.key}: more cells than columns"


def test_the_exponent_is_that_of_the_pixel_ratio() -> None:
    for rule in RULES.values():
        if rule.ratio is None:
            assert rule.exponent is None
        else:
            assert rule.exponent is not None
            assert 4 ** (rule.exponent / 2) == pytest.approx(rule.ratio, rel=1e-12)
    assert RULES["esser2024-eq23"].exponent == 1
    assert RULES["sd3-ref"].exponent == 0


def rule(source: str) -> literature.Rule:
    return literature.Rule("k", "n", 2024, "paper", None, None, source, True)


@pytest.mark.parametrize(
    ("source", "link"),
    [
        ("arXiv:2403.03206", "[arXiv:2403.03206](https://arxiv.org/abs/2403.03206)"),
        (
            "arXiv:2511.13720 (README copies)",
            "[arXiv:2511.13720](https://arxiv.org/abs/2511.13720)",
        ),
        (
            "NVlabs/edm:training/loss.py@008a4e5316c8e3bfe61a62f874bddba254295afb",
            "[NVlabs/edm@008a4e5](https://github.com/NVlabs/edm/blob/008a4e5316c8e3bfe61a62f874bddba254295afb/training/loss.py)",
        ),
        (
            "hf:black-forest-labs/FLUX.1-schnell/scheduler/scheduler_config.json",
            "[black-forest-labs/FLUX.1-schnell](https://huggingface.co/black-forest-labs/FLUX.1-schnell)",
        ),
        ("https://bfl.ai/techblog/x", "[bfl.ai](https://bfl.ai/techblog/x)"),
        ("from memory", "from memory"),
        ("NVlabs/edm:training/loss.py@main", "NVlabs/edm:training/loss.py@main"),
    ],
)
def test_links(source: str, link: str) -> None:
    assert rule(source).link == link


def test_every_link_is_markdown_or_the_source_itself() -> None:
    for each in RULES.values():
        whole = re.fullmatch(r"\[[^\[\]()]+\]\(https://[^\s()]+\)", each.link)
        assert whole or each.link == each.source, each.key


def test_only_verified_rules_with_a_ratio_are_shown_in_order() -> None:
    shown = literature.with_ratio(TABLE)
    assert {r.key for r in shown} == {
        k for k, r in RULES.items() if r.verified and r.ratio is not None
    }
    ratios = [r.ratio for r in shown]
    assert ratios == sorted(ratios)  # type: ignore[type-var]
    assert "hoogeboom2023" not in {r.key for r in shown}


def test_the_projects_own_table_is_the_default() -> None:
    assert literature.rules() == list(RULES.values())


HEAD = (
    "key,name,year,kind,rule,predicted_shift_512_to_1024,value_used_at_1024,"
    "source_id,source_locator,verified\n"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            HEAD + "a,b,2024,paper,r,two,,s,l,yes\n",
            "line 2: could not convert string to float: 'two'",
        ),
        (HEAD + "a,b,2024,paper,r,2,,s,l,yes\na,b,soon,paper,r,2,,s,l,yes\n", "line 3: .*'soon'"),
        ("key,name,year\na,b,2024\n", "line 2: .*predicted_shift"),
        (HEAD + "a,b\n", "line 2"),
    ],
)
def test_a_row_that_does_not_parse_names_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rules.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=f"rules.csv, {message}"):
        literature.rules(path)


def test_repeats_are_rows_of_the_table_and_never_its_last_witness() -> None:
    assert set(RULES) >= literature.REPEATS
    # Every ratio that a repeat gives is also given by a row that is no repeat.
    kept = {r.ratio for k, r in RULES.items() if k not in literature.REPEATS}
    lost = {k for k in literature.REPEATS if RULES[k].ratio not in kept}
    assert lost <= {"ai-toolkit"}  # whose own max_shift of 1.16 is a variant of FLUX.1's line
