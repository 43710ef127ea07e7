"""Credits of the photographs, and where each measurement was made."""

from analysis.paper.text import table
from analysis.project.markdown import Markdown, code
from analysis.study.results import Results


def table_photographs(results: Results) -> Markdown:
    """Credits."""
    rows = [
        [p.title, p.author or "not stated", p.license or "not stated"] for p in results.photographs
    ]
    return table(["photograph", "author", "licence"], rows)


def table_provenance(results: Results) -> Markdown:
    """Where each measurement was made."""
    rows = []
    for name, measured in results.measured.items():
        made = measured.provenance["environment"]
        versions = ", ".join(
            f"{k} {made[k]}" for k in ("python", "numpy", "pillow", "torch") if k in made
        )
        rows.append(
            [
                code(name),
                measured.origin,
                code(measured.provenance["key"][:12]),
                code(made["commit"][:12]),
                versions,
            ]
        )
    return table(["encoder", "measurement", "key", "commit", "versions"], rows)
