"""What a command says while it works: log lines and progress on stderr, results on stdout.

A person at a terminal sees a bar with the time left; a file or another program gets plain lines,
or JSON objects, not more often than every few seconds. Every error ends as one line that says
what to do, and as an exit code. Tokens and passwords are taken out of whatever is said.
"""

import contextlib
import functools
import inspect
import json
import logging
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from analysis.project import extras, faults
from analysis.project.downloads import redacted
from analysis.project.errors import AnalysisError, InputError
from analysis.project.files import explain
from analysis.study.settings import Study

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


Progress = Callable[[int, int, str], None]
EVERY = 2.0  # seconds between two lines of progress where there is no terminal
INTERRUPTED = 130


class Log:
    """Lines on stderr.

    Args:
        quiet: only warnings and errors are said.
        as_json: every line is a JSON object with ``level`` and ``message``.
        debug: a traceback goes before an error.
    """

    def __init__(self, quiet: bool = False, as_json: bool = False, debug: bool = False) -> None:
        self.quiet, self.as_json, self.debug = quiet, as_json, debug
        self._bar: Bar | None = None
        self._warned: set[str] = set()

    def info(self, message: str, **more: Any) -> None:
        """Say what is being done."""
        if not self.quiet:
            self._write("info", message, more)

    def warning(self, message: str) -> None:
        """Say what is not as it should be, though the work goes on; once, however often it is."""
        if message not in self._warned:
            self._warned.add(message)
            self._write("warning", message, {})

    def forget(self) -> None:
        """Begin anew: say what was warned of before, if it is so again."""
        self._warned.clear()

    def error(self, message: str, code: int = 1) -> None:
        """Say why the work ends; a message of several lines gives several errors."""
        for line in message.splitlines() or ["no reason given"]:
            self._write("error", line, {"exit_code": code})

    def _write(self, level: str, message: str, more: dict[str, Any]) -> None:
        text = extras.typed(redacted(" ".join(message.split())))  # whoever wrote it
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
        if self.quiet:
            yield lambda done, total, label: None
        elif self.as_json or not sys.stderr.isatty():
            yield self._lines(title)
        else:
            with self._drawn(title) as tell:
                yield tell

    def _lines(self, title: str) -> Progress:
        start = said = time.monotonic()

        def tell(done: int, total: int, label: str) -> None:
            nonlocal said
            now = time.monotonic()
            if now - said < EVERY or not 0 < done < total:
                return
            said, left = now, (now - start) * (total - done) / done
            message = f"{title}: {100 * done // total} % ({done} of {total}), now {label}"
            self.info(
                f"{message}; {done / (now - start):.2g} a second, about {left:.0f} s left",
                done=done, total=total, label=label, seconds_left=round(left, 1),
            )  # fmt: skip

        return tell

    @contextlib.contextmanager
    def _drawn(self, title: str) -> Iterator[Progress]:
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
            task = self._bar.add_task("", total=None)
            bar = self._bar
            try:
                yield lambda done, total, label: bar.update(
                    task, completed=done, total=total, description=label
                )
            finally:
                self._bar = None


def options(log: Log) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator that gives a command the options every command has, which set the log."""
    flags: dict[str, Any] = {
        "quiet": Annotated[bool, typer.Option("--quiet", help="Say only warnings and errors.")],
        "as_json": Annotated[bool, typer.Option("--json", help="Log lines as JSON objects.")],
        "debug": Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")],
    }

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def wrapped(**given: Any) -> None:
            for name in flags:
                setattr(log, name, given.pop(name) or getattr(log, name))
            command(**given)

        signature = inspect.signature(command)
        parameters = [
            *signature.parameters.values(),
            *(
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=f)
                for name, f in flags.items()
            ),
        ]
        wrapped.__dict__["__signature__"] = signature.replace(parameters=parameters)
        wrapped.__annotations__ = {one.name: one.annotation for one in parameters}
        return wrapped

    return decorate


class _Handler(logging.Handler):
    """Passes what modules log to a `Log`."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.INFO)
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        said = self.log.warning if record.levelno >= logging.WARNING else self.log.info
        said(record.getMessage())


def run(app: Callable[..., Any], name: str, arguments: Sequence[str], log: Log) -> int:
    """Run a typer application and turn whatever happens into one line and an exit code.

    Args:
        app: the application.
        name: what it is called in its help.
        arguments: of the command line, without the program's name.
        log: where errors are said; its settings are read from the arguments first, so that they
            hold for an error in the arguments too.
    """
    for flag, attribute in (("--quiet", "quiet"), ("--json", "as_json"), ("--debug", "debug")):
        setattr(log, attribute, flag in arguments)
    log.forget()
    if log.quiet or log.as_json or not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    with _listening(log):
        try:
            code = app(args=list(arguments), prog_name=name, standalone_mode=False) or 0
            sys.stdout.flush()
        except BrokenPipeError:
            return _no_reader()
        except KeyboardInterrupt:
            code = INTERRUPTED
        except Exception as error:  # the last place that can explain it
            return _explain(error, log)
    if code == INTERRUPTED:
        log.error("interrupted; what was finished is kept", code)
    return int(code)


@contextlib.contextmanager
def _listening(log: Log) -> Iterator[None]:
    """Give a log what modules log and what Python warns of."""
    logger = logging.getLogger("analysis")
    before = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [_Handler(log)], False

    def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
        log.warning(f"{category.__name__}: {message}")

    try:
        with warnings.catch_warnings():
            warnings.showwarning = show  # type: ignore[assignment]
            yield
    finally:
        logger.handlers, logger.propagate = before


def _explain(error: Exception, log: Log) -> int:
    """Say an error in its own words, or by its type if nobody foresaw it; its exit code."""
    if log.debug:
        # Not printed at once: what a package says of a request can hold its token.
        print(redacted("".join(traceback.format_exception(error))), file=sys.stderr, end="")
    if isinstance(error, AnalysisError):
        code, message = error.exit_code, str(error)
    elif usage := getattr(error, "format_message", None):
        # Every usage error of typer has this method; their classes are not public.
        code = InputError.exit_code
        message = f"{' '.join(usage().split())} (--help shows what is possible)"
    elif isinstance(error, typer.Abort):
        code, message = 1, "aborted"
    elif isinstance(error, ValidationError):  # of choices that options made of a study
        code, message = InputError.exit_code, explain(error, Study, error.title.lower())
    elif foreseen := faults.told(error):
        code, message = foreseen
    else:
        code, first = 1, (str(error).splitlines() or [""])[0]
        message = f"{type(error).__name__}: {first}: not foreseen; --debug shows the traceback"
    log.error(message, code)
    return code


def _no_reader() -> int:
    """Whoever read our output has gone: nothing is left to say, not even by Python on leaving."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
