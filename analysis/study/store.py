"""A content-addressed store: a result is found by what it was computed from, never by a name.

The key of a result is the SHA-256 of canonical JSON {step, version, parameters, inputs}, where
inputs are keys or content hashes of what the step reads. File names, times and source text do not
enter it; a step whose numbers change gets a higher version.

An entry is a payload ``<key>.npz`` (arrays, no pickle) and a sidecar ``<key>.json`` (the request,
the payload's SHA-256, provenance). The payload is moved into place first and the sidecar last, so
an entry exists only when it is complete: killing the process loses the step in progress and
nothing else. The sidecar has a hash of itself, and one of the source that computed the entry.
"""

import contextlib
import dataclasses
import functools
import hashlib
import io
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from analysis.project import placement, source
from analysis.project.environment import environment
from analysis.project.errors import AnalysisError, InputError
from analysis.project.files import cache_folder, canonical, write_atomic

# What is being written, in a step's folders, among downloads, and to what builds remember.
LEFT = (
    *("*/[0-9a-f][0-9a-f]/.tmp-*", "pages/*/.tmp-*"),
    *("downloads/.part-*", "downloads/.tmp-*"),
)
# What a store holds, by its names alone: somebody may keep other things in the same folder.
HELD = (
    ("*/[0-9a-f][0-9a-f]/*", re.compile(r"([\w-]+)/[0-9a-f]{2}/[0-9a-f]{64}\.(npz|json)")),
    ("pages/*/**/*", re.compile(r"(pages)/[\w-]+-[0-9a-f]{32}/.+")),
    ("downloads/*", re.compile(r"(downloads)/([0-9a-f]{64}|[\w-]+-[0-9a-f]{12}|pins\.json)")),
)
PROVENANCE = ("key", "environment", "seconds", "written")
Arrays = dict[str, np.ndarray]
State = Literal["sound", "absent", "damaged"]


class MissError(AnalysisError):
    """A result is not stored and may not be computed (``ANALYSIS_COMPUTE=never``)."""


@dataclasses.dataclass(frozen=True)
class Request:
    """What a step is asked for.

    Args:
        step: the step's name, such as ``spectra``.
        version: raised whenever the step's numbers change for the same inputs.
        parameters: every choice that can change the result (JSON values).
        inputs: name -> key or content hash of what the step reads.
        label: how to name it to a person, such as ``spectra of kite at 1024 px``; not in the key.
        code: the functions that compute it, whose source is noted beside it; not in the key.
    """

    step: str
    version: int
    parameters: Mapping[str, Any]
    inputs: Mapping[str, str]
    label: str = ""
    code: tuple[Callable[..., Any], ...] = dataclasses.field(default=(), repr=False, compare=False)

    def described(self) -> dict[str, Any]:
        """The part that makes the key."""
        return {
            "step": self.step,
            "version": self.version,
            "parameters": dict(self.parameters),
            "inputs": dict(self.inputs),
        }

    @functools.cached_property
    def key(self) -> str:
        """SHA-256 of the canonical JSON of `described`, as 64 hexadecimal digits."""
        return hashlib.sha256(canonical(self.described()).encode()).hexdigest()


def to_bytes(arrays: Arrays) -> bytes:
    """The arrays as the bytes of a compressed npz: equal arrays give equal bytes."""
    buffer = io.BytesIO()
    # One memory order: a transposed array would be written in another, with other bytes.
    ordered = {name: np.asarray(arrays[name], order="C") for name in sorted(arrays)}
    np.savez_compressed(buffer, **ordered)  # type: ignore[arg-type]
    return buffer.getvalue()


def from_bytes(payload: bytes) -> Arrays:
    """The arrays of an npz; pickled objects are refused (ValueError)."""
    with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def sweep(folder: Path) -> list[Path]:
    """Remove from a store what killed processes left (`placement.sweep`); what that was."""
    return placement.sweep(folder, LEFT)


