r"""A small real experiment: rectified flow trained on photographs' patches, with shifts on a grid.

What equal signal-to-noise says of spectra is here asked of trained networks: does the best shift of
the training density double when the resolution does? Every choice favours a clean comparison over a
good model.

- **Data.** Random square regions of the photographs, greyscale, as an ideal low-pass
  (`lowpass.crop`) of ``sides[-1]`` pixels a side, and the same regions as a further low-pass of
  fewer. So the content is shared exactly, on grids of different fineness, and the square-root rule
  holds for its spectra up to the low-pass. One affine map, of the training photographs at the
  finest grid, gives them zero mean and unit variance. Photographs are held out whole; which,
  rotates with the seed.
- **Model.** One network for all resolutions (`rectified_flow.network`), trained with
  $\theta = \mathrm{logit}\, t \sim \mathcal{N}(-\ln s, 1)$. Runs of one seed share initial
  weights, the order of the data, noise and quantiles of theta.
- **Measures.** The validation loss at fixed theta, with noise common to all runs of a seed and
  resolution, and the spectrum of samples of a few Euler steps on the grid that
  `gaussian_sampler.grid` shifts, against that of the training patches. What is made of them is in
  `trained_shift`.
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.encoders import resumable
from analysis.images import catalogue
from analysis.images.pixels import load
from analysis.project.arrays import Floats
from analysis.project.errors import InputError
from analysis.spectra import lowpass, periodogram, rings
from analysis.study.experiments import record
from analysis.study.store import Arrays, Request, Store
from analysis.timesteps import noise
from analysis.timesteps.rectified_flow import Training, losses, sample, train
from analysis.timesteps.trained_shift import Experiment, summary

STEP, VERSION = "experiment", 1
NAME = "patches"  # data/results/experiment/patches.npz
Progress = Callable[[int, int, str], None]


@dataclasses.dataclass(frozen=True)
class Settings:
    """Every choice of the experiment.

    Args:
        photographs: a set of images, or a folder.
        size: side in px that they are loaded at.
        region: (least, largest) side of a region in those pixels, log-uniform between.
        patches: regions a photograph.
        held: photographs that are held out for validation.
        sides: of patches, px, ascending, multiples of 8.
        shifts: of the training density; 1 must be among them.
        seeds: how many repetitions.
        training: of each network.
        theta: (from, to, number) of the validation's noise levels.
        probes: validation patches a photograph.
        samples: how many are drawn of each network.
        euler: steps of the sampler, on the grids shifted by each of ``sampling``.
        fine: steps of an unshifted reference, which shows what is not discretisation.
    """

    photographs: str = "bundled"
    size: int = 1024
    region: tuple[int, int] = (128, 512)
    patches: int = 384
    held: int = 3
    sides: tuple[int, ...] = (16, 32)
    shifts: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
    seeds: int = 4
    training: Training = dataclasses.field(default_factory=Training)
    theta: tuple[float, float, int] = (-4.0, 4.0, 17)
    probes: int = 64
    samples: int = 128
    euler: int = 8
    sampling: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
    fine: int = 40

    @property
    def theta_grid(self) -> Floats:
        """``[T]``, the noise levels of the validation."""
        return np.linspace(*self.theta)


# Data ----------------------------------------------------------------------------------------


def fold(count: int, held: int, seed: int) -> NDArray[np.bool_]:
    """``[count]``, which photographs are held out at a seed; count // held seeds share none.

    Raises:
        InputError: nothing would be left to train on, or nothing held out.
    """
    if not 0 < held < count:
        raise InputError(f"{held} of {count} photographs can't be held out; choose fewer, not 0")
    order = noise.generator(0, "folds").permutation(count)
    start = held * (seed % (count // held))
    out = np.zeros(count, dtype=bool)
    out[order[start : start + held]] = True
    return out


def regions(
    pixels: np.ndarray, settings: Settings, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Random regions of a photograph ``[3, n, n]`` as greyscale patches ``[patches, side, side]``.

    Grey is the mean of the three channels, sRGB values as they are; side is the finest.
    """
    grey, side = pixels.mean(axis=0, dtype=np.float64), settings.sides[-1]
    least, largest = np.log(settings.region)
    out = np.empty((settings.patches, side, side), np.float32)
    for patch in out:
        n = round(float(np.exp(rng.uniform(least, largest))))
        y, x = rng.integers(len(grey) - n + 1, size=2)
        patch[:] = lowpass.crop(grey[y : y + n, x : x + n], side)
    return out


