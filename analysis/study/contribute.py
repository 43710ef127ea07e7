"""Contributed results: what somebody measured elsewhere, checked before it enters ``data/results``.

A contribution is the pair that `archive` writes, ``<encoder>.npz`` and ``<encoder>.json``, or a zip
of the two. It is taken if it answers exactly the request that this checkout would compute, says
from what code and weights it comes, holds the arrays of one measurement, and its numbers follow
from them. Arrays are of one measurement if they are those that `steps` says, finite and possible;
if frequencies and modes are those of the grid; if the noise is what the study's seed gives; if the
blend z_t = t z + (1-t) eps lies where latents and noise allow it; and if what is said of the same
latents in several ways agrees (`related`). What is written is made anew from the checked parts, so
that nothing else in the file gets in.
"""

import hashlib
import io
import itertools
import json
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.encoders import cards
from analysis.encoders.cards import NEEDS
from analysis.project.errors import InputError, nearest
from analysis.project.files import write_atomic
from analysis.shift.equal_snr import at_frequencies
from analysis.spectra import cross_spectra, periodogram
from analysis.study import archive, steps
from analysis.study.measurement import Measured
from analysis.study.plan import Plan
from analysis.study.store import Arrays, from_bytes
from analysis.timesteps.noise import blend_scatter

