"""What was measured: the arrays of one encoder, and every number derived from them.

Arrays are stored (and committed), numbers are derived on reading, so that the two cannot disagree.
"""

import dataclasses
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis import encoders, images, noise, shift, spectra
from analysis.cache import Arrays
from analysis.powerlaw import PowerLaw, fit_power_law
from analysis.settings import InputError, Study

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Measured:
    """What was measured of one encoder.

    Args:
        card: the encoder's card.
        study: the choices.
        arrays: ``power_<side>`` ``[I, C, R]`` of the clean latents, ``noise_<side>`` and
            ``noisy_<side>`` ``[I, R]`` (means over channels), ``k_<side>`` and ``modes_<side>``
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

    @functools.cached_property
    def shift(self) -> shift.MeasuredShift:
        """The measured shift from the low to the high resolution."""
        study = self.study
        low, high = (
            (self.k(side), self.power(side), self.expected_noise(side))
            for side in study.resolutions
        )
        try:
            return shift.measure(
                low, high, (study.high / study.low) ** 2, study.bands,
                noise.generator(study.seed, "bootstrap", self.card.name),
                study.bootstrap, study.confidence,
            )  # fmt: skip
        except ValueError as error:
            raise InputError(f"no shift can be measured for {self.card.name}: {error}") from None

    @functools.cached_property
    def power_laws(self) -> list[PowerLaw]:
        """Each photograph's power law at the high resolution, ring 2 to half the Nyquist ring."""
        k, power = self.k(self.study.high), self.power(self.study.high)
        band = slice(self.study.bands.first_ring, len(k) // 2 + 1)
        return [fit_power_law(k[band], row[band]) for row in power]

    def numbers(self) -> dict[str, Any]:
        """The derived numbers as JSON values, for ``data/results`` and ``recommend``."""
        s = self.shift
        gammas = [law.gamma for law in self.power_laws]
        out: dict[str, Any] = {
            "encoder": self.card.name,
            "axis": shift.AXIS,
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
