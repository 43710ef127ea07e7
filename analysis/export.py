"""A shift as the settings of the tools that train and sample flow-matching models.

Every tool below applies sigma' = s sigma / (1 + (s - 1) sigma) with one number s, so that a shift
for a new resolution multiplies the one that serves at the base resolution.

Sources (read at the commits named in ``data/literature/shift_rules.csv``): diffusers
``scheduling_flow_match_euler_discrete.py``; kohya sd-scripts ``flux_train_utils.py``; SimpleTuner
``custom_schedule.py``; OneTrainer ``ModelSetupNoiseMixin.py``.
"""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Setting:
    """One tool's way to take the shift.

    Args:
        tool: the tool.
        option: its option with the value.
        note: what to know.
        source: key of the row in ``shift_rules.csv`` that says where the option was read.
    """

    tool: str
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


def settings(s: float, base_shift: float = 1.0) -> list[Setting]:
    """How each tool takes the shift.

    Args:
        s: shift from the base to the new resolution.
        base_shift: the shift in use at the base resolution (1 if none).
    """
    total = total_shift(s, base_shift)
    value, mu = f"{total:.4g}", f"{math.log(total):.4g}"
    flow = "FlowMatchEulerDiscreteScheduler"
    return [
        Setting("diffusers", f"shift={value}", f"sampling; of {flow}", "diffusers-flowmatch"),
        Setting(
            "diffusers",
            f"mu={mu}",
            "sampling with use_dynamic_shifting=True; of set_timesteps, mu = ln s",
            "diffusers-flowmatch",
        ),
        Setting(
            "kohya sd-scripts",
            f"--discrete_flow_shift {value}",
            "training, with --timestep_sampling shift",
            "kohya",
        ),
        Setting(
            "SimpleTuner",
            f"--flow_schedule_shift={value}",
            "training; wins over the automatic shift",
            "simpletuner",
        ),
        Setting(
            "OneTrainer",
            f"timestep_shift = {value}",
            "training, with dynamic timestep shifting off",
            "onetrainer",
        ),
    ]
