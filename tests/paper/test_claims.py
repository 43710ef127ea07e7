"""Claims of the pages: each holds for the committed results, and not for results that differ."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from analysis.paper import claims
from analysis.project.errors import InputError
from analysis.project.files import root
from analysis.study.experiments.denoiser import KINDS
from analysis.study.experiments.denoiser import Experiment as Denoisers
from analysis.study.experiments.density import Densities
from analysis.study.experiments.encoder_table import Row
from analysis.study.measurement import Measured
from analysis.study.results import Results, load
from analysis.timesteps.gaussian_sampler import SamplerStudy

ENCODERS = ("pixel", "linear-f8c16", "taef2")


@pytest.fixture(scope="module")
def loaded() -> Results:
    return load("bundled")


# Results that differ from the committed ones -----------------------------------------------------


def as_if(*names: str) -> Callable[[Results], Results]:
    """The three encoders with the measurements of these."""

    def change(r: Results) -> Results:
        pairs = dict(zip(ENCODERS, names, strict=True))
        return dataclasses.replace(
            r,
            measured={name: r.measured[other] for name, other in pairs.items()},
            samplers={name: r.samplers[other] for name, other in pairs.items()},
        )

    return change


turned, all_pixels = as_if("taef2", "pixel", "linear-f8c16"), as_if(*3 * ["pixel"])
others = as_if("linear-f8c16", "taef2", "pixel")


def each(change: Callable[[Measured], Measured]) -> Callable[[Results], Results]:
    """Every measurement changed."""
    return lambda r: dataclasses.replace(r, measured={n: change(m) for n, m in r.measured.items()})


def arrays(change: Callable[[Measured], dict[str, np.ndarray]]) -> Callable[[Results], Results]:
    return each(lambda m: dataclasses.replace(m, arrays=dict(m.arrays) | change(m)))


def variational(m: Measured) -> Measured:
    other = {"kind": "diffusers", "class_name": "AutoencoderKL"}
    return dataclasses.replace(m, card=m.card.model_copy(update=other))


grown = arrays(lambda m: {"power_1024": 9 * m.arrays["power_1024"]})
strong = arrays(lambda m: {f"power_{s}": 1e6 * m.arrays[f"power_{s}"] for s in (256, 512, 1024)})
varied = arrays(
    lambda m: {
        name: 1.2 * array
        for name, array in m.arrays.items()
        if name.startswith("varied_") and name.endswith("_1024")
    }
)
other_halves = arrays(
    lambda m: {
        "left_right_1024": m.arrays["top_bottom_1024"],
        "top_bottom_1024": m.arrays["left_right_1024"],
    }
)


@arrays
def scattered(m: Measured) -> dict[str, np.ndarray]:
    """Images that disagree: means stay where they are, and intervals hold almost anything."""
    return {"power_1024": np.exp(np.linspace(-3, 3, 12))[:, None, None] * m.arrays["power_1024"]}


@arrays
def white(m: Measured) -> dict[str, np.ndarray]:
    """Noise that grows by the rule, images of several strengths."""
    level = np.exp(np.linspace(-1, 1, 12))[:, None, None]
    noises = {s: np.maximum(m.expected_noise(s), 1e-3) for s in (512, 1024)}
    return {f"power_{s}": (s / 512) ** 2 * level * noise for s, noise in noises.items()}


def solvers(change: Callable[[SamplerStudy], SamplerStudy]) -> Callable[[Results], Results]:
    """Every sampler changed."""
    return lambda r: dataclasses.replace(
        r,
        samplers={
            name: {solver: change(one) for solver, one in by_solver.items()}
            for name, by_solver in r.samplers.items()
        },
    )


def raised(one: SamplerStudy) -> SamplerStudy:
    best = one.best.copy()
    best[one.at(1024, "total", "w2")] *= 5
    return dataclasses.replace(one, best=best)


larger = solvers(lambda one: dataclasses.replace(one, best=5 * one.best))
other_windows: Callable[[Results], Results] = lambda r: dataclasses.replace(  # noqa: E731
    r, leakage=dataclasses.replace(r.leakage, ratio=r.leakage.ratio[:, ::-1])
)


def mispredicted(r: Results) -> Results:
    assert r.rule is not None
    return dataclasses.replace(
        r, rule=dataclasses.replace(r.rule, predicted=1.3 * r.rule.predicted)
    )


def trained_otherwise(r: Results) -> Results:
    """The same loss at all noise levels, least at a shift of two."""
    done, other = r.experiment, dataclasses.replace(r)
    assert done is not None
    cost = 1 + 0.1 * np.log(done.shifts / 2)[:, None, None] ** 2
    other.__dict__["experiment"] = dataclasses.replace(
        done, loss=np.broadcast_to(cost, done.loss.shape)
    )
    return other


same_pictures = arrays(
    lambda m: {
        f"power_{s}": np.broadcast_to(
            m.arrays[f"power_{s}"].mean(axis=0), m.arrays[f"power_{s}"].shape
        )
        for s in m.study.pair
    }
)


def instead(name: str, change: Callable[[Any], Any]) -> Callable[[Results], Results]:
    """Another run of one of the experiments."""

    def changed(r: Results) -> Results:
        other = dataclasses.replace(r)
        other.__dict__[name] = change(getattr(r, name))
        return other

    return changed


def exchanged(*pairs: tuple[str, str]) -> Callable[[Results], Results]:
    """Rows of the table of encoders that have what was measured of another."""

    def change(rows: dict[str, Row]) -> dict[str, Row]:
        other = {new: dataclasses.replace(rows[new], arrays=rows[old].arrays) for new, old in pairs}
        return {**rows, **other}

    return instead("rows", change)


unfainted = instead(
    "contrast",
    lambda done: dataclasses.replace(
        done, swept={n: (low[:, ::-1], high[:, ::-1]) for n, (low, high) in done.swept.items()}
    ),
)
fainter_first = instead("contrast", lambda done: dataclasses.replace(done, pixels=1 / done.pixels))
refolded = instead(
    "grids",
    lambda done: dataclasses.replace(
        done,
        folds={n: dataclasses.replace(one, matched=one.average) for n, one in done.folds.items()},
    ),
)
other_middle = instead(
    "grids",
    lambda done: dataclasses.replace(
        done,
        cuts={
            place: dataclasses.replace(one, curves=one.curves * (2 if place == "middle" else 1))
            for place, one in done.cuts.items()
        },
    ),
)
promised = instead(
    "coverage", lambda done: dataclasses.replace(done, shares={kind: [0.9] for kind in done.shares})
)
kl_everywhere = exchanged(*(("trained-equivariant-" + seed, "trained-kl-" + seed) for seed in "01"))
better = instead(
    "rows",
    lambda rows: {
        **rows,
        "trained-kl-0": dataclasses.replace(
            rows["trained-kl-0"],
            arrays={**rows["trained-kl-0"].arrays, "psnr": 5 + rows["trained-kl-0"].arrays["psnr"]},
        ),
    },
)

scattered_survey = instead(
    "survey",
    lambda done: dataclasses.replace(
        done,
        encoders={n: dataclasses.replace(e, shift=e.shift**3) for n, e in done.encoders.items()},
    ),
)


def judged(first: str, second: str) -> Callable[[Results], Results]:
    """Networks of one kind whose relative errors are those of another."""
    a, b = KINDS.index(first), KINDS.index(second)

    def change(done: Denoisers) -> Denoisers:
        error = done.error.copy()
        error[:, a] = error[:, b] * (done.power[a] / done.power[b])
        return dataclasses.replace(done, error=error)

    return instead("denoiser", change)


def densities(change: Callable[[Densities], Any]) -> Callable[[Results], Results]:
    """Other errors of networks under shifted densities."""
    return instead("density", lambda done: dataclasses.replace(done, error=change(done)))


def swapped(done: Densities) -> Any:
    """Unshifted and shifted changed places."""
    return done.error[:, ::-1]


def farther(done: Densities) -> Any:
    """Under the rule's shift a tenth more error is left."""
    return done.error * np.array([1, 1, 1.1])[:, None, None, None]


