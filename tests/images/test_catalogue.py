"""analysis.images.catalogue: sets, fetching, decoding; against truths made here by other means."""

import hashlib
import importlib.util
import io
import json
import logging
import os
import struct
import tomllib
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from analysis.images import pixels
from analysis.images.catalogue import Photograph, fetch, image_set, read_sets, stack
from analysis.images.pixels import load, thumbnail
from analysis.project.downloads import sha256
from analysis.project.errors import FetchError, InputError
from tests.standins.web import Web, running

pytestmark = pytest.mark.filterwarnings("error")

DATA = Path(__file__).resolve().parents[2] / "data"
RNG = np.random.default_rng(1)
# 6 x 4, no symmetry: every orientation and every crop shows
PIXELS = RNG.integers(0, 256, (4, 6, 3), dtype=np.uint8)
TOML = """
[sets.here]
title = "Here"
license = "see rows"
[[sets.here.images]]
id = "one"
file = "one.png"
sha256 = "{sha256}"
author = "A"
source = "made here"
title = "One"
license = "CC0-1.0"
[[sets.here.images]]
id = "two"
url = "https://example.org/two"
sha256 = ""
author = ""
source = "https://example.org"
active = false
title = "Two"
license = "CC0-1.0"
"""


def save(path: Path, pixels: np.ndarray = PIXELS, **options) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def expected(unit: np.ndarray) -> np.ndarray:
    """[H, W, 3] in [0, 1], already square -> what load gives without resampling."""
    return np.moveaxis(unit * 2 - 1, 2, 0)


def square(array: np.ndarray) -> np.ndarray:
    """The middle square, written out for the 4 x 6 pixels used here."""
    return array[:, 1:5] if array.shape[:2] == (4, 6) else array[1:5]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(colour: int, bits: int, rows: list[bytes], width: int, *chunks: bytes) -> bytes:
    """A PNG written by hand, so that no encoder of Pillow decides what is in it."""
    header = struct.pack(">IIBBBBB", width, len(rows), bits, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    body = chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


# ---- decoding ---------------------------------------------------------------------------------


def test_rgb_values_shape_range_dtype(tmp_path: Path) -> None:
    array = load(save(tmp_path / "a.png"), 4)
    assert array.shape == (3, 4, 4)
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    np.testing.assert_allclose(array, expected(square(PIXELS) / 255), atol=1e-6)
    profiled = load(save(tmp_path / "b.png", icc_profile=b"\0" * 200), 4)
    np.testing.assert_array_equal(array, profiled)  # a profile is ignored


ORIENTED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    # how the stored array turns into the picture meant (EXIF 2.3, 4.6.4 A)
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a[::-1].transpose(1, 0, 2),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: a[:, ::-1].transpose(1, 0, 2),
}


