"""From a measurement to densities over theta, and how far an image's own spectrum can shape them.

What `crossings` and `weighting` say of the spectra that were measured, with the study's choices;
and the published densities of training times that they are compared with (`PUBLISHED`).
"""

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np

from analysis.shift.literature import Published
from analysis.spectra.powerlaw import fit_loglog_polynomial
from analysis.study.measurement import Measured
from analysis.timesteps.crossings import (
    Crossings,
    LogitNormal,
    Movement,
    Weights,
    carried_ratio,
    collect,
    crossing,
    grid,
    movement,
    nearest_logit_normal,
    normal_pdf,
    over_time,
    total_variation,
    weighted_density,
)
from analysis.timesteps.weighting import (
    Reliability,
    half_frequencies,
    half_log_ratios,
    linear_time,
    ratio_to_fit,
    reliability,
)

FEWEST = 3  # images between which an agreement can be measured
DEGREE = 3  # of the fit that R is the ratio to


def _spectra(measured: Measured, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(power ``[I, C, R]``, noise ``[R]``, modes ``[R]``) from the first ring used on."""
    first = measured.study.bands.first_ring
    power = measured.arrays[f"power_{side}"][..., first:]
    return power, measured.expected_noise(side)[first:], measured.modes(side)[first:]


def crossings_of(measured: Measured, side: int, by: Weights) -> Crossings:
    """The crossings of every channel and image at a resolution, up to the Nyquist circle."""
    return collect(*_spectra(measured, side), by)


@functools.lru_cache(maxsize=128)  # a table, a figure and a sentence ask for the same
def nearest_of(measured: Measured, side: int, by: Weights) -> LogitNormal:
    """The logit-normal nearest to their density."""
    return nearest_logit_normal(crossings_of(measured, side, by))


@functools.lru_cache(maxsize=128)  # every published density is compared with the same
def density_of(measured: Measured, side: int, by: Weights) -> tuple[np.ndarray, np.ndarray]:
    """(theta, density) of the crossings, on a grid that holds all but 1e-6 of it."""
    found = crossings_of(measured, side, by)
    theta = grid(found)
    return theta, found.density(theta)


@functools.lru_cache(maxsize=128)
def distance_of(measured: Measured, side: int, by: Weights, published: Published) -> float:
    """Total variation, in [0, 1], between the density of crossings and a published one."""
    own, density = density_of(measured, side, by)
    mu, std = published.at(side)
    # A published density may reach beyond the crossings' own grid, where they have nothing.
    theta = np.linspace(min(own[0], mu - 6 * std), max(own[-1], mu + 6 * std), 2 * len(own))
    found = np.interp(theta, own, density, left=0.0, right=0.0)
    return total_variation(theta, found, normal_pdf(theta, mu, std))


@functools.lru_cache(maxsize=128)
def movement_of(measured: Measured, by: Weights) -> Movement:
    """How the density's mean moves from the low to the high resolution."""
    study = measured.study
    low, high = (_spectra(measured, side) for side in study.pair)
    return movement(low, high, by, study.confidence)


@functools.lru_cache(maxsize=128)
def reliability_of(measured: Measured, way: str) -> Reliability:
    """How far ln R agrees between halves of an image, at the high resolution.

    Args:
        measured: of three images or more.
        way: ``left_right`` or ``top_bottom``.
    """
    study = measured.study
    halves = measured.arrays[f"{way}_{study.high}"]
    k = half_frequencies(study.high // measured.card.latent_stride)
    logs = half_log_ratios(k, halves, DEGREE, study.bands.first_ring)
    return reliability(logs, study.confidence)


def ratios_of(measured: Measured) -> np.ndarray:
    """``[I, R - 1]``, R of each image at the high resolution, channels averaged, from ring 1 on."""
    side = measured.study.high
    k, power = measured.k(side)[1:], measured.power(side)[:, 1:]
    return np.stack([ratio_to_fit(k, row, DEGREE) for row in power])


def _carried(measured: Measured, theta: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Of each image at the high resolution: (k, R over rings, R over theta), channels averaged."""
    side = measured.study.high
    first = measured.study.bands.first_ring
    k, modes = measured.k(side)[first:], measured.modes(side)[first:]
    expected = measured.expected_noise(side)[first:]
    for power in measured.power(side)[:, first:]:
        _, fit = fit_loglog_polynomial(k, power, DEGREE)
        yield k, power / fit, carried_ratio(theta, crossing(fit, expected), power / fit, modes)


def carried_share(measured: Measured) -> float:
    """What is left of the variation of ln R once R is carried over to theta by the crossings.

    Standard deviation over theta, weighted by the logit-normal (0, 1), over that over rings; both
    from R at the high resolution with the channels averaged, root mean square over images.
    """
    theta = np.linspace(-4, 4, 401)
    weight = normal_pdf(theta) / normal_pdf(theta).sum()
    before, after = [], []
    for _, ratio, over_theta in _carried(measured, theta):
        carried = np.log(over_theta)
        before.append(np.var(np.log(ratio)))
        after.append(weight @ (carried - weight @ carried) ** 2)
    return float(np.sqrt(np.mean(after) / np.mean(before)))


@dataclasses.dataclass(frozen=True)
class Weighted:
    """The study's density of t, and the same weighted by each image's R in two ways.

    Args:
        t: ``[T]``, ascending in (0, 1).
        unweighted: ``[T]``, the logit-normal.
        linear: ``[I, T]``, R by the original's linear map of frequency to t.
        carried: ``[I, T]``, R by the crossings.
    """

    t: np.ndarray
    unweighted: np.ndarray
    linear: np.ndarray
    carried: np.ndarray


def weighted_of(measured: Measured) -> Weighted:
    """The original's weighted density at the high resolution, by its map and by the crossings."""
    study = measured.study
    theta = np.linspace(study.mu - 5 * study.std, study.mu + 5 * study.std, 801)
    t, unweighted = over_time(theta, normal_pdf(theta, study.mu, study.std))
    linear, carried = [], []
    for k, ratio, over_theta in _carried(measured, theta):
        product = unweighted * np.interp(t, linear_time(k), ratio)
        linear.append(product / np.trapezoid(product, t))
        density = weighted_density(theta, over_theta, study.mu, study.std)
        carried.append(over_time(theta, density)[1])
    return Weighted(t, unweighted, np.stack(linear), np.stack(carried))


def weighted_distance(measured: Measured) -> tuple[float, float]:
    """How far R moves the density of t, by the linear map and by the crossings.

    Total variation, in [0, 1], from the density without weights; mean over images.
    """
    found = weighted_of(measured)
    linear, carried = (
        float(np.mean([total_variation(found.t, each, found.unweighted) for each in densities]))
        for densities in (found.linear, found.carried)
    )
    return linear, carried
