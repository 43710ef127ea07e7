r"""A shift that does not depend on the channel basis: cross-spectra and information.

Latent channels are an arbitrary basis: under any orthogonal mix white noise stays white, so the
diffusion problem is the same. (A general invertible mix colours the noise; and squares of latents
folded into channels lie on another grid, whose rings hold aliases: see `study.experiments.grids`.)
So measure the cross-spectral matrix of a ring,

$$
S_{cd}(k) = \langle Z_c(\mathbf{k}) \overline{Z_d(\mathbf{k})} \rangle_{|\mathbf{k}| = k},
$$

real, symmetric and positive semidefinite, since k and -k are both in the ring. With eigenvalues
lambda of S / N and n modes (each of the whole plane is one real degree of freedom), Gaussian
fields seen at theta = ln(t / (1 - t)) give the information and its rate

$$
I(\theta) = \tfrac12 \sum_k n_k \ln\det\!\left(1 + e^{2\theta} S/N\right), \qquad
D(\theta) = I'(\theta) = \sum_{k, i} n_k
\frac{e^{2\theta} \lambda_i}{1 + e^{2\theta} \lambda_i}.
$$

D rises from 0 to K, modes times channels, as a distribution function does: each mode is a logistic
bump at theta = -1/2 ln lambda. Let D = u K at theta(u). If $S = s^2 S_0$ everywhere,
theta_0(u) - theta(u) = ln s(u) is the same for every u. If not, it depends on u:

- u to 0: $s^2 = \sum n\,\mathrm{tr} S / \sum n\,\mathrm{tr} S_0$, the **trace** limit, power;
- u to 1: $s^2 = \sum n\,\mathrm{tr} S_0^{-1} / \sum n\,\mathrm{tr} S^{-1}$, the **inverse**
  limit, which the weakest directions decide;
- mean over all u: $\ln s = \sum n \ln\det(S_0^{-1} S) / 2 K$, the **determinant** limit. I
  itself, not its rate, matches there at high SNR; **any** invertible mix leaves it as it is.

The **information-matched shift** is the translation of least squares in theta at equal u, from 5
to 95 %: the mean of ln s(u), the determinant's without the extremes, the worst known. All s(u) lie
between the least and the largest root of an eigenvalue of $S_0^{-1} S$ (Loewner's order).

**Few modes.** The small eigenvalues of a mean over few modes are too small: so matrices are
averaged over bins and photographs *first*. For Gaussian fields the bias of ln det that is left
depends on the numbers of modes and channels alone and cancels between the resolutions. Single
eigenvalues of $S_0^{-1} S$ still scatter more than the truth.

**Few photographs.** They differ, so the determinant of their mean moves with their number, and
that of bootstrap samples, with fewer different ones, further the same way: for 12 simulated ones
95 % percentile intervals held the truth in 61 % (reversed: 75 %). The jackknife, about its value
corrected for bias (Miller 1974), with 11 degrees of freedom holds it in about 90 %, since a mean of
powers is decided by the photographs that have most of it. So the degrees of freedom are those of
the number of equal photographs that it is worth (`intervals.worth`) less one; with these it is 93
to 97 % (`study.experiments.coverage`).
"""

import dataclasses
import math

import numpy as np

from analysis.project.arrays import Floats
from analysis.spectra.cross_spectra import Bins
from analysis.spectra.intervals import Estimate, jackknife, worth

FEWEST = 4  # photographs, for an interval
QUANTILES: Floats = np.linspace(0.05, 0.95, 91)  # u over which two curves are laid on each other


