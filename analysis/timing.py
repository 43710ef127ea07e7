"""From a measurement to densities over theta, and how far an image's own spectrum can shape them.

What `crossings` and `weighting` say of the spectra that were measured, with the study's choices.
"""

import functools

import numpy as np

from analysis import noise
from analysis.crossings import (
    Crossings,
    LogitNormal,
    Movement,
    Weights,
    carried_ratio,
    collect,
    crossing,
    movement,
    nearest_logit_normal,
    normal_pdf,
)
from analysis.measured import Measured
from analysis.powerlaw import fit_loglog_polynomial
from analysis.weighting import Reliability, half_frequencies, half_log_ratios, reliability

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
    study = measured.study
    rng = noise.generator(study.seed, "crossings", measured.card.name, side, by)
    found = crossings_of(measured, side, by)
    return nearest_logit_normal(found, rng, study.bootstrap, study.confidence)


@functools.lru_cache(maxsize=128)
def movement_of(measured: Measured, by: Weights) -> Movement:
    """How the density's mean moves from the low to the high resolution."""
    study = measured.study
    low, high = (_spectra(measured, side) for side in study.pair)
    rng = noise.generator(study.seed, "movement", measured.card.name, by)
    return movement(low, high, by, rng, study.bootstrap, study.confidence)


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
    rng = noise.generator(study.seed, "reliability", measured.card.name, way)
    return reliability(logs, rng, resamples=study.bootstrap, confidence=study.confidence)


def carried_share(measured: Measured) -> float:
    """What is left of the variation of ln R once R is carried over to theta by the crossings.

    Standard deviation over theta, weighted by the logit-normal (0, 1), over that over rings; both
    from R at the high resolution with the channels averaged, root mean square over images.
    """
    side = measured.study.high
    first = measured.study.bands.first_ring
    k, modes = measured.k(side)[first:], measured.modes(side)[first:]
    expected = measured.expected_noise(side)[first:]
    theta = np.linspace(-4, 4, 401)
    weight = normal_pdf(theta) / normal_pdf(theta).sum()
    before, after = [], []
    for power in measured.power(side)[:, first:]:
        _, fit = fit_loglog_polynomial(k, power, DEGREE)
        carried = np.log(carried_ratio(theta, crossing(fit, expected), power / fit, modes))
        before.append(np.var(np.log(power / fit)))
        after.append(weight @ (carried - weight @ carried) ** 2)
    return float(np.sqrt(np.mean(after) / np.mean(before)))
