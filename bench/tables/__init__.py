"""The tables of a report: each is a function from a group of runs."""

from collections.abc import Callable

from bench.formats import Table
from bench.groups import Group
from bench.tables.costs import costs
from bench.tables.epochs import epochs
from bench.tables.ranking import human_uncertainty, noise_detection, scores, top_k
from bench.tables.robustness import crossing, over_noise
from bench.tables.samples import certain_classes, class_distances
from bench.tables.table1 import accuracy
from bench.tables.training import quality, relabelling

ALL_TABLES: list[Callable[[Group], Table]] = [
    accuracy,
    over_noise,
    crossing,
    top_k,
    relabelling,
    certain_classes,
    class_distances,
    scores,
    noise_detection,
    human_uncertainty,
    quality,
    epochs,
    costs,
]
