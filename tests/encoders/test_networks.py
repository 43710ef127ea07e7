"""Tiny encoders against plain mathematics; diffusers' classes against diffusers."""

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from analysis.encoders import cards, networks, weights
from analysis.encoders.checkpoints import FRAMES, VARIATIONAL
from analysis.project.errors import FetchError, InputError

torch = pytest.importorskip("torch")
F = torch.nn.functional

SHARED = Path(__file__).parents[3] / "shared" / "weights"


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


def real_weights(name: str = "taef2") -> Path:
    card = cards.card(name)
    path = weights.find(card.sha256, card.bytes, [*weights.folders(), SHARED])
    if path is None:
        pytest.skip(f"the weights of {name} are not here: see ANALYSIS_WEIGHTS")
    return path


def test_the_tiny_network_is_the_one_described(tmp_path: Path) -> None:
    state = random_state()
    torch.save(state, tmp_path / "tiny.pth")
    x = pixels()
    mean = networks.tiny(tmp_path / "tiny.pth", 5, 8).encode(x)["mean"]
    expected = reference(state, x)
    assert mean.shape == (2, 5, 5, 3) and mean.dtype == np.float32
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(mean, expected, atol=1e-5 * np.abs(expected).max())


def test_the_published_weights_give_what_the_description_gives() -> None:
    path = real_weights()
    x = pixels(1, 64, 48)
    mean = networks.tiny(path, 32, 8).encode(x)["mean"]
    state = torch.load(path, weights_only=True)
    assert {name: tuple(value.shape) for name, value in state.items()} == shapes(32)
    np.testing.assert_allclose(mean, reference(state, x), atol=2e-4)


def test_taesanas_weights_give_what_their_description_gives() -> None:
    path = real_weights("taesana")
    state = torch.load(path, weights_only=True)
    nn = torch.nn

    def conv(inputs, outputs, stride=1, bias=True):
        return nn.Conv2d(inputs, outputs, 3, stride, 1, bias=bias)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Sequential(
                conv(64, 64), nn.ReLU(), conv(64, 64), nn.ReLU(), conv(64, 64)
            )

        def forward(self, x):
            return (x + self.conv(x)).clamp(min=0)

    stage = [lambda: conv(64, 64, 2, bias=False), Block, Block, Block]
    plain = nn.Sequential(
        *(conv(3, 32, 2), nn.ReLU(), conv(32, 64, 2), nn.ReLU(), Block()),
        *(make() for make in stage * 3),
        conv(64, 32),
    )
    plain.load_state_dict(state)  # every entry, of its shape
    x = pixels(1, 96, 64)
    mean = networks.tiny(path, 32, 32).encode(x)["mean"]
    expected = plain.double()(torch.from_numpy(x).double()).detach().numpy()
    assert mean.shape == (1, 32, 3, 2)
    np.testing.assert_allclose(mean, expected, atol=2e-4)


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
        networks.tiny(path, 5, 8)
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
        networks.tiny(tmp_path / "tiny.pth", 5, 8)
    assert not target.exists()
    torch.load(tmp_path / "tiny.pth", weights_only=False)  # the payload does work
    assert target.exists()


# --- autoencoders of diffusers -----------------------------------------------------------------


@pytest.mark.parametrize("name", VARIATIONAL)
def test_moments_and_images_are_those_of_diffusers(name: str, saved: dict[str, Path]) -> None:
    from tests.standins import autoencoders

    model = autoencoders.build(name)  # never saved: reading is in the comparison
    network = networks.autoencoder(saved[name], name, "cpu")
    x = 2 * pixels(2, 32, 64) - 1
    tensor = torch.from_numpy(x).unsqueeze(2) if name in FRAMES else torch.from_numpy(x)
    out = model.encode(tensor)
    moments = network.encode(x)
    if name in ("AutoencoderDC", "AutoencoderTiny"):
        expected = {"mean": out.latent if name == "AutoencoderDC" else out.latents}
    else:
        expected = {"mean": out.latent_dist.mode(), "logvar": out.latent_dist.var.log()}
    assert set(moments) == set(expected)
    stride = autoencoders.STRIDES[name]
    for key, theirs in expected.items():
        assert moments[key].dtype == np.float32
        assert moments[key].shape[2:] == (32 // stride, 64 // stride)
        # the same operations on the same machine; the logarithm of diffusers' variance rounds
        np.testing.assert_allclose(
            moments[key], theirs.numpy().reshape(moments[key].shape), rtol=1e-5, atol=1e-6
        )
    z = expected["mean"]
    assert network.decode is not None
    images = network.decode(moments["mean"])
    assert images.shape == x.shape and images.dtype == np.float32
    decoded = model.decode(z).sample.numpy().reshape(x.shape)
    np.testing.assert_allclose(images, decoded, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in VARIATIONAL if name != "AutoencoderKLFlux2"])
