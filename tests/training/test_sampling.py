"""Draws against their densities: scipy's tests, diffusers' own draws, closed forms."""

import copy
import importlib
import math
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from analysis.timesteps import schedule, weighting
from analysis.training import models, sampling
from analysis.training.sampling import (
    TimestepSampler,
    cosmap,
    logit_normal,
    mode,
    tabulated,
    uniform,
)
from tests.training.test_models import diffusers

N = 20_000
RARE = 1e-4  # of the Kolmogorov-Smirnov tests: seeds are fixed, so that they pass or fail for good

GRID = np.linspace(0, 1, 41)
BUMPS = 0.2 + np.sin(3 * np.pi * GRID) ** 2
DENSITIES = {
    "logit-normal": logit_normal(-0.4, 0.8),
    "uniform": uniform(),
    "mode": mode(1.29),
    "mode, other way": mode(-0.9),
    "CosMap": cosmap(),
    "tabulated": tabulated(GRID.tolist(), BUMPS.tolist()),
}


def numpy_generator(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def torch_generator(seed: int = 5) -> Any:
    return importlib.import_module("torch").Generator().manual_seed(seed)


@pytest.mark.parametrize("name", DENSITIES)
def test_a_density_is_one(name: str) -> None:
    """Its integral is 1, its cdf is that integral, and its quantiles invert the cdf."""
    density = DENSITIES[name]
    p = np.linspace(1e-6, 1 - 1e-6, 401)
    np.testing.assert_allclose(density.cdf(density.quantile(p)), p, atol=1e-9)
    for a, b in ((0.03, 0.2), (0.2, 0.55), (0.55, 0.97)):
        found, _ = integrate.quad(lambda x: float(density.pdf(np.array([x]))[0]), a, b,
                                  points=[x for x in GRID if a < x < b])  # fmt: skip
        low, high = density.cdf(np.array([a, b]))
        assert found == pytest.approx(high - low, rel=1e-6)


def test_the_paper_s_formulas() -> None:
    u = np.linspace(0.01, 0.99, 99)
    scale = 1.29
    paper = 1 - u - scale * (np.cos(math.pi / 2 * u) ** 2 - 1 + u)  # SD3, eq. 20
    np.testing.assert_allclose(mode(scale).quantile(1 - u), paper, atol=1e-12)
    np.testing.assert_allclose(cosmap().quantile(u), 1 - 1 / (np.tan(math.pi / 2 * u) + 1))
    np.testing.assert_allclose(
        cosmap().pdf(u), 2 / (math.pi - 2 * math.pi * u + 2 * math.pi * u**2)
    )


@pytest.mark.parametrize("make", [numpy_generator, torch_generator], ids=["numpy", "torch"])
@pytest.mark.parametrize("name", DENSITIES)
def test_draws_follow_their_density_at_two_sizes(name: str, make: Callable[[], Any]) -> None:
    sampler = TimestepSampler(DENSITIES[name], shift=1.5, exponent=1.0, base=512)
    sizes = [(512, 512), (832, 1216)] * (N // 2)
    sigmas = np.asarray(sampler.sample(N, sizes, generator=make()))
    assert sigmas.dtype == np.float32
    for at, size in enumerate(sizes[:2]):
        found = stats.kstest(sigmas[at::2], lambda x, size=size: sampler.cdf(x, size))
        assert found.pvalue > RARE
    # The shift of a size is that of every quantile.
    s = 1.5 * math.sqrt(832 * 1216) / 512
    plain = DENSITIES[name].quantile(np.array([0.3]))
    assert sampler.shift_of(832, 1216) == pytest.approx(s)
    assert sampler.cdf(schedule.shift_sigma(plain, s), (832, 1216)) == pytest.approx(0.3, abs=1e-9)


def test_a_logit_normal_against_scipy() -> None:
    """logit(sigma) is normal with mean m + ln s: the SD3 paper's sign, with the shift beside it."""
    sampler = TimestepSampler(logit_mean=0.3, logit_std=1.2, shift=2.0)
    theta = schedule.logit(sampler.sample(N, generator=numpy_generator()).astype(np.float64))
    assert stats.kstest(theta, stats.norm(0.3 + math.log(2), 1.2).cdf).pvalue > RARE


def test_numpy_and_torch_give_the_same_of_the_same_uniform_draws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch = importlib.import_module("torch")
    u = np.random.default_rng(0).random(64)
    monkeypatch.setattr(torch, "rand", lambda *_, **__: torch.from_numpy(u))
    sampler = TimestepSampler(shift=3.0)
    tensor = sampler.sample(64, device="cpu")

    class Given:
        def random(self, n: int) -> np.ndarray:
            return u[:n]

    array = sampler.sample(64, generator=Given())
    assert isinstance(array, np.ndarray) and tensor.dtype == torch.float32
    np.testing.assert_array_equal(tensor.numpy(), array)


def test_strategies_two_and_three_as_tables() -> None:
    """A density over t, as `weighted_density` gives it, drawn as sigma = 1 - t."""
    f = np.linspace(2, 60, 59)
    ratio = 1 + 0.4 * np.sin(f / 7)
    t, _, weighted = weighting.weighted_density(f, ratio)
    sampler = TimestepSampler(tabulated(t.tolist(), weighted.tolist(), over="t"))
    drawn = 1 - sampler.sample(N, generator=numpy_generator()).astype(np.float64)
    share = np.concatenate(
        [[0.0], np.cumsum(np.diff(t) * (weighted[1:] + weighted[:-1]) / 2)]
    )  # of the trapezoids, at the grid
    counted = np.searchsorted(np.sort(drawn), t) / N
    assert np.abs(counted - share).max() < 1.63 / math.sqrt(N)  # one in a hundred, Kolmogorov


@pytest.mark.parametrize("scheme", ["logit_normal", "mode", "none"])
@pytest.mark.parametrize("reads", ["index", "sigma"])
def test_diffusers_options_mean_here_what_they_do_there(scheme: str, reads: Any) -> None:
    torch = importlib.import_module("torch")
    training_utils = importlib.import_module("diffusers.training_utils")
    u = training_utils.compute_density_for_timestep_sampling(
        scheme, N, 0.5, 0.8, 1.29, generator=torch.Generator().manual_seed(11)
    )
    scheduler = diffusers().FlowMatchEulerDiscreteScheduler(shift=3.0)
    theirs = u if reads == "sigma" else scheduler.sigmas[(u * 1000).long()]
    table = {"table_shift": 3.0} if reads == "index" else {}
    sampler = TimestepSampler.of_diffusers(scheme, 0.5, 0.8, 1.29, reads=reads, **table)
    # The table has steps of up to 3/1000; Kolmogorov's statistic is 0.0135 one time in a thousand.
    found = stats.kstest(theirs.double().numpy(), sampler.cdf)
    assert found.statistic < 0.0135 + 0.003
    lumina = TimestepSampler.of_diffusers(scheme, 0.5, 0.8, 1.29, blends="data", table_shift=6.0)
    table = diffusers().FlowMatchEulerDiscreteScheduler(shift=6.0).sigmas
    noise = 1 - table[(u * 1000).long()].double().numpy()
    assert stats.kstest(noise, lumina.cdf).statistic < 0.0135 + 0.006


def test_buckets_are_each_drawn_once_before_any_twice() -> None:
    for make in (numpy_generator, torch_generator):
        sampler, generator = TimestepSampler("uniform", num_timestep_buckets=8), make()
        drawn = np.concatenate([np.asarray(sampler.sample(4, generator=generator)) for _ in "ab"])
        assert sorted((drawn * 8).astype(int)) == list(range(8))
    # Stratified in probability: a bucket is an eighth of the draws, whatever the density.
    sampler = TimestepSampler("logit_normal", shift=3.0, num_timestep_buckets=8)
    sigmas = sampler.sample(8 * 500, generator=numpy_generator())
    counts, _ = np.histogram(sampler.cdf(sigmas), np.linspace(0, 1, 9))
    assert counts.tolist() == [500] * 8


def test_bounds_press_or_cut() -> None:
    pressed = TimestepSampler("logit_normal", min_timestep=200, max_timestep=700)
    sigmas = pressed.sample(N, generator=numpy_generator())
    assert sigmas.min() >= 0.2 and sigmas.max() <= 0.7
    back = (sigmas.astype(np.float64) - 0.2) / 0.5
    assert stats.kstest(back, TimestepSampler("logit_normal").cdf).pvalue > RARE
    assert stats.kstest(sigmas, pressed.cdf).pvalue > RARE
    cut = TimestepSampler(
        "logit_normal", min_timestep=200, max_timestep=700, preserve_distribution_shape=True
    )
    whole = TimestepSampler("logit_normal").sample(N, generator=numpy_generator(6))
    kept = whole[(whole >= 0.2) & (whole <= 0.7)]
    assert stats.ks_2samp(cut.sample(N, generator=numpy_generator()), kept).pvalue > RARE


def test_base_and_max_shift_and_the_terminal() -> None:
    """FLUX.1's line by its configuration, and Qwen-Image's stretch."""
    flux = {k: v for k, v in models.model("flux1").scheduler.items() if "shift" in k or "seq" in k}
    flux = {k: v for k, v in flux.items() if k not in ("shift", "use_dynamic_shifting")}
    sampler = TimestepSampler(**flux)  # type: ignore[arg-type]
    for size in ((512, 512), (832, 1216), (1024, 1024)):
        own = models.model("flux1").shift("training", size)
        assert sampler.shift_of(*size) == pytest.approx(own, rel=1e-12)
    qwen = TimestepSampler("uniform", shift_terminal=0.02)
    sigmas = qwen.sample(N, generator=numpy_generator())
    assert sigmas.min() >= 0.02
    assert stats.kstest(sigmas, qwen.cdf).pvalue > RARE


def test_frames_count_where_they_are_asked_to() -> None:
    plain = TimestepSampler(shift=2.0, exponent=1.0, base=512)
    assert plain.shift_of(512, 512, 21) == 2
    counting = TimestepSampler(shift=2.0, exponent=1.0, base=512, frames_exponent=1.0)
    assert counting.shift_of(1024, 512, 21) == pytest.approx(2 * math.sqrt(2 * 21))


OBJECTIVES = [
    TimestepSampler("uniform"),
    TimestepSampler("logit_normal", shift=3.0),
    TimestepSampler("mode"),
    TimestepSampler(tabulated(GRID.tolist(), BUMPS.tolist())),
]


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda one: one.density.name)
def test_weights_keep_the_objective(objective: TimestepSampler) -> None:
    """E[w loss] over the draws is E[loss] of the objective, for a loss of any shape."""
    drawing = TimestepSampler("uniform", shift=1.7, exponent=1.0, base=512)
    sizes = [(512, 512), (1024, 768)] * (N // 2)
    sigmas = drawing.sample(N, sizes, generator=numpy_generator())
    weights = drawing.weights(sigmas, sizes, objective=objective)

    def loss(x: Any) -> Any:
        return 1 + np.sin(5 * x) + 2 * x**2

    p = (np.arange(200_000) + 0.5) / 200_000
    right = float(np.mean(loss(objective.quantile(p, np.full(len(p), objective.shift)))))
    terms = weights * loss(sigmas.astype(np.float64))
    assert float(np.mean(terms)) == pytest.approx(right, abs=5 * float(terms.std()) / math.sqrt(N))
    torch = importlib.import_module("torch")
    tensor = drawing.weights(torch.from_numpy(sigmas), sizes, objective=objective)
    np.testing.assert_array_equal(tensor.numpy(), weights)


def test_no_weight_makes_up_for_what_is_never_drawn() -> None:
    narrow = TimestepSampler(min_timestep=100)
    with pytest.raises(ValueError, match="never drawn"):
        narrow.weights(np.array([0.5]), objective=TimestepSampler())
    with pytest.raises(ValueError, match="below this sampler's shift_terminal"):
        TimestepSampler(shift_terminal=0.02).weights(np.array([0.5]), objective=TimestepSampler())


def test_knots_are_the_density_at_even_steps() -> None:
    """What SimpleTuner draws from: their spline has the sampler's cdf to its coarseness."""
    from scipy.interpolate import PchipInterpolator

    sampler = TimestepSampler("logit_normal", shift=2.0, exponent=1.0, base=512)
    knots = sampler.knots(128, (1024, 1024))
    assert len(knots) == 128 and max(knots) == 1 and min(knots) >= 0
    area = PchipInterpolator(np.linspace(0, 1, 128), knots).antiderivative()
    x = np.linspace(0.05, 0.95, 19)
    np.testing.assert_allclose(area(x) / area(1), sampler.cdf(x, (1024, 1024)), atol=2e-3)


# Schedulers ----------------------------------------------------------------------------------


def test_float32_makes_u_one_and_the_sampler_does_not() -> None:
    torch = importlib.import_module("torch")
    assert float(torch.sigmoid(torch.tensor(17.4))) == 1.0  # index 1000 of 1000
    sampler = TimestepSampler(logit_mean=30.0)
    sigmas = sampler.sample(100, generator=torch_generator())
    assert float(sigmas.max()) < 1
    low = TimestepSampler(logit_mean=-200.0).sample(100, generator=torch_generator())
    assert float(low.min()) > 0


@pytest.mark.parametrize("name", ["sd3", "flux1", "lumina2"])
def test_timesteps_by_index(name: str) -> None:
    torch = importlib.import_module("torch")
    scheduler = diffusers().FlowMatchEulerDiscreteScheduler.from_config(
        models.model(name).scheduler
    )
    sampler = TimestepSampler(shift=3.0)
    sigmas = sampler.sample(5000, generator=torch_generator())
    extremes = torch.tensor([sampling.LEAST, sampling.MOST])
    found = sampler.timesteps(scheduler, torch.cat([sigmas, extremes]))
    assert found.kind == "index"
    assert int(found.indices.min()) >= 0 and int(found.indices.max()) == 999
    assert int(found.indices[-1]) == 0  # the table begins with noise
    assert torch.equal(found.timesteps, scheduler.timesteps[found.indices])
    assert torch.equal(found.sigmas, scheduler.sigmas[found.indices])
    gaps = np.abs(np.diff(scheduler.sigmas.numpy())).max()
    assert float((found.sigmas[:-2] - sigmas).abs().max()) <= gaps / 2 + 1e-6
    # What the scripts do with a time step finds the same sigma.
    blended = scheduler.scale_noise(torch.zeros(4, 1), found.timesteps[:4], torch.ones(4, 1))
    np.testing.assert_allclose(blended[:, 0].numpy(), found.sigmas[:4].numpy(), rtol=1e-6)


def test_timesteps_as_they_are_and_of_ddpm() -> None:
    sampler = TimestepSampler(shift=2.0)
    sigmas = sampler.sample(2000, generator=numpy_generator())
    found = sampler.timesteps(1000, sigmas)
    assert (found.kind, found.indices) == ("sigma", None)
    np.testing.assert_allclose(found.timesteps, sigmas * 1000)
    card = {k: v for k, v in models.model("sdxl").scheduler.items() if k != "_class_name"}
    scheduler = diffusers().DDPMScheduler(**card)
    steps = sampler.timesteps(scheduler, sigmas)
    assert steps.kind == "step" and steps.timesteps.dtype == np.int64
    alphas = scheduler.alphas_cumprod.double().numpy()[steps.timesteps]
    inside = (steps.timesteps > 0) & (steps.timesteps < 999)
    # The SNR of the step is that of sigma, to half a step: at most 0.03 of ln SNR inside.
    flow = 2 * np.log((1 - sigmas[inside]) / sigmas[inside])
    assert np.abs(np.log(alphas[inside] / (1 - alphas[inside])) - flow).max() < 0.7
    close = inside & (steps.timesteps > 50)
    flow = 2 * np.log((1 - sigmas[close]) / sigmas[close])
    assert np.abs(np.log(alphas[close] / (1 - alphas[close])) - flow).max() < 0.03


def test_a_scheduler_that_was_cut_is_refused() -> None:
    scheduler = diffusers().FlowMatchEulerDiscreteScheduler()
    whole = copy.deepcopy(scheduler)
    scheduler.set_timesteps(20)
    sampler = TimestepSampler()
    with pytest.raises(ValueError, match=r"has 20 of 1000 steps.*copy.deepcopy"):
        sampler.timesteps(scheduler, np.array([0.5]))
    assert sampler.timesteps(whole, np.array([0.5])).kind == "index"
    flow = diffusers().UniPCMultistepScheduler(use_flow_sigmas=True)
    with pytest.raises(ValueError, match="no table of their training steps"):
        sampler.timesteps(flow, np.array([0.5]))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"distribution": "normal"}, "no distribution 'normal'; known: logit_normal"),
        ({"shift": 0.0}, "shift is 0.0"),
        ({"exponent": 1.0}, "needs the base"),
        ({"base_shift": 0.5}, "go together"),
        ({"base_shift": 0.5, "max_shift": 1.15, "shift": 3.0}, "leave shift at 1"),
        ({"logit_std": 0.0}, "std > 0"),
        ({"distribution": "mode", "mode_scale": 2.0}, "mode_scale is 2.0"),
        ({"shift_terminal": 1.0}, "shift_terminal"),
        ({"min_timestep": 500, "max_timestep": 500}, "have to ascend"),
        ({"num_timestep_buckets": 0}, "at least 1"),
    ],
)
def test_what_is_no_sampler(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TimestepSampler(**keys)


def test_sizes_that_are_missing_or_do_not_fit() -> None:
    sampler = TimestepSampler(exponent=1.0, base=(512, 512))
    with pytest.raises(ValueError, match="depends on the size: give sizes"):
        sampler.sample(2)
    with pytest.raises(ValueError, match="3 sizes for 2 samples"):
        sampler.sample(2, [(512, 512)] * 3)
    with pytest.raises(ValueError, match="is no size"):
        sampler.sample(1, [(0, 512)])
    one, each = ([(1024, 512)] * count for count in (1, 3))
    np.testing.assert_array_equal(
        sampler.sample(3, one, generator=numpy_generator()),
        sampler.sample(3, each, generator=numpy_generator()),
    )
    for grid, density in (([0, 1], [0, 0]), ([0, 0], [1, 1]), ([0, 2], [1, 1]), ([0], [1])):
        with pytest.raises(ValueError, match=r"grid|density"):
            tabulated(grid, density)


@pytest.mark.slow
def test_it_is_importable_with_numpy_alone() -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'diffusers', 'pandas', 'pydantic', 'typer', 'matplotlib', 'scipy', "
        "'PIL', 'requests', 'jinja2'):\n    sys.modules[name] = None\n"
        "from analysis.training.sampling import TimestepSampler\n"
        "print(TimestepSampler(shift=3).sample(2).shape)"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    )
    assert done.stdout == "(2,)\n"


# The page ------------------------------------------------------------------------------------


def test_the_page_s_example_trains_on_two_resolutions() -> None:
    """Ten steps of a tiny network, as the page of settings shows them."""
    importlib.import_module("torch")
    page = Path(__file__).resolve().parents[2] / "report" / "settings.qmd"
    (block,) = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    names: dict[str, Any] = {}
    exec(compile(block, "settings.qmd", "exec"), names)
    assert len(names["losses"]) == 10
    assert all(math.isfinite(one) for one in names["losses"])
    # A network of one layer can't tell noise from white latents; it learns to say little.
    assert names["losses"][-1] < names["losses"][0]
    assert names["sampler"].shift_of(832, 1216) == pytest.approx(3.689, abs=1e-3)