@pytest.mark.parametrize("orientation", sorted(ORIENTED))
@pytest.mark.parametrize("form", ["png", "tiff", "webp"])
def test_exif_orientation(tmp_path: Path, orientation: int, form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict = {"lossless": True, "exact": True} if form == "webp" else {}
    path = save(tmp_path / f"a.{form}", exif=exif, **options)
    truth = square(ORIENTED[orientation](PIXELS))
    np.testing.assert_allclose(load(path, 4), expected(truth / 255), atol=1e-6)


def test_modes_of_grey(tmp_path: Path) -> None:
    grey = square(PIXELS[..., 0])
    truth = expected(np.repeat(grey[..., None], 3, axis=2) / 255)
    for name in ("a.png", "a.tif", "a.bmp", "a.pgm", "a.gif"):
        np.testing.assert_allclose(load(save(tmp_path / name, grey), 4), truth, atol=1e-6)


def test_one_bit(tmp_path: Path) -> None:
    bits = PIXELS[:4, :4, 0] > 127
    Image.fromarray(bits).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "1"
    np.testing.assert_array_equal(load(tmp_path / "a.png", 4)[1], np.where(bits, 1.0, -1.0))


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    grey = np.array([[0, 1, 255, 256], [300, 4095, 32768, 40000], [1, 2, 3, 4]], dtype=np.uint16)
    grey = np.vstack([grey, [65535, 65534, 60000, 50000]]).astype(np.uint16)
    rows = [row.astype(">u2").tobytes() for row in grey]
    (tmp_path / "a.png").write_bytes(png(0, 16, rows, 4))
    (tmp_path / "a.pgm").write_bytes(b"P5 4 4 65535\n" + b"".join(rows))
    Image.fromarray(grey).save(tmp_path / "a.tif")
    Image.frombytes("I;16B", (4, 4), b"".join(rows)).save(tmp_path / "big-endian.tif")
    for name in ("a.png", "a.pgm", "a.tif", "big-endian.tif"):
        array = load(tmp_path / name, 4)
        np.testing.assert_allclose(array, expected(np.stack([grey / 65535] * 3, 2)), atol=1e-6)
    # and the sixteen bits survive resizing: steps finer than 1/255 are still there
    ramp = np.tile(np.arange(32768, 32768 + 64, dtype=np.uint16), (64, 1))
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    assert len(np.unique(load(tmp_path / "ramp.png", 32)[0, 16])) == 32


def test_sixteen_bit_colour_keeps_eight(tmp_path: Path) -> None:
    colour = RNG.integers(0, 65536, (4, 4, 3)).astype(">u2")
    (tmp_path / "a.png").write_bytes(png(2, 16, [row.tobytes() for row in colour], 4))
    difference = load(tmp_path / "a.png", 4) - expected(colour / 65535)
    assert np.abs(difference).max() <= 2 / 255  # one step of 8 bits in [-1, 1]


def test_numbers_without_a_white_are_refused(tmp_path: Path) -> None:
    for name, kind in (("f.tif", np.float32), ("i.tif", np.int32)):
        Image.fromarray(np.ones((4, 4), kind)).save(tmp_path / name)
        with pytest.raises(InputError, match=f"{name}.*no defined white"):
            load(tmp_path / name, 4)


def test_alpha_is_on_white(tmp_path: Path) -> None:
    rgba = RNG.integers(0, 256, (4, 4, 4), dtype=np.uint8)
    rgba[0, 0] = (10, 20, 30, 0)
    rgba[0, 1] = (10, 20, 30, 255)
    alpha = rgba[..., 3:] / 255
    truth = expected(rgba[..., :3] / 255 * alpha + (1 - alpha))
    for name in ("a.png", "a.tif"):
        array = load(save(tmp_path / name, rgba), 4)
        np.testing.assert_allclose(array, truth, atol=1e-6)
    np.testing.assert_allclose(array[:, 0, 0], 1.0, atol=1e-6)
    rows = [row.tobytes() for row in rgba[..., 2:]]  # LA: blue as grey
    (tmp_path / "la.png").write_bytes(png(4, 8, rows, 4))
    grey = rgba[..., 2:3] / 255 * alpha + (1 - alpha)
    truth = expected(np.repeat(grey, 3, axis=2))
    np.testing.assert_allclose(load(tmp_path / "la.png", 4), truth, atol=1e-6)


@pytest.mark.parametrize("transparency", [None, bytes([255, 128, 0, 255])])
def test_palette(tmp_path: Path, transparency: bytes | None) -> None:
    table = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 99, 199]], np.uint8)
    index = np.array([[0, 1, 2, 3], [3, 2, 1, 0], [1, 1, 3, 3], [2, 0, 2, 0]], np.uint8)
    chunks = [chunk(b"PLTE", table.tobytes())]
    if transparency:
        chunks.append(chunk(b"tRNS", transparency))
    (tmp_path / "a.png").write_bytes(png(3, 8, [row.tobytes() for row in index], 4, *chunks))
    alpha = (np.frombuffer(transparency or b"\xff" * 4, np.uint8) / 255)[index][..., None]
    truth = expected(table[index] / 255 * alpha + (1 - alpha))
    np.testing.assert_allclose(load(tmp_path / "a.png", 4), truth, atol=1e-6)


def test_colour_key_of_rgb_and_grey(tmp_path: Path) -> None:
    pixels = square(PIXELS)
    key = pixels[1, 1]
    truth = pixels / 255
    truth[1, 1] = 1
    rows = [row.tobytes() for row in pixels]
    colour = chunk(b"tRNS", struct.pack(">HHH", *key.tolist()))
    (tmp_path / "a.png").write_bytes(png(2, 8, rows, 4, colour))
    np.testing.assert_allclose(load(tmp_path / "a.png", 4), expected(truth), atol=1e-6)


