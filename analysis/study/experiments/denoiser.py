r"""Do networks ask for the measured shift? Small denoisers of latents, judged band by band.

The same network is trained, from the same start and on the same places of the same pictures, on
three kinds of latents of one encoder:

- **high**: of a region of a picture at the higher resolution;
- **low**: of the same region, shrunk to half the resolution before it is encoded;
- **cropped**: the ideal low-pass of ``high`` on the grid of ``low`` (`lowpass.crop`), which shares
  all modes below that grid's Nyquist frequency with ``high``, at a quarter of the power a mode.

For each the relative error of the estimate is measured per band of cycles per image over theta, on
photographs that were held out whole, with noise that all kinds share in their shared modes
(`band_error`). The shift between two kinds is what lays one's curve on the other's. From ``high``
onto ``cropped`` it is 2 for a network that makes the best of the shared modes alone; from ``high``
onto ``low`` it is what networks ask for; from ``low`` onto ``cropped`` the quotient.

A convolutional network is not as good at the same frequency on every grid: near the Nyquist
frequency, and where windows are small, it is worse. So that networks differ in what they are shown
alone, all are given the grid of ``high``: the other kinds have modes and noise on half of it in
either direction, and nothing beyond (`band_error.refined`). **own grid** marks the controls, which
see the same on the grid where it lies.

What spectra say of these very data stands beside it: the ratio of powers (equal signal-to-noise),
and the best linear denoiser, which knows how channels vary together (`band_error.wiener`).

- **Data.** Random square regions of photographs, some mirrored. One affine map for all kinds: each
  channel's mean, and one standard deviation, of ``high`` over the training photographs. Networks
  see windows of half the side, the same places of all kinds, so that a batch holds more pictures.
- **Bands** are octaves of the coarse grid, in cycles per image: 2 to 4, 4 to 8, 8 to 16.
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.encoders import cards, encoder
from analysis.encoders.latents import normalise
from analysis.images import catalogue
from analysis.images.catalogue import Photograph
from analysis.images.pixels import load
from analysis.images.resize import clip, resize
from analysis.project.arrays import Floats
from analysis.project.errors import InputError
from analysis.spectra import intervals
from analysis.spectra.intervals import Estimate
from analysis.study.experiments import denoising_network, pool, record
from analysis.study.experiments.denoising_network import Training
from analysis.study.store import Arrays, Request, Store
from analysis.timesteps import band_error, noise

STEP, VERSION = "denoiser", 1
NAME = "denoiser"  # data/results/experiment/denoiser.npz
OWN = ", own grid"
KINDS = ("high", "low", "cropped", f"low{OWN}", f"cropped{OWN}")
REFINED = ("low", "cropped")


@dataclasses.dataclass(frozen=True)
class Settings:
    """Every choice of the experiment.

    Args:
        photographs: sets of images.
        encoder: the card's name.
        size: side in px that photographs are loaded at.
        region: (least, largest) side of a region in those pixels, log-uniform between; the least
            is at least the higher of ``sides``, so that nothing is enlarged.
        regions: of each photograph.
        sides: px that a region is shrunk to, (low, high), the second twice the first.
        window: side of a window on the coarse grid, latent pixels, half a region's.
        held: photographs that are held out.
        bands: in cycles per image, (from, to).
        theta: (first, last) noise level of the measurement, in steps of half a doubling, ln 2 / 2:
            so that the shift of 2 meets the same levels.
        seeds: how many repetitions.
        training: of each network.
    """

    photographs: tuple[str, ...] = ("bundled", "wallpapers")
    encoder: str = "taef2"
    size: int = 1024
    region: tuple[int, int] = (512, 1024)
    regions: int = 6
    sides: tuple[int, int] = (256, 512)
    window: int = 16
    held: int = 14
    bands: tuple[tuple[int, int], ...] = ((2, 4), (4, 8), (8, 16))
    theta: tuple[int, int] = (-14, 8)
    seeds: int = 3
    training: Training = dataclasses.field(default_factory=Training)

    @property
    def theta_grid(self) -> Floats:
        """``[T]``, the noise levels of the measurement."""
        first, last = self.theta
        return np.log(2) / 2 * np.arange(first, last + 1)


# Data ----------------------------------------------------------------------------------------


def held_out(count: int, held: int) -> NDArray[np.bool_]:
    """``[count]``, which photographs are held out, by lot.

    Raises:
        InputError: nothing would be left to train on, or nothing held out.
    """
    if not 0 < held < count:
        raise InputError(f"{held} of {count} photographs can't be held out; choose fewer, not 0")
    out = np.zeros(count, dtype=bool)
    out[noise.generator(0, STEP, "held out").permutation(count)[:held]] = True
    return out


def regions(pixels: np.ndarray, settings: Settings, rng: np.random.Generator) -> list[np.ndarray]:
    """Random square regions of a picture ``[3, n, n]``, some mirrored, each ``[3, m, m]``."""
    least, largest = np.log(settings.region)
    out = []
    for _ in range(settings.regions):
        m = round(float(np.exp(rng.uniform(least, largest))))
        y, x = rng.integers(pixels.shape[-1] - m + 1, size=2)
        mirrored = slice(None, None, -1 if rng.random() < 0.5 else 1)
        out.append(pixels[:, y : y + m, x : x + m][..., mirrored])
    return out


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Latents of both resolutions, normalised, of training and of held-out photographs.

    Args:
        low, high: ``[photographs, regions, C, h, h]``, h of high twice that of low.
        held: ``[photographs]``, which are held out.
        window: side of a window on the coarse grid.
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]
    held: NDArray[np.bool_]
    window: int

    def at(self, kind: str, photo: int, region: int, y: int, x: int) -> NDArray[np.float32]:
        """One window ``[C, h, h]`` of a kind; its corner in pixels of the coarse grid."""
        scale, of = (1, self.low) if kind.startswith("low") else (2, self.high)
        n, y, x = scale * self.window, scale * y, scale * x
        return of[photo, region, :, y : y + n, x : x + n]

    def _kind(self, kind: str, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        if kind.startswith("cropped"):
            windows = band_error.shrunk(windows, self.window)
        return band_error.refined(windows, 2 * self.window) if kind in REFINED else windows

    def draw(self, kind: str, rng: np.random.Generator, batch: int) -> NDArray[np.float32]:
        """Windows of training photographs at random; the same places of every kind."""
        known = np.flatnonzero(~self.held).tolist()
        last = self.low.shape[-1] - self.window + 1
        high = len(known), self.low.shape[1], last, last
        each = rng.integers(high, size=(batch, 4)).tolist()
        places = [(known[photo], region, y, x) for photo, region, y, x in each]
        return self._kind(kind, np.stack([self.at(kind, *place) for place in places]))

    def tiled(self, kind: str, held: bool) -> NDArray[np.float32]:
        """All windows side by side: ``[photographs, windows, C, h, h]``."""
        corners = range(0, self.low.shape[-1] - self.window + 1, self.window)
        return np.stack([
            self._kind(kind, np.stack([
                self.at(kind, photo, region, y, x)
                for region in range(self.low.shape[1]) for y in corners for x in corners
            ]))
            for photo in np.flatnonzero(self.held == held).tolist()
        ])  # fmt: skip


# Runs ----------------------------------------------------------------------------------------


class Runs:
    """The requests of the experiment, and their results, through the store.

    Args:
        settings: every choice.
        store: where latents, networks and errors lie, so that what was stopped goes on.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store
        sets = [catalogue.image_set(name) for name in settings.photographs]
        self.photographs = [photo for one in sets for photo in one.photos]
        self.hashes = {p.id: catalogue.digest(p, store.downloads) for p in self.photographs}
        self.card = cards.card(settings.encoder)
        self.held = held_out(len(self.photographs), settings.held)

    # Requests.

    def latents_request(self, photo: Photograph) -> Request:
        """What identifies the latents of one photograph."""
        chosen = self.settings
        parameters = {
            "encoder": cards.identity(self.card),
            "normalisation": self.card.normalisation.model_dump(), "size": chosen.size,
            "region": list(chosen.region), "regions": chosen.regions, "sides": list(chosen.sides),
        }  # fmt: skip
        inputs = {"photograph": self.hashes[photo.id]}
        return Request(f"{STEP}-latents", VERSION, parameters, inputs, f"latents of {photo.id}")

    @functools.cached_property
    def inputs(self) -> dict[str, str]:
        """Photograph -> key of its latents, which networks depend on."""
        return {photo.id: self.latents_request(photo).key for photo in self.photographs}

    def network_request(self, kind: str, seed: int) -> Request:
        """What identifies one network's weights."""
        chosen = self.settings
        parameters = {
            "kind": kind, "seed": seed, "training": dataclasses.asdict(chosen.training),
            "window": chosen.window, "held": chosen.held,
            "photographs": [photo.id for photo in self.photographs],
        }  # fmt: skip
        label = f"denoiser of the kind '{kind}', seed {seed}"
        return Request(f"{STEP}-network", VERSION, parameters, self.inputs, label)

    def errors_request(self, kind: str, seed: int) -> Request:
        """What identifies one network's errors."""
        parameters = {"theta": list(self.settings.theta)}
        inputs = {"network": self.network_request(kind, seed).key}
        label = f"errors of the denoiser of '{kind}', seed {seed}"
        return Request(f"{STEP}-errors", VERSION, parameters, inputs, label)

    @property
    def spectra_request(self) -> Request:
        """What identifies what is known without networks."""
        chosen = self.settings
        parameters = {
            "kinds": list(KINDS), "window": chosen.window, "held": chosen.held,
            "theta": list(chosen.theta),
            "photographs": [photo.id for photo in self.photographs],
        }  # fmt: skip
        label = "spectra of the windows"
        return Request(f"{STEP}-spectra", VERSION, parameters, self.inputs, label)

    @property
    def each(self) -> list[tuple[str, int]]:
        """(kind, seed), one seed after the other."""
        return [(kind, seed) for seed in range(self.settings.seeds) for kind in KINDS]

    @property
    def whole(self) -> Request:
        """What identifies the stacked results."""
        inputs = {f"{kind} {seed}": self.errors_request(kind, seed).key for kind, seed in self.each}
        inputs["spectra"] = self.spectra_request.key
        return Request(f"{STEP}s", VERSION, {}, inputs, "the denoisers")

    # Results.

    @functools.cached_property
    def _encoder(self) -> encoder.Encoder:
        return encoder.load(self.card, downloads=self.store.downloads)

    def latents(self, photo: Photograph) -> Arrays:
        """``low`` and ``high`` ``[regions, C, h, h]``, half precision, of one photograph."""

        def compute() -> Arrays:
            pixels = load(catalogue.fetch(photo, self.store.downloads), self.settings.size)
            rng = noise.generator(0, STEP, "regions", self.hashes[photo.id])
            out: dict[str, list[NDArray[np.float16]]] = {"low": [], "high": []}
            for region in regions(pixels, self.settings, rng):
                for name, side in zip(out, self.settings.sides, strict=True):
                    shrunk, _ = clip(resize(region, side))
                    moments = self._encoder.encode(shrunk[np.newaxis])
                    z = normalise(moments, self.card.normalisation)[0]
                    out[name].append(z.astype(np.float16))
            return {name: np.stack(parts) for name, parts in out.items()}

        return self.store.obtain(self.latents_request(photo), compute)

    def encode(self, progress: pool.Progress) -> None:
        """Have all latents in the store: once, not by each process that trains."""
        for index, photo in enumerate(self.photographs):
            progress(index, len(self.photographs), f"latents of {photo.id}")
            self.latents(photo)

    @functools.cached_property
    def pictures(self) -> Pictures:
        """The latents of all photographs, normalised."""
        each = [self.latents(photo) for photo in self.photographs]
        low, high = (
            np.stack([arrays[name] for arrays in each]).astype(np.float32)
            for name in ("low", "high")
        )
        known = high[~self.held]
        mean = known.mean(axis=(0, 1, 3, 4), dtype=np.float64).astype(np.float32)[:, None, None]
        scale = np.float32((known - mean).std(dtype=np.float64))
        return Pictures(
            (low - mean) / scale, (high - mean) / scale, self.held, self.settings.window
        )

    def network(
        self, kind: str, seed: int, tell: Callable[[int, int], None] = lambda done, total: None
    ) -> Arrays:
        """One network's weights by name, and the ``loss`` at each step."""
        request = self.network_request(kind, seed)
        checkpoint = self.store.folder / "training" / f"{request.key}.safetensors"
        settings = self.settings.training

        def draw(rng: np.random.Generator, batch: int) -> NDArray[np.float32]:
            return self.pictures.draw(kind, rng, batch)

        def heard(eps: NDArray[np.float32]) -> NDArray[np.float32]:
            return band_error.kept(eps, self.settings.window) if kind in REFINED else eps

        def compute() -> Arrays:
            return dict(denoising_network.train(draw, settings, seed, checkpoint, heard, tell))

        arrays = self.store.obtain(request, compute)
        checkpoint.unlink(missing_ok=True)
        return arrays

    def errors(
        self, kind: str, seed: int, tell: Callable[[int, int], None] = lambda done, total: None
    ) -> Arrays:
        """Power of a network's errors on held-out photographs ``error`` ``[T, I, R]``.

        ``known`` ``[T, R]`` is the same of training photographs, in units of their power.
        """

        def compute() -> Arrays:
            weights = self.network(kind, seed, tell)
            estimate = denoising_network.restored(weights, self.settings.training)
            known = self.tiled(kind, held=False)[:, :: self.settings.regions]
            error = self.judged(estimate, known, kind, "known").sum(axis=1)
            return {
                "error": self.judged(estimate, self.tiled(kind, held=True), kind, "held out"),
                "known": error / self.power(known).sum(axis=0), "loss": weights["loss"],
            }  # fmt: skip

        return self.store.obtain(self.errors_request(kind, seed), compute)

    def spectra(self) -> Arrays:
        """What is known without networks; kinds in the order of `KINDS`.

        Returns:
            ``power`` ``[5, I, R]`` of the held-out windows, ``wiener`` ``[5, T, I, R]``, errors of
            the best linear denoiser of the training photographs, ``eigenvalues`` ``[5, R, C]`` of
            the covariances it knows.
        """

        def compute() -> Arrays:
            out: dict[str, list[np.ndarray]] = {"power": [], "wiener": [], "eigenvalues": []}
            for kind in KINDS:
                known, unknown = (self.tiled(kind, held) for held in (False, True))
                known = known.reshape(-1, *known.shape[2:])
                covariance = band_error.covariances(known, known.shape[-1])
                estimate = band_error.wiener(covariance)
                out["power"].append(self.power(unknown))
                out["wiener"].append(self.judged(estimate, unknown, kind, "held out"))
                values = np.linalg.eigvalsh(covariance[: self.settings.window])
                out["eigenvalues"].append(values)
            return {name: np.stack(rows).astype(np.float32) for name, rows in out.items()}

        return self.store.obtain(self.spectra_request, compute)

    def tiled(self, kind: str, held: bool) -> NDArray[np.float32]:
        """All windows of the held-out pictures or of the others, ``[I, windows, C, h, h]``."""
        return self.pictures.tiled(kind, held)

    def power(self, windows: NDArray[np.float32], rings: int = 0) -> Floats:
        """``[I, R]``, power of ``[I, windows, C, h, h]`` in the shared rings, or the first few."""
        count = rings or self.settings.window
        return np.stack([band_error.ring_power(z, count).sum(axis=0) for z in windows])

    def judged(
        self,
        estimate: band_error.Denoiser,
        windows: NDArray[np.float32],
        kind: str,
        of: str,
        rings: int = 0,
    ) -> NDArray[np.float32]:
        """``[T, I, R]``, power of the errors, with noise that kinds share in shared modes.

        Args:
            estimate: what is judged.
            windows: ``[I, windows, C, h, h]``.
            kind: of theirs.
            of: which pictures, a name that the noise depends on.
            rings: how many; by default those that kinds share.
        """
        theta, count = self.settings.theta_grid, self.settings.window
        out = []
        for index, z in enumerate(windows):
            shape = (*z.shape[:2], 2 * count, 2 * count)
            eps = noise.gaussian(shape, noise.generator(0, STEP, "noise", of, index))
            if kind in REFINED:
                eps = band_error.kept(eps, count)
            elif kind != "high":
                eps = band_error.shrunk_noise(eps, count)
            error = band_error.errors(estimate, z, eps, theta, rings or count)
            out.append(error.sum(axis=1))
        return np.stack(out, axis=1).astype(np.float32)

    def results(
        self, progress: pool.Progress = lambda done, total, label: None, workers: int = 1
    ) -> "Experiment":
        """Everything, computed where the store has nothing; progress(done, total, label).

        Args:
            progress: told of the steps of training.
            workers: processes that train, each a network at a time on one thread.
        """
        if workers > 1 and self.store.compute != "never":
            self._ahead(progress, workers)
        found = []
        for index, (kind, seed) in enumerate(self.each):
            label = self.network_request(kind, seed).label

            def tell(done: int, steps: int, index: int = index, label: str = label) -> None:
                progress(index * steps + done, len(self.each) * steps, label)

            found.append(self.errors(kind, seed, tell))
        shape = self.settings.seeds, len(KINDS)
        stacked = {
            name: np.stack([arrays[name] for arrays in found]) for name in ("error", "known")
        }
        rows = {name: array.reshape(*shape, *array.shape[1:]) for name, array in stacked.items()}
        return Experiment(self.settings, rows["error"], rows["known"], **self.spectra())

    def _ahead(self, progress: pool.Progress, workers: int) -> None:
        """Train what the store has not, in processes of their own; it has it afterwards."""
        wanted = [
            each for each in self.each if self.store.state(self.errors_request(*each)) != "sound"
        ]
        if not wanted:
            return
        self.encode(progress)
        self.spectra()
        pool.train(
            _train, [(self.settings, self.store.folder, *each) for each in wanted],
            self.settings.training.steps, workers, progress, "denoisers",
        )  # fmt: skip


