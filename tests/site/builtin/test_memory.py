"""What is remembered of a build: every way in which it can be stale is noticed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.project.errors import InputError
from analysis.site import build
from analysis.site.builtin import kernel, memory
from analysis.site.builtin.files import sources

PAGE = """---
title: A page
bibliography: ../data/r.bib
---

A first paragraph.

{{< include _note.qmd >}}

```{python}
#| echo: false
import sys
from importlib import metadata
from pathlib import Path
from IPython.display import Markdown
sys.path.insert(0, ".")
import beside
made = Path("report/made")
made.mkdir(exist_ok=True)
(made / "numbers.csv").write_text(Path("data/number.txt").read_text())
try:
    asked = open("elsewhere/asked.txt").read()
except OSError:
    asked = "nothing"
listed = [path.name for path in Path("listed").glob("*")]
metadata.version("numpy")  # looks for packages in every folder of sys.path, which are no listings
Markdown(f"[data](made/numbers.csv) {beside.WORD} {asked} {listed}")
```

The number is `{python} Path("data/number.txt").read_text()` [@known]. ![Dot](dot.png)
"""
# Shows what the other does, at the same time: it finds the file there, and leaves it as it is.
TWIN = """---
title: A twin
---

```{python}
import time
from pathlib import Path
made = Path("report/made/numbers.csv")
deadline = time.monotonic() + 60
while not made.is_file() and time.monotonic() < deadline:
    time.sleep(0.01)
print(made.read_text())
```
"""
DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c63f80f000101010018dd8db00000000049454e44ae426082"
)


class Built:
    """A small project, which counts how often the cells of its page ``a`` run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.said: list[str] = []
        self.runs = 0

    def render(self) -> None:
        def counted(pages, root):
            self.runs += "a" in [page.path.stem for page in pages]
            return run(pages, root)

        self.said.clear()
        run = kernel.run
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kernel, "run", counted)
            build.pages(self.root, say=self.said.append)

    @property
    def html(self) -> str:
        return (self.root / "_site" / "report" / "a.html").read_text()

    def tree(self) -> dict[str, bytes]:
        files = (self.root / "_site").rglob("*")
        return {str(path): path.read_bytes() for path in files if path.is_file()}

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def entries(self) -> list[Path]:
        found = (self.root / "data" / "cache" / "pages" / "a").glob("*.json")
        return sorted(found, key=lambda path: path.stat().st_mtime_ns)


@pytest.fixture(scope="module")
def project_(tmp_path_factory: pytest.TempPathFactory) -> Built:
    built = Built(tmp_path_factory.mktemp("remembered") / "project")
    built.write("data/number.txt", "1.25")
    built.write("data/r.bib", "@book{known, title={Title}, author={Writer, Ann}, year={1999}}\n")
    built.write("beside.py", 'WORD = "word"\n')
    built.write("listed/old.txt", "x")
    built.write("report/a.qmd", PAGE)
    built.write("report/_note.qmd", "This is included.\n")
    (built.root / "report" / "dot.png").write_bytes(DOT)
    built.write("_quarto.yml", 'project: {render: ["/report/*.qmd"], execute-dir: project}\n')
    return built


@pytest.fixture
def built(project_: Built) -> Built:
    """The project as built and remembered just now, whatever the test before left."""
    project_.render()
    return project_


def test_only_what_cells_can_see_runs_them(built: Built) -> None:
    before, runs = built.tree(), built.runs
    built.render()
    assert built.tree() == before
    built.replace("report/a.qmd", "A first paragraph.", "Another paragraph.")
    built.render()
    assert "Another paragraph." in built.html
    assert built.runs == runs
    built.write("data/number.txt", "1.75")
    built.render()
    assert "number is 1.75" in built.html
    assert built.runs == runs + 1
    built.replace("report/a.qmd", "Another paragraph.", "A first paragraph.")


@pytest.mark.slow
def test_pages_that_show_the_same_are_both_remembered(built: Built) -> None:
    (built.root / "report" / "made" / "numbers.csv").unlink()
    built.write("report/twin.qmd", TWIN)
    built.render()
    assert any("running its cells" in line for line in built.said)
    built.render()
    assert not any("running its cells" in line for line in built.said)
    (built.root / "report" / "twin.qmd").unlink()