@dataclasses.dataclass(frozen=True)
class InformationShift:
    """The shift between two resolutions, in numbers that no orthogonal mix on one grid changes.

    Args (``[..., 3]`` is value, low, high: with the jackknife's interval):
        matched: the information-matched shift; limits: ``trace``, ``determinant``, ``inverse``.
        curve: ``[U, 3]``, s(u) at `QUANTILES`.
        principal: ``[C, 3]``, shift of each principal direction (`principal_powers`).
        general: ``[C]``, `general_shifts`; their geometric mean is the determinant limit.
        share: ``[C]``, each principal direction's share of the power, mean over modes.
        low, high: ``[B, C]``, SNR eigenvalues at theta 0 of each resolution; modes: ``[B]``.
    """

    matched: Estimate
    limits: dict[str, Estimate]
    curve: Floats
    principal: Floats
    general: Floats
    share: Floats
    low: Floats
    high: Floats
    modes: Floats

    def rates(self, theta: np.ndarray, s: float = 1.0) -> tuple[Floats, Floats]:
        """D / K of the low resolution at theta + ln s, and of the high one at theta."""
        total = self.modes.sum() * self.low.shape[-1]
        low = information_rate(self.low, self.modes, theta + math.log(s))
        return low / total, information_rate(self.high, self.modes, theta) / total

    def misfit(self, s: float) -> float:
        """Largest difference of both rates after the shift s, as a share of K."""
        ends = np.array([0.01, 0.99])
        reach = [quantiles(e, self.modes, ends) for e in (self.low, self.high)]
        low, high = self.rates(np.linspace(np.min(reach), np.max(reach), 400), s)
        return float(np.abs(low - high).max())


def information(eigenvalues: np.ndarray, modes: np.ndarray, theta: np.ndarray) -> Floats:
    """I(theta) in nats of modes with SNR eigenvalues ``[B, C]`` at theta 0. @eq-information"""
    gain = np.logaddexp(0.0, 2 * np.asarray(theta)[..., None, None] + np.log(eigenvalues))
    return np.asarray(0.5 * (gain.sum(axis=-1) @ modes))


def information_rate(eigenvalues: np.ndarray, modes: np.ndarray, theta: np.ndarray) -> Floats:
    """D(theta) = dI/dtheta, between 0 and K = C times the modes. @eq-information"""
    share = np.tanh(np.asarray(theta)[..., None, None] + 0.5 * np.log(eigenvalues))
    return np.asarray(0.5 * ((1 + share).sum(axis=-1) @ modes), dtype=np.float64)


def quantiles(eigenvalues: np.ndarray, modes: np.ndarray, u: np.ndarray = QUANTILES) -> Floats:
    """theta(u): where the rate is u times its largest. ``[B, C]``, ``[B]``, ``[U]`` -> ``[U]``."""
    place, weight = -0.5 * np.log(eigenvalues), modes / modes.sum() / eigenvalues.shape[-1]
    reach = 3 - 0.5 * math.log(min(u[0], 1 - u[-1]))
    grid, step = np.linspace(place.min() - reach, place.max() + reach, 128, retstep=True)
    theta = np.interp(u, information_rate(eigenvalues, weight, grid), grid)
    for _ in range(3):  # Newton's steps, from a place within one of the grid's
        share = np.tanh(theta[:, None, None] - place)
        rate = 0.5 * ((1 + share).sum(axis=-1) @ weight)
        slope = 0.5 * ((1 - share**2).sum(axis=-1) @ weight)
        theta = theta - np.clip((rate - u) / slope, -step, step)
    return theta


def general_shifts(low: np.ndarray, high: np.ndarray) -> tuple[Floats, Floats]:
    """Square roots of the eigenvalues of S0^-1 S, falling, and the directions. @eq-general

    Any invertible mix of channels, the same at both resolutions, leaves the shifts as they are.
    ``[..., C, C]``, positive definite -> ``[..., C]`` and columns ``[..., C, C]`` with v' S0 v = 1.
    """
    root = np.linalg.inv(np.linalg.cholesky(low))
    values, vectors = np.linalg.eigh(root @ high @ root.swapaxes(-1, -2))
    return np.sqrt(values[..., ::-1]), root.swapaxes(-1, -2) @ vectors[..., ::-1]


