"""The interactive parts of the bundled study, and pages of them."""

import importlib
import shutil
from pathlib import Path

import pytest

from analysis.paper.widgets import noise_slider
from analysis.project.files import root
from analysis.study import results
from analysis.study.results import Results
from tests.standins.widgets import WIDGETS, page_of


@pytest.fixture(scope="session")
def bundled() -> Results:
    return results.load("bundled")


@pytest.fixture(scope="session")
def built(bundled: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of all of them with what they load; one of each alone is beside it."""
    folder = tmp_path_factory.mktemp("widgets")
    shutil.copytree(root() / "report" / "interactive", folder / "report" / "interactive")
    shutil.copytree(root() / "data" / "results" / "sound", folder / "data" / "results" / "sound")
    shutil.copy(root() / "report" / "style.css", folder / "report")
    shutil.copy(root() / "analysis/site/builtin/style.css", folder / "report" / "site.css")
    modules = [importlib.import_module(f"analysis.paper.widgets.{name}") for name in WIDGETS]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(noise_slider, "root", lambda: folder)
        made = dict(zip(WIDGETS, [module.markup(bundled) for module in modules], strict=True))
    path = folder / "report" / "index.html"
    path.write_text(page_of(*made.values()), encoding="utf-8")
    for name, text in made.items():
        path.with_name(f"{name}.html").write_text(page_of(text), encoding="utf-8")
    return path
