"""Model families that people train: their scheduler, encoder, sizes and shipped rules.

A card says what a maker published and what diffusers' example script does with it, from
``data/models.toml``, where every fact names the repository, commit and lines it was read in. A rule
is a function of the size (`analysis.shift.rules`) or one number; none is made up where a maker
states none.
"""

import functools
import math
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from analysis.encoders import cards
from analysis.project.arrays import Floats
from analysis.project.errors import InputError, nearest
from analysis.project.files import Line, Strict, data, explain, read_toml
from analysis.shift.rules import FORMULAS

Stage = Literal["training", "sampling"]
Size = tuple[int, int] | tuple[int, int, int]
"""Height and width in pixels, and for video the number of frames."""

FACTS = ("scheduler", "native", "multiple", "temporal", "training", "sampling", "script")
"""What of a card has to have a source."""


class Source(Strict):
    """Where facts were read.

    Args:
        facts: the fields of the card that it supports.
        repository: ``owner/name`` on GitHub, ``owner/name#number`` of a pull request, or a paper.
        path, commit: of the file; empty for a pull request or a paper.
        lines: in the file, or the place in the paper.
    """

    facts: tuple[str, ...] = Field(min_length=1)
    repository: Line = Field(min_length=1)
    path: Line = ""
    commit: str = Field("", pattern=r"^([0-9a-f]{40})?$")
    lines: Line = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.path) != bool(self.commit):
            raise ValueError(f"{self.repository}: a path goes with a commit")
        return self

    @property
    def place(self) -> tuple[str, str]:
        """The source in short, and its address on the web."""
        if self.repository.startswith("arXiv:"):
            address = self.repository.removeprefix("arXiv:")
            return self.repository, f"https://arxiv.org/abs/{address}"
        name, _, number = self.repository.partition("#")
        if number:
            return self.repository, f"https://github.com/{name}/pull/{number}"
        return (
            f"{name}@{self.commit[:7]}",
            f"https://github.com/{name}/blob/{self.commit}/{self.path}",
        )


class Script(Strict):
    """What diffusers' example script does with the number u in [0, 1) that it draws.

    Args:
        name: path in diffusers' repository.
        reads: ``index``: u N is an index into the scheduler's table, which begins with noise;
            ``sigma``: u is sigma; ``step``: whole time steps of DDPM, drawn evenly.
        blends: what gets the weight sigma: ``noise``, or ``data``, so that the table is read the
            other way round.
        override: keys of the scheduler's configuration that the script itself sets.
    """

    name: str
    reads: Literal["index", "sigma", "step"]
    blends: Literal["noise", "data"]
    override: dict[str, float] = Field(default_factory=dict)


class Model(Strict):
    """A model family. Empty text and None: not known, or does not apply.

    Args:
        name, title, aliases: what it is called.
        prediction: ``flow``, z = (1 - sigma) data + sigma noise; or ``ddpm``.
        encoder: its card in ``data/encoders.toml``.
        native: the size that its makers' code samples at by default.
        multiple: pixels that height and width have to be multiples of.
        temporal: frames a latent frame, after the first; 0 for images.
        published: where the scheduler's configuration lies.
        scheduler: what of it matters for the shift.
        training, sampling: the rule its makers state, a key of `rules.FORMULAS` or a number.
        reported: stages whose rule others report, see the source.
        script: diffusers' example script; None if there is none.
        sources: of the facts.
    """

    name: str
    title: Line
    aliases: tuple[str, ...] = ()
    prediction: Literal["flow", "ddpm"]
    encoder: str
    native: tuple[int, int] | tuple[int, int, int]
    multiple: int = Field(gt=0)
    temporal: int = Field(0, ge=0)
    published: Line
    scheduler: dict[str, bool | int | float | str]
    training: str | float = ""
    sampling: str | float = ""
    reported: tuple[Stage, ...] = ()
    script: Script | None = None
    sources: tuple[Source, ...]

    @model_validator(mode="after")
    def _sourced(self) -> Self:
        supported = {fact for source in self.sources for fact in source.facts}
        facts = {fact for fact in FACTS if getattr(self, fact)}
        if self.encoder not in (self.name, self.name.replace("_", "-")):
            facts.add("encoder")
        if missing := sorted(facts - supported):
            raise ValueError(f"no source for {', '.join(missing)}")
        for stage in ("training", "sampling"):
            rule = getattr(self, stage)
            if isinstance(rule, str) and rule and rule not in FORMULAS:
                raise ValueError(f"{stage} = '{rule}' is no rule with a function")
        if len(self.native) == 3 and not self.temporal:
            raise ValueError("frames without 'temporal'")
        return self

    @property
    def video(self) -> bool:
        """Whether its sizes have frames."""
        return bool(self.temporal)

    @property
    def table_shift(self) -> float:
        """The static shift in the table that diffusers' script indexes.

        A dynamic shift is in no table. `diffusers` builds a FlowMatchEulerDiscreteScheduler from
        the configuration whatever its class, so that ``flow_shift`` of other classes is not read.
        """
        config = {**self.scheduler, **(self.script.override if self.script else {})}
        if config.get("use_dynamic_shifting"):
            return 1.0
        return float(config.get("shift", 1.0))

    def shift(self, stage: Stage, size: Size, steps: int | None = None) -> float | None:
        """The s that the model's own rule gives at a size; None where its makers state none.

        Args:
            stage: ``training`` or ``sampling``.
            size: height and width in pixels, and frames; no rule here depends on frames.
            steps: of the sampler; only FLUX.2's rule depends on it.
        """
        rule: str | float = getattr(self, stage)
        if rule == "":
            return None
        if isinstance(rule, str):
            return FORMULAS[rule](size[0], size[1], steps, stage)
        return rule

    def rule(self, stage: Stage) -> str:
        """What the rule is called: its key, or the number."""
        rule: str | float = getattr(self, stage)
        return rule if isinstance(rule, str) else f"{rule:g}"

    def source(self, fact: str) -> Source:
        """The first source of a fact; KeyError if it has none."""
        for source in self.sources:
            if fact in source.facts:
                return source
        raise KeyError(fact)

    def fit(self, size: Size) -> Size:
        """The size itself, if the model takes it.

        Raises:
            InputError: it does not, with what it takes.
        """
        text = "x".join(map(str, size))
        for side in size[:2]:
            if side <= 0 or side % self.multiple:
                near = max(round(side / self.multiple), 1) * self.multiple
                raise InputError(
                    f"{self.title} takes multiples of {self.multiple} px, not {side} of {text}: "
                    f"use {near}"
                )
        if len(size) == 3:
            if not self.video:
                raise InputError(
                    f"{self.title} makes images, and {text} has frames: leave them out"
                )
            if size[2] < 1 or (size[2] - 1) % self.temporal:
                near = max(round((size[2] - 1) / self.temporal), 0) * self.temporal + 1
                raise InputError(
                    f"{self.title} takes 1 frame and multiples of {self.temporal} more, not "
                    f"{size[2]}: use {near}"
                )
        return size

    def pixels(self, size: Size) -> float:
        """Height x width x latent frames: what the square-root rule counts.

        Latent frames count as in Open-Sora 1.2; a size without frames has one.
        """
        latent_frames = 1 + (size[2] - 1) // self.temporal if len(size) == 3 else 1
        return float(size[0] * size[1] * latent_frames)


