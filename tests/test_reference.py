"""What each step of the chain computes on a tiny fixed input, with the step's version.

A stored result is found by its step's version, not by its source text; so a step whose numbers
change must get a higher version, or old results would pass for new ones. ``reference/<step>.json``
holds the numbers that belong to a version. If a test here fails:

1. If the numbers should not have changed, mend the step.
2. Otherwise raise the version: in the step's entry in ``analysis/study/steps.py``, or for an
   encoder of one kind in ``cards.VERSIONS``. Then run ``python tests/test_reference.py`` in the
   project's folder, recompute ``data/results``, and commit both. It writes no new numbers for an
   old version.
3. If only the code changed (its digest is kept as well), either was decided wrongly, or numbers are
   to stay: the same command looks whether they do, and notes the new digest.

Tolerance: 1e-4 of an array's root mean square. Steps compute partly in float32, whose rounding
differs between machines by some 1e-6; a change of method is rarely below 1e-3.
"""

import collections
import copy
import functools
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from analysis.project import source
from analysis.study import steps
from analysis.study.chain import Chain
from analysis.study.settings import load_study
from analysis.study.store import Arrays, Request, Store
from tests.conftest import make_project

FOLDER = Path(__file__).resolve().parent / "reference"
STEPS = sorted(
    {"linear-fit", "moments", "measurement", steps.POWER.name}
    | {one.name for one in (*steps.STEPS, *steps.RESULTS)}
)
PIXELS = ("moments", "spectra", "measurement")  # whose numbers by pixels are kept besides
HOW = "see the head of tests/test_reference.py"


def fixed_photograph(number: int) -> np.ndarray:
    """uint8 ``[160, 160, 3]`` from whole numbers only: the same on every machine."""
    i, j, c = np.ogrid[:160, :160, :3]
    wide = np.abs((3 * i + (2 + number) * j + 40 * c) % 254 - 127)
    narrow = np.abs((7 * i - (5 + number) * j + 11 * c) % 62 - 31)
    grain = (i * i * 7 + j * j * (13 + 2 * number) + 3 * i * j + 5 * c) % 37
    return (wide + 2 * narrow + grain).clip(0, 255).astype(np.uint8)


def hash_of(text: str) -> int:
    """A number of few digits that depends on every letter and its place."""
    return sum((i + 1) * ord(letter) for i, letter in enumerate(text))


def summary(array: np.ndarray) -> dict[str, Any]:
    """Numbers that hardly any change leaves alone, in any place or order.

    ``waves``: means of the values against five cosines over their positions, which see where in
    the array a value stands; ``first`` and ``last``: values themselves.
    """
    if array.dtype.kind == "U":
        array = np.array([float(hash_of(text)) for text in array.ravel()])
    flat = np.nan_to_num(array.astype(np.float64).ravel())
    phase = np.pi * (np.arange(flat.size) + 0.5) / flat.size
    waves = [np.mean(flat * np.cos(n * phase)) for n in (1, 2, 3, 7, 31)]
    return {
        "shape": list(array.shape),
        "dtype": str(array.dtype),
        "rms": float(np.sqrt(np.mean(flat**2))),
        "mean": float(flat.mean()),
        "waves": [float(wave) for wave in waves],
        "first": [float(value) for value in flat[:4]],
        "last": [float(value) for value in flat[-4:]],
    }


def computed(chain: Chain) -> dict[str, list[tuple[str, Request, Arrays]]]:
    """Each step's (case, request, arrays) by the linear code: the first, and the last variation."""
    chain.compute()
    plan, found = chain.plan, collections.defaultdict(list)
    view = plan.view(plan.photographs[0], 64)
    for name, card in plan.cards.items():
        made: dict[str, list[Request]] = {"moments": [plan.moments_request(view, card)]}
        for request, _ in chain.tasks(card):
            made.setdefault(request.step, []).append(request)
        for step, requests in made.items():
            if card is plan.linear or step in PIXELS:
                arrays = chain.store.get(requests[0]) or chain.moments(view, card)
                found[step].append((name, requests[0], arrays))
            if card is plan.linear and step == steps.POWER.name:
                found[step].append(("simulated", requests[-1], chain.store.get(requests[-1])))
    return found


def described(cases: list[tuple[str, Request, Arrays]]) -> dict[str, Any]:
    """The content of a reference file."""
    return {
        "step": cases[0][1].step,
        "cases": {
            case: {
                "version": version(request),
                "source": source.digest(*request.code),
                "arrays": {name: summary(arrays[name]) for name in sorted(arrays)},
            }
            for case, request, arrays in cases
        },
    }


def version(request: Request) -> list[int]:
    """The step's version, and the encoder's where its parameters name one."""
    encoder = request.parameters.get("encoder")
    return [request.version] + ([encoder["version"]] if encoder else [])