FALSE_FOR = {
    "a_shifted_density_moves_errors": densities(swapped),
    "no_octave_gains_from_a_shifted_density": densities(swapped),
    "shifted_densities_are_alike": densities(farther),
    "the_density_has_the_measured_shift": grown,
    "networks_find_the_known_shift": judged("cropped", "high"),
    "networks_ask_for_less_than_the_rule": judged("low", "cropped"),
    "networks_follow_equal_snr_but_in_the_fine_band": judged("low", "cropped"),
    "coarse_grids_mislead": judged("cropped, own grid", "cropped"),
    "a_thousand_pictures_are_enough": scattered_survey,
    "a_survey_says_what_the_paper_says": scattered_survey,
    "pixels_keep_to_the_rule": grown,
    "pictures_differ": same_pictures,
    "pictures_span_rules": same_pictures,
    "less_noise_at_fixed_pixels": grown,
    "taef2_samples_with_less": solvers(raised),
    "sets_agree": grown,
    "the_mean_is_known_to_seven_percent": same_pictures,
    "differences_are_global": white,
    "finer_paths_are_longer_and_no_more_curved": grown,
    "shifts_rise_with_contrast": fainter_first,
    "most_fainter_pictures_shift_less": unfainted,
    "contrast_is_levelled_out": unfainted,
    "latents_are_flatter_than_pictures": all_pixels,
    "folding_moves_the_matched_shift_alone": refolded,
    "places_differ_less_than_pictures": other_middle,
    "intervals_keep_their_promise": promised,
    "training_moves_the_exponent": kl_everywhere,
    "reconstruction_does_not_tell": better,
    "learning_is_not_the_cause": kl_everywhere,
    "nothing_trained_here_is_as_low_as_published": exchanged(("taef2", "trained-plain-0")),
    "equivariance_is_learnt": kl_everywhere,
    "taef2_asks_for_less": grown,
    "taef2_is_alike_in_all_bands": turned,
    "taef2_needs_no_weights": turned,
    "averages_keep_to_the_rule": grown,
    "encoders_differ": all_pixels,
    "lanczos_departs_from_the_rule": varied,
    "weak_channels_shift_less": turned,
    "one_encoder_is_learned": turned,
    "no_encoder_has_a_posterior": each(variational),
    "weak_windows_leak": other_windows,
    "steep_images_leak": turned,
    "other_choices_hardly_matter": varied,
    "pixels_keep_to_the_rule_on_simulated_images": varied,
    "taef2_asks_for_less_of_any_images": all_pixels,
    "taef2_depends_on_the_images": varied,
    "averages_of_taef2_never_reach_the_rule": grown,
    "every_channel_of_taef2_asks_for_less": grown,
    "steep_channels_shift_more": all_pixels,
    "flat_channels_need_no_learning": turned,
    "only_local_means_obey": mispredicted,
    "shifts_are_predicted_somewhat_low": mispredicted,
    "scale_equivariance_is_lost": turned,
    "information_asks_for_less": grown,
    "ratios_are_partly_shared": turned,
    "left_and_right_share_something": other_halves,
    "top_and_bottom_share_nothing": other_halves,
    "little_is_carried_over": turned,
    "new_modes_undo_the_movement": grown,
    "one_density_is_near_a_logit_normal": turned,
    "no_density_is_narrow": white,
    "published_densities_lie_apart": strong,
    "published_means_are_noisier": strong,
    "published_densities_move_otherwise": white,
    "rules_miss_taef2": turned,
    "steps_lower_the_shift_of_steep_spectra": turned,
    "weak_modes_want_steps_next_to_data": larger,
    "pixels_share_one_ratio": turned,
    "shifts_help_steep_spectra": turned,
    "heun_helps_flat_spectra": turned,
    "ratios_exceed_the_rule_at_four_steps_alone": others,
    "weights_decide_the_training_shift": trained_otherwise,
    "no_doubling_is_found": trained_otherwise,
    "equal_loss_asks_for_less_than_two": trained_otherwise,
}


