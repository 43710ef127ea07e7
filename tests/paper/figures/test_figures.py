"""Every figure's data are the results, its drawing is its data, and its words are its numbers."""

import ast
import copy
import dataclasses
import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy import stats

import analysis.paper.figures
from analysis.paper.figures import (
    channel_rule,
    channel_shifts,
    contrast,
    crossings,
    denoiser,
    density,
    experiment,
    gaussian_sampler,
    information_shift,
    ratio_reliability,
    style,
)
from analysis.paper.series import Data, Picture, Series
from analysis.project.files import root
from analysis.provenance import drawings, explain
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


@pytest.fixture(scope="module")
def made(loaded: results.Results) -> dict[str, tuple[ModuleType, Data, Figure]]:
    """Name -> module, data and drawing of every figure."""
    found = {}
    for name in NAMES:
        module = importlib.import_module(f"analysis.paper.figures.{name}")
        data = module.data(loaded)
        before = dict(mpl.rcParams)
        found[name] = (module, data, module.draw(copy.deepcopy(data)))
        assert dict(mpl.rcParams) == before, "a figure must leave matplotlib's settings alone"
    return found


def lines(ax: Axes) -> list[tuple[np.ndarray, np.ndarray]]:
    """Data of the curves in an axes."""
    return [(np.asarray(line.get_xdata()), np.asarray(line.get_ydata())) for line in ax.lines]


def drawn(figure: Figure) -> np.ndarray:
    """Every coordinate of every curve, bar, band and stroke of a figure, ascending."""
    values: list[Any] = []
    for ax in figure.axes:
        values += [part for line in lines(ax) for part in line]
        values += [path.vertices for c in ax.collections for path in c.get_paths()]
        values += [p.get_bbox().get_points() for p in ax.patches if isinstance(p, Rectangle)]
    return np.unique(np.concatenate([np.ravel(np.asarray(one, float)) for one in [[0], *values]]))


def held(values: np.ndarray, among: np.ndarray) -> bool:
    """Whether each of the values is one of the others, but for rounding."""
    place = np.searchsorted(among, values).clip(1, len(among) - 1)
    near = np.minimum(abs(among[place] - values), abs(among[place - 1] - values))
    return bool(np.all(near <= 1e-9 * np.maximum(abs(values), 1)))


def numbers(content: Any) -> list[float]:
    """Every number of a figure's data, as it is or in a text."""
    if isinstance(content, str):
        found = re.findall(r"(?<![\w.])[-−]?\d+(?:\.\d+)?", content)
        return [float(text.replace("−", "-")) for text in found]
    if isinstance(content, int | float):
        return [float(content)]
    if isinstance(content, Picture):
        return numbers([content.panel, content.name])
    if isinstance(content, Data | Series):
        return numbers([getattr(content, f.name) for f in dataclasses.fields(content)])
    if isinstance(content, dict):
        return numbers([*content, *content.values()])
    if isinstance(content, np.ndarray):
        return content[np.isfinite(content)].ravel().tolist()
    if isinstance(content, list | tuple):
        return [number for part in content for number in numbers(part)]
    return []


@pytest.mark.parametrize("name", NAMES)
def test_data_are_finite_or_say_why_not_and_their_panels_have_axes(name: str, made: Any) -> None:
    _, data, _ = made[name]
    assert data.curves or data.pictures
    assert set(data.axes) == {curve.panel for curve in data.curves}
    names = [(curve.panel, curve.name) for curve in data.curves]
    assert len(set(names)) == len(names) or name in ("rules", "deviation", "fit_ratio")
    for curve in data.curves:
        assert len(curve.x) == len(curve.y) > 0
        assert not curve.categories or len(curve.categories) == len(curve.x)
        assert np.all(np.isfinite(curve.x))
        assert np.all(np.isfinite(curve.y)) or "where nothing stands" in data.notes, curve.name
        low, high = curve.ends
        inside = (low <= curve.y * (1 + 1e-9)) & (curve.y <= high * (1 + 1e-9))
        assert np.all(inside | np.isnan(low) | np.isnan(high)), curve.name
    for picture in data.pictures:
        assert np.all(np.isfinite(picture.pixels))


