"""Numbers that the results say, by name.

`paper/values.py` words them, `paper/claims.py` asks what is true of them, tables show them. What is
one measurement's own stands there (`Measured`); here is what is asked of it, or of several.
"""

import collections
import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis.encoders.trained import RECIPES
from analysis.project.arrays import Floats
from analysis.shift import literature
from analysis.shift.channel_rule import ChannelRule
from analysis.shift.equal_snr import MeasuredShift, at_frequencies, sampled_shift
from analysis.spectra import intervals
from analysis.spectra.bands import in_band, octave_weights
from analysis.spectra.intervals import Estimate
from analysis.spectra.powerlaw import PowerLaw
from analysis.study import densities
from analysis.study.experiments.encoder_table import Row
from analysis.study.experiments.patches import Settings
from analysis.study.measurement import Measured
from analysis.study.results import Results
from analysis.study.settings import Variation
from analysis.timesteps import gaussian_sampler, schedule, weighting
from analysis.timesteps.crossings import Weights
from analysis.timesteps.trained_shift import LEVELS, Experiment, summary

Solvers = Mapping[str, gaussian_sampler.SamplerStudy]

FLOOR = 0.01
"""Of a supposed posterior, in units of the noise's power."""
WEIGHTS: tuple[Weights, ...] = ("power", "modes")
"""Of the modes whose crossings make a density over theta."""


def ends(values: ArrayLike) -> tuple[float, float]:
    """The least and the largest of the finite numbers; nan where there is none."""
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return (float(known.min()), float(known.max())) if len(known) else (math.nan, math.nan)


def spread(laws: Iterable[PowerLaw]) -> tuple[float, float]:
    """Mean and standard deviation of power-law exponents."""
    gammas = [law.gamma for law in laws]
    return float(np.mean(gammas)), float(np.std(gammas))


# What is pictured ------------------------------------------------------------------------------


def snr_mismatch(measured: Measured, index: int, t_high: float) -> tuple[float, float]:
    """SNR at high over low resolution for one photograph at the study's t and t_high.

    Returns:
        (geometric mean, largest factor either way) over the low and the middle band.
    """
    study, s = measured.study, measured.shift
    chosen = in_band(s.k, s.whole.band)
    ratio = s.curves[index, chosen] ** 2 * float(schedule.snr(t_high) / schedule.snr(study.t))
    logs = np.log(ratio)
    return float(np.exp(logs.mean())), float(np.exp(np.abs(logs).max()))


def crossing(measured: Measured, index: int, side: int) -> float:
    """Cycles per image at which SNR falls through 1 at the study's t; nan if none."""
    k = measured.k(side)[1:]
    ratio = schedule.snr(
        measured.study.t, measured.power(side)[index, 1:], measured.expected_noise(side)[1:]
    )
    below = np.flatnonzero(ratio < 1)
    if len(below) == 0 or below[0] == 0:
        return float("nan")
    j = below[0]
    x, y = np.log(k[j - 1 : j + 1]), np.log(ratio[j - 1 : j + 1])
    return float(np.exp(x[0] - y[0] * (x[1] - x[0]) / (y[1] - y[0])))


def by_one_hand(results: Results) -> int:
    """The most photographs of the study that are by one author."""
    return max(collections.Counter(photo.author for photo in results.photographs).values())


# Windows ---------------------------------------------------------------------------------------


