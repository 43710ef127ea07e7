"""Results as strings for prose and tables; every number on the pages comes from here.

A page writes ``{python} v.shift_taef2``; the same name answers ``explain``.
"""

import dataclasses
import difflib
import math
from collections.abc import Callable

import numpy as np

from analysis.paper.text import fixed, interval, listing, number, percent, plain, point
from analysis.project.errors import InputError
from analysis.project.markdown import escaped, quoted
from analysis.spectra import windows
from analysis.spectra.bands import AXIS, in_band, octave_weights
from analysis.spectra.windows import Window
from analysis.study import archive
from analysis.study.measurement import Measured
from analysis.study.results import Results
from analysis.timesteps import schedule, weighting
from analysis.timesteps.noise import AFAR_CELLS, AFAR_COARSE, AFAR_FINE, SOUND_FACTOR

Add = Callable[[str, str, str, str], None]


@dataclasses.dataclass(frozen=True)
class Value:
    """A string on the pages: its text, what it is, and where it comes from."""

    text: str
    meaning: str
    source: str


class Text(str):
    """A string that shows itself in a page with what it is, which hovering tells.

    Quarto inserts the repr of a plain string, in which a no-break space is ``\\xa0``; of an object
    with a Markdown form it inserts that: here a span of the text, escaped.
    """

    said: str = ""

    def _repr_markdown_(self) -> str:
        if not self.said:
            return escaped(self)
        return f"[{escaped(self)}]{{.value title={quoted(self.said)}}}"


