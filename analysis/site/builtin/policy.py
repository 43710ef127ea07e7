"""What a page may load and run: the content security policy in its head, which browsers enforce.

A card, a title or a catalogue that somebody contributed is escaped where it is shown. Should one
slip through all the same, a browser runs nothing of it: scripts come from the site's own files or
are those that stand in the template, told by their hashes, and no handler in an attribute runs.
Nothing is loaded from elsewhere, and no form is sent.

Source: Content Security Policy Level 3 (W3C), sections 6 and 8.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
# A page that is opened from a disk has no origin, which 'self' would name: hence `file:`, which a
# page from a server can't load.
OWN = "'self' file:"


def scripts(template: Path) -> list[str]:
    """The scripts that stand in a template itself, as sources that a policy allows."""
    found = _SCRIPT.findall(template.read_text(encoding="utf-8"))
    return [hashed(script) for script in found]


def hashed(script: str) -> str:
    """A script's own text as a source: ``'sha256-…'``."""
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def text(allowed: Iterable[str]) -> str:
    """The policy of a page.

    Styles may stand in attributes: pages have widths of columns and alignments of cells there.

    Args:
        allowed: what scripts may be beside the site's own files: sources such as `hashed`.
    """
    return "; ".join(
        [
            "default-src 'none'",
            " ".join(["script-src", OWN, *allowed]),
            f"style-src {OWN} 'unsafe-inline'",
            f"img-src {OWN} data:",
            f"font-src {OWN} data:",
            f"media-src {OWN}",
            f"connect-src {OWN}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def meta(allowed: Iterable[str] = ()) -> str:
    """The element that gives a page its policy, to be the first after the character set."""
    return f'<meta http-equiv="Content-Security-Policy" content="{text(allowed)}">'
