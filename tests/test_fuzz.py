"""What others wrote, damaged a thousand ways: each parser takes it or refuses it, and nothing else.

`make fuzz` runs these, and so does `make check`. A mutant is named by parser, seed and number,
which make it again: ``FUZZ_SEED`` and ``FUZZ_MUTANTS`` (default 16 and 1,000) change which and how
many there are. Those that once found a fault are kept in `FOUND` and always run.

Refused means an `InputError` (or another of the project's errors, whose messages say what to do):
anything else that is raised fails.
"""

import contextlib
import hashlib
import io
import json
import os
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from analysis.encoders.cards import cards
from analysis.images import catalogue, pixels
from analysis.project import citation, quarto_yml
from analysis.project.errors import AnalysisError
from analysis.shift import literature
from analysis.site.builtin import page
from analysis.study import archive, contribute
from analysis.study.plan import Plan
from analysis.study.settings import load_study
from analysis.study.store import Request, Store, from_bytes, to_bytes
from analysis.training import survey_sources
from tests.conftest import PROJECT, synthetic_photograph

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("FUZZ_SEED", "16"))
MUTANTS = int(os.environ.get("FUZZ_MUTANTS", "1000"))
FOUND: dict[str, list[tuple[int, int]]] = {
    "cards": [(16, 73)],  # brackets without end, where the stack was deep already
    "rules": [(16, 0)],  # not UTF-8
    "citation": [(16, 4)],  # a date that is none
    "parquet": [(16, 0)],  # an OSError where an ArrowException was awaited
    "arrow": [(16, 0), (16, 3), (16, 196)],  # the same, and two that ended the process
}
"""parser -> (seed, number) of mutants that once raised what they should not."""

# What stands in for a piece: ends of ranges, other types, what other programs give a meaning to.
HOSTILE = [
    *(b"", b"\x00", b"\xff" * 8, b"\n", b"\r", b'"', b"'", b"\\", b"{{", b"```{python}\n"),
    *(b":::\n", b"nan", b"-1", b"0", b"1e400", b"9" * 400, b"true", b"null", b"[["),
    *(b"../../etc", b"\x1b[2J", "\u202e\ud7ff".encode(), b"\xed\xa0\x80", b"[" * 5000),
    *(b"---\n", b"<script>", b"PK\x03\x04"),
]  # fmt: skip


def mutant(content: bytes, rng: np.random.Generator) -> bytes:
    """The content with one to three damages: bits, pieces cut, doubled, moved or replaced."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        size = max(len(data), 1)
        at = int(rng.integers(size))
        length = int(min(size, 2 ** rng.uniform(0, np.log2(size) + 1e-9)))
        kind = rng.integers(6)
        if kind == 0 and data:
            data[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            del data[at : at + length]
        elif kind == 3:
            data[at:at] = data[at : at + length]
        elif kind == 4:
            data[at : at + length] = HOSTILE[int(rng.integers(len(HOSTILE)))]
        else:
            other = int(rng.integers(size))
            data[at : at + length] = data[other : other + length]
    return bytes(data)


def attack(name: str, attempt: Callable[[np.random.Generator], None]) -> None:
    """Try each mutant; a refusal is right, anything else raised fails and names the mutant.

    Args:
        name: of the parser.
        attempt: makes the mutant of a generator, and gives it to the parser.
    """
    refused, numbers = 0, [*FOUND.get(name, []), *((SEED, number) for number in range(MUTANTS))]
    for seed, number in numbers:
        try:
            attempt(np.random.default_rng([seed, number]))
            continue
        except AnalysisError as error:
            told = str(error)
        except BaseException as error:
            raise AssertionError(f"{name}: mutant {number} of seed {seed}: {error!r}") from error
        assert told.strip(), f"{name}: mutant {number} of seed {seed} is refused without a word"
        refused += 1
    assert refused > len(numbers) / 20, f"{name}: hardly any mutant was seen to be damaged"


@pytest.fixture(autouse=True)
def as_in_use() -> Any:
    """Warnings are no errors here, as where the program is used: what is read decides."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_page(path: Path) -> object:
    return page.read(path, path.parents[1], {})


