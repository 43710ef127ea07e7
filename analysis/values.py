"""Results as strings for prose and tables; every number on the pages comes from here.

A page writes ``{python} v.shift_taef2``; the same name answers ``explain``. A number whose
rounding would hide it is refused, and a sentence that is no longer true breaks the build.
"""

import dataclasses
import difflib
import math
from collections.abc import Sequence

import numpy as np

from analysis import export, literature, schedule, weighting
from analysis.measured import Measured
from analysis.results import Results
from analysis.settings import AnalysisError
from analysis.shift import AXIS, Estimate, in_band


def number(value: float, digits: int = 3, unit: str = "") -> str:
    """A number with significant digits, and its unit after a no-break space.

    Raises:
        ValueError: the value is not finite.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} can't be shown as a number")
    exponent = math.floor(math.log10(abs(value))) if value else 0
    if -3 <= exponent < 6:
        text = f"{value:.{max(digits - 1 - exponent, 0)}f}"
    else:
        text = f"{value:.{digits - 1}e}"
    return text + (f"\u00a0{unit}" if unit else "")


def fixed(value: float, decimals: int) -> str:
    """A number with fixed decimals; ValueError if rounding would show a non-zero value as zero."""
    text = f"{value:.{decimals}f}"
    if value != 0 and float(text) == 0:
        raise ValueError(f"{value} would be shown as {text}: use more decimals")
    return text.replace("-", "\u2212")


def percent(share: float, decimals: int = 0) -> str:
    """A share as a percentage."""
    return fixed(100 * share, decimals) + "\u00a0%"


def interval(estimate: Estimate, decimals: int = 2) -> str:
    """``[low, high]``, or a statement that one photograph gives none."""
    if not math.isfinite(estimate.low):
        return "(one photograph: no interval)"
    return f"[{fixed(estimate.low, decimals)}, {fixed(estimate.high, decimals)}]"


def claim(condition: bool, sentence: str) -> str:
    """The sentence, if it is true.

    Raises:
        AnalysisError: it is not; the text has to be rewritten, not the test.
    """
    if not condition:
        raise AnalysisError(f"the results contradict this sentence, rewrite it: “{sentence}”")
    return sentence


@dataclasses.dataclass(frozen=True)
class Value:
    """A string on the pages: its text, what it is, and where it comes from."""

    text: str
    meaning: str
    source: str


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
            return self._values[name].text
        except KeyError:
            close = difflib.get_close_matches(name, self._values, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise AttributeError(f"no value '{name}'{hint}") from None

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._values)

    def value(self, name: str) -> Value:
        """Text, meaning and source of one value; KeyError if there is none."""
        return self._values[name]


def identifier(encoder: str) -> str:
    """An encoder's name as part of a value's name: ``linear-f8c16`` -> ``linear_f8c16``."""
    return encoder.replace("-", "_").replace(".", "_")


def listing(items: Sequence[str]) -> str:
    """``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


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
    """The frequency in cycles per image at which SNR falls through 1 at the study's t; nan if none."""
    k = measured.k(side)[1:]
    ratio = schedule.snr(measured.study.t, measured.power(side)[index, 1:], measured.expected_noise(side)[1:])
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

    study, shown = results.study, results.measured[results.study.display_encoder]
    index = results.photographs.index(results.display.photograph)
    s = results.theory
    setting = f"data/studies/{study.name}.toml"
    add("study", study.title, "title of the study", setting)
    add("images", str(len(results.photographs)), "number of photographs", "data/images.toml")
    add("low", f"{study.low}\u00a0px", "low resolution", setting)
    add("high", f"{study.high}\u00a0px", "high resolution", setting)
    add("t", number(study.t, 2), "data fraction of the blend", setting)
    add("seed", str(study.seed), "seed of all random draws", setting)
    add("resample", study.resample.capitalize(), "resize filter", setting)
    add("beta", number(study.window.beta, 2), "Kaiser beta in numpy's terms", setting)
    add("confidence", percent(study.confidence), "coverage of the intervals", setting)
    add("bootstrap", f"{study.bootstrap:,}".replace(",", "\u202f"), "bootstrap resamples", setting)
    add("mu", number(study.mu, 3), "mean of theta at the low resolution", setting)
    add("std", number(study.std, 3), "standard deviation of theta", setting)
    add("theory", fixed(s, 2), "the square-root rule between the two resolutions", "schedule.theoretical_shift")
    add("mu_shifted", fixed(schedule.shift_mu(study.mu, s), 3), "mean of theta at the high resolution", "schedule.shift_mu")
    add("t_shifted", fixed(results.t_shifted, 4), "t after the shift", "schedule.shift_t")
    add("encoders", listing([f"`{name}`" for name in results.measured]), "encoders of the study", setting)
    add("display_encoder", study.display_encoder, "encoder whose latents are pictured", setting)
    add("display_title", results.display.photograph.title, "title of the pictured photograph", setting)
    add("display_channels", str(shown.card.channels), "channels of the pictured latents", "data/encoders.toml")
    add("first_ring", str(study.bands.first_ring), "lowest ring used", setting)

    fine, coarse = results.sounds
    add("sound_fine", fixed(fine.level, 1) + "\u00a0dB", "level of the finely sampled noise, re full scale", "noise.sampled_sound")
    add("sound_coarse", fixed(coarse.level, 1) + "\u00a0dB", "level of the coarsely sampled noise, re full scale", "noise.sampled_sound")
    add("sound_difference", fixed(coarse.level - fine.level, 2) + "\u00a0dB", "measured difference of the levels", "noise.sampled_sound")
    add("sound_theory", fixed(10 * math.log10(8), 2) + "\u00a0dB", "10 log10 of the ratio of sampling rates, 8", "noise.sampled_sound")

    before, _ = snr_mismatch(shown, index, study.t)
    after, worst = snr_mismatch(shown, index, results.t_shifted)
    source = "values.snr_mismatch"
    add("snr_ratio_before", fixed(before, 2), "SNR at high over low resolution at the same t, geometric mean over the low and middle bands, pictured photograph", source)
    add("snr_ratio_after", fixed(after, 3), "the same after shifting t by the square-root rule", source)
    add("snr_worst_after", percent(worst - 1, 1), "largest deviation of that ratio from 1 in the band", source)
    for name, side in (("low", study.low), ("high", study.high)):
        k = crossing(shown, index, side)
        text = f"{fixed(k, 1)} cycles/image" if math.isfinite(k) else "no frequency of the grid"
        add(f"crossing_{name}", text, f"frequency at which SNR = 1 at {side} px, pictured photograph", "values.crossing")

    k, power = shown.k(study.high)[1:], shown.power(study.high)[:, 1:]
    if len(power) > 1:
        limit = float(np.rint(k[-1] / 8))
        share = weighting.share_below(weighting.deviation_from_mean(power), k, limit + 0.5)
        add("delta_limit", number(limit, 2), "an eighth of the Nyquist frequency, cycles per image", "weighting.share_below")
        add("delta_share", percent(share, 1), "share of |Delta P| at or below delta_limit", "weighting.share_below")
        add("level_share", percent(weighting.level_share(power)), "share of the variance of ln P between photographs that is one factor per photograph", "weighting.level_share")

    for name, measured in results.measured.items():
        _encoder_values(add, name, measured)
    return Values(values)


