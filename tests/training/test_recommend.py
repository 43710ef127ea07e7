"""The measured shift of any pair, on synthetic photographs whose shift is known."""

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis.encoders import availability
from analysis.encoders.latents import normalise
from analysis.project.errors import InputError
from analysis.spectra.bands import Bands
from analysis.spectra.windows import Window
from analysis.study import results
from analysis.study.chain import Chain
from analysis.study.plan import Plan
from analysis.study.settings import Study, load_study
from analysis.study.store import MissError, Store
from analysis.training.recommend import measure, recommend, text
from tests.conftest import synthetic_photograph

Edit = Callable[[str, str, str], None]


@pytest.fixture
def tiny(here: Path) -> Study:
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
    screen = text(found)
    assert len(screen.splitlines()) <= 24
    for line in (
        f"s = {found['measured']:.3f}",
        f"{-math.log(found['measured']):+.3f} where t = 1 is data",
        f"{math.log(found['measured']):+.3f} for sigma",
    ):
        assert line in screen


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


def test_the_study_s_own_pair_is_not_computed_again(tiny: Study, computed: Path) -> None:
    expected = results.assemble(Plan(tiny, Store())).measured["linear-f8c16"].shift.whole
    again = Store(compute="never")
    found = recommend(tiny, "linear-f8c16", 64, 128, again).content()
    assert found["origin"] == "stored"
    assert again.computed == []
    assert found["measured"] == pytest.approx(expected.value, rel=1e-5)
    assert found["interval"] == pytest.approx([expected.low, expected.high], rel=1e-5)


