"""Formulas against what they are elsewhere: scipy's transform, Pillow's tables, torch's network."""

import io

import numpy as np
import pytest
import scipy.fft
from PIL import Image

from analysis.encoders import cards, formulas
from analysis.encoders.encoder import load
from analysis.project.errors import InputError
from analysis.spectra import periodogram


def pictures(count: int = 2, side: int = 64, seed: int = 0) -> np.ndarray:
    """Rough pictures in [-1, 1] whose colours are alike and not the same."""
    rng = np.random.default_rng(seed)
    fields = rng.standard_normal((count, 1, side, side)).cumsum(2).cumsum(3)
    fields = fields + 2 * rng.standard_normal((count, 3, side, side))
    return (fields / np.abs(fields).max()).astype(np.float32)


def spectrum(formula: formulas.Formula, x: np.ndarray) -> np.ndarray:
    return periodogram.raps(formulas.encode(formula, 0, x)).sum(axis=1)[:, 1:]  # no mean


@pytest.mark.parametrize("formula", ["dct", "haar"])
def test_orthonormal_transforms_have_pixel_unshuffles_channel_average(
    formula: formulas.Formula,
) -> None:
    x = pictures()
    matrix = formulas.matrix(formula)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(192), atol=1e-12)
    np.testing.assert_allclose(spectrum(formula, x), spectrum("unshuffle", x), rtol=1e-4)
    folded = formulas.encode("unshuffle", 0, x)
    assert abs(formulas.encode(formula, 0, x) - folded).max() > 0.1, "and yet are others"


def test_the_cosine_transform_is_scipys() -> None:
    x = pictures(1, 16)
    block = scipy.fft.dctn(x[0, 1, 8:, :8], norm="ortho")
    found = formulas.encode("dct", 0, x)[0, 64:128, 1, 0].reshape(8, 8)
    np.testing.assert_allclose(found, block, atol=1e-6)


def test_haar_is_means_then_differences_of_ever_finer_halves() -> None:
    rows = np.sign(formulas.haar()).astype(int)
    assert rows[0].tolist() == [1] * 8 and rows[1].tolist() == [1] * 4 + [-1] * 4
    assert rows[2].tolist() == [1, 1, -1, -1, 0, 0, 0, 0]
    assert rows[4].tolist() == [1, -1, 0, 0, 0, 0, 0, 0]


def test_an_average_is_a_small_picture() -> None:
    x = pictures()
    small = x.reshape(2, 3, 8, 8, 8, 8).mean(axis=(3, 5))
    z = formulas.encode("average", 0, x)
    np.testing.assert_allclose(z, small, atol=1e-6)
    np.testing.assert_allclose(
        formulas.decode("average", z), small.repeat(8, 2).repeat(8, 3), atol=1e-6
    )


def test_jpegs_weights_are_those_that_pillow_writes() -> None:
    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(file, "JPEG", quality=50)
    tables = Image.open(file).quantization  # type: ignore[attr-defined]
    written = [np.array(text.split(), int) for text in (formulas.LUMINANCE, formulas.CHROMINANCE)]
    assert [list(tables[0]), list(tables[1])] == [table.tolist() for table in written]
    grey = np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8)
    z = formulas.encode("jpeg", 0, np.broadcast_to(grey, (1, 3, 8, 8)))[0, :, 0, 0]
    block = scipy.fft.dctn(127.5 * grey.astype(np.float64), norm="ortho").ravel()
    np.testing.assert_allclose(z[:64], block / written[0], atol=1e-4)
    np.testing.assert_allclose(z[64:], 0, atol=1e-4)  # grey has no colour


def test_whitening_multiplies_cosines_by_their_frequency() -> None:
    x = pictures(1, 16)
    z, plain = (formulas.encode(f, 0, x).reshape(1, 3, 8, 8, 2, 2) for f in ("whitened", "dct"))
    frequency = np.hypot(*np.indices((8, 8)))[:, :, None, None]
    np.testing.assert_allclose(z, plain * np.where(frequency > 0, frequency, 0.5), atol=1e-5)


@pytest.mark.parametrize(
    "formula", [f for f in formulas.FORMULAS if f not in ("random", "average")]
)
def test_what_keeps_every_value_can_be_undone(formula: formulas.Formula) -> None:
    x = pictures(2, 24)
    z = formulas.encode(formula, 0, x)
    assert z.shape == (2, 192, 3, 3) and z.dtype == np.float32
    np.testing.assert_allclose(formulas.decode(formula, z), x, atol=1e-5)


def test_random_convolutions_are_torchs() -> None:
    torch = pytest.importorskip("torch")
    x = pictures()
    y, rng = torch.from_numpy(x), formulas.noise.generator(3, "random encoder")
    for index, (inputs, outputs) in enumerate([(3, 32), (32, 64), (64, 16)]):
        drawn = rng.standard_normal((3, 3, outputs, inputs), dtype=np.float32)
        kernel = torch.from_numpy(drawn).permute(2, 3, 0, 1) * (2 / (9 * inputs)) ** 0.5
        y = torch.conv2d(y.relu() if index else y, kernel, stride=2, padding=1)
    z = formulas.encode("random", 3, x)
    assert z.shape == (2, 16, 8, 8)
    np.testing.assert_allclose(z, y.numpy(), atol=1e-5)
    assert abs(z - formulas.encode("random", 4, x)).max() > 0.1


def test_cards_of_formulas_load(tmp_path) -> None:
    found = [card for card in cards.cards().values() if card.kind == "formula"]
    assert {card.formula for card in found} == {
        *("unshuffle", "average", "jpeg", "whitened", "random"),
    }
    x = pictures(1, 32)
    for card in found:
        encoder = load(card, downloads=tmp_path)
        assert encoder.encode(x)["mean"].shape == (1, card.channels, 4, 4)
        assert (encoder.decode(encoder.encode(x)["mean"]) is None) == (card.formula == "random")
    identities = [str(cards.identity(card)) for card in found]
    assert len(set(identities)) == len(found), "each seed is another encoder"
    with pytest.raises(InputError, match="not a matrix"):
        formulas.matrix("random")
