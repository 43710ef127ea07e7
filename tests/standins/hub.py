"""A stand-in for the Hugging Face Hub on the loopback, for tests; no test itself.

It speaks what huggingface_hub asks of ``HF_ENDPOINT``: HEAD and GET of ``/<repo>/resolve/<revision>
/<path>``, with ETag, X-Repo-Commit and X-Error-Code. A small file is redirected to a path on the
same host, a large one (`LARGE`) with X-Linked-Etag and X-Linked-Size to a signed address of another
host, the CDN, which refuses an Authorization header as storage hosts do. What it answers when is
after huggingface_hub's own code and the Hub's documentation of its headers.
"""

import contextlib
import hashlib
import http.server
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[2]
LARGE = 1000  # bytes from which a file is stored apart, under its SHA-256
NAME = r"([\w-]+/[\w.-]+)"
RESOLVE = rf"/(?:api/resolve-cache/models/{NAME}|{NAME}/resolve)/(\w+)/(.+)"
SIGNATURE = "Signature=permission-of-the-cdn"


def git_hash(content: bytes) -> str:
    """What git names a file's content by."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class Repo:
    """A repository.

    Args:
        files: path -> content, of every commit.
        commits: the revisions there are; the first is `main`.
        gated: whether its licence has to be accepted.
        readers: the tokens that may read it, if it is gated or private.
        private: whether others are told that it is not there.
        moved: the name it has now.
        broken: path -> how its content goes wrong: ``wrong`` (other bytes of the same size),
            ``stuck`` (breaks off and does not go on).
        fails: a status that is all it answers with.
        wait: seconds that it asks to wait then; of 429 once, afterwards all is well.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    commits: tuple[str, ...] = ("0123456789abcdef0123456789abcdef01234567",)
    gated: bool = False
    readers: tuple[str, ...] = ()
    private: bool = False
    moved: str = ""
    broken: dict[str, str] = field(default_factory=dict)
    fails: int = 0
    wait: int = 0


class Asked(NamedTuple):
    """A request that came."""

    server: str
    method: str
    path: str
    authorized: bool


@dataclass
class Hub:
    """The Hub and its CDN. `tokens` are valid; a `restricted` one may read no gated repository."""

    repos: dict[str, Repo]
    tokens: tuple[str, ...] = ()
    restricted: tuple[str, ...] = ()
    endpoint: str = ""
    cdn: str = ""
    asked: list[Asked] = field(default_factory=list)

    def count(self, server: str, method: str = "GET") -> int:
        return sum((one.server, one.method) == (server, method) for one in self.asked)

    def refusal(self, repo: str, token: str, revision: str, path: str) -> tuple[int, str, str]:
        """Status, X-Error-Code and X-Error-Message; status 0 if there is nothing to refuse."""
        known = self.repos.get(repo)
        if token and token not in self.tokens + self.restricted:
            # What a server must not do, but one could: repeat the token.
            return 401, "", f"Invalid credentials in Authorization header: Bearer {token}"
        if known is None or (known.private and token not in known.readers):
            return (404 if token else 401), "RepoNotFound", "Repository not found"
        if known.fails:
            return known.fails, "", "Something is wrong here"
        if known.gated and token in self.restricted:
            said = "Please enable access to public gated repositories in your fine-grained token"
            return 403, "", f"{said} settings to view this repository ({token})."
        if known.gated and token not in known.readers:
            said = f"Access to model {repo} is restricted."
            return (403 if token else 401), "GatedRepo", said
        if revision not in ("main", *known.commits):
            return 404, "RevisionNotFound", f"Invalid rev id: {revision}"
        if path not in known.files:
            return 404, "EntryNotFound", "Entry not found"
        return 0, "", ""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub
    server_name: str

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.hub.asked.append(Asked(self.server_name, self.command, self.path, bool(token)))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._hub(token) if self.server_name == "hub" else self._cdn(token)

    def _send(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _hub(self, token: str) -> None:
        place = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        match = re.fullmatch(RESOLVE, place)
        if match is None:
            return self._send(200, {"Content-Type": "text/html"}, b"<html>Please log in</html>")
        cached, repo, revision, path = match.groups()
        repo = cached or repo
        known = self.hub.repos.get(repo, Repo())
        if known.moved:
            return self._send(307, {"Location": self.path.replace(repo, known.moved)})
        commit = known.commits[0] if revision == "main" else revision
        status, code, message = self.hub.refusal(repo, token, revision, path)
        headers = {"X-Repo-Commit": commit} if code in ("", "EntryNotFound") else {}
        if status:
            headers |= {"X-Error-Code": code} if code else {}
            if status == 429 or status >= 500:
                headers |= {"Retry-After": str(known.wait)}
            return self._send(status, headers | {"X-Error-Message": message}, message.encode())
        content = known.files[path]
        if len(content) < LARGE:
            headers["ETag"] = f'"{git_hash(content)}"'
            if not cached:
                there = f"/api/resolve-cache/models/{repo}/{commit}/{path}"
                return self._send(307, headers | {"Location": there})
            if known.broken.get(path) == "wrong":
                content = content[::-1]
            return self._send(200, headers, content)
        digest = hashlib.sha256(content).hexdigest()
        there = f"{self.hub.cdn}/{repo}/{path}?{SIGNATURE}"
        headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        return self._send(302, headers | {"Location": there}, f"Found: {there}".encode())

    def _cdn(self, token: str) -> None:
        place = urllib.parse.urlsplit(self.path)
        match = re.fullmatch(rf"/{NAME}/(.+)", place.path)
        assert match is not None
        repo = self.hub.repos[match[1]]
        content, how = repo.files[match[2]], repo.broken.get(match[2], "")
        if token or place.query != SIGNATURE:
            return self._send(400 if token else 403, {}, b"")
        if how == "wrong":
            content = content[::-1]
        self.send_response(200)
        self.send_header("ETag", '"of the storage"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:10] if how == "stuck" else content)
        if how == "stuck":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        return None


@contextlib.contextmanager
def running(hub: Hub) -> Iterator[Hub]:
    """Run a hub and its CDN on free ports of the loopback; `endpoint` and `cdn` say where."""
    servers = []
    for name in ("hub", "cdn"):
        handler = type(name, (_Handler,), {"hub": hub, "server_name": name})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
    hub.endpoint, hub.cdn = (f"http://127.0.0.1:{one.server_address[1]}" for one in servers)
    try:
        yield hub
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def environment(endpoint: str, home: Path, **more: str) -> dict[str, str]:
    """The environment of a process whose Hub is here, and whose cache and token are in `home`."""
    outside = ("HF_", "HUGGING", "ANALYSIS_", "TRANSFORMERS_")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(outside)}
    return {
        **clean,
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONPATH": str(PROJECT),
        "OMP_NUM_THREADS": "1",
        **more,
    }


def start(code: str, *arguments: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start Python code in a process of its own, where every warning is an error."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
