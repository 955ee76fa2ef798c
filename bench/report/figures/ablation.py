"""Ablations: accuracy along a hyper-parameter, or with and without relabelling.

As in the supplement, section I.
"""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.escaping import figure_text
from bench.report.figures.sheet import REPORT, Sheet
from bench.report.figures.style import COLOURS, Picture, grid_shape, shortened, slug
from bench.report.grouping import Group
from bench.report.relabel_pairs import relabel_pairs
from bench.report.summaries import over
from bench.spec import Noise
from bench.store.record import Record

MEASURES = {"accuracy": ("accuracy",), "accuracy at 10 % rejection": ("scores", "own", "accuracy_at_10_rejection")}


class Axis(NamedTuple):
    """A hyper-parameter of a method that runs differ in, all else being the same."""

    method: str
    name: str
    cells: dict[str, list[Record]]  # by value, in their order


def pictures(group: Group) -> Iterator[Picture]:
    """Yield a picture for each noise and varied hyper-parameter; one for relabelling."""
    for noise in group.noises:
        axes = axes_of(group, noise)
        for axis in axes:
            alone = sum((other.method, other.name) == (axis.method, axis.name) for other in axes) == 1
            first = next(iter(axis.cells.values()))[0].spec.label
            along = axis.name if alone else f"{axis.name} from {first}"
            caption = f"{axis.method} by {along}, {group.dataset}, noise {noise.label}"
            name = f"ablation-{axis.method}-{slug(along)}-{group.name}-{noise.slug}"
            yield Picture(name, caption, partial(draw, group, noise, axis))
    if any(relabel_pairs(group, noise) for noise in group.noises):
        caption = f"With and without relabelling, {group.dataset}"
        yield Picture(f"relabelling-{group.name}", caption, partial(draw_relabelling, group))


def axes_of(group: Group, noise: Noise) -> list[Axis]:
    """Return the axes found at a noise; along an axis all else is the same."""
    found: dict[tuple[str, str, str], dict[str, list[Record]]] = {}
    for label in group.labels:
        cell = group.cell(label, noise)
        for name, value in cell[0].spec.method.hyperparameters.items() if cell else ():
            key = (cell[0].spec.method.name, name, _rest(cell[0], name))
            found.setdefault(key, {})[str(value)] = cell
    return [
        Axis(method, name, {value: cells[value] for value in sorted(cells, key=by_first_number)})
        for (method, name, _), cells in found.items()
        if len(cells) > 1
    ]


def by_first_number(value: str) -> tuple[Any, ...]:
    """Return a key that sorts numbers by size, and a text by the first number in it.

    The text comes before that number itself: `C(3,2)` stands among the numbers, where the order of
    row labels (`grouping`) would put it behind them all.

    >>> sorted(["5", "16", "3", "C(3,2)", "2"], key=by_first_number)
    ['2', 'C(3,2)', '3', '5', '16']
    """
    number = re.search(r"(?:(?<!\w)-)?\d+(\.\d*)?(e[-+]?\d+)?", value)
    return (float(number.group()) if number else np.inf, number is not None and number.group() == value, value)


def draw(group: Group, noise: Noise, axis: Axis, sheet: Sheet = REPORT) -> Figure:
    """Return accuracy and accuracy at 10 % rejection on one axis, bars of ± std over seeds."""
    style = "-" if all(re.search(r"\d", value) for value in axis.cells) else ""
    with sheet.drawing(5.2, 2.3 if sheet.is_paper else 3.4) as figure:
        axes = figure.subplots()
        for place, (name, path) in enumerate(MEASURES.items()):
            look = {"label": name, "color": COLOURS[place], "marker": "os"[place], "linestyle": style}
            _bars(axes, np.arange(len(axis.cells)), list(axis.cells.values()), path, **look)
        axes.set_xticks(range(len(axis.cells)), shortened(list(axis.cells), 40))
        axes.set_xlabel(figure_text(f"{axis.method}: {axis.name}"))
        axes.set_ylabel("accuracy (%)")
        sheet.title(figure, f"label noise {noise.label}", group.title)
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def draw_relabelling(group: Group, sheet: Sheet = REPORT) -> Figure:
    """Return the accuracy of each method with and without relabelling, a panel for each noise."""
    noises = [noise for noise in group.noises if relabel_pairs(group, noise)]
    rows, columns = grid_shape(len(noises), sheet.across(len(noises), 1.6))
    height = 2.3 * rows if sheet.is_paper else 4.0
    with sheet.drawing(3.4 * max(2, len(noises)), height) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).flatten()
        for axes in panels[len(noises) :]:
            axes.remove()
        for axes, noise in zip(panels, noises, strict=False):
            pairs = relabel_pairs(group, noise)
            for way, said in enumerate(("relabelling off", "relabelling on")):
                x, cells = np.arange(len(pairs)) + 0.2 * way - 0.1, [pair[way] for pair in pairs.values()]
                look = {"color": COLOURS[way], "marker": "os"[way], "linestyle": ""}
                _bars(axes, x, cells, MEASURES["accuracy"], label=said if axes is panels[0] else None, **look)
            axes.set_xticks(range(len(pairs)), shortened(list(pairs), 60), rotation=40, ha="right")
            axes.set_ylabel("accuracy (%)")
            axes.set_title(figure_text(f"label noise {noise.label}"), fontsize=sheet.points(9))
        sheet.title(figure, group.title)
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def _bars(axes: Axes, x: np.ndarray, cells: list[list[Record]], path: tuple[str, ...], **look: Any) -> None:
    summaries = [over(cell, *path) for cell in cells]
    mean = [100 * summary.mean if summary else np.nan for summary in summaries]
    std = [100 * (summary.std or 0) if summary else 0 for summary in summaries]
    axes.errorbar(x, mean, yerr=std, lw=1.4, ms=5, capsize=3, **look)


def _rest(record: Record, name: str) -> str:
    """Return what tells runs of a method apart besides one hyper-parameter, as text."""
    others = {key: value for key, value in record.spec.method.hyperparameters.items() if key != name}
    spec = record.spec
    return repr((others, spec.relabel, spec.protocol, spec.method.version))
