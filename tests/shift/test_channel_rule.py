"""Responses of linear encoders, against transforms of encoded fields and closed forms."""

from functools import partial

import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
from hypothesis import given
from hypothesis import strategies as st

from analysis.encoders import linear_code
from analysis.shift import channel_rule
from analysis.spectra import fields, periodogram
from analysis.spectra.bands import Bands

BANDS = Bands(first_ring=2, low=0.25, middle=0.5, high=1.0)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def cosines(p: int, count: int = 4) -> np.ndarray:
    """[count^2, 1, p, p]: separable cosines of a patch, orthonormal by scipy, rows slowest."""
    rows = scipy.fft.dct(np.eye(p), norm="ortho", axis=0)[:count]
    return np.einsum("ai,bj->abij", rows, rows).reshape(-1, 1, p, p)


def differences(p: int, m: int) -> np.ndarray:
    """[1, 1, p, p] weights whose moments below m vanish: finite differences along x."""
    row = np.poly1d([1.0, -1.0]) ** m
    out = np.zeros((1, 1, p, p))
    start = (p - m - 1) // 2
    out[0, 0, :, start : start + m + 1] = row.coeffs if m else 1.0
    return out / np.sqrt(np.sum(out**2))


def encode(x: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """[A, H, W] -> [C, h, w], as the linear code does, by scipy's correlation and striding."""
    p = filters.shape[-1]
    # An even patch's origin is right of its middle: the first sample lies at p // 2.
    full = [
        sum(scipy.ndimage.correlate(a, b, mode="wrap") for a, b in zip(x, one, strict=True))
        for one in filters
    ]
    return np.stack(full)[:, p // 2 :: p, p // 2 :: p]


def test_the_response_of_cosines_is_their_transform() -> None:
    filters = rng().standard_normal((2, 3, 8, 8))
    nu_y, nu_x = np.fft.fftfreq(32), np.fft.rfftfreq(32)
    found = channel_rule.response(filters, nu_y, nu_x)
    expected = np.fft.rfft2(filters, s=(32, 32))
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-12)
    box = channel_rule.response(np.full((1, 1, 8, 8), 1 / 8), np.array([0.03]), np.array([0.0]))
    # Dirichlet's kernel, real about the middle.
    assert box[0, 0, 0, 0] == pytest.approx(np.sin(0.24 * np.pi) / np.sin(0.03 * np.pi), rel=1e-12)


def test_a_modes_latent_is_the_sum_of_its_aliases() -> None:
    # One field, no expectation: the exact identity behind the spectrum, mode by mode.
    p, side = 4, 24
    filters, x = rng(1).standard_normal((2, 3, p, p)), rng(2).standard_normal((3, side, side))
    latent = np.fft.fft2(encode(x, filters), norm="ortho")
    nu = np.fft.fftfreq(side)
    gain = channel_rule.response(filters, nu, nu)
    modes = np.einsum("cayx,ayx->cyx", gain, np.fft.fft2(x, norm="ortho"))
    middle = np.exp(2j * np.pi * nu * (p - 1) / 2)  # phases about the middle, not the first place
    modes *= middle[:, None] * middle
    n = side // p
    folded = modes.reshape(2, p, n, p, n).sum(axis=(1, 3)) / p
    np.testing.assert_allclose(folded, latent, atol=1e-12)


@given(st.integers(0, 1000))
def test_orthonormal_weights_keep_white_noise_white(seed: int) -> None:
    q = np.linalg.qr(rng(seed).standard_normal((48, 48)))[0].reshape(48, 3, 4, 4)
    total, first = channel_rule.predicted_power(q[:5], 32, np.ones_like)
    np.testing.assert_allclose(total, 1, rtol=1e-10)
    assert np.all(first < total)


@pytest.mark.parametrize("gamma", [1.0, 2.0, 3.0])
def test_predicted_power_is_that_of_encoded_fields(gamma: float) -> None:
    filters = cosines(4)[[0, 1, 2, 5, 11]]
    side, count, draw = 64, 60, rng(3)
    total = np.zeros((5, 9))
    for _ in range(count):
        x = fields.power_law_field(side, gamma, draw, periodic=True)
        total += periodogram.raps(encode(x[None], filters), "none") / count
    found = channel_rule.predicted_power(filters, side, channel_rule.power_law(gamma, side))[0]
    # power_law counts side / 1024 squared; the simulated field has k^-gamma as its power.
    found = found * (1024 / side) ** 2
    error = 1 / np.sqrt(periodogram.effective_modes(16, 16, "none")[1:] * count)
    # 5 standard errors for 40 numbers; the removed mean has no expectation in ring 0.
    assert np.all(np.abs(total[:, 1:] / found[:, 1:] - 1) < 5 * error)


def test_colours_weigh_the_weights() -> None:
    filters = rng(4).standard_normal((3, 3, 4, 4))
    mix = rng(5).standard_normal((3, 3))
    law = channel_rule.power_law(2.0, 32)
    found = channel_rule.predicted_power(filters, 32, law, mix @ mix.T)
    expected = channel_rule.predicted_power(np.einsum("ai,caxy->cixy", mix, filters), 32, law)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)


