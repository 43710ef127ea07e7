r"""Sampling with few steps, exactly: what a shift does when the data are Gaussian.

Let the data be a stationary Gaussian field. Its Fourier modes are independent, so
$z_t = t z + (1 - t) \varepsilon$ is followed mode by mode, each with its own power P in units
of the noise power. The optimal velocity $\mathrm{E}[z - \varepsilon \mid z_t]$ is linear,

$$
v = a(t)\, z_t, \qquad a(t) = \frac{t P - (1 - t)}{t^2 P + (1 - t)^2},
$$

and N steps from noise (t = 0) to data (t = 1) multiply a mode by a known gain g. The samples then
have the power $Q = g^2$ where P was wanted.

For Euler steps on any grid the gain is a product of cosines. With
$\tan \varphi_i = (1 - t_i) / (t_i \sqrt{P})$, one over the root of the SNR at step i,

$$
\frac{g}{\sqrt{P}} = \prod_{i=0}^{N-1} \cos(\varphi_i - \varphi_{i+1}),
\qquad \varphi_0 = \frac{\pi}{2}, \quad \varphi_N = 0.
$$

Three things follow.

- Only SNRs enter. A spectrum q P on a grid shifted by $\sqrt{q}$ has the same relative gain,
  so that the equal-SNR shift carries the whole error of discretisation from one resolution to the
  other. (An Euler step is a step of DDIM, and scaling the data scales its iterates, for data of any
  distribution; a Heun step in t has no such symmetry, one in $(1 - t) / t$ has.)
- Euler steps lose power in every mode, and as the angles sum to $\pi / 2$, no grid keeps more
  amplitude than $\cos(\pi / 2 N)^N$, which is $1 - \pi^2 / 8 N$ for many steps.
- On the uniform grid shifted by s, with $m = s / \sqrt{P}$, many steps lose the fraction

  $$
  1 - \frac{g}{\sqrt{P}} \to \frac{1}{2 N} \Bigl[1 + \frac{\pi}{4}
  \Bigl(m + \frac{1}{m}\Bigr)\Bigr],
  $$

  which is least at $s = \sqrt{P}$ (as it is at every N). A spectrum wants a compromise
  between its modes, which depends on how they are weighed and, once N is large, not on N.

The model knows no learned velocity, no dependence between modes and no eye. Compare the transfer
function of DDIM on Gaussian data in Benita, Elad and Keshet 2025, arXiv:2502.00180.
"""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.project.arrays import Floats
from analysis.spectra.bands import Bands, band_edges, in_band, measurable
from analysis.timesteps.schedule import shift_t

STEPS = (4, 6, 8, 10, 15, 20, 28, 40, 50, 75, 100, 150, 200)
SOLVERS = ("euler", "heun", "heun_sigma")
METRICS = ("w2", "kl_model", "kl_data")
SHIFTS: Floats = 2.0 ** np.arange(-7, 10 + 1 / 16, 1 / 8)
SHIFTS.setflags(write=False)
TOLERANCE = 1.1
"""Shifts whose error is at most this many times the least are called as good."""


def velocity(t: ArrayLike, power: ArrayLike) -> Floats:
    """a(t) of the optimal velocity a(t) z_t. @eq-velocity

    Args:
        t: data fraction in [0, 1]; broadcasts with power.
        power: P / N of the mode, positive.
    """
    t, power = np.asarray(t, np.float64), np.asarray(power, np.float64)
    u = 1.0 - t
    return (t * power - u) / (t * t * power + u * u)


def grid(steps: int, s: ArrayLike) -> Floats:
    """t of a uniform grid shifted by s: ``[..., steps + 1]``, ascending from 0 to 1, both included.

    sigma = 1 - t is what FLUX's pipelines hand to diffusers' scheduler, 1, 1 - 1/N, ..., 1/N, then
    shifted, and the closing 0. Raises ValueError for fewer than 2 steps: one step gives the mean.
    """
    if steps < 2:
        raise ValueError("at least 2 steps are needed: one step gives the mean of the data")
    return shift_t(np.linspace(0.0, 1.0, steps + 1), np.asarray(s, np.float64)[..., None])


