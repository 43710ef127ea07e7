"""The exactly solvable sampler, against diffusers, scipy, simulations and what must hold."""

import itertools

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


def fields(power: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Periodic Gaussian fields whose modes have the power ``[h, w]``."""
    noise = np.fft.fft2(rng.standard_normal((count, *power.shape)))
    return np.fft.ifft2(noise * np.sqrt(power)).real


def filtered(z: np.ndarray, response: np.ndarray) -> np.ndarray:
    return np.fft.ifft2(np.fft.fft2(z) * response).real


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


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_fields_sampled_step_by_step_have_the_closed_forms_spectrum(solver: str) -> None:
    n, steps, s, count = 32, 6, 1.7, 400
    rng = np.random.default_rng(1)
    k2 = np.fft.fftfreq(n)[:, None] ** 2 + np.fft.fftfreq(n)[None, :] ** 2
    power = 0.02 / (k2 + 0.001)
    x, t = rng.standard_normal((count, n, n)), gaussian_sampler.grid(steps, s)

    def v(x: np.ndarray, t: float) -> np.ndarray:
        # The best linear estimate of z - eps from z_t = t z + (1 - t) eps, from covariances.
        return filtered(x, (t * power - (1 - t)) / (t**2 * power + (1 - t) ** 2))

    for i, (t0, t1) in enumerate(itertools.pairwise(t)):
        first = v(x, t0)
        if solver == "heun" and i < steps - 1:
            first = (first + v(x + (t1 - t0) * first, t1)) / 2
        x = x + (t1 - t0) * first
    found = (np.abs(np.fft.fft2(x, norm="ortho")) ** 2)[:, 1 : n // 2]  # each mode is one draw
    gain = gaussian_sampler.relative_gain(power.ravel(), steps, s, solver).reshape(n, n)[1 : n // 2]
    wanted = gain**2 * power[1 : n // 2]
    # Powers of complex modes are exponential, so their mean has the error wanted / sqrt(draws);
    # rows are pooled, for 15 comparisons at 3 standard errors.
    z = (found / wanted - 1).mean(axis=(0, 2)) * np.sqrt(count * n)
    assert np.abs(z).max() < 3
    # Power: the gain of one step more is refused.
    other = gaussian_sampler.relative_gain(power.ravel(), steps + 1, s, solver).reshape(n, n)
    z = (found / (other**2 * power)[1 : n // 2] - 1).mean(axis=(0, 2)) * np.sqrt(count * n)
    assert np.abs(z).max() > 6


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
    assert np.all(product <= gaussian_sampler.amplitude_bound(steps) * (1 + 1e-12))


def test_no_grid_keeps_more_than_the_bound_and_equal_angles_keep_it() -> None:
    angle = np.linspace(np.pi / 2, 0, 9)
    assert np.cos(np.diff(angle)).prod() == pytest.approx(
        gaussian_sampler.amplitude_bound(8), rel=1e-14
    )
    assert 8 * 1000 * (1 - gaussian_sampler.amplitude_bound(1000)) == pytest.approx(
        np.pi**2, rel=1e-2
    )


@given(st.integers(2, 40), SHIFTS, st.floats(0.01, 100))
def test_the_equal_snr_shift_carries_the_whole_error_over(steps: int, s: float, q: float) -> None:
    for solver in ("euler", "heun_sigma"):
        np.testing.assert_allclose(
            gaussian_sampler.relative_gain(q * POWER, steps, s * np.sqrt(q), solver),
            gaussian_sampler.relative_gain(POWER, steps, s, solver), rtol=1e-10,
        )  # fmt: skip


def test_heun_steps_in_t_do_not_have_this_symmetry() -> None:
    shifted = gaussian_sampler.relative_gain(4 * POWER, 10, 2.0, "heun")
    assert np.abs(shifted - gaussian_sampler.relative_gain(POWER, 10, 1.0, "heun")).max() > 0.01


def test_the_symmetry_needs_no_gaussian() -> None:
    # Two unequal points: E[z | z_t] is a hyperbolic tangent, and Euler's path is not linear.
    def sample(points: np.ndarray, s: float, noise: np.ndarray) -> np.ndarray:
        x, t = noise, gaussian_sampler.grid(7, s)
        for t0, t1 in itertools.pairwise(t):
            odds = -((x[:, None] - t0 * points) ** 2) / (2 * (1 - t0) ** 2) + np.log([0.3, 0.7])
            weight = np.exp(odds - odds.max(axis=1, keepdims=True))
            mean = (weight @ points) / weight.sum(axis=1)
            x = x + (t1 - t0) * (mean - (x - t0 * mean) / (1 - t0))
        return x

    points, noise = np.array([-1.0, 0.6]), np.random.default_rng(2).standard_normal(200)
    np.testing.assert_allclose(
        sample(2 * points, 2.0, noise), 2 * sample(points, 1.0, noise), rtol=1e-9, atol=1e-9
    )
    assert np.abs(sample(2 * points, 1.0, noise) - 2 * sample(points, 1.0, noise)).max() > 0.01


@pytest.mark.parametrize("steps", [2, 5, 28])
def test_one_mode_is_sampled_best_at_the_root_of_its_power(steps: int) -> None:
    for power in POWER:
        gain = gaussian_sampler.relative_gain(np.array([power]), steps, gaussian_sampler.SHIFTS)
        for metric in gaussian_sampler.METRICS:
            error = gaussian_sampler.mode_error(gain[:, 0], metric)
            best, *_ = gaussian_sampler.best_shift(gaussian_sampler.SHIFTS, error)
            assert best == pytest.approx(np.sqrt(power), rel=1e-4)


def test_many_steps_lose_what_the_expansion_says() -> None:
    m, n = 1.8 / np.sqrt(POWER[1:4]), 20_000
    lost = 1 - gaussian_sampler.relative_gain(POWER[1:4], n, 1.8)
    # The next term is of order 1 / n.
    np.testing.assert_allclose(2 * n * lost, 1 + np.pi / 4 * (m + 1 / m), rtol=1e-3)


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


def test_the_new_modes_of_the_high_resolution_ask_for_less() -> None:
    found = gaussian_sampler.study(*lawful(), BANDS, steps=(4, 20))
    assert np.all(found.ratio(256, 512, "total", "kl_model") < 1.2)
    assert np.all(found.ratio(256, 512, "total", "w2") < 1.98)
    # With slope 2 the sum of n P^2 is that of its lowest rings, so s^4 goes as 16 / 4.
    assert found.ratio(256, 512, "total", "w2")[-1] == pytest.approx(np.sqrt(2), rel=0.03)


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