def test_a_tabulated_power_law_is_the_power_law() -> None:
    nu = np.linspace(0.001, 0.71, 50)
    law = channel_rule.power_law(2.3, 512)
    table = channel_rule.tabulated(nu, law(nu))
    at = np.array([0.0, 0.0015, 0.1234, 0.7])
    np.testing.assert_allclose(table(at), law(at), rtol=1e-10)
    for wrong in ((nu, -nu), (nu[::-1], nu), (nu - nu[0], nu)):
        with pytest.raises(ValueError, match="tabulated"):
            channel_rule.tabulated(*wrong)


def test_photographs_of_their_own_are_averaged() -> None:
    filters, ones = cosines(8)[[0, 1]], np.ones((2, 2, 33))
    laws = [partial(channel_rule.power_law, gamma) for gamma in (1.0, 3.0)]

    def predicted(images: list) -> np.ndarray:  # type: ignore[type-arg]
        sides = (256, 512)
        return channel_rule.channel_rule(
            filters, sides, ones[..., :17], ones, images, BANDS
        ).predicted

    each = np.sqrt(predicted(laws[:1]) * predicted(laws[1:]))
    np.testing.assert_allclose(predicted(laws), each, rtol=1e-10)


# Orders --------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [0, 1, 2, 3])
def test_the_order_of_differences_is_their_degree(m: int) -> None:
    filters = differences(8, m)
    assert channel_rule.order(filters)[0] == m
    assert np.all(channel_rule.moment_powers(filters)[0, :m] < 1e-20)
    # |G|^2 goes as nu^2m, with T_m of the ring average before it.
    nu = 1e-3
    angle = np.pi * (np.arange(64) + 0.5) / 64
    gains = [
        channel_rule.response(filters, np.array([nu * np.sin(a)]), np.array([nu * np.cos(a)]))
        for a in angle
    ]
    power = np.mean(np.abs(gains) ** 2)
    expected = channel_rule.moment_powers(filters)[0, m] * nu ** (2 * m)
    assert power == pytest.approx(expected, rel=1e-3)  # the next term is (2 pi 3.5 nu)^2 = 5e-4


def test_the_first_terms_shift_is_two_to_the_one_minus_m() -> None:
    filters = np.concatenate([differences(8, m) for m in range(3)])
    law = partial(channel_rule.power_law, 2.0)
    both = channel_rule.predicted_shift(filters, (1024, 2048), law)
    # At k = 2 of 1024 px sinc and its like differ from nu^m by (2 pi nu p)^2 / 24 = 4e-4; but a
    # ring's weights fall on modes of different |k|, the same at both sizes.
    np.testing.assert_allclose(both[1][:, 2], [2, 1, 0.5], rtol=2e-3)
    assert np.all(np.isnan(both[0][:, 0]))