@pytest.mark.parametrize("name", sorted(claims.every()))
def test_a_claim_holds_and_can_fail(name: str, loaded: Results) -> None:
    claim = claims.every()[name]
    assert claim(loaded) is True
    assert claim(FALSE_FOR[name](loaded)) is False


def test_claims_of_intervals_are_not_made_of_wide_ones(loaded: Results) -> None:
    wide = scattered(loaded)
    for name in (
        "taef2_asks_for_less", "encoders_differ", "lanczos_departs_from_the_rule",
        "weak_channels_shift_less", "taef2_depends_on_the_images", "pixels_keep_to_the_rule",
        "averages_of_taef2_never_reach_the_rule", "every_channel_of_taef2_asks_for_less",
        "rules_miss_taef2", "the_mean_is_known_to_seven_percent",
    ):  # fmt: skip
        assert claims.every()[name](wide) is False, name


def test_a_page_stops_where_a_claim_is_false_and_says_which(loaded: Results) -> None:
    claims.check(loaded, "encoders_differ", "taef2_asks_for_less")
    with pytest.raises(InputError) as stopped:
        claims.check(grown(loaded), "encoders_differ", "taef2_asks_for_less")
    said = str(stopped.value)
    assert "study bundled contradict what this page says: taef2_asks_for_less (The shift" in said
    assert "encoders_differ" not in said
    with pytest.raises(InputError, match=r"no claim 'encoder_differs'.*'encoders_differ'"):
        claims.check(loaded, "encoder_differs")


def test_every_claim_is_made_on_a_page_and_every_claim_made_is_one() -> None:
    pages = [path.read_text(encoding="utf-8") for path in (root() / "report").glob("*.qmd")]
    made = [re.findall(r"claims\.check\((.*?)\n?\)", page, re.S) for page in pages]
    named = {name for calls in made for call in calls for name in re.findall(r'"(\w+)"', call)}
    assert named == set(claims.every())
