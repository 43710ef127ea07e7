"""The site on the loopback, built again whenever something it is made from changes."""

import contextlib
import functools
import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis.cli.console import Log
from analysis.project.errors import InputError
from analysis.project.files import PACKAGE, root
from analysis.site.builtin import files

ADDRESS = "127.0.0.1"  # the loopback only: nobody else sees an unfinished page
EVERY = 1.0  # seconds between two looks
SOURCES = {  # folder -> the endings of what the site is made from
    "report": ("",),
    "analysis": (".py", ".css", ".html", ".js", ".lua", ".typ"),
    "data/results": (".json", ".npz", ".wav"),
    "data/studies": (".toml",),
    "data/literature": ("",),
}

LEFT = (".html", ".pdf", ".quarto_ipynb")  # beside the pages while Quarto renders them


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Files without a line in the log for each, and never from the browser's cache."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base's name)
        """Say nothing."""

    def end_headers(self) -> None:
        """Headers, with the one that makes a browser ask again."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()


def snapshot(folder: Path) -> dict[Path, int]:
    """Path -> time of the last change, of all the site is made from and no build writes."""
    paths = [folder / "_quarto.yml"]
    for name, endings in SOURCES.items():
        place = PACKAGE if name == "analysis" else folder / name
        paths += [path for path in files.sources(place) if path.name.endswith(endings)]
    paths = [path for path in paths if path.parent.name != "report" or path.suffix not in LEFT]
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):  # it may vanish while we look
            if path.is_file():
                found[path] = path.stat().st_mtime_ns
    return found


@contextlib.contextmanager
def serving(site: Path, port: int) -> Iterator[str]:
    """Serve a folder on the loopback; gives its address.

    Args:
        site: the folder; it may be replaced meanwhile.
        port: 0 takes a free one.

    Raises:
        InputError: the port is taken or may not be used.
    """
    handler = functools.partial(_Quiet, directory=str(site))
    try:
        server = http.server.ThreadingHTTPServer((ADDRESS, port), handler)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"port {port}: {why}: choose another with --port, or 0") from None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{ADDRESS}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def preview(site: Path, port: int, command: Sequence[str], log: Log) -> None:
    """Build, serve, and build again after each change, until interrupted.

    Args:
        site: where the command builds it.
        port: on the loopback; 0 takes a free one.
        command: arguments of ``python -m analysis`` that build the site. It runs in a process of
            its own, so that changed code is used. If it fails, the site stays as it was.
        log: told what happens.
    """
    with serving(site, port) as address, contextlib.suppress(KeyboardInterrupt):
        seen: dict[Path, int] = {}
        while True:
            now = snapshot(root())
            if now != seen:
                if seen:
                    changed = {p for p in now.keys() | seen.keys() if now.get(p) != seen.get(p)}
                    log.info(f"changed: {', '.join(sorted(path.name for path in changed)[:3])}")
                built = _build(command, log)
                if built or not seen:
                    print(f"{'updated' if seen else 'serving'} {address}", flush=True)
                seen = now
            time.sleep(EVERY)
    log.info("stopped")


def _build(command: Sequence[str], log: Log) -> bool:
    """Whether the site was built."""
    done = subprocess.run(
        [sys.executable, "-m", "analysis", *command], stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        log.warning("not built, so the site is as it was; save again when that is corrected")
    return done.returncode == 0
