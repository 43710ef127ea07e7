r"""Agreement with four independent estimators, each after converting its convention into ours.

Ours (`analysis.spectra.periodogram`), for a field z on h x w pixels, window w and Z0 = sum(w z) /
sum(w):

    P(k) = |F[w (z - Z0)]|^2 / (h w mean(w^2)),     k in cycles per pixel, F without a factor.

`tapered` makes the field that the peers get where they have no such window or mean removal:
w (z - Z0) / sqrt(mean(w^2)), from scipy's windows and plain sums, not from our own functions; for
it P(k) = |F[tapered]|^2 / (h w). Every conversion below starts from there.

Compared exactly (1e-10) are power mode by mode, and ring averages over the same modes, which means
our power in the peer's bins, or the peer's bins with our weights.

The peers are the extra `peers`. Without it these tests are skipped; where CI is set, a peer that
is missing is a failure.
"""

import importlib
import os
import warnings
from types import ModuleType

import numpy as np
import pytest

from analysis.spectra import periodogram
from analysis.spectra import rings as spectra_rings

SQUARE = [(32, 32), (33, 33)]
SHAPES = [*SQUARE, (32, 64), (48, 31), (27, 40)]
WINDOWS = [("none", 0.0), ("hann", 0.0), ("kaiser", 2.0), ("kaiser", 8.0)]
EXACT = {"rtol": 1e-10, "atol": 1e-12}  # powers are of order 1 here; the mode at zero is 0


def peer(name: str) -> ModuleType:
    """The module, or a skipped test where it is not installed; in CI that is an error instead."""
    with warnings.catch_warnings():
        # xrft's docstrings hold LaTeX without r"...": Python says so when it compiles the file,
        # that is at the first import only. DeprecationWarning up to 3.11, SyntaxWarning from 3.12.
        warnings.filterwarnings("ignore", ".*invalid escape sequence", DeprecationWarning)
        warnings.filterwarnings("ignore", ".*invalid escape sequence", SyntaxWarning)
        if os.environ.get("CI"):
            return importlib.import_module(name)
        pytest.importorskip(name.partition(".")[0])
        return importlib.import_module(name)


