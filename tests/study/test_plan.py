"""What each step is asked for: keyed by what matters to it, and by nothing else."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.project.errors import InputError
from analysis.study.plan import Plan, View
from analysis.study.settings import Study, Variation, load_study
from analysis.study.store import Store

PIXEL, LINEAR = "pixel", "linear-f8c16"
OF_LATENTS = {"spectra", "cross", "halves", "pair", "varied", "display"}
DERIVED = {"measurement", "sampler", "rule"}


def plan(study: Study | None = None) -> Plan:
    return Plan(study or load_study("tiny"), Store())


def with_choices(**choices: object) -> Study:
    return Study.model_validate(load_study("tiny").model_dump() | choices)


def keys(one: Plan) -> dict[str, str]:
    """Every step's key by a readable name."""
    found = {"fit": one.fit_request.key, "display": one.display_request().key}
    found["rule"] = one.rule_request(one.cards[LINEAR]).key
    for name, card in one.cards.items():
        found[f"measurement {name}"] = one.measurement_request(card).key
        for photo in one.photographs:
            for side in one.study.resolutions:
                place = f"{photo.id} {side} {name}"
                found[f"moments {place}"] = one.moments_request(one.view(photo, side), card).key
        for part in one.parts(card):
            place = f"{part.photo.id} {part.side} {name}"
            found[f"{part.name} {place}"] = part.request.key
        found[f"sampler {name}"] = one.sampler_request(card).key
        for variation, view, request in one.varied_requests(card):
            found[f"varied {variation.name} {view.image.id} {view.side} {name}"] = request.key
    return found


def changed(one: dict[str, str], two: dict[str, str]) -> set[str]:
    return {name.split()[0] for name in one.keys() & two.keys() if one[name] != two[name]}


def test_everything_computed_has_a_key_of_its_own(project: Path) -> None:
    one = keys(plan())
    assert len(set(one.values())) == len(one)
    assert keys(plan()) == one


@pytest.mark.parametrize(
    ("choice", "steps"),
    [
        ({"t": 0.25}, {"spectra", *DERIVED}),
        ({"seed": 8}, {"spectra", "varied", *DERIVED}),
        ({"window": {"kind": "hann", "beta": 2.0}}, {*OF_LATENTS, *DERIVED} - {"display"}),
        ({"window": {"kind": "kaiser", "beta": 8.0}}, {*OF_LATENTS, *DERIVED} - {"display"}),
        ({"resample": "bicubic"}, {"moments", *OF_LATENTS, *DERIVED}),
        ({"display_image": "quarry"}, {"display"}),
        ({"display_encoder": PIXEL}, {"display"}),
        # what only matters when numbers are derived, on reading, orphans nothing that takes long
        ({"mu": 0.5, "std": 2.0, "title": "Other"}, set()),
        ({"bootstrap": 200, "confidence": 0.9}, {"rule"}),
        ({"bands": {"low": 0.4, "middle": 0.8, "high": 1.0}}, {"cross", *DERIVED}),
    ],
)
def test_a_choice_changes_the_keys_it_matters_to(
    project: Path, choice: dict, steps: set[str]
) -> None:
    assert changed(keys(plan()), keys(plan(with_choices(**choice)))) == steps


def test_another_resolution_is_another_entry(project: Path) -> None:
    one, two = keys(plan()), keys(plan(with_choices(resolutions=(64, 96))))
    # a simulated image is made at the high resolution, so another one is another image
    assert changed(one, two) == {"display", "varied", *DERIVED}
    assert one["varied box birch 64 pixel"] == two["varied box birch 64 pixel"]
    assert one["spectra heron 64 pixel"] == two["spectra heron 64 pixel"]


@pytest.mark.parametrize(
    ("old", "new", "steps"),
    [
        (
            "fit_size = 128",
            "fit_size = 96",
            {"fit", "moments", *OF_LATENTS, *DERIVED},
        ),
        ('title = "Pixels, not encoded"', 'title = "Pixels"', set()),
        (
            "fit_size = 128",
            "fit_size = 128\nscale = 2.0",
            {*OF_LATENTS, *DERIVED},
        ),
        (
            "fit_size = 128",
            "fit_size = 128\nshift = 0.5",
            {*OF_LATENTS, *DERIVED},
        ),
    ],
)
def test_a_card_changes_the_keys_it_matters_to(
    project: Path, edit: Callable[[str, str, str], None], old: str, new: str, steps: set[str]
) -> None:
    one = keys(plan())
    edit("encoders.toml", old, new)
    assert changed(one, keys(plan())) == steps


