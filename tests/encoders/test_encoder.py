import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from analysis.encoders import encoder as encoders_encoder
from analysis.encoders import latents, linear_code, weights
from analysis.encoders.availability import missing
from analysis.encoders.cards import Card, card, identity
from analysis.encoders.checkpoints import VARIATIONAL
from analysis.encoders.encoder import load
from analysis.project import downloads
from analysis.project.errors import FetchError, InputError

ROOT = Path(encoders_encoder.__file__).parents[2]


def pixels(count: int = 3, height: int = 32, width: int = 48) -> np.ndarray:
    x = np.random.default_rng(0).random((count, 3, height, width), dtype=np.float32)
    return 2 * x - 1


# --- encoders without torch ----------------------------------------------------------------------


def test_pixels_are_their_own_latents(tmp_path: Path) -> None:
    encoder = load(card("pixel"), downloads=tmp_path)
    x = pixels()
    for batch in (None, 1, 2, 8):
        assert np.array_equal(encoder.encode(x, batch)["mean"], x)
    decoded = encoder.decode(x)
    assert decoded is not None and np.array_equal(decoded, x)
    assert encoder.identity["kind"] == "pixel"


def test_the_linear_encoder_is_the_fitted_code(tmp_path: Path) -> None:
    x = pixels()
    code = linear_code.fit(list(x), fitted_on="the key of the photographs")
    encoder = load(card("linear-f8c16"), linear=code, downloads=tmp_path)
    moments = encoder.encode(x, batch=2)
    assert set(moments) == {"mean"} and moments["mean"].dtype == np.float32
    np.testing.assert_allclose(moments["mean"], code.encode(x), atol=1e-5)
    z = latents.normalise(moments, encoder.normalisation)
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
    np.testing.assert_allclose(encoder.network.encode((x + 1) / 2)["mean"], all_at_once, atol=1e-5)
    assert encoder.decode(one) is None, "the file holds an encoder only"
    assert encoder.pins == {} and encoder.pinned == known

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


# --- autoencoders of diffusers -----------------------------------------------------------------

FILE = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def kl() -> Card:
    """A card in words of a folder with an AutoencoderKL, as one of the Hub's would be."""
    known = {"channels": 4, "stride": 4, "shift": 0.1159, "scale": 0.3611}
    title, repo = "a small random autoencoder", "nobody/nothing"
    return Card(
        name="tiny-kl",
        title=title,
        kind="diffusers",
        class_name="AutoencoderKL",
        repo=repo,
        **known,
    )


