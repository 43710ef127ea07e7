"""The slider over t: a photograph and its latents from noise to data."""

import base64
import dataclasses
import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from analysis.images import catalogue, pixels
from analysis.paper.text import fixed, percent
from analysis.paper.widgets.parts import DIGITS, embedded, widget
from analysis.project.arrays import Floats
from analysis.project.files import root, write_atomic
from analysis.project.markdown import Markdown
from analysis.study.archive import rounded
from analysis.study.results import Results
from analysis.timesteps import schedule

MADE = Path("report/made/noise-slider.js")
LARGEST_GRID = 128  # latent pixels a side; larger grids are cropped, to keep the planes small


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


def colours(results: Results) -> ColourMap:
    """The map of the pictured latents, fitted to the photograph they are of."""
    display = results.display
    path = catalogue.fetch(display.photograph, results.downloads)
    grids = {side: pixels.thumbnail(path, z.shape[-1]) / 255 for side, z in display.z.items()}
    return colour_map(display.z, grids)


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


def data(results: Results) -> dict[str, Any]:
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
        z, eps = (_cropped(colour.planes(of[px]), share) for of in (display.z, display.eps))
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


def _picture(kind: str, label: str, n: int, px: int, t: str, shifted: str = "") -> str:
    """A canvas of n by n for one of the three cases, with its caption."""
    return (
        f'<figure><canvas width="{n}" height="{n}" role="img" aria-label="{label}"></canvas>'
        '<figcaption><svg class="w-key" viewBox="0 0 28 8" aria-hidden="true">'
        f'<path class="w-curve w-{kind}" d="M0 4H28"/></svg>{px}&nbsp;px, '
        f't&nbsp;=&nbsp;<span class="w-value">{t}</span>{shifted}</figcaption></figure>'
    )


def _choice(value: str, text: str, shift: float, checked: str = "") -> str:
    return (
        f'<label><input type="radio" name="w-shift" value="{value}"{checked} disabled> '
        f"{text}, s&nbsp;=&nbsp;{fixed(shift, 2)}</label>"
    )


def _plot(name: str, title: str, label: str) -> str:
    return (
        f'<div><p class="w-title">{title}</p><svg class="w-plot w-{name}" viewBox="0 0 340 258" '
        f'role="img" aria-label="{label} against frequency"></svg></div>'
    )


def markup(results: Results) -> Markdown:
    """The slider over the pictured latents; writes their planes to ``report/made``."""
    found, study = data(results), results.study
    write_atomic(root() / MADE, f"window.noiseSliderData={embedded(found)};\n".encode())
    source = MADE.relative_to("report").as_posix()
    title, encoder = html.escape(found["photograph"]), html.escape(found["encoder"])
    low, high = found["sides"]
    labels = [f"Noisy latents of {title} at {side['px']} px as colours" for side in (low, high)]
    rule, measured = found["shifts"]["rule"], found["shifts"]["measured"]
    t, moved = f"{study.t:.2f}", f"{schedule.shift_t(study.t, rule):.3f}"
    part = "Latents" if found["share"] == 1 else "The middle of the latents"
    return widget(
        "noise-slider",
        f'<div class="widget noise-slider" data-src="{source}">',
        '<div class="w-controls"><label class="w-wide">Fraction of data, t&nbsp;=&nbsp;'
        f'<span class="w-t">{t}</span>'
        f'<input type="range" min="0" max="1" step="0.01" value="{t}" disabled>'
        '<span class="w-ends"><span>0: noise</span><span>1: data</span></span></label>',
        f"<fieldset><legend>Shift of t at {study.high}&nbsp;px</legend>",
        _choice("rule", "square-root rule", rule, " checked"),
        _choice("measured", "measured", measured),
        '</fieldset></div><div class="w-pictures">',
        _picture("low", labels[0], low["n"], study.low, t),
        _picture("high", labels[1], high["n"], study.high, t),
        _picture("shifted", labels[1] + ", shifted", high["n"], study.high, moved, ", shifted"),
        '</div><div class="w-plots">',
        _plot(
            "power",
            "Power of the data, and of the noise (dotted)",
            "Power of the data and of the noise in each blend",
        ),
        _plot(
            "snr",
            "Ratio (SNR), marked where it falls through one",
            "Signal-to-noise ratio of each blend",
        ),
        '</div><p class="w-says" aria-live="polite"></p>',
        f'<p class="w-note">{part} of “{title}” in <code>{encoder}</code>, blended in your '
        "browser and seen through the linear map of all channels to red, green and blue that comes "
        f"closest to the photograph ({percent(found['explained'], 1)} of its variance). Each "
        "picture has its own colour range. The curves are means over all channels; those "
        f'of the noise, its expectation. <a href="{source}">Latents and spectra as data</a></p>',
        "</div>",
        without="The slider over t needs JavaScript. The figures show the same latents and "
        f"spectra at t&nbsp;=&nbsp;{study.t:g}.",
    )
