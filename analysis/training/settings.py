"""A shift as the settings of the tools that train and sample, by tool and model family.

A setting depends on the model, and not on the tool alone: ``shift`` of diffusers' scheduler does
nothing for FLUX.1 as it is published, and the opposite for Lumina 2 in training. So the settings
are data, ``data/settings.toml``: what is set to which function of s, where, what it needs, what
undoes it, and the repository, commit and lines where that was read. `for_model` fills in numbers.

`settings` has what the tools' options are called where no model is named.
"""

import dataclasses
import functools
import json
import math
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from analysis.project.errors import InputError, nearest
from analysis.project.files import Line, Strict, data, explain, read_toml
from analysis.training.models import (
    Model,
    Size,
    Source,
    Stage,
    betas_of,
    ddpm_alphas,
    models,
    shifted_alphas,
)

EXPRESSIONS = ("s", "1/s", "ln s", "-ln s", "ln(table/s)", "ln(table*s)", "ln(s/own)", "betas")
"""Functions of the shift that a setting can be; see the head of ``data/settings.toml``."""

Literals = bool | int | float | str


def total_shift(s: float, base_shift: float = 1.0) -> float:
    """The s to set at the new resolution: base_shift times s, since shifts compose.

    Raises:
        ValueError: a shift that is not positive and finite.
    """
    for value in (s, base_shift):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"a shift must be positive and finite, got {value}")
    return s * base_shift


class _Place(Strict):
    """Where a row was read: a key of the repositories, a path and lines."""

    repository: str = Field(alias="in")
    path: str
    lines: Line


class Row(Strict):
    """One tool's way to take a shift for some models, without numbers.

    Args:
        tool, stage, models: whose it is.
        distributions: of sigma before the shift, for which it is exact.
        set: name -> a literal, or one of `EXPRESSIONS`; empty: there is nothing to set.
        typed: how it is typed, with ``{name}`` for values.
        place: what takes it.
        requires, conflicts, note: what else has to hold, what undoes it, what to know.
        checked: ``run`` if a test runs the tool's own code, ``read`` if its code was read.
        sources: where.
    """

    tool: str
    stage: Stage
    models: tuple[str, ...] = Field(min_length=1)
    distributions: tuple[str, ...] = Field(min_length=1)
    set: dict[str, Literals] = Field(default_factory=dict)
    typed: str = ""
    place: Line = ""
    requires: tuple[Line, ...] = ()
    conflicts: tuple[Line, ...] = ()
    note: Line = ""
    checked: Literal["run", "read"]
    sources: tuple[Source, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.set) != bool(self.typed) or bool(self.set) != bool(self.place):
            raise ValueError(f"{self.tool}: set, typed and place go together")
        if not self.set and not self.note:
            raise ValueError(f"{self.tool}: nothing to set needs a note that says why")
        for name in self.set:
            if f"{{{name}}}" not in self.typed:
                raise ValueError(f"{self.tool}: '{name}' is set and not typed")
        if unknown := sorted({*self.models} - {*models()}):
            raise ValueError(f"{self.tool}: no model {', '.join(unknown)}")
        return self


@dataclasses.dataclass(frozen=True)
class Chosen:
    """A setting with its numbers.

    Args:
        tool, stage, distributions, place, requires, conflicts, note, checked: as of `Row`.
        set: name -> value, floats to full precision.
        typed: the text to type.
        sources: pairs of the place in short with its lines, and its address.
    """

    tool: str
    stage: Stage
    set: dict[str, Any]
    typed: str
    place: str
    distributions: tuple[str, ...]
    requires: tuple[str, ...]
    conflicts: tuple[str, ...]
    note: str
    checked: str
    sources: tuple[tuple[str, str], ...]


@functools.cache
def rows() -> tuple[Row, ...]:
    """Every row of ``data/settings.toml``.

    Raises:
        InputError: a row is wrong.
    """
    content = read_toml(data() / "settings.toml")
    repositories, found = content.pop("repositories"), []
    for number, entry in enumerate(content.pop("settings"), start=1):
        where = f"settings.toml, setting {number} ({entry.get('tool', 'no tool')})"
        try:
            places = [_Place.model_validate(one) for one in entry.pop("sources", [])]
            sources = tuple(
                Source(
                    facts=("setting",),
                    path=one.path,
                    lines=one.lines,
                    **repositories[one.repository],
                )
                for one in places
            )
            found.append(Row(sources=sources, **entry))
        except ValidationError as error:
            raise InputError(explain(error, Row, where)) from None
        except KeyError as error:
            raise InputError(f"{where}: no repository {error}") from None
    if content:
        raise InputError(f"settings.toml: unknown key '{next(iter(content))}'")
    return tuple(found)


def tools() -> list[str]:
    """The tools that have a row."""
    return list(dict.fromkeys(row.tool for row in rows()))


def tool(name: str) -> str:
    """The tool whose name begins so, in whatever case.

    Raises:
        InputError: none or several do.
    """
    found = [one for one in tools() if one.lower().startswith(name.lower())]
    if len(found) == 1:
        return found[0]
    raise InputError(f"no tool '{name}'; {nearest(name, tools())}")


