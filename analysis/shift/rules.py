r"""Published resolution rules as functions: the shift s of any height and width, in pixels.

Every function gives s as in `schedule`: it acts on the noise fraction,
$\sigma' = s \sigma / (1 + (s - 1) \sigma)$, whatever the source writes (`Formula.written`).
`FORMULAS` has them by the keys of ``data/literature/shift_rules.csv``, where each one's source and
the place in it are named; rows without a function say there why they have none.

A shift in *training* says which noise levels a network is shown; a shift in *sampling* says where
its steps lie, and also makes up for their number. They are kept apart: a rule is asked for a stage
and refuses the one that its source does not state and nobody reports (`Formula.reported`).

Absolute values compare models with different bases, ratios between two resolutions compare rules.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping

from analysis.timesteps.schedule import expit, theoretical_shift

STAGES = ("training", "sampling")


def tokens(height: int, width: int, patch: int = 16) -> int:
    """Tokens of an image: whole patches of patch x patch pixels.

    Raises:
        ValueError: not one patch fits.
    """
    count = (height // patch) * (width // patch)
    if height <= 0 or count <= 0:
        raise ValueError(f"{height} x {width} px holds no patch of {patch} x {patch} px")
    return count


def square_root(height: int, width: int, base: int = 512) -> float:
    """sqrt(h w) / base: one statement with many bases.

    Base 512: Ideogram 4, Open-Sora 1.2 (one frame); base 64: simple diffusion; base 256:
    Qwen-Image-Layered. Esser et al. (eq. 23) leave the base open.
    """
    return theoretical_shift(height, width, base, base)


def matryoshka(height: int, width: int, power: float, base: int = 64) -> float:
    """SNR / scale^power, scale the ratio of sides: s = (sqrt(h w) / base)^(power / 2)."""
    return square_root(height, width, base) ** (power / 2)


def rae(height: int, width: int, channels: int = 768, base: int = 4096) -> float:
    """sqrt(m / n), m = tokens x channels: the only rule that counts channels (Zheng et al.)."""
    return math.sqrt(tokens(height, width) * channels / base)


def exponential_line(
    count: float, low: float = 0.5, high: float = 1.15, first: int = 256, last: int = 4096
) -> float:
    """s = e^mu, mu linear in tokens through (first, low) and (last, high): FLUX.1's line."""
    return math.exp(low + (high - low) * (count - first) / (last - first))


def flux1(height: int, width: int) -> float:
    """FLUX.1: mu from 0.5 at 256 tokens to 1.15 at 4096, tokens of 16 x 16 pixels."""
    return exponential_line(tokens(height, width))


def flux2(height: int, width: int, steps: int = 50) -> float:
    """FLUX.2's empirical mu, a rule of resolution and of the number of sampling steps.

    Up to 4300 tokens (about 1049 x 1049 pixels) mu is linear in steps between a line for 10 and
    one for 200; above, the code takes the line for 200 whatever the steps, so that s drops there
    (from 7.7 to 3.3 at 50 steps).
    """
    count = tokens(height, width)
    at_10 = 8.73809524e-05 * count + 1.89833333
    at_200 = 0.00016927 * count + 0.45666666
    if count > 4300:
        return math.exp(at_200)
    return math.exp(at_10 + (at_200 - at_10) * (steps - 10) / 190)


def qwen_image(height: int, width: int) -> float:
    """Qwen-Image: mu from 0.5 at 256 tokens to 0.9 at 8192.

    Its scheduler then stretches sigma to end at 0.02, which is no shift and is left out here.
    """
    return exponential_line(tokens(height, width), high=0.9, last=8192)


def qwen_image_layered(height: int, width: int) -> float:
    """Qwen-Image-Layered: sqrt(tokens / 256) of the conditioning image."""
    return math.sqrt(tokens(height, width) / 256)


def cogview4(height: int, width: int) -> float:
    """CogView4, GLM-Image: 0.25 + 0.75 sqrt(tokens / 256), a square root with an offset."""
    return 0.25 + 0.75 * math.sqrt(tokens(height, width) / 256)


def krea2(height: int, width: int) -> float:
    """Krea 2: FLUX.1's line stretched to 6400 tokens; its distilled checkpoint has mu = 1.15."""
    return exponential_line(tokens(height, width), last=6400)


def ai_toolkit(height: int, width: int) -> float:
    """ai-toolkit's ``flux_shift``: FLUX.1's line with 1.16 as its upper end."""
    return exponential_line(tokens(height, width), high=1.16)


