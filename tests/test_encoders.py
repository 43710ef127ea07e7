import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from analysis import encoders, latents, linear_code, weights
from analysis.encoders import Card, card, cards, load, missing
from analysis.settings import FetchError, InputError

ROOT = Path(encoders.__file__).parents[1]


def pixels(count: int = 3, height: int = 32, width: int = 48) -> np.ndarray:
    x = np.random.default_rng(0).random((count, 3, height, width), dtype=np.float32)
    return 2 * x - 1


# --- cards ---------------------------------------------------------------------------------------


def test_the_cards_are_these() -> None:
    found = cards()
    assert set(found) >= {"pixel", "linear-f8c16", "flux1", "taef2"}
    shapes = {name: (c.channels, c.stride, c.shift, c.scale) for name, c in found.items()}
    assert shapes["pixel"] == (3, 1, 0, 1)
    assert shapes["linear-f8c16"] == (16, 8, 0, 1)
    assert shapes["flux1"] == (16, 8, 0.1159, 0.3611)
    assert shapes["taef2"] == (32, 8, 0, 1)
    assert found["taef2"].input_range == (0, 1)
    assert found["flux1"].gated and found["flux1"].hub_names()[0] == "vae/config.json"


def test_an_unknown_encoder_gets_the_nearest_name() -> None:
    with pytest.raises(InputError, match="unknown encoder 'flux'; did you mean 'flux1'"):
        card("flux")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chanels = 3", r"\[x\]: unknown key 'chanels'; did you mean 'channels'"),
        ("channels = 0", "channels"),
        ("scale = 0.0", "scale"),
        ("kind = 'vae'", "kind"),
        ("sha256 = 'ABC'", "sha256"),
        ("kind = 'taef2'", "needs sha256"),
        ("kind = 'autoencoder-kl'", "needs repo"),
        ("kind = 'linear'", "needs fit_size"),
        ("name = 'y'", "no 'name' in it"),
        ("[[", "not valid TOML"),
    ],
)
def test_a_wrong_card_is_refused(text: str, message: str, tmp_path: Path) -> None:
    right = {"title": "'X'", "kind": "'pixel'", "channels": "3", "stride": "1"}
    key = text.split(" = ")[0]
    lines = [f"{name} = {value}" for name, value in right.items() if name != key]
    path = tmp_path / "encoders.toml"
    path.write_text("\n".join(["[x]", *lines, text]))
    with pytest.raises(InputError, match=message) as error:
        cards(path)
    assert "\n" not in str(error.value)


def test_a_card_is_read_from_any_file(tmp_path: Path) -> None:
    path = tmp_path / "encoders.toml"
    path.write_text("[x]\ntitle = 'X'\nkind = 'pixel'\nchannels = 3\nstride = 1\n")
    assert cards(path)["x"] == Card(name="x", title="X", kind="pixel", channels=3, stride=1)


def test_what_is_no_card_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "encoders.toml"
    path.write_text("pixel = 3")
    with pytest.raises(InputError, match="'pixel' is not a card"):
        cards(path)
    with pytest.raises(InputError, match="no such file"):
        cards(tmp_path / "none.toml")


# --- encoders without torch ----------------------------------------------------------------------


def test_pixels_are_their_own_latents(tmp_path: Path) -> None:
    encoder = load(card("pixel"), downloads=tmp_path)
    x = pixels()
    for batch in (1, 2, 8):
        assert np.array_equal(encoder.encode(x, batch)["mean"], x)
    assert encoder.identity["kind"] == "pixel"


def test_the_linear_encoder_is_the_fitted_code(tmp_path: Path) -> None:
    x = pixels()
    code = linear_code.fit(list(x), fitted_on="the key of the photographs")
    encoder = load(card("linear-f8c16"), linear=code, downloads=tmp_path)
    moments = encoder.encode(x, batch=2)
    assert set(moments) == {"mean"} and moments["mean"].dtype == np.float32
    np.testing.assert_allclose(moments["mean"], code.encode(x), atol=1e-5)
    z = latents.normalise(moments, shift=encoder.card.shift, scale=encoder.card.scale)
    assert z.astype(float).var((0, 2, 3)).mean() == pytest.approx(1, abs=1e-4)
    assert encoder.identity["code"] == "the key of the photographs"
    anonymous = load(card("linear-f8c16"), linear=linear_code.fit(list(x)), downloads=tmp_path)
    assert anonymous.identity["code"] == code.digest


