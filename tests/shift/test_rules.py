"""The rules against the code that ships them: diffusers' pipelines, scheduler and trainers.

diffusers' pipelines import transformers, which is not needed for a formula. So the functions are
cut out of the installed files, as they stand there, and run; so are the expressions by which a
pipeline calls them, with the defaults it gives. Published scheduler configurations are written
here, since diffusers does not hold them.

Without diffusers these tests are skipped; where CI is set, that is a failure.
"""

import ast
import importlib.util
import math
import os
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.shift.rules import (
    FORMULAS,
    ai_toolkit,
    flux2,
    ltx_video,
    open_sora_1,
    open_sora_2,
    qwen_image_layered,
    rae,
    sana,
    sign_trap,
)
from analysis.timesteps import schedule

SIDES = [(256, 256), (512, 512), (768, 512), (1024, 1024), (1072, 1024), (1440, 2048)]
EXACT = 1e-12  # the same arithmetic in the same precision, in another order
SINGLE = 1e-6  # diffusers' sigmas are in single precision: some units of 6e-8

# What ships ----------------------------------------------------------------------------------


def diffusers_folder() -> Path:
    """Where diffusers is installed, or a skipped test; in CI that is an error instead."""
    found = importlib.util.find_spec("diffusers")
    if found is None and not os.environ.get("CI"):
        pytest.skip("diffusers is not installed")
    assert found, "CI is set, and diffusers is not installed: make test installs it"
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0])


def diffusers() -> types.ModuleType:
    diffusers_folder()
    return importlib.import_module("diffusers")


def source(pipeline: str) -> ast.Module:
    """The tree of a pipeline's file."""
    folder, _, name = pipeline.rpartition("/")
    path = diffusers_folder() / "pipelines" / folder / f"pipeline_{name}.py"
    if not path.exists() and not os.environ.get("CI"):
        pytest.skip(f"the installed diffusers has no {path.name}")
    return ast.parse(path.read_text(encoding="utf-8"))


def run(nodes: list[ast.stmt], **names: Any) -> dict[str, Any]:
    """The names that some statements of a file leave behind."""
    names |= {"math": math, "np": np}
    code = compile(ast.Module(nodes, []), "diffusers", "exec", flags=annotations_unread())
    exec(code, names)  # the installed package's own code
    return names


def annotations_unread() -> int:
    """Torch's types in signatures are not looked up."""
    import __future__

    return __future__.annotations.compiler_flag


def shipped(pipeline: str, *functions: str, **names: Any) -> list[Callable[..., Any]]:
    """Functions of a pipeline's file."""
    nodes = [n for n in source(pipeline).body if getattr(n, "name", "") in functions]
    assert len(nodes) == len(functions)
    made = run(nodes, **names)
    return [made[name] for name in functions]


def pipeline_mu(pipeline: str, called: str, config: dict[str, float], **names: Any) -> float:
    """What a pipeline's own line ``mu = called(...)`` gives with a scheduler's configuration."""
    lines = [
        node
        for node in ast.walk(source(pipeline))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func) == called
    ]
    assert len(lines) == 1, f"{pipeline} calls {called} {len(lines)} times"
    scheduler = types.SimpleNamespace(config=config)
    names |= {
        "self": types.SimpleNamespace(scheduler=scheduler),
        called: shipped(pipeline, called)[0],
    }
    (target,) = lines[0].targets
    return float(run([lines[0]], **names)[ast.unparse(target)])


# Rules of pipelines --------------------------------------------------------------------------

QWEN = {"base_image_seq_len": 256, "max_image_seq_len": 8192, "base_shift": 0.5, "max_shift": 0.9}
LTX = {"base_image_seq_len": 1024, "max_image_seq_len": 4096, "base_shift": 0.95, "max_shift": 2.05}
LINES = [  # key, pipeline, scheduler's published configuration, whether mu is s itself
    ("flux1", "flux/flux", {}, False),
    ("qwen-image", "qwenimage/qwenimage", QWEN, False),
    ("krea2", "krea2/krea2", {}, False),
    ("cogview4", "cogview4/cogview4", {}, True),
    ("cogview4", "glm_image/glm_image", {}, True),
    # Lumina 2's training uses FLUX.1's line; its pipeline computes that mu, which its published
    # scheduler (a static 6.0) then ignores.
    ("lumina2-train", "lumina2/lumina2", {}, False),
]


