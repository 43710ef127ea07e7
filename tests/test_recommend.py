"""The measured shift of any pair, on synthetic photographs whose shift is known."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis import chain as chains
from analysis import recommend as module
from analysis import results
from analysis.cache import MissError, Store
from analysis.chain import Chain
from analysis.recommend import recommend, text
from analysis.settings import InputError, Study, load_study
from tests.conftest import STUDY, synthetic_photograph

Edit = Callable[[str, str, str], None]


# Latents of 8 x 8 have rings up to 4; from the first on they are enough for three bands.
BANDS = "[bands]\nfirst_ring = 1\nlow = 0.5\nmiddle = 0.75\n"


@pytest.fixture
def tiny(project: Path) -> Study:
    text = STUDY.partition("[bands]")[0] + BANDS
    (project / "data" / "studies" / "tiny.toml").write_text(text, encoding="utf-8")
    return load_study("tiny")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five smooth photographs of 200 px with power k^-3."""
    place = tmp_path / "photographs"
    place.mkdir()
    for seed in range(5):
        Image.fromarray(synthetic_photograph(100 + seed, 200, 3.0)).save(place / f"p{seed}.png")
    return place


def test_pixels_of_smooth_photographs_follow_the_rule(tiny: Study, folder: Path) -> None:
    found = recommend(tiny, "pixel", 64, 128, Store(), str(folder)).content()
    assert found["theory"] == 2.0
    assert found["measured"] == pytest.approx(2.0, rel=0.02)
    low, high = found["interval"]
    assert low <= found["measured"] <= high
    assert found["exponent"] == pytest.approx(1.0, abs=0.03)
    assert found["axis"] == "cycles/image"
    assert found["encoder"] == "pixel"
    assert found["images"] == 5
    assert found["resolutions"] == [64, 128]
    assert found["origin"] == "computed now"
    assert set(found["bands"]) == {"low", "middle", "high"}
    assert found["delta_mu"]["t = 1 is data"] == pytest.approx(
        -math.log(found["measured"]), abs=1e-5
    )
    assert found["delta_mu"]["sigma = 1 is noise"] > 0


def test_downwards_is_the_inverse(tiny: Study) -> None:
    up = recommend(tiny, "pixel", 64, 128, Store()).content()
    down = recommend(tiny, "pixel", 128, 64, Store()).content()
    assert down["resolutions"] == [128, 64]
    assert down["theory"] == 0.5
    assert down["measured"] == pytest.approx(1 / up["measured"], rel=1e-4)
    assert down["interval"] == pytest.approx([1 / x for x in reversed(up["interval"])], rel=1e-4)
    assert down["bands"]["low"]["interval"][0] < down["bands"]["low"]["interval"][1]
    assert down["exponent"] == up["exponent"]
    assert down["origin"] == "stored"


def test_the_study_s_own_pair_is_not_computed_again(tiny: Study) -> None:
    store = Store()
    chain = Chain(tiny, store)
    chain.compute()
    expected = results.assemble(chain.plan).measured["linear-f8c16"].shift.whole
    again = Store(compute="never")
    found = recommend(tiny, "linear-f8c16", 64, 128, again).content()
    assert found["origin"] == "stored"
    assert again.computed == []
    assert found["measured"] == pytest.approx(expected.value, rel=1e-5)
    assert found["interval"] == pytest.approx([expected.low, expected.high], rel=1e-5)


