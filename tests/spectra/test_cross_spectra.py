"""Cross-spectral matrices, against the whole plane; their bins; and how they are stored."""

import numpy as np
import pytest
from scipy.signal.windows import kaiser

from analysis.encoders import cards
from analysis.spectra import bands, cross_spectra, periodogram, windows
from analysis.spectra import rings as spectra_rings
from analysis.spectra.bands import Bands
from analysis.spectra.windows import Window
from analysis.study.settings import Study
from tests.study.test_measurement import CARD, STUDY, bins_of

BANDS = Bands(first_ring=2, low=0.25, middle=0.5, high=1.0)
KAISER = ("kaiser", 2 * np.pi)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


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


# Stored --------------------------------------------------------------------------------------


def test_halves_are_rows_of_the_upper_triangle_in_single_precision() -> None:
    half = cross_spectra.packed(np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [3.0, 5.0, 6.0]]))
    assert half.dtype == np.float32
    np.testing.assert_array_equal(half, [1, 2, 3, 4, 5, 6])
    root = np.random.default_rng(0).standard_normal((4, 7, 5, 5))
    full = root @ root.swapaxes(-1, -2)
    again = cross_spectra.unpacked(cross_spectra.packed(full), 5)
    assert again.shape == full.shape
    np.testing.assert_allclose(again, full, rtol=6e-8)  # half a unit in the last place of float32
    np.testing.assert_array_equal(again, again.swapaxes(-1, -2))
    with pytest.raises(ValueError, match="shape"):
        cross_spectra.unpacked(cross_spectra.packed(full), 4)


def test_bins_tile_the_low_resolutions_rings_without_the_last() -> None:
    bins = bins_of(STUDY, CARD, 5)
    rings = spectra_rings.rings(32, 32)
    assert bins.edges[0, 0] == STUDY.bands.first_ring
    assert bins.edges[-1, 1] == 16
    np.testing.assert_array_equal(bins.edges[1:, 0], bins.edges[:-1, 1])
    for (first, end), modes in zip(bins.edges, bins.modes, strict=True):
        assert modes == pytest.approx(rings.modes[first:end].sum())
    # They are those of the low resolution, whatever the high one is.
    wider = STUDY.model_copy(update={"resolutions": (256, 1024)})
    np.testing.assert_array_equal(bins_of(wider, CARD, 5).edges, bins.edges)


@pytest.mark.parametrize("window", [Window(kind="none"), Window(), Window(beta=2.0)])
def test_a_bin_has_four_modes_a_channel_each_worth_what_the_window_leaves(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    monkeypatch.setattr(cross_spectra, "bins", lambda *given: asked.append(given[-1]))
    study: Study = STUDY.model_copy(update={"window": window})
    bins_of(study, CARD, 5)
    w = kaiser(32, window.beta, sym=False) if window.kind == "kaiser" else np.ones(32)
    worth = _worth(w)
    assert asked == [pytest.approx(4 * 16 / (5 * worth))]
    # The number that `cross_spectra.bins` gives for 2 pi.
    if window == Window():
        assert worth == pytest.approx(0.25, abs=0.01)


def _worth(w: np.ndarray) -> float:
    """mean(w^2)^2 / mean(w^4) of the outer product of a window with itself."""
    return float((np.mean(w**2) ** 2 / np.mean(w**4)) ** 2)


def test_fewer_images_and_more_channels_join_bins() -> None:
    def count(card: cards.Card, images: int) -> int:
        return len(bins_of(STUDY, card, images).modes)

    assert count(CARD, 1) < count(CARD, 12)
    more = CARD.model_copy(update={"channels": 128})
    assert more.latent_channels == 128
    assert count(more, 12) < count(CARD, 12)
