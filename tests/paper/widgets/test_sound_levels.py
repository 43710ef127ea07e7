"""The players play the recordings whose levels their captions name."""

import math
import re
import wave

import numpy as np
import pytest

from analysis.paper.widgets import sound_levels
from analysis.project.files import root
from analysis.study.results import Results
from analysis.timesteps.noise import SOUND_FACTOR


def test_captions_say_the_levels_of_what_is_played(bundled: Results) -> None:
    text = sound_levels.markup(bundled)
    found = re.findall(r"<figcaption>\w+ sampled noise, −([\d.]+)\u00a0?.*?src=\"([^\"]+)\"", text)
    levels = []
    for told, source in found:
        with wave.open(str(root() / "report" / source)) as file:
            played = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
        levels.append(10 * math.log10(np.mean(played**2)))
        assert levels[-1] == pytest.approx(-float(told), abs=0.051)
    fine, coarse = levels
    assert coarse - fine == pytest.approx(10 * math.log10(SOUND_FACTOR), abs=0.3)