def test_committed_results_serve_where_the_encoder_cannot_run(
    tiny: Study, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chain = Chain(tiny, Store())
    chain.compute()
    results.commit(results.assemble(chain.plan))
    monkeypatch.setattr(chains.encoders, "missing", lambda card: "it needs a thing")
    found = recommend(tiny, "linear-f8c16", 64, 128, Store(tmp_path / "empty"))
    assert found.origin == "committed results in data/results/tiny: it needs a thing"
    assert found.content()["images"] == 3
    with pytest.raises(MissError, match="it needs a thing"):
        recommend(tiny, "linear-f8c16", 64, 96, Store(tmp_path / "empty"))


def test_nothing_is_pictured(tiny: Study) -> None:
    store = Store()
    recommend(tiny, "linear-f8c16", 64, 128, store)
    assert not any("pictured" in label for label in store.computed)


def test_a_base_shift_multiplies(tiny: Study) -> None:
    found = recommend(tiny, "pixel", 64, 128, Store())
    content = found.content(3.0)
    total = content["total_shift"]
    assert total["training"] == pytest.approx(3 * content["measured"], rel=1e-5)
    assert total["sampling"] == total["training"]
    apart = found.content(1.0, sampling_base_shift=3.0)["total_shift"]
    assert apart["sampling"] == total["sampling"]
    assert apart["training"] == pytest.approx(content["measured"], rel=1e-5)
    for stage in ("training", "sampling"):
        options = [one["option"] for one in content["settings"] if one["stage"] == stage]
        assert any(f"{total[stage]:.4g}" in option for option in options)
    assert "= 3 x measured" in text(content)
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="--base-shift"):
            found.content(wrong)
        with pytest.raises(InputError, match="--sampling-base-shift"):
            found.content(1.0, wrong)


@pytest.mark.parametrize("images", [1, 2])
def test_few_photographs_give_no_interval(tiny: Study, folder: Path, images: int) -> None:
    for path in sorted(folder.iterdir())[images:]:
        path.unlink()
    content = recommend(tiny, "pixel", 64, 128, Store(), str(folder)).content()
    assert content["interval"] == [None, None]
    assert "(no interval below three images)" in text(content)
    assert f"{images} photograph{'s'[: images - 1]} of" in text(content)
    down = recommend(tiny, "pixel", 128, 64, Store(), str(folder)).content()
    assert down["interval"] == [None, None]


def test_the_text_is_one_screen_with_both_signs(tiny: Study) -> None:
    content = recommend(tiny, "pixel", 64, 128, Store()).content()
    screen = text(content)
    assert len(screen.splitlines()) <= 24
    assert f"s = {content['measured']:.3f}" in screen
    delta = math.log(content["measured"])
    assert f"{-delta:+.3f} where t = 1 is data" in screen
    assert f"{delta:+.3f} for sigma" in screen


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (64, 64, "no shift is needed"),
        (16, 64, "start at 32 px"),
        (-64, 64, "start at 32 px"),
        (100, 128, "multiples of 8 px, not 100: use 96"),
        (64, 130, "multiples of 8 px, not 130: use 128"),
        (32, 128, r"4 x 4 latents of 32 px, too small .*: use \d+ px or more"),
        (128, 256, "p0.png.*200"),
    ],
)
def test_unfit_sides_are_refused(
    tiny: Study, folder: Path, start: int, end: int, said: str
) -> None:
    store = Store()
    with pytest.raises(InputError, match=said):
        recommend(tiny, "linear-f8c16", start, end, store, str(folder))
    assert not any("measurement" in label for label in store.computed)


def test_the_side_it_proposes_is_the_smallest_that_works(tiny: Study, folder: Path) -> None:
    with pytest.raises(InputError, match="too small") as caught:
        recommend(tiny, "linear-f8c16", 40, 200, Store(), str(folder))
    proposed = int(str(caught.value).split("use ")[1].split()[0])
    recommend(tiny, "linear-f8c16", proposed, 200, Store(), str(folder))
    with pytest.raises(InputError, match="too small"):
        recommend(tiny, "linear-f8c16", proposed - 8, 200, Store(), str(folder))


def test_bands_that_nothing_satisfies(
    tiny: Study, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.shift, "measurable", lambda k, bands: False)
    with pytest.raises(InputError, match="widen the study's bands"):
        recommend(tiny, "linear-f8c16", 64, 128, Store(), str(folder))


def test_unknown_encoder_and_folder(tiny: Study) -> None:
    with pytest.raises(InputError, match="did you mean 'taef2'"):
        recommend(tiny, "taef3", 64, 128, Store())
    with pytest.raises(InputError, match="neither a set"):
        recommend(tiny, "pixel", 64, 128, Store(), "nowhere")


def test_only_six_digits_are_given(tiny: Study) -> None:
    content = recommend(tiny, "pixel", 64, 128, Store()).content()
    assert (
        float(np.format_float_positional(content["measured"], 6, fractional=False))
        == (content["measured"])
    )
