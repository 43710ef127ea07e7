"""Downloads from a server on the loopback, and secrets that must not be repeated."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.project import downloads
from analysis.project.errors import FetchError
from tests.standins.web import Web, running

CONTENT = b"weights" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
TOKEN = "hf_" + "aB3" * 11 + "x"


@pytest.fixture
def web() -> Iterator[Web]:
    with running(file=CONTENT) as one:
        yield one


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*")]


def test_sha256_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-4, example B.1
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert downloads.sha256(tmp_path / "abc") == digest


def test_download_keeps_the_file_by_content_and_asks_once(web: Web, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "downloads"
    path = downloads.download(f"{web.url}/file", DIGEST, folder)
    assert path == folder / DIGEST and path.read_bytes() == CONTENT
    assert downloads.download(f"{web.url}/file", DIGEST, folder) == path
    assert web.asked == ["file"]
    path.write_bytes(b"damaged")
    assert downloads.download(f"{web.url}/file", DIGEST, folder).read_bytes() == CONTENT
    assert left(folder) == [DIGEST]


@pytest.mark.parametrize(
    ("page", "digest", "said", "asked"),
    [
        ("none", DIGEST, r"/none: not downloaded: 404.*ANALYSIS_WEIGHTS", 1),
        ("short", DIGEST, r"/short: not downloaded: .*10 bytes read.*check the network", 3),
        ("file", "0" * 64, r"sha256 of what came is not 0000.*was not kept", 1),
    ],
)
def test_a_failed_download_is_one_line_and_leaves_nothing(
    web: Web, tmp_path: Path, page: str, digest: str, said: str, asked: int
) -> None:
    with pytest.raises(FetchError, match=said) as error:
        downloads.download(f"{web.url}/{page}", digest, tmp_path)
    assert "\n" not in str(error.value)
    assert left(tmp_path) == []
    assert web.asked == [page] * asked


@pytest.mark.parametrize(
    ("page", "said", "asked"),
    [
        ("403", "403", 1),
        ("429", "429", 2),
        ("500", "500.*: ask again tomorrow$", 2),
        ("slow", r"no answer within 0\.2 s", 2),
        ("stalls", r"no answer within 0\.2 s", 2),
    ],
)
def test_what_may_pass_is_tried_again(
    web: Web, tmp_path: Path, page: str, said: str, asked: int
) -> None:
    with pytest.raises(FetchError, match=said):
        downloads.get(f"{web.url}/{page}", tmp_path / "f", 0.2, 2, "ask again tomorrow")
    assert len(web.asked) == asked
    web.busy = 1
    downloads.get(f"{web.url}/file", tmp_path / "file", attempts=2)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_nobody_is_asked_or_answers(web: Web, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="not asked for"):
        downloads.get(f"{web.url}/file", tmp_path / "file", attempts=0)
    assert web.asked == []
    with pytest.raises(FetchError, match=r"not downloaded: \[Errno \d+\] .*: check the net"):
        # the port of discard, where nobody listens
        downloads.get("http://127.0.0.1:9/file", tmp_path / "file", attempts=1)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FetchError, match=r"cannot be stored: .*/file/downloads: Not a dir"):
        downloads.download(f"{web.url}/file", DIGEST, tmp_path / "file" / "downloads")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"token {TOKEN} is invalid", "token hf_*** is invalid"),
        (f"hf_oauth_{'e' * 30}.{'f' * 20}-g!", "hf_***!"),
        ("Authorization: Bearer abc.def, then", "Authorization: Bearer ***, then"),
        ("{'authorization': 'Basic dXNlcjpwYXNz'}", "{'authorization': 'Basic ***'}"),
        ("http://me:secret@proxy:80/x", "http://***@proxy:80/x"),
        ("huggingface_hub.hf_hub_download(a) at me@home", None),
        ("a basic rule of authorization; sha256 " + DIGEST, None),
    ],
)
def test_secrets_are_left_out(text: str, left: str | None) -> None:
    assert downloads.redacted(text) == (text if left is None else left)


def test_the_environments_token_is_left_out_whatever_its_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", "0123 of another form")
    assert downloads.redacted("it is '0123 of another form'") == "it is '***'"
    monkeypatch.setenv("HF_TOKEN", "a")
    assert downloads.redacted("a part of a word") == "a part of a word"


def test_another_packages_error_on_one_line() -> None:
    url = "https://cdn.example.org/file?Expires=1&Signature=abc"
    said = downloads.one_line(OSError(f"403 Forbidden\n for url '{url}'"))
    assert said == "403 Forbidden for url 'https://cdn.example.org/file'"
    assert downloads.one_line(OSError()) == "OSError"
    assert len(downloads.one_line(OSError("x" * 999))) == 203
