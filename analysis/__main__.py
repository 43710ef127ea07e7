"""The command line: ``timestep-spectra`` or ``python -m analysis``.

A command reads its options, lets the modules above do the work, and prints what they give.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from analysis import console, encoders, fetching, images, results, weights
from analysis.cache import MissError, Store
from analysis.chain import Chain
from analysis.settings import AnalysisError, InputError, Study, load_study, root

NAME = "timestep-spectra"
log = console.Log()
common = console.options(log)
app = typer.Typer(
    add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
)  # fmt: skip


class Format(StrEnum):
    """How a result is printed."""

    text = "text"
    json = "json"


class Renderer(StrEnum):
    """What renders the pages."""

    auto = "auto"
    quarto = "quarto"
    builtin = "builtin"


StudyOption = Annotated[
    str,
    typer.Option(metavar="NAME|PATH", help="A study in data/studies, or a TOML file. "
                 "Default: ANALYSIS_STUDY, else bundled.", show_default=False),
]  # fmt: skip
Formats = Annotated[Format, typer.Option("--format", help="How the result is printed.")]


@app.callback()
@common
def _options() -> None:
    """From photographs to the time-step shift, and to the pages that show it.

    Results go to stdout, everything else to stderr. Exit codes: 0 done; 1 something is wrong;
    2 what was given cannot be used; 3 something could not be fetched; 130 interrupted.
    """


def _name(study: str) -> str:
    """The study that is meant, as the pages and other processes are told: a name or a full path."""
    given = study or os.environ.get("ANALYSIS_STUDY") or "bundled"
    return str(Path(given).resolve()) if given.endswith(".toml") else given


def _shown(path: Path) -> str:
    """A path as seen from here, if it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _chain(study: str) -> Chain:
    return Chain(load_study(_name(study)), Store(say=log.warning))


def _results(chain: Chain, study: str) -> results.Results:
    """The results of a study that has been computed."""
    try:
        return results.assemble(chain)
    except MissError as error:
        log.info(str(error).partition(". Run ")[0])
        option = f" --study {study}" if study else ""
        raise MissError(
            f"study '{chain.study.name}' is not computed: run '{NAME} compute{option}' first"
        ) from None


@app.command()
@common
def fetch(
    study: StudyOption = "",
    encoder: Annotated[
        list[str], typer.Option(help="Get this encoder's weights too; may be given again.")
    ] = [],  # noqa: B006 (typer copies it)
) -> None:
    """Get and verify the study's photographs, and the weights of encoders."""
    chosen, store = load_study(_name(study)), Store()
    cards = [encoders.card(name) for name in encoder]
    with log.progress("photographs") as tell:
        for photo, path in fetching.photographs(chosen, store.downloads, tell):
            print(f"{photo.id}  {images.digest(path)[:12]}  {_shown(path)}")
    for card in cards:
        file = fetching.weights_of(card, store.downloads, log.info)
        found = f"{weights.sha256(file)[:12]}  {_shown(file)}" if file else "needs no weights"
        print(f"{card.name}  {found}")


@app.command()
@common
def compute(
    study: StudyOption = "",
    update_results: Annotated[
        bool, typer.Option("--update-results", help="Write data/results, which is committed.")
    ] = False,
) -> None:
    """Compute what the study needs and the store has not."""
    chain = _chain(study)
    with log.progress("compute") as tell:
        origins = chain.compute(tell)
    found = results.assemble(chain)
    for name, measured in found.measured.items():
        try:
            s = measured.shift
        except ValueError as error:
            raise InputError(f"{name} gives no shift: {error}") from None
        origin = origins[name]
        if origin == "computed" and f"measurement of {name}" not in chain.store.computed:
            origin = "stored"
        interval = f"[{s.whole.low:.2f}, {s.whole.high:.2f}]"
        print(f"{name}: shift {s.whole.value:.2f} {interval}, rule {s.theory:.2f} ({origin})")
    count = len(chain.store.computed)
    print(f"{count} steps computed" if count else "nothing to compute: every step is stored")
    if update_results:
        for path in results.commit(found):
            print(f"wrote {_shown(path)}")


