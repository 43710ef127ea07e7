r"""Fields of known spectrum, and what a window makes of them.

A Gaussian random field with $P(k) = k^{-\gamma}$ is made on a periodic grid several times
larger than needed and cut out of it, so that its edges do not match, as a photograph's do not. Its
true spectrum is known at every frequency; what an estimate exceeds it by is leakage.
"""

from collections.abc import Sequence

import numpy as np

from analysis.project.arrays import Floats
from analysis.spectra import periodogram, rings


def power_law_field(
    side: int, gamma: float, rng: np.random.Generator, larger: int = 4, periodic: bool = False
) -> Floats:
    """A Gaussian field with P(k) = k^-gamma, k in cycles per image of the returned field.

    Args:
        side: pixels a side.
        gamma: exponent of power; 0 is white noise of unit variance.
        rng: where it is drawn from.
        larger: how many times larger the periodic grid is that the field is cut from.
        periodic: return a field that continues periodically instead (larger is then 1).

    Returns:
        ``[side, side]``, mean not removed.
    """
    n = side if periodic else side * larger
    k = np.hypot(np.fft.fftfreq(n)[:, None], np.fft.rfftfreq(n)[None, :]) * side
    k[0, 0] = np.inf  # no constant
    white = np.fft.rfft2(rng.standard_normal((n, n)))
    return np.fft.irfft2(white * k ** (-gamma / 2), s=(n, n))[:side, :side]


def leakage(
    side: int,
    gamma: float,
    windows: Sequence[tuple[str, float]],
    rng: np.random.Generator,
    fields: int = 64,
) -> Floats:
    """Measured over true power of non-periodic fields with P(k) = k^-gamma, window by window.

    The truth is the ring average of k^-gamma over the same modes, so that only the window's doing
    is left.

    Args:
        side: pixels a side.
        gamma: exponent of power.
        windows: (kind, beta) of each, as `windows.window2d` takes them.
        rng: where the fields are drawn from; all windows see the same.
        fields: how many are averaged.

    Returns:
        ``[W, R - 1]``, from ring 1 on.
    """
    k = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]) * side
    k[0, 0] = np.inf
    truth = rings.rings(side, side).average(k**-gamma)
    total = np.zeros((len(windows), len(truth)))
    for _ in range(fields):
        z = power_law_field(side, gamma, rng)
        for index, (kind, beta) in enumerate(windows):
            total[index] += periodogram.raps(z, kind, beta)
    return total[:, 1:] / fields / truth[1:]
