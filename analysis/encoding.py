"""Which images an encoder is shown together.

As many as a batch may take are encoded at once (`encoders.Loaded.encode` splits what it is given to
its memory); between the batches of this module results are stored and progress is told.
"""

from collections.abc import Collection

from analysis.encoders import Card
from analysis.plan import Plan, View

TOGETHER = 8  # images that are in memory as pixels


def batches(plan: Plan, card: Card, needed: Collection[str]) -> list[list[View]]:
    """The views of an encoder whose moments have to be computed, in groups of one size.

    Args:
        plan: of the study, and the store that moments lie in.
        card: the encoder. Pixels are their own moments and need none.
        needed: keys that the steps to come read.

    Returns:
        Groups of `TOGETHER` views at most. None under ``ANALYSIS_COMPUTE=never``: the step that
        misses its moments says so.
    """
    if card.kind == "pixel" or plan.store.compute == "never":
        return []
    by_side: dict[int, list[View]] = {}
    for view in plan.views(card):
        request = plan.moments_request(view, card)
        if request.key in needed and plan.store.state(request) != "sound":
            by_side.setdefault(view.side, []).append(view)
    return [
        same[first : first + TOGETHER]
        for _, same in sorted(by_side.items())
        for first in range(0, len(same), TOGETHER)
    ]
