"""The list of encoders, and one tried on an image, whose statistics are known another way."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.encoders import cards
from analysis.images import catalogue, pixels
from analysis.study import archive, inventory
from analysis.study.chain import Chain
from analysis.study.plan import Plan
from analysis.study.settings import load_study
from analysis.study.store import Store

REAL = Path(__file__).parents[2] / "data" / "results" / "experiment"
ROWS = {"pixel", "linear-f8c16", "taef2", "flux1"}


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANALYSIS_WEIGHTS", raising=False)


def rows(project: Path) -> dict[str, dict[str, object]]:
    found = inventory.listing(load_study("tiny"), Store())
    assert json.loads(json.dumps(found)) == found
    return {str(row["name"]): row for row in found}


def test_every_card_is_listed(project: Path) -> None:
    found = rows(project)
    assert found.keys() == cards.cards().keys() >= ROWS
    assert {tuple(row) for row in found.values()} == {tuple(found["pixel"])}
    flux = found["flux1"]
    assert (flux["class"], flux["channels"], flux["stride"]) == ("AutoencoderKL", 16, 8)
    assert flux["gated"] is True and "FLUX.1 [dev]" in str(flux["license"])
    assert found["pixel"]["class"] == "pixel"
    assert found["pixel"]["cached"] is None and found["linear-f8c16"]["cached"] is None
    assert found["taef2"]["cached"] is False
    assert not any(row["measured"] for row in found.values())


def test_measured_is_what_is_committed_for_this_study(
    project: Path, edit: Callable[[str, str, str], None]
) -> None:
    plan = Plan(load_study("tiny"), Store())
    for study, name, key in (
        ("tiny", "pixel", "of something else"),
        ("other", "taef2", plan.measurement_request(cards.card("taef2")).key),
        ("other", "flux1", "of something else"),
    ):
        archive.write(study, name, {"a": np.zeros(1)}, {"provenance": {"key": key}})
    assert [name for name, row in rows(project).items() if row["measured"]] == ["taef2"]
    # Where photographs are missing, or the study names no encoder, that is not known.
    (project / "data" / "images" / "birch.png").unlink()
    assert {row["measured"] for row in rows(project).values()} == {None}
    edit("studies/tiny.toml", 'encoders = ["pixel", "linear-f8c16"]', 'encoders = ["pixle"]')
    edit("studies/tiny.toml", 'display_encoder = "linear-f8c16"\n', "")
    assert {row["measured"] for row in rows(project).values()} == {None}


def test_the_shift_is_that_of_the_table_of_encoders() -> None:
    table = json.loads((REAL / "encoders.json").read_text())["numbers"]
    found = {row["name"]: row["shift"] for row in inventory.listing(load_study("bundled"), Store())}
    assert {name for name, value in found.items() if value is not None} == set(table)
    assert found["taef2"] == pytest.approx(table["taef2"]["shift"]["value"], rel=1e-5)


def test_a_table_of_other_photographs_is_not_told(project: Path) -> None:
    for kind in ("json", "npz"):
        target = project / "data" / "results" / "experiment" / f"encoders.{kind}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((REAL / f"encoders.{kind}").read_bytes())
    assert {row["shift"] for row in rows(project).values()} == {None}


def test_cached_is_what_is_found_by_content(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    edit: Callable[[str, str, str], None],
) -> None:
    card = cards.card("taef2")
    content = b"any"
    digest = hashlib.sha256(content).hexdigest()
    edit("encoders.toml", f'sha256 = "{card.sha256}"', f'sha256 = "{digest}"')
    edit("encoders.toml", f"bytes = {card.bytes}", f"bytes = {len(content)}")
    (project / "w").mkdir()
    (project / "w" / "any name").write_bytes(content)
    assert rows(project)["taef2"]["cached"] is False
    monkeypatch.setenv("ANALYSIS_WEIGHTS", str(project / "w"))
    assert rows(project)["taef2"]["cached"] is True


def test_pixels_are_their_own_latents(project: Path) -> None:
    chain = Chain(load_study("tiny"), Store())
    found = inventory.check(cards.card("pixel"), chain)
    photo = catalogue.image_set("bundled").photos[0]
    x = pixels.load(catalogue.fetch(photo, project), 64)
    assert found["latents"] == found["pixels"] == [3, 64, 64]
    assert (found["stride"], found["psnr_db"], found["pins"]) == (1, None, {})
    np.testing.assert_allclose(found["mean"], x.mean(axis=(1, 2)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["std"], x.std(axis=(1, 2)), rtol=1e-5)
    assert "64 x 64 -> 3 x 64 x 64, stride 1" in inventory.text(found)
    assert "reconstruction" not in inventory.text(found)  # equal: no number says it


def test_a_linear_code_is_told_in_lines(project: Path) -> None:
    chain = Chain(load_study("tiny"), Store())
    found = inventory.check(cards.card("linear-f8c16"), chain)
    assert (found["latents"], found["stride"]) == ([16, 8, 8], 8)
    photo = catalogue.image_set("bundled").photos[0]
    x = pixels.load(catalogue.fetch(photo, project), 64)[None]
    lost = np.clip(chain.linear.decode(chain.linear.encode(x)), -1, 1) - x
    assert found["psnr_db"] == pytest.approx(10 * np.log10(4 / np.mean(lost**2)), abs=0.011)
    assert f"reconstruction: PSNR {found['psnr_db']:.2f} dB" in inventory.text(found)
    head, *lines = inventory.table(list(rows(project).values())).splitlines()
    assert head.split() == list(inventory.COLUMNS)
    known = {line.split()[0]: line.split()[1:8] for line in lines}
    assert known["flux1"][:6] == ["AutoencoderKL", "16", "8", "yes", "no", "no"]
    assert known["pixel"] == ["pixel", "3", "1", "no", "-", "no", "-"]


def test_psnr_of_known_errors() -> None:
    x = np.zeros((1, 3, 4, 4), np.float32)
    assert inventory.psnr(x, x) is None
    assert inventory.psnr(x + 0.2, x) == 20.0  # a tenth of the peak of 2
    assert inventory.psnr(x + 0.02, x) == 40.0


@pytest.fixture
def own(project: Path, tmp_path: Path) -> Path:
    """A user's own small autoencoder, as save_pretrained writes it."""
    pytest.importorskip("diffusers")
    from tests.standins import autoencoders

    return autoencoders.save(tmp_path / "mine", "AutoencoderKL")


