"""A web server on the loopback that answers well or badly, for tests of what is downloaded."""

import contextlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Web:
    """What the server has, and what it was asked.

    A page that is a number answers with that status; ``short`` breaks off in the middle; ``slow``
    begins late and ``stalls`` goes on late; any other that it does not have is 404.

    Args:
        raw: path -> pieces of what is sent as it is, with its status and header, ``pause`` seconds
            apart.
        pages: path -> content; ``short``, ``slow`` and ``stalls`` give that of ``file``.
        busy: how many requests are answered with 503 first.
        asked: the pages, in order; agents: what asked for them.
        url: where it is.
    """

    pages: dict[str, bytes]
    busy: int = 0
    raw: dict[str, Iterable[bytes]] = field(default_factory=dict)
    pause: float = 0.0
    asked: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    url: str = ""
    closing: threading.Event = field(default_factory=threading.Event)


class _Handler(BaseHTTPRequestHandler):
    web: Web

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the client has left, as it should
            super().handle()

    def do_GET(self) -> None:
        web, page = self.web, self.path.strip("/")
        web.asked.append(page)
        web.agents.append(self.headers["User-Agent"])
        if page in web.raw:
            for piece in web.raw[page]:
                self.wfile.write(piece)
                if web.closing.wait(web.pause):
                    break
            return
        body = web.pages.get("file" if page in ("short", "slow", "stalls") else page)
        status = int(page) if page.isdigit() else 404 if body is None else 200
        if web.busy:
            web.busy, status = web.busy - 1, 503
        body = body if body is not None and status == 200 else b"sorry"
        if page == "slow":
            web.closing.wait(5)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:10])
        if page == "stalls":
            self.wfile.flush()
            web.closing.wait(5)
        self.wfile.write(b"" if page == "short" else body[10:])


@contextlib.contextmanager
def running(**pages: bytes) -> Iterator[Web]:
    """A server of these pages on a free port."""
    web = Web(pages)
    handler = type("Handler", (_Handler,), {"web": web})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        web.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield web
        finally:
            web.closing.set()
            server.shutdown()
