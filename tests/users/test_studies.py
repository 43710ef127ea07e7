"""A study of one's own, as a user makes it: each command in a process of its own."""

import io
import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import synthetic_photograph
from tests.standins.fresh import Said, User

# The interpreter reads this first: nothing that needs torch or the Hub can be imported.
NO_TORCH = """
import sys
for name in ("torch", "diffusers", "huggingface_hub", "safetensors"):
    sys.modules[name] = None
"""
FROM_BUNDLED = "committed results in data/results/bundled"


@pytest.fixture
def light(user: User, tmp_path: Path) -> User:
    """A user whose environment is that of `make site`: no torch."""
    (tmp_path / "light").mkdir()
    (tmp_path / "light" / "sitecustomize.py").write_text(NO_TORCH, encoding="utf-8")
    user.environment["PYTHONPATH"] = str(tmp_path / "light")
    return user


def done(said: Said) -> str:
    """What a command printed that went well."""
    assert said.code == 0, said.all
    return said.out


# Committed results, by key --------------------------------------------------------------------


def copied(user: User, page: str) -> str:
    """Do what a page's line says that copies a study; the study's name."""
    text = (user.project / page).read_text(encoding="utf-8")
    (line,) = re.findall(r"^cp (data/studies/\S+) data/studies/(\S+)\.toml\nmake site STUDY=\2$",
                         text, re.MULTILINE)  # fmt: skip
    shutil.copy(user.project / line[0], user.project / "data" / "studies" / f"{line[1]}.toml")
    return line[1]


def test_committed_results_answer_a_study_of_another_name(light: User) -> None:
    """The Reproduce page's lines, and a copy of the bundled study, on a fresh clone."""
    name = copied(light, "report/reproduce.qmd")
    out = done(light.run("compute", "--study", name, "--use-committed"))
    chosen = tomllib.loads((light.project / f"data/studies/{name}.toml").read_text("utf-8"))
    for encoder in chosen["encoders"]:
        assert re.search(rf"^{encoder}: shift [12]\.\d+ .*\({FROM_BUNDLED}: ", out, re.MULTILINE)
    # The fit, the latents of two sides and the picture of both: another image is pictured.
    assert out.endswith("\n4 steps computed\n")

    light.write(
        "data/studies/other.toml", (light.project / "data/studies/bundled.toml").read_text()
    )
    out = done(light.run("compute", "--study", "other", "--use-committed"))
    assert re.search(
        rf"^taef2: shift 1\.5\d* .*\({FROM_BUNDLED}: taef2 needs torch", out, re.MULTILINE
    )
    assert out.endswith("\nnothing to compute: every step is stored\n")
    lines = done(light.run("check", "--study", "other")).splitlines()
    for encoder in ("pixel", "linear-f8c16", "taef2"):
        assert f"{encoder}: {FROM_BUNDLED} answer this study" in lines
    assert not [line for line in lines if "missing" in line]
    rows = done(light.run("encoders", "--study", "other")).splitlines()
    measured = [row.split()[0] for row in rows if row.split()[6] == "yes"]
    assert measured == ["pixel", "linear-f8c16", "taef2"]
    asked = light.run("recommend", "--encoder", "taef2", "--from", "512", "--to", "1024", "--study",
                      "other")  # fmt: skip
    assert FROM_BUNDLED in done(asked)
    # Contributed: the template leaves this encoder out, and its results are here.
    content = done(light.run("explain", "fig-encoders", "--study", name))
    assert re.search(r"result +taef2: committed, key", content)
    said = light.run("results", "add", "data/results/bundled/taef2.json", "--study", name)
    assert said.code == 2
    assert "data/results/bundled/taef2.json is there already" in said.err


# Names ------------------------------------------------------------------------------------------


