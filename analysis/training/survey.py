"""A data set of any size: each image's spectrum, and the set's statistics, shard by shard.

A shard of the source gives one Parquet file of the same stem, written beside and renamed, so that a
finished one is where a survey that was stopped goes on. Rows are of one image at one resolution,
with what is wrong where it can't be measured. ``_stats.json`` is made from the files, one row group
after another, so that memory does not grow with the set.

Latents are the mode of the encoder, normalised as the model sees them; their means and standard
deviations are of raw ones, which is what ``shift_factor`` and ``scaling_factor`` are set by.
"""

import concurrent.futures
import contextlib
import ctypes
import dataclasses
import functools
import io
import json
import math
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from analysis.encoders import cards
from analysis.encoders.encoder import Encoder
from analysis.encoders.latents import mode, normalise
from analysis.images import pixels
from analysis.images.resize import Resample
from analysis.project import extras
from analysis.project.arrays import Floats
from analysis.project.errors import InputError, PackageError
from analysis.project.files import canonical, write_atomic
from analysis.shift import equal_snr
from analysis.spectra import bands as spectra_bands
from analysis.spectra import intervals, periodogram, powerlaw, rings
from analysis.spectra.bands import Bands, band_edges, in_band, octave_weights
from analysis.spectra.windows import Window
from analysis.study.chain import Chain
from analysis.study.experiments.surveyed import SOFT
from analysis.study.settings import load_study
from analysis.study.store import Store
from analysis.training.survey_sources import Item, Shard, items, shards

Engine = Literal["local", "ray"]
STATS = "_stats.json"
FORMAT = 2  # of rows and statistics
MIDDLE = 1024  # pixels of the middle of a picture in which that tile is looked for
TILE = 256  # pixels of the tile that the effective resolution is looked for in
DETAIL = 1.0
"""Grey levels (root mean square) of the finest detail that counts; rounding leaves 0.3."""
PIECE = 2**14  # values that are summed in float64 at a time
BUCKET = 64  # pixels that sides of a trainer's buckets are multiples of
Tell = Callable[[int, int, str], None]


@dataclasses.dataclass(frozen=True)
class Survey:
    """What is measured, and how.

    Args:
        encoder: name, folder or address; for cached latents, whose they are.
        resolutions: sides in pixels, ascending; of cached latents every size is taken.
        resample: the filter of downscaling.
        window, bands, confidence: as of a study.
        sample: images in all, at most; None: all.
    """

    encoder: str
    resolutions: tuple[int, ...]
    resample: Resample = "lanczos"
    window: Window = dataclasses.field(default_factory=Window)
    bands: Bands = dataclasses.field(default_factory=Bands)
    confidence: float = 0.95
    sample: int | None = None

    @property
    def signature(self) -> str:
        """What the rows depend on, as text; it stands in every file."""
        return canonical(
            {
                "format": FORMAT,
                "encoder": self.encoder,
                "resolutions": list(self.resolutions),
                "resample": self.resample,
                "window": self.window.model_dump(),
                "bands": self.bands.model_dump(),
                "sample": self.sample,
            }
        )


# One image ---------------------------------------------------------------------------------------


def middle(image: Image.Image) -> Image.Image:
    """The part of a picture in which its sharpest tile is looked for."""
    (width, height), most = image.size, MIDDLE
    left, top = max(width - most, 0) // 2, max(height - most, 0) // 2
    box = (left, top, min(left + most, width), min(top + most, height))
    return image if box == (0, 0, width, height) else image.crop(box)


def grey_levels(image: Image.Image) -> np.ndarray:
    """``[H, W]``, from 0 to 255; of 16 bits Pillow itself would cut the upper levels off."""
    if image.mode.startswith("I;16"):
        return np.asarray(image, np.float32) / np.float32(257)
    return np.asarray(image.convert("L"), np.float32)


