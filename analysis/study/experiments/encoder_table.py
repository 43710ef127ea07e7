r"""Many encoders side by side: shift, reconstruction, coherence, with channels weighted alike too.

What decides the shift of an encoder: pictures, architecture or training? Controls without training
(`formulas`), networks that differ in their training alone (`trained`) and published ones are
measured in the same way on the same photographs:

- **s** between two resolutions at fixed cycles per image (`equal_snr.measure`), its exponent r;
- **coherence**, the share of the small picture's latents that those of the large one explain
  (`equivariance`), over the low and the middle band;
- **PSNR** of the decoded large picture, clipped to [-1, 1], against a peak of 2;
- the first two **at equal channel variance**: each channel divided by its standard deviation over
  all photographs at the high resolution, at both resolutions alike. It takes away how much a
  channel weighs in the average, and leaves how each behaves.

Nothing is stored but spectra: latents of 192 channels would be gigabytes.
"""

import dataclasses
import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from analysis.encoders import cards, trained
from analysis.encoders.cards import Card
from analysis.encoders.latents import normalise
from analysis.images import catalogue
from analysis.images.pixels import load
from analysis.project import files
from analysis.project.arrays import Floats
from analysis.project.downloads import sha256
from analysis.shift import equal_snr, equivariance
from analysis.shift.equal_snr import MeasuredShift
from analysis.spectra import intervals, periodogram
from analysis.spectra.bands import Bands, band_edges, in_band, octave_weights
from analysis.spectra.intervals import Estimate
from analysis.spectra.powerlaw import PowerLaw, fit_power_law
from analysis.spectra.windows import Window
from analysis.study.chain import Chain
from analysis.study.experiments import record
from analysis.study.settings import Study
from analysis.study.store import Arrays, Request, Store

STEP, VERSION = "encoder-row", 1
NAME = "encoders"  # data/results/experiment/encoders.npz
PUBLISHED = ("taef2", "taesana")
CONTROLS = (
    *("pixel", "average-f8c3", "unshuffle-f8c192", "linear-f8c16", "jpeg-f8c192"),
    *("whitened-f8c192", "random-f8c16-0", "random-f8c16-1", "random-f8c16-2"),
)
CLEAR = 4
"""First ring in which the study's window leaves a steep spectrum's level: it adds a third to ring 2
of k^-1.9, a fifth to ring 3, and a tenth at most from here on."""
Progress = Callable[[int, int, str], None]


@dataclasses.dataclass(frozen=True)
class Settings:
    """Every choice of the table.

    Args:
        encoders: names of cards, in order.
        photographs: a set of images.
        sides: px, (low, high).
        window: of the spectra.
        bands: edges of the frequency bands.
        confidence: of Student's intervals over photographs.
    """

    encoders: tuple[str, ...] = (*PUBLISHED, *CONTROLS, *trained.RECIPES)
    photographs: str = "bundled"
    sides: tuple[int, int] = (512, 1024)
    window: Window = dataclasses.field(default_factory=Window)
    bands: Bands = dataclasses.field(default_factory=Bands)
    confidence: float = 0.95


