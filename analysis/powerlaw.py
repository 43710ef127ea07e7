r"""Fits to ring-averaged spectra: a power law, and a polynomial in log-log coordinates.

Natural images have :math:`P(f) \approx \beta f^{-\gamma}` (Field 1987; van der Schaaf and van
Hateren 1996), a straight line in log-log coordinates. Measured spectra bend, so a polynomial in
log10 f is fitted too; degree 2 is :math:`P(f) = 10^c f^{b + a \log_{10} f}`.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class PowerLaw:
    """P(f) = beta f^-gamma over a band.

    Args:
        gamma: exponent of power (an amplitude exponent is half of it).
        beta: power at f = 1, in field-units squared per mode.
        gamma_error: standard error of gamma from the scatter about the line.
        band: (lowest, highest) frequency fitted, in the unit of f.
    """

    gamma: float
    beta: float
    gamma_error: float
    band: tuple[float, float]

    def __call__(self, f: np.ndarray) -> Floats:
        """The fitted power at frequencies f > 0."""
        return self.beta * np.asarray(f, np.float64) ** -self.gamma


def _usable(f: np.ndarray, power: np.ndarray) -> tuple[Floats, Floats]:
    f, power = np.asarray(f, np.float64), np.asarray(power, np.float64)
    if f.ndim != 1 or f.shape != power.shape:
        raise ValueError(f"f and power must be vectors of one length, got {f.shape}, {power.shape}")
    if not all(np.all(np.isfinite(values) & (values > 0)) for values in (f, power)):
        raise ValueError("a log-log fit needs positive, finite frequencies and powers")
    return f, power


def octave_weights(f: np.ndarray) -> Floats:
    """The width of each frequency's cell on a logarithmic axis: every octave weighs the same.

    Rings are evenly spaced in f, so without weights a log-log fit is decided by the many rings of
    the highest octave.

    Args:
        f: ascending, positive, at least two.

    Returns:
        as f, summing to 1.
    """
    f = np.asarray(f, np.float64)
    if (
        f.ndim != 1
        or len(f) < 2
        or not (f[0] > 0 and np.isfinite(f[-1]) and np.all(np.diff(f) > 0))
    ):
        raise ValueError("f must be at least two ascending positive frequencies")
    log_f = np.log(f)
    middle = 0.5 * (log_f[1:] + log_f[:-1])
    edges = np.concatenate([[2 * log_f[0] - middle[0]], middle, [2 * log_f[-1] - middle[-1]]])
    width = np.diff(edges)
    return width / width.sum()


def fit_power_law(f: np.ndarray, power: np.ndarray, weights: np.ndarray | None = None) -> PowerLaw:
    """Weighted least squares for ln P = ln beta - gamma ln f. @eq-powerlaw

    Args:
        f: ``[R]`` frequencies in the band to be fitted, at least three.
        power: ``[R]``, in field-units squared per mode.
        weights: ``[R]``; by default `octave_weights`.

    Raises:
        ValueError: fewer than three points, or values without a logarithm.
    """
    f, power = _usable(f, power)
    if len(f) < 3:
        raise ValueError("a power law needs at least three frequencies")
    w = octave_weights(f) if weights is None else np.asarray(weights, np.float64) / np.sum(weights)
    x, y = np.log(f), np.log(power)
    x_mean, y_mean = np.sum(w * x), np.sum(w * y)
    spread = np.sum(w * (x - x_mean) ** 2)
    slope = np.sum(w * (x - x_mean) * (y - y_mean)) / spread
    residual = y - y_mean - slope * (x - x_mean)
    variance = np.sum(residual**2) / (len(f) - 2)
    error = np.sqrt(variance * np.sum((w * (x - x_mean)) ** 2)) / spread
    intercept = y_mean - slope * x_mean
    return PowerLaw(
        float(-slope), float(np.exp(intercept)), float(error), (float(f[0]), float(f[-1]))
    )


def fit_loglog_polynomial(f: np.ndarray, power: np.ndarray, degree: int) -> tuple[Floats, Floats]:
    """Least squares for log10 P as a polynomial in log10 f. @eq-polynomial

    Unweighted over rings, as in the original investigation.

    Returns:
        (coefficients, fit): highest degree first, as `numpy.polyfit` gives them (degree 2: a, b,
        c), and the fitted power at f.
    """
    f, power = _usable(f, power)
    if not 1 <= degree < len(f):
        raise ValueError(f"degree must lie between 1 and {len(f) - 1}")
    x = np.log10(f)
    coefficients = np.polyfit(x, np.log10(power), degree)
    fit = np.asarray(10.0 ** np.polyval(coefficients, x), np.float64)
    return coefficients, fit
