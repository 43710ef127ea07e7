"""The chain on a tiny project: computed once, keyed by what matters, and resumable."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis import archive, encoders, images, latents, noise, spectra, weights
from analysis.cache import MissError, Store
from analysis.chain import Chain
from analysis.settings import FetchError, InputError, Study, load_study

PIXEL, LINEAR = "pixel", "linear-f8c16"


def chain(study: Study | None = None, compute: str = "auto") -> Chain:
    return Chain(study or load_study("tiny"), Store(compute=compute))


def with_choices(**choices: object) -> Study:
    return Study.model_validate(load_study("tiny").model_dump() | choices)


def keys(one: Chain) -> dict[str, str]:
    """Every step's key by a readable name."""
    found = {"fit": one.fit_request.key, "display": one.display_request().key}
    for name, card in one.cards.items():
        found[f"measurement {name}"] = one.measurement_request(card).key
        for photo in one.photographs:
            for side in one.study.resolutions:
                place = f"{photo.id} {side} {name}"
                found[f"moments {place}"] = one.moments_request(photo, side, card).key
                found[f"spectra {place}"] = one.spectra_request(photo, side, card).key
    return found


def changed(one: dict[str, str], two: dict[str, str]) -> set[str]:
    return {name.split()[0] for name in one.keys() & two.keys() if one[name] != two[name]}


def test_the_second_run_computes_nothing(project: Path) -> None:
    progress: list[tuple[int, int, str]] = []
    first = chain()
    assert first.compute(lambda *step: progress.append(step)) == {
        PIXEL: "computed",
        LINEAR: "computed",
    }
    # 1 fit, 3 photographs x 2 sides x 2 encoders, as many moments of the linear code, 2
    # measurements, 1 display, 1 leakage
    assert len(first.store.computed) == 1 + 12 + 6 + 2 + 1 + 1
    assert len(set(first.store.computed)) == 23
    assert [done for done, _, _ in progress] == list(range(len(progress)))
    assert progress[-1] == (17, 17, "done")

    second = chain(compute="never")
    second.compute()
    assert second.store.computed == []


def test_everything_computed_has_a_key_of_its_own(project: Path) -> None:
    one = keys(chain())
    assert len(set(one.values())) == len(one)
    assert keys(chain()) == one


@pytest.mark.parametrize(
    ("choice", "steps"),
    [
        ({"t": 0.25}, {"spectra", "measurement"}),
        ({"seed": 8}, {"spectra", "measurement"}),
        ({"window": {"kind": "hann", "beta": 2.0}}, {"spectra", "measurement"}),
        ({"window": {"kind": "kaiser", "beta": 8.0}}, {"spectra", "measurement"}),
        ({"resample": "box"}, {"moments", "spectra", "measurement", "display"}),
        ({"display_image": "quarry"}, {"display"}),
        ({"display_encoder": PIXEL}, {"display"}),
        # what only matters when numbers are derived, on reading, orphans nothing
        ({"bootstrap": 200, "confidence": 0.9, "mu": 0.5, "std": 2.0, "title": "Other"}, set()),
        ({"bands": {"low": 0.4, "middle": 0.8, "high": 1.0}}, set()),
    ],
)
def test_a_choice_changes_the_keys_it_matters_to(
    project: Path, choice: dict, steps: set[str]
) -> None:
    assert changed(keys(chain()), keys(chain(with_choices(**choice)))) == steps


def test_another_resolution_is_another_entry(project: Path) -> None:
    one, two = keys(chain()), keys(chain(with_choices(resolutions=(64, 96))))
    assert changed(one, two) == {"measurement", "display"}
    assert one["spectra heron 64 pixel"] == two["spectra heron 64 pixel"]


@pytest.mark.parametrize(
    ("old", "new", "steps"),
    [
        (
            "fit_size = 128",
            "fit_size = 96",
            {"fit", "moments", "spectra", "measurement", "display"},
        ),
        ('title = "Pixels, not encoded"', 'title = "Pixels"', set()),
        ("fit_size = 128", "fit_size = 128\nscale = 2.0", {"spectra", "measurement", "display"}),
        ("fit_size = 128", "fit_size = 128\nshift = 0.5", {"spectra", "measurement", "display"}),
    ],
)
def test_a_card_changes_the_keys_it_matters_to(
    project: Path, edit: Callable[[str, str, str], None], old: str, new: str, steps: set[str]
) -> None:
    one = keys(chain())
    edit("encoders.toml", old, new)
    assert changed(one, keys(chain())) == steps


