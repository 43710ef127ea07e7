"""Builds as a user meets them: killed, failing, two at once, and by Quarto.

Quarto itself is not on every machine: a stand-in does what its source (1.11) says of patterns, of
`.gitignore` and of its output folder.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.conftest import git
from tests.standins import fresh

PAGE = """---
title: Small
format: {html: default, typst: {output-file: paper.pdf}}
---

```{python}
import os, pathlib, time
if wait := os.environ.get("WAIT_FOR"):
    pathlib.Path(wait + ".started").touch()
    while not pathlib.Path(wait).exists():
        time.sleep(0.05)
```

One and one is `{python} 1 + 1`.
"""

# What `resolveGlobs` (src/core/path.ts) makes of a pattern, `ensureGitignore` of .gitignore, and a
# project's render of its output folder: emptied first, filled page by page.
QUARTO = f"""#!{sys.executable}
import os, shutil, sys
from pathlib import Path
import yaml

if sys.argv[1] == "--version":
    sys.exit(print("1.11.0"))
root, project = Path.cwd(), yaml.safe_load(Path("_quarto.yml").read_text())["project"]
output = Path(sys.argv[sys.argv.index("--output-dir") + 1]
              if "--output-dir" in sys.argv else project["output-dir"])
ignore = Path(".gitignore")
for line in ("/.quarto/", "**/*.quarto_ipynb"):
    if line not in ignore.read_text().splitlines():
        ignore.write_text(ignore.read_text() + line + "\\n")

def matching(patterns):
    found = set()
    for pattern in patterns:
        bare = pattern.removeprefix("!")
        files = set(root.glob(bare[1:] if bare[0] == "/" else "**/" + bare))
        found = found - files if pattern[0] == "!" else found | files
    return sorted(one.relative_to(root) for one in found if one.is_file())

shutil.rmtree(output, ignore_errors=True)
for path in matching(project["render"]):
    page = (output / path).with_suffix(".html")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"<!DOCTYPE html><title>{{path}}</title><main><p>{{path}}</p></main>")
    if os.environ.get("SAID"):
        print(os.environ["SAID"])
    if os.environ.get("FAIL"):
        sys.exit("no more pages")
for path in matching(project["resources"]):
    (output / path).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, output / path)
