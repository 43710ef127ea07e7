"""Downloads from a server on the loopback, and secrets that must not be repeated."""

import hashlib
import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.project import downloads
from analysis.project.errors import FetchError

CONTENT = b"weights" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
TOKEN = "hf_" + "aB3" * 11 + "x"


class Server(http.server.BaseHTTPRequestHandler):
    """``/file``, ``/short`` (breaks off), ``/busy`` (503 twice, then the file), else 404."""

    asked: list[str]

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""

    def do_GET(self) -> None:
        self.asked.append(self.path)
        busy = self.path == "/busy" and self.asked.count("/busy") < 3
        there = self.path in ("/file", "/short", "/busy") and not busy
        self.send_response(200 if there else 503 if busy else 404)
        body = CONTENT if there else b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:10] if self.path == "/short" else body)


@pytest.fixture
def server() -> Iterator[str]:
    Server.asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*")]


def test_sha256_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-4, example B.1
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert downloads.sha256(tmp_path / "abc") == digest


def test_download_keeps_the_file_by_content_and_asks_once(server: str, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "downloads"
    path = downloads.download(f"{server}/file", DIGEST, folder)
    assert path == folder / DIGEST and path.read_bytes() == CONTENT
    assert downloads.download(f"{server}/file", DIGEST, folder) == path
    assert Server.asked == ["/file"]
    path.write_bytes(b"damaged")
    assert downloads.download(f"{server}/file", DIGEST, folder).read_bytes() == CONTENT
    assert left(folder) == [DIGEST]


@pytest.mark.parametrize(
    ("path", "digest", "said", "asked"),
    [
        ("/none", DIGEST, r"/none: not downloaded: 404.*ANALYSIS_WEIGHTS", 1),
        ("/short", DIGEST, r"/short: not downloaded: .*10 bytes read.*check the network", 3),
        ("/file", "0" * 64, r"sha256 of what came is not 0000.*was not kept", 1),
    ],
)
def test_a_failed_download_is_one_line_and_leaves_nothing(
    server: str, tmp_path: Path, path: str, digest: str, said: str, asked: int
) -> None:
    with pytest.raises(FetchError, match=said) as error:
        downloads.download(server + path, digest, tmp_path)
    assert "\n" not in str(error.value)
    assert left(tmp_path) == []
    assert Server.asked == [path] * asked


def test_what_may_pass_is_tried_again(server: str, tmp_path: Path) -> None:
    downloads.get(f"{server}/busy", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    Server.asked.clear()
    with pytest.raises(FetchError, match=r"503.*: ask again tomorrow$"):
        downloads.get(f"{server}/busy", tmp_path / "f", attempts=2, remedy="ask again tomorrow")
    assert len(Server.asked) == 2
    with pytest.raises(FetchError, match="not asked for"):
        downloads.get(f"{server}/file", tmp_path / "g", attempts=0)
    assert len(Server.asked) == 2
    assert not (tmp_path / "g").exists()


def test_nobody_answers_or_too_late(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"not downloaded: \[Errno \d+\] .*: check the net"):
        # the port of discard, where nobody listens
        downloads.get("http://127.0.0.1:9/file", tmp_path / "file", attempts=1)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and says nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        with pytest.raises(FetchError, match=r"no answer within 0\.2 s"):
            downloads.get(url, tmp_path / "file", timeout=0.2, attempts=1)


def test_downloads_that_cannot_be_written_are_said(server: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FetchError, match=r"cannot be stored: .*/file/downloads: Not a dir"):
        downloads.download(f"{server}/file", DIGEST, tmp_path / "file" / "downloads")


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
