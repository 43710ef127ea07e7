"""Schema: which arrays a measurement holds, and what they have to be to be of one measurement.

What is expected is a table by groups: of each resolution, of each variation, of a kind of encoder.
Arrays are the right ones if they are there with the shapes of the study and the encoder, finite and
possible; if frequencies and modes are those of the grid; if the noise is what the study's seed
gives; and if the blend z_t = t z + (1-t) eps lies where latents and noise allow it.
"""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.encoders.cards import Card
from analysis.project.errors import InputError
from analysis.spectra import cross_spectra, periodogram, rings
from analysis.study.plan import Plan
from analysis.study.store import Arrays, from_bytes
from analysis.timesteps import weighting

LARGEST = 2**28  # bytes of a file or of its arrays; the largest bundled measurement has 2**21
ROUNDING = 1e-3  # relative; fields are float32, and transforms of other machines round otherwise
NOTHING = 1e-6  # of the largest; ring 0, whose mean was taken off, is rounding alone


@dataclass(frozen=True)
class Expected:
    """One array of a measurement.

    Args:
        shape: sizes by letter: I images, C channels, W windows, R rings of the side, L rings of
            the lower side that is shown, H rings of half a field but ring 0, B bins of rings, P
            pairs of channels; a digit is itself.
        least: the smallest value that is possible.
        exact: (side, card) -> the array itself, where it is known.
        dtype: numpy's name of the type of its values.
    """

    shape: str
    least: float = 0.0
    exact: Callable[[int, Card], np.ndarray] | None = None
    dtype: str = "float64"


def _rings(side: int, card: Card) -> rings.Rings:
    n = side // card.latent_stride
    return rings.rings(n, n)


BY_SIDE = {
    "power": Expected("ICR"),
    "windows": Expected("IWR"),
    "noise": Expected("IR"),
    "noisy": Expected("IR"),
    "k": Expected("R", exact=lambda side, card: _rings(side, card).cycles_per_image),
    "modes": Expected("R", exact=lambda side, card: _rings(side, card).modes),
}
"""``<name>_<side>`` for each resolution of the study."""

OF_PAIR = {"cross": Expected("IBP", -np.inf, dtype="float32")}
"""``<name>_<side>`` for the two sides that are shown."""

OF_HIGH = {
    **{name: Expected("I2H") for name in ("left_right", "top_bottom")},
    **{f"pair_{name}": Expected("IL") for name in ("low", "cropped", "explained")},
    "pair_cross": Expected("IL", -np.inf),
}
"""``<name>_<side>`` for the higher of them."""

BY_VARIATION = {"varied": Expected("IR")}
"""``<name>_<variation>_<side>`` for each variation, at the two sides that are shown."""

BY_KIND = {"linear": {"psnr": Expected("", -np.inf), "relative_mse": Expected("")}}
"""What an encoder of a kind has besides, once."""


def expected(card: Card, plan: Plan) -> dict[str, tuple[Expected, int]]:
    """name -> what is expected of this array, and the side whose rings it has."""
    study = plan.study
    groups = ((BY_SIDE, study.resolutions), (OF_PAIR, study.pair), (OF_HIGH, (study.high,)))
    out = {
        f"{name}_{side}": (expected, side)
        for group, sides in groups
        for side in sides
        for name, expected in group.items()
    }
    for variation in plan.variations(card):
        for name, expected in BY_VARIATION.items():
            out |= {f"{name}_{variation.name}_{side}": (expected, side) for side in study.pair}
    return out | {name: (e, study.high) for name, e in BY_KIND.get(card.kind, {}).items()}


def arrays_of(payload: bytes, card: Card, plan: Plan) -> Arrays:
    """The arrays of an npz, each of the expected shape, finite and possible.

    Raises:
        InputError: the first that is not, or is missing or unknown.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as packed:
            if sum(info.file_size for info in packed.infolist()) > LARGEST:
                raise InputError(f"{card.name}: the .npz holds more than a measurement can")
        arrays = from_bytes(payload)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{card.name}: the .npz cannot be read: {error}") from None
    wanted = expected(card, plan)
    odd = sorted(arrays.keys() ^ wanted.keys())
    if odd:
        missing = odd[0] in wanted
        why = "lacks" if missing else f"has the unknown array (known: {', '.join(wanted)})"
        raise InputError(f"{card.name}: the .npz {why} '{odd[0]}'")
    common = _sizes(card, plan)
    for name, (what, side) in wanted.items():
        found = arrays[name]
        sizes = common | {"R": len(_rings(side, card).modes)}
        shape = tuple(int(sizes.get(letter, letter)) for letter in what.shape)
        if found.shape != shape or found.dtype != what.dtype:
            raise InputError(
                f"{card.name}: {name} is {found.dtype} {found.shape}, not {what.dtype} {shape}"
            )
        if not np.isfinite(found).all() or (found.size and found.min() < what.least):
            raise InputError(f"{card.name}: {name} has values that no measurement gives")
        if what.exact and not np.allclose(found, what.exact(side, card), rtol=1e-9, atol=0):
            raise InputError(f"{card.name}: {name} is not that of {side} px by this encoder")
    return arrays


def _sizes(card: Card, plan: Plan) -> dict[str, int]:
    """Sizes by letter, but for R."""
    study, images, channels = plan.study, len(plan.photographs), card.latent_channels
    grid = study.low // card.latent_stride
    bins = cross_spectra.shared_bins(grid, channels, images, study.window, study.bands)
    return {
        "I": images,
        "C": channels,
        "W": len(study.windows),
        "L": len(_rings(study.low, card).modes),
        "H": len(weighting.half_frequencies(study.high // card.latent_stride)),
        "B": len(bins.edges),
        "P": channels * (channels + 1) // 2,
    }


def consistent(arrays: Arrays, card: Card, plan: Plan) -> None:
    """InputError if the arrays can't be of one measurement with the study's noise and windows."""
    study, photo = plan.study, plan.photographs[0]
    window = (study.window.kind, study.window.beta)
    for side in study.resolutions:
        power = arrays[f"power_{side}"].mean(axis=1)
        noise, noisy = arrays[f"noise_{side}"], arrays[f"noisy_{side}"]
        n = side // card.latent_stride
        drawn = periodogram.raps(plan.eps(photo, side, (card.latent_channels, n, n)), *window)
        if not _close(noise[0], drawn.mean(axis=0)):
            raise InputError(
                f"{card.name}: noise_{side} is not the noise of seed {study.seed} for {photo.id}"
            )
        # |t z + (1-t) e|^2 differs from t^2 |z|^2 + (1-t)^2 |e|^2 by at most 2 t (1-t) |z| |e|.
        a, b = study.t**2 * power, (1 - study.t) ** 2 * noise
        most = 2 * np.sqrt(a * b) + ROUNDING * (a + b) + NOTHING * (a + b).max()
        if not (np.abs(noisy - a - b) <= most).all():
            raise InputError(f"{card.name}: noisy_{side} is not a blend of latents and noise")
        for index, other in enumerate(study.windows):
            same = (other.kind, other.beta) == window
            if same and not _close(arrays[f"windows_{side}"][:, index], power):
                raise InputError(f"{card.name}: windows_{side} and power_{side} disagree")


def _close(found: np.ndarray, right: np.ndarray) -> bool:
    """Equal but for rounding."""
    return np.allclose(found, right, rtol=ROUNDING, atol=NOTHING * float(right.max()))
