"""Every metric of every cell: mean, deviation and the value of each run; and where the runs lie."""

from collections.abc import Mapping
from typing import Any

from bench.escaping import printable
from bench.report.grouping import Group
from bench.report.html.json_blocks import short
from bench.report.html.offered_metrics import keys
from bench.report.html.view_settings import places
from bench.report.summaries import entry, over
from bench.store.record import Record

SHOWN_RUNS = 100  # of one cell; more would be a cloud, not dots


def runs(group: Group, links: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return seeds, folder and address of each cell's runs."""
    return [
        {"at": at, "n": len(cell), "runs": [_run(record, links) for record in cell[:SHOWN_RUNS]]}
        for at, noise, label in places(group)
        for cell in [group.cell(label, noise)]
    ]


def values(group: Group, metrics: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return for each metric mean, deviation, n and the runs' values of each cell."""
    cells = [group.cell(label, noise) for _, noise, label in places(group)]
    found = {key: [_summary(cell, key) for cell in cells] for metric in metrics for key in keys(metric)}
    return {key: each for key, each in found.items() if any(each)}


def _run(record: Record, links: Mapping[str, str]) -> list[Any]:
    spec = record.spec
    return [spec.seed, spec.noise.seed, printable(record.path.name), links[spec.identity]]


def _summary(cell: list[Record], key: str) -> list[Any] | None:
    path = key.split(".")
    if (found := over(cell, *path)) is None:
        return None
    each = [entry(record, *path) for record in cell[:SHOWN_RUNS]]
    std = None if found.std is None else short(found.std)
    return [
        short(found.mean),
        std,
        found.n,
        [value if value is None else short(value) for value in each],
    ]
