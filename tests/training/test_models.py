"""Model cards: every fact has a source, and diffusers makes of the configurations what they say."""

import importlib
import math
import os
import types

import numpy as np
import pytest
from pydantic import ValidationError

from analysis.project.errors import InputError
from analysis.shift.rules import FORMULAS, flux1
from analysis.timesteps import schedule
from analysis.training import models

SINGLE = 1e-6  # diffusers' sigmas are in single precision: some units of 6e-8


def diffusers() -> types.ModuleType:
    """The installed diffusers, or a skipped test; where CI is set, its absence is a failure."""
    if os.environ.get("CI"):
        return importlib.import_module("diffusers")
    found: types.ModuleType = pytest.importorskip("diffusers")
    return found


def test_every_family_of_the_issue_has_a_card() -> None:
    assert list(models.models()) == [
        "sd15", "sdxl", "sd3", "flux1", "flux2", "z-image", "qwen-image", "lumina2", "sana",
        "hidream", "ideogram4", "wan21", "wan22",
    ]  # fmt: skip
    for card in models.models().values():
        assert card.fit(card.native) == card.native
        for source in card.sources:
            name, address = source.place
            assert name and address.startswith("https://")


def test_a_fact_without_a_source_is_refused() -> None:
    card = models.model("flux1").model_dump()
    card["sources"] = tuple(s for s in card["sources"] if "scheduler" not in s["facts"])
    with pytest.raises(ValidationError, match="no source for scheduler"):
        models.Model.model_validate(card)
    card = models.model("flux1").model_dump() | {"training": "flux-one"}
    with pytest.raises(ValidationError, match="'flux-one' is no rule"):
        models.Model.model_validate(card)


def test_names_and_aliases() -> None:
    assert models.model("FLUX.1").name == models.model("flux-dev").name == "flux1"
    assert models.model("sd3.5").name == "sd3"
    with pytest.raises(InputError, match="no model 'fulx1'; did you mean 'flux1'"):
        models.model("fulx1")
    aliases = [word for one in models.models().values() for word in (one.name, *one.aliases)]
    assert len(aliases) == len({*aliases})


def test_rules_at_sizes() -> None:
    """FLUX.1 at 512 px is 1.878; rectangles count their pixels; who states none gives none."""
    flux = models.model("flux1")
    assert flux.shift("training", (512, 512)) == pytest.approx(1.8776, abs=5e-5)
    assert flux.shift("sampling", (832, 1216)) == pytest.approx(flux1(832, 1216), rel=1e-12)
    assert models.model("z-image").shift("training", (1024, 1024)) is None
    assert models.model("wan22").shift("sampling", (480, 832, 81)) == 12
    two = models.model("flux2")
    # In training FLUX.1's line, in sampling the empirical one, which depends on the steps.
    assert two.shift("training", (1024, 1024)) == pytest.approx(flux1(1024, 1024), rel=1e-4)
    assert two.shift("sampling", (1024, 1024), 10) == pytest.approx(9.55, abs=5e-3)


def test_a_reported_stage_is_no_longer_refused() -> None:
    """FLUX.1 and FLUX.2 were trained by the sampling line of FLUX.1, says OneTrainer#1516."""
    for key in ("flux1", "flux2-200"):
        assert FORMULAS[key](1024, 1024, stage="training") == FORMULAS[key](1024, 1024)
        assert FORMULAS[key].reported == {"training": "Nerogar/OneTrainer#1516"}
    with pytest.raises(ValueError, match="stated for sampling, not training"):
        FORMULAS["flux2-50"](1024, 1024, stage="training")  # the empirical line is not
    for name in ("flux1", "flux2"):
        card = models.model(name)
        assert card.reported == ("training",)
        assert card.source("training").repository == "Nerogar/OneTrainer#1516"


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("flux1", (1000, 1024), "multiples of 16 px, not 1000 of 1000x1024: use 992"),
        ("sana", (1024, 1040), "multiples of 32 px, not 1040"),
        ("flux1", (1024, 1024, 5), "makes images"),
        ("wan21", (480, 832, 80), "multiples of 4 more, not 80: use 81"),
        ("sd15", (0, 512), "not 0"),
    ],
)
def test_sizes_that_a_model_does_not_take(name: str, size: models.Size, said: str) -> None:
    with pytest.raises(InputError, match=said):
        models.model(name).fit(size)


