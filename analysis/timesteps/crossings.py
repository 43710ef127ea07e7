r"""From frequency to time: where each frequency rises out of the noise, and how sharply.

A mode of clean power P and noise power N has, in the blend at $\theta = \mathrm{logit}(t)$
(t = 1 is data), the signal-to-noise ratio $e^{2 \theta} P / N$. It is 1 at the mode's
**crossing**

$$
\theta_f = -\tfrac{1}{2} \ln \frac{P(f)}{N(f)},
\qquad \mathrm{SNR}_f(\theta) = e^{2 (\theta - \theta_f)}.
$$

For a Gaussian mode mmse = P / (1 + SNR), and the information that the blend holds about it is
$I = \frac{1}{2} \ln(1 + \mathrm{SNR})$ nats for every real number (a mode and its mirror are
two, so that n_f modes of a ring are n_f). Guo, Shamai & Verdu 2005, dI / dSNR = mmse / 2 for unit
power, give with dSNR = 2 SNR d theta

$$
\frac{dI}{d\theta} = \frac{\mathrm{SNR}}{1 + \mathrm{SNR}}, \qquad
\frac{d^2 I}{d\theta^2} = -\frac{1}{P} \frac{d\,\mathrm{mmse}}{d\theta}
= \frac{1}{2 \cosh^2(\theta - \theta_f)} =: b(\theta - \theta_f).
$$

So the *rate* of information is a logistic **step**, and its slope, which is the rate at which the
relative error is lost, is a **bump** of mass one: the logistic density of scale 1/2, standard
deviation $\pi / (2 \sqrt 3)$ = 0.907. Three densities over theta are made of it:

- ``power``: the total error lost per unit theta, $-d\,\mathrm{mmse} / d\theta$ over the total
  power, is the mixture of the bumps with weights n_f P_f / N_f.
- ``modes``: the slope of the rate of information, $d^2 I / d\theta^2$ over the number of
  modes, is the mixture with weights n_f: the distribution of the crossings, blurred.
- ``amplitude``: the rescaled entropic time of Stancevic et al. 2025 (arXiv:2504.13612, section
  5.3), dI times their noise level $(1 - t) / t = e^{-\theta}$. Per mode that is
  $e^{-\theta} \, dI / d\theta = e^{-\theta_f} / (2 \cosh(\theta - \theta_f))$: a secant of
  standard deviation $\pi / 2$ and weight n_f sqrt(P_f / N_f).

The rate of information dI / d theta itself (pure entropic time) is no density: it rises to the
number of modes and stays there. Cut off somewhere, it puts most of its mass next to the data: its
authors report unrecognisable images. None of the densities here is a recommended sampling density
by itself: they say where a Gaussian model of the data has something to gain.
"""

import dataclasses
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from analysis.project.arrays import Floats
from analysis.spectra import intervals
from analysis.timesteps.schedule import expit

Triple = tuple[float, float, float]
Weights = Literal["modes", "amplitude", "power"]
WEIGHTS: tuple[Weights, ...] = ("modes", "amplitude", "power")
# Over theta, of one mode's bump.
VARIANCE = {"modes": np.pi**2 / 12, "amplitude": np.pi**2 / 4, "power": np.pi**2 / 12}
BLOCK = 2**20  # bumps times thetas at a time
MANY, STEP = 4096, 1 / 256  # crossings, and the step of the lattice that more are put on


