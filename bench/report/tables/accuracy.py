"""The accuracy table, in the shape of Table 1 of the paper."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from bench.evaluation.metrics import HUMAN_UNCERTAINTY, find
from bench.plugins.dataset_options import IMBALANCE
from bench.report.columns import Methods, Summaries
from bench.report.grouping import Group
from bench.report.summaries import over, repeated
from bench.report.table import Row, Table
from bench.report.tables.bold import best, bold_notes
from bench.report.tables.shared_columns import older_note
from bench.report.values import FORMATS, MethodLabel, Published
from bench.spec import Noise
from bench.store.record import Record

UNITS = {"percent": " (%)", "thousandths": " ×10³"}
PUBLISHED = Path(__file__).with_name("published.toml")


def accuracy_table(group: Group, metric: str = "accuracy") -> Table:
    """Return the accuracy of each method by noise, with the published numbers under ours.

    Args:
        group: the runs.
        metric: another metric to show in the same shape, by its dotted name.
    """
    bests = [best(group, noise, metric) for noise in group.noises]
    methods = group.method_labels
    rows: list[Row] = []
    bold = set()
    for label in group.labels:
        bold |= {(len(rows), 1 + j) for j, found in enumerate(bests) if found.supported == label}
        rows += _rows(group, label, methods[label], metric)
    form = FORMATS[find(metric).scale]
    return Table(
        f"{metric.replace('.', '-')}-{group.name}",
        f"{what(group, metric)} of the last epoch by label noise: {group.title}",
        [Methods(), *(Summaries(noise.label, form=form) for noise in group.noises)],
        rows,
        [_reading(group), *bold_notes(bests), *older_note(group), *_source(group, rows)],
        frozenset(bold),
    )


@cache
def published() -> dict[str, Any]:
    """Return the published numbers by data set."""
    return tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))


def what(group: Group, metric: str) -> str:
    """Return a metric as a title names it.

    `Test accuracy (%)`, `AUROC (%) of the own score`, `AUROC (%) of flipped labels by the own
    score`.
    """
    if metric == "accuracy":
        return "Test accuracy (%)" if group.records[0].spec.evaluate == "test" else "Accuracy (%)"
    family, *score = metric.split(".")[:2]
    about = find(metric)
    named = f"{about.heading or metric}{UNITS.get(about.scale, '')}"
    if not score or not about.heading:
        return named
    of = "the own score" if score[0] == "own" else score[0]
    if family == HUMAN_UNCERTAINTY.name:
        return f"Rank correlation of {of} with human label entropy"
    return f"{named} of flipped labels by {of}" if family == "noise_detection" else f"{named} of {of}"


def _rows(group: Group, label: str, method: MethodLabel, metric: str) -> list[Row]:
    """Return a method's row, and that of its published numbers where there are any."""
    cells = [(noise, group.cell(label, noise)) for noise in group.noises]
    ours = Row([method, *(over(cell, *metric.split(".")) for _, cell in cells)])
    paper = [_published(label, noise, cell) for noise, cell in cells] if metric == "accuracy" else []
    return [ours, Row([method, *paper], "published")] if any(paper) else [ours]


def _published(label: str, noise: Noise, cell: list[Record]) -> Published | None:
    """Return the published number beside ours, if both are of the whole data set."""
    ours, spec = over(cell, "accuracy"), cell[0].spec if cell else None
    if ours is None or spec is None or spec.recipe is None or spec.evaluate != "test":
        return None
    if spec.recipe.train_limit or IMBALANCE in spec.dataset.hyperparameters:
        return None
    table = published().get(spec.dataset.name, {})
    if noise.kind != "symmetric" or noise.rate not in table.get("noise", []) or label not in table:
        return None
    return Published(table[label][table["noise"].index(noise.rate)], ours.mean)


def _source(group: Group, rows: list[Row]) -> list[str]:
    if not any(row.kind == "published" for row in rows):
        return []
    return [f"Paper: {published()[group.dataset]['source']}."]


def _reading(group: Group) -> str:
    """Return what cells and columns are."""
    spread = "± is the standard deviation over seeds. " if repeated(group) else ""
    if all(noise.kind == "symmetric" for noise in group.noises):
        return f"{spread}Columns: part of the training labels that are flipped."
    return (
        f"{spread}Columns: the rate asked for of each kind of noise; for labels by people, the part that is wrong."
    )
