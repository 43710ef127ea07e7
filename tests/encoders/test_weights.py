"""Weights by content, and the Hub as it answers: a stand-in on the loopback, no function patched.

What huggingface_hub asks and understands is its own; only the far end is ours (`tests.hub`).
"""

import errno
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.encoders import weights
from analysis.project import files
from analysis.project.errors import FetchError
from tests.standins import hub as stand_in
from tests.standins.hub import Hub, Repo

CONTENT = b"weights" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
COMMIT = Repo().commits[0]
OTHER = "fedcba9876543210fedcba9876543210fedcba98"
READER, STRANGER, NARROW, EXPIRED = (f"hf_{letter * 34}" for letter in "RSNE")
CONFIG, WEIGHTS = "vae/config.json", "vae/w.safetensors"
AGAIN = "run 'hf auth login' again"
FILES = {CONFIG: b'{"a": 1}', WEIGHTS: CONTENT}


def test_a_file_is_found_by_content_under_any_name_and_depth(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    path = tmp_path / "deep" / "er" / "some other name"
    path.write_bytes(CONTENT)
    (tmp_path / "file.pth").write_bytes(b"x" * len(CONTENT))
    nowhere = tmp_path / "nowhere"
    for size in (0, len(CONTENT)):
        assert weights.find(DIGEST, size, [nowhere, tmp_path]) == path
    assert weights.find(DIGEST, len(CONTENT) + 1, [tmp_path]) is None
    assert weights.find(DIGEST, 0, [nowhere]) is None
    assert weights.find("", 0, [tmp_path]) is None


def test_folders_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANALYSIS_WEIGHTS", raising=False)
    own = files.data() / "encoders"
    assert weights.folders() == [own]
    monkeypatch.setenv("ANALYSIS_WEIGHTS", os.pathsep.join([str(tmp_path), "", "~/w"]))
    assert weights.folders() == [tmp_path, Path.home() / "w", own]


def test_weights_that_are_not_what_the_card_says_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w"
    path.write_bytes(CONTENT)
    assert weights.agree("flux1", path, DIGEST) == weights.agree("flux1", path, "") == DIGEST
    with pytest.raises(
        FetchError, match=r"^flux1: .*its card says 0000.*it is another file"
    ) as error:
        weights.agree("flux1", path, "0" * 64)
    assert "\n" not in str(error.value)


# The Hub -------------------------------------------------------------------------------------

ASK = """
import json, sys
from analysis.encoders import weights
from analysis.project import files
from analysis.project import downloads
from analysis.project.errors import FetchError
found = []
for repo, revision, alternatives in json.loads(sys.argv[1]):
    names = ["vae/config.json", "vae/w.safetensors"]
    if repo.startswith("?"):
        repo = repo[1:]
        found.append([bool(weights.hub_paths(repo, names, revision)),
                      weights.hub_missing(repo, names, revision)])
        continue
    try:
        paths, commit = weights.from_hub(repo, names, revision, alternatives)
        found.append([commit, paths[0].read_text(), downloads.sha256(paths[1])])
    except FetchError as error:
        found.append(str(error))
print(json.dumps(found))
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    repos = {
        "fit/model": Repo(FILES),
        "gated/model": Repo(FILES, gated=True, readers=(READER,)),
        "private/model": Repo(FILES, private=True, readers=(READER,)),
        "old/model": Repo(moved="fit/model"),
        "bare/model": Repo({"README.md": b""}),
    }
    with stand_in.running(Hub(repos, (READER, STRANGER), (NARROW,))) as one:
        yield one


def start(hub: Hub, home: Path, *asked: str | tuple[Any, ...], **more: str) -> Any:
    rows = [
        [*one, *["", []][len(one) - 1 :]] if isinstance(one, tuple) else [one, "", []]
        for one in asked
    ]
    pytest.importorskip("huggingface_hub")
    environment = stand_in.environment(hub.endpoint, home, **more)
    return stand_in.start(ASK, json.dumps(rows), environment=environment)


def ask(hub: Hub, home: Path, *asked: str | tuple[Any, ...], **more: str) -> list[Any]:
    """What `from_hub` (or, of ``?repo``, the cache) answers in a process of its own."""
    return answer(start(hub, home, *asked, **more), home)


def answer(process: "subprocess.Popen[str]", home: Path) -> list[Any]:
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")  # huggingface_hub's own lines would be here
    written = [file.read_bytes() for file in home.rglob("*") if file.is_file()]
    for token in (READER, STRANGER, NARROW, EXPIRED):
        assert token not in out
        assert not any(token.encode() in content for content in written)
    assert stand_in.SIGNATURE not in out
    found: list[Any] = json.loads(out)
    for one in found:
        assert not isinstance(one, str) or "\n" not in one
    return found


def blobs(home: Path) -> list[str]:
    """Everything with content in the Hub's cache, finished or not, and links to nothing."""
    return sorted(
        path.name
        for path in (home / "hub").rglob("*")
        if (path.is_symlink() and not path.exists()) or path.parent.name == "blobs"
    )


GOOD = [COMMIT, '{"a": 1}', DIGEST]


def test_files_come_once_and_then_from_the_cache(hub: Hub, tmp_path: Path) -> None:
    assert ask(hub, tmp_path, "?fit/model", "fit/model", "?fit/model") == [
        [False, None], GOOD, [True, None],
    ]  # fmt: skip
    assert (hub.count("cdn"), hub.count("hub")) == (1, 1)  # one redirected apart, one on the host
    assert blobs(tmp_path) == sorted([DIGEST, stand_in.git_hash(FILES[CONFIG])])
    # by its commit nothing is asked at all; by its branch, only what is the newest
    before = len(hub.asked)
    assert ask(hub, tmp_path, ("fit/model", COMMIT)) == [GOOD]
    assert len(hub.asked) == before
    assert ask(hub, tmp_path, "fit/model") == [GOOD]
    assert {one.method for one in hub.asked[before:]} == {"HEAD"}
    # a repository that was renamed is followed
    assert ask(hub, tmp_path / "new", "old/model") == [GOOD]


def test_without_a_login(hub: Hub, tmp_path: Path) -> None:
    gated, chosen, private, nowhere, bare, gone = ask(
        hub, tmp_path, "gated/model", ("gated/model", "", ["taef1", "zimage", "other/model"]),
        "private/model", "nowhere/model", "bare/model", ("fit/model", OTHER),
    )  # fmt: skip
    assert gated.startswith("gated/model is gated: accept its licence at https://huggingface.co/g")
    assert gated.endswith("then run 'hf auth login'")
    assert chosen.startswith(
        f"{gated}; or take encoder taef1 or zimage (same latent space), or set"
    )
    for repo, said in (("private/model", private), ("nowhere/model", nowhere)):
        assert said.startswith(
            f"{repo} is not there or is private: see https://huggingface.co/{repo}"
        )
    assert "bare/model has no file 'vae/config.json': see https://hugg" in bare
    assert f"fit/model has no revision '{OTHER}': it was moved or removed: choose a commit" in gone
    assert blobs(tmp_path) == []


@pytest.mark.slow
def test_with_a_login(hub: Hub, tmp_path: Path) -> None:
    asked = ("gated/model", "private/model")
    by = [
        start(hub, tmp_path / token, *asked, HF_TOKEN=token)
        for token in (STRANGER, NARROW, EXPIRED, READER)
    ]
    stranger, narrow, expired, reader = (
        answer(process, tmp_path / token)
        for process, token in zip(by, (STRANGER, NARROW, EXPIRED, READER), strict=True)
    )
    assert stranger[0].startswith("gated/model is gated and your account has no access: accept its")
    assert "is not there or is private" in stranger[1]
    assert narrow[0].startswith("gated/model is refused to your token (Please enable")
    assert "https://huggingface.co/settings/tokens" in narrow[0]
    for repo, said in zip(asked, expired, strict=True):  # the server repeats the token here
        assert said == f"{repo} is refused, since your token is not valid: {AGAIN}"
    assert reader == [GOOD, GOOD]
    assert any(one.authorized for one in hub.asked if one.server == "hub")
    assert not any(one.authorized for one in hub.asked if one.server == "cdn")
    # a token that 'hf auth login' stored does the same, and afterwards none is needed
    home = tmp_path / "stored"
    home.mkdir()
    token = tmp_path / "token"
    token.write_text(READER)
    assert ask(hub, home, "gated/model", HF_TOKEN_PATH=str(token)) == [GOOD]
    assert ask(hub, home, "gated/model") == [GOOD]


def test_offline_by_setting(hub: Hub, tmp_path: Path) -> None:
    ask(hub, tmp_path, "fit/model")
    before = len(hub.asked)
    found = ask(
        hub, tmp_path, "fit/model", "bare/model", "?fit/model", "?bare/model", HF_HUB_OFFLINE="1"
    )
    assert len(hub.asked) == before
    assert found[0] == GOOD
    assert "bare/model is not in the Hugging Face cache and HF_HUB_OFFLINE is set" in found[1]
    assert found[2] == [True, None]
    assert found[3][0] is False and "HF_HUB_OFFLINE is set: unset it" in found[3][1]


def test_no_network_and_no_hub(hub: Hub, tmp_path: Path) -> None:
    ask(hub, tmp_path, "fit/model")
    there, hub.endpoint = hub.endpoint, "http://127.0.0.1:9"  # the port of discard: nobody listens
    cached, nothing = ask(hub, tmp_path, "fit/model", "bare/model")
    assert cached == GOOD
    assert "bare/model is not in the Hugging Face cache and the Hub cannot be reached" in nothing
    assert "check the network, and HF_ENDPOINT if it is set" in nothing
    hub.endpoint = f"{there}/portal/page"  # where a hotel asks for a login
    (said,) = ask(hub, tmp_path, "bare/model")
    assert "what answers does not speak its protocol: check HF_ENDPOINT, proxies" in said


@pytest.mark.slow
def test_a_hub_in_trouble_and_a_transfer_that_stays_broken(hub: Hub, tmp_path: Path) -> None:
    hub.repos["down/model"] = Repo(FILES, fails=503)
    hub.repos["stuck/model"] = Repo(FILES, broken={WEIGHTS: "stuck"})
    running = [start(hub, tmp_path / name, f"{name}/model") for name in ("down", "stuck")]
    (down,), (stuck,) = (
        answer(one, tmp_path / name) for one, name in zip(running, ("down", "stuck"), strict=True)
    )
    assert down == ("down/model cannot be had now: the Hub answers 503: try again in a few minutes")
    assert stuck.startswith("stuck/model could not be fetched: ")
    assert ": run the command again, or see https://huggingface.co/stuck/model" in stuck
    assert blobs(tmp_path / "stuck") == [stand_in.git_hash(FILES[CONFIG])]  # which is sound
    hub.repos["stuck/model"].broken.clear()
    assert ask(hub, tmp_path / "stuck", "stuck/model") == [GOOD]


def test_a_hub_that_asks_for_an_hour_is_left_at_once(hub: Hub, tmp_path: Path) -> None:
    hub.repos["busy/model"] = Repo(FILES, fails=429, wait=3600)
    (said,) = ask(hub, tmp_path, "busy/model")
    assert said == (
        "busy/model: the Hub answers 429: it asks to wait 3600 s (Retry-After), and at most 60 are "
        "waited: try again then"
    )
    assert len(hub.asked) == 1


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_damaged_file_is_removed_and_fetched_anew(hub: Hub, tmp_path: Path, name: str) -> None:
    fit = hub.repos["fit/model"]
    fit.broken[name] = "wrong"
    (said,) = ask(hub, tmp_path, "fit/model")
    removed = (
        f"fit/model: '{name}' was damaged on the way or on this disk and was removed from the "
        "Hugging Face cache: run the command again, which fetches it anew"
    )
    assert said == removed
    assert len(blobs(tmp_path)) == (name == WEIGHTS)  # what came before is sound
    fit.broken.clear()
    assert ask(hub, tmp_path, "fit/model") == [GOOD]
    # and so is one that was sound and is damaged in the cache
    (path,) = (tmp_path / "hub").glob(f"*/snapshots/*/{name}")
    path.write_bytes(path.read_bytes()[::-1])
    assert ask(hub, tmp_path, ("fit/model", COMMIT), ("fit/model", COMMIT)) == [removed, GOOD]


def test_a_cache_of_the_hub_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import huggingface_hub as hub

    def refused(*_: object, **__: object) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/home/reader/hub/blobs")

    monkeypatch.setattr(weights, "_ask", lambda *_: None)
    monkeypatch.setattr(hub, "hf_hub_download", refused)
    with pytest.raises(FetchError, match=r"a/b cannot be kept: /home/reader/hub/blobs: .*HF_HOME"):
        weights.from_hub("a/b", ["f"], "")
