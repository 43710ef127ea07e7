"""The audio noise experiment: spectra of the two recordings."""

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.paper.series import Data, Series
from analysis.paper.text import plain
from analysis.study.results import Results
from analysis.timesteps.noise import Sound


def density(sound: Sound, segments: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Power per hertz in dB against frequency in Hz: periodograms of equal parts, averaged."""
    n = len(sound.samples) // segments
    parts = sound.samples[: n * segments].reshape(segments, n) * np.hanning(n)
    power = np.mean(np.abs(np.fft.rfft(parts)) ** 2, axis=0)
    per_hertz = 2 * power / (sound.rate * np.sum(np.hanning(n) ** 2))
    return np.fft.rfftfreq(n, 1 / sound.rate), 10 * np.log10(np.maximum(per_hertz, 1e-30))


def data(results: Results) -> Data:
    """Both recordings, whose only difference is how densely the noise was sampled."""
    curves = []
    for name, sound in zip(("fine", "coarse"), results.sounds, strict=True):
        f, level = density(sound)
        curves.append(Series("", f"{name}: {plain(sound.level, 1)} dBFS", f / 1000, level))
    axes = {"": ("frequency (kHz)", "power density (dB re full scale²/Hz)")}
    return Data(tuple(curves), axes=axes)


@style.styled
def draw(data: Data) -> Figure:
    """Both recordings, whose only difference is how densely the noise was sampled."""
    looks: list[style.Look] = [{"color": style.HIGH}, {"color": style.LOW, "ls": "--"}]
    figure, ax = style.curves(data, 2.6, looks)
    ax.set_xlim(0, 2)
    ax.set_ylim(-80, -40)
    return figure


def alt(results: Results) -> str:
    """What the figure shows, in words and numbers."""
    fine, coarse = (sound.level for sound in results.sounds)
    return (
        "Power density in decibels against frequency. Both recordings are flat and then cut off at "
        "the same frequency; the coarsely sampled one lies higher by a constant, "
        f"{plain(coarse - fine, 2)}\u00a0dB."
    )
