"""Tables: the rows are the results, and Markdown survives what is in the cells."""

import dataclasses
import math
import re

import numpy as np
import pytest

from analysis.paper import tables
from analysis.paper import text as paper_text
from analysis.paper.text import estimate, percent, plain
from analysis.shift import literature
from analysis.spectra.cross_spectra import packed, unpacked
from analysis.study import densities
from analysis.study.measurement import Measured
from analysis.study.results import Results, load
from analysis.timesteps import gaussian_sampler
from tests.conftest import Shown, unescaped
from tests.study.test_measurement import known, other


@pytest.fixture(scope="module")
def loaded() -> Results:
    return load("bundled")


def cells(table: str) -> list[list[str]]:
    """Rows of a pipe table as they are shown, without the rule under its header."""
    lines = table.splitlines()
    return [
        [unescaped(cell.strip()) for cell in line.strip("|").split(" | ")]
        for line in [lines[0], *lines[2:]]
    ]


STEPS = (4, 10, 20, 50, 200)  # that are told


def sampled(one: Measured) -> dict[str, gaussian_sampler.SamplerStudy]:
    """What few steps make of a measurement by both solvers; only the steps that are told."""
    sides = one.study.resolutions
    k, modes = {s: one.k(s) for s in sides}, {s: one.modes(s) for s in sides}
    power = {s: one.snr(s).mean(axis=0) for s in sides}
    return {
        solver: gaussian_sampler.study(k, power, modes, one.study.bands, STEPS, solver)
        for solver in ("euler", "heun")
    }


def pretend(**measured: Measured) -> Shown:
    """Results of these measurements, by encoder, each ``_`` of its name a ``-``."""
    named = {name.replace("_", "-"): one for name, one in measured.items()}
    one = next(iter(named.values()))
    return Shown(
        study=one.study, measured=named, contributed={}, theory=one.shift.theory, rule=None,
        photographs=tuple(range(len(one.arrays[f"power_{one.study.high}"]))), samplers={},
    )  # fmt: skip


def unevenly_grown() -> Measured:
    """A strong direction of the channels' matrices grows by 4, a weak one by 1.44."""
    one = known()
    strength = np.diag([1.0, 0.05])
    low = strength @ unpacked(one.arrays["cross_256"], 2) @ strength
    growth = np.diag([2.0, 1.2])
    return other(one, cross_256=packed(low), cross_512=packed(growth @ low @ growth))


def test_table_has_one_width() -> None:
    made = tables.table(["a", "b|c"], [["1", "2"], ["3", "4"]], "lr")
    assert made.splitlines()[1] == "| :--- | ---: |"
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in made.splitlines()} == {3}


def test_shift_table(loaded: Results) -> None:
    rows = cells(tables.table_shift(loaded))[1:]
    assert len(rows) == 4 * len(loaded.measured)
    for row, measured in zip(rows[3::4], loaded.measured.values(), strict=True):
        assert row[0] == f"`{measured.card.name}`"
        assert f"{row[3]} {row[4]}" == paper_text.estimate(measured.shift.whole)
        assert row[5] == f"{measured.shift.exponent:.2f}"


def test_recommended_is_the_rule_and_each_measured_shift(loaded: Results) -> None:
    rule, *rows = cells(tables.table_recommended(loaded))[1:]
    assert rule == ["square-root rule", "2.00", "", "1.00", "−0.693"]  # -ln 2
    for row, measured in zip(rows, loaded.measured.values(), strict=True):
        assert f"{row[1]} {row[2]}" == paper_text.estimate(measured.shift.whole)
        assert row[4] == paper_text.plain(-math.log(measured.shift.whole.value), 3)


def test_encoders_table_says_where(loaded: Results) -> None:
    for row, measured in zip(
        cells(tables.table_encoders(loaded))[1:], loaded.measured.values(), strict=True
    ):
        assert (
            row[-1]
            == {"computed": "computed here", "committed": "committed results"}[measured.origin]
        )


def test_photographs_are_credited(loaded: Results) -> None:
    rows = cells(tables.table_photographs(loaded))[1:]
    assert [row[0] for row in rows] == [photo.title for photo in loaded.photographs]
    assert all(row[1] and row[2] for row in rows)


def test_what_is_in_a_cell_is_no_markup(loaded: Results) -> None:
    hostile = '[x]{onmouseover="y()"} | [d](../.git/config) <script>'
    photo = dataclasses.replace(loaded.photographs[0], author=hostile)
    text = tables.table_photographs(dataclasses.replace(loaded, photographs=(photo,)))
    assert hostile not in text
    assert cells(text.replace(r"\|", "¦"))[1][1] == hostile.replace("|", "¦")


def test_rules_are_verified_and_ascending() -> None:
    rows = cells(tables.table_rules())[1:]
    ratios = [float(row[1]) for row in rows]
    assert ratios == sorted(ratios)
    assert len(rows) == len(literature.shown())
    names = {rule.key for rule in literature.rules()}
    assert names >= literature.REPEATS, "a repeated row that is not in the table"


