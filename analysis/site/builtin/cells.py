"""What is known of a page's cells without Jupyter: how they are run, and what they gave."""

from dataclasses import dataclass, field
from typing import Any

from analysis.site.builtin import files
from analysis.site.builtin.page import Cell, Page

VALUES = "application/x-inline+json"
TRACE = "application/x-trace+json"
# Every file that is opened or written, and every folder that is listed, is noted, so that it can be
# told later whether the cells would give the same; Python's own search for modules and packages is
# not, since the packages are known anyway. What matplotlib keeps for itself (its list of fonts) is
# written by whichever kernel comes first.
# Figures as SVG and as a sharp PNG, without dates or random ids: the same page, the same bytes.
# Seven by five inches are Quarto's defaults for figures that name no size.
SETUP = f"""
def _setup():
    import importlib, os, sys
    importing = ("<frozen importlib", os.path.dirname(importlib.__file__) + os.sep)
    shell = get_ipython()
    shell.colors = "nocolor"
    trace = {{"opened": set(), "written": set()}}
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    def note(event, given):
        if event == "open":
            path, mode, flags = given
            writes = bool(set(mode) & set("wax+")) if mode else bool(flags & writing)
        elif event == "os.rename":
            path, writes = given[1], True
        elif event in ("os.listdir", "os.scandir"):
            path, writes = given[0] or ".", False
            if sys._getframe(1).f_code.co_filename.startswith(importing):
                return
        else:
            return
        if isinstance(path, (str, bytes, os.PathLike)):
            place = os.path.abspath(os.fsdecode(path))
            trace["written" if writes else "opened"].add(place)
    sys.addaudithook(note)
    def told():
        opened = trace["opened"] | {{
            os.path.abspath(module.__file__) for module in list(sys.modules.values())
            if getattr(module, "__file__", None)}}
        kept = []
        if "matplotlib" in sys.modules:
            own = os.path.join(sys.modules["matplotlib"].get_configdir(), "matplotlibrc")
            opened.add(os.path.abspath(own))
            kept.append(os.path.abspath(sys.modules["matplotlib"].get_cachedir()))
        shell.display_pub.publish({{{TRACE!r}: {{
            "opened": sorted(opened), "written": sorted(trace["written"]), "kept": kept}}}})
    shell.push({{"_told": told, "_inline": lambda expressions: shell.display_pub.publish(
        {{{VALUES!r}: shell.user_expressions(expressions)}})}})
    try:
        import matplotlib
        shell.run_line_magic("matplotlib", "inline")
    except ImportError:
        return
    from matplotlib_inline.backend_inline import set_matplotlib_formats
    set_matplotlib_formats("svg", "retina", metadata={{"Date": None}}, bbox_inches="tight")
    matplotlib.rcParams.update({{"figure.figsize": (7, 5), "figure.dpi": 96,
        "savefig.dpi": "figure", "svg.hashsalt": "analysis"}})
_setup()
del _setup
"""


@dataclass
class Results:
    """What the cells of a page gave.

    Args:
        outputs: by index of the piece.
        values: by number of the inline code.
        read: the state of the files that were opened on the way; None if somebody else wrote to
            one of them meanwhile.
    """

    outputs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    values: dict[int, dict[str, str]] = field(default_factory=dict)
    read: files.States | None = field(default_factory=dict)


def ways(page: Page, cell: Cell) -> tuple[bool, bool]:
    """Whether a cell runs, and whether it may fail."""
    runs = cell.options.get("eval", page.option("eval", "html", True))
    lenient = cell.options.get("error", page.option("error", "html", False))
    return bool(runs), bool(lenient)
