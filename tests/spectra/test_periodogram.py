"""The estimator, against Parseval, scipy, an independent full-plane ring average, and known fields.

Tolerances: identities hold to rounding (1e-10 and 1e-12 in float64). Bounds of random quantities
follow from the number of modes: a mode's power has relative variance 1, and a mode and its mirror
are one draw.
"""

import functools
import importlib.util
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import signal

from analysis.spectra import periodogram
from analysis.spectra import rings as spectra_rings
from analysis.spectra.windows import window2d

SIZES = [(32, 32), (64, 64), (128, 128), (32, 64), (33, 47)]
WINDOWS = [("none", 0.0), ("kaiser", 2.0), ("kaiser", 8.0), ("hann", 0.0)]


def fields(shape: tuple[int, int], gamma: float, count: int, seed: int) -> np.ndarray:
    """Periodic Gaussian fields with P = |k|^-gamma, ``[count, h, w]``."""
    h, w = shape
    k = np.hypot(np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)[None, :])
    k[0, 0] = np.inf
    white = np.random.default_rng(seed).standard_normal((count, h, w))
    return np.fft.irfft2(np.fft.rfft2(white) * k ** (-gamma / 2), shape)


def slope(k: np.ndarray, power: np.ndarray, first: int, last: int | None = None) -> float:
    """Slope of ln P over ln k, every ring alike."""
    return float(np.polyfit(np.log(k[first:last]), np.log(power[first:last]), 1)[0])


# White noise ---------------------------------------------------------------------------------


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("shape", [(12, 12), (9, 14), (14, 9)])
def test_the_expected_noise_is_that_of_the_linear_map(
    shape: tuple[int, int], window: tuple[str, float]
) -> None:
    # |A e|^2 of white noise e is the sum of squares of A's row: the mean under the window taken
    # off, then a transform, as matrices.
    w = window2d(*shape, *window).ravel()
    transforms = [np.fft.fft(np.eye(n)) for n in shape]
    prepared = np.diag(w) - np.outer(w, w) / w.sum()
    power = (np.abs(np.kron(*transforms) @ prepared) ** 2).sum(axis=1) / w.size / np.mean(w**2)
    half = power.reshape(shape)[:, : shape[1] // 2 + 1]
    expected = spectra_rings.rings(*shape).average(half)
    found = periodogram.white_noise_raps(*shape, *window)
    np.testing.assert_allclose(found, expected, atol=1e-12)


# Slopes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(64, 64), (32, 64), (64, 32), (63, 63), (33, 47)])
def test_an_exact_power_law_reads_its_slope(shape: tuple[int, int]) -> None:
    h, w = shape
    k = np.hypot(np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)[None, :])
    k[0, 0] = 1
    rings = spectra_rings.rings(*shape)
    # -2.01 on 64 x 64, -2.025 on the coarse ones: the mean of k^-2 over a ring is above that of k.
    # With a ring's edge for its frequency it would be -2.08, with index radii -1.6 on rectangles.
    assert slope(rings.cycles_per_image, rings.average(k**-2.0), 3) == pytest.approx(-2, abs=0.03)


# Normalisation -------------------------------------------------------------------------------


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("shape", [(15, 15), (12, 20), (9, 14)])
def test_the_power_is_that_of_its_definition(
    shape: tuple[int, int], window: tuple[str, float]
) -> None:
    z, w = np.random.default_rng(3).standard_normal(shape) + 3, window2d(*shape, *window)
    modes = np.fft.rfft2(w * (z - np.sum(w * z) / np.sum(w)))
    expected = np.abs(modes) ** 2 / (z.size * np.mean(w**2))
    np.testing.assert_allclose(periodogram.half_power(z, *window), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("kind", "beta", "name"), [
    ("none", 0.0, "boxcar"), ("hann", 0.0, "hann"), ("kaiser", 2.0, ("kaiser", 2.0)),
    ("kaiser", 2 * np.pi, ("kaiser", 2 * np.pi)), ("kaiser", 8.0, ("kaiser", 8.0)),
])  # fmt: skip
@pytest.mark.parametrize("shape", [(16, 24), (15, 9)])
def test_the_window_is_the_product_of_scipys_periodic_ones(kind, beta, name, shape) -> None:  # type: ignore[no-untyped-def]
    rows, columns = (signal.get_window(name, n, fftbins=True) for n in shape)
    np.testing.assert_allclose(
        window2d(*shape, kind, beta), np.outer(rows, columns), rtol=1e-10, atol=1e-15
    )


