"""The exactly solvable sampler, against diffusers, scipy, simulations and what must hold."""

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st

from analysis.spectra import rings as spectra_rings
from analysis.spectra.bands import Bands
from analysis.timesteps import gaussian_sampler, schedule

BANDS = Bands(first_ring=2, low=0.25, middle=0.5, high=1.0)
POWER = np.array([0.01, 0.3, 1.0, 7.0, 300.0])
SHIFTS = st.floats(0.05, 20)


# The velocity and the loop ---------------------------------------------------------------------


@pytest.mark.parametrize("t", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_the_velocity_is_the_regression_of_the_target_on_the_blend(t: float) -> None:
    rng = np.random.default_rng(0)
    for power in POWER:
        z, noise = np.sqrt(power) * rng.standard_normal(40_000), rng.standard_normal(40_000)
        blend, target = t * z + (1 - t) * noise, z - noise
        slope = blend @ target / (blend @ blend)
        error = np.std(target - slope * blend) / np.sqrt(blend @ blend)
        # Three standard errors of the slope; at t = 0 and 1 nothing but rounding is left of z or
        # noise in one of the two, and the other is independent of the blend.
        assert abs(slope - gaussian_sampler.velocity(t, power)) < 3 * error + 1e-12


@pytest.mark.parametrize(("solver", "name"), [("euler", "Euler"), ("heun", "Heun")])
def test_diffusers_takes_the_same_steps(solver: str, name: str) -> None:
    torch, schedulers = pytest.importorskip("torch"), pytest.importorskip("diffusers.schedulers")
    steps, s = 7, 2.5
    scheduler = getattr(schedulers, f"FlowMatch{name}DiscreteScheduler")(shift=1.0)
    # FlowMatchHeun takes no sigmas: both get the shifted grid as their table.
    sigma = torch.tensor(1 - gaussian_sampler.grid(steps, s), dtype=torch.float64)
    repeated = torch.cat([sigma[:1], sigma[1:-1].repeat_interleave(2), sigma[-1:]])
    scheduler.set_timesteps(steps)
    scheduler.sigmas = sigma if solver == "euler" else repeated
    scheduler.timesteps = (scheduler.sigmas[:-1] * 1000).to(torch.float64)
    power = torch.tensor(POWER)
    x = torch.ones(len(POWER), dtype=torch.float64)
    for i, time in enumerate(scheduler.timesteps):
        u = scheduler.sigmas[i]
        velocity = ((1 - u) * power - u) / ((1 - u) ** 2 * power + u**2) * x
        x = scheduler.step(-velocity, time, x).prev_sample
    wanted = gaussian_sampler.relative_gain(POWER, steps, s, solver) * np.sqrt(POWER)
    # The schedulers compute in single precision.
    np.testing.assert_allclose(x.numpy(), wanted, rtol=2e-6)


def test_the_grid_is_that_of_fluxs_pipelines() -> None:
    schedulers = pytest.importorskip("diffusers.schedulers")
    scheduler = schedulers.FlowMatchEulerDiscreteScheduler(shift=3.0)
    scheduler.set_timesteps(sigmas=np.linspace(1, 1 / 20, 20))
    np.testing.assert_allclose(
        scheduler.sigmas.numpy(), 1 - gaussian_sampler.grid(20, 3.0), atol=1e-6
    )


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2), ("heun_sigma", 1.87)])
def test_more_steps_converge_at_the_solvers_order(solver: str, order: float) -> None:
    power = np.array([0.3, 1.0, 3.0])
    errors = [
        np.abs(gaussian_sampler.relative_gain(power, n, 1.3, solver) - 1) for n in (800, 1600)
    ]
    # Within 0.05 of the order at these N. Steps in (1 - t) / t lose a logarithm, as the first of
    # them span factors of 2 at any N: an error of ln(N) / N^2 shows the order 2 - 1 / ln(N).
    np.testing.assert_allclose(np.log2(errors[0] / errors[1]), order, atol=0.05)


# Euler steps in closed form --------------------------------------------------------------------


@given(st.integers(2, 40), SHIFTS)
def test_the_gain_is_a_product_of_cosines(steps: int, s: float) -> None:
    t = gaussian_sampler.grid(steps, s)[:, None]
    angle = np.arctan2(1 - t, t * np.sqrt(POWER))
    product = np.cos(np.diff(angle, axis=0)).prod(axis=0)
    np.testing.assert_allclose(gaussian_sampler.relative_gain(POWER, steps, s), product, rtol=1e-11)
    bound = gaussian_sampler.amplitude_bound(steps)
    assert np.all(product <= bound * (1 + 1e-12))
    # Equal angles keep it.
    assert np.cos(np.diff(np.linspace(np.pi / 2, 0, steps + 1))).prod() == pytest.approx(bound)


@given(st.integers(2, 40), SHIFTS, st.floats(0.01, 100))
def test_the_equal_snr_shift_carries_the_whole_error_over(steps: int, s: float, q: float) -> None:
    for solver in ("euler", "heun_sigma"):
        np.testing.assert_allclose(
            gaussian_sampler.relative_gain(q * POWER, steps, s * np.sqrt(q), solver),
            gaussian_sampler.relative_gain(POWER, steps, s, solver), rtol=1e-10,
        )  # fmt: skip