@app.command()
@common
def render(
    study: StudyOption = "",
    renderer: Annotated[Renderer, typer.Option(help="auto: Quarto if a fit one is on PATH.")] = (
        Renderer.auto
    ),
) -> None:
    """Render the pages of a computed study to _site, as HTML and PDF."""
    from analysis.render import links, quarto

    name = _name(study)
    _results(_chain(study), study)
    if renderer == Renderer.auto:
        renderer = Renderer.quarto if quarto.find() else Renderer.builtin
    log.info(f"rendering study '{Path(name).stem}' with {renderer}")
    with console.told_to_pages(name):
        if renderer == Renderer.quarto:
            written = quarto.render(root(), quiet=log.quiet or log.as_json)
            links.check(root() / "_site")
        else:
            from analysis.render.builtin import site

            written = site.render(root(), progress=log.info)
    for path in written:
        print(_shown(path))


@app.command()
@common
def build(study: StudyOption = "", renderer: Renderer = Renderer.auto) -> None:
    """Fetch, compute and render."""
    _plain(fetch)(study=study, encoder=[])
    _plain(compute)(study=study, update_results=False)
    _plain(render)(study=study, renderer=renderer)


def _plain(command: Any) -> Callable[..., None]:
    """A command's function without the options that every command has."""
    function: Callable[..., None] = command.__wrapped__
    return function


@app.command()
@common
def check(study: StudyOption = "") -> None:
    """Tell what is cached, missing, stale or damaged, and whether pages and links hold."""
    from analysis import check as inspection

    problems = 0
    for finding in inspection.check(load_study(_name(study)), Store()):
        problems += finding.wrong
        print(f"{'WRONG ' if finding.wrong else ''}{finding.part}: {finding.text}")
    if problems:
        raise AnalysisError(f"{problems} problem{'s'[: problems != 1]} found, marked WRONG above")


@app.command()
@common
def explain(
    name: Annotated[str, typer.Argument(metavar="FIGURE|VALUE")] = "",
    study: StudyOption = "",
    form: Formats = Format.text,
) -> None:
    """Tell where a figure (fig-raps) or value (t_shifted) comes from; without a name, list them."""
    from analysis import explain as explanation
    from analysis import values

    chain = _chain(study)
    if name.startswith("fig-"):
        content = explanation.figure(name, chain.study, chain.store, study or chain.study.name)
    else:
        found = _results(chain, study)
        if not name:
            known = values.of(found)
            print("\n".join([*explanation.figures(), *known.names()]))
            return
        content = explanation.value(name, found)
    _print(content, form, explanation.text)


def _print(content: dict[str, Any], form: Format, text: Callable[[dict[str, Any]], str]) -> None:
    as_json = form == Format.json
    print(json.dumps(content, indent=1, ensure_ascii=False) if as_json else text(content))


@app.command()
@common
def rebuild(
    figure: Annotated[str, typer.Argument(metavar="FIGURE")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where SVG and PNG are written.")],
    study: StudyOption = "",
) -> None:
    """Draw one figure of a computed study into a folder, as SVG and PNG."""
    from analysis import explain as explanation

    for path in explanation.draw(figure, lambda: _results(_chain(study), study), to):
        print(_shown(path))


@app.command()
@common
def recommend(
    encoder: Annotated[str, typer.Option(help="A name in data/encoders.toml.")],
    start: Annotated[int, typer.Option("--from", metavar="PX", help="Side you come from.")],
    end: Annotated[int, typer.Option("--to", metavar="PX", help="Side you go to.")],
    photographs: Annotated[
        str, typer.Option("--images", metavar="DIR|SET", help="Default: the study's.")
    ] = "",
    base_shift: Annotated[float, typer.Option(help="The shift you use at --from.")] = 1.0,
    form: Formats = Format.text,
    study: StudyOption = "",
) -> None:
    """Measure the time-step shift between two resolutions, as settings for your trainer."""
    from analysis import recommend as recommendation

    chosen: Study = load_study(_name(study))
    with log.progress("recommend") as tell:
        found = recommendation.recommend(
            chosen, encoder, start, end, Store(say=log.warning), photographs, tell
        )
    _print(found.content(base_shift), form, recommendation.text)


@app.command()
@common
def preview(
    study: StudyOption = "",
    renderer: Renderer = Renderer.auto,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
) -> None:
    """Render, serve _site on 127.0.0.1, and render again when something changes."""
    from analysis import preview as server

    flags = [flag for flag, on in (("--quiet", log.quiet), ("--json", log.as_json)) if on]
    command = ["render", "--study", _name(study), "--renderer", renderer, *flags]
    server.preview(root() / "_site", port, command, log)


def main(arguments: Sequence[str] | None = None) -> None:
    """The console command."""
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(console.run(app, NAME, given or ["--help"], log))


if __name__ == "__main__":
    main()
