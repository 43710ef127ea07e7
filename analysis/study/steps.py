"""The steps of a study, each said once: what identifies it, which arrays it gives, and how.

Photographs -> moments -> latents -> `STEPS`, of one photograph each -> the measurement of an
encoder, in which they are stacked -> `RESULTS`, made of measurements. Who adds a `Step` to the
table has it asked for (`plan`), computed and stored (`chain`), stacked in measurements, checked in
contributed files (`contribute`) and told by `check`; its arrays' shapes are in letters (`SIZES`).

A step's numbers are found again by its name, version, chosen parameters and inputs. So its version
is raised whenever its numbers change for the same inputs (``tests/test_reference.py`` insists).
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from analysis.encoders.cards import Card
from analysis.encoders.linear_code import LinearCode, reconstruction_error
from analysis.shift import channel_rule as shift_channel_rule
from analysis.shift import equivariance
from analysis.shift.equal_snr import moved_edges
from analysis.spectra import cross_spectra, periodogram
from analysis.spectra import fields as spectra_fields
from analysis.spectra import rings as spectra_rings
from analysis.study.measurement import Measured
from analysis.study.settings import Study, Variation
from analysis.study.store import Arrays
from analysis.timesteps import gaussian_sampler, noise, weighting

SOLVERS = ("euler", "heun")
# Exponents of power; fields that are averaged.
LEAKAGE: dict[str, Any] = {"gammas": [2.0, 3.0], "fields": 64}
LEAKAGE_SIDE = 128  # largest side in pixels


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a step knows besides the arrays that it reads.

    Args:
        study: every choice.
        card: the encoder's.
        images: how many photographs the study has.
        side: of the photograph in pixels, the higher one where a step reads two.
        digest: what identifies the photograph's content, for its noise.
    """

    study: Study
    card: Card
    images: int
    side: int
    digest: str = ""

    @property
    def window(self) -> tuple[str, float]:
        """Kind and beta of the study's window."""
        return self.study.window.kind, self.study.window.beta

    @property
    def variations(self) -> list[Variation]:
        """The study's variations that mean something for the encoder."""
        return [v for v in self.study.variations if not v.sample or self.card.variational]

    def at(self, side: int) -> "Setting":
        """The same at another side."""
        return dataclasses.replace(self, side=side)

    @property
    def grid(self) -> int:
        """Latent pixels a side."""
        return self.side // self.card.latent_stride

    @property
    def rings(self) -> spectra_rings.Rings:
        """The rings of the latents' frequencies."""
        return spectra_rings.rings(self.grid, self.grid)

    @property
    def bins(self) -> cross_spectra.Bins:
        """The bins of frequencies that both sides share, for matrices of all channels."""
        study, channels = self.study, self.card.latent_channels
        grid = self.at(study.low).grid
        return cross_spectra.shared_bins(grid, channels, self.images, study.window, study.bands)

    def eps(self, shape: tuple[int, ...]) -> np.ndarray:
        """The photograph's noise at this side, float32 of the given shape."""
        return noise.gaussian(
            shape, noise.generator(self.study.seed, "noise", self.digest, self.side)
        )


# Arrays --------------------------------------------------------------------------------------

SIZES: dict[str, Callable[[Setting], int]] = {
    "I": lambda s: s.images,
    "C": lambda s: s.card.latent_channels,
    "W": lambda s: len(s.study.windows),
    "R": lambda s: len(s.rings.modes),
    "L": lambda s: len(s.at(s.study.low).rings.modes),
    "H": lambda s: len(weighting.half_frequencies(s.grid)),
    "B": lambda s: len(s.bins.edges),
    "P": lambda s: s.card.latent_channels * (s.card.latent_channels + 1) // 2,
}
"""I images, C channels, W windows, R rings of the side, L rings of the lower side that is shown, H
rings of half a field but ring 0, B bins of rings, P pairs of channels."""