class Values:
    """All values of a study by name; ``v.name`` gives the text.

    An unknown name raises AttributeError with the nearest one, so a misspelt name fails the build.
    """

    def __init__(self, values: dict[str, Value]) -> None:
        self._values = values

    def __getattr__(self, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            value = self._values[name]
        except KeyError:
            close = difflib.get_close_matches(name, self._values, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise AttributeError(f"no value '{name}'{hint}") from None
        text = Text(value.text)
        text.said = f"{name}: {value.meaning}; {value.source}"
        return text

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._values)

    def value(self, name: str) -> Value:
        """Text, meaning and source of one value; KeyError if there is none."""
        return self._values[name]


def identifier(encoder: str) -> str:
    """An encoder's name as part of a value's name: ``linear-f8c16`` -> ``linear_f8c16``."""
    return encoder.replace("-", "_").replace(".", "_")


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


def of(results: Results) -> Values:
    """Every value of a study."""
    values: dict[str, Value] = {}

    def add(name: str, text: str, meaning: str, source: str) -> None:
        values[name] = Value(text, meaning, source)

    _settings(add, results)
    _theory(add, results)
    _afar(add)
    _sound(add, results)
    _pictured(add, results)
    _weighting(add, results)
    for name, measured in results.measured.items():
        _encoder(add, name, measured)
    _window(add, results)
    return Values(values)


def _settings(add: Add, results: Results) -> None:
    study = results.study
    source = f"data/studies/{study.name}.toml"
    resamples = f"{study.bootstrap:,}".replace(",", "\u202f")
    shown = results.measured[study.display_encoder]
    add("study", study.title, "title of the study", source)
    add("images", str(len(results.photographs)), "number of images", "data/images.toml")
    add("low", f"{study.low}\u00a0px", "low resolution", source)
    add("high", f"{study.high}\u00a0px", "high resolution", source)
    add("t", number(study.t, 2), "data fraction of the blend", source)
    add("seed", str(study.seed), "seed of all random draws", source)
    add("resample", study.resample.capitalize(), "resize filter", source)
    add("window", study.window.text, "window, with numpy's Kaiser parameter", source)
    edge = float(windows.window2d(64, 64, study.window.kind, study.window.beta)[0, 32])
    add("window_edge", number(edge, 2), "value of the window at the border", "spectra.window2d")
    add("first_ring", str(study.bands.first_ring), "lowest ring used", source)
    add("confidence", percent(study.confidence), "coverage of the intervals", source)
    add("bootstrap", resamples, "resamples of a percentile bootstrap", source)
    add("mu", number(study.mu, 1), "mean of theta at the low resolution", source)
    add("std", number(study.std, 1), "standard deviation of theta", source)
    add("encoders", listing(list(results.measured)), "encoders of the study", source)
    add("display_encoder", study.display_encoder, "encoder whose latents are pictured", source)
    title = results.display.photograph.title
    add("display_title", title, "title of the pictured photograph", source)
    channels = str(shown.card.channels)
    add("display_channels", channels, "channels of the pictured latents", "data/encoders.toml")


def _theory(add: Add, results: Results) -> None:
    study, s = results.study, results.theory
    mu = schedule.shift_mu(study.mu, s)
    meaning = "the square-root rule between the two resolutions"
    add("theory", number(s, 3), meaning, "timesteps.schedule.theoretical_shift")
    add("theory_squared", number(s**2, 3), "the ratio of pixel counts", "schedule")
    add(
        "mu_shifted",
        fixed(mu, 3),
        "mean of theta at the high resolution",
        "timesteps.schedule.shift_mu",
    )
    add("t_shifted", fixed(results.t_shifted, 4), "t after the shift", "timesteps.schedule.shift_t")


def _afar(add: Add) -> None:
    source = "noise"
    add("afar_cells", str(AFAR_CELLS), "squares a side that are resolved from afar", source)
    for name, side in (("fine", AFAR_FINE), ("coarse", AFAR_COARSE)):
        values = (side // AFAR_CELLS) ** 2
        add(f"afar_{name}", str(values), f"values of the {name} noise in a square", source)


def _sound(add: Add, results: Results) -> None:
    fine, coarse = results.sounds
    source, unit = "timesteps.noise.sampled_sound", "\u00a0dB"
    expected = 10 * math.log10(SOUND_FACTOR)
    for name, sound, how in (("fine", fine, "densely"), ("coarse", coarse, "sparsely")):
        meaning = f"level of {how} sampled noise, re full scale"
        add(f"sound_{name}", fixed(sound.level, 1) + unit, meaning, source)
    difference = coarse.level - fine.level
    add("sound_difference", plain(difference, 2) + unit, "difference of the two levels", source)
    add(
        "sound_theory", fixed(expected, 2) + unit, "10 log10 of the ratio of sampling rates", source
    )
    add("sound_factor", str(SOUND_FACTOR), "ratio of the sampling rates", source)
    add("sound_rate", f"{fine.rate:,}".replace(",", "\u202f"), "samples per second", source)


def _pictured(add: Add, results: Results) -> None:
    study, shown = results.study, results.measured[results.study.display_encoder]
    index = results.photographs.index(results.display.photograph)
    before, _ = snr_mismatch(shown, index, study.t)
    after, worst = snr_mismatch(shown, index, results.t_shifted)
    source = "paper.values.snr_mismatch"
    meaning = "SNR at high over low resolution, geometric mean over low and middle bands, "
    add("snr_ratio_before", fixed(before, 2), meaning + "same t", source)
    add("snr_ratio_after", fixed(after, 2), meaning + "t shifted by the rule", source)
    worst_text = percent(worst - 1)
    add(
        "snr_worst_after", worst_text, "largest deviation of that ratio from 1 in the bands", source
    )
    for name, side in (("low", study.low), ("high", study.high)):
        k = crossing(shown, index, side)
        text = f"{fixed(k, 1)} cycles/image" if math.isfinite(k) else "no frequency of the grid"
        add(
            f"crossing_{name}",
            text,
            f"frequency where SNR = 1 at {side} px",
            "paper.values.crossing",
        )


def _weighting(add: Add, results: Results) -> None:
    shown, side = results.measured[results.study.display_encoder], results.study.high
    k, power = shown.k(side)[1:], shown.power(side)[:, 1:]
    if len(power) < 2:
        raise InputError(
            f"study {results.study.name} has one image; the pages compare images and need two "
            "(for one image use 'recommend')"
        )
    limit = float(np.rint(k[-1] / 8))
    share = weighting.share_below(weighting.deviation_from_mean(power), k, limit + 0.5)
    meaning = "an eighth of the Nyquist frequency, cycles per image"
    add("delta_limit", f"{limit:.0f}", meaning, "timesteps.weighting.share_below")
    meaning = "share of |Delta P| at or below delta_limit"
    add("delta_share", percent(share), meaning, "timesteps.weighting.share_below")
    octaves = octave_weights(k)
    meaning = "share of the variance of ln P between images that is one factor per image"
    level = weighting.level_share(power, octaves)
    add("level_share", percent(level), meaning + ", octaves weighing the same", "weighting")
    line = weighting.line_share(power, k, octaves)
    meaning = "the same for one factor and one slope per image"
    add("line_share", percent(line), meaning, "timesteps.weighting.line_share")
    eighth = float(np.interp(k[-1] / 8, k, weighting.linear_time(k)))
    meaning = "t to which the linear map sends an eighth of the highest frequency"
    add("map_eighth", number(eighth, 2), meaning, "timesteps.weighting.linear_time")


def leak_name(window: Window, gamma: float) -> str:
    """What the excess under a window of fields of k^-gamma is called, ``leak_kaiser_2pi_3``."""
    name = identifier(window.text.lower().replace(" ", "_").replace("π", "pi"))
    return f"leak_{name}_{gamma:.0f}"


def _window(add: Add, results: Results) -> None:
    study, leak = results.study, results.leakage
    texts = [window.text for window in study.windows]
    source = "spectra.fields.leakage"
    # From the middle of the axis on, where leakage from the strong low frequencies shows.
    upper = leak.ratio[:, :, len(leak.k) // 2 :].mean(axis=-1)
    for index, window in enumerate(study.windows):
        for gamma, row in zip(leak.gammas, upper, strict=True):
            meaning = f"excess at high frequency, P = k^-{gamma:g}, window {texts[index]}"
            excess = percent(float(row[index] - 1)).removesuffix("\u00a0%")
            add(leak_name(window, gamma), f"{excess}\u00a0%", meaning, source)
    shifts, gammas = [], []
    for m in results.measured.values():
        whole = [s.whole.value for s in m.shift_by_window]
        shifts.append(max(whole) - min(whole))
        means = [np.mean([law.gamma for law in laws]) for laws in m.power_laws_by_window]
        gammas.append(max(means) - min(means))
    meaning = "largest range of a measured shift over the windows"
    add("window_shift", number(max(shifts), 1), meaning, "measured.Measured.shift_by_window")
    meaning = "largest range of a mean power-law exponent over the windows"
    add("window_gamma", number(float(max(gammas)), 1), meaning, "power_laws_by_window")


def _encoder(add: Add, name: str, measured: Measured) -> None:
    key, study, shift = identifier(name), measured.study, measured.shift
    # That of another study where it answers this one; what is not committed would be the own.
    there = archive.answering(study.name, measured.provenance["key"], name)
    source = f"{archive.place(there) if there else f'data/results/{study.name}'}/{name}.json"
    estimates = {"": shift.whole} | {f"_{band}": e for band, e in shift.bands.items()}
    for suffix, estimate in estimates.items():
        band = f"{estimate.band[0]:.0f} to {estimate.band[1]:.0f} {AXIS}"
        meaning = f"measured shift of {name}, {study.low} to {study.high} px, {band}"
        add(f"shift_{key}{suffix}", point(estimate), meaning, source)
        meaning = (
            f"{percent(shift.confidence)} interval of shift_{key}{suffix}, Student’s t on ln s"
        )
        add(f"interval_{key}{suffix}", interval(estimate), meaning, source)
    add(f"exponent_{key}", plain(shift.exponent, 2), f"exponent r of shift_{key}", source)
    gammas = [law.gamma for law in measured.power_laws]
    meaning = f"mean power-law exponent of {name} at {study.high} px"
    add(f"gamma_{key}", plain(float(np.mean(gammas)), 2), meaning, source)
    meaning = f"standard deviation of gamma_{key} over images"
    add(f"gamma_spread_{key}", plain(float(np.std(gammas)), 2), meaning, source)
    drawn, modes = measured.noise(study.high).mean(axis=0), measured.modes(study.high)
    noise = float(np.average(drawn[2:], weights=modes[2:]))
    meaning = f"mean power of the noise drawn at {study.high} px from ring 2 on; its variance is 1"
    add(f"noise_{key}", fixed(noise, 4), meaning, source)
    if "psnr" in measured.arrays:
        psnr, lost = float(measured.arrays["psnr"]), float(measured.arrays["relative_mse"])
        add(f"psnr_{key}", number(psnr, 3, "dB"), f"reconstruction PSNR at {study.high} px", source)
        add(f"lost_{key}", percent(lost, 1), "variance of the patches that is lost", source)