# Errors and optima -----------------------------------------------------------------------------


@pytest.mark.parametrize("gain", [0.3, 0.9, 1.2])
def test_errors_are_the_distances_they_are_called(gain: float) -> None:
    def normal(x: float, sd: float) -> float:
        return float(np.exp(-0.5 * (x / sd) ** 2) / (sd * np.sqrt(2 * np.pi)))

    def divergence(a: float, b: float) -> float:
        def integrand(x: float) -> float:
            return normal(x, a) * (np.log(b / a) + 0.5 * x * x * (1 / b**2 - 1 / a**2))

        return float(scipy.integrate.quad(integrand, -12 * a, 12 * a)[0])

    assert gaussian_sampler.mode_error(gain, "kl_model") == pytest.approx(
        divergence(gain, 1), abs=1e-8
    )
    assert gaussian_sampler.mode_error(gain, "kl_data") == pytest.approx(
        divergence(1, gain), abs=1e-8
    )
    # W2 in one dimension: the mean square difference of quantiles.
    q = np.random.default_rng(3).standard_normal(200_000)
    assert gaussian_sampler.mode_error(gain, "w2") == pytest.approx(
        np.mean((np.sort(gain * q) - np.sort(q)) ** 2), rel=0.02
    )
    with pytest.raises(ValueError, match="unknown metric 'fid'"):
        gaussian_sampler.mode_error(gain, "fid")


