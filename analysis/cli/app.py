"""The commands: ``timestep-spectra`` or ``python -m analysis``.

A command reads its options, lets the modules above do the work, and prints what they give.
"""

import io
import itertools
import json
import math
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis.cli import commands, console
from analysis.cli.commands import (
    ENCODER,
    By,
    Engine,
    Format,
    Formats,
    Renderer,
    SkipUnfit,
    StudyOption,
    chain_of,
    log,
    printed,
    results_of,
    shown,
    study_name,
    study_of,
)
from analysis.encoders import availability
from analysis.encoders.cards import card as card_named
from analysis.images import catalogue
from analysis.paper import text
from analysis.project import downloads, environment, extras
from analysis.project.errors import AnalysisError, FetchError, InputError, PackageError
from analysis.project.files import NAME, checkout_folder, root
from analysis.shift import equal_snr
from analysis.study import preflight, results
from analysis.study.plan import Plan
from analysis.study.settings import LARGEST, Study
from analysis.study.store import Store

if TYPE_CHECKING:
    from analysis.study.check import Finding

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(commands.encoders_app, name="encoders")
app.add_typer(commands.results_app, name="results")
app.command()(commands.cache)
app.command()(commands.experiment)
app.command()(commands.publish)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(NAME, environment.current(checkout_folder()))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print it and exit."
        ),
    ] = False,
) -> None:
    """From photographs to the time-step shift, and to the pages that show it.

    Results go to stdout, everything else to stderr. Exit codes: 0 done; 1 something is wrong
    here; 2 what was given cannot be used; 3 something could not be fetched; 130 interrupted.

    With every command go --quiet (only warnings and errors are said), --json (log lines are JSON
    objects) and --debug (an error shows its traceback).

    What was computed and fetched is kept in data/cache of a checkout, else in the user's cache
    folder; ANALYSIS_CACHE names another ('cache' tells which it is, and empties it).
    """


def _for_pages(what: str) -> Path:
    """The checkout with the pages, before hours are spent on what could not be shown.

    Raises:
        InputError: this is none.
        PackageError: a package that makes pages is not installed.
    """
    folder = root()
    needed = set(extras.MODULES["site"]) - ({"pypandoc"} if shutil.which("pandoc") else set())
    if lacking := extras.lacking(what, sorted(needed)):
        raise PackageError(lacking)
    return folder


@app.command()
def fetch(
    study: StudyOption = "",
    encoder: Annotated[
        list[str], typer.Option(help=f"Get its weights too; may be given again. {ENCODER}")
    ] = [],  # noqa: B006 (typer copies it)
    skip_unfit: SkipUnfit = False,
) -> None:
    """Get and verify the study's photographs, and the weights of encoders."""
    chosen, store = study_of(study, skip_unfit), Store()
    cards = [card_named(name) for name in encoder]
    failed = []
    try:
        preflight.verify(_fetched(chosen, store))
    except FetchError as error:  # which is no reason not to get the others
        failed.append(str(error))
    for card in cards:
        try:
            file = availability.weights_of(card, store.downloads, log.info)
        except FetchError as error:
            failed.append(str(error))
            continue
        found = f"{downloads.sha256(file)[:12]}  {shown(file)}" if file else "needs no weights"
        print(f"{card.name}  {found}")
    if failed:
        raise FetchError("\n".join(failed))


def _fetched(study: Study, store: Store, *, pages: bool = False) -> Plan:
    """Get the photographs of a study, and print their hashes."""
    plan = Plan(study, store)
    with log.progress("photographs") as tell:
        preflight.fetch(plan, tell, pages=pages)
        for photo in plan.photographs:
            path = catalogue.fetch(photo, store.downloads)
            # A log that is sent on does not say in whose home they are.
            place = shown(path).replace(f"{Path.home()}/", "~/")
            print(f"{photo.id}  {downloads.sha256(path)[:12]}  {place}")
    return plan


@app.command()
def compute(
    study: StudyOption = "",
    encoder: Annotated[
        list[str],
        typer.Option(help=f"Instead of the study's encoders; may be given again. {ENCODER}"),
    ] = [],  # noqa: B006 (typer copies it)
    update_results: Annotated[
        bool, typer.Option("--update-results", help="Write data/results, which is committed.")
    ] = False,
    use_committed: Annotated[
        bool, typer.Option("--use-committed", help="Not what data/results answers as it is.")
    ] = False,
    skip_unfit: SkipUnfit = False,
) -> None:
    """Compute what the study needs and the store has not."""
    chosen = study_of(study, skip_unfit)
    if update_results:
        root()  # before hours are spent on what could not be written
    if encoder and update_results:
        raise InputError(
            "--update-results writes the study's own encoders: for another, leave it out and use "
            "'python -m analysis results export' and 'results add'"
        )
    if encoder:
        own = {"encoders": tuple(encoder), "display_encoder": encoder[0]}
        chosen = chosen.model_copy(update=own)
    found = _computed(chosen, anew=not use_committed)
    if update_results:
        for path in results.commit(found):
            print(f"wrote {shown(path)}")


