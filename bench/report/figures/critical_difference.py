"""The critical-difference diagram (Demšar, JMLR 2006, section 3.2.2)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.escaping import figure_text
from bench.report.figures.sheet import REPORT, Sheet
from bench.report.figures.style import look
from bench.report.statistics.ranks import Ranks

STEP, BAR = 0.26, 0.16  # inches between names, and between bars
TOP = 0.75  # inches above the axis of ranks


def draw(ranks: Ranks, metric: str, sheet: Sheet = REPORT) -> Figure:
    """Return mean ranks on a line, the best to the left; a bar joins methods that do not differ."""
    count, cliques = len(ranks.labels), ranks.cliques()
    below = BAR * (len(cliques) + 1) + STEP * -(-count // 2)
    with sheet.drawing(9.0, TOP + below + (0.1 if sheet.is_paper else 0.6)) as figure:
        axes = figure.subplots()
        axes.axis("off")
        axes.set_ylim(-below - 0.1, TOP)
        margin = _margin(ranks, sheet) * (count - 1)
        axes.set_xlim(1 - margin, count + margin)
        _scale(axes, count, ranks.critical, sheet)
        for level, (first, last) in enumerate(cliques):
            ends = ranks.means[[first, last]] + 0.012 * (count - 1) * np.array([-1, 1])
            axes.plot(ends, 2 * [-BAR * (level + 0.8)], lw=3, color="0.2", solid_capstyle="butt")
        for place in range(count):
            _name(axes, ranks, place, -BAR * (len(cliques) + 1), sheet)
        sheet.title(
            figure,
            f"Mean ranks by {metric} over {ranks.blocks} blocks (data set × noise × seed)",
            f"Friedman's p = {ranks.p:.2g}; bars join methods that do not differ at 5 % (Nemenyi)",
        )
    return figure


def _margin(ranks: Ranks, sheet: Sheet) -> float:
    """Return the room for names at each side, in widths of the axis of ranks."""
    if not sheet.is_paper:
        return 0.75
    names = 0.056 * (max(len(str(label)) for label in ranks.labels) + 6)  # inches
    axis = max(sheet.wide(9.0) - 2 * names, 0.3 * sheet.wide(9.0))
    return (sheet.wide(9.0) - axis) / 2 / axis


def _scale(axes: Axes, count: int, critical: float, sheet: Sheet) -> None:
    """Draw the axis of ranks and the critical difference above it."""
    axes.plot([1, count], [0, 0], color="0.2", lw=1)
    for rank in range(1, count + 1, 1 if count <= 10 else 4 if sheet.is_paper else 2):
        axes.plot([rank, rank], [0, 0.07], color="0.2", lw=1)
        axes.text(rank, 0.11, str(rank), ha="center", va="bottom", fontsize=sheet.points(8))
    shown = min(critical, count - 1)
    axes.plot([1, 1 + shown], [0.45, 0.45], "|-", color="0.2", lw=1.4)
    wide = "" if shown == critical else ", wider than the axis"
    said = f"critical difference {critical:.2f}{wide}"
    axes.text(1 + shown / 2, 0.5, said, ha="center", va="bottom", fontsize=sheet.points(8))


def _name(axes: Axes, ranks: Ranks, place: int, start: float, sheet: Sheet) -> None:
    """Draw a method's line to its name: the better half's at the left, the others' at the right."""
    count, left = len(ranks.labels), place < -(-len(ranks.labels) // 2)
    row = place if left else count - 1 - place
    height, rank = start - STEP * row, ranks.means[place]
    end = 1 - 0.06 * (count - 1) if left else count + 0.06 * (count - 1)
    colour = look(place)["color"]
    axes.plot([rank, rank, end], [0, height, height], color=colour, lw=1)
    said = f"{ranks.labels[place]}  {rank:.2f}" if left else f"{rank:.2f}  {ranks.labels[place]}"
    said = figure_text(said)
    side, text = ("right", f"{said} ") if left else ("left", f" {said}")
    axes.text(end, height, text, ha=side, va="center", fontsize=sheet.points(8))