"""


@pytest.fixture
def small(user: fresh.User) -> fresh.User:
    """A user whose paper is one short page, in a repository of their own."""
    for page in (user.project / "report").glob("*.qmd"):
        page.unlink()
    user.write("report/index.qmd", PAGE)
    settings = (user.project / "_quarto.yml").read_text(encoding="utf-8")
    user.write("_quarto.yml", re.sub(r"(?ms)^  navbar:.*?(?=^  \w)", "", settings))
    git(user.project, "init", "-q")
    git(user.project, "add", "--all")
    git(user.project, "commit", "-q", "-m", "one")
    return user


@pytest.fixture
def quarto(small: fresh.User) -> Callable[..., fresh.Said]:
    """Build with the stand-in for Quarto."""
    folder = small.home / "bin"
    folder.mkdir()
    (folder / "quarto").write_text(QUARTO, encoding="utf-8")
    (folder / "quarto").chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return lambda **more: small.run("build", "--renderer", "quarto", PATH=path, **more)


@contextlib.contextmanager
def started(user: fresh.User, *arguments: str, **more: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-m", "analysis", *arguments], cwd=user.project,
        env=user.settings(**more), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def until(true: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_store_that_cannot_be_written_stops_no_build_that_needs_nothing_from_it(
    small: fresh.User,
) -> None:
    for place in ("/sys/none", str(small.home / "file" / "store")):
        (small.home / "file").touch()
        said = small.run("build", ANALYSIS_CACHE=place)
        assert said.code == 0, said.all
        assert f"{place}: " in said.err and "ANALYSIS_CACHE takes a folder" in said.err
    go = str(small.home / "go")
    with started(small, "build", WAIT_FOR=go) as building:  # the store goes meanwhile
        until(Path(f"{go}.started").exists)
        shutil.rmtree(small.project / "data" / "cache", ignore_errors=True)
        Path(go).touch()
        _, err = building.communicate(timeout=120)
        assert building.returncode == 0, err


def test_quarto_reaches_no_older_site_and_leaves_git_as_it_was(
    small: fresh.User, quarto: Callable[..., fresh.Said]
) -> None:
    for older in ("public/0.1", "data/cache/pages/site-1/tree", "_site"):
        for name in ("report/old.qmd", "report/fonts/a", "data/results/sound/a.wav"):
            small.write(f"{older}/{name}", "---\ntitle: Old\n---\n")
    (small.project / ".git" / "info" / "exclude").write_text("/public/\n")
    said = quarto()
    assert said.code == 0, said.all
    site = tree(small.project / "_site")
    assert "report/index.html" in site and "report/fonts/report-math.woff2" in site
    assert not [name for name in site if name.endswith(("old.html", "/a", "a.wav"))]
    assert git(small.project, "status", "--porcelain") == ""
    account = json.loads(site["provenance.json"])
    assert account["commit"] == git(small.project, "rev-parse", "HEAD")
    dry = small.run("publish", "--to", "public2")
    assert dry.code == 0, dry.all


def test_a_failed_build_by_quarto_leaves_the_site_whole(
    small: fresh.User, quarto: Callable[..., fresh.Said]
) -> None:
    small.write("_site/report/index.html", "<p>before</p>")
    small.write("_site/report/use-it.html", "<p>before</p>")
    for more in ({"FAIL": "1"}, {"SAID": "WARN: Unable to resolve link target: report/none.qmd"}):
        said = quarto(**more)
        assert said.code == 1, said.all
        assert "no more pages" in said.err or "report/none.qmd" in said.err
        assert tree(small.project / "_site") == {
            "report/index.html": b"<p>before</p>", "report/use-it.html": b"<p>before</p>",
        }  # fmt: skip
    assert git(small.project, "status", "--porcelain") == ""
    assert not [path for path in small.project.iterdir() if path.name.startswith(".unf")]


def test_a_killed_build_is_swept_by_the_next(small: fresh.User) -> None:
    go = str(small.home / "go")
    with started(small, "build", WAIT_FOR=go) as building:
        until(Path(f"{go}.started").exists)
        left = {path.name for path in small.project.glob("._*")} | {
            path.name for path in small.project.glob(".unfinished-*")
        }
        assert len(left) == 1, "the site is made beside its place"
        building.send_signal(signal.SIGKILL)
        building.communicate(timeout=60)
    for name in left:  # a page that was written already
        small.write(f"{name}/new/page.html", "<p>half</p>")
    assert git(small.project, "status", "--porcelain") == ""
    said = small.run("build")
    assert said.code == 0, said.all
    assert not left & {path.name for path in small.project.iterdir()}
    site = small.project / "_site"
    commit = git(small.project, "rev-parse", "HEAD")
    assert json.loads((site / "provenance.json").read_text())["commit"] == commit
    paper = PdfReader(site / "report" / "paper.pdf").pages[0].extract_text()
    assert commit[:7] in paper and "changes" not in paper


def test_of_two_builds_at_once_the_second_waits(small: fresh.User) -> None:
    go = str(small.home / "go")
    with started(small, "build", WAIT_FOR=go) as first:
        until(Path(f"{go}.started").exists)
        with started(small, "build") as second:
            assert second.stderr is not None
            said = next((line for line in second.stderr if "another build" in line), "nothing")
            assert "waiting" in said
            assert first.poll() is None and second.poll() is None
            Path(go).touch()
            assert second.wait(120) == 0, second.communicate()
        assert first.wait(120) == 0, first.communicate()
        for process in (first, second):
            process.communicate()
    assert (small.project / "_site" / "report" / "paper.pdf").is_file()
