"""Weights: a file of known content, from a folder, a web address or the Hugging Face Hub.

A file is identified by its SHA-256, never by its name. ``ANALYSIS_WEIGHTS`` names folders,
separated as in ``PATH``, in which files are looked for first, at any depth; ``data/encoders`` has
those of the encoders that were trained here. A download is checked
before it is used, and again each time it is read; a damaged one is removed. Logging in is left to
huggingface_hub, whose token is never looked at here. Nothing here interprets a file.
"""

import hashlib
import logging
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from analysis.project import extras, faults
from analysis.project.downloads import (
    LIMIT,
    PASSING,
    PATIENCE,
    download,
    one_line,
    seconds_asked,
    sha256,
    too_long,
)
from analysis.project.errors import FetchError
from analysis.project.files import data

LOG = logging.getLogger(__name__)
PAGES = "https://huggingface.co"  # where people go; files come from HF_ENDPOINT


def folders() -> list[Path]:
    """The folders that ``ANALYSIS_WEIGHTS`` names, and the project's own of what it trained."""
    listed = os.environ.get("ANALYSIS_WEIGHTS", "").split(os.pathsep)
    return [*(Path(name).expanduser() for name in listed if name), data() / "encoders"]


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


def agree(name: str, path: Path, digest: str) -> str:
    """The SHA-256 of an encoder's weights file; FetchError if its card says another.

    Args:
        name: the card's.
        path: the weights.
        digest: what the card says; empty if it does not say.
    """
    found = sha256(path)
    if digest and found != digest:
        raise FetchError(
            f"{name}: {path} has sha256 {found}, its card says {digest}: it is another "
            "file: name in the card the revision that had the right one, or this sha256 if this "
            "file is meant"
        )
    return found


def instead(there: Callable[[str], bool], vae: str) -> str:
    """What to do where an autoencoder as safetensors is wanted and something else is there.

    Args:
        there: whether a file of this name is there.
        vae: how the folder ``vae`` is given, which a pipeline keeps its autoencoder in.

    Returns:
        the end of a sentence; empty if nothing that is known is there.
    """
    plain = "diffusion_pytorch_model"
    if there("model_index.json"):
        return f"it is a whole pipeline, whose autoencoder is in a folder of it: give {vae}"
    load, save, why = "", "", ""
    if there(f"{plain}.safetensors.index.json"):
        why, save = "its weights are in several files", ", max_shard_size='99GB'"
    for variant in ("fp16", "bf16"):
        if there(f"{plain}.{variant}.safetensors"):
            why, load = f"it has the variant {variant} only", f", variant='{variant}'"
    if not why and there(f"{plain}.bin"):
        why, load = "its weights are a .bin, which is not read here", ", use_safetensors=False"
    if not why:
        return ""
    return (
        f"{why}: load it with diffusers' from_pretrained(...{load}), save it with "
        f"save_pretrained(FOLDER{save}), and give that folder"
    )


def from_address(url: str, digest: str, size: int, folder: Path) -> Path:
    """The file at a web address, kept as ``folder/<digest>``; errors of `download`.

    Args:
        digest: its SHA-256, as 64 hexadecimal digits.
        size: its bytes; 0 if they are not known.
    """
    other = (
        "it was not kept; try again, and if that repeats, the file has changed: compare with the "
        "card in data/encoders.toml"
    )
    return download(url, folder / digest, digest, other=other, limit=size or LIMIT)


# The Hub -------------------------------------------------------------------------------------


def hub_paths(repo: str, names: Sequence[str], revision: str = "") -> list[Path] | None:
    """These files of a revision (empty: the newest it knows) in the Hub's cache, or None.

    Nothing is fetched, and the Hub is not asked; None too where huggingface_hub is not installed.
    """
    if extras.absent(["huggingface_hub"]):
        return None
    import huggingface_hub as hub

    found = [hub.try_to_load_from_cache(repo, name, revision=revision or None) for name in names]
    paths = [Path(path) for path in found if isinstance(path, str)]
    return paths if len(paths) == len(names) else None


