"""One survey of a small set, as the page on surveys shows it; it is run by `training.survey`.

The photographs of two studies, each encoder's row a picture and side, and what it cost: processor
seconds, since others may use the machine at the same time. What is read here needs no pyarrow.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from analysis.encoders import cards
from analysis.encoders.cards import Card
from analysis.project.arrays import Floats
from analysis.spectra import intervals
from analysis.spectra.intervals import Estimate
from analysis.study.experiments import record
from analysis.study.plan import Plan
from analysis.study.settings import load_study
from analysis.study.store import Arrays, Request, Store

STEP, VERSION = "survey", 2
NAME = "survey"  # data/results/experiment/survey.npz
ROWS = ("mu", "effective", "shift")
"""What is kept of each row; ``effective`` is the effective resolution over the short side."""
SET = ("law", "channel_mean", "channel_std", "factors")
"""What is kept of the set; the law is (A, beta), the factors are (shift, scaling)."""
COST = ("seconds", "bytes")
MILLION = 1_000_000
PRECISION = 0.01  # of s, that a survey is sized for
SOFT = 0.75  # of the short side; pictures whose detail ends below it are counted
REACHES = ((0.0, 0.25), (0.25, 0.5), (0.5, SOFT), (SOFT, math.inf))
"""Ranges of ``effective``: from, to below."""
FACTORS, FILTERS = (1.5, 2.0), ("bilinear", "bicubic", "lanczos")
ENLARGED = tuple((factor, name) for factor in FACTORS for name in FILTERS)
"""How each picture's middle is enlarged, to be found: by what, and Pillow's filter."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Every choice of the survey that the page shows.

    Args:
        studies: whose photographs are surveyed; the first one's window and bands hold.
        encoders: each surveys them all.
        sides: in pixels.
        confidence: of the intervals.
    """

    studies: tuple[str, ...] = ("bundled", "wallpapers")
    encoders: tuple[str, ...] = ("pixel", "linear-f8c16", "taef2")
    sides: tuple[int, ...] = (512, 1024)
    confidence: float = 0.95


@dataclasses.dataclass(frozen=True)
class OneEncoder:
    """What a survey found with one encoder, of I pictures at S sides.

    Args:
        card: the encoder.
        mu: ``[I, S]``, mean of theta at which the low and the middle band come out of the noise.
        effective: ``[I]``, effective resolution over the short side; nan where it is unknown.
        shift: ``[I]``, of the last side over the one before.
        law: ``[S, 2]``, A and beta of the mean spectrum.
        channel_mean, channel_std: ``[S, C]``, of raw latents.
        factors: ``[S, 2]``, shift_factor and scaling_factor that these imply.
        seconds: of a processor, a picture.
        bytes: of Parquet, a picture.
        confidence: of the interval.
    """

    card: Card
    mu: Floats
    effective: Floats
    shift: Floats
    law: Floats
    channel_mean: Floats
    channel_std: Floats
    factors: Floats
    seconds: float
    bytes: float
    confidence: float

    @functools.cached_property
    def whole(self) -> Estimate:
        """The set's shift, the geometric mean over pictures, with Student's interval."""
        logs = np.log(self.shift)
        low, high = np.exp(intervals.student(logs, self.confidence))
        nowhere = (math.nan, math.nan)
        return Estimate(float(np.exp(logs.mean())), float(low), float(high), nowhere)

    @functools.cached_property
    def spread(self) -> float:
        """Standard deviation of s between pictures."""
        return float(self.shift.std(ddof=1))

    @functools.cached_property
    def needed(self) -> float:
        """Pictures whose mean s is known to `PRECISION`: (t sd / precision)^2, t of many."""
        t = intervals.t_quantile(self.confidence, MILLION)
        return (t * self.spread / PRECISION) ** 2

    @functools.cached_property
    def hours(self) -> float:
        """Hours of one processor for a million pictures, in proportion."""
        return self.seconds * MILLION / 3600

    @functools.cached_property
    def gigabytes(self) -> float:
        """Of Parquet for a million pictures, in proportion."""
        return self.bytes * MILLION / 1e9

    def reaching(self) -> list[tuple[int, float]]:
        """(pictures, their mean mu at the last side) by `REACHES` of the effective resolution."""
        found = []
        for low, high in REACHES:
            chosen = (self.effective >= low) & (self.effective < high)
            found.append(
                (int(chosen.sum()), float(self.mu[chosen, -1].mean()) if chosen.any() else math.nan)
            )
        return found


@dataclasses.dataclass(frozen=True)
class Surveyed:
    """The survey of the page, by encoder.

    Args:
        settings: its choices.
        encoders: what each found.
        enlarged: ``[I, 1 + E]``, effective resolution of each picture's middle, over its short
            side: as it is, and by `ENLARGED`.
    """

    settings: Settings
    encoders: Mapping[str, OneEncoder]
    enlarged: Floats

    @functools.cached_property
    def images(self) -> int:
        """Pictures of the set."""
        return len(self._first.shift)

    @functools.cached_property
    def soft(self) -> int:
        """Pictures whose detail ends below three quarters of their short side."""
        return int(np.sum(self._first.effective < SOFT))

    @functools.cached_property
    def found(self) -> tuple[int, ...]:
        """Pictures called soft as they are, and after each of `ENLARGED`."""
        return tuple(np.sum(self.enlarged < SOFT, axis=0).tolist())

    @functools.cached_property
    def medians(self) -> tuple[float, ...]:
        """Of the effective resolution over the short side, as they are and after each."""
        return tuple(np.median(self.enlarged, axis=0).tolist())

    @functools.cached_property
    def _first(self) -> OneEncoder:
        return next(iter(self.encoders.values()))


def request(settings: Settings, store: Store) -> Request:
    """What identifies the survey: photographs, encoders, choices."""
    plans = [Plan(load_study(name), store) for name in settings.studies]
    first = plans[0].study
    inputs = {f"{p.study.name} {name}": digest for p in plans for name, digest in p.hashes.items()}
    parameters = {
        "encoders": [cards.identity(cards.card(name)) for name in settings.encoders],
        "sides": list(settings.sides),
        "window": first.window.model_dump(),
        "bands": first.bands.model_dump(),
        "resample": first.resample,
    }
    return Request(STEP, VERSION, parameters, inputs, "the survey of both sets of photographs")


def committed(store: Store, settings: Settings | None = None) -> Surveyed:
    """The committed survey, if it is of these photographs, encoders and choices.

    Raises:
        MissError: there is none, or it was made from something else.
    """
    settings = settings or Settings()
    why = "the photographs are not surveyed for the site"
    arrays = record.read(NAME, request(settings, store), why)
    return of_arrays(arrays, settings)


def of_arrays(arrays: Arrays, settings: Settings) -> Surveyed:
    """A survey from its arrays, called ``<encoder> <what>``."""
    found = {}
    for name in settings.encoders:
        own: dict[str, Any] = {part: arrays[f"{name} {part}"] for part in (*ROWS, *SET)}
        own |= {part: float(arrays[f"{name} {part}"]) for part in COST}
        found[name] = OneEncoder(cards.card(name), confidence=settings.confidence, **own)
    return Surveyed(settings, found, arrays["enlarged"])
