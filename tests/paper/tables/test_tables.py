"""Tables: the rows are the results, and Markdown survives what is in the cells."""

import dataclasses
import math
import re

import numpy as np
import pytest

from analysis.paper import text as paper_text
from analysis.paper.tables.channels import table_information
from analysis.paper.tables.crossings import table_crossings, table_published
from analysis.paper.tables.denoiser import table_denoiser
from analysis.paper.tables.density import table_density
from analysis.paper.tables.encoders import table_measures
from analysis.paper.tables.literature import table_rules
from analysis.paper.tables.measured_shift import table_shift
from analysis.paper.tables.reproducing import table_photographs
from analysis.paper.tables.sampler import table_sampler
from analysis.paper.tables.sensitivity import table_sensitivity
from analysis.paper.tables.settings import table_models, table_settings_flux1
from analysis.paper.tables.side_by_side import table_latent_laws
from analysis.paper.text import estimate, percent, plain
from analysis.shift import literature
from analysis.study import densities
from analysis.study.results import Results, load
from analysis.study.settings import Variation
from analysis.training import models
from tests.conftest import unescaped
from tests.standins.measured import pretend, sampled, unevenly_grown
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


def test_shift_table(loaded: Results) -> None:
    rows = cells(table_shift(loaded))[1:]
    told = [
        (m, e) for m in loaded.measured.values() for e in (*m.shift.bands.values(), m.shift.whole)
    ]
    for row, (measured, e) in zip(rows, told, strict=True):
        assert row[0] == f"`{measured.card.name}`"
        assert f"{row[1]} {row[2]}" == paper_text.estimate(e)
        assert row[5] == f"{2 * math.log(e.value) / math.log(4):.2f}"  # four times the pixels


def test_the_denoisers_table_has_every_pair_and_band(loaded: Results) -> None:
    done, rows = loaded.denoiser, cells(table_denoiser(loaded))[1:]
    assert done is not None and len(rows) == 4 * 5
    whole = done.over_bands("low on cropped")
    (row,) = [row for row in rows if row[:2] == ["low on cropped", "mean of octaves"]]
    assert row[2] == estimate(whole.networks) and row[6] == estimate(whole.ratio)
    assert row[3:6] == [
        f"{x:.2f}" for x in (whole.linear.value, whole.optimum, whole.spectra.value)
    ]


def test_the_densities_table_has_every_band_and_pair(loaded: Results) -> None:
    done, (header, *rows) = loaded.density, cells(table_density(loaded))
    assert done is not None and len(rows) == len(done.settings.bands) + 1
    none, measured, rule = done.settings.shifts
    assert header[1:] == [
        f"s = {measured} against {none:g}", f"s = {rule:g} against {none:g}",
        f"s = {rule:g} against {measured}",
    ]  # fmt: skip
    whole = done.found(rule, measured)[-1]
    assert rows[-1][0] == "all together" and rows[-1][3] == paper_text.change(whole)
    assert rows[-1][3].startswith(f"{100 * (whole.value - 1):+.1f}".replace("-", "\u2212"))


def test_what_is_in_a_cell_is_no_markup(loaded: Results) -> None:
    hostile = '[x]{onmouseover="y()"} | [d](../.git/config) <script>'
    photo = dataclasses.replace(loaded.photographs[0], author=hostile)
    text = table_photographs(dataclasses.replace(loaded, photographs=(photo,)))
    assert hostile not in text
    assert cells(text.replace(r"\|", "¦"))[1][1] == hostile.replace("|", "¦")


def test_rules_are_verified_and_ascending(loaded: Results) -> None:
    rows = cells(table_rules(loaded))[1:]
    ratios = [float(row[1]) for row in rows]
    assert ratios == sorted(ratios)
    assert len(rows) == len(literature.shown())
    names = {rule.key for rule in literature.rules()}
    assert names >= literature.REPEATS, "a repeated row that is not in the table"


def test_names_to_copy_are_code_since_a_page_makes_dashes_of_two_hyphens(loaded: Results) -> None:
    table = table_settings_flux1(loaded)
    for name in ("shift = s", "use_dynamic_shifting = false", "max_shift = ln s",
                 "logit_mean = -ln s", "discrete_flow_shift = s",
                 "--flow_schedule_auto_shift"):  # fmt: skip
        assert f"`{name}`" in table, name
    prose = re.sub(r"`[^`]*`|\([^)]*\)|\[[^]]*\]", "", table.split("\n", 2)[2])
    assert not re.search(r"--|_", prose)
    assert len(cells(table_models(loaded))) == 1 + len(models.models())


