"""Text that comes from data, as a page can show it.

Titles, authors, licences, names of files and notes are what somebody wrote, and pages are written
in Markdown. Whatever goes from data into a page goes through `escaped` or one of its relatives
below; a text that is meant as Markdown is a `Markdown`, and every other one is data.
"""

import re
import unicodedata
from urllib.parse import quote

# Control characters, halves of surrogate pairs, private use (the renderer has marks of its own
# there), line and paragraph separators; and what turns the direction of all that follows.
_UNSEEN = {"Cc", "Cs", "Co", "Zl", "Zp"}
_TURNING = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_SPACES = re.compile(r"[ \t\r\n\f\v]+")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


class Markdown(str):
    """A text that a page takes as Markdown."""

    __slots__ = ()

    def _repr_markdown_(self) -> str:
        return str(self)


def printable(text: str) -> str:
    r"""A text of which every character can be seen and written as UTF-8.

    What can't be is shown by its number, as Python writes it: ``\n`` for a line's end, ``\xe9``
    for a byte of a file's name that is no UTF-8. Different texts stay different but where somebody
    wrote such a number out.
    """
    return "".join(_visible(one) if _unseen(one) else one for one in text)


def line(text: str) -> str:
    """A text on one line, as `printable`: runs of white space are one space.

    A no-break space is none, and stays.
    """
    return printable(_SPACES.sub(" ", text).strip(" "))


def escaped(text: str) -> Markdown:
    """The Markdown that shows a text as it is, as prose, in a table's cell or in an attribute."""
    return Markdown(_PUNCTUATION.sub(r"\\\1", line(text)))


def code(text: str) -> Markdown:
    """A name set as code; prose where it has what ends code, a cell of a table or a shortcode."""
    name = line(text)
    return escaped(name) if not name or re.search(r"[`|{}]", name) else Markdown(f"`{name}`")


def quoted(text: str) -> str:
    """The value of an attribute, with its quotes: ``title="…"``."""
    return f'"{escaped(text)}"'


def link(text: str, address: str) -> Markdown:
    """A link to an address on the web; of any other address, the text alone."""
    if not re.match(r"https?://", address):
        return Markdown(cell(text))
    return Markdown(f"[{cell(text)}]({quote(address, safe=':/?#@!&=+,;%~')})")


def cell(text: str) -> str:
    """What stands in a table: Markdown as it is, any other text escaped."""
    return text if isinstance(text, Markdown) else escaped(text)


def _unseen(one: str) -> bool:
    return unicodedata.category(one) in _UNSEEN or one in _TURNING or ord(one) & 0xFFFE == 0xFFFE


def _visible(one: str) -> str:
    number = ord(one)
    if 0xDC80 <= number <= 0xDCFF:  # a byte, as Python keeps it in a file's name
        return f"\\x{number - 0xDC00:02x}"
    return one.encode("unicode_escape").decode("ascii")
