"""Denoisers of latents: their data, their training, what is measured of them, what is committed."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from analysis.project.errors import InputError
from analysis.spectra import lowpass
from analysis.study import archive
from analysis.study.experiments import denoiser, denoising_network
from analysis.study.experiments.denoiser import KINDS, Experiment, Pictures, Runs, Settings
from analysis.study.experiments.denoising_network import Training
from analysis.study.store import MissError, Store
from analysis.timesteps import band_error, noise

TINY = Settings(
    photographs=("bundled",), encoder="pixel", size=128, region=(64, 128), regions=2,
    sides=(16, 32), window=8, held=1, bands=((1, 2), (2, 4), (4, 8)), theta=(-14, 16), seeds=1,
    training=Training(widths=(8, 8), batch=4, steps=4),
)  # fmt: skip


def pictures() -> Pictures:
    """Noise, in which every pixel tells its photograph and its place."""
    rng = noise.generator(0, "pictures")
    low, high = (rng.standard_normal((4, 2, 3, n, n), dtype=np.float32) for n in (16, 32))
    return Pictures(low, high, denoiser.held_out(4, 1), 8)


# Data ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("held", [0, 3, 4])
def test_an_empty_side_of_the_split_is_refused(held: int) -> None:
    with pytest.raises(InputError, match="can't be held out"):
        denoiser.held_out(3, held)


def test_kinds_show_the_same_places_and_training_sees_no_held_out_photograph() -> None:
    shown = pictures()
    high, fine, finer, low, cropped = (shown.draw(kind, noise.generator(1), 64) for kind in KINDS)
    assert high.shape == (64, 3, 16, 16) and low.shape == cropped.shape == (64, 3, 8, 8)
    np.testing.assert_allclose(cropped, lowpass.crop(high, 8), atol=1e-5)  # float32
    for own, refined in ((low, fine), (cropped, finer)):
        power = band_error.ring_power(refined, 16)
        np.testing.assert_allclose(power[:, :8], band_error.ring_power(own, 8), rtol=1e-4)
        assert power[:, 12:].max() < 1e-6  # beyond the modes below (8, 8)
    seen = set()
    for a, b in zip(high, low, strict=True):
        photo, region, y, x = np.argwhere(shown.high[:, :, 0] == a[0, 0, 0])[0]
        assert shown.low[photo, region, 0, y // 2, x // 2] == b[0, 0, 0] and not y % 2 + x % 2
        seen.add(int(photo))
    assert seen == set(np.flatnonzero(~shown.held).tolist())
    unknown = shown.tiled("low, own grid", held=True)
    assert unknown.shape == (1, 8, 3, 8, 8)
    assert np.sort(unknown.ravel()).tolist() == np.sort(shown.low[shown.held].ravel()).tolist()


# Networks ------------------------------------------------------------------------------------


def draw(rng: np.random.Generator, batch: int) -> np.ndarray:
    """White fields of unit variance, of which nothing can be told but what the skip tells."""
    return noise.gaussian((batch, 3, 8, 8), rng)


def test_an_untrained_network_is_optimal_for_white_fields() -> None:
    settings = TINY.training
    model = denoising_network.built(3, settings, 0)
    weights = {name: p.detach().numpy() for name, p in model.named_parameters()}
    estimate = denoising_network.restored(weights, settings)
    z, eps, theta = *draw(noise.generator(2), 32).reshape(2, 16, 3, 8, 8), np.linspace(-3, 3, 5)
    exact = band_error.wiener(np.tile(np.eye(3), (12, 1, 1)))
    own, best = (band_error.errors(one, z, eps, theta, 8) for one in (estimate, exact))
    np.testing.assert_allclose(own, best, rtol=1e-3)  # float32


@pytest.mark.slow
def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    settings = dataclasses.replace(TINY.training, steps=6)

    class StopError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise StopError

    whole = denoising_network.train(draw, settings, 3, tmp_path / "whole", every=2)
    with pytest.raises(StopError):
        denoising_network.train(draw, settings, 3, tmp_path / "part", tell=stop, every=2)
    again = denoising_network.train(draw, settings, 3, tmp_path / "part", every=2)
    assert whole.keys() == again.keys()
    for name in whole:
        np.testing.assert_array_equal(whole[name], again[name])
    other = denoising_network.train(draw, settings, 4, tmp_path / "other")
    assert np.any(other["first.weight"] != whole["first.weight"])


# What is found -------------------------------------------------------------------------------


def made(high: float, low: float, noisy: float = 0.0) -> Experiment:
    """Photographs of which every mode is Gaussian with a given power, and its optimal denoisers.

    Args:
        high, low: power of the kinds; of ``cropped`` it is a quarter of the first.
        noisy: standard deviation of ln power from photograph to photograph, alike in all kinds.
    """
    settings = dataclasses.replace(TINY, seeds=3)
    modes, theta = band_error.modes(8), settings.theta_grid
    scatter = np.exp(noisy * noise.generator(0, "scatter").standard_normal((6, 1)))
    power = np.array([high, low, high / 4, low, high / 4])[:, None, None] * scatter * modes
    of_mode = power / modes
    error = power[:, None] / (1 + np.exp(2 * theta)[:, None, None] * of_mode[:, None])
    eigenvalues = np.broadcast_to((power / scatter / modes)[:, :1, :1], (5, 8, 1))
    return Experiment(
        settings, np.stack([error] * 3), np.stack([error.mean(axis=2)] * 3), power, error,
        eigenvalues,
    )  # fmt: skip


def test_optimal_networks_ask_for_what_the_spectra_say() -> None:
    done = made(6.0, 2.5, noisy=0.3)
    for pair, expected in (
        ("high on cropped", 2), ("high on cropped, own grid", 2), ("high on low", np.sqrt(6 / 2.5)),
        ("low on cropped", np.sqrt(2.5 / 1.5)),
    ):  # fmt: skip
        for one in [*done.found(pair), done.over_bands(pair)]:
            for value in (one.networks.value, one.spectra.value, one.linear.value, one.optimum):
                assert value == pytest.approx(expected, rel=1e-6)
            assert (one.networks.low, one.networks.high) == pytest.approx([expected] * 2, rel=1e-6)
            assert one.ratio.value == pytest.approx(1, rel=1e-6)
    assert np.allclose(done.over_linear(), 0)


def test_networks_of_their_own_mind_are_told_from_the_spectra() -> None:
    """Errors read off at other noise levels: two networks of three see 20 and 10 % more noise."""
    done = made(6.0, 2.5)
    theta = done.settings.theta_grid
    error = done.error.copy()
    for seed, factor in enumerate((1.0, 1.2, 1.1)):
        own = 2.5 * band_error.modes(8)
        error[seed, 1] = own / (1 + np.exp(2 * theta)[:, None, None] * 2.5 * factor**2)
    one = dataclasses.replace(done, error=error).over_bands("high on low")
    mean = np.sqrt(6 / 2.5) / np.cbrt(1.2 * 1.1)
    assert one.networks.value == pytest.approx(mean, rel=1e-6)
    assert one.networks.low < mean * 0.9 and one.networks.high > mean * 1.1  # of three seeds
    assert one.ratio.value == pytest.approx(1 / np.cbrt(1.2 * 1.1), rel=1e-6)
    assert one.spectra.value == pytest.approx(np.sqrt(6 / 2.5), rel=1e-6)


# The experiment ------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_experiment_is_stored_committed_and_read(project: Path) -> None:
    store = Store()
    path = denoiser.commit(store, settings=TINY)
    assert path == project / "data" / "results" / "experiment" / "denoiser.json"
    steps = len(store.computed)
    done = denoiser.run(store, settings=TINY)
    assert len(store.computed) == steps and not list((store.folder / "training").glob("*"))
    back = denoiser.committed(Store(project / "empty"), TINY)
    for name, array in done.arrays().items():
        np.testing.assert_array_equal(back.arrays()[name], array)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert not archive.differs(
        content["numbers"], archive.rounded(back.numbers()), relative=1e-5, absolute=1e-7
    )
    assert (
        len(content["held_out"]) == 1
        and content["provenance"]["key"] == Runs(TINY, store).whole.key
    )
    told: list[tuple[int, int, str]] = []
    beside = Store(project / "beside")
    denoiser.commit(beside, lambda *one: told.append(one), TINY, workers=2)
    for name, array in denoiser.committed(beside, TINY).arrays().items():
        np.testing.assert_array_equal(array, done.arrays()[name])
    photographs = Runs(TINY, store).photographs
    assert told[0] == (0, len(photographs), f"latents of {photographs[0].id}")
    assert told[-1][0] == told[-1][1]
    with pytest.raises(MissError, match="made from other"):
        denoiser.committed(Store(project / "empty"), dataclasses.replace(TINY, window=4))
    # Whatever networks learn in four steps, the linear denoiser finds two.
    for one in done.found("high on cropped"):
        assert one.spectra.value == pytest.approx(2, rel=1e-5)
        assert one.linear.value == pytest.approx(2, rel=1e-3)
