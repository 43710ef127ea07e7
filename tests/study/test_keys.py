"""The keys of the studies' steps are those of version 0.1, so that every stored result stays valid.

A change of layout must not change a key. Where a step's numbers change on purpose, its version is
raised, and ``python tests/study/test_keys.py`` writes the list anew. It holds, for each study and
step, how many requests there are and one hash over their sorted keys.
"""

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

import pytest

from analysis.study.chain import Chain
from analysis.study.settings import load_study
from analysis.study.store import Store

FILE = Path(__file__).resolve().parent / "keys.json"
STUDIES = ("bundled", "original")
Steps = dict[str, tuple[int, str]]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def keys(name: str, folder: Path) -> Steps:
    """Step -> how many requests a study makes of it, and a hash over their sorted keys."""
    chain = Chain(load_study(name), Store(folder))
    plan = chain.plan
    # Photographs that are not fetched, nor pinned, are told apart by their addresses.
    plan.hashes = {photo.id: photo.sha256 or digest(photo.url) for photo in plan.photographs}
    found: dict[str, set[str]] = {}
    for card in plan.cards.values():
        requests = [request for request, _ in chain.tasks(card)]
        if card.kind != "pixel":
            requests += [plan.moments_request(view, card) for view in plan.views(card)]
        for request in requests:
            found.setdefault(request.step, set()).add(request.key)
    return {step: (len(some), digest("\n".join(sorted(some)))) for step, some in found.items()}


@pytest.mark.parametrize("name", STUDIES)
def test_keys_are_those_of_the_first_version(name: str, tmp_path: Path) -> None:
    recorded = json.loads(FILE.read_text(encoding="utf-8"))[name]
    found = keys(name, tmp_path)
    assert {step: list(one) for step, one in found.items()} == recorded


def test_another_seed_has_other_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = keys("bundled", tmp_path)
    study = load_study("bundled").model_copy(update={"seed": 1})
    monkeypatch.setattr(sys.modules[__name__], "load_study", lambda name: study)
    after = keys("bundled", tmp_path)
    same = {step for step in before if before[step] == after[step]}
    # Simulated images are drawn with the seed, photographs and their latents are not.
    assert same == {"linear-fit", "cross-spectra", "halves", "equivariance", "display"}


def main() -> None:
    os.environ.pop("ANALYSIS_STUDY", None)
    with tempfile.TemporaryDirectory() as folder:
        recorded = {name: keys(name, Path(folder)) for name in STUDIES}
    FILE.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