def read_yaml(path: Path) -> object:
    return quarto_yml.parse(path.read_bytes().decode(errors="replace"), path)


TEXTS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "studies": ("data/studies/bundled.toml", lambda path: load_study(str(path))),
    "cards": ("data/encoders.toml", cards),
    "sets": ("data/images.toml", catalogue.read_sets),
    "rules": ("data/literature/shift_rules.csv", literature.rules),
    "citation": ("CITATION.cff", citation.read),
    "yaml": ("_quarto.yml", read_yaml),
    "pages": ("report/reproduce.qmd", read_page),
}
"""parser -> a file of the project, and what reads it."""


@pytest.mark.parametrize("name", TEXTS)
def test_texts(project: Path, name: str) -> None:
    path, parse = TEXTS[name]
    whole = (PROJECT / path).read_bytes()
    target = project / "data" / "studies" / f"mutant{Path(path).suffix}"

    def attempt(rng: np.random.Generator) -> None:
        target.write_bytes(mutant(whole, rng))
        parse(target)

    attack(name, attempt)


def test_the_store(tmp_path: Path) -> None:
    """An entry is what was stored, or it is said to be damaged and is not taken."""
    store, request, arrays = Store(tmp_path), Request("step", 1, {}, {}), {"a": np.arange(9.0)}
    store.put(request, arrays)
    files = {path: path.read_bytes() for path in tmp_path.glob("step/*/*")}
    assert len(files) == 2

    def attempt(rng: np.random.Generator) -> None:
        damaged = list(files)[int(rng.integers(2))]
        for path, content in files.items():
            path.write_bytes(mutant(content, rng) if path == damaged else content)
        found = Store(tmp_path, say=str).get(request)
        if found is None:
            raise AnalysisError("damaged")
        np.testing.assert_array_equal(found["a"], arrays["a"])
        assert store.sidecar(request)["key"] == request.key

    attack("the store", attempt)


def test_committed_results(here: Path) -> None:
    """A result is what was committed, or it is damaged, or none that answers."""
    request = Request("measurement", 1, {}, {})
    content = {"provenance": {"key": request.key}, "numbers": {"measured": 2.0}}
    path = archive.write("tiny", "pixel", {"a": np.arange(9.0)}, content)
    files = {one: one.read_bytes() for one in (path, path.with_suffix(".npz"))}

    def attempt(rng: np.random.Generator) -> None:
        damaged = list(files)[int(rng.integers(2))]
        for one, whole in files.items():
            one.write_bytes(mutant(whole, rng) if one == damaged else whole)
        found, provenance = archive.read("tiny", request, "pixel", "it is asked for")
        np.testing.assert_array_equal(found["a"], np.arange(9.0))
        assert provenance["key"] == request.key

    attack("results", attempt)


@pytest.mark.parametrize("kind", ["zips", "arrays"])
def test_contributions(here: Path, tiny_store: Path, tmp_path: Path, kind: str) -> None:
    """A zip as it travels; and one whose hash is right, of arrays that are not."""
    name, plan = "linear-f8c16", Plan(load_study("tiny"), Store(tiny_store))
    exported = tmp_path / "whole"
    with pytest.MonkeyPatch.context() as patch:  # the tiny project is no repository
        patch.setattr(contribute, "HEX", contribute.HEX | {"commit": ".*"})
        whole = contribute.export(name, plan, exported).read_bytes()
    target = tmp_path / f"{name}.zip"
    with zipfile.ZipFile(io.BytesIO(whole)) as packed:
        text, payload = (packed.read(f"{name}.{ending}") for ending in ("json", "npz"))
    content = json.loads(text)
    content["provenance"]["environment"]["commit"] = "0" * 40
    arrays = from_bytes(payload)

    def attempt(rng: np.random.Generator) -> None:
        told, sent = json.dumps(content).encode(), payload
        if kind == "arrays":
            changed = dict(arrays)
            which = list(changed)[int(rng.integers(len(changed)))]
            changed[which] = np.frombuffer(bytes(mutant(changed[which].tobytes(), rng)), "u1")
            with contextlib.suppress(ValueError):  # as many bytes: the same type and shape
                like = arrays[which]
                changed[which] = changed[which].view(like.dtype).reshape(like.shape)
            sent = to_bytes(changed)
            told = json.dumps({**content, "sha256": hashlib.sha256(sent).hexdigest()}).encode()
        packed = contribute._zipped({f"{name}.json": told, f"{name}.npz": sent})
        target.write_bytes(mutant(packed, rng) if kind == "zips" else packed)
        taken, _ = contribute.check(contribute.read(target), plan)
        for key, values in arrays.items():
            scale = np.abs(values).max(initial=0)
            np.testing.assert_allclose(taken[key], values, rtol=1, atol=scale)

    attack(kind, attempt)


