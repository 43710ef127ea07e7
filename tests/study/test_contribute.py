"""Contributed results: taken if all holds together, refused in one line if one thing does not."""

import hashlib
import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.encoders.cards import card, cards
from analysis.project.errors import InputError
from analysis.study import archive, contribute, measurement, steps
from analysis.study.plan import Plan
from analysis.study.settings import load_study
from analysis.study.store import Arrays, MissError, Store, from_bytes, to_bytes

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LINEAR = "linear-f8c16"
NOISES = ("noise_64", "noisy_64")
Change = Callable[[Arrays], object]
Pair = tuple[dict[str, Any], dict[str, np.ndarray]]


@pytest.fixture
def plan(here: Path) -> Plan:
    """The plan of somebody who takes results in, and has computed nothing."""
    return Plan(load_study("tiny"), Store())


@pytest.fixture
def pair(plan: Plan, tiny_store: Path) -> Callable[[str], Pair]:
    """What a contributor has of an encoder: JSON and arrays, as computed at a commit."""

    def made(name: str) -> Pair:
        request = plan.measurement_request(card(name))
        store = Store(tiny_store)
        arrays = store.get(request)
        assert arrays is not None
        provenance = store.sidecar(request)
        provenance["environment"]["commit"] = COMMIT
        numbers = measurement.Measured(
            card(name), plan.study, arrays, "computed", provenance
        ).numbers()
        return {"numbers": archive.rounded(numbers), "provenance": provenance}, arrays

    return made


def write(folder: Path, name: str, pair: Pair) -> Path:
    """The pair as files; its JSON."""
    content, arrays = pair
    payload = to_bytes(arrays)
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.npz").write_bytes(payload)
    digest = hashlib.sha256(payload).hexdigest()
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"sha256": digest, **content}), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["pixel", "linear-f8c16"])
def test_a_sound_pair_is_taken(
    plan: Plan, pair: Callable[[str], Pair], tmp_path: Path, name: str
) -> None:
    content, arrays = pair(name)
    provenance = {**content["provenance"], "note": "<script>"}
    path = write(tmp_path / "sent", name, (content | {"more": 1, "provenance": provenance}, arrays))
    written = contribute.add(path, plan)
    folder = archive.folder("tiny")
    assert written == [folder / f"{name}.json", folder / f"{name}.npz"]
    # it answers the request, and nothing else of the file got in
    request = plan.measurement_request(card(name))
    found, kept = archive.read("tiny", request, name, "")
    assert kept == content["provenance"]
    for key, values in arrays.items():
        np.testing.assert_array_equal(found[key], values)
    assert json.loads(written[0].read_text()).keys() == {"numbers", "provenance", "sha256"}
    with pytest.raises(InputError, match=r"tiny/.*\.json is there already: remove it"):
        contribute.add(path, plan)


def test_a_zip_is_taken_too(plan: Plan, pair: Callable[[str], Pair], tmp_path: Path) -> None:
    path = write(tmp_path / "sent", "pixel", pair("pixel"))
    with zipfile.ZipFile(tmp_path / "any.zip", "w") as packed:
        for one in (path, path.with_suffix(".npz")):
            packed.write(one, f"folder/{one.name}")
    assert contribute.add(tmp_path / "any.zip", plan)[0].name == "pixel.json"


def refused(plan: Plan, path: Path) -> str:
    with pytest.raises(InputError) as error:
        contribute.add(path, plan)
    assert "\n" not in str(error.value)
    assert not archive.folder("tiny").exists()
    return str(error.value)


def deep(content: dict[str, Any], place: str, value: object) -> None:
    """Set, or with Ellipsis delete, the value at a dotted place."""
    *way, last = place.split(".")
    for key in way:
        content = content[key]
    if value is ...:
        del content[last]
    else:
        content[last] = value


