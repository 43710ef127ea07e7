"""Two recordings of noise with level meters: coarse noise heard against fine noise."""

import itertools
from typing import Any

import numpy as np

from analysis.paper.text import fixed
from analysis.paper.widgets.markup import STYLE, embedded_json, raw_html, script
from analysis.project.errors import InputError
from analysis.study.results import Results
from analysis.timesteps.noise import Sound

WINDOW = 0.05  # seconds; the level meters move this often
SILENCE = -120.0  # dBFS, shown for a window without any sound


def levels(sound: Sound, window: float = WINDOW) -> list[float]:
    """Root-mean-square level of each window in dBFS, rounded to 0.01 dB.

    A window that is no whole number of samples ends at the nearest one.

    Args:
        sound: the recording.
        window: seconds.

    Raises:
        InputError: the window is shorter than a sample, or longer than the recording.
    """
    length = window * sound.rate
    if not 1 <= length <= len(sound.samples):
        raise InputError(f"a window of {window} s does not suit {len(sound.samples)} samples")
    count = round(len(sound.samples) / length)
    edges = np.rint(np.arange(count + 1) * length).astype(int)
    edges[-1] = len(sound.samples)
    power = [np.mean(sound.samples[a:b] ** 2) for a, b in itertools.pairwise(edges)]
    return [round(float(10 * np.log10(p)), 2) if p > 10 ** (SILENCE / 10) else SILENCE
            for p in power]  # fmt: skip


def level_data(results: Results) -> dict[str, Any]:
    """``window`` in seconds, and of ``fine`` and ``coarse``: ``mean`` and ``levels`` in dBFS."""
    return {"window": WINDOW} | {
        name: {"mean": round(sound.level, 2), "levels": levels(sound)}
        for name, sound in zip(("fine", "coarse"), results.sounds, strict=True)
    }


def sound_levels(results: Results) -> str:
    """The two recordings with players, and a meter beside each."""
    figures = []
    for name, sound in zip(("fine", "coarse"), results.sounds, strict=True):
        how = "Densely" if name == "fine" else "Sparsely"
        label = f"{how} sampled noise, {fixed(sound.level, 1)} dB re full scale"
        mean = 1 + max(sound.level, -60) / 60
        figures.append(
            f'<figure class="sound" data-track="{name}"><figcaption>{label}</figcaption>'
            f'<audio controls preload="none" src="../data/results/sound/noise-{name}.wav"'
            f' aria-label="{label}"></audio>'
            f'<div class="w-level"><div role="meter" aria-label="Level of this recording" '
            'aria-valuemin="-60" aria-valuemax="0" aria-valuenow="-60" '
            'aria-valuetext="not playing"><span class="w-bar"></span>'
            f'<span class="w-mean" style="left:{100 * mean:.1f}%"></span></div>'
            '<div class="w-scale" aria-hidden="true"><span>−60</span><span>−40</span>'
            "<span>−20</span><span>0 dBFS</span></div>"
            '<div aria-hidden="true"><span class="w-value">not playing</span> '
            "<span>(mark: its mean)</span></div></div></figure>"
        )
    return raw_html(
        STYLE,
        '<div class="sound-levels">',
        *figures,
        '<p class="w-switch"><button type="button" disabled>Switch between the two</button></p>',
        embedded_json(level_data(results)),
        "</div>",
        script("sound-levels"),
    )
