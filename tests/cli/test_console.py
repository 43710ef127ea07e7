"""Log lines, progress and errors of the command line."""

import json
import logging
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from pydantic import ValidationError

from analysis.cli import console
from analysis.cli.console import Log
from analysis.project.errors import AnalysisError, FetchError, InputError
from analysis.site import build
from analysis.study.settings import Study, load_study


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def run(raised: Callable[[], None], *arguments: str) -> tuple[int, Log]:
    app, log = typer.Typer(add_completion=False), Log()

    @app.command()
    def work(size: int = 1) -> None:
        raised()

    return console.run(app, "work", arguments, log), log


def raising(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (AnalysisError("a: b"), 1, "error: a: b"),
        (InputError("bad  name;\tuse x"), 2, "error: bad name; use x"),
        (FetchError("no answer"), 3, "error: no answer"),
        (ValueError("odd\nmore"), 1, "error: ValueError: odd: not foreseen; --debug shows the"),
        (KeyboardInterrupt(), 130, "error: interrupted; what was finished is kept"),
        (typer.BadParameter("no"), 2, "error: Invalid value: no (--help shows"),
        (typer.Abort(), 130, "error: interrupted"),
    ],
)
def test_an_error_is_one_line_and_a_code(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(raising(error))[0] == code
    out, err = capsys.readouterr()
    assert err.startswith(said)
    assert err.count("\n") == 1
    assert out == ""


def test_several_problems_are_several_errors(capsys: pytest.CaptureFixture[str]) -> None:
    run(raising(AnalysisError("index.qmd:1: a\nindex.qmd:2: b")))
    assert capsys.readouterr().err == "error: index.qmd:1: a\nerror: index.qmd:2: b\n"


def test_errors_stay_when_quiet_and_are_json_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    run(raising(InputError("bad “name”")), "--quiet", "--json")
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["message"], line["exit_code"]) == ("error", "bad “name”", 2)


def test_modules_and_python_speak_through_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        logging.getLogger("analysis.images.catalogue").warning("pin %s", "this")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old", UserWarning, stacklevel=1)

    logger = logging.getLogger("analysis")
    before = list(logger.handlers), logger.propagate
    run(work)
    assert capsys.readouterr().err == "warning: pin this\nwarning: UserWarning: old\n"
    assert (logger.handlers, logger.propagate) == before


def test_a_reader_that_leaves_is_no_error() -> None:
    code = (
        "import sys; from analysis.cli import console; log = console.Log()\n"
        "def app(**given):\n    for i in range(100000): print(i)\n"
        "sys.exit(console.run(app, 'x', [], log))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_pages_are_told_the_study_and_full_paths(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.setenv("ANALYSIS_CACHE", "cache")
    with build.told_to_pages("mine", True):
        assert console.os.environ["ANALYSIS_STUDY"] == "mine"
        assert console.os.environ["ANALYSIS_CACHE"] == f"{tmp_path}/cache"
        assert console.os.environ["ANALYSIS_SKIP_UNFIT"] == "1"
    assert "ANALYSIS_SKIP_UNFIT" not in console.os.environ
    with build.told_to_pages("mine", False):
        assert "ANALYSIS_SKIP_UNFIT" not in console.os.environ
    assert "ANALYSIS_STUDY" not in console.os.environ
    assert console.os.environ["ANALYSIS_CACHE"] == "cache"


def test_the_time_left_is_that_of_the_part_that_is_done_now(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six minutes of latents, then networks at twenty steps a second, some of them stored."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Log().progress("work") as tell:
        for seconds, done, total, label in (
            (0, 0, 41, "a"), (8, 1, 41, "b"), (360, 0, 90_000, "c"), (365, 0, 90_000, "c"),
            (370, 30_000, 90_000, "c"), (380, 30_200, 90_000, "d"), (385, 30_200, 90_000, "d"),
            (390, 30_400, 90_000, "d"), (391, 30_500, 90_000, "e"), (395, 90_000, 90_000, "e"),
        ):  # fmt: skip
            now[0] = float(seconds)
            tell(done, total, label)
    assert capsys.readouterr().err.splitlines() == [
        "work: 1 of 41, now b; about 5 min 20 s left",
        "work: 30000 of 90000, now c; about 20 s left",
        "work: 30200 of 90000, now d; about 40 s left",
        "work: 30400 of 90000, now d; about 59 s left",
    ]
    assert [console.duration(s) for s in (0.2, 59.4, 59.6, 3599.4, 3599.6, 7384)] == [
        "0 s", "59 s", "1 min 00 s", "59 min 59 s", "1 h 0 min", "2 h 3 min",
    ]  # fmt: skip


def test_tokens_are_never_said(capsys: pytest.CaptureFixture[str]) -> None:
    token = "hf_" + "a1B2" * 9

    def app(**given: object) -> None:
        log.info(f"asked with {token}")
        logging.getLogger("analysis.encoders.weights").warning("token %s", token)
        try:
            raise ValueError(f"authorization: Bearer {token}")
        except ValueError as error:
            raise RuntimeError(f"with {token}") from error

    for flags in ([], ["--json"], ["--debug"]):
        log = Log()
        assert console.run(app, "x", flags, log) == 1
        out, err = capsys.readouterr()
        assert "RuntimeError: with hf_***" in err
        assert ("Traceback" in err) == (flags == ["--debug"])
        assert token not in out + err


def test_choices_that_options_made_are_told_as_those_of_a_file(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = load_study("tiny").model_dump()
    with pytest.raises(ValidationError) as caught:
        Study.model_validate(study | {"resolutions": (64, 100_000)})
    assert run(raising(caught.value))[0] == 2
    said = "error: study: resolutions: sides in pixels, at most 16384; one is 100000\n"
    assert capsys.readouterr().err == said
