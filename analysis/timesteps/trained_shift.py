r"""The best shift of trained networks, from their losses and from their samples.

A network trained with $\theta \sim \mathcal{N}(-\ln s, 1)$ has the validation loss
L(theta) of its velocity. Which s is best depends on how theta is weighed, so four weights are kept
apart:

- ``velocity``: L under the unshifted density N(0, 1) of theta. Training for what is asked is best
  for any network, so this favours s = 1 whatever the data are.
- ``velocity, moved``: L under N(-ln s, 1), s being the square-root rule from the lowest resolution:
  the same density of SNR at each.
- ``nats``: $\int L_\varepsilon \, d\theta$, with $L_\varepsilon = t^2 L$, up to a
  constant the bound on -ln p per pixel (Kingma et al. 2021, arXiv:2107.00630). @eq-nats
- ``z``: $\int L_z \, d\theta$, with $L_z = (1 - t)^2 L$, which weighs the noisy end as
  nats weigh the clean one. @eq-three-losses

The integrals of the last two move with theta as a shift does, so they favour no s by themselves,
within the range of theta that was measured.

Apart from training: where $L_z$ of two resolutions has one value, the networks know the same
about the content; by how much theta differs there is a shift, too (`Experiment.matched`).
"""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.project.arrays import Floats
from analysis.spectra.bands import octave_weights
from analysis.timesteps.schedule import expit

MEASURES = ("velocity", "velocity, moved", "nats", "z")
LEVELS = (0.5, 0.2, 0.1, 0.05)
"""Of L_z, in units of the data's variance, at which the curves of two resolutions are compared."""


def lowest(s: np.ndarray, values: np.ndarray) -> Floats:
    """The s of least value, by the parabola in ln s through the lowest point and its neighbours.

    Args:
        s: ``[S]``, ascending, at least 3.
        values: ``[..., S]``.

    Returns:
        ``[...]``; nan where the lowest point is the first or the last: the grid does not hold it.
    """
    x, flat = np.log(s), np.reshape(values, (-1, len(s)))
    out = np.full(len(flat), np.nan)
    for index, row in enumerate(flat):
        j = int(np.argmin(row))
        if 0 < j < len(s) - 1:
            (a, b), (c, d) = np.diff(x[j - 1 : j + 2]), np.diff(row[j - 1 : j + 2])
            slope, bend = (c / a * b + d / b * a) / (a + b), 2 * (d / b - c / a) / (a + b)
            out[index] = np.exp(x[j] - slope / bend) if bend > 0 else s[j]
    return out.reshape(np.shape(values)[:-1])


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Losses and spectra of networks trained at several resolutions and shifts.

    Axes: L resolutions, S shifts of training, K seeds, T noise levels, G shifts of the sampler's
    grid, R rings, nan beyond a resolution's Nyquist frequency.

    Args:
        sides: ``[L]``, of the patches, px, ascending.
        shifts: ``[S]``, ascending, 1 among them.
        sampling: ``[G]``.
        theta: ``[T]``, evenly spaced.
        k: ``[L, R]``, cycles per patch, from ring 0 on.
        loss: ``[L, S, K, T]``, validation loss of the velocity, in units of the data's variance.
        few: ``[L, S, K, G, R]``, ring-averaged power of samples of a few Euler steps.
        fine: ``[L, S, K, R]``, of many steps on the unshifted grid.
        training, validation: ``[L, K, R]``, of the patches themselves.
    """

    sides: NDArray[np.int64]
    shifts: Floats
    sampling: Floats
    theta: Floats
    k: Floats
    loss: Floats
    few: Floats
    fine: Floats
    training: Floats
    validation: Floats

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything as arrays, none of them of objects: ``Experiment(**arrays)`` undoes it."""
        return {f.name: np.asarray(getattr(self, f.name)) for f in dataclasses.fields(self)}

    def _unshifted(self, values: np.ndarray) -> Floats:
        index = int(np.flatnonzero(self.shifts == 1)[0])
        return values[:, index : index + 1]

    def relative(self) -> Floats:
        """``[L, S, K, T]``, loss over that of the run with s = 1 and the same seed, minus 1."""
        return self.loss / self._unshifted(self.loss) - 1

    def weights(self, measure: str) -> Floats:
        """``[L, T]``, weights whose sum with L over theta is a measure of `MEASURES`.

        Raises:
            ValueError: no such measure.
        """
        t, cell = expit(self.theta), np.gradient(self.theta)
        cell[[0, -1]] *= 0.5  # the trapezoidal rule
        rule = self.sides[:, None] / self.sides[0]
        if measure in ("velocity", "velocity, moved"):
            centre = -np.log(rule) if measure == "velocity, moved" else np.zeros_like(rule)
            density = cell * np.exp(-0.5 * (self.theta - centre) ** 2)
            return density / density.sum(axis=1, keepdims=True)
        if measure not in MEASURES:
            raise ValueError(f"unknown measure '{measure}'; known: {', '.join(MEASURES)}")
        weights = cell * (t if measure == "nats" else 1 - t) ** 2
        return np.broadcast_to(weights, (len(rule), len(t)))

    def integral(self, measure: str) -> Floats:
        """``[L, S, K]``, the loss integrated over theta with `weights`."""
        return np.einsum("lskt,lt->lsk", self.loss, self.weights(measure))

    def spectral_error(self, power: np.ndarray) -> Floats:
        """Mean over octaves of |ln(P_samples / P_training)|, from ring 1 to the Nyquist ring.

        Args:
            power: ``[L, S, K, ..., R]``, such as `few` or `fine`.

        Returns:
            ``[L, S, K, ...]``.
        """
        out = np.empty(power.shape[:-1])
        for index, k in enumerate(self.k):
            last = int(np.isfinite(k).sum())
            shape = (1, len(self.training[0]), *(1,) * (power.ndim - 4), last - 1)
            data = self.training[index, :, 1:last].reshape(shape)
            ratio = np.log(power[index, ..., 1:last] / data)
            out[index] = np.abs(ratio) @ octave_weights(k[1:last])
        return out

    def best(self, values: np.ndarray) -> tuple[Floats, Floats]:
        """The best shift of training: (of each seed ``[L, K]``, of the seeds' mean ``[L]``).

        Args:
            values: ``[L, S, K]``, as `integral` gives. Each seed's are first divided by their mean
                over the shifts, so that a fold of difficult photographs weighs no more.
        """
        scaled = values / values.mean(axis=1, keepdims=True)
        each = lowest(self.shifts, np.moveaxis(scaled, 1, -1))
        return each, lowest(self.shifts, scaled.mean(axis=-1))

    def best_sampling(self) -> tuple[Floats, Floats]:
        """The sampler's shift of least spectral error: (``[L, S, K]``, of the seeds' mean)."""
        error = self.spectral_error(self.few)
        return lowest(self.sampling, error), lowest(self.sampling, error.mean(axis=2))

    def matched(self) -> Floats:
        """The shift that lays L_z of the highest resolution on that of the lowest, per level.

        Returns:
            ``[len(LEVELS), S, K]``, exp(theta_low - theta_high) where each curve first falls to the
            level; nan where one does not within the range of theta.
        """
        curves = self.loss * (1 - expit(self.theta)) ** 2
        out = np.full((len(LEVELS), *self.loss.shape[1:3]), np.nan)
        for place in np.ndindex(*out.shape):
            low, high = (
                self._crossing(curves[(end, *place[1:])], LEVELS[place[0]]) for end in (0, -1)
            )
            out[place] = np.exp(low - high)
        return out

    def _crossing(self, curve: Floats, level: float) -> float:
        below = np.flatnonzero(curve <= level)
        if not len(below) or below[0] == 0:
            return float("nan")
        pair = np.array([below[0], below[0] - 1])
        return float(np.interp(np.log(level), np.log(curve[pair]), self.theta[pair]))


