"""Results of measurements whose numbers are known, as pages read them."""

import numpy as np

from analysis.spectra.cross_spectra import packed, unpacked
from analysis.study.measurement import Measured
from analysis.timesteps import gaussian_sampler
from tests.conftest import Shown
from tests.study.test_measurement import known, other

STEPS = (4, 10, 20, 50, 200)  # that are told


def sampled(one: Measured) -> dict[str, gaussian_sampler.SamplerStudy]:
    """What few steps make of a measurement by both solvers; only the steps that are told."""
    sides = one.study.resolutions
    k, modes = {s: one.k(s) for s in sides}, {s: one.modes(s) for s in sides}
    power = {s: one.snr(s).mean(axis=0) for s in sides}
    return {
        solver: gaussian_sampler.study(k, power, modes, one.study.bands, STEPS, solver)
        for solver in ("euler", "heun")
    }


def pretend(**measured: Measured) -> Shown:
    """Results of these measurements, by encoder, each ``_`` of its name a ``-``."""
    named = {name.replace("_", "-"): one for name, one in measured.items()}
    one = next(iter(named.values()))
    return Shown(
        study=one.study, measured=named, contributed={}, theory=one.shift.theory, rule=None,
        photographs=tuple(
            Shown(title=f"image {n}") for n in range(len(one.arrays[f"power_{one.study.high}"]))
        ),
        samplers={},
    )  # fmt: skip


def unevenly_grown() -> Measured:
    """A strong direction of the channels' matrices grows by 4, a weak one by 1.44."""
    one = known()
    strength = np.diag([1.0, 0.05])
    low = strength @ unpacked(one.arrays["cross_256"], 2) @ strength
    growth = np.diag([2.0, 1.2])
    return other(one, cross_256=packed(low), cross_512=packed(growth @ low @ growth))
