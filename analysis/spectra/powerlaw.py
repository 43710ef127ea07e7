r"""Fits to ring-averaged spectra: a power law, and a polynomial in log-log coordinates.

Natural images have $P(f) \approx \beta f^{-\gamma}$ (Field 1987; van der Schaaf and van
Hateren 1996), a straight line in log-log coordinates. Three fits of it, by what they know:

- `fit_power_law` knows nothing of the rings: every octave weighs the same, and the error comes from
  the scatter about the line. For describing a photograph, whose spectrum bends.
- `fit_power_law_modes` knows how many modes each ring averages: weighted least squares of ln P.
- `fit_whittle` knows their distribution too: Whittle's likelihood, as precise, and without the bias
  that the logarithm gives rings of few modes.

The last two give the interval that sampling alone causes **if the law holds**; `PowerLaw.misfit`
says whether it does. A polynomial in log10 f follows the bend; degree 2 is
$P(f) = 10^c f^{b + a \log_{10} f}$.

**Effective modes.** A mode of a Gaussian field has exponentially distributed power, so the mean of
n independent modes of power S is S times a gamma variable of mean 1 and shape n:
Var[ring mean] / mean^2 = 1 / n. A mode and its mirror are one draw, and under a window w neighbours
are alike, so that modes / 2 * (mean w^2)^2 / mean w^4 draws count. Rings that share their modes
linearly each average more of them (about 0.7 modes without a window), but then **adjacent rings are
correlated** (by 0.2 without a window, 0.6 under a Hann window). So pass either

- the n of each ring's own variance (`periodogram.effective_modes`) **and** the ``correlation`` of
  the rings (`periodogram.ring_correlation`). Without it 95 % intervals hold 90 % at best, and below
  80 % under a strong window; or
- n = modes / 2 * (mean w^2)^2 / mean w^4 alone, which counts every draw once; for `fit_whittle`.

For a mean over independent fields multiply n by their number; a latent's channels aren't such.
"""

import dataclasses
import math
import statistics

import numpy as np

from analysis.project.arrays import Floats
from analysis.spectra.bands import octave_weights

Band = tuple[float, float]

UNIT = "cycles/image"


@dataclasses.dataclass(frozen=True)
class PowerLaw:
    """P(f) = beta f^-gamma over a band.

    Args:
        gamma: exponent of power (an amplitude exponent is half of it).
        beta: power at f = 1, in field-units squared per mode.
        gamma_error: standard error of gamma: from the scatter about the line, or from the modes.
        band: (lowest, highest) frequency fitted, in the unit of f.
        method: how it was fitted, in words.
        unit: of f.
        misfit: squared deviations of the rings over those their modes account for, per degree of
            freedom. Near 1 where the law holds (less where n counts every draw once); far above
            1 it does not, and the interval means little. None if the fit knows no modes.
    """

    gamma: float
    beta: float
    gamma_error: float
    band: Band
    method: str
    unit: str = UNIT
    misfit: float | None = None

    def __call__(self, f: np.ndarray) -> Floats:
        """The fitted power at frequencies f > 0."""
        return self.beta * np.asarray(f, np.float64) ** -self.gamma

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """(low, high) of gamma: `gamma_error` times the normal quantile to either side."""
        if not 0 < confidence < 1:
            raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
        reach = statistics.NormalDist().inv_cdf(0.5 + confidence / 2) * self.gamma_error
        return self.gamma - reach, self.gamma + reach

    def __str__(self) -> str:
        low, high = self.interval()
        band = f"{self.band[0]:.4g} to {self.band[1]:.4g} {self.unit}"
        misfit = "" if self.misfit is None else f", misfit {self.misfit:.2g}"
        return (
            f"P(f) = {self.beta:.4g} f^-{self.gamma:.3f} for f from {band}; "
            f"exponent {low:.3f} to {high:.3f} (95 %), {self.method}{misfit}"
        )


@dataclasses.dataclass(frozen=True)
class LogLogPolynomial:
    """log10 P(f) as a polynomial in log10 f over a band; the highest degree's coefficient first."""

    coefficients: Floats
    band: Band
    unit: str = UNIT

    def __call__(self, f: np.ndarray) -> Floats:
        """The fitted power at frequencies f > 0."""
        x = np.log10(np.asarray(f, np.float64))
        return np.asarray(10.0 ** np.polyval(self.coefficients, x), np.float64)

    def __str__(self) -> str:
        x = [f"{c:+.4g}{f' x^{n}' if n else ''}" for n, c in enumerate(self.coefficients[::-1])]
        band = f"{self.band[0]:.4g} to {self.band[1]:.4g} {self.unit}"
        return f"log10 P = {' '.join(x)}, x = log10 f, for f from {band}"


