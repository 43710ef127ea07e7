"""What stands in a script element neither ends it nor is anything but JSON."""

import json
import math

import pytest

from analysis.paper.widgets import parts


def test_embedded_data_ends_no_script() -> None:
    data = {"a": "</script><!-- <script", "b": [1.5, None], "c": "Zürich \u2028 “x”", "<": "&lt;"}
    text = parts.embedded(data)
    assert "<" not in text
    assert text.isascii(), "whatever encoding a page is read in"
    assert json.loads(text) == data


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_embedded_numbers_are_finite(bad: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        parts.embedded({"a": [bad]})
