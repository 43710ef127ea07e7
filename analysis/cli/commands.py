"""What commands share; ``encoders``, ``results``, ``experiment``, ``publish``."""

import json
import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from analysis.cli import console
from analysis.encoders import availability, cards
from analysis.project.downloads import sha256
from analysis.project.errors import InputError
from analysis.project.files import NAME, root
from analysis.project.markdown import printable
from analysis.study import contribute, inventory, results
from analysis.study.chain import Chain
from analysis.study.plan import Plan
from analysis.study.settings import REFERENCE, Study, load_study
from analysis.study.store import MissError, Store

log = console.Log()


class Format(StrEnum):
    """How a result is printed."""

    text = "text"
    json = "json"


class By(StrEnum):
    """Which shift a model's settings of training take."""

    own = "own"
    square_root = "square-root"
    measured = "measured"


class Engine(StrEnum):
    """What spreads the shards of a survey."""

    local = "local"
    ray = "ray"


class Precision(StrEnum):
    """Numbers a network computes with."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


class Renderer(StrEnum):
    """What renders the pages."""

    auto = "auto"
    quarto = "quarto"
    builtin = "builtin"


StudyOption = Annotated[
    str,
    typer.Option(
        metavar="NAME|PATH",
        help="A study in data/studies, or a TOML file. Default: ANALYSIS_STUDY, else bundled.",
        show_default=False,
    ),
]
SkipUnfit = Annotated[
    bool,
    typer.Option(
        "--skip-unfit",
        help="Leave out images that can't be used, and say which; so does 'skip_unfit = true' in a "
        "study.",
    ),
]
Formats = Annotated[Format, typer.Option("--format", help="How the result is printed.")]
ENCODER = (
    "A name in data/encoders.toml, a folder that save_pretrained wrote, or "
    "hf:owner/name@revision#subfolder."
)


def study_name(study: str) -> str:
    """The study that is meant, as the pages and other processes are told: a name or a full path."""
    given = study or os.environ.get("ANALYSIS_STUDY") or REFERENCE
    return str(Path(given).resolve()) if given.endswith(".toml") else given


def study_of(study: str, skip_unfit: bool = False) -> Study:
    """The study that options mean."""
    chosen = load_study(study_name(study))
    return chosen.model_copy(update={"skip_unfit": True}) if skip_unfit else chosen


def chain_of(study: Study) -> Chain:
    """The steps of a study over the reader's store."""
    return Chain(study, Store(say=log.warning))


def results_of(chain: Chain, study: str) -> results.Results:
    """The results of a study that has been computed."""
    try:
        return results.assemble(chain.plan)
    except MissError as error:
        log.info(str(error).partition(". Run ")[0])
        option = f" --study {study}" if study else ""
        raise MissError(
            f"study '{chain.study.name}' is not computed: run '{NAME} compute{option}' first"
        ) from None


def shown(path: Path) -> str:
    """A path as seen from here, if it lies below."""
    here = Path.cwd()
    return printable(str(path.relative_to(here) if path.is_relative_to(here) else path))


def printed(content: Any, form: Format, text: Callable[[Any], str]) -> None:
    """Print JSON values as they are or as text."""
    as_json = form == Format.json
    print(json.dumps(content, indent=1, ensure_ascii=False) if as_json else text(content))


# encoders ------------------------------------------------------------------------------------

encoders_app = typer.Typer(rich_markup_mode=None)


@encoders_app.callback(invoke_without_command=True)
def list_encoders(
    context: typer.Context, study: StudyOption = "", form: Formats = Format.text
) -> None:
    """List the encoders: licence, whether gated, whether here, whether measured; or try one."""
    if context.invoked_subcommand is None:
        rows = inventory.listing(study_of(study), Store())
        printed(rows, form, inventory.table)


@encoders_app.command("check")
def check_encoder(
    encoder: Annotated[str, typer.Argument(metavar="ENCODER", help=ENCODER)],
    dtype: Annotated[
        Precision, typer.Option(help="Of the network; its effect on the spectrum is told.")
    ] = Precision.float32,
    tiling: Annotated[
        bool, typer.Option("--tiling", help="In tiles, which changes the spectrum: by how much.")
    ] = False,
    study: StudyOption = "",
    form: Formats = Format.text,
) -> None:
    """Encode a bundled image: shape, stride, statistics, reconstruction, what to pin."""
    chain = chain_of(study_of(study))
    content = inventory.check(cards.card(encoder), chain, dtype.value, tiling)
    printed(content, form, inventory.text)


# results -------------------------------------------------------------------------------------

results_app = typer.Typer(rich_markup_mode=None)


@results_app.callback()
def _results() -> None:
    """Take in results that were measured elsewhere, or write those that were measured here."""


@results_app.command("add")
def add_results(
    file: Annotated[Path, typer.Argument(help="A .json with its .npz beside it, or a zip.")],
    study: StudyOption = "",
) -> None:
    """Check a contributed result and put it into data/results."""
    root()
    for path in contribute.add(file, Plan(study_of(study), Store(say=log.warning))):
        print(f"wrote {shown(path)}")