def test_the_name_of_an_encoder_and_of_a_file_is_not_in_the_key(project: Path) -> None:
    one = plan()
    card = one.cards[PIXEL]
    renamed = card.model_copy(update={"name": "other"})
    photo = one.photographs[0]
    assert one.spectra_request(photo, 64, card).key == one.spectra_request(photo, 64, renamed).key
    path = photo.path
    assert path is not None
    moved = path.rename(path.with_name("moved.png"))
    again = plan()
    again.photographs = (dataclasses.replace(photo, path=moved), *again.photographs[1:])
    assert (
        again.spectra_request(again.photographs[0], 64, card).key
        == one.spectra_request(photo, 64, card).key
    )


def test_another_photograph_is_another_key(project: Path) -> None:
    one = plan()
    views = [one.view(photo, 64) for photo in one.photographs[:2]]
    a, b = (one.moments_request(view, one.cards[PIXEL]).key for view in views)
    assert a != b


def test_the_order_of_photographs_is_in_the_key_of_what_is_stacked_in_it(project: Path) -> None:
    one, two = plan(), plan()
    two.photographs = two.photographs[::-1]
    card = one.cards[PIXEL]
    assert one.measurement_request(card).key != two.measurement_request(card).key


def test_noise_is_of_the_photograph_the_size_and_the_seed(project: Path) -> None:
    one, other = plan(), plan(with_choices(seed=8))
    shape = (3, 8, 8)
    draws = [
        one.eps(one.photographs[0], 64, shape), one.eps(one.photographs[1], 64, shape),
        one.eps(one.photographs[0], 128, shape), other.eps(one.photographs[0], 64, shape),
    ]  # fmt: skip
    for i in range(4):
        for j in range(i):
            assert not np.any(draws[i] == draws[j])


def test_a_displayed_image_that_is_not_there_is_refused(project: Path) -> None:
    with pytest.raises(
        InputError,
        match="display_image 'swan' is not in the set 'bundled'; it has birch, heron, quarry",
    ):
        plan(with_choices(display_image="swan")).display_request()
    assert plan(with_choices(display_image="")).displayed.id == "birch"


def test_an_unknown_encoder_is_refused_at_once(project: Path) -> None:
    with pytest.raises(InputError, match="unknown encoder 'pixels'; did you mean 'pixel'"):
        plan(with_choices(encoders=("pixels",), display_encoder="pixels"))


def test_a_folder_of_images_is_a_set(project: Path) -> None:
    study = with_choices(images=str(project / "data" / "images"), display_image="")
    one = plan(study)
    assert [p.id for p in one.photographs] == ["birch", "heron", "quarry"]
    # the same files, so the same entries as by the set's name
    assert keys(one)["measurement pixel"] == keys(plan())["measurement pixel"]


# Variations ----------------------------------------------------------------------------------


def test_a_variation_is_the_same_with_one_choice_changed(project: Path) -> None:
    one = plan()
    photo = one.photographs[0]
    for variation, view in (
        (Variation(name="same"), View(photo, 64, "lanczos")),
        (Variation(name="box", resample="box"), View(photo, 64, "box")),
        (Variation(name="jpeg", jpeg=75), View(photo, 64, "lanczos", 75)),
    ):
        views = one.varied(variation)
        assert sorted(views) == [64, 128]
        assert views[64][0] == view
        assert [v.image.id for v in views[128]] == [p.id for p in one.photographs]


def test_simulated_images_are_other_images_and_seeded(project: Path) -> None:
    one, other = plan(), plan(with_choices(seed=8))
    for name in ("dead-leaves", "power-law"):
        variation = Variation(name="simulated", images=name)
        here, there = (p.varied(variation)[64] for p in (one, other))
        assert len(here) == len(one.photographs)
        digests = {one.digest(view.image) for view in here}
        assert len(digests) == len(here)
        assert not digests & {other.digest(view.image) for view in there}
        assert digests == {one.digest(view.image) for view in one.varied(variation)[128]}


def test_only_a_variational_encoder_is_sampled(project: Path) -> None:
    drawn = Variation(name="sample", sample=True)
    one = plan(with_choices(variations=(drawn.model_dump(),)))
    assert one.variations(one.cards[LINEAR]) == []
    card = one.cards[LINEAR].model_copy(update={"kind": "diffusers", "class_name": "AutoencoderKL"})
    assert one.variations(card) == [drawn]


def test_each_view_is_shown_once(project: Path) -> None:
    one = plan(with_choices(variations=({"name": "same"}, {"name": "box", "resample": "box"})))
    views = one.views(one.cards[PIXEL])
    assert len(views) == len(set(views)) == 3 * 2 * 2
    assert {view.resample for view in views} == {"lanczos", "box"}
