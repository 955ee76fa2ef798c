"""The tables of a report: each is a function from a group of runs."""

from collections.abc import Callable

from bench.report.grouping import Group
from bench.report.table import Table
from bench.report.tables.accuracy import accuracy_table
from bench.report.tables.certain_images import certain_classes_table, class_distances_table
from bench.report.tables.classes import classes_table
from bench.report.tables.costs import costs_table
from bench.report.tables.epoch_choice import epochs_table
from bench.report.tables.noise_robustness import crossing_table, over_noise_table
from bench.report.tables.remarks import remarks_table
from bench.report.tables.training_quality import quality_table, relabelling_table
from bench.report.tables.uncertainty import (
    human_uncertainty_table,
    noise_detection_table,
    scores_table,
    top_k_table,
)

ALL_TABLES: list[Callable[[Group], Table]] = [
    accuracy_table,
    over_noise_table,
    crossing_table,
    top_k_table,
    relabelling_table,
    certain_classes_table,
    class_distances_table,
    classes_table,
    scores_table,
    noise_detection_table,
    human_uncertainty_table,
    quality_table,
    epochs_table,
    costs_table,
    remarks_table,
]
