"""What JavaScript is given: closed forms, and the measurements themselves."""

import base64
import dataclasses
import json
import math
import wave
from pathlib import Path

import numpy as np
import pytest

from analysis.encoders import cards as encoders_cards
from analysis.paper.widgets import markup, noise_slider, shift_calculator, sound_levels
from analysis.paper.widgets.noise_slider import ColourMap, colour_map, picture, quantised
from analysis.paper.widgets.shift_calculator import smallest_grid
from analysis.paper.widgets.sound_levels import levels
from analysis.project.errors import InputError
from analysis.project.files import root
from analysis.spectra import rings
from analysis.spectra.bands import Bands, measurable
from analysis.study import results
from analysis.study.measurement import Measured
from analysis.study.preflight import LARGEST
from analysis.study.results import Results
from analysis.study.settings import load_study
from analysis.study.store import Store
from analysis.timesteps import noise
from analysis.timesteps.noise import Sound
from analysis.training.recommend import recommend


@pytest.fixture(scope="module")
def bundled() -> Results:
    return results.load("bundled")


def decoded(field: dict, shape: tuple[int, ...]) -> np.ndarray:
    """What a reader makes of `quantised`."""
    codes = np.frombuffer(base64.b64decode(field["bytes"]), np.uint8).reshape(shape)
    return field["low"] + field["step"] * codes.astype(np.float64)


# Colours -------------------------------------------------------------------------------------

WEIGHTS = np.array([[0.2, -0.1, 0.0], [0.05, 0.3, -0.2], [0.0, 0.1, 0.4], [-0.3, 0.0, 0.1]])
OFFSET = np.array([0.5, 0.4, 0.6])


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


def test_latents_that_say_nothing_explain_nothing() -> None:
    latents = {64: np.zeros((4, 8, 8)), 128: np.zeros((4, 16, 16))}
    # Each resolution weighs the same, though the second has four times as many pixels.
    pictures = {64: np.full((8, 8, 3), 0.2), 128: np.full((16, 16, 3), 0.6)}
    found = colour_map(latents, pictures)
    np.testing.assert_allclose(found.offset, 0.4, atol=1e-12)
    assert found.explained == pytest.approx(0, abs=1e-12)


def test_a_picture_of_another_grid_is_refused() -> None:
    latents = some_latents()
    pictures = {side: seen(z) for side, z in latents.items()}
    for wrong in (pictures[64], pictures[128][..., :2], pictures[128][:, :8]):
        with pytest.raises(ValueError, match="picture of"):
            colour_map(latents, pictures | {128: wrong})


@pytest.mark.parametrize("t", [0.0, 0.3, 0.5, 1.0])
def test_the_map_and_the_blend_commute(t: float) -> None:
    z, eps = np.random.default_rng(3).standard_normal((2, 4, 8, 8))
    colour = ColourMap(WEIGHTS, OFFSET, 1.0)
    blended = t * colour.planes(z) + (1 - t) * colour.planes(eps)
    np.testing.assert_allclose(blended, colour.planes(noise.blend(z, eps, t)), atol=1e-14)
    # Planes are the colours without the offset, channel first.
    np.testing.assert_allclose(np.moveaxis(colour.planes(z), 0, -1), seen(z) - OFFSET, atol=1e-14)


def test_a_picture_stretches_the_middle_98_percent() -> None:
    planes = np.arange(300.0).reshape(3, 10, 10)  # percentiles 1 and 99 are 2.99 and 296.01
    found = picture(planes)
    assert found.dtype == np.uint8
    for c, i, j in ((0, 0, 0), (0, 0, 3), (1, 5, 0), (2, 9, 6), (2, 9, 9)):
        share = min(max((100 * c + 10 * i + j - 2.99) / 293.02, 0), 1)
        assert found[i, j, c] == math.floor(share * 255 + 0.5)
    assert found[1, 5, 0] == 10  # (15 - 2.99) / 293.02 * 255 = 10.45
    assert np.count_nonzero(found == 0) == 4  # 0, 1, 2 and 3, which is less than half a step up
    np.testing.assert_array_equal(picture(4 * planes - 1024), found)


def test_a_picture_of_one_colour_is_no_error() -> None:
    np.testing.assert_array_equal(picture(np.full((3, 4, 4), 0.7)), 0)


# Quantised planes ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
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


