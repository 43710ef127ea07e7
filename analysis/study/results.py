"""What the pages show: the measurements of a study and its pictured latents, read from the store.

Nothing is computed here. A measurement comes from the store, else from ``data/results``, and says
which; `chain` computes.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.images import catalogue, pixels
from analysis.project.files import write_atomic
from analysis.shift.channel_rule import ChannelRule
from analysis.study import archive, steps
from analysis.study.experiments import contrast as study_contrast
from analysis.study.experiments import coverage as study_coverage
from analysis.study.experiments import denoiser as study_denoiser
from analysis.study.experiments import density as study_density
from analysis.study.experiments import encoder_table as study_encoder_table
from analysis.study.experiments import grids as study_grids
from analysis.study.experiments import patches as study_experiment
from analysis.study.experiments import record
from analysis.study.experiments import surveyed as study_surveyed
from analysis.study.measurement import Measured
from analysis.study.plan import Plan
from analysis.study.settings import REFERENCE, Study, load_study
from analysis.study.store import Store
from analysis.timesteps import noise, schedule
from analysis.timesteps.gaussian_sampler import SamplerStudy
from analysis.timesteps.noise import Sound, generator, sampled_sound
from analysis.timesteps.trained_shift import Experiment

SECOND = "wallpapers"
"""The study of more photographs, by others, that the paper's is held against."""
T = TypeVar("T")


def _run(name: str, committed: Callable[[Store], T]) -> T | None:
    """A committed experiment, or None where no run of it is committed."""
    return committed(Store()) if archive.named(record.FOLDER, name) else None


@dataclasses.dataclass(frozen=True)
class Leakage:
    """What each window makes of simulated fields whose spectrum is known.

    Args:
        k: ``[R - 1]``, cycles per image, from ring 1 on.
        gammas: ``[G]``, exponents of the fields' power.
        ratio: ``[G, W, R - 1]``, measured over true power.
        origin, provenance: as of `Measured`.
    """

    k: NDArray[np.float64]
    gammas: NDArray[np.float64]
    ratio: NDArray[np.float64]
    origin: str
    provenance: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Display:
    """The pictured latents: one photograph at both resolutions, by the display encoder.

    Args:
        photograph: which one.
        z: side -> ``[C, h, w]`` clean latents; eps: side -> noise of the same shape.
        origin, provenance: as of `Measured`.
    """

    photograph: catalogue.Photograph
    z: Mapping[int, np.ndarray]
    eps: Mapping[int, np.ndarray]
    origin: str
    provenance: dict[str, Any]

    def strongest(self, count: int) -> list[int]:
        """The channels with the most power, no more than so many, in their order."""
        power = np.mean(np.square(self.z[min(self.z)], dtype=np.float64), axis=(1, 2))
        return sorted(np.argsort(-power)[:count].tolist())

    def noisy(self, side: int, t: float) -> np.ndarray:
        """z_t = t z + (1 - t) eps, ``[C, h, w]``."""
        return noise.blend(self.z[side], self.eps[side], t)


