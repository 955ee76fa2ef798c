"""Accuracy against rejection rate (supplement, section F, Figures 9 and 10)."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.escaping import figure_text
from bench.report.figures import facets
from bench.report.figures.sheet import REPORT, Sheet
from bench.report.figures.style import COLOURS, Picture, band, look, shortened
from bench.report.grouping import Group
from bench.report.summaries import entry, over
from bench.spec import Noise
from bench.store.record import Record

# The last tenth is left out: there a handful of images decides.
SHOWN = 0.9
SCORES = {"own": "-", "msp": "--"}
NAMES = {"own": "own score", "msp": "max-softmax"}
IDEAL: Any = {"ls": ":", "color": "0.3", "lw": 1.2}
Cells = dict[str, list[Record]]


def pictures(group: Group) -> Iterator[Picture]:
    """Yield one picture for each noise."""
    for noise in group.noises:
        caption = f"Accuracy against rejection, {group.dataset}, noise {noise.label}"
        yield Picture(f"rejection-{group.name}-{noise.slug}", caption, partial(draw, group, noise))


def draw(group: Group, noise: Noise, sheet: Sheet = REPORT) -> Figure:
    """Return accuracy by rejection rate: own score solid, msp dashed, the ideal order dotted.

    Many methods have a panel each.
    """
    present = {label: cell for label in group.labels if (cell := group.cell(label, noise))}
    draw_all = _facets if facets.are_many(present) else _overlay
    return draw_all(group, noise, present, sheet)


def ideal(accuracy: float, rejected: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
    """Return the accuracy, 0–1, of what is kept if all errors were rejected first."""
    return np.minimum(1, accuracy / (1 - rejected))


def _overlay(group: Group, noise: Noise, present: Cells, sheet: Sheet) -> Figure:
    height = 2.2 + 0.14 * -(-len(present) // 2) if sheet.is_paper else 4.2 + 0.16 * len(present)
    with sheet.drawing(6.8, height) as figure:
        axes = figure.subplots()
        looks = {label: look(group.labels.index(label)) for label in present}
        for label, cell in present.items():
            _curves(axes, cell, dict.fromkeys(SCORES, looks[label]))
        best = max(present, key=lambda label: _mean_accuracy(present[label]))
        _ideal(axes, _mean_accuracy(present[best]))
        axes.set_xlabel("rejected, most uncertain first (%)")
        axes.set_ylabel("accuracy of the kept images (%)")
        axes.set_xlim(0, 100 * SHOWN)
        sheet.title(figure, f"label noise {noise.label}", group.title)
        legend = _names if sheet.is_paper else _numbers
        legend(figure, group, present, looks, best)
    return figure


def _facets(group: Group, noise: Noise, present: Cells, sheet: Sheet) -> Figure:
    """Return a panel for each method, the own scores of the others in grey behind it."""
    lines = {label: _means(cell, "own") for label, cell in present.items()}
    looks = {score: {"color": COLOURS[place]} for place, score in enumerate(SCORES)}
    with sheet.drawing(9.0, facets.height(len(present), sheet)) as figure:
        made = facets.panels(figure, [group.shown(label) for label in present], sheet, sharex=True, sharey=True)
        for axes, cell in zip(made, present.values(), strict=True):
            for x, y in lines.values():
                axes.plot(x, y, **facets.OTHERS)
            _curves(axes, cell, looks)
            _ideal(axes, _mean_accuracy(cell))
            said = "\n".join(f"{score} {_area(cell, score)}" for score in SCORES)
            axes.text(
                0.96, 0.06, said, transform=axes.transAxes, ha="right", fontsize=sheet.points(7), in_layout=False
            )
        made[0].set_xlim(0, 100 * SHOWN)
        facets.label(made, "rejected, most uncertain first (%)", "accuracy of the kept images (%)", sheet)
        sheet.title(figure, f"label noise {noise.label}", group.title)
        columns = 2 if sheet.wide(9.0) < 4 else 5
        figure.legend(handles=_keys(looks), loc="outside lower center", ncols=columns, frameon=False)
    return figure


def _keys(looks: dict[str, dict[str, Any]]) -> list[Line2D]:
    """Return what the lines of a panel are."""
    own = [Line2D([], [], ls=SCORES[score], **look, label=NAMES[score]) for score, look in looks.items()]
    others = Line2D([], [], color=facets.OTHERS["color"], label="own score of the others")
    numbers = Line2D([], [], ls="", label="numbers: AURC ×10³")
    return [*own, Line2D([], [], **IDEAL, label="ideal order"), others, numbers]


def _curves(axes: Axes, cell: list[Record], looks: dict[str, dict[str, Any]]) -> None:
    curves = [record.curves for record in cell]
    rejected = curves[0]["rejected"]
    shown = rejected <= SHOWN
    for score, style in SCORES.items():
        values = 100 * np.stack([curve[score].astype(float) for curve in curves])  # (runs, rates)
        band(axes, 100 * rejected[shown], values[:, shown], 100.0, style, **looks[score])


def _means(cell: list[Record], score: str) -> tuple[np.ndarray, np.ndarray]:
    curves = [record.curves for record in cell]
    rejected = curves[0]["rejected"]
    values = np.mean([curve[score].astype(float) for curve in curves], axis=0)
    return 100 * rejected[rejected <= SHOWN], 100 * values[rejected <= SHOWN]


def _numbers(figure: Figure, group: Group, present: Cells, looks: dict[str, Any], best: str) -> None:
    """Put a legend under a figure that is a table of accuracy at 10 % rejection and AURC."""
    handles = [
        Line2D([], [], **looks[label], label=figure_text(f"{group.shown(label):<40}{_both(cell)}"))
        for label, cell in present.items()
    ]
    said = f"ideal order, for the accuracy of {group.shown(best)}"
    heading = f"{'accuracy at 10 % rejection (%), AURC ×10³':<43}{'own (solid)':>16}{'msp (dashed)':>16}"
    legend = figure.legend(
        handles=[*handles, Line2D([], [], ls=":", color="0.3", label=figure_text(said))],
        loc="outside lower left", frameon=False, title=heading, alignment="left",
        prop={"family": "monospace", "size": 7.5}, title_fontproperties={"family": "monospace", "size": 7.5},
    )  # fmt: skip
    legend.set_in_layout(True)


def _names(figure: Figure, group: Group, present: Cells, looks: dict[str, Any], best: str) -> None:
    """Put a legend under a figure that names methods and styles of lines."""
    names = shortened([group.shown(label) for label in present], 30)
    methods = [Line2D([], [], **looks[label], label=name) for label, name in zip(present, names, strict=True)]
    styles = [Line2D([], [], color="0.3", ls=SCORES[score], label=NAMES[score]) for score in SCORES]
    longest = max(map(len, names))
    columns = max(1, int(figure.get_figwidth() * 16 / (longest + 8)))
    handles = [*styles, Line2D([], [], **IDEAL, label="ideal order"), *methods]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(4, columns), frameon=False)


def _both(cell: list[Record]) -> str:
    return "".join(f"{_number(cell, score):>16}" for score in SCORES)


def _number(cell: list[Record], score: str) -> str:
    kept, area = (over(cell, "scores", score, key) for key in ("accuracy_at_10_rejection", "aurc"))
    return f"{100 * kept.mean:.2f}, {1e3 * area.mean:.2f}" if kept and area else "–"


def _area(cell: list[Record], score: str) -> str:
    area = over(cell, "scores", score, "aurc")
    return f"{1e3 * area.mean:.2f}" if area else "–"


def _ideal(axes: Axes, accuracy: float) -> None:
    rejected = np.linspace(0, SHOWN, 500)
    axes.plot(100 * rejected, 100 * ideal(accuracy, rejected), **IDEAL)


def _mean_accuracy(cell: list[Record]) -> float:
    return float(np.mean([entry(record, "accuracy") for record in cell]))