def _spread(values: np.ndarray) -> dict[str, Any]:
    """Mean and standard deviation over the last axis, the seeds; nan for one seed's deviation."""
    several = values.shape[-1] > 1
    std = values.std(axis=-1, ddof=1) if several else np.full(values.shape[:-1], np.nan)
    return {"mean": values.mean(axis=-1).tolist(), "std": std.tolist()}


def summary(done: Experiment) -> dict[str, Any]:
    """The numbers of the experiment, as JSON values; nan where a best shift is not in the grid.

    Keys: ``loss`` (by measure: relative to s = 1 by resolution and shift, mean and standard
    deviation over seeds; best shifts, and the ratio of the highest resolution's to the lowest's),
    the same of ``spectrum`` (by shift of the sampler's grid) and ``fine``; ``sampling`` (best
    shifts of the sampler by resolution and shift of training, and their ratio); and ``matched``.
    """

    def judged(values: Floats) -> dict[str, Any]:
        each, mean = done.best(values)
        return {
            "relative": _spread(values / done._unshifted(values) - 1),
            "best_each": each.tolist(),
            "best_mean": mean.tolist(),
            "ratio_each": (each[-1] / each[0]).tolist(),
            "ratio_mean": float(mean[-1] / mean[0]),
        }

    few, fine = done.spectral_error(done.few), done.spectral_error(done.fine)
    matched = {str(level): _spread(m) for level, m in zip(LEVELS, done.matched(), strict=True)}
    each, mean = done.best_sampling()
    sampling = {
        "best_each": each.tolist(),
        "best_mean": mean.tolist(),
        "ratio_each": (each[-1] / each[0]).tolist(),
        "ratio_mean": (mean[-1] / mean[0]).tolist(),
    }
    spectrum = {
        f"{s:g}": judged(few[..., g]) | {"error": _spread(few[..., g])}
        for g, s in enumerate(done.sampling)
    }
    return {
        "loss": {name: judged(done.integral(name)) for name in MEASURES},
        "spectrum": spectrum,
        "fine": judged(fine) | {"error": _spread(fine)},
        "sampling": sampling,
        "matched": matched,
    }