def _computed(study: Study, *, anew: bool) -> results.Results:
    """Compute what is not stored, and print each encoder's shift."""
    chain = chain_of(study)
    with log.progress("compute") as tell:
        origins = chain.compute(tell, anew=anew)
    for name, pins in chain.plan.pins.items():
        for key, value in pins.items():
            log.info(f"pin this in data/encoders.toml, [{name}]: {key} = {json.dumps(value)}")
    found = results.assemble(chain.plan)
    for name, measured in found.measured.items():
        try:
            s = measured.shift
        except ValueError as error:
            raise InputError(f"{name} gives no shift: {error}") from None
        origin = origins[name]
        if (
            origin == "computed"
            and f"measurement of {measured.card.name}" not in chain.store.computed
        ):
            origin = "stored"
        found_shift = text.estimate(s.whole).replace("\u00a0", " ")
        print(f"{name}: shift {found_shift}, rule {s.theory:.2f} ({origin})")
        grid = found.study.low // measured.card.latent_stride
        if note := equal_snr.moved_text(measured.moved, grid):
            print(f"{name}: {note}")
    count = len(chain.store.computed)
    print(f"{count} steps computed" if count else "nothing to compute: every step is stored")
    return found


@app.command()
def render(
    study: StudyOption = "",
    renderer: Annotated[Renderer, typer.Option(help="auto: Quarto if a fit one is on PATH.")] = (
        Renderer.auto
    ),
    skip_unfit: SkipUnfit = False,
) -> None:
    """Render the pages of a computed study to _site, as HTML and PDF."""
    _for_pages("render")
    chain = chain_of(study_of(study, skip_unfit))
    _rendered(results_of(chain, study), study_name(study), renderer)


def _rendered(found: results.Results, name: str, renderer: Renderer) -> None:
    """Render the pages of a study, and print what was written."""
    from analysis.site import build as site_build

    quiet = log.quiet or log.as_json
    written = site_build.render(found, name, renderer, quiet=quiet, say=log.info)
    for path in written:
        print(shown(path))


@app.command()
def build(
    study: StudyOption = "", renderer: Renderer = Renderer.auto, skip_unfit: SkipUnfit = False
) -> None:
    """Fetch, compute what is neither stored nor committed, and render."""
    _for_pages("build")
    chosen = study_of(study, skip_unfit)
    _fetched(chosen, Store(), pages=True)
    _rendered(_computed(chosen, anew=False), study_name(study), renderer)


@app.command()
def check(study: StudyOption = "", skip_unfit: SkipUnfit = False) -> None:
    """Tell what is cached, missing, stale or damaged, and whether pages and links hold."""
    from analysis.study import check as study_check

    problems = 0
    for finding in itertools.chain(
        study_check.check(study_of(study, skip_unfit), Store()), _of_pages()
    ):
        problems += finding.wrong
        print(extras.typed(f"{'WRONG ' * finding.wrong}{finding.part}: {finding.text}"))
    if problems:
        raise AnalysisError(f"{problems} problem{'s'[: problems != 1]} found, marked WRONG above")


def _of_pages() -> Iterator["Finding"]:
    """What `check` finds of pages and their site, where there are any."""
    from analysis.study.check import Finding

    if folder := checkout_folder():
        from analysis.site import build as site_build

        yield from site_build.look(folder)
    else:
        yield Finding("pages", "not looked at: they are in a checkout, and this is none")


@app.command()
def explain(
    name: Annotated[str, typer.Argument(metavar="FIGURE|TABLE|VALUE")] = "",
    second: Annotated[str, typer.Argument(hidden=True)] = "",
    study: StudyOption = "",
    form: Formats = Format.text,
) -> None:
    """Tell where a figure (fig-raps), table (tbl-shift) or value (t_shifted) comes from.

    Without a name, list them.
    """
    from analysis.provenance import explain as provenance_explain

    if second:  # 'explain value shift_taef2' says the same as 'explain shift_taef2'
        if name not in ("value", "figure", "table"):
            raise InputError(f"'{name} {second}': explain one figure, table or value at a time")
        name = second
    provenance_explain.refuse_label(name)
    chain = chain_of(study_of(study))
    found = results_of(chain, study)
    if not name:
        print("\n".join(provenance_explain.names(found)))
        return
    given = study or chain.study.name
    content = provenance_explain.explain(name, found, chain.plan, given)
    printed(content, form, provenance_explain.text)