def test_cmyk_takes_the_plain_formula(tmp_path: Path) -> None:
    cmyk = RNG.integers(0, 256, (4, 4, 4), dtype=np.uint8)
    Image.frombytes("CMYK", (4, 4), cmyk.tobytes()).save(tmp_path / "a.tif")
    ink = cmyk / 255
    truth = (1 - ink[..., :3]) * (1 - ink[..., 3:])
    np.testing.assert_allclose(load(tmp_path / "a.tif", 4), expected(truth), atol=2.1 / 255)


def test_first_frame(tmp_path: Path) -> None:
    red, blue = (Image.new("RGB", (8, 8), colour) for colour in ("red", "blue"))
    for name in ("a.gif", "a.webp", "a.png", "a.tif"):
        extra: dict = {"lossless": True} if name == "a.webp" else {}
        red.save(tmp_path / name, save_all=True, append_images=[blue], **extra)
        array = load(tmp_path / name, 8)
        assert array[0].min() == 1.0
        assert array[2].max() == -1.0


@given(st.integers(1, 40), st.integers(1, 40))
def test_crop_is_the_middle(tmp_path_factory: pytest.TempPathFactory, w: int, h: int) -> None:
    pixels = RNG.integers(0, 256, (h, w, 3), dtype=np.uint8)
    path = save(tmp_path_factory.mktemp("crop") / "a.png", pixels)
    side = min(w, h)
    found = np.rint((np.moveaxis(load(path, side), 0, 2) + 1) * 127.5)
    before, after = (w - side) // 2, w - side - (w - side) // 2
    assert 0 <= after - before <= 1
    truth = pixels[(h - side) // 2 :, before:][:side, :side]
    np.testing.assert_array_equal(found, truth)


# ---- resizing ---------------------------------------------------------------------------------


def test_overshoot_is_clipped_to_the_range(tmp_path: Path) -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, 31:] = 255
    array = load(save(tmp_path / "a.png", pixels), 24)
    assert array.min() == -1.0
    assert array.max() == 1.0
    plane = Image.fromarray(pixels[..., 0].astype(np.float32))
    raw = np.asarray(plane.resize((24, 24), Image.Resampling.LANCZOS))
    assert raw.max() > 256  # it does overshoot, or this tests nothing


def test_jpeg_of_the_square_before_it_is_resized(tmp_path: Path) -> None:
    rough = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    path = save(tmp_path / "a.png", rough)
    buffer = io.BytesIO()
    Image.fromarray(rough[:, 10:50]).save(buffer, "JPEG", quality=50, subsampling=2)
    (tmp_path / "b.jpg").write_bytes(buffer.getvalue())
    np.testing.assert_array_equal(load(path, 32, jpeg=50), load(tmp_path / "b.jpg", 32))
    assert np.abs(load(path, 32, jpeg=50) - load(path, 32)).mean() > 0.01  # it does something
    with pytest.raises(InputError, match="quality 101"):
        load(path, 32, jpeg=101)


