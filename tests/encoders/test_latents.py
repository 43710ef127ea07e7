import numpy as np
import pytest
from pydantic import ValidationError

from analysis.encoders.latents import Normalisation, mode, normalise, patchify, sample
from analysis.project.errors import InputError

SHAPE = (2, 4, 3, 5)


def moments(logvar: float | None = None) -> dict[str, np.ndarray]:
    found = {"mean": np.random.default_rng(3).standard_normal(SHAPE, dtype=np.float32)}
    if logvar is not None:
        found["logvar"] = np.full(SHAPE, logvar, np.float32)
    return found


def test_latents_are_mode_minus_shift_times_scale() -> None:
    m = moments(0.0)
    z = normalise(m, Normalisation(shift=0.1159, scale=0.3611))
    assert z.dtype == np.float32 and z.shape == SHAPE
    # the original investigation, in its own words: (z - shift_factor) * scaling_factor
    torch = pytest.importorskip("torch")
    raw = torch.from_numpy(m["mean"])
    np.testing.assert_allclose(z, ((raw - 0.1159) * 0.3611).numpy(), rtol=1e-6, atol=1e-7)
    assert np.array_equal(m["mean"], moments()["mean"]), "moments are left alone"


def test_sampling_has_the_mean_and_variance_it_was_given() -> None:
    shape = (1, 1, 400, 400)
    m = {"mean": np.full(shape, 3, np.float32), "logvar": np.full(shape, np.log(4), np.float32)}
    draws = sample(m, np.random.default_rng(0))
    assert draws.dtype == np.float32
    assert draws.mean() == pytest.approx(3, abs=5 * 2 / 400)  # 5 standard errors
    assert draws.std() == pytest.approx(2, rel=0.01)


def test_normalise_samples_when_given_a_generator() -> None:
    m = moments(0.0)
    z = normalise(m, Normalisation(shift=0.5, scale=2), np.random.default_rng(7))
    np.testing.assert_allclose(
        z, (sample(m, np.random.default_rng(7)) - 0.5) * 2, rtol=1e-6, atol=1e-6
    )


def test_moments_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(InputError, match="no variance to sample"):
        normalise(moments(), Normalisation(), np.random.default_rng(0))
    with pytest.raises(InputError, match="without 'mean'; they hold: logvar"):
        mode({"logvar": np.zeros(SHAPE, np.float32)})
    with pytest.raises(InputError, match=r"not \[N, C, h, w\]"):
        mode({"mean": np.zeros((4, 4), np.float32)})
    with pytest.raises(InputError, match="logvar has shape"):
        sample(
            {"mean": np.zeros(SHAPE, np.float32), "logvar": np.zeros((1, 4, 3, 5), np.float32)},
            np.random.default_rng(0),
        )


def test_folding_has_the_order_of_flux2s_pipeline() -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    from tests.standins.autoencoders import pipeline_functions

    pipeline = pipeline_functions()
    raw = np.random.default_rng(0).standard_normal((2, 3, 4, 6), dtype=np.float32)
    theirs = pipeline["_patchify_latents"](torch.from_numpy(raw)).numpy()
    ours = patchify(raw, 2)
    assert ours.shape == (2, 12, 2, 3) and np.array_equal(ours, theirs)
    back = pipeline["_unpatchify_latents"](torch.from_numpy(ours)).numpy()
    assert np.array_equal(back, raw)
    # another order of the four channels of a square would not be the same
    assert not np.array_equal(theirs, ours[:, [0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11]])
    assert np.array_equal(patchify(raw, 1), raw)


def test_each_channel_has_its_own_mean_and_std() -> None:
    m = {"mean": moments()["mean"] * np.float32(3) + np.float32(2)}
    mean, std = m["mean"].mean((0, 2, 3)), m["mean"].std((0, 2, 3))
    z = normalise(m, Normalisation(mean=tuple(mean.tolist()), std=tuple(std.tolist())))
    assert z.dtype == np.float32
    # 1e-6: a float32 mean over 30 values of order 3
    np.testing.assert_allclose(z.mean((0, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(z.std((0, 2, 3)), 1, rtol=1e-6)
    # SDXL's pipeline, where means and a scale meet: (z - mean) * scaling_factor / std
    both = normalise(
        m, Normalisation(scale=0.13, mean=tuple(mean.tolist()), std=tuple(std.tolist()))
    )
    expected = (m["mean"] - mean[:, None, None]) * 0.13 / std[:, None, None]
    np.testing.assert_allclose(both, expected, rtol=1e-5, atol=1e-7)


def test_means_are_of_the_folded_channels() -> None:
    m = {"mean": np.random.default_rng(0).standard_normal((1, 2, 4, 6), dtype=np.float32)}
    mean, std = tuple(float(i) for i in range(8)), (2.0,) * 8
    z = normalise(m, Normalisation(mean=mean, std=std, patchify=2))
    assert z.shape == (1, 8, 2, 3)
    np.testing.assert_allclose(z[0, 5], (m["mean"][0, 1, ::2, 1::2] - 5) / 2, rtol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scale": 0}, "scale"),
        ({"mean": (0.0,)}, "1 values of mean, 0 of std"),
        ({"mean": (0.0,) * 6, "std": (1.0,) * 6, "patchify": 2}, "no multiple of 4"),
        ({"mean": (0.0,), "std": (0.0,)}, "above 0"),
        ({"patchify": 0}, "patchify"),
        ({"mean": (float("nan"),), "std": (1.0,)}, "finite"),
    ],
)
def test_a_normalisation_that_means_nothing_is_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Normalisation(**wrong)


def test_latents_that_do_not_fit_their_normalisation_are_refused() -> None:
    with pytest.raises(InputError, match="latents have 4 channels, their normalisation 3"):
        normalise(moments(), Normalisation(mean=(0.0,) * 3, std=(1.0,) * 3))
    with pytest.raises(InputError, match="latents of 3 x 5 pixels cannot be folded 2 x 2"):
        normalise(moments(), Normalisation(patchify=2))
    with pytest.raises(InputError, match=r"not \[N, C, h, w\]"):
        patchify(np.zeros((4, 4), np.float32), 2)
