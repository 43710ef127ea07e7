"""The store: keys are content, entries are whole or absent, damage is seen, misses explain."""

import dataclasses
import errno
import hashlib
import io
import itertools
import json
import os
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.project import files
from analysis.project.errors import InputError
from analysis.spectra.periodogram import raps, white_noise_raps
from analysis.study.store import Arrays, MissError, Request, Store, from_bytes, sweep, to_bytes

ROOT = Path(__file__).resolve().parents[2]
REQUEST = Request(
    "spectra",
    1,
    {"window": {"kind": "kaiser", "beta": 2.0}, "t": 0.5},
    {"moments": "a" * 64},
    "spectra of kite",
)
ARRAYS = {"power": np.arange(6.0).reshape(2, 3), "k": np.arange(3, dtype=np.float32)}


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def store(tmp_path: Path, said: list[str]) -> Store:
    return Store(tmp_path / "store", compute="auto", say=said.append)


def entry(store: Store, request: Request = REQUEST) -> tuple[Path, Path]:
    """The payload and the sidecar of the one entry."""
    (sidecar,) = (store.folder / request.step).glob(f"*/{request.key}.json")
    return sidecar.with_suffix(".npz"), sidecar


def same(found: Arrays | None, expected: Arrays = ARRAYS) -> bool:
    return (
        found is not None
        and found.keys() == expected.keys()
        and all(
            found[n].dtype == expected[n].dtype and np.array_equal(found[n], expected[n])
            for n in found
        )
    )


# Keys ----------------------------------------------------------------------------------------