def _train(settings: Settings, folder: Path, kind: str, seed: int, tell: pool.Tell) -> None:
    """Train and judge one network, in a process of a pool, into the store of a folder."""
    Runs(settings, Store(folder)).errors(kind, seed, tell)


# What is found -------------------------------------------------------------------------------

PAIRS = {
    "high on cropped": ("high", "cropped"),
    "high on low": ("high", "low"),
    "low on cropped": ("low", "cropped"),
    f"high on cropped{OWN}": ("high", f"cropped{OWN}"),
    f"high on low{OWN}": ("high", f"low{OWN}"),
}
"""name -> the kinds, of which the first is shifted onto the second."""


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Errors of all networks, and what is known without them.

    Axes: K seeds, 5 kinds in the order of `KINDS`, T noise levels, I held-out photographs, R rings
    of the coarse grid, B bands, C channels.

    Args:
        settings: every choice.
        error: ``[K, 5, T, I, R]``, power of the networks' errors.
        known: ``[K, 5, T, R]``, relative errors on training photographs.
        power: ``[5, I, R]``, of the held-out windows.
        wiener: ``[5, T, I, R]``, power of the linear denoiser's errors.
        eigenvalues: ``[5, R, C]``, of the covariances that it knows, of training photographs.
    """

    settings: Settings
    error: NDArray[np.float32]
    known: NDArray[np.float32]
    power: NDArray[np.float32]
    wiener: NDArray[np.float32]
    eigenvalues: NDArray[np.float32]

    def arrays(self) -> Arrays:
        """Everything but the settings."""
        names = ("error", "known", "power", "wiener", "eigenvalues")
        return {name: getattr(self, name) for name in names}

    def _bands(self, rings: np.ndarray) -> Floats:
        return band_error.in_bands(rings.astype(np.float64), self.settings.bands)

    @property
    def relative(self) -> Floats:
        """``[K, 5, T, I, B]``, the networks' relative errors on each photograph."""
        return self._bands(self.error) / self._bands(self.power)[:, None]

    @property
    def linear(self) -> Floats:
        """``[5, T, I, B]``, the same of the linear denoiser."""
        return self._bands(self.wiener) / self._bands(self.power)[:, None]

    @property
    def optimum(self) -> Floats:
        """``[5, T, B]``, what it expects of photographs such as it was fitted on."""
        modes = band_error.modes(self.eigenvalues.shape[1])
        out = []
        for values in self.eigenvalues.astype(np.float64):
            error, power = band_error.gaussian_error(values, self.settings.theta_grid)
            out.append(self._bands(error * modes) / self._bands(power * modes))
        return np.stack(out)

    def shifts(self, pair: str) -> Floats:
        """ln s of the networks, ``[I, K, B]``, for one of `PAIRS`."""
        first, second = (self.relative[:, KINDS.index(kind)] for kind in PAIRS[pair])
        theta = self.settings.theta_grid
        found = [band_error.log_shift(theta, a, b) for a, b in zip(first, second, strict=True)]
        return np.stack(found, axis=1)

    def predicted(self, pair: str) -> dict[str, Floats]:
        """ln s without networks: ``spectra`` and ``linear`` ``[I, B]``, ``optimum`` ``[B]``."""
        a, b = (KINDS.index(kind) for kind in PAIRS[pair])
        theta, power = self.settings.theta_grid, self._bands(self.power)
        return {
            "spectra": np.log(power[a] / power[b]) / 2,
            "linear": band_error.log_shift(theta, self.linear[a], self.linear[b]),
            "optimum": band_error.log_shift(theta, self.optimum[a], self.optimum[b]),
        }

    def found(self, pair: str, confidence: float = 0.95) -> list["Band"]:
        """What networks and spectra ask for in each band, lowest first."""
        networks, known = self.shifts(pair), self.predicted(pair)
        return [
            Band(
                edges, _crossed(networks[..., b], edges, confidence),
                _student(known["spectra"][:, b], edges, confidence),
                _student(known["linear"][:, b], edges, confidence),
                float(np.exp(known["optimum"][b])),
                _crossed(networks[..., b] - known["spectra"][:, None, b], edges, confidence),
                _alike(networks[..., b].mean(axis=1), known["spectra"][:, b]),
            )
            for b, edges in enumerate(self.settings.bands)
        ]  # fmt: skip

    def over_bands(self, pair: str, confidence: float = 0.95) -> "Band":
        """The same of the bands' mean ln s: octaves weigh alike."""
        networks, known = self.shifts(pair).mean(axis=-1), self.predicted(pair)
        spectra, linear = (known[name].mean(axis=-1) for name in ("spectra", "linear"))
        edges = self.settings.bands[0][0], self.settings.bands[-1][1]
        return Band(
            edges, _crossed(networks, edges, confidence), _student(spectra, edges, confidence),
            _student(linear, edges, confidence), float(np.exp(known["optimum"].mean())),
            _crossed(networks - spectra[:, None], edges, confidence),
            _alike(networks.mean(axis=1), spectra),
        )  # fmt: skip

    def over_linear(self) -> Floats:
        """``[5, B]``, how much less error the networks leave than the linear denoiser.

        One minus the ratio of their relative errors, mean over seeds and photographs, over the
        noise levels at which the linear one has between the highest and the lowest of the levels.
        """
        networks, linear = self.relative.mean(axis=(0, 3)), self.linear.mean(axis=2)
        used = (linear < band_error.LEVELS[0]) & (linear > band_error.LEVELS[-1])
        ratio = np.where(used, networks / linear, np.nan)
        return np.asarray(1 - np.nanmean(ratio, axis=1))

    def numbers(self) -> dict[str, Any]:
        """The shifts of all pairs and bands as JSON values."""
        return {
            pair: {
                "bands": [dataclasses.asdict(one) for one in self.found(pair)],
                "all": dataclasses.asdict(self.over_bands(pair)),
            }
            for pair in PAIRS
        }


