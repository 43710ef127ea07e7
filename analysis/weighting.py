r"""Turning spectra into densities over t: the original's two strategies.

Strategy 1 compares each image's spectrum with the mean of the set,
:math:`\Delta P_i(f) = P_i(f) - \overline{P}(f)`. Strategy 2 compares it with its own smooth fit,
:math:`R(f) = P(f) / P_\mathrm{fit}(f)`, maps f linearly to t, and multiplies: p(t) R(t).

The linear map is the original's and has no physical reason: the t at which a frequency emerges
from the noise depends on P(f), not on f alone. It is kept here because it is what was proposed.
"""

import numpy as np
from numpy.typing import NDArray

from analysis.powerlaw import fit_loglog_polynomial
from analysis.schedule import logit_normal_pdf

Floats = NDArray[np.float64]


def deviation_from_mean(power: np.ndarray) -> Floats:
    """Strategy 1: Delta P_i(f) = P_i(f) - mean over images, ``[I, R]`` -> ``[I, R]``. @eq-delta"""
    power = np.asarray(power, np.float64)
    if power.ndim != 2 or len(power) < 2:
        raise ValueError("the mean of the set needs spectra [I, R] of at least two images")
    return power - power.mean(axis=0)


def share_below(deviation: np.ndarray, k: np.ndarray, limit: float) -> float:
    """The share of sum |Delta P| (over images and rings) that lies at or below a frequency."""
    magnitude = np.abs(deviation)
    return float(magnitude[:, k <= limit].sum() / magnitude.sum())


def level_share(power: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The share of the variance of ln P_i(f) over images that is a mere factor per image.

    With ln P_i(f) = a_i + b_i(f), b_i of mean zero over f, it is var(a) over the total variance
    about the set's mean.

    Args:
        power: ``[I, R]``.
        weights: ``[R]`` of the rings, summing to 1; by default equal. Rings crowd in the highest
            octave: `powerlaw.octave_weights` lets octaves count the same.
    """
    centred, w = _about_the_set(power, weights)
    return float(np.mean((centred @ w) ** 2) / np.mean(centred**2 @ w))


def line_share(power: np.ndarray, k: np.ndarray, weights: np.ndarray | None = None) -> float:
    """As `level_share`, for level and slope: a straight line per image on logarithmic axes."""
    centred, w = _about_the_set(power, weights)
    x = np.log(k) - w @ np.log(k)
    level, slope = centred @ w, (centred * x) @ w / (w @ x**2)
    return float(np.mean(level**2 + slope**2 * (w @ x**2)) / np.mean(centred**2 @ w))


def _about_the_set(power: np.ndarray, weights: np.ndarray | None) -> tuple[Floats, Floats]:
    log_power = np.log(np.asarray(power, np.float64))
    rings = log_power.shape[1]
    w = np.full(rings, 1 / rings) if weights is None else np.asarray(weights, np.float64)
    return log_power - log_power.mean(axis=0), w


def ratio_to_fit(f: np.ndarray, power: np.ndarray, degree: int) -> Floats:
    """Strategy 2: R(f) = P(f) / P_fit(f), the fit a log-log polynomial. @eq-ratio"""
    _, fit = fit_loglog_polynomial(f, power, degree)
    return np.asarray(power, np.float64) / fit


def mean_correlation(ratios: np.ndarray) -> float:
    """Mean Pearson correlation of ln R between all pairs of images, ``[I, R]``, I at least 2.

    Near 1: the images share one R, which then says nothing about an image. Near 0: nothing shared.
    """
    logs = np.log(np.asarray(ratios, np.float64))
    if len(logs) < 2:
        raise ValueError("a correlation between images needs at least two")
    matrix = np.corrcoef(logs)
    return float(matrix[np.triu_indices(len(logs), k=1)].mean())


def neighbour_scatter(ratios: np.ndarray) -> float:
    """The share of the variance of ln R that is scatter between neighbouring rings, ``[I, R]``.

    Half the mean square difference of neighbours over the variance about each image's mean: 1 for
    independent rings, 0 for a smooth curve.
    """
    logs = np.log(np.asarray(ratios, np.float64))
    variance = np.mean((logs - logs.mean(axis=1, keepdims=True)) ** 2)
    return float(0.5 * np.mean(np.diff(logs, axis=1) ** 2) / variance)


def linear_time(f: np.ndarray) -> Floats:
    """The original's map of frequency to time, t = (f - f_min) / (f_max - f_min). @eq-linear-map"""
    f = np.asarray(f, np.float64)
    return (f - f.min()) / (f.max() - f.min())


def weighted_density(
    f: np.ndarray, ratio: np.ndarray, mu: float = 0.0, std: float = 1.0
) -> tuple[Floats, Floats, Floats]:
    """p(t) R(t), normalised to integrate to 1 by the trapezoidal rule. @eq-weighted

    Args:
        f: ``[R]`` ascending frequencies, mapped linearly to t in [0, 1].
        ratio: ``[R]``, R(f).
        mu, std: of the logit-normal p(t).

    Returns:
        (t, p, weighted), each ``[R]``, densities over t.
    """
    t = linear_time(f)
    density = logit_normal_pdf(t, mu, std)
    product = density * ratio
    return t, density, product / np.trapezoid(product, t)