def hub_missing(repo: str, names: Sequence[str], revision: str) -> str | None:
    """Why files cannot come from the Hub: it is offline by setting and they are not in its cache.

    None does not promise that the Hub will answer or let the files go.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE and not hub_paths(repo, names, revision):
        return f"{repo} is not in the Hugging Face cache and HF_HUB_OFFLINE is set: unset it"
    return None


def from_hub(
    repo: str, names: Sequence[str], revision: str, alternatives: Sequence[str] = ()
) -> tuple[list[Path], str]:
    """Files of one commit of a repository on the Hub, from its cache or the network.

    Each is compared with the hash by which the Hub's cache names it; a damaged one is removed.

    Args:
        repo: owner/name.
        names: paths in the repository.
        revision: a branch, tag or commit; if empty, the newest.
        alternatives: other sources of the same latent space, for the error message: names of
            cards, or repositories (with a slash) said to hold the same files.

    Returns:
        The files, in the order of `names`, and the commit they are of.

    Raises:
        FetchError: the repository is gated, private or not there, the Hub does not answer or asks
            to wait long, or what came is damaged. No broken file is left behind.
    """
    import huggingface_hub as hub
    from huggingface_hub import constants, errors, logging

    # Its own lines would repeat the error, with addresses that carry a permission.
    logging.set_verbosity_error()
    _heed_waits()
    paths: list[Path] = []
    commit = revision
    try:
        if not hub_paths(repo, names, revision) and not constants.HF_HUB_OFFLINE:
            _ask(repo, names[0], revision)
        for name in names:
            paths.append(Path(hub.hf_hub_download(repo, name, revision=commit or None)))
            commit = commit_of(paths[0])
            if not _intact(paths[-1]):
                raise FetchError(
                    f"{repo}: '{name}' was damaged on the way or on this disk and was removed from "
                    "the Hugging Face cache: run the command again, which fetches it anew"
                )
    except _WaitError as error:
        raise FetchError(f"{repo}: {error}") from None
    except (errors.HTTPError, errors.EntryNotFoundError, OSError, ValueError) as error:
        missing = names[min(len(paths), len(names) - 1)]
        why = _words(error, repo, missing, revision, alternatives)
        raise FetchError(f"{repo} {why}") from None
    return paths, commit


class _WaitError(FetchError):
    """The Hub asks to wait longer than is waited."""


def _heed_waits() -> None:
    """Have it said, or refused, when the Hub asks to wait; huggingface_hub does so silently.

    Its session takes functions that see each answer: of httpx, or of requests in versions below 1.
    """
    from huggingface_hub.utils import get_session

    session: Any = get_session()
    name = "event_hooks" if hasattr(session, "event_hooks") else "hooks"
    hooks = getattr(session, name)
    if _heed not in hooks["response"]:
        # httpx gives a copy and takes a whole
        changed = {**hooks, "response": [*hooks["response"], _heed]}
        setattr(session, name, changed)


def _heed(answer: Any, *_: Any, **__: Any) -> None:
    """Say what an answer of the Hub asks to wait; `_WaitError` if that is longer than is waited."""
    if answer.status_code not in PASSING:
        return
    limits = re.search(r";r=0;t=(\d+)", answer.headers.get("RateLimit", ""))
    asked = seconds_asked(limits[1] if limits else answer.headers.get("Retry-After"))
    if asked is not None and asked > PATIENCE:
        raise _WaitError(f"the Hub answers {answer.status_code}: {too_long(asked)}: try again then")
    if asked:
        LOG.info("the Hub answers %s: waiting %.0f s, as it asks", answer.status_code, asked)


def _ask(repo: str, name: str, revision: str) -> None:
    """FetchError at once if the Hub cannot be reached: huggingface_hub tries for half a minute."""
    import huggingface_hub as hub
    from huggingface_hub import errors

    try:
        hub.get_hf_file_metadata(hub.hf_hub_url(repo, name, revision=revision or None))
    except errors.HfHubHTTPError:
        return  # it answers; what it says is read in its place
    except (errors.HTTPError, OSError) as error:
        raise FetchError(
            f"{repo} is not in the Hugging Face cache and the Hub cannot be reached "
            f"({one_line(error)}): check the network, and HF_ENDPOINT if it is set"
        ) from None


def _words(
    error: Exception, repo: str, name: str, revision: str, alternatives: Sequence[str]
) -> str:
    """Why the Hub gives no file, and what to do: the end of a sentence that begins with `repo`."""
    from huggingface_hub import errors

    page, other = f"{PAGES}/{repo}", _other(alternatives)
    cause = error.__cause__
    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(cause, Exception):
        error = cause  # it only says that the cache can't help; why, its cause says
    status = getattr(getattr(error, "response", None), "status_code", 0)
    said = getattr(error, "server_message", None) or error
    if isinstance(error, OSError) and error.errno in (*faults.FULL, *faults.CLOSED):
        return f"cannot be kept: {faults.of_system(error)}; HF_HOME says where the Hub's cache lies"
    if isinstance(error, errors.GatedRepoError):
        if status == 401:
            return f"is gated: accept its licence at {page}, then run 'hf auth login'{other}"
        return (
            "is gated and your account has no access: accept its licence at "
            f"{page} with the account that 'hf auth whoami' names{other}"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return (
            f"has no revision '{revision}': it was moved or removed: choose a commit at "
            f"{page}/commits/main and name it as revision"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"is not there or is private: see {page}, and check 'hf auth whoami'{other}"
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "is not in the Hugging Face cache and HF_HUB_OFFLINE is set: unset it to fetch"
    if isinstance(error, errors.EntryNotFoundError):
        folder = name.rpartition("/")[0]
        remedy = instead(
            lambda other: _exists(repo, f"{folder}/{other}" if folder else other, revision),
            f"hf:{repo}{f'@{revision}' * bool(revision)}#vae",
        )
        remedy = remedy or f"see {page}/tree/{revision or 'main'}"
        return f"has no file '{name}': {remedy}"
    if isinstance(error, errors.FileMetadataError):
        return (
            "was not asked for of a Hub: what answers does not speak its protocol: check "
            "HF_ENDPOINT, proxies, and whether the network asks for a login"
        )
    if status == 401:
        return "is refused, since your token is not valid: run 'hf auth login' again"
    if status == 403:
        return (
            f"is refused to your token ({_short(said)}): give the token the right to read it at "
            f"{PAGES}/settings/tokens, or see {page}{other}"
        )
    if status >= 500:
        return f"cannot be had now: the Hub answers {status}: try again in a few minutes{other}"
    return f"could not be fetched: {_short(said)}: run the command again, or see {page}{other}"


def _exists(repo: str, name: str, revision: str) -> bool:
    """Whether the Hub has a file; False too if it does not say."""
    import huggingface_hub as hub
    from huggingface_hub import errors

    try:
        hub.get_hf_file_metadata(hub.hf_hub_url(repo, name, revision=revision or None))
    except (errors.HTTPError, OSError, ValueError):
        return False
    return True


def _short(said: object) -> str:
    """What another program says, on one line without secrets, and without its full stop."""
    return one_line(said if isinstance(said, Exception) else Exception(said)).rstrip(".")


def _other(alternatives: Sequence[str]) -> str:
    """Where else the same latent space is to be had, as the end of a sentence."""
    cards = [name for name in alternatives if "/" not in name]
    repos = [name for name in alternatives if "/" in name]
    ways = [f"take encoder {' or '.join(cards)} (same latent space)"] if cards else []
    ways += [f"set repo to {' or '.join(repos)} in its card"] if repos else []
    return f"; or {', or '.join(ways)}" if ways else ""


def _intact(path: Path) -> bool:
    """Whether a file of the Hub's cache has the hash that its blob is named by; else it is removed.

    The name is the ETag: SHA-256 of a large file, git's hash of a small one. A cache without links
    (where the system has none) has no such names; its files are taken for intact.
    """
    if not path.is_symlink():
        return True
    blob = path.parent / os.readlink(path)
    if re.fullmatch("[0-9a-f]{64}", blob.name):
        found = sha256(path)
    elif re.fullmatch("[0-9a-f]{40}", blob.name):
        content = path.read_bytes()
        found = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    else:
        return True
    if found == blob.name:
        return True
    for file in (blob.resolve(), blob, path):  # a blob can be a link into a store of its own
        file.unlink(missing_ok=True)
    return False


def commit_of(path: Path) -> str:
    """The commit in the path of a file in the Hub's cache: .../snapshots/<commit>/..."""
    return path.parts[len(path.parts) - path.parts[::-1].index("snapshots")]