# The slider's data ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def slider(bundled: Results) -> dict:
    return noise_slider.slider_data(bundled)


def test_planes_are_the_pictured_latents_in_colour(bundled: Results, slider: dict) -> None:
    colour = noise_slider.colours(bundled)
    assert slider["explained"] == pytest.approx(colour.explained, rel=1e-8)
    assert 0.9 < colour.explained <= 1
    np.testing.assert_allclose(slider["offset"], colour.offset, rtol=1e-8)
    assert slider["share"] == 1
    for side, px in zip(slider["sides"], bundled.study.pair, strict=True):
        n = px // bundled.measured[bundled.study.display_encoder].card.latent_stride
        assert (side["px"], side["n"]) == (px, n)
        for name, field in (("z", bundled.display.z), ("eps", bundled.display.eps)):
            expected = np.einsum("chw,ck->khw", field[px].astype(np.float64), colour.weights)
            found = decoded(side[name], (3, n, n))
            error = np.abs(found - expected).max()
            assert error <= side[name]["step"] / 2 * (1 + 1e-4), (px, name)


def test_the_map_is_that_of_the_photograph(bundled: Results) -> None:
    """Clean latents in colour are the photograph, but for what the map does not explain."""
    colour = noise_slider.colours(bundled)
    from analysis.images import catalogue, pixels

    path = catalogue.fetch(bundled.display.photograph, bundled.downloads)
    for z in bundled.display.z.values():
        colours = np.moveaxis(colour.planes(z), 0, -1) + colour.offset
        photograph = pixels.thumbnail(path, z.shape[-1]) / 255
        # The root of what is left of the variance, with room for resolutions that differ.
        left = np.std(colours - photograph) / np.std(photograph)
        assert left < 2 * math.sqrt(1 - colour.explained)
        mirrored = np.std(colours[:, ::-1] - photograph) / np.std(photograph)
        assert mirrored > 0.5, "a photograph is not its mirror image: the test can fail"


def test_curves_are_those_of_the_measurement(bundled: Results, slider: dict) -> None:
    measured = bundled.measured[bundled.study.display_encoder]
    index = [p.id for p in bundled.photographs].index(bundled.display.photograph.id)
    for side in slider["sides"]:
        px = side["px"]
        for name, curve in (
            ("k", measured.k(px)), ("noise", measured.expected_noise(px)),
            ("power", measured.arrays[f"power_{px}"][index].mean(axis=0)),
        ):  # fmt: skip
            np.testing.assert_allclose(side[name], curve[1:], rtol=5.1e-6, err_msg=name)
        assert side["k"][0] == pytest.approx(1, abs=0.3), "ring 0 has no place on a log axis"


def test_shifts_and_start_of_the_slider(bundled: Results, slider: dict) -> None:
    assert slider["shifts"]["rule"] == 2
    measured = bundled.measured[bundled.study.display_encoder]
    assert slider["shifts"]["measured"] == pytest.approx(measured.shift.whole.value, rel=1e-8)
    assert slider["t"] == bundled.study.t
    assert slider["encoder"] == "linear-f8c16"
    assert len(markup.embedded(slider)) < 300_000


def test_large_latents_are_cropped_in_the_middle(
    bundled: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noise_slider, "LARGEST_GRID", 64)
    data = noise_slider.slider_data(bundled)
    assert data["share"] == 0.5
    assert [side["n"] for side in data["sides"]] == [32, 64]
    colour = noise_slider.colours(bundled)
    for side, middle in zip(data["sides"], (slice(16, 48), slice(32, 96)), strict=True):
        for name, field in (("z", bundled.display.z), ("eps", bundled.display.eps)):
            expected = colour.planes(field[side["px"]])[:, middle, middle]
            found = decoded(side[name], expected.shape)
            assert np.abs(found - expected).max() <= side[name]["step"] / 2 * (1 + 1e-9)


# The calculator's data -----------------------------------------------------------------------


def fits(n: int, bands: Bands) -> bool:
    return measurable(rings.rings(n, n).cycles_per_image, bands)


@pytest.mark.parametrize(
    "bands",
    [
        Bands(),
        Bands(first_ring=1, low=0.5, middle=0.75),
        Bands(first_ring=4, low=0.1, middle=0.2, high=0.3),
    ],
    ids=str,
)
def test_the_smallest_grid_is_the_smallest(bands: Bands) -> None:
    study = load_study("bundled").model_copy(update={"bands": bands})
    grid = smallest_grid(study)
    assert grid is not None
    assert [n for n in range(1, grid + 1) if fits(n, bands)] == [grid]
    assert all(fits(n, bands) for n in range(grid, min(4 * grid, LARGEST)))


