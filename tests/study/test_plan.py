"""What each step is asked for: keyed by what matters to it, and by nothing else."""

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.encoders import cards
from analysis.images.catalogue import Photograph
from analysis.project.errors import InputError
from analysis.study import steps
from analysis.study.plan import Plan, View
from analysis.study.settings import Study, Variation, load_study
from analysis.study.store import Store

PIXEL, LINEAR = "pixel", "linear-f8c16"
OF_LATENTS = {"spectra", "cross-spectra", "halves", "equivariance", "power", "display"}
WINDOWED = OF_LATENTS - {"display"}
DERIVED = {"measurement", "sampler", "channel-rule"}


def plan(study: Study | None = None) -> Plan:
    return Plan(study or load_study("tiny"), Store())


def with_choices(**choices: object) -> Study:
    return Study.model_validate(load_study("tiny").model_dump() | choices)


def keys(one: Plan) -> dict[str, str]:
    """Every step's key by its name, and what it is of."""
    requests = [one.fit_request, *one.results().values()]
    for card in one.cards.values():
        requests += [one.moments_request(view, card) for view in one.views(card)]
        requests += [part.request for part in one.parts(card)]
    usual = f"({one.study.resample})"
    return {f"{r.step} {r.label.replace(usual, 'as usual')}": r.key for r in requests}


def changed(one: dict[str, str], two: dict[str, str]) -> set[str]:
    return {name.split()[0] for name in one.keys() & two.keys() if one[name] != two[name]}


def test_everything_computed_has_a_key_of_its_own(project: Path) -> None:
    one = keys(plan())
    assert len(set(one.values())) == len(one)
    assert keys(plan()) == one


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"t": 0.25}, {"spectra", *DERIVED}),
        ({"seed": 8}, {"moments", "spectra", "power", "leakage", *DERIVED}),
        ({"window": {"kind": "hann", "beta": 2.0}}, {*WINDOWED, *DERIVED}),
        ({"window": {"kind": "kaiser", "beta": 8.0}}, {*WINDOWED, *DERIVED}),
        ({"resample": "bicubic"}, {"moments", *OF_LATENTS, *DERIVED}),
        ({"display_image": "quarry"}, {"display"}),
        ({"display_encoder": PIXEL}, {"display", "leakage"}),
        # what only matters when numbers are derived, on reading, orphans nothing that takes long
        ({"mu": 0.5, "std": 2.0, "title": "Other"}, set()),
        ({"confidence": 0.9}, {"channel-rule"}),
        ({"bands": {"low": 0.4, "middle": 0.8, "high": 1.0}}, {"cross-spectra", *DERIVED}),
    ],
)
def test_a_choice_changes_the_keys_it_matters_to(
    project: Path, choice: dict, names: set[str]
) -> None:
    assert changed(keys(plan()), keys(plan(with_choices(**choice)))) == names


def test_another_resolution_is_another_entry(project: Path) -> None:
    one, two = keys(plan()), keys(plan(with_choices(resolutions=(64, 96))))
    # a simulated image is made at the high resolution, so another one is another image
    assert changed(one, two) == {"display", "leakage", "moments", "power", *DERIVED}
    for same in ("power of birch at 64 px (box)", "spectra of heron at 64 px as usual"):
        name = f"{same.partition(' ')[0]} {same} by pixel"
        assert one[name] == two[name]


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("fit_size = 128", "fit_size = 96", {"linear-fit", "moments", *OF_LATENTS, *DERIVED}),
        ('title = "Pixels, not encoded"', 'title = "Pixels"', set()),
        ("fit_size = 128", "fit_size = 128\nscale = 2.0", {*OF_LATENTS, *DERIVED}),
        ("fit_size = 128", "fit_size = 128\nshift = 0.5", {*OF_LATENTS, *DERIVED}),
    ],
)
def test_a_card_changes_the_keys_it_matters_to(
    project: Path, edit: Callable[[str, str, str], None], old: str, new: str, names: set[str]
) -> None:
    one = keys(plan())
    edit("encoders.toml", old, new)
    assert changed(one, keys(plan())) == names


def test_a_key_is_of_a_photographs_content_and_of_no_name(project: Path) -> None:
    def key(of: Plan, photo: Photograph, card: cards.Card) -> str:
        return of.part(steps.STEPS[0], [of.view(photo, 64)], card).request.key

    one, again = plan(), plan()
    card, (photo, another, *_) = one.cards[PIXEL], one.photographs
    known = key(one, photo, card)
    assert key(one, another, card) != known
    assert key(one, photo, card.model_copy(update={"name": "other"})) == known
    assert photo.path is not None
    moved = dataclasses.replace(photo, path=photo.path.rename(photo.path.with_name("moved.png")))
    again.photographs = (moved, *again.photographs[1:])
    assert key(again, moved, card) == known