def test_a_users_own_folder(own: Path) -> None:
    chain = Chain(load_study("tiny"), Store())
    found = inventory.check(cards.card(str(own)), chain)
    assert str(found["name"]).startswith("mine-")  # and what tells it from another of that name
    assert (found["latents"], found["stride"]) == ([4, 16, 16], 4)
    assert len(found["mean"]) == len(found["std"]) == 4
    assert isinstance(found["psnr_db"], float)
    assert "PSNR" in inventory.text(found)


def test_the_effect_of_a_dtype_and_of_tiling_on_the_spectrum_is_told(own: Path) -> None:
    chain = Chain(load_study("tiny"), Store())
    card = cards.card(str(own))
    whole = inventory.check(card, chain)
    assert whole["effect"] is None
    assert whole["images_per_second"] > 0
    half = inventory.check(card, chain, dtype="bfloat16")
    # Eight bits of mantissa: a few per mille of amplitude, more where there is little power.
    assert half["effect"].keys() == {"low", "middle", "high"}
    assert 0 < max(map(abs, half["effect"].values())) < 0.1
    text = inventory.text(half)
    assert "spectrum with bfloat16 against float32, whole: " in text
    assert "images/s" in text


def test_what_to_pin_is_printed_as_toml() -> None:
    content = {
        "name": "new", "image": "kite", "pixels": [3, 64, 64], "latents": [1, 8, 8], "stride": 8,
        "mean": [0.1], "std": [1.25], "psnr_db": None,
        "images_per_second": 2.5, "dtype": "float32", "tiling": False, "effect": None,
        "pins": {"revision": "abc", "bytes": 7, "scale": 0.5, "mean": (0.25, 1.0)},
    }  # fmt: skip
    text = inventory.text(content)
    assert "reconstruction: none, since there is no decoder here" in text
    pinned = text.partition("[new]:\n")[2]
    import tomllib

    assert tomllib.loads(pinned) == {
        "revision": "abc", "bytes": 7, "scale": 0.5, "mean": [0.25, 1.0],
    }  # fmt: skip
