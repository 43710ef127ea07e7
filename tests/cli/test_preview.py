"""`preview`: a site on the loopback that follows its sources."""

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.cli import console, preview
from analysis.project.errors import InputError
from tests.conftest import HEEDING, PROJECT

DRIVER = f"""
{HEEDING}
import sys
from pathlib import Path
from analysis.cli import console, preview
preview.EVERY = 0.05
preview._build = build = lambda command, log: Path("built").write_text(
    str(int(Path("built").read_text()) + 1 if Path("built").exists() else 1))
log = console.Log()
sys.exit(console.run(lambda **k: preview.preview(Path("_site"), 0, ["render"], log), "x", [], log))
"""


@pytest.fixture
def served(project: Path) -> Iterator[subprocess.Popen[str]]:
    (project / "_site").mkdir()
    (project / "_site" / "index.html").write_text("<p>hello</p>", encoding="utf-8")
    (project / "report").mkdir()
    (project / "report" / "index.qmd").write_text("one", encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER], cwd=project, text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_it_serves_follows_and_ends_cleanly(served: subprocess.Popen[str], project: Path) -> None:
    what, address = line(served).split()
    assert what == "serving"
    assert address.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(address, timeout=10) as answer:
        assert answer.read() == b"<p>hello</p>"
        assert answer.headers["Cache-Control"] == "no-store"
    with pytest.raises(urllib.error.HTTPError) as missing:
        urllib.request.urlopen(f"{address}../data/images.toml", timeout=10)
    missing.value.close()
    assert missing.value.code == 404
    (project / "report" / "index.qmd").write_text("two", encoding="utf-8")
    assert line(served) == f"updated {address}"
    assert (project / "built").read_text() == "2"
    served.send_signal(signal.SIGINT)
    _, err = served.communicate(timeout=20)
    assert err == "changed: index.qmd\nstopped\n"
    assert served.returncode == 0


def test_what_the_site_is_made_from_is_watched(project: Path) -> None:
    (project / "report").mkdir()
    (project / "_quarto.yml").touch()
    watched = [
        project / "_quarto.yml",
        project / "report" / "new.qmd",
        project / "data" / "results" / "tiny" / "pixel.json",
        PROJECT / "analysis" / "paper" / "values.py",
    ]
    for path in watched[1:3]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (project / "data" / "cache").mkdir()
    (project / "data" / "cache" / "x.json").touch()
    seen = preview.snapshot(project)
    assert set(watched) <= set(seen)
    assert not any("cache" in path.parts for path in seen if project in path.parents)


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind((preview.ADDRESS, 0))
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=rf"port {port}: .*choose another with --port, or 0"):
            preview.preview(tmp_path, port, [], console.Log())