def test_a_slanted_sinusoid_is_shared_between_its_two_rings() -> None:
    n = 32
    i, j = np.mgrid[:n, :n]
    z = np.cos(2 * np.pi * (3 * i + 4 * j) / n) + np.cos(2 * np.pi * (7 * i - 6 * j) / n)
    energy = periodogram.raps(z, "none") * spectra_rings.rings(n, n).modes / n**2
    radius = np.hypot(7, 6)  # 9.22: between rings 9 and 10; and 3, 4 is ring 5
    assert energy[5] == pytest.approx(0.5, rel=1e-10)
    assert energy[9] == pytest.approx(0.5 * (10 - radius), rel=1e-10)
    assert energy[10] == pytest.approx(0.5 * (radius - 9), rel=1e-10)


# Rings ---------------------------------------------------------------------------------------


# Symmetry ------------------------------------------------------------------------------------


def test_float32_agrees_with_float64() -> None:
    z = fields((64, 64), 2.0, 2, 8).astype(np.float32)
    # Ring 0 is rounding of the removed mean in either precision; its size says nothing.
    low, high = periodogram.raps(z)[:, 1:], periodogram.raps(z.astype(np.float64))[:, 1:]
    np.testing.assert_allclose(low, high, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, bool])
def test_other_kinds_of_number_are_read_for_what_they_are(dtype: type) -> None:
    # A window cast to integers would be a single pixel.
    z = np.random.default_rng(9).integers(0, 2, (16, 16)).astype(dtype)
    np.testing.assert_allclose(
        periodogram.raps(z), periodogram.raps(z.astype(np.float64)), rtol=1e-12
    )


# Properties ----------------------------------------------------------------------------------


@st.composite
def any_field(draw: st.DrawFn, square: bool = False) -> np.ndarray:
    """A field of 4 to 80 pixels a side with noise in it, so that it has power in every ring."""
    h = draw(st.integers(4, 80))
    w = h if square else draw(st.integers(4, 80))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    corner = draw(hnp.arrays(np.float64, (3, 3), elements=st.floats(-5, 5)))
    z = rng.standard_normal((h, w))
    z[:3, :3] += corner
    return z


windows = st.sampled_from(WINDOWS)
few = settings(max_examples=30, deadline=None)


@few
@given(any_field(), windows)
def test_rings_with_corners_hold_all_power(z: np.ndarray, window: tuple[str, float]) -> None:
    # Parseval: modes times means, over rings to the corner, is the energy of the windowed field.
    w = window2d(*z.shape, *window)
    energy = np.sum(periodogram.remove_mean(z, w) ** 2) / np.mean(w**2)
    modes = spectra_rings.rings(*z.shape, corners=True).modes
    found = periodogram.raps(z, *window, corners=True) @ modes
    assert found == pytest.approx(energy, rel=1e-10)
    assert periodogram.raps(z, *window) @ spectra_rings.rings(*z.shape).modes <= energy * (
        1 + 1e-10
    )


@few
@given(any_field(), windows, st.floats(1e-3, 1e3), st.booleans(), st.floats(-100, 100))
def test_a_factor_is_squared_and_a_sign_and_a_mean_are_ignored(
    z: np.ndarray, window: tuple[str, float], factor: float, flipped: bool, mean: float
) -> None:
    expected = factor**2 * periodogram.raps(z, *window)
    found = periodogram.raps((-factor if flipped else factor) * (z + mean), *window)
    np.testing.assert_allclose(found[1:], expected[1:], rtol=1e-7, atol=1e-11 * expected.max())