def test_information_beside_its_limits_or_why_there_is_none() -> None:
    one = unevenly_grown()
    results = pretend(many=one, few=known(images=3))
    header, many, few = cells(table_information(results))
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
    header, *rows = cells(table_crossings(pretend(x=one)))
    assert header[2:-3] == [f"{side} px" for side in sides]
    assert [row[0] for row in rows] == ["power", "number of modes"]
    for row in rows:
        assert len(row) == len(header)
        assert row[-1].startswith(plain(-np.log(2), 2))
        assert row[-2] != row[-1]


def test_published_densities_beside_the_nearest_one() -> None:
    one = known()
    header, nearest, *rows = cells(table_published(pretend(x=one)))
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
    rows = cells(table_sampler(results))[1:]
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
    row = cells(table_sampler(results))[1]
    assert row[3] == " / ".join(["beyond the grid"] * 3)


def test_measures_side_by_side() -> None:
    one = known(sides=(256, 512, 1024))
    low = one.arrays["pair_low_1024"]
    apart = other(one, pair_cross_1024=0.5 * low, pair_explained_1024=0.25 * low)
    results = pretend(ours=one)
    results.contributed = {"theirs": apart}
    header, first, second = cells(table_measures(results))
    assert header[4:8] == ["coherence", "difference (%)", "s, 256 → 512", "s, 512 → 1024"]
    assert first[:5] == ["`ours`", "16 / 8", "2.50 to 2.50", "2.50", "1.00 / 1.00 / 1.00"]
    assert first[5] == "0 / 0 / 0"
    assert first[6:] == [estimate(one.shifts[256, 512].whole), estimate(one.shift.whole), "1.00"]
    # Of as much power, with half of it in common: P + P - 2 P / 2.
    assert [second[0], *second[4:6]] == ["`theirs`", "0.25 / 0.25 / 0.25", "100 / 100 / 100"]


def test_every_choice_has_a_row_and_a_missing_posterior_is_named() -> None:
    one = known()
    drawn = Variation(name="drawn", title="from the posterior", sample=True)
    study = one.study.model_copy(update={"variations": (*one.study.variations, drawn)})
    one = dataclasses.replace(one, study=study)
    rows = {row[0]: row[1] for row in cells(table_sensitivity(pretend(x=one)))[1:]}
    assert rows["as measured"] == estimate(one.shift.whole)
    assert rows["every channel of equal variance"] == estimate(one.shift_equal_channels.whole)
    assert rows["box"] == estimate(one.shift_by_variation["box"].whole)
    assert rows["box"].startswith("2.040 ")
    assert rows["power-law"].startswith("1.732 ")
    assert rows["from the posterior"] == "no posterior"
    # The study's own window is the first row already.
    windows = [label for label in rows if label.startswith("window: ")]
    assert windows == ["window: none", "window: Kaiser 2π", "window: Hann"]
    per_pixel = "fixed cycles per latent pixel"
    assert rows[f"{per_pixel} (another question)"] == estimate(one.shift_per_pixel.whole)
    # The law's fields have k^-2.5 and grow by 3 instead of 4.
    fields = rows[f"power-law, {per_pixel}"]
    assert float(fields.split()[0]) == pytest.approx(2 ** (1 - 2.5 / 2) * np.sqrt(3 / 4), abs=0.01)


def test_latents_as_a_law_grow_by_the_square_root_rule_for_pixels() -> None:
    """Twice the side: four times the power of a mode over the noise's, at the same frequency."""
    rows = {row[0]: row[1:] for row in cells(table_latent_laws(load("bundled")))[1:]}
    assert set(rows) == {"`taef2`", "`taesana`", "`linear-f8c16`", "`pixel`"}
    low, slope, high, again = map(float, rows["`pixel`"])
    k = 20  # cycles per image, where both fits have data; the exponents differ a little
    ratio = high * k**-again / (low * k**-slope)
    assert ratio == pytest.approx(4, rel=0.03)
    low, slope, high, again = map(float, rows["`taef2`"])
    assert high * k**-again / (low * k**-slope) < 3
