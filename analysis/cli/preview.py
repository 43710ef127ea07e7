"""The site on the loopback, built again whenever something it is made from changes."""

import contextlib
import functools
import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from analysis.cli.console import Log
from analysis.project.errors import InputError
from analysis.project.files import PACKAGE, root
from analysis.site.builtin import files

ADDRESS = "127.0.0.1"  # the loopback only: nobody else sees an unfinished page
EVERY = 1.0  # seconds between two looks
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
    report, data = folder / "report", folder / "data"
    kept = {files.store(folder), (data / "cache").resolve()}
    paths = [folder / "_quarto.yml", *files.sources(PACKAGE), *files.sources(data, kept)]
    paths += [path for path in files.sources(report) if path.suffix not in LEFT]
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):  # it may vanish while we look
            found[path] = path.stat().st_mtime_ns
    return found


def preview(site: Path, port: int, command: Sequence[str], log: Log) -> None:
    """Build, serve, and build again after each change, until interrupted.

    Args:
        site: where the command builds it.
        port: on the loopback; 0 takes a free one.
        command: arguments of ``python -m analysis`` that build the site. It runs in a process of
            its own, so that changed code is used. If it fails, the site stays as it was.
        log: told what happens.

    Raises:
        InputError: the port is taken or may not be used.
    """
    try:
        handler = functools.partial(_Quiet, directory=str(site))
        server = http.server.ThreadingHTTPServer((ADDRESS, port), handler)
    except OSError as error:
        raise InputError(
            f"port {port}: {error.strerror}: choose another with --port, or 0"
        ) from None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://{ADDRESS}:{server.server_port}/"
    seen: dict[Path, int] = {}
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            now = snapshot(root())
            if now != seen:
                if seen:
                    changed = {path for path, _ in now.items() ^ seen.items()}
                    log.info(f"changed: {', '.join(sorted(path.name for path in changed)[:3])}")
                if _build(command, log) or not seen:
                    print(f"{'updated' if seen else 'serving'} {address}", flush=True)
                seen = now
            time.sleep(EVERY)
    server.shutdown()
    server.server_close()
    log.info("stopped")


def _build(command: Sequence[str], log: Log) -> bool:
    """Whether the site was built."""
    done = subprocess.run(
        [sys.executable, "-m", "analysis", *command], stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        log.warning("not built, so the site is as it was; save again when that is corrected")
    return done.returncode == 0