@few
@given(any_field(), windows)
def test_the_transpose_has_the_same_rings(z: np.ndarray, window: tuple[str, float]) -> None:
    expected = periodogram.raps(z, *window)
    atol = 1e-12 * expected.max()
    np.testing.assert_allclose(periodogram.raps(z.T, *window), expected, rtol=1e-9, atol=atol)


@few
@given(any_field(square=True), st.integers(1, 3))
def test_a_quarter_turn_has_the_same_rings(z: np.ndarray, turns: int) -> None:
    expected = periodogram.raps(z, "none")
    turned = periodogram.raps(np.rot90(z, turns), "none")
    np.testing.assert_allclose(turned, expected, rtol=1e-9, atol=1e-12 * expected.max())


@few
@given(any_field(), windows, st.integers(1, 5), st.sampled_from([np.float32, np.float64]))
def test_a_batch_of_any_shape_is_its_loop(
    z: np.ndarray, window: tuple[str, float], count: int, dtype: type
) -> None:
    shifted = [np.roll(z, i, axis=1).astype(dtype) for i in range(2 * count)]
    batch = periodogram.raps(np.stack(shifted).reshape(2, count, *z.shape), *window)
    loop = np.stack([periodogram.raps(one, *window) for one in shifted])
    tolerance = 1e-5 if dtype is np.float32 else 1e-9
    np.testing.assert_allclose(
        batch.reshape(loop.shape), loop, rtol=tolerance, atol=tolerance**2 * 100
    )


