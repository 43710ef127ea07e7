"""What others wrote, damaged a thousand ways: each parser takes it or refuses it, and nothing else.

`make check` runs these. A mutant is named by parser, seed and number, which make it
again: ``FUZZ_SEED`` and ``FUZZ_MUTANTS`` (default 16 and 1,000) change which and how many there
are. Those that once found a fault are kept in `FOUND` and always run.

Refused means an `InputError` (or another of the project's errors, whose messages say what to do):
anything else that is raised fails.
"""

import io
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
from analysis.images import pixels
from analysis.project.errors import AnalysisError
from analysis.study.settings import load_study
from analysis.training import survey_sources
from tests.conftest import PROJECT, synthetic_photograph

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("FUZZ_SEED", "16"))
MUTANTS = int(os.environ.get("FUZZ_MUTANTS", "1000"))
FOUND: dict[str, list[tuple[int, int]]] = {
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


@pytest.mark.parametrize("name", ["studies", "cards"])
def test_toml(project: Path, name: str) -> None:
    path = PROJECT / "data" / ("studies/bundled.toml" if name == "studies" else "encoders.toml")
    whole, target = path.read_bytes(), project / "data" / "studies" / "mutant.toml"

    def attempt(rng: np.random.Generator) -> None:
        target.write_bytes(mutant(whole, rng))
        if name == "studies":
            load_study(str(target))
        else:
            cards(target)

    attack(name, attempt)


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
