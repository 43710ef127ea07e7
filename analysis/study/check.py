"""What is there, missing, stale or damaged in a study; and why.

Nothing is computed, fetched or changed here.
"""

import collections
import dataclasses
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from analysis.encoders import availability, cards
from analysis.images import catalogue
from analysis.project.errors import InputError
from analysis.study import archive, preflight
from analysis.study.chain import Chain
from analysis.study.measurement import Measured
from analysis.study.plan import Plan
from analysis.study.settings import Study
from analysis.study.store import MissError, Request, Store


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line: what was looked at, what was found, and whether that is wrong."""

    part: str
    text: str
    wrong: bool = False


def check(study: Study, store: Store) -> Iterator[Finding]:
    """Look at photographs, steps and committed results, in this order.

    Raises:
        InputError: the study names a set, encoder or photograph that does not exist.
    """
    chain = Chain(study, store)
    plan = chain.plan
    if plan.images.left_out:
        yield Finding("photographs", f"beside them there is {plan.images.left_out}")
    for line in plan.unfit.values():
        yield Finding("photographs", f"left out, as skip_unfit asks: {line}")
    lacking = catalogue.unavailable(plan.photographs, store.downloads)
    wrong = catalogue.unfit(plan.photographs, study.high, store.downloads, decoded=False)
    for line in wrong.values():
        yield Finding("photographs", line, wrong=True)
    for name, error in lacking.items():
        if name not in wrong:
            yield Finding("photographs", str(error), wrong=isinstance(error, InputError))
    if lacking or wrong:
        yield Finding("steps", "not looked at, since they depend on the photographs")
    else:
        yield Finding("photographs", f"{len(plan.photographs)} of '{study.images}', all as meant")
        for card in plan.cards.values():
            problems = list(
                preflight.sides(card.name, card.latent_stride, study.resolutions, study.bands)
            )
            for line in problems:
                yield Finding(card.name, line, wrong=True)
            if not problems:
                yield from _steps(chain, card)
        yield from _committed(plan)


def _steps(chain: Chain, card: cards.Card) -> Iterator[Finding]:
    """Whether committed results answer, or how many steps are cached; what is missing yet."""
    requests = [request for request, _ in chain.tasks(card)]
    states = {request.key: chain.store.state(request) for request in requests}
    for request in _and_moments(chain, card, requests):
        if chain.store.state(request) == "damaged":
            text = (
                f"{request.label} is damaged in the cache: 'python -m analysis compute' replaces it"
            )
            yield Finding(card.name, text, wrong=True)
    measurement = chain.plan.measurement_request(card)
    there = archive.answering(chain.study.name, measurement.key, card.name)
    if there and states[measurement.key] != "sound":
        text = f"committed results in {archive.place(there)} answer this study"
    else:
        sound = sum(state == "sound" for state in states.values())
        text = f"{sound} of {len(states)} steps are cached"
    wanted = [request for request, _ in chain.todo(card, anew=False)]
    absent = [request for request in wanted if states[request.key] == "absent"]
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        text += f"; missing: {absent[0].label}{more} ({why_missing(chain.store, absent[0])})"
        if reason := availability.missing(card):
            text += f"; cannot be computed here: {reason}"
    yield Finding(card.name, text)


def _and_moments(chain: Chain, card: cards.Card, requests: list[Request]) -> Iterator[Request]:
    """The requests and the moments between them, which are no tasks of their own."""
    yield from requests
    if card.kind != "pixel":
        for view in chain.plan.views(card):
            yield chain.plan.moments_request(view, card)


def why_missing(store: Store, request: Request) -> str:
    """Why a request is not stored, without the advice of `Store.explain_miss`."""
    text = store.explain_miss(request)
    found = re.search(r" is not in the cache[^:]*: (.*)\. Run 'python -m analysis compute'", text)
    return found[1] if found else text


def _committed(plan: Plan) -> Iterator[Finding]:
    """Whether ``data/results`` holds what this study asks for, made from what it has now."""
    sound, absent = collections.defaultdict(list), []
    for name, request in plan.results().items():
        own = archive.folder(plan.study.name) / f"{name}.json"
        there = archive.answering(plan.study.name, request.key, name)
        if there is None and not own.is_file():
            absent.append(name)
        elif problem := _unlike(plan, request, name, there or own):
            yield Finding("committed results", f"{name}: {problem}", wrong=True)
        else:
            sound[archive.place(there or own)].append(name)
    for where, names in sound.items():
        text = f"{', '.join(names)} in {where}: as this study makes them"
        yield Finding("committed results", text)
    if absent:
        yield Finding("committed results", f"none for {', '.join(absent)}")


def _unlike(plan: Plan, request: Request, name: str, path: Path) -> str | None:
    """What is wrong with a committed result, of the given JSON, or None."""
    remedy = "'python -m analysis compute --update-results' writes it anew"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        path.with_suffix(".npz").stat()
        arrays, provenance = archive.read(plan.study.name, request, name, "")
        if name not in plan.cards:
            return None
        measured = Measured(plan.cards[name], plan.study, arrays, "committed", provenance)
        stored = content["numbers"]
        numbers = archive.rounded(measured.numbers())
        # Five digits, which all machines reproduce.
        differing = [k for k in numbers if archive.differs(numbers[k], stored.get(k), 1e-5)]
    except archive.DamagedError:
        return f"damaged: {remedy}, or restore it from version control"
    except MissError:
        return f"stale, made from other photographs, settings or code: {remedy}"
    except (ValueError, KeyError, OSError, zipfile.BadZipFile, AttributeError, TypeError):
        return f"damaged: {remedy}, or restore it from version control"
    if differing:
        return f"{path.name} says another {', '.join(differing)} than its arrays: {remedy}"
    return None