@dataclasses.dataclass(frozen=True)
class Array:
    """What an array has to be.

    Args:
        shape: sizes by their letters in `SIZES`; a digit is itself.
        least: the smallest value that is possible.
        most: the largest absolute value that is; powers of latents reach 1e6 at most.
        exact: the array itself, where it is known.
        dtype: numpy's name of the type of its values.
    """

    shape: str
    least: float = 0.0
    most: float = 1e12
    exact: Callable[[Setting], np.ndarray] | None = None
    dtype: str = "float64"

    def unlike(self, found: np.ndarray, setting: Setting) -> str:
        """How an array's type or shape differs, or nothing."""
        shape = tuple(int(n) if n.isdigit() else SIZES[n](setting) for n in self.shape)
        if found.shape == shape and found.dtype == self.dtype:
            return ""
        return f"is {found.dtype} {found.shape}, not {self.dtype} {shape}"


GRID = {
    "k": Array("R", exact=lambda s: s.rings.cycles_per_image),
    "modes": Array("R", exact=lambda s: s.rings.modes),
}
"""``<name>_<side>`` of each resolution: rings in cycles per image, and how many modes each has."""

LOST = {"psnr": Array("", -np.inf), "relative_mse": Array("")}
"""What a linear encoder loses of the photographs at the high resolution (`lost`)."""


def lost(code: LinearCode, pixels: Iterable[np.ndarray]) -> Arrays:
    """`reconstruction_error` of images ``[3, side, side]``."""
    found = reconstruction_error(code, pixels)
    return {"psnr": np.array(found.psnr), "relative_mse": np.array(found.relative_mse)}


# Steps of one photograph ---------------------------------------------------------------------

SIDES: dict[str, Callable[[Study], Sequence[tuple[int, ...]]]] = {
    "each": lambda study: [(side,) for side in study.resolutions],
    "shown": lambda study: [(side,) for side in study.pair],
    "highest": lambda study: [(study.high,)],
    "together": lambda study: [study.pair],
}
"""The sides whose latents are read together, as often as a step is made of a photograph: at each
resolution, at either of the two that are shown, at the high one, or those two compared."""

Chosen = Callable[[Setting], dict[str, Any]]


def chosen(*names: str) -> Chosen:
    """The study's choices of these names."""
    return lambda s: s.study.model_dump(include=set(names))


@dataclasses.dataclass(frozen=True)
class Step:
    """What is made of the latents of one photograph.

    Args:
        name, version: in its key.
        sides: whose latents it reads, by a name in `SIDES`.
        chosen: what can change its numbers besides the latents, in its key.
        arrays: what it gives, by name; measurements stack them over photographs.
        compute: (setting, latents ``[C, h, w]`` of each side) -> these arrays; ValueError if it
            cannot.
        input: its name among the inputs of a measurement, where that is another.
    """

    name: str
    version: int
    sides: Literal["each", "shown", "highest", "together"]
    chosen: Chosen
    arrays: Mapping[str, Array]
    compute: Callable[..., Arrays]
    input: str = ""

    def made(self, setting: Setting, *latents: np.ndarray) -> Arrays:
        """What `compute` gives; ValueError if that is other than `arrays` says."""
        found = self.compute(setting, *latents)
        if found.keys() != self.arrays.keys():
            raise ValueError(
                f"step '{self.name}' gives {[*found]}, its entry says {[*self.arrays]}"
            )
        for name, array in self.arrays.items():
            if wrong := array.unlike(found[name], setting):
                raise ValueError(f"step '{self.name}': {name} {wrong} as its entry says")
        return found


def spectra(setting: Setting, z: np.ndarray) -> Arrays:
    """Ring-averaged power spectra of latents, of the noise, and of their blend.

    Returns:
        ``power`` of each channel; means over channels of ``windows``, the same under each of the
        study's windows, of ``noise``, and of ``noisy``, the blend at the study's t; in latent units
        squared per mode.
    """
    eps = setting.eps(z.shape)
    each = [periodogram.raps(z, w.kind, w.beta).mean(axis=0) for w in setting.study.windows]
    noisy = noise.blend(z, eps, setting.study.t)
    return {
        "power": periodogram.raps(z, *setting.window),
        "windows": np.stack(each),
        "noise": periodogram.raps(eps, *setting.window).mean(axis=0),
        "noisy": periodogram.raps(noisy, *setting.window).mean(axis=0),
    }