@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured of one encoder; each number is of its latents as they are used.

    Args:
        card: the encoder's.
        arrays: by photograph, as `Table.measure` gives them.
        settings: every choice.
    """

    card: Card
    arrays: Arrays
    settings: Settings

    def shift(self, weighted: str = "power") -> MeasuredShift:
        """s between the two sides; of channels of equal variance with ``equal``."""
        low, high = (self._spectrum(side, weighted) for side in self.settings.sides)
        ratio = (self.settings.sides[1] / self.settings.sides[0]) ** 2
        bands, confidence = self.settings.bands, self.settings.confidence
        return equal_snr.measure(low, high, ratio, bands, confidence)

    def coherence(self, weighted: str = "power") -> Estimate:
        """The share that the large picture's latents explain, low and middle band, from 0 to 1."""
        k, *_ = self._spectrum(self.settings.sides[0], weighted)
        first, band = self.settings.bands.first_ring, band_edges(self.settings.bands, k)["whole"]
        explained, low = (self.arrays[f"{weighted}_{name}"] for name in ("explained", "low"))
        chosen = in_band(k[first:], band)
        each = (explained / low)[:, first:][:, chosen] @ octave_weights(k[first:][chosen])
        low_end, high_end = intervals.student(each, self.settings.confidence)
        return Estimate(float(each.mean()), float(low_end), float(high_end), band)

    def power_law(self, side: int) -> PowerLaw:
        """P = A k^-beta of one mode's power over the noise's, A being ``beta`` and beta ``gamma``.

        The form in which SPEED publishes FLUX.1's latents (Xiao et al. 2026, configs.yaml and
        utils.py at howardhx/speed@ca7801c): an orthonormal transform, k in cycles per image, noise
        of power 1. How theirs is fitted is not stated. Here: the mean over photographs and
        channels, from `CLEAR` to the Nyquist frequency, with octaves alike.

        Args:
            side: of the picture, px; A belongs to it, since power at fixed k grows with the grid.
        """
        k, power, expected = self._spectrum(side, "power")
        mean = power.mean(axis=0, dtype=np.float64)
        return fit_power_law(k[CLEAR:], mean[CLEAR:] / expected[CLEAR:])

    @property
    def spread(self) -> float:
        """Standard deviation over photographs of ln s, over the low and the middle band."""
        return self.shift().spread

    @property
    def psnr(self) -> float:
        """Mean over photographs, dB; nan without a decoder, infinite where nothing is lost."""
        return float(self.arrays["psnr"].mean())

    def numbers(self) -> dict[str, Any]:
        """All of these as JSON values."""

        def of(weighted: str) -> dict[str, Any]:
            found, coherence = self.shift(weighted), self.coherence(weighted)
            return {
                "shift": dataclasses.asdict(found.whole),
                "exponent": found.exponent,
                "coherence": dataclasses.asdict(coherence),
            }

        lost = {"psnr": self.psnr, "lossless": bool(np.isinf(self.psnr))}
        return of("power") | lost | {"spread": self.spread, "equal_variance": of("equal")}

    def _spectrum(self, side: int, weighted: str) -> tuple[Floats, Floats, Floats]:
        window = self.settings.window
        grid = side // self.card.latent_stride
        power = self.arrays[f"{weighted}_{side}"]
        return equal_snr.of_grid(power, grid, window.kind, window.beta)


