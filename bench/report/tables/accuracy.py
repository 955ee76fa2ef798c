"""The accuracy table, in the shape of Table 1 of the paper."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from bench.plugins.dataset_options import IMBALANCE
from bench.report.columns import Methods, Summaries
from bench.report.grouping import Group
from bench.report.summaries import over, repeated
from bench.report.table import Row, Table
from bench.report.tables.bold import best, bold_notes
from bench.report.tables.shared_columns import method_labels, older_note
from bench.report.values import Published
from bench.spec import Noise
from bench.store.record import Record

PUBLISHED = Path(__file__).with_name("published.toml")


def accuracy_table(group: Group) -> Table:
    """Return the accuracy of each method by noise, with the published numbers under ours."""
    bests = [best(group, noise, "accuracy") for noise in group.noises]
    rows: list[Row] = []
    bold = set()
    for label in group.labels:
        bold |= {(len(rows), 1 + j) for j, found in enumerate(bests) if found.supported == label}
        rows += _rows(group, label)
    evaluated = "Test accuracy" if group.records[0].spec.evaluate == "test" else "Accuracy"
    return Table(
        f"accuracy-{group.name}",
        f"{evaluated} (%) of the last epoch by label noise: {group.title}",
        [Methods(), *(Summaries(noise.label) for noise in group.noises)],
        rows,
        [_reading(group), *bold_notes(bests), *older_note(group), *_source(group, rows)],
        frozenset(bold),
    )


@cache
def published() -> dict[str, Any]:
    """Return the published numbers by data set."""
    return tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))


def _rows(group: Group, label: str) -> list[Row]:
    """Return a method's row, and that of its published numbers where there are any."""
    method = method_labels(group.records)[label]
    cells = [(noise, group.cell(label, noise)) for noise in group.noises]
    ours = Row([method, *(over(cell, "accuracy") for _, cell in cells)])
    paper = [_published(label, noise, cell) for noise, cell in cells]
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
