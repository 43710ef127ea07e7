r"""Time, noise level and shift: the conventions of the whole project, stated once.

- ``t`` is the data fraction, $z_t = t z + (1 - t) \varepsilon$: ``t = 1`` is data, ``t = 0``
  is noise. ``sigma = 1 - t`` is what SD3, FLUX and diffusers call sigma (or t).
- SNR is a ratio of powers: at radial frequency k,
  $\mathrm{SNR}(k, t) = t^2 P(k) / ((1 - t)^2 N(k))$.
- ``theta = logit(t)``; t is logit-normal when $\theta \sim \mathcal{N}(\mu, \mathrm{std}^2)$.
- A shift ``s`` acts on sigma, $\sigma' = s \sigma / (1 + (s - 1) \sigma)$, that is
  $\theta' = \theta - \ln s$ and $\mu' = \mu - \ln s$; shifts compose by multiplication.
- The square-root rule is $s = \sqrt{h w / (h_0 w_0)}$. The exponent r of a shift is defined
  by $s = (h w / (h_0 w_0))^{r / 2}$: r = 1 is that rule, r = 0 is no shift.

References:
    Esser et al. 2024, "Scaling Rectified Flow Transformers", arXiv:2403.03206, eqs. (19) and (23),
    where t = 1 is noise, so that means have the other sign.
    Hoogeboom et al. 2023, "simple diffusion", arXiv:2301.11093, for the same law in log-SNR.
"""

import numpy as np
from numpy.typing import ArrayLike

from analysis.project.arrays import Floats


def _positive(name: str, value: ArrayLike) -> Floats:
    array = np.asarray(value, dtype=np.float64)
    if not np.all(np.isfinite(array) & (array > 0)):
        raise ValueError(f"{name} must be positive and finite")
    return array


def logit(t: ArrayLike) -> Floats:
    """theta = ln(t / (1 - t)) for t in [0, 1]; -inf and inf at the ends."""
    t = np.asarray(t, dtype=np.float64)
    if not np.all((t >= 0) & (t <= 1)):
        raise ValueError("t must lie in [0, 1]")
    with np.errstate(divide="ignore"):
        return np.log(t) - np.log1p(-t)


def expit(theta: ArrayLike) -> Floats:
    """t = 1 / (1 + exp(-theta)), the inverse of `logit`, without overflow."""
    theta = np.asarray(theta, dtype=np.float64)
    e = np.exp(-np.abs(theta))
    return np.where(theta >= 0, 1.0, e) / (1.0 + e)


def snr(t: ArrayLike, power: ArrayLike = 1.0, noise: ArrayLike = 1.0) -> Floats:
    """Signal-to-noise ratio (of powers) of z_t. @eq-snr

    Args:
        t: data fraction in [0, 1); broadcasts with the spectra.
        power: P(k) of the clean field, in field-units squared per mode.
        noise: N(k) of the noise at t = 0, in the same unit.
    """
    t = np.asarray(t, dtype=np.float64)
    if not np.all((t >= 0) & (t < 1)):
        raise ValueError("t must lie in [0, 1) for a finite SNR")
    return (t / (1.0 - t)) ** 2 * np.asarray(power, np.float64) / _positive("noise", noise)


def time_of_snr(value: ArrayLike, power: ArrayLike = 1.0, noise: ArrayLike = 1.0) -> Floats:
    """The t at which `snr` has the given value; t = sqrt(y) / (1 + sqrt(y)), y = SNR N / P."""
    y = np.asarray(value, np.float64) * np.asarray(noise, np.float64) / _positive("power", power)
    root = np.sqrt(y)
    return root / (1.0 + root)


def logit_normal_pdf(t: ArrayLike, mu: float = 0.0, std: float = 1.0) -> Floats:
    """Density over t in (0, 1) of expit(theta), theta ~ N(mu, std^2); zero at the ends."""
    t = np.asarray(t, dtype=np.float64)
    _positive("std", std)
    inside = (t > 0) & (t < 1)
    safe = np.where(inside, t, 0.5)
    z = (logit(safe) - mu) / std
    density = np.exp(-0.5 * z * z) / (std * np.sqrt(2 * np.pi) * safe * (1 - safe))
    return np.where(inside, density, 0.0)


def shift_sigma(sigma: ArrayLike, s: ArrayLike) -> Floats:
    """sigma' = s sigma / (1 + (s - 1) sigma), sigma in [0, 1], s > 0 (Esser et al., eq. 23)."""
    sigma = np.asarray(sigma, dtype=np.float64)
    if not np.all((sigma >= 0) & (sigma <= 1)):
        raise ValueError("sigma must lie in [0, 1]")
    s = _positive("s", s)
    return s * sigma / (1.0 + (s - 1.0) * sigma)


def shift_t(t: ArrayLike, s: ArrayLike) -> Floats:
    """t' = t / (t + s (1 - t)): `shift_sigma` seen from the data side; s > 1 adds noise."""
    t = np.asarray(t, dtype=np.float64)
    if not np.all((t >= 0) & (t <= 1)):
        raise ValueError("t must lie in [0, 1]")
    return t / (t + _positive("s", s) * (1.0 - t))


def shift_mu(mu: float, s: float) -> float:
    """mu' = mu - ln s: a shifted logit-normal is a logit-normal with another mean. @eq-mean"""
    return float(mu - np.log(_positive("s", s)))


def theoretical_shift(height: int, width: int, height0: int, width0: int) -> float:
    """The square-root rule s = sqrt(h w / (h0 w0)), from (h0, w0) to (h, w) in pixels. @eq-shift"""
    pixels, base = _positive("size", height * width), _positive("size", height0 * width0)
    return float(np.sqrt(pixels / base))


def exponent(s: ArrayLike, pixel_ratio: float) -> Floats:
    """r of s = pixel_ratio^(r/2); pixel_ratio = h w / (h0 w0) must not be 1. @eq-exponent"""
    if pixel_ratio <= 0 or pixel_ratio == 1:
        raise ValueError("pixel_ratio must be positive and not 1")
    return 2.0 * np.log(_positive("s", s)) / np.log(pixel_ratio)


def snr_lognormal(mu: float, std: float, q: float) -> tuple[float, float]:
    """(m, v) of SNR ~ Lognormal(m, v) when theta ~ N(mu, std^2) and SNR = q exp(2 theta).

    q = P(f) / N(f) is the ratio of the two spectra at one frequency. @eq-lognormal
    """
    return float(2.0 * mu + np.log(_positive("q", q))), 4.0 * std * std


def expected_snr(mu: float, std: float, q: float) -> float:
    """E[SNR] = exp(m + v / 2) = q exp(2 mu + 2 std^2). @eq-expected"""
    m, v = snr_lognormal(mu, std, q)
    return float(np.exp(m + 0.5 * v))