@pytest.mark.parametrize("gamma", [1.0, 2.0, 3.0])
def test_aliases_give_what_fixed_cycles_per_pixel_give(gamma: float) -> None:
    # A curvature: below the patch's cut-off there is nothing but aliases.
    filters = differences(8, 2)
    with_aliases, first = channel_rule.predicted_shift(
        filters, (512, 1024), partial(channel_rule.power_law, gamma)
    )
    assert with_aliases[0, 2] == pytest.approx(2 ** (1 - gamma / 2), rel=0.02)
    assert first[0, 2] == pytest.approx(0.5, rel=0.01)


# Channels of a fitted code -------------------------------------------------------------------


def crop(x: np.ndarray, n: int) -> np.ndarray:
    """A periodic field at n pixels: its modes below the new Nyquist frequency, same values."""
    modes, side = np.fft.fft2(x), x.shape[-1]
    keep = np.r_[: n // 2, side - n // 2 : side]
    return np.fft.ifft2(modes[..., keep, :][..., keep]).real * (n / side) ** 2


@pytest.fixture(scope="module")
def rule() -> channel_rule.ChannelRule:
    """A code of six channels, fitted on and measured in power-law fields of exponent 2."""
    draw = rng(6)
    images = [
        np.stack([fields.power_law_field(512, 2.0, draw, periodic=True) for _ in range(3)])
        for _ in range(12)
    ]
    code = linear_code.fit(images, 8, 6)
    low = np.stack([periodogram.raps(code.encode(crop(x, 256)[None])[0], "none") for x in images])
    high = np.stack([periodogram.raps(code.encode(x[None])[0], "none") for x in images])
    filters = code.basis.reshape(6, 3, 8, 8).astype(float)
    return channel_rule.channel_rule(
        filters, (256, 512), low, high, [partial(channel_rule.power_law, 2.0)], BANDS
    )


def test_every_channel_shifts_as_predicted(rule: channel_rule.ChannelRule) -> None:
    # Three colours' means, then gradients. The interval is for 12 fields: half as much again
    # for its own scatter and 18 numbers, and 1 % for the crop's missing Nyquist modes.
    reach = 1.5 * np.maximum(rule.high - rule.measured, rule.measured - rule.low)
    assert np.all(np.abs(rule.measured - rule.predicted) < reach + 0.01 * rule.predicted)
    np.testing.assert_array_equal(rule.order, [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(rule.rule(2), [2, 2, 2, 1, 1, 1])
    np.testing.assert_allclose(rule.predicted[0], rule.rule(2), rtol=0.1)
    assert np.all((rule.alias_share > 0) & (rule.alias_share < 1))
    assert np.all(rule.alias_share[2] > rule.alias_share[0])


# Refusals ------------------------------------------------------------------------------------


def test_what_is_no_encoder_is_refused() -> None:
    law = channel_rule.power_law(2.0, 32)
    with pytest.raises(ValueError, match="weights must be"):
        channel_rule.response(np.ones((3, 8, 8)), np.zeros(1), np.zeros(1))
    with pytest.raises(ValueError, match="weights must be"):
        channel_rule.order(np.ones((1, 3, 8, 4)))
    with pytest.raises(ValueError, match="not made of"):
        channel_rule.predicted_power(np.ones((1, 1, 8, 8)), 36, law)
    with pytest.raises(ValueError, match="above the high"):
        channel_rule.predicted_shift(
            np.ones((1, 1, 8, 8)), (64, 32), partial(channel_rule.power_law, 2.0)
        )
    with pytest.raises(ValueError, match="orders of 8 x 8"):
        channel_rule.order(np.ones((1, 1, 8, 8)), 0.2)
    with pytest.raises(ValueError, match="not of these channels"):
        channel_rule.channel_rule(
            np.ones((1, 1, 8, 8)), (64, 128), np.ones((2, 1, 5)), np.ones((2, 1, 5)),
            [partial(channel_rule.power_law, 2.0)], BANDS,
        )  # fmt: skip