def relative_gain(power: ArrayLike, steps: int, s: ArrayLike, solver: str = "euler") -> Floats:
    """g / sqrt(P) of each mode: 1 is perfect, and the samples' power is Q = P times its square.

    Args:
        power: ``[M]``, P / N of modes, positive and finite.
        steps: N, at least 2.
        s: ``[...]``, shifts of the uniform grid.
        solver: ``euler`` (@eq-cosines); ``heun``, second order in t; ``heun_sigma``, second order
            in (1 - t) / t for z_t / t (Karras et al. 2022, arXiv:2206.00364, algorithm 1). Both
            Heun solvers end with an Euler step, as there and in diffusers, so N steps cost 2 N - 1
            evaluations; the third also begins with one, where (1 - t) / t is infinite.

    Returns:
        ``[..., M]``.
    """
    power = np.asarray(power, np.float64)
    if power.ndim != 1 or not np.all(np.isfinite(power) & (power > 0)):
        raise ValueError("power must be [M], positive and finite")
    if solver not in SOLVERS:
        raise ValueError(f"unknown solver '{solver}'; known: {', '.join(SOLVERS)}")
    t = grid(steps, s)[..., None]
    u = 1.0 - t
    gain = np.ones((*t.shape[:-2], len(power)))
    for i in range(steps):
        t0, u0, t1, u1 = t[..., i, :], u[..., i, :], t[..., i + 1, :], u[..., i + 1, :]
        # z_t splits into t E[z | z_t] + (1 - t) E[eps | z_t]; an Euler step keeps both estimates.
        euler = (t0 * t1 * power + u0 * u1) / (t0 * t0 * power + u0 * u0)
        if solver == "heun" and i < steps - 1:
            slope = velocity(t0, power) + velocity(t1, power) * euler
            gain *= 1.0 + 0.5 * (t1 - t0) * slope
        elif solver == "heun_sigma" and 0 < i < steps - 1:
            c0, c1 = u0 / t0, u1 / t1
            slope = c0 / (power + c0 * c0) + c1 / (power + c1 * c1) * euler * t0 / t1
            gain *= (1.0 + 0.5 * (c1 - c0) * slope) * t1 / t0
        else:
            gain *= euler
    return gain / np.sqrt(power)


def path(power: np.ndarray, modes: np.ndarray, steps: int = 4000) -> tuple[float, float]:
    r"""How far noise and data lie apart, and how much longer than that the exact path is.

    Without discretisation a mode of amplitude $\sqrt{t^2 P + (1 - t)^2}$ only scales what it
    began with. Both lengths are roots of sums of mean squares over all modes.

    Args:
        power: ``[M]``, P / N of modes.
        modes: ``[M]``, how many modes each stands for.
        steps: of the midpoint rule in t.

    Returns:
        (distance in units of the noise's standard deviation, path length over it minus 1).
    """
    distance = np.sqrt(modes @ (np.sqrt(power) - 1) ** 2)
    t = (np.arange(steps) + 0.5)[:, None] / steps
    # The amplitude's slope, squared; `velocity` is the slope over the amplitude.
    slope = (t * power - (1 - t)) ** 2 / (t * t * power + (1 - t) ** 2)
    speed = np.sqrt(slope @ modes)
    return float(distance), float(speed.mean() / distance - 1)


def amplitude_bound(steps: ArrayLike) -> Floats:
    """cos(pi / 2N)^N: the largest relative gain of N Euler steps on any grid. @eq-cosine-bound"""
    return np.asarray(np.cos(0.5 * np.pi / np.asarray(steps)) ** steps, np.float64)


def mode_error(gain: np.ndarray, metric: str) -> Floats:
    """The error of a mode from its relative gain r = sqrt(Q / P) > 0.

    - ``w2``: (r - 1)^2, the squared 2-Wasserstein distance of N(0, Q) and N(0, P) in units of P.
      @eq-w2
    - ``kl_model``: KL(N(0, Q) || N(0, P)) = (r^2 - 1 - 2 ln r) / 2, in nats. @eq-kl
    - ``kl_data``: KL(N(0, P) || N(0, Q)) = (1 / r^2 - 1 + 2 ln r) / 2, in nats.
    """
    if metric == "w2":
        return (gain - 1.0) ** 2
    if metric not in METRICS:
        raise ValueError(f"unknown metric '{metric}'; known: {', '.join(METRICS)}")
    sign = 1.0 if metric == "kl_model" else -1.0
    return 0.5 * (gain ** (2.0 * sign) - 1.0) - sign * np.log(gain)


