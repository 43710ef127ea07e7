"""Stored matrices: half of each, in bins that the window and the channels ask for."""

import numpy as np
import pytest
from scipy.signal.windows import kaiser

from analysis.encoders import cards
from analysis.spectra import cross_spectra
from analysis.spectra import rings as spectra_rings
from analysis.spectra.windows import Window
from analysis.study.settings import Study
from tests.study.test_measurement import CARD, STUDY, bins_of


def test_halves_are_rows_of_the_upper_triangle_in_single_precision() -> None:
    matrix = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [3.0, 5.0, 6.0]])
    half = cross_spectra.packed(matrix)
    assert half.dtype == np.float32
    np.testing.assert_array_equal(half, [1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(cross_spectra.unpacked(half, 3), matrix)


def test_unpacking_undoes_packing_within_single_precision() -> None:
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