@pytest.mark.parametrize(("key", "pipeline", "config", "is_s"), LINES, ids=lambda x: str(x)[:20])
@pytest.mark.parametrize("size", SIDES)
def test_a_line_is_its_pipelines(
    key: str, pipeline: str, config: dict[str, float], is_s: bool, size: tuple[int, int]
) -> None:
    h, w = size
    mu = pipeline_mu(pipeline, "calculate_shift", config, image_seq_len=(h // 16) * (w // 16))
    expected = mu if is_s else math.exp(mu)
    assert FORMULAS[key](h, w) == pytest.approx(expected, rel=EXACT)


@pytest.mark.parametrize("frames", [1, 4, 9])
@pytest.mark.parametrize("size", SIDES)
def test_ltx_counts_the_tokens_of_all_frames(size: tuple[int, int], frames: int) -> None:
    h, w = size
    mu = pipeline_mu(
        "ltx/ltx", "calculate_shift", LTX, video_sequence_length=frames * (h // 32) * (w // 32)
    )
    assert ltx_video(h, w, frames) == pytest.approx(math.exp(mu), rel=EXACT)


@pytest.mark.parametrize("size", [*SIDES, (1040, 1056), (1040, 1072)])  # 4290 and 4355 tokens
@pytest.mark.parametrize("steps", [4, 10, 28, 50, 200])
def test_flux2_is_its_pipelines_on_both_sides_of_the_break(
    size: tuple[int, int], steps: int
) -> None:
    h, w = size
    (mu,) = shipped("flux2/flux2", "compute_empirical_mu")
    expected = math.exp(mu((h // 16) * (w // 16), steps))
    for key in ("flux2-50", "flux2-200"):
        assert FORMULAS[key](h, w, steps) == pytest.approx(expected, rel=EXACT)


@pytest.mark.parametrize("size", SIDES)
def test_qwen_layered_is_its_pipelines_line(size: tuple[int, int]) -> None:
    h, w = size
    tree = source("qwenimage/qwenimage_layered")
    lines = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("mu", "base_seqlen")
        if not isinstance(node.value, ast.Call) and "image_seq_len * m" not in ast.unparse(node)
    ]
    assert [ast.unparse(node.targets[0]) for node in lines] == ["base_seqlen", "mu"]
    packed = types.SimpleNamespace(shape=(1, (h // 16) * (w // 16), 64))
    mu = run(list(lines), image_latents=packed)["mu"]
    assert qwen_image_layered(h, w) == pytest.approx(mu, rel=EXACT)


@pytest.mark.parametrize("size", SIDES)
def test_ideogram_is_the_square_root_and_shifts_its_own_schedule(size: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch") if not os.environ.get("CI") else importlib.import_module(
        "torch"
    )  # fmt: skip
    aware, sigmas = shipped(
        "ideogram4/ideogram4", "_resolution_aware_mu", "_logit_normal_sigmas", torch=torch
    )
    s = FORMULAS["ideogram4"](*size)
    mu = aware(height=size[0], width=size[1], base_mu=0.0)
    assert s == pytest.approx(math.exp(mu), rel=EXACT)
    # And that mu is of logit(sigma): the whole schedule is the one at 512^2, shifted by s; but for
    # its first entry, which is cut off at a fixed SNR.
    plain, moved = sigmas(48, 0.0, 1.5).numpy(), sigmas(48, mu, 1.5).numpy()
    shifted = schedule.shift_sigma(plain.astype(np.float64), s)
    np.testing.assert_allclose(moved[1:], shifted[1:], rtol=SINGLE)


# Rules as the scheduler applies them ---------------------------------------------------------


@pytest.mark.parametrize("key", sorted(FORMULAS))
@pytest.mark.parametrize("side", [512, 1024])
def test_the_scheduler_takes_every_rule(key: str, side: int) -> None:
    s = FORMULAS[key](side, side)
    start = np.linspace(1, 1 / 28, 28)
    expected = schedule.shift_sigma(start, s)
    scheduler = diffusers().FlowMatchEulerDiscreteScheduler
    exponential = scheduler(use_dynamic_shifting=True)
    linear = scheduler(use_dynamic_shifting=True, time_shift_type="linear")
    static = scheduler(shift=s)
    np.testing.assert_allclose(
        exponential.time_shift(math.log(s), 1.0, start), expected, rtol=SINGLE
    )
    np.testing.assert_allclose(linear.time_shift(s, 1.0, start), expected, rtol=SINGLE)
    exponential.set_timesteps(sigmas=start.tolist(), mu=math.log(s))
    linear.set_timesteps(sigmas=start.tolist(), mu=s)
    static.set_timesteps(sigmas=start.tolist())
    for one in (exponential, linear, static):
        np.testing.assert_allclose(one.sigmas.numpy()[:-1], expected, rtol=SINGLE)


# Rules that diffusers does not hold ----------------------------------------------------------


@pytest.mark.parametrize("size", SIDES)
def test_square_roots_by_their_own_formulas(size: tuple[int, int]) -> None:
    h, w = size
    pixels = h * w
    f = {key: formula(h, w) for key, formula in FORMULAS.items()}
    assert f["esser2024-eq23"] == pytest.approx(math.sqrt(pixels / 512**2), rel=EXACT)
    assert f["opensora12"] == pytest.approx(math.sqrt(pixels / 512**2), rel=EXACT)
    # k-diffusion adds 2 ln(noise_d / image_d) to log-SNR; a shift takes 2 ln s from it.
    assert -2 * math.log(f["hoogeboom2023-code"]) == pytest.approx(
        2 * math.log(64 / math.sqrt(pixels)), rel=EXACT
    )
    # ml-mdm divides SNR by scale^p; a shift divides it by s^2.
    scale = math.sqrt(pixels) / 64
    assert f["gu2023-mdm-p1"] ** 2 == pytest.approx(scale, rel=EXACT)
    assert f["gu2023-mdm-p2"] ** 2 == pytest.approx(scale**2, rel=EXACT)


def test_values_that_sources_print() -> None:
    assert rae(256, 256) == pytest.approx(6.93, abs=5e-3)  # RAE's code: 196608 values
    assert rae(512, 512) == pytest.approx(13.86, abs=5e-3)
    assert open_sora_2(256, 256) == 1  # "1 for 256px, 3 for 1024px"
    assert open_sora_2(1024, 1024) == 3
    assert open_sora_2(1024, 1024, 4) == 6
    assert open_sora_1(512, 512, 16) == 4
    assert ltx_video(512, 512) == pytest.approx(math.exp(0.95), rel=EXACT)
    assert ltx_video(1024, 1024) == pytest.approx(math.exp(2.05), rel=EXACT)
    assert [sana(n, n) for n in (512, 1024, 2048, 4096)] == [3, 3, 3, 6]
    assert ai_toolkit(1024, 1024) == pytest.approx(math.exp(1.16), rel=EXACT)


# Stages --------------------------------------------------------------------------------------


def test_a_rule_refuses_a_stage_that_its_source_does_not_state() -> None:
    sample, train = FORMULAS["lumina2-sample"], FORMULAS["lumina2-train"]
    assert sample(1024, 1024, stage="sampling") == 6
    assert train(1024, 1024, stage="training") == pytest.approx(math.exp(1.15), rel=EXACT)
    with pytest.raises(ValueError, match="stated for sampling, not training"):
        sample(1024, 1024, stage="training")
    with pytest.raises(ValueError, match="stated for training, not sampling"):
        train(1024, 1024, stage="sampling")
    with pytest.raises(ValueError, match="one of training, sampling, not 'inference'"):
        train(1024, 1024, stage="inference")


def test_only_flux2_depends_on_steps() -> None:
    moved = {k for k, f in FORMULAS.items() if f(1024, 1024, 4) != f(1024, 1024, 40)}
    assert moved == {"flux2-50", "flux2-200"}
    assert FORMULAS["flux2-50"](1024, 1024) == flux2(1024, 1024, 50)
    assert FORMULAS["flux2-200"](1024, 1024) == flux2(1024, 1024, 200)


def test_a_constant_is_one() -> None:
    for key, formula in FORMULAS.items():
        assert formula.constant == (formula.ratio(512, 1024) == 1), key


def test_what_is_no_image_or_no_schedule_is_refused() -> None:
    flux = FORMULAS["flux1"]
    with pytest.raises(ValueError, match="holds no patch"):
        flux(8, 1024)
    with pytest.raises(ValueError, match="holds no patch"):
        flux(-64, -64)
    with pytest.raises(ValueError, match="too few"):
        flux(64, 64, 0)


# The sign trap -------------------------------------------------------------------------------

DRAWS = 200_000


@pytest.mark.parametrize("mean", [0.5, -0.5, 1.0])
@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_sign_trap_by_diffusers_own_draws_and_table(mean: float, shift: float) -> None:
    """As train_dreambooth_lora_sd3.py: indices = (u * N).long(), timesteps = table[indices]."""
    module = diffusers()
    torch = importlib.import_module("torch")
    training_utils = importlib.import_module("diffusers.training_utils")
    scheduler = module.FlowMatchEulerDiscreteScheduler(shift=shift)
    u = training_utils.compute_density_for_timestep_sampling(
        "logit_normal", DRAWS, mean, 0.8, generator=torch.Generator().manual_seed(7)
    )
    indices = (u * scheduler.config.num_train_timesteps).long()
    sigma = scheduler.sigmas[indices].double().numpy()
    paper, script = sign_trap(mean, 0.8, shift)
    # Five standard errors of a median, of logit(sigma): 1.2533 std / sqrt(n) = 0.0022; and the
    # table's step of 1/1000, at most 0.0042 of a logit here (where sigma is within 0.62 to 0.38
    # before the shift), 0.0051 for a mean of 1.
    assert float(schedule.logit(np.median(sigma))) == pytest.approx(script.mean, abs=0.018)
    assert np.median(sigma) == pytest.approx(script.median, abs=0.005)
    # Five standard errors of a share are at most 0.0056; the table's step shifts it by 0.0005.
    assert np.mean(sigma > 0.5) == pytest.approx(script.noisy, abs=0.0065)
    # The paper's reading takes u itself for sigma, and shifts it.
    as_sigma = schedule.shift_sigma(u.double().numpy(), shift)
    assert np.median(as_sigma) == pytest.approx(paper.median, abs=0.005)
    assert np.mean(as_sigma > 0.5) == pytest.approx(paper.noisy, abs=0.0065)
    # They differ by twice the mean, in the direction that is the trap.
    assert paper.mean - script.mean == pytest.approx(2 * mean, rel=EXACT)
    assert (np.median(as_sigma) > np.median(sigma)) == (mean > 0)


def test_the_table_has_a_static_shift_and_no_dynamic_one() -> None:
    """So a trainer that indexes it applies the first and not the second."""
    scheduler = diffusers().FlowMatchEulerDiscreteScheduler
    plain = np.linspace(1000, 1, 1000) / 1000
    static = scheduler(shift=3.0).sigmas.numpy()
    np.testing.assert_allclose(static, schedule.shift_sigma(plain, 3.0), rtol=SINGLE)
    dynamic = scheduler(shift=3.0, use_dynamic_shifting=True).sigmas.numpy()
    np.testing.assert_allclose(dynamic, plain, rtol=SINGLE)
    assert static[0] == 1  # the table begins with noise


@pytest.mark.parametrize("numbers", [(0.5, 0.0, 1.0), (0.5, 1.0, 0.0), (0.5, math.nan, 1.0)])
def test_sign_trap_refuses_what_is_no_distribution(numbers: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        sign_trap(*numbers)


# That the guards can fail --------------------------------------------------------------------