@dataclasses.dataclass(frozen=True)
class Crossings:
    """The crossings of a set of images, ready to be mixed.

    Args:
        theta: ``[I, M]``, theta_f of every mode group (ring and channel) of each image.
        weight: ``[I, M]``, what each is worth; a row sums to 1, so that images count the same.
        by: what the weights are, which also sets the bump.
    """

    theta: Floats
    weight: Floats
    by: Weights

    def density(self, theta: np.ndarray) -> Floats:
        """The mixture of the bumps over theta ``[T]``, mean over images. @eq-crossing-density

        Of more than `MANY` crossings each is shared between the nearest points of a lattice, so
        that its place is kept; the error is below `STEP`^2 / 8 times the bump's curvature.
        """
        at, weight = self.theta.ravel(), self.weight.ravel() / len(self.theta)
        if at.size > MANY:
            at, weight = _shared(at, weight)
        out, middle, rows = np.empty(len(theta)), at.mean(), max(1, BLOCK // at.size)
        for start in range(0, len(theta), rows):
            part = slice(start, start + rows)
            # `bump` with one exponential for each theta and each crossing, none for each pair.
            with np.errstate(over="ignore", divide="ignore"):
                e = np.multiply.outer(np.exp(theta[part] - middle), np.exp(middle - at))
                out[part] = _of_secant(2 / (e + 1 / e), self.by) @ weight
        return out

    def moments(self) -> tuple[Floats, Floats]:
        """(mean, mean square) over theta of each image's own mixture, exactly: ``[I]`` each."""
        mean = np.sum(self.weight * self.theta, axis=1)
        return mean, np.sum(self.weight * self.theta**2, axis=1) + VARIANCE[self.by]


@dataclasses.dataclass(frozen=True)
class LogitNormal:
    """The logit-normal nearest to a density, and how near it is.

    Args:
        mu, std: of theta; the density's own mean and standard deviation.
        divergence: Kullback-Leibler divergence of the density from it, nats.
        distance: total variation, in [0, 1]: the mass that would have to be moved.
    """

    mu: float
    std: float
    divergence: float
    distance: float


@dataclasses.dataclass(frozen=True)
class Movement:
    """How the mean of theta moves between resolutions; (value, low, high) over images.

    Args:
        total: mu(high) - mu(low).
        shared: what the modes do that both resolutions have; -ln s if all move by s.
        entering: the rest, by the modes that only the high one has; share: of the weight.
    """

    total: Triple
    shared: Triple
    entering: Triple
    share: Triple


def crossing(power: ArrayLike, noise: ArrayLike = 1.0) -> Floats:
    """theta_f = -1/2 ln(P / N), where SNR is 1; ValueError: not positive, finite. @eq-crossing"""
    power, noise = np.asarray(power, np.float64), np.asarray(noise, np.float64)
    if not all(np.all(np.isfinite(a) & (a > 0)) for a in (power, noise)):
        raise ValueError("spectra must be positive and finite to cross")
    return -0.5 * np.log(power / noise)


def bump(offset: ArrayLike, by: Weights = "power") -> Floats:
    """One mode's density over theta at offset theta - theta_f. @eq-bump

    Logistic of scale 1/2, 1 / (2 cosh^2), or for ``amplitude`` the secant, 1 / (pi cosh).
    """
    e = np.exp(-np.abs(np.asarray(offset, np.float64)))  # 1 / cosh = 2 e / (1 + e^2), no overflow
    return _of_secant(2 * e / (1 + e * e), by)


def _of_secant(secant: Floats, by: Weights) -> Floats:
    return secant / np.pi if by == "amplitude" else 0.5 * secant * secant


def information_rate(theta: ArrayLike, crossings: ArrayLike, modes: ArrayLike) -> Floats:
    """dI / d theta in nats, the sum of n SNR / (1 + SNR): ``[T]``. @eq-information-rate

    Args:
        theta: ``[T]``; crossings: ``[M]``, theta_f.
        modes: ``[M]``, real numbers that cross there.
    """
    offset = np.asarray(theta, np.float64)[:, None] - np.asarray(crossings, np.float64)
    return expit(2 * offset) @ np.asarray(modes, np.float64)


def collect(
    power: np.ndarray, noise: np.ndarray, modes: np.ndarray, by: Weights = "power"
) -> Crossings:
    """The crossings of a set of images.

    Args:
        power: ``[I, ..., R]``, rings of each image and, if given, each channel. Leave out rings
            that are not measured, such as 0 and 1.
        noise: ``[R]``, of the noise at t = 0, in the same unit.
        modes: ``[R]``, modes in each ring (`Rings.modes`). With ``corners`` they add up to all; by
            mode count it matters.
        by: the weights, see the module's head.

    Raises:
        ValueError: a spectrum that is not positive and finite, or unknown weights.
    """
    worth = dict(zip(WEIGHTS, (0.0, -1.0, -2.0), strict=True))
    if by not in worth:
        raise ValueError(f"unknown weights '{by}'; known: {', '.join(worth)}")
    theta = crossing(power, noise)
    weight = modes * np.exp(worth[by] * theta)
    theta, weight = theta.reshape(len(theta), -1), weight.reshape(len(theta), -1)
    return Crossings(theta, weight / weight.sum(axis=1, keepdims=True), by)


def _shared(theta: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """(points, weights) of a lattice that stand for crossings."""
    first = np.floor(theta.min() / STEP)
    index, upper = np.divmod(theta / STEP - first, 1.0)
    both = np.concatenate([index, index + 1]).astype(np.int64)
    worth = np.bincount(both, np.concatenate([weight * (1 - upper), weight * upper]))
    return np.asarray((first + np.arange(len(worth))) * STEP), np.asarray(worth, np.float64)


def grid(crossings: Crossings, points: int = 1001) -> Floats:
    """Evenly spaced thetas with all but 1e-6 of the density's mass."""
    tail = 15.0 if crossings.by == "amplitude" else 7.5
    return np.linspace(crossings.theta.min() - tail, crossings.theta.max() + tail, points)


def normal_pdf(theta: np.ndarray, mu: float = 0.0, std: float = 1.0) -> Floats:
    """The density over theta of a logit-normal t."""
    return np.exp(-0.5 * ((theta - mu) / std) ** 2) / (std * np.sqrt(2 * np.pi))


def divergence(theta: np.ndarray, density: np.ndarray, mu: float, std: float) -> float:
    """KL(density || N(mu, std^2)) in nats, trapezoidal; the same over theta and over t."""
    log_normal = -0.5 * ((theta - mu) / std) ** 2 - np.log(std * np.sqrt(2 * np.pi))
    safe = np.where(density > 0, density, 1.0)
    return float(np.trapezoid(density * (np.log(safe) - log_normal), theta))


def total_variation(theta: np.ndarray, density: np.ndarray, other: np.ndarray) -> float:
    """Half the integral of the difference of two densities: 0 if equal, 1 if apart."""
    return float(0.5 * np.trapezoid(np.abs(density - other), theta))


def nearest_logit_normal(crossings: Crossings) -> LogitNormal:
    """The logit-normal that minimises KL(density || it): the one with its moments. @eq-nearest

    The cross-entropy knows the density by mean and variance alone, and is least where they agree.
    """
    mean, square = crossings.moments()
    mu = float(mean.mean())
    std = float(np.sqrt(square.mean() - mu**2))
    theta = grid(crossings)
    density = crossings.density(theta)
    return LogitNormal(
        mu,
        std,
        divergence(theta, density, mu, std),
        total_variation(theta, density, normal_pdf(theta, mu, std)),
    )


def _interval(each: Floats, confidence: float) -> tuple[float, float]:
    low, high = intervals.student(each, confidence)
    return float(low), float(high)


def movement(
    low: tuple[Floats, Floats, Floats],
    high: tuple[Floats, Floats, Floats],
    by: Weights,
    confidence: float = 0.95,
) -> Movement:
    """How the density's mean moves between two resolutions, and which modes move it.

    The low resolution's Fourier square lies inside the high one's, so that each ring of the high
    resolution holds as many shared modes as the low one has there.

    Args:
        low, high: (power ``[I, ..., R]``, noise ``[R]``, modes ``[R]``), both from the same ring
            on; the same images in the same order.
        by: the weights.
        confidence: of Student's intervals, of each image's own difference.
    """
    padded = np.zeros_like(high[2])
    padded[: len(low[2])] = np.minimum(low[2], high[2][: len(low[2])])
    before, after = (collect(*side, by).moments()[0] for side in (low, high))
    both = collect(high[0], high[1], padded, by).moments()[0]
    worth = collect(*high, by).weight.reshape(high[0].shape)
    share = 1 - (worth * padded / high[2]).reshape(len(worth), -1).sum(axis=1)
    parts = (after - before, both - before, after - both, share)
    ends = [_interval(part, confidence) for part in parts]
    return Movement(*((float(p.mean()), *e) for p, e in zip(parts, ends, strict=True)))


def carried_ratio(
    theta: np.ndarray, crossings: np.ndarray, ratio: np.ndarray, modes: np.ndarray
) -> Floats:
    """R(f) = P / P_fit carried from frequency to theta by the crossings: ``[T]``. @eq-carried

    Args:
        theta: ``[T]``; modes: ``[R]``; ratio: ``[R]``.
        crossings: ``[R]``, those of the **fit**: the ones of the measured power hold R already.
    """
    offset = np.abs(np.asarray(theta, np.float64)[:, None] - np.asarray(crossings, np.float64))
    far = offset.min(axis=1, keepdims=True)  # taken out of both sums, which would be 0 far away
    weight = modes * np.exp(-2 * (offset - far)) / (1 + np.exp(-2 * offset)) ** 2
    return weight @ np.asarray(ratio, np.float64) / weight.sum(axis=1)


def weighted_density(
    theta: np.ndarray, ratio: np.ndarray, mu: float = 0.0, std: float = 1.0
) -> Floats:
    """A normal density over theta times R(theta), normalised; see `over_time`. @eq-weighted"""
    product = normal_pdf(theta, mu, std) * ratio
    return product / np.trapezoid(product, theta)


def over_time(theta: np.ndarray, density: np.ndarray) -> tuple[Floats, Floats]:
    """(t, density over t) of a density over theta: divided by dt / d theta = t (1 - t)."""
    return expit(theta), density / (expit(theta) * expit(-theta))
