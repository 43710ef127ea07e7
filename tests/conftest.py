"""What all tests share: no settings from outside, and a tiny project of synthetic photographs."""

import hashlib
import os
import re
import shutil
import subprocess
import types
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import html5lib
import hypothesis
import numpy as np
import pytest
from PIL import Image

from analysis.project import environment
from analysis.project.extras import MODULES
from analysis.study.chain import Chain
from analysis.study.results import Results
from analysis.study.settings import load_study
from analysis.study.store import Store
from tests.site import looks
from tests.standins import fresh

# No test is timed: examples take longer where another worker has the processor.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

PROJECT = Path(__file__).resolve().parents[1]
PHOTOGRAPHS = ("birch", "heron", "quarry")
# First in a program that is to be interrupted: a shell's background jobs are born ignoring it.
HEEDING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"

Said = tuple[int, str, str]
BANDS = "[bands]\nfirst_ring = 1\nlow = 0.5\nmiddle = 0.75\n"  # 8 x 8 latents have few rings

STUDY = """
title = "Three synthetic photographs"
images = "bundled"
encoders = ["pixel", "linear-f8c16"]
display_encoder = "linear-f8c16"
display_image = "heron"
resolutions = [64, 128]
t = 0.5
seed = 7

[[variations]]
name = "box"
resample = "box"

[[variations]]
name = "power-law"
images = "power-law"

[window]
kind = "kaiser"
beta = 2.0

[bands]
low = 0.7
middle = 0.85
"""


def synthetic_photograph(seed: int, side: int, gamma: float = 2.0) -> np.ndarray:
    """uint8 ``[side, side, 3]`` with power falling as k^-gamma, as a photograph's does."""
    rng = np.random.default_rng(seed)
    k = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    k[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal((3, side, side))) * k ** (-gamma / 2)
    field = np.fft.irfft2(spectrum, (side, side))
    field /= np.abs(field).max()
    return np.round(np.moveaxis(127.5 * (field + 1), 0, -1)).astype(np.uint8)


