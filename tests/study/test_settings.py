"""Studies: what loads, and how what does not load says so."""

import math
import re
import tomllib
from pathlib import Path

import pytest

from analysis.encoders import cards
from analysis.images import catalogue
from analysis.project import errors, files
from analysis.project.errors import InputError
from analysis.spectra.bands import Bands
from analysis.spectra.windows import Window
from analysis.study import settings
from analysis.study.settings import Study, Variation

PROJECT = Path(__file__).resolve().parents[2]
MINIMAL = 'title = "T"\nimages = "bundled"\nencoders = ["pixel"]\ndisplay_encoder = "pixel"\n'


def study(tmp_path: Path, text: str, name: str = "mine") -> Study:
    path = tmp_path / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return settings.load_study(path)


def test_every_study_of_the_project_loads_and_names_what_exists() -> None:
    names = settings.study_names()
    assert {"bundled", "original"} <= set(names)
    for name in names:
        loaded = settings.load_study(name)
        assert loaded.name == name
        photographs = [p.id for p in catalogue.image_set(loaded.images).photos]
        assert not loaded.display_image or loaded.display_image in photographs
        for encoder in loaded.encoders:
            assert loaded.high % cards.card(encoder).stride == 0


@pytest.mark.parametrize("way", ["relative", "absolute", "outside"])
def test_a_folder_is_read_where_it_lies_and_shown_without_its_place(
    way: str, project: Path, tmp_path: Path
) -> None:
    place = tmp_path if way == "outside" else project / "data"
    folder = place / "my pictures"
    folder.mkdir()
    written = {"relative": "data/my pictures"}.get(way, str(folder))
    loaded = study(tmp_path, MINIMAL.replace("bundled", written))
    assert loaded.images == ("my pictures" if way == "outside" else "data/my pictures")
    assert Path(loaded.place) == folder
    assert str(tmp_path) not in str(loaded.model_dump())
    assert loaded.model_copy(update={"seed": 1}).place == loaded.place


def test_defaults_are_those_of_the_conventions(tmp_path: Path) -> None:
    loaded = study(tmp_path, MINIMAL)
    assert (loaded.low, loaded.high, loaded.t) == (512, 1024, 0.5)
    assert loaded.window == Window(kind="kaiser", beta=2 * math.pi)
    assert [window.text for window in loaded.windows] == ["none", "Kaiser 2", "Kaiser 2π", "Hann"]
    assert loaded.bands == Bands(first_ring=2, low=0.25, middle=0.5, high=1.0)
    assert loaded.name == "mine"


def test_the_pictured_encoder_is_the_first_that_is_not_pixels(tmp_path: Path) -> None:
    text = MINIMAL.replace('display_encoder = "pixel"\n', "")
    assert study(tmp_path, text).display_encoder == "pixel"
    three = text.replace('["pixel"]', '["pixel", "linear-f8c16", "taef2"]')
    assert study(tmp_path, three).display_encoder == "linear-f8c16"
    assert study(tmp_path, three + 'display_encoder = "taef2"\n').display_encoder == "taef2"


