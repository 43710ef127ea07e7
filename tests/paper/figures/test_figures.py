"""Every figure draws what it was given, with units on its axes and nothing empty."""

import dataclasses
import importlib
import pkgutil
import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

import analysis.paper.figures
from analysis.paper.figures import (
    carried_ratio,
    channel_shifts,
    encoders,
    equivariance,
    experiment,
    measured_shift,
    raps,
    rules,
    snr_match,
    sound_levels,
    style,
    time_density,
    window_leakage,
)
from analysis.paper.series import Data
from analysis.project.files import root
from analysis.provenance import explain
from analysis.study import densities, results
from analysis.study.chain import Chain
from analysis.study.settings import load_study
from analysis.study.store import Store
from analysis.timesteps import schedule
from tests.standins.measured import pretend
from tests.study.test_measurement import known

NAMES = sorted(
    m.name for m in pkgutil.iter_modules(analysis.paper.figures.__path__) if m.name != "style"
)
PICTURES = {"photographs", "noisy_latents", "shifted_latents", "fourier", "noise_afar"}


@pytest.fixture(scope="module")
def loaded() -> results.Results:
    """The bundled study, from the cache or the committed results."""
    return results.load("bundled")


def all_axes(figure: Figure) -> list:
    """Axes of a figure and its parts."""
    return [*figure.axes, *(ax for part in figure.subfigs for ax in part.axes)]


def lines(ax) -> list[tuple[np.ndarray, np.ndarray]]:
    """Data of the curves in an axes."""
    return [(np.asarray(line.get_xdata()), np.asarray(line.get_ydata())) for line in ax.lines]


def drawn(ax, y: np.ndarray) -> bool:
    """Whether one of the curves has these ordinates."""
    return any(len(b) == len(y) and np.allclose(b, y, rtol=1e-12) for _, b in lines(ax))


@pytest.mark.parametrize("name", NAMES)
def test_figure_is_whole(name: str, loaded: results.Results) -> None:
    before = dict(mpl.rcParams)
    module = importlib.import_module(f"analysis.paper.figures.{name}")
    figure = module.draw(module.data(loaded) if hasattr(module, "data") else loaded)
    assert dict(mpl.rcParams) == before, "a figure must leave matplotlib's settings alone"
    figure.canvas.draw()
    for ax in all_axes(figure):
        if name in PICTURES:
            continue
        assert ax.lines or ax.images or ax.containers, "an axes is empty"
        shared = len(ax.get_shared_x_axes().get_siblings(ax)) > 1  # labelled at the bottom only
        assert shared or ax.get_xlabel() or ax.get_xticklabels()
        for x, y in lines(ax):
            assert len(x) == len(y) > 0
            assert np.all(np.isfinite(np.asarray(y, float)))
    if name in PICTURES:
        assert sum(len(ax.images) for ax in all_axes(figure)) >= 4


def test_raps_draws_the_measurement(loaded: results.Results) -> None:
    left, right = raps.draw(raps.data(loaded)).axes
    measured = loaded.measured[loaded.study.display_encoder]
    index = loaded.photographs.index(loaded.display.photograph)
    high, low = loaded.study.high, loaded.study.low
    for values in (measured.power(high), measured.noise(high), measured.noisy(high)):
        assert drawn(left, values[index, 1:])
    for values in (measured.power(high), measured.power(low)):
        assert drawn(right, values[index, 1:])
    assert "cycles/image" in left.get_xlabel()
    assert "units²" in left.get_ylabel()


def test_snr_panels_differ_by_the_shift_alone(loaded: results.Results) -> None:
    left, right = snr_match.draw(snr_match.data(loaded)).axes
    factor = schedule.snr(loaded.t_shifted) / schedule.snr(loaded.study.t)
    (_, before), (_, low_before), *_ = lines(left)
    (_, after), (_, low_after), *_ = lines(right)
    np.testing.assert_allclose(after, before * factor, rtol=1e-12)
    np.testing.assert_array_equal(low_before, low_after)


def test_main_figure_shows_every_encoder_and_the_rule(loaded: results.Results) -> None:
    left, right = measured_shift.draw(loaded).axes
    for measured in loaded.measured.values():
        assert drawn(left, measured.shift.mean)
        assert drawn(right, np.array([measured.shift.whole.value]))
    theory = loaded.theory
    assert drawn(left, np.array([theory, theory]))
    low, high = left.get_ylim()
    for measured in loaded.measured.values():
        assert low < measured.shift.mean.min(), "a curve leaves the frame"
        assert measured.shift.mean.max() < high, "a curve leaves the frame"


