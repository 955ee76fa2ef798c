"""What kind of images the most certain and the most uncertain are."""

from collections.abc import Callable

from bench.report.columns import Counts, Summaries
from bench.report.grouping import Group
from bench.report.summaries import Summary, entry, summarise
from bench.report.table import Table
from bench.report.tables.cell_table import Runs, ValuedColumns, cell_table, mean_of
from bench.report.values import TWO_DECIMALS

DISTANCES = {
    "certain_own": "own: certain",
    "uncertain_own": "own: uncertain",
    "certain_nearest_other": "nearest other: certain",
    "uncertain_nearest_other": "nearest other: uncertain",
}
DISTANCE_COLUMNS: ValuedColumns = [
    (Summaries(heading, key, TWO_DECIMALS), mean_of("class_distances", "own", key))
    for key, heading in DISTANCES.items()
]


def certain_classes_table(group: Group) -> Table:
    """Return the class histogram of the k most certain images by the method's own score."""
    first = group.records[0]
    k, classes = entry(first, "scores", "own", "top_k", "k"), first.classes
    return cell_table(
        group,
        "certain-classes",
        f"Classes of the {k} most certain images by own score",
        [(Counts(name), _of_class(place)) for place, name in enumerate(classes)],
        [f"Evenly spread it would be {k / len(classes):.0f} of each class."],
        lambda runs: [runs] if group.has_few_classes else [],
    )


def class_distances_table(group: Group) -> Table:
    """Return the distances of certain and uncertain images to their own and to other classes."""
    return cell_table(
        group,
        "class-distances",
        "Distance of features to class centres",
        DISTANCE_COLUMNS,
        [
            "Mean distance of the most certain and the most uncertain tenth of the images, by the "
            "method's own score, to the centre of their own class and to the nearest centre of "
            "another; 1 is the mean distance between two class centres."
        ],
        lambda runs: [runs] if entry(runs[0], "class_distances") else [],
    )


def _of_class(place: int) -> Callable[[Runs], Summary | None]:
    return lambda runs: summarise(entry(r, "scores", "own", "top_k", "certain_classes")[place] for r in runs)