def differences(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """What differs, in words; empty if nothing does. Versions are compared apart."""
    if found["cases"].keys() != expected["cases"].keys():
        return [f"cases {sorted(found['cases'])}, expected {sorted(expected['cases'])}"]
    out = []
    for case, content in found["cases"].items():
        arrays, known = content["arrays"], expected["cases"][case]["arrays"]
        if arrays.keys() != known.keys():
            out.append(f"{case}: arrays {sorted(arrays)}, expected {sorted(known)}")
            continue
        for name, one in arrays.items():
            for what, value in one.items():
                other = known[name][what]
                if what in ("shape", "dtype"):
                    same = value == other
                else:
                    same = np.allclose(value, other, rtol=0, atol=1e-4 * known[name]["rms"])
                if not same:
                    out.append(f"{case}: {what} of {name} is {value}, expected {other}")
    return out


def judge(found: dict[str, Any], expected: dict[str, Any]) -> str:
    """Why a step may not pass; empty if it may."""
    step, changed = found["step"], differences(found, expected)
    newer = [
        case
        for case in found["cases"].keys() & expected["cases"].keys()
        if found["cases"][case]["version"] != expected["cases"][case]["version"]
    ]
    if newer:
        return f"'{step}' has another version for {', '.join(sorted(newer))}: write it anew, {HOW}"
    if changed:
        return f"numbers of '{step}' changed but its version did not: {HOW}. " + "; ".join(
            changed[:3]
        )
    if rewritten(found, expected):
        return (
            f"the code of '{step}' changed but its version did not: if its numbers are to stay, "
            f"run python tests/test_reference.py, which confirms that they do; {HOW}"
        )
    return ""


def rewritten(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    """Whether a step was computed by other source than its reference."""
    pairs = [(one, expected["cases"][case]) for case, one in found["cases"].items()]
    return any(one["source"] != other.get("source") for one, other in pairs)


@functools.cache
def recomputed() -> dict[str, Any]:
    """Every step's numbers now, in a project of fixed images."""
    before = {name: os.environ.get(name) for name in ("ANALYSIS_ROOT", "ANALYSIS_CACHE")}
    with tempfile.TemporaryDirectory() as folder:
        # BMP, since a PNG's bytes, and with them its hash and the noise's seed, vary with zlib.
        project = make_project(Path(folder) / "project", fixed_photograph, "bmp")
        os.environ["ANALYSIS_ROOT"] = str(project)
        os.environ["ANALYSIS_CACHE"] = str(project / "data" / "cache")
        try:
            chain = Chain(load_study("tiny"), Store(compute="auto"))
            return {step: described(cases) for step, cases in computed(chain).items()}
        finally:
            for name, value in before.items():
                os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def stored(step: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{step}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("step", STEPS)
def test_a_steps_numbers_are_those_of_its_version(step: str) -> None:
    assert judge(recomputed()[step], stored(step)) == ""


def test_every_step_of_the_chain_has_a_reference() -> None:
    assert sorted(recomputed()) == sorted(path.stem for path in FOLDER.glob("*.json")) == STEPS


# The guard itself ----------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("what", ["mean", "waves", "first", "last", "rms"])
def test_a_changed_number_without_a_new_version_fails(step: str, what: str) -> None:
    changed = copy.deepcopy(stored(step))
    for case in changed["cases"].values():
        array = next(a for a in case["arrays"].values() if a["rms"] > 0)
        array[what] = (np.array(array[what]) + 1e-3 * array["rms"]).tolist()
    assert f"numbers of '{step}' changed but its version did not: {HOW}" in judge(
        changed, stored(step)
    )


def test_changed_code_asks_for_a_decision() -> None:
    changed = copy.deepcopy(stored("spectra"))
    changed["cases"]["pixel"]["source"] = "0" * 64
    assert judge(changed, stored("spectra")).startswith("the code of 'spectra' changed but its v")


def test_a_new_version_asks_for_its_numbers() -> None:
    changed = copy.deepcopy(stored("moments"))
    changed["cases"]["pixel"]["version"][1] += 1
    assert judge(changed, stored("moments")).startswith(
        "'moments' has another version for pixel: write"
    )


def test_a_summary_sees_size_and_order() -> None:
    x = np.random.default_rng(0).standard_normal((3, 5))
    as_case = {"step": "s", "cases": {"c": {"version": [1], "arrays": {"x": summary(x)}}}}
    for other in (
        x.T,
        x[:, ::-1],
        x[::-1],
        x * 1.001,
        x + 1e-3,
        x.astype(np.float32),
        np.roll(x, 1),
    ):
        changed = {"step": "s", "cases": {"c": {"version": [1], "arrays": {"x": summary(other)}}}}
        assert differences(changed, as_case)
    assert not differences(as_case, as_case)


def regenerate() -> int:
    """Write the reference files; refuse numbers that changed under a version that did not."""
    FOLDER.mkdir(exist_ok=True)
    refused = 0
    for step, found in recomputed().items():
        path = FOLDER / f"{step}.json"
        if path.exists():
            reason = judge(found, stored(step))
            if reason == "":
                continue
            if reason.startswith("numbers of"):
                print(f"refused: {reason}")
                refused += 1
                continue
            if reason.startswith("the code of"):  # its numbers stay to the digit
                known = stored(step)
                for case, one in known["cases"].items():
                    one["source"] = found["cases"][case]["source"]
                found = known
        path.write_text(json.dumps(found, sort_keys=True, indent=1) + "\n", encoding="utf-8")
        print(f"written: {path}")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(regenerate())