def test_the_template_explains_every_key() -> None:
    text = (PROJECT / "data" / "studies" / "template.toml").read_text(encoding="utf-8")
    for model in (Study, Window, Bands, Variation):
        for key in set(model.model_fields) - {"name"}:
            written = rf"^(# )?{key} = |^\[+{key}\]+$|`{key}(`| = )"
            assert re.search(written, text, re.MULTILINE), f"{key} is not in the template"
    # What is shown as a default is one, in the place where it stands.
    shown = re.sub(r"^# (?=windows = |display_encoder = )", "", text, flags=re.MULTILINE)
    assert shown != text
    assert Study(name="template", **tomllib.loads(shown)) == settings.load_study("template")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MINIMAL + "confidense = 0.9\n", "'confidense'; did you mean 'confidence'?"),
        (MINIMAL + "[window]\nbetta = 2\n", "'window.betta'; did you mean 'beta'?"),
        (MINIMAL + "[bands]\nmidle = 0.5\n", "'bands.midle'; did you mean 'middle'?"),
        (MINIMAL + "[[variations]]\nname = 'a'\nresampl = 'box'\n", "did you mean 'resample'"),
        # a required key misspelt is told as the unknown key it is, not as a missing one
        (MINIMAL.replace("title", "titel"), "'titel'; did you mean 'title'?"),
        (MINIMAL + "zzz = 1\n", "'zzz'; known: bands, caution"),
    ],
)
def test_an_unknown_key_suggests_the_nearest(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        study(tmp_path, text)
    assert str(error.value).startswith("study mine.toml: unknown key ")
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('title = "T"\n', "images: Field required"),
        (MINIMAL + "t = 0.0\n", "t: .*greater than 0"),
        (MINIMAL + "t = 1\n", "t: .*less than 1"),
        (MINIMAL + 't = "0.5"\n', "t: .*number"),
        (MINIMAL + "std = nan\n", "std: .*finite"),
        (MINIMAL + "seed = -1\n", "seed: .*greater than or equal to 0"),
        (MINIMAL + "seed = 1.0\n", "seed: .*integer"),
        (MINIMAL + "confidence = 0.4\n", "confidence: .*0.5"),
        (MINIMAL + "resolutions = [1024, 512]\n", "resolutions: .*ascending"),
        (MINIMAL + "resolutions = [512, 512, 1024]\n", "resolutions: .*ascending"),
        (MINIMAL + "resolutions = [16, 512]\n", "resolutions: .*at least 32"),
        (MINIMAL + "resolutions = [512, 20000]\n", "resolutions: .*at most 16384"),
        (MINIMAL + "resolutions = [512]\n", "resolutions"),
        (MINIMAL + "[[variations]]\nname = 'a'\n[[variations]]\nname = 'a'\n", "same name"),
        (MINIMAL + 'resample = "nearest"\n', "resample: .*lanczos"),
        (MINIMAL + '[window]\nkind = "hamming"\n', "window.kind: .*kaiser"),
        (MINIMAL + "[bands]\nlow = 0.6\n", "bands: .*ascend"),
        (MINIMAL + "[bands]\nfirst_ring = 100\n", "low band ends at ring 64"),
        (MINIMAL.replace('["pixel"]', "[]"), "encoders"),
        (MINIMAL.replace('["pixel"]', '["pixel", "pixel"]'), "named twice"),
        (MINIMAL.replace('encoder = "pixel"', 'encoder = "flux1"'), "'flux1' is not among"),
        (MINIMAL + 'name = "other"\n', "name"),
        (MINIMAL + "t = \n", "not valid TOML"),
    ],
)
def test_a_bad_value_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"mine.toml.*{message}") as error:
        study(tmp_path, text)
    assert "\n" not in str(error.value).strip()


def test_what_is_no_study_is_named(project: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"no study 'tinny' in data/studies; did you mean 'tiny'\?"
    ):
        settings.load_study("tinny")
    with pytest.raises(InputError, match=r"nowhere.toml: no such file"):
        settings.load_study(tmp_path / "nowhere.toml")
    with pytest.raises(InputError, match="name"):
        study(tmp_path, MINIMAL, "My Study")
    (tmp_path / "mine.toml").write_bytes(b"title = '\xff'")
    with pytest.raises(InputError, match="not valid TOML"):
        settings.load_study(tmp_path / "mine.toml")


def test_the_environment_names_the_study(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no study 'bundled'"):  # the default
        settings.load_study()
    monkeypatch.setenv("ANALYSIS_STUDY", "tiny")
    assert settings.load_study().name == "tiny"
    monkeypatch.setenv("ANALYSIS_STUDY", "other")
    assert settings.load_study("tiny").name == "tiny"  # what is said outright wins


def test_the_root_is_the_checkout_or_the_environments(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert files.root() == project
    monkeypatch.setenv("ANALYSIS_ROOT", str(tmp_path))
    with pytest.raises(InputError, match="no data/studies in"):
        files.root()
    monkeypatch.delenv("ANALYSIS_ROOT")
    assert files.root() == PROJECT


def test_errors_have_exit_codes_of_their_own() -> None:
    kinds = (errors.AnalysisError, InputError, errors.FetchError, errors.PackageError)
    assert [kind.exit_code for kind in kinds] == [1, 2, 3, 1]


def test_every_choice_is_described() -> None:
    for model in (Study, Window, Bands):
        for name, field in model.model_fields.items():
            nested = isinstance(field.annotation, type) and issubclass(
                field.annotation, files.Strict
            )
            assert field.description or nested, f"{model.__name__}.{name} has no description"
