"""Histograms of uncertainty: how far a score sets wrong images apart from right ones."""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bench.errors import DataError
from bench.evaluation.predictions import LabelledPredictions
from bench.grid.pictures import Pictures
from bench.report.figures import facets
from bench.report.figures.sheet import REPORT, Sheet
from bench.report.figures.style import RIGHT, WRONG, Picture
from bench.report.grouping import Group
from bench.report.sample_pictures import Samples, of_each_method, score_of
from bench.report.summaries import over
from bench.store.record import Record

COLUMNS, LEAST = 4, 1.1  # panels side by side in a report; width of one in a paper, in inches
BARS = 30
TAIL = 0.5  # % of the images at either end that are drawn in the outermost bar


class Split(NamedTuple):
    """A score of the images of all runs of a method, and which of them are misclassified."""

    uncertainty: Float[np.ndarray, " n"]
    wrong: Bool[np.ndarray, " n"]


def pictures(group: Group, samples: Samples, wanted: Pictures) -> Iterator[Picture]:
    """Yield a picture for each noise, of all methods whose predictions and score are here."""
    for noise in group.noises:
        cells = {label: cell for label in group.labels if (cell := group.cell(label, noise))}
        found = {label: split for label, each in of_each_method(cells, samples).items()
                 if (split := _split(each, wanted.score))}  # fmt: skip
        caption = (
            f"Uncertainty of right and wrong images by {wanted.score} score, {group.dataset}, noise {noise.label}"
        )
        name = f"histograms-{group.name}-{noise.slug}"
        yield Picture(name, caption, partial(draw, group, noise.label, found, cells, wanted.score))


def draw(
    group: Group,
    noise: str,
    found: dict[str, Split],
    cells: dict[str, list[Record]],
    score: str,
    sheet: Sheet = REPORT,
) -> Figure:
    """Return a panel for each method, with an axis of its own, as scores have no common scale."""
    names = [group.shown(label) for label in found]
    with sheet.drawing(9.0, facets.height(len(names), sheet, COLUMNS, LEAST, shape=0.85) + 0.2) as figure:
        made = facets.panels(figure, names, sheet, COLUMNS, LEAST)
        for axes, (label, split) in zip(made, found.items(), strict=True):
            _bars(axes, split)
            facets.remark(axes, _numbers(split, cells[label], score), sheet)
        facets.label(made, f"uncertainty, {score} score", "part of the images (%)", sheet, COLUMNS, LEAST)
        handles = [Patch(color=colour, alpha=0.6, label=word) for word, colour in LOOKS.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
        sheet.title(figure, f"label noise {noise}", group.title)
    return figure


def _numbers(split: Split, cell: list[Record], score: str) -> str:
    auroc = over(cell, "scores", score, "auroc")
    said = f"AUROC {100 * auroc.mean:.1f}, " if auroc else ""
    return f"{said}{int(split.wrong.sum())} of {len(split.wrong)} wrong"


LOOKS = {"right images": RIGHT, "wrong images": WRONG}


def shares(split: Split) -> tuple[Float[np.ndarray, " edges"], dict[str, Float[np.ndarray, " bars"]]]:
    """Return the edges of bars, and the part of right and of wrong images in each, in %.

    What lies beyond the outermost edges counts in the outermost bars.
    """
    low, high = np.percentile(split.uncertainty, [TAIL, 100 - TAIL])
    edges = np.linspace(low, high if high > low else low + 1, BARS + 1)
    inside = np.clip(split.uncertainty, edges[0], edges[-1])
    found = {}
    for word, of in zip(LOOKS, (~split.wrong, split.wrong), strict=True):
        counts = np.histogram(inside[of], edges)[0]
        found[word] = 100 * counts / max(1, of.sum())
    return edges, found


def _bars(axes: Axes, split: Split) -> None:
    edges, found = shares(split)
    for word, part in found.items():
        axes.stairs(part, edges, fill=True, color=LOOKS[word], alpha=0.35)
        axes.stairs(part, edges, color=LOOKS[word], lw=0.9)
    axes.margins(x=0)
    axes.set_ylim(0, None)
    axes.locator_params(axis="x", nbins=3)
    axes.locator_params(axis="y", nbins=4)


def _split(runs: list[LabelledPredictions], score: str) -> Split | None:
    """Return all runs together; None if the score is not defined for this method."""
    try:
        uncertainty = np.concatenate([score_of(each, score) for each in runs])
    except DataError:
        return None
    return Split(uncertainty, np.concatenate([each.predicted != each.labels for each in runs]))
