"""Windows: what a field is multiplied by before the Fourier transform, and which were chosen."""

import functools
import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from pydantic import Field

from analysis.project.arrays import Floats
from analysis.project.files import Strict

TWO_PI = 2 * math.pi


class Window(Strict):
    """The taper applied before the Fourier transform (see `windows.window2d`)."""

    kind: Literal["kaiser", "hann", "none"] = Field("kaiser", description="family of the window")
    beta: float = Field(TWO_PI, ge=0, le=100, description="Kaiser beta as numpy.kaiser defines it")

    @property
    def text(self) -> str:
        """How the window is called on pages, such as ``Kaiser 2π``."""
        if self.kind != "kaiser":
            return {"hann": "Hann", "none": "none"}[self.kind]
        return "Kaiser 2π" if math.isclose(self.beta, TWO_PI) else f"Kaiser {self.beta:g}"


@functools.lru_cache(maxsize=16)
def window2d(height: int, width: int, kind: str = "kaiser", beta: float = TWO_PI) -> Floats:
    """A separable 2-D window: the outer product of two periodic 1-D windows.

    Periodic means sampled at n of n + 1 points. It is not the radial window of the same name.

    Args:
        height, width: size in pixels.
        kind: ``kaiser``, ``hann`` or ``none``.
        beta: of the Kaiser window as `numpy.kaiser` defines it (0 is rectangular); Harris's alpha
            is beta / pi.

    Returns:
        ``[height, width]``, float64, read-only, at most 1.
    """
    makers: dict[str, Callable[[int], Floats]] = {
        "kaiser": lambda n: np.kaiser(n + 1, beta)[:-1],
        "hann": lambda n: np.hanning(n + 1)[:-1],
        "none": np.ones,
    }
    if kind not in makers:
        raise ValueError(f"unknown window '{kind}'; known: {', '.join(makers)}")
    window: Floats = np.outer(makers[kind](height), makers[kind](width))
    window.setflags(write=False)
    return window