def test_the_readme_shows_the_current_figure(tmp_path: Path) -> None:
    lock = (root() / "requirements" / "site.txt").read_text()
    if f"matplotlib=={mpl.__version__}" not in lock:
        pytest.skip("another matplotlib than the locked one draws other bytes")
    # From the committed arrays: a fresh computation differs in the last bits, and so do paths.
    chain = Chain(load_study("bundled"), Store(tmp_path / "empty"))
    drawn = explain.draw("fig-measured-shift", lambda: results.assemble(chain.plan), tmp_path)
    committed = root() / "data" / "results" / "bundled" / "measured-shift.svg"
    assert committed.name in (root() / "README.md").read_text()
    same = picture(drawn[0]) == picture(committed)
    assert same, "redraw it with 'rebuild fig-measured-shift --to data/results/bundled'"


def picture(path: Path) -> str:
    """An SVG without its record, which names the commit and the versions that drew it."""
    return re.sub(r"<metadata>.*?</metadata>", "", path.read_text(encoding="utf-8"), flags=re.S)


def test_every_channel_is_drawn_with_its_exponent_and_shift(loaded: results.Results) -> None:
    figure = channel_shifts.draw(loaded)
    axes = {ax.get_title(): ax for ax in all_axes(figure)}
    for name, measured in loaded.measured.items():
        slopes = axes[name]
        gammas = [law.gamma for law in measured.channel_laws]
        order = np.argsort(gammas)
        heights = [bar.get_height() for bar in slopes.patches]
        np.testing.assert_allclose(heights, np.array(gammas)[order])
        below = next(
            ax for ax in all_axes(figure)
            if ax is not slopes and ax in slopes.get_shared_x_axes().get_siblings(slopes)
        )  # fmt: skip
        for band in ("low", "middle", "high"):
            values = [one.bands[band].value for one in measured.shift_by_channel]
            assert drawn(below, np.array(values)[order])
        labels = [int(text.get_text()) for text in below.get_xticklabels()]
        assert labels == (order + 1).tolist()


def test_the_weighted_densities_of_every_image_are_drawn(loaded: results.Results) -> None:
    for ax, measured in zip(
        carried_ratio.draw(carried_ratio.data(loaded)).axes, loaded.measured.values(), strict=True
    ):
        found = densities.weighted_of(measured)
        for each in (*found.linear, *found.carried):
            assert drawn(ax, each / found.unweighted)


def test_every_encoder_s_images_are_drawn_under_every_window(loaded: results.Results) -> None:
    axes = {ax.get_title(): ax for ax in all_axes(window_leakage.draw(window_leakage.data(loaded)))}
    side = loaded.study.high
    for name, m in loaded.measured.items():
        for index in range(len(loaded.study.windows)):
            read = m.arrays[f"windows_{side}"][:, index, 1:] / m.power(side)[:, 1:]
            assert drawn(axes[f"images, {name}"], np.exp(np.log(read).mean(axis=0)))
    assert len(axes) == len(loaded.leakage.gammas) + len(loaded.measured)


def test_contributed_encoders_stand_beside_the_rules(loaded: results.Results) -> None:
    theirs = loaded.measured["taef2"]
    found = dataclasses.replace(
        loaded, measured={"pixel": loaded.measured["pixel"]}, contributed={"theirs": theirs}
    )
    ax = rules.draw(found).axes[0]
    drawn_at = {float(x[0]) for x, _ in lines(ax) if len(x) == 1}
    assert theirs.information is not None
    assert {theirs.shift.whole.value, theirs.information.matched.value} <= drawn_at
    assert "theirs, measured" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_rules_stand_beside_both_measured_numbers(loaded: results.Results) -> None:
    ax = rules.draw(loaded).axes[0]
    drawn_at = {float(x[0]) for x, _ in lines(ax) if len(x) == 1}
    for measured in loaded.measured.values():
        assert measured.shift.whole.value in drawn_at
        assert measured.information is not None
        assert measured.information.matched.value in drawn_at