def test_no_grid_is_large_enough_for_bands_without_rings() -> None:
    narrow = Bands(low=0.5, middle=0.5001, high=0.5002, first_ring=200)
    assert smallest_grid(load_study("bundled").model_copy(update={"bands": narrow})) is None


def test_recommend_has_the_same_smallest_grid(tmp_path: Path) -> None:
    study, store = load_study("bundled"), Store(tmp_path, compute="never")
    grid = smallest_grid(study)
    assert grid is not None
    stride = encoders_cards.card("taef2").latent_stride
    with pytest.raises(InputError, match=f"use {grid * stride} px or more"):
        recommend(study, "taef2", (grid - 1) * stride, 1024, store)
    with pytest.raises(Exception, match="taef2") as caught:  # not measured, and not too small
        recommend(study, "taef2", grid * stride, 1024, store)
    assert "too small" not in str(caught.value)


@pytest.fixture(scope="module")
def calculator(bundled: Results) -> dict:
    return shift_calculator.calculator_data(bundled)


def test_shifts_are_those_measured_to_nine_digits(bundled: Results, calculator: dict) -> None:
    for name, measured in bundled.measured.items():
        pairs = calculator["encoders"][name]["pairs"]
        assert set(pairs) == {f"{low}-{high}" for low, high in measured.shifts}
        for (low, high), one in measured.shifts.items():
            found = pairs[f"{low}-{high}"]
            assert found["measured"] == pytest.approx(one.whole.value, rel=1e-8)
            assert found["interval"] == pytest.approx([one.whole.low, one.whole.high], rel=1e-8)
            assert list(found["bands"]) == ["low", "middle", "high"]
            for band, estimate in one.bands.items():
                whole = found["bands"][band]
                assert whole.keys() == {"measured", "interval", "band"}
                assert whole["measured"] == pytest.approx(estimate.value, rel=1e-8)
                assert whole["interval"] == pytest.approx([estimate.low, estimate.high], rel=1e-8)
                assert whole["band"] == pytest.approx(estimate.band, rel=1e-8)
    # Committed numbers are of the same measurement, to six digits.
    sidecar = json.loads((root() / "data/results/bundled/taef2.json").read_text(encoding="utf-8"))
    committed = sidecar["numbers"]["pairs"]
    pairs = calculator["encoders"]["taef2"]["pairs"]
    assert {pair: one["measured"] for pair, one in committed.items()} == pytest.approx(
        {pair: one["measured"] for pair, one in pairs.items()}, rel=1e-5
    )


def test_every_encoder_is_offered(bundled: Results, calculator: dict) -> None:
    cards = encoders_cards.cards()
    assert list(calculator["encoders"]) == list(cards)
    assert len(cards) > len(bundled.measured)
    for name, card in cards.items():
        one = calculator["encoders"][name]
        assert (one["title"], one["stride"]) == (card.title, card.stride * card.patchify)
        assert bool(one["pairs"]) == (name in bundled.measured | bundled.contributed)


def test_contributed_measurements_are_measurements(bundled: Results, calculator: dict) -> None:
    measured = dict(bundled.measured)
    contributed = {"pixel": measured.pop("pixel")}
    other = dataclasses.replace(bundled, measured=measured, contributed=contributed)
    assert shift_calculator.calculator_data(other)["encoders"] == calculator["encoders"]


def test_one_photograph_has_no_interval(bundled: Results) -> None:
    whole = bundled.measured["pixel"]
    arrays = {n: a[:1] if n.startswith("power_") else a for n, a in whole.arrays.items()}
    single = Measured(whole.card, whole.study, arrays, "computed", {})
    other = dataclasses.replace(
        bundled, measured={"pixel": single}, photographs=bundled.photographs[:1]
    )
    data = json.loads(markup.embedded(shift_calculator.calculator_data(other)))
    pair = data["encoders"]["pixel"]["pairs"]["512-1024"]
    assert pair["interval"] == pair["bands"]["low"]["interval"] == [None, None]
    assert pair["measured"] == pytest.approx(single.shift.whole.value, rel=1e-8)
    assert pair["measured"] != pytest.approx(whole.shift.whole.value, rel=1e-8)
    assert data["images"] == 1


