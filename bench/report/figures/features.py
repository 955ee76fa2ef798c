"""Features of certain and uncertain samples in two dimensions (supplement, section C, Figure 5)."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.errors import DataError
from bench.evaluation.predictions import LabelledPredictions
from bench.grid.pictures import Pictures
from bench.report.figures.sheet import REPORT, Sheet
from bench.report.figures.style import Picture, shortened, slug
from bench.report.grouping import SHOWN_CLASSES, Group
from bench.report.sample_pictures import Samples, most

SHOWN = 2000  # samples drawn; t-SNE of all would take minutes
# Petroff's ten colours, made to be told apart by colour-blind readers (arXiv 2107.02270).
CLASS_COLOURS = [
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
]  # fmt: skip
PARTS = {"certain": ("o", 22), "uncertain": ("X", 30)}


def pictures(group: Group, samples: Samples, wanted: Pictures) -> Iterator[Picture]:
    """Yield one picture for the first seed of each cell whose method hands over features."""
    for noise, label, (record, *_) in group.cells():
        found = samples.evaluated(record)
        if found.predictions.features is not None:
            shown = f"{group.shown(label)}, noise {noise.label}, {group.dataset}, seed {record.spec.seed}"
            name = f"features-{slug(label)}-{group.name}-{noise.slug}"
            yield Picture(name, f"Features of {shown}", partial(draw, found, record.classes, shown, wanted.score))


def draw(found: LabelledPredictions, classes: list[str], run: str, score: str, sheet: Sheet = REPORT) -> Figure:
    """Return features by PCA and t-SNE, coloured by class, certain and uncertain tenth marked."""
    shown = subset(len(found.labels))
    masks = {part: tenth(found, score, part == "certain")[shown] for part in PARTS}
    features = found.predictions.features
    assert features is not None
    colours = class_colours(len(classes))
    named = classes if len(classes) <= SHOWN_CLASSES else []
    legend = 0.17 * -(-(len(named) + len(PARTS)) // _across(sheet))
    with sheet.drawing(9.0, sheet.wide(9.0) / 2 + legend + (0.1 if sheet.is_paper else 0.2)) as figure:
        panels = figure.subplots(1, 2)
        for axes, (name, points) in zip(panels, projections(features[shown]).items(), strict=True):
            _scatter(axes, points, np.array(colours)[found.labels[shown]], masks, sheet)
            axes.set_title(name, fontsize=sheet.points(9))
        names = [
            Line2D([], [], ls="", marker="o", ms=5, color=colour, label=name)
            for name, colour in zip(shortened(named), colours[: len(named)], strict=True)
        ]
        marks = [
            Line2D([], [], ls="", marker=mark, ms=6, mfc="0.8", mec="black", label=f"most {part} tenth")
            for part, (mark, _) in PARTS.items()
        ]
        figure.legend(handles=[*names, *marks], loc="outside lower center", ncols=_across(sheet), frameon=False)
        sheet.title(figure, f"{run}: features of {len(shown)} test images, certainty by {score} score")
    return figure


def class_colours(classes: int) -> list[str]:
    """Return a colour for each class, no two of up to 200 the same."""
    if classes <= len(CLASS_COLOURS):
        return CLASS_COLOURS[:classes]
    return [to_hex(colour) for colour in colormaps["turbo"](np.linspace(0.03, 0.97, classes))]


def _across(sheet: Sheet) -> int:
    """Return how many names stand side by side in the legend."""
    return max(3, min(6, int(sheet.wide(9.0) / 1.1)))


def subset(size: int) -> Int[np.ndarray, " shown"]:
    """Return the places of the samples that are drawn: all, or a fixed random part."""
    return np.sort(np.random.default_rng(0).permutation(size)[:SHOWN])


def tenth(found: LabelledPredictions, score: str, certain: bool) -> Bool[np.ndarray, " n"]:
    """Return which samples are of the most certain, or the most uncertain, tenth."""
    mask = np.zeros(len(found.labels), dtype=bool)
    mask[most(found, max(1, len(mask) // 10), score, certain)] = True
    return mask


def projections(features: Float[np.ndarray, "n features"]) -> dict[str, Float[np.ndarray, "n 2"]]:
    """Return the features in two dimensions, by method.

    Raises:
        DataError: the features are all the same, which t-SNE does not survive, or not finite.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if not np.isfinite(features).all() or not np.ptp(features, axis=0).any():
        raise DataError("the features are not finite, or the same for all samples")
    features = np.pad(features, ((0, 0), (0, max(0, 2 - features.shape[1]))))
    pca = PCA(2, random_state=0)
    plane = pca.fit_transform(features)
    explained = 100 * pca.explained_variance_ratio_.sum()
    perplexity = min(30, (len(features) - 1) / 3)
    tsne = TSNE(2, perplexity=perplexity, init="pca", random_state=0).fit_transform(features)
    return {f"PCA ({explained:.0f} % of the variance)": plane, f"t-SNE (perplexity {perplexity:.0f})": tsne}


def _scatter(
    axes: Axes,
    points: Float[np.ndarray, "n 2"],
    colours: Shaped[np.ndarray, " n"],
    masks: dict[str, np.ndarray],
    sheet: Sheet,
) -> None:
    axes.scatter(points[:, 0], points[:, 1], s=5 * _scale(sheet), c=colours, alpha=0.45, lw=0)
    for part, (mark, size) in PARTS.items():
        x, y = points[masks[part]].T
        axes.scatter(x, y, s=size * _scale(sheet), c=colours[masks[part]], marker=mark, edgecolors="black", lw=0.5)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)


def _scale(sheet: Sheet) -> float:
    """Return the area of marks, in parts of that on the widest sheet."""
    return max(0.25, min(1.0, (sheet.wide(9.0) / 9.0) ** 1.5))
