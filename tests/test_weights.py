import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis import weights
from analysis.settings import FetchError

CONTENT = b"weights" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class StandIn(http.server.BaseHTTPRequestHandler):
    """A file server and, under /<owner>/<repo>/resolve/, what the Hub answers."""

    asked: list[str]

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""

    def _answer(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        status, code, body = 404, "", b""
        if self.path in ("/file.pth", f"/fit/model/resolve/{COMMIT}/vae/w.bin"):
            status, body = 200, CONTENT
        elif self.path == "/fit/model/resolve/main/vae/config.json":
            status, body = 200, b"{}"
        elif "/resolve/" in self.path:
            status, code = {
                "gated": (403, "GatedRepo"),
                "nologin": (401, "GatedRepo"),
                "none": (404, "RepoNotFound"),
                "norev": (404, "RevisionNotFound"),
            }.get(self.path.split("/")[1], (404, "EntryNotFound"))
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[str]:
    StandIn.asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), StandIn) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*")]


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
    assert weights.folders() == []
    monkeypatch.setenv("ANALYSIS_WEIGHTS", os.pathsep.join([str(tmp_path), "", "~/w"]))
    assert weights.folders() == [tmp_path, Path.home() / "w"]


def test_absent_modules_are_named_without_an_import() -> None:
    assert weights.absent(["json", "no_such_module_here"]) == ["no_such_module_here"]


def test_download_keeps_the_file_by_content_and_asks_once(server: str, tmp_path: Path) -> None:
    downloads = tmp_path / "new" / "downloads"
    path = weights.download(f"{server}/file.pth", DIGEST, downloads)
    assert path == downloads / DIGEST and path.read_bytes() == CONTENT
    assert weights.download(f"{server}/file.pth", DIGEST, downloads) == path
    assert StandIn.asked == ["GET /file.pth"]
    path.write_bytes(b"damaged")
    assert weights.download(f"{server}/file.pth", DIGEST, downloads).read_bytes() == CONTENT


def test_a_failed_download_is_one_line_and_leaves_nothing(server: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"404.*ANALYSIS_WEIGHTS") as error:
        weights.download(f"{server}/none.pth", DIGEST, tmp_path)
    assert "\n" not in str(error.value)
    with pytest.raises(FetchError, match=r"sha256 of what came is not 0000.*was not kept") as error:
        weights.download(f"{server}/file.pth", "0" * 64, tmp_path)
    assert "\n" not in str(error.value)
    with pytest.raises(FetchError, match="check the network") as error:
        weights.download("http://127.0.0.1:9/file.pth", DIGEST, tmp_path)
    assert "\n" not in str(error.value)
    assert left(tmp_path) == []


def test_downloads_that_cannot_be_written_are_said(server: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FetchError, match="cannot be stored in"):
        weights.download(f"{server}/file.pth", DIGEST, tmp_path / "file" / "downloads")


ASK = """
import json, sys
from analysis import weights
from analysis.settings import FetchError
found = {}
for owner, revision in json.loads(sys.argv[1]):
    try:
        paths, commit = weights.from_hub(
            f"{owner}/model", ["vae/config.json", "vae/w.bin"], revision, ["other/model"]
        )
        found[owner] = [commit, *(path.read_text()[:7] for path in paths)]
    except FetchError as error:
        found[owner] = str(error)
names = ["vae/config.json", "vae/w.bin"]
found["missing fit"] = weights.hub_missing("fit/model", names, "")
found["missing other"] = weights.hub_missing("gated/model", names, "")
print(json.dumps(found))
"""


def ask_hub(endpoint: str, home: Path, owners: list[list[str]], **environment: str) -> dict:
    """What `from_hub` answers, in a process whose Hub is `endpoint` and whose cache is `home`."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", ASK, json.dumps(owners)],
        env={
            **clean,
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "PYTHONPATH": str(Path(weights.__file__).parents[1]),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_the_hub_and_its_refusals(server: str, tmp_path: Path) -> None:
    names = ["fit", "gated", "nologin", "none", "entry"]
    found = ask_hub(server, tmp_path, [[name, ""] for name in names] + [["norev", "v9"]])
    assert found["fit"] == [COMMIT, "{}", "weights"]
    for owner in ("gated", "nologin"):
        assert found[owner] == (
            f"{owner}/model is gated: accept its licence at https://huggingface.co/{owner}/model, "
            "then run 'hf auth login', or set repo to other/model in its card"
        )
    assert "is not there or is private" in found["none"] and "hf auth whoami" in found["none"]
    assert "has no file 'vae/config.json'" in found["entry"]
    assert "has no revision 'v9'" in found["norev"]
    assert found["missing fit"] is None and found["missing other"] is None
    assert all("\n" not in text for text in found.values() if isinstance(text, str))

    # what came is in the cache: it is used again without the Hub, the rest says what to do
    offline = ask_hub(server, tmp_path, [["fit", ""], ["gated", ""]], HF_HUB_OFFLINE="1")
    assert offline["fit"] == [COMMIT, "{}", "weights"]
    assert "the Hub cannot be reached" in offline["gated"]
    assert offline["missing fit"] is None
    assert "HF_HUB_OFFLINE is set" in offline["missing other"]
