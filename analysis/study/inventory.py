"""Which encoders there are and what is here of each; and one encoder tried on one image."""

import json
import math
import time
from typing import Any

import numpy as np

from analysis.encoders import availability, cards, latents
from analysis.encoders.encoder import Encoder, load
from analysis.encoders.networks import Dtype
from analysis.images import catalogue
from analysis.images import pixels as images_pixels
from analysis.project.errors import InputError
from analysis.spectra import periodogram, rings
from analysis.spectra.bands import band_edges, in_band
from analysis.study import archive
from analysis.study.chain import Chain
from analysis.study.experiments import encoder_table
from analysis.study.plan import Plan
from analysis.study.settings import Study
from analysis.study.store import MissError, Store

COLUMNS = (
    *("name", "class", "channels", "stride", "gated", "cached"),
    *("measured", "shift", "title", "license"),
)


def listing(study: Study, store: Store) -> list[dict[str, Any]]:
    """Every card of ``data/encoders.toml``, as JSON values; nothing is fetched or loaded.

    ``class`` is diffusers' or, without one, the kind; ``channels`` and ``stride`` are those of the
    latents that a diffusion model sees; ``cached`` says whether the weights are on this machine,
    and is None where none are needed; ``measured`` whether ``data/results`` has the encoder for
    exactly what this study asks, and is None where its photographs are not here to tell; ``shift``
    is the one in the committed table of encoders, from 512 to 1024 px, or None;
    ``pinned`` whether the card says all that results are keyed by.

    Args:
        study: every choice. What it names need not exist: the list is there to find out.
        store: where downloads are kept.
    """
    try:
        plan = Plan(study, store)
        known = not catalogue.unavailable(plan.photographs, store.downloads)
    except InputError:
        known = False
    try:
        rows = {row.card.name: row for row in encoder_table.committed(store)}
    except (MissError, InputError):  # none committed, or one of other photographs
        rows = {}
    out = []
    for card in cards.cards().values():
        needs = bool(cards.NEEDS[card.kind])
        row = {
            "name": card.name,
            "title": card.title,
            "kind": card.kind,
            "class": card.class_name or card.kind,
            "channels": card.latent_channels,
            "stride": card.latent_stride,
            "license": card.license,
            "gated": card.gated,
            "cached": availability.found(card, store.downloads) is not None if needs else None,
            "measured": archive.is_committed(plan, card) if known else None,
            "shift": rows[card.name].shift().whole.value if card.name in rows else None,
            "pinned": card.pinned,
            "repo": card.repo,
            "source": card.source,
        }
        out.append(row)
    return out


def table(rows: list[dict[str, Any]]) -> str:
    """`listing` as lines: a heading, then an encoder each."""
    lines = [COLUMNS, *(tuple(_cell(row[name]) for name in COLUMNS) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    return str(value) if value not in ("", None) else "-"


def check(
    card: cards.Card, chain: Chain, dtype: Dtype = "float32", tiling: bool = False
) -> dict[str, Any]:
    """Encode a bundled image, and decode it where there is a decoder; what came, as JSON values.

    ``mean`` and ``std`` are of each channel of the normalised latents; ``psnr_db`` is that of the
    decoded image, clipped to [-1, 1], against a peak of 2, or None without a decoder; ``pins`` is
    what loading found out that the card does not say, by the names of its fields. With another
    dtype or with tiling, ``effect`` is the mean relative change of the spectrum by band.

    Args:
        card: the encoder's.
        chain: of any study; its lower side, filter, window, bands and store are used.
        dtype, tiling: as of `encoder.load`.

    Raises:
        InputError: the encoder is not what its card says.
        FetchError: it can't be had or can't run here.
    """
    encoder = default = chain.encoder(card)
    if (dtype, tiling) != ("float32", False):
        linear = chain.linear if card.kind == "linear" else None
        encoder = load(
            card, linear=linear, downloads=chain.store.downloads, dtype=dtype, tiling=tiling
        )
    photo = catalogue.image_set("bundled").photos[0]
    side = max(1, chain.study.low // card.latent_stride) * card.latent_stride
    path = catalogue.fetch(photo, chain.store.downloads)
    x = images_pixels.load(path, side, chain.study.resample)[np.newaxis]
    start = time.perf_counter()
    moments = encoder.encode(x)
    rate = 1 / (time.perf_counter() - start)
    z = latents.normalise(moments, encoder.normalisation)[0].astype(np.float64)
    decoded = encoder.decode(moments["mean"])
    return {
        "name": card.name,
        "image": photo.id,
        "pixels": list(x.shape[1:]),
        "latents": list(z.shape),
        "stride": side // z.shape[1],
        "mean": [float(f"{v:.6g}") for v in z.mean(axis=(1, 2))],
        "std": [float(f"{v:.6g}") for v in z.std(axis=(1, 2))],
        "psnr_db": None if decoded is None else psnr(np.clip(decoded, -1, 1), x),
        "images_per_second": float(f"{rate:.3g}"),
        "dtype": dtype,
        "tiling": tiling,
        "effect": None if encoder is default else _effect(z, default, x, chain.study),
        "pins": dict(encoder.pins),
    }


def _effect(z: np.ndarray, default: Encoder, x: np.ndarray, study: Study) -> dict[str, float]:
    """Mean over a band's rings of P / P_default - 1, channels averaged, by band."""
    usual = latents.normalise(default.encode(x), default.normalisation)[0].astype(np.float64)
    window = (study.window.kind, study.window.beta)
    power, known = (periodogram.raps(field, *window).mean(axis=0) for field in (z, usual))
    k = rings.rings(*z.shape[1:]).cycles_per_image
    first = study.bands.first_ring
    edges = band_edges(study.bands, k)
    change = power[first:] / known[first:] - 1
    return {
        band: float(f"{change[in_band(k[first:], edges[band])].mean():.3g}")
        for band in ("low", "middle", "high")
    }


def psnr(found: np.ndarray, x: np.ndarray) -> float | None:
    """Peak signal-to-noise ratio in dB of images in [-1, 1], to 0.01; None where they are equal."""
    mse = float(np.mean((found.astype(np.float64) - x) ** 2))
    return round(10 * math.log10(4 / mse), 2) if mse else None


def text(content: dict[str, Any]) -> str:
    """What `check` gives, on one screen."""
    shape = " x ".join(str(n) for n in content["latents"])
    pixels = " x ".join(str(n) for n in content["pixels"])
    lines = [
        f"{content['name']}: {content['image']}, {pixels} -> {shape}, stride {content['stride']}",
        "channel      mean       std",
        *(
            f"{index:>7}  {mean:>8.4f}  {std:>8.4f}"
            for index, (mean, std) in enumerate(zip(content["mean"], content["std"], strict=True))
        ),
    ]
    lines.append(f"{content['images_per_second']:.3g} images/s, the first one included")
    if content["effect"]:
        how = content["dtype"] + ", tiled" * content["tiling"]
        parts = ", ".join(f"{value:+.2%} {band}" for band, value in content["effect"].items())
        lines.append(f"spectrum with {how} against float32, whole: {parts} band")
    if content["psnr_db"] is not None:
        lines.append(f"reconstruction: PSNR {content['psnr_db']:.2f} dB")
    elif content["name"] != "pixel":
        lines.append("reconstruction: none, since there is no decoder here")
    if content["pins"]:
        lines.append(f"pin this in data/encoders.toml, [{content['name']}]:")
        lines += [f"{name} = {json.dumps(value)}" for name, value in content["pins"].items()]
    return "\n".join(lines)
