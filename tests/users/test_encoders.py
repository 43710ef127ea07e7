"""Encoders as a user meets them: every card, an own folder, an own function, in fresh processes."""

import contextlib
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from analysis.encoders.cards import Card, cards
from analysis.encoders.checkpoints import FILES
from analysis.training.recommend import measure
from tests.conftest import PROJECT, synthetic_photograph
from tests.standins import autoencoders
from tests.standins.fresh import User, copy
from tests.standins.hub import Hub, Repo, running

torch = pytest.importorskip("torch")

COMMIT = Repo().commits[0]
TOKEN = "hf_of_somebody_who_accepted_the_licence"
HUB_CARDS = {name: card for name, card in cards().items() if card.repo}


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three photographs of a reader's."""
    folder = tmp_path_factory.mktemp("photographs")
    for seed in range(3):
        Image.fromarray(synthetic_photograph(seed, 768)).save(folder / f"p{seed}.png")
    return folder


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, which the tests of cards share; each has a home and a store."""
    return copy(tmp_path_factory.mktemp("cards") / "checkout")


def saved(card: Card, folder: Path) -> dict[str, bytes]:
    """The files of an untrained autoencoder of a card's class, shape and normalisation."""
    autoencoders.stand_in(card).save_pretrained(folder)
    return {name: (folder / name).read_bytes() for name in FILES}


def served(card: Card, files: dict[str, bytes]) -> Repo:
    """A repository that has them where the card says."""
    known = dict(zip(card.hub_names(), files.values(), strict=True))
    commits = {"commits": (card.revision,)} if card.revision else {}
    return Repo(known, gated=card.gated, readers=(TOKEN,), **commits)


def pinned_to(card: Card, weights: bytes, table: Path) -> None:
    """In data/encoders.toml, the hash of other weights where the card pins the real ones'."""
    before, head, rest = table.read_text(encoding="utf-8").partition(f"\n[{card.name}]\n")
    own, mark, after = rest.partition("\n[")
    own = re.sub(r"^bytes = .*\n", "", own, flags=re.M)
    if card.sha256:
        assert card.sha256 in own
        own = own.replace(card.sha256, hashlib.sha256(weights).hexdigest())
    table.write_text(before + head + own + mark + after, encoding="utf-8")


@contextlib.contextmanager
def reader_of(card: Card, checkout: Path, place: Path) -> Iterator[tuple[User, Hub]]:
    """Somebody who may read a card's repository, on a Hub that is here."""
    files = saved(card, place / "saved")
    shutil.copy(PROJECT / "data" / "encoders.toml", checkout / "data")
    pinned_to(card, files[FILES[1]], checkout / "data" / "encoders.toml")
    home = place / "home"
    home.mkdir()
    with running(Hub({card.repo: served(card, files)}, (TOKEN,))) as hub:
        settings = {"HF_ENDPOINT": hub.endpoint, "ANALYSIS_CACHE": str(place / "store")}
        settings |= {"HF_TOKEN": TOKEN} if card.gated else {}
        yield User(checkout, home, settings), hub


@pytest.mark.parametrize("name", HUB_CARDS)
def test_a_card_is_measured_from_nothing_and_from_the_cache(
    name: str, checkout: Path, photographs: Path, tmp_path: Path
) -> None:
    card = HUB_CARDS[name]
    low, high = (n * card.latent_stride for n in (12, 24))
    asked = ("recommend", "--encoder", name, "--from", str(low), "--to", str(high))
    asked += ("--images", str(photographs), "--format", "json")
    with reader_of(card, checkout, tmp_path) as (reader, hub):
        done = reader.run(*asked)
        assert done.code == 0, done.all
        found = json.loads(done.out)
        assert (found["encoder"], found["origin"]) == (name, "computed now")
        # diffusers' own encoder and normalisation give the same
        model = autoencoders.stand_in(card)

        @torch.inference_mode()
        def encode(x: np.ndarray) -> Any:
            return autoencoders.normalised(model, torch.from_numpy(x))

        right = measure(encode, photographs, low, high).content()
        assert found["measured"] == pytest.approx(right["measured"], rel=1e-4)
        assert found["interval"] == pytest.approx(right["interval"], rel=1e-3)
        assert "low at 3, not 1.5, middle at 4, not 3" in found["bands_note"]
        if not card.pinned:
            assert found["pins"]["revision"] == COMMIT
            assert len(found["pins"]["sha256"]) == 64
        hub.repos.clear()
        offline = {"HF_HUB_OFFLINE": "1", "ANALYSIS_CACHE": str(tmp_path / "another store")}
        again = reader.run(*asked, **offline)
        assert again.code == 0, again.all
        assert json.loads(again.out) == found