def test_tiling_is_off_unless_asked_for_and_changes_latents(
    name: str, saved: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = 2 * pixels(1, 64, 96) - 1
    whole = networks.autoencoder(saved[name], name, "cpu").encode(x)["mean"]
    kind = getattr(pytest.importorskip("diffusers"), name)
    enable = kind.enable_tiling

    def smaller(model) -> None:  # their own tiles are of 256 or 512 pixels, which takes long
        enable(model)
        for side in ("height", "width"):
            setattr(model, f"tile_sample_min_{side}", 32)
            setattr(model, f"tile_sample_stride_{side}", 24)
        model.tile_sample_min_size, model.tile_latent_min_size = 32, 8

    monkeypatch.setattr(kind, "enable_tiling", smaller)
    tiled = networks.autoencoder(saved[name], name, "cpu", tiling=True).encode(x)["mean"]
    assert tiled.shape == whole.shape
    assert np.abs(tiled - whole).max() > 1e-3 * np.abs(whole).max()


def test_what_cannot_be_tiled_or_run_here_is_refused(
    saved: dict[str, Path], tmp_path: Path
) -> None:
    from tests.standins import autoencoders

    wide = autoencoders.save(tmp_path / "wide", "AutoencoderTiny", latent_channels=16)
    with pytest.raises(InputError, match="of 4 channels only, this one has 16: leave tiling off"):
        networks.autoencoder(wide, "AutoencoderTiny", tiling=True)
    assert networks.autoencoder(wide, "AutoencoderTiny").described["channels"] == 16
    folder = saved["AutoencoderTiny"]
    with pytest.raises(
        InputError, match=r"config\.json is of AutoencoderTiny, not of AutoencoderKL"
    ):
        networks.autoencoder(folder, "AutoencoderKL")
    with pytest.raises(InputError, match="dtype is 'float64'; choose float32, bfloat16, float16"):
        networks.autoencoder(folder, "AutoencoderTiny", dtype="float64")  # type: ignore[arg-type]
    for device in ("tpu", *([] if torch.cuda.is_available() else ["cuda"])):
        with pytest.raises(InputError, match=f"no device '{device}' here: choose auto or cpu"):
            networks.autoencoder(folder, "AutoencoderTiny", device)  # type: ignore[arg-type]


@pytest.mark.parametrize("damage", ["truncated", "text", "lacking", "extra", "no config", "config"])
def test_a_damaged_autoencoder_is_refused(
    damage: str, saved: dict[str, Path], tmp_path: Path
) -> None:
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(saved["AutoencoderKL"], tmp_path / "damaged")
    path = folder / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "text":
        path.write_text("no weights")
    elif damage == "lacking":
        del tensors["encoder.conv_in.weight"]
        save_file(tensors, path)
    elif damage == "extra":
        save_file({**tensors, "encoder.more": np.zeros(3, np.float32)}, path)
    elif damage == "no config":
        (folder / "config.json").unlink()
    else:
        (folder / "config.json").write_text("{")
    with pytest.raises(FetchError) as error:
        networks.autoencoder(folder, "AutoencoderKL")
    assert "\n" not in str(error.value) and str(folder) in str(error.value)


@pytest.mark.parametrize(("dtype", "error"), [("bfloat16", 0.1), ("float16", 0.02)])
@pytest.mark.parametrize("name", VARIATIONAL)
def test_half_precision_is_near_and_is_not_the_same(
    name: str, dtype: networks.Dtype, error: float, saved: dict[str, Path]
) -> None:
    # bfloat16 keeps 8 bits, float16 keeps 11: a few roundings of that size through the layers.
    x = 2 * pixels(1, 32, 32) - 1
    single, half = (
        networks.autoencoder(saved[name], name, "cpu", number).encode(x)["mean"]
        for number in ("float32", dtype)
    )
    assert half.dtype == np.float32
    assert 0 < np.abs(half - single).max() < error * np.abs(single).max()


def test_memory_grows_with_the_area_and_with_the_bytes_of_a_number(saved: dict[str, Path]) -> None:
    folder = saved["AutoencoderKL"]
    single = networks.autoencoder(folder, "AutoencoderKL")
    half = networks.autoencoder(folder, "AutoencoderKL", dtype="bfloat16")
    assert single.width == 4, "block_out_channels[0]"
    assert single.bytes_for(64, 32) == 6 * 4 * 64 * 32 * 4 == 2 * half.bytes_for(64, 32)
    video = networks.autoencoder(saved["AutoencoderKLWan"], "AutoencoderKLWan")
    assert video.bytes_for(64, 32) == 3 * single.bytes_for(64, 32), "convolutions unfold"
    widths = {n: networks.autoencoder(saved[n], n).width for n in VARIATIONAL}
    assert widths["AutoencoderTiny"] == 8 and set(widths.values()) == {4, 8}
