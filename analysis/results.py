"""What the pages show: the measurements of a study and its pictured latents, read from the store.

Nothing is computed here. A measurement comes from the store, else from ``data/results``, and says
which; `chain` computes.
"""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np

from analysis import archive, images, schedule
from analysis.cache import Arrays, Request, Store, write_atomic
from analysis.chain import Chain
from analysis.measured import Display, Leakage, Measured
from analysis.noise import Sound, generator, sampled_sound
from analysis.settings import Study, load_study


@dataclasses.dataclass(frozen=True)
class Results:
    """Everything the pages show."""

    study: Study
    photographs: tuple[images.Photograph, ...]
    measured: dict[str, Measured]
    display: Display
    leakage: Leakage
    downloads: Path

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
    def sounds(self) -> tuple[Sound, Sound]:
        """White noise sampled finely and coarsely, for the audio experiment."""
        return sampled_sound(generator(0, "sound"))  # the same recordings in every study

    def thumbnails(self, size: int) -> list[np.ndarray]:
        """uint8 ``[size, size, 3]`` of each photograph."""
        return [
            images.thumbnail(images.fetch(photo, self.downloads), size)
            for photo in self.photographs
        ]


def _read(chain: Chain, request: Request, name: str) -> tuple[Arrays, str, dict[str, Any]]:
    """A measurement from the store, else from the committed results."""
    arrays = chain.store.get(request)
    if arrays is not None:
        return arrays, "computed", chain.store.sidecar(request)
    arrays, provenance = archive.read(
        chain.study.name, request, name, chain.store.explain_miss(request)
    )
    return arrays, "committed", provenance


def assemble(chain: Chain) -> Results:
    """Read everything the pages need; nothing is computed.

    Raises:
        MissError: a measurement is neither stored nor committed.
    """
    measured = {}
    for name, card in chain.cards.items():
        arrays, origin, provenance = _read(chain, chain.measurement_request(card), name)
        measured[name] = Measured(card, chain.study, arrays, origin, provenance)
    arrays, origin, provenance = _read(chain, chain.display_request(), "display")
    z = {side: arrays[f"z_{side}"].astype(np.float32) for side in chain.study.resolutions}
    eps = {side: chain.eps(chain.displayed, side, field.shape) for side, field in z.items()}
    display = Display(chain.displayed, z, eps, origin, provenance)
    arrays, origin, provenance = _read(chain, chain.leakage_request(), "leakage")
    leakage = Leakage(**arrays, origin=origin, provenance=provenance)
    downloads = chain.store.downloads
    return Results(chain.study, chain.photographs, measured, display, leakage, downloads)


@functools.cache
def load(study: str | None = None) -> Results:
    """The results of a study (by default the environment's), for pages; read, never computed."""
    return assemble(Chain(load_study(study), Store()))


def commit(results: Results) -> list[Path]:
    """Write what was computed here to ``data/results``, which is under version control.

    Results that were themselves read from there are left as they are.
    """
    written = []
    for name, measured in results.measured.items():
        if measured.origin == "computed":
            content = {"numbers": measured.numbers(), "provenance": measured.provenance}
            written.append(archive.write(results.study.name, name, measured.arrays, content))
    if results.display.origin == "computed":
        arrays = {f"z_{side}": z.astype(np.float16) for side, z in results.display.z.items()}
        content = {"provenance": results.display.provenance}
        written.append(archive.write(results.study.name, "display", arrays, content))
    if results.leakage.origin == "computed":
        leakage = {name: getattr(results.leakage, name) for name in ("k", "gammas", "ratio")}
        content = {"provenance": results.leakage.provenance}
        written.append(archive.write(results.study.name, "leakage", leakage, content))
    for name, sound in zip(("fine", "coarse"), results.sounds, strict=True):
        written.append(archive.folder("sound") / f"noise-{name}.wav")
        write_atomic(written[-1], sound.wav())
    return written
