r"""Agreement with four independent estimators, each after converting its convention into ours.

Ours (`analysis.spectra.periodogram`), for a field z on h x w pixels, window w and Z0 = sum(w z) /
sum(w):

    P(k) = |F[w (z - Z0)]|^2 / (h w mean(w^2)),     k in cycles per pixel, F without a factor.

`tapered` makes the field that the peers get where they have no such window or mean removal:
w (z - Z0) / sqrt(mean(w^2)), from scipy's windows and plain sums, not from our own functions; for
it P(k) = |F[tapered]|^2 / (h w). Every conversion below starts from there.

Two kinds of test. *Exact* (1e-10): power mode by mode, and ring averages over the same modes,
which means our power in the peer's bins, or the peer's bins with our weights. *Within a stated
tolerance*: the ring averages as everybody would call them, on a field whose power is k^-2 without
scatter, so that nothing but the binning differs.

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


def exact_power_law(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Random phases, but |F|^2 / (h w) = k^-2 in every mode, k in cycles per pixel; mean 0."""
    h, w = shape
    k = np.hypot(np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)[None, :])
    k[0, 0] = np.inf
    white = np.fft.rfft2(np.random.default_rng([seed, h, w]).standard_normal(shape))
    return np.fft.irfft2(white / np.abs(white) / k, shape, norm="ortho")


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


def flattened(k: np.ndarray, power: np.ndarray, at: np.ndarray) -> np.ndarray:
    """k^2 P of a peer's rings, read at the frequencies `at` along straight lines in log-log."""
    return at**2 * np.exp(np.interp(np.log(at), np.log(k), np.log(power)))


def slope(k: np.ndarray, power: np.ndarray) -> float:
    """Slope of ln P over ln k, every ring alike."""
    return float(np.polyfit(np.log(k), np.log(power), 1)[0])


# scipy.signal.periodogram ------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "beta"), WINDOWS)
@pytest.mark.parametrize("scaling", ["density", "spectrum"])
@pytest.mark.parametrize("shape", SHAPES)
def test_scipy_periodogram_of_a_field_that_varies_along_one_axis(
    shape: tuple[int, int], scaling: str, kind: str, beta: float
) -> None:
    r"""z[i, j] = x[j]: its power lies where the window's own transform in i puts it.

    scipy, one-sided, fs = 1, window u of length w:

        density  S(f) = c |F[u (x - m)]|^2 / sum(u^2)
        spectrum S(f) = c |F[u (x - m)]|^2 / sum(u)^2

    with c = 2 except at zero and, for even w, at Nyquist (the negative frequencies, folded over),
    and m the plain mean (detrend="constant"). Ours takes the mean weighted with the window, which
    scipy does too when it is given a function. With v the window across, the transform is the
    product F[v](ky) F[u (x - Z0)](kx), so that with V(ky) = |F[v](ky)|^2 / sum(v^2)

        P(ky, f) = V(ky) S(f) / c                          density
        P(ky, f) = V(ky) S(f) / c * sum(u)^2 / sum(u^2)    spectrum.

    Without a window V = h at ky = 0 and 0 elsewhere: the h equal rows add up.
    """
    signal = peer("scipy.signal")
    h, w = shape
    x = red(shape)[0]
    u, v = window1d(w, kind, beta), window1d(h, kind, beta)
    frequency, s = signal.periodogram(
        x,
        window=scipy_window(kind, beta),
        scaling=scaling,
        detrend=lambda x: x - np.sum(u * x) / np.sum(u),
    )
    s[1 : (w + 1) // 2] /= 2.0
    if scaling == "spectrum":
        s *= np.sum(u) ** 2 / np.sum(u**2)
    across = np.abs(np.fft.fft(v)) ** 2 / np.sum(v**2)
    theirs = across[:, None] * s[None, :]
    np.testing.assert_allclose(frequency, np.fft.rfftfreq(w), rtol=1e-12)
    along_x = np.tile(x, (h, 1))
    np.testing.assert_allclose(periodogram.half_power(along_x, kind, beta), theirs, **EXACT)
    # The same field on its side: the whole plane is transposed.
    on_its_side = full_plane(periodogram.half_power(along_x.T, kind, beta), h)
    np.testing.assert_allclose(on_its_side.T, full_plane(theirs, w), **EXACT)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("kind", "beta"), WINDOWS)
