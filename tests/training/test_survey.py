"""A survey of small pictures: rows, resume, engines, sources, and what it finds of known ones."""

import io
import json
import math
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from analysis.project.errors import InputError
from analysis.study.store import Store
from analysis.training import survey, survey_sources
from analysis.training.recommend import recommend
from analysis.training.survey import Survey, effective_scale, run
from tests.conftest import Said, synthetic_photograph

ROOT = Path(__file__).resolve().parents[2]
if os.environ.get("CI"):
    import pyarrow as pa
    from pyarrow import parquet
else:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")


def picture(seed: int, side: int = 160) -> Image.Image:
    return Image.fromarray(synthetic_photograph(seed, side, 2.4))


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six pictures of 160 px, one broken, one too small, in shards of three."""
    monkeypatch.setattr(survey_sources, "FOLDER", 3)
    place = tmp_path / "pictures"
    place.mkdir()
    for seed in range(6):
        picture(seed).save(place / f"p{seed}.png")
    (place / "q-broken.jpg").write_bytes(b"no image")
    picture(9, 80).save(place / "small.png")
    return place


ASKED = Survey("pixel", (64, 128))


def table(out: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for path in sorted(out.glob("*.parquet")):
        rows += parquet.read_table(path).to_pylist()
    return rows


def test_rows_and_statistics(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told: list[tuple[int, int, str]] = []
    stats = run(folder, ASKED, out, tell=lambda *one: told.append(one))
    assert sorted(p.name for p in out.iterdir()) == [
        "_stats.json", "folder-00000.parquet", "folder-00001.parquet", "folder-00002.parquet",
    ]  # fmt: skip
    assert [one[:2] for one in told] == [(1, 3), (2, 3), (3, 3)]
    rows = table(out)
    assert list(rows[0]) == list(survey.EMPTY)
    by_key = {(Path(r["key"]).name, r["resolution"]): r for r in rows}
    assert len(rows) == 6 * 2 + 1 + 2
    broken = by_key["q-broken.jpg", 0]
    assert broken["status"] == "error" and "cannot be read as an image" in broken["error_message"]
    assert by_key["small.png", 128]["error_message"] == "short side 80 px, asked for 128"
    assert by_key["small.png", 64]["status"] == "ok"
    one = by_key["p0.png", 128]
    assert (one["width"], one["used"], one["bucket"]) == (160, 128, "128x128")
    assert len(one["power"]) == 65 and len(one["channel_mean"]) == 3
    assert one["sha256"] == survey_sources.Item("", (folder / "p0.png").read_bytes()).sha256
    # mu moves by -ln s between the two resolutions, over the same octaves: nearly.
    assert stats == json.loads((out / "_stats.json").read_text())
    assert stats["rows"] == {"ok": 13, "error": 2}
    high = stats["resolutions"]["128"]
    assert high["images"] == 6 and high["shift"]["images"] == 6
    assert high["beta"] == pytest.approx(2.4, abs=0.15)
    assert "shift             s = " in survey.text(stats)


def test_the_shift_is_that_of_recommend(folder: Path, tmp_path: Path, here: Path) -> None:
    from analysis.study.settings import load_study

    for name in ("q-broken.jpg", "small.png"):
        (folder / name).unlink()
    study = load_study("tiny")
    right = recommend(study, "pixel", 64, 128, Store(), str(folder)).content()
    asked = Survey("pixel", (64, 128), window=study.window, bands=study.bands)
    found = run(folder, asked, tmp_path / "out")["resolutions"]["128"]["shift"]
    # Spectra are kept in single precision.
    assert found["value"] == pytest.approx(right["measured"], rel=1e-5)
    assert found["interval"] == pytest.approx(right["interval"], rel=1e-5)


def test_means_and_deviations_of_channels(folder: Path, tmp_path: Path) -> None:
    """shift_factor and scaling_factor of raw latents, against numpy on all pixels at once."""
    from analysis.images import pixels

    stats = run(folder, ASKED, tmp_path / "out")["resolutions"]["128"]
    everything = np.stack([pixels.load(folder / f"p{n}.png", 128) for n in range(6)])
    everything = everything.astype(np.float64)
    np.testing.assert_allclose(stats["channel_mean"], everything.mean(axis=(0, 2, 3)), atol=1e-9)
    np.testing.assert_allclose(stats["channel_std"], everything.std(axis=(0, 2, 3)), rtol=1e-9)
    assert stats["shift_factor"] == pytest.approx(everything.mean(), abs=1e-9)
    assert stats["scaling_factor"] == pytest.approx(1 / everything.std(), rel=1e-9)


def grey(image: Image.Image, side: int) -> np.ndarray:
    """The square in the middle."""
    left, top = (image.width - side) // 2, (image.height - side) // 2
    middle = image.crop((left, top, left + side, top + side))
    return np.asarray(middle.convert("L"), np.float32)


@pytest.mark.parametrize(
    ("factor", "kind", "least"),
    [(1.5, "LANCZOS", 11), (1.5, "BICUBIC", 8), (1.5, "BILINEAR", 8), (2.0, "LANCZOS", 12),
     (2.0, "BICUBIC", 12), (2.0, "BILINEAR", 12)],
)  # fmt: skip
def test_enlarged_photographs_are_found(factor: float, kind: str, least: int) -> None:
    """Of twelve photographs: those called soft after an enlargement, after JPEG, too, and before.

    Three are soft as they are. An enlargement divides the effective resolution by its factor.
    """
    before, after = [], []
    for path in sorted((ROOT / "data" / "images").glob("*.jpg")):
        with Image.open(path) as image:
            small = Image.fromarray(grey(image, 1024).astype(np.uint8))
        side = round(1024 * factor)
        large = small.resize((side, side), getattr(Image.Resampling, kind))
        buffer = io.BytesIO()
        large.save(buffer, "JPEG", quality=95)
        before.append(effective_scale(np.asarray(small, np.float32)))
        after.append([effective_scale(grey(one, 1024)) for one in (large, Image.open(buffer))])
    found = np.array(after)
    assert np.sum(np.array(before) < survey.SOFT) == 3
    assert np.all(np.sum(found < survey.SOFT, axis=0) >= [least, least - 1])
    assert np.median(found[:, 0] / before) == pytest.approx(1 / factor, rel=0.25)


def test_an_effective_resolution_is_where_detail_ends() -> None:
    """A sine of a known frequency and amplitude; below a grey level it does not count."""
    x = np.arange(256, dtype=np.float32)
    for cycles, amplitude, share in ((64, 10, 0.5), (96, 2, 0.75), (96, 1, 0.0)):
        wave = 128 + amplitude * np.sin(2 * np.pi * cycles * x / 256)
        both = (wave + wave[:, np.newaxis]) / 2 if share == 0 else np.add.outer(wave, wave) - 128
        assert effective_scale(both.astype(np.float32)) == pytest.approx(share, abs=0.03)
    assert math.isnan(effective_scale(np.zeros((32, 32))))


def test_sixteen_bits_reach_as_far_as_eight(tmp_path: Path) -> None:
    (place := tmp_path / "pictures").mkdir()
    eight = np.asarray(picture(1).convert("L"))
    Image.fromarray(eight).save(place / "a.png")
    Image.fromarray(eight.astype(np.uint16) * 257).save(place / "b.png")
    run(place, Survey("pixel", (64,)), tmp_path / "out")
    a, b = (row["effective_resolution"] for row in table(tmp_path / "out"))
    assert a == b > 0


@pytest.mark.parametrize(
    ("width", "height", "bucket"),
    [(1000, 1000, "1024x1024"), (832, 1216, "832x1216"), (3000, 1000, "1728x576")],
)
def test_buckets(width: int, height: int, bucket: str) -> None:
    found = survey.bucket_of(width, height, 1024)
    w, h = map(int, found.split("x"))
    assert w % 64 == h % 64 == 0 and w * h <= 1024**2
    assert abs(math.log(w / h / (width / height))) <= abs(
        math.log(eval(bucket.replace("x", "/")) / (width / height))
    )


def test_it_goes_on_where_it_was_stopped(folder: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    run(folder, ASKED, whole)
    out = tmp_path / "out"
    run(folder, ASKED, out)
    (out / "folder-00001.parquet").unlink()
    (out / "_stats.json").unlink()
    before = (out / "folder-00000.parquet").stat().st_mtime_ns
    run(folder, ASKED, out)
    assert (out / "folder-00000.parquet").stat().st_mtime_ns == before
    assert table(out) == table(whole)
    assert (out / "_stats.json").read_bytes() == (whole / "_stats.json").read_bytes()
    with pytest.raises(InputError, match="a survey with other choices"):
        run(folder, Survey("pixel", (64, 96)), out)


def test_a_sample_is_the_same_each_time(folder: Path, tmp_path: Path) -> None:
    asked = Survey("pixel", (64,), sample=3)
    first, second = tmp_path / "a", tmp_path / "b"
    run(folder, asked, first)
    run(folder, asked, second)
    assert table(first) == table(second)
    assert len(table(first)) == 3  # one of each shard


def members(folder: Path) -> list[tuple[str, bytes]]:
    return [(p.name, p.read_bytes()) for p in sorted(folder.iterdir())]


def as_tar(folder: Path, to: Path) -> None:
    with tarfile.open(to / "set-000.tar", "w") as archive:
        for name, content in members(folder):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
            note = tarfile.TarInfo(f"{name}.txt")
            archive.addfile(note, io.BytesIO())


def as_parquet(folder: Path, to: Path) -> None:
    names, contents = zip(*members(folder), strict=True)
    columns = pa.table({"key": list(names), "jpg": pa.array(contents, pa.binary())})
    parquet.write_table(columns, to / "set-000.parquet")


def as_arrow(folder: Path, to: Path) -> None:
    names, contents = zip(*members(folder), strict=True)
    images = [{"bytes": c, "path": None} for c in contents]
    columns = pa.table({"id": list(names), "image": images})
    path = str(to / "data-00000-of-00001.arrow")
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_stream(sink, columns.schema) as writer:
        writer.write_table(columns)


@pytest.mark.parametrize("write", [as_tar, as_parquet, as_arrow])
def test_every_source_gives_the_same_rows(
    folder: Path, tmp_path: Path, write: Callable[[Path, Path], None]
) -> None:
    place = tmp_path / "packed"
    place.mkdir()
    write(folder, place)
    run(folder, ASKED, tmp_path / "a")
    run(place, ASKED, tmp_path / "b")
    (result,) = (tmp_path / "b").glob("*.parquet")
    assert result.stem == next(place.iterdir()).stem
    own = [row | {"key": Path(row["key"]).name} for row in table(tmp_path / "a")]
    assert own == table(tmp_path / "b")


def test_latents_that_trainers_cached(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    kohya, musubi = tmp_path / "kohya", tmp_path / "musubi"
    kohya.mkdir(), musubi.mkdir()
    each = [rng.normal(0.3, 2.0, (16, 48, 64)).astype(np.float32) for _ in range(4)]
    for n, z in enumerate(each):
        np.savez(kohya / f"p{n}_0512x0384_flux.npz", latents_48x64=z)
        save_file(
            {"latents_1x48x64_float32": z[:, None]}, musubi / f"p{n}_0512x0384_fx.safetensors"
        )
    (kohya / "broken_0512x0384_flux.npz").write_bytes(b"nothing")
    asked = Survey("flux1", (512,))
    a, b = run(kohya, asked, tmp_path / "a"), run(musubi, asked, tmp_path / "b")
    assert a["rows"] == {"ok": 4, "error": 1} and b["rows"] == {"ok": 4, "error": 0}
    assert a["resolutions"] == b["resolutions"]
    one = a["resolutions"]["384"]
    everything = np.stack(each).astype(np.float64)
    np.testing.assert_allclose(one["channel_std"], everything.std(axis=(0, 2, 3)), rtol=1e-9)
    assert one["shift_factor"] == pytest.approx(0.3, abs=0.02)
    assert one["scaling_factor"] == pytest.approx(0.5, rel=0.02)
    assert one["beta"] == pytest.approx(0, abs=0.05)  # white
    row = table(tmp_path / "a")[1]
    assert (row["width"], row["height"], row["used"]) == (512, 384, 384)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Survey("linear-f8c16", (64, 100)), "takes multiples of 8 px, not 100: use 96"),
        (Survey("pixel", (128, 64)), "have to ascend"),
        (Survey("linear-f8c16", (16,)), "too small for bands"),
        (Survey("pixle", (64,)), "did you mean 'pixel'"),
    ],
)
def test_what_cannot_be_measured_is_told_first(folder: Path, asked: Survey, said: str) -> None:
    with pytest.raises(InputError, match=said):
        run(folder, asked, folder.parent / "out")
    (folder.parent / "empty").mkdir()
    with pytest.raises(InputError, match=r"no images, no \.tar"):
        run(folder.parent / "empty", ASKED, folder.parent / "out")


def test_the_command(folder: Path, tmp_path: Path, call: Callable[..., Said]) -> None:
    code, out, err = call("survey", str(folder), "--encoder", "pixel", "--out",
                          str(tmp_path / "out"), "--resolutions", "64,128", "--all")  # fmt: skip
    assert (code, err) == (0, "")
    assert out.startswith("pixel: 13 rows, 2 with an error")
    code, _, err = call("survey", str(folder), "--encoder", "pixel", "--out", "x",
                        "--resolutions", "a")  # fmt: skip
    assert code == 2 and "is not sides in pixels" in err


@pytest.mark.slow
def test_two_workers_give_what_one_gives(folder: Path, tmp_path: Path) -> None:
    run(folder, ASKED, tmp_path / "a")
    run(folder, ASKED, tmp_path / "b", workers=2)
    assert table(tmp_path / "a") == table(tmp_path / "b")


@pytest.mark.slow
def test_a_survey_that_is_killed_equals_one_that_was_not(folder: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    run(folder, ASKED, whole)
    code = (
        "import sys\nfrom pathlib import Path\nfrom analysis.training import survey, "
        "survey_sources\nsurvey_sources.FOLDER = 3\n"
        "survey.run(Path(sys.argv[1]), survey.Survey('pixel', (64, 128)), Path(sys.argv[2]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), str(out)], cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(out.glob("*.parquet")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    run(folder, ASKED, out)
    assert table(out) == table(whole)
    assert (out / "_stats.json").read_bytes() == (whole / "_stats.json").read_bytes()


def assert_alike(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> None:
    """To 1e-6: Ray gives a process one thread, and threads share sums out differently."""
    for one, other in zip(left, right, strict=True):
        for name, value in one.items():
            if isinstance(value, float | list):
                np.testing.assert_allclose(value, other[name], rtol=1e-6, atol=1e-9)
            else:
                assert value == other[name]


@pytest.mark.slow
@pytest.mark.parametrize("gpus", [0, 1])
def test_ray_gives_what_local_gives(folder: Path, tmp_path: Path, gpus: int) -> None:
    """Two actors for three shards, or the one that a GPU has; what is finished stays as it is.

    The GPU is one in name: Ray counts it, and the pixel encoder needs none.
    """
    ray = pytest.importorskip("ray")
    a, b = tmp_path / "a", tmp_path / "b"
    run(folder, ASKED, a)
    ray.init(num_cpus=2, num_gpus=gpus, include_dashboard=False, log_to_driver=False)
    try:
        run(folder, ASKED, b, engine="ray", workers=2)
        assert_alike(table(a), table(b))
        (b / "folder-00001.parquet").unlink()
        before = (b / "folder-00000.parquet").stat().st_mtime_ns
        run(folder, ASKED, b, engine="ray", workers=2)
    finally:
        ray.shutdown()
    assert (b / "folder-00000.parquet").stat().st_mtime_ns == before
    assert_alike(table(a), table(b))