class Table:
    """The rows of the table, through the store.

    Args:
        settings: every choice.
        store: where rows lie, so that what was stopped goes on.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store
        study = Study(
            name=NAME,
            title="Encoders side by side",
            images=settings.photographs,
            encoders=settings.encoders,
            display_encoder=settings.encoders[0],
            resolutions=settings.sides,
            window=settings.window,
            bands=settings.bands,
        )
        self.chain = Chain(study, store)

    def request(self, card: Card) -> Request:
        """What identifies a row."""
        plan = self.chain.plan
        inputs = dict(plan.hashes)
        if card.kind == "linear":
            inputs["fit"] = plan.fit_request.key
        parameters = {
            "encoder": cards.identity(card),
            "normalisation": card.normalisation.model_dump(),
            "sides": list(self.settings.sides),
            "resample": plan.study.resample,
            "window": self.settings.window.model_dump(),
            "photographs": [photo.id for photo in plan.photographs],
        }
        return Request(STEP, VERSION, parameters, inputs, f"{card.name} beside other encoders")

    @property
    def whole(self) -> Request:
        """What identifies the table."""
        rows = {name: self.request(card).key for name, card in self.chain.plan.cards.items()}
        chosen = {"bands": self.settings.bands.model_dump(), "confidence": self.settings.confidence}
        return Request(f"{STEP}s", VERSION, chosen, rows, "the table of encoders")

    def rows(self, progress: Progress = lambda done, total, label: None) -> Iterator[Row]:
        """Every row, measured where the store has none; progress(done, total, label)."""
        given = list(self.chain.plan.cards.values())
        for index, card in enumerate(given):
            request = self.request(card)
            progress(index, len(given), request.label)

            def compute(card: Card = card) -> Arrays:
                return self.measure(card)

            yield Row(card, self.store.obtain(request, compute), self.settings)

    def measure(self, card: Card) -> Arrays:
        """Spectra of one encoder's latents.

        Returns:
            ``psnr`` ``[I]``; ``power_512`` and ``equal_512`` ``[I, R]``, and so for each side, as
            the latents are and at equal channel variance, means over channels; ``power_low``,
            ``equal_explained`` and so on ``[I, R]``, of `equivariance.compare`.
        """
        plan, encoder = self.chain.plan, self.chain.encoder(card)
        window = self.settings.window.kind, self.settings.window.beta
        pairs, lost = [], []
        for photo in plan.photographs:
            pair = []
            for side in self.settings.sides:
                x = self.chain.pixels(plan.view(photo, side))[np.newaxis]
                moments = encoder.encode(x)
                pair.append(normalise(moments, card.normalisation)[0])
            decoded = encoder.decode(moments["mean"])
            lost.append(np.nan if decoded is None else psnr(decoded, x))
            pairs.append(pair)
        spread = np.sqrt(np.mean([np.var(z, axis=(1, 2)) for _, z in pairs], axis=0))
        scales = {"power": np.ones_like(spread), "equal": 1 / spread}
        out: dict[str, list[Floats]] = {}
        for pair in pairs:
            for weighted, scale in scales.items():
                low, high = (z * scale.astype(np.float32)[:, None, None] for z in pair)
                found = equivariance.compare(low, high, *window)
                for side, z in zip(self.settings.sides, (low, high), strict=True):
                    found[str(side)] = periodogram.raps(z, *window).mean(axis=0)
                for name, values in found.items():
                    out.setdefault(f"{weighted}_{name}", []).append(values)
        stacked = {name: np.stack(rows).astype(np.float32) for name, rows in out.items()}
        return stacked | {"psnr": np.array(lost)}


LOSSLESS = 100.0  # dB beyond which only rounding is lost


def psnr(decoded: np.ndarray, x: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of images in [-1, 1]; infinite where rounding alone is lost.

    Args:
        decoded: clipped here, as what is shown is.
        x: what it should be.
    """
    error = float(np.mean((np.clip(decoded, -1, 1).astype(np.float64) - x) ** 2))
    found = float(10 * np.log10(4 / error)) if error else np.inf
    return found if found < LOSSLESS else np.inf


# Training -----------------------------------------------------------------------------------


def train(
    store: Store, progress: Progress = lambda done, total, label: None, *, anew: bool = False
) -> list[str]:
    """Train the encoders of `trained.RECIPES`, and let their cards name the new weights.

    About a minute of one core each. Weights of another machine differ by rounding, and so do their
    SHA-256, by which cards find them.

    Args:
        store: where photographs are, and what is trained is kept; checkpoints are, meanwhile.
        progress: told (done, total, label), in steps.
        anew: whether those whose weights are there are trained, too.

    Returns:
        The names of those that were trained.
    """
    folder, path = files.root() / "data" / "encoders", files.root() / "data" / "encoders.toml"
    wanted = {name: folder / f"{name}.safetensors" for name in trained.RECIPES}
    wanted = {name: file for name, file in wanted.items() if anew or not file.is_file()}
    for index, (name, file) in enumerate(wanted.items()):
        recipe = trained.RECIPES[name]

        def tell(step: int, steps: int, index: int = index, name: str = name) -> None:
            progress(index * steps + step, len(wanted) * steps, name)

        content = trained.written(weights(recipe, store, tell), recipe)
        files.write_atomic(file, content)
        digest = hashlib.sha256(content).hexdigest()
        text = _renamed(path.read_text(encoding="utf-8"), name, digest, len(content))
        files.write_atomic(path, text.encode())
    return list(wanted)


