"""The floor of sampled latents: in a closed form, and through the package's own encoding."""

from pathlib import Path

import numpy as np
import pytest

from analysis.shift import equal_snr
from analysis.spectra import periodogram, windows

WINDOW = ("kaiser", 2 * np.pi)


def test_power_far_above_the_floor_keeps_its_shift_and_far_below_takes_the_floors() -> None:
    power = np.array([1e9, 1.0, 1e-9])
    s = equal_snr.sampled_shift(power, 4 * power, 0.5, 0.5)
    # 4.5 / 1.5 in the middle; 1e-9 of the ends is left of the other term.
    np.testing.assert_allclose(s, [2, np.sqrt(3), 1], rtol=1e-8)
    np.testing.assert_allclose(equal_snr.sampled_shift(power, 4 * power, 0, 0), 2, rtol=1e-12)
    assert equal_snr.sampled_shift(1e-9, 4e-9, 0.1, 0.9) == pytest.approx(3, rel=1e-7)


@pytest.mark.parametrize(
    "arguments", [(0, 1, 0, 0), (1, -1, 0, 0), (1, 1, -0.1, 0), (1, 1, 0, np.nan)]
)
def test_what_is_no_power_is_refused(arguments: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        equal_snr.sampled_shift(*arguments)


def test_a_patterned_variance_is_a_white_floor() -> None:
    # A variance that differs a hundredfold over the field: E |F|^2 is still the same in all modes.
    rng, side = np.random.default_rng(0), 64
    y, x = np.mgrid[:side, :side] / side
    std = np.exp(1.15 * np.sin(2 * np.pi * (x + 2 * y)) + 1.15 * x)
    drawn = std * rng.standard_normal((400, side, side))
    found = periodogram.raps(drawn, *WINDOW).mean(axis=0)
    squared = windows.window2d(side, side, *WINDOW) ** 2
    v = np.sum(std**2 * squared) / squared.sum()
    # Ring 4 has some 25 modes, of which the window leaves about half independent: 400 fields give
    # 1 / sqrt(5000) = 1.4 %, over 28 rings at most 3.5 of them.
    np.testing.assert_allclose(found[4:], v, rtol=0.05)
    assert std.max() / std.min() > 10


def test_sampling_an_autoencoder_adds_the_floor_that_its_variance_says(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    from analysis.encoders import cards, encoder, latents
    from tests.standins.autoencoders import build

    model = build("AutoencoderKL")
    with torch.no_grad():  # untrained, all channels have a variance near one
        model.quant_conv.bias[4:] = torch.tensor([-1.0, -2.0, 0.0, 1.0])
    model.save_pretrained(tmp_path)
    card = cards.card(str(tmp_path))
    loaded = encoder.load(card, downloads=tmp_path, device="cpu")
    rng, power = np.random.default_rng(0), {}
    for side in (128, 256):
        coarse = rng.uniform(-1, 1, (1, 3, 16, 16)).astype(np.float32)
        x = coarse.repeat(side // 16, axis=2).repeat(side // 16, axis=3)
        moments, n = loaded.encode(x), side // 4
        mode = latents.normalise(moments, loaded.normalisation)
        draws = 300
        sampled = [latents.normalise(moments, loaded.normalisation, rng) for _ in range(draws)]
        squared = windows.window2d(n, n, *WINDOW) ** 2
        variance = np.exp(moments["logvar"][0]) * card.scale**2
        v = np.sum(variance * squared, axis=(1, 2)) / squared.sum()
        clean = periodogram.raps(mode[0], *WINDOW)
        found = np.mean([periodogram.raps(z[0], *WINDOW) for z in sampled], axis=0)
        # The expectation is the sum. Ring 4 and 300 draws: about 1.6 %, and the cross term with a
        # strong mode, whose mean is zero, some more.
        expected = clean + v[:, None]
        np.testing.assert_allclose(found[:, 4:], expected[:, 4:], rtol=0.08)
        assert np.all(v > 0)
        power[side] = clean[:, 4:17], found[:, 4:17], v
    (low, low_found, v0), (high, high_found, v1) = power[128], power[256]
    s = equal_snr.sampled_shift(low, high, v0[:, None], v1[:, None])
    # Half the error of a ratio of powers.
    np.testing.assert_allclose(s, np.sqrt(high_found / low_found), rtol=0.08)
    # The floor is what makes the difference: without it the shifts would be others.
    assert np.abs(np.sqrt(high / low) / s - 1).max() > 0.1
