"""Model families side by side, and what their tools take."""

from analysis.paper.text import number, table
from analysis.project.markdown import Markdown, code, link
from analysis.study.results import Results
from analysis.training import models, settings
from analysis.training.models import Model
from analysis.training.settings import Row

NONE = "none stated"


def table_models(_: Results) -> Markdown:
    """Model families: native size, rules of training and sampling, what their script draws."""
    rows = []
    for card in models.models().values():
        cells = [
            NONE if (s := card.shift(stage, card.native)) is None else number(s, 4)
            for stage in ("training", "sampling")
        ]
        source = link(*card.source("training").place) if card.training != "" else ""
        reads = "–"
        if card.script:
            reads = {"index": "index", "sigma": "sigma", "step": "time step"}[card.script.reads]
            if card.script.blends == "data":
                reads += ", turned round"
        name = Markdown(f"[{card.title}](#sec-{card.name})")
        rows.append([name, _size(card), *cells, source, reads])
    header = ["model", "native size, px", "s, training", "s, sampling", "read in", "script draws"]
    return table(header, rows, "lrrrll")


def _size(card: Model) -> str:
    height, width, *frames = card.native
    return f"{width} × {height}" + "".join(f", {n} frames" for n in frames)


def _symbol(expression: settings.Literals, card: Model) -> str:
    """An expression of s as it is written for a model."""
    table_shift = f"{card.table_shift:g}"
    turned = {
        "ln(table/s)": "-ln s" if card.table_shift == 1 else f"ln({table_shift}/s)",
        "ln(table*s)": f"ln({table_shift} s)",
        "ln(s/own)": "ln s - ln(h w / 512²) / 2",
        "betas": "those of abar′ = abar / (abar + s² (1 - abar))",
    }
    if isinstance(expression, bool):
        return str(expression).lower()
    return turned.get(str(expression), str(expression))


def _set(row: Row, card: Model) -> Markdown:
    """What is set, as code, a line each."""
    lines = [code(f"{name} = {_symbol(one, card)}") for name, one in row.set.items()]
    return Markdown("<br>".join(lines)) if lines else Markdown("nothing")


def _of(name: str) -> Markdown:
    """The settings of one model."""
    card = models.model(name)
    rows = []
    for row in settings.rows():
        if card.name not in row.models:
            continue
        notes = [row.place] if row.place else []
        notes += [f"Needs {one}" for one in row.requires]
        notes += [f"Undone by {one}" for one in row.conflicts]
        notes += [row.note] if row.note else []
        source = row.sources[0]
        name, address = source.place
        rows.append(
            [
                Markdown(
                    f"{row.tool}, {row.stage}<br>"
                    f"({row.checked}: {link(name.partition('/')[2], address)})"
                ),
                _set(row, card),
                Markdown(". ".join(map(_coded, notes))),
            ]
        )
    return table(["tool, stage (checked)", "set", "where, and what else"], rows)


def _coded(text: str) -> str:
    """Text with the names to copy as code, since a page makes dashes of two hyphens."""
    words = []
    for word in text.removesuffix(".").split(" "):
        bare = word.rstrip(".,:;)")
        if bare and (bare.startswith("--") or "_" in bare or bare.endswith(".py")):
            words.append(f"{code(bare)}{word[len(bare) :]}")
        else:
            words.append(word)
    return " ".join(words)


def table_settings_sd15(_: Results) -> Markdown:
    """Settings for Stable Diffusion 1.5."""
    return _of("sd15")


def table_settings_sdxl(_: Results) -> Markdown:
    """Settings for Stable Diffusion XL."""
    return _of("sdxl")


def table_settings_sd3(_: Results) -> Markdown:
    """Settings for Stable Diffusion 3 and 3.5."""
    return _of("sd3")


def table_settings_flux1(_: Results) -> Markdown:
    """Settings for FLUX.1."""
    return _of("flux1")


def table_settings_flux2(_: Results) -> Markdown:
    """Settings for FLUX.2."""
    return _of("flux2")


def table_settings_z_image(_: Results) -> Markdown:
    """Settings for Z-Image."""
    return _of("z-image")


def table_settings_qwen_image(_: Results) -> Markdown:
    """Settings for Qwen-Image."""
    return _of("qwen-image")


def table_settings_lumina2(_: Results) -> Markdown:
    """Settings for Lumina-Image 2.0."""
    return _of("lumina2")


def table_settings_sana(_: Results) -> Markdown:
    """Settings for SANA."""
    return _of("sana")


def table_settings_hidream(_: Results) -> Markdown:
    """Settings for HiDream-I1."""
    return _of("hidream")


def table_settings_ideogram4(_: Results) -> Markdown:
    """Settings for Ideogram 4."""
    return _of("ideogram4")


def table_settings_wan21(_: Results) -> Markdown:
    """Settings for Wan 2.1."""
    return _of("wan21")


def table_settings_wan22(_: Results) -> Markdown:
    """Settings for Wan 2.2."""
    return _of("wan22")
