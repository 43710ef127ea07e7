"""A run's sizes as shifts and settings: for models as published, against diffusers' sigmas."""

import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.project.errors import InputError
from analysis.shift.rules import flux1
from analysis.timesteps import schedule
from analysis.training import models, recipes
from analysis.training.recipes import recipe
from tests.conftest import Said
from tests.training.test_models import diffusers

ROOT = Path(__file__).resolve().parents[2]
FIVE_LINES = """
import json, sys
from diffusers import FlowMatchEulerDiscreteScheduler
rows = json.load(sys.stdin)["sizes"][0]["settings"]
keys = next(row["set"] for row in rows if row["stage"] == "sampling")
scheduler = FlowMatchEulerDiscreteScheduler.from_config(json.loads(sys.argv[1]), **keys)
scheduler.set_timesteps(sigmas=[1 - i / 20 for i in range(20)], mu=1.15)
print(json.dumps(scheduler.sigmas.tolist()))
"""


def test_a_rectangle_from_512() -> None:
    """FLUX.1 from 512 px: the base is 1.878; sizes are written width first."""
    content = recipe("flux1", "832x1216,1024", "512")
    assert content["base_shift"] == pytest.approx(1.8776, abs=5e-5)
    assert content["base_shift_is"] == "the model's rule of training"
    portrait, square = content["sizes"]
    assert (portrait["size"], portrait["written"]) == ([1216, 832], "832x1216")
    assert portrait["pixel_ratio"] == pytest.approx(832 * 1216 / 512**2)
    training = square["training"]
    assert training["own"] == pytest.approx(flux1(1024, 1024))
    assert training["square-root"] == pytest.approx(2 * 1.8776, abs=1e-4)
    low, high = training["measured_range"]
    assert content["base_shift"] < low < high < training["square-root"]
    assert content["by"] == "square-root"
    assert training["shift"] == training["square-root"]
    # Sampling keeps the model's own rule, whatever training takes.
    assert square["sampling"]["shift"] == pytest.approx(flux1(1024, 1024))


def test_which_shift_is_taken() -> None:
    assert recipe("flux1", "1024")["by"] == "own"
    assert recipe("z-image", "1536")["by"] == "square-root"  # its makers state none of training
    assert recipe("z-image", "1536")["base_shift_is"] == "the model's rule of sampling"
    assert recipe("sdxl", "1536")["base_shift_is"] == "the published noise schedule"
    found = recipe("flux1", "1024", "512", "taef2", by="measured")
    one = found["sizes"][0]["training"]
    # 1.529 is the committed shift of taef2 from 512 to 1024 px.
    assert one["shift"] == pytest.approx(1.52907 * flux1(512, 512), rel=1e-4)
    assert one["measured_range"][0] < one["shift"] < one["measured_range"][1]
    (used,) = (line for line in recipes.text(found).splitlines() if line.endswith("<- used"))
    assert used.split()[:2] == ["measured", f"{one['shift']:.4g}"]
    given = recipe("flux1", "1024", "512", base_shift=1.0)
    assert given["sizes"][0]["training"]["square-root"] == 2
    assert given["base_shift_is"] == "given"


def test_where_an_encoder_is_not_measured_there_is_a_range_and_no_setting() -> None:
    content = recipe("sd3", "1024", "512")
    measured = content["measured"]
    assert measured["value"] is None
    assert set(measured["encoders"]) == {"taef2", "taesana"}
    assert measured["pair"] == (512, 1024)
    known = recipes.measured()
    assert measured["low"] == min(one.low for one in known.values())
    assert known["taef2"].value == pytest.approx(0.612658, abs=1e-5)
    assert "not measured; range over taef2, taesana, 512 to 1024 px" in recipes.text(content)
    with pytest.raises(InputError, match="a range gives no setting: name a measured one"):
        recipe("sd3", "1024", by="measured")


def test_downwards_is_the_inverse() -> None:
    up = recipe("flux1", "1024", "512", "taef2", base_shift=1.0)["sizes"][0]["training"]
    down = recipe("flux1", "512", "1024", "taef2", base_shift=1.0)["sizes"][0]["training"]
    assert down["measured"] == pytest.approx(1 / up["measured"])
    assert down["measured_range"] == pytest.approx([1 / x for x in up["measured_range"][::-1]])


