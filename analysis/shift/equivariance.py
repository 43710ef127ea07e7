r"""Scale equivariance: is the encoding of a smaller image the smaller encoding?

Let D shrink an image or a latent and E encode it. An encoder is equivariant to scale if
E(D(x)) = D(E(x)); then, and only then for every image, the same content has the same latents at
either resolution and the square-root rule is exact (`shift`). Compared are the latents
x of the small image and those of the large one, y, cropped to
its grid by `lowpass.crop`: latent pixels are placed at the centres of their squares of pixels,
which lie elsewhere on the other grid, and the crop moves them there.

Per ring, with P the power of windowed fields (`spectra`), all summed over channels,

$$
g^2 = \frac{P_y}{P_x}, \qquad \rho = \frac{\mathrm{Re}\, C_{xy}}{\sqrt{P_x P_y}}, \qquad
\frac{P_{x - y}}{P_x} = \underbrace{(1 - g)^2}_{\text{gain}}
+ \underbrace{2 g (1 - \rho)}_{\text{content}}
$$

exactly. The **gain** g is the measured shift in other words: $s = g \sqrt{h w / (h_0 w_0)}$
but for leakage. A gain other than 1 could be undone by a filter; what no filter of single channels
undoes is read from the **coherence**, the share of x's power that y's same channel explains when
it may be amplified by any factor in each ring and channel,

$$
\kappa^2 = \frac{1}{P_x} \sum_c \frac{(\mathrm{Re}\, C_{xy,c})^2}{P_{y,c}},
$$

which is 1 if both hold the same content. Unrelated fields reach `chance` on average, since a ring
has few modes.

That ordinary autoencoders are not equivariant: Kouzelis et al. 2025 (EQ-VAE, arXiv:2502.09509) and
Skorokhodov et al. 2025 (arXiv:2502.14831); per frequency, here.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from analysis.project.arrays import Floats
from analysis.spectra import intervals, lowpass, periodogram
from analysis.spectra import rings as spectra_rings
from analysis.spectra.bands import Bands, band_edges, in_band, octave_weights
from analysis.spectra.intervals import Estimate
from analysis.spectra.windows import TWO_PI

COMPARED = ("low", "cropped", "cross", "explained")


@dataclasses.dataclass(frozen=True)
class Curve:
    """A number per ring and per band, over photographs, with Student's intervals.

    Args:
        each: ``[I, R]``, of each photograph.
        mean, low, high: ``[R]``; nan ends below three photographs.
        bands: ``whole`` (low and middle), ``low``, ``middle``, ``high``.
    """

    each: Floats
    mean: Floats
    low: Floats
    high: Floats
    bands: dict[str, Estimate]


@dataclasses.dataclass(frozen=True)
class Equivariance:
    """Scale equivariance of one encoder between two resolutions.

    Args:
        k: ``[R]``, cycles per image, rings of the low resolution in the measured range.
        gain: g; geometric means, others are arithmetic. 1 is equivariant.
        difference: P of the difference over P of the low resolution. 0 is equivariant.
        of_gain: (1 - g)^2, the part of it that is due to the gain.
        coherence: of channels with themselves, from 0 to 1. 1 is the same content.
        chance: ``[R]``, the coherence of unrelated fields.
    """

    k: Floats
    gain: Curve
    difference: Curve
    of_gain: Curve
    coherence: Curve
    chance: Floats


def compare(
    z_low: np.ndarray, z_high: np.ndarray, kind: str = "kaiser", beta: float = TWO_PI
) -> dict[str, Floats]:
    """Latents of one image at two resolutions, ring by ring. @eq-equivariance @eq-coherence

    Args:
        z_low: ``[C, h, h]``, real.
        z_high: ``[C, H, H]`` of the same encoder, H at least h.
        kind, beta: the window, as `windows.window2d` takes it.

    Returns:
        ``low`` and ``cropped``: power of z_low and of z_high cropped to its grid; ``cross``: real
        part of their cross-power; ``explained``: power of z_low that the same channel of the other
        explains. Each ``[R]``, mean over channels, in latent units squared per mode.

    Raises:
        ValueError: other channels, not square, z_high smaller, or a field without power.
    """
    if z_low.ndim != 3 or z_high.ndim != 3 or len(z_low) != len(z_high):
        raise ValueError(f"latents of shape {z_low.shape} and {z_high.shape} are not of one image")
    h = z_low.shape[-1]
    rings, rows = spectra_rings.rings(h, h), []
    for low, high in zip(z_low, z_high, strict=True):
        fields = np.stack([low.astype(np.float64), lowpass.crop(high, h)])
        modes = periodogram.half_modes(fields, kind, beta)
        powers = rings.average(np.abs(modes) ** 2)
        cross = rings.average((modes[0] * modes[1].conj()).real)
        # Ring 0 holds the removed mean, nothing but rounding.
        explained = np.divide(cross**2, powers[1], out=np.zeros_like(cross), where=powers[1] > 0)
        rows.append((*powers, cross, explained))
    return dict(zip(COMPARED, np.mean(rows, axis=0), strict=True))


def chance(side: int, kind: str = "kaiser", beta: float = TWO_PI) -> Floats:
    """The expected coherence of unrelated fields, ``[R]``: one over twice a ring's free modes."""
    return np.minimum(1.0, 0.5 / periodogram.effective_modes(side, side, kind, beta))


