"""The store: keys are content, entries are whole or absent, damage is seen, misses explain."""

import dataclasses
import errno
import hashlib
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.project import environment, files
from analysis.project.errors import InputError
from analysis.study.store import Arrays, MissError, Request, Store, from_bytes, to_bytes
from tests.conftest import git

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


def test_the_label_is_not_in_the_key() -> None:
    assert dataclasses.replace(REQUEST, label="another name").key == REQUEST.key


@pytest.mark.parametrize(
    "change",
    [
        {"step": "spectrum"},
        {"version": 2},
        {"parameters": {"window": {"kind": "kaiser", "beta": 2.5}, "t": 0.5}},
        {"parameters": {"window": {"kind": "hann", "beta": 2.0}, "t": 0.5}},
        {"parameters": {"window": {"kind": "kaiser", "beta": 2.0}, "t": 0.25}},
        {"parameters": {"window": {"kind": "kaiser", "beta": 2.0}}},
        {"parameters": {"window": {"kind": "kaiser", "beta": 2.0}, "t": 0.5, "more": None}},
        {"inputs": {"moments": "b" * 64}},
        {"inputs": {"moment": "a" * 64}},
        {"inputs": {}},
    ],
)
def test_everything_else_changes_the_key(change: dict) -> None:
    assert dataclasses.replace(REQUEST, **change).key != REQUEST.key


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
    dates = {info.date_time for info in zipfile.ZipFile(io.BytesIO(first)).infolist()}
    assert dates == {(1980, 1, 1, 0, 0, 0)}


def test_bytes_of_different_arrays_differ() -> None:
    other = {**ARRAYS, "k": ARRAYS["k"] + 1}
    retyped = {**ARRAYS, "k": ARRAYS["k"].astype(np.float64)}
    assert len({to_bytes(a) for a in (ARRAYS, other, retyped)}) == 3


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


def test_the_sidecar_holds_the_whole_request(store: Store) -> None:
    store.put(REQUEST, ARRAYS)
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


def flip_a_bit(payload: Path, sidecar: Path) -> None:
    content = bytearray(payload.read_bytes())
    content[len(content) // 2] ^= 1
    payload.write_bytes(content)


def truncate(payload: Path, sidecar: Path) -> None:
    payload.write_bytes(payload.read_bytes()[:-1])


def empty(payload: Path, sidecar: Path) -> None:
    payload.write_bytes(b"")


def remove_payload(payload: Path, sidecar: Path) -> None:
    payload.unlink()


def swap_payload(payload: Path, sidecar: Path) -> None:
    payload.write_bytes(to_bytes({"power": ARRAYS["power"] + 1, "k": ARRAYS["k"]}))


def swap_entry(payload: Path, sidecar: Path) -> None:
    """Payload and sidecar of another request, both sound, under this one's name."""
    other = Store(payload.parent / "other", compute="auto")
    request = dataclasses.replace(REQUEST, version=9)
    other.put(request, {"power": np.zeros(1)})
    for source, target in zip(entry(other, request), (payload, sidecar), strict=True):
        target.write_bytes(source.read_bytes())


def break_sidecar(payload: Path, sidecar: Path) -> None:
    sidecar.write_bytes(sidecar.read_bytes()[:40])


def sidecar_of_bytes(payload: Path, sidecar: Path) -> None:
    sidecar.write_bytes(b"\xff\xfe\x00")


def sidecar_is_a_list(payload: Path, sidecar: Path) -> None:
    sidecar.write_text("[]")


def edit_hash(payload: Path, sidecar: Path) -> None:
    content = json.loads(sidecar.read_bytes())
    content["sha256"] = "0" * 64
    sidecar.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (flip_a_bit, "does not match its SHA-256"),
        (truncate, "does not match its SHA-256"),
        (empty, "does not match its SHA-256"),
        (remove_payload, "payload is missing"),
        (swap_payload, "does not match its SHA-256"),
        (swap_entry, "belongs to another key"),
        (break_sidecar, "sidecar is no JSON"),
        (sidecar_of_bytes, "sidecar is no JSON"),
        (sidecar_is_a_list, "belongs to another key"),
        (edit_hash, "does not match its SHA-256"),
    ],
)
def test_damage_is_refused_said_and_computed_again(
    store: Store, said: list[str], damage, why: str
) -> None:  # type: ignore[no-untyped-def]
    store.put(REQUEST, ARRAYS)
    damage(*entry(store))
    assert store.state(REQUEST) == "damaged"
    assert store.get(REQUEST) is None
    assert len(said) == 1
    assert said[0].startswith("damaged cache entry for spectra of kite: ")
    assert why in said[0]
    assert same(store.obtain(REQUEST, lambda: ARRAYS))
    assert store.computed == ["spectra of kite"]
    assert store.state(REQUEST) == "sound"
    assert same(store.get(REQUEST))


def test_damage_under_never_is_a_miss(tmp_path: Path, store: Store) -> None:
    store.put(REQUEST, ARRAYS)
    flip_a_bit(*entry(store))
    with pytest.raises(MissError, match="the stored entry is damaged"):
        Store(store.folder, compute="never").obtain(REQUEST, lambda: ARRAYS)