def principal_powers(low: np.ndarray, high: np.ndarray) -> tuple[Floats, Floats]:
    """Power of both resolutions ``[..., C]`` along common principal directions, strongest first.

    The directions are those of the sum of both matrices, each divided by its trace: chosen on one
    of them alone, the directions that are weak there by chance would seem to grow.
    """
    traces = [np.trace(m, axis1=-2, axis2=-1)[..., None, None] for m in (low, high)]
    v = np.linalg.eigh(low / traces[0] + high / traces[1])[1][..., ::-1]
    powers = (np.einsum("...ci,...cd,...di->...i", v, m, v) for m in (low, high))
    return next(powers), next(powers)


def logarithms(low: Floats, high: Floats, modes: Floats) -> dict[str, Floats]:
    """ln s of every kind from matrices ``[B, C, C]``."""
    weight, along = modes / modes.sum(), principal_powers(low, high)
    first, second = np.linalg.eigvalsh(low), np.linalg.eigvalsh(high)
    if not all(np.all(v[:, 0] > 1e-12 * v[:, -1]) for v in (first, second)):
        raise ValueError("a matrix is singular: use more photographs, or bins with more modes")
    curve = quantiles(first, modes) - quantiles(second, modes)
    return {
        "matched": np.asarray(curve.mean()),
        "trace": 0.5 * np.log((weight @ second).sum() / (weight @ first).sum()),
        "determinant": 0.5 * (weight @ np.log(second / first)).mean(),
        "inverse": 0.5 * np.log((weight @ (1 / first)).sum() / (weight @ (1 / second)).sum()),
        "curve": curve,
        "principal": 0.5 * weight @ np.log(along[1] / along[0]),
    }


def measure(
    low: np.ndarray, high: np.ndarray, bins: Bins, confidence: float = 0.95
) -> InformationShift:
    """Lay the information of two resolutions on each other. @eq-matched

    Args:
        low, high: ``[I, B, C, C]``, each photograph's S / N in these bins (`Bins.average`).
        bins, confidence: of the matrices, and of the intervals.

    ValueError: fewer than `FEWEST` photographs, shapes that differ, or a singular matrix.
    """
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    if low.shape != high.shape or low.ndim != 4 or low.shape[1] != len(bins.modes):
        raise ValueError(f"matrices of {low.shape} and {high.shape} and {len(bins.modes)} bins")
    if len(low) < FEWEST:
        raise ValueError(f"the interval needs at least {FEWEST} photographs, got {len(low)}")
    modes, rows = bins.modes, np.arange(len(low))
    pooled = low.mean(axis=0), high.mean(axis=0)
    kept = [(low[rows != row].mean(axis=0), high[rows != row].mean(axis=0)) for row in rows]
    without = [logarithms(*matrices, modes) for matrices in kept]
    out, numbers = {}, {}
    powers = [np.einsum("ibcc,b->i", one, modes) for one in (low, high)]
    freedom = worth(np.sum([one / one.sum() for one in powers], axis=0)) - 1
    for name, value in logarithms(*pooled, modes).items():
        ends = jackknife(value, np.stack([one[name] for one in without]), confidence, freedom)
        out[name] = np.exp(np.concatenate([value[..., None], ends], axis=-1))
    for name in ("matched", "trace", "determinant", "inverse"):
        value, least, most = out.pop(name).tolist()
        numbers[name] = Estimate(value, least, most, (float(bins.k[0]), float(bins.k[-1])))
    shares = [powers / powers.sum(axis=-1)[:, None] for powers in principal_powers(*pooled)]
    return InformationShift(
        numbers.pop("matched"),
        numbers,
        out["curve"],
        out["principal"],
        general=np.exp(modes @ np.log(general_shifts(*pooled)[0]) / modes.sum()),
        share=modes @ np.mean(shares, axis=0) / modes.sum(),
        low=np.linalg.eigvalsh(pooled[0]),
        high=np.linalg.eigvalsh(pooled[1]),
        modes=modes,
    )
