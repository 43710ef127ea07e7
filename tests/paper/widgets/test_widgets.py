"""The interactive parts in a browser: JavaScript's numbers against Python's, and what is seen."""

import base64
import contextlib
import dataclasses
import importlib
import itertools
import json
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.encoders import cards
from analysis.paper import values
from analysis.paper.text import estimate
from analysis.paper.widgets import noise_slider, shift_calculator, sound_levels
from analysis.project.errors import InputError
from analysis.project.files import root
from analysis.spectra.intervals import Estimate
from analysis.study import archive, results
from analysis.study.results import Results
from analysis.study.settings import load_study
from analysis.study.store import Store
from analysis.timesteps import schedule
from analysis.training import settings
from analysis.training.recommend import recommend

WIDGETS = ("noise_slider", "shift_calculator", "sound_levels")


@pytest.fixture(scope="module")
def bundled() -> Results:
    return results.load("bundled")


@pytest.fixture(scope="module")
def parts(bundled: Results, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Each widget's Markdown, and the folder with all that it loads: ``folder``."""
    folder = tmp_path_factory.mktemp("widgets")
    shutil.copytree(root() / "report" / "interactive", folder / "report" / "interactive")
    shutil.copytree(root() / "data" / "results" / "sound", folder / "data" / "results" / "sound")
    shutil.copy(root() / "report" / "style.css", folder / "report")
    shutil.copy(root() / "analysis/site/builtin/style.css", folder / "report" / "site.css")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(noise_slider, "root", lambda: folder)
        made = {
            name: getattr(importlib.import_module(f"analysis.paper.widgets.{name}"), name)(bundled)
            for name in WIDGETS
        }
    return made | {"folder": str(folder)}


def page_of(*markdown: str) -> str:
    """A page as either renderer makes it of raw HTML, in the site's own style."""
    raw = re.compile(r"\A```\{=html\}\n(.*)\n```\Z", re.DOTALL)
    bodies = [found[1] for text in markdown if (found := raw.match(text))]
    assert len(bodies) == len(markdown), "not one raw block"
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Widgets</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="site.css"><link rel="stylesheet" href="style.css"></head>'
        '<body><div class="layout bare"><main id="content"><h1>Widgets</h1>'
        f"{''.join(bodies)}</main></div></body></html>"
    )


@pytest.fixture(scope="module")
def built(parts: dict[str, str]) -> Path:
    """The page of all three; one of each is beside it."""
    path = Path(parts["folder"]) / "report" / "index.html"
    path.write_text(page_of(*(parts[name] for name in WIDGETS)), encoding="utf-8")
    for name in WIDGETS:
        path.with_name(f"{name}.html").write_text(page_of(parts[name]), encoding="utf-8")
    return path


def copy_of(built: Path, folder: Path) -> Path:
    """The page with all that it loads, to be changed."""
    shutil.copytree(built.parents[1], folder, dirs_exist_ok=True)
    return folder / "report" / "index.html"


def remote(request: Any) -> bool:
    return not request.url.startswith("file:")


