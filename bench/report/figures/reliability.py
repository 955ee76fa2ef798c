"""Reliability diagrams: accuracy by confidence, with how many images there are at each.

As in Guo et al., On Calibration of Modern Neural Networks, ICML 2017, Figure 1; bins as of the ECE.
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.evaluation.calibration import BINS, Classified
from bench.grid.pictures import Pictures
from bench.report.figures import facets
from bench.report.figures.sheet import REPORT, Sheet
from bench.report.figures.style import COLOURS, Picture
from bench.report.grouping import Group
from bench.report.sample_pictures import Samples, of_each_method
from bench.report.summaries import over
from bench.store.record import Record

COLUMNS, LEAST = 4, 1.1  # panels side by side in a report; width of one in a paper, in inches


class Bins(NamedTuple):
    """Images of all runs of a method by confidence: how many, how many right, mean confidence."""

    counts: Int[np.ndarray, " bins"]
    accuracy: Float[np.ndarray, " bins"]  # NaN where there is no image
    confidence: Float[np.ndarray, " bins"]


def pictures(group: Group, samples: Samples, wanted: Pictures) -> Iterator[Picture]:
    """Yield a picture for each noise, of all methods whose predictions are here."""
    for noise in group.noises:
        cells = {label: cell for label in group.labels if (cell := group.cell(label, noise))}
        found = of_each_method(cells, samples)
        caption = f"Reliability, {group.dataset}, noise {noise.label}"
        name = f"reliability-{group.name}-{noise.slug}"
        binned = {label: binned_by_confidence([(p.predictions.logits, p.labels) for p in each])
                  for label, each in found.items()}  # fmt: skip
        yield Picture(name, caption, partial(draw, group, noise.label, binned, cells))


def draw(
    group: Group, noise: str, binned: dict[str, Bins], cells: dict[str, list[Record]], sheet: Sheet = REPORT
) -> Figure:
    """Return a panel for each method: bars of accuracy and the diagonal, with counts below."""
    names = [group.shown(label) for label in binned]
    height = facets.height(len(names), sheet, COLUMNS, LEAST, shape=1.0)
    with sheet.drawing(9.0, height) as figure:
        made = facets.panels(figure, names, sheet, COLUMNS, LEAST, sharex=True, sharey=True)
        for axes, (label, bins) in zip(made, binned.items(), strict=True):
            _bars(axes, bins, sheet)
            if ece := over(cells[label], "ece"):
                facets.remark(axes, f"ECE {100 * ece.mean:.1f} %", sheet)
        figure.supxlabel("confidence (%); grey: images, log scale", fontsize=sheet.points(9))
        figure.supylabel("accuracy (%)", fontsize=sheet.points(9))
        sheet.title(figure, f"label noise {noise}", group.title)
    return figure


def binned_by_confidence(
    runs: list[tuple[Float[np.ndarray, "n classes"], Int[np.ndarray, " n"]]],
) -> Bins:
    """Return images of runs in bins of equal width by the probability of the predicted class."""
    classified = [Classified(logits, labels) for logits, labels in runs]
    confidence = np.concatenate([each.confidence for each in classified])
    right = ~np.concatenate([each.errors for each in classified])
    place = np.digitize(confidence, np.linspace(0, 1, BINS + 1)[1:-1])
    counts = np.bincount(place, minlength=BINS)
    with np.errstate(invalid="ignore"):
        sums = (np.bincount(place, weights=each, minlength=BINS) for each in (right.astype(float), confidence))
        accuracy, mean = (each / counts for each in sums)
    return Bins(counts, accuracy, mean)


def _bars(axes: Axes, bins: Bins, sheet: Sheet) -> None:
    """Draw accuracy as bars, and counts in a strip below."""
    edges, width = 100 * np.linspace(0, 1, BINS + 1), 100 / BINS
    known = bins.counts > 0
    x = edges[:-1][known] + width / 2
    axes.bar(x, 100 * bins.accuracy[known], width * 0.94, color=COLOURS[4], lw=0)
    axes.plot([0, 100], [0, 100], ":", color="0.3", lw=1)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    strip = axes.inset_axes((0, -0.32, 1, 0.2), sharex=axes)
    strip.bar(x, bins.counts[known], width * 0.94, color="0.55", lw=0)
    strip.set_yscale("log")
    strip.set_ylim(0.8, 2 * max(1, bins.counts.max()))
    strip.tick_params(labelsize=sheet.points(6.5), pad=1)
    strip.tick_params(labelbottom=True, which="major")
    axes.tick_params(labelbottom=False)
