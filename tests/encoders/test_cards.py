import re
import shutil
from pathlib import Path

import pytest

from analysis.encoders import weights
from analysis.encoders.cards import COMMIT, Card, agree, card, cards, identity, unsaid
from analysis.encoders.latents import Normalisation
from analysis.project import downloads, extras
from analysis.project.errors import InputError, PackageError
from analysis.project.files import named

FILE = "diffusion_pytorch_model.safetensors"


def test_the_cards_are_these() -> None:
    found = cards()
    asked_for = {
        *("pixel", "linear-f8c16", "taef2", "flux1", "flux1-schnell", "flux2", "sd15", "sdxl"),
        *("sd3", "sd35", "taesd", "taesdxl", "taesd3", "taef1", "sana", "qwen-image", "wan21"),
        "z-image",
    }
    assert asked_for <= set(found) and len(found) >= 14
    shapes = {name: (c.channels, c.stride, c.shift, c.scale) for name, c in found.items()}
    assert shapes["pixel"] == (3, 1, 0, 1)
    assert shapes["linear-f8c16"] == (16, 8, 0, 1)
    assert shapes["flux1"] == shapes["flux1-schnell"] == shapes["z-image"]
    assert shapes["flux1"] == (16, 8, 0.1159, 0.3611)
    assert shapes["taef2"] == (32, 8, 0, 1)
    assert shapes["sd35"] == shapes["sd3"] == (16, 8, 0.0609, 1.5305)
    assert shapes["sana"] == (32, 32, 0, 0.41407)
    assert shapes["taesana"] == (32, 32, 0, 1)
    assert found["taef2"].input_range == (0, 1)
    assert found["flux1"].gated and found["flux1"].hub_names()[0] == "vae/config.json"
    assert found["sd15"].hub_names()[1] == FILE
    assert found["flux1"].sha256 == found["flux1-schnell"].sha256 == found["z-image"].sha256


def test_every_card_is_sourced_and_its_commit_is_one() -> None:
    found = cards()
    for name, one in found.items():
        assert one.source or one.kind == "pixel", name
        assert one.notes, name
        assert not one.revision or COMMIT.fullmatch(one.revision), name
        # Where the same latents are had without an account: a card's name, or a repository's.
        assert all("/" in other or other in found for other in one.alternatives), name
        if one.kind == "diffusers":
            assert one.repo.count("/") == 1, name
        if not one.pinned:
            assert "not known" in one.notes, f"{name}: what is not known is said"


def test_statistics_of_channels_are_those_of_diffusers() -> None:
    diffusers = pytest.importorskip("diffusers")
    import inspect

    found = cards()
    for name in ("qwen-image", "wan21"):
        parameters = inspect.signature(getattr(diffusers, found[name].class_name)).parameters
        assert list(found[name].mean) == parameters["latents_mean"].default
        assert list(found[name].std) == parameters["latents_std"].default
    assert parameters["z_dim"].default == found["wan21"].channels


def test_flux2_folds_and_has_statistics_of_128_channels() -> None:
    flux2 = card("flux2")
    assert (flux2.latent_channels, flux2.latent_stride) == (128, 16)
    normalisation = flux2.normalisation
    assert len(normalisation.mean) == len(normalisation.std) == 128
    # The four channels of a square are the same channel at four places of a picture: their
    # statistics are nearly equal, so the order of the channels is the folded one.
    std = [normalisation.std[i : i + 4] for i in range(0, 128, 4)]
    within = max(max(four) - min(four) for four in std)
    between = max(normalisation.std) - min(normalisation.std)
    assert within < between / 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chanels = 3", r"\[x\]: unknown key 'chanels'; did you mean 'channels'"),
        ("channels = 0", "channels"),
        ("scale = 0.0", "scale"),
        ("kind = 'vae'", "kind"),
        ("sha256 = 'ABC'", "sha256"),
        ("kind = 'taef2'", "needs sha256"),
        ("kind = 'diffusers'\nclass = 'VQModel'", "needs class, one of AutoencoderDC, Auto"),
        ("kind = 'diffusers'\nclass = 'AutoencoderKL'", "needs repo"),
        ("kind = 'linear'", "needs fit_size"),
        ("kind = 'formula'", "needs formula, one of unshuffle, "),
        ("mean = [0.0]\nstd = [1.0]", "mean has 1 values, not 3"),
        ("mean = [0.0, 0.0, 0.0]", "3 values of mean, 0 of std"),
        ("folder = 'x'", "'folder' or 'address' in it"),
        ("name = 'y'", "no 'name', 'folder' or 'address' in it"),
        ("[[", "not valid TOML"),
    ],
)
def test_a_wrong_card_is_refused(text: str, message: str, tmp_path: Path) -> None:
    right = {"title": "'X'", "kind": "'pixel'", "channels": "3", "stride": "1"}
    given = {line.split(" = ")[0] for line in text.splitlines()}
    lines = [f"{name} = {value}" for name, value in right.items() if name not in given]
    path = tmp_path / "encoders.toml"
    path.write_text("\n".join(["[x]", *lines, text]))
    with pytest.raises(InputError, match=message) as error:
        cards(path)
    assert "\n" not in str(error.value)


