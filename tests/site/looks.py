"""What is wrong with a page in a browser, whichever renderer wrote it, in words: nothing, mostly.

Whatever axe-core finds, of any severity; what is wider than the window without a box of its own to
scroll in; pictures that do not show, and a page that is light in the dark; what the console and the
network complain of, and whatever is loaded from elsewhere.

``python -m tests.site.looks SITE`` opens every page of a site in light and in dark, on a desktop
and on a phone, and prints the faults; it fails if there are any.
"""

import shutil
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

SCHEMES, WIDTHS = ("light", "dark"), (360, 1280)
_AXE = """async () => (await axe.run(document, { preload: false, resultTypes: ["violations"] }))
    .violations.flatMap(found => found.nodes.map(node => `${found.id}: ${node.html}`))"""
_BROKEN = """[...document.images].filter(i => i.complete && !i.naturalWidth)
    .map(i => `broken: ${i.src}`)"""
_DARK = (
    "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).every(c => c < 128)"
)
# What is shown beyond the right edge, unless something around it scrolls.
_WIDE = """() => {
    const scrolls = (e) => ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
    const inside = (e) => e.parentElement !== document.body
        && (scrolls(e.parentElement) || inside(e.parentElement));
    return [...document.querySelectorAll("body *")]
        .filter(e => e.getBoundingClientRect().width > 1 && e.checkVisibility()
            && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1
            && !inside(e))
        .map(e => `wide: ${e.outerHTML.slice(0, 120)}`); }"""


def axe() -> str:
    """The source of axe-core, which the package axe-playwright-python brings along."""
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def faults(browser: Any, page: str, width: int, scheme: str) -> list[str]:
    """What is wrong with a page.

    Args:
        browser: Playwright's.
        page: its address.
        width: of the window, in CSS pixels.
        scheme: ``light`` or ``dark``, as the reader's system asks.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    opened, said = context.new_page(), []
    opened.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("requestfailed", lambda request: said.append(f"failed: {request.url}"))
    own = ("/".join(page.split("/")[:3]), "data:", "blob:")
    opened.on("request", lambda r: None if r.url.startswith(own) else said.append(r.url))
    opened.goto(page)
    said += opened.evaluate(_WIDE) + opened.evaluate(_BROKEN)
    if opened.evaluate(_DARK) != (scheme == "dark"):
        said.append(f"its ground is not {scheme}")
    opened.evaluate(axe())
    said += opened.evaluate(_AXE)
    context.close()
    return said


def everywhere(browser: Any, site: Path, address: str) -> Iterator[str]:
    """The faults of all pages of a site at an address, each with its page, width and scheme."""
    for page, width, scheme in product(sorted(site.rglob("report/*.html")), WIDTHS, SCHEMES):
        name = page.relative_to(site).as_posix()
        for fault in faults(browser, f"{address}/{name}", width, scheme):
            yield f"{name} at {width} px, {scheme}: {fault}"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """What is asked for is no news."""


def main() -> None:
    """Look at the site that is named on the command line, served: Quarto's scripts are modules."""
    from playwright.sync_api import sync_playwright

    site = Path(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        found = list(everywhere(browser, site, f"http://127.0.0.1:{server.server_port}"))
        browser.close()
    print("\n".join(found) or "nothing is wrong")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
