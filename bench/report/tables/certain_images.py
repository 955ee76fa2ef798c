"""What kind of images the most certain and the most uncertain are."""

from bench.report.columns import Counts, Summaries
from bench.report.grouping import Group
from bench.report.summaries import Summary, entry, over, summarise
from bench.report.table import Row, Table
from bench.report.tables.shared_columns import NOISE_AND_METHOD, method_labels
from bench.report.values import TWO_DECIMALS
from bench.store.record import Record

SHOWN_CLASSES = 20  # a table with more columns cannot be read
DISTANCES = {
    "certain_own": "own: certain",
    "uncertain_own": "own: uncertain",
    "certain_nearest_other": "nearest other: certain",
    "uncertain_nearest_other": "nearest other: uncertain",
}


def certain_classes_table(group: Group) -> Table:
    """Return the class histogram of the k most certain images by the method's own score."""
    first, labels = group.records[0], method_labels(group.records)
    k, classes = entry(first, "scores", "own", "top_k", "k"), first.classes
    rows = [
        Row([noise.label, labels[label], *(_of_class(cell, place) for place in range(len(classes)))])
        for noise, label, cell in group.cells()
        if len(classes) <= SHOWN_CLASSES
    ]
    return Table(
        f"certain-classes-{group.name}",
        f"Classes of the {k} most certain images by own score: {group.title}",
        [*NOISE_AND_METHOD, *map(Counts, classes)],
        rows,
        [f"Evenly spread it would be {k / len(classes):.0f} of each class."],
    )


def class_distances_table(group: Group) -> Table:
    """Return the distances of certain and uncertain images to their own and to other classes."""
    labels = method_labels(group.records)
    rows = [
        Row(
            [
                noise.label,
                labels[label],
                *(over(cell, "class_distances", "own", key) for key in DISTANCES),
            ]
        )
        for noise, label, cell in group.cells()
        if entry(cell[0], "class_distances")
    ]
    return Table(
        f"class-distances-{group.name}",
        f"Distance of features to class centres: {group.title}",
        [*NOISE_AND_METHOD, *(Summaries(heading, key, TWO_DECIMALS) for key, heading in DISTANCES.items())],
        rows,
        [
            "Mean distance of the most certain and the most uncertain tenth of the images, by the "
            "method's own score, to the centre of their own class and to the nearest centre of "
            "another; 1 is the mean distance between two class centres."
        ],
    )


def _of_class(cell: list[Record], place: int) -> Summary | None:
    return summarise(entry(r, "scores", "own", "top_k", "certain_classes")[place] for r in cell)
