import numpy as np
import pytest

from analysis.latents import mode, normalise, sample
from analysis.settings import InputError

SHAPE = (2, 4, 3, 5)


def moments(logvar: float | None = None) -> dict[str, np.ndarray]:
    found = {"mean": np.random.default_rng(3).standard_normal(SHAPE, dtype=np.float32)}
    if logvar is not None:
        found["logvar"] = np.full(SHAPE, logvar, np.float32)
    return found


def test_latents_are_mode_minus_shift_times_scale() -> None:
    m = moments(0.0)
    z = normalise(m, shift=0.1159, scale=0.3611)
    assert z.dtype == np.float32 and z.shape == SHAPE
    # the original investigation, in its own words: (z - shift_factor) * scaling_factor
    torch = pytest.importorskip("torch")
    raw = torch.from_numpy(m["mean"])
    np.testing.assert_allclose(z, ((raw - 0.1159) * 0.3611).numpy(), rtol=1e-6, atol=1e-7)


def test_shift_zero_and_scale_one_change_nothing_and_the_moments_are_left_alone() -> None:
    m = moments()
    before = m["mean"].copy()
    assert np.array_equal(normalise(m, shift=0, scale=1), before)
    normalise(m, shift=1, scale=2)
    assert np.array_equal(m["mean"], before)


def test_scaling_the_card_scales_the_latents() -> None:
    m = moments()
    z, doubled = (normalise(m, shift=0.2, scale=scale) for scale in (0.5, 1.0))
    np.testing.assert_allclose(doubled, 2 * z, rtol=1e-6)


def test_sampling_has_the_mean_and_variance_it_was_given() -> None:
    shape = (1, 1, 400, 400)
    m = {"mean": np.full(shape, 3, np.float32), "logvar": np.full(shape, np.log(4), np.float32)}
    draws = sample(m, np.random.default_rng(0))
    assert draws.dtype == np.float32
    assert draws.mean() == pytest.approx(3, abs=5 * 2 / 400)  # 5 standard errors
    assert draws.std() == pytest.approx(2, rel=0.01)


def test_sampling_is_seeded_and_ends_in_the_mode() -> None:
    m = moments(-1.0)
    first, again, other = (sample(m, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    certain = moments(-60.0)
    np.testing.assert_allclose(sample(certain, np.random.default_rng(1)), mode(certain), atol=1e-6)


def test_normalise_samples_when_given_a_generator() -> None:
    m = moments(0.0)
    z = normalise(m, shift=0.5, scale=2, rng=np.random.default_rng(7))
    np.testing.assert_allclose(
        z, (sample(m, np.random.default_rng(7)) - 0.5) * 2, rtol=1e-6, atol=1e-6
    )


def test_moments_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(InputError, match="no variance to sample"):
        normalise(moments(), shift=0, scale=1, rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="without 'mean'; they hold: logvar"):
        mode({"logvar": np.zeros(SHAPE, np.float32)})
    with pytest.raises(InputError, match=r"not \[N, C, h, w\]"):
        mode({"mean": np.zeros((4, 4), np.float32)})
    with pytest.raises(InputError, match="logvar has shape"):
        sample(
            {"mean": np.zeros(SHAPE, np.float32), "logvar": np.zeros((1, 4, 3, 5), np.float32)},
            np.random.default_rng(0),
        )
