"""Accuracy, or another metric, against label noise: mean, deviation and every seed."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.evaluation.metrics import find
from bench.report.figures import facets
from bench.report.figures.sheet import REPORT, Sheet
from bench.report.figures.style import COLOURS, Picture, fill_around, look, shortened
from bench.report.grouping import Group
from bench.report.summaries import entry
from bench.report.tables.accuracy import what
from bench.report.tables.noise_robustness import noise_axes
from bench.report.values import FORMATS
from bench.spec import Noise

Points = list[tuple[float, list[float]]]  # rate in %, and the value of each run, in the metric's unit


def pictures(group: Group, metric: str = "accuracy") -> Iterator[Picture]:
    """Yield a picture for each kind of noise that was run at two rates or more."""
    for kind, noises in noise_axes(group).items():
        caption = f"{what(group, metric)} against {kind} noise, {group.dataset}"
        name = f"{metric.replace('.', '-')}-{group.name}-{kind}"
        yield Picture(name, caption, partial(draw, group, kind, noises, metric))


def draw(group: Group, kind: str, noises: list[Noise], metric: str, sheet: Sheet = REPORT) -> Figure:
    """Return the metric by noise rate: a line of means, a band of ± std, a dot for each run."""
    points = {label: found for label in group.labels if (found := _points(group, label, noises, metric))}
    axis = f"{kind} label noise (%)"
    if facets.are_many(points):
        return _facets(group, points, axis, metric, sheet)
    with sheet.drawing(5.2, 2.5 if sheet.is_paper else 4.0) as figure:
        axes = figure.subplots()
        looks = {label: look(group.labels.index(label)) for label in points}
        for place, (label, found) in enumerate(points.items()):
            _curve(axes, found, metric, (place - (len(points) - 1) / 2) * 0.25, **looks[label])
        axes.set_xlabel(axis)
        axes.set_ylabel(what(group, metric))
        names = shortened([group.shown(label) for label in points], 40)
        handles = [Line2D([], [], **looks[label], label=name) for label, name in zip(points, names, strict=True)]
        columns = max(1, min(4, int(figure.get_figwidth() * 15 / (max(map(len, names)) + 6))))
        figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False)
        sheet.title(figure, group.title)
    return figure


def _facets(group: Group, points: dict[str, Points], axis: str, metric: str, sheet: Sheet) -> Figure:
    """Return a panel for each method, the means of the others in grey behind it."""
    with sheet.drawing(9.0, facets.height(len(points), sheet)) as figure:
        made = facets.panels(figure, [group.shown(label) for label in points], sheet, sharex=True, sharey=True)
        for axes, found in zip(made, points.values(), strict=True):
            for other in points.values():
                axes.plot([rate for rate, _ in other], [np.mean(values) for _, values in other], **facets.OTHERS)
            _curve(axes, found, metric, 0.0, color=COLOURS[0], marker="", ms=4)
        facets.label(made, axis, what(group, metric), sheet)
        sheet.title(figure, group.title)
    return figure


def _points(group: Group, label: str, noises: list[Noise], metric: str) -> Points:
    factor = FORMATS[find(metric).scale].factor
    path = metric.split(".")
    found = [(100 * (noise.rate or 0.0), [entry(r, *path) for r in group.cell(label, noise)]) for noise in noises]
    known = [(rate, [factor * value for value in values if value is not None]) for rate, values in found]
    return [(rate, values) for rate, values in known if values]


def _curve(axes: Axes, points: Points, metric: str, shift: float, **line: Any) -> None:
    """Draw a method; dots and band stand beside those of others by a little shift."""
    rates = np.array([rate for rate, _ in points])
    mean = np.array([np.mean(values) for _, values in points])
    axes.plot(rates, mean, lw=1.3, **line)
    if max(len(values) for _, values in points) > 1:
        std = np.array([np.std(values, ddof=1) if len(values) > 1 else 0 for _, values in points])
        ceiling = 100.0 if find(metric).scale == "percent" else np.inf
        fill_around(axes, rates, mean, std, ceiling, line["color"])
        for rate, values in points:
            axes.plot(len(values) * [rate + shift], values, ".", ms=2.5, color=line["color"], alpha=0.8)
