"""``encoders ...`` and ``results ...`` as a reader runs them; and that no token is ever said."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Said
from tests.standins import hub as stand_in
from tests.standins.hub import Hub, Repo

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_" + "aB3" * 11 + "x"
CONTENT = b"weights" * 1000


def test_encoders_are_listed(call: Callable[..., Said]) -> None:
    code, out, err = call("encoders")
    assert (code, err) == (0, "")
    assert out.startswith("name ")
    code, as_json, err = call("encoders", "--format", "json")
    assert (code, err) == (0, "")
    rows = json.loads(as_json)
    assert isinstance(rows, list) and len(rows) == len(out.splitlines()) - 1
    assert {"name", "license", "gated", "cached", "measured"} <= rows[0].keys()


def test_an_encoder_is_tried(call: Callable[..., Said]) -> None:
    code, out, err = call("encoders", "check", "pixel")
    assert (code, err) == (0, "")
    assert out.startswith("pixel: birch, 3 x 64 x 64 -> 3 x 64 x 64, stride 1\n")
    code, out, _ = call("encoders", "check", "linear-f8c16", "--format", "json", "--study", "tiny")
    found = json.loads(out)
    assert (code, found["latents"], found["stride"]) == (0, [16, 8, 8], 8)
    assert found["psnr_db"] > 0


def test_results_go_out_and_come_in(here: Path, call: Callable[..., Said], tmp_path: Path) -> None:
    code, out, err = call("results", "export", "pixel", "--to", str(tmp_path / "out"))
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "measurement of pixel" in err
    call("compute", "--encoder", "pixel")
    for sidecar in (here / "data" / "cache" / "measurement").rglob("*.json"):
        # this project is no repository; a contributor's is
        content = json.loads(sidecar.read_text())
        content["environment"]["commit"] = COMMIT
        del content["itself"]  # its hash of itself, which sidecars of before have not
        sidecar.write_text(json.dumps(content))
    code, out, err = call("results", "export", "pixel", "--to", "out")
    assert (code, out) == (0, "wrote out/pixel.zip\n"), err
    code, out, err = call("results", "add", "out/pixel.zip")
    wrote = "wrote data/results/tiny/pixel.json\nwrote data/results/tiny/pixel.npz\n"
    assert (code, out) == (0, wrote), err
    code, _, err = call("results", "add", "out/pixel.zip")
    assert (code, err.count("\n")) == (2, 1)
    assert "is there already" in err
    rows = {row["name"]: row for row in json.loads(call("encoders", "--format", "json")[1])}
    assert rows["pixel"]["measured"] and not rows["taef2"]["measured"]


# Publishing ----------------------------------------------------------------------------------


def test_versions_are_published(here: Path, call: Callable[..., Said]) -> None:
    arguments = ("publish", "--to", "out")
    assert "no site in _site: run '" in (said := call(*arguments, "--dev")[2])
    assert "-m analysis build' first" in said
    (here / "_site").mkdir()
    page = "<html><head><title>T</title></head><body><main>T</main></body></html>"
    (here / "_site" / "index.html").write_text(page)
    code, out, err = call(*arguments, "--dev")
    assert (code, err) == (0, "")
    wrote = [line.removeprefix("wrote ") for line in out.splitlines()]
    assert {"out/dev", "out/index.html", "out/versions.js"} <= set(wrote)
    assert all((here / name).exists() for name in wrote)
    code, out, _ = call(*arguments, "--dev")
    assert (code, out) == (0, "nothing to do: dev is published with this content\n")
    (here / "pyproject.toml").write_text('[project]\nversion = "0.4"\n')
    content = {"version": "0.4", "commit": COMMIT, "values": {}, "figures": {}}
    (here / "_site" / "provenance.json").write_text(json.dumps(content))
    code, out, _ = call(*arguments)  # the project's own version
    assert (code, out.splitlines()[:2]) == (0, ["wrote out/0.4", "wrote out/latest"])
    (here / "_site" / "index.html").write_text(page + page)
    for given, said in (
        ((), "0.4 is published already, with another content"),
        (("--version", "0.5"), "was built as version 0.4, not 0.5"),
        (("--version", "0.4", "--dev"), "--version and --dev: give one of them"),
    ):
        code, out, err = call(*arguments, *given)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err
    assert call(*arguments, "--version", "v0.4", "--force")[0] == 0
    code, out, err = call("publish")
    assert (code, err.count("\n")) == (2, 1) and "Missing option '--to'" in err


# Tokens --------------------------------------------------------------------------------------


@pytest.fixture
def hub() -> Iterator[Hub]:
    files = {"vae/config.json": b"{}", "vae/diffusion_pytorch_model.safetensors": CONTENT}
    repos = {
        "gated/model": Repo(files, gated=True, readers=(TOKEN,)),
        "closed/model": Repo(files, gated=True),
        "private/model": Repo(files, private=True),
        "stuck/model": Repo(files, broken={"vae/diffusion_pytorch_model.safetensors": "wrong"}),
    }
    with stand_in.running(Hub(repos, (TOKEN,))) as one:
        yield one


CARD = """
[mine]
title = "On the stand-in"
kind = "diffusers"
class = "AutoencoderKL"
channels = 4
stride = 8
scale = 0.5
subfolder = "vae"
repo = "{repo}/model"
sha256 = "{digest}"
"""


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["--debug", "--json"])
def test_no_token_is_ever_repeated(here: Path, hub: Hub, tmp_path: Path, flag: str) -> None:
    digest, expired = hashlib.sha256(CONTENT).hexdigest(), "hf_" + "x" * 34
    cases = {
        "gated": (TOKEN, 0),
        "closed": (TOKEN, 3),
        "stuck": (TOKEN, 3),
        "private": (expired, 3),
    }
    running = []
    for repo, (token, _) in cases.items():
        root = tmp_path / repo
        shutil.copytree(here, root)
        with (root / "data" / "encoders.toml").open("a", encoding="utf-8") as cards:
            cards.write(CARD.format(repo=repo, digest=digest))
        environment = stand_in.environment(
            hub.endpoint, root / "home", ANALYSIS_ROOT=str(root), ANALYSIS_STUDY="tiny",
            HF_TOKEN=token, HF_HUB_VERBOSITY="debug",
        )  # fmt: skip
        command = [sys.executable, "-m", "analysis", "fetch", "--encoder", "mine", flag]
        running.append(
            subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
    said = [process.communicate(timeout=120) for process in running]
    for process, (out, err), (repo, (_, code)) in zip(running, said, cases.items(), strict=True):
        assert process.returncode == code, err
        assert ("mine  " + digest[:12] if repo == "gated" else f"{repo}/model") in out + err
        files = [file for file in (tmp_path / repo).rglob("*") if file.is_file()]
        for content in [out, err, *(file.read_bytes().decode("latin-1") for file in files)]:
            assert TOKEN not in content
            assert expired not in content
            assert stand_in.SIGNATURE not in content
    assert any(one.authorized for one in hub.asked)  # it was sent where it belongs
