"""The calculator: its data are the measurements, its script says what `recommend` does."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.paper.text import estimate
from analysis.paper.widgets import shift_calculator
from analysis.spectra.intervals import Estimate
from analysis.study.results import Results
from analysis.timesteps import schedule
from analysis.training import models, recipes
from tests.standins.widgets import give, opened, read

FLOW = [n for n, m in models.models().items() if m.prediction == "flow" and not m.video]


@pytest.fixture(scope="module")
def data(bundled: Results) -> dict[str, Any]:
    return shift_calculator.data(bundled)


@pytest.fixture(scope="module")
def calculators(browser, built: Path) -> Iterator[Any]:
    with opened(browser, built.with_name("shift_calculator.html")) as page:
        yield page


@pytest.fixture
def calculator(calculators: Any) -> Any:
    """The calculator's page, with the form as it begins."""
    form = calculators.locator(".shift-calculator form")
    form.evaluate("form => { form.reset(); form.dispatchEvent(new Event('input')); }")
    return calculators


def test_shifts_are_those_measured_to_nine_digits(bundled: Results, data: dict[str, Any]) -> None:
    for name, measured in bundled.measured.items():
        pairs = data["encoders"][name]["pairs"]
        assert set(pairs) == {f"{low}-{high}" for low, high in measured.shifts}
        for (low, high), shift in measured.shifts.items():
            right = [shift.whole.value, shift.whole.low, shift.whole.high]
            assert pairs[f"{low}-{high}"] == pytest.approx(right, rel=1e-8)
    assert data["images"] == len(bundled.photographs) == 12
    assert set(data["encoders"]) == {*bundled.measured, *recipes.measured()}
    lowest = min(recipes.measured().values(), key=lambda one: one.value or math.inf)
    assert (data["lowest"],) == lowest.encoders