@pytest.mark.parametrize("name", VARIATIONAL)
def test_latents_are_those_of_diffusers_pipelines(
    name: str, saved: dict[str, Path], tmp_path: Path
) -> None:
    import torch

    from tests.standins import autoencoders

    x = pixels(2, 32, 64)
    known = card(str(saved[name]))
    encoder = load(known, downloads=tmp_path, device="cpu")
    moments = encoder.encode(x, batch=2)
    z = latents.normalise(moments, encoder.normalisation)
    theirs = autoencoders.normalised(autoencoders.build(name), torch.from_numpy(x)).numpy()
    assert z.shape == theirs.shape and z.dtype == np.float32
    # float32 rounding, in another order of the operations of the normalisation
    np.testing.assert_allclose(z, theirs, rtol=1e-5, atol=1e-5)
    side = known.latent_stride
    assert z.shape == (2, known.latent_channels, 32 // side, 64 // side)
    assert ("logvar" in moments) == known.variational == name.startswith("AutoencoderKL")
    assert encoder.pins == {} and known.normalisation == encoder.normalisation


@pytest.mark.parametrize("name", VARIATIONAL)
def test_moments_do_not_depend_on_the_batch_which_the_memory_decides(
    name: str, saved: dict[str, Path], tmp_path: Path
) -> None:
    x, known, told = pixels(5, 32, 64), card(str(saved[name])), list[int]()
    each = load(known, downloads=tmp_path).network.bytes_for(32, 64)
    one, *others = (
        load(known, downloads=tmp_path, memory=memory).encode(
            x, batch, lambda done, total: told.append(done)
        )
        for memory, batch in ((1, None), (2 * each + 1, None), (1, 2), (5 * each, None))
    )
    assert told == [1, 2, 3, 4, 5, 2, 4, 5, 2, 4, 5, 5]
    for other in others:
        for key, values in one.items():
            # Not to the bit: the libraries choose another order of summation for another batch.
            # Measured here 1.5e-5 of the largest value at most (DC), in float32 of 1.2e-7.
            allowed = 5e-5 * np.abs(values).max()
            np.testing.assert_allclose(other[key], values, rtol=0, atol=allowed)


def test_decoding_takes_what_encoding_gave(saved: dict[str, Path], tmp_path: Path) -> None:
    from tests.standins import autoencoders

    encoder = load(card(str(saved["AutoencoderKLFlux2"])), downloads=tmp_path)
    raw = encoder.encode(pixels(3, 32, 32))["mean"]
    images = encoder.decode(raw, batch=2)
    model = autoencoders.build("AutoencoderKLFlux2")
    assert images is not None and images.shape == (3, 3, 32, 32)
    theirs = model.decode(
        model.encode(autoencoders.torch.from_numpy(pixels(3, 32, 32))).latent_dist.mode()
    )
    np.testing.assert_allclose(images, theirs.sample.numpy(), atol=1e-5)
    with pytest.raises(InputError, match=r"not float32 \[N, 3, h, w\]"):
        encoder.decode(raw[:, :2])
    with pytest.raises(InputError, match="float64"):
        encoder.decode(raw.astype(float))


def test_what_changes_numbers_is_in_the_identity(saved: dict[str, Path], tmp_path: Path) -> None:
    known = card(str(saved["AutoencoderKL"]))
    plain = load(known, downloads=tmp_path, device="cpu", memory=10).identity
    assert plain == identity(known) and not {"dtype", "tiling", "device"} & set(plain)
    half = load(known, downloads=tmp_path, dtype="bfloat16").identity
    assert half == plain | {"dtype": "bfloat16"} == identity(known, dtype="bfloat16")
    tiled = load(known, downloads=tmp_path, tiling=True).identity
    assert tiled == plain | {"tiling": True} == identity(known, tiling=True)
    with pytest.raises(InputError, match="pixel is not encoded in tiles: leave tiling off"):
        load(card("pixel"), downloads=tmp_path, tiling=True)
    with pytest.raises(InputError, match="pixel computes in float32 only, not in bfloat16"):
        load(card("pixel"), downloads=tmp_path, dtype="bfloat16")


def test_moments_that_overflow_are_refused(saved: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(saved["AutoencoderKL"], tmp_path / "large")
    tensors = load_file(folder / FILE)
    # larger than float16's 65504, inside float32's range
    tensors["quant_conv.bias"] = np.full_like(tensors["quant_conv.bias"], 1e5)
    save_file(tensors, folder / FILE)
    known, x = card(str(folder)), pixels(1, 32, 32)
    assert load(known, downloads=tmp_path).encode(x)["mean"].max() > 65504
    with pytest.raises(InputError, match="mean not finite in float16: use float32"):
        load(known, downloads=tmp_path, dtype="float16").encode(x)


def test_what_the_card_leaves_empty_is_found_out(
    kl: Card, saved: dict[str, Path], tmp_path: Path
) -> None:
    folder = saved["AutoencoderKL"]
    encoder = load(kl, downloads=tmp_path, folder=folder)
    digest = downloads.sha256(folder / FILE)
    assert encoder.pins == {"sha256": digest, "bytes": (folder / FILE).stat().st_size}
    assert not kl.pinned and encoder.pinned.pinned and encoder.pinned.sha256 == digest
    with pytest.raises(InputError, match="neither sha256 nor revision"):
        identity(kl)
    assert identity(encoder.pinned)["sha256"] == digest
    json.dumps(encoder.pins)

    flux = Card(
        name="f", title="F", kind="diffusers", class_name="AutoencoderKLFlux2", channels=3,
        stride=8, repo="nobody/nothing",
    )  # fmt: skip
    with pytest.raises(InputError, match="does not say how its latents are normalised"):
        flux.normalisation  # noqa: B018
    found = load(flux, downloads=tmp_path, folder=saved["AutoencoderKLFlux2"])
    assert {"mean", "std", "patchify"} <= set(found.pins)
    assert found.normalisation.patchify == 2 and len(found.normalisation.std) == 12
    assert found.pinned.latent_channels == 12
    again = load(found.pinned, downloads=tmp_path, folder=saved["AutoencoderKLFlux2"])
    assert again.pins == {} and again.normalisation == found.normalisation


def test_an_autoencoder_is_identified_by_content_wherever_it_lies(
    kl: Card, saved: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(saved["AutoencoderKL"], tmp_path / "another name")
    folders = (saved["AutoencoderKL"], copy)
    first, second = (load(kl, downloads=tmp_path, folder=f).identity for f in folders)
    assert first == second and first["sha256"] == downloads.sha256(copy / FILE)
    assert str(tmp_path) not in json.dumps(first) and "repo" not in first
    monkeypatch.setenv("ANALYSIS_WEIGHTS", str(copy))
    pinned = kl.model_copy(update={"sha256": first["sha256"]})
    assert missing(pinned) is None
    assert load(pinned, downloads=tmp_path).identity == first, "the Hub is not needed"


def test_the_commit_of_the_hub_is_found_out(
    kl: Card, saved: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, commit = saved["AutoencoderKL"], "0123456789" * 4

    def from_hub(repo: str, names: list[str], revision: str, alternatives: object) -> tuple:
        assert repo == "nobody/nothing" and names == ["config.json", FILE]
        return [folder / "config.json", folder / FILE], commit

    monkeypatch.setattr(weights, "from_hub", from_hub)
    monkeypatch.delenv("ANALYSIS_WEIGHTS", raising=False)
    for revision in ("", "main"):
        encoder = load(kl.model_copy(update={"revision": revision}), downloads=tmp_path)
        assert encoder.pins["revision"] == commit == encoder.identity["revision"]
    pinned = load(kl.model_copy(update={"revision": commit}), downloads=tmp_path)
    assert "revision" not in pinned.pins


@pytest.mark.parametrize(
    ("key", "value"), [("channels", 8), ("stride", 8), ("shift", 0.0), ("scale", 0.5)]
)
def test_an_autoencoder_its_card_does_not_describe_is_refused(
    key: str, value: float, kl: Card, saved: dict[str, Path], tmp_path: Path
) -> None:
    other = kl.model_copy(update={key: value})
    with pytest.raises(InputError, match=f"the card says {key} = {value}, the encoder has"):
        load(other, downloads=tmp_path, folder=saved["AutoencoderKL"])


def test_other_weights_class_or_statistics_are_refused(
    kl: Card, saved: dict[str, Path], tmp_path: Path
) -> None:
    folder = saved["AutoencoderKL"]
    with pytest.raises(FetchError, match=r"has sha256 .* its card says 0000"):
        load(kl.model_copy(update={"sha256": "0" * 64}), downloads=tmp_path, folder=folder)
    other = kl.model_copy(update={"class_name": "AutoencoderTiny"})
    with pytest.raises(InputError, match="is of AutoencoderKL, not of AutoencoderTiny"):
        load(other, downloads=tmp_path, folder=folder)
    with pytest.raises(FetchError, match=r"tiny-kl: no config\.json in .*save_pretrained"):
        load(kl, downloads=tmp_path, folder=tmp_path)
    wan = card(str(saved["AutoencoderKLWan"]))
    moved = tuple(value + 1e-3 for value in wan.mean)
    with pytest.raises(InputError, match="the card says mean = "):
        load(wan.model_copy(update={"mean": moved}), downloads=tmp_path)
    rounded = tuple(value + 5e-5 for value in wan.mean)  # four places, as cards have them
    load(wan.model_copy(update={"mean": rounded}), downloads=tmp_path)


def test_an_encoder_that_gives_another_shape_is_refused(tmp_path: Path) -> None:
    known = card("pixel").model_copy(update={"stride": 2})
    wrong = dataclasses.replace(load(card("pixel"), downloads=tmp_path), card=known)
    with pytest.raises(InputError, match=r"by its card the mean has shape \(1, 3, 4, 4\), .*8, 8"):
        wrong.encode(pixels(1, 8, 8))


def test_a_users_folder_that_went_away_is_missing(saved: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(saved["AutoencoderTiny"], tmp_path / "mine")
    known = card(str(folder))
    assert missing(known) is None
    (folder / FILE).unlink()
    why = missing(known)
    assert why and f"{known.name}: no {FILE} in" in why and why.endswith("any more")
    with pytest.raises(FetchError, match=f"no {FILE}"):
        load(known, downloads=tmp_path)


# --- identities that committed results are keyed by ----------------------------------------------
