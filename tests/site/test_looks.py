"""A page that is sound, and what is said of one that is not."""

from pathlib import Path

import pytest

from tests.site import looks

SOUND = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A</title>
<style>:root { color-scheme: light dark } body { background: Canvas; color: CanvasText }
</style></head><body><main><h1>A</h1><div tabindex="0" style="overflow-x: auto">
<p style="width: 40rem">A line as long as this one is does not fit a phone’s screen.</p></div>
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACADs=" alt="A dot">
</main></body></html>"""


def test_a_sound_page_has_no_faults(browser, axe, tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "a.html").write_text(SOUND, encoding="utf-8")
    assert list(looks.everywhere(browser, tmp_path, tmp_path.as_uri())) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (' alt="A dot"', "", "image-alt"),
        ("<h1>A</h1>", '<h1>A</h1><p style="color: #777; background: #666">grey</p>', "contrast"),
        ("<h1>A</h1>", "<h1>A</h1><table><tr><th></th></tr></table>", "empty-table-header"),
        (' tabindex="0"', "", "scrollable-region-focusable"),
        ("overflow-x: auto", "", "wide: <p style"),
        ("overflow-x: auto", "overflow-x: hidden", "wide: <p style"),
        ("data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACADs=", "none.png", "failed: file:"),
        ("data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACADs=", "none.png", "broken: file:"),
        ("<main>", '<main><script>console.warn("uncanny")</script>', "uncanny"),
        ("<main>", "<main><script>nobody()</script>", "nobody is not defined"),
        ("<main>", '<main><script src="https://example.org/a.js"></script>', "https://example.org"),
        ("Canvas;", "#fff;", "its ground is not dark"),
    ],
)
def test_each_kind_of_fault_is_told(
    browser, axe, tmp_path: Path, old: str, new: str, fault: str
) -> None:
    page = tmp_path / "a.html"
    assert old in SOUND
    page.write_text(SOUND.replace(old, new, 1), encoding="utf-8")
    assert any(fault in one for one in looks.faults(browser, page.as_uri(), 360, "dark"))
