r"""Which channels of a linear encoder obey the square-root rule: responses, aliases and orders.

A linear encoder of stride p with weights b_ca(i) of channel c, colour a and place i in a patch has

$$
z_c(m) = \sum_{a, i} b_{ca}(i)\, x_a(p m + i), \qquad
G_{ca}(\nu) = \sum_i b_{ca}(i)\, e^{2 \pi \mathrm{i} \nu \cdot (i - i_0)},
$$

nu in cycles per pixel and i_0 the middle of the patch. With orthonormal transforms of an H x H
image and its (H / p)^2 latent, the latent's mode k holds the image's modes of all nu that are
alike on the coarse grid, and for stationary images of cross-spectrum P_ab

$$
P_c(k) = \frac{1}{p^2} \sum_{\nu \in (k + (H / p)\, \mathbb{Z}^2) / H}
\sum_{a, b} G_{ca}(\nu) P_{ab}(\nu) \overline{G_{cb}(\nu)}.
$$

Orthonormal weights so turn white noise into white noise, and a patch's mean times p has P_c = P at
low k. **Order**: where the weights' moments below m vanish, G ~ nu^m at low nu. At fixed
cycles/image k an image of twice the side (band-limited resizing) has 4 P at k, and nu = k / H is
half as large, so the term nu = k / H gives $s = 2^{1 - m}$: the square-root rule is m = 0.

The other terms, **aliases**, are at nu near a / p, thus at fixed cycles/pixel. For
$P \propto k^{-\gamma}$ they give $s = 2^{1 - \gamma / 2}$ for every m, 1 at gamma = 2.
Near k = 0 they are flat and the first term goes as $k^{2 m - \gamma}$. So aliases take over
towards *high* k if 2 m < gamma, but towards **low** k if 2 m > gamma. With gamma between 2 and 3,
orders 0 and 1 keep to 2 and 1, and the 1/2 of order 2 and more cannot be seen at low k at all: a
patch's edges are sharp, its responses do not vanish where the aliases are.

At fixed cycles/**pixel** of the latent G does not change with H, and every channel, whatever its
order, shifts by $2^{1 - \gamma / 2}$: that axis says nothing of orders, only gamma.

A fitted channel's lower moments are small, not zero; so its order depends on frequency: `order`
takes the moment with the most power there.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.project.arrays import Complexes, Floats
from analysis.shift.equal_snr import at_frequencies
from analysis.spectra import intervals
from analysis.spectra import rings as spectra_rings
from analysis.spectra.bands import Bands, band_edges, in_band, octave_weights

Spectrum = Callable[[Floats], Floats]
ORDERS = 5  # moments looked at: 0 to 4
ANGLES = 32  # directions that moments are averaged over
BANDS = ("low", "middle", "high")


@dataclasses.dataclass(frozen=True)
class ChannelRule:
    """The shift of each channel in each band, as predicted and as measured.

    Args:
        order: ``[C]``, m at the middle of the low band, at the low resolution.
        predicted, first_term: ``[3, C]``, by `BANDS`: with aliases, and without them.
        alias_share: ``[3, C]``, aliases' share of the predicted power at the low resolution.
        measured, low, high: ``[3, C]``, geometric mean over photographs, and its interval, a
            Student's on ln s; nan below three photographs.
    """

    order: NDArray[np.intp]
    predicted: Floats
    first_term: Floats
    alias_share: Floats
    measured: Floats
    low: Floats
    high: Floats

    def rule(self, ratio: float) -> Floats:
        """``[C]``, ratio^(1 - m) for the ratio of the sides: the first term alone."""
        return np.asarray(ratio ** (1.0 - self.order))


def _checked(filters: np.ndarray) -> Floats:
    filters = np.asarray(filters, np.float64)
    if filters.ndim != 4 or filters.shape[-1] != filters.shape[-2]:
        raise ValueError(f"weights must be [C, colours, p, p], got shape {filters.shape}")
    return filters


def response(filters: np.ndarray, nu_y: np.ndarray, nu_x: np.ndarray) -> Complexes:
    """G at all pairs of frequencies in cycles per pixel. @eq-response

    Args:
        filters: ``[C, A, p, p]``, weights by channel, colour, row, column.
        nu_y, nu_x: ``[Y]`` and ``[X]``.

    Returns:
        ``[C, A, Y, X]``, the phase being that about the middle of the patch.
    """
    filters = _checked(filters)
    place = np.arange(filters.shape[-1]) - (filters.shape[-1] - 1) / 2
    y, x = (np.exp(2j * np.pi * np.outer(nu, place)) for nu in (nu_y, nu_x))
    return np.einsum("yi,caij,xj->cayx", y, filters, x, optimize=True)


def power_law(gamma: float, side: int) -> Spectrum:
    """P(nu) of an image of ``side`` pixels with power k^-gamma at k cycles/image, over 1024^2.

    The factor side^2 is what one content has under an orthonormal transform at every resolution.
    """

    def power(nu: Floats) -> Floats:
        k = np.where(nu > 0, nu * side, np.inf)
        return np.asarray((side / 1024) ** 2 * k**-gamma)

    return power


def tabulated(nu: np.ndarray, power: np.ndarray) -> Spectrum:
    """P from a measurement, in straight lines in log-log coordinates; constant beyond its ends.

    Args:
        nu, power: ``[R]``, cycles per pixel from above 0, ascending, with the corners
            (``spectra.raps(..., corners=True)``); ValueError if not positive and finite.
    """
    nu, power = np.asarray(nu, np.float64), np.asarray(power, np.float64)
    if not all(np.all(np.isfinite(v) & (v > 0)) for v in (nu, power)) or np.any(np.diff(nu) <= 0):
        raise ValueError("a tabulated spectrum needs positive powers at ascending frequencies")
    x, y = np.log(nu), np.log(power)

    def interpolated(at: Floats) -> Floats:
        line = np.exp(np.interp(np.log(np.where(at > 0, at, 1.0)), x, y))
        return np.where(at > 0, line, 0.0)

    return interpolated


def predicted_power(
    filters: np.ndarray, side: int, power: Spectrum, colours: np.ndarray | None = None
) -> tuple[Floats, Floats]:
    """Ring-averaged power of each channel, and the part that is no alias. @eq-aliases

    Args:
        filters: ``[C, A, p, p]``.
        side: of the image in pixels, a multiple of p.
        power: P as a function of |nu| in cycles per pixel, 0 at nu = 0; up to 0.71, the corners.
        colours: ``[A, A]``, covariance of the colours, the same at every nu; by default they are
            independent and alike.

    Returns:
        Two ``[C, R]``, at ``spectra.rings(side / p, side / p).cycles_per_image``.
    """
    filters = _checked(filters)
    count, _, p, _ = filters.shape
    n, rest = divmod(side, p)
    if rest:
        raise ValueError(f"an image of side {side} is not made of {p} x {p} patches")
    if colours is not None:  # colours = L L': weights L' b see independent colours
        values, vectors = np.linalg.eigh(colours)
        filters = np.einsum("ai,caxy->cixy", vectors * np.sqrt(np.maximum(values, 0)), filters)
    rings = spectra_rings.rings(n, n)
    base = np.fft.fftfreq(n) / p
    shifts = np.arange(p) / p
    total, first = np.zeros((2, count, n, n // 2 + 1))
    for a in shifts:
        for b in shifts:
            # Wrapped to (-1/2, 1/2]: the modes the image has.
            nu_y, nu_x = (_wrapped(nu) for nu in (base + a, np.abs(base[: n // 2 + 1]) + b))
            gain = np.sum(np.abs(response(filters, nu_y, nu_x)) ** 2, axis=1)
            term = gain * power(np.hypot(nu_y[:, None], nu_x)) / p**2
            total += term
            if a == b == 0:
                first += term
    return rings.average(total), rings.average(first)


def _wrapped(nu: Floats) -> Floats:
    return nu - np.ceil(nu - 0.5 - 1e-12)


def predicted_shift(
    filters: np.ndarray,
    sides: tuple[int, int],
    spectrum: Callable[[int], Spectrum],
    colours: np.ndarray | None = None,
) -> tuple[Floats, Floats]:
    """s(k) of each channel at fixed cycles/image, with and without aliases: two ``[C, R]``.

    Args:
        filters, colours: as of `predicted_power`.
        sides: of the low and the high image, in pixels.
        spectrum: side -> P of that image, such as ``partial(power_law, 2.0)``.

    Returns:
        At the low resolution's rings; nan in ring 0, and where the first term has no power.
    """
    p, count = filters.shape[-1], sides[0] // filters.shape[-1] // 2 + 1
    if sides[0] > sides[1]:
        raise ValueError(f"the low side {sides[0]} is above the high one {sides[1]}")
    low, high = (predicted_power(filters, side, spectrum(side), colours) for side in sides)
    k, known = (spectra_rings.rings(s // p, s // p).cycles_per_image[1:] for s in sides)
    out = np.full((2, len(filters), count), np.nan)
    for index in (0, 1):
        below, above = low[index][:, 1:], high[index][:, 1:]
        some = np.all(above > 0, axis=-1) & np.all(below > 0, axis=-1)
        if some.any():
            out[index, some, 1:] = np.sqrt(at_frequencies(k, known, above[some]) / below[some])
    return out[0], out[1]


def moment_powers(filters: np.ndarray, colours: np.ndarray | None = None) -> Floats:
    """T_m of |G|^2 = sum_m T_m nu^2m at low nu, mean over directions: ``[C, 5]``. @eq-moments

    T_m is the power of the m-th moment about the patch's middle, times (2 pi)^2m / m!^2; products
    of different moments are left out (odd and even ones have none).
    """
    filters = _checked(filters)
    p, colour_count = filters.shape[-1], filters.shape[1]
    place = np.arange(p) - (p - 1) / 2
    angle = np.pi * (np.arange(ANGLES) + 0.5) / ANGLES
    along = np.cos(angle)[:, None, None] * place[:, None] + np.sin(angle)[:, None, None] * place
    matrix = np.eye(colour_count) if colours is None else np.asarray(colours, np.float64)
    out = []
    for m in range(ORDERS):
        moments = np.einsum("caij,nij->can", filters, (2 * np.pi * along) ** m / math.factorial(m))
        out.append(np.einsum("can,ab,cbn->cn", moments, matrix, moments).mean(axis=-1))
    return np.stack(out, axis=-1)


def order(
    filters: np.ndarray, nu: float = 1 / 128, colours: np.ndarray | None = None
) -> NDArray[np.intp]:
    """m of each channel: the moment with the most power at nu cycles per pixel, ``[C]``.

    nu must be well below 1 / p, or the series of moments does not hold (ValueError).
    """
    p = _checked(filters).shape[-1]
    if not 0 < nu <= 1 / (4 * p):
        raise ValueError(f"orders of {p} x {p} patches belong to nu up to 1 / {4 * p}, not {nu:g}")
    powers = moment_powers(filters, colours) * nu ** (2.0 * np.arange(ORDERS))
    return np.argmax(powers, axis=-1)


def channel_rule(
    filters: np.ndarray,
    sides: tuple[int, int],
    low: np.ndarray,
    high: np.ndarray,
    images: Sequence[Callable[[int], Spectrum]],
    bands: Bands,
    colours: np.ndarray | None = None,
    confidence: float = 0.95,
) -> ChannelRule:
    """Predicted and measured shift of every channel at fixed cycles/image. @eq-channel-rule

    Args:
        filters, sides, colours: as of `predicted_shift`.
        low, high: ``[I, C, R]``, photographs' power over noise, of each resolution's rings.
        images: side -> P, as of `predicted_shift`: one law for all, or each photograph's own;
            predictions are then geometric means over photographs, too.
        bands: edges as fractions of the low resolution's Nyquist frequency.
        confidence: of Student's interval over photographs.
    """
    p = filters.shape[-1]
    k0, k1 = (spectra_rings.rings(side // p, side // p).cycles_per_image for side in sides)
    if (low.shape[2], high.shape[2]) != (len(k0), len(k1)) or low.shape[1] != len(filters):
        raise ValueError(f"powers {low.shape} and {high.shape} are not of these channels and rings")
    k = k0[bands.first_ring :]
    above = at_frequencies(k, k1[1:], high[:, :, 1:])
    curves = 0.5 * np.log(above / low[:, :, bands.first_ring :])
    powers = [predicted_power(filters, sides[0], one(sides[0]), colours) for one in images]
    alias = np.mean([1 - first / total for total, first in powers], axis=0)
    shifts = [predicted_shift(filters, sides, one, colours) for one in images]
    laws = np.log(shifts)[..., bands.first_ring :].mean(axis=0)
    rows: list[tuple[Floats, ...]] = []
    edges = band_edges(bands, k0)
    for name in BANDS:
        chosen = in_band(k, edges[name])
        weights = octave_weights(k[chosen])
        each = curves[:, :, chosen] @ weights
        ends = np.exp(intervals.student(each, confidence))
        share = alias[:, bands.first_ring :][:, chosen] @ weights
        law = np.exp(laws[..., chosen] @ weights)
        rows.append((law[0], law[1], share, np.exp(each.mean(axis=0)), ends[0], ends[1]))
    nu = min(math.sqrt(edges["low"][0] * edges["low"][1]) / sides[0], 1 / (4 * p))
    columns = (np.stack(column) for column in zip(*rows, strict=True))
    return ChannelRule(order(filters, nu, colours), *columns)
