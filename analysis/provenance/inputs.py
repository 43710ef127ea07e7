"""What was made from which results, recorded while it is made.

A `Recorder` stands in for `Results` and notes what is taken from it. So it is known of a figure, a
table or a number, however it is written, which measurements and photographs it was made from.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from analysis.encoders import cards
from analysis.images.catalogue import Photograph
from analysis.study import archive
from analysis.study.experiments import (
    contrast,
    coverage,
    denoiser,
    density,
    encoder_table,
    grids,
    record,
    surveyed,
)
from analysis.study.experiments import patches as experiment
from analysis.study.measurement import Measured
from analysis.study.results import SECOND, Results

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

PHOTOGRAPHS, DISPLAY, EXPERIMENT = "photographs", "display", "experiment"
# Attributes of `Results` that are no study's -> the name of their file in data/results/experiment.
EXPERIMENTS = {
    "experiment": experiment.NAME,
    "contrast": contrast.NAME,
    "grids": grids.NAME,
    "rows": encoder_table.NAME,
    "coverage": coverage.NAME,
    "denoiser": denoiser.NAME,
    "density": density.NAME,
    "survey": surveyed.NAME,
}
# Attributes of `Results` that are taken as a whole -> the name of what is taken.
WHOLE = {
    "leakage": "leakage",
    "rule": "channel-rule",
    "photographs": PHOTOGRAPHS,
} | {name: EXPERIMENT if name == EXPERIMENT else file for name, file in EXPERIMENTS.items()}
# Results that are not of all photographs of the study.
UNPICTURED = {DISPLAY, "leakage", *(WHOLE[name] for name in EXPERIMENTS)}


@dataclasses.dataclass(frozen=True)
class Input:
    """A result that something was made from.

    Args:
        name: its file's name.
        origin, provenance: as of `Measured`.
        encoder: what identifies the encoder, where it is one's.
    """

    name: str
    origin: str
    provenance: Mapping[str, Any]
    encoder: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def key(self) -> str:
        """SHA-256 of what it depends on."""
        return str(self.provenance["key"])

    @property
    def date(self) -> str:
        """The day it was computed, or nothing."""
        return str(self.provenance.get("written", ""))[:10]


@dataclasses.dataclass(frozen=True)
class Taken:
    """What something was made from.

    Args:
        inputs: the results, in the order of the study.
        photographs: the photographs it shows or its results were made from.
    """

    inputs: tuple[Input, ...]
    photographs: tuple[Photograph, ...]

    def __str__(self) -> str:
        """The results with the beginnings of their keys, for hovering."""
        if self.inputs:
            return "from " + ", ".join(f"{one.name} {one.key[:12]}" for one in self.inputs)
        return "from the list of photographs" if self.photographs else "from the settings alone"


class _Noting(Mapping[K, V]):
    """A mapping that notes the keys whose values are taken; asking which there are is no taking."""

    def __init__(self, held: Mapping[K, V], note: Callable[[K], None]) -> None:
        self._held, self._note = held, note

    def __getitem__(self, key: K) -> V:
        value = self._held[key]
        self._note(key)
        return value

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def __iter__(self) -> Iterator[K]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


class Recorder(Results):
    """Results that note what is taken from them: see `taken`.

    Args:
        results: what it stands in for.
    """

    _results: Results
    _names: set[str]

    def __init__(self, results: Results) -> None:
        names = set[str]()

        def noting(held: Mapping[K, V], file: str) -> _Noting[K, V]:
            return _Noting(held, lambda key: names.add(file.format(key)))

        shown = results.display
        vars(self).update({k: held for k, held in vars(results).items() if k != "second"})
        vars(self).update(
            measured=noting(results.measured, "{}"),
            contributed=noting(results.contributed, "{}"),
            samplers=noting(results.samplers, "sampler-{}"),
            files=noting(results.files, "{}"),
            display=dataclasses.replace(
                shown, z=noting(shown.z, DISPLAY), eps=noting(shown.eps, DISPLAY)
            ),
            _results=results,
            _names=names,
        )

    @functools.cached_property
    def second(self) -> Mapping[str, Measured]:
        """The measurements of the second set of photographs, noted as they are taken."""
        return _Noting(self._results.second, lambda key: self._names.add(f"{SECOND}/{key}"))

    def __getattribute__(self, name: str) -> Any:
        if name in WHOLE:
            self._names.add(WHOLE[name])
        return super().__getattribute__(name)

    def taken(self) -> Taken:
        """What has been taken so far."""
        results, names = self._results, self._names
        inputs = tuple(one for name, one in known(results).items() if name in names)
        if PHOTOGRAPHS in names or {one.name for one in inputs} - UNPICTURED:
            return Taken(inputs, results.photographs)
        return Taken(inputs, (results.display.photograph,) if DISPLAY in names else ())


def recorded(make: Callable[[Results], T], results: Results) -> tuple[T, Taken]:
    """What a function makes of the results, and what it took of them to do so."""
    recorder = Recorder(results)
    return make(recorder), recorder.taken()


def known(results: Results) -> dict[str, Input]:
    """Every result there is, by its file's name, in the order of the study."""
    found = {
        name: Input(name, m.origin, m.provenance, cards.identity(m.card))
        for name, m in results.everything.items()
    }
    shown = found[results.study.display_encoder].encoder
    for name, (_, origin, made) in results.files.items():
        found[name] = Input(name, origin, made, shown if name == DISPLAY else {})
    for name, m in results.second.items():
        name = f"{SECOND}/{name}"
        found[name] = Input(name, m.origin, m.provenance, cards.identity(m.card))
    for name, file in EXPERIMENTS.items():
        if getattr(results, name) is not None:
            made = archive.said(archive.folder(record.FOLDER) / f"{file}.json")["provenance"]
            found[WHOLE[name]] = Input(WHOLE[name], "committed", made)
    return found


def settings(results: Results) -> str:
    """The choices of a study that everything made from it depends on."""
    study = results.study
    sides = " and ".join(f"{side} px" for side in study.pair)
    return (
        f"study {study.name}, seed {study.seed}, {sides}, t = {study.t:g}, "
        f"{study.resample} resizing, window {study.window.text}"
    )
