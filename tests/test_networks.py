"""The two networks against the same mathematics built otherwise: functional, from a table."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from analysis import encoders, images, networks, weights
from analysis.settings import FetchError

torch = pytest.importorskip("torch")
F = torch.nn.functional

SHARED = Path(__file__).parents[2] / "shared" / "weights"


def shapes(channels: int) -> dict[str, tuple[int, ...]]:
    """Every entry of a tiny encoder's file, from its description."""
    found: dict[str, tuple[int, ...]] = {"0.weight": (64, 3, 3, 3), "0.bias": (64,)}
    for layer in range(1, 14):
        if layer in (2, 6, 10):
            found[f"{layer}.weight"] = (64, 64, 3, 3)
            continue
        for part in (0, 2, 4):
            found[f"{layer}.conv.{part}.weight"] = (64, 64, 3, 3)
            found[f"{layer}.conv.{part}.bias"] = (64,)
        if layer > 10:
            found[f"{layer}.pool.0.weight"] = (256, 64, 1, 1)
            found[f"{layer}.pool.1.weight"] = found[f"{layer}.pool.1.bias"] = (256,)
            found[f"{layer}.pool.3.weight"] = (64, 256, 1, 1)
    return found | {"14.weight": (channels, 64, 3, 3), "14.bias": (channels,)}


def reference(state: dict, pixels: np.ndarray) -> np.ndarray:
    """The tiny encoder in float64, each operation written out, no module."""
    w = {name: value.double() for name, value in state.items()}

    def group_norm(y, gain, offset):  # four groups of channels, over the whole image
        parts = y.reshape(len(y), 4, -1)
        centred = parts - parts.mean(2, keepdim=True)
        unit = centred / (centred.pow(2).mean(2, keepdim=True) + 1e-5).sqrt()
        return unit.reshape(y.shape) * gain[:, None, None] + offset[:, None, None]

    y = F.conv2d(torch.from_numpy(pixels).double(), w["0.weight"], w["0.bias"], padding=1)
    for layer in range(1, 14):
        if f"{layer}.weight" in w:
            y = F.conv2d(y, w[f"{layer}.weight"], stride=2, padding=1)
            continue
        if f"{layer}.pool.0.weight" in w:
            wide = torch.einsum("oi,nihw->nohw", w[f"{layer}.pool.0.weight"][:, :, 0, 0], y)
            wide = group_norm(wide, w[f"{layer}.pool.1.weight"], w[f"{layer}.pool.1.bias"])
            back = w[f"{layer}.pool.3.weight"][:, :, 0, 0]
            y = y + torch.einsum("oi,nihw->nohw", back, wide.clamp(min=0))
        inner = y
        for part in (0, 2, 4):
            name = f"{layer}.conv.{part}"
            inner = F.conv2d(inner, w[f"{name}.weight"], w[f"{name}.bias"], padding=1)
            inner = inner.clamp(min=0) if part < 4 else inner
        y = (inner + y).clamp(min=0)
    return F.conv2d(y, w["14.weight"], w["14.bias"], padding=1).numpy()


def random_state(channels: int = 5) -> dict:
    draw = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(shape, generator=draw) * (0.05 if len(shape) > 1 else 0.2)
        for name, shape in shapes(channels).items()
    }


def pixels(count: int = 2, height: int = 40, width: int = 24) -> np.ndarray:
    return np.random.default_rng(0).random((count, 3, height, width), dtype=np.float32)


def real_weights() -> Path:
    card = encoders.card("taef2")
    path = weights.find(card.sha256, card.bytes, [*weights.folders(), SHARED])
    if path is None:
        pytest.skip("the weights of taef2 are not here: see ANALYSIS_WEIGHTS")
    return path


def test_the_tiny_network_is_the_one_described(tmp_path: Path) -> None:
    state = random_state()
    torch.save(state, tmp_path / "tiny.pth")
    x = pixels()
    mean = networks.tiny(tmp_path / "tiny.pth", 5)(x)["mean"]
    expected = reference(state, x)
    assert mean.shape == (2, 5, 5, 3) and mean.dtype == np.float32
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(mean, expected, atol=1e-5 * np.abs(expected).max())


def test_the_published_weights_give_what_the_description_gives() -> None:
    path = real_weights()
    x = pixels(1, 64, 48)
    mean = networks.tiny(path, 32)(x)["mean"]
    state = torch.load(path, weights_only=True)
    assert {name: tuple(value.shape) for name, value in state.items()} == shapes(32)
    np.testing.assert_allclose(mean, reference(state, x), atol=2e-4)


def test_latents_of_a_photograph_look_like_latents() -> None:
    path = real_weights()
    photograph = encoders.root() / "data" / "images" / "kite.jpg"
    x = images.load(photograph, 128)[None]
    z = networks.tiny(path, 32)((x + 1) / 2)["mean"]
    assert z.shape == (1, 32, 16, 16) and np.isfinite(z).all()
    assert 0.3 < z.std() < 3, "FLUX.2's latents are of order one"
    # the brightness of the picture is in the latents: some channel follows it
    grey = x[0].mean(0).reshape(16, 8, 16, 8).mean((1, 3)).ravel()
    follows = [abs(np.corrcoef(grey, channel.ravel())[0, 1]) for channel in z[0]]
    assert max(follows) > 0.6


@pytest.mark.parametrize("change", ["extra", "lacking", "shape", "no dict", "text", "truncated"])
def test_a_file_that_does_not_fit_is_refused(change: str, tmp_path: Path) -> None:
    state: object = random_state()
    assert isinstance(state, dict)
    if change == "extra":
        state["15.weight"] = torch.zeros(1)
    elif change == "lacking":
        del state["11.pool.1.bias"]
    elif change == "shape":
        state["14.bias"] = torch.zeros(6)
    elif change == "no dict":
        state = torch.zeros(3)
    path = tmp_path / "tiny.pth"
    torch.save(state, path)
    if change == "text":
        path.write_text("no weights")
    elif change == "truncated":
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(FetchError, match="not the weights of a tiny encoder") as error:
        networks.tiny(path, 5)
    assert "\n" not in str(error.value)


class Payload:
    """An object whose unpickling makes a file."""

    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.target,)


def test_no_code_in_a_weights_file_is_run(tmp_path: Path) -> None:
    target = tmp_path / "made by the file"
    torch.save({"0.weight": Payload(str(target))}, tmp_path / "tiny.pth")
    assert zipfile.is_zipfile(tmp_path / "tiny.pth")
    with pytest.raises(FetchError):
        networks.tiny(tmp_path / "tiny.pth", 5)
    assert not target.exists()
    torch.load(tmp_path / "tiny.pth", weights_only=False)  # the payload does work
    assert target.exists()