def test_what_is_no_card_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "encoders.toml"
    path.write_text("pixel = 3")
    with pytest.raises(InputError, match="'pixel' is not a card"):
        cards(path)
    path.write_text("[sampler-x]\n")
    with pytest.raises(InputError, match="a result of studies is called so"):
        cards(path)
    with pytest.raises(InputError, match="no such file"):
        cards(tmp_path / "none.toml")
    with pytest.raises(InputError, match=r"unknown encoder 'flux'; did you mean 'flux\d'"):
        card("flux")
    monkeypatch.setattr(extras, "absent", list)
    with pytest.raises(PackageError, match=r"hf:a/b needs torch, diffusers, huggingface_hub"):
        card("hf:a/b")


# --- what a card is used for ---------------------------------------------------------------------


def wan(**other: object) -> Card:
    known = {
        "name": "w", "title": "W", "kind": "diffusers", "class": "AutoencoderKLWan",
        "channels": 2, "stride": 8, "repo": "a/b",
    }  # fmt: skip
    return Card.model_validate(known | other)


def test_a_card_knows_whether_it_says_how_latents_are_normalised() -> None:
    empty = wan()
    assert not empty.normalised
    with pytest.raises(InputError, match=r"w: its card does not say .* encoders check w'"):
        empty.normalisation  # noqa: B018
    full = wan(mean=(0.5, -0.5), std=(1.0, 2.0))
    assert full.normalisation == Normalisation(mean=(0.5, -0.5), std=(1.0, 2.0))
    scaled = wan(**{"class": "AutoencoderKL"})
    assert not scaled.normalised, "a scale of 1 has to be said"
    assert wan(**{"class": "AutoencoderKL", "scale": 1.0}).normalisation == Normalisation()
    assert card("pixel").normalisation == Normalisation()
    assert card("flux1").normalisation == Normalisation(shift=0.1159, scale=0.3611)


def test_a_card_is_pinned_when_results_can_be_keyed_by_it() -> None:
    assert not wan().pinned and not wan(revision="0" * 40).pinned
    known = {"mean": (0.5, -0.5), "std": (1.0, 2.0)}
    assert not wan(**known).pinned
    assert wan(**known, revision="0" * 40).pinned and wan(**known, sha256="0" * 64).pinned


def test_an_identity_tells_versions_apart() -> None:
    with pytest.raises(InputError, match=r"neither sha256 nor revision.*encoders check w'"):
        identity(wan())
    hashed = identity(wan(sha256="1" * 64, revision="2" * 40))
    assert hashed["sha256"] == "1" * 64 and "revision" not in hashed
    assert hashed["class"] == "AutoencoderKLWan" and hashed["kind"] == "diffusers"
    named = identity(wan(revision="2" * 40, subfolder="vae"))
    assert (named["repo"], named["revision"], named["subfolder"]) == ("a/b", "2" * 40, "vae")
    for one in cards().values():
        if one.pinned:
            assert identity(one)["stride"] == one.stride


def test_what_is_found_fills_and_is_compared() -> None:
    found = {"channels": 2, "stride": 8, "mean": (0.5, -0.5), "std": (1.0, 2.0)}
    found |= {"sha256": "1" * 64, "revision": "2" * 40}
    agree(wan(), found)
    new = unsaid(wan(revision="main"), found)
    assert set(new) == {"mean", "std", "sha256", "revision"}
    assert unsaid(wan().model_copy(update=new), found) == {}
    near = wan(mean=(0.50009, -0.5), std=(1.0, 2.0))
    agree(near, {key: found[key] for key in ("mean", "std")})
    for wrong in ({"mean": (0.5002, -0.5)}, {"mean": (0.5, -0.5, 0.0)}, {"stride": 4}):
        with pytest.raises(InputError, match=f"the card says {next(iter(wrong))} = "):
            agree(near, {"std": found["std"]} | wrong)


# --- a user's own ------------------------------------------------------------------------------


