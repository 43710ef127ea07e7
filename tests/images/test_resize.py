"""analysis.images.resize against Pillow in whole bytes, scipy's cosine transform, and waves."""

import io

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from analysis.images import resize
from analysis.images.resize import Resample
from analysis.project.errors import InputError
from analysis.spectra import lowpass

RNG = np.random.default_rng(2)
FILTERS = ("lanczos", "bicubic", "box", "fourier")


def by_cosines(z: np.ndarray, side: int) -> np.ndarray:
    """The crop of scipy's orthonormal DCT-II, amplitudes kept."""
    modes = scipy.fft.dctn(z, axes=(-2, -1), norm="ortho")[..., :side, :side]
    return scipy.fft.idctn(modes, axes=(-2, -1), norm="ortho") * side / z.shape[-1]


@given(st.integers(1, 24), st.integers(0, 24))
def test_the_even_crop_is_scipys_cosine_transform(side: int, more: int) -> None:
    z = RNG.standard_normal((2, side + more, side + more))
    np.testing.assert_allclose(lowpass.crop(z, side), by_cosines(z, side), atol=1e-12)


@pytest.mark.parametrize("edges", ["even", "periodic"])
@pytest.mark.parametrize(("n", "side"), [(64, 32), (60, 16), (50, 33), (33, 16), (48, 47)])
def test_waves_below_the_nyquist_frequency_keep_place_and_height(
    n: int, side: int, edges: str
) -> None:
    """The same continuous field, sampled at the centres of fine and of coarse pixels."""
    places = [(np.arange(m) + 0.5) / m for m in (n, side)]
    if edges == "even":
        top = side - 1
        waves = [[np.cos(np.pi * k * x) for x in places] for k in (0, 1, 5, top)]
    else:
        top = (side - 1) // 2
        waves = [[np.cos(2 * np.pi * k * x + k) for x in places] for k in (0, 1, 5, top)]
    for fine, coarse in waves:
        for other_fine, other_coarse in waves:
            found = lowpass.crop(np.outer(fine, other_fine), side, edges)  # type: ignore[arg-type]
            np.testing.assert_allclose(found, np.outer(coarse, other_coarse), atol=1e-12)


@pytest.mark.parametrize("edges", ["even", "periodic"])
def test_a_crop_of_a_crop_is_the_crop(edges: str) -> None:
    z = RNG.standard_normal((100, 100))
    once = lowpass.crop(z, 32, edges)  # type: ignore[arg-type]
    twice = lowpass.crop(lowpass.crop(z, 64, edges), 32, edges)  # type: ignore[arg-type]
    np.testing.assert_allclose(twice, once, atol=1e-12)


@pytest.mark.parametrize("name", ["lanczos", "bicubic", "box"])
def test_the_other_filters_are_pillows(name: Resample) -> None:
    planes = RNG.random((2, 3, 50, 50), dtype=np.float32)
    found = resize.resize(planes, 21, name)
    kind = getattr(Image.Resampling, name.upper())
    for i in range(2):
        for j in range(3):
            truth = np.asarray(Image.fromarray(planes[i, j]).resize((21, 21), kind))
            np.testing.assert_array_equal(found[i, j], truth)


@pytest.mark.parametrize("name", FILTERS)
def test_shape_type_and_constants(name: Resample) -> None:
    found = resize.resize(np.full((3, 30, 30), 0.3), 11, name)
    assert found.shape == (3, 11, 11)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_allclose(found, 0.3, atol=1e-6)


@pytest.mark.parametrize("name", FILTERS)
def test_the_same_side_is_left_alone(name: Resample) -> None:
    planes = RNG.standard_normal((3, 9, 9)).astype(np.float32)
    np.testing.assert_array_equal(resize.resize(planes, 9, name), planes)
    np.testing.assert_array_equal(lowpass.crop(planes, 9), planes)


def test_what_cannot_be_resized() -> None:
    with pytest.raises(InputError, match="did you mean 'fourier'"):
        resize.resize(np.zeros((8, 8)), 4, "furier")  # type: ignore[arg-type]
    for call in (resize.resize, lowpass.crop):
        with pytest.raises(ValueError, match="not square: 8 x 9"):
            call(np.zeros((8, 9)), 4)
        for side in (0, 9):
            with pytest.raises(ValueError, match=rf"8 x 8 planes can't become {side} x {side}"):
                call(np.zeros((8, 8)), side)


def test_clip() -> None:
    pixels, beyond = resize.clip(np.array([-1.5, -1.0, 0.25, 1.0, 1.001], np.float32))
    np.testing.assert_array_equal(pixels, np.array([-1, -1, 0.25, 1, 1], np.float32))
    assert pixels.dtype == np.float32
    assert beyond == pytest.approx(2 / 5)


def test_jpeg_is_pillows_at_its_defaults() -> None:
    smooth = np.asarray(
        Image.fromarray(RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((61, 43))
    )
    errors = []
    for quality in (95, 75, 30):
        found = resize.jpeg(smooth, quality)
        buffer = io.BytesIO()
        Image.fromarray(smooth).save(buffer, "JPEG", quality=quality)
        np.testing.assert_array_equal(found, np.asarray(Image.open(buffer)))
        errors.append(np.abs(found.astype(float) - smooth).mean())
    assert 0 < errors[0] < errors[1] < errors[2]
    for quality in (0, 101, -5):
        with pytest.raises(InputError, match=f"JPEG quality {quality}"):
            resize.jpeg(smooth, quality)