def test_settings_name_the_shift() -> None:
    assert "shift=3" in tables.table_settings(2.0, 1.5)


def test_names_to_copy_are_code_since_a_page_makes_dashes_of_two_hyphens() -> None:
    table = tables.table_settings(2.0)
    for name in ("--timestep_sampling shift", "use_dynamic_shifting=True", "set_timesteps",
                 "FlowMatchEulerDiscreteScheduler", "--discrete_flow_shift 2"):  # fmt: skip
        assert f"`{name}`" in table, name
    prose = re.sub(r"`[^`]*`|\([^)]*\)|\[[^]]*\]", "", table.split("\n", 2)[2])
    assert not re.search(r"--|_", prose)
    assert "with dynamic timestep shifting off" in prose


def test_windows_table(loaded: Results) -> None:
    rows = cells(tables.table_windows(loaded))[1:]
    windows = [window.text for window in loaded.study.windows]
    assert [row[1] for row in rows] == windows * len(loaded.measured)
    own = windows.index(loaded.study.window.text)
    for row, measured in zip(rows[own :: len(windows)], loaded.measured.values(), strict=True):
        assert f"{row[3]} {row[4]}" == paper_text.estimate(measured.shift.whole)


def test_information_beside_its_limits_or_why_there_is_none() -> None:
    one = unevenly_grown()
    results = pretend(many=one, few=known(images=3))
    header, many, few = cells(tables.table_information(results))
    assert len(header) == len(many) == len(few)
    found = one.information
    assert many[1:5] == [
        estimate(one.shift.whole), estimate(found.limits["trace"]), estimate(found.matched),
        estimate(found.limits["inverse"]),
    ]  # fmt: skip
    assert many[5:] == [percent(found.misfit(s), 1) for s in (found.matched.value, 2.0)]
    # Strong directions grow by 4 and weak ones by less: the limits enclose what lies between.
    assert found.limits["trace"].value > found.matched.value > found.limits["inverse"].value
    assert few[2:] == ["too few images or modes"] * 5


@pytest.mark.parametrize("sides", [(256, 512), (256, 512, 1024)])
def test_crossings_move_by_the_rule_where_modes_are_shared(sides: tuple[int, ...]) -> None:
    one = known(sides=sides)
    header, *rows = cells(tables.table_crossings(pretend(x=one)))
    assert header[2:-3] == [f"{side} px" for side in sides]
    assert [row[0] for row in rows] == ["power", "number of modes"]
    for row in rows:
        assert len(row) == len(header)
        assert row[-1].startswith(plain(-np.log(2), 2))
        assert row[-2] != row[-1]


def test_published_densities_beside_the_nearest_one() -> None:
    one = known()
    header, nearest, *rows = cells(tables.table_published(pretend(x=one)))
    assert header == ["density over θ", "power, `x`", "number, `x`"]
    assert nearest[0] == "nearest logit-normal"
    for by, cell in zip(("power", "modes"), nearest[1:], strict=True):
        ends = [densities.nearest_of(one, side, by).distance for side in (256, 512)]
        assert cell == " / ".join(plain(end, 2) for end in ends)
    for published, row in zip(literature.PUBLISHED, rows, strict=True):
        assert row[0].startswith(f"[{published.name}](https://")
        ends = [densities.distance_of(one, side, "power", published) for side in (256, 512)]
        assert row[1] == " / ".join(plain(end, 2) for end in ends)
    assert rows[1][0].endswith("(−1.10, 1.0)")  # -ln 3, once, since it is the same at both
    assert rows[2][0].endswith("(0.69 / 0.00, 1.5)")  # ln(512 / 256) at 256 px


def test_the_samplers_ratio_in_shared_bands_is_the_shift() -> None:
    one = known(images=2)
    results = pretend(x=one)
    results.samplers = {"x": sampled(one)}
    rows = cells(tables.table_sampler(results))[1:]
    assert [row[1:3] for row in rows] == [
        [error, steps] for error in ("W2", "KL") for steps in ("Euler", "Heun")
    ]
    # One factor between the resolutions: Euler's ratio is its root, whatever the steps.
    assert [row[-1] for row in rows[::2]] == ["2.00 / 2.00 / 2.00"] * 2
    for row, solver in zip(rows, ("euler", "heun"), strict=False):
        study = results.samplers["x"][solver]
        best = {side: study.best[study.at(side, "total", "w2")] for side in (256, 512)}
        assert row[3] == " / ".join(plain(best[512][i], 2) for i in (0, 1, -1))
        assert row[4] == " / ".join(plain(best[side][3], 2) for side in (256, 512))
        ratio = best[512] / best[256]
        assert row[5] == " / ".join(plain(ratio[i], 2) for i in (0, 1, -1))
    assert rows[0][3] != rows[1][3]
    study = results.samplers["x"]["euler"]
    lost = dataclasses.replace(study, best=np.full_like(study.best, np.nan))
    results.samplers = {"x": {"euler": lost, "heun": lost}}
    row = cells(tables.table_sampler(results))[1]
    assert row[3] == " / ".join(["beyond the grid"] * 3)