HEX = {"sha256": "[0-9a-f]{64}", "commit": "[0-9a-f]{40}"}
ALWAYS = ("commit", "machine", "numpy", "pillow", "python")  # of the environment
CLOSE = 1e-4  # relative; other machines' rounding, which numbers of six digits show
LARGEST = 2**28  # bytes of a file or of its arrays; the largest bundled measurement has 2**21
ROUNDING = 1e-3  # relative; fields are float32, and transforms of other machines round otherwise
NOTHING = 1e-6  # of the largest; ring 0, whose mean was taken off, is rounding alone
DEVIATIONS = 6  # standard ones of `blend_scatter`; the 41,562 committed rings reach 2.0
LIKE = 0.1  # ln of a ratio; latents cropped to a coarser grid keep their power to 4 %
ALIKE = 0.5  # ln of a ratio; halves of pictures, or their other resizings, differ by up to 0.21
# What reading a damaged or hostile file may raise: a member that is encrypted or packed by a method
# of the future, JSON nested without end, arrays that no memory holds, broken streams.
UNREADABLE = (
    OSError,
    ValueError,
    RuntimeError,
    MemoryError,
    EOFError,
    KeyError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Contribution:
    """A pair as it came: the encoder's name, what the JSON says, and the npz."""

    name: str
    content: dict[str, Any]
    payload: bytes


# Reading -------------------------------------------------------------------------------------


def read(path: Path) -> Contribution:
    """A contribution: the ``.json`` or ``.npz`` of a pair that lies side by side, or a zip of it.

    Raises:
        InputError: a file is missing, too large, or not what its name says.
    """
    try:
        if path.suffix == ".zip":
            name, text, payload = _unzipped(path)
        elif path.suffix in (".json", ".npz"):
            pair = [path.with_suffix(ending) for ending in (".json", ".npz")]
            for one in pair:
                if one.stat().st_size > LARGEST:
                    raise InputError(f"{one}: larger than a measurement can be")
            name, (text, payload) = path.stem, [one.read_bytes() for one in pair]
        else:
            raise InputError(f"{path}: give the .json of a result (its .npz beside it), or a zip")
        content = json.loads(text)
    except FileNotFoundError as error:
        raise InputError(
            f"{error.filename}: no such file; a result is a .json and its .npz"
        ) from None
    except UNREADABLE as error:
        raise InputError(f"{path}: cannot be read: {_in_a_line(error)}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: its JSON is not an object with numbers and provenance")
    return Contribution(name, content, payload)


def _in_a_line(error: BaseException) -> str:
    """An error's words on one line, or its kind where it has none."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _unzipped(path: Path) -> tuple[str, bytes, bytes]:
    with zipfile.ZipFile(path) as packed:
        infos = {Path(info.filename).suffix: info for info in packed.infolist()}
        stems = {Path(info.filename).stem for info in infos.values()}
        if set(infos) != {".json", ".npz"} or len(packed.infolist()) != 2 or len(stems) != 1:
            raise InputError(f"{path}: a zip has to hold one .json and one .npz of the same name")
        if any(info.file_size > LARGEST for info in infos.values()):
            raise InputError(f"{path}: larger than a measurement can be")
        return stems.pop(), packed.read(infos[".json"]), packed.read(infos[".npz"])


# Checking ------------------------------------------------------------------------------------


def check(given: Contribution, plan: Plan) -> tuple[Arrays, dict[str, Any]]:
    """The arrays, and numbers and provenance as `archive.write` takes them, if all is right.

    Args:
        given: what came.
        plan: the study that it is to belong to.

    Raises:
        InputError: the first thing that is not as it should be, and what to do.
    """
    known = cards.cards()
    if given.name not in known:
        hint = nearest(given.name, list(known))
        raise InputError(f"{given.name}: no encoder has this name; {hint}: add its card first")
    card = known[given.name]
    if hashlib.sha256(given.payload).hexdigest() != given.content.get("sha256"):
        raise InputError(
            f"{card.name}: the .npz is not the file that the .json describes: send both as "
            "'python -m analysis results export' writes them"
        )
    provenance = _provenance(given.content.get("provenance"), card, plan)
    arrays = arrays_of(given.payload, card, plan)
    consistent(arrays, card, plan)
    numbers = Measured(card, plan.study, arrays, "contributed", provenance).numbers()
    numbers_given = given.content.get("numbers")
    place = archive.differs(archive.rounded(numbers), numbers_given, CLOSE, absolute=1e-9)
    if place:
        raise InputError(f"{card.name}: numbers{place} does not follow from the arrays")
    return arrays, {"numbers": numbers, "provenance": provenance}


def arrays_of(payload: bytes, card: cards.Card, plan: Plan) -> Arrays:
    """The arrays of an npz, each of the expected shape, finite and possible.

    Raises:
        InputError: the first that is not, or is missing or unknown.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as packed:
            if sum(info.file_size for info in packed.infolist()) > LARGEST:
                raise InputError(f"{card.name}: the .npz holds more than a measurement can")
        arrays = from_bytes(payload)
    except InputError:
        raise
    except Exception as error:  # of a header numpy raises what its parser of Python raises, too
        raise InputError(f"{card.name}: the .npz cannot be read: {_in_a_line(error)}") from None
    wanted = steps.measurement(plan.setting(card))
    odd = sorted(arrays.keys() ^ wanted.keys())
    if odd:
        missing = odd[0] in wanted
        why = "lacks" if missing else f"has the unknown array (known: {', '.join(wanted)})"
        raise InputError(f"{card.name}: the .npz {why} '{odd[0]}'")
    for name, (array, setting) in wanted.items():
        found = arrays[name]
        if unlike := array.unlike(found, setting):
            raise InputError(f"{card.name}: {name} {unlike}")
        if not (np.isfinite(found).all() and _within(found, array)):
            raise InputError(f"{card.name}: {name} has values that no measurement gives")
        if array.exact and not np.allclose(found, array.exact(setting), rtol=1e-9, atol=0):
            raise InputError(
                f"{card.name}: {name} is not that of {setting.side} px by this encoder"
            )
    return arrays


def _within(found: np.ndarray, array: steps.Array) -> bool:
    """Whether all values lie between the least and the largest that are possible."""
    return not found.size or bool(found.min() >= array.least and np.abs(found).max() <= array.most)


def consistent(arrays: Arrays, card: cards.Card, plan: Plan) -> None:
    """InputError if the arrays can't be of one measurement with the study's noise and windows."""
    study, setting = plan.study, plan.setting(card)
    for side in study.resolutions:
        # |t z + (1-t) e|^2 differs from t^2 |z|^2 + (1-t)^2 |e|^2 by at most 2 t (1-t) |z| |e|, and
        # in a ring of many modes by much less.
        power, modes = arrays[f"power_{side}"].mean(axis=1), setting.at(side).rings.modes
        a, b = study.t**2 * power, (1 - study.t) ** 2 * arrays[f"noise_{side}"]
        scatter = blend_scatter(power, modes, study.t, setting.window, card.latent_channels)
        most = np.minimum(2 * np.sqrt(a * b), DEVIATIONS * scatter)
        most += ROUNDING * (a + b) + NOTHING * (a + b).max()
        if not (np.abs(arrays[f"noisy_{side}"] - a - b) <= most).all():
            raise InputError(f"{card.name}: noisy_{side} is not a blend of latents and noise")
        for index, other in enumerate(study.windows):
            if other == study.window and not _close(arrays[f"windows_{side}"][:, index], power):
                raise InputError(f"{card.name}: windows_{side} and power_{side} disagree")
    for side, (number, photo) in itertools.product(study.resolutions, enumerate(plan.photographs)):
        of_photo = plan.setting(card, plan.view(photo, side))
        eps = of_photo.eps((card.latent_channels, of_photo.grid, of_photo.grid))
        drawn = periodogram.raps(eps, *setting.window).mean(axis=0)
        if not _close(arrays[f"noise_{side}"][number], drawn):
            raise InputError(
                f"{card.name}: noise_{side} is not the noise of seed {study.seed} for {photo.id}"
            )
    related(arrays, card, plan)


def related(arrays: Arrays, card: cards.Card, plan: Plan) -> None:
    """InputError if what is said of the same latents in several ways does not agree.

    - The cross-spectral matrices' diagonals are the channels' power, and they are positive
      semidefinite.
    - Of two resolutions: the low one's power is `power`; the cropped one's is that of the fine grid
      to a few percent; Cauchy-Schwarz bounds the cross-spectrum and what it explains.
    - Halves of the pictures, and the pictures resized or compressed otherwise, have nearly their
      power, mean over images and frequencies.
    """
    study, high, low = plan.study, plan.study.high, plan.study.low

    def want(right: object, name: str, what: str) -> None:
        if not right:
            raise InputError(f"{card.name}: {name} {what}")

    for side in study.pair:
        setting, name = plan.setting(card).at(side), f"cross_{side}"
        expected = periodogram.white_noise_raps(setting.grid, setting.grid, *setting.window)
        matrices = cross_spectra.unpacked(arrays[name].astype(np.float64), card.latent_channels)
        for matrix, power in zip(matrices, arrays[f"power_{side}"], strict=True):
            diagonal = np.stack([np.diag(row) for row in power.T])
            binned = setting.bins.average(diagonal, expected, setting.rings.modes)
            found, right = (np.diagonal(x, axis1=1, axis2=2) for x in (matrix, binned))
            want(_close(found, right), name, f"and power_{side} disagree")
        least = np.linalg.eigvalsh(matrices)[..., 0]
        trace = np.trace(matrices, axis1=-2, axis2=-1)
        want((least >= -ROUNDING * trace).all(), name, "is of no field: a power is negative")
    lower, cropped, cross, explained = (
        arrays[f"pair_{name}_{high}"] for name in ("low", "cropped", "cross", "explained")
    )
    coarse = arrays[f"power_{low}"].mean(axis=1)
    want(_close(lower, coarse), f"pair_low_{high}", f"and power_{low} disagree")
    room = 1 + ROUNDING
    small = NOTHING * lower.max()
    want((explained <= room * lower + small).all(), f"pair_explained_{high}", "explains too much")
    bound = room * np.sqrt(lower * cropped) + small
    want((np.abs(cross) <= bound).all(), f"pair_cross_{high}", "is more than both fields hold")
    # The fine grid's power at the coarse grid's rings, up to half the Nyquist frequency.
    at = {side: arrays[f"k_{side}"] for side in study.pair}
    rings = slice(1, max(2, len(at[low]) // 2))
    fine = at_frequencies(at[low][1:], at[high][1:], arrays[f"power_{high}"].mean(axis=1)[:, 1:])
    fine = fine[:, : rings.stop - 1] * (low / high) ** 2
    want(
        _alike(cropped[:, rings], fine, LIKE), f"pair_cropped_{high}", f"and power_{high} disagree"
    )
    whole = arrays[f"power_{high}"].mean(axis=1)[:, rings]
    for name in ("left_right", "top_bottom"):
        half = arrays[f"{name}_{high}"]
        want(
            _alike(half.mean(axis=1), arrays[f"power_{high}"].mean(axis=1)[:, 2:], ALIKE),
            f"{name}_{high}",
            f"and power_{high} disagree",
        )
    for variation in study.variations:
        name = steps.stored("power", high, variation)
        if name in arrays and not variation.images and not variation.sample:
            want(_alike(arrays[name][:, rings], whole, ALIKE), name, f"and power_{high} disagree")


def _alike(found: np.ndarray, right: np.ndarray, most: float) -> bool:
    """Whether the geometric means of two spectra, over images and frequencies, are alike."""
    means = [np.log(np.maximum(x, np.finfo(float).tiny)).mean() for x in (found, right)]
    return bool(abs(means[0] - means[1]) <= most)


def _close(found: np.ndarray, right: np.ndarray) -> bool:
    """Equal but for rounding."""
    return np.allclose(found, right, rtol=ROUNDING, atol=NOTHING * float(right.max()))


def _provenance(given: Any, card: cards.Card, plan: Plan) -> dict[str, Any]:
    """Key, commit, versions, time and weights, of the expected form; all else is left out."""

    def want(right: bool, what: str) -> None:
        if not right:
            raise InputError(f"{card.name}: provenance {what}")

    want(isinstance(given, dict), "is missing")
    environment = given.get("environment")
    want(isinstance(environment, dict), "has no environment")
    needed = [*ALWAYS, *(name for name in NEEDS[card.kind] if name in ("torch", "diffusers"))]
    for name in needed:
        want(name in environment, f"names no {name}")
    for name, value in environment.items():
        right = isinstance(value, str) and re.fullmatch(r"[\w.+-]{1,64}", name + value)
        want(bool(right), f"has something odd as {name!r}")
    commit = environment["commit"]
    want(
        re.fullmatch(HEX["commit"], commit) is not None,
        f"has commit '{commit}', by which its code can't be found: commit, and compute again",
    )
    expected = plan.measurement_request(card).key
    want(
        given.get("key") == expected,
        f"has key {str(given.get('key'))[:12]}, this study asks for {expected[:12]}: it was made "
        f"from other photographs, settings, weights or steps than '{plan.study.name}' here",
    )
    out = {"key": expected, "environment": dict(sorted(environment.items()))}
    seconds, written = given.get("seconds"), given.get("written")
    want(isinstance(seconds, int | float) and 0 <= seconds < 1e9, "has no seconds")
    right = isinstance(written, str) and re.fullmatch(r"\d{4}(-\d\d){2}T\d\d(:\d\d){2}Z", written)
    want(bool(right), "does not say when it was written (UTC, as 2026-01-31T12:00:00Z)")
    if NEEDS[card.kind]:
        sha256 = given.get("weights_sha256") or card.sha256
        right = isinstance(sha256, str) and re.fullmatch(HEX["sha256"], sha256)
        want(bool(right), "has no weights_sha256, and the card none either: pin the card")
        want(card.sha256 in ("", sha256), f"has other weights than the card ({sha256[:12]}...)")
        out["weights_sha256"] = sha256
    return out | {"seconds": seconds, "written": written}


# Taking in and sending -----------------------------------------------------------------------


def add(path: Path, plan: Plan) -> list[Path]:
    """Check a contribution and write it to ``data/results/<study>``; the files written.

    Raises:
        InputError: it is not as it should be, or there are this encoder's results already.
    """
    given = read(path)
    arrays, content = check(given, plan)
    own = archive.folder(plan.study.name) / f"{given.name}.json"
    same = archive.answering(plan.study.name, content["provenance"]["key"], given.name)
    if there := own if own.is_file() else same:
        raise InputError(
            f"{archive.place(there)}/{there.name} is there already: remove it and its .npz first "
            "if this one is to take its place"
        )
    written = archive.write(plan.study.name, given.name, arrays, content)
    return [written, written.with_suffix(".npz")]


def export(name: str, plan: Plan, to: Path, weights_sha256: str = "") -> Path:
    """Write what was measured here of one encoder as the zip that a contributor sends.

    Args:
        name: the encoder's.
        plan: the study.
        to: a folder; made if it is not there.
        weights_sha256: of the weights, where the card does not have it.

    Raises:
        MissError: it was not measured.
        InputError: it would not be taken: from uncommitted code, or without a pinned card.
    """
    card = cards.card(name)
    request = plan.measurement_request(card)
    arrays, _, provenance = archive.find(plan.store, plan.study.name, request, card.name)
    if NEEDS[card.kind] and (weights_sha256 or card.sha256):
        provenance["weights_sha256"] = weights_sha256 or card.sha256
    numbers = Measured(card, plan.study, arrays, "computed", provenance).numbers()
    text, payload = archive.pair(arrays, {"numbers": numbers, "provenance": provenance})
    check(Contribution(card.name, json.loads(text), payload), plan)
    path = to / f"{card.name}.zip"
    write_atomic(path, _zipped({f"{card.name}.json": text, f"{card.name}.npz": payload}))
    return path


def _zipped(files: dict[str, bytes]) -> bytes:
    """A zip whose bytes depend on the files alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in files.items():
            packed.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()
