"""Cross-spectra and the information-matched shift, against scipy and fields of known spectra."""

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.signal
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from analysis.shift import information
from analysis.spectra import (
    bands,
    cross_spectra,
    intervals,
    periodogram,
    windows,
)
from analysis.spectra import (
    rings as spectra_rings,
)
from analysis.spectra.bands import Bands

BANDS = Bands(first_ring=2, low=0.25, middle=0.5, high=1.0)
KAISER = ("kaiser", 2 * np.pi)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def some_bins(modes: tuple[float, ...] = (30.0, 80.0, 200.0)) -> cross_spectra.Bins:
    count = len(modes)
    edges = np.stack([np.arange(count), np.arange(count) + 1], axis=1) + 2
    return cross_spectra.Bins(edges, edges[:, 0] + 0.0, np.array(modes), ("low",) * count)


def some_matrices(images: int, bins: int, channels: int, seed: int) -> np.ndarray:
    """Positive definite [I, B, C, C] whose powers span some decades."""
    x = rng(seed).standard_normal((images, bins, channels, 3 * channels))
    x *= np.geomspace(3, 0.1, channels)[:, None]
    return x @ x.swapaxes(-1, -2) / (3 * channels)


# Cross-spectra -------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 32, 32), (4, 24, 40), (2, 33, 27), (1, 16, 16)])
@pytest.mark.parametrize("window", [KAISER, ("hann", 0.0), ("none", 0.0)])
def test_the_diagonal_is_the_power(shape: tuple[int, ...], window: tuple[str, float]) -> None:
    z = rng().standard_normal(shape)
    found = cross_spectra.cross_raps(z, *window)
    expected = periodogram.raps(z, *window).T
    # Ring 0 is the removed mean: rounding of 1e-33, so an absolute tolerance against powers of 1.
    np.testing.assert_allclose(np.diagonal(found, axis1=1, axis2=2), expected, 1e-10, 1e-14)


