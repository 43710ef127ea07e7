"""What was measured: the arrays of one encoder, and every number derived from them.

Arrays are stored (and committed), numbers are derived on reading, so that the two cannot disagree.
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from analysis.encoders import cards
from analysis.project.arrays import Floats
from analysis.project.errors import InputError
from analysis.shift import information as shift_information
from analysis.shift.equal_snr import MeasuredShift, measure, moved_edges, pooled
from analysis.shift.equivariance import COMPARED, Equivariance, summarise
from analysis.shift.information import InformationShift
from analysis.spectra import periodogram
from analysis.spectra.bands import AXIS, PER_PIXEL, measurable
from analysis.spectra.cross_spectra import shared_bins, unpacked
from analysis.spectra.intervals import Estimate
from analysis.spectra.powerlaw import PowerLaw, fit_power_law
from analysis.spectra.windows import Window
from analysis.study.settings import Study
from analysis.study.store import Arrays


def numbers_of(s: MeasuredShift) -> dict[str, Any]:
    """A shift as JSON values."""
    return {
        "axis": AXIS,
        "theory": s.theory,
        "measured": s.whole.value,
        "interval": [s.whole.low, s.whole.high],
        "confidence": s.confidence,
        "exponent": s.exponent,
        "bands": {name: _plain(e) | {"band": list(e.band)} for name, e in s.bands.items()},
    }


@dataclasses.dataclass(frozen=True, eq=False)  # by identity, so that what is derived can be kept
class Measured:
    """What was measured of one encoder.

    Args:
        card: the encoder's card.
        study: the choices.
        arrays: what each of `steps.STEPS` gives, stacked over photographs, and its rings:
            ``<name>_<side>``, ``varied_<variation>_<side>``; frequencies in cycles per image,
            powers in latent units squared per mode.
        origin: ``computed`` or ``committed``.
        provenance: key, commit, library versions.
    """

    card: cards.Card
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

    @property
    def moved(self) -> dict[str, tuple[float, int]]:
        """Bands that end elsewhere than the study says, at the low side (`moved_edges`)."""
        return moved_edges(self.study.bands, self.k(self.study.low))

    def power(self, side: int) -> Floats:
        """``[I, R]``, RAPS of the clean latents, averaged over channels."""
        return self.arrays[f"power_{side}"].mean(axis=1)

    def noise(self, side: int) -> Floats:
        """``[I, R]``, RAPS of the noise that was drawn, averaged over channels."""
        return self.arrays[f"noise_{side}"]

    def noisy(self, side: int) -> Floats:
        """``[I, R]``, RAPS of the blend at the study's t, averaged over channels."""
        return self.arrays[f"noisy_{side}"]

    def expected_noise(self, side: int, window: Window | None = None) -> Floats:
        """``[R]``, the exact expectation of `noise`, under the study's window or another."""
        window, n = window or self.study.window, side // self.card.latent_stride
        return periodogram.white_noise_raps(n, n, window.kind, window.beta)

    def snr(self, side: int) -> Floats:
        """``[I, C, R]``, power of each channel over the expected noise; 0 where there is none."""
        power, expected = self.arrays[f"power_{side}"], self.expected_noise(side)
        # Ring 0 has neither, since the mean was taken off; it is never used.
        return np.divide(power, expected, out=np.zeros_like(power), where=expected > 1e-9)

    def _shift(
        self,
        powers: dict[int, Floats],
        pair: tuple[int, int] | None = None,
        window: Window | None = None,
        axis: str = AXIS,
    ) -> MeasuredShift:
        """The shift from spectra ``[I, R]`` by side, under a window, along a frequency axis."""
        study, (low, high) = self.study, pair or self.study.pair
        sides = [
            (
                # In units of the low side's cycles per image, equal cycles per pixel are equal.
                self.k(side) * (low / side if axis == PER_PIXEL else 1.0),
                powers[side],
                self.expected_noise(side, window),
            )
            for side in (low, high)
        ]
        try:
            return measure(sides[0], sides[1], (high / low) ** 2, study.bands, study.confidence)
        except ValueError as error:
            raise InputError(f"no shift can be measured for {self.card.name}: {error}") from None

    def _both(self, name: str) -> dict[int, np.ndarray]:
        """An array of the two sides that are shown."""
        return {side: self.arrays[f"{name}_{side}"] for side in self.study.pair}

    @functools.cached_property
    def shifts(self) -> dict[tuple[int, int], MeasuredShift]:
        """The measured shift between every two resolutions, at fixed cycles per image."""
        powers = {side: self.power(side) for side in self.study.resolutions}
        return {
            pair: self.shift if pair == self.study.pair else self._shift(powers, pair)
            for pair in itertools.combinations(self.study.resolutions, 2)
            if measurable(self.k(pair[0]), self.study.bands)
        }

    @functools.cached_property
    def shift(self) -> MeasuredShift:
        """The measured shift from the low to the high resolution, at fixed cycles per image."""
        return self._shift({side: self.power(side) for side in self.study.pair})

    @functools.cached_property
    def shift_by_window(self) -> list[MeasuredShift]:
        """`shift` under each of the study's windows."""
        powers = self._both("windows")
        return [
            self._shift({side: p[:, index] for side, p in powers.items()}, window=window)
            for index, window in enumerate(self.study.windows)
        ]

    @functools.cached_property
    def shift_equal_channels(self) -> MeasuredShift:
        """`shift` with every channel scaled to the same variance at the high resolution."""
        powers, modes = self._both("power"), self.modes(self.study.high)
        variance = powers[self.study.high].mean(axis=0) @ modes
        return self._shift({s: (p / variance[:, None]).mean(axis=1) for s, p in powers.items()})

    @functools.cached_property
    def shift_per_pixel(self) -> MeasuredShift:
        """The shift at fixed cycles per (latent) pixel: another question, another answer."""
        return self._shift({side: self.power(side) for side in self.study.pair}, axis=PER_PIXEL)

    @functools.cached_property
    def shift_by_channel(self) -> list[MeasuredShift]:
        """`shift` of each channel alone."""
        powers = self._both("power")
        return [
            self._shift({side: p[:, channel] for side, p in powers.items()})
            for channel in range(powers[self.study.high].shape[1])
        ]

    @functools.cached_property
    def shift_pooled(self) -> Estimate:
        """The geometric mean of `shift_by_channel`, over images and channels."""
        first, study = self.shift_by_channel[0], self.study
        curves = np.stack([one.curves for one in self.shift_by_channel], axis=1)
        return pooled(first.k, curves, first.whole.band, study.confidence)

    @functools.cached_property
    def shift_by_variation(self) -> dict[str, MeasuredShift]:
        """`shift` under each of the study's variations that was measured, by its name."""
        return {
            variation.name: self._shift(self._both(f"varied_{variation.name}"))
            for variation in self.study.variations
            if f"varied_{variation.name}_{self.study.low}" in self.arrays
        }

    @functools.cached_property
    def information(self) -> InformationShift | None:
        """The shift that no orthogonal mix of channels on the grid changes, low and middle bands.

        None if the images or their latents' modes are too few for a matrix of all channels.
        """
        images, channels, _ = self.arrays[f"power_{self.study.low}"].shape
        if images < shift_information.FEWEST:
            return None
        study, card = self.study, self.card
        bins = shared_bins(
            study.low // card.latent_stride, card.latent_channels, images, study.window, study.bands
        )
        whole = bins.within("whole")
        # With fewer modes than channels left, a matrix without one photograph is singular.
        if bins.modes[whole].min() * (images - 1) / 2 < channels:
            return None
        low, high = (unpacked(a, channels)[:, whole] for a in self._both("cross").values())
        return shift_information.measure(low, high, bins[whole], self.study.confidence)

    @functools.cached_property
    def equivariance(self) -> Equivariance:
        """How far encoding and shrinking can be exchanged, between the two sides shown."""
        study = self.study
        parts = {name: self.arrays[f"pair_{name}_{study.high}"] for name in COMPARED}
        images = len(parts["low"])
        rows = [{n: array[index] for n, array in parts.items()} for index in range(images)]
        return summarise(
            rows,
            study.low // self.card.latent_stride,
            study.bands,
            study.window.kind,
            study.window.beta,
            study.confidence,
        )

    @property
    def law_rings(self) -> slice:
        """The rings of the high side that power laws are fitted to: to half the Nyquist ring.

        Three at least: a line through two has no error.
        """
        first = self.study.bands.first_ring
        return slice(first, max(len(self.k(self.study.high)) // 2 + 1, first + 3))

    def _laws(self, power: np.ndarray, start: int = 0) -> list[PowerLaw]:
        """Power laws of spectra whose first ring is `start`."""
        k = self.k(self.study.high)[start:]
        band = slice(self.law_rings.start - start, self.law_rings.stop - start)
        return [fit_power_law(k[band], row[band]) for row in power]

    @functools.cached_property
    def power_laws(self) -> list[PowerLaw]:
        """Each image's power law at the high resolution, first ring to half the Nyquist ring."""
        return self._laws(self.power(self.study.high))

    @functools.cached_property
    def power_laws_by_window(self) -> list[list[PowerLaw]]:
        """`power_laws` under each of the study's windows."""
        powers = self.arrays[f"windows_{self.study.high}"]
        return [self._laws(powers[:, index]) for index in range(len(self.study.windows))]

    @functools.cached_property
    def channel_laws(self) -> list[PowerLaw]:
        """Each channel's power law at the high resolution, of its geometric mean over images."""
        power = self.arrays[f"power_{self.study.high}"]
        return self._laws(np.exp(np.log(power[..., 1:]).mean(axis=0)), 1)

    @functools.cached_property
    def top_octave(self) -> float:
        """The power-law exponent between half and all of the Nyquist frequency; 0 is flat."""
        k, power = self.k(self.study.high), self.power(self.study.high)
        band = slice(len(k) // 2, None)
        return float(fit_power_law(k[band], np.exp(np.log(power[:, band]).mean(axis=0))).gamma)

    def numbers(self) -> dict[str, Any]:
        """The derived numbers as JSON values, for ``data/results``."""
        s = self.shift
        gammas = [law.gamma for law in self.power_laws]
        out: dict[str, Any] = {
            "encoder": self.card.name,
            "resolutions": list(self.study.resolutions),
            **numbers_of(s),
            "mismatch": {"measured": s.mismatch(s.whole.value), "theory": s.mismatch(s.theory)},
            "pairs": {
                f"{low}-{high}": _plain(one.whole) | {"exponent": one.exponent}
                for (low, high), one in self.shifts.items()
            },
            "channels": [_plain(one.whole) for one in self.shift_by_channel],
            "variations": {
                "equal_channels": _plain(self.shift_equal_channels.whole),
                "pooled_channels": _plain(self.shift_pooled),
                "cycles_per_pixel": _plain(self.shift_per_pixel.whole),
            }
            | {name: _plain(one.whole) for name, one in self.shift_by_variation.items()},
            "windows": {
                window.text: _plain(one.whole)
                for window, one in zip(self.study.windows, self.shift_by_window, strict=True)
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


def band_ends(encoders: Iterable[Measured]) -> list[float]:
    """Where low and middle bands end, as fractions of each encoder's Nyquist frequency."""
    ends = set()
    for one in encoders:
        moved, nyquist = one.moved, len(one.k(one.study.low)) - 1
        for name in ("low", "middle"):
            ends.add(moved[name][1] / nyquist if name in moved else getattr(one.study.bands, name))
    return sorted(ends)


def _plain(estimate: Estimate) -> dict[str, Any]:
    return {"measured": estimate.value, "interval": [estimate.low, estimate.high]}