def test_no_name_is_a_path(user: User) -> None:
    """What is written to data/results and downloads is called as cards, studies and images are."""
    rule = "is no name: use small letters, digits and single hyphens"
    whole = {name: (user.project / name).read_text("utf-8") for name in (
        "data/encoders.toml", "data/studies/bundled.toml", "data/images.toml")}  # fmt: skip
    for path, old, new in (
        ("data/encoders.toml", "[pixel]\n", '["../../../../pixel"]\n'),
        ("data/encoders.toml", "[pixel]\n", "[My-VAE]\n"),
        ("data/studies/bundled.toml", 'name = "box"', 'name = "../box"'),
        ("data/images.toml", "[sets.original]", '[sets."../original"]'),
        ("data/images.toml", 'id = "kite"', 'id = "../kite"'),
    ):
        user.edit(path, old, new)
        said = user.run("encoders") if "encoders" in path else user.run("check")
        assert said.code == 2 and said.out == ""
        (line,) = said.err.splitlines()
        name = new.split('"')[1] if '"' in new else new.strip("[]\n")
        assert f"{name!r} {rule}" in line and Path(path).name in line
        user.write(path, whole[path])
    user.edit("data/encoders.toml", "[pixel]\n", "[display]\n")
    assert "[display]: a result of studies is called so" in user.run("encoders").err
    user.write("data/encoders.toml", whole["data/encoders.toml"])
    user.write("data/studies/My Study.toml", whole["data/studies/bundled.toml"])
    said = user.run("check", "--study", "My Study")
    assert said.code == 2 and f"'My Study' {rule}" in said.err


# Everything is looked at before anything is computed ---------------------------------------------