# Misses --------------------------------------------------------------------------------------


def never(store: Store, request: Request) -> str:
    """The message of a miss; nothing is computed."""

    def compute() -> Arrays:
        raise AssertionError("computed under never")

    with pytest.raises(MissError) as error:
        Store(store.folder, compute="never").obtain(request, compute)
    return str(error.value)


def test_a_miss_in_an_empty_store_names_the_step(store: Store) -> None:
    message = never(store, REQUEST)
    assert message.startswith(
        "step 'spectra' (spectra of kite) is not in the cache and ANALYSIS_COMPUTE=never"
    )
    assert "nothing is stored for 'spectra'" in message
    assert "python -m analysis compute" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"version": 2}, "version is 2, stored 1"),
        (
            {"parameters": {"window": {"kind": "kaiser", "beta": 8.0}, "t": 0.5}},
            "parameters.window.beta is 8.0, stored 2.0",
        ),
        (
            {"parameters": {"window": {"kind": "kaiser", "beta": 2.0}, "t": 0.5, "q": 1}},
            "parameters.q is 1, stored absent",
        ),
        (
            {"parameters": {"window": {"kind": "kaiser", "beta": 2.0}}},
            "parameters.t is absent, stored 0.5",
        ),
        (
            {"inputs": {"moments": "b" * 64}},
            'inputs.moments is "bbbbbbbbbbbbbbbbbbb..., stored "aaaaaaaaaaaaaaaaaaa...',
        ),
    ],
)
def test_a_miss_names_the_difference_from_the_nearest_entry(
    store: Store, change: dict, difference: str
) -> None:
    far = dataclasses.replace(REQUEST, version=7, parameters={"other": 1}, inputs={"x": "y"})
    store.put(far, ARRAYS)
    store.put(REQUEST, ARRAYS)
    message = never(store, dataclasses.replace(REQUEST, **change))
    assert message.split("nearest stored entry differs: ")[1].split(". Run")[0] == difference


def test_a_miss_among_broken_sidecars_still_explains(store: Store) -> None:
    store.put(REQUEST, ARRAYS)
    break_sidecar(*entry(store))
    assert "nothing is stored" in never(store, dataclasses.replace(REQUEST, version=2))


def test_the_message_speaks_of_never_only_where_it_is_set(store: Store) -> None:
    assert "ANALYSIS_COMPUTE" not in store.explain_miss(REQUEST)
    assert "ANALYSIS_COMPUTE=never" in Store(store.folder, compute="never").explain_miss(REQUEST)


def test_under_never_what_is_stored_is_still_read(store: Store) -> None:
    store.put(REQUEST, ARRAYS)
    assert same(Store(store.folder, compute="never").obtain(REQUEST, dict))


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


def test_provenance_names_the_commit(project: Path) -> None:
    """In the tiny project, made a repository of its own: no commit, a commit, a change."""
    environment.environment.cache_clear()
    try:
        git(project, "init", "-q")
        assert environment.environment()["commit"] == "unknown"
        (project / "analysis").mkdir()
        (project / "analysis" / "a.py").write_text("")
        git(project, "add", "-A")
        git(project, "commit", "-q", "-m", "first")
        environment.environment.cache_clear()
        clean = environment.environment()["commit"]
        assert len(clean) == 40
        (project / "analysis" / "a.py").write_text("x = 1")
        environment.environment.cache_clear()
        assert environment.environment()["commit"] == clean + "+changes"
    finally:
        environment.environment.cache_clear()


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


LOOP = """
import sys
from pathlib import Path
import numpy as np
from analysis.study.store import Request, Store
store = Store(Path(sys.argv[1]), compute="auto")
for i in range(10**6):
    store.obtain(Request("step", 1, {"i": i}, {}), lambda: {"x": np.full((64, 64), float(i))})
    print(i, flush=True)
"""


def test_a_killed_process_loses_at_most_the_step_in_progress(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LOOP, str(tmp_path / "store")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout is not None
        for _ in range(5):
            assert process.stdout.readline()
    finally:
        os.kill(process.pid, signal.SIGKILL)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    finished = 5 + len([line for line in rest.splitlines() if line])

    said: list[str] = []
    store = Store(tmp_path / "store", compute="auto", say=said.append)
    requests = [Request("step", 1, {"i": i}, {}) for i in range(finished + 2)]
    for i in range(finished):
        assert store.state(requests[i]) == "sound", i
        found = store.get(requests[i])
        assert found is not None
        assert np.all(found["x"] == i)
    # The one in progress is there or not, never damaged; and the store goes on.
    assert store.state(requests[finished]) in ("sound", "absent")
    assert store.state(requests[finished + 1]) == "absent"
    for i, request in enumerate(requests):
        assert np.all(
            store.obtain(request, lambda i=i: {"x": np.full((64, 64), float(i))})["x"] == i
        )  # type: ignore[misc]
    assert len(store.computed) in (1, 2)
    assert said == []
