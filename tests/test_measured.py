"""Numbers derived from stored arrays, on arrays whose numbers are known."""

import json

import numpy as np
import pytest

from analysis import encoders, images, shift, spectra
from analysis.measured import Display, Measured
from analysis.settings import Study, Window

STUDY = Study(
    name="known",
    title="Known",
    images="bundled",
    encoders=("linear-f8c16",),
    display_encoder="linear-f8c16",
    resolutions=(256, 512),
    seed=3,
    bootstrap=200,
    window=Window(beta=2.0),
)
CARD = encoders.card("linear-f8c16")


def known(images: int = 5, gamma: float = 2.5, q: float = 4.0, scatter: float = 0.0) -> Measured:
    """Two channels, P = c k^-gamma with c of mean 1.5 over them; q times as much at 512 px."""
    rng = np.random.default_rng(0)
    level = np.exp(rng.standard_normal((images, 1, 1)))
    arrays = {}
    for side, factor in ((256, 1.0), (512, q)):
        n = side // 8
        rings = spectra.rings(n, n)
        k = np.maximum(rings.cycles_per_image, 0.5)
        noise = spectra.white_noise_raps(n, n)
        own = np.exp(scatter * rng.standard_normal((images, 1, 1)))
        law = factor * own * level * np.array([1.0, 2.0])[:, None] * k**-gamma
        arrays[f"power_{side}"] = law * np.maximum(noise, 1e-3)
        arrays[f"windows_{side}"] = np.stack(
            [
                law.mean(axis=1) * np.maximum(spectra.white_noise_raps(n, n, w.kind, w.beta), 1e-3)
                for w in STUDY.windows
            ],
            axis=1,
        )
        arrays[f"noise_{side}"] = np.tile(noise, (images, 1))
        arrays[f"noisy_{side}"] = np.tile(noise, (images, 1))
        arrays[f"k_{side}"], arrays[f"modes_{side}"] = rings.cycles_per_image, rings.modes
    return Measured(CARD, STUDY, arrays, "computed", {"key": "x"})


def test_arrays_are_read_by_side_and_averaged_over_channels() -> None:
    one = known()
    n = 512 // 8
    np.testing.assert_array_equal(one.k(512), spectra.rings(n, n).cycles_per_image)
    np.testing.assert_array_equal(one.modes(512), spectra.rings(n, n).modes)
    np.testing.assert_allclose(one.power(512), 1.5 * one.arrays["power_512"][:, 0])
    np.testing.assert_array_equal(
        one.expected_noise(256), spectra.white_noise_raps(32, 32, "kaiser", 2.0)
    )
    np.testing.assert_array_equal(one.noise(256), one.arrays["noise_256"])
    np.testing.assert_array_equal(one.noisy(256), one.arrays["noisy_256"])


def test_the_expected_noise_is_under_the_studys_window() -> None:
    one = known()
    other = Measured(
        CARD,
        STUDY.model_copy(update={"window": STUDY.window.model_copy(update={"beta": 8.0})}),
        one.arrays,
        "computed",
        {},
    )
    np.testing.assert_array_equal(
        other.expected_noise(256), spectra.white_noise_raps(32, 32, "kaiser", 8.0)
    )


def test_the_numbers_are_those_of_the_law() -> None:
    numbers = known().numbers()
    # Exact but for the bias of noise and signal in ring 2 (0.07 %), which both sizes share.
    assert numbers["measured"] == pytest.approx(2.0, rel=1e-6)
    assert numbers["interval"] == pytest.approx([2.0, 2.0], rel=1e-6)
    assert numbers["exponent"] == pytest.approx(1.0, abs=1e-6)
    assert numbers["theory"] == 2.0
    assert numbers["axis"] == "cycles/image"
    assert numbers["resolutions"] == [256, 512]
    assert numbers["images"] == 5
    assert numbers["power_exponent"]["mean"] == pytest.approx(2.5, abs=1e-3)
    assert numbers["power_exponent"]["std"] == pytest.approx(0, abs=1e-9)
    assert list(numbers["bands"]) == ["low", "middle", "high"]
    assert "reconstruction" not in numbers
    json.dumps(numbers, allow_nan=False)


def test_the_power_law_is_fitted_from_the_first_ring_to_half_the_nyquist_ring() -> None:
    one = known()
    k = one.k(512)
    for law in one.power_laws:
        assert law.band == (k[2], k[16])
    assert len(one.power_laws) == 5
    # beyond half the Nyquist ring nothing counts
    one.arrays["power_512"][:, :, 17:] *= 100
    again = Measured(CARD, STUDY, one.arrays, "computed", {})
    assert again.power_laws == one.power_laws


def test_intervals_are_repeatable_and_the_encoders_own() -> None:
    arrays = known(scatter=0.2).arrays
    first, second = (Measured(CARD, STUDY, arrays, "computed", {}).shift.whole for _ in range(2))
    assert first == second
    assert first.low < first.value < first.high
    named = Measured(
        CARD.model_copy(update={"name": "other"}), STUDY, arrays, "computed", {}
    ).shift.whole
    seeded = Measured(
        CARD, STUDY.model_copy(update={"seed": 4}), arrays, "computed", {}
    ).shift.whole
    assert named.value == seeded.value == first.value
    assert len({first.low, named.low, seeded.low}) == 3


def test_reconstruction_is_told_where_it_was_measured() -> None:
    one = known()
    arrays = one.arrays | {"psnr": np.array(31.5), "relative_mse": np.array(0.01)}
    numbers = Measured(CARD, STUDY, arrays, "computed", {}).numbers()
    assert numbers["reconstruction"] == {"psnr_db": 31.5, "relative_mse": 0.01}


def test_one_photograph_has_numbers_without_an_interval() -> None:
    one = known(images=1)
    numbers = one.numbers()
    assert numbers["measured"] == pytest.approx(2.0, rel=1e-6)
    assert np.isnan(numbers["interval"]).all()
    assert isinstance(one.shift, shift.MeasuredShift)


def test_the_display_blends_what_it_pictures() -> None:
    photo = images.Photograph("p", None, "", "", "", "", "", "")
    z, eps = {64: np.full((1, 2, 2), 2.0)}, {64: np.full((1, 2, 2), -1.0)}
    display = Display(photo, z, eps, "computed", {})
    np.testing.assert_allclose(display.noisy(64, 0.25), 0.25 * 2 - 0.75)


def test_variations_on_an_exact_law() -> None:
    """Channels and windows change nothing there, and the other axis gives 2^(1 - gamma / 2)."""
    one = known(gamma=2.5)
    for variation in (*one.shift_by_window, one.shift_equal_channels):
        assert variation.whole.value == pytest.approx(2.0, rel=1e-6)
    # Log-log interpolation between rings is exact for a power law.
    assert one.shift_per_pixel.whole.value == pytest.approx(2 ** (1 - 2.5 / 2), rel=1e-3)


def test_equal_channels_is_the_mean_of_channels_of_one_variance() -> None:
    one = known()
    one.arrays["power_512"][:, 1] *= 0.25  # the second channel does not grow with resolution
    assert one.shift.whole.value == pytest.approx(np.sqrt((4 * 1 + 1 * 2) / 3), rel=1e-6)
    # At 512 px both have variance 1 then, at 256 px the first 1/4 and the second 1.
    assert one.shift_equal_channels.whole.value == pytest.approx(np.sqrt(2 / 1.25), rel=1e-6)