def test_the_name_of_an_encoder_and_of_a_file_is_not_in_the_key(project: Path) -> None:
    one = chain()
    card = one.cards[PIXEL]
    renamed = card.model_copy(update={"name": "other"})
    photo = one.photographs[0]
    assert one.spectra_request(photo, 64, card).key == one.spectra_request(photo, 64, renamed).key
    path = photo.path
    assert path is not None
    moved = path.rename(path.with_name("moved.png"))
    again = chain()
    again.photographs = (dataclasses.replace(photo, path=moved), *again.photographs[1:])
    assert (
        again.spectra_request(again.photographs[0], 64, card).key
        == one.spectra_request(photo, 64, card).key
    )


def test_another_photograph_is_another_key(project: Path) -> None:
    one = chain()
    a, b = (one.moments_request(photo, 64, one.cards[PIXEL]).key for photo in one.photographs[:2])
    assert a != b


def test_the_order_of_photographs_is_in_the_key_of_what_is_stacked_in_it(project: Path) -> None:
    one, two = chain(), chain()
    two.photographs = two.photographs[::-1]
    card = one.cards[PIXEL]
    assert one.measurement_request(card).key != two.measurement_request(card).key


def test_a_photograph_that_is_not_the_one_meant_is_refused(project: Path) -> None:
    path = project / "data" / "images" / "heron.png"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InputError, match="another file than is meant"):
        chain().compute()


