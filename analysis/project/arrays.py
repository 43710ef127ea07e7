"""What arrays hold, for annotations; their shapes are in docstrings."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Whole = NDArray[np.intp]
Pixels = NDArray[np.float32]  # sRGB, in [0, 1] or [-1, 1] as the docstring says
