"""Values for the pages: each has a text, a meaning and a source, and follows the results."""

import dataclasses
import json
import subprocess
from pkgutil import resolve_name

import pytest

from analysis.paper import values
from analysis.project.files import root
from analysis.provenance.inputs import EXPERIMENTS
from analysis.site.builtin import pandoc
from analysis.study import results
from tests.conftest import unescaped


@pytest.fixture(scope="module")
def loaded() -> results.Results:
    return results.load("bundled")


def test_unknown_value_suggests_the_nearest(loaded: results.Results) -> None:
    v = values.of(loaded)
    with pytest.raises(AttributeError, match="did you mean 'shift_taef2'"):
        _ = v.shift_taef3


def test_every_value_is_text_with_meaning_and_source(loaded: results.Results) -> None:
    v = values.of(loaded)
    for name in v.names():
        value = v.value(name)
        assert value.text == getattr(v, name)
        assert value.text, name
        assert value.meaning, name
        assert value.source, name
        if value.source.endswith(".toml"):
            assert (root() / value.source).is_file(), value.source
        else:
            assert resolve_name(f"analysis.{value.source}"), value.source


def test_values_equal_the_committed_numbers(loaded: results.Results) -> None:
    v = values.of(loaded)
    for name in loaded.measured:
        path = root() / "data" / "results" / "bundled" / f"{name}.json"
        numbers = json.loads(path.read_text())["numbers"]
        key = values.identifier(name)
        low, high = numbers["interval"]
        decimals = 3 if high - low < 0.02 else 2
        assert getattr(v, f"shift_{key}") == f"{numbers['measured']:.{decimals}f}"
        assert getattr(v, f"interval_{key}") == f"[{low:.{decimals}f},\u00a0{high:.{decimals}f}]"
        assert getattr(v, f"exponent_{key}") == f"{numbers['exponent']:.2f}"


def test_numbers_are_worded_with_unit_and_precision(loaded: results.Results) -> None:
    v, done = values.of(loaded), loaded.experiment
    assert v.high == "1024\u00a0px"
    assert (v.theory, v.theory_power) == ("2.00", "4.0")
    gain = loaded.measured["taef2"].equivariance.gain.bands["whole"]
    assert v.gain_taef2 == f"{gain.value:.2f} [{gain.low:.2f},\u00a0{gain.high:.2f}]"
    assert v.value("gain_taef2").number == gain.value
    channels = [one.whole.value for one in loaded.measured["taef2"].shift_by_channel]
    assert v.channels_range_taef2 == f"{min(channels):.2f} to {max(channels):.2f}"
    assert v.value("channels_range_taef2").number is None
    assert done is not None
    equal = done.matched()[0, 1]
    assert v.matched_loss_noisy == f"{equal.mean():.2f} ± {equal.std(ddof=1):.2f}"
    first, *_, limit = loaded.samplers["pixel"]["euler"].ratio(512, 1024, "total", "w2")
    assert (v.ratio_few_pixel, v.ratio_limit_pixel) == (f"{first:.2f}", f"{limit:.2f}")


def test_what_a_study_does_not_have_has_no_value(loaded: results.Results) -> None:
    few = dataclasses.replace(
        loaded, rule=None, measured={"taef2": loaded.measured["taef2"]},
        study=loaded.study.model_copy(update={"display_encoder": "taef2"}),
    )  # fmt: skip
    few.__dict__.update(dict.fromkeys(EXPERIMENTS))
    names = values.of(few).names()
    assert "shift_taef2" in names
    for name in (
        "obeying",
        "trained_ratio",
        "shift_pixel",
        "psnr_taef2",
        "faint_fall",
        "rows",
        "denoiser_truth",
        "density_between",
    ):
        assert name not in names


def test_groups_are_worked_out_as_names_ask_for_them(
    loaded: results.Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    def costly(results: results.Results, m: object) -> values.Rows:
        raise AssertionError("worked out for a name that stands before it")

    monkeypatch.setattr(values, "_information", costly)
    assert values.of(loaded).shift_taef2


def test_a_value_names_its_result_where_it_is_hovered(loaded: results.Results) -> None:
    v = values.of(loaded)
    shown = v.shift_taef2._repr_markdown_()
    text, _, rest = shown.partition("]{.value title=")
    assert text == "[" + str(v.shift_taef2).replace(".", "\\.")
    rest = unescaped(rest)
    assert rest.startswith('"shift_taef2: measured shift, 512 to 1024 px')
    assert rest.endswith('taef2; study.measurement.Measured.shift"}')
    assert "|" not in shown, "a pipe would break a table"


def test_a_value_shown_is_read_back_by_pandoc() -> None:
    said = values.Text('5 [*"x"*] {.a}')
    said.said = 'n: a "quoted" \\ meaning {x}; [y] `z`'
    document = json.loads(
        subprocess.run(
            [pandoc.program(), "--from=markdown-smart", "--to=json"],
            input=said._repr_markdown_(), capture_output=True, encoding="utf-8", check=True,
        ).stdout
    )  # fmt: skip
    (block,) = document["blocks"]
    (span,) = block["c"]
    (identifier, classes, attributes), inside = span["c"]
    assert (identifier, classes) == ("", ["value"])
    assert attributes == [["title", said.said]]
    assert "".join(one.get("c", " ") for one in inside) == str(said)