# Own folders ---------------------------------------------------------------------------------


def test_a_study_of_own_folders_is_computed_and_built(
    user: User, photographs: Path, tmp_path: Path
) -> None:
    """Two of one name, one of stride 32 with few rings: measured, told apart, shown on pages."""
    for place, name in (("a", "AutoencoderKL"), ("b", "AutoencoderTiny")):
        autoencoders.save(user.project / place / "My VAE", name)
    deep = tmp_path / "vae"
    autoencoders.stand_in(HUB_CARDS["sana"]).save_pretrained(deep)
    study = f"""title = "Mine"
images = "{photographs}"
encoders = ["pixel", "a/My VAE", "./b/My VAE", "{deep}"]
display_encoder = "{deep}"
resolutions = [384, 768]
"""
    user.write("data/studies/mine.toml", study)
    done = user.run("build", "--study", "mine", "--renderer", "builtin")
    assert done.code == 0, done.all
    shifts = re.findall(r"^(\S+): shift \d\.\d+", done.out, flags=re.M)
    assert [re.sub("-[0-9a-f]{8}$", "-#", name) for name in shifts] == [
        "pixel", "my-vae-#", "my-vae-#", "vae-#",
    ]  # fmt: skip
    assert len(set(shifts)) == 4
    assert f"{shifts[3]}: bands end later (low at 3, not 1.5, middle at 4, not 3" in done.out
    page = (user.project / "_site" / "report" / "study.html").read_text()
    for name in shifts:
        assert f"<code>{name}</code>" in page
    assert "2 to 3 (ends at its second ring)" in page
    for path in (user.project / "_site").rglob("*"):
        assert not path.is_file() or str(deep).encode() not in path.read_bytes()
    # the same by a command, where the folder is an option
    again = user.run("compute", "--study", "mine", "--encoder", str(deep), at=tmp_path)
    assert again.code == 0, again.all
    assert "nothing to compute" in again.out
    # too small for what pages compare, which is told before anything is computed
    user.write("data/studies/small.toml", study.replace("[384, 768]", "[320, 384]"))
    small = user.run("build", "--study", "small")
    assert (small.code, small.err.count("\n")) == (2, 1), small.all
    assert f"{shifts[3]} makes 12 x 12 latents of 384 px, too small for pages" in small.err
    assert "use 640 px or more, or measure the shift alone by 'recommend'" in small.err


def test_what_is_no_autoencoder_is_told_with_the_way_to_one(
    user: User, photographs: Path, tmp_path: Path
) -> None:
    """And nobody is told to delete what they made."""
    whole = autoencoders.save(tmp_path / "whole", "AutoencoderTiny")
    weights = (whole / FILES[1]).read_bytes()

    def other(name: str, *files: str, at: str = "") -> str:
        folder = tmp_path / name
        shutil.copytree(whole, folder / at)
        (folder / at / FILES[1]).unlink()
        for file in files:
            (folder / file).write_bytes(weights)
        return str(folder)

    plain = FILES[1].removesuffix(".safetensors")
    pipeline = other("pipeline", "model_index.json", at="vae")
    convert = "load it with diffusers' from_pretrained"
    cases = {
        pipeline: f"a whole pipeline, whose autoencoder is in a folder of it: give {pipeline}/vae",
        other("pickled", f"{plain}.bin"): f"a .bin, which is not read here: {convert}(..., use_saf",
        other("half", f"{plain}.fp16.safetensors"): f"{convert}(..., variant='fp16'), save it with",
        other("shards", f"{plain}.safetensors.index.json"): "save_pretrained(FOLDER, max_shard_siz",
        other("empty"): f"no {FILES[1]} in {tmp_path}/empty: save the autoencoder with save_pretra",
        str(tmp_path / "none"): f"no folder {tmp_path}/none: give one that save_pretrained wrote",
    }
    sides = ("--from", "96", "--to", "192", "--images", str(photographs))
    for folder, said in cases.items():
        done = user.run("recommend", "--encoder", folder, *sides)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done.all
        assert said in done.err
    cut = Path(shutil.copytree(whole, tmp_path / "cut"))
    (cut / FILES[1]).write_bytes(weights[:-100])
    unlike = Path(shutil.copytree(whole, tmp_path / "unlike"))
    config = json.loads((unlike / FILES[0]).read_text())
    (unlike / FILES[0]).write_text(json.dumps(config | {"latent_channels": 5}))
    for folder in (cut, unlike):
        done = user.run("recommend", "--encoder", str(folder), *sides)
        assert (done.code, done.out, done.err.count("\n")) == (3, "", 1), done.all
        assert "write it again with save_pretrained" in done.err
        assert "delete" not in done.err
        assert (folder / FILES[1]).is_file()