# In place of pillow-heif: a file of this ending is a PNG behind other first bytes.
HEIF = """
import io
from PIL import Image, PngImagePlugin

class Stored(PngImagePlugin.PngImageFile):
    format = "HEIF"
    def _open(self):
        assert self.fp.read(12) == b"....ftypheic"
        self.fp = io.BytesIO(self.fp.read())
        super()._open()

def register_heif_opener():
    Image.register_open("HEIF", Stored, lambda head: head[4:12] == b"ftypheic")
"""


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder as people have them: three photographs of 160 px, and all that is none."""
    folder = tmp_path / "album"
    (folder / "raw").mkdir(parents=True)
    for seed, name in enumerate(("birch.png", "heron.jpg", "quarry.webp")):
        Image.fromarray(synthetic_photograph(seed, 160)).save(folder / name)
    content = io.BytesIO()
    Image.fromarray(synthetic_photograph(4, 160)).save(content, "PNG")
    (folder / "phone.HEIC").write_bytes(b"....ftypheic" + content.getvalue())
    (folder / "notes.txt").write_text("no image", encoding="utf-8")
    (folder / "gone.jpg").symlink_to("nowhere.jpg")
    (folder / "round.png").symlink_to("round.png")
    (folder / ".hidden.jpg").write_bytes(b"")
    return folder


def spoiled(folder: Path) -> list[str]:
    """Images that nothing can be measured on, added to a folder: their names in order."""
    Image.fromarray(synthetic_photograph(5, 100)).save(folder / "small.png")
    Image.new("RGB", (160, 160), (9, 90, 200)).save(folder / "sky.png")
    whole = (folder / "birch.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "named.jpg").write_bytes(b"no image")
    Image.new("F", (160, 160)).save(folder / "depth.tiff")
    return ["cut.png", "depth.tiff", "named.jpg", "sky.png", "small.png"]


def sized(*sides: int) -> tuple[str, ...]:
    return ("--encoder", "pixel", "--from", str(sides[0]), "--to", str(sides[1]))


def test_what_a_folder_has_beside_images_is_named(light: User, album: Path, tmp_path: Path) -> None:
    said = light.run("recommend", *sized(64, 128), "--images", str(album))
    assert "3 photographs" in done(said)
    (line,) = (line for line in said.err.splitlines() if "left out of" in line)
    assert re.search(
        r"phone\.HEIC \(HEIC needs pillow_heif: run \S+ -m pip install -e .*heic", line
    )
    assert "gone.jpg, round.png (a link that leads nowhere)" in line
    assert "notes.txt (no image)" in line and "raw (a folder)" in line and ".hidden" not in line
    (tmp_path / "light" / "pillow_heif.py").write_text(HEIF, encoding="utf-8")
    said = light.run("recommend", *sized(64, 128), "--images", str(album))
    assert "4 photographs" in done(said) and "HEIC" not in said.err
    for path in album.iterdir():
        if path.suffix in (".png", ".jpg", ".webp"):
            path.unlink()
    (tmp_path / "light" / "pillow_heif.py").unlink()
    said = light.run("recommend", *sized(64, 128), "--images", str(album))
    assert said.code == 2 and "no image in this folder" in said.err and "phone.HEIC" in said.err


def test_all_unfit_images_are_told_at_once(light: User, album: Path) -> None:
    names = spoiled(album)
    said = light.run("recommend", *sized(64, 128), "--images", str(album))
    assert said.code == 2 and said.out == ""
    errors = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert [Path(line.split(": ")[1]).name for line in errors[:-1]] == names
    for line, why in zip(errors, (
        "truncated", "mode F has no defined white", "cannot identify", "all of one colour",
        "short side 100, asked for 128", "5 of 8 images can't be used: --skip-unfit",
    ), strict=True):  # fmt: skip
        assert why in line
    said = light.run("recommend", *sized(64, 128), "--images", str(album), "--skip-unfit")
    assert "3 photographs" in done(said)
    assert len([line for line in said.err.splitlines() if "left out, as skip_unfit" in line]) == 5

    # A study's own key says the same, to each command: what was measured is what is checked.
    text = (light.project / "data/studies/template.toml").read_text(encoding="utf-8")
    text = text.replace('images = "bundled"', f'images = "{album}"')
    text = re.sub(r"resolutions = .*", "resolutions = [64, 128]", text)
    text = re.sub(r"encoders = .*", 'encoders = ["pixel"]', text, count=1)
    text = text.partition("[[variations]]")[0]
    light.write("data/studies/mine.toml", text)
    refused = light.run("compute", "--study", "mine")
    assert refused.code == 2 and "5 of 8 images" in refused.err
    assert "WRONG photographs" in light.run("check", "--study", "mine").out
    light.write("data/studies/mine.toml", text.replace("# skip_unfit = false", "skip_unfit = true"))
    done(light.run("compute", "--study", "mine"))
    lines = done(light.run("check", "--study", "mine"))
    assert "photographs: 3 of" in lines and lines.count("left out, as skip_unfit asks") == 5
    assert "quarry, sha256" in done(light.run("explain", "fig-raps", "--study", "mine"))


# A study of one's own, as a site -----------------------------------------------------------------


def test_three_own_images_and_an_own_autoencoder_become_a_site(user: User, tmp_path: Path) -> None:
    """Two resolutions, and one image that is left out since it is too small."""
    from tests.standins import autoencoders

    autoencoders.build("AutoencoderKL").save_pretrained(tmp_path / "own-vae")
    folder = user.project / "photographs"
    folder.mkdir()
    for seed, name in enumerate(("_DSC0001_.jpg", "b.png", "c.webp")):
        Image.fromarray(synthetic_photograph(seed, 160)).save(folder / name)
    Image.fromarray(synthetic_photograph(3, 100)).save(folder / "d.png")
    (folder / "notes.txt").write_text("no image", encoding="utf-8")
    user.write("data/studies/mine.toml", f'''
title = "My study"
images = "photographs"
encoders = ["pixel", "{tmp_path}/own-vae"]
resolutions = [64, 128]
''')  # fmt: skip
    refused = user.run("build", "--study", "mine")
    assert refused.code == 2 and "short side 100, asked for 128" in refused.err
    said = user.run("build", "--study", "mine", "--skip-unfit")
    out = done(said)
    assert re.search(r"^pixel: shift .*\(computed\)$", out, re.MULTILINE)
    assert re.search(r"^own-vae\S*: shift .*\(computed\)$", out, re.MULTILINE)
    assert "d.png" in said.err and "notes.txt (no image)" in said.err
    account = json.loads((user.project / "_site/provenance.json").read_text(encoding="utf-8"))
    assert len(account["photographs"]) == 3 and account["study"]["skip_unfit"] is True
    assert account["study"]["display_encoder"].startswith("own-vae")
    assert account["values"]["images"]["text"] == "3"
