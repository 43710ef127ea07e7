"""The slider over t: its data are the pictured latents, and its script computes as Python does."""

import base64
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.images import catalogue, pixels
from analysis.paper.widgets import noise_slider
from analysis.paper.widgets.noise_slider import colour_map, quantised
from analysis.study import findings
from analysis.study.results import Results
from analysis.timesteps import schedule
from tests.standins.widgets import opened, shown

WEIGHTS = np.array([[0.2, -0.1, 0.0], [0.05, 0.3, -0.2], [0.0, 0.1, 0.4], [-0.3, 0.0, 0.1]])
OFFSET = np.array([0.5, 0.4, 0.6])


def picture(planes: np.ndarray) -> np.ndarray:
    """``[h, w, 3]``, uint8: colours ``[3, h, w]`` with the middle 98 % of all values stretched."""
    low, high = np.percentile(planes, [1, 99])
    scaled = np.clip((planes - low) / (high - low), 0, 1)
    return np.floor(np.moveaxis(scaled, 0, -1) * 255 + 0.5).astype(np.uint8)


def decoded(field: dict[str, Any], shape: tuple[int, ...]) -> np.ndarray:
    """What a reader makes of `quantised`."""
    codes = np.frombuffer(base64.b64decode(field["bytes"]), np.uint8).reshape(shape)
    return np.asarray(field["low"] + field["step"] * codes.astype(np.float64))


@pytest.fixture(scope="module")
def data(bundled: Results) -> dict[str, Any]:
    return noise_slider.data(bundled)


@pytest.fixture
def slider(browser, built: Path) -> Iterator[Any]:
    """The slider's page, with its pictures."""
    with opened(browser, built.with_name("noise_slider.html")) as page:
        shown(page)
        yield page