@pytest.mark.parametrize("name", FLOW)
def test_the_script_has_each_model_s_own_rule(name: str) -> None:
    """At sizes that it was not found out at: what it is told is the rule, not a table of it."""
    card, rng = models.model(name), np.random.default_rng(0)
    sides = card.multiple * rng.integers(256 // card.multiple, 1025 // card.multiple, (20, 2))
    for stage in shift_calculator.STAGES:
        rule = shift_calculator.rule_of(name, stage)
        for h, w in sides.tolist():
            right = card.shift(stage, (h, w))
            if rule is None:
                assert right is None
                continue
            tokens = (h // 16) * (w // 16)
            log = rule[0] + rule[1] * tokens + rule[2] * math.log(h * w)
            assert math.exp(log) == pytest.approx(right, rel=1e-8)


def test_contributed_measurements_are_measurements(bundled: Results, data: dict[str, Any]) -> None:
    measured = dict(bundled.measured)
    contributed = {"pixel": measured.pop("pixel")}
    other = dataclasses.replace(bundled, measured=measured, contributed=contributed)
    assert shift_calculator.data(other)["encoders"] == data["encoders"]


# In a browser ---------------------------------------------------------------------------------


def recommended(page: Any, **given: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = page.evaluate(
        """input => {
            const data = document.querySelector("script[type='application/json']").textContent;
            return shiftCalculator.recommend(JSON.parse(data), input);
        }""",
        {"name": "taef2", "from": "512", "to": "1024", "base": "1"} | given,
    )
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("name", FLOW)
@pytest.mark.parametrize("start", ["512", "1024", "832x1216"])
def test_models_get_what_recommend_gives(
    calculator: Any, data: dict[str, Any], name: str, start: str
) -> None:
    to = "512,1024,832x1216,640x960"
    if models.model(name).multiple == 32:
        to = "512,1024,832x1216"
    right = recipes.recipe(name, to, start, base_shift=1.5)
    rows = recommended(calculator, name=name, **{"from": start}, to=to, base="1.5")
    for row, one in zip(rows, right["sizes"], strict=True):
        training = one["training"]
        assert row["ratio"] == pytest.approx(one["pixel_ratio"], rel=1e-12)
        for stage, found in zip(("training", "sampling"), row["own"], strict=True):
            expected = training["own"] if stage == "training" else one["sampling"]["shift"]
            assert found == (None if expected is None else pytest.approx(expected, rel=1e-7))
        rule, known = training["square-root"], right["encoder"] in data["encoders"]
        assert row["how"] == ("measured" if known else "range") or row["how"] == "carried"
        if not known:  # from the lowest exponent measured to the rule
            lowest = 1.5 * row["ratio"] ** (data["encoders"][data["lowest"]]["r"][0] / 2)
            assert row["whole"][1:] == pytest.approx(sorted([lowest, rule]), rel=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["taef2", "taesana", "pixel"])
@pytest.mark.parametrize(("start", "to"), [("512", "1536"), ("768x512", "1024"), ("2048", "700")])
def test_other_sizes_carry_the_measured_exponent_on(
    calculator: Any, data: dict[str, Any], encoder: str, start: str, to: str
) -> None:
    (row,) = recommended(calculator, name=encoder, **{"from": start}, to=to)
    assert row["how"] == "carried"
    value, low, high = data["encoders"][encoder]["r"]
    exponent = recipes.Exponent((encoder,), value, low, high, (512, 1024))
    assert row["s"] == pytest.approx(exponent.shift(row["ratio"]), rel=1e-7)


@pytest.mark.slow
def test_the_form_says_what_the_numbers_are(calculator: Any, bundled: Results) -> None:
    whole = bundled.measured["taef2"].shift.whole
    found = give(calculator, **{"for": "taef2", "from": "1024", "to": "512,512x768"})
    assert found["state"] == "shown"
    inverse = Estimate(1 / whole.value, 1 / whole.high, 1 / whole.low, (0, 0))
    assert found["rows"][0][1] == estimate(inverse)
    assert "extrapolated with the exponent r = 0.61" in found["says"]
    found = give(calculator, to="512")
    assert "measured between these sizes, on 12 images" in found["says"]
    # Sigma first: what becomes of one half is the schedule's own shift of it.
    t = float(schedule.shift_t(0.5, inverse.value))
    assert found["rows"][0][2:4] == [f"{1 - t:.3f}", f"{t:.3f}"]
    assert found["rows"][0][4] == f"−{-math.log(inverse.value):.3f}"
    found = give(calculator, **{"for": "flux1", "from": "512", "to": "1024"})
    assert found["says"].startswith("FLUX.1 [dev]: its encoder was not measured. The range is from")
    assert found["base"] == f"{models.model('flux1').shift('training', (512, 512)):.4f}"
    assert " to " in found["rows"][0][1]
    assert found["rows"][0][5] == "3.158, 3.158"
    assert found["command"] == (
        "timestep-spectra recommend --model flux1 --from 512 --to 1024 --base-shift 1.8776"
    )
    # The state is in the address: opening it again shows the same.
    page = calculator.context.new_page()
    page.goto(calculator.url)
    assert read(page) == found
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"from": "half"}, "from", "“half” is no size"),
        ({"to": "1024,"}, "to", "“” is no size"),
        ({"for": "sana", "from": "1000"}, "from", "takes multiples of 32 px, not 1000: use 992"),
        ({"base": "0"}, "base", "is a positive number"),
        ({"base": ""}, "base", "is a positive number"),
    ],
)
def test_what_is_no_size_is_refused(
    calculator: Any, given: dict[str, str], field: str, said: str
) -> None:
    found = give(calculator, **given)
    assert (found["state"], found["wrong"]) == ("refused", [field])
    assert said in found["says"]
    assert found["rows"] == []
    assert found["command"] == "–"


@pytest.mark.slow
def test_the_markup_says_what_the_script_says(browser, built: Path) -> None:
    """So nothing changes when it takes over, and without it the numbers are right."""
    with opened(browser, built, java_script_enabled=False) as still:
        static = read(still)
    with opened(browser, built) as live:
        live.evaluate("document.querySelector('.shift-calculator form')"
                      ".dispatchEvent(new Event('input'))")  # fmt: skip
        found = read(live)
    assert (static.pop("state"), found.pop("state")) == (None, "shown")
    assert static == found


@pytest.mark.slow
def test_the_command_is_copied(calculator: Any) -> None:
    button = calculator.locator(".w-copy")
    button.click()
    assert button.text_content() == "Copied"