def test_committed_results_serve_where_the_encoder_cannot_run(
    tiny: Study, computed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    results.commit(results.assemble(Plan(tiny, Store())))
    monkeypatch.setattr(availability, "missing", lambda card: "it needs a thing")
    found = recommend(tiny, "linear-f8c16", 64, 128, Store(tmp_path / "empty"))
    assert found.origin == "committed results in data/results/tiny: it needs a thing"
    assert found.content()["images"] == 3
    with pytest.raises(MissError, match="it needs a thing"):
        recommend(tiny, "linear-f8c16", 64, 96, Store(tmp_path / "empty"))


def test_only_what_is_printed_is_computed(tiny: Study, folder: Path) -> None:
    """Latents and their spectrum, of each photograph at both sides, and the code they come from."""

    def steps(encoder: str, start: int, end: int) -> Counter[str]:
        store = Store()
        recommend(tiny, encoder, start, end, store, str(folder)).text()
        return Counter(label.partition(" of ")[0] for label in store.computed)

    assert steps("linear-f8c16", 64, 128) == {"the linear code": 1, "latents": 10, "power": 10}
    assert steps("linear-f8c16", 96, 64) == {"latents": 5, "power": 5}
    assert steps("linear-f8c16", 96, 128) == {}
    assert steps("pixel", 64, 128) == {"power": 10}


@pytest.mark.slow
def test_what_another_study_measured_is_taken(tiny: Study, folder: Path) -> None:
    """By its key, whichever encoders the study names and whether its images are said again."""
    mine = tiny.model_copy(update={"images": str(folder), "display_image": ""})
    Chain(mine, Store()).compute()
    named = mine.model_copy(update={"encoders": ("taef2",), "display_encoder": "taef2"})
    for base, images in ((mine, ""), (tiny, str(folder)), (named, "")):
        store = Store(compute="never")
        assert recommend(base, "linear-f8c16", 64, 128, store, images).origin == "stored"


# Any function ---------------------------------------------------------------------------------


def boxes(x: np.ndarray, p: int = 8) -> np.ndarray:
    """Means of p x p pixels."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // p, p, w // p, p).mean(axis=(3, 5))


def passed(nu: np.ndarray, p: int = 8) -> np.ndarray:
    """The power that means of p pixels pass at nu cycles per pixel, mean over directions."""
    angle = np.linspace(0, np.pi / 4, 64)[:, None]
    each = [
        np.sin(p * np.pi * nu * f) / (p * np.sin(np.pi * nu * f))
        for f in (np.cos(angle), np.maximum(np.sin(angle), 1e-9))
    ]
    return np.asarray(np.mean((each[0] * each[1]) ** 2, axis=0))


def test_a_function_whose_answer_is_known(tiny: Study, tmp_path: Path) -> None:
    """Means of 8 x 8 pixels: the rule, times what the means pass more of at the high side."""
    for seed in range(3):
        photograph = Image.fromarray(synthetic_photograph(seed, 512, 3.0))
        photograph.save(tmp_path / f"p{seed}.png")
    study = load_study("tiny").model_copy(update={"bands": Bands(), "window": Window()})
    found = measure(boxes, tmp_path, 256, 512, study=study)
    k = found.shift.k
    expected = 2 * np.sqrt(passed(k / 512) / passed(k / 256))
    np.testing.assert_allclose(found.shift.mean[:8], expected[:8], rtol=0.01)
    content = found.content()
    assert content["encoder"] == "boxes"
    assert content["measured"] == pytest.approx(2.06, abs=0.02)
    assert (content["origin"], content["key"], content["pins"]) == ("computed now", "", {})
    assert found.text() == text(content)
    assert "boxes, 256 -> 512 px, 3 photographs of" in found.text()
    assert "measurement       computed now\n" in found.text()
    down = measure(boxes, sorted(tmp_path.glob("*.png")), 512, 256, study=study, batch=2).content()
    assert down["measured"] == pytest.approx(1 / content["measured"], rel=1e-5)
    assert down["photographs"] == "3 files"


def test_a_function_gives_what_the_command_prints(tiny: Study, folder: Path) -> None:
    store = Store()
    right = recommend(tiny, "linear-f8c16", 64, 128, store, str(folder)).content()
    chain = Chain(tiny, store)
    encoder = chain.encoder(chain.plan.cards["linear-f8c16"])

    def encode(x: np.ndarray) -> np.ndarray:
        assert x.shape[0] <= 2 and x.dtype == np.float32 and np.abs(x).max() <= 1
        z = normalise(encoder.encode(x), encoder.normalisation)
        x[:] = 0  # what is given is the function's own
        return z

    told: list[tuple[int, int, str]] = []
    found = measure(
        encode, str(folder), 64, 128, study=tiny, batch=2, name="linear-f8c16",
        progress=lambda *one: told.append(one),
    )  # fmt: skip
    assert told[0] == (0, 10, "p0, p1 at 64 px")
    assert told[-1] == (10, 10, "done")
    content = found.content()
    different = {name for name in right if right[name] != content[name]}
    assert different == {"key"}


WRONG: dict[str, tuple[Callable[[np.ndarray], object], str]] = {
    "object": (lambda x: {"mean": x}, r"f gives dict, not latents \[1, C, h, w\] as an array or a"),
    "nothing": (lambda x: None, "f gives NoneType, not latents"),
    "ragged": (lambda x: [[1.0], [1.0, 2.0]], "f gives list, not latents"),
    "complex": (lambda x: x + 1j, "f gives ndarray, not latents"),
    "flat": (lambda x: x[0], r"f gives shape \(3, 64, 64\) of \(1, 3, 64, 64\), not latents"),
    "batch": (lambda x: np.concatenate([x, x]), r"f gives shape \(2, 3, 64, 64\)"),
    "empty": (lambda x: x[:, :0], r"f gives shape \(1, 0, 64, 64\)"),
    "oblong": (lambda x: boxes(x)[..., :4], "f gives 8 x 4 latents of 64 x 64 px: they have to be"),
    "ratio": (lambda x: x[..., :60, :60], "f gives 60 x 60 latents of 64 x 64 px"),
    "nan": (lambda x: np.where(x > 0, x, np.nan), "f gives latents that are not finite"),
    "small": (lambda x: boxes(x, 16), "f makes 4 x 4 latents of 64 px, too small .* use 128 px"),
    "constant": (lambda x: 0 * boxes(x), "f: latents of p0 at 64 px: .*power"),
    "stride": (
        lambda x: boxes(x, x.shape[-1] // 8),
        "f gives 3 channels at stride 16 of p0 at 128 px, and gave 3 at stride 8 before",
    ),
    "channels": (
        lambda x: boxes(x)[:, : x.shape[-1] // 64],
        "f gives 2 channels at stride 8 of p0 at 128 px, and gave 1 at stride 8",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_function_that_gives_no_latents(tiny: Study, folder: Path, case: str) -> None:
    encode, said = WRONG[case]
    with pytest.raises(InputError, match=said) as error:
        measure(encode, folder, 64, 128, study=tiny, name="f")
    assert "\n" not in str(error.value)


def test_a_function_s_images_and_sides_are_looked_at(tiny: Study, folder: Path) -> None:
    for images, sides, said in (
        (folder, (64, 64), "no shift is needed"),
        (folder, (64, 100), "boxes takes multiples of 8 px, not 100: use 96"),
        (folder, (64, 256), "p0.png: refused: 200 x 200"),
        ("nowhere", (64, 128), "neither a set"),
        ([], (64, 128), "the list of files is empty"),
        ([folder / "none.png"], (64, 128), "none.png"),
    ):
        with pytest.raises(InputError, match=said):
            measure(boxes, images, *sides, study=tiny)
    with pytest.raises(InputError, match="batch is 0"):
        measure(boxes, folder, 64, 128, study=tiny, batch=0)
    with pytest.raises(InputError, match="did you mean 'taef2'"):
        recommend(tiny, "taef3", 64, 128, Store())


def test_a_base_shift_multiplies(tiny: Study) -> None:
    found = recommend(tiny, "pixel", 64, 128, Store())
    content = found.content(3.0)
    total = content["total_shift"]
    assert total["training"] == pytest.approx(3 * content["measured"], rel=1e-5)
    options = [one["option"] for one in content["settings"]]
    assert all(f"{total['training']:.4g}" in option for option in options)
    assert "= 3 x measured" in text(content)
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="--base-shift"):
            found.content(wrong)


def test_sampling_has_no_setting_of_the_measured_shift() -> None:
    """What the solvable sampler says of the very spectra is told, of none that it was not asked."""
    store = Store(compute="never")
    for start, end in ((512, 1024), (1024, 512)):
        found = recommend(load_study("bundled"), "taef2", start, end, store)
        content, table = found.content(), results.load("bundled").samplers["taef2"]
        assert {one["stage"] for one in content["settings"]} == {"training"}
        assert content["total_shift"].keys() == {"training"}
        rows = {(row["measure"], row["solver"]): row for row in content["solvable_sampler"]}
        assert rows.keys() == {(m, s) for m in ("w2", "kl_model") for s in ("euler", "heun")}
        for (metric, solver), row in rows.items():
            ratio = table[solver].ratio(start, end, "total", metric)
            chosen = [table[solver].steps.tolist().index(n) for n in row["steps"]]
            np.testing.assert_allclose(row["ratio"], ratio[chosen], rtol=1e-5)  # six digits
        said = text(content).partition("Sampling: ")[2]
        assert f"{rows['w2', 'euler']['best'][0]:.2f}" in said
        assert f"{content['measured']:.3f}" not in said


def test_nothing_is_said_of_sampling_that_was_not_computed(tiny: Study) -> None:
    computed = recommend(tiny, "pixel", 64, 128, Store())
    assert computed.content()["solvable_sampler"] == []
    assert "was not computed for this encoder" in text(computed.content())


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
