"""The command line, run as a reader runs it; and in this process where only words matter."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from analysis.project.files import NAME
from tests.conftest import HEEDING, PHOTOGRAPHS, PROJECT, STUDY, Said, synthetic_photograph

Edit = Callable[[str, str, str], None]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own, where every warning is an error."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "analysis", *arguments],
        env=os.environ | {"PYTHONPATH": str(PROJECT)} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def entries(project: Path) -> set[str]:
    """Everything in the cache and in the results, and nothing else that a command may write."""
    return {
        str(path.relative_to(project))
        for place in ("data/cache", "data/results", "_site")
        for path in (project / place).rglob("*")
        if path.is_file()
    }


def test_the_second_compute_computes_nothing(here: Path) -> None:
    first = run("compute", "--quiet")
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    steps = list((here / "data" / "cache").rglob("*.npz"))
    assert len(steps) > 40  # spectra of 3 images at 2 sides by 2 encoders, in 3 ways, and more
    assert f"{len(steps)} steps computed\n" in first.stdout
    assert re.search(
        r"^pixel: shift \d\.\d{2,3} \[\S+, \S+\], rule 2\.00 \(computed\)$", first.stdout, re.M
    )
    stored = entries(here)
    second = run("compute", ANALYSIS_COMPUTE="never")
    assert second.returncode == 0, second.stderr
    assert "nothing to compute" in second.stdout
    assert "linear-f8c16: shift" in second.stdout
    assert "(stored)" in second.stdout
    assert entries(here) == stored


HEAVY = {"torch", "matplotlib", "diffusers", "nbclient", "rich", "requests"}


@pytest.mark.parametrize(
    ("command", "heavy"),
    [
        (
            "compute",
            HEAVY,
        ),  # not scipy: its FFT is taken on purpose where it is installed (spectra)
        ("encoders", HEAVY | {"scipy"}),
    ],
)
def test_starting_up_imports_nothing_heavy(here: Path, command: str, heavy: set[str]) -> None:
    code = (
        f"import sys; sys.argv = ['x', '{command}']\nfrom analysis.__main__ import main\n"
        "try: main()\nexcept SystemExit as left: assert not left.code\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def test_never_names_the_step_and_what_differs(
    call: Callable[..., Said], edit: Edit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANALYSIS_COMPUTE", "never")
    code, out, err = call("compute")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "step 'spectra' (spectra of birch at 64 px (lanczos) by pixel)" in err
    assert "nothing is stored for 'spectra'" in err
    monkeypatch.delenv("ANALYSIS_COMPUTE")
    assert call("compute")[0] == 0
    edit("studies/tiny.toml", "t = 0.5", "t = 0.25")
    monkeypatch.setenv("ANALYSIS_COMPUTE", "never")
    code, _, err = call("compute")
    assert code == 1 and "parameters.t is 0.25, stored 0.5" in err
    monkeypatch.setenv("ANALYSIS_COMPUTE", "sometimes")
    code, _, err = call("compute")
    assert (code, err.count("\n")) == (2, 1) and "ANALYSIS_COMPUTE is 'sometimes'" in err


def test_an_unfit_photograph_is_one_line_and_nothing_of_it_is_kept(
    here: Path, call: Callable[..., Said], tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for seed in range(2):
        picture = Image.fromarray(synthetic_photograph(seed, 160))
        picture.save(folder / f"p{seed}.jpg", quality=90)
    study = here / "data" / "studies" / "own.toml"
    study.write_text(STUDY.replace('"bundled"', f'"{folder}"').replace("heron", "p0"))
    recommend = ("recommend", "--encoder", "pixel", "--from", "64", "--to", "128", "--images")
    path, whole = folder / "p1.jpg", (folder / "p1.jpg").read_bytes()
    Image.open(path).resize((100, 100)).save(small := tmp_path / "small.jpg")
    for content, said in (
        (b"not a photograph", "cannot be read as an image"),
        (whole[:1500], "cannot be read as an image"),
        (small.read_bytes(), "short side 100, asked for 128"),
    ):
        path.write_bytes(content)
        for command in (("fetch", "--study", "own"), (*recommend, str(folder))):
            code, _, err = call(*command)
            assert (code, err.count("\n")) == (2, 1), err
            assert err.startswith("error: ") and said in err and path.name in err
    assert not any("measurement" in entry or ".tmp" in entry for entry in entries(here))


def test_photographs_of_a_set_are_there_and_those_meant(
    here: Path, call: Callable[..., Said]
) -> None:
    path = here / "data" / "images" / "heron.png"
    path.write_bytes(path.read_bytes() + b" ")
    code, _, err = call("compute")
    assert (code, err.count("\n")) == (2, 1) and "another file than is meant" in err
    path.unlink()
    for command in ("fetch", "compute", "build"):
        code, _, err = call(command)
        assert (code, err.count("\n")) == (2, 1) and "heron.png" in err
    assert entries(here) == set()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("resolutions =", "resolution =", "unknown key 'resolution'; did you mean 'resolutions'?"),
        ('["pixel", ', '["pixle", ', "unknown encoder 'pixle'; did you mean 'pixel'?"),
        ("first_ring", "frist_ring", "unknown key 'bands.frist_ring'; did you mean 'first_ring'?"),
        ('"heron"', '"herron"', "display_image 'herron' is not in the set"),
        ("[64, 128]", "[128, 64]", "sides in pixels, ascending"),
        ("t = 0.5", "t = ", "not valid TOML"),
    ],
)
def test_a_wrong_study_is_one_line_with_the_remedy(
    here: Path, call: Callable[..., Said], edit: Edit, old: str, new: str, said: str
) -> None:
    edit("studies/tiny.toml", old, new)
    code, out, err = call("compute")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert not any(".tmp" in entry for entry in entries(here))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("compute", "--study", "tine"), "no study 'tine' in data/studies; did you mean 'tiny'?"),
        (("compute", "--study", "no/such.toml"), "no/such.toml: no such file"),
        (("fetch", "--encoder", "taef"), "unknown encoder 'taef'; did you mean 'taef2'?"),
        (("explain", "fig-rasp"), "no figure 'fig-rasp'; did you mean 'fig-raps'?"),
        (("comptue",), "No such command 'comptue'. Did you mean 'compute'?"),
        (("compute", "--stduy", "x"), "No such option: --stduy"),
        (("render", "--renderer", "latex"), "latex"),
        (("recommend", "--encoder", "pixel", "--from", "64"), "Missing option '--to'"),
        (("compute", "--encoder", "no/such"), "no folder no/such: give one that save"),
        (("compute", "--encoder", "hf:model"), "'hf:model' is not hf:owner/name"),
        (("compute", "--encoder", "pixel", "--update-results"), " results export' and"),
        (("encoders", "chekc"), "No such command 'chekc'. Did you mean 'check'?"),
        (("results", "add", "none.json"), "none.json: no such file"),
        (("recommend", "--encoder", "pixel", "--from", "x", "--to", "128"), "valid integer"),
    ],
)
def test_bad_input_is_one_line_and_code_two(
    here: Path, call: Callable[..., Said], arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = call(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert said in err
    assert err.startswith("error: ")
    assert entries(here) == set()


def test_without_a_command_help_is_shown(call: Callable[..., Said]) -> None:
    code, out, _ = call()
    assert code == 0
    assert f"Usage: {NAME}" in out
    commands = ("fetch", "compute", "render", "build", "check", "explain", "recommend", "encoders")
    for command in commands:
        assert re.search(rf"^  {command} ", out, re.M)
        assert f"Usage: {NAME} {command}" in call(command, "--help")[1]
        assert "--study" in call(command, "--help")[1]


def test_render_needs_a_computed_study(call: Callable[..., Said]) -> None:
    code, out, err = call("render", "--quiet", "--study", "tiny")
    assert (code, out) == (1, "")
    assert "-m analysis compute --study tiny' first" in err
    assert err.count("\n") == 1


def test_quiet_says_nothing_and_json_is_json(call: Callable[..., Said]) -> None:
    sides = ("recommend", "--encoder", "pixel", "--from", "64", "--to", "128")
    for arguments in (("--quiet", *sides), (*sides, "--quiet")):
        code, out, err = call(*arguments)
        assert (code, err) == (0, "") and "square-root rule" in out
    code, _, err = call("--json", "compute", "--study", "none")
    line = json.loads(err)
    assert (line["level"], line["exit_code"], code) == ("error", 2, 2)


def test_recommend_as_json(call: Callable[..., Said], tmp_path: Path) -> None:
    folder = tmp_path / "smooth"
    folder.mkdir()
    for seed in range(4):
        Image.fromarray(synthetic_photograph(seed, 128, 3.0)).save(folder / f"{seed}.png")
    arguments = ["recommend", "--encoder", "pixel", "--from", "64", "--to", "128"]
    code, out, err = call(*arguments, "--images", str(folder), "--format", "json", "--quiet")
    assert (code, err) == (0, "")
    found = json.loads(out)
    for key in ("theory", "measured", "interval", "exponent", "axis", "encoder", "images"):
        assert key in found
    assert found["theory"] == 2
    assert found["interval"][0] <= found["measured"] <= found["interval"][1]
    assert found["measured"] == pytest.approx(2, rel=0.03)
    assert found["images"] == 4


def test_another_encoder_is_computed_instead(here: Path, call: Callable[..., Said]) -> None:
    code, out, err = call("compute", "--quiet", "--encoder", "pixel")
    assert (code, err) == (0, "")
    assert out.startswith("pixel: shift ") and "linear" not in out
    assert re.search(r"^\d+ steps computed$", out, re.M)
    # the study as a whole goes on from there
    code, out, _ = call("compute", "--quiet")
    assert re.search(r"^pixel: shift .* \(stored\)$", out, re.M)
    assert not (here / "data" / "results").exists()


def test_results_are_written_on_request_only(computed: Path, call: Callable[..., Said]) -> None:
    call("compute")
    assert not (computed / "data" / "results").exists()
    code, out, _ = call("compute", "--update-results")
    assert code == 0
    assert "wrote data/results/tiny/pixel.json" in out
    numbers = json.loads((computed / "data/results/tiny/pixel.json").read_text())["numbers"]
    assert numbers["images"] == len(PHOTOGRAPHS)


def test_a_damaged_entry_is_said_and_replaced(computed: Path, call: Callable[..., Said]) -> None:
    entry = next((computed / "data/cache/measurement").rglob("*.npz"))
    entry.write_bytes(entry.read_bytes()[:-1])
    code, _, err = call("check")
    assert code == 1
    assert err == "error: 1 problem found, marked WRONG above\n"
    code, out, err = call("compute", "--quiet")
    assert code == 0
    assert err.startswith("warning: damaged cache entry for measurement of ")
    assert "1 steps computed" in out
    assert call("check")[0] == 0


def test_explain_names_the_nearest_value(computed: Path, call: Callable[..., Said]) -> None:
    code, out, _ = call("explain", "t_shifted")
    assert code == 0
    assert out.startswith("t_shifted = 0.3333\n")
    for given, near in (("t_shiftd", "t_shifted"), ("tbl-shfit", "tbl-shift")):
        code, _, err = call("explain", given)
        assert code == 2 and f"did you mean '{near}'?" in err
    listed = call("explain")[1].split()
    assert {"fig-raps", "tbl-shift", "t_shifted"} <= set(listed)
    assert json.loads(call("explain", "t_shifted", "--format", "json")[1])["text"] == "0.3333"
    assert call("explain", "value", "t_shifted")[:2] == (0, out)
    code, _, err = call("explain", "t_shifted", "exponent_pixel")
    assert (code, err.count("\n")) == (2, 1)
    assert "explain one figure, table or value at a time" in err


@pytest.mark.slow
def test_an_interrupt_keeps_what_was_finished(here: Path, edit: Edit) -> None:
    edit("studies/tiny.toml", "[64, 128]", "[80, 160]")
    edit("encoders.toml", "fit_size = 128", "fit_size = 160")
    process = subprocess.Popen(
        [sys.executable, "-c", f"{HEEDING}; from analysis.__main__ import main; main()", "compute"],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not list((here / "data").glob("cache/spectra/*/*.json")):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    if process.returncode == 0:
        pytest.skip("it was done before the interrupt came")
    assert process.returncode == 130
    assert err == "error: interrupted; what was finished is kept\n"
    assert out == ""
    assert not any(".tmp" in entry for entry in entries(here))
    assert run("check").returncode == 0
    assert run("compute").returncode == 0


def test_a_failure_nobody_foresaw(
    call: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> None:
        raise RuntimeError("the sky fell")

    monkeypatch.setattr("analysis.cli.commands.load_study", fail)
    code, _, err = call("compute")
    assert code == 1
    assert err == "error: RuntimeError: the sky fell: not foreseen; --debug shows the traceback\n"
    assert "Traceback" in call("compute", "--debug")[2]
