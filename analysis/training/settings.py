"""A shift as the settings of the tools that train and sample flow-matching models.

Every tool below applies sigma' = s sigma / (1 + (s - 1) sigma) with one number s, so that a shift
for a new resolution multiplies the one that serves at the base resolution.

Sources (read at the commits named in ``data/literature/shift_rules.csv``): diffusers
``scheduling_flow_match_euler_discrete.py``; kohya sd-scripts ``flux_train_utils.py``; SimpleTuner
``custom_schedule.py``; OneTrainer ``ModelSetupNoiseMixin.py``.
"""

import dataclasses
import math
from typing import Literal

Stage = Literal["training", "sampling"]
FLOW = "FlowMatchEulerDiscreteScheduler"


@dataclasses.dataclass(frozen=True)
class Setting:
    """One tool's way to take the shift.

    Args:
        tool: the tool.
        stage: ``training`` or ``sampling``: what the option acts on.
        option: its option with the value.
        note: what to know.
        source: key of the row in ``shift_rules.csv`` that says where the option was read.
    """

    tool: str
    stage: Stage
    option: str
    note: str
    source: str


def total_shift(s: float, base_shift: float = 1.0) -> float:
    """The s to set at the new resolution: base_shift times s, since shifts compose.

    Raises:
        ValueError: a shift that is not positive and finite.
    """
    for value in (s, base_shift):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"a shift must be positive and finite, got {value}")
    return s * base_shift


def settings(
    s: float, base_shift: float = 1.0, sampling_base: float | None = None
) -> list[Setting]:
    """How each tool takes the shift.

    Args:
        s: shift from the base to the new resolution.
        base_shift: the shift in use at the base resolution (1 if none), in training.
        sampling_base: that in sampling, which need not be the same; None: it is.
    """
    total = {
        "training": total_shift(s, base_shift),
        "sampling": total_shift(s, base_shift if sampling_base is None else sampling_base),
    }
    train, sample = (f"{total[stage]:.4g}" for stage in ("training", "sampling"))
    mu = f"{math.log(total['sampling']):.4g}"
    rows: list[tuple[str, Stage, str, str, str]] = [
        ("diffusers", "sampling", f"shift={sample}", f"of {FLOW}", "diffusers-flowmatch"),
        (
            "diffusers", "sampling", f"mu={mu}",
            "of set_timesteps, with use_dynamic_shifting=True; mu = ln s", "diffusers-flowmatch",
        ),
        (
            "diffusers trainers", "training", f"shift={train}",
            f"of the {FLOW} they draw from; a dynamic shift does not reach training",
            "diffusers-dreambooth",
        ),
        (
            "kohya sd-scripts", "training", f"--discrete_flow_shift {train}",
            "with --timestep_sampling shift", "kohya",
        ),
        (
            "SimpleTuner", "training", f"--flow_schedule_shift={train}",
            "wins over the automatic shift", "simpletuner",
        ),
        (
            "OneTrainer", "training", f"timestep_shift = {train}",
            "with dynamic timestep shifting off", "onetrainer",
        ),
    ]  # fmt: skip
    return [Setting(*row) for row in rows]