def evaluated(expression: Literals, s: float, card: Model, stage: Stage, size: Size) -> Any:
    """What a setting's expression is for a shift; a literal is itself.

    Args:
        expression: a literal, or one of `EXPRESSIONS`.
        s: the shift that is meant, in whole.
        card: the model's.
        stage, size: for what the model's code adds itself.

    Raises:
        ValueError: the model has no such thing.
    """
    total_shift(s)
    if expression not in EXPRESSIONS:
        return expression
    if expression == "betas":
        return betas_of(shifted_alphas(ddpm_alphas(card), s)).tolist()
    own = card.shift(stage, size) if expression == "ln(s/own)" else 1.0
    if own is None:
        raise ValueError(f"{card.title} states no shift of its own in {stage}")
    table = card.table_shift
    return {
        "s": s,
        "1/s": 1 / s,
        "ln s": math.log(s),
        "-ln s": -math.log(s),
        "ln(table/s)": math.log(table / s),
        "ln(table*s)": math.log(table * s),
        "ln(s/own)": math.log(s / own),
    }[str(expression)]


def _typed(row: Row, values: dict[str, Any]) -> str:
    """The text to type; true and false as the place writes them, long lists by their length."""

    def written(value: Any) -> str:
        if isinstance(value, bool):
            return json.dumps(value) if row.typed.startswith('"') else str(value)
        return f"[{len(value)} values]" if isinstance(value, list) else str(value)

    text = row.typed
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", written(value))
    return text


def for_model(
    card: Model, size: Size, shifts: dict[Stage, float | None], only: str = ""
) -> list[Chosen]:
    """How each tool takes the shifts of a model at a size.

    Args:
        card: the model's.
        size: height and width in pixels, and frames.
        shifts: stage -> the s that is meant, in whole; None leaves the stage out.
        only: a tool; empty: all.
    """
    found = []
    for row in rows():
        s = shifts.get(row.stage)
        if card.name not in row.models or s is None or (only and row.tool != only):
            continue
        values = {name: evaluated(one, s, card, row.stage, size) for name, one in row.set.items()}
        if row.tool == "ComfyUI" and min((v for v in values.values()), default=0) < 0:
            continue  # its fields take nothing below 0, as the row says
        found.append(
            Chosen(
                row.tool,
                row.stage,
                values,
                _typed(row, values),
                row.place,
                row.distributions,
                row.requires,
                row.conflicts,
                row.note,
                row.checked,
                tuple(
                    (
                        f"{source.place[0]}, {source.path.rpartition('/')[2]}:{source.lines}",
                        source.place[1],
                    )
                    for source in row.sources
                ),
            )
        )
    return found


# Without a model -------------------------------------------------------------------------------

FLOW = "FlowMatchEulerDiscreteScheduler"


@dataclasses.dataclass(frozen=True)
class Setting:
    """One tool's option, where no model is named.

    Args:
        tool: the tool.
        stage: ``training`` or ``sampling``: what the option acts on.
        option: its option with the value.
        note: what to know.
        source: key of the row in ``shift_rules.csv`` that says where the option was read.
    """

    tool: str
    stage: Stage
    option: str
    note: str
    source: str


def settings(
    s: float, base_shift: float = 1.0, sampling_base: float | None = None
) -> list[Setting]:
    """What the tools' options are called; `for_model` has those of a model, which differ.

    Args:
        s: shift from the base to the new resolution.
        base_shift: the shift in use at the base resolution (1 if none), in training.
        sampling_base: that in sampling, which need not be the same; None: it is.
    """
    total = {
        "training": total_shift(s, base_shift),
        "sampling": total_shift(s, base_shift if sampling_base is None else sampling_base),
    }
    train, sample = (f"{total[stage]:.4g}" for stage in ("training", "sampling"))
    mu = f"{math.log(total['sampling']):.4g}"
    some: list[tuple[str, Stage, str, str, str]] = [
        (
            "diffusers",
            "sampling",
            f"shift={sample}",
            f"of {FLOW}; with use_dynamic_shifting=False, or it is ignored",
            "diffusers-flowmatch",
        ),
        (
            "diffusers",
            "sampling",
            f"mu={mu}",
            "of set_timesteps, with use_dynamic_shifting=True; mu = ln s; most pipelines compute "
            "it themselves",
            "diffusers-flowmatch",
        ),
        (
            "diffusers trainers",
            "training",
            f"shift={train}",
            f"of the {FLOW} they draw from, in scheduler_config.json with use_dynamic_shifting "
            "off; for Lumina 2 the inverse",
            "diffusers-dreambooth",
        ),
        (
            "kohya sd-scripts",
            "training",
            f"--discrete_flow_shift {train}",
            "with --timestep_sampling shift; for SD3 it is --training_shift",
            "kohya",
        ),
        (
            "SimpleTuner",
            "training",
            f"--flow_schedule_shift={train}",
            "with --flow_schedule_auto_shift off, which else sets it to 0; SANA ignores both",
            "simpletuner",
        ),
        (
            "OneTrainer",
            "training",
            f"timestep_shift = {train}",
            "with dynamic timestep shifting off; not with the distribution SIGMOID, to which it is "
            "applied twice",
            "onetrainer",
        ),
    ]
    return [Setting(*one) for one in some]
