"""Training as it went: accuracy, memorisation and relabelling by epoch (supplement, section B)."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bench.escaping import figure_text
from bench.report.figures.style import Picture, band, drawing, grid_shape, look, title
from bench.report.grouping import Group
from bench.spec import Noise
from bench.store.csv_columns import Columns

# The columns of the log that are drawn where runs have them: the panel's title, and whether they
# are fractions.
PANELS = {
    "test_accuracy": ("test accuracy (%)", True),
    "held_out_accuracy": ("accuracy on the held-out part (%)", True),
    "train_memorised_flipped": ("wrong labels that the net repeats (%)", True),
    "train_accuracy_clean": ("accuracy in training, clean labels (%)", True),
    "train_accuracy_flipped": ("accuracy in training, wrong labels (%)", True),
    "train_uncertainty_clean": ("mean uncertainty, clean labels", False),
    "train_uncertainty_flipped": ("mean uncertainty, wrong labels", False),
    "remaining_noise": ("training labels that are wrong (%)", True),
    "relabelled": ("labels changed in the epoch", False),
    "corrected": ("… changed to the true label", False),
    "broken": ("… changed away from the true label", False),
}
TITLE = 0.98  # where matplotlib puts the top of a title, in heights of the figure
FAR = 100.0  # an unbounded uncertainty beyond this would press all others flat on a linear axis


def pictures(group: Group) -> Iterator[Picture]:
    """Yield one picture for each noise with runs that were trained here."""
    trained = {record.spec.noise.point for record in group.records if record.spec.recipe}
    for noise in (each for each in group.noises if each.point in trained):
        caption = f"Accuracy and relabelling by epoch, {group.dataset}, noise {noise.label}"
        yield Picture(f"training-{group.name}-{noise.slug}", caption, partial(draw, group, noise))


def draw(group: Group, noise: Noise) -> Figure:
    """Return a panel for each column of the log, with lines of methods, bands of ± std of seeds."""
    logs = {label: [record.epochs for record in group.cell(label, noise)] for label in group.labels}
    columns = [name for name in PANELS if any(_has(log, name) for cell in logs.values() for log in cell)]
    rows, across = grid_shape(len(columns), 3)
    with drawing(3.2 * max(across, 2), 2.5 * rows + 0.8, layout=None) as figure:
        panels = figure.subplots(rows, across, squeeze=False).flatten()
        for axes, name in zip(panels, columns, strict=False):
            _panel(axes, list(logs.values()), name)
        for axes in panels[len(columns) :]:
            axes.remove()
        handles = [
            Line2D([], [], **look(place), label=figure_text(group.shown(label)))
            for place, (label, cell) in enumerate(logs.items())
            if any(len(log["epoch"]) for log in cell)
        ]
        figure.legend(handles=handles, loc="lower center", ncols=3, frameon=False)
        title(figure, f"label noise {noise.label}", group.title)
        _place(figure, rows, legend_rows=-(-len(handles) // 3))
    return figure


def _place(figure: Figure, rows: int, legend_rows: int) -> None:
    """Place the panels by hand, in inches: matplotlib fits so many slower than it draws them."""
    width, height = figure.get_size_inches()
    title_rows = figure.get_suptitle().count("\n") + 1
    figure.subplots_adjust(
        left=0.5 / width,
        right=1 - 0.1 / width,
        bottom=(0.55 + 0.19 * legend_rows) / height,
        top=TITLE - (0.25 + 0.16 * title_rows) / height,
        wspace=0.25,
        hspace=0.45 if rows > 1 else 0,
    )


def _has(log: Columns, name: str) -> bool:
    """Return whether a log has values of a column; of wrong labels there may be none."""
    return name in log and bool(np.isfinite(log[name].astype(float)).any())


def _panel(axes: Axes, cells: list[list[Columns]], name: str) -> None:
    heading, fraction = PANELS[name]
    highest = 0.0
    for place, cell in enumerate(cells):
        if logs := [log for log in cell if _has(log, name)]:
            values = (100 if fraction else 1) * np.stack([log[name].astype(float) for log in logs])
            band(axes, logs[0]["epoch"], values, 100.0 if fraction else np.inf, **look(place))
            highest = max(highest, np.nanmax(values))
    if "uncertainty" in name and highest > FAR:
        axes.set_yscale("symlog", linthresh=1)
    axes.set_title(heading, fontsize=9)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
