"""What the interactive parts of the pages compute with: the data that Python gives to JavaScript.

Formulas are written twice, here (in the modules this one calls) and in ``report/interactive``; the
tests hold one against the other in a browser. Measurements are not: a script only reads them.

- **Noise slider**: latents as three colours. A linear map A of the channels and the blend commute,
  :math:`A (t z + (1 - t) \\varepsilon) = t A z + (1 - t) A \\varepsilon`, so that the browser gets
  A z and A eps, three planes each instead of one a channel, and blends them itself (@eq-blend).
- **Shift calculator**: the measured shift of every pair of the study's resolutions.
- **Sound levels**: the recordings' level in short windows. A browser does not let a script listen
  to a recording that was opened from a file, so the levels come along.
"""

import base64
import dataclasses
import itertools
import json
import shlex
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import encoders, images, shift, spectra
from analysis.archive import rounded
from analysis.arrays import Floats
from analysis.measured import Measured
from analysis.noise import Sound
from analysis.preflight import LARGEST
from analysis.results import Results
from analysis.settings import InputError, Study

LARGEST_GRID = 128  # latent pixels a side; larger grids are cropped, to keep the planes small
WINDOW = 0.05  # seconds; the level meters move this often
DIGITS = 9  # of what a page computes with: finer than it shows, and the same on every processor
SILENCE = -120.0  # dBFS, shown for a window without any sound


@dataclasses.dataclass(frozen=True)
class ColourMap:
    """The linear map from latent channels to RGB that comes closest to a photograph.

    Args:
        weights: ``[C, 3]``, RGB (0 to 1) per latent unit.
        offset: ``[3]``, the colour of zero latents.
        explained: the share of the photograph's variance that it reproduces, at most 1.
    """

    weights: Floats
    offset: Floats
    explained: float

    def planes(self, field: np.ndarray) -> Floats:
        """``[3, h, w]``: weights times latents ``[C, h, w]``, without the offset."""
        out: Floats = np.einsum("chw,ck->khw", np.asarray(field, np.float64), self.weights)
        return out


def colour_map(latents: Mapping[int, np.ndarray], pictures: Mapping[int, np.ndarray]) -> ColourMap:
    """Least squares over the pixels of all resolutions, each resolution with the same weight.

    Args:
        latents: side -> ``[C, h, w]``.
        pictures: side -> the photograph on the same grid, ``[h, w, 3]``, 0 to 1.

    Raises:
        ValueError: a picture has another grid than its latents.
    """
    rows, targets = [], []
    for side, z in latents.items():
        channels, *grid = z.shape
        if pictures[side].shape != (*grid, 3):
            raise ValueError(f"picture of {pictures[side].shape} for latents of {z.shape}")
        weight = 1 / np.sqrt(np.prod(grid))
        flat = z.reshape(channels, -1).T.astype(np.float64)
        rows.append(np.column_stack([flat, np.ones(len(flat))]) * weight)
        targets.append(pictures[side].reshape(-1, 3).astype(np.float64) * weight)
    x, y = np.concatenate(rows), np.concatenate(targets)
    solved = np.linalg.lstsq(x, y, rcond=None)[0]
    centre = x[:, -1:] * (x[:, -1:].T @ y / len(latents))
    explained = 1 - np.sum((y - x @ solved) ** 2) / np.sum((y - centre) ** 2)
    return ColourMap(solved[:-1], solved[-1], float(explained))


def picture(planes: np.ndarray) -> NDArray[np.uint8]:
    """``[h, w, 3]``, uint8: colours ``[3, h, w]`` with the middle 98 % of all values stretched."""
    low, high = np.percentile(planes, [1, 99])
    scaled = np.clip((planes - low) / max(high - low, 1e-12), 0, 1)
    return np.asarray(np.floor(np.moveaxis(scaled, 0, -1) * 255 + 0.5), np.uint8)


def quantised(planes: np.ndarray) -> dict[str, Any]:
    """Planes as bytes: ``low + step * byte``, base64 in C order; off by half a step at most."""
    low, high = float(planes.min()), float(planes.max())
    low, step = rounded([low, (high - low) / 255 or 1.0], DIGITS)
    codes = np.asarray(np.clip(np.rint((planes - low) / step), 0, 255), np.uint8)
    return {"low": low, "step": step, "bytes": base64.b64encode(codes.tobytes()).decode("ascii")}


def _cropped(field: np.ndarray, share: float) -> np.ndarray:
    """The centre square of ``[C, h, w]``, a share of the side."""
    n = field.shape[-1]
    kept = round(n * share)
    start = (n - kept) // 2
    return field[:, start : start + kept, start : start + kept]


def colours(results: Results) -> ColourMap:
    """The map of the pictured latents, fitted to the photograph they are of."""
    display = results.display
    path = images.fetch(display.photograph, results.downloads)
    grids = {side: images.thumbnail(path, z.shape[-1]) / 255 for side, z in display.z.items()}
    return colour_map(display.z, grids)