E = "provenance.environment"


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("sha256", "0" * 64, "the .npz is not the file that the .json describes"),
        ("provenance", ..., "provenance is missing"),
        (E, ..., "provenance has no environment"),
        (f"{E}.numpy", ..., "provenance names no numpy"),
        (f"{E}.commit", COMMIT + "+changes", "by which its code can't be found: commit, and comp"),
        (f"{E}.python", "<b>3</b>", "provenance has something odd as 'python'"),
        ("provenance.key", "0" * 64, "has key 000000000000, this study asks for "),
        ("provenance.seconds", -1, "provenance has no seconds"),
        ("provenance.written", "today", "does not say when it was written"),
        ("numbers", ..., "numbers (as a whole) does not follow from the arrays"),
        ("numbers.measured", 2.5, "numbers.measured does not follow from the arrays"),
        ("numbers.bands.low.band", [0.0, 1.0], "numbers.bands.low.band[0] does not follow"),
    ],
)
def test_what_is_wrong_is_said(
    plan: Plan, pair: Callable[[str], Pair], tmp_path: Path, place: str, value: object, said: str
) -> None:
    content, arrays = pair("pixel")
    deep(content, place, value)
    message = refused(plan, write(tmp_path / "sent", "pixel", (content, arrays)))
    assert message.startswith("pixel: ")
    assert said in message


def scaled(name: str, factor: float) -> Change:
    return lambda arrays: arrays.update({name: arrays[name] * factor})


def put(name: str, value: float) -> Change:
    return lambda arrays: arrays[name].flat.__setitem__(-1, value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda a: a.pop("noisy_64"), "the .npz lacks 'noisy_64'"),
        (lambda a: a.update(extra=a["k_64"]), "has the unknown array .* 'extra'"),
        (
            lambda a: a.update(power_64=a["power_64"][:-1]),
            r"power_64 is float64 \(2, 16, 5\), not float64 \(3, 16, 5\)",
        ),
        (
            lambda a: a.update(noise_64=a["noise_64"].astype(np.float32)),
            "noise_64 is float32 .* not float64",
        ),
        (put("noisy_128", np.nan), "noisy_128 has values that no measurement gives"),
        (put("power_64", -1.0), "power_64 has values that no measurement gives"),
        (lambda a: a.update(k_64=a["k_64"][::-1]), "k_64 is not that of 64 px by this encoder"),
        (scaled("modes_128", 1.001), "modes_128 is not that of 128 px by this encoder"),
        (lambda a: a.update(noise_64=a["noise_64"][::-1]), "noise_64 is not the noise of seed 7"),
        (
            lambda a: [a[name].__setitem__(-1, 2 * a[name][-1]) for name in NOISES],
            "noise_64 is not the noise of seed 7 for ",
        ),
        (scaled("noisy_64", 4.0), "noisy_64 is not a blend of latents and noise"),
        (put("noisy_128", 1e-9), "noisy_128 is not a blend of latents and noise"),
        (scaled("power_128", 1.01), "windows_128 and power_128 disagree"),
        (put("pair_low_128", -1.0), "pair_low_128 has values that no measurement gives"),
        (lambda a: a.update(psnr=np.array(np.inf)), "psnr has values"),
        # One thing said of the same latents in two ways that disagree.
        (scaled("cross_64", np.float32(2)), "cross_64 and power_64 disagree"),
        (
            lambda a: a["cross_128"].__setitem__((..., 1), 3 * a["cross_128"].max()),
            "cross_128 is of no field: a power is negative",
        ),
        (scaled("pair_low_128", 2.0), "pair_low_128 and power_64 disagree"),
        (scaled("pair_cropped_128", 2.0), "pair_cropped_128 and power_128 disagree"),
        (scaled("pair_cross_128", 2.0), "pair_cross_128 is more than both fields hold"),
        (scaled("pair_explained_128", 2.0), "pair_explained_128 explains too much"),
        (scaled("left_right_128", 2.0), "left_right_128 and power_128 disagree"),
        (scaled("top_bottom_128", 2.0), "top_bottom_128 and power_128 disagree"),
        (put("windows_64", 1e300), "windows_64 has values that no measurement gives"),
        (put("top_bottom_128", 1e300), "top_bottom_128 has values that no measurement gives"),
    ],
)
def test_arrays_of_no_measurement_are_refused(
    plan: Plan, pair: Callable[[str], Pair], tmp_path: Path, change: Change, said: str
) -> None:
    content, arrays = pair(LINEAR)
    assert arrays.keys() == steps.measurement(plan.setting(card(LINEAR))).keys()
    change(arrays)
    message = refused(plan, write(tmp_path / "sent", LINEAR, (content, arrays)))
    assert re.search(f"^linear-f8c16: .*{said}", message)


