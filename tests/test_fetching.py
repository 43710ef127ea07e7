"""Photographs and weights, verified; no network: what would be downloaded is stood in for."""

import hashlib
from pathlib import Path

import pytest

from analysis import encoders, fetching
from analysis.settings import FetchError, InputError, load_study
from tests.conftest import PHOTOGRAPHS


def nothing(*given: object) -> None:
    """Be told of progress, and do nothing."""


def card(**changed: object) -> encoders.Card:
    return encoders.card("taef2").model_copy(update=changed)


def test_photographs_of_the_study(project: Path) -> None:
    photographs = fetching.photographs(load_study("tiny"), project, nothing)
    found = {photo.id: path for photo, path in photographs}
    assert tuple(found) == PHOTOGRAPHS
    assert all(path.is_file() for path in found.values())


def test_a_photograph_smaller_than_the_study_asks_is_refused(project: Path) -> None:
    study = load_study("tiny").model_copy(update={"resolutions": (64, 256)})
    with pytest.raises(InputError, match="short side 160, asked for 256"):
        list(fetching.photographs(study, project, nothing))


def test_some_encoders_need_no_weights(project: Path, tmp_path: Path) -> None:
    assert fetching.weights_of(encoders.card("pixel"), tmp_path, nothing) is None
    assert fetching.weights_of(encoders.card("linear-f8c16"), tmp_path, nothing) is None


def test_weights_are_found_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "any" / "name"
    path.parent.mkdir()
    path.write_bytes(b"weights")
    monkeypatch.setenv("ANALYSIS_WEIGHTS", str(tmp_path))
    wanted = card(sha256=hashlib.sha256(b"weights").hexdigest(), bytes=7)
    assert fetching.weights_of(wanted, tmp_path / "downloads", nothing) == path


def test_weights_are_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANALYSIS_WEIGHTS", raising=False)
    digest = hashlib.sha256(b"weights").hexdigest()

    def download(url: str, expected: str, downloads: Path) -> Path:
        assert (url, expected) == ("https://example.org/w", digest)
        (downloads / digest).write_bytes(b"weights")
        return downloads / digest

    monkeypatch.setattr(fetching.weights, "download", download)
    wanted = card(sha256=digest, bytes=7, url="https://example.org/w")
    said: list[str] = []
    first = fetching.weights_of(wanted, tmp_path, said.append)
    assert fetching.weights_of(wanted, tmp_path, said.append) == first == tmp_path / digest
    assert said == ["downloading https://example.org/w"]


def test_weights_without_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANALYSIS_WEIGHTS", raising=False)
    with pytest.raises(FetchError, match=r"has no url: get taef2_encoder\.pth from https"):
        fetching.weights_of(card(url="", sha256="0" * 64), tmp_path, nothing)


@pytest.mark.parametrize("sound", [True, False])
def test_weights_from_the_hub_are_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sound: bool
) -> None:
    monkeypatch.delenv("ANALYSIS_WEIGHTS", raising=False)
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    path.write_bytes(b"weights")
    monkeypatch.setattr(fetching.weights, "absent", lambda modules: [])
    monkeypatch.setattr(
        fetching.weights, "from_hub", lambda *given: ([tmp_path / "config.json", path], "commit")
    )
    digest = hashlib.sha256(b"weights" if sound else b"others").hexdigest()
    wanted = encoders.card("flux1").model_copy(update={"sha256": digest, "bytes": 7})
    if sound:
        assert fetching.weights_of(wanted, tmp_path / "d", nothing) == path
    else:
        with pytest.raises(FetchError, match="its card says"):
            fetching.weights_of(wanted, tmp_path / "d", nothing)


def test_the_hub_needs_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANALYSIS_WEIGHTS", raising=False)
    monkeypatch.setattr(fetching.weights, "absent", list)
    with pytest.raises(FetchError, match=r"needs huggingface_hub: run pip install -e '\.\[vae\]'"):
        fetching.weights_of(encoders.card("flux1"), tmp_path, nothing)