def normalised(
    patches: np.ndarray, held: np.ndarray, side: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(training, validation) patches of one side, from all photographs' finest ``[I, n, h, h]``."""
    known = patches[~held]
    scaled = (patches - known.mean(dtype=np.float64)) / known.std(dtype=np.float64)
    low = lowpass.crop(scaled, side).astype(np.float32)
    return low[~held], low[held]


# Runs ----------------------------------------------------------------------------------------


def one_run(patches: np.ndarray, settings: Settings, side: int, shift: float, seed: int) -> Arrays:
    """Train one network and evaluate it.

    Returns:
        ``loss`` ``[T]``; ring-averaged power ``few`` ``[G, R]`` of samples at each sampling shift,
        ``fine`` ``[R]`` of the reference, ``training`` and ``validation`` ``[R]`` of the patches.
    """
    held = fold(len(patches), settings.held, seed)
    known, unknown = normalised(patches, held, side)
    known = known.reshape(-1, side, side)
    unknown = unknown[:, : settings.probes].reshape(-1, side, side)
    with resumable.one_thread():
        velocity = train(known, settings.training, shift, seed)
        rng = noise.generator(seed, STEP, "validation", side)
        loss = losses(velocity, unknown, settings.theta_grid, rng)
        eps = noise.gaussian((settings.samples, side, side), rng)
        drawn = [sample(velocity, eps, settings.euler, s) for s in settings.sampling]
        drawn.append(sample(velocity, eps, settings.fine, 1.0))
    *few, fine, training, validation = (
        periodogram.raps(z, beta=2.0).mean(axis=0) for z in (*drawn, known, unknown)
    )
    return {
        "loss": loss,
        "few": np.stack(few),
        "fine": fine,
        "training": training,
        "validation": validation,
    }


class Runs:
    """The requests of the experiment, and their results, through the store.

    Args:
        settings: every choice.
        store: where runs lie; each is stored when it is done, so that a stopped experiment goes on.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store
        self.photographs = catalogue.image_set(settings.photographs).photos
        self._hashes = {one.id: catalogue.digest(one, store.downloads) for one in self.photographs}
        sides, shifts = range(len(settings.sides)), range(len(settings.shifts))
        self.each = [(a, b, c) for c in range(settings.seeds) for b in shifts for a in sides]
        self._shared = dataclasses.asdict(settings)
        for name in ("photographs", "shifts", "seeds"):
            del self._shared[name]  # a longer list leaves the runs of a shorter one as they are

    @functools.cached_property
    def paths(self) -> list[Path]:
        """The photographs' files; committed runs are read without them."""
        return [catalogue.fetch(photo, self.store.downloads) for photo in self.photographs]

    def request(self, run: tuple[int, int, int]) -> Request:
        """What identifies one run, (side, shift, seed) by index."""
        side, shift = self.settings.sides[run[0]], self.settings.shifts[run[1]]
        return Request(
            STEP,
            VERSION,
            {**self._shared, "side": side, "shift": shift, "seed": run[2]},
            self._hashes,
            f"network for {side} px, shift {shift:g}, seed {run[2]}",
        )

    @property
    def whole(self) -> Request:
        """What identifies the stacked results."""
        runs = {" ".join(map(str, run)): self.request(run).key for run in self.each}
        settings = dataclasses.asdict(self.settings)
        return Request(f"{STEP}-stacked", VERSION, settings, runs, "the experiment")

    @property
    def held_out(self) -> list[list[str]]:
        """The ids of the photographs that each seed holds out."""
        ids = np.array([photo.id for photo in self.photographs])
        held = self.settings.held
        return [ids[fold(len(ids), held, seed)].tolist() for seed in range(self.settings.seeds)]

    @functools.cached_property
    def patches(self) -> NDArray[np.float32]:
        """``[I, n, h, h]``, all regions at the finest side, before they are normalised."""
        each = []
        for photo, path in zip(self.photographs, self.paths, strict=True):
            rng = noise.generator(0, STEP, "regions", self._hashes[photo.id])
            each.append(regions(load(path, self.settings.size), self.settings, rng))
        return np.stack(each)

    def results(self, progress: Progress = lambda done, total, label: None) -> list[Arrays]:
        """Every run's arrays, computed where the store has none; progress(done, total, label)."""
        out = []
        for index, run in enumerate(self.each):
            request = self.request(run)
            progress(index, len(self.each), request.label)
            side, shift = self.settings.sides[run[0]], self.settings.shifts[run[1]]

            def compute(side: int = side, shift: float = shift, seed: int = run[2]) -> Arrays:
                return one_run(self.patches, self.settings, side, shift, seed)

            out.append(self.store.obtain(request, compute))
        return out


def _stacked(runs: Runs, results: list[Arrays]) -> Experiment:
    settings = runs.settings
    count = settings.sides[-1] // 2 + 1
    shape = (len(settings.sides), len(settings.shifts), settings.seeds)
    out: Arrays = {}
    for (a, b, c), arrays in zip(runs.each, results, strict=True):
        for name, value in arrays.items():
            if name not in out:
                last = len(settings.theta_grid) if name == "loss" else count
                out[name] = np.full((*shape, *value.shape[:-1], last), np.nan)
            out[name][a, b, c, ..., : value.shape[-1]] = value
    k = np.full((shape[0], count), np.nan)
    for row, side in zip(k, settings.sides, strict=True):
        row[: side // 2 + 1] = rings.rings(side, side).cycles_per_image
    for name in ("training", "validation"):
        out[name] = out[name][:, 0]  # the patches of a seed are the same at every shift
    return Experiment(
        np.array(settings.sides),
        np.array(settings.shifts),
        np.array(settings.sampling),
        settings.theta_grid,
        k,
        **out,
    )


# The experiment ------------------------------------------------------------------------------


def run(
    store: Store,
    progress: Progress = lambda done, total, label: None,
    settings: Settings | None = None,
) -> Experiment:
    """The experiment, from the store as far as it goes; about 30 minutes of one core from nothing.

    Args:
        store: where each run is stored when it is done.
        progress: called as progress(done, total, label) before each run.
        settings: every choice; by default the report's.

    Raises:
        MissError: a run is not stored and may not be computed.
        InputError: a photograph is missing, or the split is impossible.
    """
    runs = Runs(settings or Settings(), store)
    return _stacked(runs, runs.results(progress))


def commit(store: Store, settings: Settings | None = None) -> Path:
    """Write the experiment, which must be in the store or is run, to ``data/results``.

    Returns:
        the path of ``experiment/patches.json``; the arrays are in the npz beside it.
    """
    settings = settings or Settings()
    runs = Runs(settings, store)
    done = _stacked(runs, runs.results())
    seconds = sum(store.sidecar(runs.request(each))["seconds"] for each in runs.each)
    content = {
        "settings": dataclasses.asdict(settings),
        "held_out": runs.held_out,
        "numbers": summary(done),
    }
    return record.write(NAME, runs.whole, done.arrays(), content, seconds=seconds)


def committed(store: Store, settings: Settings | None = None) -> Experiment:
    """The committed experiment, if it is that of these settings and photographs; without torch.

    Raises:
        MissError: there is none, or it was made from something else.
    """
    request = Runs(settings or Settings(), store).whole
    return Experiment(**record.read(NAME, request, "the experiment is not run for the site"))