def test_a_linear_encoder_needs_the_code_its_card_describes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs a fitted linear code"):
        load(card("linear-f8c16"), downloads=tmp_path)
    small = linear_code.fit(list(pixels()), channels=8)
    with pytest.raises(InputError, match="card says channels = 16, the encoder has 8"):
        load(card("linear-f8c16"), linear=small, downloads=tmp_path)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (pixels(1, 30, 32), "multiples of 8 pixels, not 30 x 32"),
        (pixels(1, 32, 33), "multiples of 8 pixels, not 32 x 33"),
        (pixels()[0], "not float32"),
        (pixels()[:, :2], "not float32"),
        (pixels()[:0], "not float32"),
        (pixels().astype(np.float64), "float64"),
        ((pixels() + 1) * 127.5, "in \\[-1, 1\\]"),
        (pixels() * np.float32("nan"), "in \\[-1, 1\\]"),
    ],
)
def test_images_that_do_not_fit_are_refused(x: np.ndarray, message: str, tmp_path: Path) -> None:
    code = linear_code.fit(list(pixels()))
    encoder = load(card("linear-f8c16"), linear=code, downloads=tmp_path)
    with pytest.raises(InputError, match=message):
        encoder.encode(x)
    with pytest.raises(InputError, match="at least 1"):
        encoder.encode(pixels(), batch=0)


def test_identities_are_json_without_paths_and_differ(tmp_path: Path) -> None:
    code = linear_code.fit(list(pixels()))
    found = [
        load(card("pixel"), downloads=tmp_path).identity,
        load(card("linear-f8c16"), linear=code, downloads=tmp_path).identity,
    ]
    texts = [json.dumps(identity, sort_keys=True) for identity in found]
    assert texts[0] != texts[1]
    assert all(str(tmp_path) not in text and "/" not in text for text in texts)
    assert all({"version", "kind", "channels", "stride"} <= set(identity) for identity in found)


GUARD = """
import importlib.abc, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "diffusers", "huggingface_hub", "requests", "pooch"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Blocked())
"""
WITHOUT_TORCH = """
from pathlib import Path
import numpy as np
from analysis import encoders, latents, linear_code, networks, weights
from analysis.settings import FetchError
x = np.random.default_rng(0).random((2, 3, 16, 16), dtype=np.float32)
code = linear_code.fit(list(x))
for name, linear in (("pixel", None), ("linear-f8c16", code)):
    card = encoders.card(name)
    assert encoders.missing(card) is None
    moments = encoders.load(card, linear=linear, downloads=Path("none")).encode(x)
    latents.normalise(moments, shift=card.shift, scale=card.scale)
for name in ("flux1", "taef2"):
    print(encoders.missing(encoders.card(name)))
    try:
        encoders.load(encoders.card(name), downloads=Path("none"))
    except FetchError as error:
        print(error)
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_without_torch_everything_else_works_and_the_message_helps() -> None:
    done = run(GUARD + WITHOUT_TORCH)
    assert done.returncode == 0, done.stderr
    flux, again, tiny, last = done.stdout.splitlines()
    assert flux == again and "flux1 needs torch, diffusers, huggingface_hub" in flux
    assert tiny == last == "taef2 needs torch: run pip install -e '.[vae]'"


def test_the_guard_can_fail() -> None:
    done = run(GUARD + "import torch")
    assert done.returncode != 0 and "torch is blocked" in done.stderr


# --- encoders with torch -------------------------------------------------------------------------


def test_taef2_is_found_by_content_and_checked(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    known = card("taef2")
    shared = ROOT.parent / "shared" / "weights"
    path = weights.find(known.sha256, known.bytes, [*weights.folders(), shared])
    if path is None:
        pytest.skip("the weights of taef2 are not here: see ANALYSIS_WEIGHTS")
    (tmp_path / "w").mkdir()
    shutil.copyfile(path, tmp_path / "w" / "any name")
    assert missing(known, [tmp_path / "w"]) is None
    encoder = load(known, downloads=tmp_path, folder=tmp_path / "w")
    x = pixels()
    one, all_at_once = (encoder.encode(x, batch)["mean"] for batch in (1, 3))
    assert one.shape == (3, 32, 4, 6) and one.dtype == np.float32
    np.testing.assert_allclose(one, all_at_once, atol=1e-5)
    assert encoder.identity["sha256"] == known.sha256
    # the network takes [0, 1]: the card's range is applied
    network = encoder.network  # type: ignore[attr-defined]
    np.testing.assert_allclose(network((x + 1) / 2)["mean"], all_at_once, atol=1e-5)

    damaged = bytearray((tmp_path / "w" / "any name").read_bytes())
    damaged[1000] ^= 1
    (tmp_path / "w" / "any name").write_bytes(damaged)
    with pytest.raises(FetchError, match="no file with sha256 10a4e1021e89"):
        load(known, downloads=tmp_path, folder=tmp_path / "w")


def test_taef2_says_what_is_missing(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    known = card("taef2")
    assert missing(known, [tmp_path]) is None, "it can be downloaded"
    without = known.model_copy(update={"url": ""})
    why = missing(without, [tmp_path])
    assert why and "get taef2_encoder.pth from https://github.com/madebyollin/taesd" in why
    with pytest.raises(FetchError, match="name its folder there"):
        load(without, downloads=tmp_path, folder=tmp_path)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random autoencoder of FLUX's kind, as diffusers saves it."""
    torch = pytest.importorskip("torch")
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    model = diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(4, 8, 8),
        norm_num_groups=4,
        latent_channels=16,
        shift_factor=0.1159,
        scaling_factor=0.3611,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )
    folder = tmp_path_factory.mktemp("saved")
    model.save_pretrained(folder)
    return folder


