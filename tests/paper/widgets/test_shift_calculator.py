"""The calculator of a shift: its data are the measurements, its script says what they ask for."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.encoders import cards
from analysis.paper.text import estimate
from analysis.paper.widgets import shift_calculator
from analysis.project.errors import InputError
from analysis.project.files import root
from analysis.spectra.intervals import Estimate
from analysis.study import archive
from analysis.study.results import Results
from analysis.study.settings import load_study
from analysis.study.store import Store
from analysis.timesteps import schedule
from analysis.training import settings
from analysis.training.recommend import recommend
from tests.standins.widgets import READ, give, opened


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
            found = pairs[f"{low}-{high}"]
            assert list(found["bands"]) == ["low", "middle", "high"]
            told = [found, *found["bands"].values()]
            for one, right in zip(told, [shift.whole, *shift.bands.values()], strict=True):
                assert one["measured"] == pytest.approx(right.value, rel=1e-8)
                assert one["interval"] == pytest.approx([right.low, right.high], rel=1e-8)
                assert one.get("band", right.band) == pytest.approx(right.band, rel=1e-8)
    # Committed numbers are of the same measurement, to six digits.
    sidecar = json.loads((root() / "data/results/bundled/taef2.json").read_text(encoding="utf-8"))
    for pair, one in sidecar["numbers"]["pairs"].items():
        found = data["encoders"]["taef2"]["pairs"][pair]
        assert one["measured"] == pytest.approx(found["measured"], rel=1e-5)


# In a browser ---------------------------------------------------------------------------------


def asked(tmp_path: Path, encoder: str, start: int, end: int, base: float = 1.0) -> dict[str, Any]:
    """What `recommend` gives for it, from the committed results."""
    store = Store(tmp_path / "empty", compute="never")
    return recommend(load_study("bundled"), encoder, start, end, store).content(base)


def written(content: dict[str, Any]) -> str:
    """An estimate as the paper writes it, with as many decimals as its interval needs."""
    return estimate(Estimate(content["measured"], *content["interval"], (0, 0)))


def same(found: Any, expected: Any) -> None:
    """Six significant digits agree."""
    assert archive.differs(archive.rounded(expected), archive.rounded(found), 1e-9) == "", (
        f"{found} is not {expected}"
    )


@pytest.mark.parametrize(
    ("encoder", "start", "end", "base", "mu", "std"),
    [
        ("taef2", 512, 1024, 1, 0, 1),
        ("taef2", 1024, 256, 3, 0.5, 0.7),
        ("pixel", 256, 512, 1, -0.8, 1.2),
        ("linear-f8c16", 512, 256, 1.15, 0, 1),
        ("linear-f8c16", 256, 1024, 0.001234, 2.5, 0.05),
    ],
)
def test_the_calculator_agrees_with_recommend(
    calculator: Any, tmp_path: Path, encoder: str, start: int, end: int, base: float, mu: float,
    std: float,
) -> None:  # fmt: skip
    given = {"encoder": encoder, "start": start, "end": end, "baseShift": base, "mu": mu}
    found = give(calculator, **given, std=std)
    right = asked(tmp_path, encoder, start, end, base)
    assert found["state"] == "shown"
    numbers = found["numbers"]
    same(numbers["s"], [right["measured"]])
    same(numbers["theory"], [right["theory"]])
    same(numbers["measured"], [right["measured"], *right["interval"]])
    bands = right["bands"].values()
    same(numbers["bands"], [x for band in bands for x in (band["measured"], *band["interval"])])
    assert found["text"]["measured"] == written(right)
    lines = (f"{n}, {b['band'][0]:.0f} to {b['band'][1]:.0f}: {written(b)}"
             for n, b in right["bands"].items())  # fmt: skip
    assert found["text"]["bands"] == "".join(lines)
    same(numbers["exponent"], [right["exponent"]])
    # The logit-normal moves with the mean, which moves by -ln s; its median is the shifted median.
    s, delta = numbers["s"][0], right["delta_mu"]["t = 1 is data"]
    median = float(schedule.shift_t(schedule.expit(mu), s))
    same(numbers["data"][1:], [delta, std, median])
    same(numbers["data"][:1], [schedule.shift_mu(mu, s)])
    same(numbers["sigma"][1:], [right["delta_mu"]["sigma = 1 is noise"], std, 1 - median])
    same(numbers["sigma"][:1], [-numbers["data"][0]])
    # The settings are the very texts, and what they round has six digits too.
    assert found["options"] == [one["option"] for one in right["settings"]]
    assert len(found["totals"]) == 4
    same(found["totals"], [right["total_shift"]["training"]] * 4)
    # Whoever points at a number sees six digits of it.
    assert found["titles"]
    assert all(title == f"{value:.6g}" for title, value in found["titles"])
    words = f"python -m analysis recommend --encoder {encoder} --from {start} --to {end}"
    assert found["text"]["command"].startswith(words)
    assert (f"--base-shift {base}" in found["text"]["command"]) == (base != 1)


def in_training(s: float, base: float) -> list[str]:
    """The options of training."""
    return [one.option for one in settings.settings(s, base) if one.stage == "training"]


def test_the_rule_on_request(calculator: Any, tmp_path: Path) -> None:
    found = give(calculator, encoder="taef2", start=512, end=1024, by="theory", baseShift=3)
    right = asked(tmp_path, "taef2", 512, 1024)
    assert found["numbers"]["s"] == [2]
    same(found["numbers"]["measured"], [right["measured"], *right["interval"]])
    assert "though this was measured on 12 images" in found["text"]["says"]
    assert found["options"] == in_training(2.0, 3.0)
    same(found["numbers"]["data"][1], -math.log(2))


@pytest.mark.parametrize(
    ("encoder", "start", "end", "base"),
    [
        ("flux1", 512, 1024, 3.0),
        ("flux2", 1024, 512, 1.0),
        ("sana", 704, 1440, 1.0),
        ("taef2", 512, 768, 2.0),  # measured, but not from and to these
        ("pixel", 1000, 999, 1.0),
    ],
)
def test_what_was_not_measured_gets_the_rule(
    calculator: Any, encoder: str, start: int, end: int, base: float
) -> None:
    found = give(calculator, encoder=encoder, start=start, end=end, baseShift=base)
    theory = schedule.theoretical_shift(end, end, start, start)
    assert found["state"] == "shown"
    assert found["text"]["measured"] == "not measured"
    assert found["text"]["exponent"] == found["text"]["bands"] == "–"
    assert cards.card(encoder).title in found["text"]["says"]
    assert f"{start} to {end} px was not measured here" in found["text"]["says"]
    same(found["numbers"]["s"], [theory])
    same(found["numbers"]["theory"], [theory])
    mean = schedule.shift_mu(0.0, theory)
    same(found["numbers"]["data"], [mean, mean, 1.0, float(schedule.expit(mean))])
    assert found["options"] == in_training(theory, base)


def plain(sentence: str) -> str:
    """A refusal without the ways of typesetting it."""
    sentence = sentence.replace("×", "x").replace("’", "'").removesuffix(".")
    return sentence.replace("--from and --to are both", "Both are")


@pytest.mark.parametrize(
    ("encoder", "start", "end", "fields"),
    [
        ("taef2", 512, 512, ["start", "end"]),
        ("pixel", 16, 512, ["start"]),
        ("pixel", 512, -5, ["end"]),
        ("taef2", 500, 1024, ["start"]),
        ("taef2", 512, 1004, ["end"]),
        ("flux2", 1020, 512, ["start"]),
        ("sana", 1024, 720, ["end"]),
        ("sana", 288, 1024, ["start"]),
        ("linear-f8c16", 72, 512, ["start"]),
        ("linear-f8c16", 1024, 32, ["end"]),
    ],
)
def test_sides_are_refused_in_the_words_of_recommend(
    calculator: Any, tmp_path: Path, encoder: str, start: int, end: int, fields: list[str]
) -> None:
    with pytest.raises(InputError) as right:
        asked(tmp_path, encoder, start, end)
    found = give(calculator, encoder=encoder, start=start, end=end)
    assert plain(found["text"]["says"]) == plain(str(right.value))
    assert (found["state"], found["wrong"]) == ("refused", fields)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("start", "", "whole numbers of pixels"),
        ("end", "1024.5", "whole numbers of pixels"),
        ("baseShift", "0", "positive numbers"),
        ("baseShift", "", "positive numbers"),
        ("baseShift", "-1", "positive numbers"),
        ("std", "0", "positive numbers"),
        ("std", "", "positive numbers"),
        ("mu", "", "mean of logit t is a number"),
    ],
)
def test_what_is_no_number_is_refused(calculator: Any, field: str, value: str, said: str) -> None:
    before = calculator.evaluate(READ)
    found = give(calculator, **{field: value})
    assert (found["state"], found["wrong"]) == ("refused", [field])
    assert said in found["text"]["says"]
    # Nothing that was found for other input is left standing, and nothing looks like a number.
    assert found["titles"] == []
    assert not re.search(r"\d", "".join(found["options"]) + found["text"]["command"])
    assert not calculator.locator("[data-out=s]").is_visible()
    initial = calculator.locator(f"[name={field}]").evaluate("field => field.defaultValue")
    assert give(calculator, **{field: initial}) == before


def test_numbers_are_written_as_python_does(calculator: Any) -> None:
    rng = np.random.default_rng(0)
    numbers = (10 ** rng.uniform(-9, 12, 1500) * rng.choice([-1, 1], 1500)).tolist()
    numbers += [0.0, 1.0, 0.5, 2.5, 1e-5, 1e-4, 9999.5, 99995.0, 999950.0, 9.9995, 0.00012345]
    # Halves that are exact in binary go to the even digit.
    numbers += [0.00006103515625, 1234.5, 1235.5, 12345.0, 12355.0, 0.12345, 1.0005, 8388608.5]
    for digits in (4, 6):
        found = calculator.evaluate(
            f"n => n.map(x => shiftCalculator.general(x, {digits}))", numbers
        )
        wrong = [
            (x, text) for x, text in zip(numbers, found, strict=True) if text != f"{x:.{digits}g}"
        ]
        assert wrong == []
    halves = [0.5, 1.5, 2.5, 3.49, 62.5, 63.5, 46.875]
    assert calculator.evaluate("n => n.map(shiftCalculator.rounded)", halves) == [
        round(x) for x in halves
    ]


def test_the_markup_says_what_the_script_says(browser, built: Path) -> None:
    """So nothing changes when it takes over, and without it the numbers are right."""
    with opened(browser, built, java_script_enabled=False) as still:
        static = still.evaluate(READ)
    with opened(browser, built) as live:
        found = live.evaluate(READ)
    assert (static["state"], found["state"]) == (None, "shown")
    assert static["text"] == found["text"]
    assert static["options"] == found["options"]
