"""Accuracy against rejection rate (supplement, section F, Figures 9 and 10)."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.escaping import figure_text
from bench.report.figures.style import Picture, band, drawing, look, title
from bench.report.grouping import Group
from bench.report.summaries import entry, over
from bench.spec import Noise
from bench.store.record import Record

# The last tenth is left out: there a handful of images decides.
SHOWN = 0.9
SCORES = {"own": "-", "msp": "--"}


def pictures(group: Group) -> Iterator[Picture]:
    """Yield one picture for each noise."""
    for noise in group.noises:
        caption = f"Accuracy against rejection, {group.dataset}, noise {noise.label}"
        yield Picture(f"rejection-{group.name}-{noise.slug}", caption, partial(draw, group, noise))


def draw(group: Group, noise: Noise) -> Figure:
    """Return accuracy by rejection rate: own score solid, msp dashed, the ideal order dotted."""
    present = {label: cell for label in group.labels if (cell := group.cell(label, noise))}
    with drawing(6.8, 4.2 + 0.16 * len(present)) as figure:
        axes = figure.subplots()
        handles = [
            _curves(axes, cell, group.shown(label), group.labels.index(label)) for label, cell in present.items()
        ]
        best = max(present, key=lambda label: _mean_accuracy(present[label]))
        handles.append(_ideal(axes, group.shown(best), _mean_accuracy(present[best])))
        axes.set_xlabel("rejected, most uncertain first (%)")
        axes.set_ylabel("accuracy of the kept images (%)")
        axes.set_xlim(0, 100 * SHOWN)
        title(figure, f"label noise {noise.label}", group.title)
        heading = f"{'accuracy at 10 % rejection (%), AURC ×10³':<43}{'own (solid)':>16}{'msp (dashed)':>16}"
        legend = figure.legend(
            handles=handles, loc="outside lower left", frameon=False, title=heading, alignment="left",
            prop={"family": "monospace", "size": 7.5}, title_fontproperties={"family": "monospace", "size": 7.5},
        )  # fmt: skip
        legend.set_in_layout(True)
    return figure


def ideal(accuracy: float, rejected: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
    """Return the accuracy, 0–1, of what is kept if all errors were rejected first."""
    return np.minimum(1, accuracy / (1 - rejected))


def _curves(axes: Axes, cell: list[Record], label: str, place: int) -> Line2D:
    curves = [record.curves for record in cell]
    rejected = curves[0]["rejected"]
    shown = rejected <= SHOWN
    for score, style in SCORES.items():
        values = 100 * np.stack([curve[score].astype(float) for curve in curves])  # (runs, rates)
        band(axes, 100 * rejected[shown], values[:, shown], 100.0, style, **look(place))
    numbers = "".join(f"{_number(cell, score):>16}" for score in SCORES)
    return Line2D([], [], **look(place), label=figure_text(f"{label:<40}{numbers}"))


def _number(cell: list[Record], score: str) -> str:
    kept, area = (over(cell, "scores", score, key) for key in ("accuracy_at_10_rejection", "aurc"))
    return f"{100 * kept.mean:.2f}, {1e3 * area.mean:.2f}" if kept and area else "–"


def _ideal(axes: Axes, label: str, accuracy: float) -> Line2D:
    rejected = np.linspace(0, SHOWN, 500)
    axes.plot(100 * rejected, 100 * ideal(accuracy, rejected), ":", color="0.3", lw=1.2)
    return Line2D([], [], ls=":", color="0.3", label=figure_text(f"ideal order, for the accuracy of {label}"))


def _mean_accuracy(cell: list[Record]) -> float:
    return float(np.mean([entry(record, "accuracy") for record in cell]))
