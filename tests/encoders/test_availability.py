"""Where weights are, whether an encoder can run here, and weights verified, from the loopback."""

import hashlib
from pathlib import Path

import pytest

from analysis.encoders import availability, cards
from analysis.project import extras
from analysis.project.errors import FetchError, PackageError
from tests.standins import hub, web


def nothing(*given: object) -> None:
    """Be told of progress, and do nothing."""


def card(**changed: object) -> cards.Card:
    return cards.card("taef2").model_copy(update=changed)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANALYSIS_WEIGHTS", raising=False)


def test_formulas_run_anywhere(tmp_path: Path, alone: None) -> None:
    for name in ("pixel", "linear-f8c16"):
        assert availability.cannot_run(cards.card(name), tmp_path) is None
        assert availability.found(cards.card(name), tmp_path) is None
        assert availability.weights_of(cards.card(name), tmp_path, nothing) is None


def test_a_network_runs_where_its_weights_are(tmp_path: Path, alone: None) -> None:
    pytest.importorskip("torch", reason="networks need the encoders extra")
    wanted = card(sha256=hashlib.sha256(b"weights").hexdigest(), bytes=7)
    reason = availability.cannot_run(wanted, tmp_path)
    assert reason is not None and "fetch --encoder taef2' gets them" in reason
    path = tmp_path / wanted.sha256
    path.write_bytes(b"weights")
    assert availability.found(wanted, tmp_path) == path
    assert availability.cannot_run(wanted, tmp_path) is None
    path.write_bytes(b"damaged")  # a file is what its content says, not its name
    assert availability.found(wanted, tmp_path) is None


def test_weights_are_downloaded_once_where_they_are_nowhere(
    tmp_path: Path, alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest, folder, said = hashlib.sha256(b"weights").hexdigest(), tmp_path / "d", list[str]()
    with web.running(w=b"weights") as one:
        wanted = card(sha256=digest, bytes=7, url=f"{one.url}/w")
        assert availability.found(wanted, folder) is None
        first = availability.weights_of(wanted, folder, said.append)
    assert first == availability.found(wanted, folder) == folder / digest
    assert availability.weights_of(wanted, folder, said.append) == first
    assert said == [f"downloading {wanted.url}"]
    monkeypatch.setenv("ANALYSIS_WEIGHTS", str(folder))
    assert availability.weights_of(wanted, tmp_path / "other", nothing) == first
    with pytest.raises(FetchError, match=r"has no url: get taef2_encoder\.pth from https"):
        availability.weights_of(card(url="", sha256="0" * 64), tmp_path, nothing)


def test_weights_in_a_users_own_folder(tmp_path: Path) -> None:
    own = cards.card("flux1").model_copy(update={"folder": str(tmp_path), "sha256": ""})
    assert availability.found(own, tmp_path) is None
    with pytest.raises(FetchError, match=r"no config\.json in .*: save the autoenc"):
        availability.weights_of(own, tmp_path, nothing)
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    path.write_bytes(b"weights")
    assert (
        availability.found(own, tmp_path) == availability.weights_of(own, tmp_path, nothing) == path
    )
    changed = own.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(FetchError, match="its card says 0000"):
        availability.weights_of(changed, tmp_path, nothing)


HUB = """
import sys
from pathlib import Path
from analysis.encoders import availability, cards
from analysis.project.errors import FetchError
path, digest = Path(sys.argv[1]), sys.argv[2]
card = cards.card("flux1").model_copy(
    update={"repo": "fit/model", "revision": "", "sha256": digest, "bytes": 0, "alternatives": ()})
print(availability.found(card, path))
try:
    print(availability.weights_of(card, path, print).read_bytes()[:7])
except FetchError as error:
    print(error)
print(availability.found(card, path) is not None)
"""


def test_weights_from_the_hub_are_verified(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    content = b"weights" * 1000
    digest = hashlib.sha256(content).hexdigest()
    files = {"vae/config.json": b"{}", "vae/diffusion_pytorch_model.safetensors": content}
    with hub.running(hub.Hub({"fit/model": hub.Repo(files)})) as one:
        environment = hub.environment(one.endpoint, tmp_path / "home")
        for expected, last in (("0" * 64, "its card says 0000"), (digest, "b'weights'")):
            process = hub.start(HUB, str(tmp_path), expected, environment=environment)
            out, err = process.communicate(timeout=60)
            assert (process.returncode, err) == (0, "")
            before, *said, result, after = out.splitlines()
            # the second time they are in the Hub's cache, so that nothing is downloaded
            assert (before == "None", said) == (
                (True, ["downloading from fit/model"]) if "card" in last else (False, [])
            )
            assert last in result
            assert after == "True"


def test_the_hub_needs_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANALYSIS_WEIGHTS", raising=False)
    monkeypatch.setattr(extras, "absent", list)  # as if nothing were installed
    with pytest.raises(PackageError, match=r"needs huggingface_hub: run .* install -e .*\[vae\]'"):
        availability.weights_of(cards.card("flux1"), tmp_path, nothing)
