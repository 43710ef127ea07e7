r"""How often the intervals hold the truth, in simulated sets of photographs whose truth is known.

An interval of 95 % is a promise about many sets of so many photographs. Each kind that pages show
is tried on sets that scatter as photographs do, and beside it what it replaced:

- ``student``: a mean of ln s over photographs, normally distributed; ``bootstrap``: the percentile
  bootstrap of the same;
- ``crossed``: a mean over photographs and 16 channels, both of which scatter;
- ``reliability``: the jackknife of a correlation of halves, whose truth is 1/2;
- ``matched``: the jackknife of the information-matched shift. Powers of photographs scatter by a
  factor of e^0.8, those of a channel by e^0.6 about that, shifts by 11 %, and each matrix is a mean
  over as many modes as a window leaves.
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from analysis.project.arrays import Floats
from analysis.shift import information
from analysis.spectra import intervals
from analysis.spectra.cross_spectra import Bins
from analysis.study.experiments import record
from analysis.study.store import Arrays, Request, Store
from analysis.timesteps import noise, weighting

STEP, VERSION = "coverage", 1
NAME = "coverage"  # data/results/experiment/coverage.npz
Progress = Callable[[int, int, str], None]
CONFIDENCE = 0.95
RESAMPLES = 500  # of a bootstrap
CHANNELS = 16
MODES = np.array([160.0, 480.0])  # of the bins of the matched shift
GROWN = np.array([1.8, 1.6, 1.3, 1.1])  # shifts of its channels
POPULATION = 4000  # photographs whose pool is taken for the truth

Ends = tuple[np.ndarray, np.ndarray, float]
"""Lower and upper ends ``[sets]`` of intervals, and the truth."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Every choice of the simulations.

    Args:
        images: photographs of a set.
        sets: simulated of the kinds that take little time, and of those that take much.
    """

    images: tuple[int, ...] = (3, 5, 12, 40)
    sets: tuple[int, int] = (4000, 1000)


def student(images: int, sets: int, rng: np.random.Generator) -> Ends:
    """Of a mean of normally distributed numbers."""
    low, high = intervals.student(rng.standard_normal((images, sets)), CONFIDENCE)
    return low, high, 0.0


def bootstrap(images: int, sets: int, rng: np.random.Generator) -> Ends:
    """The percentile bootstrap of the same mean."""
    ends = []
    for _ in range(sets):
        drawn = rng.integers(images, size=(RESAMPLES, images))
        means = rng.standard_normal(images)[drawn].mean(axis=1)
        ends.append(np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]))
    low, high = np.transpose(ends)
    return low, high, 0.0


def crossed(images: int, sets: int, rng: np.random.Generator) -> Ends:
    """Of a mean over photographs and channels."""
    ends = []
    for _ in range(sets):
        samples = 0.2 * rng.standard_normal((images, 1)) + 0.2 * rng.standard_normal(CHANNELS)
        samples = samples + 0.1 * rng.standard_normal((images, CHANNELS))
        ends.append(intervals.crossed(samples, CONFIDENCE))
    low, high = np.transpose(ends)
    return low, high, 0.0


def reliability(images: int, sets: int, rng: np.random.Generator) -> Ends:
    """Of the correlation of two halves that share half of their variance."""
    ends = []
    for _ in range(sets):
        own = rng.standard_normal((images, 1, 60))
        halves = own + rng.standard_normal((images, 2, 60))
        ends.append(weighting.reliability(halves).within[1:])
    low, high = np.transpose(ends)
    return low, high, 0.5


def photographs(images: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Matrices ``[I, B, C, C]`` of simulated photographs at two resolutions."""
    channels = len(GROWN)
    base = np.geomspace(1, 0.1, len(MODES))[:, None] * np.array([30.0, 10.0, 3.0, 1.0])
    level = np.exp(0.8 * rng.standard_normal((images, 1, 1)))
    low: Floats = base * level * np.exp(0.6 * rng.standard_normal((images, 1, channels)))
    high = low * (GROWN * np.exp(0.11 * rng.standard_normal((images, 1, 1)))) ** 2
    found = []
    for power in (low, high):
        out = np.empty((images, len(MODES), channels, channels))
        for b, count in enumerate((MODES / 4).astype(int)):
            z = rng.standard_normal((images, count, channels)) * np.sqrt(power[:, b])[:, None]
            out[:, b] = np.einsum("inc,ind->icd", z, z) / count
        found.append(out)
    return found[0], found[1]


