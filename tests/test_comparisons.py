"""Tables beside each other: every cell is the measurement's, and a gap says why."""

import dataclasses
import types

import numpy as np
import pytest

from analysis import comparisons, encoders, gaussian, timing
from analysis.formatting import estimate, percent, plain
from analysis.matrices import packed, unpacked
from analysis.measured import Measured
from analysis.settings import Variation
from tests.test_measured import known, other
from tests.test_tables import cells


def sampled(one: Measured) -> dict[str, gaussian.SamplerStudy]:
    """What few steps make of a measurement by both solvers; only the steps that are told."""
    sides = one.study.resolutions
    k, modes = {s: one.k(s) for s in sides}, {s: one.modes(s) for s in sides}
    power = {s: one.snr(s).mean(axis=0) for s in sides}
    return {
        solver: gaussian.study(k, power, modes, one.study.bands, (10, 20, 50, 200), solver)
        for solver in ("euler", "heun")
    }


def pretend(**measured: Measured) -> types.SimpleNamespace:
    """Results of these measurements, by encoder, each ``_`` of its name a ``-``."""
    named = {name.replace("_", "-"): one for name, one in measured.items()}
    one = next(iter(named.values()))
    return types.SimpleNamespace(
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


def test_measures_side_by_side() -> None:
    one = known(sides=(256, 512, 1024))
    low = one.arrays["pair_low_1024"]
    apart = other(one, pair_cross_1024=0.5 * low, pair_explained_1024=0.25 * low)
    results = pretend(ours=one)
    results.contributed = {"theirs": apart}
    header, first, second = cells(comparisons.table_measures(results))
    assert header[5:7] == ["s, 256 → 512", "s, 512 → 1024"]
    assert first[:5] == ["`ours`", "16 / 8", "2.50 to 2.50", "2.50", "1.00 / 1.00 / 1.00"]
    assert first[5:] == [estimate(one.shifts[256, 512].whole), estimate(one.shift.whole), "1.00"]
    assert [second[0], second[4]] == ["`theirs`", "0.25 / 0.25 / 0.25"]


def test_the_lower_shift_is_that_of_its_heading_or_none() -> None:
    assert cells(comparisons.table_measures(pretend(x=known())))[1][5] == ""
    many = known(images=2, sides=(256, 512, 1024, 2048))
    header, row = cells(comparisons.table_measures(pretend(x=many)))
    assert header[5] == "s, 512 → 1024"
    assert row[5] == estimate(many.shifts[512, 1024].whole)
    # 16 x 16 latents are too small for bands.
    assert cells(comparisons.table_measures(pretend(x=known(sides=(128, 256, 512)))))[1][5] == ""


def test_what_is_not_measured_is_every_other_card_with_its_terms() -> None:
    results = pretend(linear_f8c16=known())
    results.contributed = {"pixel": known()}
    rows = {row[0].strip("`"): row for row in cells(comparisons.table_unmeasured(results))[1:]}
    assert rows.keys() == encoders.cards().keys() - {"linear-f8c16", "pixel"}
    for name, row in rows.items():
        card = encoders.card(name)
        assert row[2] == f"{card.latent_channels} / {card.latent_stride}"
        assert row[3] == ("licence to accept" if card.gated else "open")
        assert row[4] == (card.license or "not known")
    assert {"licence to accept", "open"} == {row[3] for row in rows.values()}


def test_every_choice_has_a_row_and_a_missing_posterior_is_named() -> None:
    one = known()
    drawn = Variation(name="drawn", title="from the posterior", sample=True)
    study = one.study.model_copy(update={"variations": (*one.study.variations, drawn)})
    one = dataclasses.replace(one, study=study)
    rows = {row[0]: row[1] for row in cells(comparisons.table_sensitivity(pretend(x=one)))[1:]}
    assert rows["as measured"] == estimate(one.shift.whole)
    assert rows["every channel of equal variance"] == estimate(one.shift_equal_channels.whole)
    assert rows["box"] == estimate(one.shift_by_variation["box"].whole)
    assert rows["box"].startswith("2.040 ")
    assert rows["power-law"].startswith("1.732 ")
    assert rows["from the posterior"] == "no posterior"
    # The study's own window is the first row already.
    windows = [label for label in rows if label.startswith("window: ")]
    assert windows == ["window: none", "window: Kaiser 2π", "window: Hann"]
    per_pixel = [text for label, text in rows.items() if "per latent pixel" in label]
    assert per_pixel == [estimate(one.shift_per_pixel.whole)]


def test_information_beside_its_limits_or_why_there_is_none() -> None:
    one = unevenly_grown()
    results = pretend(many=one, few=known(images=3))
    header, many, few = cells(comparisons.table_information(results))
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
    header, *rows = cells(comparisons.table_crossings(pretend(x=one)))
    assert header[2:-3] == [f"{side} px" for side in sides]
    assert [row[0] for row in rows] == ["power", "number of modes"]
    for row in rows:
        assert len(row) == len(header)
        assert row[-1].startswith(plain(-np.log(2), 2))
        assert row[-2] != row[-1]


def test_published_densities_beside_the_nearest_one() -> None:
    one = known()
    header, nearest, *rows = cells(comparisons.table_published(pretend(x=one)))
    assert header == ["density over θ", "power, `x`", "number, `x`"]
    assert nearest[0] == "nearest logit-normal"
    for by, cell in zip(("power", "modes"), nearest[1:], strict=True):
        ends = [timing.nearest_of(one, side, by).distance for side in (256, 512)]
        assert cell == " / ".join(plain(end, 2) for end in ends)
    for published, row in zip(timing.PUBLISHED, rows, strict=True):
        assert row[0].startswith(f"[{published.name}](https://")
        ends = [timing.distance_of(one, side, "power", published) for side in (256, 512)]
        assert row[1] == " / ".join(plain(end, 2) for end in ends)
    assert rows[1][0].endswith("(−1.10, 1.0)")  # -ln 3, once, since it is the same at both
    assert rows[2][0].endswith("(0.69 / 0.00, 1.5)")  # ln(512 / 256) at 256 px


def test_the_samplers_ratio_in_shared_bands_is_the_shift() -> None:
    one = known(images=2)
    results = pretend(x=one)
    results.samplers = {"x": sampled(one)}
    rows = cells(comparisons.table_sampler(results))[1:]
    assert [row[1:3] for row in rows] == [
        [error, steps] for error in ("W2", "KL") for steps in ("Euler", "Heun")
    ]
    # One factor between the resolutions: Euler's ratio is its root, whatever the steps.
    assert [row[-1] for row in rows[::2]] == ["2.00 / 2.00"] * 2
    for row, solver in zip(rows, ("euler", "heun"), strict=False):
        study = results.samplers["x"][solver]
        best = {side: study.best[study.at(side, "total", "w2")] for side in (256, 512)}
        assert row[3] == " / ".join(plain(best[512][i], 2) for i in (0, -1))
        assert row[4] == " / ".join(plain(best[side][2], 2) for side in (256, 512))
        ratio = best[512] / best[256]
        assert row[5] == " / ".join(plain(ratio[i], 2) for i in (0, -1))
    assert rows[0][3] != rows[1][3]
    study = results.samplers["x"]["euler"]
    lost = dataclasses.replace(study, best=np.full_like(study.best, np.nan))
    results.samplers = {"x": {"euler": lost, "heun": lost}}
    row = cells(comparisons.table_sampler(results))[1]
    assert row[3] == " / ".join(["beyond the grid"] * 2)