@app.command()
def rebuild(
    figure: Annotated[str, typer.Argument(metavar="FIGURE")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where SVG and PNG are written.")],
    study: StudyOption = "",
) -> None:
    """Draw one figure of a computed study into a folder, as SVG and PNG."""
    from analysis.provenance import explain as provenance_explain
    from analysis.provenance import shown as provenance_shown

    provenance_shown.module(figure)  # a misspelt label is told before results are read
    found = results_of(chain_of(study_of(study)), study)
    for path in provenance_explain.draw(figure, found, to):
        print(shown(path))


def _positive(value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise typer.BadParameter(f"{value} is not positive and finite")
    return value


@app.command()
def recommend(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="PX|WxH[,...]",
            help="Side you go to; with --model sizes, and for video frames: 832x480x81.",
        ),
    ],
    start: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="PX|WxH",
            help="Side you come from; with --model its native size.",
        ),
    ] = "",
    encoder: Annotated[str, typer.Option(help=ENCODER)] = "",
    model: Annotated[
        str, typer.Option(help="A model family (flux1, sd3, ...): settings for its tools.")
    ] = "",
    tool: Annotated[str, typer.Option(help="With --model: only this tool's settings.")] = "",
    by: Annotated[
        By | None,
        typer.Option(help="With --model: which shift training takes.", show_default=False),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="With --model: of the sampler.", show_default=False)
    ] = None,
    photographs: Annotated[
        str, typer.Option("--images", metavar="DIR|SET", help="Default: the study's.")
    ] = "",
    base_shift: Annotated[
        float | None,
        typer.Option(
            callback=_positive,
            show_default=False,
            help="The shift you use at --from, in training. Default: 1; with --model its rule.",
        ),
    ] = None,
    form: Formats = Format.text,
    study: StudyOption = "",
    skip_unfit: SkipUnfit = False,
) -> None:
    """Measure the time-step shift between two resolutions, as settings for your trainer.

    With --model nothing is measured: its own rule, the square-root rule and what was measured
    stand beside each other, and settings are those of its tools.
    """
    if model:
        from analysis.training import recipes

        content = recipes.recipe(
            model,
            to,
            start,
            encoder,
            tool,
            by=by.value if by else None,
            base_shift=base_shift,
            steps=steps,
        )
        printed(content, form, recipes.text)
        return
    for name, given in (("--tool", tool), ("--by", by), ("--steps", steps)):
        if given:
            raise InputError(f"{name} goes with --model")
    for name, given in (("--encoder", encoder), ("--from", start)):
        if not given:
            raise InputError(
                f"recommend needs --model, or --encoder, --from and --to: {name} is missing"
            )
    from analysis.training import recommend as training_recommend

    low, high = (_side(name, given) for name, given in (("--from", start), ("--to", to)))
    chosen = study_of(study, skip_unfit)
    with log.progress("recommend") as tell:
        found = training_recommend.recommend(
            chosen, encoder, low, high, Store(say=log.warning), photographs, tell
        )
    printed(found.content(1.0 if base_shift is None else base_shift), form, training_recommend.text)


def _side(name: str, given: str) -> int:
    """A side in pixels; InputError if it is none."""
    if not re.fullmatch(r"-?\d+", given):
        raise InputError(
            f"{name}: '{given}' is not a valid integer: an encoder is measured on squares, so give "
            "a side in pixels (sizes go with --model)"
        )
    if int(given) > LARGEST:
        raise InputError(f"{name}: {given} is more than {LARGEST} px")
    return int(given)


@app.command()
def survey(
    source: Annotated[Path, typer.Argument(metavar="SOURCE")],
    encoder: Annotated[str, typer.Option(help=f"Of cached latents: whose. {ENCODER}")],
    to: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where Parquet is written.")],
    resolutions: Annotated[str, typer.Option(metavar="PX[,PX]", help="Ascending.")] = "512,1024",
    sample: Annotated[int, typer.Option(min=1, help="Images, spread over the shards.")] = 1000,
    everything: Annotated[bool, typer.Option("--all", help="Every image instead.")] = False,
    engine: Annotated[Engine, typer.Option(help="ray: tasks of Ray.")] = Engine.local,
    workers: Annotated[int, typer.Option(min=1, help="Processes, a shard each.")] = 1,
    form: Formats = Format.text,
) -> None:
    """Measure a data set of any size: a folder, tar or Parquet shards, or cached latents.

    A shard gives one Parquet file; a survey that is stopped goes on with those that are missing.
    """
    from analysis.training import survey as training_survey

    if not re.fullmatch(r"\d+(,\d+)*", resolutions):
        raise InputError(f"--resolutions: '{resolutions}' is not sides in pixels, as in 512,1024")
    asked = training_survey.Survey(
        encoder,
        tuple(int(side) for side in resolutions.split(",")),
        sample=None if everything else sample,
    )
    with log.progress("survey") as tell:
        found = training_survey.run(
            source, asked, to, engine=engine.value, workers=workers, tell=tell
        )
    printed(found, form, training_survey.text)


@app.command()
def preview(
    study: StudyOption = "",
    renderer: Renderer = Renderer.auto,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
) -> None:
    """Render, serve _site on 127.0.0.1, and render again when something changes."""
    from analysis.cli import preview as cli_preview

    folder = _for_pages("preview")
    flags = [flag for flag, on in (("--quiet", log.quiet), ("--json", log.as_json)) if on]
    command = ["render", "--study", study_name(study), "--renderer", renderer, *flags]
    cli_preview.preview(folder / "_site", port, command, log)


def main(arguments: Sequence[str] | None = None) -> None:
    """The console command."""
    # What is printed may be a file's name in no encoding, or more than a terminal's locale has.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(console.run(app, NAME, given or ["--help"], log))
