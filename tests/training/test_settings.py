"""The settings for other tools do what they say; diffusers is asked itself."""

import math
import re

import numpy as np
import pytest

from analysis.timesteps import schedule
from analysis.training import settings


def test_training_and_sampling_have_bases_of_their_own() -> None:
    found = settings.settings(2.0, 1.0, sampling_base=3.0)
    assert {s.tool for s in found} == {
        "diffusers", "diffusers trainers", "kohya sd-scripts", "SimpleTuner", "OneTrainer",
    }  # fmt: skip
    for one in found:
        expected = {"training": 2.0, "sampling": 6.0}[one.stage]
        number = float(re.findall(r"[-\d.]+$", one.option)[-1])
        wanted = math.log(expected) if "mu=" in one.option else expected
        assert number == pytest.approx(wanted, rel=5e-4)
    assert settings.settings(2.0, 3.0) == settings.settings(2.0, 3.0, 3.0)
    for wrong in (0.0, -1.0, math.nan, math.inf):
        for bases in ((wrong, 1.0), (1.0, wrong)):
            with pytest.raises(ValueError, match="positive and finite"):
                settings.settings(2.0, *bases)


@pytest.mark.parametrize(("s", "base"), [(2.0, 1.0), (2.0, 3.0), (0.5, 3.0), (1.9957, 1.15)])
def test_diffusers_does_what_the_settings_say(s: float, base: float) -> None:
    diffusers = pytest.importorskip("diffusers")
    static, dynamic = (x.option for x in settings.settings(s, base) if x.tool == "diffusers")
    start = np.linspace(1, 0.05, 20)
    # What is meant: the base's schedule, shifted by s. The options hold four digits: 5e-4 of s or
    # of mu moves sigma by at most a quarter of that.
    expected = schedule.shift_sigma(schedule.shift_sigma(start, base), s)

    arguments = re.fullmatch(r"shift=([\d.]+)", static)
    assert arguments
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=float(arguments[1]))
    scheduler.set_timesteps(sigmas=start.tolist())
    assert np.max(np.abs(scheduler.sigmas.numpy()[:-1] - expected)) < 5e-4

    arguments = re.fullmatch(r"mu=(-?[\d.]+)", dynamic)
    assert arguments
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    scheduler.set_timesteps(sigmas=start.tolist(), mu=float(arguments[1]))
    assert np.max(np.abs(scheduler.sigmas.numpy()[:-1] - expected)) < 5e-4
