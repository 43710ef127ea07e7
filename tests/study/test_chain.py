"""The chain on a tiny project: computed once, keyed by what matters, and resumable."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.encoders import cards, weights
from analysis.encoders.latents import normalise
from analysis.images import pixels
from analysis.project import downloads
from analysis.project.errors import FetchError
from analysis.spectra import periodogram
from analysis.spectra import rings as spectra_rings
from analysis.study import archive, steps
from analysis.study import chain as study_chain
from analysis.study.chain import Chain, Task, batches
from analysis.study.plan import Plan, View
from analysis.study.settings import Study, Variation, load_study
from analysis.study.store import MissError, Request, Store
from analysis.timesteps import noise

PIXEL, LINEAR = "pixel", "linear-f8c16"
STEPS = 86  # of the tiny study


def chain(study: Study | None = None, compute: str = "auto") -> Chain:
    return Chain(study or load_study("tiny"), Store(compute=compute))


def with_choices(**choices: object) -> Study:
    return Study.model_validate(load_study("tiny").model_dump() | choices)


def test_the_second_run_computes_nothing(project: Path) -> None:
    progress: list[tuple[int, int, str]] = []
    first = chain()
    assert first.compute(lambda *step: progress.append(step)) == {
        PIXEL: "computed",
        LINEAR: "computed",
    }
    # 1 fit; 3 moments x 3 photographs x 2 sides of the linear code (2 are variations'); of each
    # encoder spectra, cross-spectra and 2 variations of 3 x 2, halves and pairs of 3, 1 measurement
    # and 1 sampler; 1 channel rule, 1 display, 1 leakage
    assert len(first.store.computed) == 1 + 18 + 2 * (4 * 6 + 2 * 3 + 2) + 3 == STEPS
    assert len(set(first.store.computed)) == STEPS
    # Images that are encoded together are told together: 9 of each size, 8 at most at once.
    encoding = [done for done, _, label in progress if label.startswith(f"{LINEAR} at")]
    assert encoding == [0, 8, 9, 17]
    assert [done for done, _, _ in progress[4:]] == list(range(18, STEPS + 1))
    assert progress[1][2].endswith(" images/s")
    assert progress[-1] == (STEPS, STEPS, "done")

    second = chain(compute="never")
    second.compute()
    assert second.store.computed == []


def test_spectra_are_those_of_the_blend_of_the_latents(computed: Path) -> None:
    """A measurement's rows, by the modules themselves, without chain or store."""
    one = chain()
    card = one.plan.cards[LINEAR]
    arrays = one.store.get(one.plan.measurement_request(card))
    assert arrays is not None
    photo, row = one.plan.photographs[1], 1
    assert photo.path is not None
    for side in (64, 128):
        x = pixels.load(photo.path, side)
        z = one.linear.encode(x[None])[0]
        digest = downloads.sha256(photo.path)
        eps = noise.gaussian(z.shape, noise.generator(7, "noise", digest, side))
        own = one.plan.setting(card, one.plan.view(photo, side)).eps(z.shape)
        np.testing.assert_array_equal(own, eps)
        np.testing.assert_allclose(
            arrays[f"power_{side}"][row], periodogram.raps(z, beta=2.0), rtol=1e-6
        )
        np.testing.assert_allclose(
            arrays[f"noise_{side}"][row], periodogram.raps(eps, beta=2.0).mean(axis=0), rtol=1e-6
        )
        noisy = periodogram.raps(0.5 * z + 0.5 * eps, beta=2.0).mean(axis=0)
        np.testing.assert_allclose(arrays[f"noisy_{side}"][row], noisy, rtol=1e-6)
        rings = spectra_rings.rings(side // 8, side // 8)
        np.testing.assert_array_equal(arrays[f"k_{side}"], rings.cycles_per_image)
        np.testing.assert_array_equal(arrays[f"modes_{side}"], rings.modes)
        assert arrays[f"power_{side}"].shape == (3, 16, side // 16 + 1)
    assert 10 < arrays["psnr"] < 60
    assert 0 < arrays["relative_mse"] < 1


def test_a_run_that_was_stopped_goes_on(project: Path) -> None:
    class StoppedError(Exception):
        pass

    done: list[str] = []
    # Before the second size is encoded, and among the steps after; the fit is stored besides.
    for at, stored in ((9, 10), (20, 30)):

        def stop(step: int, total: int, label: str, at: int = at) -> None:
            if step == at:
                raise StoppedError

        one = chain()
        with pytest.raises(StoppedError):
            one.compute(stop)
        done += one.store.computed
        assert len(done) == stored
    last = chain()
    last.compute()
    assert len({*done, *last.store.computed}) == len(done) + len(last.store.computed) == STEPS


def test_images_encoded_together_have_the_moments_of_each(computed: Path) -> None:
    one = chain()
    card = one.plan.cards[LINEAR]
    for view in one.plan.views(card):
        alone = one.encoder(card).encode(one.pixels(view)[np.newaxis])
        stored = one.moments(view, card)
        assert set(stored) == set(alone)
        for name, values in alone.items():
            # Single precision in another order of summation.
            np.testing.assert_allclose(stored[name], values, rtol=1e-5, atol=1e-5)


def test_latents_of_a_sampled_variation_are_drawn_by_the_photograph_and_the_seed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = chain()
    card, photo = one.plan.cards[LINEAR], one.plan.photographs[0]
    card = card.model_copy(update={"shift": 0.5, "scale": 2.0})  # of latents, not of moments
    zero = np.zeros((1, 16, 8, 8), np.float32)
    monkeypatch.setattr(one, "moments", lambda view, card: {"mean": zero, "logvar": zero})
    view, drawn = one.plan.view(photo, 64), Variation(name="drawn", sample=True)
    found = one.part(one.plan.part(steps.POWER, [view], card, drawn))[1]()["power"]
    assert photo.path is not None
    rng = noise.generator(7, "posterior", downloads.sha256(photo.path), 64)
    z = normalise({"mean": zero, "logvar": zero}, card.normalisation, rng)[0]
    np.testing.assert_array_equal(found, periodogram.raps(z, beta=2.0).mean(axis=0))


def test_under_never_an_empty_store_names_the_first_step(project: Path) -> None:
    with pytest.raises(
        MissError,
        match=r"step 'spectra' \(spectra of birch at 64 px \(lanczos\) by pixel\).*nothing is",
    ):
        chain(compute="never").compute()


# Encoders that cannot run here ---------------------------------------------------------------


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch, edit: Callable[[str, str, str], None]) -> None:
    """taef2 without its weights and without an address to get them from."""
    monkeypatch.delenv("ANALYSIS_WEIGHTS", raising=False)
    url = cards.card("taef2").url
    edit("encoders.toml", f'url = "{url}"', 'url = ""')


def taef2_study() -> Study:
    return with_choices(encoders=(PIXEL, "taef2"), display_encoder=PIXEL)


def committed(one: Chain, study: str) -> None:
    """All that pages read of taef2, committed, though there is nothing in it."""
    for name, request in one.plan.results_of(one.plan.cards["taef2"]).items():
        archive.write(study, name, {"x": np.zeros(1)}, {"provenance": {"key": request.key}})


def test_without_weights_or_results_it_says_both(computed: Path, no_weights: None) -> None:
    with pytest.raises(MissError, match=r"taef2.*; and data/results has no 'taef2' either"):
        chain(taef2_study()).compute()


def test_committed_results_serve_where_weights_are_not(computed: Path, no_weights: None) -> None:
    one = chain(taef2_study())
    for folder in ("other", "tiny"):  # the study's own comes first
        committed(one, folder)
        said = one.compute()
        assert said[PIXEL] == "computed"
        assert said["taef2"].startswith(f"committed results in data/results/{folder}: taef2")
    assert not any("taef2" in label for label in one.store.computed)


def test_what_is_answered_is_not_computed_again_for_a_measurement_that_is_missing(
    computed: Path, tmp_path: Path
) -> None:
    study = with_choices(encoders=(PIXEL,), display_encoder=PIXEL, variations=())
    one = Chain(study, Store(tmp_path / "store"))
    for name, request in one.plan.results().items():
        if name != PIXEL:
            archive.write("tiny", name, {"x": np.zeros(1)}, {"provenance": {"key": request.key}})
    assert one.compute(anew=False) == {PIXEL: "computed"}
    assert one.store.computed[-1] == "measurement of pixel"


def test_weights_that_can_be_fetched_are_not_fetched_where_results_are(
    computed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANALYSIS_WEIGHTS", raising=False)

    def refuse(*arguments: object) -> None:
        raise FetchError("no network in tests")

    monkeypatch.setattr(weights, "from_address", refuse)
    pytest.importorskip("torch")
    one = chain(taef2_study())
    with pytest.raises(FetchError, match="no network in tests"):
        one.compute()
    committed(one, "tiny")
    assert "not on this machine" in chain(taef2_study()).compute()["taef2"]


def test_what_is_identified_beforehand_is_what_is_loaded(project: Path) -> None:
    one = chain()
    for name in (PIXEL, LINEAR):
        loaded = one.encoder(one.plan.cards[name]).identity
        for key, value in cards.identity(one.plan.cards[name]).items():
            assert loaded[key] == value


# Which images are encoded together -----------------------------------------------------------


@pytest.fixture
def plan(project: Path) -> Plan:
    return Plan(load_study("tiny"), Store())


def reading(*keys: str) -> list[Task]:
    """A step that reads what has these keys."""
    return [(Request("any", 1, {}, {key: key for key in keys}), dict)]


def test_only_what_is_needed_and_not_stored_is_encoded_in_groups_of_one_size(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_chain, "TOGETHER", 4)
    card = plan.cards[LINEAR]
    known = {plan.moments_request(view, card).key: view for view in plan.views(card)}

    def found(*keys: str) -> list[list[View]]:
        return batches(plan, card, reading(*keys))

    groups = found(*known, "something else")
    assert [[view.side for view in group] for group in groups] == [
        [side] * n for side in (64, 128) for n in (4, 4, 1)
    ]
    assert sorted(view.text for group in groups for view in group) == sorted(
        view.text for view in known.values()
    )
    first, second, *_ = known
    assert found(first) == [[known[first]]]
    plan.store.put(plan.moments_request(known[first], card), {"mode": np.zeros((1, 1))})
    assert found(first, second) == [[known[second]]]
    # Pixels are their own moments, and under never the step says what it misses.
    pixel = plan.cards[PIXEL]
    keys = [plan.moments_request(view, pixel).key for view in plan.views(pixel)]
    assert batches(plan, pixel, reading(*keys)) == []
    plan.store.compute = "never"
    assert found(second) == []