def test_labels_of_the_rules_curves_do_not_overlap(loaded: results.Results) -> None:
    canvas = FigureCanvasAgg(rules.draw(loaded))
    canvas.draw()
    texts, renderer = canvas.figure.axes[1].texts, canvas.get_renderer()
    for text in texts:
        text.update_positions(renderer)
    # Of the text alone: an annotation's own extent holds its leader, too.
    boxes = [Text.get_window_extent(text, renderer) for text in texts]
    assert len(boxes) == len(rules.CURVES)
    for i, one in enumerate(boxes):
        assert not any(one.overlaps(another) for another in boxes[:i])


def test_densities_integrate_to_one(loaded: results.Results) -> None:
    (ax,) = time_density.draw(time_density.data(loaded)).axes
    for t, density in lines(ax):
        # Trapezoids of width 1/800 on a smooth density that vanishes at both ends.
        assert np.trapezoid(density, t) == pytest.approx(1, abs=1e-5)


def test_sound_spectra_have_the_levels(loaded: results.Results) -> None:
    for sound in loaded.sounds:
        f, level = sound_levels.density(sound)
        power = np.trapezoid(10 ** (level / 10), f)
        # Welch's estimate of the total power; windows leave out little of a flat band.
        assert 10 * np.log10(power) == pytest.approx(sound.level, abs=0.2)


def test_style_is_left_even_when_drawing_fails() -> None:
    @style.styled
    def broken(data: Data) -> Figure:
        mpl.rcParams["font.size"] = 99
        raise RuntimeError

    before = mpl.rcParams["font.size"]
    with pytest.raises(RuntimeError):
        broken(Data())
    assert mpl.rcParams["font.size"] == before


def test_any_number_of_encoders_has_colours_and_marks() -> None:
    names = [f"encoder-{n}" for n in range(12)]
    looks = {(style.encoder_colour(names, n), style.marker(names, n)) for n in names}
    assert len(looks) == len(style.MARKERS)


def test_a_figure_says_in_words_what_its_numbers_are(loaded: results.Results) -> None:
    for name in NAMES:
        module = importlib.import_module(f"analysis.paper.figures.{name}")
        if not hasattr(module, "alt"):
            continue
        text = module.alt(loaded)
        assert re.search(r"\d", text), name
    assert "1.53 [1.42,\u00a01.64] for taef2" in measured_shift.alt(loaded)


def test_shifts_between_other_sides_are_drawn_per_doubling() -> None:
    # 256 to 512 px by 2, 512 to 768 by the rule's 1.5: twice the side asks for 2 either way.
    study = pretend(x=known(sides=(256, 512, 768)))
    right = encoders.draw(study).axes[1]
    heights = [line.get_ydata()[0] for line in right.lines if len(line.get_xdata()) == 1]
    assert heights[:2] == pytest.approx([2.0, 2.0], rel=1e-6)
    assert [text.get_text() for text in right.get_xticklabels()][:2] == ["256 → 512", "512 → 768"]
    assert drawn(right, np.array([2, 2]))
    assert "512 → 768 2.000" in encoders.alt(study)


def test_bands_that_were_moved_are_drawn_where_they_end() -> None:
    # Of 16 x 16 latents the low band ends at ring 3 of 8, not at 2, the middle one at 4.
    small = pretend(x=known(sides=(128, 256)))
    for ax in (measured_shift.draw(small).axes[0], *equivariance.draw(small).axes):
        upright = [x[0] for x, y in lines(ax) if list(y) == [0, 1] and x[0] == x[1]]
        assert upright == [3 / 8, 4 / 8]


def test_the_experiments_legends_show_their_lines(loaded: results.Results) -> None:
    legends = [ax.get_legend() for ax in all_axes(experiment.draw(loaded))]
    for legend in filter(None, legends):
        entries = legend.get_lines()
        # Two that look alike would name one curve for another.
        looks = [
            (to_hex(one.get_color()), one.get_linestyle(), one.get_marker()) for one in entries
        ]
        assert len(set(looks)) == len(looks)
        length = legend.handlelength * legend.prop.get_size_in_points()
        for one in entries:
            pattern = {"--": "dashed", "-.": "dashdot", ":": "dotted"}.get(one.get_linestyle())
            if pattern:
                dashes = mpl.rcParams[f"lines.{pattern}_pattern"]
                assert length > sum(dashes) * one.get_linewidth(), "shorter than its pattern"
