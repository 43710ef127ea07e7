"""Noise levels for a training loop: drawn from any density, shifted for each sample's size.

::

    from analysis.training.sampling import TimestepSampler

    sampler = TimestepSampler("logit_normal", shift=1.878, exponent=1.0, base=512)
    sigmas = sampler.sample(len(batch), sizes=[(h, w) for h, w in batch_sizes])

sigma is the weight of the noise, 1 is noise: ``noisy = (1 - sigma) * data + sigma * noise``. A
sample of h x w pixels is shifted by s = shift (h w / base^2)^(exponent / 2).

With a torch.Generator or a device the numbers are tensors, else numpy's; from the same uniform
draws they are the same. Only numpy is needed; torch is imported where it is asked for.

References:
    Esser et al. 2024, arXiv:2403.03206, eqs. (19) to (22): logit-normal, mode and CosMap, in this
    convention; eq. (23): the shift.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from analysis.project.arrays import Floats
from analysis.timesteps.schedule import expit, logit

Kind = Literal["index", "sigma", "step"]
Size = Sequence[int]
MODE_SCALES = (-1.0, 2 / (math.pi - 2))
"""Between these the mode density is one: its quantile function goes one way (SD3, eq. 20)."""
LEAST = float(np.finfo(np.float32).tiny)
MOST = float(np.nextafter(np.float32(1), np.float32(0)))
"""What sigma is kept between, so that it is neither 0 nor 1 in single precision either."""
KNOTS = 4097  # of the tables that mode's and a tabulated density are inverted by


@dataclasses.dataclass(frozen=True)
class Density:
    """A density of sigma in (0, 1) before the shift, by its quantile function and itself.

    Args:
        name: what it is called.
        quantile: probability -> sigma, increasing.
        pdf: sigma -> density.
        cdf: sigma -> probability.
    """

    name: str
    quantile: Callable[[Floats], Floats]
    pdf: Callable[[Floats], Floats]
    cdf: Callable[[Floats], Floats]


def logit_normal(mean: float = 0.0, std: float = 1.0) -> Density:
    """logit(sigma) ~ N(mean, std^2): a positive mean is more noise, as in the SD3 paper."""
    if not (math.isfinite(mean) and math.isfinite(std) and std > 0):
        raise ValueError(f"a logit-normal needs a finite mean and std > 0, got {mean} and {std}")
    normal = NormalDist()

    def quantile(p: Floats) -> Floats:
        z = np.array([normal.inv_cdf(x) for x in np.clip(p, 1e-300, 1 - 1e-16).tolist()])
        return expit(mean + std * z)

    def pdf(sigma: Floats) -> Floats:
        z = (logit(sigma) - mean) / std
        return np.exp(-0.5 * z * z) / (std * math.sqrt(2 * math.pi) * sigma * (1 - sigma))

    def cdf(sigma: Floats) -> Floats:
        return np.array([normal.cdf(x) for x in ((logit(sigma) - mean) / std).tolist()])

    return Density(f"logit-normal({mean:g}, {std:g})", quantile, pdf, cdf)


def uniform() -> Density:
    """Every sigma alike."""
    return Density("uniform", lambda p: p, np.ones_like, lambda sigma: sigma)


def mode(scale: float = 1.29) -> Density:
    """SD3's mode sampling, sigma = 1 - u - scale (cos^2(pi u / 2) - 1 + u) (eq. 20).

    Raises:
        ValueError: a scale at which it is no density.
    """
    if not MODE_SCALES[0] <= scale <= MODE_SCALES[1]:
        raise ValueError(f"mode_scale is {scale}; it lies in [-1, {MODE_SCALES[1]:.4g}]")

    def quantile(p: Floats) -> Floats:  # the formula runs down in u = 1 - p
        return p - scale * (np.sin(math.pi * p / 2) ** 2 - p)

    def slope(p: Floats) -> Floats:
        return 1 + scale - scale * math.pi / 2 * np.sin(math.pi * p)

    grid = np.linspace(0, 1, KNOTS)
    table = quantile(grid)

    def cdf(sigma: Floats) -> Floats:
        p = np.interp(sigma, table, grid)
        for _ in range(4):  # Newton, from a table that is right to 1e-4
            with np.errstate(divide="ignore", invalid="ignore"):
                step = (quantile(p) - sigma) / slope(p)
            p = np.clip(p - np.where(np.isfinite(step), step, 0), 0, 1)
        return p

    def pdf(sigma: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return 1 / slope(cdf(sigma))

    return Density(f"mode({scale:g})", quantile, pdf, cdf)


def cosmap() -> Density:
    """CosMap, sigma = 1 - 1 / (tan(pi u / 2) + 1) (SD3, eqs. 21 and 22)."""

    def quantile(p: Floats) -> Floats:
        sine, cosine = np.sin(math.pi * p / 2), np.cos(math.pi * p / 2)
        return sine / (sine + cosine)

    def pdf(sigma: Floats) -> Floats:
        return 2 / (math.pi * (1 - 2 * sigma + 2 * sigma * sigma))

    def cdf(sigma: Floats) -> Floats:
        return 2 / math.pi * np.arctan2(sigma, 1 - sigma)

    return Density("CosMap", quantile, pdf, cdf)


def tabulated(grid: Sequence[float], density: Sequence[float], over: str = "sigma") -> Density:
    """A density given at points, straight between them and 0 outside: strategies 2 and 3, or own.

    Args:
        grid: ascending, in [0, 1], at least two points.
        density: at the points, not negative; it need not be normalised.
        over: ``sigma``, or ``t`` for the data fraction, as `weighting.weighted_density` gives it.

    Raises:
        ValueError: it is no density.
    """
    x, y = (np.asarray(one, np.float64) for one in (grid, density))
    if over not in ("sigma", "t"):
        raise ValueError(f"a density is over sigma or t, not '{over}'")
    if over == "t":
        x, y = 1 - x[::-1], y[::-1]
    if x.ndim != 1 or x.shape != y.shape or len(x) < 2:
        raise ValueError("a table needs a grid and a density of one length, two points or more")
    if not (np.all(np.isfinite(x)) and np.all(np.diff(x) > 0) and x[0] >= 0 and x[-1] <= 1):
        raise ValueError("the grid has to ascend and lie in [0, 1]")
    if not (np.all(np.isfinite(y)) and np.all(y >= 0) and y.any()):
        raise ValueError("a density is finite, not negative, and positive somewhere")
    width = np.diff(x)
    area = np.concatenate([[0.0], np.cumsum(width * (y[1:] + y[:-1]) / 2)])
    y, area = y / area[-1], area / area[-1]

    def quantile(p: Floats) -> Floats:
        at = np.clip(np.searchsorted(area, p, side="right") - 1, 0, len(width) - 1)
        # p - area = y0 d + (y1 - y0) / (2 width) d^2, solved without dividing by what may be 0
        rest, slope = np.maximum(p - area[at], 0), (y[at + 1] - y[at]) / width[at]
        root = np.sqrt(np.maximum(y[at] ** 2 + 2 * slope * rest, 0))
        with np.errstate(divide="ignore", invalid="ignore"):
            d = np.where(rest > 0, 2 * rest / (y[at] + root), 0.0)
        return x[at] + np.clip(d, 0, width[at])

    def pdf(sigma: Floats) -> Floats:
        return np.interp(sigma, x, y, left=0, right=0)

    def cdf(sigma: Floats) -> Floats:
        sigma = np.clip(sigma, x[0], x[-1])
        at = np.clip(np.searchsorted(x, sigma, side="right") - 1, 0, len(width) - 1)
        d = sigma - x[at]
        slope = (y[at + 1] - y[at]) / width[at]
        return area[at] + y[at] * d + slope * d * d / 2

    return Density("tabulated", quantile, pdf, cdf)


@dataclasses.dataclass(frozen=True)
class Timesteps:
    """Noise levels as a scheduler has them.

    Args:
        kind: ``index``: sigmas are entries of the scheduler's table, at ``indices``; ``sigma``:
            they are those that were drawn; ``step``: DDPM's whole time steps of the nearest SNR.
        timesteps: what the network is told.
        sigmas: what the noisy sample has to be blended with. For ``step``, the sigma of a flow of
            the same SNR; the sample is the scheduler's ``add_noise``.
        indices: into the scheduler's table, or None.
    """

    kind: Kind
    timesteps: Any
    sigmas: Any
    indices: Any = None


class TimestepSampler:
    """Draws sigmas for samples of any sizes.

    Args:
        distribution: a `Density`, or ``logit_normal``, ``uniform``, ``mode``, ``cosmap``; the names
            of diffusers' ``--weighting_scheme`` that draw evenly (``none``, ``sigma_sqrt``) are
            ``uniform`` here, and so is its ``cosmap``, which weighs losses: see `of_diffusers`.
        shift: s at the base.
        exponent: r of s = shift (h w / base^2)^(r / 2); 1 is the square-root rule, 0 no change.
        base: side in pixels, or (height, width), at which s is ``shift``; needed unless r is 0.
        frames_exponent: the same for latent frames of sizes (h, w, frames), 1 of which is the base;
            1 counts them as pixels, as Open-Sora 1.2 does.
        logit_mean, logit_std: of the logit-normal of sigma.
        mode_scale: of ``mode``.
        base_shift, max_shift: ln s at 256 and at 4096 tokens of 16 x 16 pixels, and a line between
            them, instead of ``shift``; as in the schedulers of FLUX.1 and others.
        base_image_seq_len, max_image_seq_len: the two ends of that line.
        shift_terminal: the least sigma; all are stretched to [it, 1] after the shift.
        min_timestep, max_timestep: of 1000, what sigma is kept between.
        preserve_distribution_shape: keep the density between them as it is, and cut it off, instead
            of pressing all of it in between, which musubi-tuner and kohya do by default.
        num_timestep_buckets: draw from this many equal parts of the probability in turn, each once
            before any twice, in a random order.

    Raises:
        ValueError: a number is out of its range, or two say the same.
    """

    def __init__(
        self,
        distribution: str | Density = "logit_normal",
        *,
        shift: float = 1.0,
        exponent: float = 0.0,
        base: int | Size | None = None,
        frames_exponent: float = 0.0,
        logit_mean: float = 0.0,
        logit_std: float = 1.0,
        mode_scale: float = 1.29,
        base_shift: float | None = None,
        max_shift: float | None = None,
        base_image_seq_len: int = 256,
        max_image_seq_len: int = 4096,
        shift_terminal: float | None = None,
        min_timestep: int | None = None,
        max_timestep: int | None = None,
        preserve_distribution_shape: bool = False,
        num_timestep_buckets: int | None = None,
    ) -> None:
        if isinstance(distribution, str):
            named: dict[str, Callable[[], Density]] = {
                "logit_normal": lambda: logit_normal(logit_mean, logit_std),
                "uniform": uniform,
                "none": uniform,
                "sigma_sqrt": uniform,
                "mode": lambda: mode(mode_scale),
                "cosmap": cosmap,
            }
            if distribution not in named:
                raise ValueError(f"no distribution '{distribution}'; known: {', '.join(named)}")
            distribution = named[distribution]()
        self.density = distribution
        for name, value in (("shift", shift), ("exponent", exponent)):
            if not math.isfinite(value) or (name == "shift" and value <= 0):
                raise ValueError(f"{name} is {value}; it has to be finite, and a shift positive")
        if (base_shift is None) != (max_shift is None):
            raise ValueError("base_shift and max_shift go together")
        if base_shift is not None and (shift != 1 or exponent):
            raise ValueError("base_shift and max_shift are a rule of the size: leave shift at 1")
        sides = (base, base) if isinstance(base, int) else tuple(base or ())
        if exponent and (len(sides) != 2 or min(sides) <= 0):
            raise ValueError("an exponent needs the base, a side or (height, width) in pixels")
        self.shift, self.exponent, self.frames_exponent = shift, exponent, frames_exponent
        self._base = sides
        self._line = (
            None
            if base_shift is None or max_shift is None
            else (base_shift, max_shift, base_image_seq_len, max_image_seq_len)
        )
        self.shift_terminal = shift_terminal or 0.0
        if not 0 <= self.shift_terminal < 1:
            raise ValueError(f"shift_terminal is {shift_terminal}; it lies in [0, 1)")
        self.bounds = (
            (min_timestep or 0) / 1000,
            (1000 if max_timestep is None else max_timestep) / 1000,
        )
        if not 0 <= self.bounds[0] < self.bounds[1] <= 1:
            raise ValueError(
                f"min_timestep {min_timestep} and max_timestep {max_timestep} have to ascend "
                "within 0 and 1000"
            )
        self.cut = preserve_distribution_shape
        if num_timestep_buckets is not None and num_timestep_buckets < 1:
            raise ValueError(f"num_timestep_buckets is {num_timestep_buckets}; it is at least 1")
        self.buckets = num_timestep_buckets or 1
        self._pool: list[int] = []

    @classmethod
    def of_diffusers(
        cls,
        weighting_scheme: str = "none",
        logit_mean: float = 0.0,
        logit_std: float = 1.0,
        mode_scale: float = 1.29,
        *,
        reads: Literal["index", "sigma"] = "index",
        blends: Literal["noise", "data"] = "noise",
        table_shift: float = 1.0,
        **more: Any,
    ) -> "TimestepSampler":
        """The sigmas that diffusers' example scripts draw by their options.

        Args:
            weighting_scheme, logit_mean, logit_std, mode_scale: as of the scripts.
            reads: whether u is an index into the scheduler's table, which begins with noise, or
                sigma itself; `models.Script` says so of each.
            blends: what gets the weight sigma of the table; ``data`` for Lumina 2.
            table_shift: the static shift in the table.
            more: as of the class.
        """
        turned = reads == "index"
        s = table_shift
        if blends == "data":
            turned, s = not turned, 1 / s
        mean = -logit_mean if turned else logit_mean
        name = weighting_scheme if weighting_scheme in ("logit_normal", "mode") else "uniform"
        return cls(
            name, logit_mean=mean, logit_std=logit_std, mode_scale=mode_scale, shift=s, **more
        )

    # Drawing ------------------------------------------------------------------------------------

    def sample(
        self,
        n: int,
        sizes: Sequence[Size] | None = None,
        *,
        generator: Any = None,
        device: Any = None,
    ) -> Any:
        """n sigmas, ``[n]``, one a sample, each shifted for its size; none is 0 or 1.

        Args:
            n: how many.
            sizes: height and width in pixels of each sample, and latent frames where they count; or
                one size for all. They are needed where the shift depends on them.
            generator: numpy.random.Generator or torch.Generator; None: numpy's default one, anew,
                or torch's own where a device is given.
            device: of the tensor; None with a torch.Generator: the generator's.

        Returns:
            float32, a tensor with a torch.Generator or a device, else an array.

        Raises:
            ValueError: sizes are needed, or are not n.
        """
        tensor = device is not None or hasattr(generator, "initial_seed")
        u = self._draws(n, generator, tensor)
        sigmas = self.quantile(u, self.shifts(n, sizes)).astype(np.float32)
        if not tensor:
            return sigmas
        import torch

        return torch.from_numpy(sigmas).to(device if device is not None else generator.device)

    def _draws(self, n: int, generator: Any, tensor: bool) -> Floats:
        """n numbers in (0, 1), stratified where buckets are asked for."""
        if tensor:
            import torch

            at = generator.device if generator is not None else "cpu"
            v = torch.rand(n, generator=generator, device=at, dtype=torch.float64).cpu().numpy()
        else:
            generator = generator if generator is not None else np.random.default_rng()
            v = generator.random(n)
        v = np.clip(v, 2.0**-54, 1 - 2.0**-53)
        if self.buckets == 1:
            return v
        taken: list[int] = []
        while len(taken) < n:
            if not self._pool:
                self._pool = self._order(generator, tensor)
            take = min(n - len(taken), len(self._pool))
            taken += [self._pool.pop() for _ in range(take)]
        return (np.array(taken) + v) / self.buckets

    def _order(self, generator: Any, tensor: bool) -> list[int]:
        if not tensor:
            return [int(one) for one in generator.permutation(self.buckets)]
        import torch

        at = generator.device if generator is not None else "cpu"
        return [int(one) for one in torch.randperm(self.buckets, generator=generator, device=at)]

    # The distribution ---------------------------------------------------------------------------

    def shifts(self, n: int = 1, sizes: Sequence[Size] | None = None) -> Floats:
        """s of each sample, ``[n]``.

        Raises:
            ValueError: sizes are needed and not given, or are neither one nor n.
        """
        if sizes is None:
            if self.exponent or self._line or self.frames_exponent:
                raise ValueError("the shift depends on the size: give sizes, (h, w) of each sample")
            return np.full(n, self.shift)
        if len(sizes) not in (1, n):
            raise ValueError(f"{len(sizes)} sizes for {n} samples: give one a sample, or one")
        each = np.array([self.shift_of(*size) for size in sizes])
        return np.broadcast_to(each, (n,)).copy() if len(each) == 1 else each

    def shift_of(self, height: int, width: int, frames: int = 1) -> float:
        """s of a size in pixels, and latent frames.

        Raises:
            ValueError: it is no size.
        """
        if min(height, width, frames) <= 0:
            raise ValueError(f"{height} x {width} x {frames} is no size")
        over_time = float(frames) ** (self.frames_exponent / 2)
        if self._line:
            low, high, first, last = self._line
            tokens = (height // 16) * (width // 16)
            return math.exp(low + (high - low) * (tokens - first) / (last - first)) * over_time
        if not self.exponent:
            return self.shift * over_time
        ratio = height * width / (self._base[0] * self._base[1])
        return self.shift * ratio ** (self.exponent / 2) * over_time

    def quantile(self, p: Floats, s: Floats) -> Floats:
        """The sigma that a share p of the draws is below, for shifts s; in double precision."""
        p, s = np.asarray(p, np.float64), np.asarray(s, np.float64)
        low, high = self.bounds
        if self.cut:
            first, last = self._plain_cdf(np.array([low, high])[:, None], s)
            p = first + p * (last - first)
        x = np.clip(self.density.quantile(p), 0, 1)
        sigma = self._stretched(s * x / (1 + (s - 1) * x))
        if not self.cut:
            sigma = low + sigma * (high - low)
        return np.clip(sigma, max(low, LEAST), min(high, MOST))

    def _stretched(self, sigma: Floats) -> Floats:
        return self.shift_terminal + (1 - self.shift_terminal) * sigma

    def _plain_cdf(self, sigma: Floats, s: Floats) -> Floats:
        """The share of draws below sigma, before bounds."""
        y = np.clip((sigma - self.shift_terminal) / (1 - self.shift_terminal), 0, 1)
        x = y / (s - (s - 1) * y)
        with np.errstate(divide="ignore"):
            return self.density.cdf(x.ravel()).reshape(x.shape)

    def cdf(self, sigma: Any, size: Size | None = None) -> Floats:
        """The share of draws below each sigma, for one size."""
        sigma = np.asarray(sigma, np.float64)
        s = self.shifts(1, None if size is None else [size])
        low, high = self.bounds
        if self.cut:
            first, last, found = (
                self._plain_cdf(np.atleast_1d(one), s) for one in (low, high, sigma)
            )
            return np.clip((found - first) / (last - first), 0, 1)
        return self._plain_cdf(np.clip((sigma - low) / (high - low), 0, 1), s)

    def pdf(self, sigma: Any, sizes: Sequence[Size] | None = None) -> Floats:
        """The density of the draws at each sigma, ``[n]``; sizes as of `sample`."""
        sigma = np.atleast_1d(np.asarray(sigma, np.float64))
        s = self.shifts(len(sigma), sizes)
        low, high = self.bounds
        inside = (sigma >= low) & (sigma <= high)
        y, scale = sigma, np.ones_like(sigma)
        if self.cut:
            first, last = self._plain_cdf(np.array([low, high])[:, None], s)
            scale = 1 / (last - first)
        else:
            y, scale = (sigma - low) / (high - low), scale / (high - low)
        y, scale = (
            (y - self.shift_terminal) / (1 - self.shift_terminal),
            scale / (1 - self.shift_terminal),
        )
        inside &= (y >= 0) & (y <= 1)
        y = np.clip(y, LEAST, 1 - 1e-16)
        back = s - (s - 1) * y  # x = y / back is sigma before the shift, and dx/dy = s / back^2
        return np.where(inside, self.density.pdf(y / back) * s / back**2 * scale, 0.0)

    def weights(
        self,
        sigmas: Any,
        sizes: Sequence[Size] | None = None,
        *,
        objective: "TimestepSampler",
    ) -> Any:
        """Factors of the losses that keep another sampler's objective: E[w loss] is its E[loss].

        Args:
            sigmas: as drawn by this sampler, an array or a tensor.
            sizes: as given to `sample`.
            objective: whose expectation of the loss is meant.

        Returns:
            float32 of the same kind as ``sigmas``: density of the objective over this one's.

        Raises:
            ValueError: the objective has sigmas that this sampler never draws.
        """
        if objective.bounds[0] < self.bounds[0] or objective.bounds[1] > self.bounds[1]:
            raise ValueError(
                "the objective draws sigmas beyond this sampler's min_timestep and max_timestep: "
                "no weight makes up for what is never drawn"
            )
        if objective.shift_terminal < self.shift_terminal:
            raise ValueError("the objective draws sigmas below this sampler's shift_terminal")
        tensor = hasattr(sigmas, "detach")
        values = (
            sigmas.detach().cpu().double().numpy() if tensor else np.asarray(sigmas, np.float64)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            found = objective.pdf(values, sizes) / self.pdf(values, sizes)
        found = found.astype(np.float32)
        if not tensor:
            return found
        import torch

        return torch.from_numpy(found).to(sigmas.device)

    def knots(self, n: int = 32, size: Size | None = None) -> list[float]:
        """The density at n even steps of sigma from 0 to 1: SimpleTuner's cubic schedule weights.

        It draws straight from them, so that no shift goes with it.
        """
        grid = np.clip(np.linspace(0, 1, n), 1e-4, 1 - 1e-4)
        values = self.pdf(grid, [size] if size is not None else None)
        return [float(one) for one in values / values.max()]

    # Schedulers ---------------------------------------------------------------------------------

    def timesteps(self, scheduler: Any, sigmas: Any) -> Timesteps:
        """Drawn sigmas as a scheduler of diffusers has them, and whether by index or as they are.

        No index is as large as the table: sigma is never 1 here, where float32's sigmoid is from
        17.4 on and u N is then N.

        Args:
            scheduler: FlowMatchEulerDiscreteScheduler and its like, with a table of all their
                training steps; DDPMScheduler and its like, with ``alphas_cumprod``; or the number
                of steps, for a network that takes any time.
            sigmas: as of `sample`, an array or a tensor.

        Raises:
            ValueError: it is a scheduler of sampling, or was cut to the steps of sampling.
        """
        tensor, values = hasattr(sigmas, "detach"), _double(sigmas)

        def alike(array: np.ndarray) -> Any:
            if not tensor:
                return array
            import torch

            return torch.from_numpy(np.ascontiguousarray(array)).to(sigmas.device)

        if isinstance(scheduler, int):
            return Timesteps("sigma", sigmas * scheduler, sigmas)
        config, name = scheduler.config, type(scheduler).__name__
        count = int(config.num_train_timesteps)
        if hasattr(scheduler, "alphas_cumprod"):
            if getattr(config, "use_flow_sigmas", False):
                raise ValueError(
                    f"{name} samples flow models and has no table of their training steps: give a "
                    "FlowMatchEulerDiscreteScheduler, or the number of steps"
                )
            alphas = _double(scheduler.alphas_cumprod)
            # SNR of a flow is ((1 - sigma) / sigma)^2, that of DDPM abar / (1 - abar).
            theta = 0.5 * np.log(alphas / (1 - alphas))
            steps = _nearest(theta, -logit(values))
            return Timesteps(
                "step", alike(steps), alike(expit(-theta[steps]).astype(np.float32)), alike(steps)
            )
        table, told = _double(scheduler.sigmas), _double(scheduler.timesteps)
        if len(told) != count:
            raise ValueError(
                f"{name} has {len(told)} of {count} steps, as set_timesteps leaves it: give a copy "
                "from before, copy.deepcopy(scheduler)"
            )
        indices = _nearest(table[:count], values)
        return Timesteps(
            "index",
            alike(told[indices].astype(np.float32)),
            alike(table[indices].astype(np.float32)),
            alike(indices),
        )


def _double(values: Any) -> Floats:
    """An array or a tensor as an array in double precision."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().double().numpy()
    return np.asarray(values, np.float64)


def _nearest(table: Floats, values: Floats) -> np.ndarray:
    """The index of the nearest entry of a table that goes one way, as int64."""
    order = np.argsort(table)
    ascending = table[order]
    after = np.clip(np.searchsorted(ascending, values), 1, len(table) - 1)
    nearer = values - ascending[after - 1] < ascending[after] - values
    return order[np.where(nearer, after - 1, after)].astype(np.int64)
