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
from bench.report.tables.own_score import own_score_table
from bench.report.tables.remarks import remarks_table
from bench.report.tables.training_quality import quality_table, relabelling_table
from bench.report.tables.tuning_tables import tuning_table, tuning_trials_table
from bench.report.tables.uncertainty import (
    human_uncertainty_table,
    noise_detection_table,
    scores_table,
    top_k_table,
)

# By name, in the order of the page; the first line of a function's docstring is what lists show.
BY_NAME: dict[str, Callable[[Group], Table]] = {
    "own-score": own_score_table,
    "accuracy": accuracy_table,
    "robustness": over_noise_table,
    "crossing": crossing_table,
    "top-k": top_k_table,
    "relabelling": relabelling_table,
    "certain-classes": certain_classes_table,
    "class-distances": class_distances_table,
    "classes": classes_table,
    "scores": scores_table,
    "noise-detection": noise_detection_table,
    "human-uncertainty": human_uncertainty_table,
    "quality": quality_table,
    "epochs": epochs_table,
    "costs": costs_table,
    "remarks": remarks_table,
}
ALL_TABLES = list(BY_NAME.values())
# Made of pairs of methods by `bench.report.comparison`, not of a group alone.
OF_PAIRS = {
    "comparison": "Differences between methods in one metric, with tests and intervals.",
    "ranks": "Mean ranks of methods by one metric, with Friedman's test.",
}
# Made of searches of `bench tune`.
OF_SEARCHES = {"tuning": tuning_table, "tuning-trials": tuning_trials_table}


def words() -> dict[str, str]:
    """Return a line on each table, by name."""
    made = {**BY_NAME, **OF_SEARCHES}
    lines = {name: (make.__doc__ or "").strip().splitlines()[0] for name, make in made.items()}
    told = {name: line.removeprefix("Return ") for name, line in lines.items()}
    return {name: line[:1].upper() + line[1:] for name, line in told.items()} | OF_PAIRS