def test_the_whole_plane_gives_the_same_matrices() -> None:
    # numpy's full complex transform, every mode with its mirror: the half plane is an economy.
    z, n = rng(1).standard_normal((3, 20, 20)), 20
    modes = periodogram.fourier(z, *KAISER) / np.sqrt(np.mean(windows.window2d(n, n, *KAISER) ** 2))
    k = np.fft.fftshift(np.hypot(np.fft.fftfreq(n)[:, None], np.fft.fftfreq(n)) * n)
    found = cross_spectra.cross_raps(z, *KAISER)
    for ring in range(n // 2):
        weights = np.clip(1 - np.abs(k - ring), 0, None) * (k <= n // 2 + 1e-9)
        full = np.einsum("hw,chw,dhw->cd", weights, modes, modes.conj()) / weights.sum()
        np.testing.assert_allclose(found[ring], full.real, atol=1e-12)
        np.testing.assert_allclose(full.imag, 0, atol=1e-12)


def test_rows_alone_give_scipys_cross_spectral_density() -> None:
    # Fields that vary along x only: the 2-D cross-spectrum of ring k is that of the two rows.
    n = 64
    rows = rng(2).standard_normal((2, n))
    z = np.repeat(rows[:, None, :], n, axis=1)
    _, density = scipy.signal.csd(*rows, window="boxcar", nperseg=n, return_onesided=False)
    expected = density.real[: n // 2]
    # The plane has 2 modes with this |k| of the ring's, the others hold nothing; orthonormal
    # transforms along y put n rows into one mode, and a density is per 1 / n of frequency.
    modes = spectra_rings.rings(n, n).modes[1 : n // 2]
    found = cross_spectra.cross_raps(z, "none")[1 : n // 2, 0, 1] * modes / 2 / n
    np.testing.assert_allclose(found, expected[1:], atol=1e-12)


def test_coloured_noise_has_the_covariance_it_was_made_with() -> None:
    mix = np.array([[1.0, 0.0, 0.0], [0.8, 0.5, 0.0], [-0.3, 0.1, 0.2]])
    z = np.einsum("cd,idhw->ichw", mix, rng(3).standard_normal((40, 3, 32, 32)))
    mean = np.mean([cross_spectra.cross_raps(one, *KAISER) for one in z], axis=0)
    modes = periodogram.effective_modes(32, 32, *KAISER)
    truth = mix @ mix.T
    for ring in range(4, 16):
        # A cross-power scatters by sqrt((S_cc S_dd + S_cd^2) / 2 n); 5 errors for 72 numbers.
        error = np.sqrt((np.outer(np.diag(truth), np.diag(truth)) + truth**2) / 2)
        error *= 5 / np.sqrt(40 * modes[ring])
        assert np.all(np.abs(mean[ring] - truth) < error)


@given(st.integers(0, 10**6), st.integers(1, 6))
def test_matrices_are_symmetric_and_positive(seed: int, channels: int) -> None:
    found = cross_spectra.cross_raps(rng(seed).standard_normal((channels, 16, 16)), *KAISER)
    assert np.array_equal(found, found.swapaxes(1, 2))
    assert np.linalg.eigvalsh(found).min() > -1e-12


def test_a_mix_of_channels_mixes_the_matrices() -> None:
    z, mix = rng(4).standard_normal((4, 32, 32)), rng(5).standard_normal((4, 4))
    mixed = cross_spectra.cross_raps(np.einsum("cd,dhw->chw", mix, z), *KAISER)
    np.testing.assert_allclose(
        mixed, mix @ cross_spectra.cross_raps(z, *KAISER) @ mix.T, atol=1e-11
    )


@pytest.mark.parametrize(
    ("z", "message"),
    [
        (np.ones((32, 32)), "one field"),
        (np.stack([np.ones((8, 8)), np.eye(8)]), "no power"),
        (np.full((2, 8, 8), np.nan), "not finite"),
    ],
)
def test_what_has_no_cross_spectrum_is_refused(z: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cross_spectra.cross_raps(z)


# Bins ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [16, 32, 64, 512])
@pytest.mark.parametrize("least", [0.0, 50.0, 1e9])
def test_bins_hold_every_shared_ring_once(n: int, least: float) -> None:
    grid = spectra_rings.rings(n, n)
    found = cross_spectra.bins(BANDS, grid.modes, grid.cycles_per_image, least)
    assert found.modes.sum() == pytest.approx(grid.modes[2 : n // 2].sum(), rel=1e-12)
    rings = np.concatenate([np.arange(*edges) for edges in found.edges])
    np.testing.assert_array_equal(rings, np.arange(2, n // 2))
    for name, (low, high) in bands.band_edges(BANDS, grid.cycles_per_image).items():
        part = found[found.within(name)]
        # The ring on a band's edge is the lower band's, and the last is left out.
        first = low + (name in ("middle", "high"))
        assert (part.edges[0, 0], part.edges[-1, 1]) == (first, min(high + 1, n // 2))
        if least == 1e9:
            assert len(part.modes) == 2 if name == "whole" else 1
        if name != "whole":
            assert len(part.modes) == 1 or np.all(part.modes >= least)


def test_a_bin_averages_over_modes() -> None:
    grid = spectra_rings.rings(32, 32)
    found = cross_spectra.bins(BANDS, grid.modes, grid.cycles_per_image)
    noise = np.linspace(0.5, 1.5, len(grid.modes))
    matrices = grid.cycles_per_image[:, None, None] * np.eye(2)
    mean = found.average(matrices * noise[:, None, None], noise, grid.modes)
    np.testing.assert_allclose(mean, found.k[:, None, None] * np.eye(2), rtol=1e-12)


# Information ---------------------------------------------------------------------------------


def test_information_is_that_of_gaussian_channels() -> None:
    # 1/2 ln det(1 + SNR) by numpy's determinant, and its derivative by scipy.
    matrices, modes = some_matrices(1, 3, 4, 6)[0], np.array([5.0, 7.0, 11.0])
    values = np.linalg.eigvalsh(matrices)
    for theta in (-3.0, 0.2, 4.0):
        signs, logs = np.linalg.slogdet(np.eye(4) + np.exp(2 * theta) * matrices)
        assert np.all(signs == 1)
        found = information.information(values, modes, np.array(theta))
        assert found == pytest.approx(0.5 * modes @ logs, rel=1e-12)
    rate = lambda theta: float(information.information_rate(values, modes, theta))  # noqa: E731
    gain = information.information(values, modes, np.array([-2.0, 3.0]))
    assert scipy.integrate.quad(rate, -2, 3)[0] == pytest.approx(gain[1] - gain[0], rel=1e-9)


@given(st.floats(0, 12), st.integers(0, 1000))
def test_quantiles_are_where_the_rate_is_a_share(decades: float, seed: int) -> None:
    values = 10 ** rng(seed).uniform(-decades, decades, (3, 5))
    modes = rng(seed + 1).uniform(1, 100, 3)
    theta = information.quantiles(values, modes)
    found = information.information_rate(values, modes, theta) / (5 * modes.sum())
    np.testing.assert_allclose(found, information.QUANTILES, atol=1e-6)


def test_general_shifts_are_scipys_generalised_eigenvalues() -> None:
    low, high = some_matrices(2, 1, 5, 7)[:, 0]
    values, vectors = information.general_shifts(low, high)
    np.testing.assert_allclose(values**2, scipy.linalg.eigh(high, low)[0][::-1], rtol=1e-10)
    np.testing.assert_allclose(vectors.T @ low @ vectors, np.eye(5), atol=1e-10)
    np.testing.assert_allclose(vectors.T @ high @ vectors, np.diag(values**2), atol=1e-8)


def test_principal_directions_keep_the_power_and_its_order() -> None:
    low, high = some_matrices(2, 3, 5, 8)
    first, second = information.principal_powers(low, high)
    for matrices, powers in ((low, first), (high, second)):
        np.testing.assert_allclose(powers.sum(-1), np.trace(matrices, axis1=1, axis2=2), rtol=1e-12)
    joint = first / first.sum(-1)[:, None] + second / second.sum(-1)[:, None]
    assert np.all(np.diff(joint) <= 0)


# The measurement -----------------------------------------------------------------------------


@given(st.floats(0.2, 5))
def test_a_common_factor_is_the_shift_of_every_kind(s: float) -> None:
    low = some_matrices(5, 3, 4, 9)
    found = information.measure(low, s**2 * low, some_bins())
    for estimate in (found.matched, *found.limits.values()):
        np.testing.assert_allclose([estimate.value, estimate.low, estimate.high], s, rtol=1e-8)
    for array in (found.curve, found.principal, found.general):
        np.testing.assert_allclose(array, s, rtol=1e-6)
    assert found.misfit(s) < 1e-9
    assert found.misfit(2 * s) > 0.05
    assert found.share.sum() == pytest.approx(1)


def test_limits_are_traces_determinants_and_inverses() -> None:
    low, high = some_matrices(6, 3, 4, 10), 2 * some_matrices(6, 3, 4, 11)
    bins = some_bins()
    found = information.measure(low, high, bins)
    first, second = low.mean(axis=0), high.mean(axis=0)
    power = [bins.modes @ np.trace(m, axis1=1, axis2=2) for m in (first, second)]
    weak = [bins.modes @ np.trace(np.linalg.inv(m), axis1=1, axis2=2) for m in (first, second)]
    log_det = bins.modes @ np.linalg.slogdet(np.linalg.solve(first, second))[1]
    assert found.limits["trace"].value ** 2 == pytest.approx(power[1] / power[0])
    assert found.limits["inverse"].value ** 2 == pytest.approx(weak[0] / weak[1])
    expected = np.exp(log_det / (2 * 4 * bins.modes.sum()))
    assert found.limits["determinant"].value == pytest.approx(expected)
    assert np.exp(np.log(found.general).mean()) == pytest.approx(expected)
    # The same three from curves of D alone, at its ends and as a mean over all of it.
    u = np.array([1e-7, 1 - 1e-7])
    tails = [information.quantiles(e, bins.modes, u) for e in (found.low, found.high)]
    s_low, s_high = np.exp(tails[0] - tails[1])
    assert s_low == pytest.approx(found.limits["trace"].value, rel=1e-4)
    assert s_high == pytest.approx(found.limits["inverse"].value, rel=1e-4)
    u = (np.arange(4000) + 0.5) / 4000
    everywhere = [information.quantiles(e, bins.modes, u) for e in (found.low, found.high)]
    mean = np.exp(np.mean(everywhere[0] - everywhere[1]))
    assert mean == pytest.approx(expected, rel=1e-4)  # the sum over u leaves out both very ends


@given(st.integers(0, 10**6))
def test_the_curve_stays_between_the_general_shifts(seed: int) -> None:
    low, high = some_matrices(4, 3, 4, seed), some_matrices(4, 3, 4, seed + 1)
    found = information.measure(low, high, some_bins())
    each = information.general_shifts(low.mean(axis=0), high.mean(axis=0))[0]
    assert each.min() * (1 - 1e-6) <= found.curve[:, 0].min()
    assert found.curve[:, 0].max() <= each.max() * (1 + 1e-6)


def test_no_orthogonal_mix_of_channels_changes_anything() -> None:
    low, high = some_matrices(6, 3, 5, 12), some_matrices(6, 3, 5, 13)
    q = scipy.stats.ortho_group.rvs(5, random_state=1)
    before = information.measure(low, high, some_bins())
    after = information.measure(q @ low @ q.T, q @ high @ q.T, some_bins())
    for name in ("curve", "principal", "general", "share", "low", "high"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name), rtol=1e-9)
    pairs = [
        (after.matched, before.matched),
        *((after.limits[n], e) for n, e in before.limits.items()),
    ]
    for one, other in pairs:
        np.testing.assert_allclose([one.value, one.low, one.high],
                                   [other.value, other.low, other.high], rtol=1e-9)  # fmt: skip


def test_any_invertible_mix_leaves_the_determinant_and_only_that() -> None:
    low, high = some_matrices(6, 3, 5, 12), some_matrices(6, 3, 5, 13)
    mix = rng(14).standard_normal((5, 5)) + 2 * np.eye(5)
    before = information.measure(low, high, some_bins())
    after = information.measure(mix @ low @ mix.T, mix @ high @ mix.T, some_bins())
    one, other = after.limits["determinant"], before.limits["determinant"]
    np.testing.assert_allclose([one.value, one.low, one.high],
                               [other.value, other.low, other.high], rtol=1e-9)  # fmt: skip
    np.testing.assert_allclose(after.general, before.general, rtol=1e-9)
    assert abs(after.matched.value / before.matched.value - 1) > 1e-3
    assert abs(after.limits["trace"].value / before.limits["trace"].value - 1) > 1e-2


def fields(n: int, side: int, powers: np.ndarray, mix: np.ndarray, seed: int) -> np.ndarray:
    """[C, n, n], content of one seed at any size: power powers_c k^-2 in mixed channels."""
    white = np.fft.fft2(rng(seed).standard_normal((len(mix), side, side)), norm="ortho")
    keep = np.r_[: n // 2, side - n // 2 : side]
    k = np.hypot(np.fft.fftfreq(n)[:, None], np.fft.fftfreq(n)) * n
    k[0, 0] = np.inf
    modes = white[:, keep][:, :, keep] / k * np.sqrt(powers)[:, None, None]
    return np.einsum("cd,dhw->chw", mix, np.fft.ifft2(modes, norm="ortho").real)


def test_known_directions_are_found_in_fields() -> None:
    # Two of three directions rise by 4, one does not; the basis mixes them.
    mix = scipy.stats.ortho_group.rvs(3, random_state=2)
    powers, factors = np.array([30.0, 3.0, 0.3]), np.array([4.0, 1.0, 4.0])
    matrices = []
    grid = spectra_rings.rings(32, 32)
    bins = cross_spectra.bins(BANDS, grid.modes, grid.cycles_per_image, 40)
    for n, rise in ((32, np.ones(3)), (64, factors)):
        modes, noise = spectra_rings.rings(n, n).modes, periodogram.white_noise_raps(n, n, *KAISER)
        each = [fields(n, 64, powers * rise, mix, seed) for seed in range(8)]
        crosses = (cross_spectra.cross_raps(z, *KAISER) for z in each)
        matrices.append(np.stack([bins.average(m, noise, modes) for m in crosses]))
    found = information.measure(*matrices, bins)
    # Both sizes hold the same modes, so only the window's reach beyond them scatters: 2 %.
    np.testing.assert_allclose(found.principal[:, 0], [2, 1, 2], rtol=0.02)
    np.testing.assert_allclose(found.general, [2, 2, 1], rtol=0.02)
    assert found.limits["determinant"].value == pytest.approx(4 ** (1 / 3), rel=0.01)
    assert found.limits["trace"].value == pytest.approx(np.sqrt(powers @ factors / 33.3), rel=0.01)


# Intervals -----------------------------------------------------------------------------------


def test_the_jackknife_of_a_mean_is_students_interval() -> None:
    x = rng(15).standard_normal((12, 3))
    without = np.stack([np.delete(x, i, axis=0).mean(axis=0) for i in range(12)])
    found = intervals.jackknife(x.mean(axis=0), without, 0.95)
    expected = scipy.stats.t.interval(0.95, 11, x.mean(axis=0), scipy.stats.sem(x, axis=0))
    # The series for Student's quantile ends at the second order: 0.1 % of the half width.
    np.testing.assert_allclose(found, np.stack(expected, axis=-1), atol=2e-3)


def photographs(count: int, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Matrices of photographs that differ in level, in colour and in how they shift."""
    q, low, high = scipy.stats.ortho_group.rvs(8, random_state=3), [], []
    for _ in range(count):
        root = np.geomspace(1, 0.1, 8)[:, None] * draw.standard_normal((8, 10)) / np.sqrt(10)
        root *= np.exp(0.5 * draw.standard_normal())
        gain = np.linspace(2, 1, 8) * np.exp(0.15 * draw.standard_normal(8))
        low.append(root @ root.T + 1e-3 * np.eye(8))
        high.append(q * gain @ q.T @ low[-1] @ (q * gain @ q.T))
    return np.stack(low)[:, None], np.stack(high)[:, None]


def test_the_jackknife_holds_the_truth_more_often_than_a_bootstrap() -> None:
    # Why there is no bootstrap: the statement of the module's head.
    draw = rng(16)

    def matched(low: np.ndarray, high: np.ndarray) -> float:
        first, second = (np.linalg.eigvalsh(m.mean(axis=0)) for m in (low, high))
        return float(0.5 * np.log(second / first).mean())

    truth = matched(*photographs(5000, draw))
    held, percentile, trials = 0, 0, 100
    bins = some_bins((1.0,))
    for _ in range(trials):
        low, high = photographs(12, draw)
        interval = information.measure(low, high, bins).limits["determinant"]
        held += interval.low <= np.exp(truth) <= interval.high
        again = [matched(low[r], high[r]) for r in draw.integers(12, size=(60, 12))]
        ends = np.percentile(again, [2.5, 97.5])
        percentile += ends[0] <= truth <= ends[1]
    # 85 and 61 % over many trials, which scatter by 4 and 5 % in 100.
    assert held > 0.73 * trials
    assert percentile < held - 0.05 * trials


@pytest.mark.parametrize(
    ("images", "channels", "message"),
    [(3, 4, "4 photographs"), (6, 40, "singular")],
)
def test_too_few_photographs_or_modes_are_refused(images: int, channels: int, message: str) -> None:
    x = rng(17).standard_normal((images, 3, channels, 5))
    with pytest.raises(ValueError, match=message):
        information.measure(x @ x.swapaxes(2, 3), x @ x.swapaxes(2, 3), some_bins())


def test_matrices_must_fit_the_bins() -> None:
    low = some_matrices(4, 2, 3, 18)
    with pytest.raises(ValueError, match="3 bins"):
        information.measure(low, low, some_bins())