def mode_weights(power: np.ndarray, modes: np.ndarray, metric: str) -> Floats:
    """How modes are weighed, summing to 1: by power for ``w2``, by number for the divergences.

    So errors are the relative squared 2-Wasserstein distance, and nats per mode.
    """
    weights = modes * power if metric == "w2" else np.asarray(modes, np.float64)
    return weights / weights.sum()


def best_shift(s: np.ndarray, error: np.ndarray) -> tuple[Floats, Floats, Floats, Floats]:
    """The shift of least error: the lowest point of a grid, refined by a quartic in ln s.

    Args:
        s: ``[S]``, ascending in equal ratios, at least 5.
        error: ``[..., S]``, positive.

    Returns:
        (best, error, low, high), each ``[...]``; from low to high the error is within `TOLERANCE`
        of the least. nan: the least error, or an end, lies at an edge of the grid.
    """
    x, flat = np.log(s), np.log(np.asarray(error, np.float64)).reshape(-1, len(s))
    columns = np.array([_minimum(x, row) for row in flat]).reshape(*np.shape(error)[:-1], 4)
    best, least, low, high = np.moveaxis(np.exp(columns), -1, 0)
    return best, least, low, high


def _minimum(x: Floats, y: Floats) -> tuple[float, float, float, float]:
    j, nan = int(np.argmin(y)), float("nan")
    if not 2 <= j < len(x) - 2:
        return nan, float(y[j]), nan, nan
    quartic = np.polynomial.Polynomial.fit(np.arange(-2, 3), y[j - 2 : j + 3], 4, domain=[-1, 1])
    offsets = np.linspace(-1, 1, 4001)  # in steps of the grid: finer than the quartic is true
    values = quartic(offsets)
    at = int(np.argmin(values))
    level = values[at] + np.log(TOLERANCE)
    ends = []
    for side in (np.arange(j, -1, -1), np.arange(j, len(x))):
        beyond = np.flatnonzero(y[side] > level)
        pair = side[[max(beyond[0] - 1, 0), beyond[0]]] if len(beyond) else None
        ends.append(nan if pair is None else float(np.interp(level, y[pair], x[pair])))
    return float(x[j] + offsets[at] * (x[1] - x[0])), float(values[at]), ends[0], ends[1]


def limit_shift(power: np.ndarray, weights: np.ndarray) -> float:
    r"""The best shift of Euler steps as N grows without limit. @eq-limit

    It minimises the weighted mean of $[1 + \frac{\pi}{4} (m + 1/m)]^2$ over modes, with
    $m = s / \sqrt{P}$: a convex function of ln s, so there is one minimum, and it lies
    between the least and the largest root of P.

    Args:
        power: ``[M]``, P / N.
        weights: ``[M]``, from `mode_weights`.
    """
    root = 0.5 * np.log(power)
    low, high = float(root.min()), float(root.max())
    while high - low > 1e-12:
        centre = 0.5 * (low + high)
        m = np.exp(centre - root)
        slope = weights @ ((1.0 + 0.25 * np.pi * (m + 1.0 / m)) * (m - 1.0 / m))
        low, high = (low, centre) if slope > 0 else (centre, high)
    return float(np.exp(0.5 * (low + high)))