def noise_slider(results: Results) -> dict[str, Any]:
    """Latents, noise and spectra of the pictured photograph at both resolutions.

    Returns:
        ``photograph``, ``encoder``; ``t``, where the slider begins; ``share`` of the side that is
        pictured; ``offset`` and ``explained`` of the `ColourMap`; ``shifts``: ``rule`` and
        ``measured``; ``sides``, low resolution first, each with ``px``, ``n`` (the planes' side),
        ``z`` and ``eps`` (`quantised`, ``[3, n, n]``), and without ring 0 ``k`` (cycles/image),
        ``power`` and ``noise`` (the exact expectation), of the whole image.
    """
    study, display = results.study, results.display
    measured, colour = results.measured[study.display_encoder], colours(results)
    index = results.photographs.index(display.photograph)
    share = min(1.0, LARGEST_GRID / display.z[study.high].shape[-1])
    sides = []
    for px in study.pair:
        z, eps = (_cropped(colour.planes(one[px]), share) for one in (display.z, display.eps))
        curves = {
            "k": measured.k(px)[1:],
            "power": measured.power(px)[index, 1:],
            "noise": measured.expected_noise(px)[1:],
        }
        sides.append(
            {"px": px, "n": z.shape[-1], "z": quantised(z), "eps": quantised(eps)}
            | {name: rounded(curve.tolist()) for name, curve in curves.items()}
        )
    return {
        "photograph": display.photograph.title,
        "encoder": study.display_encoder,
        "t": study.t,
        "share": share,
        "offset": rounded(colour.offset.tolist(), DIGITS),
        "explained": rounded(colour.explained, DIGITS),
        "shifts": rounded({"rule": results.theory, "measured": measured.shift.whole.value}, DIGITS),
        "sides": sides,
    }


def _estimate(one: shift.Estimate) -> dict[str, Any]:
    return {"measured": one.value, "interval": [one.low, one.high]}


def _pairs(measured: Measured) -> dict[str, Any]:
    pairs = {
        f"{low}-{high}": _estimate(one.whole)
        | {"bands": {n: _estimate(e) | {"band": list(e.band)} for n, e in one.bands.items()}}
        for (low, high), one in measured.shifts.items()
    }
    found: dict[str, Any] = rounded(pairs, DIGITS)
    return found


def smallest_grid(study: Study) -> int | None:
    """The fewest latent pixels a side that give the study's three bands; None: none that is tried.

    The condition is that of `recommend`, and more pixels never break it.
    """
    tried = range(1, LARGEST + 1)
    fits = (n for n in tried if shift.measurable(spectra.rings(n, n).cycles_per_image, study.bands))
    return next(fits, None)


def shift_calculator(results: Results) -> dict[str, Any]:
    """Every measured shift, to nine digits, and what each encoder takes.

    Returns:
        ``axis``, ``confidence``, ``images``, ``photographs``; ``grid``: `smallest_grid`; ``mu``,
        ``std`` and ``pair``, where the form begins; ``encoders``, by name: ``title``, ``address``
        in commands, ``stride`` in pixels and ``pairs``, such as ``512-1024``, with ``measured``,
        ``interval`` (ends None below three photographs) and ``bands``. Encoders that were not
        measured have no pairs.
    """
    study = results.study
    known = results.everything
    own = {name: measured.card for name, measured in known.items()}
    return {
        "axis": shift.AXIS,
        "confidence": study.confidence,
        "images": len(results.photographs),
        "photographs": study.images,
        "grid": smallest_grid(study),
        "mu": study.mu,
        "std": study.std,
        "pair": list(study.pair),
        "encoders": {
            name: {
                "title": card.title,
                "address": shlex.quote(card.address or name),
                "stride": card.latent_stride,
                "pairs": _pairs(known[name]) if name in known else {},
            }
            for name, card in (encoders.cards() | own).items()
        },
    }


def levels(sound: Sound, window: float = WINDOW) -> list[float]:
    """Root-mean-square level of each window in dBFS, rounded to 0.01 dB.

    A window that is no whole number of samples ends at the nearest one.

    Args:
        sound: the recording.
        window: seconds.

    Raises:
        InputError: the window is shorter than a sample, or longer than the recording.
    """
    length = window * sound.rate
    if not 1 <= length <= len(sound.samples):
        raise InputError(f"a window of {window} s does not suit {len(sound.samples)} samples")
    count = round(len(sound.samples) / length)
    edges = np.rint(np.arange(count + 1) * length).astype(int)
    edges[-1] = len(sound.samples)
    power = [np.mean(sound.samples[a:b] ** 2) for a, b in itertools.pairwise(edges)]
    return [round(float(10 * np.log10(p)), 2) if p > 10 ** (SILENCE / 10) else SILENCE
            for p in power]  # fmt: skip


def sound_levels(results: Results) -> dict[str, Any]:
    """``window`` in seconds, and of ``fine`` and ``coarse``: ``mean`` and ``levels`` in dBFS."""
    return {"window": WINDOW} | {
        name: {"mean": round(sound.level, 2), "levels": levels(sound)}
        for name, sound in zip(("fine", "coarse"), results.sounds, strict=True)
    }


def embedded(data: Mapping[str, Any]) -> str:
    """JSON that can stand in a script element or a script: no ``<`` (so no ``</script``), no nan.

    Raises:
        ValueError: a number is not finite, which JSON has no word for.
    """
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