def open_sora_1(height: int, width: int, frames: int = 1) -> float:
    """Open-Sora 1.2: sqrt(h w / 512^2) sqrt(latent frames)."""
    return square_root(height, width) * math.sqrt(frames)


def open_sora_2(height: int, width: int, frames: int = 1) -> float:
    """Open-Sora 2: s itself linear in tokens, 1 at 256 and 3 at 4096, times sqrt(frames)."""
    return (1 + 2 * (tokens(height, width) - 256) / 3840) * math.sqrt(frames)


def ltx_video(height: int, width: int, frames: int = 4) -> float:
    """LTX-Video: mu from 0.95 at 1024 tokens to 2.05 at 4096, tokens of 32 x 32 pixels.

    Tokens of all latent frames count. With four (25 frames) a side of 512 has 1024 tokens and one
    of 1024 has 4096, the two ends of its line; with one, s(1024^2) / s(512^2) is 1.32 instead of
    3.00. Its scheduler then stretches sigma to end at 0.1, which is left out here.
    """
    return exponential_line(tokens(height, width, 32) * frames, 0.95, 2.05, 1024)


def ltx_simple_diffusion(height: int, width: int, frames: int = 4) -> float:
    """LTX-Video's option of that name: tokens / 1024, the square of simple diffusion's rule."""
    return tokens(height, width, 32) * frames / 1024


def sana(height: int, width: int) -> float:
    """SANA: 3 in its configurations up to 2048^2, 6 in that for 4096^2, taken above 2048^2."""
    return 3.0 if height * width <= 2048**2 else 6.0


@dataclasses.dataclass(frozen=True)
class Formula:
    """A rule that can be evaluated.

    Args:
        key: row of ``shift_rules.csv``, which has the source and the place in it.
        stages: what its source states it for, of `STAGES`.
        base: where it gives one, or two ends of its line; empty for a constant.
        written: how its source writes it.
        of: s of (height, width) in pixels.
        of_steps: s of (height, width, steps), where steps matter; then ``of`` is at ``steps``.
        reported: stage -> who says that it is the rule of that stage, too, though the source does
            not state it.
    """

    key: str
    stages: tuple[str, ...]
    base: str
    written: str
    of: Callable[[int, int], float]
    of_steps: Callable[[int, int, int], float] | None = None
    reported: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __call__(
        self, height: int, width: int, steps: int | None = None, stage: str | None = None
    ) -> float:
        """s at a size in pixels.

        Args:
            height, width: in pixels.
            steps: number of sampling steps; only FLUX.2's rule depends on it.
            stage: ``training`` or ``sampling``; None where the caller wants what there is.

        Raises:
            ValueError: a stage that neither the source states nor anyone reports, no such stage,
                steps below 1, or an image of no patch.
        """
        if stage is not None and stage not in STAGES:
            raise ValueError(f"a stage is one of {', '.join(STAGES)}, not '{stage}'")
        if stage is not None and stage not in (*self.stages, *self.reported):
            raise ValueError(f"{self.key} is stated for {' and '.join(self.stages)}, not {stage}")
        if steps is not None and steps < 1:
            raise ValueError(f"{steps} sampling steps are too few")
        if steps is not None and self.of_steps is not None:
            return self.of_steps(height, width, steps)
        return self.of(height, width)

    def ratio(self, low: int, high: int) -> float:
        """s(high^2) / s(low^2), sides in pixels: what compares rules of different bases."""
        return self(high, high) / self(low, low)

    @property
    def constant(self) -> bool:
        """Whether its source has one number for all sizes."""
        return not self.base


TRAINING, SAMPLING, BOTH = ("training",), ("sampling",), STAGES
S, MU, SNR = "s", "mu = ln s", "SNR divided by s²"
FLUX_ENDS = "256 tokens (256²), 4096 (1024²)"
REPORTED = {"training": "Nerogar/OneTrainer#1516"}
"""The pull request says that the makers of FLUX.1 and FLUX.2 confirmed training by the line that
FLUX.1's scheduler has; their own statement was not read."""


def _static(key: str, stages: tuple[str, ...], value: float) -> Formula:
    return Formula(key, stages, "", S, lambda height, width: value)