@dataclasses.dataclass(frozen=True)
class SamplerStudy:
    """Best shifts of one encoder at several resolutions.

    Axes: L resolutions, G regions of frequency, M metrics (`METRICS`), N numbers of steps, S
    shifts. nan where a region reaches beyond a resolution's Nyquist frequency.

    Args:
        sides: ``[L]``, images' sides in pixels, ascending.
        regions: ``[G]`` names. ``total``: from the first ring used to the resolution's own Nyquist
            frequency. ``BAND SIDE``: the same cycles/image at every resolution, BAND of the side's
            Nyquist frequency; ``shared`` is all of it, ``whole`` the low and the middle band.
        steps: ``[N]``.
        solver: ``[]``, of `SOLVERS`.
        curves: ``[L, M, N, S]``, errors of ``total`` over the shifts `SHIFTS`.
        best, error, low, high: ``[L, G, M, N]``, as `best_shift` returns them.
        unshifted: ``[L, G, M, N]``, errors at s = 1.
        limit: ``[L, G, M]``, `limit_shift`: of Euler steps, whatever the solver.
    """

    sides: NDArray[np.int64]
    regions: NDArray[np.str_]
    steps: NDArray[np.int64]
    solver: NDArray[np.str_]
    curves: Floats
    best: Floats
    error: Floats
    low: Floats
    high: Floats
    unshifted: Floats
    limit: Floats

    def at(self, side: int, region: str, metric: str) -> tuple[int, int, int]:
        """Indices of the first three axes; ValueError for what was not studied."""
        place = self.sides.tolist().index(side), self.regions.tolist().index(region)
        return *place, METRICS.index(metric)

    def ratio(self, low: int, high: int, region: str, metric: str) -> Floats:
        """``[N + 1]``, best shift at ``high`` over that at ``low``; last Euler's limit, or nan."""
        limit = np.where(self.solver == "euler", self.limit, np.nan)  # known of Euler steps alone
        both = np.concatenate([self.best, limit[..., None]], axis=-1)
        return both[self.at(high, region, metric)] / both[self.at(low, region, metric)]

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything as arrays, none of them of objects: ``SamplerStudy(**arrays)`` undoes it."""
        return {f.name: np.asarray(getattr(self, f.name)) for f in dataclasses.fields(self)}


def study(
    k: dict[int, np.ndarray],
    power: dict[int, np.ndarray],
    modes: dict[int, np.ndarray],
    bands: Bands,
    steps: tuple[int, ...] = STEPS,
    solver: str = "euler",
) -> SamplerStudy:
    """Best shifts of one encoder from its spectra at several resolutions.

    Args:
        k: of each side in pixels, ``[R]`` cycles per image, from ring 0 to the Nyquist ring.
        power: ``[C, R]``, P / N of each channel, the arithmetic mean over photographs (the
            spectrum of Gaussian data is a mean of powers); each channel counts as modes of its own.
        modes: ``[R]``, modes in each ring, from `spectra.rings`.
        bands: edges as fractions of each lower side's Nyquist frequency, and the first ring used.
        steps, solver: as in `relative_gain`.

    Raises:
        ValueError: a power that is not positive, or a region without rings.
    """
    sides = sorted(k)
    edges: dict[str, tuple[int, float, float]] = {"total": (sides[0], 0.0, np.inf)}
    for side in sides[:-1]:
        if not measurable(k[side], bands):
            continue
        of_side = band_edges(bands, k[side])
        of_side["shared"] = (of_side["low"][0], of_side["high"][1])
        edges |= {f"{name} {side}": (side, *ends) for name, ends in of_side.items()}
    shape = (len(sides), len(edges), len(METRICS), len(steps))
    errors, limit = np.full((*shape, len(SHIFTS)), np.nan), np.full(shape[:-1], np.nan)
    for a, side in enumerate(sides):
        p = np.atleast_2d(power[side]).astype(np.float64)
        spectra = (np.broadcast_to(v[side], p.shape) for v in (k, modes))
        ring, n, p = (v[:, bands.first_ring :].ravel() for v in (*spectra, p))
        weights = np.zeros((len(METRICS), len(edges), len(p)))
        present = [b for b, (lowest, *_) in enumerate(edges.values()) if lowest <= side]
        for b in present:
            chosen = in_band(ring, list(edges.values())[b][1:])
            if not chosen.any():
                raise ValueError(f"the region '{list(edges)[b]}' has no ring at {side} px")
            for c, metric in enumerate(METRICS):
                weights[c, b, chosen] = mode_weights(p[chosen], n[chosen], metric)
                limit[a, b, c] = limit_shift(p[chosen], weights[c, b, chosen])
        for d, count in enumerate(steps):
            gain = relative_gain(p, count, SHIFTS, solver)
            for c, metric in enumerate(METRICS):
                errors[a, present, c, d] = weights[c, present] @ mode_error(gain, metric).T
    best, error, low, high = best_shift(SHIFTS, errors)
    return SamplerStudy(
        np.array(sides),
        np.array(list(edges)),
        np.array(steps),
        np.array(solver),
        errors[:, 0],
        best,
        error,
        low,
        high,
        errors[..., SHIFTS.tolist().index(1)],
        limit,
    )
