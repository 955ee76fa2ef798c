"""Training as it went: accuracy, memorisation and relabelling by epoch (supplement, section B)."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bench.escaping import figure_text
from bench.report.figures import facets
from bench.report.figures.sheet import REPORT, Sheet
from bench.report.figures.style import Picture, band, grid_shape, look
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
    "remaining_noise": ("training labels that are wrong (%)", True),
    "relabelled": ("labels changed in the epoch", False),
    "corrected": ("… changed to the true label", False),
    "broken": ("… changed away from the true label", False),
}
ON_REQUEST = {"loss": ("mean loss in training", False)}
TITLE = 0.98  # where matplotlib puts the top of a title, in heights of the figure
Logs = dict[str, list[Columns]]  # of each method's runs
Looks = dict[str, dict[str, Any]]  # colour and marker of each method


def pictures(group: Group, wanted: Sequence[str] = ()) -> Iterator[Picture]:
    """Yield one picture for each noise with runs that were trained here.

    Args:
        group: the runs.
        wanted: columns of the log to show, all if empty.
    """
    trained = {record.spec.noise.point for record in group.records if record.spec.recipe}
    for noise in (each for each in group.noises if each.point in trained):
        caption = f"Accuracy and relabelling by epoch, {group.dataset}, noise {noise.label}"
        yield Picture(f"training-{group.name}-{noise.slug}", caption, partial(draw, group, noise, wanted))


def draw(group: Group, noise: Noise, wanted: Sequence[str] = (), sheet: Sheet = REPORT) -> Figure:
    """Return a panel for each column of the log, with lines of methods, bands of ± std of seeds.

    Many methods are drawn in groups side by side, with a row for each column of the log.
    """
    logs = logs_of(group, noise)
    asked = wanted or PANELS
    columns = [name for name in asked if any(has(log, name) for cell in logs.values() for log in cell)]
    if facets.are_many(logs):
        return _in_groups(group, noise, logs, columns, sheet)
    rows, across = grid_shape(len(columns), sheet.across(3, 1.5))
    looks = {label: look(place) for place, label in enumerate(group.labels)}
    with sheet.drawing(3.2 * max(across, 2), _height(sheet, across) * rows + 0.8, layout=None) as figure:
        panels = figure.subplots(rows, across, squeeze=False).flatten()
        for axes, name in zip(panels, columns, strict=False):
            _panel(axes, logs, looks, name, sheet)
        for axes in panels[len(columns) :]:
            axes.remove()
        names = _shown_in(group, logs, looks)
        longest = max(len(str(each.get_label())) for each in names)
        beside = max(1, min(3, int(figure.get_figwidth() * 15 / (longest + 6))))
        figure.legend(handles=names, loc="lower center", ncols=beside, frameon=False)
        sheet.title(figure, f"label noise {noise.label}", group.title)
        _place(figure, rows, -(-len(names) // beside), sheet)
    return figure


def logs_of(group: Group, noise: Noise) -> Logs:
    """Return the logs of each method that was trained here at a noise."""
    found = {label: [record.epochs for record in group.cell(label, noise)] for label in group.labels}
    return {label: cell for label, cell in found.items() if any(len(log["epoch"]) for log in cell)}


def has(log: Columns, name: str) -> bool:
    """Return whether a log has values of a column; of wrong labels there may be none."""
    return name in log and bool(np.isfinite(log[name].astype(float)).any())


def _in_groups(group: Group, noise: Noise, logs: Logs, columns: list[str], sheet: Sheet) -> Figure:
    """Return a row for each column of the log, and a panel in it for each group of methods."""
    groups = facets.in_groups(list(logs))
    width = sheet.wide(3.2 * len(groups))
    rows = max(map(len, groups))
    with sheet.drawing(
        width, _height(sheet, len(groups)) * len(columns) + 0.16 * rows + 0.6, layout=None
    ) as figure:
        grid = figure.add_gridspec(len(columns), len(groups))
        for place, members in enumerate(groups):
            inside = {label: logs[label] for label in members}
            looks = {label: look(k) for k, label in enumerate(members)}
            _column(figure, grid, place, inside, looks, columns, sheet)
        sheet.title(figure, f"label noise {noise.label}", group.title)
        _place(figure, len(columns), rows, sheet)
        _share_heights(figure, len(columns), len(groups))
        for place, members in enumerate(groups):
            looks = {label: look(k) for k, label in enumerate(members)}
            _legend_below(figure, figure.axes[place * len(columns)], _shown_in(group, members, looks))
    return figure


def _legend_below(figure: Figure, axes: Axes, handles: list[Line2D]) -> None:
    """Put a legend at the bottom of the figure, under a panel."""
    place = axes.get_position()
    anchor = ((place.x0 + place.x1) / 2, 0.0)
    figure.legend(handles=handles, loc="lower center", bbox_to_anchor=anchor, frameon=False, labelspacing=0.3)


def _column(
    figure: Figure, grid: GridSpec, place: int, logs: Logs, looks: Looks, columns: list[str], sheet: Sheet
) -> None:
    for row, name in enumerate(columns):
        axes = figure.add_subplot(grid[row, place])
        _panel(axes, logs, looks, name, sheet)


def _share_heights(figure: Figure, rows: int, columns: int) -> None:
    """Give the panels of a row one axis of values, so that groups can be compared."""
    panels = np.array(figure.axes).reshape(columns, rows)
    for row in panels.T:
        low, high = zip(*(axes.get_ylim() for axes in row), strict=True)
        for axes in row:
            axes.set_ylim(min(low), max(high))


def _shown_in(group: Group, logs: Iterable[str], looks: Looks) -> list[Line2D]:
    return [Line2D([], [], **looks[label], label=figure_text(group.shown(label))) for label in logs]


def _height(sheet: Sheet, across: int) -> float:
    """Return the height of a row of panels in inches."""
    return min(2.5, 0.8 + 0.5 * sheet.wide(9.6) / across) if sheet.is_paper else 2.5


def _place(figure: Figure, rows: int, legend_rows: int, sheet: Sheet) -> None:
    """Place the panels by hand, in inches: matplotlib fits so many slower than it draws them."""
    width, height = figure.get_size_inches()
    title_rows = figure.get_suptitle().count("\n") + 1 if sheet.titles else 0
    line, left = (0.15, 0.36) if sheet.is_paper else (0.19, 0.5)
    below = 0.45 if sheet.is_paper else 0.55  # for ticks and their label
    bottom = below + line * legend_rows
    top = height * TITLE - _heading(figure) - 0.16 * title_rows
    between = below + _heading(figure)
    panel = (top - bottom - between * (rows - 1)) / rows
    figure.subplots_adjust(
        left=left / width,
        right=1 - 0.1 / width,
        bottom=bottom / height,
        top=top / height,
        wspace=0.25 if not sheet.is_paper else 0.3,
        hspace=between / panel,
    )


def _heading(figure: Figure) -> float:
    """Return the room for titles of panels in inches."""
    return 0.12 + 0.13 * max(axes.get_title().count("\n") + 1 for axes in figure.axes)


def _panel(axes: Axes, logs: Logs, looks: Looks, name: str, sheet: Sheet) -> None:
    heading, fraction = (PANELS | ON_REQUEST)[name]
    for label, cell in logs.items():
        if known := [log for log in cell if has(log, name)]:
            values = (100 if fraction else 1) * np.stack([log[name].astype(float) for log in known])
            band(axes, known[0]["epoch"], values, 100.0 if fraction else np.inf, **looks[label])
    grid = axes.get_gridspec()
    room = int(15 * sheet.wide(9.6) / (grid.ncols if grid else 1)) if sheet.is_paper else len(heading)
    axes.set_title(textwrap.fill(heading, max(12, room)), fontsize=sheet.points(9))
    axes.set_xlabel("epoch", labelpad=1 if sheet.is_paper else None)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
