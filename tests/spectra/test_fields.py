"""Simulated fields have the spectrum they promise, and leakage is what theory says it is."""

import numpy as np
import pytest

from analysis.spectra import periodogram, rings
from analysis.spectra.fields import leakage, power_law_field

WINDOWS = [("none", 0.0), ("kaiser", 2.0), ("kaiser", 2 * np.pi), ("hann", 0.0)]


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 3.0])
def test_a_periodic_field_has_its_power_law(gamma: float) -> None:
    rng = np.random.default_rng(0)
    side, fields = 64, 200
    power = np.mean(
        [
            periodogram.raps(power_law_field(side, gamma, rng, periodic=True), "none")
            for _ in range(fields)
        ],
        axis=0,
    )
    k = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]) * side
    k[0, 0] = np.inf
    truth = rings.rings(side, side).average(k**-gamma)
    # Ring 1 has some 3 independent modes: 1 / sqrt(600) is 4 %, five times that is allowed.
    np.testing.assert_allclose(power[1:], truth[1:], rtol=0.2)
    assert power[1:].sum() == pytest.approx(truth[1:].sum(), rel=0.1)


def test_white_noise_does_not_leak() -> None:
    # Only the removed mean shows, below ring 3; 64 fields and some 20 modes: 3 % each.
    ratio = leakage(64, 0.0, WINDOWS, np.random.default_rng(2))
    np.testing.assert_allclose(ratio[:, 3:], 1, rtol=0.15)
    np.testing.assert_allclose(ratio[:, 3:].mean(axis=1), 1, rtol=0.01)


def test_a_steep_field_leaks_through_weak_windows_only() -> None:
    upper = leakage(64, 3.0, WINDOWS, np.random.default_rng(3))[:, 16:].mean(axis=1)
    none, weak, strong, hann = upper
    assert none > 1.8
    assert 1.2 < weak < none
    assert strong == pytest.approx(1, abs=0.05)
    assert hann == pytest.approx(1, abs=0.05)
