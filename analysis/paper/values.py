"""Numbers as a reader sees them, by name; every number in the pages' prose comes from here.

A page writes ``{python} v.shift_taef2``; the same name answers ``explain``. A group has the numbers
of one subject: what each is called, how it is worded, what it is, and which function gives it. What
a study does not have, such as a linear code, gives no values. The module is long because a number
is a line.
"""

import dataclasses
import difflib
import functools
import math
import numbers
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, get_args

from analysis.encoders.linear_code import reconstruction_error
from analysis.encoders.trained import Variant
from analysis.paper.text import (
    change,
    estimate,
    fixed,
    grouped,
    interval,
    listing,
    number,
    percent,
    plain,
    point,
    resolved,
)
from analysis.project.markdown import escaped, quoted
from analysis.shift.equal_snr import MeasuredShift
from analysis.shift.information import InformationShift
from analysis.shift.rules import FORMULAS, STAGES, Formula
from analysis.spectra import intervals, windows
from analysis.spectra.bands import AXIS
from analysis.spectra.intervals import Estimate
from analysis.study import densities, findings
from analysis.study.experiments import coverage as study_coverage
from analysis.study.experiments import encoder_table
from analysis.study.experiments import grids as study_grids
from analysis.study.experiments.contrast import Contrast
from analysis.study.experiments.denoiser import Experiment as Denoisers
from analysis.study.experiments.density import Densities
from analysis.study.experiments.grids import Grids
from analysis.study.experiments.surveyed import (
    ENLARGED,
    FACTORS,
    MILLION,
    PRECISION,
    OneEncoder,
    Surveyed,
)
from analysis.study.measurement import Measured
from analysis.study.results import SECOND, Results
from analysis.timesteps import band_error, noise, schedule, weighting
from analysis.timesteps.band_error import LEVELS
from analysis.timesteps.gaussian_sampler import SamplerStudy
from analysis.timesteps.noise import AFAR_CELLS, AFAR_COARSE, AFAR_FINE, SOUND_FACTOR


@dataclasses.dataclass(frozen=True)
class Value:
    """A number, or a name, on the pages.

    Args:
        text: with unit and precision.
        meaning: what it is.
        source: the function that gives it, ``spectra.windows.window2d``, or the file it stands in.
        number: without unit and rounding, where it is one number.
    """

    text: str
    meaning: str
    source: str
    number: float | None = None


