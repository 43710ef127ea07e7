r"""Does a shifted density of training times train better? The same denoiser under three of them.

One network is trained on latents of the higher resolution (kind ``high`` of `denoiser`: the same
encoder, photographs and windows), from the same start, on the same windows with the same noise, for
the same number of steps. Only where its noise levels are drawn differs: from the standard
logit-normal density of t that Esser et al. 2024 (arXiv:2403.03206) train their low resolution with,
shifted by 1, by the measured shift, and by the square-root rule's 2.

The training loss says nothing here, as each density weighs noise levels in its own way. So errors
are compared at equal noise level, on held-out photographs and by frequency: of two networks the
ratio of their relative errors in a band, as the geometric mean over the noise levels at which that
band is being found (`Densities.used`). Below 1 the first is better.
"""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.project.arrays import Floats
from analysis.spectra import intervals
from analysis.spectra.intervals import Estimate
from analysis.study.experiments import denoiser, denoising_network, pool, record
from analysis.study.experiments.denoising_network import Training
from analysis.study.store import Arrays, Request, Store
from analysis.timesteps import band_error

STEP, VERSION = "density", 1
NAME = "density"  # data/results/experiment/density.npz
KIND = "high"
SHOWN = (-3.5, 2.0)
"""theta between which pages show errors: nearer to noise and to data there is next to nothing."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Every choice of the experiment.

    Args:
        data: the pictures, their windows, and the noise levels they are judged at; its networks
            are not used.
        shifts: of the density; the first is what the others are compared with.
        bands: in cycles per image, (from, to); the last is beyond the low resolution.
        seeds: how many repetitions.
        training: of each network.
    """

    data: denoiser.Settings = dataclasses.field(default_factory=denoiser.Settings)
    shifts: tuple[float, ...] = (1.0, 1.53, 2.0)
    bands: tuple[tuple[int, int], ...] = ((2, 4), (4, 8), (8, 16), (16, 32))
    seeds: int = 4
    training: Training = dataclasses.field(default_factory=Training)

    @property
    def rings(self) -> int:
        """Rings of the fine grid, of one cycle per image each."""
        return 2 * self.data.window

    @property
    def judged(self) -> tuple[tuple[int, int], ...]:
        """The bands, and after them all rings together: what a plain mean square would see."""
        return (*self.bands, (0, self.rings))


