"""The settings of tools do what they say: diffusers is asked itself, with published configurations.

What the issue found wrong, row by row, is a test here. Tools that are not installed are held to
what was read in them, and OneTrainer's arithmetic is done again.
"""

import ast
import importlib
import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.project.errors import InputError
from analysis.timesteps import schedule
from analysis.training import models, settings
from analysis.training.models import Model, Stage
from tests.shift.test_rules import pipeline_mu, shipped
from tests.training.test_models import diffusers

SINGLE = 1e-6  # sigmas in single precision: some units of 6e-8
N = 1000
SIZES: list[models.Size] = [(1024, 1024), (832, 1216), (512, 512)]


def chosen(name: str, tool: str, stage: Stage, s: float = 2.0, at: int = 0) -> settings.Chosen:
    """One setting of a tool for a model."""
    card = models.model(name)
    found = settings.for_model(card, card.native, {stage: s}, settings.tool(tool))
    return [one for one in found if one.stage == stage][at]


def configured(name: str, **keys: Any) -> Any:
    """The scheduler of a model's published configuration, with keys changed, in its class."""
    config = models.model(name).scheduler
    return getattr(diffusers(), str(config["_class_name"])).from_config(config, **keys)


def start(steps: int) -> np.ndarray:
    """The sigmas that pipelines pass: evenly from 1 to 1 / steps."""
    return np.linspace(1, 1 / steps, steps)


def sampled(scheduler: Any, steps: int, mu: float | None = None) -> np.ndarray:
    """The sigmas that a scheduler samples with, without the zero at the end."""
    scheduler.set_timesteps(sigmas=start(steps).tolist(), **({} if mu is None else {"mu": mu}))
    return np.asarray(scheduler.sigmas.numpy()[:-1], np.float64)


# The rows of the issue -----------------------------------------------------------------------


def test_shift_alone_is_ignored_by_flux_as_it_is_published() -> None:
    """sigma[10] of 20 steps at 1024 px is 0.7595 instead of 0.6667."""
    mu = pipeline_mu("flux/flux", "calculate_shift", {}, image_seq_len=4096)
    assert sampled(configured("flux1", shift=2.0), 20, mu)[10] == pytest.approx(0.7595, abs=5e-5)
    keys = chosen("flux1", "diffusers", "sampling").set
    assert keys == {"shift": 2.0, "use_dynamic_shifting": False}
    # The pipeline passes its mu all the same, and a static scheduler ignores it.
    assert sampled(configured("flux1", **keys), 20, mu)[10] == pytest.approx(2 / 3, rel=SINGLE)


def calls(tree: ast.Module) -> dict[str, tuple[bool, bool]]:
    """class -> whether its call takes mu, and whether it computes one."""
    found = {}
    for node in tree.body:
        if not (isinstance(node, ast.ClassDef) and node.name.endswith("Pipeline")):
            continue
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and method.name == "__call__":
                arguments = {one.arg for one in (*method.args.args, *method.args.kwonlyargs)}
                computed = any(
                    isinstance(one, ast.Call)
                    and ast.unparse(one.func).rpartition(".")[2]
                    in ("calculate_shift", "compute_empirical_mu")
                    for one in ast.walk(method)
                )
                found[node.name] = "mu" in arguments, computed
    return found


@pytest.mark.slow
def test_few_pipelines_take_mu_and_many_compute_it() -> None:
    """In diffusers 0.42.1, of 66 that compute mu 3 take it (SD3's); FLUX.1's and others do not."""
    diffusers()
    spec = importlib.util.find_spec("diffusers")
    assert spec and spec.origin
    folder = Path(spec.origin).parent / "pipelines"
    found: dict[str, tuple[bool, bool]] = {}
    for path in folder.rglob("pipeline_*.py"):
        found |= calls(ast.parse(path.read_text(encoding="utf-8")))
    computing = {name for name, (_, computed) in found.items() if computed}
    taking = {name for name in computing if found[name][0]}
    assert len(computing) > 50
    assert {name for name in taking if not name.startswith("StableDiffusion3")} == set()
    assert len(taking) == 3
    assert {"FluxPipeline", "Flux2Pipeline", "QwenImagePipeline", "Lumina2Pipeline",
            "ZImagePipeline"} <= computing - taking  # fmt: skip


@pytest.mark.parametrize(("name", "pipeline"), [("flux1", "flux/flux"),
                                                ("qwen-image", "qwenimage/qwenimage")])  # fmt: skip
