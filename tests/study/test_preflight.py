"""What is wrong with a study before it is computed, told at once."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis.images import catalogue
from analysis.project.errors import FetchError, InputError
from analysis.spectra import bands, rings
from analysis.spectra.bands import Bands
from analysis.study import preflight
from analysis.study.plan import Plan
from analysis.study.settings import load_study
from analysis.study.store import Store
from tests.conftest import synthetic_photograph
from tests.standins import web


@pytest.mark.parametrize("stride", [1, 8, 16, 32])
def test_the_side_that_is_advised_is_the_least_that_has_rings_enough(stride: int) -> None:
    def fits(side: int) -> bool:
        n = side // stride
        return bands.measurable(rings.rings(n, n).cycles_per_image, Bands())

    low = 4 * stride
    assert not fits(low)
    (line,) = preflight.sides("own", stride, (low, 64 * stride), Bands())
    advised = int(line.split("use ")[1].split(" px")[0])
    assert line.startswith(f"own makes 4 x 4 latents of {low} px, too small for three")
    assert fits(advised) and not fits(advised - stride)
    assert not list(preflight.sides("own", stride, (advised, 64 * stride), Bands()))


def test_every_side_of_a_study_is_looked_at() -> None:
    lines = list(preflight.sides("own", 32, (48, 96, 1024, 2048), Bands()))
    assert lines == [
        "own takes multiples of 32 px, not 48: use 64",
        "own makes 1 x 1 latents of 48 px, too small for a spectrum: use 128 px or more",
        "own makes 3 x 3 latents of 96 px, too small for a spectrum: use 128 px or more",
    ]


def test_a_colour_that_is_the_same_all_over_has_no_spectrum(tmp_path: Path) -> None:
    values = synthetic_photograph(1, 64)
    Image.fromarray(values).save(tmp_path / "fine.png")
    Image.fromarray(values[..., 0]).save(tmp_path / "grey.png")
    Image.fromarray(values * np.array([1, 0, 1], np.uint8)).save(tmp_path / "no-green.png")
    framed = np.full((64, 96, 3), 200, np.uint8)
    framed[:, :4] = 0  # outside of the square in the middle
    Image.fromarray(framed).save(tmp_path / "framed.png")
    Image.fromarray(np.dstack([values, np.zeros((64, 64), np.uint8)])).save(tmp_path / "clear.png")
    photos = catalogue.image_set(str(tmp_path)).photos
    assert catalogue.unfit(photos, 64, tmp_path, decoded=False) == {}
    found = catalogue.unfit(photos, 64, tmp_path, decoded=True)
    assert {name: line.split("its middle is ")[1] for name, line in found.items()} == {
        "clear": "all of one colour, so it has no spectrum",
        "framed": "all of one colour, so it has no spectrum",
        "no-green": "of one value in green, so it has no spectrum",
    }


def test_what_is_downloaded_is_looked_at_before_anything_is_computed(
    project: Path, tmp_path: Path
) -> None:
    """All of it: two of three are too small, which is told of both, or they are left out."""
    pages = {}
    for number, side in enumerate((160, 100, 90)):
        Image.fromarray(synthetic_photograph(number, side)).save(tmp_path / "p.png")
        pages[f"p{number}"] = (tmp_path / "p.png").read_bytes()
    with web.running(**pages) as server:
        rows = ['[sets.far]\ntitle = "Far"\nlicense = "CC0-1.0"\n']
        rows += [
            f'[[sets.far.images]]\nid = "{name}"\nurl = "{server.url}/{name}"\nsha256 = ""\n'
            'title = "p"\nauthor = ""\nlicense = "CC0-1.0"\nsource = "here"\n'
            for name in pages
        ]
        table = project / "data" / "images.toml"
        table.write_text(table.read_text(encoding="utf-8") + "\n" + "\n".join(rows), "utf-8")
        study = load_study("tiny").model_copy(update={"images": "far", "display_image": ""})
        gone = {name: server.pages.pop(name) for name in ("p0", "p1")}
        with pytest.raises(FetchError) as dead:
            preflight.fetch(Plan(study.placed(""), Store(tmp_path / "dead")))
        assert [line[:4] for line in str(dead.value).splitlines()] == ["p0: ", "p1: "]
        assert server.asked == ["p0", "p1", "p2"], "one that is gone does not stop the others"
        server.pages |= gone
        with pytest.raises(InputError) as caught:
            preflight.fetch(Plan(study.placed(""), Store()))
        left = study.model_copy(update={"skip_unfit": True}).placed("")
        plan = Plan(left, Store(tmp_path / "other"))
        preflight.fetch(plan)
    told = str(caught.value).splitlines()
    assert "short side 100" in told[0] and "short side 90" in told[1]
    assert told[2].startswith("2 of 3 images can't be used: --skip-unfit")
    assert [photo.id for photo in plan.photographs] == ["p0"]


def test_pages_need_latents_whose_halves_have_rings_and_two_images(here: Path) -> None:
    study = load_study("tiny").model_copy(update={"resolutions": (32, 64)})
    with pytest.raises(InputError, match="linear-f8c16 makes 4 x 4 latents of 32 px, too small"):
        preflight.fetch(Plan(study, Store()))
    study = load_study("tiny").model_copy(update={"bands": Bands(first_ring=3)})
    with pytest.raises(InputError) as caught:
        preflight.fetch(Plan(study, Store()), pages=True)
    assert "linear-f8c16 makes 16 x 16 latents of 128 px, too small for pages, which" in str(
        caught.value
    )


def test_a_photograph_that_cannot_be_used_is_told_before_anything_is_computed(
    project: Path,
) -> None:
    study = load_study("tiny")
    with pytest.raises(InputError, match="short side 160, asked for 256"):
        preflight.fetch(Plan(study.model_copy(update={"resolutions": (64, 256)}), Store()))
    folder = project / "mine"
    folder.mkdir()
    own = study.model_copy(update={"images": str(folder)})
    Image.new("F", (256, 256)).save(folder / "a.tiff")
    with pytest.raises(InputError, match=r"a\.tiff: mode F has no defined white"):
        preflight.fetch(Plan(own, Store()))
    (folder / "a.tiff").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"a\.tiff: cannot be read as an image"):
        preflight.fetch(Plan(own, Store()))
