"""Formulas on pages: the thin space that sets "ln s" apart from "lns".

Pandoc writes a named function with MathML's invisible "function application" (U+2061), which
browsers draw without any space, where TeX has a thin one to both sides unless a bracket, an
operator or a space of the author's stands there.
"""

import re
from pathlib import Path

_THIN = '<mspace width="0.167em"></mspace>'
# As the base of a power or a sum's limits it is followed by these, not by its argument.
_BASE = "".join(f"(?<!<{tag}>)" for tag in ("msup", "msub", "msubsup", "munder", "munderover"))
_FUNCTION = re.compile(
    _BASE + '<mrow><mi mathvariant="normal">[^<]+</mi><mo>(?:&#8289;|\u2061)</mo></mrow>'
)
_TERM_BEFORE = re.compile(r"(?:</m(?:i|n|frac|su[bp]|subsup|sqrt)>|\)</mo>)\Z")
_TERM_AFTER = re.compile(r"<m(?!o\b|space\b|row><mo\b)")


def write(site: Path) -> None:
    """Give the formulas of a rendered site these spaces."""
    for page in sorted(site.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        if (made := spaced(text)) != text:
            page.write_text(made, encoding="utf-8")


def spaced(text: str) -> str:
    """HTML whose named functions stand apart from what is before and after them."""
    return _FUNCTION.sub(_spaced, text)


def _spaced(found: re.Match[str]) -> str:
    before = _THIN if _TERM_BEFORE.search(found.string[: found.start()][-20:]) else ""
    after = _THIN if _TERM_AFTER.match(found.string, found.end()) else ""
    return before + found[0] + after
