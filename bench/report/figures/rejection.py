"""Accuracy against rejection rate (supplement, section F, Figures 9 and 10)."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.escaping import figure_text
from bench.evaluation.score_names import SCORE_NAMES
from bench.report.figures import facets
from bench.report.figures.sheet import REPORT, Sheet
from bench.report.figures.style import COLOURS, Picture, band, look, shortened
from bench.report.grouping import Group
from bench.report.summaries import entry, over
from bench.spec import Noise
from bench.store.record import Record

# The last tenth is left out: there a handful of images decides.
SHOWN = 0.9
ALWAYS = ("own", "msp")
NAMES = {"own": "own score", "msp": "max-softmax"}
STYLES = {"-": "solid", "--": "dashed", "-.": "dash-dotted"}  # of the scores, in turns
KEY = 2.8  # length of a line in a legend, in letters: enough for a dash, a dot and a dash
IDEAL: Any = {"ls": ":", "color": "0.3", "lw": 1.2}
Cells = dict[str, list[Record]]


def pictures(group: Group) -> Iterator[Picture]:
    """Yield one picture for each noise."""
    for noise in group.noises:
        caption = f"Accuracy against rejection, {group.dataset}, noise {noise.label}"
        yield Picture(f"rejection-{group.name}-{noise.slug}", caption, partial(draw, group, noise))


def draw(group: Group, noise: Noise, sheet: Sheet = REPORT) -> Figure:
    """Return accuracy by rejection rate: own score solid, msp dashed, the ideal order dotted.

    A score that was added to the runs is dash-dotted. Methods have a panel each where they are
    many, or where they have more scores than there are styles of lines.
    """
    present = {label: cell for label in group.labels if (cell := group.cell(label, noise))}
    scores = scores_of(record for cell in present.values() for record in cell)
    draw_all = _facets if facets.are_many(present) or len(scores) > len(STYLES) else _overlay
    return draw_all(group, noise, present, scores, sheet)


def scores_of(records: Iterable[Record]) -> list[str]:
    """Return the scores that are drawn: own, msp, and those that were added to stored runs."""
    curves = dict.fromkeys(name for record in records for name in record.curves)
    return [*ALWAYS, *(name for name in curves if name not in ("rejected", *SCORE_NAMES))]


def ideal(accuracy: float, rejected: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
    """Return the accuracy, 0–1, of what is kept if all errors were rejected first."""
    return np.minimum(1, accuracy / (1 - rejected))


def _overlay(group: Group, noise: Noise, present: Cells, scores: list[str], sheet: Sheet) -> Figure:
    entries = len(scores) + 1 + len(present)
    rows = -(-entries // _columns(group, present, sheet.wide(6.8)))
    height = 2.2 + 0.14 * rows if sheet.is_paper else 4.2 + 0.16 * len(present)
    with sheet.drawing(6.8, height) as figure:
        axes = figure.subplots()
        looks = {label: look(group.labels.index(label)) for label in present}
        for label, cell in present.items():
            _curves(axes, cell, dict.fromkeys(scores, looks[label]))
        best = max(present, key=lambda label: _mean_accuracy(present[label]))
        _ideal(axes, _mean_accuracy(present[best]))
        axes.set_xlabel("rejected, most uncertain first (%)")
        axes.set_ylabel("accuracy of the kept images (%)")
        axes.set_xlim(0, 100 * SHOWN)
        sheet.title(figure, f"label noise {noise.label}", group.title)
        legend = _names if sheet.is_paper else _numbers
        legend(figure, group, present, scores, looks, best)
    return figure


def _facets(group: Group, noise: Noise, present: Cells, scores: list[str], sheet: Sheet) -> Figure:
    """Return a panel for each method, the own scores of the others in grey behind it."""
    lines = {label: _means(cell, "own") for label, cell in present.items()}
    looks = {score: {"color": COLOURS[place % len(COLOURS)]} for place, score in enumerate(scores)}
    with sheet.drawing(9.0, facets.height(len(present), sheet)) as figure:
        made = facets.panels(figure, [group.shown(label) for label in present], sheet, sharex=True, sharey=True)
        for axes, cell in zip(made, present.values(), strict=True):
            for x, y in lines.values():
                axes.plot(x, y, **facets.OTHERS)
            _curves(axes, cell, looks)
            _ideal(axes, _mean_accuracy(cell))
            said = "\n".join(f"{score} {_area(cell, score)}" for score in scores)
            axes.text(
                0.96, 0.06, said, transform=axes.transAxes, ha="right", fontsize=sheet.points(7), in_layout=False
            )
        made[0].set_xlim(0, 100 * SHOWN)
        facets.label(made, "rejected, most uncertain first (%)", "accuracy of the kept images (%)", sheet)
        sheet.title(figure, f"label noise {noise.label}", group.title)
        columns = 2 if sheet.wide(9.0) < 4 else 5
        keys = _keys(looks, len(present) > 1)
        figure.legend(handles=keys, loc="outside lower center", ncols=columns, handlelength=KEY, frameon=False)
    return figure


def _keys(looks: dict[str, dict[str, Any]], has_others: bool) -> list[Line2D]:
    """Return what the lines of a panel are."""
    own = [Line2D([], [], ls=style, **looks[score], label=_name(score)) for score, style in _styled(looks)]
    others = [Line2D([], [], color=facets.OTHERS["color"], label="own score of the others")]
    numbers = Line2D([], [], ls="", label="numbers: AURC ×10³")
    return [*own, Line2D([], [], **IDEAL, label="ideal order"), *(others if has_others else []), numbers]


def _styled(scores: Iterable[str]) -> list[tuple[str, str]]:
    """Return each score with its style of line."""
    return list(zip(scores, cycle(STYLES), strict=False))


def _name(score: str) -> str:
    return NAMES.get(score) or shortened([score], 16)[0]


def _curves(axes: Axes, cell: list[Record], looks: dict[str, dict[str, Any]]) -> None:
    curves = [record.curves for record in cell]
    rejected = curves[0]["rejected"]
    shown = rejected <= SHOWN
    for score, style in _styled(looks):
        values = 100 * np.stack([curve[score].astype(float) for curve in curves])  # (runs, rates)
        band(axes, 100 * rejected[shown], values[:, shown], 100.0, style, **looks[score])


def _means(cell: list[Record], score: str) -> tuple[np.ndarray, np.ndarray]:
    curves = [record.curves for record in cell]
    rejected = curves[0]["rejected"]
    values = np.mean([curve[score].astype(float) for curve in curves], axis=0)
    return 100 * rejected[rejected <= SHOWN], 100 * values[rejected <= SHOWN]


def _numbers(
    figure: Figure, group: Group, present: Cells, scores: list[str], looks: dict[str, Any], best: str
) -> None:
    """Put a legend under a figure that is a table of accuracy at 10 % rejection and AURC."""
    heads = [f"{shortened([score], 12)[0]} ({STYLES[style]})" for score, style in _styled(scores)]
    widths = [max(16, len(head) + 2) for head in heads]
    numbers = {
        label: "".join(f"{_number(cell, score):>{width}}" for score, width in zip(scores, widths, strict=True))
        for label, cell in present.items()
    }
    handles = [
        Line2D([], [], **looks[label], label=figure_text(f"{group.shown(label):<40}{numbers[label]}"))
        for label in present
    ]
    said = f"ideal order, for the accuracy of {group.shown(best)}"
    columns = "".join(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True))
    heading = f"{'accuracy at 10 % rejection (%), AURC ×10³':<43}{columns}"
    legend = figure.legend(
        handles=[*handles, Line2D([], [], ls=":", color="0.3", label=figure_text(said))],
        loc="outside lower left", frameon=False, title=heading, alignment="left",
        prop={"family": "monospace", "size": 7.5}, title_fontproperties={"family": "monospace", "size": 7.5},
    )  # fmt: skip
    legend.set_in_layout(True)


def _names(
    figure: Figure, group: Group, present: Cells, scores: list[str], looks: dict[str, Any], best: str
) -> None:
    """Put a legend under a figure that names methods and styles of lines."""
    names = shortened([group.shown(label) for label in present], 30)
    methods = [Line2D([], [], **looks[label], label=name) for label, name in zip(present, names, strict=True)]
    styles = [Line2D([], [], color="0.3", ls=style, label=_name(score)) for score, style in _styled(scores)]
    handles = [*styles, Line2D([], [], **IDEAL, label="ideal order"), *methods]
    columns = _columns(group, present, figure.get_figwidth())
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=KEY, frameon=False)


def _columns(group: Group, present: Cells, width: float) -> int:
    """Return how many columns of names fit a width in inches."""
    longest = max(len(name) for name in shortened([group.shown(label) for label in present], 30))
    return min(4, max(1, int(width * 16 / (longest + 10))))


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