COMMITTED = [
    (study, path.stem)
    for study in ("bundled", "wallpapers")
    for path in sorted(archive.folder(study).glob("*.npz"))
    if path.stem in cards()
]


@pytest.mark.parametrize(("study", "name"), COMMITTED)
def test_a_blend_lies_where_the_noise_can_take_it(study: str, name: str) -> None:
    """What is committed passes; half of one ring of one photograph does not, nor nothing of it."""
    assert len(COMMITTED) == 6
    path = archive.folder(study) / f"{name}.npz"
    plan, arrays = Plan(load_study(study), Store()), from_bytes(path.read_bytes())
    contribute.consistent(arrays, card(name), plan)
    for side in plan.study.pair:
        noisy = arrays[f"noisy_{side}"]
        for at, factor in ((0.35, 1e-9), (0.9, 0.5), (0.9, 2.0), (0.9, 1e-9)):
            ring = int(at * noisy.shape[1])
            damaged = noisy.copy()
            damaged[-1, ring] *= factor
            with pytest.raises(InputError, match=f"^{name}: noisy_{side} is not a blend"):
                contribute.consistent(arrays | {f"noisy_{side}": damaged}, card(name), plan)


def test_a_file_that_is_no_npz_or_too_large(
    plan: Plan, pair: Callable[[str], Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, arrays = pair(LINEAR)

    def said(payload: bytes) -> str:
        given = content | {"sha256": hashlib.sha256(payload).hexdigest()}
        with pytest.raises(InputError) as error:
            contribute.check(contribute.Contribution(LINEAR, given, payload), plan)
        return str(error.value)

    pickled = io.BytesIO()
    np.savez(pickled, power_64=np.array([{}], dtype=object))
    assert "the .npz cannot be read" in said(b"PK")
    assert "the .npz cannot be read: Object arrays" in said(pickled.getvalue())
    monkeypatch.setattr(contribute, "LARGEST", 1000)
    assert "holds more than a measurement can" in said(to_bytes(arrays))


CARD = f"""
[mine]
title = "Known by its commit alone"
kind = "diffusers"
class = "AutoencoderKL"
channels = 4
stride = 8
scale = 0.5
repo = "some/model"
revision = "{COMMIT}"
"""


def test_the_encoder_has_to_be_known_and_pinned(
    plan: Plan, pair: Callable[[str], Pair], tmp_path: Path
) -> None:
    content, arrays = pair("pixel")
    said = refused(plan, write(tmp_path / "sent", "pixle", (content, arrays)))
    assert said == "pixle: no encoder has this name; did you mean 'pixel'?: add its card first"

    def sent(name: str, **more: object) -> str:
        key = plan.measurement_request(card(name)).key
        environment = {**content["provenance"]["environment"], "torch": "2.9", "diffusers": "0.40"}
        provenance = {**content["provenance"], "environment": environment, "key": key, **more}
        return refused(plan, write(tmp_path / "s", name, ({"provenance": provenance}, arrays)))

    # its card has the weights' hash: everything is right but the arrays, which are of pixels
    assert "taef2: power_64 is " in sent("taef2")
    assert "has other weights than the card (ffff" in sent("taef2", weights_sha256="f" * 64)
    missing = {key: v for key, v in content["provenance"]["environment"].items() if key != "torch"}
    assert "taef2: provenance names no torch" in sent("taef2", environment=missing)
    with (plan.store.folder.parent / "encoders.toml").open("a", encoding="utf-8") as file:
        file.write(CARD)
    assert "has no weights_sha256, and the card none either: pin" in sent("mine")
    assert "mine: power_64 is " in sent("mine", weights_sha256="f" * 64)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("pixel.json", b"{}", "pixel.npz: no such file; a result is a .json and its .npz"),
        ("pixel.npz", b"", "pixel.json: no such file"),
        ("pixel.txt", b"", "pixel.txt: give the .json of a result (its .npz beside it), or a zip"),
        ("broken.zip", b"PK", "broken.zip: cannot be read"),
    ],
)
def test_files_that_are_no_pair(
    plan: Plan, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert said in refused(plan, tmp_path / name)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a.json": b"{", "a.npz": b""}, "cannot be read"),
        ({"a.json": b"[]", "a.npz": b""}, "is not an object with numbers and provenance"),
        ({"a.json": b"{}", "b.npz": b""}, "one .json and one .npz of the same name"),
        ({"a.json": b"{}", "a.npz": b"", "c.txt": b""}, "one .json and one .npz of the same name"),
    ],
)
def test_zips_that_hold_no_pair(
    plan: Plan, tmp_path: Path, files: dict[str, bytes], said: str
) -> None:
    with zipfile.ZipFile(tmp_path / "sent.zip", "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    assert said in refused(plan, tmp_path / "sent.zip")


def test_what_is_too_large_is_not_read(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contribute, "LARGEST", 10)
    (tmp_path / "pixel.json").write_bytes(b"{}")
    (tmp_path / "pixel.npz").write_bytes(bytes(11))
    assert "larger than a measurement can be" in refused(plan, tmp_path / "pixel.json")
    with zipfile.ZipFile(tmp_path / "sent.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("pixel.json", "{}")
        packed.writestr("pixel.npz", bytes(11))
    assert "larger than a measurement can be" in refused(plan, tmp_path / "sent.zip")


def test_export_writes_what_add_takes(plan: Plan, tiny_store: Path, tmp_path: Path) -> None:
    with pytest.raises(MissError, match="measurement of pixel"):
        contribute.export("pixel", plan, tmp_path)
    shutil.copytree(tiny_store, plan.store.folder)
    with pytest.raises(InputError, match="commit 'unknown', by which its code can't be found"):
        contribute.export("pixel", plan, tmp_path / "out")  # the tests' project is no repository
    assert not (tmp_path / "out").exists()
    for sidecar in (plan.store.folder / "measurement").rglob("*.json"):
        content = json.loads(sidecar.read_text())
        content["environment"]["commit"] = COMMIT
        del content["itself"]  # its hash of itself, which sidecars of before have not
        sidecar.write_text(json.dumps(content))
    path = contribute.export("pixel", plan, tmp_path / "out")
    assert path == tmp_path / "out" / "pixel.zip"
    assert contribute.export("pixel", plan, tmp_path / "two").read_bytes() == path.read_bytes()
    assert [one.name for one in contribute.add(path, plan)] == ["pixel.json", "pixel.npz"]
    # and what was taken in can be sent on, where it is not in the store
    shutil.rmtree(plan.store.folder)
    assert contribute.export("pixel", plan, tmp_path / "three").read_bytes() == path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as packed:
        assert packed.namelist() == ["pixel.json", "pixel.npz"]


@pytest.mark.parametrize("what", ["encrypted", "future", "deep", "no npy", "huge"])
def test_what_cannot_be_read_is_one_line(plan: Plan, tmp_path: Path, what: str) -> None:
    text, payload = b"{}", io.BytesIO()
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    huge = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n"
    with zipfile.ZipFile(payload, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("power_64.npy", huge if what == "huge" else b"no array")
    npz = bytearray(payload.getvalue())
    if what == "deep":
        text = b"[" * 100_000
    sent = contribute._zipped({"pixel.json": text, "pixel.npz": bytes(npz)})
    content = bytearray(sent)
    central = sent.rindex(b"PK\x01\x02")
    local = sent.rindex(b"PK\x03\x04", 0, central)
    if what == "encrypted":
        for at in (local + 6, central + 8):
            content[at] |= 1
    elif what == "future":
        content[central + 6] = 99  # the version needed to extract it
    path = tmp_path / "pixel.zip"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        contribute.check(contribute.read(path), plan)
    assert "\n" not in str(refused.value)
    if what in ("no npy", "huge"):
        with pytest.raises(InputError, match=r"cannot be read|lacks") as told:
            contribute.arrays_of(bytes(npz), card("pixel"), plan)
        assert "\n" not in str(told.value)
