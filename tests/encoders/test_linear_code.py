import math

import numpy as np
import pytest

from analysis.encoders import linear_code
from analysis.encoders.linear_code import fit, patches, reconstruction_error
from analysis.project.errors import InputError


def photographs(count: int = 3, side: int = 32, seed: int = 0) -> list[np.ndarray]:
    """Smooth random images in [-1, 1], so that the leading components explain most."""
    rng = np.random.default_rng(seed)
    fields = rng.standard_normal((count, 3, side, side)).cumsum(2).cumsum(3)
    fields += 0.5 * rng.standard_normal(fields.shape)
    return list((fields / np.abs(fields).max()).astype(np.float32))


def cut(image: np.ndarray, patch: int) -> np.ndarray:
    """Patches by loops: the same definition written the other way."""
    _, height, width = image.shape
    return np.array(
        [
            image[:, row : row + patch, column : column + patch].ravel()
            for row in range(0, height, patch)
            for column in range(0, width, patch)
        ],
        dtype=np.float64,
    )


def test_patches_are_ordered_colour_row_column() -> None:
    image = photographs(1, 24)[0][:, :16]
    assert np.array_equal(patches(image[None], 8).reshape(-1, 192), cut(image, 8))


def test_components_and_variances_are_those_of_a_singular_value_decomposition() -> None:
    images = photographs()
    vectors = np.concatenate([cut(image, 4) for image in images])
    centred = vectors - vectors.mean(0)
    _, singular, rows = np.linalg.svd(centred, full_matrices=False)
    code = fit(images, patch=4, channels=6)
    np.testing.assert_allclose(code.mean, vectors.mean(0), atol=1e-7)
    np.testing.assert_allclose(code.eigenvalues, singular**2 / len(vectors), atol=1e-12)
    overlap = np.abs(np.sum(code.basis * rows[:6], axis=1))
    np.testing.assert_allclose(overlap, 1, atol=1e-6)
    assert code.explained == pytest.approx((singular[:6] ** 2).sum() / (singular**2).sum())


def test_a_known_covariance_is_recovered_in_closed_form() -> None:
    # patch = 1: vectors are colours; their population covariance is diag(0.25, 0.04, 0.01)
    amplitude = np.array([0.5, 0.2, 0.1])
    signs = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    colours = signs * amplitude + np.array([0.1, -0.2, 0.3])
    image = colours.T.reshape(3, 2, 2).astype(np.float32)
    code = fit([image], patch=1, channels=2)
    np.testing.assert_allclose(code.mean, [0.1, -0.2, 0.3], atol=1e-7)
    np.testing.assert_allclose(code.eigenvalues, [0.25, 0.04, 0.01], atol=1e-7)
    np.testing.assert_allclose(code.basis, [[1, 0, 0], [0, 1, 0]], atol=1e-6)
    assert code.scale == pytest.approx(1 / math.sqrt((0.25 + 0.04) / 2), rel=1e-6)
    error = reconstruction_error(code, [image])
    assert error.mse == pytest.approx(0.01 / 3, rel=1e-4)  # the lost variance, over 3 colours
    assert error.relative_mse == pytest.approx(0.01 / 0.30, rel=1e-4)
    assert error.psnr == pytest.approx(10 * math.log10(4 / (0.01 / 3)), abs=1e-3)


def test_latents_are_centred_and_scaled_by_one_number() -> None:
    images = photographs()
    code = fit(images, patch=8, channels=16)
    z = code.encode(np.stack(images))
    assert z.shape == (3, 16, 4, 4) and z.dtype == np.float32
    variances = z.astype(np.float64).var(axis=(0, 2, 3))
    np.testing.assert_allclose(z.mean(axis=(0, 2, 3)), 0, atol=1e-5)
    assert variances.mean() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(variances, code.scale**2 * code.eigenvalues[:16], rtol=1e-4)
    assert variances[0] > 2 * variances[-1], "one scalar leaves the channels unequal"


def test_channels_keep_their_place() -> None:
    images = photographs()
    code = fit(images, patch=8, channels=5)
    z = code.encode(np.stack(images))
    patch = images[1][:, 16:24, 8:16].ravel()  # row 2, column 1
    np.testing.assert_allclose(
        z[1, :, 2, 1], code.scale * code.basis @ (patch - code.mean), rtol=1e-4, atol=1e-5
    )


def test_all_channels_make_a_round_trip_exact() -> None:
    images = photographs(2)
    code = fit(images, patch=8, channels=192)
    x = np.stack(photographs(2, seed=5))
    np.testing.assert_allclose(code.decode(code.encode(x)), x, atol=2e-5)
    assert code.explained == 1
    assert reconstruction_error(code, images).psnr > 80


def test_the_basis_is_signed_by_the_rule_and_the_order_of_images_is_irrelevant() -> None:
    images = photographs()
    first, again, other = fit(images), fit(iter(images)), fit(images[::-1], fitted_on="key")
    assert all(row[np.argmax(np.abs(row))] > 0 for row in first.basis)
    flipped = linear_code._signed(np.array([[-0.5, 0.5 + 1e-9, 0.1], [0.2, -0.9, 0.3]]))
    # Within the tolerance the first entry decides.
    np.testing.assert_allclose(flipped, [[0.5, -0.5, -0.1], [-0.2, 0.9, -0.3]], atol=1e-8)
    assert first.digest == again.digest != fit(images, channels=15).digest
    np.testing.assert_allclose(first.basis, other.basis, atol=1e-5)
    assert (first.fitted_on, other.fitted_on) == ("", "key")


def test_images_that_cannot_be_used_are_refused() -> None:
    images = photographs()
    code = fit(images)
    with pytest.raises(InputError, match="at least one image"):
        fit([])
    with pytest.raises(InputError, match="constant"):
        fit([np.full((3, 16, 16), 0.3, np.float32)])
    with pytest.raises(InputError, match="not finite"):
        fit([np.full((3, 16, 16), np.nan, np.float32)])
    with pytest.raises(InputError, match="12 x 16 is not made of 8 x 8"):
        fit([np.zeros((3, 12, 16), np.float32)])
    with pytest.raises(InputError, match="1 to 192 channels, not 193"):
        fit(images, channels=193)
    with pytest.raises(InputError, match="1 to 192 channels, not 0"):
        fit(images, channels=0)
    with pytest.raises(InputError, match=r"not \[N, 3, H, W\]"):
        code.encode(np.zeros((1, 1, 16, 16), np.float32))
    with pytest.raises(InputError, match=r"not \[N, 16, h, w\]"):
        code.decode(np.zeros((1, 4, 2, 2), np.float32))
    with pytest.raises(InputError, match="not constant"):
        reconstruction_error(code, [])
