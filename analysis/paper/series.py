"""What a figure draws, as numbers: its curves and pictures, before anything is drawn.

A figure's module has ``data(results) -> Data`` and ``draw(data) -> Figure``. What is drawn is in
the data, so that the CSV beside a figure is its numbers and a drawing is remembered by them.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from analysis.project.arrays import Floats
from analysis.spectra.intervals import Estimate


@dataclasses.dataclass(frozen=True)
class Series:
    """One curve, or the points of one mark.

    Args:
        panel: of the figure; empty where it has one only.
        name: what the legend, or a reader of the CSV, calls it.
        x, y: ``[N]``; nan where there is nothing.
        lower, upper: ``[N]``, ends of an interval of y; None where it has none.
        categories: N names, where the x axis has names at its ticks.
    """

    panel: str
    name: str
    x: Floats
    y: Floats
    lower: Floats | None = None
    upper: Floats | None = None
    categories: Sequence[str] = ()

    @property
    def ends(self) -> Floats:
        """``[2, N]``, lower and upper; nan where there is no interval."""
        nothing = np.full(len(self.x), np.nan)
        return np.stack([nothing if e is None else e for e in (self.lower, self.upper)])


def reach(curves: Iterable[Series]) -> tuple[float, float]:
    """The lowest and the highest finite y, or end of an interval, of several curves."""
    values = np.concatenate([part for one in curves for part in (one.y, *one.ends)])
    values = values[np.isfinite(values)]
    return float(values.min()), float(values.max())


def estimates(
    panel: str,
    name: str,
    found: Sequence[Estimate],
    places: Sequence[float] = (),
    categories: Sequence[str] = (),
) -> Series:
    """Numbers with their intervals as marks: at the places, or at 0, 1, 2, …"""
    value, low, high = np.array([(e.value, e.low, e.high) for e in found]).T
    x = np.array(places if len(places) else range(len(found)), float)
    return Series(panel, name, x, value, low, high, categories)


@dataclasses.dataclass(frozen=True)
class Picture:
    """One image.

    Args:
        panel: of the figure.
        name: what it shows.
        pixels: ``[H, W]`` values that a colour map is laid on, or ``[H, W, 3]`` colours.
    """

    panel: str
    name: str
    pixels: np.ndarray


@dataclasses.dataclass(frozen=True)
class Data:
    """All that a figure draws.

    Args:
        curves, pictures: in the order they are drawn.
        axes: panel -> what its x and its y axis are, with units; such as
            ``("frequency (cycles/image)", "power")``. The axes' labels and the CSV's head say it.
        notes: what titles, axes and marks need besides, such as sides in pixels; numbers or text.
    """

    curves: tuple[Series, ...] = ()
    pictures: tuple[Picture, ...] = ()
    axes: Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    notes: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def panels(self) -> list[str]:
        """The panels' names, in order."""
        panels = [one.panel for one in self.curves] + [one.panel for one in self.pictures]
        return list(dict.fromkeys(panels))

    def of(self, panel: str) -> tuple[Series, ...]:
        """The curves of one panel."""
        return tuple(one for one in self.curves if one.panel == panel)

    def curve(self, panel: str, name: str) -> Series:
        """One curve; KeyError if there is none of this name."""
        for one in self.of(panel):
            if one.name == name:
                return one
        raise KeyError(f"no curve '{name}' in '{panel}'")