SECOND_FILE = f"data/studies/{SECOND}.toml"
Row = tuple[str, Value]
Rows = Iterator[Row]
Group = Callable[[Results], Rows]


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
    """Values by name; ``v.name`` gives the text.

    They are worked out as names ask for them. An unknown name raises AttributeError with the
    nearest one, so a misspelt name fails the build.

    Args:
        named: names and values, as `of` gives them.
    """

    def __init__(self, named: Iterable[Row]) -> None:
        self._left = iter(named)
        self._known: dict[str, Value] = {}

    def __getattr__(self, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            value = self.value(name)
        except KeyError:
            close = difflib.get_close_matches(name, self._known, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise AttributeError(f"no value '{name}'{hint}") from None
        text = Text(value.text)
        text.said = f"{name}: {value.meaning}; {value.source}"
        return text

    def names(self) -> list[str]:
        """All names, sorted."""
        self._known |= dict(self._left)
        return sorted(self._known)

    def value(self, name: str) -> Value:
        """Text, meaning and source of one value; KeyError if there is none."""
        while name not in self._known:
            other, value = next(self._left, ("", None))
            if value is None:
                raise KeyError(name)
            self._known[other] = value
        return self._known[name]


def of(results: Results) -> Values:
    """Every value of a study."""
    return Values(row for group in groups(results) for row in group(results))


def groups(results: Results) -> Iterator[Group]:
    """The functions that give a study's values, those that cost least first."""
    yield from (_study, _images, _theory, _noise, _literature, _pictured, _windows, _experiment)
    yield from (_contrast, _grids, _rows, _coverage, _survey, _denoiser, _density)
    each = (
        _shift,
        _slope,
        _pictures,
        _choices,
        _channels,
        _equivariance,
        _sampler,
        _weights,
        _information,
    )
    for group in each:
        for encoder in results.measured:
            yield functools.partial(_of_encoder, group=group, encoder=encoder)
    yield from (_all_encoders, _flat_channels, _channel_rule, _steps, _differences, _second_set)


def identifier(encoder: str) -> str:
    """An encoder's name as part of a value's name: ``linear-f8c16`` -> ``linear_f8c16``."""
    return encoder.replace("-", "_").replace(".", "_")


def _of(name: str, found: Any, words: Callable[[Any], str], meaning: str, source: object) -> Row:
    """A name and its value.

    Args:
        found: a number, an estimate, several numbers that are worded together, or a text.
        words: how it is worded.
        meaning: what it is.
        source: the function or property that gives it, or the file it stands in.
    """
    one = found.value if isinstance(found, Estimate) else found
    known = float(one) if isinstance(one, numbers.Real) else None
    return name, Value(words(found), meaning, dotted(source), known)


def dotted(source: Any) -> str:
    """Where a function or property stands, ``shift.equal_snr.measure``; a file's name as it is."""
    if isinstance(source, str):
        return source
    function = getattr(source, "func", source)  # of a cached property
    return f"{function.__module__}.{function.__qualname__}".removeprefix("analysis.")


def _of_encoder(results: Results, group: Callable[[Results, Measured], Rows], encoder: str) -> Rows:
    """The values of a group for one encoder, named and explained with its name."""
    for name, value in group(results, results.measured[encoder]):
        meaning = f"{value.meaning}, {encoder}"
        yield f"{name}_{identifier(encoder)}", dataclasses.replace(value, meaning=meaning)


# How numbers are worded: digits are significant, decimals are places. ------------------------

_digit, _digits2, _digits3 = (functools.partial(number, digits=n) for n in (1, 2, 3))
_decimals2, _decimals3, _decimals4 = (functools.partial(fixed, decimals=n) for n in (2, 3, 4))
_percent1, _percent2 = (functools.partial(percent, decimals=n) for n in (1, 2))
_two = functools.partial(plain, decimals=2)  # of a number whose scale is one


def _range(values: Any) -> str:
    return " to ".join(map(_decimals2, findings.ends(values)))


def _px(side: int) -> str:
    return f"{side}\u00a0px"


def _decibel(level: float) -> str:
    return f"{fixed(level, 1)}\u00a0dB"


def _decibels(level: float) -> str:
    return f"{_decimals2(level)}\u00a0dB"


def _cycles(k: float) -> str:
    return f"{fixed(k, 1)} cycles/image" if math.isfinite(k) else "no frequency of the grid"


def _best(shift: float) -> str:
    return _two(shift) if math.isfinite(shift) else "beyond what was tried"


def _with_spread(found: tuple[float, float]) -> str:
    return f"{_two(found[0])} ± {_two(found[1])}"


def _change(share: float) -> str:
    return f"{plain(100 * share, 1)}\u00a0%"


# Of the study ----------------------------------------------------------------------------------


def _study(results: Results) -> Rows:
    study, window = results.study, results.study.window
    file = f"data/studies/{study.name}.toml"
    yield _of("study", study.title, str, "title of the study", file)
    yield _of("caution", study.caution, str, "what to know of the images", file)
    yield _of("low", study.low, _px, "low resolution", file)
    yield _of("high", study.high, _px, "high resolution", file)
    yield _of("t", study.t, _digits2, "data fraction of the blend", file)
    yield _of("seed", study.seed, str, "seed of all random draws", file)
    yield _of("resample", study.resample, str.capitalize, "resize filter", file)
    yield _of("window", window.text, str, "window, with numpy's Kaiser parameter", file)
    yield _of("first_ring", study.bands.first_ring, str, "lowest ring used", file)
    yield _of("confidence", study.confidence, percent, "coverage of the intervals", file)
    yield _of("mu", study.mu, _digit, "mean of theta at the low resolution", file)
    yield _of("std", study.std, _digit, "standard deviation of theta", file)
    name = study.display_encoder
    yield _of("display_encoder", name, str, "encoder whose latents are pictured", file)
    edge = float(windows.window2d(64, 64, window.kind, window.beta)[0, 32])
    yield _of("window_edge", edge, _digits2, "window in the middle of a border", windows.window2d)


def _images(results: Results) -> Rows:
    count, most = len(results.photographs), findings.by_one_hand(results)
    yield _of("images", count, str, "number of images", "data/images.toml")
    yield _of("by_one_hand", most, str, "most images by one author", findings.by_one_hand)
    authors = len({photo.author for photo in results.photographs})
    yield _of("authors", authors, str, "authors of the images", "data/images.toml")


def _theory(results: Results) -> Rows:
    s, source = results.theory, schedule.theoretical_shift
    yield _of("theory", s, _digits3, "the square-root rule between the two resolutions", source)
    yield _of("theory_power", s**2, _digits2, "growth of power by the rule", source)
    mu, t = schedule.shift_mu(results.study.mu, s), results.t_shifted
    yield _of("mu_shifted", mu, _decimals3, "mean of theta after the shift", schedule.shift_mu)
    yield _of("t_shifted", t, _decimals4, "t after the shift", schedule.shift_t)


def _noise(results: Results) -> Rows:
    source, meaning = noise.seen_from_afar, "values of noise in a square"
    fine, coarse = ((side // AFAR_CELLS) ** 2 for side in (AFAR_FINE, AFAR_COARSE))
    yield _of("afar_fine", fine, str, f"{meaning}, finely sampled", source)
    yield _of("afar_coarse", coarse, str, f"{meaning}, coarsely sampled", source)
    (dense, sparse), sound = results.sounds, noise.sampled_sound
    meaning = "level of sampled noise, re full scale"
    yield _of("sound_fine", dense.level, _decibel, f"{meaning}, densely", sound)
    yield _of("sound_coarse", sparse.level, _decibel, f"{meaning}, sparsely", sound)
    apart, expected = sparse.level - dense.level, 10 * math.log10(SOUND_FACTOR)
    yield _of("sound_difference", apart, _decibels, "difference of the two levels", sound)
    yield _of("sound_theory", expected, _decibels, "10 log10 of the ratio of rates", sound)
    yield _of("sound_factor", SOUND_FACTOR, str, "ratio of the sampling rates", sound)
    yield _of("sound_rate", dense.rate, grouped, "samples per second", sound)


def _literature(results: Results) -> Rows:
    source = findings.rules_by_exponent
    for stage in STAGES:
        none, _, full, _ = counts = source(stage)
        yield _of(f"rules_{stage}", sum(counts), str, f"published rules for {stage}", source)
        yield _of(f"rules_{stage}_none", none, str, "of them with no shift", source)
        yield _of(f"rules_{stage}_full", full, str, "of them with the square root", source)
    low, high = results.study.pair
    for key in ("flux1", "flux2-50"):
        name, ratio = key.partition("-")[0], FORMULAS[key].ratio(low, high)
        meaning = f"ratio of the shifts that {name} samples with at the two resolutions"
        yield _of(f"{name}_ratio", ratio, _decimals2, meaning, Formula.ratio)
    most, meaning = min(findings.published_moves(results).values()), "largest movement of a mean"
    yield _of("published_most", most, _two, meaning, findings.published_moves)


def _pictured(results: Results) -> Rows:
    study, shown = results.study, results.measured[results.study.display_encoder]
    photograph, mismatch = results.display.photograph, findings.snr_mismatch
    file, channels = f"data/studies/{study.name}.toml", shown.card.channels
    yield _of("display_title", photograph.title, str, "title of the pictured photograph", file)
    yield _of("display_channels", channels, str, "channels pictured", "data/encoders.toml")
    index = results.photographs.index(photograph)
    before, _ = mismatch(shown, index, study.t)
    after, _ = mismatch(shown, index, results.t_shifted)
    meaning = "SNR at high over low resolution, geometric mean over low and middle bands"
    yield _of("snr_ratio_before", before, _decimals2, f"{meaning}, same t", mismatch)
    yield _of("snr_ratio_after", after, _decimals2, f"{meaning}, t shifted by the rule", mismatch)
    for name, side in (("low", study.low), ("high", study.high)):
        k, meaning = findings.crossing(shown, index, side), f"frequency where SNR = 1 at {side} px"
        yield _of(f"crossing_{name}", k, _cycles, meaning, findings.crossing)


def _windows(results: Results) -> Rows:
    for gamma, row in zip(results.leakage.gammas, findings.leakage(results), strict=True):
        for window, excess in zip(results.study.windows, row, strict=True):
            name, meaning = f"leak_{_window(window.text)}_{gamma:.0f}", "excess at high frequency"
            meaning += f", P = k^-{gamma:g}, window {window.text}"
            yield _of(name, excess, percent, meaning, findings.leakage)
    shift, source = findings.window_range(results), findings.window_range
    yield _of("window_shift", shift, _digit, "largest range over windows of a shift", source)


def _window(text: str) -> str:
    return identifier(text.lower().replace(" ", "_").replace("π", "pi"))


def _experiment(results: Results) -> Rows:
    if results.experiment is None:
        return
    one, source = findings.trained(results.experiment), findings.trained
    yield _of("edges", one.edges, str, "best training shifts at an edge of the grid", source)
    yield _of("cases", one.cases, str, "best training shifts by bound and velocity", source)
    for size, best, few, kept in zip(
        ("small", "large"), one.best, one.sampling, one.kept, strict=True
    ):
        meaning = f"best shift of {size} patches"
        yield _of(f"trained_{size}", best, _two, f"{meaning} in training, by L_z", source)
        yield _of(f"sampled_{size}", few, _two, f"{meaning} in sampling, trained with 1", source)
        yield _of(f"kept_{size}", kept, percent, f"power of unshifted samples, {size}", source)
    yield _of("trained_ratio", one.ratio, _two, "trained_large over trained_small", source)
    yield _of("trained_ratios", one.ratios, _range, "range of trained_ratio over seeds", source)
    yield _of("trained_flat", one.flat, _percent1, "difference of L_z around the best", source)
    ratio = one.sampling_ratio
    yield _of("sampled_ratio", ratio, _two, "sampled_large over sampled_small", source)
    for end, found in zip(("noisy", "clean"), one.matched, strict=True):
        meaning = f"shift of equal L_z, {end} end, ± over seeds"
        yield _of(f"matched_loss_{end}", found, _with_spread, meaning, source)
    for name, steps in zip(("few", "many"), one.steps, strict=True):
        yield _of(f"{name}_steps", steps, str, f"{name} Euler steps", source)


def _contrast(results: Results) -> Rows:
    if (done := results.contrast) is None:
        return
    own, least = done.settings.encoder, float(done.factors[-1])
    for sets, name in ((1, "contrast_correlation"), (len(done.counts), "contrast_correlation_all")):
        meaning = f"correlation of ln s with ln contrast, {sum(done.counts[:sets])} pictures, {own}"
        yield _of(name, done.correlation(sets), _two, meaning, Contrast.correlation)
    yield _of("contrast_images", sum(done.counts), str, "pictures of both sets", Contrast.shifts)
    for name, one in zip(("first", "second", "third", "last"), done.quartiles(), strict=True):
        meaning = f"shift of the {name} quarter of pictures by rising contrast, {own}"
        yield _of(f"quarter_{name}", one, estimate, meaning, Contrast.quartiles)
    swept, at_factor, meaning = Contrast.swept_shifts, Contrast.at_factor, "pictures made fainter"
    yield _of("faint_images", done.settings.swept, str, meaning, swept)
    yield _of("faint_factor", least, _fraction, "least contrast, of a picture's own", swept)
    yield _of("faint_input", round(least**-2), grouped, "fall of the pictures' power at it", swept)
    meaning, kept = f"fall of the latents' power at it, {own}", 1 / done.kept(own)
    yield _of("faint_kept", kept, _digits2, meaning, Contrast.kept)
    for name, what, factor in (("bold", "own", 1.0), ("faint", "least", least)):
        meaning = f"shift of these pictures at their {what} contrast, {own}"
        yield _of(f"shift_{name}", done.at_factor(own, factor), estimate, meaning, at_factor)
    meaning = f"pictures of faint_images whose shift is smaller at it, {own}"
    yield _of("faint_fallen", done.fallen(own), str, meaning, Contrast.fallen)
    meaning, fall = "shift at the least contrast over that at 1", Contrast.fall
    yield _of("faint_fall", done.fall(own), estimate, f"{meaning}, {own}", fall)
    others = [done.fall(name).value for name in done.settings.others]
    yield _of("faint_falls", others, _range, f"{meaning}, small networks", fall)


def _fraction(value: float) -> str:
    return f"1/{round(1 / value)}"


def _grids(results: Results) -> Rows:
    if (done := results.grids) is None:
        return
    for name, one in done.folds.items():
        key, source = identifier(name), study_grids.fold
        band = f"{one.matched[0].band[0]:.0f} to {one.matched[0].band[1]:.0f} {AXIS}"
        yield _of(f"fold_{key}", one.p, str, f"side of the squares folded, {name}", source)
        for grid, place in (("flat", 0), ("folded", 1)):
            what = f"of {name}, {one.channels[place]} channels, {band}"
            for kind, meaning in (
                ("average", "shift of the channel average"),
                ("trace", "shift by power"),
                ("matched", "information-matched shift"),
            ):
                found = getattr(one, kind)[place]
                yield _of(f"{grid}_{kind}_{key}", found, point, f"{meaning} {what}", source)
    yield _of("cut_places", done.places, _range, "shift by place of the square", Grids.places)
    meaning = "shift of corner squares over that of the middle"
    yield _of("cut_corners", done.corners, estimate, meaning, Grids.corners)
    meaning = "standard deviation of ln s over squares of one picture"
    yield _of("cut_within", done.within, _decimals3, meaning, Grids.within)
    meaning = "standard deviation of ln s over pictures, mean of five squares"
    yield _of("cut_between", done.between, _decimals3, meaning, Grids.between)


def _coverage(results: Results) -> Rows:
    if (done := results.coverage) is None:
        return
    source, (least, most) = study_coverage.share, done.ends()
    meaning = "share of simulated sets whose interval holds the truth, of what is shown"
    yield _of("held_least", least, percent, f"least {meaning}", source)
    yield _of("held_most", most, percent, f"largest {meaning}", source)
    few, shares = [str(one) for one in done.images[:3]], done.shares["bootstrap"][:3]
    yield _of("held_images", few, listing, "images of the sets of held_bootstrap", source)
    meaning = "the same of a percentile bootstrap"
    yield _of("held_bootstrap", shares, _each_percent, meaning, source)


def _survey(results: Results) -> Rows:
    if (done := results.survey) is None:
        return
    yield _of("surveyed", done.images, str, "pictures of the survey", Surveyed.images)
    meaning = "surveyed pictures whose detail ends below three quarters of their short side"
    yield _of("surveyed_soft", done.soft, str, meaning, Surveyed.soft)
    meaning = "pictures called soft whose middles are as they are"
    yield _of("survey_found", done.found[0], str, meaning, Surveyed.found)
    for factor in FACTORS:
        counts = [n for n, (f, _) in zip(done.found[1:], ENLARGED, strict=True) if f == factor]
        name, meaning = (
            identifier(f"{factor:g}"),
            f"pictures called soft once enlarged {factor:g} times",
        )
        yield _of(
            f"survey_found_{name}", (min(counts), max(counts)), _ends, meaning, Surveyed.found
        )
    precision, meaning = f"± {PRECISION:g}", "what a survey's s is to be known to"
    yield _of("survey_precision", precision, str, meaning, OneEncoder.needed)
    for name, one in done.encoders.items():
        of = identifier(name)
        meaning = f"shift of the survey, {name}"
        yield _of(f"survey_shift_{of}", one.whole, estimate, meaning, OneEncoder.whole)
        meaning = f"standard deviation of s between surveyed pictures, {name}"
        yield _of(f"survey_spread_{of}", one.spread, _decimals3, meaning, OneEncoder.spread)
        meaning = f"pictures that give s to survey_precision, {name}"
        yield _of(f"survey_needed_{of}", one.needed, _about, meaning, OneEncoder.needed)
        meaning = f"processor time of a surveyed picture, {name}"
        yield _of(f"survey_seconds_{of}", one.seconds, _seconds, meaning, OneEncoder.hours)
        meaning = f"hours of one processor for {MILLION} pictures, in proportion, {name}"
        yield _of(f"survey_hours_{of}", one.hours, _hours, meaning, OneEncoder.hours)
        meaning = f"Parquet of {MILLION} pictures, in proportion, {name}"
        yield _of(f"survey_size_{of}", one.gigabytes, _gigabytes, meaning, OneEncoder.gigabytes)


def _about(count: float) -> str:
    """A count to two digits, upwards."""
    whole = math.ceil(count)
    step = 10 ** max(len(str(whole)) - 2, 0)
    return grouped(math.ceil(whole / step) * step)


def _ends(ends: tuple[int, int]) -> str:
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _seconds(seconds: float) -> str:
    return number(seconds, 2, "s")


def _hours(hours: float) -> str:
    return f"{_about(hours)}\u00a0h"


def _gigabytes(size: float) -> str:
    return number(size, 2, "GB")


def _each_percent(shares: Sequence[float]) -> str:
    return listing([percent(one) for one in shares])


def _rows(results: Results) -> Rows:
    if (rows := results.rows) is None:
        return
    small, source = findings.small_ones(rows), findings.exponents
    yield _of("rows", len(rows), str, "encoders and controls side by side", "data/encoders.toml")
    yield _of("rows_trained", len(small), str, "of them trained here", "data/encoders.toml")
    for variant in get_args(Variant):
        each = findings.of_variant(rows, variant)
        meaning = f"exponent r, trained with '{variant}', by seed"
        yield _of(f"r_{variant}", findings.exponents(each), _each_two, meaning, source)
        equal = findings.exponents(each, "equal")
        yield _of(f"r_{variant}_equal", equal, _each_two, f"{meaning}, equal variance", source)
        meaning = f"coherence, trained with '{variant}', by seed"
        alike = findings.coherences(each)
        yield _of(f"coherence_{variant}", alike, _each_two, meaning, findings.coherences)
    random = findings.exponents(findings.untrained(rows))
    yield _of("r_random", random, _range, "exponent r of untrained networks", source)
    lost = [row.psnr for row in small]
    yield _of(
        "psnr_trained",
        lost,
        _decibel_range,
        "PSNR of what was trained here",
        encoder_table.psnr,
    )
    for name in ("taesana", "unshuffle-f8c192", "whitened-f8c192"):
        found = rows[name].shift().exponent
        yield _of(f"r_{identifier(name)}", found, _two, f"exponent r of {name}", source)


def _each_two(values: Sequence[float]) -> str:
    return listing([_two(one) for one in values])


def _decibel_range(values: Sequence[float]) -> str:
    low, high = findings.ends(values)
    return f"{plain(low, 1)} to {_decibel(high)}"


def _denoiser(results: Results) -> Rows:
    if (done := results.denoiser) is None:
        return
    chosen, source = done.settings, Denoisers.found
    yield _of("denoiser_seeds", chosen.seeds, str, "repetitions of each denoiser", source)
    yield _of("denoiser_held", chosen.held, str, "pictures held out from the denoisers", source)
    for name, side in zip(("low", "high"), chosen.sides, strict=True):
        yield _of(f"denoiser_{name}", side, _px, f"side of the regions of the kind {name}", source)
    for name, pair, meaning in (
        ("truth", "high on cropped", "networks' shift of latents onto their own low-pass"),
        ("asked", "high on low", "networks' shift of high onto low"),
        ("quotient", "low on cropped", "networks' shift of low onto the low-pass of high"),
        ("own", "high on cropped, own grid", "denoiser_truth with the low-pass on its own grid"),
    ):
        one = done.over_bands(pair)
        meaning += ", all bands"
        yield _of(f"denoiser_{name}", one.networks, estimate, meaning, Denoisers.over_bands)
    spectra, meaning = done.over_bands("high on low").spectra, "equal SNR of what denoisers see"
    yield _of("denoiser_spectra", spectra, estimate, meaning, Denoisers.over_bands)
    bands = done.found("high on low")
    for name, band in zip(("coarse", "middle", "fine"), bands, strict=True):
        meaning = f"networks' shift of high onto low, {name} band"
        yield _of(f"denoiser_{name}", band.networks, estimate, meaning, source)
    fine, meaning = bands[-1], "of high onto low, fine band"
    equal, linear = fine.spectra, fine.linear
    yield _of("denoiser_fine_spectra", equal, estimate, f"equal SNR {meaning}", source)
    yield _of("denoiser_fine_linear", linear, estimate, f"best linear denoisers {meaning}", source)
    meaning = "relative errors at which curves are compared"
    yield _of("denoiser_levels", LEVELS, _range, meaning, band_error.log_shift)
    meaning = "error that networks leave less than the best linear denoiser, by kind and band"
    gain = findings.ends(done.over_linear()[:3])
    yield _of("denoiser_gain", gain, _each_percent, meaning, Denoisers.over_linear)


def _density(results: Results) -> Rows:
    if (done := results.density) is None:
        return
    none, measured, rule = done.settings.shifts
    source, all_rings = Densities.found, len(done.settings.bands)
    yield _of("density_seeds", done.settings.seeds, str, "repetitions of each density", source)
    meaning = "shift of a density of training times, as measured"
    yield _of("density_measured", measured, _decimals2, meaning, source)
    for name, shift in (("measured", measured), ("rule", rule)):
        meaning = f"change of the error by a density shifted by {shift:g}"
        whole = done.found(shift, none)[all_rings]
        yield _of(f"density_{name}_all", whole, change, f"{meaning}, all octaves", source)
    curve = done.curve(rule, none, all_rings)[done.shown, 0]
    meaning = f"{meaning}, all octaves, by noise level"
    yield _of("density_range", curve, _range, meaning, Densities.curve)
    between, meaning = done.found(rule, measured)[all_rings], "change of the error between both"
    yield _of("density_between", between, change, f"{meaning} shifts, all octaves", source)


# Of one encoder --------------------------------------------------------------------------------


def _slope(results: Results, m: Measured) -> Rows:
    _, half, rest = findings.slope_and_rest(m)
    source = findings.slope_and_rest
    a = f"{results.study.high / results.study.low:g}"
    meaning = f"exponent of the latents' spectrum from k to {a} k, low and middle bands"
    yield _of("gamma", 2 * half.mean(), _two, meaning, source)
    meaning = f"log to the base {a} of the shift at fixed cycles per latent pixel"
    yield _of("rest", rest.mean(), _two, meaning, source)


def _shift(results: Results, m: Measured) -> Rows:
    s, source = m.shift, Measured.shift
    sides = f"measured shift, {results.study.low} to {results.study.high} px"
    band = f"{s.whole.band[0]:.0f} to {s.whole.band[1]:.0f} {AXIS}"
    yield _of("shift", s.whole, point, f"{sides}, {band}", source)
    meaning = f"{percent(s.confidence)} interval of the shift, Student’s t on ln s"
    yield _of("interval", s.whole, interval, meaning, source)
    yield _of("exponent", s.exponent, _two, "exponent r of the measured shift", source)
    off = findings.departure(s, "low", "middle")
    yield _of("departure", off, _percent1, "distance of a band from the rule", findings.departure)
    meaning = "largest difference of the SNR curves after the shift"
    apart = s.mismatch(s.theory)
    yield _of("apart_rule", apart, percent, f"{meaning}: rule", MeasuredShift.mismatch)
    if "psnr" in m.arrays:
        psnr, words = float(m.arrays["psnr"]), functools.partial(_digits3, unit="dB")
        yield _of("psnr", psnr, words, "PSNR of the reconstruction", reconstruction_error)
        lost, side = float(m.arrays["relative_mse"]), m.card.fit_size
        yield _of(
            "lost", lost, _percent1, "share of the patches' variance lost", reconstruction_error
        )
        yield _of("fitted", side, _px, "side of the images it was fitted to", "data/encoders.toml")


def _pictures(results: Results, m: Measured) -> Rows:
    each, source = m.shift.each, MeasuredShift.each
    for name, index in (("least", each.argmin()), ("most", each.argmax())):
        title = results.photographs[index].title
        yield _of(name, each[index], _decimals2, f"{name} shift of a picture", source)
        yield _of(f"{name}_title", title, str, "the picture it is of", source)
    if len(each) < intervals.FEWEST:
        return
    meaning = "standard deviation of ln s between pictures"
    yield _of("between", m.shift.spread, percent, meaning, MeasuredShift.spread)
    by_author, meaning = findings.by_author(results, m), "measured shift, authors as the sample"
    yield _of("by_author", by_author, estimate, meaning, findings.by_author)
    pooled, meaning = findings.pooled_power_shift(m), "shift of all pictures' power together"
    yield _of("power_pooled", pooled, _decimals2, meaning, findings.pooled_power_shift)
    local, meaning = m.shift_per_pixel.whole, "shift at fixed cycles per latent pixel"
    yield _of("local", local, estimate, meaning, Measured.shift_per_pixel)


def _choices(results: Results, m: Measured) -> Rows:
    for window, excess in zip(results.study.windows, findings.window_excess(m), strict=True):
        if window.text != results.study.window.text:
            name = f"read_{_window(window.text)}"
            meaning = f"excess of the images' power at high frequency under {window.text}"
            yield _of(name, excess, percent, meaning, findings.window_excess)
    for images, s in findings.simulated(m).items():
        meaning = f"measured shift on {images} images"
        yield _of(identifier(images), s.whole, resolved, meaning, findings.simulated)
    for variation in findings.lawful(results):
        s, source = findings.per_pixel(m, variation), findings.per_pixel
        meaning = "shift on power-law fields at fixed cycles per latent pixel"
        yield _of("per_pixel_middle", s.bands["middle"], resolved, f"{meaning}, middle", source)
    moved, meaning = findings.floored(m), "change of the shift by a posterior of v.floor"
    yield _of("floored", moved, _change, meaning, findings.floored)


def _channels(results: Results, m: Measured) -> Rows:
    shifts, source = findings.channel_shifts(m), findings.channel_shifts
    yield _of("channels", len(shifts), str, "channels", source)
    yield _of("channels_range", shifts, _range, "shifts of single channels", source)
    pooled, equal = m.shift_pooled, m.shift_equal_channels.whole
    meaning = "mean shift of channels, drawn as well as images"
    yield _of("pooled", pooled, estimate, meaning, Measured.shift_pooled)
    meaning = "measured shift, channels of equal variance"
    yield _of("equal", equal, estimate, meaning, Measured.shift_equal_channels)
    if len(shifts) > 2:
        rank, meaning = findings.rank_correlation(m), "rank correlation of γ and s of channels"
        yield _of("rank", rank, _two, meaning, findings.rank_correlation)


def _equivariance(results: Results, m: Measured) -> Rows:
    found, source = m.equivariance, Measured.equivariance
    yield _of("gain", found.gain.bands["whole"], estimate, "gain", source)
    for band in ("low", "high"):
        same = found.coherence.bands[band].value
        yield _of(f"coherence_{band}", same, _two, f"coherence, {band} band", source)
    lost, of_gain = (part.bands["whole"].value for part in (found.difference, found.of_gain))
    yield _of("difference", lost, percent, "power of the difference, of the low side's", source)
    yield _of("of_gain", of_gain / lost, percent, "share of it that is the gain's", source)


def _information(results: Results, m: Measured) -> Rows:
    if (found := m.information) is None:
        return
    matched, source = found.matched, Measured.information
    yield _of("matched", matched, estimate, "information-matched shift, jackknife", source)
    yield _of("s_noisy", found.curve[0, 0], _two, "s(u) at the noisy end", source)
    yield _of("s_clean", found.curve[-1, 0], _two, "s(u) at the clean end", source)
    shifts = {"matched": matched.value, "rule": m.shift.theory}
    for what, s in shifts.items():
        apart, meaning = found.misfit(s), f"difference of the two rates after the shift: {what}"
        yield _of(f"misfit_{what}", apart, _percent1, meaning, InformationShift.misfit)


def _sampler(results: Results, m: Measured) -> Rows:
    study, solvers = results.study, results.samplers[m.card.name]
    low, high, euler, heun = study.low, study.high, solvers["euler"], solvers["heun"]
    shifted, unshifted = findings.worth(euler, high, 10)
    meaning = "error by power of ten Euler steps"
    yield _of("error_best", shifted, _digits2, f"{meaning}, best shift", findings.worth)
    yield _of("error_plain", unshifted, _digits2, f"{meaning}, no shift", findings.worth)
    total = euler.ratio(low, high, "total", "w2")
    many, ratio = euler.steps.tolist().index(200), SamplerStudy.ratio
    meaning = "ratio of best shifts by power"
    yield _of("ratio_few", total[0], _best, f"{meaning}, {euler.steps[0]} Euler steps", ratio)
    yield _of("ratio_many", total[many], _best, f"{meaning}, 200 Euler steps", ratio)
    yield _of("ratio_limit", total[-1], _best, f"{meaning}, limit of Euler steps", ratio)
    shared = euler.ratio(low, high, f"whole {low}", "w2")
    off = max(abs(one / results.theory - 1) for one in shared)
    meaning += ", low and middle bands"
    yield _of("ratio_off", off, _percent1, f"{meaning}, distance from the rule, Euler", ratio)
    number = [one.ratio(low, high, "total", "kl_model") for one in (euler, heun)]
    meaning = "ratio of best shifts, whole spectrum, by number of modes"
    yield _of("ratio_number", number, _range, meaning, ratio)
    for end, side in (("low", low), ("high", high)):
        distance, detour = findings.path(m, side)
        meaning = f"distance from noise to data at {side} px, in the noise's standard deviation"
        yield _of(f"distance_{end}", distance, _digits3, meaning, findings.path)
        meaning = f"how much longer the exact sampler's path is at {side} px"
        yield _of(f"detour_{end}", detour, percent, meaning, findings.path)
        count, source = findings.dimensions(m, side), findings.dimensions
        if side == low:
            yield _of("dimensions", count, grouped, f"numbers in latents of {side} px", source)
        meaning = f"relative standard deviation of the noise's radius at {side} px"
        yield _of(f"shell_{end}", (2 * count) ** -0.5, _percent2, meaning, source)
    error, meaning = findings.heun_error(solvers, high), "error of 10 Heun over 20 Euler steps"
    yield _of("heun_error", error, _two, meaning, findings.heun_error)


def _weights(results: Results, m: Measured) -> Rows:
    if len(results.photographs) < densities.FEWEST:
        return
    ratios, meaning = densities.ratios_of(m), "correlation of ln R"
    alike, scatter = weighting.mean_correlation(ratios), weighting.neighbour_scatter(ratios)
    yield _of("alike", alike, _two, f"{meaning} of two images", weighting.mean_correlation)
    yield _of("scatter", scatter, percent, "share of scatter in ln R", weighting.neighbour_scatter)
    found, halves = densities.reliability_of(m, "left_right"), densities.reliability_of
    within, between = found.within[0], found.between[0]
    yield _of("halves_within", within, _two, f"{meaning}, left and right of an image", halves)
    yield _of("halves_between", between, _two, f"{meaning}, left and right of two", halves)
    left, meaning = densities.carried_share(m), "variation of ln R that is left over theta"
    yield _of("carried", left, percent, meaning, densities.carried_share)
    crossed, moved = densities.weighted_distance(m)[1], densities.weighted_distance
    yield _of("weighted_crossings", crossed, _percent1, "mass that R moves, crossings", moved)
    entering, meaning = densities.movement_of(m, "modes").share[0], "modes of the high side alone"
    yield _of("entering", entering, percent, meaning, densities.movement_of)
    apart, meaning = findings.nearest_published(m, "power")[1], "distance of the nearest published"
    yield _of("published", apart, _two, meaning, findings.nearest_published)


def _second_set(results: Results) -> Rows:
    for name, m in results.second.items():
        of = identifier(name)
        meaning = f"measured shift on the second set, {name}"
        yield _of(f"second_{of}", m.shift.whole, estimate, meaning, Measured.shift)
        yield _of("second_images", len(m.shift.each), str, "images of the second set", SECOND_FILE)


# Of several encoders ---------------------------------------------------------------------------


def _all_encoders(results: Results) -> Rows:
    moved = max(map(findings.moved_by_choices, results.measured.values()))
    meaning = "largest change of a shift by filter or compression"
    yield _of("choices", moved, _percent1, meaning, findings.moved_by_choices)
    pixels = [m for m in results.measured.values() if m.card.kind == "pixel"]
    shifts = [s for m in pixels for s in findings.simulated(m).values()]
    off = max((abs(s.whole.value / s.theory - 1) for s in shifts), default=0.0)
    meaning = "distance of pixels from the rule on simulated images"
    yield _of("simulated", off, _percent2, meaning, findings.simulated)
    floor, meaning = findings.FLOOR, "a supposed posterior's power, of the noise's"
    yield _of("floor", floor, "{:g}".format, meaning, findings.floored)


def _flat_channels(results: Results) -> Rows:
    for name, m in results.measured.items():
        count = findings.flatter(m, results.measured.values())
        meaning = f"channels of {name} that are flatter than any of a learned encoder"
        yield _of(f"flatter_{identifier(name)}", count, str, meaning, findings.flatter)


def _channel_rule(results: Results) -> Rows:
    if (rule := results.rule) is None:
        return
    predicted = findings.predicted
    (hits, *_), (bias, *_) = predicted(rule)
    yield _of("predicted_low", hits, str, "channels as predicted, low band", predicted)
    yield _of("bias_low", bias, _two, "ln s predicted too low, low band", predicted)
    obey, others = findings.by_obedience(rule, results.theory)
    source = findings.by_obedience
    yield _of("obeying", len(obey), str, "channels of local means that shift by the rule", source)
    yield _of("others_range", others, _range, "the other channels' shifts, low band", source)


def _steps(results: Results) -> Rows:
    for steps in (4, 50):
        lost = findings.heun_broken(steps, results.theory)
        meaning = f"largest change of an amplitude by {steps} Heun steps on a moved grid"
        yield _of(f"heun_broken_{steps}", lost, percent, meaning, findings.heun_broken)


def _differences(results: Results) -> Rows:
    if len(results.photographs) < 2:
        return
    one, source = findings.differences(results), findings.differences
    yield _of("delta_limit", one.limit, "{:.0f}".format, "an eighth of the Nyquist ring", source)
    meaning = "share of the differences from the mean at or below delta_limit"
    yield _of("delta_share", one.below, percent, meaning, source)
    meaning = "share of the variance of ln P between images that is one factor"
    yield _of("level_share", one.level, percent, meaning, source)
    yield _of("line_share", one.line, percent, f"{meaning} and one slope", source)
    meaning = "t of an eighth of the highest frequency by the linear map"
    yield _of("map_eighth", one.eighth, _digits2, meaning, source)
