"""Downloads: a file from a web address, of known content or not kept; no secrets in what is said.

`get` puts what an address gives into a file, tries again what may pass, and says in one line what
does not. Nothing it gives is believed: bytes, time, redirections and waiting have limits.
`download` is the one way by which a file is kept: it comes beside its place and is moved there when
it is what was meant. What other packages say of a failure goes through `one_line`, since addresses
and headers in it can hold credentials, and commands to a terminal.
"""

import concurrent.futures
import hashlib
import logging
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from analysis.project import faults, placement
from analysis.project.errors import FetchError
from analysis.project.markdown import line

if TYPE_CHECKING:
    import requests

LIMIT = 200_000_000  # bytes of a file of which nobody says how large it is
TIMEOUT = 60.0  # seconds without a byte before a download fails
TOTAL = 3600.0  # seconds for a file, with all attempts
PATIENCE = 60.0  # seconds that are waited at most where a server asks for it
REDIRECTS = 10
PASSING = (408, 429, 500, 502, 503, 504)  # statuses after which trying again can help
PART = ".part-"  # what is being downloaded
LOG = logging.getLogger(__name__)
SECRETS = (
    (re.compile(r"hf_(?:[a-z]+_)?[A-Za-z0-9]{20,}[\w.-]*"), "hf_***"),  # tokens of the Hub
    (re.compile(r"(?i)(authorization['\": ]+\w+|\bbearer) +[^\s'\",;]+"), r"\1 ***"),
    (re.compile(r"(://)[^\s/@]+@"), r"\1***@"),  # name and password of a proxy
)
SIGNED = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\")]+")  # a CDN's address carries its permission
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
REMEDY = "check the network, or fetch the file by hand and name its folder in ANALYSIS_WEIGHTS"


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def redacted(text: str) -> str:
    """A text without tokens and passwords: what is known by its form, and the environment's."""
    for name in TOKENS:
        token = os.environ.get(name, "").strip()
        if len(token) >= 8:  # a shorter one could be part of a word
            text = text.replace(token, "***")
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    return text


def one_line(error: BaseException) -> str:
    """Another package's error on one line, without secrets; its kind if it says nothing.

    At most 200 characters; the queries of addresses are left out, and what a terminal would obey
    is shown by its number.
    """
    text = SIGNED.sub(r"\1", line(redacted(str(error)))) or type(error).__name__
    return text if len(text) <= 200 else text[:200] + "..."


