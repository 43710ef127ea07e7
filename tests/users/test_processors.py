"""What is built and tested does not depend on the processor, whose kernels OpenBLAS chooses by.

OPENBLAS_CORETYPE takes another processor's: sums are then ordered otherwise, and differ in the last
bit. A reader's machine has any of them.
"""

import filecmp
import platform
from pathlib import Path

from tests.standins import fresh

NEEDS = {"Nehalem": "sse4_2", "Haswell": "avx2", "SkylakeX": "avx512f"}
"""Kernels, from an old one to a new one, with the instructions each needs."""


def kernels() -> list[str]:
    """Those that this machine can run, from an old one to a new one.

    Elsewhere than on x86-64 under Linux there is no such choice: two of the machine's own.
    """
    flags = Path("/proc/cpuinfo")
    if platform.machine() != "x86_64" or not flags.is_file():
        return ["", ""]
    there = set(flags.read_text(encoding="utf-8").split())
    found = [kernel for kernel, needed in NEEDS.items() if needed in there]
    assert len(found) >= 2
    return found


def differing(one: filecmp.dircmp[str], place: str = "") -> list[str]:
    """Files of two trees that are not the same to the byte, or only in one of them."""
    _, wrong, odd = filecmp.cmpfiles(one.left, one.right, one.common_files, shallow=False)
    found = [place + name for name in [*wrong, *odd, *one.left_only, *one.right_only]]
    for name, below in one.subdirs.items():
        found += differing(below, f"{place}{name}/")
    return sorted(found)


def test_clean_builds_are_the_same_to_the_byte(tmp_path: Path) -> None:
    """In folders of their own, each with a store and a processor of its own."""
    sites = []
    for number, kernel in enumerate(kernels()):
        home = tmp_path / f"home {number}"
        home.mkdir()
        user = fresh.User(fresh.copy(tmp_path / f"of {number}" / "checkout"), home)
        said = user.run("build", "--quiet", OPENBLAS_CORETYPE=kernel)
        assert said.code == 0, said.err
        sites.append(user.project / "_site")
    for other in sites[1:]:
        assert differing(filecmp.dircmp(sites[0], other, ignore=[])) == []
    assert sum(1 for _ in sites[0].rglob("*")) > 100