def _curve(
    k: Floats,
    each: Floats,
    edges: dict[str, tuple[float, float]],
    confidence: float,
    geometric: bool = False,
) -> Curve:
    values = np.log(each) if geometric else each

    def interval(rows: Floats) -> tuple[Floats, Floats, Floats]:
        mean = rows.mean(axis=0)
        low, high = intervals.student(rows, confidence)
        return (np.exp(mean), np.exp(low), np.exp(high)) if geometric else (mean, low, high)

    bands = {}
    for name, edge in edges.items():
        chosen = in_band(k, edge)
        value, low, high = interval((values[:, chosen] @ octave_weights(k[chosen]))[:, None])
        ends = (float(k[chosen][0]), float(k[chosen][-1]))
        bands[name] = Estimate(float(value[0]), float(low[0]), float(high[0]), ends)
    return Curve(each, *interval(values), bands)


def summarise(
    compared: Sequence[dict[str, Floats]],
    side: int,
    bands: Bands,
    kind: str = "kaiser",
    beta: float = TWO_PI,
    confidence: float = 0.95,
) -> Equivariance:
    """Scale equivariance of one encoder over photographs, per ring and per band.

    Args:
        compared: of each photograph, what `compare` gives.
        side: h of the low resolution's latents.
        bands: edges as fractions of the low resolution's Nyquist frequency.
        kind, beta: the window of the comparison.
        confidence: of Student's intervals over photographs, on the logarithm of the gain.

    Returns:
        `Equivariance`; octaves weigh the same within a band, and so do photographs.

    Raises:
        ValueError: no photographs, too few rings for the bands, or a ring without power.
    """
    if not compared:
        raise ValueError("no photographs were compared")
    first = bands.first_ring
    low, cropped, cross, explained = (
        np.stack([row[name][first:] for row in compared]) for name in COMPARED
    )
    if not (np.all(low > 0) and np.all(cropped > 0)):
        raise ValueError("a ring without power has no gain")
    k = spectra_rings.rings(side, side).cycles_per_image
    edges, k = band_edges(bands, k), k[first:]
    gain = np.sqrt(cropped / low)
    # Rounding can leave less than nothing where both are the same.
    difference = np.maximum(0.0, (low + cropped - 2 * cross) / low)
    return Equivariance(
        k,
        _curve(k, gain, edges, confidence, geometric=True),
        _curve(k, difference, edges, confidence),
        _curve(k, (1 - gain) ** 2, edges, confidence),
        _curve(k, explained / low, edges, confidence),
        chance(side, kind, beta)[first:],
    )