@pytest.mark.parametrize("name", NAMES)
def test_all_data_are_drawn_from_the_data_alone(name: str, made: Any) -> None:
    module, data, figure = made[name]
    assert [*inspect.signature(module.draw).parameters] == ["data"]
    coordinates = drawn(figure)
    for curve in data.curves:
        values = np.concatenate([curve.y, *curve.ends])
        assert held(values[np.isfinite(values)], coordinates), curve.name
    shown = [image.get_array() for ax in figure.axes for image in ax.images]
    assert len(shown) == len(data.pictures)
    for picture in data.pictures:
        assert any(np.array_equal(picture.pixels, one) for one in shown), picture.name


@pytest.mark.parametrize("name", NAMES)
def test_panels_and_legends_say_what_the_data_are_called(name: str, made: Any) -> None:
    _, data, figure = made[name]
    figure.canvas.draw()
    known = " ".join(map(repr, [data.notes, data.axes, *data.panels]))
    known += " ".join(f"{c.name} {' '.join(c.categories)}" for c in data.curves)
    labels = {label for pair in data.axes.values() for label in pair}
    for ax in figure.axes:
        bar = ax.get_label() == "<colorbar>"
        assert ax.lines or ax.images or ax.containers or bar or not ax.axison, "an axes is empty"
        for label in (ax.get_xlabel(), ax.get_ylabel()):
            assert label in labels | {"", "value", *data.panels}, label
        if name not in PICTURES and ax.get_xlabel() == "":  # then its ticks or another's say it
            shared = len(ax.get_shared_x_axes().get_siblings(ax)) > 1
            assert (
                shared
                or any(t.get_text() for t in ax.get_xticklabels())
                or not ax.xaxis.get_ticklocs().size
            )
    legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes)]
    for legend in filter(None, legends):
        for text in legend.get_texts():
            entry = text.get_text().lstrip("\u200b").replace("$", "")
            assert re.split(r" \(|[,:]", entry)[0] in known, entry


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_the_alternative_text_is_in_the_data(
    name: str, made: Any, loaded: results.Results
) -> None:
    module, data, _ = made[name]
    text = module.alt(loaded)
    assert re.search(r"\d", text)
    values = np.sort(numbers(data))
    study = loaded.study
    counts = {len(data.of(panel)) for panel in data.panels} | {
        len(data.pictures), len(data.pictures) // 2, len(data.pictures) // 3,
        len(loaded.photographs), *study.pair, *(len(c.x) for c in data.curves),
    }  # fmt: skip
    sums = [sum(len(c.x) for c in data.of(p) if kind in c.name)
            for p in data.panels for kind in ("alone", "exponents")]  # fmt: skip
    for found in re.finditer(r"(?<![\w.^])[-−]?\d+(?:\.\d+)?(e[+-]\d+)?", text):
        value = float(found[0].replace("−", "-"))
        decimals = len(found[0].partition(".")[2].partition("e")[0])
        percent = text[found.end() :].startswith("\u00a0%")
        near = (values - 1) * 100 if percent else values
        close = np.any(np.abs(near - value) <= 0.5001 * 10.0**-decimals)
        if not close and not decimals:
            close = value in counts or value in sums
        assert close, f"{found[0]} in: {text}"
    for encoder in loaded.measured:
        named = encoder in " ".join(data.panels) or encoder in str(data.notes)
        assert not named or encoder in text or name in ("window_leakage", "answer", "contrast")


@pytest.mark.parametrize("name", NAMES)
def test_figures_fit_a_phone_and_the_dark(name: str, made: Any) -> None:
    module, data, wide = made[name]
    with style.layout("narrow"):
        narrow = module.draw(copy.deepcopy(data))
    svgs = [drawings._svg(lambda figure=one: figure) for one in (wide, narrow)]
    assert drawings.size(svgs[1])[0] <= 345
    for svg in svgs:
        # Every colour has its counterpart, or this fails; and none is black, which is not written.
        assert style.in_the_dark(svg) != svg
        assert style.GROUND.encode() not in style.in_the_dark(svg)
    for figure in (wide, narrow):
        renderer = FigureCanvasAgg(figure).get_renderer()
        # The axes' own boxes leave the labels of axes out where these are longer.
        labels = [one.label for ax in figure.axes for one in (ax.xaxis, ax.yaxis) if ax.axison]
        for one in (*figure.axes, *figure.legends, *labels):
            box = one.get_tightbbox(renderer)
            if box is not None:  # a point of rounding apart, nothing is cut at the sides
                assert figure.bbox.x0 - 2 <= box.x0 and box.x1 <= figure.bbox.x1 + 2, one


