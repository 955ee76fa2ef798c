"""Uncertainty in training of images with clean and with wrong labels, each method on its own axis.

The scores of different methods have no common scale, so they never share an axis.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bench.report.figures import facets
from bench.report.figures.sheet import REPORT, Sheet
from bench.report.figures.style import RIGHT, WRONG, Picture, band
from bench.report.figures.training_curves import has, logs_of
from bench.report.grouping import Group
from bench.spec import Noise
from bench.store.csv_columns import Columns

LOOKS: dict[str, dict[str, Any]] = {
    "train_uncertainty_clean": {"color": RIGHT, "marker": "", "ms": 3},
    "train_uncertainty_flipped": {"color": WRONG, "marker": "o", "ms": 3},
}
NAMES = {"train_uncertainty_clean": "clean labels", "train_uncertainty_flipped": "wrong labels"}
COLUMNS, LEAST = 4, 1.05  # panels side by side in a report; width of one in a paper, in inches


def pictures(group: Group) -> Iterator[Picture]:
    """Yield one picture for each noise at which methods have an uncertainty of wrong labels."""
    for noise in group.noises:
        logs = {label: cell for label, cell in logs_of(group, noise).items() if _tells(cell)}
        if logs:
            caption = f"Mean uncertainty in training by label, {group.dataset}, noise {noise.label}"
            name = f"training-uncertainty-{group.name}-{noise.slug}"
            yield Picture(name, caption, partial(draw, group, noise, list(logs)))


def draw(group: Group, noise: Noise, labels: list[str], sheet: Sheet = REPORT) -> Figure:
    """Return a panel for each method: mean uncertainty by epoch, of clean and of wrong labels."""
    logs = logs_of(group, noise)
    with sheet.drawing(9.0, facets.height(len(labels), sheet, COLUMNS, LEAST)) as figure:
        made = facets.panels(figure, [group.shown(label) for label in labels], sheet, COLUMNS, LEAST)
        for axes, label in zip(made, labels, strict=True):
            cell = logs[label]
            for name, line in LOOKS.items():
                known = [log for log in cell if has(log, name)]
                values = np.stack([log[name].astype(float) for log in known])
                band(axes, known[0]["epoch"], values, np.inf, **line)
            axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
            axes.locator_params(axis="y", nbins=4)
        facets.label(made, "epoch", "mean uncertainty", sheet, COLUMNS, LEAST)
        handles = [Line2D([], [], **line, label=NAMES[name]) for name, line in LOOKS.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
        sheet.title(figure, f"label noise {noise.label}", group.title)
    return figure


def _tells(cell: list[Columns]) -> bool:
    """Return whether all runs of a method log both uncertainties."""
    return all(has(log, name) for log in cell for name in LOOKS)