class Runs:
    """The requests of the experiment, and their results, through the store.

    Args:
        settings: every choice.
        store: where latents, networks' errors and checkpoints lie.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store
        self.data = denoiser.Runs(settings.data, store)

    def request(self, shift: float, seed: int) -> Request:
        """What identifies the errors of one network."""
        chosen = self.settings
        parameters = {
            "kind": KIND, "shift": shift, "seed": seed, "window": chosen.data.window,
            "training": dataclasses.asdict(chosen.training), "held": chosen.data.held,
            "theta": list(chosen.data.theta),
            "photographs": [photo.id for photo in self.data.photographs],
        }  # fmt: skip
        label = f"denoiser under a density shifted by {shift:g}, seed {seed}"
        return Request(STEP, VERSION, parameters, self.data.inputs, label)

    @property
    def each(self) -> list[tuple[float, int]]:
        """(shift, seed), one seed after the other."""
        return [(s, seed) for seed in range(self.settings.seeds) for s in self.settings.shifts]

    @property
    def whole(self) -> Request:
        """What identifies the stacked results."""
        inputs = {f"{shift:g} {seed}": self.request(shift, seed).key for shift, seed in self.each}
        return Request("densities", VERSION, {}, inputs, "the densities")

    def errors(self, shift: float, seed: int, tell: pool.Tell = lambda done, total: None) -> Arrays:
        """Of one network: ``error`` and ``power`` of the held-out windows, and the ``loss``.

        ``error`` ``[T, I, R]`` and ``power`` ``[I, R]``, R the rings of the fine grid.
        """
        request, settings = self.request(shift, seed), self.settings.training
        checkpoint = self.store.folder / "training" / f"{request.key}.safetensors"

        def draw(rng: np.random.Generator, batch: int) -> NDArray[np.float32]:
            return self.data.pictures.draw(KIND, rng, batch)

        def levels(training: Training, rng: np.random.Generator) -> NDArray[np.float32]:
            return denoising_network.logit_normal(training, shift, rng)

        def compute() -> Arrays:
            weights = denoising_network.train(
                draw, settings, seed, checkpoint, tell=tell, levels=levels
            )
            estimate = denoising_network.restored(weights, settings)
            unknown, rings = self.data.tiled(KIND, held=True), self.settings.rings
            return {
                "error": self.data.judged(estimate, unknown, KIND, "held out", rings),
                "power": self.data.power(unknown, rings).astype(np.float32),
                "loss": weights["loss"],
            }

        arrays = self.store.obtain(request, compute)
        checkpoint.unlink(missing_ok=True)
        return arrays

    def results(
        self, progress: pool.Progress = lambda done, total, label: None, workers: int = 1
    ) -> "Densities":
        """Everything, computed where the store has nothing.

        Args:
            progress: told (done, total, label) in steps of training.
            workers: processes that train, each a network at a time on one thread.
        """
        steps, wanted = self.settings.training.steps, []
        if workers > 1 and self.store.compute != "never":
            wanted = [one for one in self.each if self.store.state(self.request(*one)) != "sound"]
        if wanted:
            self.data.encode(progress)
            tasks = [(self.settings, self.store.folder, *one) for one in wanted]
            pool.train(_train, tasks, steps, workers, progress, "denoisers")
        found = []
        for index, (shift, seed) in enumerate(self.each):
            label = self.request(shift, seed).label

            def tell(done: int, _: int, index: int = index, label: str = label) -> None:
                progress(index * steps + done, len(self.each) * steps, label)

            found.append(self.errors(shift, seed, tell))
        error = np.stack([arrays["error"] for arrays in found])
        shape = self.settings.seeds, len(self.settings.shifts)
        return Densities(self.settings, error.reshape(*shape, *error.shape[1:]), found[0]["power"])


def _train(settings: Settings, folder: Path, shift: float, seed: int, tell: pool.Tell) -> None:
    """Train and judge one network, in a process of a pool, into the store of a folder."""
    Runs(settings, Store(folder)).errors(shift, seed, tell)


@dataclasses.dataclass(frozen=True)
class Densities:
    """Errors of all networks.

    Axes: K seeds, S shifts, T noise levels, I held-out photographs, R rings, B bands, the last of
    which is all rings.

    Args:
        settings: every choice.
        error: ``[K, S, T, I, R]``, power of the errors.
        power: ``[I, R]``, of the held-out windows.
    """

    settings: Settings
    error: NDArray[np.float32]
    power: NDArray[np.float32]

    def arrays(self) -> Arrays:
        """Everything but the settings."""
        return {"error": self.error, "power": self.power}

    @functools.cached_property
    def relative(self) -> Floats:
        """``[K, S, T, I, B]``, relative errors on each photograph."""
        error, power = (
            band_error.in_bands(rings.astype(np.float64), self.settings.judged)
            for rings in (self.error, self.power)
        )
        return error / power

    @property
    def used(self) -> NDArray[np.bool_]:
        """``[T, B]``, noise levels at which a band is being found.

        There the mean error under the first density lies between the ends of `band_error.LEVELS`.
        """
        first = self.relative[:, 0].mean(axis=(0, 2))
        return (first < band_error.LEVELS[0]) & (first > band_error.LEVELS[-1])

    @property
    def shown(self) -> NDArray[np.bool_]:
        """``[T]``, noise levels that pages show, those within `SHOWN`."""
        theta = self.settings.data.theta_grid
        return (theta >= SHOWN[0]) & (theta <= SHOWN[1])

    def log_ratio(self, shift: float, over: float) -> Floats:
        """``[K, T, I, B]``, ln of the error under one density over that under another."""
        a, b = (self.settings.shifts.index(s) for s in (shift, over))
        return np.log(self.relative[:, a] / self.relative[:, b])

    def curve(self, shift: float, over: float, band: int, confidence: float = 0.95) -> Floats:
        """``[T, 3]``, the ratio in one band at each noise level, with the ends of its interval."""
        logs = np.moveaxis(self.log_ratio(shift, over)[..., band], 1, 0)  # [T, K, I]
        rows = [(each.mean(), *intervals.crossed(each.T, confidence)) for each in logs]
        return np.exp(rows)

    def found(self, shift: float, over: float, confidence: float = 0.95) -> list[Estimate]:
        """The ratio of errors in each band, all rings last; over photographs and seeds."""
        out = []
        for index, edges in enumerate(self.settings.judged):
            of_level = self.log_ratio(shift, over)[..., index][:, self.used[:, index]]
            each = of_level.mean(axis=1).T  # [I, K]
            low, high = np.exp(intervals.crossed(each, confidence))
            out.append(Estimate(float(np.exp(each.mean())), float(low), float(high), edges))
        return out

    def numbers(self) -> dict[str, Any]:
        """The ratios of all pairs of densities as JSON values."""
        shifts = self.settings.shifts
        pairs = [(b, a) for index, a in enumerate(shifts) for b in shifts[index + 1 :]]
        return {
            f"{b:g} over {a:g}": [dataclasses.asdict(one) for one in self.found(b, a)]
            for b, a in pairs
        }


def commit(
    store: Store, progress: pool.Progress = lambda done, total, label: None,
    settings: Settings | None = None, workers: int = 1,
) -> Path:  # fmt: skip
    """Write the experiment, which is run where the store does not have it, to ``data/results``.

    Args:
        store: where everything is stored when it is done.
        progress: called as progress(done, total, label), in steps of training.
        settings: every choice; by default the report's.
        workers: processes that train.

    Returns:
        the path of ``experiment/density.json``; the arrays are in the npz beside it.

    Raises:
        MissError: something is not stored and may not be computed.
        InputError: a photograph is missing, or the split is impossible.
    """
    settings = settings or Settings()
    runs = Runs(settings, store)
    done = runs.results(progress, workers)
    seconds = sum(store.sidecar(runs.request(*each))["seconds"] for each in runs.each)
    content = {"settings": dataclasses.asdict(settings), "numbers": done.numbers()}
    return record.write(NAME, runs.whole, done.arrays(), content, seconds=seconds)


def committed(store: Store, settings: Settings | None = None) -> Densities:
    """The committed experiment, if it is that of these settings and photographs; without torch.

    Raises:
        MissError: there is none, or it was made from something else.
    """
    settings = settings or Settings()
    request = Runs(settings, store).whole
    arrays = record.read(NAME, request, "the densities are not tried for the site")
    return Densities(settings, **arrays)