@pytest.fixture
def own(saved: dict[str, Path], tmp_path: Path) -> Path:
    """A folder that ``save_pretrained`` wrote, of FLUX.2's class."""
    return shutil.copytree(saved["AutoencoderKLFlux2"], tmp_path / "own" / "my-vae")


def test_a_folder_is_a_card(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = card(str(own))
    assert re.fullmatch("my-vae-[0-9a-f]{8}", known.name)
    assert (known.title, known.kind, known.class_name) == (
        "my-vae",
        "diffusers",
        "AutoencoderKLFlux2",
    )
    assert (known.channels, known.stride, known.latent_channels) == (3, 8, 12)
    assert known.pinned and known.sha256 == downloads.sha256(own / FILE)
    assert identity(known)["config"] == downloads.sha256(own / "config.json")
    assert str(own.parent) not in str(known.model_dump()) + repr(known), (
        "no path leaves this machine"
    )
    monkeypatch.chdir(own.parent)
    assert card("my-vae") == card("./my-vae") == known
    monkeypatch.chdir(own)
    assert card("../my-vae/") == known


def test_a_folder_that_is_no_autoencoder_is_refused(own: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json in .*: save the autoencoder with save_"):
        card(str(tmp_path))
    with pytest.raises(InputError, match=r"no folder .*/not there: give one that save_pretrained"):
        card(str(tmp_path / "not there"))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=f"no {FILE} in"):
        card(str(tmp_path))
    (tmp_path / FILE).write_bytes((own / FILE).read_bytes())
    with pytest.raises(InputError, match="class None is not one of AutoencoderDC, "):
        card(str(tmp_path))
    text = (own / "config.json").read_text()
    (tmp_path / "config.json").write_text(text.replace("AutoencoderKLFlux2", "VQModel"))
    with pytest.raises(InputError, match="class 'VQModel' is not one of") as error:
        card(str(tmp_path))
    assert "\n" not in str(error.value)


def test_own_encoders_are_called_apart(own: Path, tmp_path: Path) -> None:
    """By file names that are safe anywhere, and no two by one unless they are the same."""
    from safetensors.torch import load_file, save_file

    again, retrained, rescaled = (shutil.copytree(own, tmp_path / x / "My VAE (v2)") for x in "abc")
    tensors = load_file(retrained / FILE)
    save_file({name: 2 * value for name, value in tensors.items()}, retrained / FILE)
    text = (rescaled / "config.json").read_text()
    (rescaled / "config.json").write_text(text.replace("0.0001", "0.0002"))
    names = [card(str(folder)).name for folder in (again, retrained, rescaled)]
    assert len(set(names)) == 3
    assert all(re.fullmatch("my-vae-v2-[0-9a-f]{8}", name) for name in names)
    # the name of a card is no clash, and letters need not be Latin
    for name in ("pixel", "模型"):
        found = card(str(shutil.copytree(own, tmp_path / name)))
        assert re.fullmatch("([a-z]+-)?[0-9a-f]{8}", named(found.name)) and found.title == name


@pytest.mark.parametrize(
    ("name", "own_name", "folder", "revision"),
    [
        ("hf:a/b", "a-b", "", ""),
        ("hf:a/b@v1", "a-b", "", "v1"),
        ("hf:a/b#vae", "a-b-vae", "vae/", ""),
        ("hf:a/b@refs/pr/1#x/vae/", "a-b-x-vae", "x/vae/", "refs/pr/1"),
    ],
)
def test_a_repository_is_a_card(
    name: str, own_name: str, folder: str, revision: str, own: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    asked: list[tuple] = []

    def from_hub(repo: str, names: list[str], wanted: str) -> tuple[list[Path], str]:
        asked.append((repo, *names, wanted))
        return [own / one.rpartition("/")[2] for one in names], "2" * 40

    monkeypatch.setattr(weights, "from_hub", from_hub)
    known, files = card(name), [f"{folder}config.json", f"{folder}{FILE}"]
    # FLUX.2's normalisation is in its weights, which are of the same commit as the configuration
    assert asked == [("a/b", files[0], revision), ("a/b", files[1], "2" * 40)]
    assert (known.name, known.repo, known.revision) == (f"{own_name}-22222222", "a/b", "2" * 40)
    assert known.title == own_name.replace("-", "/")
    assert known.pinned and known.hub_names() == files
    assert identity(known)["revision"] == "2" * 40


@pytest.mark.parametrize("name", ["hf:a", "hf:", "hf:a/b/c", "hf:a/b@", "hf:a/b#", "hf:@v1"])
def test_a_repository_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"is not hf:owner/name"):
        card(name)