@pytest.mark.parametrize("name", NAMES)
def test_no_result_is_typed_in_an_alternative_text(name: str, made: Any) -> None:
    """Decimals and percentages come from numbers; a format such as ``.2f`` is no text."""
    tree = ast.parse(inspect.getsource(made[name][0].alt))
    formats = {
        id(one)
        for node in ast.walk(tree)
        if isinstance(node, ast.FormattedValue) and node.format_spec
        for one in ast.walk(node.format_spec)
    }
    texts = [
        one.value
        for one in ast.walk(tree)
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in formats
    ]
    assert not re.findall(r"\d+\.\d+|\d+\s?%", " ".join(texts))


# What single figures draw ---------------------------------------------------------------------


def same(curve: Series, y: np.ndarray) -> None:
    np.testing.assert_allclose(curve.y, y, rtol=1e-9, err_msg=f"{curve.panel}, {curve.name}")


def test_curves_of_the_pictured_photograph(loaded: results.Results, made: Any) -> None:
    shown, (low, high) = loaded.measured[loaded.study.display_encoder], loaded.study.pair
    photograph = loaded.display.photograph
    index, title = loaded.photographs.index(photograph), photograph.title
    power, noise = shown.power(high)[:, 1:], shown.noise(high)[index, 1:]
    own, snr = power[index], power[index] / noise
    x = np.log10(shown.k(high)[1:])
    fit = 10 ** np.polyval(np.polyfit(x, np.log10(own), 3), x)
    for figure, panel, name, y in (
        ("raps", "", f"latents, {high} px", own),
        ("raps", "", f"noise, {high} px", noise),
        ("raps", "", f"blend, {high} px", shown.noisy(high)[index, 1:]),
        ("raps", "", f"latents, {low} px", shown.power(low)[index, 1:]),
        ("deviation", "difference from the mean", title, own - power.mean(axis=0)),
        ("deviation", "ratio to the mean", title, own / power.mean(axis=0)),
        ("snr_match", "Same t", f"{high} px, t = 0.5", snr),
        ("snr_match", "t shifted at the high resolution", f"{high} px, t = 0.333", snr / 4),
        ("fit_ratio", "spectrum and fits", "degree 3", fit),
        ("fit_ratio", "ratio to the fit of degree 3", title, own / fit),
    ):
        same(made[figure][1].curve(panel, name), y)
    for figure, panel, name, mu in (
        ("fit_ratio", "density of t", "p(t)", 0.0),
        ("time_density", "", f"{low} px: μ = 0.000", 0.0),
        ("time_density", "", f"{high} px: μ = −0.693", -np.log(2)),
    ):
        curve = made[figure][1].curve(panel, name)
        same(curve, schedule.logit_normal_pdf(curve.x, mu, 1.0))
        # Trapezoids on a smooth density that vanishes at both ends.
        assert np.trapezoid(curve.y, curve.x) == pytest.approx(1, abs=1e-3)


def test_curves_of_every_encoder(loaded: results.Results, made: Any) -> None:
    low, high = loaded.study.pair

    def of(figure: str, panel: str, name: str) -> Series:
        return made[figure][1].curve(panel, name)

    for place, (name, m) in enumerate(loaded.measured.items()):
        same(of("measured_shift", "by frequency", name), m.shift.mean)
        same(of("measured_shift", "low and middle bands", name), m.shift.whole.value)
        same(of("equivariance", "gain", name), m.equivariance.gain.mean)
        same(of("equivariance", "coherence", name), m.equivariance.coherence.mean)
        power = m.power(high)[:, 1:]
        same(of("power_laws", name, "geometric mean"), stats.gmean(power))
        for index, window in enumerate(loaded.study.windows):
            under = m.arrays[f"windows_{high}"][:, index, 1:]
            curve = of("window_leakage", f"images, {name}", window.text)
            same(curve, stats.gmean(under / power))
        sampler = loaded.samplers[name]["euler"]
        for region, panel in (("total", "whole spectrum"), (f"whole {low}", "shared frequencies")):
            for metric, label in gaussian_sampler.METRICS.items():
                curve = of("gaussian_sampler", f"ratio, {panel}", f"{name}: {label}")
                same(curve, sampler.ratio(low, high, region, metric)[:-1])
        assert m.information is not None
        panel, s = f"rates, {name}", m.information.matched.value
        for side, label, theta in ((1, f"{high} px", 0), (0, f"{low} px", 0),
                                   (0, f"{low} px, shifted", np.log(s))):  # fmt: skip
            curve = of("information_shift", panel, label)
            same(curve, 100 * m.information.rates(curve.x + theta)[side])
        for way, panel in ratio_reliability.HALVES.items():
            curve = of("ratio_reliability", panel, "halves of two images")
            assert curve.categories[place] == name
            assert curve.y[place] == densities.reliability_of(m, way).between[0]
        for by, title in crossings.TITLES.items():
            fit = densities.nearest_of(m, high, by)
            text = f"{high} px: {fit.mu:.2f}, {fit.std:.2f}".replace("-", "−")
            curve = of("crossings", f"{name}, {title}", text)
            same(curve, densities.crossings_of(m, high, by).density(curve.x))
            means = [densities.nearest_of(m, side, by).mu for side in (256, low, high)]
            told = " / ".join(f"{mu:.2f}".replace("-", "−") for mu in means)
            assert f"{name}, {by}, {told}" in crossings.alt(loaded)