def matched(images: int, sets: int, rng: np.random.Generator) -> Ends:
    """Of the information-matched shift; nan where photographs are too few."""
    edges = np.stack([np.arange(len(MODES)), np.arange(len(MODES)) + 1], axis=1) + 2
    bins = Bins(edges, edges[:, 0].astype(np.float64), MODES, ("low",) * len(MODES))
    low, high = (one.mean(axis=0) for one in photographs(POPULATION, rng))
    truth = float(np.exp(information.logarithms(low, high, MODES)["matched"]))
    if images < information.FEWEST:
        return np.full(sets, np.nan), np.full(sets, np.nan), truth
    ends = []
    for _ in range(sets):
        found = information.measure(*photographs(images, rng), bins, CONFIDENCE).matched
        ends.append((found.low, found.high))
    lower, upper = np.transpose(ends)
    return lower, upper, truth


KINDS: Mapping[str, Callable[[int, int, np.random.Generator], Ends]] = {
    "student": student,
    "bootstrap": bootstrap,
    "crossed": crossed,
    "reliability": reliability,
    "matched": matched,
}
SLOW = {"matched"}
REPLACED = {"bootstrap"}  # by what pages show instead


def share(kind: str, images: int, sets: int) -> float:
    """How many of the intervals hold the truth; nan where there are none.

    Args:
        kind: of `KINDS`.
        images: photographs of a set.
        sets: simulated.
    """
    rng = noise.generator(0, STEP, kind, images)
    low, high, truth = KINDS[kind](images, sets, rng)
    return float(np.mean((low <= truth) & (truth <= high))) if np.isfinite(low).all() else np.nan


@dataclasses.dataclass(frozen=True)
class Coverage:
    """The simulations' result.

    Args:
        images: ``[N]``, photographs of a set.
        shares: kind -> ``[N]``, how often its intervals hold the truth; nan where there are none.
    """

    images: tuple[int, ...]
    shares: Mapping[str, Floats]

    def ends(self) -> tuple[float, float]:
        """The least and the largest share of the kinds that pages show."""
        each = [self.shares[kind] for kind in KINDS if kind not in REPLACED]
        return float(np.nanmin(each)), float(np.nanmax(each))


def request(settings: Settings) -> Request:
    """What identifies the simulations."""
    chosen = {"settings": dataclasses.asdict(settings), "resamples": RESAMPLES}
    return Request(STEP, VERSION, {**chosen, "kinds": [*KINDS]}, {}, "coverage of the intervals")


def simulate(settings: Settings, progress: Progress = lambda done, total, label: None) -> Arrays:
    """kind -> ``[N]``, shares of intervals that hold the truth."""
    tasks = [(kind, images) for kind in KINDS for images in settings.images]
    out: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for done, (kind, images) in enumerate(tasks):
        progress(done, len(tasks), f"{kind}, sets of {images}")
        out[kind].append(share(kind, images, settings.sets[kind in SLOW]))
    return {kind: np.array(shares) for kind, shares in out.items()}


def commit(
    store: Store,
    progress: Progress = lambda done, total, label: None,
    settings: Settings | None = None,
) -> Path:
    """Write the shares to ``data/results``, simulated where the store has none; two minutes.

    Returns:
        the path of ``experiment/coverage.json``; the arrays are in the npz beside it.
    """
    settings = settings or Settings()
    arrays = store.obtain(request(settings), lambda: simulate(settings, progress))
    content = {
        "settings": dataclasses.asdict(settings),
        "numbers": {kind: shares.tolist() for kind, shares in arrays.items()},
    }
    return record.write(NAME, request(settings), arrays, content)


def committed(store: Store, settings: Settings | None = None) -> Coverage:
    """The committed simulations, if they are of these settings.

    Raises:
        MissError: there are none, or they were made otherwise.
    """
    settings = settings or Settings()
    why = "coverage is not simulated for the site"
    return Coverage(settings.images, record.read(NAME, request(settings), why))
