"""The measured shift, against spectra and fields whose shift is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.shift import equal_snr
from analysis.spectra import bands, periodogram, windows
from analysis.spectra import rings as spectra_rings
from analysis.spectra.bands import Bands
from analysis.timesteps import schedule

BANDS = Bands(first_ring=2, low=0.25, middle=0.5, high=1.0)


def lawful(
    gamma: float, q: float, images: int = 4, sizes: tuple[int, int] = (64, 128), noise: float = 1.0
) -> tuple:  # type: ignore[type-arg]
    """Spectra P = c_i k^-gamma, at the high resolution q times as much at equal cycles/image."""
    levels = np.exp(np.random.default_rng(1).standard_normal((images, 1)))
    out = []
    for n, factor in zip(sizes, (1.0, q), strict=True):
        k = spectra_rings.rings(n, n).cycles_per_image
        safe = np.where(k > 0, k, 1.0)
        out.append((k, factor * levels * safe**-gamma, np.full(len(k), noise)))
    return tuple(out)


@given(st.floats(0, 4), st.floats(0.1, 20))
def test_a_factor_q_gives_its_root_for_any_slope(gamma: float, q: float) -> None:
    # A power law is a line in log-log coordinates, which the interpolation follows exactly.
    low, high = lawful(gamma, q)
    found = equal_snr.measure(low, high, 4.0, BANDS)
    np.testing.assert_allclose(found.curves, np.sqrt(q), rtol=1e-11)
    np.testing.assert_allclose(found.mean, np.sqrt(q), rtol=1e-11)
    for estimate in (found.whole, *found.bands.values()):
        assert estimate.value == pytest.approx(np.sqrt(q), rel=1e-11)
        assert estimate.low == pytest.approx(estimate.high, rel=1e-10)
    assert (found.theory, found.confidence) == (2.0, 0.95)
    assert found.exponent == pytest.approx(np.log2(q) / 2, abs=1e-10)


@given(st.floats(0.05, 0.95))
def test_the_shift_equalises_the_snr_at_every_t(t: float) -> None:
    power, noise, power0, noise0 = np.exp(np.random.default_rng(3).standard_normal((4, 20)))
    s = equal_snr.equal_snr_shift(power, noise, power0, noise0)
    moved = schedule.snr(schedule.shift_t(t, s), power, noise)
    np.testing.assert_allclose(moved, schedule.snr(t, power0, noise0), rtol=1e-11)


def fields(n: int, gamma: float, count: int, seed: int) -> np.ndarray:
    k = np.hypot(np.fft.fftfreq(n)[:, None], np.fft.rfftfreq(n)[None, :])
    k[0, 0] = np.inf
    white = np.random.default_rng(seed).standard_normal((count, n, n))
    return np.fft.irfft2(np.fft.rfft2(white) * k ** (-gamma / 2), (n, n))


def halved(z: np.ndarray) -> np.ndarray:
    """The same content on half the grid: the Fourier modes below n / 4, values kept."""
    n = z.shape[-1] // 2
    full = np.fft.fftshift(np.fft.fft2(z), axes=(-2, -1))
    middle = full[..., n // 2 : n // 2 + n, n // 2 : n // 2 + n].copy()
    middle[..., 0, :] = middle[..., :, 0] = 0  # the Nyquist row and column have no partner
    return np.fft.ifft2(np.fft.ifftshift(middle, axes=(-2, -1))).real / 4


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 3.0])
def test_the_same_content_on_half_the_grid_gives_2(gamma: float) -> None:
    # Without window the modes are the same numbers, so s is 2 exactly, mode by mode: no sampling
    # error at all, only the last ring misses modes. With a window neighbouring modes mix alike.
    high = fields(128, gamma, 4, int(gamma))
    low = halved(high)
    for kind, beta, bound in (("none", 0.0, 1e-9), ("kaiser", 2.0, 0.01)):
        spectrum = [
            (
                spectra_rings.rings(n, n).cycles_per_image,
                periodogram.raps(z, kind, beta),
                periodogram.white_noise_raps(n, n, kind, beta),
            )
            for n, z in ((64, low), (128, high))
        ]
        if kind == "none":  # ring 0 holds nothing, and ring 0 of the noise neither
            for _, power, noise in spectrum:
                assert noise[0] < 1e-9
                assert np.all(power[:, 0] < 1e-9)
        found = equal_snr.measure(*spectrum, 4.0, BANDS)
        assert found.whole.value == pytest.approx(2.0, rel=bound)
        assert found.bands["low"].value == pytest.approx(2.0, rel=bound)


def test_the_noise_spectrum_is_divided_out() -> None:
    low, high = lawful(2.0, 4.0)
    k, power, noise = high
    bent = np.linspace(0.5, 2.0, len(k))
    found = equal_snr.measure(low, (k, power * bent, noise * bent), 4.0, BANDS)
    # P and N are interpolated apart but alike, so the bend cancels.
    np.testing.assert_allclose(found.curves, 2.0, rtol=1e-9)


def test_photographs_and_octaves_weigh_the_same() -> None:
    # Two photographs with shifts 1 and 4 throughout: geometric mean 2.
    low, (k, power, noise) = lawful(2.0, 1.0, images=2)
    found = equal_snr.measure(low, (k, power * np.array([[1.0], [16.0]]), noise), 4.0, BANDS)
    assert found.whole.value == pytest.approx(2.0, rel=1e-11)
    np.testing.assert_allclose(found.mean, 2.0, rtol=1e-11)
    # One photograph, s = k^0.5: an even mean over ln k is that of the middle of the band, whose
    # cells reach half a step beyond its first and last ring. (Cells are not symmetric about their
    # rings: 1 % at ring 2.) The mean over rings would be 2.9.
    low, (k, power, noise) = lawful(2.0, 1.0, images=1)
    found = equal_snr.measure(low, (k, power * np.maximum(k, 0.1), noise), 4.0, BANDS)
    assert found.whole.band == (k[2], k[16])
    middle = np.sqrt(k[2] * np.sqrt(k[2] / k[3]) * k[16] * np.sqrt(k[16] / k[15]))
    assert found.whole.value == pytest.approx(np.sqrt(middle), rel=0.015)
    assert np.exp(np.log(found.curves[0, :15]).mean()) > 1.2 * found.whole.value


def test_bands_follow_the_settings() -> None:
    low, high = lawful(2.0, 4.0)
    found = equal_snr.measure(low, high, 4.0, BANDS)
    edges = bands.band_edges(BANDS, np.arange(33.0))
    assert edges == {
        "whole": (2, 16.0),
        "low": (2, 8.0),
        "middle": (8.0, 16.0),
        "high": (16.0, 32.0),
    }
    assert list(found.bands) == ["low", "middle", "high"]
    k = spectra_rings.rings(64, 64).cycles_per_image
    for name, estimate in (("whole", found.whole), *found.bands.items()):
        chosen = k[2:][bands.in_band(k[2:], edges[name])]
        assert estimate.band == (chosen[0], chosen[-1])
        assert abs(estimate.band[0] - edges[name][0]) <= 0.5
        assert abs(estimate.band[1] - edges[name][1]) <= 0.5
    np.testing.assert_array_equal(found.k, k[2:])


def test_intervals_are_students_of_ln_s() -> None:
    low, (k, power, noise) = lawful(2.0, 4.0, images=5)
    power = power * np.exp(0.3 * np.random.default_rng(5).standard_normal((5, len(k))))
    found = equal_snr.measure(low, (k, power, noise), 4.0, BANDS, confidence=0.9)
    for number, curves in ((found.whole, found.curves[:, :15]), (None, found.curves)):
        logs = np.log(curves)
        if number:
            logs = logs @ bands.octave_weights(found.k[:15])
        ends = stats.t.interval(0.9, 4, logs.mean(axis=0), stats.sem(logs, axis=0))
        given = (number.low, number.high) if number else (found.low, found.high)
        np.testing.assert_allclose(given, np.exp(ends), rtol=1e-12)


@pytest.mark.parametrize("images", [1, 2])
def test_below_three_photographs_there_is_no_interval(images: int) -> None:
    found = equal_snr.measure(*lawful(2.0, 4.0, images=images), 4.0, BANDS)
    assert found.whole.value == pytest.approx(2.0, rel=1e-11)
    for estimate in (found.whole, *found.bands.values()):
        assert np.isnan(estimate.low)
        assert np.isnan(estimate.high)
    assert np.all(np.isnan(found.low))
    assert np.all(np.isnan(found.high))
    assert found.low.shape == found.mean.shape


def test_too_few_rings_are_refused() -> None:
    low, high = lawful(2.0, 4.0, sizes=(8, 16))
    with pytest.raises(ValueError, match="rings 2 to 4 are too few for three bands"):
        equal_snr.measure(low, high, 4.0, BANDS)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
def test_spectra_that_are_not_positive_are_refused(bad: float) -> None:
    for place in range(4):
        arguments = [np.ones(3)] * 4
        arguments[place] = np.array([1.0, bad, 1.0])
        with pytest.raises(ValueError, match="positive and finite"):
            equal_snr.equal_snr_shift(*arguments)


def test_interpolation_is_exact_on_a_power_law_and_never_extrapolates() -> None:
    known = np.array([1.0, 2.0, 4.0, 7.0])
    power = np.stack([3 * known**-2.5, known**0.5])
    k = np.array([1.0, 1.3, 5.0, 7.0])
    np.testing.assert_allclose(
        equal_snr.at_frequencies(k, known, power), [3 * k**-2.5, k**0.5], rtol=1e-12
    )
    for outside in ([0.9, 2.0], [2.0, 7.1]):
        with pytest.raises(ValueError, match="outside"):
            equal_snr.at_frequencies(np.array(outside), known, power)


def test_the_mismatch_is_the_largest_gap_between_the_snr_curves_after_the_shift() -> None:
    low, (k, power, noise) = lawful(2.0, 4.0)
    bent = power * np.exp(0.3 * np.sin(k))
    found = equal_snr.measure(low, (k, bent, noise), 4.0, BANDS)
    # From the definition of SNR at some t, up to the end of the middle band, ring 16.
    power0, power1 = (np.exp(np.log(p[:, 2:17]).mean(axis=0)) for p in (low[1], bent))
    for s in (found.whole.value, 2.0, 1.0):
        ratio = schedule.snr(schedule.shift_t(0.3, s), power1, 1.0) / schedule.snr(0.3, power0, 1.0)
        # Rings of the two grids differ in frequency in the last bits.
        assert found.mismatch(s) == pytest.approx(np.abs(ratio - 1).max(), rel=1e-6)
    exact = equal_snr.measure(low, (k, power, noise), 4.0, BANDS)
    assert exact.mismatch(2.0) < 1e-10
    assert exact.mismatch(1.0) == pytest.approx(3, rel=1e-9)


def test_the_pool_is_a_geometric_mean_over_channels_octaves_and_photographs() -> None:
    k = spectra_rings.rings(64, 64).cycles_per_image[2:]
    curves = np.array([[[1.0], [4.0]], [[9.0], [0.25]]]) * np.ones(len(k))
    curves[..., 20:] = 1e6  # beyond the band
    one = equal_snr.pooled(k, curves, (2, 16))
    assert one.value == pytest.approx(np.sqrt(3))
    assert one.band == (k[0], k[14])
    # As `measure` has it where channels are alike.
    low, (k1, power, noise) = lawful(2.0, 4.0)
    power = power * np.exp(0.3 * np.sin(k1))
    found = equal_snr.measure(low, (k1, power, noise), 4.0, BANDS)
    each = np.repeat(found.curves[:, None], 3, axis=1)
    assert equal_snr.pooled(found.k, each, found.whole.band).value == pytest.approx(
        found.whole.value
    )
    assert np.isnan([one.low, one.high]).all()  # two photographs
    assert equal_snr.pooled(k, curves[:1], (2, 16)).value == pytest.approx(2)


def test_bands_end_later_where_rings_are_few() -> None:
    # The low band ends at a quarter of ring n / 2; rings 2 and 3 (at 3.05) lie in it from n = 22
    # on, since a band reaches half a ring beyond its ends: 11 / 4 + 1 / 2 is more. Below, it ends
    # at ring 3, and the middle band, which has to end after it, at ring 4 at least. Three bands of
    # two rings, of which neighbours share one, are rings 2 to 5: they are there from n = 10 on.
    grids = {n: spectra_rings.rings(n, n).cycles_per_image for n in range(4, 65)}
    enough = [n for n, k in grids.items() if bands.measurable(k, BANDS)]
    assert enough == list(range(10, 65))
    moved = {n: equal_snr.moved_edges(BANDS, grids[n]) for n in enough}
    assert [n for n in enough if moved[n]] == list(range(10, 22))
    assert moved[16] == {"low": (2.0, 3)}
    assert moved[10] == {"low": (1.25, 3), "middle": (2.5, 4)}
    for n in enough:
        k, edges = grids[n][2:], bands.band_edges(BANDS, grids[n])
        assert [edges[name][1] for name in ("low", "middle")] == [
            edges[name][0] for name in ("middle", "high")
        ]
        assert all(np.count_nonzero(bands.in_band(k, edge)) >= 2 for edge in edges.values())


def test_the_last_ring_counts_by_its_number_once_an_edge_has_moved() -> None:
    # The fourth ring of 10 x 10 is at 4.02 and the last at 4.77: by k there are two up to 4.5.
    moved = Bands(first_ring=2, low=0.3, middle=0.6, high=0.9)
    edges = bands.band_edges(moved, spectra_rings.rings(10, 10).cycles_per_image)
    assert edges["high"] == (4.0, 5.0)


@pytest.mark.parametrize("n", [10, 16, 18])
def test_a_law_is_found_in_bands_that_were_moved(n: int) -> None:
    low, high = lawful(2.0, 2.0, sizes=(n, 2 * n))
    found = equal_snr.measure(low, high, 4.0, BANDS)
    assert found.whole.value == pytest.approx(np.sqrt(2.0), rel=1e-9)
    assert found.bands["low"].band == (found.k[0], found.k[1])


# The floor of sampled latents ----------------------------------------------------------------


def test_power_far_above_the_floor_keeps_its_shift_and_far_below_takes_the_floors() -> None:
    power = np.array([1e9, 1.0, 1e-9])
    s = equal_snr.sampled_shift(power, 4 * power, 0.5, 0.5)
    # 4.5 / 1.5 in the middle; 1e-9 of the ends is left of the other term.
    np.testing.assert_allclose(s, [2, np.sqrt(3), 1], rtol=1e-8)
    np.testing.assert_allclose(equal_snr.sampled_shift(power, 4 * power, 0, 0), 2, rtol=1e-12)
    assert equal_snr.sampled_shift(1e-9, 4e-9, 0.1, 0.9) == pytest.approx(3, rel=1e-7)
    for wrong in ((0, 1, 0, 0), (1, -1, 0, 0), (1, 1, -0.1, 0), (1, 1, 0, np.nan)):
        with pytest.raises(ValueError, match="must be positive"):
            equal_snr.sampled_shift(*wrong)


def test_a_patterned_variance_is_a_white_floor() -> None:
    # A variance that differs a hundredfold over the field: E |F|^2 is still the same in all modes.
    rng, side, window = np.random.default_rng(0), 64, ("kaiser", 2 * np.pi)
    y, x = np.mgrid[:side, :side] / side
    std = np.exp(1.15 * np.sin(2 * np.pi * (x + 2 * y)) + 1.15 * x)
    assert std.max() / std.min() > 10
    drawn = std * rng.standard_normal((400, side, side))
    squared = windows.window2d(side, side, *window) ** 2
    v = np.sum(std**2 * squared) / squared.sum()
    # Ring 4 has some 25 modes, of which the window leaves about half independent: 400 fields give
    # 1 / sqrt(5000) = 1.4 %, over 28 rings at most 3.5 of them.
    found = periodogram.raps(drawn, *window).mean(axis=0)
    np.testing.assert_allclose(found[4:], v, rtol=0.05)