@results_app.command("export")
def export_results(
    encoder: Annotated[str, typer.Argument(help="A name in data/encoders.toml.")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where the zip is written.")],
    study: StudyOption = "",
) -> None:
    """Write what was measured here of one encoder as the zip that a contributor sends."""
    plan = Plan(study_of(study), Store(say=log.warning))
    file = availability.found(cards.card(encoder), plan.store.downloads)
    digest = sha256(file) if file else ""
    print(f"wrote {shown(contribute.export(encoder, plan, to, digest))}")


# The store -----------------------------------------------------------------------------------


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove it; downloads stay.")] = False,
    downloads: Annotated[
        bool, typer.Option("--downloads", help="With --clear: remove downloads too.")
    ] = False,
    form: Formats = Format.text,
) -> None:
    """Tell what is kept of earlier work, where and how much, or remove it."""
    if downloads and not clear:
        raise InputError("--downloads says what --clear removes: give both")
    store = Store(say=log.warning)
    parts = store.clear(downloads=downloads) if clear else store.sizes()
    content = {"folder": str(store.folder), "removed": clear, "parts": parts}
    printed(content, form, _cache_text)


def _cache_text(content: dict[str, Any]) -> str:
    """What `cache` gives, for reading."""
    parts: dict[str, dict[str, int]] = content["parts"]
    done = "removed from" if content["removed"] else "kept in"
    total = {key: sum(one[key] for one in parts.values()) for key in ("files", "bytes")}
    rows = {f"{done} {content['folder']}": total, **parts} if parts else {}
    width = max(map(len, rows), default=0)
    return (
        "\n".join(
            f"{name:<{width}} {one['files']:>7,} files {one['bytes'] / 1e6:>9,.1f} MB"
            for name, one in rows.items()
        )
        or f"nothing {done} {content['folder']}"
    )


# The experiment ------------------------------------------------------------------------------


class Experiment(StrEnum):
    """What is trained."""

    patches = "patches"
    encoders = "encoders"
    denoiser = "denoiser"
    density = "density"
    contrast = "contrast"
    grids = "grids"
    coverage = "coverage"
    survey = "survey"


def experiment(
    which: Annotated[
        Experiment,
        typer.Argument(
            help="'patches': small diffusion models, half an hour. 'encoders': small "
            "autoencoders, and the table of all encoders, a quarter of an hour. "
            "'denoiser': denoisers of latents, about an hour. "
            "'density': denoisers under shifted densities, three quarters of an hour. "
            "'contrast': pictures at lower contrast, ten minutes. "
            "'grids': latents folded, squares cut elsewhere, five minutes. "
            "'coverage': how often intervals hold the truth, two minutes. "
            "'survey': a survey of both sets of photographs, five minutes."
        ),
    ] = Experiment.patches,
    anew: Annotated[
        bool, typer.Option("--anew", help="Of 'encoders': train those too that lie in the project.")
    ] = False,
) -> None:
    """Run one of the paper's experiments and commit the result."""
    from analysis.study.experiments import (
        contrast,
        coverage,
        denoiser,
        density,
        encoder_table,
        grids,
        patches,
    )
    from analysis.training import survey_example

    root()
    store = Store(say=log.warning)
    with log.progress(f"experiment {which.value}") as tell:
        if which == Experiment.patches:
            patches.run(store, tell)
            written = patches.commit(store)
        elif which == Experiment.denoiser:
            written = denoiser.commit(store, tell, workers=os.cpu_count() or 1)
        elif which == Experiment.density:
            written = density.commit(store, tell, workers=os.cpu_count() or 1)
        elif which == Experiment.contrast:
            written = contrast.commit(store, tell)
        elif which == Experiment.coverage:
            written = coverage.commit(store, tell)
        elif which == Experiment.grids:
            written = grids.commit(store, tell)
        elif which == Experiment.survey:
            written = survey_example.commit(store, tell)
        else:
            for name in encoder_table.train(store, tell, anew=anew):
                log.info(f"wrote data/encoders/{name}.safetensors, and its SHA-256 into its card")
            written = encoder_table.commit(store, tell)
    print(f"wrote {shown(written)}")


# Publishing ----------------------------------------------------------------------------------


def publish(
    to: Annotated[Path, typer.Option(metavar="DIR", help="The folder of versions.")],
    version: Annotated[
        str, typer.Option(metavar="V", help="Default: pyproject.toml's.", show_default=False)
    ] = "",
    dev: Annotated[bool, typer.Option("--dev", help="The working state, as DIR/dev/.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a version that is published already.")
    ] = False,
) -> None:
    """Put the built site into DIR/<version>/, beside the versions that are there."""
    from analysis.project import environment
    from analysis.site.publish import publish as publish_publish

    if version and dev:
        raise InputError("--version and --dev: give one of them")
    name = "dev" if dev else version or environment.current(root())
    done = publish_publish.publish(root(), to, name, force=force)
    for written in done.written:
        print(f"wrote {shown(to.resolve() / written)}")
    if not done.written:
        print(f"nothing to do: {done.name} is published with this content")
