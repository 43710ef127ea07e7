"""A study of one's own, as a user makes it: each command in a process of its own."""

import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from tests.fresh import Said, User

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
        assert re.search(rf"^{encoder}: shift [12]\.\d\d .*\({FROM_BUNDLED}: ", out, re.MULTILINE)
    # The fit, the latents of two sides and the picture of both: another image is pictured.
    assert out.endswith("\n4 steps computed\n")

    light.write(
        "data/studies/other.toml", (light.project / "data/studies/bundled.toml").read_text()
    )
    out = done(light.run("compute", "--study", "other", "--use-committed"))
    assert re.search(
        rf"^taef2: shift 1\.53 .*\({FROM_BUNDLED}: taef2 needs torch", out, re.MULTILINE
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


@pytest.mark.slow
def test_the_template_becomes_a_site(light: User) -> None:
    name = copied(light, "report/reproduce.qmd")
    out = done(light.run("build", "--study", name))
    assert "_site/report/index.html" in out
    account = json.loads((light.project / "_site/provenance.json").read_text(encoding="utf-8"))
    assert account["study"]["name"] == name
    assert account["values"]["display_encoder"]["text"] == "linear-f8c16"
    # Where its numbers are: no file of its own was written.
    source = account["values"]["shift_linear_f8c16"]["source"]
    assert source == "data/results/bundled/linear-f8c16.json"
    assert (light.project / source).is_file()


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
