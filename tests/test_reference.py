"""What each step of the chain computes on a tiny fixed input, with the step's version.

A stored result is found by its step's version, not by its source text; so a step whose numbers
change must get a higher version, or old results would pass for new ones. ``reference/<step>.json``
holds the numbers that belong to a version. If a test here fails:

1. If the numbers should not have changed, mend the step.
2. Otherwise raise the version: in the step's ``Request(...)`` in ``analysis/chain.py``, or for an
   encoder of one kind in ``encoders.VERSIONS``. Then run ``python tests/test_reference.py`` in the
   project's folder, and commit the changed files. It refuses to write new numbers for an old
   version. Then recompute ``data/results``.

Tolerance: 1e-4 of an array's root mean square. Steps compute partly in float32, whose rounding
differs between machines by some 1e-6; a change of method is rarely below 1e-3.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conftest import make_project
from PIL import Image

from analysis import encoders
from analysis.cache import Request, Store
from analysis.chain import Chain, identity
from analysis.settings import load_study

FOLDER = Path(__file__).resolve().parent / "reference"
STEPS = ("linear-fit", "moments", "spectra", "measurement", "display")


def fixed_photograph(number: int, side: int = 160) -> np.ndarray:
    """uint8 ``[side, side, 3]`` by whole numbers only, so that it is the same on every machine."""
    i, j, c = np.ogrid[:side, :side, :3]
    wide = np.abs((3 * i + (2 + number) * j + 40 * c) % 254 - 127)
    narrow = np.abs((7 * i - (5 + number) * j + 11 * c) % 62 - 31)
    grain = (i * i * 7 + j * j * (13 + 2 * number) + 3 * i * j + 5 * c) % 37
    return (wide + 2 * narrow + grain).clip(0, 255).astype(np.uint8)


def fixed_project(folder: Path) -> Path:
    """The tiny project with the fixed photographs in the place of the random ones."""
    make_project(folder)
    table = folder / "data" / "images.toml"
    lines = [line for line in table.read_text(encoding="utf-8").splitlines() if not line.startswith("sha256")]
    import hashlib

    out = []
    number = 0
    for line in lines:
        out.append(line)
        if line.startswith("file = "):
            path = folder / "data" / line.split('"')[1]
            Image.fromarray(fixed_photograph(number)).save(path)
            # PNG bytes depend on the zlib at hand; the hash of the pixels is what is fixed.
            pixels = hashlib.sha256(fixed_photograph(number).tobytes()).hexdigest()
            del pixels
            out.append(f'sha256 = "{hashlib.sha256(path.read_bytes()).hexdigest()}"')
            number += 1
    table.write_text("\n".join(out) + "\n", encoding="utf-8")
    return folder