def test_spectra_are_those_of_the_blend_of_the_latents(project: Path) -> None:
    """A measurement's rows, by the modules themselves, without chain or store."""
    one = chain()
    one.compute()
    card = one.cards[LINEAR]
    arrays = one.store.get(one.measurement_request(card))
    assert arrays is not None
    photo, row = one.photographs[1], 1
    assert photo.path is not None
    for side in (64, 128):
        x = images.load(photo.path, side)
        z = latents.normalise({"mean": one.linear.encode(x[None])}, shift=0.0, scale=1.0)[0]
        digest = images.digest(photo.path)
        eps = noise.gaussian(z.shape, noise.generator(7, "noise", digest, side))
        np.testing.assert_array_equal(one.eps(photo, side, z.shape), eps)
        np.testing.assert_allclose(arrays[f"power_{side}"][row], spectra.raps(z), rtol=1e-6)
        np.testing.assert_allclose(
            arrays[f"noise_{side}"][row], spectra.raps(eps).mean(axis=0), rtol=1e-6
        )
        noisy = spectra.raps(0.5 * z + 0.5 * eps).mean(axis=0)
        np.testing.assert_allclose(arrays[f"noisy_{side}"][row], noisy, rtol=1e-6)
        rings = spectra.rings(side // 8, side // 8)
        np.testing.assert_array_equal(arrays[f"k_{side}"], rings.cycles_per_image)
        np.testing.assert_array_equal(arrays[f"modes_{side}"], rings.modes)
        assert arrays[f"power_{side}"].shape == (3, 16, side // 16 + 1)
    assert 10 < arrays["psnr"] < 60
    assert 0 < arrays["relative_mse"] < 1


def test_noise_is_of_the_photograph_the_size_and_the_seed(project: Path) -> None:
    one, other = chain(), chain(with_choices(seed=8))
    shape = (3, 8, 8)
    draws = [
        one.eps(one.photographs[0], 64, shape), one.eps(one.photographs[1], 64, shape),
        one.eps(one.photographs[0], 128, shape), other.eps(one.photographs[0], 64, shape),
    ]  # fmt: skip
    for i in range(4):
        for j in range(i):
            assert not np.any(draws[i] == draws[j])


def test_pixels_are_not_stored_as_moments(project: Path) -> None:
    one = chain(with_choices(encoders=(PIXEL,), display_encoder=PIXEL))
    one.compute()
    assert not (one.store.folder / "moments").exists()
    assert not (one.store.folder / "linear-fit").exists()


def test_a_run_that_was_stopped_goes_on(project: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(done: int, total: int, label: str) -> None:
        if done == 5:
            raise StoppedError

    first = chain()
    with pytest.raises(StoppedError):
        first.compute(stop)
    assert len(first.store.computed) == 5
    second = chain()
    second.compute()
    assert len(second.store.computed) == 23 - 5
    assert not set(first.store.computed) & set(second.store.computed)


def test_under_never_an_empty_store_names_the_first_step(project: Path) -> None:
    with pytest.raises(
        MissError, match=r"step 'spectra' \(spectra of birch at 64 px by pixel\).*nothing is stored"
    ):
        chain(compute="never").compute()


def test_under_never_a_changed_choice_is_named(project: Path) -> None:
    chain().compute()
    with pytest.raises(MissError, match=r"parameters.window.beta is 8.0, stored 2.0"):
        chain(with_choices(window={"kind": "kaiser", "beta": 8.0}), compute="never").compute()


def test_a_displayed_image_that_is_not_there_is_refused(project: Path) -> None:
    with pytest.raises(
        InputError,
        match="display_image 'swan' is not in the set 'bundled'; it has birch, heron, quarry",
    ):
        chain(with_choices(display_image="swan")).compute()
    assert chain(with_choices(display_image="")).displayed.id == "birch"


def test_an_unknown_encoder_is_refused_at_once(project: Path) -> None:
    with pytest.raises(InputError, match="unknown encoder 'pixels'; did you mean 'pixel'"):
        chain(with_choices(encoders=("pixels",), display_encoder="pixels"))


def test_a_folder_of_images_is_a_set(project: Path) -> None:
    study = with_choices(images=str(project / "data" / "images"), display_image="")
    one = chain(study)
    assert [p.id for p in one.photographs] == ["birch", "heron", "quarry"]
    # the same files, so the same entries as by the set's name
    assert keys(one)["measurement pixel"] == keys(chain())["measurement pixel"]


# Encoders that cannot run here ---------------------------------------------------------------


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch, edit: Callable[[str, str, str], None]) -> None:
    """taef2 without its weights and without an address to get them from."""
    monkeypatch.delenv("ANALYSIS_WEIGHTS", raising=False)
    url = encoders.card("taef2").url
    edit("encoders.toml", f'url = "{url}"', 'url = ""')


def taef2_study() -> Study:
    return with_choices(encoders=(PIXEL, "taef2"), display_encoder=PIXEL)


def test_without_weights_or_results_it_says_both(project: Path, no_weights: None) -> None:
    with pytest.raises(MissError, match=r"taef2.*; and data/results/tiny has no 'taef2' either"):
        chain(taef2_study()).compute()


def test_committed_results_serve_where_weights_are_not(project: Path, no_weights: None) -> None:
    one = chain(taef2_study())
    request = one.measurement_request(one.cards["taef2"])
    archive.write("tiny", "taef2", {"x": np.zeros(1)}, {"provenance": {"key": request.key}})
    said = one.compute()
    assert said[PIXEL] == "computed"
    assert said["taef2"].startswith("committed results: taef2")
    assert not any("taef2" in label for label in one.store.computed)


def test_committed_results_of_another_study_do_not_serve(project: Path, no_weights: None) -> None:
    one = chain(taef2_study())
    request = one.measurement_request(one.cards["taef2"])
    archive.write("tiny", "taef2", {"x": np.zeros(1)}, {"provenance": {"key": request.key}})
    other = taef2_study().model_copy(update={"t": 0.25})
    with pytest.raises(MissError, match="made from other photographs"):
        chain(other).compute()


def test_weights_that_can_be_fetched_are_not_fetched_where_results_are(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANALYSIS_WEIGHTS", raising=False)

    def refuse(*arguments: object) -> None:
        raise FetchError("no network in tests")

    monkeypatch.setattr(weights, "download", refuse)
    pytest.importorskip("torch")
    one = chain(taef2_study())
    with pytest.raises(FetchError, match="no network in tests"):
        one.compute()
    request = one.measurement_request(one.cards["taef2"])
    archive.write("tiny", "taef2", {"x": np.zeros(1)}, {"provenance": {"key": request.key}})
    assert "not on this machine" in chain(taef2_study()).compute()["taef2"]


# What identifies an encoder ------------------------------------------------------------------


def test_identity_is_the_hash_else_the_revision_else_refused() -> None:
    card = encoders.card("flux1")
    assert encoders.identity(card)["sha256"] == card.sha256
    assert "revision" not in encoders.identity(card)
    named = card.model_copy(update={"sha256": "", "revision": "abc"})
    assert encoders.identity(named)["revision"] == "abc"
    assert "sha256" not in encoders.identity(named)
    with pytest.raises(InputError, match="neither sha256 nor revision"):
        encoders.identity(card.model_copy(update={"sha256": ""}))


def test_the_name_of_the_repository_does_not_matter_where_the_hash_is_known() -> None:
    card = encoders.card("flux1")
    assert encoders.identity(card) == encoders.identity(
        card.model_copy(update={"repo": "a/copy", "title": "x"})
    )


def test_what_is_identified_beforehand_is_what_is_loaded(project: Path) -> None:
    one = chain()
    for name in (PIXEL, LINEAR):
        loaded = one._encoder(one.cards[name]).identity
        for key, value in encoders.identity(one.cards[name]).items():
            assert loaded[key] == value