def some_latents(seed: int = 0, sides: tuple[int, ...] = (8, 16)) -> dict[int, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {8 * n: rng.standard_normal((4, n, n)) for n in sides}


def seen(z: np.ndarray) -> np.ndarray:
    """The colours of latents by the known map, written out."""
    return np.stack([sum(WEIGHTS[c, k] * z[c] for c in range(4)) + OFFSET[k] for k in range(3)], -1)


def test_a_linear_map_is_found_again() -> None:
    latents = some_latents()
    found = colour_map(latents, {side: seen(z) for side, z in latents.items()})
    np.testing.assert_allclose(found.weights, WEIGHTS, atol=1e-12)
    np.testing.assert_allclose(found.offset, OFFSET, atol=1e-12)
    assert found.explained == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("size", [0.0, 0.1, 1.0])
def test_explained_is_the_share_that_least_squares_leaves_over(size: float) -> None:
    latents = some_latents(1, (16,))
    (z,) = latents.values()
    columns = np.column_stack([z.reshape(4, -1).T, np.ones(256)])
    foreign = size * np.random.default_rng(2).standard_normal((256, 3))
    foreign -= columns @ np.linalg.lstsq(columns, foreign, rcond=None)[0]  # nothing linear is left
    photograph = seen(z) + foreign.reshape(16, 16, 3)
    found = colour_map(latents, {128: photograph})
    np.testing.assert_allclose(found.weights, WEIGHTS, atol=1e-12)
    variance = np.sum((photograph - photograph.mean(axis=(0, 1))) ** 2)
    assert found.explained == pytest.approx(1 - np.sum(foreign**2) / variance, abs=1e-12)
    assert found.explained < 0.5 or size < 1


def test_a_picture_of_another_grid_is_refused() -> None:
    latents = some_latents()
    pictures = {side: seen(z) for side, z in latents.items()}
    for wrong in (pictures[64], pictures[128][..., :2], pictures[128][:, :8]):
        with pytest.raises(ValueError, match="picture of"):
            colour_map(latents, pictures | {128: wrong})


@pytest.mark.parametrize("seed", range(3))
def test_quantising_is_off_by_half_a_step_at_most(seed: int) -> None:
    rng = np.random.default_rng(seed)
    planes = 10.0 ** rng.integers(-3, 4) * rng.standard_normal((3, 7, 5)) + rng.normal(0, 5)
    field = quantised(planes)
    assert field["low"] == pytest.approx(planes.min(), rel=1e-8)
    assert field["step"] == pytest.approx((planes.max() - planes.min()) / 255)
    back = decoded(field, planes.shape)
    error = np.abs(back - planes)
    assert error.max() <= field["step"] / 2 * (1 + 1e-4)  # and the rounding of low and step
    assert error.max() > field["step"] / 4  # half a step, not less by chance
    assert back.max() == pytest.approx(planes.max())


def test_quantising_what_does_not_vary_is_exact() -> None:
    planes = np.full((3, 2, 2), -1.25)
    np.testing.assert_array_equal(decoded(quantised(planes), (3, 2, 2)), planes)


def test_planes_are_the_pictured_latents_in_colour(bundled: Results, data: dict[str, Any]) -> None:
    colour = noise_slider.colours(bundled)
    assert data["explained"] == pytest.approx(colour.explained, rel=1e-8)
    assert 0.8 < colour.explained <= 1  # a linear map of 32 learned channels
    np.testing.assert_allclose(data["offset"], colour.offset, rtol=1e-8)
    path = catalogue.fetch(bundled.display.photograph, bundled.downloads)
    for side, px in zip(data["sides"], bundled.study.pair, strict=True):
        n = px // bundled.measured[bundled.study.display_encoder].card.latent_stride
        assert (side["px"], side["n"]) == (px, n)
        for name, field in (("z", bundled.display.z), ("eps", bundled.display.eps)):
            expected = np.einsum("chw,ck->khw", field[px].astype(np.float64), colour.weights)
            error = np.abs(decoded(side[name], (3, n, n)) - expected).max()
            assert error <= side[name]["step"] / 2 * (1 + 1e-4), (px, name)
        # Clean latents in colour are the photograph, but for what the map does not explain.
        clean = np.moveaxis(colour.planes(bundled.display.z[px]), 0, -1) + colour.offset
        photograph = pixels.thumbnail(path, n) / 255
        # The root of what is left of the variance, with room for resolutions that differ.
        left = np.std(clean - photograph) / np.std(photograph)
        assert left < 2 * math.sqrt(1 - colour.explained)
        mirrored = np.std(clean[:, ::-1] - photograph) / np.std(photograph)
        assert mirrored > 0.5, "a photograph is not its mirror image: the test can fail"


def test_curves_and_shifts_are_those_of_the_measurement(
    bundled: Results, data: dict[str, Any]
) -> None:
    measured = bundled.measured[bundled.study.display_encoder]
    index = [p.id for p in bundled.photographs].index(bundled.display.photograph.id)
    for side in data["sides"]:
        px = side["px"]
        power = measured.arrays[f"power_{px}"][index].mean(axis=0)
        curves = {"k": measured.k(px), "noise": measured.expected_noise(px), "power": power}
        for name, curve in curves.items():
            np.testing.assert_allclose(side[name], curve[1:], rtol=5.1e-6, err_msg=name)
        assert side["k"][0] == pytest.approx(1, abs=0.3), "ring 0 has no place on a log axis"
    assert data["shifts"]["rule"] == 2
    assert data["shifts"]["measured"] == pytest.approx(measured.shift.whole.value, rel=1e-8)
    assert (data["t"], data["encoder"], data["share"]) == (bundled.study.t, "taef2", 1)


# In a browser ---------------------------------------------------------------------------------

PIXELS = """() => [...document.querySelectorAll(".noise-slider canvas")].map(canvas =>
    btoa(Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data,
        code => String.fromCharCode(code)).join("")))"""


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


def test_canvases_show_python_s_picture(slider: Any, bundled: Results) -> None:
    data, colour = noise_slider.data(bundled), noise_slider.colours(bundled)
    low, high = data["sides"]
    offset = np.array(data["offset"])[:, None, None]
    for t, by in ((0.5, "measured"), (0.5, "rule"), (0.0, "rule"), (1.0, "rule"), (0.83, "rule")):
        slider.locator(f"input[type=radio][value={by}]").check()
        slide(slider, 0.07)
        slide(slider, t)
        moved = float(schedule.shift_t(t, data["shifts"][by]))
        cases = zip(pictures(slider), (low, high, high), (t, t, moved), strict=True)
        for canvas, side, time in cases:
            z, eps = (decoded(side[name], (3, side["n"], side["n"])) for name in ("z", "eps"))
            colours = time * z + (1 - time) * eps + offset
            given = picture(colours).astype(int)
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
            assert np.abs(canvas - picture(planes).astype(int)).max() <= bound


def test_the_slider_is_moved_from_the_keyboard(slider: Any) -> None:
    before = pictures(slider)
    control = slider.locator(".noise-slider input[type=range]")
    control.focus()
    slider.keyboard.press("ArrowRight")
    slider.wait_for_function("document.querySelector('.w-t').textContent === '0.51'")
    assert control.get_attribute("aria-valuetext") == "t = 0.51"
    after = pictures(slider)
    assert all(np.any(a != b) for a, b in zip(before, after, strict=True))


STATE = """([t, s]) => noiseSlider.state(noiseSliderData, t, s)
    .map(({ px, t, snr, crossing, data, noise }) => ({ px, t, snr, crossing, data, noise }))"""


def test_ratios_are_those_of_the_schedule(slider: Any, bundled: Results) -> None:
    low, high = noise_slider.data(bundled)["sides"]
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
        right = findings.crossing(measured, index, px)
        assert found["crossing"] == pytest.approx(right, rel=1e-5)


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
