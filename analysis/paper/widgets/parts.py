"""What the interactive parts of the pages share: raw HTML, their scripts and data."""

import json
from collections.abc import Mapping
from typing import Any

from analysis.project.markdown import Markdown

DIGITS = 9  # of what a page computes with: finer than it shows, and the same on every processor


def embedded(data: Mapping[str, Any]) -> str:
    """JSON that can stand in a script element or a script: no ``<`` (so no ``</script``), no nan.

    Raises:
        ValueError: a number is not finite, which JSON has no word for.
    """
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def raw_html(*parts: str) -> Markdown:
    """HTML that a page takes as it is."""
    return Markdown("\n".join(["```{=html}", *parts, "```"]))


def widget(name: str, *parts: str, without: str) -> Markdown:
    """An interactive part with its style and its script, ``report/interactive/<name>.js``.

    Args:
        name: of the script.
        parts: its HTML.
        without: what is said where scripts are switched off.
    """
    return raw_html(
        '<link rel="stylesheet" href="interactive/widgets.css">',
        *parts,
        f'<noscript class="w-without"><p>{without}</p></noscript>',
        f'<script src="interactive/{name}.js" defer></script>',
    )
