"""Digests of source: what changes them, and what does not."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from analysis.project import source
from analysis.spectra import periodogram
from analysis.study import steps

CODE = '''
import functools

FACTOR = 2

class Used:
    def size(self):
        return 3
    def unread(self):
        return 4

def inner(x):
    """Says something."""
    return x * FACTOR  # twice

@functools.cache
def outer(used: "Used", x=1):
    return [inner(one) for one in range(used.size())]

def other():
    return 5
'''


def module(folder: Path, text: str) -> ModuleType:
    name = "analysis.of_a_test"
    path = folder / "of_a_test.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


def digest(folder: Path, old: str = "", new: str = "") -> str:
    assert old in CODE
    sys.dont_write_bytecode = True
    source._texts.cache_clear()
    __import__("linecache").clearcache()
    try:
        return source.digest(module(folder, CODE.replace(old, new) if old else CODE).outer)
    finally:
        del sys.modules["analysis.of_a_test"]
        source._texts.cache_clear()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Says something.", "Says another thing."),
        ("  # twice", ""),
        ("(x):\n", "(\n    x\n):\n"),
        ("return 4", "return 5"),  # a method that nobody reads
        ("return 5", "return 6"),
    ],
)
def test_what_changes_no_number_changes_no_digest(tmp_path: Path, old: str, new: str) -> None:
    assert digest(tmp_path, old, new) == digest(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [("x * FACTOR", "x + FACTOR"), ("FACTOR = 2", "FACTOR = 3"), ("return 3", "return 4"),
     ("x=1", "x=2")],
)  # fmt: skip
def test_what_may_change_numbers_changes_the_digest(tmp_path: Path, old: str, new: str) -> None:
    assert digest(tmp_path, old, new) != digest(tmp_path)


def test_raps_is_seen_by_the_steps_that_take_it_and_by_no_others() -> None:
    every = [*steps.STEPS, steps.POWER, *steps.RESULTS]

    def digests() -> dict[str, str]:
        source.digest.cache_clear()
        return {one.name: source.digest(one.compute) for one in every}

    before = digests()
    texts = source._texts("analysis.spectra.periodogram")
    line = periodogram.raps.__code__.co_firstlineno
    old = texts[line]
    try:
        texts[line] += "*1.1"
        after = digests()
    finally:
        texts[line] = old
        source.digest.cache_clear()
    changed = {name for name in before if before[name] != after[name]}
    assert {"spectra", "power", "halves", "channel-rule"} <= changed
    assert not changed & {"display", "sampler"}
    assert len({*before.values()}) == len(before) and "" not in before.values()