def red(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    """A random field with power falling about as k^-2, a trend (so no periodic edges) and a mean.

    Scaled so that its powers are of order 1 and above, as `EXACT` asks for.
    """
    h, w = shape
    rng = np.random.default_rng([seed, h, w])
    walk = np.cumsum(rng.standard_normal(shape), 0) + np.cumsum(rng.standard_normal(shape), 1)
    return walk + 0.1 * np.arange(w) + 3.0


def scipy_window(kind: str, beta: float) -> str | tuple[str, float]:
    """The window as scipy calls it; it makes it periodic where it is for spectra, as ours is."""
    return {"none": "boxcar", "hann": "hann", "kaiser": ("kaiser", beta)}[kind]


def window1d(n: int, kind: str, beta: float) -> np.ndarray:
    """scipy's periodic window of n points."""
    return peer("scipy.signal").get_window(scipy_window(kind, beta), n)


def tapered(z: np.ndarray, kind: str, beta: float) -> np.ndarray:
    """w (z - Z0) / sqrt(mean(w^2)), without our own functions."""
    w = window1d(z.shape[0], kind, beta)[:, None] * window1d(z.shape[1], kind, beta)[None, :]
    return w * (z - np.sum(w * z) / np.sum(w)) / np.sqrt(np.mean(w**2))


def full_plane(half: np.ndarray, width: int) -> np.ndarray:
    """Half-plane power ``[h, w // 2 + 1]`` -> ``[h, w]``, zero frequency in the centre."""
    h = half.shape[0]
    i, j = np.ix_(np.arange(h), np.arange(width))
    mirrored = j > width // 2
    full = half[np.where(mirrored, -i % h, i), np.where(mirrored, width - j, j)]
    return np.fft.fftshift(full)


def frequencies(shape: tuple[int, int]) -> np.ndarray:
    """|k| of every mode in cycles per pixel, ``[h, w]``, zero frequency in the centre."""
    fy, fx = (np.fft.fftshift(np.fft.fftfreq(n)) for n in shape)
    return np.sqrt(fy[:, None] ** 2 + fx[None, :] ** 2)


# scipy.signal.periodogram ------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("kind", "beta"), WINDOWS)
@pytest.mark.parametrize("shape", SHAPES)
def test_scipy_periodogram_of_every_row_of_a_random_field(
    shape: tuple[int, int], kind: str, beta: float, axis: int
) -> None:
    """Parseval across: our power averaged over ky is the rows' periodograms, weighted with v^2.

        mean over ky of P(ky, f) = sum_i v_i^2 S_i(f) / c / sum_i v_i^2

    S_i is scipy's density of row i of z - Z0 (one Z0 for the whole field, so detrend=False), and
    c = 2 except at zero and, for even w, at Nyquist (the negative frequencies, folded over).
    """
    signal = peer("scipy.signal")
    z = red(shape) if axis == 1 else red(shape).T
    h, w = z.shape
    u, v = window1d(w, kind, beta), window1d(h, kind, beta)
    mean = (v @ z @ u) / (np.sum(v) * np.sum(u))
    _, s = signal.periodogram(z - mean, window=scipy_window(kind, beta), detrend=False)
    s[:, 1 : (w + 1) // 2] /= 2.0
    ours = periodogram.half_power(z, kind, beta).mean(axis=0)
    np.testing.assert_allclose(ours, v**2 @ s / np.sum(v**2), **EXACT)


# xrft --------------------------------------------------------------------------------------------

# xrft 1.0 calls DataArray.drop, which xarray is about to remove.
xrft_warns = pytest.mark.filterwarnings(
    "ignore:dropping variables using `drop` is deprecated; use drop_vars:FutureWarning"
)


def data_array(z: np.ndarray, dy: float = 1.0, dx: float = 1.0) -> object:
    """The field with its coordinates, as xrft wants it."""
    h, w = z.shape
    coords = {"y": dy * np.arange(h), "x": dx * np.arange(w)}
    return peer("xarray").DataArray(z, dims=("y", "x"), coords=coords)


@xrft_warns
@pytest.mark.parametrize("window", [None, "hann"])
@pytest.mark.parametrize("scaling", ["density", "spectrum"])
@pytest.mark.parametrize(("dy", "dx"), [(1.0, 1.0), (0.5, 0.25)])
@pytest.mark.parametrize("shape", SHAPES)
def test_xrft_power_spectrum(
    shape: tuple[int, int], dy: float, dx: float, scaling: str, window: str | None
) -> None:
    """xrft, pixels of dy x dx, with window_correction (which it refuses without a window):

        density  X(k) = |F[w (z - m)]|^2 dy dx / (h w mean(w^2))
        spectrum X(k) = |F[w (z - m)]|^2 / ((h w)^2 mean(w)^2)

    so that with m = Z0

        P(k) = X(k) / (dy dx)                          density
        P(k) = X(k) h w mean(w)^2 / mean(w^2)          spectrum.

    m is the plain mean (detrend="constant"), so the field is given as z - Z0 with detrend=None
    where there is a window. Its windows are separable and periodic, as ours; of those we have it
    knows Hann only: its list names "kaiser", but there is no way to pass beta (see `tapered`).
    With real_dim, X is one-sided: our half plane with the columns inside counted twice.
    """
    xrft = peer("xrft")
    z = red(shape)
    h, w = shape
    kind = window or "none"
    weight = window1d(h, kind, 0.0)[:, None] * window1d(w, kind, 0.0)
    given = z - np.sum(weight * z) / np.sum(weight) if window else z
    arguments = {
        "dim": ["y", "x"],
        "scaling": scaling,
        "window": window,
        "window_correction": window is not None,
        "detrend": None if window else "constant",
    }
    factor = dy * dx if scaling == "density" else np.mean(weight**2) / weight.mean() ** 2 / (h * w)
    half = periodogram.half_power(z, kind)
    theirs = xrft.power_spectrum(data_array(given, dy, dx), **arguments)
    np.testing.assert_allclose(theirs.values / factor, full_plane(half, w), **EXACT)
    radius = np.hypot(theirs.freq_y.values[:, None] * dy, theirs.freq_x.values[None, :] * dx)
    np.testing.assert_allclose(radius, frequencies(shape), rtol=1e-12)

    one_sided = xrft.power_spectrum(data_array(given, dy, dx), real_dim="x", **arguments)
    twice = np.full(w // 2 + 1, 2.0)
    twice[0] = 1.0
    if w % 2 == 0:
        twice[-1] = 1.0
    np.testing.assert_allclose(one_sided.values / factor, half * twice, **EXACT)


@xrft_warns
@pytest.mark.parametrize(("kind", "beta"), WINDOWS)
@pytest.mark.parametrize("shape", SHAPES)
def test_xrft_isotropic_power_spectrum(shape: tuple[int, int], kind: str, beta: float) -> None:
    """xrft.isotropize: bins of equal width from 0 to the largest |k|, (lower, upper].

        X(r) = k_r mean over the bin of P(k),    k_r = mean |k| of the bin's modes

    The mean is ours, the factor k_r is not: it makes every slope one higher. (So in xrft 1.0,
    whose releases the extra is held to; its repository sums over the bin instead.) There are
    min(h, w) / nfactor bins, and truncate=True drops those beyond the smaller Nyquist frequency.
    Windows other than Hann are applied beforehand (`tapered`). Our power, averaged over those
    bins, is exactly X(r) / k_r.
    """
    xrft = peer("xrft")
    peer("numpy_groupies")  # isotropize needs it; xrft does not declare it
    pandas = peer("pandas")
    z = red(shape)
    if kind == "hann":
        u, v = window1d(shape[1], kind, beta), window1d(shape[0], kind, beta)
        given = z - (v @ z @ u) / (v.sum() * u.sum())
        arguments = {"window": "hann", "window_correction": True}
    else:
        given, arguments = tapered(z, kind, beta), {}
    theirs = xrft.isotropic_power_spectrum(
        data_array(given), dim=["y", "x"], truncate=True, nfactor=2, **arguments
    )
    # Its own binning: on a square, diagonal modes lie on edges and rounding decides where they go.
    k = frequencies(shape)
    bins = pandas.cut(k.ravel(), min(shape) // 2).codes
    modes = np.bincount(bins)
    power = full_plane(periodogram.half_power(z, kind, beta), shape[1])
    ours = np.bincount(bins, power.ravel()) / modes
    mean_k = np.bincount(bins, k.ravel()) / modes
    kept = len(theirs)
    assert kept >= min(shape) // 4
    np.testing.assert_allclose(theirs.freq_r.values, mean_k[:kept], rtol=1e-12)
    np.testing.assert_allclose(theirs.values / mean_k[:kept], ours[:kept], **EXACT)


# powerbox.get_power ------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "beta"), WINDOWS)
@pytest.mark.parametrize(("a", "b"), [(0.0, 2 * np.pi), (1.0, 1.0), (0.0, 1.0)])
@pytest.mark.parametrize("pixel", [1.0, 0.25])
@pytest.mark.parametrize("shape", SHAPES)
def test_powerbox_power_of_every_mode(
    shape: tuple[int, int], pixel: float, a: float, b: float, kind: str, beta: float
) -> None:
    """powerbox transforms as the integral does, over a box of volume V = (h d) (w d), pixels d:

        FT(k) = (b / (2 pi)^(1 - a)) d^2 F(k)    (a root for each of two dimensions)
        Q(k) = V |FT / V|^2 = (b / (2 pi)^(1 - a))^2 d^2 P(k),    k_powerbox = 2 pi k / (b d)

    so that numpy's convention a = 0, b = 2 pi and the cosmologists' a = b = 1 (its default) both
    read d^2 P, the latter at angular frequencies. vol_normalised_power=False gives Q / V.
    It has neither window nor mean removal: it gets `tapered`.
    """
    powerbox = peer("powerbox")
    z = red(shape)
    lengths = [n * pixel for n in shape]
    theirs = powerbox.get_power(tapered(z, kind, beta), lengths, a=a, b=b, res_ndim=0)
    factor = (b / (2 * np.pi) ** (1 - a)) ** 2 * pixel**2
    ours = full_plane(periodogram.half_power(z, kind, beta), shape[1])
    np.testing.assert_allclose(theirs.power / factor, ours, **EXACT)
    ky, kx = theirs.k_unbinned
    radius = np.hypot(ky[:, None], kx[None, :]) * b * pixel / (2 * np.pi)
    np.testing.assert_allclose(radius, frequencies(shape), rtol=1e-12)
    bare = powerbox.get_power(
        tapered(z, kind, beta), lengths, a=a, b=b, res_ndim=0, vol_normalised_power=False
    )
    np.testing.assert_allclose(bare.power * np.prod(lengths), theirs.power, rtol=1e-12)


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize(("kind", "beta"), WINDOWS)
@pytest.mark.parametrize("shape", [*SHAPES, (128, 128), (96, 50), (263, 20)])
def test_powerbox_with_our_weights_gives_our_rings(
    shape: tuple[int, int], kind: str, beta: float, corners: bool
) -> None:
    """Our ring r as one powerbox bin: frequency, number of modes and power, all exactly.

    powerbox averages over bins with hard edges, [lower, upper), but takes a weight per mode
    (k_weights). A mode at distance d < 1 from ring r (in cycles per short side) has weight 1 - d
    in our ring; beyond the Nyquist circle, 0, unless the corners are asked for. So ring r is the
    bin [r - 1, r + 1) with those weights: `power`, `bin_avg` (the old bin_ave=True) and `nsamples`
    are P, the mean |k| and the number of modes.

    powerbox transforms the whole plane with an FFT: our half plane, our sums of cosines and sines,
    and whatever else may be fast at one size or another have to come to the same numbers.
    """
    powerbox = peer("powerbox")
    z, short = red(shape), min(shape)
    k = short * frequencies(shape)
    reach = np.inf if corners else short // 2 + 1e-9
    given, lengths = tapered(z, kind, beta), [float(n) for n in shape]
    rings, ours = (
        spectra_rings.rings(*shape, corners=corners),
        periodogram.raps(z, kind, beta, corners=corners),
    )
    assert len(ours) == (np.ceil(k.max() - 1e-9) if corners else short // 2) + 1
    for r in range(len(ours)):
        theirs = powerbox.get_power(
            given,
            lengths,
            a=0.0,
            b=2 * np.pi,
            bins=np.array([r - 1.0, r + 1.0]) / short,
            k_weights=np.where(k <= reach, np.maximum(1 - np.abs(k - r), 0.0), 0.0),
        )
        assert theirs.power[0] == pytest.approx(ours[r], rel=1e-10, abs=1e-12)
        assert theirs.bin_avg[0] == pytest.approx(rings.cycles_per_pixel[r], rel=1e-12, abs=1e-14)
        assert theirs.nsamples[0] == pytest.approx(rings.modes[r], rel=1e-12)


# pysteps.utils.spectral.rapsd --------------------------------------------------------------------


@pytest.mark.parametrize("transform", ["numpy.fft", "scipy.fft"])
@pytest.mark.parametrize(("kind", "beta"), WINDOWS)
@pytest.mark.parametrize("shape", SHAPES)
def test_pysteps_rapsd(shape: tuple[int, int], kind: str, beta: float, transform: str) -> None:
    """rapsd: power |F|^2 / (h w), which is ours for `tapered`; the mean over a ring, as ours.

        S(r) = mean of P over modes (i, j) with round(sqrt(i^2 + j^2)) = r

    (i, j) are indices: cycles per image along each axis, so that rings are circles on a square
    only. r runs below max(h, w) / 2 and stands for r / (max(h, w) d) cycles; `d` moves the
    frequencies, not the power. With fft_method=None it takes a power plane, centred, instead of a
    field: ours, then, must give the same. normalize=True divides by the sum over rings.
    """
    rapsd = peer("pysteps.utils.spectral").rapsd
    z = red(shape)
    fft = importlib.import_module(transform)
    theirs, frequency = rapsd(tapered(z, kind, beta), fft_method=fft, return_freq=True, d=0.5)
    longest = max(shape)
    np.testing.assert_allclose(frequency, np.arange((longest + 1) // 2) / longest / 0.5)

    power = full_plane(periodogram.half_power(z, kind, beta), shape[1])
    np.testing.assert_allclose(rapsd(power), theirs, **EXACT)
    i, j = (np.round(np.fft.fftshift(np.fft.fftfreq(n)) * n) for n in shape)
    ring = np.rint(np.hypot(i[:, None], j[None, :])).astype(int).ravel()
    ours = np.bincount(ring, power.ravel()) / np.maximum(np.bincount(ring), 1)
    np.testing.assert_allclose(theirs, ours[: len(theirs)], **EXACT)
    np.testing.assert_allclose(rapsd(power, normalize=True) * theirs.sum(), theirs, **EXACT)
