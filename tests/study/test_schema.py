"""Which arrays a measurement holds: each thing that can be wrong with them is found."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.encoders import cards
from analysis.project.errors import InputError
from analysis.study import schema
from analysis.study.chain import Chain
from analysis.study.plan import Plan
from analysis.study.settings import load_study
from analysis.study.store import Arrays, Store, to_bytes
from tests.conftest import make_project

Change = Callable[[Arrays], object]


def until_measured(chain: Chain) -> None:
    """Compute the measurements of a study, and nothing of what is made of them."""
    for card in chain.plan.cards.values():
        for request, function in chain.tasks(card):
            chain.store.obtain(request, function)
            if request.step == "measurement":
                break


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """The tiny project, computed once."""
    folder = make_project(tmp_path_factory.mktemp("computed") / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANALYSIS_ROOT", str(folder))
        one = Chain(load_study("tiny"), Store(folder / "cache", compute="auto"))
        until_measured(one)
    return one


@pytest.fixture
def arrays(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> Arrays:
    monkeypatch.setenv("ANALYSIS_ROOT", str(chain.store.folder.parent))
    found = chain.store.get(chain.plan.measurement_request(cards.card("linear-f8c16")))
    assert found is not None
    return found


def check(plan: Plan, arrays: Arrays) -> None:
    card = cards.card("linear-f8c16")
    schema.consistent(schema.arrays_of(to_bytes(arrays), card, plan), card, plan)


def test_what_the_chain_computes_is_as_expected(chain: Chain, arrays: Arrays) -> None:
    check(chain.plan, arrays)
    assert schema.expected(cards.card("linear-f8c16"), chain.plan).keys() == arrays.keys()


def scaled(name: str, factor: float) -> Change:
    return lambda arrays: arrays.update({name: arrays[name] * factor})


def put(name: str, value: float) -> Change:
    return lambda arrays: arrays[name].flat.__setitem__(-1, value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda a: a.pop("noisy_64"), "the .npz lacks 'noisy_64'"),
        (lambda a: a.pop("varied_box_64"), "the .npz lacks 'varied_box_64'"),
        (lambda a: a.pop("psnr"), "the .npz lacks 'psnr'"),
        (lambda a: a.update(extra=a["k_64"]), "has the unknown array .* 'extra'"),
        (
            lambda a: a.update(power_64=a["power_64"][:-1]),
            r"power_64 is float64 \(2, 16, 5\), not float64 \(3, 16, 5\)",
        ),
        (
            lambda a: a.update(noise_64=a["noise_64"].astype(np.float32)),
            "noise_64 is float32 .* not float64",
        ),
        (put("noisy_128", np.nan), "noisy_128 has values that no measurement gives"),
        (put("varied_box_64", np.inf), "varied_box_64 has values that no measurement gives"),
        (put("power_64", -1.0), "power_64 has values that no measurement gives"),
        (lambda a: a.update(k_64=a["k_64"][::-1]), "k_64 is not that of 64 px by this encoder"),
        (scaled("modes_128", 1.001), "modes_128 is not that of 128 px by this encoder"),
        (lambda a: a.update(noise_64=a["noise_64"][::-1]), "noise_64 is not the noise of seed 7"),
        (scaled("noisy_64", 4.0), "noisy_64 is not a blend of latents and noise"),
        (scaled("power_128", 1.01), "windows_128 and power_128 disagree"),
        (
            lambda a: a.update(cross_64=a["cross_64"].astype(np.float64)),
            "cross_64 is float64 .* not float32",
        ),
        (lambda a: a.update(left_right_128=a["left_right_128"][:, :1]), "left_right_128 is "),
        (put("pair_low_128", -1.0), "pair_low_128 has values that no measurement gives"),
        (lambda a: a.update(psnr=np.array(np.inf)), "psnr has values"),
    ],
)
def test_what_is_wrong_is_found(chain: Chain, arrays: Arrays, change: Change, said: str) -> None:
    change(arrays)
    with pytest.raises(InputError, match=f"^linear-f8c16: .*{said}") as error:
        check(chain.plan, arrays)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_npz_or_too_large(
    chain: Chain, arrays: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = cards.card("linear-f8c16")
    with pytest.raises(InputError, match=r"the \.npz cannot be read"):
        schema.arrays_of(b"PK", card, chain.plan)
    pickled = Path(chain.store.folder / "pickled.npz")
    np.savez(pickled, power_64=np.array([{}], dtype=object))
    with pytest.raises(InputError, match=r"the \.npz cannot be read: Object arrays"):
        schema.arrays_of(pickled.read_bytes(), card, chain.plan)
    monkeypatch.setattr(schema, "LARGEST", 1000)
    with pytest.raises(InputError, match="holds more than a measurement can"):
        schema.arrays_of(to_bytes(arrays), card, chain.plan)
