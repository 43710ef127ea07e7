r"""Turning spectra into densities over t: the original's two strategies.

Strategy 1 compares each image's spectrum with the mean of the set,
$\Delta P_i(f) = P_i(f) - \overline{P}(f)$. Strategy 2 compares it with its own smooth fit,
$R(f) = P(f) / P_\mathrm{fit}(f)$, maps f linearly to t, and multiplies: p(t) R(t).

The linear map is the original's and has no physical reason: the t at which a frequency emerges
from the noise depends on P(f), not on f alone. It is kept here because it is what was proposed.
"""

import dataclasses

import numpy as np

from analysis.project.arrays import Floats
from analysis.spectra import intervals, periodogram
from analysis.spectra import rings as spectra_rings
from analysis.spectra.powerlaw import fit_loglog_polynomial
from analysis.spectra.windows import TWO_PI
from analysis.timesteps.schedule import logit_normal_pdf

Triple = tuple[float, float, float]


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
            octave: `bands.octave_weights` lets octaves count the same.
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


def halves(z: np.ndarray, kind: str = "kaiser", beta: float = TWO_PI) -> dict[str, Floats]:
    """Spectra of two halves of one field, each under a window of its own.

    They show whether one part of an image repeats what another has.

    Args:
        z: ``[C, h, w]``, real, at least 8 x 8.
        kind, beta: the window.

    Returns:
        ``left_right`` and ``top_bottom`` ``[2, r]``: RAPS averaged over channels, from ring 1 on,
        at `half_frequencies`.
    """
    h, w = z.shape[-2:]
    parts = {
        "left_right": (z[:, :, : w // 2], z[:, :, w - w // 2 :]),
        "top_bottom": (z[:, : h // 2], z[:, h - h // 2 :]),
    }
    return {
        name: np.stack([periodogram.raps(p, kind, beta).mean(axis=0)[1:] for p in pair])
        for name, pair in parts.items()
    }


def half_frequencies(side: int) -> Floats:
    """``[r]``, cycles per short side of half a field of side x side, from ring 1 on."""
    return spectra_rings.rings(side // 2, side).cycles_per_image[1:]


def half_log_ratios(
    k: np.ndarray, halves: np.ndarray, degree: int, first_ring: int = 2, highest: float = 1.0
) -> Floats:
    """ln R of every half, each with its own fit: ``[..., R]`` -> ``[..., r]``. @eq-ratio

    Args:
        k, halves: frequencies from ring 1 on and spectra, as of `halves`.
        degree: of the log-log polynomial.
        first_ring: lowest ring used; highest: end of the band, as a fraction of the last k.
    """
    halves = np.asarray(halves, np.float64)
    band = (k >= first_ring - 0.5) & (k <= highest * k[-1])
    f, rows = k[band], halves[..., band].reshape(-1, int(band.sum()))
    logs = np.log(np.stack([ratio_to_fit(f, row, degree) for row in rows]))
    return logs.reshape(*halves.shape[:-1], logs.shape[-1])


@dataclasses.dataclass(frozen=True)
class Reliability:
    """How far ln R says something about its image; (value, low, high) with jackknife intervals.

    Args:
        within: mean correlation over f of an image's two halves.
        full: `within` for both halves together: Spearman and Brown's 2 r / (1 + r).
        between: mean correlation of one half of an image and the other half of another.
        specific: as `within`, after taking from each half the other images' mean of that half.
        intraclass: share of an image's own curve in what varies at a frequency between halves.
        shares: of the variance of ln R, both halves averaged: shared by all images, an image's
            own, noise. They sum to 1; an estimate may be a little below 0.
    """

    within: Triple
    full: Triple
    between: Triple
    specific: Triple
    intraclass: Triple
    shares: Triple


def reliability(logs: np.ndarray, confidence: float = 0.95) -> Reliability:
    r"""Within-image against between-image agreement of ln R. @eq-components

    Per frequency, half h of image i is $y_{ih} = m + a_i + e_{ih}$: what all images share,
    what is the image's own, and noise; the variances come from the mean squares of a one-way
    analysis of variance, averaged over f. `intraclass` is var a / (var a + var e).

    Args:
        logs: ``[I, 2, R]``, ln R of both halves of at least three images.
        confidence: of the intervals, a jackknife's over images.

    Raises:
        ValueError: too few images, or a shape that has no halves.
    """
    logs = np.asarray(logs, np.float64)
    if logs.ndim != 3 or logs.shape[1] != 2 or len(logs) < 3:
        raise ValueError("reliability needs ln R [I, 2, R] of three images or more")
    rows = np.arange(len(logs))
    value, shares = _agreement(logs)
    without = [_agreement(logs[rows != row])[0] for row in rows]
    triples = {}
    for name, one in value.items():
        each = np.array([other[name] for other in without])
        low, high = intervals.jackknife(np.asarray(one), each, confidence).tolist()
        triples[name] = one, low, high
    # Halves that are each other's opposites have no reliability at all.
    full = (2 * r / (1 + r) if r > -1 else -np.inf for r in triples["within"])
    value_, low, high = full
    return Reliability(full=(value_, low, high), shares=shares, **triples)


def _agreement(logs: Floats) -> tuple[dict[str, float], Triple]:
    """The numbers of `Reliability` but `full`, and its shares, of two images or more."""
    n = len(logs)
    y = logs - logs.mean(axis=2, keepdims=True)
    across = _correlations(y[:, 0], y[:, 1])
    alone = y - (y.sum(axis=0) - y) / (n - 1)
    rest = np.diag(_correlations(alone[:, 0], alone[:, 1]))
    noise = float(np.mean((y[:, 0] - y[:, 1]) ** 2)) / 2
    averages = y.mean(axis=1)
    spread = float(np.mean(averages.var(axis=0, ddof=1)))
    own = spread - noise / 2
    total = float(np.mean(averages.mean(axis=0) ** 2)) - spread / n + spread
    return {
        "within": float(np.diag(across).mean()),
        "between": float(across[~np.eye(n, dtype=bool)].mean()),
        "specific": float(rest.mean()),
        "intraclass": own / (own + noise),
    }, (1 - spread / total, own / total, noise / 2 / total)


def _correlations(a: Floats, b: Floats) -> Floats:
    """Pearson correlations ``[I, J]`` of rows; a row without variance correlates with none."""
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (a, b))
    norms = np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    return a @ b.T / np.where(norms > 0, norms, 1.0)