CHANGES: dict[str, tuple[Callable[[Built], None], str]] = {
    "data": (lambda b: b.write("data/number.txt", "2.5"), "number is 2.5"),
    "module": (lambda b: b.write("beside.py", 'WORD = "changed word"\n'), "changed word"),
    "file that was looked for": (
        lambda b: b.write("elsewhere/asked.txt", "an answer"), "an answer",
    ),
    "folder that was listed": (lambda b: b.write("listed/new.txt", "x"), "new.txt"),
    "file in data that was not asked for": (lambda b: b.write("data/new.txt", "x"), ""),
    "cell": (lambda b: b.replace("report/a.qmd", "{asked}", "{asked} edited"), "edited"),
    "bibliography in data": (lambda b: b.replace("data/r.bib", "1999", "2001"), "Writer 2001"),
    "inline code": (
        lambda b: b.replace("report/a.qmd", ".read_text()` [", ".read_text() + ' in all'` ["),
        "in all",
    ),
    "what cells made": (lambda b: b.write("report/made/numbers.csv", "tampered"), ""),
    "what cells made is gone": (lambda b: (b.root / "report/made/numbers.csv").unlink(), ""),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_cells_can_see_runs_them_again(name: str, built: Built) -> None:
    change, words = CHANGES[name]
    runs = built.runs
    assert not words or words not in built.html
    change(built)
    built.render()
    assert built.runs == runs + 1
    assert words in built.html
    made = (built.root / "_site" / "report" / "made" / "numbers.csv").read_text()
    assert made == (built.root / "data" / "number.txt").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("report/_note.qmd", "included", "including", "including"),
        ("_quarto.yml", "project:", "lang: fr\nproject:", 'lang="fr"'),
    ],
)
def test_what_only_the_site_reads_renders_again(
    name: str, old: str, new: str, words: str, built: Built
) -> None:
    built.replace(name, old, new)
    built.render()
    assert words in built.html


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("1.25", "9.75").replace("2.5", "9.75"),
        lambda text: text[: len(text) // 2],
    ],
)
def test_a_damaged_entry_is_computed_anew(damage: Callable[[str], str], built: Built) -> None:
    before, runs = built.html, built.runs
    entry = built.entries()[-1]
    entry.write_text(damage(entry.read_text()))
    built.render()
    assert built.html == before
    assert built.runs == runs + 1
    assert "9.75" not in built.html


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr("sys.version", "3.99.0"),
        lambda patch: patch.setenv("SOURCE_DATE_EPOCH", "86400"),
        lambda patch: patch.setattr(memory, "_packages", lambda: ["numpy-99.0.dist-info"]),
        lambda patch: patch.setattr(memory, "environment", lambda: {"commit": "another"}),
    ],
    ids=["python", "variable", "numpy", "commit"],
)
def test_other_surroundings_run_it_again(
    change: Callable[[pytest.MonkeyPatch], None], built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = built.runs
    change(monkeypatch)
    built.render()
    assert built.runs == runs + 1


@pytest.mark.slow
def test_nothing_is_remembered_of_modules_edited_since_they_were_loaded(
    built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = max(path.stat().st_mtime_ns for path in sources(memory._PACKAGE))
    built.write("data/number.txt", "3.75")
    monkeypatch.setattr(memory, "STARTED", source)
    built.render()
    runs = built.runs
    built.render()
    assert built.runs == runs + 1, "the newest module may be another than was loaded"
    monkeypatch.setattr(memory, "STARTED", source + 1)
    built.render()
    built.render()
    assert built.runs == runs + 2


def test_the_packages_are_seen() -> None:
    assert any(name.lower().startswith("numpy-") for name in memory._packages())


def test_a_slip_in_the_prose_is_told_where_nothing_runs(built: Built) -> None:
    runs, before = built.runs, built.html
    built.replace("report/a.qmd", "A first paragraph.", "See @fig-none and [x](none.csv).")
    with pytest.raises(InputError) as error:
        built.render()
    assert "a.qmd:6: nothing on this page has the label 'fig-none'" in str(error.value)
    assert "a.qmd:6: no such file: none.csv" in str(error.value)
    assert built.runs == runs
    assert built.html == before
    built.replace("report/a.qmd", "See @fig-none and [x](none.csv).", "A first paragraph.")


@pytest.mark.slow
def test_only_the_newest_are_kept(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "KEPT", 1)
    built.replace("report/a.qmd", "import beside", "import beside; 1")
    built.render()
    assert len(built.entries()) == 1