def test_a_key_is_the_sha256_of_what_it_describes() -> None:
    # Written out, so that an unintended change of the recipe, which would orphan every store,
    # is seen.
    text = '{"inputs":{"a":"b"},"parameters":{"x":1},"step":"s","version":2}'
    assert Request("s", 2, {"x": 1}, {"a": "b"}).key == hashlib.sha256(text.encode()).hexdigest()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def reordered(value: object) -> object:
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(list(value))}
    return [reordered(item) for item in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_the_order_of_dictionary_keys_is_irrelevant(parameters: dict) -> None:
    turned = reordered(parameters)
    assert Request("s", 1, parameters, {}).key == Request("s", 1, turned, {}).key  # type: ignore[arg-type]


OTHER = {
    "step": {"step": "spectrum"},
    "version": {"version": 2},
    "value": {"parameters": {"window": {"kind": "kaiser", "beta": 8.0}, "t": 0.5}},
    "less": {"parameters": {"window": {"kind": "kaiser", "beta": 2.0}}},
    "more": {"parameters": {**REQUEST.parameters, "more": None}},
    "input": {"inputs": {"moments": "b" * 64}},
    "name": {"inputs": {"moment": "a" * 64}},
    "none": {"inputs": {}},
}


def test_everything_but_the_label_changes_the_key() -> None:
    requests = [dataclasses.replace(REQUEST, **change) for change in OTHER.values()]
    assert len({one.key for one in (REQUEST, *requests)}) == 1 + len(OTHER)
    assert dataclasses.replace(REQUEST, label="another name").key == REQUEST.key


def test_a_key_of_what_is_no_json_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        _ = Request("s", 1, {"x": float("nan")}, {}).key
    with pytest.raises(TypeError, match="not JSON serializable"):
        _ = Request("s", 1, {"x": Path(".")}, {}).key


# Bytes ---------------------------------------------------------------------------------------


def test_bytes_of_equal_arrays_are_equal() -> None:
    first = to_bytes(ARRAYS)
    turned = {name: ARRAYS[name].copy() for name in reversed(list(ARRAYS))}
    assert to_bytes(turned) == first
    # neither the order in memory nor the clock enters
    fortran = {name: np.asfortranarray(array) for name, array in ARRAYS.items()}
    assert not fortran["power"].flags.c_contiguous
    assert to_bytes(fortran) == first
    retyped = {**ARRAYS, "k": ARRAYS["k"].astype(np.float64)}
    assert len({to_bytes(a) for a in (ARRAYS, {**ARRAYS, "k": ARRAYS["k"] + 1}, retyped)}) == 3
    dates = {info.date_time for info in zipfile.ZipFile(io.BytesIO(first)).infolist()}
    assert dates == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(
    "array", [np.array(1.5), np.zeros((0, 3)), np.array(["a", "bc"]), np.array([True])]
)
def test_arrays_come_back_as_they_were(array: np.ndarray) -> None:
    back = from_bytes(to_bytes({"x": array}))["x"]
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    np.testing.assert_array_equal(back, array)


class Explosive:
    """Unpickling this would make a file."""

    def __reduce__(self) -> tuple:
        return (open, ("exploded", "w"))


def test_pickles_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    buffer = io.BytesIO()
    np.savez(buffer, x=np.array([Explosive()], dtype=object))  # type: ignore[arg-type]
    for payload in (buffer.getvalue(), pickle.dumps(Explosive())):
        with pytest.raises(ValueError, match="pickle"):
            from_bytes(payload)
    assert not Path("exploded").exists()


# Storing and damage --------------------------------------------------------------------------


def test_what_is_put_is_got(store: Store) -> None:
    assert store.get(REQUEST) is None
    assert store.state(REQUEST) == "absent"
    store.put(REQUEST, ARRAYS, 1.23456)
    assert same(store.get(REQUEST))
    assert store.state(REQUEST) == "sound"
    sidecar = store.sidecar(REQUEST)
    assert sidecar["key"] == REQUEST.key
    assert sidecar["seconds"] == 1.235
    assert sidecar["environment"]["numpy"] == np.__version__
    assert sidecar["written"].endswith("Z")
    content = json.loads(entry(store)[1].read_bytes())
    assert {part: content[part] for part in REQUEST.described()} == REQUEST.described()
    assert content["label"] == REQUEST.label


def test_obtain_computes_once(store: Store) -> None:
    calls = []

    def compute() -> Arrays:
        calls.append(1)
        return ARRAYS

    assert same(store.obtain(REQUEST, compute))
    assert same(store.obtain(dataclasses.replace(REQUEST, label="again"), compute))
    assert len(calls) == 1
    assert store.computed == ["spectra of kite"]


def flipped(payload: bytes) -> bytes:
    middle = len(payload) // 2
    return payload[:middle] + bytes([payload[middle] ^ 1]) + payload[middle + 1 :]


def of_another(store: Store) -> bytes:
    """A sound sidecar of another request."""
    request = dataclasses.replace(REQUEST, version=9)
    store.put(request, ARRAYS)
    return entry(store, request)[1].read_bytes()


@pytest.mark.parametrize(
    ("payload", "sidecar", "why"),
    [
        (flipped, None, "does not match its SHA-256"),
        (lambda old: old[:-1], None, "does not match its SHA-256"),
        (lambda old: b"", None, "does not match its SHA-256"),
        (lambda old: to_bytes({"k": np.zeros(1)}), None, "does not match its SHA-256"),
        (None, lambda old, _: re.sub(rb'256": "\w+', b'256": "' + b"0" * 64, old), "SHA-256"),
        (lambda old: None, None, "payload is missing"),
        (None, lambda old, store: of_another(store), "belongs to another key"),
        (None, lambda old, _: b"[]", "sidecar is not complete"),
        (None, lambda old, _: b"[" * 100_000, "sidecar is no JSON"),
        (None, lambda old, _: old[:40], "sidecar is no JSON"),
        (None, lambda old, _: b"\xff\xfe\x00", "sidecar is no JSON"),
    ],
)
def test_damage_is_refused_said_and_computed_again(
    store: Store, said: list[str], payload: Any, sidecar: Any, why: str
) -> None:
    store.put(REQUEST, ARRAYS)
    for path, change in zip(entry(store), (payload, sidecar), strict=True):
        if change is None:
            continue
        old = path.read_bytes()
        new = change(old) if change is payload else change(old, store)
        path.unlink() if new is None else path.write_bytes(new)
    assert store.state(REQUEST) == "damaged"
    assert store.get(REQUEST) is None
    assert len(said) == 1 and why in said[0]
    assert said[0].startswith("damaged cache entry for spectra of kite: ")
    with pytest.raises(MissError):
        Store(store.folder, compute="never").obtain(REQUEST, lambda: ARRAYS)
    assert same(store.obtain(REQUEST, lambda: ARRAYS))
    assert store.computed == ["spectra of kite"]
    assert same(store.get(REQUEST)) and store.state(REQUEST) == "sound"


def test_no_byte_of_a_sidecar_can_change_what_is_told(store: Store) -> None:
    store.put(REQUEST, ARRAYS, 1.5)
    path, told = entry(store)[1], store.sidecar(REQUEST)
    old = path.read_bytes()
    for place, bit in itertools.product(range(len(old)), (1, 32)):
        path.write_bytes(old[:place] + bytes([old[place] ^ bit]) + old[place + 1 :])
        assert store.state(REQUEST) == "damaged" or store.sidecar(REQUEST) == told
    without = {name: value for name, value in json.loads(old).items() if name != "itself"}
    path.write_bytes(json.dumps(without).encode())
    assert store.state(REQUEST) == "sound", "as entries of before are"


def test_entries_of_other_code_are_named(store: Store) -> None:
    def one(version: int, *by: Any) -> Request:
        return dataclasses.replace(REQUEST, version=version, code=by)

    of_before, absent = one(1), one(2, raps)
    same = [one(3, raps), one(4, raps)]
    for request in (of_before, *same):
        store.put(request, ARRAYS)
    assert [*store.other_code([of_before, absent, *same])] == []
    changed = one(4, white_noise_raps)
    assert changed.key == same[1].key, "the source is in no key"
    ((line, mixed),) = store.other_code([of_before, absent, same[0], changed])
    assert line.startswith("step 'spectra': 1 in the cache were computed by other code of the same")
    assert mixed and "and others by this, so that results are mixed" in line
    ((line, mixed),) = store.other_code([changed])
    assert not mixed and "mixed" not in line


# Misses --------------------------------------------------------------------------------------


def never(store: Store, request: Request) -> str:
    """The message of a miss; nothing is computed."""

    def compute() -> Arrays:
        raise AssertionError("computed under never")

    with pytest.raises(MissError) as error:
        Store(store.folder, compute="never").obtain(request, compute)
    return str(error.value)


def test_a_miss_names_the_step_and_what_to_do(store: Store) -> None:
    message = never(store, REQUEST)
    assert message.startswith("step 'spectra' (spectra of kite) is not in the cache and ANALYSIS_")
    assert "nothing is stored for 'spectra'" in message and "\n" not in message
    assert "python -m analysis compute" in message
    assert "ANALYSIS_COMPUTE" not in store.explain_miss(REQUEST)
    store.put(REQUEST, ARRAYS)
    assert same(Store(store.folder, compute="never").obtain(REQUEST, dict))
    entry(store)[1].write_bytes(b"{")
    assert "nothing is stored" in never(store, dataclasses.replace(REQUEST, version=2))


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("version", "version is 2, stored 1"),
        ("value", "parameters.window.beta is 8.0, stored 2.0"),
        ("more", "parameters.more is null, stored absent"),
        ("less", "parameters.t is absent, stored 0.5"),
        ("input", 'inputs.moments is "bbbbbbbbbbbbbbbbbbb..., stored "aaaaaaaaaaaaaaaaaaa...'),
    ],
)
def test_a_miss_names_the_difference_from_the_nearest_entry(
    store: Store, change: str, difference: str
) -> None:
    far = dataclasses.replace(REQUEST, version=7, parameters={"other": 1}, inputs={"x": "y"})
    store.put(far, ARRAYS)
    store.put(REQUEST, ARRAYS)
    message = never(store, dataclasses.replace(REQUEST, **OTHER[change]))
    assert message.split("nearest stored entry differs: ")[1].split(". Run")[0] == difference