def test_images(tmp_path: Path) -> None:
    picture, kinds = Image.fromarray(synthetic_photograph(1, 40)), []
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "PPM"):
        content = io.BytesIO()
        picture.save(content, kind)
        kinds.append(content.getvalue())
    target = tmp_path / "mutant"

    def attempt(rng: np.random.Generator) -> None:
        target.write_bytes(mutant(kinds[int(rng.integers(len(kinds)))], rng))
        found = pixels.load(target, 32)
        assert found.shape == (3, 32, 32) and np.isfinite(found).all()

    attack("images", attempt)


def packed(members: dict[str, bytes]) -> bytes:
    """An npz of members as they are, with right checksums: what zip itself would not notice."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive_:
        for name, data in members.items():
            archive_.writestr(name, data)
    return content.getvalue()


def npy(values: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, values)
    return content.getvalue()


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_cached_latents(tmp_path: Path, ending: str) -> None:
    latents = np.linspace(-1, 1, 4 * 6 * 8, dtype=np.float32).reshape(4, 6, 8)
    if ending == "npz":
        whole = packed({"latents_6x8.npy": npy(latents), "original_size.npy": npy(np.ones(2))})
    else:
        whole = pytest.importorskip("safetensors.numpy").save({"latents_1x6x8_f32": latents})
    target = tmp_path / f"a_48x64_sd.{ending}"

    def attempt(rng: np.random.Generator) -> None:
        target.write_bytes(mutant(whole, rng))
        for item in survey_sources.items(survey_sources.Shard("a", "latents", (target,))):
            if item.latents is None:
                raise AnalysisError(item.wrong)  # said of this file, and the survey goes on
            assert item.latents.ndim == 3 and item.latents.dtype == np.float32

    attack(f"latents in {ending}", attempt)


@pytest.mark.parametrize("kind", ["parquet", "arrow", "tar"])
def test_shards(tmp_path: Path, kind: Any) -> None:
    picture, content = io.BytesIO(), io.BytesIO()
    Image.fromarray(synthetic_photograph(2, 24)).save(picture, "PNG")
    if kind == "tar":
        with tarfile.open(fileobj=content, mode="w") as packing:
            for name in ("a.png", "b.png"):
                info = tarfile.TarInfo(name)
                info.size = len(picture.getvalue())
                packing.addfile(info, io.BytesIO(picture.getvalue()))
    else:
        pyarrow = pytest.importorskip("pyarrow")
        table = pyarrow.table({"key": ["a", "b"], "image": [picture.getvalue()] * 2})
        if kind == "parquet":
            from pyarrow import parquet

            parquet.write_table(table, content)
        else:
            with pyarrow.ipc.new_stream(content, table.schema) as writer:
                writer.write_table(table)
    target = tmp_path / f"a.{kind}"

    def attempt(rng: np.random.Generator) -> None:
        target.write_bytes(mutant(content.getvalue(), rng))
        items = list(survey_sources.items(survey_sources.Shard("a", kind, (target,))))
        assert all(isinstance(item.image, bytes) for item in items)

    attack(kind, attempt)