def make_project(
    folder: Path, picture: Callable[[int], np.ndarray] | None = None, ending: str = "png"
) -> Path:
    """A project folder: the real cards (with a smaller fit), three images of 160 px, one study.

    160 px, so that both 128 and 64 px are resampled, as photographs are.

    Args:
        folder: where to.
        picture: number -> uint8 ``[160, 160, 3]``; by default synthetic photographs.
        ending: of the files' names, which decides their format.
    """
    picture = picture or (lambda number: synthetic_photograph(number, 160))
    (folder / "data" / "studies").mkdir(parents=True)
    (folder / "data" / "images").mkdir()
    cards = (PROJECT / "data" / "encoders.toml").read_text(encoding="utf-8")
    assert "fit_size = 1024" in cards
    cards = cards.replace("fit_size = 1024", "fit_size = 128")
    (folder / "data" / "encoders.toml").write_text(cards, encoding="utf-8")
    (folder / "data" / "studies" / "tiny.toml").write_text(STUDY, encoding="utf-8")
    shutil.copytree(PROJECT / "data" / "literature", folder / "data" / "literature")
    rows = ['[sets.bundled]\ntitle = "Synthetic"\nlicense = "CC0-1.0"\n']
    for number, name in enumerate(PHOTOGRAPHS):
        path = folder / "data" / "images" / f"{name}.{ending}"
        Image.fromarray(picture(number)).save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        rows.append(
            f'[[sets.bundled.images]]\nid = "{name}"\nfile = "images/{name}.{ending}"\n'
            f'sha256 = "{digest}"\ntitle = "{name}"\nauthor = "nobody"\nlicense = "CC0-1.0"\n'
            'source = "tests/conftest.py"\n'
        )
    (folder / "data" / "images.toml").write_text("\n".join(rows), encoding="utf-8")
    return folder


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What opens a browser or goes a user's path is slow; the latter first, as no worker waits."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()) or item.path.parent.name == "users":
            item.add_marker("slow")
    items.sort(key=lambda item: item.path.parent.name != "users")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Where the extra `vae` is not installed, a test that needs it is skipped; CI has it."""
    try:
        return (yield)
    except ModuleNotFoundError as error:
        if error.name not in MODULES["vae"] or os.environ.get("CI"):
            raise
        pytest.skip(f"no {error.name}: the extra 'vae' is not installed")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader's own environment must not decide whether a test passes."""
    for name in ("ANALYSIS_ROOT", "ANALYSIS_CACHE", "ANALYSIS_COMPUTE", "ANALYSIS_STUDY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A tiny project of its own, with an empty cache, which `files.root` finds."""
    folder = make_project(tmp_path / "project")
    monkeypatch.setenv("ANALYSIS_ROOT", str(folder))
    monkeypatch.setenv("ANALYSIS_CACHE", str(folder / "data" / "cache"))
    # The commit is asked for once a process, in the project: here it has none.
    environment.environment.cache_clear()
    yield folder
    environment.environment.cache_clear()


@pytest.fixture
def user(tmp_path: Path) -> fresh.User:
    """Somebody with a copy of the whole project, whose every command is a fresh process."""
    home = tmp_path / "home"
    home.mkdir()
    return fresh.User(fresh.copy(tmp_path / "checkout"), home)


@pytest.fixture
def edit(project: Path) -> Callable[[str, str, str], None]:
    """Replace a text in a file of the tiny project; the text must be there."""

    def replace(name: str, old: str, new: str) -> None:
        path = project / "data" / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {name}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    return replace


def with_bands(folder: Path) -> Path:
    """A tiny project, given bands that 8 x 8 latents have rings for."""
    text = STUDY.partition("[bands]")[0] + BANDS
    (folder / "data" / "studies" / "tiny.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny project, with bands that 8 x 8 latents have rings for, as the current folder."""
    with_bands(project)
    monkeypatch.setenv("ANALYSIS_STUDY", "tiny")
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    monkeypatch.delenv("ANALYSIS_WEIGHTS", raising=False)
    monkeypatch.chdir(project)
    return project


@pytest.fixture(scope="session")
def tiny_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of the study of `here`, computed once for all tests."""
    folder = with_bands(make_project(tmp_path_factory.mktemp("tiny") / "project"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANALYSIS_ROOT", str(folder))
        environment.environment.cache_clear()  # the tiny project is no repository
        store = Store(folder / "data" / "cache", compute="auto")
        Chain(load_study("tiny"), store).compute()
    environment.environment.cache_clear()
    return store.folder


@pytest.fixture
def computed(here: Path, tiny_store: Path) -> Path:
    """The project of `here`, all of whose study is in its store."""
    shutil.copytree(tiny_store, here / "data" / "cache")
    return here


@pytest.fixture
def call(here: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """The command in this process: exit code, stdout, stderr."""
    from analysis.cli.app import main

    def called(*arguments: str) -> Said:
        with pytest.raises(SystemExit) as left:
            main(arguments)
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return called


class Shown(types.SimpleNamespace):
    """As much of `results.Results` as a test makes; what is derived is derived as there."""

    everything = Results.everything
    rows = None


def unescaped(markdown: str) -> str:
    """What a reader sees of a text that Markdown shows as it is."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown)


def git(folder: Path, *arguments: str) -> str:
    """What git prints, as somebody of its own."""
    own = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *own, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def executable(path: Path, script: str) -> Path:
    """A program in a shell's words, in place of one that is not what a test needs."""
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def malformed(html: str) -> list[str]:
    """What a page's HTML has against the standard: parse errors, and ids that are given twice."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    tree = parser.parse(html)
    found = [f"{line}:{column}: {what}" for (line, column), what, _ in parser.errors]
    ids = Counter(one.get("id") for one in tree.iter() if one.get("id"))
    return found + [f"id {name} is given {count} times" for name, count in ids.items() if count > 1]


# In a browser ---------------------------------------------------------------------------------


def _absent(what: str, remedy: str) -> NoReturn:
    """A reader's machine may lack what only browser tests need; CI may not."""
    if os.environ.get("CI"):
        pytest.fail(f"CI has no {what}")
    pytest.skip(f"no {what} on this machine: {remedy}")


# By module: while it is open, its event loop runs in this thread, which others may want to do.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, under Playwright."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        _absent("Chromium", "install the package chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, which the test package brings along."""
    try:
        return looks.axe()
    except ModuleNotFoundError:
        _absent("axe", "pip install axe-playwright-python")