def effective_scale(grey: np.ndarray, tile: int = TILE) -> float:
    """How far a picture's detail reaches, as a share of its own resolution, from 0 to 1.

    It is the highest frequency, over Nyquist's, above which the busiest tile still varies by
    `DETAIL`: shrunk to that share and enlarged again, the picture would look the same. An
    enlargement by f divides it by f, or by more, since filters blur. A soft lens and mist lower it,
    grain, sharpening and the blocks of JPEG raise it; which it was is not told. Frequencies are
    horizontal and vertical ones: rings would not do, an enlarged square ends at a square.

    Args:
        grey: ``[H, W]``, levels from 0 to 255, at its own resolution.
        tile: side in pixels.

    Returns:
        0 where nothing varies as much; nan where the picture is too small.
    """
    side = min(tile, *grey.shape)
    if side < 64:
        return math.nan
    best, found = -1.0, grey[:side, :side]
    for top in range(0, grey.shape[0] - side + 1, side):
        for left in range(0, grey.shape[1] - side + 1, side):
            one = grey[top : top + side, left : left + side]
            some = one[::4]
            busy = float(np.abs(some[:, 1:] - some[:, :-1]).mean())
            if busy > best:
                best, found = busy, one
    lines = np.concatenate([found[::4], found.T[::4]])  # enough of them, at a quarter of the cost
    taper = _taper(side)
    modes = np.fft.rfft((lines - lines.mean(axis=1, keepdims=True)) * taper, axis=1)
    variance = np.square(np.abs(modes)).mean(axis=0, dtype=np.float64)
    variance *= 2 / (side * float(taper @ taper))  # of a frequency and its mirror
    above = np.flatnonzero(np.cumsum(variance[::-1])[::-1] >= DETAIL**2)
    return float(above[-1] / (side // 2)) if len(above) else 0.0


@functools.lru_cache(maxsize=8)
def _taper(side: int) -> np.ndarray:
    return np.kaiser(side, 2 * math.pi).astype(np.float32)


@functools.lru_cache(maxsize=1024)
def bucket_of(width: int, height: int, resolution: int) -> str:
    """The bucket that trainers put a size into: sides of `BUCKET`, at most resolution^2 pixels."""
    ratio, best = width / height, (math.inf, 0, 0)
    for w in range(BUCKET, 2 * resolution + 1, BUCKET):
        h = resolution * resolution // w // BUCKET * BUCKET
        if BUCKET <= h <= 2 * resolution:
            best = min(best, (abs(math.log(w / h / ratio)), w, h))
    return f"{best[1]}x{best[2]}"


EMPTY: dict[str, Any] = {
    "key": "",
    "sha256": "",
    "resolution": 0,
    "width": 0,
    "height": 0,
    "used": 0,
    "bucket": "",
    "status": "ok",
    "error_message": "",
    "slope": None,
    "curvature": None,
    "low": None,
    "middle": None,
    "high": None,
    "effective_resolution": None,
    "mu": None,
    "shift": None,
    "power": None,
    "channel_mean": None,
    "channel_square": None,
}
"""A row, in the order of its columns.

``slope`` and ``curvature`` are of ln P against ln k; ``low``, ``middle`` and ``high`` the mean
power of the bands over that of white noise; ``effective_resolution`` the picture's short side times
`effective_scale`, in its own pixels; ``mu`` the mean of theta at which the low and the middle band
come out of the noise, which a shift s moves by -ln s; ``shift`` of this resolution over the one
before; ``power`` one a ring, channels averaged; ``channel_mean`` and ``channel_square`` the means
of raw latents and of their squares.
"""


@dataclasses.dataclass(frozen=True)
class _Grid:
    """What spectra of n x n latents are read with, made once.

    Args:
        k: ``[R]``, cycles per image of all rings.
        white: ``[R]``, the power of white noise in them.
        bands: which of the rings that are used lie in a band, and what each weighs.
        fit: ``[3, ...]``, what ln P in the rings that are used is multiplied by to give curvature,
            slope and level of the parabola over ln k that fits it best, every octave alike.
    """

    k: Floats
    white: Floats
    bands: Mapping[str, tuple[np.ndarray, Floats]]
    fit: Floats


@functools.lru_cache(maxsize=8)
def _grid(n: int, survey: Survey) -> _Grid:
    k = rings.rings(n, n).cycles_per_image
    white = periodogram.white_noise_raps(n, n, survey.window.kind, survey.window.beta)
    used = k[survey.bands.first_ring :]  # below, the mean is taken away, and white noise has none
    bands = {}
    for name, edges in band_edges(survey.bands, k).items():
        chosen = in_band(used, edges)
        bands[name] = chosen, octave_weights(used[chosen])
    x, root = np.log(used), np.sqrt(octave_weights(used))
    fit = np.linalg.pinv(np.vander(x - x.mean(), 3) * root[:, np.newaxis]) * root
    return _Grid(k, white, bands, fit)


def spectrum(z: np.ndarray, survey: Survey) -> dict[str, Any]:
    """What a row has of latents ``[C, n, n]`` as a model sees them.

    Raises:
        ValueError: they are too small for three bands, or without power.
    """
    grid, first = _grid(z.shape[-1], survey), survey.bands.first_ring
    power = periodogram.raps(z, survey.window.kind, survey.window.beta).mean(axis=0)
    y = np.log(power[first:])
    log_snr = y - np.log(grid.white[first:])
    means = {name: float(log_snr[own] @ weights) for name, (own, weights) in grid.bands.items()}
    curvature, slope, _ = grid.fit @ y
    return {name: math.exp(means[name]) for name in ("low", "middle", "high")} | {
        "slope": float(slope),
        "curvature": float(curvature),
        "mu": -0.5 * means["whole"],
        "power": power.astype(np.float32),
    }


def _shift(low: np.ndarray, high: np.ndarray, survey: Survey, grids: tuple[int, int]) -> float:
    """s of one image between two grids, as `equal_snr.measure` has it of one photograph."""
    (one, other), first = (_grid(n, survey) for n in grids), survey.bands.first_ring
    k = one.k[first:]
    s = equal_snr.equal_snr_shift(
        equal_snr.at_frequencies(k, other.k[1:], high[1:]),
        equal_snr.at_frequencies(k, other.k[1:], other.white[1:]),
        low[first:],
        one.white[first:],
    )
    chosen, weights = one.bands["whole"]
    return float(np.exp(np.log(s[chosen]) @ weights))


def of_item(
    item: Item, encoder: Encoder | None, survey: Survey, stride: int
) -> list[dict[str, Any]]:
    """The rows of one item; what is wrong with it is told in them."""
    row = EMPTY | {"key": item.key, "sha256": item.sha256}

    def wrong(message: str, **more: Any) -> dict[str, Any]:
        return row | {"status": "error", "error_message": " ".join(message.split())} | more

    if item.wrong:
        return [wrong(item.wrong)]
    if item.latents is not None:
        return [_of_latents(item.latents, row, survey, stride, wrong)]
    try:
        image = pixels.decode(io.BytesIO(item.image))  # type: ignore[arg-type]
        if image.mode not in pixels.MODES.split():
            raise InputError(f"mode {image.mode} has no defined white")
    except InputError as error:
        said = str(error).partition(": ")[2] or str(error)
        return [wrong(re.sub(r" ?<_io.BytesIO[^>]*>", "", said))]
    width, height = image.size
    scale = effective_scale(grey_levels(middle(image)))
    row |= {
        "width": width,
        "height": height,
        "effective_resolution": None if math.isnan(scale) else scale * min(width, height),
    }
    rows, before = [], None
    for size in survey.resolutions:
        own = {"resolution": size, "bucket": bucket_of(width, height, size)}
        if min(width, height) < size:
            rows.append(wrong(f"short side {min(width, height)} px, asked for {size}", **own))
            continue
        assert encoder is not None
        try:
            moments = encoder.encode(pixels.of_image(image, size, survey.resample)[np.newaxis])
            z = normalise(moments, encoder.normalisation)[0]
            found = own | {"used": size} | spectrum(z, survey) | _moments(mode(moments)[0])
            now = (z.shape[-1], np.asarray(found["power"], np.float64))
            if before is not None:
                found["shift"] = _shift(before[1], now[1], survey, (before[0], now[0]))
            before = now
            rows.append(row | found)
        except (InputError, ValueError) as error:
            rows.append(wrong(str(error), **own))
    return rows


def _moments(raw: np.ndarray) -> dict[str, Any]:
    """Means of latents ``[C, h, w]`` and of their squares, in float64, a piece at a time.

    Pieces stay in a core's cache; copies of the whole would take as long as the transform.
    """
    sums, ones = np.zeros((2, len(raw))), np.ones(PIECE)
    for channel, values in enumerate(raw.reshape(len(raw), -1)):
        for start in range(0, len(values), PIECE):
            piece = values[start : start + PIECE].astype(np.float64)
            sums[:, channel] += piece @ ones[: len(piece)], piece @ piece
    mean, square = sums / raw[0].size
    return {"channel_mean": mean, "channel_square": square}


def _of_latents(
    z: np.ndarray, row: dict[str, Any], survey: Survey, stride: int, wrong: Callable[..., Any]
) -> dict[str, Any]:
    """The row of cached latents ``[C, h, w]``: the square in their middle, as they are."""
    h, w = z.shape[1:]
    n = min(h, w)
    own = {
        "width": w * stride,
        "height": h * stride,
        "resolution": n * stride,
        "used": n * stride,
        "bucket": f"{w * stride}x{h * stride}",
    }
    top, left = (h - n) // 2, (w - n) // 2
    try:
        if not np.isfinite(z).all():
            raise ValueError("latents are not finite")
        return row | own | spectrum(z[:, top : top + n, left : left + n], survey) | _moments(z)
    except ValueError as error:
        return dict(wrong(str(error), **own))


# Shards ------------------------------------------------------------------------------------------


def _loaded(survey: Survey, latents: bool) -> tuple[Encoder | None, int]:
    """The encoder and its stride; for cached latents the stride alone."""
    study = load_study()
    own = {"encoders": (survey.encoder,), "display_encoder": survey.encoder}
    chain = Chain(study.model_copy(update=own), Store())
    (card,) = chain.plan.cards.values()
    return (None if latents else chain.encoder(card)), card.latent_stride


def _schema() -> Any:
    import pyarrow as pa

    kinds = {str: pa.string(), int: pa.int32()}
    lists = {"power": pa.float32(), "channel_mean": pa.float64(), "channel_square": pa.float64()}
    return pa.schema(
        [
            pa.field(
                name,
                pa.list_(lists[name]) if name in lists else kinds.get(type(value), pa.float64()),
            )
            for name, value in EMPTY.items()
        ]
    )


_WORKER: dict[str, tuple[Encoder | None, int]] = {}  # of this process, by what it measures


def _keep_memory() -> None:
    """glibc gives an image's memory back to the system and fetches it anew: a fifth of the time."""
    with contextlib.suppress(AttributeError):  # another C library
        if sys.platform == "linux":
            for which, size in ((-1, 2**28), (-3, 2**25)):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
                ctypes.CDLL(None).mallopt(which, size)


def measure_shard(shard: Shard, survey: Survey, out: Path, limit: int | None) -> int:
    """Write the rows of a shard, and give their number; the file is there whole or not at all."""
    import pyarrow as pa
    from pyarrow import parquet

    latents = shard.kind == "latents"
    key = f"{survey.signature} {latents}"
    if key not in _WORKER:
        _keep_memory()
        _WORKER[key] = _loaded(survey, latents)
    encoder, stride = _WORKER[key]
    schema = _schema().with_metadata({"survey": survey.signature})
    partial, rows, count = out / f".{shard.stem}.partial", [], 0
    with parquet.ParquetWriter(partial, schema, compression="zstd") as writer:
        for item in items(shard, limit):
            rows += of_item(item, encoder, survey, stride)
            if len(rows) >= 64:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                count, rows = count + len(rows), []
        if rows or not count:
            writer.write_table(pa.Table.from_pylist(rows, schema))
            count += len(rows)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(out / f"{shard.stem}.parquet")
    return count


def _finished(path: Path, survey: Survey) -> int | None:
    """The rows of a finished shard; None if it is not there.

    Raises:
        InputError: it is of another survey.
    """
    from pyarrow import parquet

    if not path.exists():
        return None
    file = parquet.read_metadata(path)
    if (file.metadata or {}).get(b"survey", b"").decode() != survey.signature:
        raise InputError(
            f"{path} is of a survey with other choices: give another --out, or remove that folder"
        )
    return int(file.num_rows)


def run(
    source: Path,
    survey: Survey,
    out: Path,
    *,
    engine: Engine = "local",
    workers: int = 1,
    tell: Tell = lambda done, total, label: None,
) -> dict[str, Any]:
    """Survey a source into a folder, going on where an earlier run was stopped.

    Args:
        source: a folder or file, see `survey_sources`.
        survey: what is measured.
        out: where Parquet files and `STATS` are written.
        engine: processes here, or Ray's actors (``RAY_ADDRESS`` names a cluster).
        workers: processes, or actors here; a cluster has one a GPU, or without any one a core.
        tell: told (shards done, shards, rate).

    Returns:
        what ``_stats.json`` holds.

    Raises:
        InputError: the source, a shard or the encoder can't be used.
        PackageError: pyarrow or Ray is not installed.
    """
    if lacking := extras.lacking("survey", ["pyarrow", *(["ray"] if engine == "ray" else [])]):
        raise PackageError(lacking)
    card = cards.card(survey.encoder)
    found = shards(source)
    if found[0].kind != "latents":
        _check(card.name, card.latent_stride, survey)
    limit = None if survey.sample is None else math.ceil(survey.sample / len(found))
    out.mkdir(parents=True, exist_ok=True)
    todo = [s for s in found if _finished(out / f"{s.stem}.parquet", survey) is None]
    done, rows, begun = len(found) - len(todo), 0, time.monotonic()
    spread = _ray if engine == "ray" else _local
    for count in spread(todo, survey, out, limit, workers):
        done, rows = done + 1, rows + count
        rate = rows / max(time.monotonic() - begun, 1e-9)
        tell(done, len(found), f"{rate:.1f} rows/s")
    stats = statistics([out / f"{s.stem}.parquet" for s in found], survey)
    write_atomic(out / STATS, (json.dumps(stats, indent=1, sort_keys=True) + "\n").encode())
    return stats


def _check(name: str, stride: int, survey: Survey) -> None:
    """InputError before anything is computed, if a resolution can't be measured."""
    if list(survey.resolutions) != sorted({*survey.resolutions}) or not survey.resolutions:
        raise InputError(f"resolutions {survey.resolutions} have to ascend")
    for side in survey.resolutions:
        if side <= 0 or side % stride:
            near = max(round(side / stride), 1) * stride
            raise InputError(f"{name} takes multiples of {stride} px, not {side}: use {near}")
    for side in survey.resolutions:
        n = side // stride
        if n < 4 or not spectra_bands.measurable(rings.rings(n, n).cycles_per_image, survey.bands):
            raise InputError(f"{name} makes {n} x {n} latents of {side} px: too small for bands")


def _local(
    todo: Sequence[Shard], survey: Survey, out: Path, limit: int | None, workers: int
) -> Iterator[int]:
    if workers <= 1 or len(todo) <= 1:
        yield from (measure_shard(shard, survey, out, limit) for shard in todo)
        return
    # Fresh processes: a fork of one that has threads, as torch's, may hang.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        min(workers, len(todo)), mp_context=context, initializer=_one_thread
    ) as pool:
        futures = [pool.submit(measure_shard, shard, survey, out, limit) for shard in todo]
        for future in concurrent.futures.as_completed(futures):
            yield future.result()


def _one_thread() -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


def _ray(
    todo: Sequence[Shard], survey: Survey, out: Path, limit: int | None, workers: int
) -> Iterator[int]:
    """Shards over Ray's actors, each of which loads the encoder once, on a GPU where there are any.

    A pool of actors, not Ray Data: its blocks are not our shards, which are written and gone on
    with one by one, and its ``map_batches`` would have to be told to keep them whole.
    """
    import ray
    from ray.util import ActorPool

    if not todo:
        return
    address = os.environ.get("RAY_ADDRESS")
    if not ray.is_initialized():
        ray.init(
            **({} if address else {"num_cpus": workers}),
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
        )
    there = {name: int(count) for name, count in ray.cluster_resources().items()}
    gpus = 0 if todo[0].kind == "latents" else there.get("GPU", 0)  # latents need no encoder
    most = min(gpus or len(todo), there.get("CPU", 1), len(todo))
    actor = ray.remote(num_cpus=1, num_gpus=int(gpus > 0), max_restarts=3, max_task_retries=3)
    pool = ActorPool(
        [actor(_Actor).remote() for _ in range(most if address else min(most, workers))]
    )
    yield from pool.map_unordered(
        lambda one, shard: one.measure.remote(shard, survey, out.resolve(), limit), todo
    )


class _Actor:
    """A process of Ray's, whose encoder stays from shard to shard."""

    def measure(self, shard: Shard, survey: Survey, out: Path, limit: int | None) -> int:
        return measure_shard(shard, survey, out, limit)


# The set -----------------------------------------------------------------------------------------


@dataclasses.dataclass
class _Mean:
    """Mean and spread of numbers that come one after another."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, x: float) -> None:
        self.count += 1
        step = x - self.mean
        self.mean += step / self.count
        self.squares += step * (x - self.mean)

    @property
    def std(self) -> float | None:
        return math.sqrt(self.squares / (self.count - 1)) if self.count > 1 else None

    def interval(self, confidence: float) -> tuple[float, float] | None:
        """Student's t; None below three."""
        if self.count < intervals.FEWEST or self.std is None:
            return None
        half = intervals.t_quantile(confidence, self.count - 1) * self.std / math.sqrt(self.count)
        return self.mean - half, self.mean + half


@dataclasses.dataclass
class _Sums:
    """What is kept of one resolution while rows go by."""

    images: int = 0
    soft: int = 0
    power: Floats | None = None
    channel_mean: Floats | None = None
    channel_square: Floats | None = None
    log_shift: _Mean = dataclasses.field(default_factory=_Mean)
    mu: _Mean = dataclasses.field(default_factory=_Mean)
    slope: _Mean = dataclasses.field(default_factory=_Mean)

    def add(self, row: dict[str, Any]) -> None:
        self.images += 1
        reach = row["effective_resolution"]
        self.soft += reach is not None and reach < SOFT * min(row["width"], row["height"])
        for name in ("power", "channel_mean", "channel_square"):
            value, before = np.asarray(row[name], np.float64), getattr(self, name)
            setattr(self, name, value if before is None else before + value)
        self.mu.add(row["mu"])
        self.slope.add(row["slope"])
        if row["shift"] is not None:
            self.log_shift.add(math.log(row["shift"]))


def statistics(paths: Sequence[Path], survey: Survey) -> dict[str, Any]:
    """The set's numbers from its finished shards, a row group at a time.

    Returns:
        ``rows`` by status, ``errors`` by reason (the twenty commonest) and ``resolutions``, by
        side: ``images``, ``soft`` (those whose effective resolution lies below `SOFT` of their
        short side), mean power law (``A``, ``beta``, of P = A k^-beta), ``mu`` and ``slope`` (mean,
        std), ``shift`` over the resolution before (value, interval, std of ln s), and of raw
        latents ``channel_mean``, ``channel_std``, ``shift_factor`` and ``scaling_factor``.
    """
    from pyarrow import parquet

    sums: dict[int, _Sums] = {}
    reasons: dict[str, int] = {}
    status = {"ok": 0, "error": 0}
    for path in paths:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=64):
                for row in batch.to_pylist():
                    status[row["status"]] += 1
                    if row["status"] != "ok":
                        reason = row["error_message"][:80]
                        if reason in reasons or len(reasons) < 1000:
                            reasons[reason] = reasons.get(reason, 0) + 1
                        continue
                    sums.setdefault(row["resolution"], _Sums()).add(row)
    common = sorted(reasons.items(), key=lambda one: (-one[1], one[0]))[:20]
    return {
        "survey": json.loads(survey.signature),
        "rows": status,
        "errors": dict(common),
        "resolutions": {str(side): _summary(one, survey) for side, one in sorted(sums.items())},
    }