def cross(setting: Setting, z: np.ndarray) -> Arrays:
    """Cross-spectral matrices over the expected noise, `packed`, in bins that both sides share."""
    expected = periodogram.white_noise_raps(*z.shape[1:], *setting.window)
    matrices = cross_spectra.cross_raps(z, *setting.window)
    binned = setting.bins.average(matrices, expected, setting.rings.modes)
    return {"cross": cross_spectra.packed(binned)}


def chosen_bins(setting: Setting) -> dict[str, Any]:
    """What `Setting.bins` and the window of `cross` come from."""
    study = setting.study
    moved = moved_edges(study.bands, setting.at(study.low).rings.cycles_per_image)
    ends = {"ends": {name: ring for name, (_, ring) in moved.items()}} if moved else {}
    known = {"low": study.low, "photographs": setting.images, **ends}
    return chosen("window", "bands")(setting) | known


def halves(setting: Setting, z: np.ndarray) -> Arrays:
    """Spectra of halves of the latents (`weighting.halves`)."""
    return weighting.halves(z, *setting.window)


def pair(setting: Setting, low: np.ndarray, high: np.ndarray) -> Arrays:
    """What the latents of both sides share (`equivariance.compare`)."""
    compared = equivariance.compare(low, high, *setting.window)
    return {f"pair_{name}": array for name, array in compared.items()}


def power(setting: Setting, z: np.ndarray) -> Arrays:
    """The power spectrum of latents, averaged over channels."""
    return {"power": periodogram.raps(z, *setting.window).mean(axis=0)}


STEPS: tuple[Step, ...] = (
    Step(
        "spectra",
        5,
        "each",
        chosen("window", "windows", "t", "seed"),
        {"power": Array("CR"), "windows": Array("WR"), "noise": Array("R"), "noisy": Array("R")},
        spectra,
    ),
    Step(
        "cross-spectra",
        1,
        "shown",
        chosen_bins,
        {"cross": Array("BP", -np.inf, dtype="float32")},
        cross,
        input="cross",
    ),
    Step(
        "halves",
        1,
        "highest",
        chosen("window"),
        {"left_right": Array("2H"), "top_bottom": Array("2H")},
        halves,
    ),
    Step(
        "equivariance",
        1,
        "together",
        chosen("window"),
        {
            "pair_low": Array("L"),
            "pair_cropped": Array("L"),
            "pair_explained": Array("L"),
            "pair_cross": Array("L", -np.inf),
        },
        pair,
        input="pair",
    ),
)
"""Of each photograph, in the order they are computed in; ``<array>_<side>`` in measurements."""

POWER = Step("power", 1, "shown", chosen("window"), {"power": Array("R")}, power)
"""Of each photograph in each variation of the study; ``varied_<variation>_<side>``."""


def stored(name: str, side: int, variation: Variation | None = None) -> str:
    """What an array of a step is called in a measurement."""
    return f"varied_{variation.name}_{side}" if variation else f"{name}_{side}"


def measurement(setting: Setting) -> dict[str, tuple[Array, Setting]]:
    """name -> every array of an encoder's measurement, and the setting that its sizes are of."""
    study, out = setting.study, {}
    made: list[tuple[Step, Variation | None]] = [(step, None) for step in STEPS]
    for step, variation in [*made, *((POWER, one) for one in setting.variations)]:
        for *_, side in SIDES[step.sides](study):
            for name, array in step.arrays.items():
                stacked = dataclasses.replace(array, shape=f"I{array.shape}")
                out[stored(name, side, variation)] = stacked, setting.at(side)
    for side in study.resolutions:
        out |= {stored(name, side): (array, setting.at(side)) for name, array in GRID.items()}
    lost = LOST if setting.card.kind == "linear" else {}
    return out | {name: (array, setting) for name, array in lost.items()}


# Results -------------------------------------------------------------------------------------

Read = Literal["setting", "measurement", "fit", "pictured", "pixels"]


