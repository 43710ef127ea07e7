r"""Mode against sample: what drawing latents from an encoder's posterior does to the shift.

A variational encoder gives each latent value a mean and a variance, and a sample is

.. math:: z = \bar z + \sigma \varepsilon, \qquad \varepsilon \sim \mathcal{N}(0, 1),

with :math:`\varepsilon` drawn anew for every value. Whatever pattern :math:`\sigma^2` has over the
grid, the covariance of :math:`\sigma \varepsilon` is diagonal, so its expected power is the same in
every mode: a white floor of height v, the mean of :math:`\sigma^2` under the squared window. It
adds to the spectrum of the mode at both resolutions.
"""

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats


def sampled_shift(
    low: ArrayLike, high: ArrayLike, floor_low: ArrayLike, floor_high: ArrayLike
) -> Floats:
    """s of sampled latents from the spectra of their modes. @eq-posterior

    It is the modes' own s where power stands far above the floor, and the root of the ratio of the
    floors where it drowns in them.

    Args:
        low, high: P / N of the modes at the two resolutions, at equal frequency, positive.
        floor_low, floor_high: v of each, of unit noise; not negative. All four broadcast.

    Raises:
        ValueError: powers that are not positive, or a floor below zero.
    """
    p0, p1, v0, v1 = (np.asarray(a, np.float64) for a in (low, high, floor_low, floor_high))
    if not (np.all(p0 > 0) and np.all(p1 > 0) and np.all(v0 >= 0) and np.all(v1 >= 0)):
        raise ValueError("powers must be positive and floors not negative")
    return np.asarray(np.sqrt((p1 + v1) / (p0 + v0)))