def _encoder_values(add, name: str, measured: Measured) -> None:  # type: ignore[no-untyped-def]
    key, study, shift = identifier(name), measured.study, measured.shift
    source = f"data/results/{study.name}/{name}.json"
    add(f"shift_{key}", fixed(shift.whole.value, 2), f"measured shift of {name}, low and middle band, at fixed {AXIS}", source)
    add(f"interval_{key}", interval(shift.whole), f"{percent(shift.confidence)} bootstrap interval over photographs of shift_{key}", source)
    add(f"exponent_{key}", fixed(shift.exponent, 2), f"exponent r of shift_{key}", source)
    for band, estimate in shift.bands.items():
        add(f"shift_{key}_{band}", fixed(estimate.value, 2), f"measured shift of {name} in the {band} band", source)
        add(f"interval_{key}_{band}", interval(estimate), f"interval of shift_{key}_{band}", source)
    gammas = [law.gamma for law in measured.power_laws]
    add(f"gamma_{key}", fixed(float(np.mean(gammas)), 2), f"mean power-law exponent of {name} at {study.high} px", source)
    add(f"gamma_spread_{key}", fixed(float(np.std(gammas)), 2), "its standard deviation over photographs", source)
    noise = np.average(measured.noise(study.high).mean(axis=0)[2:], weights=measured.modes(study.high)[2:])
    add(f"noise_{key}", fixed(float(noise), 4), f"mean power of the drawn noise at {study.high} px from ring 2 on; its variance is 1", source)
    k, power = measured.k(study.high)[1:], measured.power(study.high)[:, 1:]
    if len(power) > 1:
        for degree in (2, 3):
            ratios = np.stack([weighting.ratio_to_fit(k, row, degree) for row in power])
            add(f"ratio_correlation_{key}_{degree}", fixed(weighting.mean_correlation(ratios), 2), f"mean correlation of ln R between photographs, degree {degree}", "weighting.mean_correlation")
    if "psnr" in measured.arrays:
        add(f"psnr_{key}", number(float(measured.arrays["psnr"]), 3, "dB"), f"reconstruction PSNR of {name} at {study.high} px", source)
        add(f"lost_{key}", percent(float(measured.arrays["relative_mse"]), 1), "variance of the patches lost in reconstruction", source)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str = "") -> str:
    """A Markdown pipe table; ``align`` has one of l, r, c a column."""
    marks = {"l": ":---", "r": "---:", "c": ":---:"}
    rule = [marks[a] for a in (align or "l" * len(header))]
    lines = [header, rule, *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def table_shift(results: Results) -> str:
    """The measured shift per encoder and band."""
    rows = []
    for name, measured in results.measured.items():
        shift = measured.shift
        cells = [f"{fixed(e.value, 2)} {interval(e)}" for e in (*shift.bands.values(), shift.whole)]
        rows.append([f"`{name}`", *cells, fixed(shift.exponent, 2)])
    return table(["encoder", "low", "middle", "high", "low and middle", "r"], rows, "llllll")


def table_encoders(results: Results) -> str:
    """What was encoded by what, where it ran, and the spectrum's exponent."""
    rows = []
    for name, m in results.measured.items():
        gammas = [law.gamma for law in m.power_laws]
        where = "computed here" if m.origin == "computed" else "committed results"
        spread = f"{fixed(float(np.mean(gammas)), 2)} ± {fixed(float(np.std(gammas)), 2)}"
        rows.append([f"`{name}`", m.card.title, str(m.card.channels), str(m.card.stride), spread, where])
    return table(["encoder", "what it is", "channels", "stride (px)", "γ", "measurement"], rows, "llrrrl")


def table_photographs(results: Results) -> str:
    """Credits."""
    rows = [[p.title, p.author or "not stated", p.license] for p in results.photographs]
    return table(["photograph", "author", "licence"], rows)


def table_rules() -> str:
    """Published rules with their ratio between 512 and 1024 px."""
    rows = []
    for rule in literature.with_ratio():
        if rule.key in literature.REPEATS:
            continue
        ratio, exponent = rule.ratio or math.nan, rule.exponent or 0.0
        value = "" if rule.value is None else number(rule.value, 3)
        rows.append([f"{rule.name} ({rule.year})", fixed(ratio, 2), f"{exponent:.2f}", value, rule.link])
    return table(["rule or model", "ratio", "r", "s at 1024²", "source"], rows, "lrrrl")


def table_recommended(results: Results) -> str:
    """The shift between the study's resolutions by rule and by encoder, as s and as Delta mu."""
    rule = schedule.shift_mu(0.0, results.theory)
    rows = [["square-root rule", fixed(results.theory, 2), "", "1.00", fixed(rule, 3)]]
    for name, m in results.measured.items():
        s = m.shift
        delta = fixed(schedule.shift_mu(0.0, s.whole.value), 3)
        rows.append([f"`{name}`", fixed(s.whole.value, 2), interval(s.whole), fixed(s.exponent, 2), delta])
    return table(["", "s", f"{percent(results.study.confidence)} interval", "r", "Δμ (t = 1 is data)"], rows, "lrlrr")


def table_settings(s: float, base_shift: float = 1.0) -> str:
    """The shift as settings of training and sampling tools."""
    rows = [[row.tool, f"`{row.option}`", row.note] for row in export.settings(s, base_shift)]
    return table(["tool", "setting", "use"], rows)


def table_provenance(results: Results) -> str:
    """Where each measurement was made."""
    rows = []
    for name, measured in results.measured.items():
        made = measured.provenance["environment"]
        versions = ", ".join(f"{k} {made[k]}" for k in ("python", "numpy", "pillow", "torch") if k in made)
        rows.append([f"`{name}`", measured.origin, f"`{measured.provenance['key'][:12]}`", f"`{made['commit'][:12]}`", versions])
    return table(["encoder", "measurement", "key", "commit", "versions"], rows)


def audio_players(results: Results) -> str:
    """HTML that plays the two recordings of the audio experiment, with their measured levels."""
    players = []
    for name, sound in zip(("fine", "coarse"), results.sounds, strict=True):
        label = f"{'Densely' if name == 'fine' else 'Sparsely'} sampled noise, {fixed(sound.level, 1)} dB re full scale"
        players.append(
            f'<figure class="sound"><figcaption>{label}</figcaption>'
            f'<audio controls preload="none" src="../data/results/sound/noise-{name}.wav"'
            f' aria-label="{label}"></audio></figure>'
        )
    return "".join(players)