def test_the_experiment_s_curves_are_means_over_seeds(loaded: results.Results, made: Any) -> None:
    done, data = loaded.experiment, made["experiment"][1]
    assert done is not None
    side, unshifted = done.sides[-1], list(done.shifts).index(1)
    same(
        data.curve(f"{side} px", "s = 2"), 1 + done.relative()[-1][done.shifts == 2][0].mean(axis=0)
    )
    for measure in ("nats", "z"):
        values = done.integral(measure)[-1]
        name = f"{side} px, {experiment.MEASURES[measure]}"
        same(data.curve("integrals of the loss", name), (values / values[unshifted]).mean(axis=1))
    error = done.spectral_error(done.few)[-1, unshifted]
    same(data.curve("errors of few steps", f"{side} px"), error.mean(axis=0))


def test_fainter_pictures_move_to_the_left_of_their_own_mark(
    loaded: results.Results, made: Any
) -> None:
    done, data = loaded.contrast, made["contrast"][1]
    assert done is not None
    own = data.curve(contrast.PICTURES, "set bundled")
    assert len(own.x) == len(loaded.photographs)
    # Spectra are stored in single precision.
    np.testing.assert_allclose(own.y, loaded.measured["taef2"].shift.each, rtol=1e-6)
    for number in range(done.settings.swept):
        swept = data.curve(contrast.PICTURES, f"picture {number + 1}, made fainter")
        assert swept.x[0] == pytest.approx(own.x[number])
        assert swept.y[0] == pytest.approx(own.y[number], rel=1e-3)
        np.testing.assert_allclose(swept.x / swept.x[0], done.factors**2, rtol=1e-9)
    means = data.curve(contrast.MEANS, "taef2")
    assert means.y[0] == pytest.approx(
        np.exp(np.log(own.y[: done.settings.swept]).mean()), rel=1e-3
    )


def test_pictures_are_the_fields_they_are_called(loaded: results.Results, made: Any) -> None:
    display, (low, high) = loaded.display, loaded.study.pair
    shift = loaded.measured[loaded.study.display_encoder].shift.whole.value
    by_power = np.argsort([-np.mean(field.astype(float) ** 2) for field in display.z[low]])
    for name, case, shown, field in (
        ("noisy_latents", 0, 8, display.noisy(high, 0.5)),
        ("noisy_latents", 1, 8, display.noisy(low, 0.5)),
        ("shifted_latents", 0, 2, display.noisy(high, 0.5)),
        ("shifted_latents", 1, 2, display.noisy(high, 1 / 3)),  # the rule: odds of t halved
        ("shifted_latents", 2, 2, display.noisy(high, 1 / (1 + shift))),
        ("shifted_latents", 3, 2, display.noisy(low, 0.5)),
    ):
        pictures = made[name][1].pictures[case * shown : (case + 1) * shown]
        for channel, picture in zip(sorted(by_power[:shown]), pictures, strict=True):
            assert picture.name.removeprefix("channel ") == str(channel + 1)
            np.testing.assert_allclose(picture.pixels, field[channel], rtol=1e-6, atol=1e-6)
    # Of white noise, the mean over m samples has the variance 1 / m.
    expected = (1, 1, 32 / 256, 32 / 64)
    for picture, std in zip(made["noise_afar"][1].pictures, expected, strict=True):
        assert picture.pixels.std() == pytest.approx(std, rel=0.1)


