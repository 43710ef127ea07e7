"""The package away from its checkout: built, installed elsewhere, run in an unrelated folder."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import synthetic_photograph
from tests.standins import fresh


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the project, as 'pip install .' makes it."""
    folder = tmp_path_factory.mktemp("wheel")
    sources = fresh.copy(folder / "checkout")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder)]
    done = subprocess.run(
        [*command, str(sources)], capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode and not os.environ.get("CI"):
        pytest.skip(f"no wheel can be built without a package index: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages that has the wheel's content only."""
    folder = tmp_path_factory.mktemp("site-packages")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run(
        [*command, str(folder), str(wheel)], capture_output=True, timeout=300, check=True
    )
    return folder


@pytest.fixture
def away(installed: Path, tmp_path: Path) -> Callable[..., fresh.Said]:
    """The installed command, in a folder that has nothing to do with the project."""
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    (here / "pictures").mkdir(parents=True)
    for seed in range(3):
        picture = Image.fromarray(synthetic_photograph(seed, 160))
        picture.save(here / "pictures" / f"IMG_{seed}.png")
    user = fresh.User(here, home, {"PYTHONPATH": str(installed)})

    def run(*arguments: str, **more: str) -> fresh.Said:
        said = user.python(str(installed / "bin" / "timestep-spectra"), *arguments, **more)
        assert fresh.TRACEBACK not in said.err
        return said

    return run


def test_the_wheel_carries_what_is_read_from_anywhere(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    for name in (
        *("encoders.toml", "images.toml", "studies/bundled.toml", "literature/shift_rules.csv"),
        *("literature/references.bib", "results/bundled/pixel.npz", "results/bundled/pixel.json"),
    ):
        assert f"analysis/data/{name}" in names
    assert {name.split("/")[0].partition("-")[0] for name in names} == {
        *("analysis", "timestep_spectra"),
    }, "nothing else is put among other people's packages"
    assert not [name for name in names if "/data/images/" in name or "/cache/" in name]
    assert "analysis/site/builtin/style.css" in names


def test_a_shift_is_measured_in_an_unrelated_folder(
    away: Callable[..., fresh.Said], tmp_path: Path
) -> None:
    ask = ("recommend", "--encoder", "pixel", "--images", "pictures", "--from", "64", "--to", "128")
    code, out, err = away(*ask, "--format", "json")
    assert code == 0, err
    found = json.loads(out)
    assert 1.8 < found["measured"] < 2.2, found
    kept = tmp_path / "home" / ".cache" / "timestep-spectra"
    assert list(kept.rglob("*.npz")), "kept in the user's cache folder"
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == ["pictures"]
    other = tmp_path / "other"
    assert away("compute", "--study", str(_study(tmp_path)), ANALYSIS_CACHE=str(other)).code == 0
    assert list(other.rglob("*.npz")), "ANALYSIS_CACHE wins"


def _study(folder: Path) -> Path:
    """A study by its path, whose images lie beside it."""
    path = folder / "here" / "mine.toml"
    path.write_text(
        'title = "Mine"\nimages = "pictures"\nencoders = ["pixel"]\ndisplay_encoder = "pixel"\n'
        "resolutions = [64, 128]\n",
        encoding="utf-8",
    )
    return path


def test_committed_results_are_read_without_the_photographs(
    away: Callable[..., fresh.Said], tmp_path: Path
) -> None:
    said = away("explain", "value", "shift_taef2")
    assert said.code == 0 and "taef2: committed, key" in said.out, said.err
    assert "fig-raps" in away("explain", "fig-raps").out
    assert away("rebuild", "fig-raps", "--to", "drawn").code == 0
    assert (tmp_path / "here" / "drawn" / "raps.svg").is_file()


def test_what_needs_a_checkout_says_so_at_once(away: Callable[..., fresh.Said]) -> None:
    for command in (
        *(("build",), ("render",), ("preview",), ("publish", "--to", "out"), ("experiment",)),
        *(("compute", "--update-results"), ("results", "add", "x.zip")),
    ):
        code, out, err = away(*command)
        assert (code, out) == (2, ""), command
        assert err.startswith("error: this command needs a checkout of the project"), command
        assert "set ANALYSIS_ROOT to it" in err and err.count("\n") == 1
    code, _, err = away("recommend", "--encoder", "pixel", "--from", "64", "--to", "128")
    assert code == 2 and "photographs of data/images.toml lie in a checkout" in err
    assert "name a folder of your own as images" in err
    checked = away("check")
    assert checked.code == 0 and "pages: not looked at" in checked.out, checked.all


def test_an_extra_is_named_as_pip_knows_it(
    away: Callable[..., fresh.Said], installed: Path, tmp_path: Path
) -> None:
    """Beside no checkout, '.[vae]' would be another project's."""
    blocked = fresh.without(tmp_path / "blocked", "huggingface_hub")
    ask = ("fetch", "--study", str(_study(tmp_path)), "--encoder", "flux1")
    code, _, err = away(*ask, PYTHONPATH=f"{blocked}{os.pathsep}{installed}")
    assert code == 1 and err.endswith("-m pip install 'timestep-spectra[vae]'\n"), err