def test_never_upscaled(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png.*6 x 4.*short side 4.*asked for 5.*never upscal"):
        load(path, 5)
    with pytest.raises(InputError, match="asked for 0"):
        load(path, 0)
    with pytest.raises(InputError, match="did you mean 'lanczos'"):
        load(path, 4, "lancsoz")  # type: ignore[arg-type]


def test_thumbnail(tmp_path: Path) -> None:
    small = thumbnail(save(tmp_path / "a.png"), 4)
    assert small.dtype == np.uint8
    np.testing.assert_array_equal(small, square(PIXELS))


# ---- what is no image -------------------------------------------------------------------------


def photo_bytes(form: str, **options) -> bytes:
    buffer = io.BytesIO()
    pixels = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


BAD = {
    "text": b"this is no photograph\n" * 10,
    "empty": b"",
    "html": b"<!DOCTYPE html><html><body>not found</body></html>",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n",
    "jpeg": photo_bytes("JPEG")[:-300],
    "progressive": photo_bytes("JPEG", progressive=True)[:-300],
    "header": photo_bytes("JPEG")[:100],
    "png": photo_bytes("PNG")[:-300],
    "webp": photo_bytes("WEBP")[:-300],
    "tiff": photo_bytes("TIFF")[:-300],
}


@pytest.mark.parametrize("kind", sorted(BAD))
@pytest.mark.parametrize("tolerant", [False, True])
def test_no_image_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, tolerant: bool
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", tolerant)  # as other packages do
    path = tmp_path / f"{kind}.jpg"
    path.write_bytes(BAD[kind])
    with pytest.raises(InputError, match=f"{kind}.jpg: cannot be read as an image") as caught:
        load(path, 16)
    assert "\n" not in str(caught.value)
    assert tolerant == ImageFile.LOAD_TRUNCATED_IMAGES


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    for path in (tmp_path / "no.jpg", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            load(path, 4)
        with pytest.raises(InputError, match="cannot be read"):
            fetch(Photograph("it", path, "", "", "It", "", "", ""), tmp_path)


def test_decompression_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    width, height = 20_000, 20_000  # one bit each; 400 million pixels of it in some 60 kB
    rows = chunk(b"IDAT", zlib.compress(bytes((1 + width // 8) * height)))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + rows + chunk(b"IEND", b""))
    for limit in (Image.MAX_IMAGE_PIXELS, None):  # None: another package switched it off
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(
            InputError, match=r"bomb\.png: refused: .* 134 million pixels, .* small"
        ):
            load(path, 16)


def test_a_large_picture_takes_two_planes_of_floats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = 1500
    path = save(tmp_path / "large.png", np.zeros((n, n, 3), np.uint8))
    load(path, 4)
    tracemalloc.start()  # of numpy's memory; Pillow's own is four bytes a pixel, thrice at most
    try:
        load(path, 4)
        assert tracemalloc.get_traced_memory()[1] < 2.6 * 4 * n * n
    finally:
        tracemalloc.stop()
    monkeypatch.setattr(pixels, "MAX_PIXELS", n * n)
    load(path, 4)
    monkeypatch.setattr(pixels, "MAX_PIXELS", n * n - 1)
    with pytest.raises(InputError, match="refused: it has more than 2 million pixels"):
        load(path, 4)


# ---- sets -------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data" / "studies").mkdir(parents=True)
    path = save(tmp_path / "data" / "one.png")
    (tmp_path / "data" / "images.toml").write_text(TOML.format(sha256=sha256(path)))
    monkeypatch.setenv("ANALYSIS_ROOT", str(tmp_path))
    return tmp_path


def test_set(project: Path) -> None:
    found = image_set("here")
    assert found.title == "Here"
    assert [photo.id for photo in found.photos] == ["one"]  # two is not active
    assert found.photos[0].path == project / "data" / "one.png"
    assert found.photos[0].license == "CC0-1.0"
    assert stack(found.photos * 2, 4, project / "cache").shape == (2, 3, 4, 4)
    with pytest.raises(InputError, match="no photographs"):
        stack([], 4, project)
    table = project / "data" / "images.toml"
    table.write_text(table.read_text().replace('author = "A"', 'author = "A"\nactive = false'))
    with pytest.raises(InputError, match="no active image"):
        image_set("here")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\nlicense", "\nlicence", "did you mean 'license'"),
        ('author = "A"', 'auhtor = "A"', "did you mean 'author'"),
        ("[sets.here]", "[set.here]", "did you mean 'sets'"),
        ('file = "one.png"', 'file = "one.png"\nurl = "https://a.org"', "or else a url"),
        ('file = "one.png"', "", "or else a url"),
        ('author = "A"', 'author = ""', "with sha256 and author"),
        ("https://example.org/two", "ftp://example.org/two", "url"),
        ('id = "two"', 'id = "one"', "'one' is given twice"),
        ('id = "two"', 'id = "Two!"', "id"),
        ('sha256 = ""', 'sha256 = "abc"', "sha256"),
        ("active = false", 'active = "perhaps"', "active"),
        ("[sets.here]", "[sets.here", "not valid TOML"),
    ],
)
def test_a_wrong_table_is_explained(project: Path, old: str, new: str, message: str) -> None:
    table = project / "data" / "images.toml"
    assert old in table.read_text()
    table.write_text(table.read_text().replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        read_sets(table)
    assert "images.toml" in str(caught.value)
    assert "\n" not in str(caught.value) or "TOML" in str(caught.value)


def test_unknown_set_and_path(project: Path) -> None:
    with pytest.raises(InputError, match=r"'hare' is neither a set .* did you mean 'here'"):
        image_set("hare")
    for name in (str(project / "no-such-folder"), "", str(project / "data" / "one.png")):
        with pytest.raises(InputError, match="nor a folder"):
            image_set(name)


def test_folder(project: Path) -> None:
    folder = project / "my pictures"
    folder.mkdir()
    for value, name in enumerate(("b.PNG", "c.jpeg", "a.tif", ".hidden.png", "._b.png")):
        save(folder / name, np.full((4, 4, 3), value, np.uint8), format="PNG")
    (folder / "notes.txt").write_text("no image")
    (folder / "png").write_text("no extension")
    (folder / "deeper.png").mkdir()
    found = image_set(str(folder))
    assert [photo.id for photo in found.photos] == ["a", "b", "c"]
    assert [photo.path for photo in found.photos] == [
        folder / name for name in ("a.tif", "b.PNG", "c.jpeg")
    ]
    assert stack(found.photos, 4, project).shape == (3, 3, 4, 4)
    save(folder / "a.png")
    with pytest.raises(InputError, match="both be called 'a'"):
        image_set(str(folder))
    for path in folder.glob("[abc]*"):
        path.unlink()
    with pytest.raises(InputError, match="no image in this folder"):
        image_set(str(folder))


def test_a_file_under_two_names_counts_once(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = project / "copies"
    folder.mkdir()
    for value, names in enumerate((("a.png", "c.png", "d.jpg"), ("b.png",))):
        for name in names:  # files of one size
            save(folder / name, np.full((4, 4, 3), value, np.uint8), format="PNG")
    assert [photo.id for photo in image_set(str(folder)).photos] == ["a", "b"]
    assert caplog.messages == ["a.png, c.png and d.jpg are the same picture: counted once"]


def test_local_file_is_verified(project: Path) -> None:
    (photo,) = image_set("here").photos
    assert photo.path is not None
    assert fetch(photo, project) == photo.path
    right = photo.sha256
    photo.path.write_bytes(photo.path.read_bytes() + b"\0")
    wrong = hashlib.sha256(photo.path.read_bytes()).hexdigest()
    with pytest.raises(InputError, match=f"one.png.*{right}.*{wrong}.*restore"):
        fetch(photo, project)
    photo.path.unlink()
    with pytest.raises(InputError, match=r"one\.png.*cannot be read"):
        fetch(photo, project)


# ---- downloads, from a server on this machine -------------------------------------------------


@pytest.fixture
def web() -> Iterator[Web]:
    body = photo_bytes("JPEG")
    with running(file=body, html=BAD["html"], half=body[: len(body) // 2]) as one:
        yield one


def photo(web: Web, page: str = "file", sha256: str = "") -> Photograph:
    return Photograph("it", None, f"{web.url}/{page}", sha256, "It", "", "CC0-1.0", web.url)


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def left(downloads: Path) -> list[str]:
    return sorted(path.name for path in downloads.iterdir()) if downloads.exists() else []


def test_pinned_download_happens_once(web: Web, tmp_path: Path) -> None:
    body, downloads = web.pages["file"], tmp_path / "cache" / "downloads"
    pinned = photo(web, sha256=digest_of(body))
    path = fetch(pinned, downloads)
    assert path.parent == downloads
    assert fetch(pinned, downloads) == path
    assert web.asked == ["file"]
    assert "timestep-spectra" in web.agents[0]
    assert left(downloads) == [path.name]  # no pin, nothing temporary
    assert stack([pinned], 32, downloads).shape == (1, 3, 32, 32)
    path.write_bytes(b"damaged")
    assert fetch(pinned, downloads).read_bytes() == body
    assert web.asked == ["file", "file"]
    with pytest.raises(FetchError, match="another file: expected sha256 0000"):
        fetch(photo(web, sha256="0" * 64), tmp_path / "other")
    assert left(tmp_path / "other") == []


def test_trust_on_first_use(web: Web, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    one, found = photo(web), digest_of(web.pages["file"])
    with caplog.at_level(logging.WARNING):
        path = fetch(one, tmp_path)
    assert f'pin this in data/images.toml: sha256 = "{found}"' in caplog.text
    assert json.loads((tmp_path / "pins.json").read_text()) == {one.url: found}
    caplog.clear()
    assert fetch(one, tmp_path) == path
    assert (web.asked, caplog.text) == (["file"], "")
    # gone from disk and the same again: fine; changed: refused, and nothing is written
    path.unlink()
    assert fetch(one, tmp_path).read_bytes() == web.pages["file"]
    path.unlink()
    other = web.pages["file"] = photo_bytes("JPEG")
    with pytest.raises(FetchError, match=f"refused.*{found}.*{digest_of(other)}.*images.toml"):
        fetch(one, tmp_path)
    assert left(tmp_path) == ["pins.json"]
    assert json.loads((tmp_path / "pins.json").read_text()) == {one.url: found}
    # the table has the last word
    assert fetch(photo(web, sha256=digest_of(other)), tmp_path).read_bytes() == other


def test_pins_that_are_found_at_once_are_all_kept(web: Web, tmp_path: Path) -> None:
    several = [
        Photograph(f"p{i}", None, f"{web.url}/file?{i}", "", "", "", "", "") for i in range(8)
    ]
    web.raw["file?3"] = [f"HTTP/1.0 200 OK\r\nContent-Length: {10**9}\r\n\r\n".encode()]
    web.pages |= {f"file?{i}": web.pages["file"] for i in range(8)}
    with ThreadPoolExecutor(8) as pool:
        waited = [pool.submit(fetch, one, tmp_path) for one in several]
    found = digest_of(web.pages["file"])
    with pytest.raises(FetchError, match="1,000,000,000 bytes, more than the 200,000,000"):
        waited.pop(3).result()
    assert {one.result().name[:2] for one in waited} == {f"p{i}" for i in range(8) if i != 3}
    pins = json.loads((tmp_path / "pins.json").read_text())
    assert pins == {one.url: found for one in several if one.id != "p3"}
    small = replace(several[0], most_bytes=10, url=f"{web.url}/file")
    with pytest.raises(
        FetchError, match=r"more than the 10 bytes that are taken: .* 'most_bytes' of"
    ):
        fetch(small, tmp_path)


def test_damaged_pins(web: Web, tmp_path: Path) -> None:
    for text in ("{", "[1]", '{"a": 1}'):
        (tmp_path / "pins.json").write_text(text)
        with pytest.raises(InputError, match=r"pins\.json: damaged"):
            fetch(photo(web), tmp_path)
    assert web.asked == []


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("404", "404"),
        ("html", "gives no image"),
        ("half", "gives no image, or a damaged one"),  # a complete transfer of half an image
        ("slow", r"no answer within 0\.2 s"),
    ],
)
def test_failed_downloads(web: Web, tmp_path: Path, page: str, why: str) -> None:
    with pytest.raises(FetchError, match=why) as caught:
        fetch(photo(web, page), tmp_path, timeout=0.2, attempts=1)
    message = str(caught.value)
    assert f"{web.url}/{page}" in message and "\n" not in message
    assert "name a folder with the file" in message
    assert left(tmp_path) == []
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FetchError, match="cannot be stored"):
        fetch(photo(web), tmp_path / "file" / "downloads")


# ---- the bundled pictures ---------------------------------------------------------------------


def derive() -> ModuleType:
    spec = importlib.util.spec_from_file_location("derive", DATA / "images" / "derive.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "count", "most"), [("bundled", 12, 8e6), ("wallpapers", 29, 10e6)]
)
def test_bundled_files(name: str, count: int, most: float, tmp_path: Path) -> None:
    photos = read_sets(DATA / "images.toml")[name].photos
    assert len(photos) == count
    files = {fetch(photo, tmp_path) for photo in photos}  # verifies each sha256
    folder = DATA / "images" / ("" if name == "bundled" else name)
    assert files == set(folder.glob("*.jpg"))
    assert sum(path.stat().st_size for path in files) <= most
    readme = (DATA / "images" / "README.md").read_text(encoding="utf-8")
    for photo in photos:
        assert photo.author
        assert photo.source.startswith("https://")
        text = (DATA / "images" / "LICENSES" / f"{photo.license}.txt").read_text(encoding="utf-8")
        assert len(text) > 5000
        assert f"| {photo.id} | {photo.author} | {photo.license} |" in readme
        with Image.open(folder / f"{photo.id}.jpg") as image:
            assert min(image.size) >= 1024
            assert not image.getexif()
            assert photo.author in image.info["comment"].decode()
            assert photo.license in image.info["comment"].decode()


def test_no_photographer_is_in_both_sets() -> None:
    """The second set says something new about the first's numbers only if it is of others."""
    sets = read_sets(DATA / "images.toml")
    first, second = ({photo.author for photo in sets[n].photos} for n in ("bundled", "wallpapers"))
    assert not first & second
    assert len(second) == 23


def test_machine_readable_licences_agree() -> None:
    table = tomllib.loads((DATA / "images" / "REUSE.toml").read_text(encoding="utf-8"))
    stated = {
        DATA / "images" / file: (row["SPDX-FileCopyrightText"], row["SPDX-License-Identifier"])
        for row in table["annotations"]
        for file in row["path"]
    }
    sets = read_sets(DATA / "images.toml")
    photos = sets["bundled"].photos + sets["wallpapers"].photos
    assert stated == {photo.path: (photo.author, photo.license) for photo in photos}


def test_derivation_of_one_picture(tmp_path: Path) -> None:
    y, x = np.mgrid[:1600, :1640]
    pixels = np.stack([x / 7, y / 7, (x + y) / 14], 2).astype(np.uint8)
    exif = Image.Exif()
    exif[0x010F] = "camera"
    folder = tmp_path / "Wallpaper" / "contents" / "images"
    folder.mkdir(parents=True)
    save(folder / "1640x1600.png", pixels, exif=exif)
    save(folder / "6x4.jpg")
    about = {"Name": "Ü", "License": "LGPLv3", "Authors": [{"Name": "Ä"}]}
    (tmp_path / "Wallpaper" / "metadata.json").write_text(json.dumps({"KPlugin": about}))
    made, path = derive(), tmp_path / "a-picture.jpg"
    described, original = made.described("a-picture", tmp_path / "Wallpaper")
    text = made.derive("bundled", described, original, path)
    (row,) = tomllib.loads(text)["sets"]["bundled"]["images"]
    assert row["sha256"] == sha256(path)
    assert (row["title"], row["author"], row["license"]) == ("Ü", "Ä", "LGPL-3.0-only")
    assert row["source"].endswith("Wallpaper/contents/images/1640x1600.png")
    with Image.open(path) as image:
        assert image.size == (1600, 1600)
        assert not image.getexif()
        difference = np.asarray(image, float) - pixels[:, 16:1616]
    assert np.abs(difference).mean() < 1


def test_no_path_of_a_machine_is_committed() -> None:
    for path in [DATA / "images.toml", *(DATA / "images").rglob("*")]:
        if path.suffix in (".toml", ".md", ".py"):
            text = path.read_text(encoding="utf-8")
            assert not any(place in text for place in ("/tmp/", "/root/", "/home/", "/work/"))


def test_derivation_arithmetic() -> None:
    box = derive().box
    assert box(2560, 1600, 1600) == (480, 0, 2080, 1600)
    assert box(5120, 2880, 1600) == (1760, 640, 3360, 2240)
    assert box(3088, 2057, 1024) == (1024, 512, 2048, 1536)  # on the blocks of a JPEG
    with pytest.raises(ValueError, match="no 5 x 5 pixels"):
        box(4, 8, 5)


@pytest.mark.parametrize(
    ("name", "inside", "one"),
    [("bundled", "wallpapers", "BytheWater"), ("wallpapers", "backgrounds", "budgie")],
)
def test_derivation_is_reproduced(
    name: str, inside: str, one: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the packages at hand: WALLPAPERS=FOLDER, or as Debian installs them."""
    share = Path("usr/share") / inside
    package = Path(os.environ.get("WALLPAPERS", Path("/") / share))
    if not any((folder / one).is_dir() for folder in (package, package / share)):
        pytest.skip(f"the packages of '{name}' are not unpacked here; set WALLPAPERS to them")
    derive().main([name, str(package), str(tmp_path)])
    rows = tomllib.loads(capsys.readouterr().out)["sets"][name]["images"]
    assert rows == tomllib.loads((DATA / "images.toml").read_text("utf-8"))["sets"][name]["images"]
    for row in rows:
        path = Path(row["file"])
        assert (tmp_path / path.relative_to("images")).read_bytes() == (DATA / path).read_bytes()
