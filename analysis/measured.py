"""What was measured: the arrays of one encoder, and every number derived from them.

Arrays are stored (and committed), numbers are derived on reading, so that the two cannot disagree.
"""

import dataclasses
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import encoders, images, noise, spectra
from analysis.cache import Arrays
from analysis.powerlaw import PowerLaw, fit_power_law
from analysis.settings import InputError, Study, Window
from analysis.shift import AXIS, MeasuredShift, measure

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Measured:
    """What was measured of one encoder.

    Args:
        card: the encoder's card.
        study: the choices.
        arrays: ``power_<side>`` ``[I, C, R]`` of the clean latents; ``windows_<side>``
            ``[I, W, R]``, the same under each of the study's windows, ``noise_<side>`` and
            ``noisy_<side>`` ``[I, R]``, means over channels; ``k_<side>`` and ``modes_<side>``
            ``[R]``; frequencies in cycles per image, powers in latent-units squared per mode.
        origin: ``computed`` or ``committed``.
        provenance: key, commit, library versions.
    """

    card: encoders.Card
    study: Study
    arrays: Arrays
    origin: str
    provenance: dict[str, Any]

    def k(self, side: int) -> Floats:
        """``[R]``, cycles per image."""
        return self.arrays[f"k_{side}"]

    def modes(self, side: int) -> Floats:
        """``[R]``, Fourier modes in each ring."""
        return self.arrays[f"modes_{side}"]

    def power(self, side: int) -> Floats:
        """``[I, R]``, RAPS of the clean latents, averaged over channels."""
        return self.arrays[f"power_{side}"].mean(axis=1)

    def noise(self, side: int) -> Floats:
        """``[I, R]``, RAPS of the noise that was drawn, averaged over channels."""
        return self.arrays[f"noise_{side}"]

    def noisy(self, side: int) -> Floats:
        """``[I, R]``, RAPS of the blend at the study's t, averaged over channels."""
        return self.arrays[f"noisy_{side}"]

    def expected_noise(self, side: int) -> Floats:
        """``[R]``, the exact expectation of `noise`."""
        window, n = self.study.window, side // self.card.stride
        return spectra.white_noise_raps(n, n, window.kind, window.beta)

    def _shift(self, powers: dict[int, Floats], window: Window, axis: str = AXIS) -> MeasuredShift:
        """The shift from spectra ``[I, R]`` by side, under a window, along a frequency axis."""
        study, sides = self.study, []
        for side in study.resolutions:
            n = side // self.card.stride
            noise_power = spectra.white_noise_raps(n, n, window.kind, window.beta)
            # In units of the low resolution's cycles per image, equal cycles per pixel are equal.
            scale = study.low / side if axis == "cycles/pixel" else 1.0
            sides.append((self.k(side) * scale, powers[side], noise_power))
        try:
            return measure(
                sides[0], sides[1], (study.high / study.low) ** 2, study.bands,
                noise.generator(study.seed, "bootstrap", self.card.name),
                study.bootstrap, study.confidence,
            )  # fmt: skip
        except ValueError as error:
            raise InputError(f"no shift can be measured for {self.card.name}: {error}") from None

    def _by_side(self, name: str) -> dict[int, np.ndarray]:
        return {side: self.arrays[f"{name}_{side}"] for side in self.study.resolutions}

    @functools.cached_property
    def shift(self) -> MeasuredShift:
        """The measured shift from the low to the high resolution, at fixed cycles per image."""
        return self._shift(
            {side: self.power(side) for side in self.study.resolutions}, self.study.window
        )

    @functools.cached_property
    def shift_by_window(self) -> list[MeasuredShift]:
        """`shift` under each of the study's windows."""
        powers = self._by_side("windows")
        return [
            self._shift({side: powers[side][:, index] for side in powers}, window)
            for index, window in enumerate(self.study.windows)
        ]

    @functools.cached_property
    def shift_equal_channels(self) -> MeasuredShift:
        """`shift` with every channel scaled to the same variance at the high resolution."""
        powers, modes = self._by_side("power"), self.modes(self.study.high)
        variance = powers[self.study.high].mean(axis=0) @ modes
        scaled = {side: (p / variance[:, None]).mean(axis=1) for side, p in powers.items()}
        return self._shift(scaled, self.study.window)

    @functools.cached_property
    def shift_per_pixel(self) -> MeasuredShift:
        """The shift at fixed cycles per (latent) pixel: another question, another answer."""
        powers = {side: self.power(side) for side in self.study.resolutions}
        return self._shift(powers, self.study.window, "cycles/pixel")

    def _laws(self, power: np.ndarray) -> list[PowerLaw]:
        k = self.k(self.study.high)
        band = slice(self.study.bands.first_ring, len(k) // 2 + 1)
        return [fit_power_law(k[band], row[band]) for row in power]

    @functools.cached_property
    def power_laws(self) -> list[PowerLaw]:
        """Each image's power law at the high resolution, first ring to half the Nyquist ring."""
        return self._laws(self.power(self.study.high))

    @functools.cached_property
    def power_laws_by_window(self) -> list[list[PowerLaw]]:
        """`power_laws` under each of the study's windows."""
        powers = self._by_side("windows")[self.study.high]
        return [self._laws(powers[:, index]) for index in range(len(self.study.windows))]

    def numbers(self) -> dict[str, Any]:
        """The derived numbers as JSON values, for ``data/results`` and ``recommend``."""
        s = self.shift
        gammas = [law.gamma for law in self.power_laws]
        out: dict[str, Any] = {
            "encoder": self.card.name,
            "axis": AXIS,
            "resolutions": list(self.study.resolutions),
            "theory": s.theory,
            "measured": s.whole.value,
            "interval": [s.whole.low, s.whole.high],
            "confidence": s.confidence,
            "exponent": s.exponent,
            "bands": {
                name: {"measured": e.value, "interval": [e.low, e.high], "band": list(e.band)}
                for name, e in s.bands.items()
            },
            "variations": {
                name: {"measured": e.value, "interval": [e.low, e.high]}
                for name, e in (
                    ("equal_channels", self.shift_equal_channels.whole),
                    ("cycles_per_pixel", self.shift_per_pixel.whole),
                )
            },
            "windows": {
                window.text: {"measured": s.whole.value, "interval": [s.whole.low, s.whole.high]}
                for window, s in zip(self.study.windows, self.shift_by_window, strict=True)
            },
            "power_exponent": {"mean": float(np.mean(gammas)), "std": float(np.std(gammas))},
            "images": len(gammas),
        }
        if "psnr" in self.arrays:
            out["reconstruction"] = {
                "psnr_db": float(self.arrays["psnr"]),
                "relative_mse": float(self.arrays["relative_mse"]),
            }
        return out


@dataclasses.dataclass(frozen=True)
class Leakage:
    """What each window makes of simulated fields whose spectrum is known.

    Args:
        k: ``[R - 1]``, cycles per image, from ring 1 on.
        gammas: ``[G]``, exponents of the fields' power.
        ratio: ``[G, W, R - 1]``, measured over true power.
        origin, provenance: as of `Measured`.
    """

    k: Floats
    gammas: Floats
    ratio: Floats
    origin: str
    provenance: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Display:
    """The pictured latents: one photograph at both resolutions, by the display encoder.

    Args:
        photograph: which one.
        z: side -> ``[C, h, w]`` clean latents; eps: side -> noise of the same shape.
        origin, provenance: as of `Measured`.
    """

    photograph: images.Photograph
    z: dict[int, np.ndarray]
    eps: dict[int, np.ndarray]
    origin: str
    provenance: dict[str, Any]

    def noisy(self, side: int, t: float) -> np.ndarray:
        """z_t = t z + (1 - t) eps, ``[C, h, w]``."""
        return noise.blend(self.z[side], self.eps[side], t)
