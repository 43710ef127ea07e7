"""What is there, missing, stale or damaged in a study; and why.

Nothing is computed, fetched or changed here.
"""

import collections
import dataclasses
import json
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

COMPUTE = "'python -m analysis compute'"
ANEW = "'python -m analysis compute --update-results' writes it anew"


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
            problems = preflight.of_encoder(plan, card)
            yield from (Finding(card.name, line, wrong=True) for line in problems)
            yield from [] if problems else _steps(chain, card)
        yield from _committed(plan)


def _steps(chain: Chain, card: cards.Card) -> Iterator[Finding]:
    """Whether committed results answer, or how many steps are cached; what is missing yet."""
    plan, store = chain.plan, chain.store
    steps = [request for request, _ in chain.tasks(card)]
    every = chain.requests(card)
    states = {request.key: store.state(request) for request in every}
    for request in every:
        if states[request.key] == "damaged":
            text = f"{request.label} is damaged in the cache: {COMPUTE} replaces it"
            yield Finding(card.name, text, wrong=True)
    measurement = plan.measurement_request(card).key
    there = archive.answering(plan.study.name, measurement, card.name)
    if there and states[measurement] != "sound":
        text = f"committed results in {archive.place(there)} answer this study"
    else:
        sound = sum(states[request.key] == "sound" for request in steps)
        text = f"{sound} of {len(steps)} steps are cached"
    wanted = [request for request, _ in chain.todo(card, anew=False)]
    absent = [request for request in wanted if states[request.key] == "absent"]
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        text += f"; missing: {absent[0].label}{more} ({store.why_missing(absent[0])})"
        if reason := availability.missing(card):
            text += f"; cannot be computed here: {reason}"
    yield Finding(card.name, text)
    yield from (Finding(card.name, *found) for found in store.other_code(every))


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
    damage = (archive.DamagedError, OSError, zipfile.BadZipFile)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        path.with_suffix(".npz").stat()
        arrays, provenance = archive.read(plan.study.name, request, name, "")
        if name not in plan.cards:
            return None
        measured = Measured(plan.cards[name], plan.study, arrays, "committed", provenance)
        numbers = archive.rounded(measured.numbers())
        # Five digits, which all machines reproduce.
        stored = content["numbers"]
        differing = [k for k in numbers if archive.differs(numbers[k], stored.get(k), 1e-5)]
    except (*damage, ValueError, KeyError, AttributeError, TypeError):
        return f"damaged: {ANEW}, or restore it from version control"
    except MissError:
        return f"stale, made from other photographs, settings or code: {ANEW}"
    if differing:
        return f"{path.name} says another {', '.join(differing)} than its arrays: {ANEW}"
    return None
