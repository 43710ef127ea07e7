"""Numbers that the results say, by name; how they are worded is `paper/values.py`'s."""

import dataclasses

from analysis.shift.equal_snr import MeasuredShift
from analysis.study.measurement import Measured
from analysis.study.results import Results
from analysis.study.settings import Variation


def lawful(results: Results) -> list[Variation]:
    """The variations of power-law fields."""
    return [v for v in results.study.variations if v.images == "power-law" and not v.sample]


def per_pixel(m: Measured, variation: Variation) -> MeasuredShift:
    """The shift at fixed cycles per latent pixel under a variation."""
    varied = {
        f"power_{side}": m.arrays[f"varied_{variation.name}_{side}"][:, None]
        for side in m.study.pair
    }
    return dataclasses.replace(m, arrays={**m.arrays, **varied}).shift_per_pixel
