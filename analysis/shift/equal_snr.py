r"""The time-step shift that equal signal-to-noise asks for, measured from spectra.

Let z be the latents of one photograph at two resolutions, with ring-averaged power P and P_0 and
noise power N and N_0 at the same frequency, held in cycles per image. The blend at t has

$$
\mathrm{SNR}(k, t) = \frac{t^2}{(1 - t)^2} \frac{P(k)}{N(k)}
= e^{2 \theta} \frac{P(k)}{N(k)}.
$$

Equal SNR at both resolutions, $e^{2 \theta} P / N = e^{2 \theta_0} P_0 / N_0$, gives
$\theta = \theta_0 - \ln s$ with

$$
s(k) = \sqrt{\frac{P(k) / N(k)}{P_0(k) / N_0(k)}}.
$$

If the encoder is scale-equivariant, the latents at high resolution hold the same content on a
finer grid; an orthonormal transform then gives P / P_0 = h w / (h_0 w_0) at every k, and s is the
square-root rule. Whether it does is what is measured here. t does not appear: one s serves all t.

The frequency axis is part of the statement. At fixed cycles per **pixel** the same field with
$P \propto k^{-\gamma}$ would give $s = 2^{1 - \gamma / 2}$ per doubling, which is 1 for
gamma = 2. Everything here is at fixed cycles per image.

**Latents drawn from the posterior** carry noise of the encoder's own. A variational encoder gives
each latent value a mean and a variance, and a sample is

$$
z = \bar z + \sigma \varepsilon, \qquad \varepsilon \sim \mathcal{N}(0, 1),
$$

with $\varepsilon$ drawn anew for every value. Whatever pattern $\sigma^2$ has over the
grid, the covariance of $\sigma \varepsilon$ is diagonal, so its expected power is the same in
every mode: a white floor of height v, the mean of $\sigma^2$ under the squared window. It
adds to the spectrum of the mode at both resolutions.
"""

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from analysis.project.arrays import Floats
from analysis.spectra import intervals, periodogram, rings
from analysis.spectra.bands import Bands, band_edges, in_band, measurable, octave_weights
from analysis.spectra.intervals import Estimate
from analysis.timesteps.schedule import exponent


@dataclasses.dataclass(frozen=True)
class MeasuredShift:
    """The measured shift of one encoder between two resolutions.

    Args:
        k: ``[R]``, cycles per image, rings of the low resolution in the measured range.
        curves: ``[I, R]``, s(k) of each photograph.
        mean: ``[R]``, geometric mean of s(k) over photographs.
        low, high: ``[R]``, pointwise interval of that mean, Student's t on ln s; nan below three
            photographs.
        whole: the one number of the encoder, over the low and the middle band.
        bands: ``low``, ``middle`` and ``high``, the same for each band.
        pixel_ratio: h w / (h0 w0).
        confidence: coverage of the intervals.
    """

    k: Floats
    curves: Floats
    mean: Floats
    low: Floats
    high: Floats
    whole: Estimate
    bands: dict[str, Estimate]
    pixel_ratio: float
    confidence: float

    @property
    def theory(self) -> float:
        """The square-root rule, sqrt(h w / (h0 w0))."""
        return float(np.sqrt(self.pixel_ratio))

    @property
    def exponent(self) -> float:
        """r of s = (h w / (h0 w0))^(r/2) for `whole`."""
        return float(exponent(self.whole.value, self.pixel_ratio))

    @functools.cached_property
    def each(self) -> Floats:
        """``[I]``, the shift of each photograph over the band of `whole`."""
        chosen = in_band(self.k, self.whole.band)
        each: Floats = np.exp(np.log(self.curves[:, chosen]) @ octave_weights(self.k[chosen]))
        return each

    @functools.cached_property
    def spread(self) -> float:
        """Standard deviation of ln s between photographs."""
        return float(np.log(self.each).std(ddof=1))

    def mismatch(self, s: float) -> float:
        """How far the SNR curves of the two resolutions stay apart once t is shifted by s.

        Returns:
            the largest ``|SNR / SNR_0 - 1|`` over the band of `whole`, of the geometric mean over
            photographs; 0 if the curves lie on each other.
        """
        chosen = in_band(self.k, self.whole.band)
        return float(np.abs((self.mean[chosen] / s) ** 2 - 1).max())


def equal_snr_shift(
    power: np.ndarray, noise: np.ndarray, power0: np.ndarray, noise0: np.ndarray
) -> Floats:
    """s = sqrt((P / N) / (P0 / N0)) at equal frequencies; the arrays broadcast. @eq-measured"""
    arrays = [np.asarray(a, np.float64) for a in (power, noise, power0, noise0)]
    if not all(np.all(np.isfinite(a) & (a > 0)) for a in arrays):
        raise ValueError("spectra must be positive and finite to give a shift")
    power, noise, power0, noise0 = arrays
    return np.sqrt((power / noise) / (power0 / noise0))