def _summary(one: _Sums, survey: Survey) -> dict[str, Any]:
    assert one.power is not None
    assert one.channel_mean is not None
    assert one.channel_square is not None
    power, n = one.power / one.images, 2 * (len(one.power) - 1)
    grid, first = _grid(n, survey), survey.bands.first_ring
    law = powerlaw.fit_power_law(grid.k[first:], power[first:] / grid.white[first:])
    mean, square = one.channel_mean / one.images, one.channel_square / one.images
    std = np.sqrt(np.maximum(square - mean**2, 0))
    whole = math.sqrt(max(float(square.mean()) - float(mean.mean()) ** 2, 0))
    shift: dict[str, Any] | None = None
    if one.log_shift.count:
        interval = one.log_shift.interval(survey.confidence)
        shift = {
            "value": math.exp(one.log_shift.mean),
            "interval": None if interval is None else [math.exp(x) for x in interval],
            "std_of_ln_s": one.log_shift.std,
            "images": one.log_shift.count,
        }
    return {
        "images": one.images,
        "soft": one.soft,
        "A": law.beta,
        "beta": law.gamma,
        "shift": shift,
        "mu": {"mean": one.mu.mean, "std": one.mu.std},
        "slope": {"mean": one.slope.mean, "std": one.slope.std},
        "channel_mean": mean.tolist(),
        "channel_std": std.tolist(),
        "shift_factor": float(mean.mean()),
        "scaling_factor": 1 / whole if whole else None,
    }


def text(stats: dict[str, Any]) -> str:
    """What `statistics` gives, as text."""
    rows = stats["rows"]
    lines = [f"{stats['survey']['encoder']}: {rows['ok']} rows, {rows['error']} with an error"]
    lines += [f"  {count} x {reason}" for reason, count in stats["errors"].items()]
    for side, one in stats["resolutions"].items():
        lines += [
            "",
            f"{side} px, {one['images']} images",
            f"  power law         P = {one['A']:.4g} k^-{one['beta']:.3f}, k in cycles per image",
            f"  mu                {one['mu']['mean']:+.3f} (t = 1 is data)",
            f"  soft              {one['soft']} images whose detail ends below {SOFT:g} of their "
            "short side",
            f"  raw latents       shift_factor {one['shift_factor']:.4g}, scaling_factor "
            + ("none" if one["scaling_factor"] is None else f"{one['scaling_factor']:.4g}"),
        ]
        if one["shift"]:
            value, ends = one["shift"]["value"], one["shift"]["interval"]
            told = f"[{ends[0]:.3f}, {ends[1]:.3f}]" if ends else f"({intervals.NONE})"
            lines.append(f"  shift             s = {value:.3f} {told} over the side before")
    return "\n".join(lines)