def test_an_address_on_the_hub_is_measured_and_a_pipeline_says_where(
    user: User, photographs: Path, tmp_path: Path
) -> None:
    card = HUB_CARDS["taesd"]
    files = {f"vae/{name}": content for name, content in saved(card, tmp_path / "s").items()}
    bin_only = {f"vae/{FILES[0]}": files[f"vae/{FILES[0]}"]}
    bin_only["vae/diffusion_pytorch_model.bin"] = b"pickled"
    repos = {"own/model": Repo({"model_index.json": b"{}", **files}), "own/old": Repo(bin_only)}
    sides = ("--from", "96", "--to", "192", "--images", str(photographs))
    with running(Hub(repos)) as hub:
        there = {"HF_ENDPOINT": hub.endpoint}
        whole = user.run("recommend", "--encoder", "hf:own/model", *sides, **there)
        assert (whole.code, whole.out) == (3, "")
        assert "own/model has no file 'config.json': it is a whole pipeline" in whole.err
        assert whole.err.rstrip().endswith("give hf:own/model#vae")
        old = user.run("recommend", "--encoder", "hf:own/old#vae", *sides, **there)
        assert (old.code, old.out) == (3, "")
        assert "its weights are a .bin, which is not read here: load it with" in old.err
        study = f"""title = "Mine"
images = "{photographs}"
encoders = ["hf:own/model#vae"]
resolutions = [96, 192]
"""
        user.write("data/studies/mine.toml", study)
        done = user.run("compute", "--study", "mine", **there)
        assert done.code == 0, done.all
        assert re.search(rf"^own-model-vae-{COMMIT[:8]}: shift \d", done.out, flags=re.M)


# An encoder that is no class of diffusers ----------------------------------------------------


def test_the_lines_of_the_readme_measure_a_function(
    user: User, photographs: Path, tmp_path: Path
) -> None:
    """Without torch, from another folder, as the command prints it."""
    section = (PROJECT / "README.md").read_text().partition("\n## An encoder of your own\n")[2]
    code = section.partition("```python\n")[2].partition("```")[0]
    assert "my-photographs" in code and "512, 1024" in code
    code = code.replace("512, 1024", "384, 768")
    shutil.copytree(photographs, tmp_path / "here" / "my-photographs")
    absent = "import sys\nsys.modules['torch'] = None\n"
    done = user.python(
        "-W", "error", "-c", absent + code, at=tmp_path / "here", PYTHONPATH=str(user.project)
    )
    assert (done.code, done.err) == (0, ""), done.all
    assert "encode, 384 -> 768 px, 3 photographs of my-photographs" in done.out
    measured = re.search(r"measured +s = ([0-9.]+)  \[", done.out)
    # Means of 8 x 8 pixels hold more of high frequencies at the high resolution.
    assert measured and 2 < float(measured[1]) < 2.2
    assert not (tmp_path / "here" / "data").exists()
    assert not (user.project / "data" / "cache").exists()