def at_frequencies(k: np.ndarray, k_known: np.ndarray, power: np.ndarray) -> Floats:
    """Power ``[..., R]`` at other frequencies, interpolated linearly in log-log coordinates.

    Rings of two grid sizes have slightly different mean frequencies. k must lie within k_known:
    nothing is extrapolated (ValueError).
    """
    # Rings of two grids that should coincide differ in the last bits.
    if k[0] < k_known[0] * (1 - 1e-9) or k[-1] > k_known[-1] * (1 + 1e-9):
        raise ValueError("frequencies outside the known range")
    x, known = np.log(k), np.log(k_known)
    flat = np.log(power).reshape(-1, power.shape[-1])
    rows = np.stack([np.interp(x, known, row) for row in flat])
    return np.exp(rows).reshape(*power.shape[:-1], len(x))


def moved_edges(bands: Bands, k: np.ndarray) -> dict[str, tuple[float, int]]:
    """band -> (where it was to end, the ring it ends at), of those that `band_edges` moved."""
    if not measurable(k, bands):
        return {}
    found = band_edges(bands, k)
    wanted = {name: getattr(bands, name) * float(len(k) - 1) for name in ("low", "middle", "high")}
    return {
        name: (end, round(found[name][1])) for name, end in wanted.items() if found[name][1] != end
    }


def moved_text(moved: Mapping[str, tuple[float, int]], grid: int) -> str:
    """What `moved_edges` found, in words; empty where nothing was moved.

    Args:
        moved: band -> where it was to end, and the ring it ends at.
        grid: latent pixels a side at the low resolution.
    """
    if not moved:
        return ""
    each = ", ".join(f"{name} at {ring}, not {end:g}" for name, (end, ring) in moved.items())
    return (
        f"bands end later ({each} cycles/image): {grid} x {grid} latents have few rings, and a "
        "band needs two"
    )


def _estimate(
    k: Floats, log_curves: Floats, band: tuple[float, float], confidence: float
) -> Estimate:
    chosen = in_band(k, band)
    per_image = log_curves[:, chosen] @ octave_weights(k[chosen])
    ends = (float(k[chosen][0]), float(k[chosen][-1]))
    low, high = np.exp(intervals.student(per_image, confidence))
    return Estimate(float(np.exp(per_image.mean())), float(low), float(high), ends)


def pooled(
    k: Floats, curves: np.ndarray, band: tuple[float, float], confidence: float = 0.95
) -> Estimate:
    """The geometric mean of s over channels, octaves and photographs.

    Its interval takes photographs and channels for samples (`intervals.crossed`); nan below three
    photographs.

    Args:
        k: ``[R]``, cycles per image.
        curves: ``[I, C, R]``, s(k) of each channel of each photograph.
        band: (from, to) in cycles per image.
        confidence: of the interval.
    """
    chosen = in_band(k, band)
    each = np.log(curves[..., chosen]) @ octave_weights(k[chosen])
    low, high = np.exp(intervals.crossed(each, confidence))
    ends = (float(k[chosen][0]), float(k[chosen][-1]))
    return Estimate(float(np.exp(each.mean())), float(low), float(high), ends)


def of_grid(power: Floats, grid: int, kind: str, beta: float) -> tuple[Floats, Floats, Floats]:
    """A resolution as `measure` takes it: k, power, and the expectation of noise.

    Args:
        power: ``[I, R]``, each photograph's mean over channels.
        grid: latent pixels a side.
        kind, beta: of the window.
    """
    k = rings.rings(grid, grid).cycles_per_image
    return k, power, periodogram.white_noise_raps(grid, grid, kind, beta)


def measure(
    low: tuple[Floats, Floats, Floats],
    high: tuple[Floats, Floats, Floats],
    pixel_ratio: float,
    bands: Bands,
    confidence: float = 0.95,
) -> MeasuredShift:
    """Measure the shift between two resolutions, per frequency and as one number. @eq-measured

    Args:
        low, high: (k, power, noise) of each resolution: k ``[R]`` in cycles per image, ascending
            and from ring 0 on; power ``[I, R]``, each photograph's mean over channels; noise
            ``[R]``, that of white noise of unit variance, measured or its exact expectation.
        pixel_ratio: h w / (h0 w0) of the images in pixels.
        bands: edges as fractions of the low resolution's Nyquist frequency (see `band_edges`).
        confidence: of the intervals, Student's t on ln s over photographs.

    Returns:
        `MeasuredShift`; photographs weigh the same (mean of ln s), and so do octaves.

    Raises:
        ValueError: too few rings for the bands, or a spectrum that is not positive.
    """
    (k0, power0, noise0), (k1, power1, noise1) = low, high
    first, edges = bands.first_ring, band_edges(bands, k0)
    k = k0[first:]
    curves = equal_snr_shift(
        at_frequencies(k, k1[1:], power1[:, 1:]),
        at_frequencies(k, k1[1:], noise1[1:]),
        power0[:, first:],
        noise0[first:],
    )
    log_curves = np.log(curves)
    each = {name: _estimate(k, log_curves, edge, confidence) for name, edge in edges.items()}
    lower, upper = np.exp(intervals.student(log_curves, confidence))
    return MeasuredShift(
        k,
        curves,
        np.exp(log_curves.mean(axis=0)),
        lower,
        upper,
        each.pop("whole"),
        each,
        pixel_ratio,
        confidence,
    )


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