FORMULAS: dict[str, Formula] = {
    formula.key: formula
    for formula in (
        Formula("esser2024-eq23", BOTH, "open; 512² here", S, square_root),
        Formula("hoogeboom2023-code", TRAINING, "64²", SNR, lambda h, w: square_root(h, w, 64)),
        Formula("gu2023-mdm-p1", BOTH, "64²", SNR, lambda h, w: matryoshka(h, w, 1)),
        Formula("gu2023-mdm-p2", BOTH, "64²", SNR, lambda h, w: matryoshka(h, w, 2)),
        Formula("zheng2025-rae", BOTH, "4096 values", S, rae),
        Formula("zheng2025-rae-code", BOTH, "4096 values", S, rae),
        Formula("ideogram4", SAMPLING, "512²", MU, square_root),
        Formula("ideogram4-docs", SAMPLING, "512²", MU, square_root),
        Formula("ideogram4-train-diffusers", TRAINING, "512²", MU, square_root),
        Formula("musubi-ideogram4", TRAINING, "512²", MU, square_root),
        Formula("flux1", SAMPLING, FLUX_ENDS, MU, flux1, reported=REPORTED),
        Formula("flux2-50", SAMPLING, "tokens and steps", MU, flux2, flux2),
        Formula(
            "flux2-200",
            SAMPLING,
            "tokens and steps",
            MU,
            lambda h, w: flux2(h, w, 200),
            flux2,
            REPORTED,
        ),
        Formula("qwen-image", SAMPLING, "256 tokens, 8192", MU, qwen_image),
        Formula("qwen-image-layered", SAMPLING, "256 tokens (256²)", S, qwen_image_layered),
        Formula("cogview4", SAMPLING, "256 tokens (256²)", S, cogview4),
        Formula("krea2", SAMPLING, "256 tokens, 6400", MU, krea2),
        Formula("lumina2-train", TRAINING, FLUX_ENDS, MU, flux1),
        Formula("kohya", TRAINING, FLUX_ENDS, MU, flux1),
        Formula("simpletuner-auto", TRAINING, FLUX_ENDS, MU, flux1),
        Formula("onetrainer", TRAINING, FLUX_ENDS, MU, flux1),
        Formula("ai-toolkit", TRAINING, FLUX_ENDS, MU, ai_toolkit),
        Formula("opensora12", BOTH, "512², one frame", S, open_sora_1),
        Formula("opensora2", BOTH, "256 tokens (256²), 4096", S, open_sora_2),
        Formula("ltx-video", SAMPLING, "1024 tokens, 4096", MU, ltx_video),
        Formula("ltx-simple-diffusion", SAMPLING, "1024 tokens", SNR, ltx_simple_diffusion),
        Formula("sana", BOTH, "", S, sana),
        _static("karras2022-edm", TRAINING, 1.0),
        _static("sd3-ref", SAMPLING, 3.0),
        _static("sd35", SAMPLING, 3.0),
        _static("flux1-schnell", SAMPLING, 1.0),
        _static("lumina2-sample", SAMPLING, 6.0),
        _static("zimage", SAMPLING, 3.0),
        _static("auraflow", SAMPLING, 1.73),
        _static("hidream-full", SAMPLING, 3.0),
        _static("hidream-dev", SAMPLING, 6.0),
        _static("ernie-image", SAMPLING, 4.0),
        _static("simpletuner", TRAINING, 3.0),
    )
}
"""The rules by key. A tool's copy of a model's rule has its own key: it may serve another stage."""


@dataclasses.dataclass(frozen=True)
class Reading:
    """What one ``logit_mean`` means to one reader; sigma is logit-normal in all of them.

    Args:
        reader: who reads it.
        mean: of logit(sigma), sigma = 1 at noise; our mu, of logit(t), is its negative.
        median: of sigma.
        noisy: share of the draws with sigma above 1/2, more noise than data.
    """

    reader: str
    mean: float
    median: float
    noisy: float


def sign_trap(logit_mean: float, logit_std: float = 1.0, shift: float = 1.0) -> list[Reading]:
    """The same three numbers in the SD3 paper and in diffusers' trainers. @eq-sign-trap

    diffusers' DreamBooth scripts for SD3 and FLUX draw u = expit(N(mean, std^2)) and take entry
    u N of the scheduler's table of sigmas, which begins with noise: u = 0 is noise, where in the
    paper (eq. 19) and in the script for Ideogram 4 it is data. The table carries a static shift.

    Args:
        logit_mean, logit_std: as ``--logit_mean`` and ``--logit_std``.
        shift: static shift in the scheduler's configuration, which both readings apply afterwards.

    Raises:
        ValueError: a std or shift that is not positive.
    """
    if not (logit_std > 0 and shift > 0):
        raise ValueError("logit_std and shift must be positive")
    readings = []
    for reader, sign in (("SD3 paper", 1), ("diffusers’ SD3 script", -1)):
        mean = sign * logit_mean + math.log(shift)
        noisy = 0.5 * (1 + math.erf(mean / logit_std / math.sqrt(2)))
        readings.append(Reading(reader, mean, float(expit(mean)), noisy))
    return readings