def fit_power_law(
    f: np.ndarray,
    power: np.ndarray,
    weights: np.ndarray | None = None,
    band: Band | None = None,
    unit: str = UNIT,
) -> PowerLaw:
    """Weighted least squares for ln P = ln beta - gamma ln f. @eq-powerlaw

    The error takes every ring to scatter alike. The low rings of a single field scatter more and
    decide the slope: there 95 % intervals hold 50 to 80 %, and the other fits should be used.

    Args:
        f: ``[R]`` frequencies, at least three of them in the band.
        power: ``[R]``, in field-units squared per mode.
        weights: ``[R]``; by default `octave_weights`.
        band: (lowest, highest) frequency to fit, both included, in the unit of f; by default all.
        unit: of f, for the printed result.

    Raises:
        ValueError: fewer than three frequencies, values without a logarithm, an empty band.
    """
    f, power, w, _, ends = _usable(f, power, band, weights)
    w, method = w / np.sum(w), "least squares with given weights"
    if weights is None:
        w, method = octave_weights(f), "least squares with octaves alike"
    slope, log_beta, lever, residual = _line(np.log(f), np.log(power), w)
    error = np.sqrt(np.sum(residual**2) / (len(f) - 2) * np.sum(lever**2))
    return PowerLaw(-slope, float(np.exp(log_beta)), float(error), ends, method, unit)


def fit_power_law_modes(
    f: np.ndarray,
    power: np.ndarray,
    modes: np.ndarray,
    correlation: np.ndarray | None = None,
    band: Band | None = None,
    unit: str = UNIT,
) -> PowerLaw:
    """Least squares for ln P, each ring weighted by the inverse variance that its modes give it.

    ln of a gamma variable of shape n has mean psi(n) - ln n, nearly -1 / (2 n), and variance
    psi'(n), nearly 1 / n: the mean is taken off ln P, the variance makes the weights.

    Args:
        f, power, band, unit: as of `fit_power_law`.
        modes: ``[R]``, the effective number n of modes in each ring (see the module's head).
        correlation: ``[R, R]`` of the ring means; by default rings are independent.
    """
    f, power, n, which, ends = _usable(f, power, band, modes)
    mean, variance = log_gamma_moments(n)
    w = 1 / variance / np.sum(1 / variance)
    slope, log_beta, lever, residual = _line(np.log(f), np.log(power) - mean, w)
    error = _error(lever * np.sqrt(variance), correlation, which)
    misfit = float(np.sum(residual**2 / variance) / (len(f) - 2))
    method = "least squares weighted by modes"
    return PowerLaw(-slope, float(np.exp(log_beta)), error, ends, method, unit, misfit)


def fit_whittle(
    f: np.ndarray,
    power: np.ndarray,
    modes: np.ndarray,
    correlation: np.ndarray | None = None,
    band: Band | None = None,
    unit: str = UNIT,
) -> PowerLaw:
    r"""The minimum of Whittle's $\sum_k n_k [\ln S(k) + P(k) / S(k)]$, S = beta f^-gamma.

    For given gamma the best beta is the mean of P f^gamma over modes. What is left in gamma alone
    is convex, and stationary where ln f has the same mean under weights n P f^gamma as under n;
    Newton's steps find it, the bracket is halved where they'd leave it. The error is from Fisher's
    information, $\sum n (\ln f - \overline{\ln f})^2$.

    Args: as of `fit_power_law_modes`.
    """
    f, power, n, which, ends = _usable(f, power, band, modes)
    centre = np.average(np.log(f), weights=n)
    x, y = np.log(f) - centre, np.log(power)
    gamma = _whittle_gamma(x, y, n, -_line(x, y, n / np.sum(n))[0])
    z = y + gamma * x
    level = z.max() + np.log(np.average(np.exp(z - z.max()), weights=n))
    misfit = float(np.sum(2 * n * (np.expm1(z - level) - (z - level))) / (len(f) - 2))  # deviance
    error = _error(np.sqrt(n) * x / np.sum(n * x**2), correlation, which)
    beta = float(np.exp(level + gamma * centre))
    return PowerLaw(gamma, beta, error, ends, "Whittle likelihood", unit, misfit)


def fit_loglog_polynomial(
    f: np.ndarray, power: np.ndarray, degree: int, band: Band | None = None
) -> tuple[Floats, Floats]:
    """`loglog_polynomial` as (coefficients, fitted power at every f given, in the band or not)."""
    polynomial = loglog_polynomial(f, power, degree, band)
    return polynomial.coefficients, polynomial(f)


def loglog_polynomial(
    f: np.ndarray, power: np.ndarray, degree: int, band: Band | None = None, unit: str = UNIT
) -> LogLogPolynomial:
    """Least squares for log10 P as a polynomial in log10 f. @eq-polynomial

    Unweighted over rings, as in the original investigation. Arguments as of `fit_power_law`."""
    f, power, _, _, ends = _usable(f, power, band)
    if not 1 <= degree < len(f):
        raise ValueError(f"degree must lie between 1 and {len(f) - 1}")
    return LogLogPolynomial(np.polyfit(np.log10(f), np.log10(power), degree), ends, unit)


