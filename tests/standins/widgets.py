"""Pages with the interactive parts alone, and a browser that complains of what goes wrong."""

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WIDGETS = ("noise_slider", "shift_calculator", "sound_levels")


def page_of(*markdown: str) -> str:
    """A page as either renderer makes it of raw HTML, in the site's own style."""
    raw = re.compile(r"\A```\{=html\}\n(.*)\n```\Z", re.DOTALL)
    bodies = [found[1] for text in markdown if (found := raw.match(text))]
    assert len(bodies) == len(markdown), "not one raw block"
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Widgets</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="site.css"><link rel="stylesheet" href="style.css"></head>'
        '<body><div class="layout bare"><main id="content"><h1>Widgets</h1>'
        f"{''.join(bodies)}</main></div></body></html>"
    )


def copy_of(built: Path, folder: Path) -> Path:
    """The page with all that it loads, to be changed."""
    shutil.copytree(built.parents[1], folder, dirs_exist_ok=True)
    return folder / "report" / built.name


@contextlib.contextmanager
def opened(browser: Any, path: Path, width: int = 1000, **context: Any) -> Iterator[Any]:
    """The page, opened from the file system; at the end it has complained of nothing."""
    context = {"viewport": {"width": width, "height": 900}, **context}
    place = browser.new_context(**context)
    page = place.new_page()
    page.set_default_timeout(10_000)
    problems: list[str] = []

    def asked(request: Any) -> None:
        if not request.url.startswith("file:"):
            problems.append(request.url)

    # Reading canvases often is what tests do.
    page.on("console", lambda m: None if "getImageData" in m.text else problems.append(m.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.on("request", asked)
    page.goto(f"file://{path}")
    yield page
    place.close()
    assert problems == []


def shown(page: Any) -> None:
    """Wait for the slider's pictures."""
    page.locator(".noise-slider").scroll_into_view_if_needed()
    page.wait_for_selector(".noise-slider[data-state=shown]")


READ = """() => {
    const root = document.querySelector(".shift-calculator");
    return {
        state: root.dataset.state ?? null,
        says: root.querySelector(".w-answer").textContent,
        rows: [...root.querySelectorAll("tbody tr")].map(
            row => [...row.cells].map(cell => cell.textContent)),
        base: root.querySelector("[name=base]").value,
        command: root.querySelector("[data-out=command]").textContent,
        wrong: [...root.querySelectorAll("[aria-invalid=true]")].map(one => one.name),
    };
}"""


def read(page: Any) -> dict[str, Any]:
    """Everything that the calculator says."""
    found: dict[str, Any] = page.evaluate(READ)
    return found


def give(page: Any, **fields: Any) -> dict[str, Any]:
    """Fill in the calculator's form as a reader does, and read everything it then says."""
    for name, value in fields.items():
        field = page.locator(f".shift-calculator [name={name}]")
        if name == "for":
            field.select_option(value)
        else:
            field.fill(str(value))
    return read(page)
