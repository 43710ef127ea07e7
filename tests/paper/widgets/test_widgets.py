"""The interactive parts in a browser: what is seen, by everyone, with and without scripts."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.standins.widgets import WIDGETS, give, opened, shown


def test_what_the_markup_names_is_there(built: Path) -> None:
    for name, scripts in zip(WIDGETS, (1, 1, 0), strict=True):
        page = built.with_name(f"{name}.html").read_text(encoding="utf-8")
        named = re.findall(r'(?:src|href|data-src)="([^"]+)"', page)
        assert (
            len([one for one in named if one.startswith("interactive/") and ".js" in one])
            == scripts
        )
        for one in named:
            assert (built.parent / one).resolve().is_file(), one


def test_without_javascript_nothing_pretends_to_work(browser, built: Path) -> None:
    with opened(browser, built, java_script_enabled=False) as page:
        for name in ("noise-slider", "shift-calculator"):
            assert not page.locator(f".{name}").is_visible()
        said = page.locator("noscript").all_inner_texts()
        assert ["slider" in said[0], "calculator" in said[1]] == [True, True]
        assert all("needs JavaScript" in text for text in said)
        assert page.locator("noscript").first.is_visible()
        players = page.locator("audio[controls]")
        assert [one.is_visible() for one in players.all()] == [True, True]
        assert page.locator("input:visible, select:visible, button:visible").count() == 0


STATES = {
    "as it begins": {},
    "long": {"for": "qwen-image", "from": "832x1216", "to": "512, 1024x768", "base": "1234.5678"},
    "refused": {"for": "sana", "from": "1000"},
}


@pytest.mark.parametrize("width", [320, 360, 700, 1280])
def test_nothing_is_wider_than_the_screen(browser, built: Path, width: int) -> None:
    with opened(browser, built, width) as page:
        shown(page)
        for name, fields in STATES.items():
            give(page, **fields)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            out = """() => [...document.querySelectorAll(".widget *, .sounds *")]
                .filter(one => !one.closest("svg, legend, script"))
                .filter(one => one.getBoundingClientRect().right
                    > one.closest(".widget, .sounds").getBoundingClientRect().right + 0.5)
                .map(one => one.outerHTML.slice(0, 80))"""
            assert page.evaluate(out) == [], name


GRAVE = """async () => (await axe.run(document, { preload: false, resultTypes: ["violations"] }))
    .violations.filter(found => ["serious", "critical"].includes(found.impact))
    .map(found => [found.id, found.nodes[0].html])"""


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave(browser, built: Path, axe: str, scheme: str, width: int) -> None:
    with opened(browser, built, width, color_scheme=scheme, reduced_motion="reduce") as page:
        shown(page)
        page.evaluate(axe)
        for name, fields in STATES.items():
            give(page, **fields)
            assert page.evaluate(GRAVE) == [], name
        page.add_style_tag(content=".w-note { color: #808080 !important; opacity: 0.7 }")
        assert "color-contrast" in {found[0] for found in page.evaluate(GRAVE)}


def channels(colour: str) -> np.ndarray:
    return np.array([int(c) / 255 for c in re.findall(r"\d+", colour)[:3]])


def luminance(srgb: np.ndarray) -> float:
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize(
    ("scheme", "chosen"), [("light", ""), ("dark", ""), ("light", "dark"), ("dark", "light")]
)
def test_curves_stand_out(browser, built: Path, scheme: str, chosen: str) -> None:
    """Lines that carry meaning: 3:1 (WCAG 1.4.11), as the system asks or as the switch says."""
    with opened(browser, built, color_scheme=scheme) as page:
        page.evaluate("chosen => { document.documentElement.dataset.theme = chosen; }", chosen)
        shown(page)
        style = "e => { const s = getComputedStyle(e); return [s.stroke, s.opacity]; }"
        behind = channels(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert (luminance(behind) < 0.2) == ((chosen or scheme) == "dark")
        for kind in ("low", "high", "shifted"):
            stroke, opacity = page.locator(f".w-snr .w-{kind}").first.evaluate(style)
            seen = float(opacity) * channels(stroke) + (1 - float(opacity)) * behind
            ends = sorted([luminance(seen), luminance(behind)])
            assert (ends[1] + 0.05) / (ends[0] + 0.05) >= 3, kind