def test_the_order_of_photographs_is_in_the_key_of_what_is_stacked_in_it(project: Path) -> None:
    one, two = plan(), plan()
    two.photographs = two.photographs[::-1]
    card = one.cards[PIXEL]
    assert one.measurement_request(card).key != two.measurement_request(card).key


def test_bands_that_end_elsewhere_are_in_the_key_of_what_is_binned() -> None:
    study = Study(
        name="s", title="S", images="bundled", encoders=(LINEAR,), display_encoder=LINEAR,
        resolutions=(128, 256),
    )  # fmt: skip
    setting = steps.Setting(study, cards.card(LINEAR), images=3, side=256)
    # The low band of 16 x 16 latents is to end at ring 2, and ends at ring 3, its second.
    assert steps.chosen_bins(setting)["ends"] == {"low": 3}
    large = study.model_copy(update={"resolutions": (256, 512)})
    assert "ends" not in steps.chosen_bins(dataclasses.replace(setting, study=large))


def test_noise_is_of_the_photograph_the_size_and_the_seed(project: Path) -> None:
    one, other, shape = plan(), plan(with_choices(seed=8)), (3, 8, 8)
    draws = [
        of.setting(of.cards[PIXEL], of.view(of.photographs[index], side)).eps(shape)
        for of, index, side in ((one, 0, 64), (one, 1, 64), (one, 0, 128), (other, 0, 64))
    ]
    for a, b in itertools.combinations(draws, 2):
        assert not np.any(a == b)


def test_a_displayed_image_that_is_not_there_is_refused(project: Path) -> None:
    with pytest.raises(
        InputError,
        match="display_image 'swan' is not in the set 'bundled'; it has birch, heron, quarry",
    ):
        plan(with_choices(display_image="swan")).results()
    assert plan(with_choices(display_image="")).displayed.id == "birch"


def test_a_folder_of_images_is_a_set(project: Path) -> None:
    study = with_choices(images=str(project / "data" / "images"), display_image="")
    one = plan(study)
    assert [p.id for p in one.photographs] == ["birch", "heron", "quarry"]
    # the same files, so the same entries as by the set's name
    name = "measurement measurement of pixel"
    assert keys(one)[name] == keys(plan())[name]


# Variations ----------------------------------------------------------------------------------


def test_a_variation_is_the_same_with_one_choice_changed(project: Path) -> None:
    one = plan()
    photo = one.photographs[0]
    for variation, view in (
        (Variation(name="same"), View(photo, 64, "lanczos")),
        (Variation(name="box", resample="box"), View(photo, 64, "box")),
        (Variation(name="jpeg", jpeg=75), View(photo, 64, "lanczos", 75)),
    ):
        views = list(one.varied(variation))
        assert views[0] == view
        both = [(photo.id, side) for photo in one.photographs for side in (64, 128)]
        assert [(v.image.id, v.side) for v in views] == both


def test_simulated_images_are_other_images_and_seeded(project: Path) -> None:
    one, other = plan(), plan(with_choices(seed=8))
    for name in ("dead-leaves", "power-law"):
        variation = Variation(name="simulated", images=name)
        here, there = (list(p.varied(variation)) for p in (one, other))
        digests = [one.digest(view.image) for view in here]
        assert digests[::2] == digests[1::2]  # the same images at both sides
        assert len(set(digests)) == len(one.photographs)
        assert not {*digests} & {other.digest(view.image) for view in there}


def test_only_a_variational_encoder_is_sampled_and_by_the_seed(project: Path) -> None:
    drawn = Variation(name="sample", sample=True)
    one = plan(with_choices(variations=(drawn.model_dump(),)))
    card = one.cards[LINEAR]
    assert one.setting(card).variations == []
    own = {"kind": "diffusers", "class_name": "AutoencoderKL", "scale": 1.0, "sha256": "0" * 64}
    learned = card.model_copy(update=own)
    assert one.setting(learned).variations == [drawn]
    last = list(one.parts(learned))[-1]
    assert last.sampled and last.input == "sample: quarry 128"
    plain = one.part(steps.POWER, last.views, learned).request
    assert last.request.parameters == {**plain.parameters, "seed": 7}


def test_each_view_is_shown_once(project: Path) -> None:
    one = plan(with_choices(variations=({"name": "same"}, {"name": "box", "resample": "box"})))
    views = one.views(one.cards[PIXEL])
    assert len(views) == len(set(views)) == 3 * 2 * 2
    assert {view.resample for view in views} == {"lanczos", "box"}