@dataclasses.dataclass(frozen=True)
class Band:
    """The shift of one kind onto another in a band.

    Args:
        band: (from, to) in cycles per image.
        networks: what lays the networks' curves on each other; interval over photographs and seeds.
        spectra: equal signal-to-noise, the root of the powers' ratio; over photographs.
        linear: what lays the curves of the best linear denoiser on each other; over photographs.
        optimum: the same of photographs such as it was fitted on, in closed form.
        ratio: networks over spectra, photograph by photograph.
        correlation: of both's logarithms over photographs; nan where one does not vary.
    """

    band: tuple[float, float]
    networks: Estimate
    spectra: Estimate
    linear: Estimate
    optimum: float
    ratio: Estimate
    correlation: float


def _crossed(log_s: Floats, band: tuple[float, float], confidence: float) -> Estimate:
    low, high = np.exp(intervals.crossed(log_s, confidence))
    return Estimate(float(np.exp(log_s.mean())), float(low), float(high), band)


def _student(log_s: Floats, band: tuple[float, float], confidence: float) -> Estimate:
    low, high = np.exp(intervals.student(log_s, confidence))
    return Estimate(float(np.exp(log_s.mean())), float(low), float(high), band)


def _alike(a: Floats, b: Floats) -> float:
    if len(a) < intervals.FEWEST or min(a.std(), b.std()) < 1e-6:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