TINY = Card(
    name="tiny-kl",
    title="a small random autoencoder",
    kind="autoencoder-kl",
    channels=16,
    stride=4,
    shift=0.1159,
    scale=0.3611,
    repo="nobody/nothing",
)
FILE = "diffusion_pytorch_model.safetensors"


def test_the_autoencoder_gives_what_diffusers_gives(saved: Path, tmp_path: Path) -> None:
    import torch
    from diffusers import AutoencoderKL

    x = pixels(2)
    encoder = load(TINY, downloads=tmp_path, folder=saved)
    moments = encoder.encode(x, batch=2)
    model = AutoencoderKL.from_pretrained(saved, low_cpu_mem_usage=False)
    with torch.no_grad():
        gaussian = model.encode(torch.from_numpy(x)).latent_dist
        original = (gaussian.mode() - model.config.shift_factor) * model.config.scaling_factor
    assert moments["mean"].shape == (2, 16, 8, 12)
    np.testing.assert_allclose(moments["mean"], gaussian.mode().numpy(), atol=1e-6)
    np.testing.assert_allclose(np.exp(moments["logvar"]), gaussian.var.numpy(), rtol=1e-5)
    z = latents.normalise(moments, shift=TINY.shift, scale=TINY.scale)
    np.testing.assert_allclose(z, original.numpy(), atol=1e-6)
    single = encoder.encode(x, batch=1)
    for name in ("mean", "logvar"):
        np.testing.assert_allclose(single[name], moments[name], atol=1e-5)
        assert moments[name].dtype == np.float32


def test_the_autoencoder_is_identified_by_content(saved: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(saved, tmp_path / "another name")
    first, second = (load(TINY, downloads=tmp_path, folder=f).identity for f in (saved, copy))
    assert first == second and first["sha256"] == weights.sha256(saved / FILE)
    assert str(tmp_path) not in json.dumps(first) and "repo" not in first


def test_an_autoencoder_in_analysis_weights_needs_no_hub(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANALYSIS_WEIGHTS", str(saved.parent))
    pinned = TINY.model_copy(update={"sha256": weights.sha256(saved / FILE)})
    assert missing(pinned) is None
    assert load(pinned, downloads=tmp_path).identity["sha256"] == pinned.sha256


def test_an_autoencoder_its_card_does_not_describe_is_refused(saved: Path, tmp_path: Path) -> None:
    for key, value in {"channels": 4, "stride": 8, "shift": 0.0, "scale": 0.5}.items():
        other = TINY.model_copy(update={key: value})
        with pytest.raises(InputError, match=f"the card says {key} = {value}"):
            load(other, downloads=tmp_path, folder=saved)
    pinned = TINY.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(FetchError, match=r"has sha256 .* its card says 0000"):
        load(pinned, downloads=tmp_path, folder=saved)


@pytest.mark.parametrize("damage", ["truncated", "text", "lacking", "extra", "no config", "config"])
def test_a_damaged_autoencoder_is_refused(damage: str, saved: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(saved, tmp_path / "damaged")
    path = folder / FILE
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
        load(TINY, downloads=tmp_path, folder=folder)
    assert "\n" not in str(error.value) and str(folder) in str(error.value)