# Standard error ------------------------------------------------------------------------------


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("shape", [(24, 40), (33, 27)])
def test_mean_scatter_and_correlation_are_those_of_white_noise(
    shape: tuple[int, int], window: tuple[str, float], corners: bool
) -> None:
    # 4000 draws give a scatter to 1.1 % where the average is nearly Gaussian, and a correlation of
    # 0 to 0.016, a larger one better; five of them. Rings 0 to 2 lose power to the mean; in the
    # last corner less than one mode is left, with a chi-square's tails.
    draws = np.random.default_rng(12).standard_normal((4000, *shape))
    power = periodogram.raps(draws, *window, corners=corners)
    modes = periodogram.effective_modes(*shape, *window, corners)
    error = periodogram.standard_error(power.mean(axis=0), modes)
    used = slice(3, min(shape) // 2 + 3)
    np.testing.assert_allclose(power.std(axis=0)[used] / error[used], 1, atol=0.05)
    averaged = periodogram.standard_error(power.mean(axis=0), modes, fields=4000)
    expected = periodogram.white_noise_raps(*shape, *window, corners)
    assert np.all(np.abs(power.mean(axis=0) - expected) < 5 * averaged + 1e-12)
    found = periodogram.ring_correlation(*shape, *window, corners)
    np.testing.assert_allclose(np.diag(found), 1, rtol=1e-12)
    np.testing.assert_allclose(np.corrcoef(power[:, used].T), found[used, used], atol=5 * 0.016)


# Corners -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(64, 64), (33, 47), (4, 9)])
def test_corners_are_left_out_by_default_and_named(shape: tuple[int, int]) -> None:
    inner, whole = spectra_rings.rings(*shape), spectra_rings.rings(*shape, corners=True)
    last = min(shape) // 2
    assert not inner.in_corners.any() and len(inner.modes) == last + 1
    assert np.flatnonzero(whole.in_corners)[0] == last + 1
    z = np.random.default_rng(13).standard_normal(shape)
    averaged = whole.average(periodogram.half_power(z))
    np.testing.assert_allclose(periodogram.raps(z, corners=True), averaged, rtol=1e-9, atol=1e-14)


# Pictures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("shape", [(16, 16), (12, 9)])
def test_the_picture_has_low_frequencies_next_to_its_centre(
    shape: tuple[int, int], window: tuple[str, float]
) -> None:
    (h, w), z = shape, np.random.default_rng(11).standard_normal((2, *shape)) + 50
    picture = periodogram.fourier(z, *window)
    assert picture.shape == (2, h, w)
    assert np.max(np.abs(picture[:, h // 2, w // 2])) < 1e-12 * 50 * h * w
    assert np.sum(np.abs(picture) ** 2) == pytest.approx(
        np.sum(periodogram.remove_mean(z, window2d(h, w, *window)) ** 2), rel=1e-10
    )
    wave = np.cos(2 * np.pi * 2 * np.arange(w) / w)
    found = np.abs(periodogram.fourier(np.broadcast_to(wave, (h, w)), "none"))
    assert sorted(zip(*np.nonzero(found > 1), strict=True)) == [
        (h // 2, w // 2 - 2), (h // 2, w // 2 + 2),
    ]  # fmt: skip


# Refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("z", "message"),
    [
        (np.full((8, 8), np.nan), "finite"),
        (np.full((8, 8), np.inf), "finite"),
        (np.ones((8, 8), complex), "real"),
        (np.ones((3, 64)), "4 x 4"),
        (np.ones((64, 3)), "4 x 4"),
        (np.ones(64), "4 x 4"),
        (np.full((8, 8), "a"), "real"),
        (np.zeros((8, 8)), "no power: field 0 of 1 is constant"),
        (np.full((8, 8), 0.1), "no power"),
        (np.full((64, 64), 123.456, np.float32), "no power"),
        (1e-30 * np.eye(8, dtype=np.float32), "no power.*too faint to be squared in float32"),
        (1e30 * np.eye(8, dtype=np.float32), "power is not finite in float32"),
    ],
)
@pytest.mark.parametrize("estimate", [periodogram.half_power, periodogram.raps])
def test_fields_without_a_spectrum_are_refused(estimate, z: np.ndarray, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        estimate(z)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("shape", [(33, 20), (128, 128)])
def test_one_bad_field_is_noticed_and_named(
    workers: int, dtype: type, shape: tuple[int, int]
) -> None:
    z = np.random.default_rng(14).standard_normal((40, *shape)).astype(dtype)
    for bad in (np.nan, -np.inf):
        z[33, 3, 5] = bad
        with pytest.raises(ValueError, match=r"not finite \(field 33\)"):
            periodogram.raps(z, workers=workers)
    z[33] = 7
    with pytest.raises(ValueError, match="field 33 of 40 is constant"):
        periodogram.raps(z, workers=workers)
    with pytest.raises(ValueError, match="at least 1, or None"):
        periodogram.raps(z, workers=1 - workers)


def test_a_faint_field_on_a_bright_ground_is_not_constant() -> None:
    z = 1e3 + 1e-6 * np.random.default_rng(15).standard_normal((32, 32))
    assert periodogram.raps(z)[3:].mean() == pytest.approx(1e-12, rel=0.3)


def test_no_fields_have_no_spectra_and_no_window_is_made_up() -> None:
    assert periodogram.raps(np.ones((0, 16, 16))).shape == (0, 9)
    with pytest.raises(ValueError, match="unknown window 'hamming'; known: kaiser"):
        periodogram.raps(np.ones((8, 8)), "hamming")


@pytest.mark.parametrize("array", [window2d(8, 8), periodogram.white_noise_raps(8, 8)])
def test_shared_arrays_are_read_only(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 0


# Speed that must not show --------------------------------------------------------------------


CHOOSE = periodogram._rfft2.__wrapped__


def use(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    """Have `spectra` take this library's transform, whatever else is installed."""
    if not os.environ.get("CI"):  # where every extra is installed
        pytest.importorskip(library)
    monkeypatch.setattr(periodogram, "TRANSFORMS", (library,))
    monkeypatch.setattr(periodogram, "_rfft2", functools.cache(CHOOSE))


@pytest.mark.parametrize("library", ["ducc0", "scipy"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(4, 4), (33, 47), (6, 263), (256, 256)])
def test_every_librarys_transform_is_numpys(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], dtype: type, library: str
) -> None:
    # A mode's rounding is relative to the whole field's power, here within 1e4 of any ring's.
    z = np.random.default_rng(17).standard_normal((3, *shape)).astype(dtype)
    use(monkeypatch, library)
    theirs = periodogram.raps(z), periodogram.half_power(z)
    assert periodogram.half_modes(z[:0]).shape == (0, shape[0], shape[1] // 2 + 1)
    use(monkeypatch, "numpy")
    ours = periodogram.raps(z), periodogram.half_power(z)
    rtol = 1e-5 if dtype is np.float32 else 1e-13
    np.testing.assert_allclose(theirs[0][:, 1:], ours[0][:, 1:], rtol=rtol)
    assert theirs[1].dtype == ours[1].dtype == dtype
    scale = ours[1].max()
    np.testing.assert_allclose(theirs[1], ours[1], rtol=rtol, atol=rtol * scale)


@pytest.mark.parametrize("installed", [{"scipy", "numpy"}, {"numpy"}])
def test_the_first_library_installed_transforms(
    monkeypatch: pytest.MonkeyPatch, installed: set[str]
) -> None:
    found = importlib.import_module(f"{'scipy' if 'scipy' in installed else 'numpy'}.fft").rfft2
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name in installed or None)
    assert periodogram.TRANSFORMS[0] == "ducc0"
    assert CHOOSE() is found


def test_no_transform_is_loaded_before_it_is_needed() -> None:
    # Every command imports this module, few transform anything.
    code = "import sys; from analysis.spectra import periodogram; print({*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'analysis.spectra.periodogram'" in done.stdout
    assert not re.search("'(ducc0|scipy)'", done.stdout)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(37, 32, 32), (7, 2, 128, 96), (1, 16, 16)])
def test_any_number_of_workers_gives_the_same(shape: tuple[int, ...], dtype: type) -> None:
    z = np.random.default_rng(18).standard_normal(shape).astype(dtype)
    alone = periodogram.raps(z)
    for workers in (2, 3, 16, None):
        np.testing.assert_array_equal(periodogram.raps(z, workers=workers), alone)


def test_threads_of_a_caller_do_not_disturb_each_other() -> None:
    # Several shapes, windows and precisions at once, from cold caches.
    cases = [
        (np.random.default_rng(n).standard_normal((9, n, n + 8)).astype(dtype), *window)
        for n in (16, 40, 128)
        for dtype in (np.float32, np.float64)
        for window in WINDOWS
    ]
    expected = [periodogram.raps(*case) for case in cases]
    spectra_rings.rings.cache_clear()
    periodogram._taper.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda case: periodogram.raps(*case), 3 * cases))
    for one, other in zip(found, 3 * expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shape", [(32, 32), (48, 60), (128, 96)])
@pytest.mark.parametrize("size", [2**8, 2**14, 2**17, 2**24])
def test_blocks_of_any_size_give_the_whole(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], size: int
) -> None:
    z = np.random.default_rng(20).standard_normal((37, *shape))
    expected = spectra_rings.rings(*shape).average(periodogram.half_power(z))
    monkeypatch.setattr(periodogram, "BLOCK_BYTES", size)
    np.testing.assert_allclose(periodogram.raps(z), expected, rtol=1e-12, atol=1e-14)


def test_fields_need_not_be_contiguous() -> None:
    z = np.random.default_rng(21).standard_normal((2, 3, 64, 96))
    for view in (z[:, ::2], z[..., ::-1, ::3], z.swapaxes(-1, -2), z.transpose(1, 0, 2, 3)):
        copied = periodogram.raps(view.copy())
        np.testing.assert_allclose(periodogram.raps(view), copied, rtol=1e-12, atol=1e-14)
    same = np.broadcast_to(z[0, 0], (4, 64, 96))
    assert np.ptp(periodogram.raps(same)[:, 1:], axis=0).max() < 1e-12 * z.var() * 64


def test_what_was_given_is_left_alone() -> None:
    z = np.random.default_rng(22).standard_normal((2, 32, 32))
    before = z.copy()
    first = periodogram.raps(z)
    kept = first.copy()
    periodogram.raps(2 * z)
    np.testing.assert_array_equal(z, before)
    np.testing.assert_array_equal(first, kept)
