"""The tables of a report: each is a function from a group of runs."""

from collections.abc import Callable

from bench.report.grouping import Group
from bench.report.table import Table
from bench.report.tables.accuracy import accuracy
from bench.report.tables.certain_images import certain_classes, class_distances
from bench.report.tables.costs import costs
from bench.report.tables.epoch_choice import epochs
from bench.report.tables.noise_robustness import crossing, over_noise
from bench.report.tables.training_quality import quality, relabelling
from bench.report.tables.uncertainty import human_uncertainty, noise_detection, scores, top_k

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
