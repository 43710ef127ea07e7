"""The link check: it follows what is inside the site and sees what leads nowhere."""

from pathlib import Path

import pytest

from analysis.project.errors import AnalysisError
from analysis.site import links


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "index.html").write_text('<h1 id="top-one">x</h1><a href="sub/a.html#here">a</a>')
    (tmp_path / "sub" / "a.html").write_text('<p id="here"></p><img src="b%20c.png">')
    (tmp_path / "sub" / "b c.png").write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    "good",
    ["#", "#top", "#in", "", "..", "../index.html#top-one", "/index.html", "a.html?x=1#here",
     "https://example.org/#none", "mailto:a@example.org", "data:image/png;base64,AA"],
)  # fmt: skip
def test_links_that_lead_somewhere(good: str, site: Path) -> None:
    (site / "sub" / "b.html").write_text(f'<p id="in"><a href="{good}">x</a>')
    links.check(site)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ('<a href="none.html">', "none.html: no such file"),
        ('<a href="a.html#none">', "a.html#none: no element with id 'none'"),
        ('<a href="#none">', "#none: no element with id 'none'"),
        ('<img src="none.png">', "none.png: no such file"),
        ('<source srcset="b%20c.png 1x, none.png 2x">', "none.png: no such file"),
        ('<a href="/sub/none.html">', "/sub/none.html: no such file"),
        ('<a href="../../outside.html">', "../../outside.html: leaves the site"),
        ('<a href="javascript:x()">', "javascript:x(): no address of http, https or mailto"),
        ('<a href="java&#10;script:x()">', "java\nscript:x(): no address of http, https or mailto"),
        ('<a href="data:text/html,x">', "data:text/html,x: no address of http, https or mailto"),
        ('<a href="//example.org/x">', "//example.org/x: no address of http, https or mailto"),
        ('<a href="../sub/.hidden/x">', "../sub/.hidden/x: a hidden file"),
        ('<a href="%2egit/config">', "%2egit/config: a hidden file"),
    ],
)
def test_links_that_do_not(bad: str, why: str, site: Path) -> None:
    (site / "sub" / "b.html").write_text(f"<p>\n{bad}")
    assert links.broken(site) == [f"sub/b.html:2: {why}"]
    with pytest.raises(AnalysisError, match="1 broken link"):
        links.check(site)