def log_gamma_moments(n: np.ndarray) -> tuple[Floats, Floats]:
    """Mean psi(n) - ln n and variance psi'(n) of ln of a gamma variable of mean 1 and shape n."""
    n = np.asarray(n, np.float64)
    z, ladder = n + 10, n[..., None] + np.arange(10)  # recurrence; Stirling's series at n + 10
    u = z**-2.0
    psi = np.log(z) - 0.5 / z - u * (1 / 12 - u * (1 / 120 - u * (1 / 252 - u / 240)))
    tri = 1 / z + u / 2 + u / z * (1 / 6 - u * (1 / 30 - u * (1 / 42 - u / 30)))
    return psi - (1 / ladder).sum(axis=-1) - np.log(n), tri + (ladder**-2.0).sum(axis=-1)


def _usable(
    f: np.ndarray, power: np.ndarray, band: Band | None, vector: np.ndarray | None = None
) -> tuple[Floats, Floats, Floats, slice, Band]:
    """(f, power, vector) in the band, the slice that selects it, its first and last f."""
    f, power = np.asarray(f, np.float64), np.asarray(power, np.float64)
    if f.ndim != 1 or f.shape != power.shape:
        raise ValueError(f"f and power must be vectors of one length, got {f.shape}, {power.shape}")
    vector = np.ones(len(f)) if vector is None else np.asarray(vector, np.float64)
    if vector.shape != f.shape:
        raise ValueError(f"modes or weights must be a vector like f, got shape {vector.shape}")
    which = slice(0, len(f))
    if band is not None:
        low, high = band
        if not low < high:
            raise ValueError(f"the band {low:g} to {high:g} is empty")
        if not (len(f) and np.all(np.isfinite(f)) and np.all(np.diff(f) > 0)):
            raise ValueError("a band needs finite, ascending frequencies")
        which = slice(int(np.searchsorted(f, low)), int(np.searchsorted(f, high, side="right")))
        if which.start == which.stop:
            raise ValueError(f"no f in the band {low:g} to {high:g}: f is {f[0]:g} to {f[-1]:g}")
    f, power, vector = f[which], power[which], vector[which]
    if not all(np.all(np.isfinite(v) & (v > 0)) for v in (f, power, vector)):
        raise ValueError("a log-log fit needs positive, finite frequencies, powers and weights")
    if len(np.unique(f)) < 3:
        raise ValueError(f"the fit needs at least three frequencies, got {len(np.unique(f))}")
    return f, power, vector, which, (float(f.min()), float(f.max()))


def _line(x: Floats, y: Floats, w: Floats) -> tuple[float, float, Floats, Floats]:
    """Least squares, w summing to 1: (slope, intercept, slope's derivatives by y, residuals)."""
    x_mean, y_mean = np.sum(w * x), np.sum(w * y)
    spread = np.sum(w * (x - x_mean) ** 2)
    slope = np.sum(w * (x - x_mean) * (y - y_mean)) / spread
    residual = y - y_mean - slope * (x - x_mean)
    return float(slope), float(y_mean - slope * x_mean), w * (x - x_mean) / spread, residual


def _error(pull: Floats, correlation: np.ndarray | None, which: slice) -> float:
    """Standard error of sum(pull * deviations), the deviations of unit variance."""
    matrix = np.eye(which.stop) if correlation is None else np.asarray(correlation, np.float64)
    matrix = matrix[which, which] if matrix.ndim == 2 else matrix
    if matrix.shape != (len(pull), len(pull)) or not np.allclose(np.diag(matrix), 1):
        raise ValueError("the correlation must be [R, R] for R rings, with ones on its diagonal")
    return float(np.sqrt(pull @ matrix @ pull))


def _whittle_gamma(x: Floats, y: Floats, n: Floats, gamma: float) -> float:
    """Where Whittle's objective with the best beta is stationary; sum(n x) = 0."""
    low, high = -math.inf, math.inf
    for trial in range(200):
        z = y + gamma * x
        share = n * np.exp(z - z.max())
        share /= share.sum()
        first = float(share @ x)
        second = max(float(share @ (x - first) ** 2), 1e-300)
        low, high = (gamma, high) if first < 0 else (low, gamma)
        following = gamma - min(max(first / second, -(2.0**trial)), 2.0**trial)
        if not low <= following <= high:
            following = 0.5 * (low + high)
        if abs(following - gamma) <= 1e-12 * max(1.0, abs(gamma)):
            return following
        gamma = following
    raise ValueError(f"Whittle's likelihood did not converge: gamma lies in {low:g} to {high:g}")