@pytest.mark.parametrize("shape", SHAPES)
def test_scipy_periodogram_of_every_row_of_a_random_field(
    shape: tuple[int, int], kind: str, beta: float, axis: int
) -> None:
    """Parseval across: our power averaged over ky is the rows' periodograms, weighted with v^2.

        mean over ky of P(ky, f) = sum_i v_i^2 S_i(f) / c / sum_i v_i^2

    S_i is scipy's density of row i of z - Z0 (one Z0 for the whole field, so detrend=False), and
    c the one-sided doubling of the test above.
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


def test_scipy_removes_the_plain_mean_before_the_window() -> None:
    """Why the tests above pass a function: detrend="constant" is ours only without a window.

    With one, the mean that scipy leaves in, m - Z0, adds the window's own transform: the mode at
    zero keeps (m - Z0)^2 sum(u)^2 / sum(u^2), ours is 0; far from zero the two agree again.
    """
    signal = peer("scipy.signal")
    x = red((32, 64))[:1]
    field = np.broadcast_to(x, (64, 64))
    _, bare = signal.periodogram(x[0], window="boxcar", detrend="constant")
    bare[1:32] /= 2.0
    np.testing.assert_allclose(periodogram.half_power(field, "none")[0], 64 * bare, **EXACT)
    u = window1d(64, "hann", 0.0)
    _, hann = signal.periodogram(x[0], window="hann", detrend="constant")
    hann[1:32] /= 2.0
    ours = periodogram.half_power(field, "hann")[0] / (np.sum(u) ** 2 / np.sum(u**2))
    left = np.mean(x) - np.sum(u * x[0]) / np.sum(u)
    assert hann[0] == pytest.approx(left**2 * np.sum(u) ** 2 / np.sum(u**2), rel=1e-10)
    assert hann[0] > 1.0 and ours[0] < 1e-20
    np.testing.assert_allclose(ours[2:], hann[2:], rtol=1e-9)  # Hann's transform ends at mode 1


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


@xrft_warns
@pytest.mark.parametrize("shape", [(128, 128), (129, 129), (96, 160)])
def test_xrft_rings_read_the_same_power_law(shape: tuple[int, int]) -> None:
    """Rings as they come, divided by k_r: k^2 P alike within 1 %, the slope within 0.003.

    Bins differ: xrft's have hard edges and are about 1.4 cycles per short side wide. That shows
    below about six cycles, where k^-2 bends within a bin; the comparison starts there. (Seen: 0.3 %
    and 0.0006.)
    """
    xrft = peer("xrft")
    peer("numpy_groupies")
    z = exact_power_law(shape)
    theirs = xrft.isotropic_power_spectrum(
        data_array(z), dim=["y", "x"], truncate=True, nfactor=2, detrend="constant"
    )
    their_k = theirs.freq_r.values
    rings = spectra_rings.rings(*shape)
    ours, k = periodogram.raps(z, "none"), rings.cycles_per_pixel
    inner = (k > 6 / min(shape)) & (k < their_k[-1])
    read = flattened(their_k[1:], theirs.values[1:] / their_k[1:], k[inner])
    np.testing.assert_allclose(read, k[inner] ** 2 * ours[inner], rtol=0.01)
    assert slope(k[inner], read / k[inner] ** 2) == pytest.approx(
        slope(k[inner], ours[inner]), abs=0.003
    )


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


@pytest.mark.parametrize("shape", [(128, 128), (129, 129), (96, 160)])
def test_powerbox_rings_read_the_same_power_law(shape: tuple[int, int]) -> None:
    """Rings as they come (bins up to the shorter axis, mean |k|): k^2 P alike within 1 %.

    Bins differ: powerbox's have hard edges and are about 1.1 cycles per short side wide. The
    comparison starts at six cycles, as xrft's. (Seen: 0.6 %, and 0.0016 in the slope.)
    """
    powerbox = peer("powerbox")
    z = exact_power_law(shape)
    theirs = powerbox.get_power(
        z,
        [float(n) for n in shape],
        a=0.0,
        b=2 * np.pi,
        bins_upto_boxlen=True,
        bins=int(min(shape) / 2.2),
    )
    rings = spectra_rings.rings(*shape)
    ours, k = periodogram.raps(z, "none"), rings.cycles_per_pixel
    inner = (k > 6 / min(shape)) & (k < min(theirs.bin_avg[-1], 0.5))
    read = flattened(theirs.bin_avg[1:], theirs.power[1:], k[inner])
    np.testing.assert_allclose(read, k[inner] ** 2 * ours[inner], rtol=0.01)
    assert slope(k[inner], read / k[inner] ** 2) == pytest.approx(
        slope(k[inner], ours[inner]), abs=0.003
    )


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


@pytest.mark.parametrize("shape", [(128, 128), (129, 129)])
def test_pysteps_rings_read_the_same_power_law(shape: tuple[int, int]) -> None:
    """On a square, rings as they come: k^2 P alike within 5 %, 1 % with the rings' mean |k|.

    Rings are equally far apart, but pysteps gives a mode to the nearest ring whole and calls the
    ring by its number; we share it between two rings and call them by their mean |k|. Most of the
    difference is the name: given the plane of |k|, rapsd itself tells the mean |k| of its rings.
    (Seen: 3.6 % and 0.6 %; slopes differ by 0.008 and 0.0017.)
    """
    rapsd = peer("pysteps.utils.spectral").rapsd
    z = exact_power_law(shape)
    theirs, frequency = rapsd(z, fft_method=np.fft, return_freq=True)
    mean_k = rapsd(frequencies(shape))
    rings = spectra_rings.rings(*shape)
    ours, k = periodogram.raps(z, "none"), rings.cycles_per_pixel
    inner = (k > 6 / min(shape)) & (k < min(frequency[-1], mean_k[-1]))
    for named, tolerance, steeper in ((frequency, 0.05, 0.02), (mean_k, 0.01, 0.003)):
        read = flattened(named[1:], theirs[1:], k[inner])
        np.testing.assert_allclose(read, k[inner] ** 2 * ours[inner], rtol=tolerance)
        assert slope(k[inner], read / k[inner] ** 2) == pytest.approx(
            slope(k[inner], ours[inner]), abs=steeper
        )


@pytest.mark.parametrize("shape", [(32, 64), (64, 32)])
def test_an_index_radius_misreads_a_rectangle_and_ours_does_not(shape: tuple[int, int]) -> None:
    """The documented trap: every mode has k^-2 exactly, in cycles per pixel.

    One index step is 1/32 cycles per pixel along one axis and 1/64 along the other. rapsd's rings
    are circles in the index, so ellipses in frequency, called by the long side's frequency: k^2 P
    reads about 1/2 instead of 1. From r = 16 on they no longer reach round the short axis, only the
    long side's modes are left and it climbs to 0.8: the slope comes out at -1.77. Ours reads 1
    within 2 % from ring 5 on, and -2.04 from ring 2 on, as on a square.
    """
    rapsd = peer("pysteps.utils.spectral").rapsd
    z = exact_power_law(shape)
    theirs, frequency = rapsd(z, fft_method=np.fft, return_freq=True)
    rings = spectra_rings.rings(*shape)
    ours, k = periodogram.raps(z, "none"), rings.cycles_per_pixel
    assert slope(frequency[2:], theirs[2:]) > -1.85
    level = frequency**2 * theirs
    assert 0.4 < level[2:14].mean() < 0.6 and level[-4:].mean() > 0.7
    assert slope(k[2:], ours[2:]) == pytest.approx(-2.0, abs=0.06)
    np.testing.assert_allclose(k[5:] ** 2 * ours[5:], 1.0, rtol=0.02)
    # On a square the index radius is right.
    square, frequency = rapsd(exact_power_law((64, 64)), fft_method=np.fft, return_freq=True)
    assert slope(frequency[2:], square[2:]) == pytest.approx(-2.0, abs=0.06)