@contextlib.contextmanager
def opened(browser, path: Path, width: int = 1000, **context: Any) -> Iterator[Any]:
    """The page, opened from the file system; at the end it has complained of nothing."""
    context = {"viewport": {"width": width, "height": 900}, **context}
    place = browser.new_context(**context)
    page = place.new_page()
    page.set_default_timeout(10_000)
    problems: list[str] = []
    # Reading canvases often is what tests do.
    page.on("console", lambda m: None if "getImageData" in m.text else problems.append(m.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.on("request", lambda request: problems.append(request.url) if remote(request) else None)
    page.goto(f"file://{path}")
    yield page
    place.close()
    assert problems == []


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


@pytest.fixture
def slider(browser, built: Path) -> Iterator[Any]:
    with opened(browser, built.with_name("noise_slider.html")) as page:
        shown(page)
        yield page


@pytest.fixture
def sounds(browser, built: Path) -> Iterator[Any]:
    with opened(browser, built.with_name("sound_levels.html")) as page:
        yield page


def shown(page: Any) -> None:
    """Wait for the slider's pictures."""
    page.locator(".noise-slider").scroll_into_view_if_needed()
    page.wait_for_selector(".noise-slider[data-state=shown]")


# The markup ----------------------------------------------------------------------------------


def test_what_the_markup_names_is_there(parts: dict[str, str]) -> None:
    report = Path(parts["folder"]) / "report"
    for name in WIDGETS:
        named = re.findall(r'(?:src|href|data-src)="([^"]+)"', parts[name])
        assert any(one.endswith(".js") for one in named)
        for one in named:
            assert (report / one).resolve().is_file(), one


def test_data_of_the_slider_are_a_script(parts: dict[str, str], bundled: Results) -> None:
    text = (Path(parts["folder"]) / noise_slider.MADE).read_text(encoding="utf-8")
    found = re.fullmatch(r"window\.noiseSliderData=(\{.*\});\n", text)
    assert found
    assert json.loads(found[1]) == noise_slider.slider_data(bundled)


def test_titles_are_escaped(
    bundled: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noise_slider, "root", lambda: tmp_path)
    named = dataclasses.replace(bundled.display.photograph, title='"x" <b>& y')
    photographs = tuple(
        named if one == bundled.display.photograph else one for one in bundled.photographs
    )
    display = dataclasses.replace(bundled.display, photograph=named)
    other = dataclasses.replace(bundled, photographs=photographs, display=display)
    text = noise_slider.noise_slider(other)
    assert "<b>" not in text
    assert text.count("&quot;x&quot; &lt;b&gt;&amp; y") == 4
    assert "<b>" not in (tmp_path / noise_slider.MADE).read_text(encoding="utf-8")


def test_a_part_of_the_latents_is_called_a_part(
    bundled: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noise_slider, "root", lambda: tmp_path)
    assert "Latents of “Evening Glow” in" in noise_slider.noise_slider(bundled)
    monkeypatch.setattr(noise_slider, "LARGEST_GRID", 64)
    text = noise_slider.noise_slider(bundled)
    assert "The middle of the latents of “Evening Glow” in" in text
    assert text.count('<canvas width="64" height="64"') == 2


def test_numbers_in_the_markup_are_those_of_the_paper(
    parts: dict[str, str], bundled: Results
) -> None:
    v = values.of(bundled)
    text = parts["shift_calculator"]
    assert f'<dd data-out="measured">{v.shift_taef2} {v.interval_taef2}</dd>' in text
    assert f'<dd data-out="exponent">{v.exponent_taef2}</dd>' in text
    assert "s&nbsp;=&nbsp;2.00" in parts["noise_slider"]
    for level in (v.sound_fine, v.sound_coarse):
        assert level.replace("\u00a0", " ") + " re full scale" in parts["sound_levels"]


# The calculator ------------------------------------------------------------------------------

READ = """() => {
    const root = document.querySelector(".shift-calculator");
    const text = {}, numbers = {};
    for (const out of root.querySelectorAll("[data-out]")) {
        text[out.dataset.out] = out.textContent;
        numbers[out.dataset.out] = [...out.querySelectorAll("data")].map(one => Number(one.value));
    }
    return {
        state: root.dataset.state ?? null, text, numbers,
        options: [...root.querySelectorAll(".w-option")].map(one => one.textContent),
        totals: [...root.querySelectorAll(".w-option data")].map(one => Number(one.value)),
        titles: [...root.querySelectorAll("data")].map(one => [one.title, Number(one.value)]),
        wrong: [...root.querySelectorAll("[aria-invalid=true]")].map(one => one.name),
    };
}"""


def give(page: Any, **fields: Any) -> dict[str, Any]:
    """Fill in the form as a reader does, and read everything it then says."""
    for name, value in fields.items():
        field = page.locator(f".shift-calculator [name={name}]")
        if name in ("encoder", "by"):
            field.select_option(value)
        else:
            field.fill(str(value))
    return page.evaluate(READ)


def asked(tmp_path: Path, encoder: str, start: int, end: int, *bases: float) -> dict[str, Any]:
    """What `recommend` gives for it, from the committed results."""
    store = Store(tmp_path / "empty", compute="never")
    return recommend(load_study("bundled"), encoder, start, end, store).content(*bases)


def written(content: dict[str, Any]) -> str:
    """An estimate as the paper writes it, with as many decimals as its interval needs."""
    return estimate(Estimate(content["measured"], *content["interval"], (0, 0)))


def same(found: Any, expected: Any) -> None:
    """Six significant digits agree."""
    assert archive.differs(archive.rounded(expected), archive.rounded(found), 1e-9) == "", (
        f"{found} is not {expected}"
    )


@pytest.mark.parametrize(
    ("encoder", "start", "end", "base", "sampling", "mu", "std"),
    [
        ("taef2", 512, 1024, 1, None, 0, 1),
        ("taef2", 1024, 256, 3, None, 0.5, 0.7),
        ("pixel", 256, 512, 1, 3, -0.8, 1.2),
        ("linear-f8c16", 512, 256, 1.15, 0.4, 0, 1),
        ("linear-f8c16", 256, 1024, 0.001234, 4321, 2.5, 0.05),
    ],
)
def test_the_calculator_agrees_with_recommend(
    calculator: Any, tmp_path: Path, encoder: str, start: int, end: int, base: float,
    sampling: float | None, mu: float, std: float,
) -> None:  # fmt: skip
    given = {"encoder": encoder, "start": start, "end": end, "baseShift": base, "mu": mu}
    given |= {"std": std, "samplingBaseShift": "" if sampling is None else sampling}
    found = give(calculator, **given)
    bases = (base,) if sampling is None else (base, sampling)
    right = asked(tmp_path, encoder, start, end, *bases)
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
    total = right["total_shift"]
    assert len(found["totals"]) == 6
    same(found["totals"][:1] + found["totals"][2:], [total["sampling"], *[total["training"]] * 4])
    same(found["totals"][1:2], [math.log(numbers["s"][0] * (sampling or base))])
    # Whoever points at a number sees six digits of it.
    assert found["titles"]
    assert all(title == f"{value:.6g}" for title, value in found["titles"])
    words = f"python -m analysis recommend --encoder {encoder} --from {start} --to {end}"
    assert found["text"]["command"].startswith(words)
    assert (f"--base-shift {base}" in found["text"]["command"]) == (base != 1)
    assert ("--sampling-base-shift" in found["text"]["command"]) == (sampling is not None)


def test_the_rule_on_request(calculator: Any, tmp_path: Path) -> None:
    found = give(calculator, encoder="taef2", start=512, end=1024, by="theory", baseShift=3)
    right = asked(tmp_path, "taef2", 512, 1024)
    assert found["numbers"]["s"] == [2]
    same(found["numbers"]["measured"], [right["measured"], *right["interval"]])
    assert "though this was measured on 12 images" in found["text"]["says"]
    assert found["options"] == [one.option for one in settings.settings(2.0, 3.0)]
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
    assert found["options"] == [one.option for one in settings.settings(theory, base)]


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
        ("samplingBaseShift", "-1", "positive numbers"),
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


def test_what_a_browser_cannot_read_is_not_nothing(calculator: Any) -> None:
    """An "e" in the field of the sampling shift: it is empty for scripts, but not for readers."""
    calculator.locator("[name=samplingBaseShift]").press_sequentially("1e")
    found = calculator.evaluate(READ)
    assert (found["state"], found["wrong"]) == ("refused", ["samplingBaseShift"])


def test_what_stands_below_stays_where_it_is(calculator: Any) -> None:
    place = "document.querySelector('.w-settings').getBoundingClientRect().top"
    before = calculator.evaluate(place)
    for fields in ({"start": 100}, {"start": 512, "encoder": "sana"}, {"encoder": "flux1"}):
        give(calculator, **fields)
        assert calculator.evaluate(place) == pytest.approx(before, abs=1), fields


def test_steps_follow_the_encoder(calculator: Any) -> None:
    for encoder, stride in (("taef2", 8), ("flux2", 16), ("pixel", 1), ("sana", 32)):
        assert cards.card(encoder).latent_stride == stride
        give(calculator, encoder=encoder, start=1024)
        calculator.locator("[name=start]").press("ArrowDown")
        assert calculator.locator("[name=start]").input_value() == str(1024 - stride)


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


# The noise slider ----------------------------------------------------------------------------

PIXELS = """() => [...document.querySelectorAll(".noise-slider canvas")].map(canvas =>
    btoa(String.fromCharCode(...canvas.getContext("2d")
        .getImageData(0, 0, canvas.width, canvas.height).data)))"""
# The spread operator takes no 65536 arguments everywhere.
PIXELS = PIXELS.replace("String.fromCharCode(...", "Array.from(").replace(
    ".data)))", ".data, code => String.fromCharCode(code)).join('')))"
)


def pictures(page: Any) -> list[np.ndarray]:
    """``[n, n, 3]`` of the three canvases."""
    flat = [np.frombuffer(base64.b64decode(text), np.uint8) for text in page.evaluate(PIXELS)]
    square = [one.reshape(math.isqrt(len(one) // 4), -1, 4) for one in flat]
    assert all((one[..., 3] == 255).all() for one in square)
    return [one[..., :3] for one in square]


def slide(page: Any, t: float) -> None:
    """Move the slider, and wait for what it shows."""
    slider = page.locator(".noise-slider input[type=range]")
    slider.fill(f"{t:g}")
    page.wait_for_function(
        "t => document.querySelector('.noise-slider .w-value').textContent === t", arg=f"{t:.2f}"
    )


def decoded(field: dict[str, Any], n: int) -> np.ndarray:
    codes = np.frombuffer(base64.b64decode(field["bytes"]), np.uint8).reshape(3, n, n)
    return field["low"] + field["step"] * codes.astype(np.float64)


def test_canvases_show_python_s_picture(slider: Any, bundled: Results) -> None:
    data, colour = noise_slider.slider_data(bundled), noise_slider.colours(bundled)
    low, high = data["sides"]
    offset = np.array(data["offset"])[:, None, None]
    for t, by in ((0.5, "measured"), (0.5, "rule"), (0.0, "rule"), (1.0, "rule"), (0.83, "rule")):
        slider.locator(f"input[type=radio][value={by}]").check()
        slide(slider, 0.07)
        slide(slider, t)
        moved = float(schedule.shift_t(t, data["shifts"][by]))
        cases = zip(pictures(slider), (low, high, high), (t, t, moved), strict=True)
        for canvas, side, time in cases:
            z, eps = (decoded(side[name], side["n"]) for name in ("z", "eps"))
            colours = time * z + (1 - time) * eps + offset
            given = noise_slider.picture(colours).astype(int)
            assert canvas.shape == given.shape
            assert np.abs(canvas - given).max() <= 1
            # A byte may be another only where the number before rounding is a half to twelve
            # digits: of planes that are bytes themselves many are, and which way they go is
            # decided by the last bit.
            first, last = np.percentile(colours, [1, 99])
            shares = np.moveaxis(np.clip((colours - first) / (last - first), 0, 1), 0, -1) * 255
            halves = np.abs(shares % 1 - 0.5) < 1e-9
            assert (canvas == given)[~halves].all()
            # And the latents themselves: half a step, at both ends of the range too.
            planes = colour.planes(bundled.display.noisy(side["px"], time)) + offset
            spread = np.ptp(np.percentile(planes, [1, 99]))
            step = (time * side["z"]["step"] + (1 - time) * side["eps"]["step"]) / 2
            bound = 1 + 3 * 255 * step / spread
            assert bound < 8
            assert np.abs(canvas - noise_slider.picture(planes).astype(int)).max() <= bound


def test_planes_are_unpacked_as_python_does(slider: Any, bundled: Results) -> None:
    code = "noiseSliderData.sides.map(side => [...noiseSlider.planes(side.eps)])"
    for found, side in zip(
        slider.evaluate(code), noise_slider.slider_data(bundled)["sides"], strict=True
    ):
        np.testing.assert_allclose(found, decoded(side["eps"], side["n"]).ravel(), rtol=1e-12)


def test_the_three_pictures_differ(slider: Any) -> None:
    low, high, shifted = pictures(slider)
    assert low.shape == (64, 64, 3)
    assert high.shape == shifted.shape == (128, 128, 3)
    assert np.mean(np.abs(high.astype(int) - shifted)) > 5


def test_the_slider_is_moved_from_the_keyboard(slider: Any) -> None:
    before = pictures(slider)
    control = slider.locator(".noise-slider input[type=range]")
    control.focus()
    slider.keyboard.press("ArrowRight")
    slider.wait_for_function("document.querySelector('.w-t').textContent === '0.51'")
    assert control.get_attribute("aria-valuetext") == "t = 0.51"
    after = pictures(slider)
    assert all(np.any(a != b) for a, b in zip(before, after, strict=True))
    for _ in range(3):
        slider.keyboard.press("ArrowLeft")
    slider.wait_for_function("document.querySelector('.w-t').textContent === '0.48'")
    captions = slider.locator(".noise-slider .w-value").all_inner_texts()
    assert captions == ["0.48", "0.48", f"{schedule.shift_t(0.48, 2.0):.3f}"]
    slider.keyboard.press("Tab")  # to the shifts, which are one stop
    slider.keyboard.press("ArrowDown")
    s = shift_calculator.calculator_data(results.load("bundled"))
    s = s["encoders"]["linear-f8c16"]["pairs"]["512-1024"]["measured"]
    text = f"{schedule.shift_t(0.48, s):.3f}"
    slider.wait_for_function(
        "t => document.querySelectorAll('.w-value')[2].textContent === t", arg=text
    )
    assert text != captions[2]


def test_pictures_follow_the_mouse(slider: Any) -> None:
    box = slider.locator(".noise-slider input[type=range]").bounding_box()
    y, x = box["y"] + box["height"] / 2, box["x"] + box["width"] / 2
    slider.mouse.move(x, y)
    slider.mouse.down()
    slider.mouse.move(x + box["width"] / 4, y, steps=4)
    text = "Math.abs(document.querySelector('.noise-slider .w-value').textContent - 0.75) < 0.03"
    slider.wait_for_function(text)  # not only when it is let go
    slider.mouse.up()


STATE = """([t, s]) => noiseSlider.state(noiseSliderData, t, s)
    .map(({ px, t, snr, crossing, data, noise }) => ({ px, t, snr, crossing, data, noise }))"""


def test_ratios_are_those_of_the_schedule(slider: Any, bundled: Results) -> None:
    low, high = noise_slider.slider_data(bundled)["sides"]
    for t, s in itertools.product((0.01, 0.3, 0.5, 0.99), (2.0, 1.5, 0.7)):
        moved = float(schedule.shift_t(t, s))
        cases = zip((low, high, high), (t, t, moved), strict=True)
        for found, (side, time) in zip(slider.evaluate(STATE, [t, s]), cases, strict=True):
            assert (found["px"], found["t"]) == (side["px"], pytest.approx(time, rel=1e-12))
            power, noise = np.array(side["power"]), np.array(side["noise"])
            np.testing.assert_allclose(found["snr"], schedule.snr(time, power, noise), rtol=1e-12)
            np.testing.assert_allclose(found["data"], time**2 * power, rtol=1e-12)
            np.testing.assert_allclose(found["noise"], (1 - time) ** 2 * noise, rtol=1e-12)


def test_crossings_are_those_of_the_paper(slider: Any, bundled: Results) -> None:
    measured = bundled.measured[bundled.study.display_encoder]
    index = bundled.photographs.index(bundled.display.photograph)
    low, high, _ = slider.evaluate(STATE, [bundled.study.t, 2.0])
    for found, px in zip((low, high), bundled.study.pair, strict=True):
        right = values.crossing(measured, index, px)
        assert found["crossing"] == pytest.approx(right, rel=1e-5)
    v = values.of(bundled)
    slider.wait_for_function("document.querySelector('.w-says').textContent !== ''")
    says = slider.locator(".w-says").inner_text()
    assert f"512 px falls through one at {v.crossing_low}" in says
    assert f"1024 px at {v.crossing_high.removesuffix(' cycles/image')};" in says
    assert "shifted to 0.333" in says


def test_where_a_ratio_falls_through_one(slider: Any) -> None:
    for ratio, crossing in (
        ([4.0, 1 / 4, 1 / 16], 2**0.5),  # half way in log frequency
        ([4.0, 1.0, 1 / 2], 2.0),
        ([4.0, 1 / 2, 4.0, 1 / 2], 2 ** (2 / 3)),  # the first
        ([0.5, 0.4], None),
        ([3.0, 2.0], None),
        ([0.0, 0.0], None),
        ([math.inf, math.inf], None),
    ):
        k = [2.0**i for i in range(len(ratio))]
        found = slider.evaluate("([k, ratio]) => noiseSlider.crossing(k, ratio)", [k, ratio])
        right = None if crossing is None else pytest.approx(crossing, rel=1e-12)
        assert found == right, ratio


def drawn(page: Any, curve: str) -> np.ndarray:
    """``[R, 2]``: the points of a curve, in the plot's units."""
    path = page.locator(f".noise-slider .w-{curve}").get_attribute("d")
    return np.array([[float(x) for x in p.split()] for p in re.split("[ML]", path)[1:]])


def test_curves_meet_where_the_rule_is_exact(browser, built: Path, tmp_path: Path) -> None:
    """Of an encoder with power that grows as the pixels do, shifted by the rule, at every t."""
    path = copy_of(built, tmp_path / "exact")
    script = path.parent / "made" / "noise-slider.js"
    before, _, text = script.read_text(encoding="utf-8").partition("=")
    data = json.loads(text.rstrip(";\n"))
    low, high = data["sides"]
    rings = len(low["k"])
    high["k"][:rings], high["noise"][:rings] = low["k"], low["noise"]
    high["power"][:rings] = [4 * power for power in low["power"]]
    script.write_text(f"{before}={json.dumps(data)};\n", encoding="utf-8")
    with opened(browser, path) as page:
        shown(page)
        for t in (0.3, 0.5, 0.7):
            slide(page, t)
            one, same_t, shifted = (
                drawn(page, f"snr .w-{kind}:is(path)") for kind in ("low", "high", "shifted")
            )
            assert len(one) == rings < len(shifted)
            np.testing.assert_allclose(shifted[:rings], one, atol=0.11)
            # 26 units are a decade: four times are 15.6.
            np.testing.assert_allclose(one[:, 1] - same_t[:rings, 1], 15.65, atol=0.2)
        found = page.evaluate(STATE, [0.3, 2.0])
        np.testing.assert_allclose(found[2]["snr"][:rings], found[0]["snr"], rtol=1e-12)
        page.locator("input[value=measured]").check()
        slide(page, 0.31)
        apart = drawn(page, "snr .w-shifted:is(path)")[:rings] - drawn(page, "snr .w-low:is(path)")
        assert np.abs(apart[:, 1]).min() > 0.1, "1.97 is not 2: the test can fail"


def test_ends_of_the_slider_are_drawn(slider: Any) -> None:
    for t, says in ((0, "is below one everywhere"), (1, "is above one everywhere")):
        slide(slider, t)
        slider.wait_for_function(
            "says => document.querySelector('.w-says').textContent.includes(says)", arg=says
        )
        assert slider.locator(".w-says").inner_text().count(says) == 3
        assert "NaN" not in slider.locator(".noise-slider").inner_html()
        assert slider.locator(".w-mark[visibility=hidden]").count() == 3


def test_latents_wait_until_they_are_near(browser, built: Path, tmp_path: Path) -> None:
    path = copy_of(built, tmp_path / "far")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("<h1>", '<div style="height: 6000px"></div><h1>'))
    with opened(browser, path, reduced_motion="reduce") as page:
        page.wait_for_timeout(300)
        assert not page.evaluate("'noiseSliderData' in window")
        shown(page)
        assert page.evaluate("'noiseSliderData' in window")


def test_missing_latents_are_said_to_be_missing(browser, built: Path, tmp_path: Path) -> None:
    path = copy_of(built, tmp_path / "without")
    (path.parent / "made" / "noise-slider.js").unlink()
    page = browser.new_page()
    page.goto(f"file://{path}")
    page.wait_for_function("document.querySelector('.w-says').textContent !== ''")
    assert page.locator(".w-says").inner_text() == "The latents could not be loaded."
    assert page.locator(".noise-slider input:enabled").count() == 0
    page.close()


# The sound levels ----------------------------------------------------------------------------

METER = """() => [...document.querySelectorAll(".sound")].map(one => {
    const meter = one.querySelector("[role=meter]"), audio = one.querySelector("audio");
    return { paused: audio.paused, time: audio.currentTime, now: meter.ariaValueNow,
             text: meter.ariaValueText, shown: one.querySelector(".w-value").textContent,
             bar: one.querySelector(".w-bar").getBoundingClientRect().width
                 / meter.clientWidth };
})"""
PLAYING = """i => {
    const meter = document.querySelectorAll("[role=meter]")[i];
    return meter.ariaValueText !== "not playing" && meter.closest("figure")
        .querySelector("audio").currentTime > 0.3;
}"""


@pytest.mark.parametrize("name", ["fine", "coarse"])
def test_levels_at_a_time(sounds: Any, bundled: Results, name: str) -> None:
    data = sound_levels.level_data(bundled)
    right = sound_levels.levels(dict(zip(("fine", "coarse"), bundled.sounds, strict=True))[name])
    times = [(i + 0.5) * 0.05 for i in range(len(right))]
    code = "([track, times]) => times.map(t => soundLevels.level(track, 0.05, t))"
    assert sounds.evaluate(code, [data[name], times]) == right
    assert sounds.evaluate(code, [data[name], [-0.1, 0, 3.0, 3.2]]) == [
        None, right[0], right[-1], None
    ]  # fmt: skip


def test_the_meter_s_scale(sounds: Any) -> None:
    found = sounds.evaluate("[-90, -60, -45, -30, 0, 6].map(soundLevels.share)")
    assert found == [0, 0, 0.25, 0.5, 1, 1]


def test_meters_move_while_it_plays(sounds: Any, bundled: Results) -> None:
    data = sound_levels.level_data(bundled)
    assert [one["text"] for one in sounds.evaluate(METER)] == ["not playing"] * 2
    switch = sounds.locator(".w-switch button")
    time = 0.0
    for playing, name in enumerate(("fine", "coarse")):
        switch.press("Enter")
        sounds.wait_for_function(PLAYING, arg=playing)
        seen = set()
        for _ in range(5):
            sounds.wait_for_timeout(60)
            found = sounds.evaluate(METER)
            one, other = found[playing], found[1 - playing]
            assert not one["paused"] and other["paused"], "one at a time"
            at = int(one["time"] / 0.05)
            near = data[name]["levels"][max(at - 8, 0) : at + 2]  # the last frame's is shown
            assert float(one["now"]) in near
            text = f"{float(one['now']):.1f}".replace("-", "\u2212") + " dBFS"
            assert one["text"] == one["shown"] == text
            assert one["bar"] == pytest.approx(1 + float(one["now"]) / 60, abs=0.03)
            assert (other["now"], other["text"], other["bar"]) == ("-60", "not playing", 0)
            assert one["time"] > time, "the other goes on where the first was"
            seen.add(one["now"])
        time = one["time"]
        assert len(seen) > 1, "it moves"
    sounds.evaluate("document.querySelectorAll('audio')[1].pause()")
    sounds.wait_for_function(
        "[...document.querySelectorAll('[role=meter]')].every(m => m.ariaValueNow === '-60')"
    )


def test_meters_fall_back_at_the_end(sounds: Any) -> None:
    sounds.locator(".w-switch button").press("Enter")
    sounds.wait_for_function(PLAYING, arg=0)
    sounds.evaluate("document.querySelector('audio').currentTime = 2.8")
    sounds.wait_for_function("document.querySelector('audio').ended")
    sounds.wait_for_function(
        "document.querySelector('[role=meter]').ariaValueText === 'not playing'"
    )


def test_meters_rest_for_those_who_want_less_motion(browser, built: Path, bundled: Results) -> None:
    path = built.with_name("sound_levels.html")
    with opened(browser, path, reduced_motion="reduce") as page:
        page.locator(".w-switch button").press("Enter")
        page.wait_for_function(PLAYING, arg=0)
        means = set()
        for _ in range(4):
            page.wait_for_timeout(60)
            means.add(page.evaluate(METER)[0]["now"])
        assert [float(mean) for mean in means] == [round(bundled.sounds[0].level, 2)]
        page.evaluate("document.querySelector('audio').pause()")
        page.wait_for_function(
            "document.querySelector('[role=meter]').ariaValueText === 'not playing'"
        )


def test_the_mark_stands_at_the_mean(sounds: Any, bundled: Results) -> None:
    for index, sound in enumerate(bundled.sounds):
        meter = sounds.locator("[role=meter]").nth(index)
        share = meter.evaluate(
            "m => parseFloat(getComputedStyle(m.querySelector('.w-mean')).left) / m.clientWidth"
        )
        assert share == pytest.approx(1 + sound.level / 60, abs=0.005)


# What is seen --------------------------------------------------------------------------------


def test_without_javascript_nothing_pretends_to_work(browser, built: Path) -> None:
    with opened(browser, built, java_script_enabled=False) as page:
        for name in ("noise-slider", "shift-calculator"):
            assert not page.locator(f".{name}").is_visible()
        said = page.locator("noscript").all_inner_texts()
        assert ["slider" in said[0], "calculator" in said[1]] == [True, True]
        assert all("needs JavaScript" in text for text in said)
        assert page.locator("noscript").first.is_visible()
        players = page.locator("audio[controls]")
        assert [one.is_visible() for one in players.all()] == [True, True]
        for dead in ("[role=meter]", ".w-switch button", ".w-scale"):
            assert not page.locator(dead).first.is_visible(), dead
        assert page.locator("input:visible, select:visible, button:visible").count() == 0


def test_where_scripts_do_not_arrive_controls_are_disabled(
    browser, built: Path, tmp_path: Path
) -> None:
    path = copy_of(built, tmp_path / "blocked")
    for script in (path.parent / "interactive").glob("*.js"):
        script.unlink()
    page = browser.new_page()
    page.goto(f"file://{path}")
    assert page.locator("input, select, button").count() >= 12
    for one in page.locator("input, select, button").all():
        assert one.is_disabled()
    assert page.locator("[data-out=measured]").inner_text().startswith("1.53 [1.42,")
    page.close()


STATES = {
    "as it begins": {},
    "long": {"encoder": "sdxl-fp16-fix", "start": 512, "end": 4096, "baseShift": 1234.5678},
    "refused": {"encoder": "linear-f8c16", "start": 100, "end": 4096},
}


@pytest.mark.parametrize("width", [320, 360, 700, 1280])
def test_nothing_is_wider_than_the_screen(browser, built: Path, width: int) -> None:
    with opened(browser, built, width) as page:
        shown(page)
        for name, fields in STATES.items():
            give(page, **fields)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            out = """() => [...document.querySelectorAll(".widget *, .sound-levels *")]
                .filter(one => !one.closest("svg, legend, script"))
                .filter(one => one.getBoundingClientRect().right
                    > one.closest(".widget, .sound-levels").getBoundingClientRect().right + 0.5)
                .map(one => one.outerHTML.slice(0, 80))"""
            assert page.evaluate(out) == [], name


GRAVE = """async () => (await axe.run(document, { preload: false, resultTypes: ["violations"] }))
    .violations.filter(found => ["serious", "critical"].includes(found.impact))
    .map(found => [found.id, found.nodes[0].html])"""


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave(browser, built: Path, axe: str, scheme: str, width: int) -> None:
    with opened(browser, built, width, color_scheme=scheme, reduced_motion="reduce") as page:
        shown(page)
        page.evaluate(axe)
        for name, fields in STATES.items():
            give(page, **fields)
            assert page.evaluate(GRAVE) == [], name
        page.add_style_tag(content=".w-note { color: #808080 !important; opacity: 0.7 }")
        assert "color-contrast" in {found[0] for found in page.evaluate(GRAVE)}


def channels(colour: str) -> np.ndarray:
    return np.array([int(c) / 255 for c in re.findall(r"\d+", colour)[:3]])


def luminance(srgb: np.ndarray) -> float:
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize(
    ("scheme", "chosen"), [("light", ""), ("dark", ""), ("light", "dark"), ("dark", "light")]
)
def test_curves_stand_out(browser, built: Path, scheme: str, chosen: str) -> None:
    """Lines that carry meaning: 3:1 (WCAG 1.4.11), as the system asks or as the switch says."""
    with opened(browser, built, color_scheme=scheme) as page:
        page.evaluate("chosen => { document.documentElement.dataset.theme = chosen; }", chosen)
        shown(page)
        style = "e => { const s = getComputedStyle(e); return [s.stroke, s.opacity]; }"
        behind = channels(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert (luminance(behind) < 0.2) == ((chosen or scheme) == "dark")
        for kind in ("low", "high", "shifted"):
            stroke, opacity = page.locator(f".w-snr .w-{kind}").first.evaluate(style)
            seen = float(opacity) * channels(stroke) + (1 - float(opacity)) * behind
            ends = sorted([luminance(seen), luminance(behind)])
            assert (ends[1] + 0.05) / (ends[0] + 0.05) >= 3, kind


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_moves_when_scripts_take_over(browser, built: Path, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    context.add_init_script(
        """window.moved = 0;
        new PerformanceObserver(list => list.getEntries().forEach(
            e => { window.moved += e.value; }
        )).observe({ type: "layout-shift", buffered: true });"""
    )
    page = context.new_page()
    page.goto(f"file://{built}")
    shown(page)
    page.wait_for_function("document.querySelector('.w-says').textContent !== ''")
    for name in ("shift-calculator", "sound-levels"):
        page.locator(f".{name}").scroll_into_view_if_needed()
        page.wait_for_timeout(100)
    assert page.evaluate("window.moved") < 0.005
    page.evaluate("document.querySelector('h1').style.marginBottom = '150px'; scrollTo(0, 0)")
    page.wait_for_function("window.moved > 0.01")  # it can be seen to move
    context.close()