def _first(error: BaseException) -> BaseException:
    """What an error began with, which says more than what was made of it: [Errno 111] ..."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def seconds_asked(header: str | None) -> float | None:
    """Seconds that a server's ``Retry-After`` asks to wait, a number or a date; None: it does not.

    Source: RFC 9110, 10.2.3.
    """
    from urllib3.exceptions import InvalidHeader
    from urllib3.util import Retry

    try:
        return None if header is None else float(Retry().parse_retry_after(header))
    except (InvalidHeader, ValueError, OverflowError):
        return None


def too_long(asked: float) -> str:
    """The end of a sentence on a server that asks to wait longer than is waited."""
    return f"it asks to wait {asked:.0f} s (Retry-After), and at most {PATIENCE:.0f} are waited"


class _PassingError(Exception):
    """A failure after which trying again can help; ``asked``: seconds that the server wants."""

    def __init__(self, why: str, asked: float | None = None) -> None:
        super().__init__(why)
        self.asked = asked


def get(
    url: str,
    target: Path,
    timeout: float = TIMEOUT,
    attempts: int = 3,
    remedy: str = REMEDY,
    *,
    limit: int = LIMIT,
    total: float = TOTAL,
) -> None:
    """Write what is at a web address into a file, whatever it is; the caller judges it.

    Redirections are followed, from https to https only.

    Args:
        url: where it is.
        target: the file, in a folder that is there; left incomplete or absent on failure.
        timeout: seconds without a byte arriving.
        attempts: how often it is tried where no answer or a status of `PASSING` may pass; half a
            second is waited after the first, and twice as long each time, or what the server asks,
            up to `PATIENCE`. 0: nobody is asked.
        remedy: what the reader can do, for the error.
        limit: bytes that are taken at most.
        total: seconds that all of it may take.

    Raises:
        FetchError: no answer, an error status, an answer that breaks off, is too large, too slow or
            leads elsewhere than it may.
        OSError: the file can't be written.
    """
    if attempts < 1:
        raise FetchError(f"{url}: not downloaded: it was not asked for: {remedy}")
    end = time.monotonic() + total
    for attempt in range(1, attempts + 1):
        try:
            _in_time(lambda stop: _try(url, target, timeout, limit, stop), end, total)
            return
        except FetchError as error:
            raise FetchError(f"{url}: not downloaded: {error}: {remedy}") from None
        except _PassingError as error:
            why, asked = str(error), error.asked
        wait = max(min(2.0 ** (attempt - 2), 10.0), asked or 0.0)
        if asked is not None and asked > PATIENCE:
            raise FetchError(f"{url}: not downloaded: {why}, {too_long(asked)}: try again then")
        if attempt == attempts or time.monotonic() + wait > end:
            raise FetchError(f"{url}: not downloaded: {why}: {remedy}")
        if asked:
            LOG.info("%s: %s: waiting %.0f s, as it asks", url, why, wait)
        time.sleep(wait)


def _in_time(work: Callable[[threading.Event], None], end: float, total: float) -> None:
    """Do some work until a moment of the monotonic clock; FetchError if it is not done by then.

    It is left to itself then, in a thread that ends with the process: a server that sends a byte of
    a header now and then cannot be left in another way.
    """
    outcome: concurrent.futures.Future[None] = concurrent.futures.Future()
    stop = threading.Event()

    def run() -> None:
        try:
            work(stop)
            outcome.set_result(None)
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        outcome.result(max(end - time.monotonic(), 0.0))
    except concurrent.futures.TimeoutError:
        if outcome.done():
            raise
        raise FetchError(f"not complete after {total:g} s") from None
    finally:
        stop.set()


def _try(url: str, target: Path, timeout: float, limit: int, stop: threading.Event) -> None:
    """One attempt of `get`; errors say only why it failed."""
    import requests
    from urllib3.exceptions import HTTPError

    try:
        with requests.Session() as session:
            # By itself it would read all of a redirection's body into memory.
            session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
            with _answer(session, url, timeout) as response:
                _write(response, target, limit, stop)
    except ValueError as error:  # an address or a header that is none
        raise FetchError(one_line(error)) from None
    except (requests.RequestException, HTTPError) as error:
        late = isinstance(error, requests.Timeout) or "timed out" in str(error)
        raise _PassingError(
            f"no answer within {timeout:g} s" if late else one_line(_first(error))
        ) from None


def _answer(session: "requests.Session", url: str, timeout: float) -> "requests.Response":
    """What the end of a chain of redirections answers, of which only the header is read."""
    import requests

    # Not compressed, so that lengths can be compared.
    headers = {
        "User-Agent": f"timestep-spectra (requests {requests.__version__})",
        "Accept-Encoding": "identity",
    }
    for _ in range(REDIRECTS + 1):
        response = session.get(url, headers=headers, stream=True, timeout=timeout)
        there = requests.Session.get_redirect_target(session, response)
        if there is None:
            return response
        response.close()
        there = urljoin(url, there)
        old, new = (urlsplit(one).scheme.lower() for one in (url, there))
        if new not in (old, "https"):
            to = line(there.partition("?")[0])[:100]
            raise FetchError(f"it leads from {old} to {to}, where nobody knows who answers")
        url = there
    raise FetchError(f"it leads on more than {REDIRECTS} times")


def _write(response: "requests.Response", target: Path, limit: int, stop: threading.Event) -> None:
    """Write an answer's content into a file, piece by piece."""
    status = response.status_code
    if status not in (200, 203):
        why = line(f"{status} {response.reason or ''}")[:100]
        if status in PASSING:
            raise _PassingError(why, seconds_asked(response.headers.get("Retry-After")))
        raise FetchError(why)
    lengths = {one.strip() for one in response.headers.get("Content-Length", "").split(",")}
    length = lengths.pop()
    if lengths or not re.fullmatch("[0-9]{0,18}", length):
        said = line(response.headers["Content-Length"])[:40]
        raise FetchError(f"its Content-Length is '{said}', which is none")
    large = f"more than the {limit:,} bytes that are taken: 'bytes' in its card, or 'most_bytes' of"
    large += " its set in data/images.toml, says how many"
    if int(length or 0) > limit:
        raise FetchError(f"it has {int(length):,} bytes, {large}")
    written = 0
    with target.open("wb") as stream:
        for piece in response.iter_content(1 << 16):
            if stop.is_set():
                return
            written += len(piece)
            if written > limit:
                raise FetchError(f"it has {large}")
            stream.write(piece)
    plain = response.headers.get("Content-Encoding", "identity") == "identity"
    chunked = "Transfer-Encoding" in response.headers
    if length and plain and not chunked and written != int(length):
        raise _PassingError(f"it broke off: {written} bytes read of {length}")


def download(
    url: str,
    target: Path,
    digest: str = "",
    *,
    other: str,
    judge: Callable[[Path, str], None] = lambda part, found: None,
    limit: int = LIMIT,
    timeout: float = TIMEOUT,
    attempts: int = 3,
    remedy: str = REMEDY,
) -> Path:
    """The file at a web address, kept as `target`; not fetched again if it is there as it should.

    It comes into a folder beside its place, and is moved there when it is what was meant. What
    killed processes left there is removed.

    Args:
        url: where it is.
        target: where it is kept; its folder is made if it is not there.
        digest: SHA-256 of its content, as 64 hexadecimal digits; empty: not known, and always
            fetched.
        other: what the reader can do if it is another file, for the error.
        judge: given the file before it is moved, and its SHA-256; raises if it is not to be kept.
        limit, timeout, attempts, remedy: as of `get`.

    Raises:
        FetchError: no answer, an error status, another content than `digest`, or no space. Nothing
            is left behind.
    """
    if digest and target.is_file() and sha256(target) == digest:
        return target
    folder = target.parent
    if attempts < 1:
        raise FetchError(f"{url}: not downloaded: it was not asked for: {remedy}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        placement.sweep(folder, [f"{PART}*"])
        with tempfile.TemporaryDirectory(dir=folder, prefix=PART) as scratch:
            part = Path(scratch, "file")
            get(url, part, timeout, attempts, remedy, limit=limit)
            found = sha256(part)
            if digest and found != digest:
                why = f"refused, another file: expected sha256 {digest}, found {found}"
                raise FetchError(f"{url}: {why}; {other}")
            judge(part, found)
            return part.replace(target)
    except OSError as error:
        raise FetchError(f"{url}: cannot be stored: {faults.of_system(error, folder)}") from None
