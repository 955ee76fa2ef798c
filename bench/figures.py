"""Figures from stored records."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.groups import Group
from bench.spec import Noise
from bench.store import Record

# Okabe and Ito's colours, which colour-blind readers can tell apart, less yellow; then other line markers.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
MARKERS = ["", "o", "s", "^", "D", "v"]
# The last tenth is left out: there a handful of images decides.
SHOWN = 0.9
STYLE: Any = {
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def rejection(group: Group, noise: Noise) -> Figure:
    """Return accuracy against rejection rate by method: own score solid, msp dashed, bands of ± std over seeds."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.8, 4.0), layout="constrained")
        axes = figure.subplots()
        handles = []
        for place, label in enumerate(group.labels):
            cell = group.cell(label, noise)
            if cell:
                handles.append(_curves(axes, cell, label, place))
        axes.set_xlabel("rejected, most uncertain first (%)")
        axes.set_ylabel("accuracy of the kept images (%)")
        axes.set_xlim(0, 100 * SHOWN)
        axes.set_title(f"label noise {noise.label}\n{group.title}", fontsize=9)
        styles = [
            Line2D([], [], color="0.3", label="own score"),
            Line2D([], [], color="0.3", ls="--", label="msp"),
        ]
        figure.legend(handles=[*handles, *styles], loc="outside right upper", frameon=False)
    return figure


def _curves(axes: Axes, cell: list[Record], label: str, place: int) -> Line2D:
    colour = COLOURS[place % len(COLOURS)]
    marker = MARKERS[place // len(COLOURS) % len(MARKERS)]
    curves = [record.curves for record in cell]
    rejected = 100 * curves[0]["rejected"].to_numpy()
    shown = rejected <= 100 * SHOWN
    for score, style in (("own", "-"), ("msp", "--")):
        values = 100 * np.stack([curve[score].to_numpy() for curve in curves])  # (seeds, rates)
        mean = values.mean(axis=0)
        axes.plot(rejected[shown], mean[shown], style, color=colour, lw=1.4, marker=marker, markevery=10, ms=4)
        if len(curves) > 1:
            std = values.std(axis=0, ddof=1)
            low, high = (mean - std)[shown], (mean + std)[shown]
            axes.fill_between(rejected[shown], low, high, color=colour, alpha=0.12, lw=0)
    return Line2D([], [], color=colour, marker=marker, ms=4, label=label)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, without the date, so that the same results give the same file."""
    figure.savefig(path, dpi=150, metadata={"Software": None})
