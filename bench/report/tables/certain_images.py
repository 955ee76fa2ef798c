"""What kind of images the most certain and the most uncertain are."""

from bench.report.grouping import Group
from bench.report.summaries import entry, over, summarise
from bench.report.table import Table, count, formatted

SHOWN_CLASSES = 20  # a table with more columns cannot be read


def certain_classes(group: Group) -> Table:
    """Return the class histogram of the k most certain images by the method's own score."""
    classes = group.records[0].classes
    k = entry(group.records[0].metrics, ("scores", "own", "top_k", "k"))
    path = ("scores", "own", "top_k", "certain_classes")
    rows = [
        [
            noise.label,
            label,
            *(count(summarise(entry(r.metrics, path)[place] for r in cell)) for place in range(len(classes))),
        ]
        for noise, label, cell in group.cells()
        if len(classes) <= SHOWN_CLASSES
    ]
    return Table(
        f"certain-classes-{group.name}",
        f"Classes of the {k} most certain images by own score: {group.title}",
        ["noise", "method", *classes],
        rows,
        [f"Evenly spread it would be {k / len(classes):.0f} of each class."],
    )


def class_distances(group: Group) -> Table:
    """Return how far the certain and the uncertain tenth lie from their own and the nearest other class centre."""
    keys = ("certain_own", "uncertain_own", "certain_nearest_other", "uncertain_nearest_other")
    rows = [
        [noise.label, label]
        + [formatted(over(cell, "class_distances", "own", key), "{:.2f}".format) for key in keys]
        for noise, label, cell in group.cells()
        if cell[0].metrics.get("class_distances")
    ]
    return Table(
        f"class-distances-{group.name}",
        f"Distance of features to class centres: {group.title}",
        [
            "noise",
            "method",
            "own: certain",
            "own: uncertain",
            "nearest other: certain",
            "nearest other: uncertain",
        ],
        rows,
        [
            "Mean distance of the most certain and the most uncertain tenth of the images, by the method's own "
            "score, to the centre of their own class and to the nearest centre of another; 1 is the mean distance "
            "between two class centres."
        ],
    )
