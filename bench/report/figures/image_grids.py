"""The most uncertain and the most certain images (supplement, Figures 1–4 and 6–8)."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from jaxtyping import Bool, Int, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bench.evaluation.predictions import LabelledPredictions
from bench.grid.pictures import Pictures
from bench.report.figures.sheet import REPORT, Sheet
from bench.report.figures.style import COLOURS, RIGHT, WRONG, Picture, shortened, slug
from bench.report.grouping import Group
from bench.report.sample_pictures import Samples, most
from bench.store.record import Record

COLUMNS = 13  # the paper's grid of 104 is 13 × 8
CELL = (1.16, 1.56)  # of an image of side 1, with room for its labels
INCH = 0.62  # width of a cell


def pictures(group: Group, samples: Samples, wanted: Pictures) -> Iterator[Picture]:
    """Yield the most uncertain and the most certain images of the first seed of each cell."""
    for noise, label, (record, *_) in group.cells():
        found = samples.evaluated(record)
        images = samples.images(record, found.labels)
        count = wanted.top or max(1, min(100, len(images) // 10))
        for which in ("uncertain", "certain"):
            chosen = most(found, count, wanted.score, certain=which == "certain")
            run = f"{group.shown(label)}, noise {noise.label}"
            shown = f"{run}: the {len(chosen)} most {which} by {wanted.score} score"
            name = f"{which}-{slug(label)}-{group.name}-{noise.slug}"
            yield Picture(
                name,
                f"{shown}, {group.dataset}",
                partial(draw, record, found, images, chosen, shown, which),
            )


def draw(
    record: Record,
    found: LabelledPredictions,
    images: UInt8[np.ndarray, "n channels height width"],
    chosen: Int[np.ndarray, " k"],
    shown: str,
    which: str,
    sheet: Sheet = REPORT,
) -> Figure:
    """Return a grid of images, framed red where wrong, green where right.

    Beside certain ones stands how many there are of each class.
    """
    wrong = found.predicted[chosen] != found.labels[chosen]
    across = min(sheet.across(COLUMNS, 0.5), max(1, len(chosen)) if sheet.is_paper else COLUMNS)
    beside = 2.3 if which == "certain" and not sheet.is_paper else 0
    inch = sheet.wide(INCH * COLUMNS) / across if sheet.is_paper else INCH
    height = inch / CELL[0] * CELL[1] * -(-len(chosen) // across) + (0.1 if sheet.is_paper else 0.7)
    with sheet.drawing(INCH * COLUMNS + beside, max(height, 2.2 if beside else 0)) as figure:
        widths = [INCH * COLUMNS, beside] if beside else [1]
        panels = figure.subplots(1, len(widths), squeeze=False, width_ratios=widths)[0]
        _grid(panels[0], images[chosen], *_names(record, found, chosen), wrong, across)
        if beside:
            _classes(panels[1], np.bincount(found.labels[chosen], minlength=len(record.classes)), record.classes)
        counted = f"{wrong.sum()} of {len(chosen)} misclassified (over each image: true class, predicted class)"
        sheet.title(figure, f"{shown}, {record.spec.dataset.name}, seed {record.spec.seed}", counted)
    return figure


def _names(
    record: Record, found: LabelledPredictions, chosen: Int[np.ndarray, " k"]
) -> tuple[list[str], list[str]]:
    names = shortened(record.classes, 10)
    return [names[k] for k in found.labels[chosen]], [names[k] for k in found.predicted[chosen]]


def _grid(
    axes: Axes,
    images: UInt8[np.ndarray, "k channels height width"],
    true: list[str],
    predicted: list[str],
    wrong: Bool[np.ndarray, " k"],
    across: int,
) -> None:
    for place, image in enumerate(images):
        x, y = CELL[0] * (place % across), CELL[1] * (place // across)
        pixels = image.transpose(1, 2, 0) if len(image) == 3 else image[0]
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, extent=(x, x + 1, y + 1, y), interpolation="nearest")
        colour = WRONG if wrong[place] else RIGHT
        axes.add_patch(Rectangle((x, y), 1, 1, fill=False, edgecolor=colour, lw=1.8))
        weight = "bold" if wrong[place] else "normal"
        said = f"{true[place]}\n{predicted[place]}"
        axes.text(x + 0.5, y - 0.06, said, ha="center", va="bottom", fontsize=5.5, weight=weight, linespacing=1.0)
    axes.set_xlim(-0.1, CELL[0] * across)
    axes.set_ylim(CELL[1] * -(-len(images) // across) - 0.5, -0.55)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _classes(axes: Axes, counts: Int[np.ndarray, " classes"], names: list[str]) -> None:
    bars = axes.barh(range(len(names)), counts, color=COLOURS[0])
    axes.bar_label(bars, fontsize=7, padding=2)
    axes.set_yticks(range(len(names)), shortened(names), fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("images by true class", fontsize=8)
    axes.margins(x=0.15)
    axes.grid(visible=False)
