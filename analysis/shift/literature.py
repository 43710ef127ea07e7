"""Published resolution rules for the time-step shift, as collected in ``data/literature``.

``shift_rules.csv`` holds one row a rule: what it says, whether of training or of sampling, its
ratio s(1024^2) / s(512^2), where it was read, and whether the primary source was read
(``verified``). Only verified rows are shown. A row's formula is a function in `rules`; a row
without one says why.
"""

import csv
import dataclasses
import math
import re
from collections.abc import Callable
from pathlib import Path

from analysis.project.errors import InputError
from analysis.project.files import data
from analysis.project.markdown import Markdown, line, link
from analysis.shift import rules as shift_rules
from analysis.shift.rules import flux1, square_root
from analysis.timesteps import schedule


@dataclasses.dataclass(frozen=True)
class Published:
    """A published density of training times that is a logit-normal at every size.

    Args:
        name: of the model, paper or tool.
        key: row of ``shift_rules.csv`` with its source.
        mean, std: of theta (t = 1 is data) before the shift; sources with sigma = 1 - t, or with
            noise at t = 1, have the mean of the opposite sign.
        shift: s of the side in pixels of a square image.
    """

    name: str
    key: str
    mean: float
    std: float
    shift: Callable[[int], float]

    def at(self, side: int) -> tuple[float, float]:
        """(mu, std) of theta at a side in pixels: a shift s takes ln s off the mean. @eq-shift"""
        return float(schedule.shift_mu(self.mean, self.shift(side))), self.std


def _always(s: float) -> Callable[[int], float]:
    return lambda side: s


PUBLISHED = (
    Published("SD3, no shift", "esser2024-choice", 0.0, 1.0, _always(1.0)),
    Published("SD3, shift 3", "esser2024-choice", 0.0, 1.0, _always(3.0)),
    Published(
        "Ideogram 4, tuning",
        "ideogram4-train-diffusers",
        0.0,
        1.5,
        lambda side: square_root(side, side),
    ),
    Published("FLUX.1’s line, kohya", "kohya", 0.0, 1.0, lambda side: flux1(side, side)),
    # ln sigma ~ N(-0.4, 1) on latents of standard deviation 0.5, so t / (1 - t) = 0.5 / sigma.
    Published("EDM2, latents", "karras2024-edm2", math.log(0.5) + 0.4, 1.0, _always(1.0)),
)


REPEATS = frozenset(
    {
        "ideogram4-docs",
        "musubi-ideogram4",
        "onetrainer",
        "sd3-ref",
        "simpletuner-auto",
        "zheng2025-rae-code",
    }
)
"""Rows that say again, for the same stage, what another row says."""

STAGES = (*shift_rules.STAGES, " and ".join(shift_rules.STAGES))


@dataclasses.dataclass(frozen=True)
class Rule:
    """One published rule.

    Args:
        key: unique name of the row.
        name: model, paper or tool.
        year: of publication.
        kind: ``paper``, ``code`` or ``model-config``.
        ratio: s(1024^2) / s(512^2), or None where the rule has no such value.
        value: s used at 1024^2, or None.
        source: ``arXiv:...``, ``owner/name:path@commit``, ``hf:...`` or a url.
        verified: whether the primary source was read.
        locator: the place in the source.
        stage: ``training``, ``sampling``, or ``training and sampling``.
        no_function: why `rules` has no function of it; empty where it has one.
    """

    key: str
    name: str
    year: int
    kind: str
    ratio: float | None
    value: float | None
    source: str
    verified: bool
    locator: str
    stage: str
    no_function: str

    @property
    def formula(self) -> shift_rules.Formula | None:
        """The rule as a function of the size, or None for the reason in ``no_function``."""
        return shift_rules.FORMULAS.get(self.key)

    @property
    def exponent(self) -> float | None:
        """r of s = (pixel ratio)^(r/2); the pixel ratio of 512 to 1024 is 4, so r = log2(ratio)."""
        return None if self.ratio is None else math.log2(self.ratio)

    @property
    def base_value(self) -> float | None:
        """s used at 512^2, or None."""
        return None if self.ratio is None or self.value is None else self.value / self.ratio

    @property
    def place(self) -> tuple[str, str]:
        """The source in short, and its address on the web; empty where it has none."""
        if match := re.match(r"arXiv:(\d{4}\.\d{5})", self.source):
            return f"arXiv:{match[1]}", f"https://arxiv.org/abs/{match[1]}"
        if match := re.match(r"([\w.-]+/[\w.-]+):(\S+)@([0-9a-f]{40})$", self.source):
            repository, path, commit = match.groups()
            url = f"https://github.com/{repository}/blob/{commit}/{path}"
            return f"{repository}@{commit[:7]}", url
        if match := re.match(r"hf:([\w.-]+/[\w.-]+)", self.source):
            return match[1], f"https://huggingface.co/{match[1]}"
        if match := re.match(r"https?://([^/\s]+)\S*", self.source):
            return match[1], match[0]
        return self.source, ""

    @property
    def link(self) -> Markdown:
        """The source as a short link."""
        return link(*self.place)


def rules(path: Path | None = None) -> list[Rule]:
    """All rows of ``shift_rules.csv``.

    Raises:
        InputError: a row lacks a column, a number is no number, or a stage is none.
    """
    path = path or data() / "literature" / "shift_rules.csv"
    out = []
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        try:
            for row in reader:
                if row["stage"] not in STAGES:
                    raise ValueError(f"'{row['stage']}' is no stage; use {', '.join(STAGES)}")
                ratio, value = row["predicted_shift_512_to_1024"], row["value_used_at_1024"]
                out.append(
                    Rule(
                        row["key"],
                        line(row["name"]),
                        int(row["year"]),
                        row["kind"],
                        float(ratio) if ratio else None,
                        float(value) if value else None,
                        line(row["source_id"]),
                        row["verified"] == "yes",
                        line(row["source_locator"]),
                        row["stage"],
                        line(row["no_function"]),
                    )
                )
        except (KeyError, ValueError, TypeError, AttributeError, csv.Error) as error:
            raise InputError(f"{path.name}, line {reader.line_num}: {error}") from None
    return out


def with_ratio(path: Path | None = None) -> list[Rule]:
    """Verified rules that say something about 512^2 against 1024^2, by ascending ratio."""
    chosen = [rule for rule in rules(path) if rule.verified and rule.ratio is not None]
    return sorted(chosen, key=lambda rule: (rule.ratio or 0.0, rule.name.lower()))


def shown(path: Path | None = None) -> list[Rule]:
    """`with_ratio` without the rows that only repeat another (`REPEATS`): the table's rows."""
    return [rule for rule in with_ratio(path) if rule.key not in REPEATS]


def evaluable(path: Path | None = None) -> list[tuple[Rule, shift_rules.Formula]]:
    """The rows of `shown` that have a function, with it: what the figure evaluates."""
    return [(rule, rule.formula) for rule in shown(path) if rule.formula is not None]