# Removing ------------------------------------------------------------------------------------


def test_only_what_nobody_writes_any_more_is_swept(store: Store) -> None:
    store.put(REQUEST, ARRAYS)
    left = [
        entry(store)[0].parent / ".tmp-abc", store.downloads / ".part-abc",
        store.folder / "pages" / "index-0" / ".tmp-abc",
    ]  # fmt: skip
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    assert sweep(store.folder) == []
    for path in left:
        os.utime(path, (0, 0))
    assert sorted(sweep(store.folder)) == sorted(left)
    assert store.state(REQUEST) == "sound"


def test_cleared_is_what_the_store_holds_and_nothing_else_in_its_folder(store: Store) -> None:
    store.put(REQUEST, ARRAYS)
    own = [store.downloads / "pins.json", store.downloads / ("0" * 64)]
    theirs = [store.folder / "notes.txt", store.downloads / "my thesis.pdf"]
    for path in (*own, *theirs):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"1234")
    assert store.sizes().keys() == {"downloads", "spectra"}
    assert store.sizes()["downloads"] == {"files": 2, "bytes": 8}
    assert store.clear(downloads=False).keys() == {"spectra"}
    assert store.state(REQUEST) == "absent" and all(path.exists() for path in own)
    assert not (store.folder / "spectra").exists()
    assert store.clear(downloads=True).keys() == {"downloads"}
    assert sorted(path for path in store.folder.rglob("*") if path.is_file()) == sorted(theirs)


# Settings ------------------------------------------------------------------------------------


def test_the_environment_says_where_and_whether(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    monkeypatch.setenv("ANALYSIS_CACHE", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("ANALYSIS_COMPUTE", "never")
    store = Store()
    assert store.folder == tmp_path / "elsewhere"
    assert store.downloads == tmp_path / "elsewhere" / "downloads"
    assert store.compute == "never"
    monkeypatch.delenv("ANALYSIS_CACHE")
    monkeypatch.delenv("ANALYSIS_COMPUTE")
    assert Store().folder == project / "data" / "cache"
    assert Store().compute == "auto"
    monkeypatch.setenv("ANALYSIS_COMPUTE", "sometimes")
    with pytest.raises(InputError, match="ANALYSIS_COMPUTE is 'sometimes'; use 'auto' or 'never'"):
        Store()


# Interruption --------------------------------------------------------------------------------


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")

    def refuse(source: str, destination: Path) -> None:
        raise OSError(errno.ENOSPC, "no space", source, None, destination)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="no space"):
        files.write_atomic(target, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert target.read_bytes() == b"old"


def test_the_sidecar_comes_last(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped between its two writes, an entry is absent, not damaged."""
    real = files.write_atomic
    written: list[Path] = []

    def stop_after_one(path: Path, content: bytes) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(path)
        real(path, content)

    monkeypatch.setattr("analysis.study.store.write_atomic", stop_after_one)
    with pytest.raises(KeyboardInterrupt):
        store.put(REQUEST, ARRAYS)
    assert [path.is_file() for path in written] == [True]
    assert store.state(REQUEST) == "absent"
    assert store.get(REQUEST) is None
