"""Published rules, and what one number means to two readers."""

import math

from analysis.paper.text import fixed, number, percent, plain, table
from analysis.project.markdown import Markdown
from analysis.shift import literature, rules
from analysis.study.results import Results


def table_rules(_: Results) -> Markdown:
    """Published rules with their ratio between 512 and 1024 px."""
    rows = []
    for rule in literature.shown():
        ratio, exponent = rule.ratio or math.nan, rule.exponent or 0.0
        low, high = ("" if s is None else number(s, 3) for s in (rule.base_value, rule.value))
        rows.append(
            [
                f"{rule.name} ({rule.year})",
                fixed(ratio, 2),
                f"{exponent:.2f}",
                low,
                high,
                rule.stage,
                rule.link,
            ]
        )
    return table(
        ["rule or model", "ratio", "r", "s at 512²", "s at 1024²", "stage", "source"],
        rows,
        "lrrrrll",
    )


def table_sign_trap(_: Results) -> Markdown:
    """What a mean of +0.5 does where u is sigma and where u indexes a table, by static shift."""
    rows = [
        [f"{shift:g}", one.reader, plain(one.mean, 2), fixed(one.median, 3), percent(one.noisy)]
        for shift in (1.0, 3.0)
        for one in rules.sign_trap(0.5, 1.0, shift)
    ]
    header = ["static s", "read as", "mean of logit σ", "median σ", "share with σ > 1/2"]
    return table(header, rows, "llrrr")