@pytest.mark.slow
def test_the_readme_shows_the_current_figure(tmp_path: Path) -> None:
    lock = (root() / "requirements" / "site.txt").read_text()
    if f"matplotlib=={mpl.__version__}" not in lock:
        pytest.skip("another matplotlib than the locked one draws other bytes")
    # From the committed arrays: a fresh computation differs in the last bits, and so do paths.
    chain = Chain(load_study("bundled"), Store(tmp_path / "empty"))
    drawn = explain.draw("fig-measured-shift", results.assemble(chain.plan), tmp_path)
    committed = root() / "data" / "results" / "bundled" / "measured-shift.svg"
    assert committed.name in (root() / "README.md").read_text()
    same = picture(drawn[0]) == picture(committed)
    assert same, "redraw it with 'rebuild fig-measured-shift --to data/results/bundled'"


def test_the_denoisers_curves_lie_on_each_other_once_shifted(
    loaded: results.Results, made: Any
) -> None:
    done, data = loaded.denoiser, made["denoiser"][1]
    assert done is not None
    for index, panel in enumerate(data.panels[:3]):
        whole, moved = (data.curve(panel, name) for name in ("high", "high, shifted"))
        cropped = data.curve(panel, "cropped")
        expected = done.relative[:, 0, :, :, index].mean(axis=(0, 2))
        np.testing.assert_allclose(whole.y, expected)
        inside = (moved.y > 0.1) & (moved.y < 0.78)
        on_it = np.interp(moved.x[inside], cropped.x, np.log(cropped.y))
        # Where they are compared: 3 % of their power; unshifted they are apart by a third.
        assert np.abs(on_it - np.log(moved.y[inside])).max() < 0.05
        assert np.abs(np.log(whole.y / cropped.y)).max() > 0.3
    shifts = data.curve("high on low", "networks").y
    assert shifts.tolist() == [one.networks.value for one in done.found("high on low")]


def test_the_densities_curves_are_ratios_of_errors_at_equal_noise(
    loaded: results.Results, made: Any
) -> None:
    done, data = loaded.density, made["density"][1]
    assert done is not None and len(data.panels) == len(done.settings.bands)
    theta = done.settings.data.theta_grid
    for (low, high), panel in zip(done.settings.bands, data.panels, strict=True):
        error = done.error[..., low:high].sum(axis=-1)
        for index, shift in enumerate(done.settings.shifts[1:], 1):
            curve = data.curve(panel, f"s = {shift:g}")
            ratio = np.exp(np.log(error[:, index] / error[:, 0]).mean(axis=(0, 2)))
            np.testing.assert_allclose(np.interp(curve.x, theta, ratio), curve.y, rtol=1e-5)
            assert np.all((curve.lower < curve.y) & (curve.y < curve.upper))
        found = data.notes["the band is found"][panel]
        relative = (error[:, 0] / done.power[:, low:high].sum(axis=-1)).mean(axis=(0, 2))
        ends = np.interp(found, theta, relative)
        assert 0.1 < ends[1] < 0.2 and 0.6 < ends[0] < 0.79  # levels are half a doubling apart


def picture(path: Path) -> str:
    """An SVG without its record, which names the commit and the versions that drew it."""
    return re.sub(r"<metadata>.*?</metadata>", "", path.read_text(encoding="utf-8"), flags=re.S)


def test_a_study_with_nothing_to_draw_is_told_so(loaded: results.Results) -> None:
    few = pretend(x=known(images=2))
    few.experiment = few.contrast = few.denoiser = few.density = None
    one = {"gray": dataclasses.replace(loaded.measured["pixel"])}
    vars(one["gray"])["channel_laws"] = loaded.measured["pixel"].channel_laws[:1]
    for module, study in (
        (channel_rule, few),
        (channel_shifts, dataclasses.replace(loaded, measured=one)),
        (contrast, few),
        (denoiser, few),
        (density, few),
        (experiment, few),
        (information_shift, few),
        (ratio_reliability, few),
    ):
        data = module.data(study)
        assert not data.curves
        assert data.notes["nothing"] == module.alt(study)
        (text,) = module.draw(data).axes[0].texts
        assert text.get_text() == module.alt(study)