def leakage(results: Results) -> Floats:
    """``[G, W]``, excess of the simulated fields' power over the truth, by slope and window.

    Mean over the upper half of the axis, where leakage from strong low frequencies shows.
    """
    found = results.leakage
    return found.ratio[:, :, len(found.k) // 2 :].mean(axis=-1) - 1


def window_excess(m: Measured) -> Floats:
    """``[W]``, how much more than under the study's window the images' power reads at high side.

    Upper half of the axis, geometric mean over images.
    """
    half = m.power(m.study.high).shape[1] // 2
    own = np.log(m.power(m.study.high)[:, half:])
    read = np.log(m.arrays[f"windows_{m.study.high}"][..., half:])
    return np.asarray(np.expm1((read - own[:, None]).mean(axis=0)).mean(axis=-1))


def window_range(results: Results) -> float:
    """Largest range over the windows of any encoder's shift."""
    each = [[s.whole.value for s in m.shift_by_window] for m in results.measured.values()]
    return float(np.ptp(each, axis=1).max())


# The shift ---------------------------------------------------------------------------------------


def below(s: MeasuredShift) -> bool:
    """Whether the interval of a shift lies below the square-root rule; not where it has none."""
    return s.whole.high < s.theory


def departure(s: MeasuredShift, *bands: str) -> float:
    """The largest relative distance of a shift from the rule, over some of its bands."""
    return max(abs(s.bands[band].value / s.theory - 1) for band in bands)


def by_author(results: Results, m: Measured) -> Estimate:
    """The shift with authors, not photographs, as the sample: an author's photographs are alike.

    Student's t on the means of ln s of the authors, each weighing the same.
    """
    logs = collections.defaultdict[str, list[float]](list)
    for photo, s in zip(results.photographs, m.shift.each, strict=True):
        logs[photo.author].append(math.log(s))
    means = np.array([np.mean(each) for each in logs.values()])
    low, high = np.exp(intervals.student(means, m.shift.confidence))
    return Estimate(float(np.exp(means.mean())), float(low), float(high), m.shift.whole.band)


def pooled_power_shift(m: Measured) -> float:
    """The shift of all photographs' power together, where the strongest photographs decide."""
    s, pooled = m.shift, []
    for side in m.study.pair:
        power = m.power(side)[:, 1:].mean(axis=0) / m.expected_noise(side)[1:]
        pooled.append(at_frequencies(s.k, m.k(side)[1:], power))
    chosen = in_band(s.k, s.whole.band)
    ratio = np.log(pooled[1][chosen] / pooled[0][chosen]) / 2
    return float(np.exp(ratio @ octave_weights(s.k[chosen])))


def slope_and_rest(m: Measured) -> tuple[Floats, Floats, Floats]:
    r"""``[I]`` each: r, half the exponent of the latents' spectrum, and the shift at fixed pixels.

    With a the ratio of the sides, P the SNR of the high side's latents and P_0 that of the low
    side's,

    $$
    r = \log_a \frac{P(k)}{P_0(k)} \Big/ 2
      = \frac{\gamma_z(k)}{2} + \log_a s_{\mathrm{pixel}}(k), \qquad
    \gamma_z(k) = \log_a \frac{P(k)}{P(a k)},
    $$

    where $s_{\mathrm{pixel}}^2 = P(a k) / P_0(k)$ is the shift at fixed cycles per latent pixel
    (`Measured.shift_per_pixel`). An identity of every image and frequency; here means over the
    octaves of the low and the middle band. @eq-slope
    """
    study, s, fixed = m.study, m.shift, m.shift_per_pixel
    a = study.high / study.low
    known, snr = m.k(study.high)[1:], m.snr(study.high).mean(axis=1)[:, 1:]
    chosen = in_band(s.k, s.whole.band)
    k, octaves = s.k[chosen], octave_weights(s.k[chosen])
    gamma = np.log(at_frequencies(k, known, snr) / at_frequencies(a * k, known, snr)) / math.log(a)
    r, rest = (np.log(one.curves[:, chosen]) @ octaves / math.log(a) for one in (s, fixed))
    return r, gamma @ octaves / 2, rest


def per_pixel(m: Measured, variation: Variation) -> MeasuredShift:
    """The shift at fixed cycles per latent pixel under a variation."""
    varied = {
        f"power_{side}": m.arrays[f"varied_{variation.name}_{side}"][:, None]
        for side in m.study.pair
    }
    return dataclasses.replace(m, arrays={**m.arrays, **varied}).shift_per_pixel


def lawful(results: Results) -> list[Variation]:
    """The variations of power-law fields."""
    return [v for v in results.study.variations if v.images == "power-law" and not v.sample]


def simulated(m: Measured) -> dict[str, MeasuredShift]:
    """kind of simulated images -> the shift on them, where latents were not drawn."""
    varied = m.shift_by_variation
    chosen = [v for v in m.study.variations if v.images and not v.sample and v.name in varied]
    return {v.images: varied[v.name] for v in chosen if v.images}


def ideal(m: Measured) -> MeasuredShift | None:
    """The shift where photographs were shrunk by an ideal low-pass filter, if it was measured."""
    varied = m.shift_by_variation
    names = [v.name for v in m.study.variations if v.resample == "fourier" and not v.images]
    return next((varied[name] for name in names if name in varied), None)


def moved_by_choices(m: Measured) -> float:
    """The largest relative change of the shift by another resize filter or by compression."""
    varied = m.shift_by_variation
    names = [v.name for v in m.study.variations if not v.images and not v.sample]
    moved = [varied[name].whole.value / m.shift.whole.value - 1 for name in names if name in varied]
    return max(map(abs, moved), default=0.0)


def floored(m: Measured) -> float:
    """Relative change of the shift by a posterior of `FLOOR` at both resolutions. @eq-posterior"""
    s = m.shift
    chosen = in_band(s.k, s.whole.band)
    curves = s.curves[:, chosen]
    low = m.snr(m.study.low).mean(axis=1)[:, m.study.bands.first_ring :][:, chosen]
    ratio = np.log(sampled_shift(low, curves**2 * low, FLOOR, FLOOR) / curves).mean(axis=0)
    return float(np.expm1(np.average(ratio, weights=octave_weights(s.k[chosen]))))


def of_many_kinds(m: Measured) -> Iterator[tuple[str, Estimate, float]]:
    """(what it is, the shift, the rule) of all that is measured at fixed cycles per image."""
    by_window = zip(m.study.windows, m.shift_by_window, strict=True)
    several = {
        "pairs": list(m.shifts.values()),
        "windows": [shift for w, shift in by_window if w.text != m.study.window.text],
        "variations": list(m.shift_by_variation.values()),
        "channels of equal variance": [m.shift_equal_channels],
        "single channels": m.shift_by_channel,
    }
    for what, shifts in several.items():
        for shift in shifts:
            for band, found in {"whole": shift.whole, **shift.bands}.items():
                yield f"{what}, {band}", found, shift.theory
    others = [m.shift_pooled]
    if m.information:
        others += [m.information.matched, *m.information.limits.values()]
    for one in others:
        yield "other averages", one, m.shift.theory


# Channels ----------------------------------------------------------------------------------------


def channel_shifts(m: Measured) -> Floats:
    """``[C]``, the shift of each channel alone."""
    return np.array([one.whole.value for one in m.shift_by_channel])


def rank_correlation(m: Measured) -> float:
    """Of the channels' power-law exponents with their shifts."""
    both = np.stack([[law.gamma for law in m.channel_laws], channel_shifts(m)])
    ranks = np.argsort(np.argsort(both, axis=1), axis=1)
    return float(np.atleast_2d(np.corrcoef(ranks))[0, 1])


def flatter(m: Measured, others: Iterable[Measured]) -> int:
    """How many channels have a flatter spectrum than any channel of the learned among others."""
    laws = [law.gamma for one in others if one.card.learned for law in one.channel_laws]
    least = min(laws, default=0.0)
    return sum(abs(law.gamma) < least for law in m.channel_laws)


def by_obedience(rule: ChannelRule, theory: float) -> tuple[list[float], list[float]]:
    """The low band's shifts of channels that obey the square-root rule, and of all others.

    Those that obey hold local means, have few aliases, and shift as predicted and by the rule, each
    to 10 %.
    """
    near = [np.abs(s[0] / theory - 1) < 0.1 for s in (rule.predicted, rule.measured)]
    obey = (rule.order == 0) & (rule.alias_share[0] < 0.5) & near[0] & near[1]
    return rule.measured[0, obey].tolist(), rule.measured[0, ~obey].tolist()


def predicted(rule: ChannelRule) -> tuple[list[int], list[float]]:
    """By band: (channels whose prediction lies in its interval, mean of ln s predicted too low)."""
    hits = np.sum((rule.low <= rule.predicted) & (rule.predicted <= rule.high), axis=1)
    return hits.tolist(), np.log(rule.measured / rule.predicted).mean(axis=1).tolist()


# Weights of time steps ---------------------------------------------------------------------------


def nearest_published(m: Measured, by: Weights) -> tuple[str, float]:
    """(name, distance) of the published density nearest to that of the crossings, high side."""
    apart = {
        one.name: densities.distance_of(m, m.study.high, by, one) for one in literature.PUBLISHED
    }
    name = min(apart, key=apart.__getitem__)
    return name, apart[name]


def published_moves(results: Results) -> dict[str, float]:
    """name -> how far the mean of a published density moves from the low to the high side."""
    low, high = results.study.pair
    return {one.name: one.at(high)[0] - one.at(low)[0] for one in literature.PUBLISHED}


def rules_by_exponent(stage: str) -> tuple[int, int, int, int]:
    """How many published rules use (no shift, less than the square root, it, more) with size."""
    ratios = [f.ratio(512, 1024) for _, f in literature.evaluable() if stage in f.stages]
    none, full = (sum(math.isclose(r, x) for r in ratios) for x in (1, 2))
    between = sum(1 < r < 2 and not math.isclose(r, 1) and not math.isclose(r, 2) for r in ratios)
    return none, between, full, len(ratios) - none - between - full


def rules_inside(interval: Estimate) -> list[str]:
    """Published rules whose ratio between 512 and 1024 px lies in an interval."""
    return [
        rule.name
        for rule, formula in literature.evaluable()
        if interval.low <= formula.ratio(512, 1024) <= interval.high
    ]


@dataclasses.dataclass(frozen=True)
class Differences:
    """How the images of a study differ, at the high side in the encoder that is pictured.

    Args:
        limit: an eighth of the Nyquist frequency, cycles per image.
        below: share of the differences from the set's mean at or below it.
        level, line: share of the variance of ln P that is one factor an image, and a slope as well.
        eighth: t to which the original's linear map sends an eighth of the highest frequency.
    """

    limit: float
    below: float
    level: float
    line: float
    eighth: float


def differences(results: Results) -> Differences:
    """How the images of a study differ; two or more are needed."""
    shown, side = results.measured[results.study.display_encoder], results.study.high
    k, power = shown.k(side)[1:], shown.power(side)[:, 1:]
    limit, octaves = float(np.rint(k[-1] / 8)), octave_weights(k)
    return Differences(
        limit,
        weighting.share_below(weighting.deviation_from_mean(power), k, limit + 0.5),
        weighting.level_share(power, octaves),
        weighting.line_share(power, k, octaves),
        float(np.interp(k[-1] / 8, k, weighting.linear_time(k))),
    )


# The sampler that can be solved ------------------------------------------------------------------


def best_shift(
    found: gaussian_sampler.SamplerStudy, side: int, steps: int, region: str = "total"
) -> float:
    """The best shift by power of some number of steps; nan where the grid does not hold it."""
    return float(found.best[found.at(side, region, "w2")][found.steps.tolist().index(steps)])


def worth(found: gaussian_sampler.SamplerStudy, side: int, steps: int) -> tuple[float, float]:
    """The error by power of the (best shift, unshifted grid). @eq-w2"""
    at = (*found.at(side, "total", "w2"), found.steps.tolist().index(steps))
    return float(found.error[at]), float(found.unshifted[at])


def path(m: Measured, side: int) -> tuple[float, float]:
    """(distance from noise to data, how much longer the exact path is) for Gaussian latents."""
    first = m.study.bands.first_ring
    power = m.snr(side).mean(axis=0)[:, first:]
    modes = np.broadcast_to(m.modes(side)[first:], power.shape)
    return gaussian_sampler.path(power.ravel(), modes.ravel())


def dimensions(m: Measured, side: int) -> int:
    """How many numbers the latents of a picture are."""
    return int(m.card.channels * (side // m.card.latent_stride) ** 2)


def best_ratios(
    results: Results, region: str, metric: str = "w2"
) -> dict[tuple[str, str], list[float]]:
    """(encoder, solver) -> ratio of the two sides' best shifts, by number of steps."""
    low, high = results.study.pair
    return {
        (name, solver): found.ratio(low, high, region, metric)[:-1].tolist()
        for name, by_solver in results.samplers.items()
        for solver, found in by_solver.items()
    }


def falls_with_steps(found: gaussian_sampler.SamplerStudy, side: int) -> bool:
    """Whether the best shift by power falls, by a tenth at least, as steps are added."""
    best = found.best[found.at(side, "total", "w2")]
    return bool(best[-1] < 0.9 * best[0])


def largest_best(found: gaussian_sampler.SamplerStudy, side: int, metric: str) -> float:
    """The largest best shift over the numbers of steps; nan where one of them is unknown."""
    return float(found.best[found.at(side, "total", metric)].max())


def heun_shifts_less(by_solver: Solvers, side: int) -> bool:
    """Whether the best shift by power of Heun's steps is below Euler's at every number of them."""
    euler, heun = by_solver["euler"], by_solver["heun"]
    at = euler.at(side, "total", "w2")
    return bool(np.all(heun.best[at] < euler.best[at]))


def heun_error(by_solver: Solvers, side: int) -> float:
    """The error by power of ten Heun steps over that of twenty Euler steps, each at its best."""
    euler, heun = by_solver["euler"], by_solver["heun"]
    return worth(heun, side, 10)[0] / worth(euler, side, 20)[0]


def heun_broken(steps: int, s: float) -> float:
    """The largest change of a relative gain by Heun when power and grid move together by s.

    Powers from 1e-4 to 1e6 of the noise's, shifts from a quarter to eight.
    """
    power, shifts = np.logspace(-4, 6, 201), 2.0 ** np.arange(-2, 4)
    moved = gaussian_sampler.relative_gain(s**2 * power, steps, s * shifts, "heun")
    return float(np.abs(moved - gaussian_sampler.relative_gain(power, steps, shifts, "heun")).max())


# Encoders and controls side by side ---------------------------------------------------------------

Rows = Mapping[str, Row]


def of_variant(rows: Rows, variant: str) -> list[Row]:
    """The rows of the small autoencoders that were trained so, one a seed."""
    return [rows[n] for n, recipe in RECIPES.items() if recipe.variant == variant and n in rows]


def small_ones(rows: Rows) -> list[Row]:
    """The rows of all small autoencoders that were trained here."""
    return [rows[name] for name in RECIPES if name in rows]


def untrained(rows: Rows) -> list[Row]:
    """The rows of convolutional networks with random weights."""
    return [row for row in rows.values() if row.card.formula == "random"]


def exponents(rows: Iterable[Row], weighted: str = "power") -> list[float]:
    """r of each row; at equal channel variance with ``equal``."""
    return [row.shift(weighted).exponent for row in rows]


def coherences(rows: Iterable[Row]) -> list[float]:
    """Coherence of each row, low and middle bands."""
    return [row.coherence().value for row in rows]


# Trained networks --------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Trained:
    """What the small experiment says; pairs are of the smallest and the largest patches.

    Args:
        edges, cases: best shifts by velocity and likelihood at an edge of the grid, of how many.
        inside: measures whose best shift lies inside the grid at both sizes.
        best, ratio, ratios: best shift of training by L_z, the ratio of the pair, and the least
            and largest ratio of a seed.
        flat: largest relative difference of L_z between the grid's two shifts around the best.
        sampling, sampling_ratio, sampling_ratios: the same of few-step samples' best shift, of
            networks trained without a shift.
        kept: share of the patches' power in samples of many steps, unshifted.
        matched: (mean, standard deviation) over seeds of the shift at which both sizes reach one
            L_z, at the highest and the lowest level.
        falling: whether that shift falls from the first to the last level in every seed.
    """

    sides: tuple[int, int]
    steps: tuple[int, int]
    edges: int
    cases: int
    inside: tuple[str, ...]
    best: Floats
    ratio: float
    ratios: tuple[float, float]
    flat: float
    sampling: Floats
    sampling_ratio: float
    sampling_ratios: tuple[float, float]
    kept: tuple[float, float]
    matched: tuple[tuple[float, float], tuple[float, float]]
    falling: bool


def trained(done: Experiment) -> Trained:
    """What the small experiment says."""
    found, unshifted, settings = summary(done), done.shifts.tolist().index(1.0), Settings()
    losses = found["loss"]
    decided = [np.array(losses[name]["best_each"], float) for name in ("nats", "velocity")]
    z, outer = losses["z"], [0, -1]
    best = np.array(z["best_mean"], float)[outer]
    cost = 1 + np.array(z["relative"]["mean"], float)[outer]
    around = [
        row[j - 1] / row[j] - 1
        for row, j in zip(cost, np.searchsorted(done.shifts, best), strict=True)
        if 0 < j < len(row)
    ]
    sampled = np.array(found["sampling"]["best_each"], float)[outer][:, unshifted]
    sampling = np.array(found["sampling"]["best_mean"], float)[outer][:, unshifted]
    matched = [found["matched"][str(level)] for level in (LEVELS[0], LEVELS[-1])]
    levels = done.matched()[outer, unshifted]
    return Trained(
        (int(done.sides[0]), int(done.sides[-1])),
        (settings.euler, settings.fine),
        sum(int(np.sum(~np.isfinite(each))) for each in decided),
        sum(each.size for each in decided),
        tuple(name for name, one in losses.items() if _inside(one)),
        best,
        float(z["ratio_mean"]),
        ends(z["ratio_each"]),
        max(map(abs, around), default=0.0),
        sampling,
        float(sampling[1] / sampling[0]),
        ends(sampled[1] / sampled[0]),
        (_kept(done, 0, unshifted), _kept(done, -1, unshifted)),
        tuple((one["mean"][unshifted], one["std"][unshifted]) for one in matched),  # type: ignore[arg-type]
        bool(np.all(levels[1] < levels[0])),
    )


def _inside(loss: dict[str, Any]) -> bool:
    return bool(np.isfinite(np.array(loss["best_mean"], float)[[0, -1]]).all())


def _kept(done: Experiment, index: int, unshifted: int) -> float:
    last = int(np.isfinite(done.k[index]).sum())
    samples = done.fine[index, unshifted, :, 1:last]
    logs = np.log(samples / done.training[index, :, 1:last])
    return float(np.exp((logs @ octave_weights(done.k[index, 1:last])).mean()))
