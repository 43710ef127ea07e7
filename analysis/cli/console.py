"""What a command says while it works: log lines and progress on stderr, results on stdout.

A person at a terminal sees a bar with the time left; a file or another program gets plain lines,
or JSON objects, now and then. Every error ends as one line that says what to do, and as an exit
code. Tokens and passwords are taken out of whatever is said.
"""

import contextlib
import json
import logging
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer
from pydantic import ValidationError

from analysis.project import extras, faults
from analysis.project.downloads import redacted
from analysis.project.errors import AnalysisError, InputError
from analysis.project.files import explain
from analysis.project.markdown import printable
from analysis.study.settings import Study

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

Progress = Callable[[int, int, str], None]
EVERY = 2.0  # seconds between two lines of progress where there is no terminal
INTERRUPTED = 130
FLAGS = ("--quiet", "--json", "--debug")  # of every command, wherever they stand


class Log(logging.Handler):
    """Lines on stderr, also of what modules log and of what Python warns of.

    Args:
        quiet: only warnings and errors are said.
        as_json: every line is a JSON object with ``level`` and ``message``.
        debug: a traceback goes before an error.
    """

    def __init__(self, quiet: bool = False, as_json: bool = False, debug: bool = False) -> None:
        super().__init__(logging.INFO)
        self.quiet, self.as_json, self.debug = quiet, as_json, debug
        self._bar: Bar | None = None
        self._warned: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Say what a module logs."""
        (self.warning if record.levelno >= logging.WARNING else self.info)(record.getMessage())

    def info(self, message: str, **more: Any) -> None:
        """Say what is being done."""
        if not self.quiet:
            self._write("info", message, more)

    def warning(self, message: str) -> None:
        """Say what is not as it should be, though the work goes on; once, however often it is."""
        if message not in self._warned:
            self._warned.add(message)
            self._write("warning", message, {})

    def error(self, message: str, code: int = 1) -> None:
        """Say why the work ends; a message of several lines gives several errors."""
        for line in message.splitlines() or ["no reason given"]:
            self._write("error", line, {"exit_code": code})

    def _write(self, level: str, message: str, more: dict[str, Any]) -> None:
        # Whoever wrote it, it is one line, and commands to a terminal can be seen in it.
        text = extras.typed(redacted(printable(" ".join(message.split()))))
        if self.as_json:
            line = {"level": level, "message": text, "time": round(time.time(), 3), **more}
            text = json.dumps(line, ensure_ascii=False)
        elif level != "info":
            text = f"{level}: {text}"
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def progress(self, title: str) -> Iterator[Progress]:
        """A function to be told (done, total, label) as the work proceeds."""
        if self.quiet or self.as_json or not sys.stderr.isatty():
            yield self._lines(title)
            return
        from rich import console, progress

        columns = (
            progress.TextColumn(title),
            progress.BarColumn(bar_width=24),
            progress.MofNCompleteColumn(),
            progress.TimeRemainingColumn(compact=True),
            progress.TextColumn("{task.description}", markup=False),
        )
        screen = console.Console(stderr=True)
        with progress.Progress(*columns, console=screen, transient=True) as self._bar:
            bar, task = self._bar, self._bar.add_task("", total=None)
            try:
                yield lambda done, total, label: bar.update(
                    task, completed=done, total=total, description=label
                )
            finally:
                self._bar = None

    def _lines(self, title: str) -> Progress:
        said = time.monotonic()
        begun: tuple[int, int, float] | None = None  # total, done and when, of this part of it
        last = 0

        def tell(done: int, total: int, label: str) -> None:
            nonlocal said, begun, last
            now = time.monotonic()
            if begun is None or total != begun[0] or done < last:
                begun = total, done, now  # what was done before, or came from the store, took none
            news, last = done != last, done
            if now - said < EVERY or not news or not begun[1] < done < total:
                return
            said, left = now, (now - begun[2]) * (total - done) / (done - begun[1])
            message = f"{title}: {done} of {total}, now {label}; about {duration(left)} left"
            self.info(message, done=done, total=total, seconds_left=round(left, 1))

        return tell


def duration(seconds: float) -> str:
    """A time in two units at most: ``45 s``, ``2 min 05 s``, ``1 h 20 min``."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def run(app: Callable[..., Any], name: str, arguments: Sequence[str], log: Log) -> int:
    """Run a typer application and turn whatever happens into one line and an exit code.

    Args:
        app: the application.
        name: what it is called in its help.
        arguments: of the command line, without the program's name. The `FLAGS` among them set the
            log, so that they hold for an error in the arguments too.
        log: where errors are said.
    """
    log.quiet, log.as_json, log.debug = (flag in arguments for flag in FLAGS)
    log._warned.clear()
    if log.quiet or log.as_json or not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    given = [one for one in arguments if one not in FLAGS]
    with _listening(log):
        try:
            code = int(app(args=given, prog_name=name, standalone_mode=False) or 0)
            sys.stdout.flush()
        except BrokenPipeError:  # whoever read our output has gone: not even Python is to say so
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except (KeyboardInterrupt, typer.Abort):
            code = INTERRUPTED
        except Exception as error:  # the last place that can explain it
            code, message = _explained(error)
            if log.debug:
                # Not printed at once: what a package says of a request can hold its token.
                told = redacted("".join(traceback.format_exception(error)))
                print("\n".join(map(printable, told.split("\n"))), file=sys.stderr, end="")
            log.error(message, code)
            return code
    if code == INTERRUPTED:
        log.error("interrupted; what was finished is kept", code)
    return code


@contextlib.contextmanager
def _listening(log: Log) -> Iterator[None]:
    """Give a log what modules log and what Python warns of."""
    logger = logging.getLogger("analysis")
    before = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [log], False

    def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
        log.warning(f"{category.__name__}: {message}")

    try:
        with warnings.catch_warnings():
            warnings.showwarning = show  # type: ignore[assignment]
            yield
    finally:
        logger.handlers, logger.propagate = before


def _explained(error: Exception) -> tuple[int, str]:
    """Exit code and message of an error: its own words, or its type if nobody foresaw it."""
    if isinstance(error, AnalysisError):
        return error.exit_code, str(error)
    if usage := getattr(error, "format_message", None):
        # Every usage error of typer has this method; their classes are not public.
        words = " ".join(usage().split())
        return InputError.exit_code, f"{words} (--help shows what is possible)"
    if isinstance(error, ValidationError):  # of choices that options made of a study
        return InputError.exit_code, explain(error, Study, error.title.lower())
    first = (str(error).splitlines() or [""])[0]
    unforeseen = f"{type(error).__name__}: {first}: not foreseen; --debug shows the traceback"
    return faults.told(error) or (1, unforeseen)
