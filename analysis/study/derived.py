"""What is made of measurements, but takes too long to be made again whenever a page is read."""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from analysis.encoders.linear_code import LinearCode
from analysis.shift import channel_rule as shift_channel_rule
from analysis.spectra import fields as spectra_fields
from analysis.spectra import periodogram, rings
from analysis.study.measurement import Measured
from analysis.study.plan import LEAKAGE
from analysis.study.settings import Study
from analysis.study.store import Arrays
from analysis.timesteps import gaussian_sampler, noise

SOLVERS = ("euler", "heun")


def sampler(measured: Measured) -> Arrays:
    """`gaussian_sampler.study` of an encoder by both solvers, ``<solver>_<field>``."""
    sides = measured.study.resolutions
    power = {side: measured.snr(side).mean(axis=0) for side in sides}
    k = {side: measured.k(side) for side in sides}
    modes = {side: measured.modes(side) for side in sides}
    out: Arrays = {}
    for solver in SOLVERS:
        found = gaussian_sampler.study(k, power, modes, measured.study.bands, solver=solver)
        out |= {f"{solver}_{name}": array for name, array in found.arrays().items()}
    return out


def samplers(arrays: Arrays) -> dict[str, gaussian_sampler.SamplerStudy]:
    """solver -> what `sampler` stored of it."""
    found: dict[str, dict[str, np.ndarray]] = {solver: {} for solver in SOLVERS}
    for name, array in arrays.items():
        solver, _, field = name.partition("_")
        found[solver][field] = array
    return {solver: gaussian_sampler.SamplerStudy(**fields) for solver, fields in found.items()}


def channel_rule(
    measured: Measured, code: LinearCode, pixels: Iterable[Mapping[int, np.ndarray]]
) -> Arrays:
    """`channel_rule.channel_rule` of the linear code, the fields of a `channel_rule.ChannelRule`.

    Args:
        measured: the code's measurement.
        code: the linear code.
        pixels: of each photograph, side -> ``[3, side, side]``, the two sides that are shown.
    """
    study, window = measured.study, (measured.study.window.kind, measured.study.window.beta)
    filters = (code.basis * code.scale).reshape(code.channels, 3, code.patch, code.patch)
    photographs, colours = [], []
    for of_side in pixels:
        laws = {}
        for side, x in of_side.items():
            nu = rings.rings(side, side, corners=True).cycles_per_image[1:] / side
            power = periodogram.raps(x, *window, corners=True).mean(axis=0)
            laws[side] = shift_channel_rule.tabulated(nu, power[1:])
        photographs.append(laws.__getitem__)
        # Differences: slow shading says little of how colours vary together at high frequency.
        colours.append(np.cov(np.diff(of_side[study.high], axis=2).reshape(3, -1)))
    covariance = np.mean(colours, axis=0)
    low, high = (measured.snr(side) for side in study.pair)
    rule = shift_channel_rule.channel_rule(
        filters, study.pair, low, high, photographs, study.bands,
        noise.generator(study.seed, "channel-rule"), 3 * covariance / np.trace(covariance),
        study.bootstrap, study.confidence,
    )  # fmt: skip
    return {f.name: getattr(rule, f.name) for f in dataclasses.fields(rule)}


def leakage(study: Study, side: int) -> Arrays:
    """`fields.leakage` of the study's windows, from ring 1 on, with k and the exponents."""
    windows = [(window.kind, window.beta) for window in study.windows]
    ratios = [
        spectra_fields.leakage(
            side, gamma, windows, noise.generator(study.seed, "leakage", str(gamma)),
            LEAKAGE["fields"],
        )
        for gamma in LEAKAGE["gammas"]
    ]  # fmt: skip
    k = rings.rings(side, side).cycles_per_image[1:]
    return {"ratio": np.stack(ratios), "k": k, "gammas": np.array(LEAKAGE["gammas"])}