@dataclasses.dataclass(frozen=True)
class Results:
    """Everything the pages show.

    Args:
        contributed: measurements of encoders that the study does not name, from ``data/results``.
        samplers: encoder -> solver -> what few steps make of its spectra.
        rule: the channels of the study's linear encoder, if it has one.
        files: name -> what `commit` writes, measurements apart.
    """

    study: Study
    photographs: tuple[catalogue.Photograph, ...]
    measured: Mapping[str, Measured]
    contributed: Mapping[str, Measured]
    display: Display
    leakage: Leakage
    samplers: Mapping[str, Mapping[str, SamplerStudy]]
    rule: ChannelRule | None
    files: Mapping[str, archive.Stored]
    downloads: Path

    @property
    def everything(self) -> dict[str, Measured]:
        """What was measured in the study, and what was contributed to it."""
        return {**self.measured, **self.contributed}

    @property
    def theory(self) -> float:
        """The square-root rule between the study's two resolutions."""
        high, low = self.study.high, self.study.low
        return schedule.theoretical_shift(high, high, low, low)

    @property
    def t_shifted(self) -> float:
        """The study's t moved to the high resolution by the square-root rule."""
        return float(schedule.shift_t(self.study.t, self.theory))

    @functools.cached_property
    def experiment(self) -> Experiment | None:
        """The networks trained on the bundled photographs, or None where no run is committed."""
        return _run(study_experiment.NAME, study_experiment.committed)

    @functools.cached_property
    def contrast(self) -> study_contrast.Contrast | None:
        """Pictures of two sets, and some made fainter, or None where no run is committed."""
        return _run(study_contrast.NAME, study_contrast.committed)

    @functools.cached_property
    def coverage(self) -> study_coverage.Coverage | None:
        """How often intervals hold the truth, or None where no simulation is committed."""
        return _run(study_coverage.NAME, study_coverage.committed)

    @functools.cached_property
    def grids(self) -> study_grids.Grids | None:
        """Folded latents and squares cut elsewhere, or None where no run is committed."""
        return _run(study_grids.NAME, study_grids.committed)

    @functools.cached_property
    def survey(self) -> study_surveyed.Surveyed | None:
        """The survey of both sets of photographs, or None where no run is committed."""
        return _run(study_surveyed.NAME, study_surveyed.committed)

    @functools.cached_property
    def rows(self) -> Mapping[str, study_encoder_table.Row] | None:
        """Encoders and controls side by side by name, or None where no table is committed."""
        rows = _run(study_encoder_table.NAME, study_encoder_table.committed)
        return None if rows is None else {row.card.name: row for row in rows}

    @functools.cached_property
    def second(self) -> Mapping[str, Measured]:
        """The measurements of the second set of photographs; of the paper's study alone."""
        return load(SECOND).measured if self.study.name == REFERENCE else {}

    @functools.cached_property
    def denoiser(self) -> study_denoiser.Experiment | None:
        """The denoisers of three kinds of latents, or None where no run is committed."""
        return _run(study_denoiser.NAME, study_denoiser.committed)

    @functools.cached_property
    def density(self) -> study_density.Densities | None:
        """Denoisers trained under shifted densities, or None where no run is committed."""
        return _run(study_density.NAME, study_density.committed)

    @functools.cached_property
    def sounds(self) -> tuple[Sound, Sound]:
        """White noise sampled finely and coarsely, for the audio experiment."""
        return sampled_sound(generator(0, "sound"))  # the same recordings in every study

    def thumbnails(self, size: int) -> list[np.ndarray]:
        """uint8 ``[size, size, 3]`` of each photograph."""
        return [
            pixels.thumbnail(catalogue.fetch(photo, self.downloads), size)
            for photo in self.photographs
        ]


def assemble(plan: Plan) -> Results:
    """Read everything the pages need; nothing is computed.

    Raises:
        MissError: a measurement is neither stored nor committed.
    """
    files = {
        name: archive.find(plan.store, plan.study.name, request, name)
        for name, request in plan.results().items()
    }
    measured = {
        name: Measured(card, plan.study, *files.pop(name)) for name, card in plan.cards.items()
    }
    contributed = {}
    for name, (card, request) in archive.contributed(plan).items():
        arrays, provenance = archive.read(plan.study.name, request, name, "it was contributed")
        contributed[name] = Measured(card, plan.study, arrays, "committed", provenance)
    arrays, origin, provenance = files["display"]
    z = {side: arrays[f"z_{side}"].astype(np.float32) for side in plan.study.pair}
    card, views = plan.cards[plan.study.display_encoder], plan.shown(plan.displayed)
    eps = {side: plan.setting(card, views[side]).eps(field.shape) for side, field in z.items()}
    display = Display(plan.displayed, z, eps, origin, provenance)
    arrays, origin, provenance = files["leakage"]
    leakage = Leakage(**arrays, origin=origin, provenance=provenance)
    samplers = {name: steps.samplers(files[f"sampler-{name}"][0]) for name in measured}
    rule = ChannelRule(**files["channel-rule"][0]) if plan.linear else None
    return Results(
        plan.study,
        plan.photographs,
        measured,
        contributed,
        display,
        leakage,
        samplers,
        rule,
        files,
        plan.store.downloads,
    )


@functools.cache
def load(study: str | None = None) -> Results:
    """The results of a study (by default the environment's), for pages; read, never computed."""
    return assemble(Plan(load_study(study), Store()))


def commit(results: Results) -> list[Path]:
    """Write what was computed here to ``data/results``, which is under version control.

    Results that were themselves read from there are left as they are.
    """
    written = []
    for name, measured in results.measured.items():
        if measured.origin == "computed":
            content = {"numbers": measured.numbers(), "provenance": measured.provenance}
            written.append(archive.write(results.study.name, name, measured.arrays, content))
    for name, (arrays, origin, provenance) in results.files.items():
        if origin == "computed":
            content = {"provenance": provenance}
            written.append(archive.write(results.study.name, name, arrays, content))
    for name, sound in zip(("fine", "coarse"), results.sounds, strict=True):
        written.append(archive.target("sound") / f"noise-{name}.wav")
        write_atomic(written[-1], sound.wav())
    return written