def spectrum(side: int, slope: float, q: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(k, power ``[1, R]``, modes) of a power law, q times as strong as at another side."""
    rings = spectra_rings.rings(side, side)
    k = np.maximum(rings.cycles_per_image, 1.0)
    return rings.cycles_per_image, (q * 40.0 * k**-slope)[None], rings.modes


@pytest.mark.parametrize("metric", gaussian_sampler.METRICS)
def test_the_best_shift_is_scipys(metric: str) -> None:
    _, power, modes = spectrum(32, 2.0)
    p, weights = power[0, 2:], gaussian_sampler.mode_weights(power[0, 2:], modes[2:], metric)

    def error(x: float) -> float:
        gain = gaussian_sampler.relative_gain(p, 10, np.exp(x))
        return float(weights @ gaussian_sampler.mode_error(gain, metric))

    wanted = scipy.optimize.minimize_scalar(error, bracket=(-2, 0, 2), tol=1e-10)
    curve = np.array([error(x) for x in np.log(gaussian_sampler.SHIFTS)])
    best, least, low, high = gaussian_sampler.best_shift(gaussian_sampler.SHIFTS, curve)
    assert best == pytest.approx(np.exp(wanted.x), rel=3e-4)
    assert least == pytest.approx(wanted.fun, rel=1e-6)
    # Ends are interpolated on a grid of an eighth of an octave.
    for end in (low, high):
        assert error(float(np.log(end))) == pytest.approx(1.1 * least, rel=0.01)
    assert low < best < high


def test_an_optimum_at_the_edge_is_no_optimum() -> None:
    best, error, low, high = gaussian_sampler.best_shift(
        gaussian_sampler.SHIFTS, 1 / gaussian_sampler.SHIFTS
    )
    assert np.isnan([best, low, high]).all()
    assert error == pytest.approx(1 / gaussian_sampler.SHIFTS[-1])


@pytest.mark.parametrize("metric", gaussian_sampler.METRICS)
def test_the_limit_is_what_many_steps_approach(metric: str) -> None:
    _, power, modes = spectrum(32, 1.0)
    p, weights = power[0, 2:], gaussian_sampler.mode_weights(power[0, 2:], modes[2:], metric)
    gain = gaussian_sampler.relative_gain(p, 4000, gaussian_sampler.SHIFTS)
    best, *_ = gaussian_sampler.best_shift(
        gaussian_sampler.SHIFTS, gaussian_sampler.mode_error(gain, metric) @ weights
    )
    assert gaussian_sampler.limit_shift(p, weights) == pytest.approx(float(best), rel=2e-3)

    def lost(x: float) -> float:  # of the module's head, of two modes far apart
        m = np.exp(x) / np.array([1.0, 10.0])
        return float([0.7, 0.3] @ (1 + np.pi / 4 * (m + 1 / m)) ** 2)

    wanted = scipy.optimize.minimize_scalar(lost, bracket=(-1, 1, 3), tol=1e-10)
    found = gaussian_sampler.limit_shift(np.array([1.0, 100.0]), np.array([0.7, 0.3]))
    assert np.log(found) == pytest.approx(wanted.x, abs=1e-6)


# The study -------------------------------------------------------------------------------------


def lawful(q: float = 4.0, slope: float = 2.0) -> tuple[dict, dict, dict]:  # type: ignore[type-arg]
    """Three resolutions of a scale-equivariant code: the same cycles/image, q times the power."""
    found = {side: spectrum(side // 4, slope, q**i) for i, side in enumerate((128, 256, 512))}
    k, power, modes = ({side: v[i] for side, v in found.items()} for i in range(3))
    return k, power, modes


def test_in_a_shared_band_the_ratio_is_the_equal_snr_shift_at_every_number_of_steps() -> None:
    found = gaussian_sampler.study(*lawful(q=3.0), BANDS, steps=(4, 20))
    for metric in gaussian_sampler.METRICS:
        # Below the Nyquist ring, which is cut at the low resolution. The rings of two grids differ
        # in their mean frequencies by what rounding leaves, and the quartic adds 1e-4.
        for region in ("whole 128", "low 128", "middle 128"):
            ratio = found.ratio(128, 256, region, metric)
            np.testing.assert_allclose(ratio, np.sqrt(3), rtol=1e-3)


def test_only_eulers_ratio_has_a_limit() -> None:
    for solver in gaussian_sampler.SOLVERS:
        found = gaussian_sampler.study(*lawful(), BANDS, steps=(4, 20), solver=solver)
        ratio = found.ratio(256, 512, "total", "w2")
        assert np.isfinite(ratio[:-1]).all()
        assert np.isfinite(ratio[-1]) == (solver == "euler")  # of another's steps it is not known


def test_a_study_is_arrays_and_comes_back(tmp_path: object) -> None:
    found = gaussian_sampler.study(*lawful(), BANDS, steps=(4, 10), solver="heun")
    np.savez(f"{tmp_path}/s.npz", **found.arrays())
    with np.load(f"{tmp_path}/s.npz", allow_pickle=False) as arrays:
        again = gaussian_sampler.SamplerStudy(**arrays)
    for name, array in found.arrays().items():
        np.testing.assert_array_equal(getattr(again, name), array)
    # A region of the middle side is not there at the lowest one, and is at the others.
    missing = np.isnan(found.best[:, found.regions.tolist().index("low 256")])
    assert missing[0].all() and not missing[1:].any()
    with pytest.raises(ValueError, match="not in list"):
        found.at(1024, "total", "w2")


def test_the_study_is_made_of_its_parts() -> None:
    k, power, modes = lawful()
    found = gaussian_sampler.study(k, power, modes, BANDS, steps=(10,))
    p, n = power[512][0, 2:], modes[512][2:]
    gain = gaussian_sampler.relative_gain(p, 10, np.array([0.5, 1.0]))
    wanted = gaussian_sampler.mode_error(gain, "w2") @ (n * p) / (n @ p)
    place = found.at(512, "total", "w2")
    assert found.unshifted[place][0] == pytest.approx(wanted[1], rel=1e-12)
    at_half = np.flatnonzero(gaussian_sampler.SHIFTS == 0.5)[0]
    assert found.curves[2, 0, 0, at_half] == pytest.approx(wanted[0], rel=1e-12)


def test_channels_count_as_modes_of_their_own() -> None:
    k, power, modes = lawful()
    once = gaussian_sampler.study(k, power, modes, BANDS, steps=(6,))
    twice = {side: np.concatenate([p, p]) for side, p in power.items()}
    both = gaussian_sampler.study(k, twice, modes, BANDS, steps=(6,))
    np.testing.assert_allclose(once.best, both.best, rtol=1e-9)


def test_what_can_not_be_sampled_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 steps"):
        gaussian_sampler.grid(1, 1.0)
    with pytest.raises(ValueError, match="unknown solver 'rk4'"):
        gaussian_sampler.relative_gain(POWER, 4, 1.0, "rk4")
    for power in (np.array([1.0, 0.0]), np.array([np.nan]), np.ones((2, 2))):
        with pytest.raises(ValueError, match="power must be"):
            gaussian_sampler.relative_gain(power, 4, 1.0)
    assert schedule.shift_t(0.5, 2.0) == gaussian_sampler.grid(2, 2.0)[1]


@pytest.mark.parametrize("power", [0.01, 0.5, 1.0001, 3.0, 400.0])
def test_the_path_of_one_mode_goes_down_and_up_again(power: float) -> None:
    # Its amplitude falls from 1 to its least, sqrt(P / (1 + P)), and rises to sqrt(P).
    least = np.sqrt(power / (1 + power))
    length = 1 + np.sqrt(power) - 2 * least
    distance, detour = gaussian_sampler.path(np.array([power]), np.array([4.0]))
    assert distance == pytest.approx(2 * abs(np.sqrt(power) - 1))
    # The speed has a kink where it turns: the midpoint rule is off by a step's square there.
    assert (1 + detour) * distance == pytest.approx(2 * length, rel=1e-5)


def test_modes_of_one_power_have_one_path() -> None:
    one = gaussian_sampler.path(np.array([9.0]), np.array([10.0]))
    many = gaussian_sampler.path(np.full(5, 9.0), np.full(5, 2.0))
    assert one == pytest.approx(many)
    # Two kinds of modes turn at different times: the way of both together is longer than straight.
    assert gaussian_sampler.path(np.array([0.1, 9.0]), np.ones(2))[1] > 0
