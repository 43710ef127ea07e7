"""Weights: a file of known content, from a folder, a web address or the Hugging Face Hub.

A file is identified by its SHA-256, never by its name. ``ANALYSIS_WEIGHTS`` names folders,
separated as in ``PATH``, in which files are looked for first, at any depth. A download is checked
before it is moved into place, and again each time it is read. Nothing here interprets a file.
"""

import hashlib
import importlib.util
import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from analysis.settings import FetchError

TIMEOUT = 60.0  # seconds without an answer before a download fails


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folders() -> list[Path]:
    """The folders that ``ANALYSIS_WEIGHTS`` names."""
    listed = os.environ.get("ANALYSIS_WEIGHTS", "").split(os.pathsep)
    return [Path(name).expanduser() for name in listed if name]


def find(digest: str, size: int, where: Iterable[Path]) -> Path | None:
    """The file with this SHA-256, whatever its name, in the folders and below them.

    Args:
        digest: SHA-256, as 64 hexadecimal digits; if empty, nothing is found.
        size: the file's size in bytes, which spares hashing others; 0 if it is not known.
        where: folders; those that do not exist are passed over.
    """
    for folder in where if digest else ():
        for path in sorted(folder.rglob("*")):
            if path.is_file() and size in (0, path.stat().st_size) and sha256(path) == digest:
                return path
    return None


def absent(modules: Iterable[str]) -> list[str]:
    """The modules that are not installed; none of them is imported."""
    return [name for name in modules if not _installed(name)]


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def download(url: str, digest: str, downloads: Path) -> Path:
    """The file at a web address, kept as ``downloads/<digest>``; not fetched again if it is there.

    Raises:
        FetchError: no answer, an error status, another content than `digest`, or no space. Nothing
            is left behind.
    """
    import pooch  # type: ignore[import-untyped]
    import requests

    pooch.get_logger().setLevel(logging.ERROR)
    try:
        name = pooch.retrieve(
            url,
            known_hash=f"sha256:{digest}",
            fname=digest,
            path=downloads,
            downloader=pooch.HTTPDownloader(timeout=TIMEOUT),
        )
    except requests.RequestException as error:
        raise FetchError(
            f"{url}: {_line(error)}: check the network, or fetch the file by hand and name "
            "its folder in ANALYSIS_WEIGHTS"
        ) from None
    except ValueError:
        raise FetchError(
            f"{url}: the sha256 of what came is not {digest}: it was not kept; try again, and if "
            "that repeats, the file has changed: compare with the card in data/encoders.toml"
        ) from None
    except OSError as error:
        raise FetchError(f"{url}: cannot be stored in {downloads}: {_line(error)}") from None
    return Path(name)


def hub_missing(repo: str, names: Sequence[str], revision: str) -> str | None:
    """Why files cannot come from the Hub: it is offline by setting and they are not in its cache.

    None does not promise that the Hub will answer or let the files go.
    """
    import huggingface_hub as hub

    cached = [hub.try_to_load_from_cache(repo, name, revision=revision or None) for name in names]
    if hub.constants.HF_HUB_OFFLINE and not all(isinstance(path, str) for path in cached):
        return f"{repo} is not in the Hugging Face cache and HF_HUB_OFFLINE is set: unset it"
    return None


def from_hub(
    repo: str, names: Sequence[str], revision: str, alternatives: Sequence[str] = ()
) -> tuple[list[Path], str]:
    """Files of one commit of a repository on the Hub, from its cache or the network.

    Args:
        repo: owner/name.
        names: paths in the repository.
        revision: a branch, tag or commit; if empty, the newest.
        alternatives: other repositories said to hold the same files, for the error message.

    Returns:
        The files, in the order of `names`, and the commit they are of.

    Raises:
        FetchError: the repository is gated, private or not there, or the Hub does not answer.
    """
    import huggingface_hub as hub
    from huggingface_hub import errors

    page = f"https://huggingface.co/{repo}"
    other = f", or set repo to {' or '.join(alternatives)} in its card" if alternatives else ""
    paths: list[Path] = []
    try:
        for name in names:
            paths.append(Path(hub.hf_hub_download(repo, name, revision=revision or None)))
            revision = _commit(paths[0])
    except errors.GatedRepoError:
        why = f"is gated: accept its licence at {page}, then run 'hf auth login'{other}"
    except errors.RepositoryNotFoundError:
        why = f"is not there or is private: see {page}, and check 'hf auth whoami'{other}"
    except errors.RevisionNotFoundError:
        why = f"has no revision '{revision}': see {page}/commits/main"
    except errors.LocalEntryNotFoundError:
        why = "is not in the Hugging Face cache and the Hub cannot be reached: check the network"
        why += ", HF_HUB_OFFLINE and HF_ENDPOINT"
    except errors.EntryNotFoundError:
        why = f"has no file '{names[len(paths)]}': see {page}/tree/{revision or 'main'}"
    except (errors.HTTPError, OSError, ValueError) as error:
        why = f"could not be fetched: {_line(error)}: try again, or see {page}"
    else:
        return paths, revision
    raise FetchError(f"{repo} {why}") from None


def _commit(path: Path) -> str:
    """The commit in the path of a file in the Hub's cache: .../snapshots/<commit>/..."""
    return path.parts[len(path.parts) - path.parts[::-1].index("snapshots")]


def _line(error: Exception) -> str:
    """An error's message on one line, its beginning if it is long; its kind if it has none."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:200] + "..."
