"""Downloads: a file from a web address, of known content or not kept; no secrets in what is said.

`get` puts what an address gives into a file, tries again what may pass, and says in one line what
does not. `download` keeps a file of known SHA-256 under that name. What other packages say of a
failure goes through `one_line`, since addresses and headers in it can hold credentials.
"""

import hashlib
import os
import re
import tempfile
import time
from pathlib import Path

from analysis.project import faults
from analysis.project.errors import FetchError

TIMEOUT = 60.0  # seconds without a byte before a download fails
PASSING = (408, 429, 500, 502, 503, 504)  # statuses after which trying again can help
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

    At most 200 characters; the queries of addresses are left out.
    """
    text = SIGNED.sub(r"\1", " ".join(redacted(str(error)).split())) or type(error).__name__
    return text if len(text) <= 200 else text[:200] + "..."


def _first(error: BaseException) -> BaseException:
    """What an error began with, which says more than what was made of it: [Errno 111] ..."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def get(
    url: str, target: Path, timeout: float = TIMEOUT, attempts: int = 3, remedy: str = REMEDY
) -> None:
    """Write what is at a web address into a file, whatever it is; the caller judges it.

    Args:
        url: where it is.
        target: the file, in a folder that is there; left incomplete or absent on failure.
        timeout: seconds without a byte arriving.
        attempts: how often it is tried where no answer or a status of `PASSING` may pass; half a
            second is waited after the first, and twice as long each time. 0: nobody is asked.
        remedy: what the reader can do, for the error.

    Raises:
        FetchError: no answer, an error status, or an answer that breaks off.
        OSError: the file can't be written.
    """
    if attempts < 1:
        raise FetchError(f"{url}: not downloaded: it was not asked for: {remedy}")
    import pooch  # type: ignore[import-untyped]
    from requests.exceptions import HTTPError, RequestException, Timeout

    agent = {"User-Agent": f"timestep-spectra (pooch {pooch.__version__})"}
    # Read at once, since pooch leaves a stream open when the server answers with an error.
    downloader = pooch.HTTPDownloader(timeout=timeout, headers=agent, stream=False)
    for attempt in range(1, attempts + 1):
        try:
            downloader(url, str(target), None)
            return
        except RequestException as error:
            status = error.response.status_code if isinstance(error, HTTPError) else 0
            late = isinstance(error, Timeout) or "timed out" in str(error)
            why = f"no answer within {timeout:g} s" if late else one_line(_first(error))
            if attempt == attempts or (status and status not in PASSING):
                raise FetchError(f"{url}: not downloaded: {why}: {remedy}") from None
        time.sleep(min(2.0 ** (attempt - 2), 10.0))


def download(url: str, digest: str, folder: Path, remedy: str = REMEDY) -> Path:
    """The file at a web address, kept as ``folder/<digest>``; not fetched again if it is there.

    It is checked before it is moved into place, and each time it is asked for.

    Args:
        url: where it is.
        digest: SHA-256 of its content, as 64 hexadecimal digits.
        folder: where it is kept; made if it is not there.
        remedy: what the reader can do if there is no answer, for the error.

    Raises:
        FetchError: no answer, an error status, another content than `digest`, or no space. Nothing
            is left behind.
    """
    target = folder / digest
    if target.is_file() and sha256(target) == digest:
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".part-") as scratch:
            part = Path(scratch, "file")
            get(url, part, remedy=remedy)
            if sha256(part) != digest:
                raise FetchError(
                    f"{url}: the sha256 of what came is not {digest}: it was not kept; try again, "
                    "and if that repeats, the file has changed: compare with the card in "
                    "data/encoders.toml"
                )
            return part.replace(target)
    except OSError as error:
        raise FetchError(f"{url}: cannot be stored: {faults.of_system(error, folder)}") from None