def test_pixels_count_latent_frames() -> None:
    wan = models.model("wan21")
    assert wan.pixels((480, 832)) == wan.pixels((480, 832, 1)) == 480 * 832
    assert wan.pixels((480, 832, 81)) == 480 * 832 * 21
    assert models.square_root(wan, (480, 832, 81), (960, 832, 161)) == pytest.approx(
        math.sqrt(2 * 41 / 21)
    )


def test_what_a_calculator_gets() -> None:
    found = models.shipped("flux1", (512, 512))
    assert found["native"] == [1024, 1024]
    assert found["training"]["shift"] == pytest.approx(1.8776, abs=5e-5)
    assert found["training"]["base"] == pytest.approx(math.exp(1.15))
    assert found["training"]["reported"] and not found["sampling"]["reported"]
    assert models.shipped("hidream", (1024, 1024))["training"]["shift"] is None


FLOW = [card.name for card in models.models().values() if card.script and card.prediction == "flow"]


@pytest.mark.parametrize("name", FLOW)
def test_the_table_that_a_script_indexes(name: str) -> None:
    """As the scripts load it: this one class, whatever class the configuration is of.

    So a dynamic shift is in no table, and ``flow_shift`` of SANA's configuration is not read.
    """
    card = models.model(name)
    assert card.script
    scheduler = diffusers().FlowMatchEulerDiscreteScheduler
    config = {**card.scheduler, **card.script.override}
    table = scheduler.from_config(config).sigmas.numpy()
    plain = np.arange(1000, 0, -1) / 1000
    expected = schedule.shift_sigma(plain, card.table_shift)
    np.testing.assert_allclose(table, expected, rtol=SINGLE)
    assert card.table_shift == {
        "sd3": 3, "flux1": 1, "flux2": 1, "z-image": 3, "qwen-image": 1, "lumina2": 6, "sana": 1,
        "hidream": 3, "ideogram4": 1,
    }[name]  # fmt: skip


@pytest.mark.parametrize("name", ["sd15", "sdxl"])
def test_ddpm_has_abar_and_shifts_it(name: str) -> None:
    """abar' = abar / (abar + s^2 (1 - abar)); s = 2 at t = 500: 0.2763 to 0.0871."""
    alphas = models.ddpm_alphas(models.model(name))
    moved = models.shifted_alphas(alphas, 2.0)
    assert alphas[500] == pytest.approx(0.2763, abs=5e-5)
    assert moved[500] == pytest.approx(0.0871, abs=5e-5)
    np.testing.assert_allclose(moved / (1 - moved), alphas / (1 - alphas) / 4, rtol=1e-12)
    np.testing.assert_allclose(models.shifted_alphas(moved, 0.5), alphas, rtol=1e-12)
    scheduler = diffusers().DDPMScheduler
    card = {k: v for k, v in models.model(name).scheduler.items() if k != "_class_name"}
    np.testing.assert_allclose(scheduler(**card).alphas_cumprod.numpy(), alphas, rtol=1e-4)
    # trained_betas are single precision, and abar is a product of a thousand of them.
    own = scheduler(trained_betas=models.betas_of(moved).tolist(), num_train_timesteps=1000)
    np.testing.assert_allclose(own.alphas_cumprod.numpy(), moved, rtol=1e-4)


def test_what_is_no_ddpm_or_no_shift() -> None:
    with pytest.raises(ValueError, match="is a flow model"):
        models.ddpm_alphas(models.model("flux1"))
    for bad in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="positive and finite"):
            models.shifted_alphas(np.array([0.5]), bad)