@functools.cache
def models() -> dict[str, Model]:
    """name -> card, in the order of ``data/models.toml``.

    Raises:
        InputError: a card is wrong, or names an encoder that there is not.
    """
    known, found = cards.cards(), {}
    for name, content in read_toml(data() / "models.toml").items():
        where = f"models.toml, [{name}]"
        try:
            model = Model(name=name, **content)
        except ValidationError as error:
            raise InputError(explain(error, Model, where)) from None
        if model.encoder not in known:
            raise InputError(f"{where}: no encoder '{model.encoder}' in encoders.toml")
        found[name] = model
    return found


def model(name: str) -> Model:
    """The card of a model by name or alias, in whatever case.

    Raises:
        InputError: there is none; with the nearest.
    """
    wanted, found = name.lower(), models()
    for one in found.values():
        if wanted == one.name or wanted in one.aliases:
            return one
    names = [word for one in found.values() for word in (one.name, *one.aliases)]
    raise InputError(f"no model '{name}'; {nearest(wanted, names)}")


def shipped(name: str, size: Size) -> Mapping[str, Any]:
    """What a model ships at a size: the rule and the shift of each stage, and its base.

    For a calculator: JSON values.

    Returns:
        ``title``, ``native`` (the size that a shift is counted from), ``encoder``, ``multiple``;
        ``training`` and ``sampling``, each with ``rule`` (its key, or the number; empty where its
        makers state none), ``shift`` at the size, ``base`` (the shift at the native size) and
        ``reported`` (whether others report it).
    """
    card = model(name)
    stages: dict[str, Any] = {
        stage: {
            "rule": card.rule(stage),
            "shift": card.shift(stage, size),
            "base": card.shift(stage, card.native),
            "reported": stage in card.reported,
        }
        for stage in ("training", "sampling")
    }
    return {
        "title": card.title,
        "native": list(card.native),
        "encoder": card.encoder,
        "multiple": card.multiple,
        **stages,
    }


def square_root(card: Model, start: Size, end: Size) -> float:
    """sqrt(h w f / (h0 w0 f0)), f the latent frames: the square-root rule between two sizes."""
    return math.sqrt(card.pixels(end) / card.pixels(start))


def ddpm_alphas(card: Model) -> Floats:
    """abar at every time step of a DDPM model, ``[N]``, from its published betas.

    Raises:
        ValueError: the model is none.
    """
    if card.prediction != "ddpm":
        raise ValueError(f"{card.title} is a flow model: it has sigma, not abar")
    config = card.scheduler
    first, last = float(config["beta_start"]), float(config["beta_end"])
    count = int(config["num_train_timesteps"])
    if config["beta_schedule"] != "scaled_linear":
        raise ValueError(f"{card.title}: a schedule '{config['beta_schedule']}' is not known here")
    betas = np.linspace(math.sqrt(first), math.sqrt(last), count) ** 2
    alphas: Floats = np.asarray(np.cumprod(1 - betas), np.float64)
    return alphas


def shifted_alphas(alphas: Floats, s: float) -> Floats:
    """abar' = abar / (abar + s^2 (1 - abar)): SNR = abar / (1 - abar) divided by s^2."""
    if not (math.isfinite(s) and s > 0):
        raise ValueError(f"a shift must be positive and finite, got {s}")
    alphas = np.asarray(alphas, np.float64)
    return alphas / (alphas + s * s * (1 - alphas))


def betas_of(alphas: Floats) -> Floats:
    """beta_t = 1 - abar_t / abar_(t-1), ``[N]``: what schedulers of DDPM take as trained_betas."""
    alphas = np.asarray(alphas, np.float64)
    return 1 - alphas / np.concatenate([[1.0], alphas[:-1]])
