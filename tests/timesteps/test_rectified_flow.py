"""A small rectified flow: exact velocities through the evaluation, and what training is."""

import numpy as np
import pytest

from analysis.timesteps import gaussian_sampler, rectified_flow
from analysis.timesteps.rectified_flow import Training, losses, sample
from analysis.timesteps.schedule import expit

SIDE = 8
TINY = Training(widths=(8, 8, 16), batch=8, steps=6, rate=2e-3, ema=0.5)


def power() -> np.ndarray:
    """P of every mode of an 8 x 8 periodic field, falling with |k|."""
    k = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)[None, :]) * SIDE
    return 20.0 / (1.0 + k**2)


def field(count: int, seed: int) -> np.ndarray:
    white = np.random.default_rng(seed).standard_normal((count, SIDE, SIDE))
    return np.fft.ifft2(np.fft.fft2(white) * np.sqrt(power())).real.astype(np.float32)


def exact(z: np.ndarray, t: float) -> np.ndarray:
    return np.fft.ifft2(np.fft.fft2(z) * gaussian_sampler.velocity(t, power())).real


THETA = np.array([-4.0, -1.0, 0.0, 2.0, 4.0])


def test_losses_of_the_exact_velocity_are_the_known_ones() -> None:
    found = losses(exact, field(4000, 1), THETA, np.random.default_rng(2))
    t = expit(THETA)[:, None, None]
    expected = (power() / (t**2 * power() + (1 - t) ** 2)).mean(axis=(1, 2))
    # A mean of 64 x 4000 squares, dominated at the noisy end by the 9 modes of |k| < 2, which
    # carry over half of the variance: sqrt(2 / (9 * 4000)) is 0.7 %; four of them.
    np.testing.assert_allclose(found, expected, rtol=0.03)


@pytest.mark.parametrize("s", [0.5, 3.0])
def test_samples_have_the_closed_forms_power(s: float) -> None:
    eps = np.random.default_rng(3).standard_normal((1, SIDE, SIDE))
    drawn = sample(exact, eps, 8, s)
    gain = np.abs(np.fft.fft2(drawn) / np.fft.fft2(eps))[0]
    expected = gaussian_sampler.relative_gain(power().ravel(), 8, np.array(s)).reshape(SIDE, SIDE)
    # Mode by mode and without chance: rounding only.
    np.testing.assert_allclose(gain, expected * np.sqrt(power()), rtol=1e-9)


def test_training_depends_on_seed_and_shift_alone() -> None:
    import torch

    data, z = field(32, 5), field(3, 6)
    state = torch.random.get_rng_state()
    first = rectified_flow.train(data, TINY, 1.0, 7)(z, 0.4)
    assert torch.equal(state, torch.random.get_rng_state())
    torch.manual_seed(99)
    np.testing.assert_array_equal(rectified_flow.train(data, TINY, 1.0, 7)(z, 0.4), first)
    for shift, seed in ((2.0, 7), (1.0, 8)):
        assert np.any(rectified_flow.train(data, TINY, shift, seed)(z, 0.4) != first)


def test_training_learns() -> None:
    """White data of three times the noise's power: the skip expects equal powers."""
    rng = np.random.default_rng(8)
    data = (np.sqrt(3.0) * rng.standard_normal((256, SIDE, SIDE))).astype(np.float32)
    held = (np.sqrt(3.0) * rng.standard_normal((256, SIDE, SIDE))).astype(np.float32)
    training = Training(widths=(8, 8, 16), batch=32, steps=80, rate=1e-2, ema=0.9)
    theta = np.array([0.0])
    found = losses(rectified_flow.train(data, training, 1.0, 0), held, theta,
                   np.random.default_rng(9))[0]  # fmt: skip
    untrained = losses(lambda z, t: gaussian_sampler.velocity(t, 1.0) * z, held, theta,
                       np.random.default_rng(9))[0]  # fmt: skip
    best = 3.0 / (0.25 * 3.0 + 0.25)
    assert untrained == pytest.approx(4.0, rel=0.05)  # v itself, as a(1/2) = 0 for equal powers
    # Most of what can be learned is; 64 x 256 squares scatter by about 1 %.
    assert best * 0.97 < found < best + 0.3 * (untrained - best)


def test_the_network_is_the_one_described() -> None:
    import torch

    network = rectified_flow.network(Training().widths)
    # "About 0.9 M": what the report says of it.
    assert 0.8e6 < sum(p.numel() for p in network.parameters()) < 1.0e6
    z = torch.randn(2, 1, 16, 16)
    t = torch.tensor([0.2, 0.7])
    # Before training F is 0, and what remains is the optimum for white data.
    expected = (
        torch.from_numpy(gaussian_sampler.velocity(t.numpy(), 1.0)).float()[:, None, None, None] * z
    )
    torch.testing.assert_close(network(z, t), expected)
