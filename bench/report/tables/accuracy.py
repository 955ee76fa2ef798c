"""The accuracy table, in the shape of the paper's Table 1."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from bench.report.grouping import Group
from bench.report.summaries import over, repeated
from bench.report.table import ABSENT, Table, percent
from bench.report.tables.bold import best, bold_notes
from bench.spec import Noise
from bench.store.record import Record

PUBLISHED = Path(__file__).with_name("published.toml")


def accuracy(group: Group) -> Table:
    """Return the accuracy table in the shape of the paper's Table 1, the published cells under ours."""
    rows, notes = [], []
    bests = [best(group, noise, "accuracy") for noise in group.noises]
    bold = set()
    for label in group.labels:
        cells = [group.cell(label, noise) for noise in group.noises]
        rows.append([label, *(percent(over(cell, "accuracy")) for cell in cells)])
        bold |= {(len(rows) - 1, 1 + j) for j, found in enumerate(bests) if found.supported == label}
        paper = [
            _paper(group.dataset, label, noise, cell) for noise, cell in zip(group.noises, cells, strict=True)
        ]
        if any(paper):
            rows.append(["  paper (ours − paper)", *(text or ABSENT for text in paper)])
            notes = [f"Paper: {published()[group.dataset]['source']}."]
    evaluated = "Test accuracy" if group.records[0].spec.evaluate == "test" else "Accuracy"
    header = ["method", *(noise.label for noise in group.noises)]
    spread = "± is the standard deviation over seeds. " if repeated(group) else ""
    return Table(
        f"accuracy-{group.name}",
        f"{evaluated} (%) of the last epoch by label noise: {group.title}",
        header,
        rows,
        [f"{spread}{_columns(group)}", *bold_notes(bests), *notes],
        frozenset(bold),
    )


def _columns(group: Group) -> str:
    if all(noise.kind == "symmetric" for noise in group.noises):
        return "Columns: part of the training labels that are flipped."
    return "Columns: the rate asked for of each kind of noise; for labels by people, the part that is wrong."


@cache
def published() -> dict[str, Any]:
    """Return the published numbers by data set."""
    return tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))


def _paper(dataset: str, label: str, noise: Noise, cell: list[Record]) -> str:
    """Return the published cell and our difference to it, or nothing where there is none."""
    table = published().get(dataset, {})
    if noise.kind != "symmetric" or noise.rate not in table.get("noise", []) or label not in table:
        return ""
    value = table[label][table["noise"].index(noise.rate)]
    ours = over(cell, "accuracy")
    if ours is None or cell[0].spec.evaluate != "test" or cell[0].spec.recipe.train_limit:
        return ""
    return f"{value:.2f} ({100 * ours.mean - value:+.2f})".replace("-", "−")
