"""Autoencoders trained here: what their losses say, and that a stopped training goes on."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from analysis.encoders import cards, networks, trained
from analysis.encoders.encoder import load
from analysis.project.errors import FetchError
from analysis.project.files import data
from analysis.spectra.lowpass import crop

torch = pytest.importorskip("torch")
safetensors_numpy = pytest.importorskip("safetensors.numpy")

SMALL = trained.Recipe(
    "plain", 0, sides=(64, 32, 16), crop=16, batch=2, steps=12, widths=(4, 8), rate=1e-2
)


def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    fields = rng.standard_normal((3, 3, 64, 64)).cumsum(2).cumsum(3)
    largest = fields / np.abs(fields).max()
    return [crop(largest, side).astype(np.float32) for side in SMALL.sides]


def of(variant: trained.Variant, **changed: object) -> trained.Recipe:
    return dataclasses.replace(SMALL, variant=variant, **changed)  # type: ignore[arg-type]


def test_shrinking_is_the_ideal_low_pass() -> None:
    z = np.random.default_rng(0).standard_normal((2, 16, 16))
    matrix = trained.shrinking(16)
    np.testing.assert_allclose(matrix @ z @ matrix.T, crop(z, 8), atol=1e-12)


def test_a_crop_and_the_smaller_one_are_of_the_same_place() -> None:
    shown = pictures()
    for step in range(8):
        large, small = trained.draws(shown, SMALL, step)
        assert large.shape == (2, 3, 16, 16) and small.shape == (2, 3, 8, 8)
        for one, other in zip(large, small, strict=True):
            assert np.corrcoef(crop(one, 8).ravel(), other.ravel())[0, 1] > 0.9
    again, _ = trained.draws(shown, of("eq"), 7)
    np.testing.assert_array_equal(large, again)  # variants of a seed are shown the same


def test_an_equivariant_encoder_costs_no_more_than_its_reconstruction() -> None:
    """Averages of squares of pixels are nearly equivariant, and at any scale the same."""
    x, small = trained.draws(pictures(), SMALL, 0)
    nothing = torch.nn.ConvTranspose2d(3, 3, 8, 8)
    torch.nn.init.zeros_(nothing.weight)
    torch.nn.init.zeros_(nothing.bias)

    def terms(encoder: torch.nn.Module, recipe: trained.Recipe) -> tuple[float, float]:
        total, error = trained.loss(encoder, nothing, recipe, 0, x, small)
        return total.item(), error.item()

    class Scaled(torch.nn.Module):
        def __init__(self, scale: float, shift: bool = False) -> None:
            super().__init__()
            self.scale, self.shift = scale, shift

        def forward(self, y: torch.Tensor) -> torch.Tensor:
            z = torch.nn.functional.avg_pool2d(y.float(), 8)
            return self.scale * (z * (1 if y.shape[-1] == 16 or not self.shift else -1))

    recipe = of("equivariant", weight=1.0)
    total, error = terms(Scaled(1.0), recipe)
    assert error == pytest.approx(float((x**2).mean()), rel=1e-5)
    same, opposite = total - error, terms(Scaled(1.0, shift=True), recipe)[0] - error
    assert same < 0.2 * opposite
    assert terms(Scaled(7.0), recipe)[0] - error == pytest.approx(same, rel=1e-4)
    plain = of("plain")
    assert terms(Scaled(1.0), plain) == (error, error)
    whole = terms(Scaled(1.0), of("eq"))[0]
    assert whole - error == pytest.approx(float((small**2).mean()), rel=1e-5)


def test_the_divergence_is_torchs() -> None:
    x, small = trained.draws(pictures(), SMALL, 0)

    class Fixed(torch.nn.Module):
        def forward(self, y: torch.Tensor) -> torch.Tensor:
            ones = torch.ones(2, 1, 2, 2)
            return torch.cat([0.5 * ones, -1.5 * ones], dim=1)  # a mean, a logarithm of variance

    decoder = torch.nn.Upsample(scale_factor=8)
    total, error = trained.loss(Fixed(), decoder, of("kl", beta=2.0), 0, x, small)
    normal = torch.distributions.Normal
    exact = torch.distributions.kl_divergence(normal(0.5, float(np.exp(-0.75))), normal(0.0, 1.0))
    assert (total - error).item() == pytest.approx(2 * float(exact), rel=1e-5)


@pytest.mark.parametrize("variant", trained.get_args(trained.Variant))
def test_a_stopped_training_goes_on_to_the_same_weights(
    variant: trained.Variant, tmp_path: Path
) -> None:
    shown, recipe = pictures(), of(variant)
    whole = trained.train(shown, recipe, tmp_path / "whole", every=12)
    assert all(array.dtype == np.float16 for array in whole.values())

    class StoppedError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done == 5:
            raise StoppedError

    with pytest.raises(StoppedError):
        trained.train(shown, recipe, tmp_path / "parts", stop, every=5)
    parts = trained.train(shown, recipe, tmp_path / "parts", every=5)
    assert whole.keys() == parts.keys()
    for name, array in whole.items():
        np.testing.assert_array_equal(array, parts[name])
    start = trained.train(shown, of(variant, steps=1, rate=0.0), tmp_path / "start")
    other = trained.train(shown, of(variant, seed=1, steps=1, rate=0.0), tmp_path / "other")
    assert any((start[name] != array).any() for name, array in whole.items())
    assert any((start[name] != array).any() for name, array in other.items())


def test_training_lowers_the_error(tmp_path: Path) -> None:
    shown, recipe = pictures(), of("plain", steps=60)
    weights = trained.train(shown, recipe, tmp_path / "checkpoint")
    (tmp_path / "w").write_bytes(trained.written(weights, recipe))
    found, state = trained.read(tmp_path / "w")
    assert found == recipe and state.keys() == weights.keys()
    errors = safetensors_numpy.load_file(tmp_path / "checkpoint")["errors"]
    assert errors.shape == (60,) and errors[-10:].mean() < 0.5 * errors[:5].mean()


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(b"no weights")
    with pytest.raises(FetchError, match="not an autoencoder trained here"):
        networks.trained_here(tmp_path / "w", 16)


@pytest.mark.parametrize("name", trained.RECIPES)
def test_a_committed_encoder_is_the_one_of_its_recipe(name: str, tmp_path: Path) -> None:
    card = cards.card(name)
    path = data() / "encoders" / card.file
    recipe, _ = trained.read(path)
    assert recipe == trained.RECIPES[name]
    assert path.stat().st_size == card.bytes < 1.5e6
    encoder = load(card, downloads=tmp_path)
    x = pictures()[0][:1]
    raw = encoder.encode(x)["mean"]
    assert raw.shape == (1, 16, 8, 8)
    back = encoder.decode(raw)
    assert back is not None and np.mean((back - x) ** 2) < 0.2 * np.var(x)