@pytest.mark.parametrize("size", SIZES)
def test_base_and_max_shift_are_ln_s(name: str, pipeline: str, size: models.Size) -> None:
    keys = chosen(name, "diffusers", "sampling", 2.0, at=1).set
    assert keys == {"base_shift": math.log(2), "max_shift": math.log(2)}
    scheduler = configured(name, **keys)
    tokens = (size[0] // 16) * (size[1] // 16)
    mu = pipeline_mu(pipeline, "calculate_shift", dict(scheduler.config), image_seq_len=tokens)
    assert mu == pytest.approx(math.log(2), rel=1e-12)
    assert sampled(scheduler, 20, mu) == pytest.approx(meant(name, 20, 2.0), rel=SINGLE)


def test_flux2_ignores_base_and_max_shift() -> None:
    (empirical,) = shipped("flux2/flux2", "compute_empirical_mu")
    mu = empirical(4096, 50)  # of tokens and steps alone
    keys = {"base_shift": math.log(2), "max_shift": math.log(2)}
    moved = sampled(configured("flux2", **keys), 20, mu)
    np.testing.assert_array_equal(moved, sampled(configured("flux2"), 20, mu))
    assert not any("max_shift" in one.set for one in settings.for_model(
        models.model("flux2"), (1024, 1024), {"sampling": 2.0}, "diffusers"))  # fmt: skip


def test_shift_in_training_changes_nothing_for_flux_as_it_is_published() -> None:
    scheduler = diffusers().FlowMatchEulerDiscreteScheduler
    published = models.model("flux1").scheduler
    plain = np.arange(N, 0, -1) / N
    table = scheduler.from_config(published, shift=2.0).sigmas.numpy()
    np.testing.assert_allclose(table, plain, rtol=SINGLE)
    edited = chosen("flux1", "diffusers", "training", at=1)
    assert edited.set == {"shift": 2.0, "use_dynamic_shifting": False}
    assert edited.typed == '"shift": 2.0, "use_dynamic_shifting": false'
    table = scheduler.from_config(published, **edited.set).sigmas.numpy()
    np.testing.assert_allclose(table, schedule.shift_sigma(plain, 2.0), rtol=SINGLE)


def noisy_share(sigma: np.ndarray) -> float:
    """The share with more noise than data."""
    return float(np.mean(sigma > 0.5))


def test_lumina_s_script_runs_the_other_way() -> None:
    """With an even u and a static shift of 2 the noisy share is 0.33; the inverse gives 0.67."""
    scheduler = diffusers().FlowMatchEulerDiscreteScheduler
    card = models.model("lumina2")

    def noise(shift: float) -> np.ndarray:
        """The weight of the noise at every index: 1 - sigma, as the script blends."""
        table = scheduler.from_config(card.scheduler, shift=shift).sigmas.numpy()
        return np.asarray(1 - table.astype(np.float64))

    assert noisy_share(noise(2.0)) == pytest.approx(1 / 3, abs=1.5 / N)  # steps of the table
    edited = chosen("lumina2", "diffusers", "training", at=1).set
    assert edited == {"shift": 0.5}
    assert noisy_share(noise(edited["shift"])) == pytest.approx(2 / 3, abs=1.5 / N)
    # By the flag: ln s beside what the published 6 takes away.
    mean = chosen("lumina2", "diffusers", "training").set["logit_mean"]
    assert mean == pytest.approx(math.log(2) + math.log(6), rel=1e-12)
    # In sampling the same file acts the common way.
    assert sampled(configured("lumina2", shift=2.0), 20)[10] == pytest.approx(2 / 3, rel=SINGLE)


def drawn(card: Model, flags: dict[str, Any], z: np.ndarray) -> np.ndarray:
    """The weight of the noise that a script's flags give for normal numbers z.

    As the scripts do: u = sigmoid(mean + std z), and then u N as an index into the table of the
    class they load, or u itself; blended with noise or with data.
    """
    assert card.script
    u = schedule.expit(flags["logit_mean"] + z)
    if card.script.reads == "sigma":
        return u
    config = {**card.scheduler, **card.script.override}
    table = diffusers().FlowMatchEulerDiscreteScheduler.from_config(config).sigmas.numpy()
    sigma = table[(u * N).astype(int)].astype(np.float64)
    return sigma if card.script.blends == "noise" else 1 - sigma


SCRIPTS = [
    card.name for card in models.models().values() if card.script and card.prediction == "flow"
]


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("s", [0.5, 2.0, 3.158])
def test_the_flag_gives_the_shift_in_every_script(name: str, s: float) -> None:
    """logit sigma = z + ln s, whatever the table has and whichever way the script blends."""
    card = models.model(name)
    size = card.native
    (found, *_) = settings.for_model(card, size, {"training": s}, "diffusers")
    flags = dict(found.set)
    if card.script and card.script.reads == "sigma":  # the script adds its own rule
        (aware,) = shipped("ideogram4/ideogram4", "_resolution_aware_mu")
        flags["logit_mean"] = aware(height=size[0], width=size[1], base_mu=flags["logit_mean"])
    z = np.linspace(-1.5, 1.5, 301)
    # Noise goes up with z where u is sigma, and where the blend is turned; else down.
    turned = card.script is not None and (
        (card.script.reads == "index") == (card.script.blends == "noise")
    )
    sigma = drawn(card, flags, -z if turned else z)
    expected = schedule.shift_sigma(schedule.expit(z), s)
    # One step of the table before its shift, 1/N of u, is at most 1/N / (u (1 - u)) of a logit.
    step = 0.0 if card.script and card.script.reads == "sigma" else 1 / N
    u = schedule.expit(np.asarray(flags["logit_mean"]) + (-z if turned else z))
    np.testing.assert_array_less(
        np.abs(schedule.logit(sigma) - schedule.logit(expected)), 1.3 * step / (u * (1 - u)) + 1e-6
    )


def test_index_or_sigma_by_diffusers_own_draws() -> None:
    """A mean of -ln 2 is more noise where u is an index, and less where u is sigma."""
    diffusers()
    torch = importlib.import_module("torch")
    density = importlib.import_module("diffusers.training_utils")
    card = models.model("flux1")
    table = diffusers().FlowMatchEulerDiscreteScheduler.from_config(card.scheduler).sigmas
    u = density.compute_density_for_timestep_sampling(
        "logit_normal", 100_000, -math.log(2), 1.0, generator=torch.Generator().manual_seed(3)
    )
    as_index = noisy_share(table[(u * N).long()].numpy())
    # P(z > -ln 2) = 0.7559; five standard errors of the share are 0.0068.
    assert as_index == pytest.approx(0.7559, abs=0.008)
    assert noisy_share(u.numpy()) == pytest.approx(1 - 0.7559, abs=0.008)


def test_kohya_s_sd3_has_a_flag_of_its_own() -> None:
    found = chosen("sd3", "kohya", "training")
    assert found.set == {"training_shift": 2.0}
    assert "--discrete_flow_shift, which these scripts do not have" in found.conflicts
    other = chosen("flux1", "kohya", "training")
    assert other.typed == "--timestep_sampling shift --discrete_flow_shift 2.0"
    assert any("sigma (FLUX.1's default) reads" in one for one in other.conflicts)


def test_simpletuner_s_automatic_shift_wins_and_sana_overrides_both() -> None:
    found = chosen("flux1", "simpletuner", "training")
    assert found.requires == ("--flow_schedule_auto_shift off",)
    assert found.set == {"flow_schedule_shift": 2.0}
    assert chosen("sana", "simpletuner", "training").set == {}
    assert chosen("wan22", "simpletuner", "training").set == {}
    card = models.model("ideogram4")
    own = chosen("ideogram4", "simpletuner", "training", 3.0).set["ideogram_schedule_mu"]
    assert own + math.log(card.shift("training", card.native) or 0) == pytest.approx(math.log(3))


def onetrainer(kind: str, s: float, weight: float) -> np.ndarray:
    """The share below each of N steps as OneTrainer's weights have it, for one of its shapes.

    It shifts weights, not draws: the shape is read at the step before the shift, and multiplied by
    the derivative; for SIGMOID the step is taken back twice.
    """
    x = np.linspace(0, 1, N)
    before = x / (s - s * x + x)
    derivative = s / (s + x - x * s) ** 2
    if kind == "SIGMOID":
        before = before / (s - s * before + before)
        w = 1 / (1 + np.exp(-weight * (before - 0.5)))
    elif kind == "COS_MAP":
        w = 2 / (math.pi - 2 * math.pi * before + 2 * math.pi * before**2)
    else:
        w = np.maximum(-weight * (before - 0.5) ** 2 + 2, 0)
    w = w * derivative
    return np.asarray(np.cumsum(w) / w.sum())


def test_onetrainer_is_exact_but_for_sigmoid() -> None:
    """At s = 2 and weight 10 the share below a step is wrong by 0.17 for SIGMOID."""
    x = np.linspace(0, 1, N)
    back = x / (2 - x)  # the step before the shift of 2
    for kind in ("COS_MAP", "INVERTED_PARABOLA", "SIGMOID"):
        unshifted = onetrainer(kind, 1.0, 4.0 if kind == "INVERTED_PARABOLA" else 10.0)
        right = np.interp(back, x, unshifted)
        found = onetrainer(kind, 2.0, 4.0 if kind == "INVERTED_PARABOLA" else 10.0)
        error = float(np.abs(found - right).max())
        if kind == "SIGMOID":
            assert error == pytest.approx(0.17, abs=0.005)
        else:
            assert error < 3 / N  # its sums are over steps
    # The continuous ones move the draw itself: N s t / ((s - 1) t + N).
    t = np.linspace(0, N, 11)
    moved = N * 2 * t / (t + N)
    np.testing.assert_allclose(moved / N, schedule.shift_sigma(t / N, 2.0), rtol=1e-12)
    found_setting = chosen("flux1", "onetrainer", "training")
    assert len(found_setting.distributions) == 6
    assert any("0.17" in one for one in found_setting.conflicts)


def test_ddpm_models_get_a_schedule_and_no_flow_shift() -> None:
    """abar at t = 500 goes from 0.2763 to 0.0871 for s = 2."""
    for name in ("sd15", "sdxl"):
        card = models.model(name)
        found = settings.for_model(card, card.native, {"training": 2.0, "sampling": None})
        set_by = {one.tool: one.set for one in found if one.set}
        assert set_by.keys() == {"diffusers"}
        scheduler = diffusers().DDPMScheduler(**set_by["diffusers"], num_train_timesteps=N)
        # Betas in single precision, multiplied five hundred times.
        assert float(scheduler.alphas_cumprod[500]) == pytest.approx(0.0871, abs=5e-5)
        typed = next(one.typed for one in found if one.set)
        assert typed == '"trained_betas": [1000 values]'


def test_set_timesteps_shifts_the_end_twice_unless_sigmas_are_given() -> None:
    """Still in 0.42.1: at s = 2 it ends at 0.0040 instead of 0.0020."""
    scheduler = configured("sd3", shift=2.0)
    scheduler.set_timesteps(20)
    assert float(scheduler.sigmas[-2]) == pytest.approx(0.0040, abs=5e-5)
    scheduler = configured("sd3", shift=2.0)
    scheduler.set_timesteps(sigmas=np.linspace(1, 1 / N, 20).tolist())
    assert float(scheduler.sigmas[-2]) == pytest.approx(0.0020, abs=5e-5)
    assert "sigmas=np.linspace" in chosen("sd3", "diffusers", "sampling").requires[0]


# Every row that can be run -------------------------------------------------------------------


def meant(name: str, steps: int, s: float) -> np.ndarray:
    """The sigmas that a shift of s is meant to give, in the way of the model's scheduler."""
    config = models.model(name).scheduler
    kind = str(config["_class_name"])
    if kind == "DPMSolverMultistepScheduler":  # one step more, the last left to the zero
        before = 1 - np.linspace(1, 1 / N, steps + 1)
        return np.asarray(schedule.shift_sigma(before[::-1][:-1], s))
    if kind == "UniPCMultistepScheduler":
        return np.asarray(schedule.shift_sigma(np.linspace(1, 1 / N, steps + 1)[:-1], s))
    sigma = schedule.shift_sigma(start(steps), s)
    if last := config.get("shift_terminal"):
        sigma = 1 - (1 - sigma) * (1 - float(last)) / (1 - sigma[-1])
    return np.asarray(sigma)


SAMPLED = [
    (card.name, at)
    for card in models.models().values()
    for at, one in enumerate(settings.for_model(card, card.native, {"sampling": 2.0}, "diffusers"))
    if one.checked == "run" and card.name != "ideogram4"
]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers' own
@pytest.mark.parametrize(("name", "at"), SAMPLED)
@pytest.mark.parametrize("s", [0.5, 2.0, 6.3])
def test_sampling_rows_give_the_sigmas_that_are_meant(name: str, at: int, s: float) -> None:
    found = chosen(name, "diffusers", "sampling", s, at)
    scheduler = configured(name, **found.set)
    if scheduler.config["_class_name"] != "FlowMatchEulerDiscreteScheduler":
        scheduler.set_timesteps(20)
        sigma = scheduler.sigmas.numpy()[:-1]
    else:
        sigma = sampled(scheduler, 20, math.log(s) if "max_shift" in found.set else None)
    # UniPC begins a hair below 1, so that its logarithm is finite.
    np.testing.assert_allclose(sigma, meant(name, 20, s), atol=2e-6)


def test_ideogram_s_argument() -> None:
    torch = importlib.import_module("torch")
    aware, sigmas = shipped(
        "ideogram4/ideogram4", "_resolution_aware_mu", "_logit_normal_sigmas", torch=torch
    )
    mu = chosen("ideogram4", "diffusers", "sampling", 3.0).set["mu"]
    found = sigmas(48, aware(height=2048, width=2048, base_mu=mu), 1.5).numpy()
    plain = sigmas(48, 0.0, 1.5).numpy().astype(np.float64)
    # All but the first entry, which is cut off at a fixed SNR.
    np.testing.assert_allclose(found[1:], schedule.shift_sigma(plain[1:], 3.0), rtol=SINGLE)


def test_comfyui_s_word_means_two_things() -> None:
    assert chosen("sd3", "comfyui", "sampling", 3.0).set == {"shift": 3.0}
    flux = chosen("flux1", "comfyui", "sampling", 3.0)
    assert flux.set == {"max_shift": math.log(3), "base_shift": math.log(3)}
    assert "ln s here, not s" in flux.note
    # Its fields take nothing below 0: there is no row where ln s would be.
    card = models.model("flux1")
    assert settings.for_model(card, (512, 512), {"sampling": 0.5}, "ComfyUI") == []


# The table -----------------------------------------------------------------------------------


def test_rows_are_complete_and_sourced() -> None:
    assert settings.tools() == [
        "diffusers", "kohya sd-scripts", "musubi-tuner", "SimpleTuner", "OneTrainer",
        "diffusion-pipe", "ai-toolkit", "ComfyUI",
    ]  # fmt: skip
    for row in settings.rows():
        assert row.sources
        assert (row.checked == "run") == (row.tool == "diffusers")
        for one in row.set.values():
            if isinstance(one, str):
                assert one in settings.EXPRESSIONS or one.isidentifier(), one
    for card in models.models().values():
        trained = {r.tool for r in settings.rows() if card.name in r.models}
        assert trained, card.name


def test_values_have_all_their_digits() -> None:
    found = chosen("flux1", "diffusers", "training", 1 / 3)
    assert float(found.typed.rpartition("=")[2]) == math.log(3)
    assert chosen("flux1", "diffusers", "sampling", 1 / 3).typed.count(str(1 / 3)) == 1


def test_tools_by_their_beginning() -> None:
    assert settings.tool("kohya") == "kohya sd-scripts"
    assert settings.tool("COMFY") == "ComfyUI"
    with pytest.raises(InputError, match="no tool 'difusers'; did you mean 'diffusers'"):
        settings.tool("difusers")
    with pytest.raises(InputError, match="no tool 'diff'"):  # two begin so
        settings.tool("diff")


def test_an_expression_needs_what_it_is_of() -> None:
    flux = models.model("flux1")
    with pytest.raises(ValueError, match="is a flow model"):
        settings.evaluated("betas", 2.0, flux, "training", (512, 512))
    with pytest.raises(ValueError, match="states no shift of its own"):
        settings.evaluated("ln(s/own)", 2.0, models.model("qwen-image"), "training", (512, 512))
    assert settings.evaluated("shift", 2.0, flux, "training", (512, 512)) == "shift"


# Without a model -----------------------------------------------------------------------------


def test_shifts_compose_with_the_base() -> None:
    assert settings.total_shift(2.0, 1.5) == 3.0
    assert settings.total_shift(2.0) == 2.0


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_a_shift_that_is_none_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        settings.total_shift(bad)
    with pytest.raises(ValueError, match="positive and finite"):
        settings.settings(2.0, bad)
    with pytest.raises(ValueError, match="positive and finite"):
        settings.evaluated("s", bad, models.model("flux1"), "training", (512, 512))


def test_options_without_a_model_say_what_they_need() -> None:
    found = settings.settings(2.0, 1.0, sampling_base=3.0)
    by_tool = {(one.tool, one.option): one for one in found}
    assert "use_dynamic_shifting=False" in by_tool["diffusers", "shift=6"].note
    assert "--training_shift" in by_tool["kohya sd-scripts", "--discrete_flow_shift 2"].note
    assert "auto_shift off" in by_tool["SimpleTuner", "--flow_schedule_shift=2"].note
    assert ("diffusers", f"mu={math.log(6):.4g}") in by_tool
    assert settings.settings(2.0, 3.0) == settings.settings(2.0, 3.0, 3.0)
