"""Numbers derived from stored arrays, on arrays whose numbers are known."""

import dataclasses
import json

import numpy as np
import pytest

from analysis.encoders import cards
from analysis.images import catalogue
from analysis.project.errors import InputError
from analysis.spectra import periodogram
from analysis.spectra import rings as spectra_rings
from analysis.spectra.bands import Bands
from analysis.spectra.cross_spectra import Bins, packed, shared_bins
from analysis.spectra.windows import Window
from analysis.study.measurement import Measured
from analysis.study.results import Display
from analysis.study.settings import Study, Variation
from analysis.timesteps.weighting import half_frequencies

STUDY = Study(
    name="known", title="Known", images="bundled", encoders=("linear-f8c16",),
    display_encoder="linear-f8c16", resolutions=(256, 512), seed=3, window=Window(beta=2.0),
    variations=(
        Variation(name="box", resample="box"),
        Variation(name="power-law", images="power-law", resample="fourier"),
    ),
)  # fmt: skip
CARD = cards.card("linear-f8c16")


def bins_of(study: Study, card: cards.Card, images: int) -> Bins:
    """The bins of a study's encoder."""
    grid = study.low // card.latent_stride
    return shared_bins(grid, card.latent_channels, images, study.window, study.bands)


def known(
    images: int = 5, gamma: float = 2.5, q: float = 4.0, scatter: float = 0.0,
    sides: tuple[int, ...] = (256, 512), card: cards.Card = CARD,
) -> Measured:  # fmt: skip
    """Two channels, P / N = c k^-gamma with c of mean 1.5 over them; q times as much a doubling.

    Both resolutions hold the same content, the box raises s by 2 %, power-law fields give sqrt(3).
    ln R of the left half is that of the right one, while top and bottom have nothing in common.
    """
    study = STUDY.model_copy(update={"resolutions": sides})
    rng = np.random.default_rng(0)
    level = np.exp(rng.standard_normal((images, 1, 1)))
    arrays = {}
    for side in sides:
        n, factor = side // 8, q ** np.log2(side / 256)
        rings = spectra_rings.rings(n, n)
        k = np.maximum(rings.cycles_per_image, 0.5)
        noise = periodogram.white_noise_raps(n, n, beta=2.0)
        own = np.exp(scatter * rng.standard_normal((images, 1, 1)))
        law = factor * own * level * np.array([1.0, 2.0])[:, None] * k**-gamma
        arrays[f"power_{side}"] = law * np.maximum(noise, 1e-3)
        each = [periodogram.white_noise_raps(n, n, w.kind, w.beta) for w in STUDY.windows]
        mean = law.mean(axis=1)[:, None]
        arrays[f"windows_{side}"] = mean * np.maximum(np.stack(each), 1e-3)
        arrays[f"noise_{side}"] = np.tile(noise, (images, 1))
        arrays[f"noisy_{side}"] = np.tile(noise, (images, 1))
        arrays[f"k_{side}"], arrays[f"modes_{side}"] = rings.cycles_per_image, rings.modes
    low, high = study.pair
    before, after = arrays[f"power_{low}"].mean(axis=1), arrays[f"power_{high}"].mean(axis=1)
    arrays |= {f"varied_box_{low}": before, f"varied_box_{high}": 1.02**2 * after}
    arrays |= {f"varied_power-law_{low}": before, f"varied_power-law_{high}": 3 / q * after}
    bins = bins_of(study, card, images)
    root = rng.standard_normal((images, len(bins.modes), 2, 2)) + 2 * np.eye(2)
    arrays[f"cross_{low}"] = packed(root @ root.swapaxes(-1, -2))
    arrays[f"cross_{high}"] = q * arrays[f"cross_{low}"]
    for name in ("low", "cropped", "cross", "explained"):
        arrays[f"pair_{name}_{high}"] = before
    f = half_frequencies(high // 8)
    rough = rng.standard_normal((3, images, 1, len(f))) * 0.1
    arrays[f"left_right_{high}"] = f**-gamma * np.exp(np.repeat(rough[0], 2, axis=1))
    arrays[f"top_bottom_{high}"] = f**-gamma * np.exp(np.concatenate(list(rough[1:]), axis=1))
    return Measured(card, study, arrays, "computed", {"key": "x"})


def other(one: Measured, **arrays: np.ndarray) -> Measured:
    """The same measurement with some arrays of its own."""
    return dataclasses.replace(one, arrays=one.arrays | arrays)


def test_arrays_are_read_by_side_and_averaged_over_channels() -> None:
    one = known()
    n = 512 // 8
    np.testing.assert_array_equal(one.k(512), spectra_rings.rings(n, n).cycles_per_image)
    np.testing.assert_array_equal(one.modes(512), spectra_rings.rings(n, n).modes)
    np.testing.assert_allclose(one.power(512), 1.5 * one.arrays["power_512"][:, 0])
    np.testing.assert_array_equal(
        one.expected_noise(256), periodogram.white_noise_raps(32, 32, "kaiser", 2.0)
    )
    strong = one.study.window.model_copy(update={"beta": 8.0})
    study = one.study.model_copy(update={"window": strong})
    np.testing.assert_array_equal(
        dataclasses.replace(one, study=study).expected_noise(256),
        periodogram.white_noise_raps(32, 32, "kaiser", 8.0),
    )
    np.testing.assert_array_equal(one.noise(256), one.arrays["noise_256"])
    np.testing.assert_array_equal(one.noisy(256), one.arrays["noisy_256"])


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
    lost = other(known(), psnr=np.array(31.5), relative_mse=np.array(0.01)).numbers()
    assert lost["reconstruction"] == {"psnr_db": 31.5, "relative_mse": 0.01}
    few = known(images=2).numbers()
    assert few["measured"] == pytest.approx(2.0, rel=1e-6)
    assert np.isnan(few["interval"]).all()


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


def test_intervals_are_of_the_pictures_and_of_no_seed() -> None:
    arrays = known(scatter=0.2).arrays
    first = Measured(CARD, STUDY, arrays, "computed", {}).shift.whole
    assert first.low < first.value < first.high
    other, seeded = CARD.model_copy(update={"name": "x"}), STUDY.model_copy(update={"seed": 4})
    for card, study in ((other, STUDY), (CARD, seeded)):
        assert Measured(card, study, arrays, "computed", {}).shift.whole == first


def test_the_display_blends_what_it_pictures() -> None:
    photo = catalogue.Photograph("p", None, "", "", "", "", "", "")
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


def test_snr_is_power_over_the_noise_that_was_to_be_expected() -> None:
    one = known(images=2)
    np.testing.assert_allclose(one.snr(512)[:, 1], 2 * one.snr(512)[:, 0])
    # c k^-gamma where there is noise; ring 0 has neither, since the mean was taken off.
    k = one.k(512)[1:]
    np.testing.assert_allclose(one.snr(512)[0, 0, 1:] * k**2.5, one.snr(512)[0, 0, 1] * k[0] ** 2.5)
    assert np.all(one.snr(512)[..., 0] == 0)


def test_every_pair_of_resolutions_that_are_large_enough_has_a_shift() -> None:
    shifts = known(sides=(256, 512, 1024)).shifts
    assert list(shifts) == [(256, 512), (256, 1024), (512, 1024)]
    for (low, high), one in shifts.items():
        assert one.whole.value == pytest.approx(high / low, rel=1e-6)
        assert one.theory == high / low
    # 8 x 8 latents have rings 2 to 4, which are two bands of two at most.
    small = known(sides=(64, 256, 512))
    assert list(small.shifts) == [(256, 512)]
    assert small.numbers()["pairs"].keys() == {"256-512"}


def test_what_cannot_be_measured_is_an_input_error() -> None:
    one = known(sides=(128, 256))
    study = one.study.model_copy(update={"bands": Bands(first_ring=6)})
    one = dataclasses.replace(one, study=study)
    assert one.shifts == {}
    with pytest.raises(InputError, match=r"linear-f8c16: rings 6 to 8 are too few for three"):
        _ = one.shift


def test_each_channel_has_its_shift_and_the_pool_their_geometric_mean() -> None:
    one = known()
    one = other(one, power_512=one.arrays["power_512"] * np.array([1.0, 0.25])[:, None])
    assert [s.whole.value for s in one.shift_by_channel] == pytest.approx([2, 1], rel=1e-6)
    assert one.shift_pooled.value == pytest.approx(np.sqrt(2), rel=1e-6)
    assert one.shift_pooled.band == one.shift.whole.band
    # Two channels are all there are, and all photographs are alike.
    assert one.shift_pooled.low == pytest.approx(np.sqrt(2), rel=1e-6)
    assert known().shift_pooled.high == pytest.approx(2, rel=1e-6)


def test_variations_are_those_that_were_measured() -> None:
    one = known()
    found = {name: s.whole.value for name, s in one.shift_by_variation.items()}
    assert found == pytest.approx({"box": 2.04, "power-law": np.sqrt(3)}, rel=1e-6)
    sampled = Variation(name="sampled", sample=True)  # which a deterministic encoder can't be
    study = one.study.model_copy(update={"variations": (*one.study.variations, sampled)})
    assert dataclasses.replace(one, study=study).shift_by_variation.keys() == found.keys()


def test_information_moves_as_one_if_every_matrix_grows_by_q() -> None:
    one = known()
    found = one.information
    assert found is not None
    for estimate in (found.matched, *found.limits.values()):
        # 1e-8: Newton's steps to the quantiles. Photographs left out give the same: no width.
        assert [estimate.value, estimate.low, estimate.high] == pytest.approx([2, 2, 2], rel=1e-8)
    assert found.misfit(2.0) < 1e-9
    # Half of 2 u = 1 + tanh(theta - place) apart by ln 2: far more than rounding.
    assert found.misfit(1.0) > 0.05
    # Of the low and middle bands alone.
    inside = bins_of(one.study, CARD, 5).within("whole")
    assert not inside.all()
    raised = one.arrays["cross_512"] * np.where(inside, 1, 100)[:, None]
    again = other(one, cross_512=raised.astype(np.float32)).information
    assert again.matched.value == pytest.approx(2, rel=1e-8)


def test_too_few_images_or_modes_have_no_information() -> None:
    assert known(images=4).information is not None
    assert known(images=3).information is None
    one = known()
    many = np.repeat(one.arrays["power_256"], 200, axis=1)  # 400 channels: more than modes
    assert other(one, power_256=many).information is None


def test_equivariance_is_gain_and_content() -> None:
    one = known()
    same = one.equivariance
    for name in ("whole", "low", "middle", "high"):
        assert same.gain.bands[name].value == pytest.approx(1)
        assert same.coherence.bands[name].value == pytest.approx(1)
        assert same.difference.bands[name].value == pytest.approx(0, abs=1e-12)
    low, g, rho = one.arrays["pair_low_512"], 0.8, 0.6
    parts = {"cropped": g**2 * low, "cross": g * rho * low, "explained": rho**2 * low}
    found = other(one, **{f"pair_{name}_512": array for name, array in parts.items()}).equivariance
    assert found.gain.bands["whole"].value == pytest.approx(g)
    assert found.coherence.bands["middle"].value == pytest.approx(rho**2)
    assert found.of_gain.bands["low"].value == pytest.approx((1 - g) ** 2)
    # the parts of the difference add up
    assert found.difference.bands["high"].value == pytest.approx(
        (1 - g) ** 2 + 2 * g * (1 - rho), rel=1e-9
    )
    np.testing.assert_allclose(found.k, one.k(256)[2:])


def test_channels_have_laws_of_their_own_and_the_top_octave_an_exponent() -> None:
    one = known()
    k = np.maximum(one.k(512), 0.5)
    power = one.arrays["power_512"] * np.stack([k**0, k**-0.5])
    # Tilts that cancel over images, which a geometric mean does not see and another would.
    power = power * k ** np.array([-2.0, -1.0, 0.0, 1.0, 2.0])[:, None, None]
    power[..., 17:] *= 100  # beyond half the Nyquist ring nothing counts
    laws = other(one, power_512=power).channel_laws
    # 1e-3: noise in ring 2, see above.
    assert [law.gamma for law in laws] == pytest.approx([2.5, 3.0], abs=1e-3)
    assert {law.band for law in laws} == {(k[2], k[16])}
    assert one.top_octave == pytest.approx(2.5, abs=1e-3)
    flat = one.arrays["power_512"].copy()
    flat[..., 16:] = flat[..., 16:17]
    assert other(one, power_512=flat).top_octave == pytest.approx(0, abs=1e-9)


def test_the_numbers_hold_what_else_was_measured() -> None:
    numbers = known().numbers()
    assert numbers["mismatch"] == pytest.approx({"measured": 0, "theory": 0}, abs=1e-6)
    assert numbers["pairs"]["256-512"]["exponent"] == pytest.approx(1, abs=1e-6)
    assert [one["measured"] for one in numbers["channels"]] == pytest.approx([2, 2], rel=1e-6)
    assert list(numbers["variations"]) == [
        "equal_channels", "pooled_channels", "cycles_per_pixel", "box", "power-law",
    ]  # fmt: skip
    assert numbers["variations"]["box"]["measured"] == pytest.approx(2.04, rel=1e-6)
    assert list(numbers["windows"]) == [window.text for window in STUDY.windows]