class Store:
    """The store in one folder.

    Args:
        folder: where entries lie; by default `files.cache_folder`.
        compute: ``auto`` computes what is missing, ``never`` makes a miss an error; by default
            ``ANALYSIS_COMPUTE``, else ``auto``.
        say: called with one line when an entry is found damaged.

    Raises:
        InputError: ``ANALYSIS_COMPUTE`` is neither ``auto`` nor ``never``.
    """

    def __init__(
        self,
        folder: Path | None = None,
        compute: str | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.folder = folder or cache_folder()
        self.compute = compute or os.environ.get("ANALYSIS_COMPUTE") or "auto"
        if self.compute not in ("auto", "never"):
            raise InputError(f"ANALYSIS_COMPUTE is '{self.compute}'; use 'auto' or 'never'")
        self.say = say
        self.computed: list[str] = []
        self._swept = False

    @property
    def downloads(self) -> Path:
        """Where fetched files lie."""
        return self.folder / "downloads"

    def _paths(self, request: Request) -> tuple[Path, Path]:
        base = self.folder / request.step / request.key[:2] / request.key
        return base.with_suffix(".npz"), base.with_suffix(".json")

    def _payload(self, request: Request) -> bytes | None:
        """The verified payload, or None if absent; ValueError if damaged."""
        payload_path, sidecar_path = self._paths(request)
        try:
            sidecar = _read(sidecar_path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            payload = payload_path.read_bytes()
        except FileNotFoundError:
            raise ValueError("payload is missing") from None
        if sidecar["key"] != request.key:
            raise ValueError("sidecar belongs to another key")
        if hashlib.sha256(payload).hexdigest() != sidecar.get("sha256"):
            raise ValueError("payload does not match its SHA-256")
        return payload

    def state(self, request: Request) -> State:
        """Whether the entry is there and matches its hash."""
        try:
            return "absent" if self._payload(request) is None else "sound"
        except ValueError:
            return "damaged"

    def get(self, request: Request) -> Arrays | None:
        """The stored arrays, or None if there is no sound entry; damage is said."""
        try:
            payload = self._payload(request)
        except ValueError as error:
            self.say(f"damaged cache entry for {request.label or request.step}: {error}")
            return None
        return None if payload is None else from_bytes(payload)

    def put(self, request: Request, arrays: Arrays, seconds: float = 0.0) -> None:
        """Store arrays under a request's key, with provenance."""
        if not self._swept:
            self._swept = True
            sweep(self.folder)
        payload_path, sidecar_path = self._paths(request)
        payload = to_bytes(arrays)
        sidecar = {
            **request.described(),
            "key": request.key,
            "label": request.label,
            "sha256": hashlib.sha256(payload).hexdigest(),
            "environment": environment(),
            "seconds": round(seconds, 3),
            "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "source": source.digest(*request.code),
        }
        sidecar["itself"] = _own_hash(sidecar)
        write_atomic(payload_path, payload)
        write_atomic(sidecar_path, json.dumps(sidecar, sort_keys=True, indent=1).encode())

    def sidecar(self, request: Request) -> dict[str, Any]:
        """Key and provenance of a stored entry (which must exist and be sound)."""
        content = _read(self._paths(request)[1])
        return {name: content[name] for name in PROVENANCE}

    def other_code(self, requests: Iterable[Request]) -> Iterator[tuple[str, bool]]:
        """Steps of which entries were computed by other source than the one here, a line each.

        What is not stored, or was before its source was noted, is passed over.

        Yields:
            The line, and whether results would be mixed: of this source and of other.
        """
        same: set[str] = set()
        other: dict[str, list[Request]] = {}
        for request in requests:
            with contextlib.suppress(OSError, ValueError):
                noted = _read(self._paths(request)[1]).get("source")
                if noted and noted == source.digest(*request.code):
                    same.add(request.step)
                elif noted:
                    other.setdefault(request.step, []).append(request)
        for step, of_step in other.items():
            mixed = " and others by this, so that results are mixed" * (step in same)
            line = (
                f"step '{step}': {len(of_step)} in the cache were computed by other code of the "
                f"same version{mixed} (such as {of_step[0].label}): if its numbers changed, raise "
                "its version; 'timestep-spectra cache --clear' has all computed anew"
            )
            yield line, step in same

    def obtain(self, request: Request, compute: Callable[[], Arrays]) -> Arrays:
        """The stored arrays; if there is no sound entry they are computed and stored.

        Raises:
            MissError: there is none and ``ANALYSIS_COMPUTE=never``; the message names the step and
                what differs from the nearest stored entry of that step.
        """
        stored = self.get(request)
        if stored is not None:
            return stored
        if self.compute == "never":
            raise MissError(self.explain_miss(request))
        start = time.monotonic()
        arrays = compute()
        self.keep(request, arrays, time.monotonic() - start)
        return arrays

    @contextlib.contextmanager
    def alone(self, request: Request) -> Iterator[None]:
        """While this is held, another process that asks for it waits: what is made is made once.

        Where the store cannot be written, nobody waits.
        """
        with contextlib.ExitStack() as held:
            with contextlib.suppress(OSError):
                folder = self._paths(request)[0].parent
                held.enter_context(placement.alone(folder, busy=lambda: None))
            yield

    def keep(self, request: Request, arrays: Arrays, seconds: float) -> None:
        """Store arrays that were computed just now, and note that they were."""
        self.put(request, arrays, seconds)
        self.computed.append(request.label or request.step)

    def sidecars(self, step: str) -> Iterator[dict[str, Any]]:
        """The readable sidecars of a step."""
        for path in sorted((self.folder / step).glob("*/*.json")):
            with contextlib.suppress(ValueError):
                yield _read(path)

    def held(self) -> Iterator[tuple[str, Path]]:
        """Each file of the store with its part: a step's name, ``pages`` or ``downloads``."""
        for pattern, name in HELD:
            for path in sorted(self.folder.glob(pattern)):
                found = name.fullmatch(path.relative_to(self.folder).as_posix())
                if found and path.is_file():
                    yield found[1], path

    def sizes(self) -> dict[str, dict[str, int]]:
        """Part -> ``files`` and ``bytes``, in the order of their names."""
        sizes: dict[str, dict[str, int]] = {}
        for part, path in self.held():
            one = sizes.setdefault(part, {"files": 0, "bytes": 0})
            one["files"] += 1
            one["bytes"] += path.stat().st_size
        return dict(sorted(sizes.items()))

    def clear(self, *, downloads: bool) -> dict[str, dict[str, int]]:
        """Remove what the store holds, and what killed processes left; what that was, as `sizes`.

        Args:
            downloads: fetched files too, with the record of which were trusted at first sight.
        """
        removed = {k: v for k, v in self.sizes().items() if downloads or k != "downloads"}
        gone = [path for part, path in self.held() if part in removed]
        for path in gone:
            path.unlink(missing_ok=True)
        emptied = {one for path in [*gone, *sweep(self.folder)] for one in path.parents}
        for folder in sorted(emptied, reverse=True):
            if folder != self.folder and folder.is_relative_to(self.folder):
                with contextlib.suppress(OSError):  # something else is in it
                    folder.rmdir()
        return removed

    def explain_miss(self, request: Request) -> str:
        """Why a request is not stored, and what to do."""
        name = f"step '{request.step}'" + (f" ({request.label})" if request.label else "")
        never = "ANALYSIS_COMPUTE=never" if self.compute == "never" else ""
        return (
            f"{name} is not in the cache{never and ' and '}{never}: {self.why_missing(request)}. "
            f"Run 'python -m analysis compute'{never and ' without '}{never}"
        )

    def why_missing(self, request: Request) -> str:
        """Why a request is not stored: the differences from the nearest entry of its step."""
        wanted = _flat(request.described())
        nearest: list[str] | None = None
        for sidecar in self.sidecars(request.step):
            parts = ("step", "version", "parameters", "inputs")
            found = _flat({part: sidecar.get(part) for part in parts})
            differing = [
                f"{place} is {wanted.get(place, 'absent')}, stored {found.get(place, 'absent')}"
                for place in sorted(wanted.keys() | found.keys())
                if wanted.get(place) != found.get(place)
            ]
            if nearest is None or len(differing) < len(nearest):
                nearest = differing
        if nearest is None:
            return f"nothing is stored for '{request.step}'"
        if not nearest:
            return "the stored entry is damaged"
        more = " ..." if len(nearest) > 3 else ""
        return f"nearest stored entry differs: {'; '.join(nearest[:3])}{more}"


def _read(path: Path) -> dict[str, Any]:
    """A sidecar; ValueError if it is damaged. Those of before have no hash of themselves."""
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"sidecar is no JSON: {error}") from None
    if not isinstance(content, dict) or not {*PROVENANCE, "sha256"} <= content.keys():
        raise ValueError("sidecar is not complete")
    if content.get("itself", _own_hash(content)) != _own_hash(content):
        raise ValueError("sidecar does not match its own SHA-256")
    return content


def _own_hash(content: dict[str, Any]) -> str:
    """SHA-256 of a sidecar's canonical JSON, but for this hash itself."""
    rest = {name: value for name, value in content.items() if name != "itself"}
    return hashlib.sha256(canonical(rest).encode()).hexdigest()


def _flat(value: Any, place: str = "") -> dict[str, str]:
    """A nested mapping as dotted places and short values, for comparison."""
    if isinstance(value, dict):
        return {
            inner: text
            for key, item in value.items()
            for inner, text in _flat(item, f"{place}.{key}" if place else key).items()
        }
    text = canonical(value)
    return {place: text if len(text) <= 24 else text[:20] + "..."}