def weights(
    recipe: trained.Recipe, store: Store, tell: Callable[[int, int], None]
) -> dict[str, np.ndarray]:
    """The weights of a recipe, trained where the store has none."""
    photos = catalogue.image_set(recipe.photographs).photos
    paths = [catalogue.fetch(photo, store.downloads) for photo in photos]
    inputs = {photo.id: sha256(path) for photo, path in zip(photos, paths, strict=True)}
    parameters = {k: v for k, v in dataclasses.asdict(recipe).items() if k != "photographs"}
    request = Request("trained-encoder", 1, parameters, inputs, f"{recipe.variant} autoencoder")
    checkpoint = store.folder / "training" / f"{request.key}.safetensors"

    def compute() -> Arrays:
        pictures = [np.stack([load(path, side) for path in paths]) for side in recipe.sides]
        return dict(trained.train(pictures, recipe, checkpoint, tell))

    arrays = store.obtain(request, compute)
    checkpoint.unlink(missing_ok=True)
    return arrays


def _renamed(text: str, name: str, digest: str, size: int) -> str:
    """The cards' file with other weights in one card."""
    head, card, tail = text.partition(f"[{name}]\n")
    body, bracket, rest = tail.partition("\n[")
    body = re.sub(r'(?m)^sha256 = ".*"$', f'sha256 = "{digest}"', body)
    return head + card + re.sub(r"(?m)^bytes = .*$", f"bytes = {size}", body) + bracket + rest


# The table -----------------------------------------------------------------------------------


def commit(
    store: Store,
    progress: Progress = lambda done, total, label: None,
    settings: Settings | None = None,
) -> Path:
    """Write the table to ``data/results``, measured where the store has no row.

    Returns:
        the path of ``experiment/encoders.json``; the arrays are in the npz beside it.
    """
    settings = settings or Settings()
    table = Table(settings, store)
    rows = list(table.rows(progress))
    arrays = {f"{row.card.name} {name}": a for row in rows for name, a in row.arrays.items()}
    content = {
        "settings": {
            "photographs": settings.photographs,
            "sides": list(settings.sides),
            "window": settings.window.model_dump(),
            "bands": settings.bands.model_dump(),
            "confidence": settings.confidence,
        },
        "numbers": {row.card.name: row.numbers() for row in rows},
    }
    return record.write(NAME, table.whole, arrays, content)


def committed(store: Store, settings: Settings | None = None) -> list[Row]:
    """The committed rows, if they are of these settings, photographs and cards; without torch.

    Raises:
        MissError: there are none, or they were made from something else.
    """
    settings = settings or Settings()
    table = Table(settings, store)
    arrays = record.read(NAME, table.whole, "the table of encoders is not measured here")
    return [
        Row(card, {key: arrays[f"{name} {key}"] for key in _names(arrays, name)}, settings)
        for name, card in table.chain.plan.cards.items()
    ]


def _names(arrays: Arrays, name: str) -> list[str]:
    return [key.removeprefix(f"{name} ") for key in arrays if key.startswith(f"{name} ")]


def text(rows: list[Row]) -> str:
    """The table for reading, twice: of latents as they are, and at equal channel variance."""

    def half(row: Row, weighted: str) -> str:
        found, coherence = row.shift(weighted), row.coherence(weighted).value
        ends = f"[{found.whole.low:.3f}, {found.whole.high:.3f}]"
        return f"{found.whole.value:6.3f} {ends} {found.exponent:6.3f} {coherence:9.3f}"

    names = f"{'s':>6} {'95 %':<14} {'r':>6} coherence"
    lines = [f"{'':<17} {names}   at equal variance: {names}   spread   PSNR"]
    for row in rows:
        halves = f"{half(row, 'power')} {'':>20} {half(row, 'equal')}"
        lines.append(f"{row.card.name:<17} {halves}   {row.spread:6.3f}  {row.psnr:5.1f}")
    return "\n".join(lines)
