"""Steps: an entry in a table is all there is to one; and results whose answers are known."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from analysis.images import pixels
from analysis.project.errors import InputError
from analysis.spectra import periodogram
from analysis.study import archive, contribute, results, steps
from analysis.study.chain import Chain
from analysis.study.check import check
from analysis.study.settings import load_study
from analysis.study.store import Arrays, Store, to_bytes
from tests.study.test_measurement import CARD, STUDY, known, other

SIDES = (256, 512)
SMALL = steps.Setting(STUDY, CARD, images=3, side=256)  # 32 x 32 latents


# An entry in the table -----------------------------------------------------------------------


def skewness(of: steps.Setting, z: np.ndarray) -> Arrays:
    return {"skewness": (z**3).mean(axis=(1, 2)) / (z**2).mean(axis=(1, 2)) ** 1.5}


ARRAY = steps.Array("C", -np.inf, dtype="float32")
STEP = steps.Step("skewness", 1, "shown", steps.chosen(), {"skewness": ARRAY}, skewness)


@pytest.fixture
def chain(here: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    """Of a study of pixels, where a step has been added to the table, and nothing else."""
    monkeypatch.setattr(steps, "STEPS", (*steps.STEPS, STEP))
    own = {"encoders": ("pixel",), "display_encoder": "pixel", "variations": ()}
    return Chain(load_study("tiny").model_copy(update=own), Store())


def told(chain: Chain) -> list[str]:
    return [one.text for one in check(chain.study, chain.store) if one.part == "pixel"]


def test_a_step_is_one_entry(chain: Chain) -> None:
    """It is computed, stacked in measurements, wanted in contributed files, and told of."""
    card, plan = chain.plan.cards["pixel"], chain.plan
    assert told(chain)[0].startswith("0 of 28 steps are cached")
    request, compute = chain.measurement(card)
    arrays = chain.store.obtain(request, compute)
    assert [label for label in chain.store.computed if "skew" in label] == [
        f"skewness of {p.id} at {s} px (lanczos) by pixel"
        for p in plan.photographs
        for s in (64, 128)
    ]
    assert told(chain)[0].startswith("25 of 28 steps are cached; missing: sampler on pixel")
    photo = plan.photographs[1]
    x = pixels.load(photo.path, 128)
    np.testing.assert_array_equal(arrays["skewness_128"][1], skewness(SMALL, x)["skewness"])
    assert contribute.arrays_of(to_bytes(arrays), card, plan).keys() == arrays.keys()
    arrays["skewness_64"] = arrays["skewness_64"][:, :2]
    with pytest.raises(InputError, match=r"pixel: .*float32 \(3, 2\), not float32 \(3, 3\)"):
        contribute.arrays_of(to_bytes(arrays), card, plan)


@pytest.mark.parametrize(
    ("gives", "said"),
    [
        ({"skewness": np.zeros(2, np.float32)}, r"is float32 \(2,\), not float32 \(3,\) as its"),
        ({"skewness": np.zeros(3)}, r"is float64 \(3,\), not float32"),
        ({"kurtosis": np.zeros(3)}, r"gives \['kurtosis'\], its entry says \['skewness'\]"),
    ],
)
def test_a_step_that_gives_other_than_its_entry_says_is_refused(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, gives: Arrays, said: str
) -> None:
    wrong = dataclasses.replace(STEP, compute=lambda of, z: gives)
    monkeypatch.setattr(steps, "STEPS", (wrong,))
    with pytest.raises(InputError, match=f"skewness of birch at 64 px .*: step 'skewness'.*{said}"):
        chain.compute()


def test_a_result_is_one_entry(computed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is computed, read for pages, committed, and told of."""
    mean = steps.Result(
        "mean", 1, "mean of {}", steps.chosen("seed"), ("measurement", "pixels"),
        lambda measured, pixels: {"mean": np.array([x[64].mean() for x in pixels])},
    )  # fmt: skip
    monkeypatch.setattr(steps, "RESULTS", (*steps.RESULTS, mean))
    chain = Chain(load_study("tiny"), Store())
    assert "mean-pixel" in list(check(chain.study, chain.store))[-1].text
    chain.compute()
    assert chain.store.computed == ["mean of pixel", "mean of linear-f8c16"]
    found = results.assemble(chain.plan)
    expected = [pixels.load(photo.path, 64).mean() for photo in chain.plan.photographs]
    np.testing.assert_array_equal(found.files["mean-pixel"][0]["mean"], expected)
    assert archive.target("tiny") / "mean-pixel.json" in results.commit(found)
    assert "mean-pixel" in list(check(chain.study, chain.store))[-1].text
    assert not any(one.wrong for one in check(chain.study, chain.store))


# Results -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return steps.sampler(known(images=2))


def test_the_sampler_sees_the_mean_of_powers_and_every_channel(
    arrays: dict[str, np.ndarray],
) -> None:
    one = known(images=2)
    power = one.arrays["power_512"]
    tripled = np.concatenate([power, 4 * power[:1]])  # a mean of three is not their median
    found, same = (
        steps.sampler(other(one, power_512=p))["euler_limit"]
        for p in (tripled, np.stack([tripled.mean(axis=0)] * 2))
    )
    np.testing.assert_allclose(found, same, rtol=1e-9)
    swapped = steps.sampler(other(one, power_512=power[:, ::-1] * [[[1.0], [9.0]]]))
    found, before = swapped["euler_limit"], arrays["euler_limit"]
    np.testing.assert_array_equal(found[0], before[0])  # the low resolution's
    assert np.nanmax(np.abs(found[1] / before[1] - 1)) > 0.05


def test_the_blend_has_t_of_the_latents_and_the_rest_of_the_noise() -> None:
    setting = dataclasses.replace(SMALL, study=STUDY.model_copy(update={"t": 0.25}), digest="a")
    z = np.random.default_rng(0).standard_normal((16, 32, 32), np.float32)
    found, eps = steps.spectra(setting, z), setting.eps(z.shape)
    noisy = periodogram.raps(0.25 * z + 0.75 * eps, *setting.window).mean(axis=0)
    np.testing.assert_allclose(found["noisy"], noisy, rtol=1e-5)
    expected = [periodogram.raps(z, w.kind, w.beta).mean(axis=0) for w in STUDY.windows]
    np.testing.assert_array_equal(found["windows"], expected)