# The experiment ------------------------------------------------------------------------------


def run(
    store: Store, progress: pool.Progress = lambda done, total, label: None,
    settings: Settings | None = None,
) -> Experiment:  # fmt: skip
    """The experiment, from the store as far as it goes.

    Args:
        store: where everything is stored when it is done.
        progress: called as progress(done, total, label), in steps of training.
        settings: every choice; by default the report's.

    Raises:
        MissError: something is not stored and may not be computed.
        InputError: a photograph is missing, or the split is impossible.
    """
    return Runs(settings or Settings(), store).results(progress)


def commit(
    store: Store, progress: pool.Progress = lambda done, total, label: None,
    settings: Settings | None = None, workers: int = 1,
) -> Path:  # fmt: skip
    """Write the experiment, which is run where the store does not have it, to ``data/results``.

    Args:
        store, progress, settings: as `run` takes them.
        workers: processes that train.

    Returns:
        the path of ``experiment/denoiser.json``; the arrays are in the npz beside it.
    """
    settings = settings or Settings()
    runs = Runs(settings, store)
    done = runs.results(progress, workers)
    ids = np.array([photo.id for photo in runs.photographs])
    seconds = sum(store.sidecar(runs.network_request(*each))["seconds"] for each in runs.each)
    content = {
        "settings": dataclasses.asdict(settings), "held_out": ids[runs.held].tolist(),
        "numbers": done.numbers(),
    }  # fmt: skip
    return record.write(NAME, runs.whole, done.arrays(), content, seconds=seconds)


def committed(store: Store, settings: Settings | None = None) -> Experiment:
    """The committed experiment, if it is that of these settings and photographs; without torch.

    Raises:
        MissError: there is none, or it was made from something else.
    """
    settings = settings or Settings()
    request = Runs(settings, store).whole
    arrays = record.read(NAME, request, "the denoisers are not trained for the site")
    return Experiment(settings, **arrays)
