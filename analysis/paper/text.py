"""Numbers as text: rounding never hides a value, an interval shows its width."""

import math
from collections.abc import Sequence

from analysis.project.markdown import Markdown, cell
from analysis.spectra import intervals
from analysis.spectra.intervals import Estimate


def number(value: float, digits: int = 3, unit: str = "") -> str:
    """A number with significant digits, and its unit after a no-break space.

    Raises:
        ValueError: the value is not finite.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} can't be shown as a number")
    exponent = math.floor(math.log10(abs(value))) if value else 0
    if -3 <= exponent < 6:
        text = f"{value:.{max(digits - 1 - exponent, 0)}f}"
    else:
        text = f"{value:.{digits - 1}e}"
    return text + (f"\u00a0{unit}" if unit else "")


def fixed(value: float, decimals: int) -> str:
    """A number with fixed decimals; ValueError if rounding would show a non-zero value as zero."""
    text = f"{value:.{decimals}f}"
    if value != 0 and float(text) == 0:
        raise ValueError(f"{value} would be shown as {text}: use more decimals")
    return text.replace("-", "\u2212")


def plain(value: float, decimals: int) -> str:
    """A number with fixed decimals whose scale is one, such as an exponent: 0.00 is fine."""
    text = f"{value:.{decimals}f}"
    return (text.removeprefix("-") if float(text) == 0 else text).replace("-", "\u2212")


def percent(share: float, decimals: int = 0) -> str:
    """A share as a percentage, with more decimals than asked if it would show as zero."""
    while share != 0 and decimals < 6 and float(f"{100 * share:.{decimals}f}") == 0:
        decimals += 1
    return fixed(100 * share, decimals) + "\u00a0%"


def grouped(count: int) -> str:
    """A whole number with a narrow no-break space between thousands."""
    return f"{count:,}".replace(",", "\u202f")


def decimals_of(estimate: Estimate) -> int:
    """Decimals that show an interval's width: two, or three for one narrower than 0.02."""
    return 3 if estimate.high - estimate.low < 0.02 else 2


def interval(estimate: Estimate) -> str:
    """``[low, high]``, or a statement that so few images give none."""
    if not math.isfinite(estimate.low):
        return f"({intervals.NONE})"
    decimals = decimals_of(estimate)
    return f"[{fixed(estimate.low, decimals)},\u00a0{fixed(estimate.high, decimals)}]"


def point(estimate: Estimate) -> str:
    """The value with as many decimals as its interval."""
    return fixed(estimate.value, decimals_of(estimate))


def estimate(estimate: Estimate) -> str:
    """Value and interval, ``1.53 [1.45, 1.61]``."""
    return f"{point(estimate)} {interval(estimate)}"


def listing(items: Sequence[str]) -> str:
    """``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def resolved(e: Estimate) -> str:
    """Value and interval, with more decimals than usual where these would hide the interval."""
    width = e.high - e.low
    if not 1e-9 < width < 1e-3:  # less is rounding
        return estimate(e)
    decimals = 1 - math.floor(math.log10(width))
    value, low, high = (fixed(end, decimals) for end in (e.value, e.low, e.high))
    return f"{value} [{low},\u00a0{high}]"


def change(ratio: Estimate) -> str:
    """A ratio near one as the change that it is, in percent: ``+0.9 % [+0.5, +1.2]``."""

    def signed(value: float) -> str:
        return f"{100 * (value - 1):+.1f}".replace("-", "\u2212")

    low, high = signed(ratio.low), signed(ratio.high)
    return f"{signed(ratio.value)}\u00a0% [{low},\u00a0{high}]"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str = "") -> Markdown:
    """A Markdown pipe table; ``align`` has one of l, r, c a column.

    A cell that is `Markdown` stands as it is, and has no bare ``|``; any other is shown literally.
    """
    marks = {"l": ":---", "r": "---:", "c": ":---:"}
    rule = [marks[a] for a in (align or "l" * len(header))]
    lines = [[cell(one) for one in header], rule, *([cell(one) for one in row] for row in rows)]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))
