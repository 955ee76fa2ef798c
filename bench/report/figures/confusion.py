"""Confusion matrices, row-normalised, one for each method (supplement, Figures 13–15)."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.escaping import figure_text
from bench.report.figures.sheet import REPORT, Sheet
from bench.report.figures.style import Picture, grid_shape, shortened
from bench.report.grouping import Group
from bench.report.summaries import entry
from bench.spec import Noise
from bench.store.record import Record


def pictures(group: Group) -> Iterator[Picture]:
    """Yield one picture for each noise, unless there are too many classes."""
    for noise in group.noises:
        cells = {label: cell for label in group.labels if (cell := _known(group.cell(label, noise)))}
        if cells and group.has_few_classes:
            caption = f"Confusion matrices, {group.dataset}, noise {noise.label}"
            yield Picture(f"confusion-{group.name}-{noise.slug}", caption, partial(draw, group, noise, cells))


def draw(group: Group, noise: Noise, cells: dict[str, list[Record]], sheet: Sheet = REPORT) -> Figure:
    """Return the methods' matrices side by side, in % of each true class, seeds added up."""
    classes = group.records[0].classes
    side = max(2.9, 0.29 * len(classes) + 0.5)
    least = 0.12 * len(classes) + 0.45
    rows, columns = grid_shape(len(cells), sheet.across(2 if len(cells) == 4 else 3, least))
    side = min(side, sheet.wide(side * columns) / columns)
    height = (side + 0.2) * rows + (0.15 if sheet.is_paper else 0.4)
    with sheet.drawing(side * columns, height) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).flatten()
        for axes, (label, cell) in zip(panels, cells.items(), strict=False):
            _matrix(axes, row_percent(cell), shortened(classes), side, sheet)
            if len(cells) > 1 or sheet.titles:
                axes.set_title(figure_text(group.shown(label)), fontsize=sheet.points(9))
        for axes in panels[len(cells) :]:
            axes.remove()
        figure.supxlabel("predicted class", fontsize=sheet.points(9))
        figure.supylabel("true class", fontsize=sheet.points(9))
        sheet.title(figure, f"% of each true class, label noise {noise.label}", group.title)
    return figure


def row_percent(cell: list[Record]) -> Float[np.ndarray, "classes classes"]:
    """Return the counts of all runs in % of each true class; a class without images is NaN."""
    counts = np.sum([entry(record, "confusion") for record in cell], axis=0).astype(float)
    sizes = counts.sum(axis=1, keepdims=True)
    return 100 * np.divide(counts, sizes, out=np.full_like(counts, np.nan), where=sizes > 0)


def _known(cell: list[Record]) -> list[Record]:
    return [record for record in cell if entry(record, "confusion")]


def _matrix(
    axes: Axes, percent: Float[np.ndarray, "classes classes"], names: list[str], side: float, sheet: Sheet
) -> None:
    """Draw a matrix of a width in inches, with as many digits as its cells have room for."""
    room = (side - 0.5) / len(names)  # of a cell, in inches
    size = min(6.0, 30 * room) if sheet.is_paper else 6.0
    axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    for (row, column), value in np.ndenumerate(percent):
        if value >= 0.05:
            said = f"{value:.0f}" if value >= 9.95 or room < 0.2 else f"{value:.1f}"
            colour = "white" if value > 50 else "black"
            axes.text(column, row, said, ha="center", va="center", fontsize=size, color=colour, in_layout=False)
    upright = all(len(name) < 3 for name in names)
    axes.set_xticks(range(len(names)), names, rotation=0 if upright else 90, fontsize=sheet.points(7))
    axes.set_yticks(range(len(names)), names, fontsize=sheet.points(7))
    axes.grid(visible=False)