def test_frames_count_as_pixels() -> None:
    content = recipe("wan21", "832x480x161", by="square-root")
    one = content["sizes"][0]
    assert one["size"] == [480, 832, 161]
    assert one["pixel_ratio"] == pytest.approx(41 / 21)  # latent frames
    assert one["training"]["square-root"] == pytest.approx(5 * math.sqrt(41 / 21))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("flux1", "1000"), "multiples of 16 px, not 1000"),
        (("flux1", "big"), "'big' is no size: write 1024, or width and height as 832x1216"),
        (("flux1", "1024x1024x5"), "makes images"),
        (("fluxx", "1024"), "no model 'fluxx'"),
        (("flux1", "1024", "", "", "koya"), "no tool 'koya'"),
        (("flux1", "1024", "", "flux2"), "flux2 is not among the committed measurements"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        recipe(*arguments)


def test_who_states_no_rule_of_training_has_no_own_setting() -> None:
    with pytest.raises(InputError, match="makers of Qwen-Image state no rule of training"):
        recipe("qwen", "1024", by="own")


@pytest.mark.parametrize("name", list(models.models()))
def test_every_model_has_a_recipe_and_a_text(name: str) -> None:
    content = recipe(name, ",".join(recipes.written(models.model(name).native) for _ in "ab"))
    assert json.loads(json.dumps(content)) == json.loads(json.dumps(content))
    said = recipes.text(content)
    assert models.model(name).title in said
    assert content["sizes"][0]["settings"]
    assert "None" not in said and "nan" not in said
    for one in content["sizes"][0]["settings"]:
        for place, address in one["sources"]:
            assert place in said and re.match(r"https://github.com/.*/blob/[0-9a-f]{40}/", address)


def test_the_json_gives_the_sigmas_that_are_meant() -> None:
    """What the page's five lines do, with FLUX.1's published configuration."""
    content = json.loads(json.dumps(recipe("flux1", "1024", tool="diffusers")))
    rows = content["sizes"][0]["settings"]
    keys = next(row["set"] for row in rows if row["stage"] == "sampling")
    published = models.model("flux1").scheduler
    scheduler = diffusers().FlowMatchEulerDiscreteScheduler.from_config(published, **keys)
    start = np.linspace(1, 1 / 20, 20)
    scheduler.set_timesteps(sigmas=start.tolist(), mu=1.15)
    expected = schedule.shift_sigma(start, math.exp(1.15))
    np.testing.assert_allclose(scheduler.sigmas.numpy()[:-1], expected, rtol=1e-6)


@pytest.mark.slow
def test_the_command_piped_into_five_lines_of_diffusers() -> None:
    command = [sys.executable, "-m", "analysis", "recommend", "--model", "flux1", "--to", "1024",
               "--tool", "diffusers", "--format", "json"]  # fmt: skip
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    published = json.dumps(models.model("flux1").scheduler)
    done = subprocess.run(
        [sys.executable, "-c", FIVE_LINES, published],
        input=told.stdout, capture_output=True, text=True, check=True,
    )  # fmt: skip
    expected = schedule.shift_sigma(1 - np.arange(20) / 20, math.exp(1.15))
    np.testing.assert_allclose(json.loads(done.stdout)[:-1], expected, rtol=1e-6)


def test_the_command(here: Path, call: Callable[..., Said]) -> None:
    code, out, err = call("recommend", "--model", "flux1", "--to", "832x1216", "--from", "512",
                          "--tool", "kohya")  # fmt: skip
    assert (code, err) == (0, "")
    assert "--timestep_sampling shift --discrete_flow_shift 3.688" in out
    assert "OneTrainer," not in out
    for arguments, said in (
        (("--to", "1024"), "recommend needs --model, or --encoder, --from and --to: --encoder"),
        (("--encoder", "pixel", "--to", "128"), "--from is missing"),
        (("--encoder", "pixel", "--from", "64", "--to", "64x128"), "sizes go with --model"),
        (("--encoder", "pixel", "--from", "64", "--to", "99999"), "is more than 16384 px"),
        (("--encoder", "pixel", "--from", "64", "--to", "128", "--tool", "kohya"),
         "--tool goes with --model"),
        (("--model", "flux1", "--to", "1024", "--base-shift", "-1"), "not positive"),
    ):  # fmt: skip
        code, out, err = call("recommend", *arguments)
        assert (code, out) == (2, ""), arguments
        assert said in err