@dataclasses.dataclass(frozen=True)
class Result:
    """What pages are made of besides measurements: it takes too long to be made when one is read.

    Args:
        name, version: in its key. Its file in ``data/results`` is ``<name>-<encoder>``.
        label: how a person is told of it; ``{}`` is the encoder's name.
        chosen: what can change its numbers besides what it reads, in its key.
        reads: what `compute` is given, in order: the `Setting`, the encoder's `Measured`, the
            linear code's ``fit``, the ``pictured`` latents (side -> array), and of each photograph
            its ``pixels`` (side -> ``[3, side, side]``) at the two sides that are shown.
        compute: gives its arrays.
        only: which encoder alone has it, if not each has; its file is then called by its name.
    """

    name: str
    version: int
    label: str
    chosen: Chosen
    reads: tuple[Read, ...]
    compute: Callable[..., Arrays]
    only: Callable[[Setting], bool] | None = None

    def file(self, card: Card) -> str:
        """What its file in ``data/results`` is called, without ending."""
        return self.name if self.only else f"{self.name}-{card.name}"


def sampler(measured: Measured) -> Arrays:
    """`gaussian_sampler.study` of an encoder by both solvers, ``<solver>_<field>``."""
    sides = measured.study.resolutions
    snr = {side: measured.snr(side).mean(axis=0) for side in sides}
    k = {side: measured.k(side) for side in sides}
    modes = {side: measured.modes(side) for side in sides}
    out: Arrays = {}
    for solver in SOLVERS:
        found = gaussian_sampler.study(k, snr, modes, measured.study.bands, solver=solver)
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
            nu = spectra_rings.rings(side, side, corners=True).cycles_per_image[1:] / side
            mean = periodogram.raps(x, *window, corners=True).mean(axis=0)
            laws[side] = shift_channel_rule.tabulated(nu, mean[1:])
        photographs.append(laws.__getitem__)
        # Differences: slow shading says little of how colours vary together at high frequency.
        colours.append(np.cov(np.diff(of_side[study.high], axis=2).reshape(3, -1)))
    covariance = np.mean(colours, axis=0)
    low, high = (measured.snr(side) for side in study.pair)
    rule = shift_channel_rule.channel_rule(
        filters,
        study.pair,
        low,
        high,
        photographs,
        study.bands,
        3 * covariance / np.trace(covariance),
        study.confidence,
    )
    return {f.name: getattr(rule, f.name) for f in dataclasses.fields(rule)}


def display(pictured: Mapping[int, np.ndarray]) -> Arrays:
    """The pictured latents in half precision: they are only looked at, and are committed."""
    return {f"z_{side}": z.astype(np.float16) for side, z in pictured.items()}


def chosen_leakage(setting: Setting) -> dict[str, Any]:
    """Of which fields leakage is told: on the grid of the pictured latents, if not too large."""
    side = {"side": min(setting.grid, LEAKAGE_SIDE)}
    return LEAKAGE | side | chosen("windows", "seed")(setting)


def leakage(setting: Setting) -> Arrays:
    """`fields.leakage` of the study's windows, from ring 1 on, with k and the exponents."""
    study, side = setting.study, chosen_leakage(setting)["side"]
    windows = [(window.kind, window.beta) for window in study.windows]
    ratios = [
        spectra_fields.leakage(
            side,
            gamma,
            windows,
            noise.generator(study.seed, "leakage", str(gamma)),
            LEAKAGE["fields"],
        )
        for gamma in LEAKAGE["gammas"]
    ]
    k = spectra_rings.rings(side, side).cycles_per_image[1:]
    return {"ratio": np.stack(ratios), "k": k, "gammas": np.array(LEAKAGE["gammas"])}


def _is_pictured(setting: Setting) -> bool:
    return setting.card.name == setting.study.display_encoder


RESULTS: tuple[Result, ...] = (
    Result("sampler", 1, "sampler on {}", chosen("bands"), ("measurement",), sampler),
    Result(
        "display",
        2,
        "pictured latents",
        lambda s: {"normalisation": s.card.normalisation.model_dump()},
        ("pictured",),
        display,
        only=_is_pictured,
    ),
    Result(
        "leakage",
        1,
        "leakage of the windows",
        chosen_leakage,
        ("setting",),
        leakage,
        only=_is_pictured,
    ),
    Result(
        "channel-rule",
        2,
        "channels of {}",
        chosen("bands", "confidence"),
        ("measurement", "fit", "pixels"),
        channel_rule,
        only=lambda s: s.card.kind == "linear",
    ),
)
"""Of each encoder, in the order they are computed in."""


def results(setting: Setting) -> list[Result]:
    """Those of `RESULTS` that an encoder has."""
    return [one for one in RESULTS if one.only is None or one.only(setting)]