def test_where_the_form_begins(bundled: Results, calculator: dict) -> None:
    study = bundled.study
    assert calculator["axis"] == "cycles/image"
    assert (calculator["mu"], calculator["std"]) == (study.mu, study.std)
    assert calculator["pair"] == [512, 1024]
    assert calculator["images"] == len(bundled.photographs) == 12
    assert calculator["grid"] == smallest_grid(study)


# Embedding -----------------------------------------------------------------------------------


def test_embedded_data_ends_no_script() -> None:
    data = {"a": "</script><!-- <script", "b": [1.5, None], "c": "Zürich \u2028 “x”", "<": "&lt;"}
    text = markup.embedded(data)
    assert "<" not in text
    assert text.isascii(), "whatever encoding a page is read in"
    assert json.loads(text) == data


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_embedded_numbers_are_finite(bad: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        markup.embedded({"a": [bad]})


# Sound levels --------------------------------------------------------------------------------


@pytest.mark.parametrize("peak", [1.0, 0.1, 1e-4])
def test_level_of_a_sine(peak: float) -> None:
    seconds = np.arange(8000) / 8000
    sine = Sound(peak * np.sin(2 * np.pi * 200 * seconds), 8000)  # ten periods a window
    found = levels(sine)
    assert len(found) == 20
    # A sine's mean square is half its peak's square; levels are rounded to 0.01 dB.
    assert found == pytest.approx([20 * math.log10(peak) - 3.0103] * 20, abs=0.0051)
    assert found[0] == pytest.approx(sine.level, abs=0.0051)


def test_silence_has_a_level_that_json_can_hold() -> None:
    half = np.zeros(8000)
    half[4000:] = 0.5
    assert levels(Sound(half, 8000)) == [-120.0] * 10 + [-6.02] * 10
    assert levels(Sound(np.full(8000, 1e-7), 8000)) == [-120.0] * 20


def test_windows_end_at_the_nearest_sample() -> None:
    samples = np.array([1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    squares = samples**2

    def level(*parts: slice) -> list[float]:
        return [round(10 * math.log10(squares[part].mean()), 2) for part in parts]

    # 2.5 samples: 0, 2 (to even), 5, 8 (to even), 10.
    assert levels(Sound(samples, 10), 0.25) == level(
        slice(0, 2), slice(2, 5), slice(5, 8), slice(8, 10)
    )
    # 3 samples: the tenth belongs to the last window.
    assert levels(Sound(samples, 10), 0.3) == level(slice(0, 3), slice(3, 6), slice(6, 10))
    assert levels(Sound(samples, 10), 1.0) == level(slice(0, 10))
    assert levels(Sound(samples, 10), 0.1) == [
        round(20 * math.log10(sample), 2) for sample in samples
    ]


@pytest.mark.parametrize("window", [0.0, -0.05, 0.099, 1.01, math.nan, math.inf])
def test_windows_that_do_not_suit_are_refused(window: float) -> None:
    with pytest.raises(InputError, match="does not suit 10 samples"):
        levels(Sound(np.ones(10), 10), window)


@pytest.mark.parametrize("name", ["fine", "coarse"])
def test_levels_are_those_of_the_recordings_that_are_played(bundled: Results, name: str) -> None:
    found = sound_levels.level_data(bundled)
    with wave.open(str(root() / "data" / "results" / "sound" / f"noise-{name}.wav")) as file:
        rate = file.getframerate()
        played = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
    assert found["window"] == 0.05
    assert len(found[name]["levels"]) == 60  # three seconds
    for index, level in enumerate(found[name]["levels"]):
        part = played[round(index * 0.05 * rate) : round((index + 1) * 0.05 * rate)]
        assert level == pytest.approx(10 * math.log10(np.mean(part**2)), abs=0.02), index
    assert found[name]["mean"] == pytest.approx(10 * math.log10(np.mean(played**2)), abs=0.006)


def test_the_densely_sampled_recording_is_quieter(bundled: Results) -> None:
    found = sound_levels.level_data(bundled)
    difference = found["coarse"]["mean"] - found["fine"]["mean"]
    assert difference == pytest.approx(10 * math.log10(noise.SOUND_FACTOR), abs=0.3)
