"""The audio noise experiment: spectra of the two recordings."""

import numpy as np
from matplotlib.figure import Figure

from analysis.paper.figures import style
from analysis.study.results import Results
from analysis.timesteps.noise import Sound


def density(sound: Sound, segments: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Power per hertz in dB against frequency in Hz: periodograms of equal parts, averaged."""
    n = len(sound.samples) // segments
    parts = sound.samples[: n * segments].reshape(segments, n) * np.hanning(n)
    power = np.mean(np.abs(np.fft.rfft(parts)) ** 2, axis=0)
    per_hertz = 2 * power / (sound.rate * np.sum(np.hanning(n) ** 2))
    return np.fft.rfftfreq(n, 1 / sound.rate), 10 * np.log10(np.maximum(per_hertz, 1e-30))


@style.styled
def draw(results: Results) -> Figure:
    """Both recordings, whose only difference is how densely the noise was sampled."""
    figure = style.figure(2.6, 5.2)
    ax = figure.subplots()
    for sound, name, colour, line in zip(
        results.sounds, ("fine", "coarse"), (style.HIGH, style.LOW), ("-", "--"), strict=True
    ):
        f, level = density(sound)
        ax.plot(f / 1000, level, color=colour, ls=line, label=f"{name}: {sound.level:.1f} dBFS")
    ax.set_xlim(0, 2)
    ax.set_ylim(-80, -40)
    ax.set_xlabel("frequency (kHz)")
    ax.set_ylabel("power density (dB re full scale²/Hz)")
    ax.legend()
    return figure
