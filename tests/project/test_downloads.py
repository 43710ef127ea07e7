"""Downloads from a server on the loopback, and secrets that must not be repeated."""

import hashlib
import itertools
import logging
import os
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

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


def download(url: str, folder: Path, digest: str = DIGEST) -> Path:
    return downloads.download(url, folder / "kept", digest, other="ask its author")


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*")]


def test_sha256_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-4, example B.1
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert downloads.sha256(tmp_path / "abc") == digest


def test_download_keeps_the_file_by_content_and_asks_once(web: Web, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "downloads"
    path = download(f"{web.url}/file", folder)
    assert path == folder / "kept" and path.read_bytes() == CONTENT
    assert download(f"{web.url}/file", folder) == path
    assert web.asked == ["file"]
    path.write_bytes(b"damaged")
    assert download(f"{web.url}/file", folder).read_bytes() == CONTENT
    assert left(folder) == ["kept"]


@pytest.mark.parametrize(
    ("page", "digest", "said", "asked"),
    [
        ("none", DIGEST, r"/none: not downloaded: 404.*ANALYSIS_WEIGHTS", 1),
        ("short", DIGEST, r"/short: not downloaded: .*10 bytes read.*check the network", 3),
        ("file", "0" * 64, r"another file: expected sha256 0000.*; ask its author", 1),
    ],
)
def test_a_failed_download_is_one_line_and_leaves_nothing(
    web: Web, tmp_path: Path, page: str, digest: str, said: str, asked: int
) -> None:
    with pytest.raises(FetchError, match=said) as error:
        download(f"{web.url}/{page}", tmp_path, digest)
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
        download(f"{web.url}/file", tmp_path / "file" / "downloads")


def answer(*header: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *header, "Connection: close", "", ""]).encode(
        "latin1"
    )


@pytest.mark.parametrize(
    ("pieces", "said", "asked"),
    [
        ([answer("Content-Length: abc"), b"x"], "Content-Length is 'abc', which is none", 1),
        ([answer("Content-Length: -1"), b"x"], "its Content-Length is '-1'", 1),
        ([answer("Content-Length: 2000001")], "it has 2,000,001 bytes, more than the 2,000,000", 1),
        ([answer("Content-Length: 9"), b"x"], "1 bytes read|broke off|IncompleteRead", 2),
        ([answer("Location: /page", status="302 Found")], "leads on more than 10 times", 11),
        ([answer("Location: ftp://a.org/b?c", status="301 M")], "from http to ftp://a.org/b, ", 1),
        ([answer("Location: http://[/", status="301 M")], "not downloaded: Invalid IPv6 URL", 1),
        ([answer(status="304 Not Modified")], "304 Not Modified", 1),
        ([answer("Retry-After: 3600", status="429 Slow")], r"429 Slow, it asks to wait 3600 s", 1),
        ([answer("Retry-After: soon", status="503 No")], "503 No", 2),
        ([answer(status="404 \x1b[2J\x1b]0;mine\x07")], r"404 \\x1b\[2J\\x1b\]0;mine\\x07", 1),
        ([b"\x1b[2J nothing\n"], "not downloaded", 2),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_one_line_that_a_terminal_can_show(
    web: Web, tmp_path: Path, pieces: list[bytes], said: str, asked: int
) -> None:
    web.raw["page"] = pieces
    with pytest.raises(FetchError, match=said) as error:
        downloads.get(f"{web.url}/page", tmp_path / "f", attempts=2, limit=2_000_000)
    assert str(error.value).isprintable()
    assert len(web.asked) == asked


@pytest.mark.parametrize("status", ["200 OK", "302 Found"])
def test_an_answer_without_end_is_left_and_takes_no_memory(
    web: Web, tmp_path: Path, status: str
) -> None:
    head = answer("Location: /file" if status[0] == "3" else "X: y", status=status)
    web.raw["endless"] = itertools.chain([head], itertools.repeat(bytes(1 << 16)))
    target = tmp_path / "f"
    tracemalloc.start()
    try:
        if status[0] == "3":
            downloads.get(f"{web.url}/endless", target, limit=50_000_000)
            assert target.read_bytes() == CONTENT
        else:
            with pytest.raises(FetchError, match="it has more than the 50,000,000 bytes"):
                downloads.get(f"{web.url}/endless", target, limit=50_000_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5e6, "pieces of 64 kB, and the modules that are loaded"


@pytest.mark.parametrize("header", [True, False])
def test_a_server_that_sends_a_byte_now_and_then_is_left(
    web: Web, tmp_path: Path, header: bool
) -> None:
    begin = b"HTTP/1.1 200 OK\r\nX-Long: " if header else answer("Content-Length: 9999")
    web.raw["drips"], web.pause = itertools.chain([begin], itertools.repeat(b"x")), 0.05
    start = time.monotonic()
    with pytest.raises(FetchError, match=r"not complete after 0\.6 s: check the network"):
        downloads.get(f"{web.url}/drips", tmp_path / "f", total=0.6)
    assert time.monotonic() - start < 3


def test_what_a_server_asks_to_wait_is_waited_and_said(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    naps: list[float] = []
    monkeypatch.setattr(downloads.time, "sleep", naps.append)
    web.raw["page"] = [answer("Retry-After: 7", status="429 Slow down")]
    with caplog.at_level(logging.INFO), pytest.raises(FetchError, match="429 Slow down: check"):
        downloads.get(f"{web.url}/page", tmp_path / "f")
    assert naps == [7, 7] and caplog.messages[0].endswith("429 Slow down: waiting 7 s, as it asks")
    # RFC 9110, 10.2.3: seconds or a date
    now = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 100))
    assert downloads.seconds_asked(now) == pytest.approx(100, abs=3)
    for text in (None, "soon", "-1", "9" * 5000, "Fri, 99 Foo 99999 99:99:99 GMT"):
        assert downloads.seconds_asked(text) is None


def test_https_does_not_lead_to_http(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = requests.adapters.HTTPAdapter.send

    def tunnel(self: Any, request: Any, **options: Any) -> Any:
        """As if the server had a certificate for `safe.example`."""
        asked = request.url
        request.url = asked.replace("https://safe.example", web.url)
        response = send(self, request, **options)
        response.url = asked
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", tunnel)
    target = tmp_path / "f"
    web.raw["on"] = [answer("Location: https://safe.example/file", status="302 F")]
    downloads.get("https://safe.example/on", target)
    assert target.read_bytes() == CONTENT
    web.raw["down"] = [answer(f"Location: {web.url}/file", status="302 F")]
    with pytest.raises(FetchError, match=r"leads from https to http://127\.0"):
        downloads.get("https://safe.example/down", target)
    assert web.asked == ["on", "file", "down"]


def test_what_a_killed_process_left_is_removed_and_what_another_writes_is_not(
    web: Web, tmp_path: Path
) -> None:
    for name in ("old", "new"):
        (tmp_path / f".part-{name}").mkdir()
        (tmp_path / f".part-{name}" / "file").write_bytes(b"half")
        os.utime(tmp_path / f".part-{name}", (0, 0))
    os.utime(tmp_path / ".part-old" / "file", (0, 0))
    download(f"{web.url}/file", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"kept", ".part-new"}


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
