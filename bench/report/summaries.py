"""Metrics of runs as tables and figures read them: of one run, by seed, and over seeds."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from bench.report.grouping import Group
from bench.store.csv_columns import Columns
from bench.store.record import Record
from bench.store.record_models import Entries

Seeds = tuple[int, int]  # of a run and of its label noise


class Summary(NamedTuple):
    """Mean and sample standard deviation over n runs; the deviation of one run is None."""

    mean: float
    std: float | None
    n: int
    undefined: int = 0  # further runs, which have no value


def summarise(values: Iterable[float | None]) -> Summary | None:
    """Return the summary of the values that are defined, or None if there are none."""
    given = list(values)
    defined = np.array([value for value in given if value is not None], dtype=float)
    if not len(defined):
        return None
    std = float(defined.std(ddof=1)) if len(defined) > 1 else None
    return Summary(float(defined.mean()), std, len(defined), len(given) - len(defined))


def entry(record: Record, *path: str) -> Any:
    """Return one entry of a run's metrics, None where it is undefined or not there."""
    found: Any = record.metrics
    for key in path:
        found = found.get(key) if isinstance(found, dict | Entries) else None
    return found


def over(cell: Iterable[Record], *path: str) -> Summary | None:
    """Summarise one entry of the metrics over a cell's runs."""
    return summarise(entry(record, *path) for record in cell)


def cost_over(cell: Iterable[Record], key: str) -> Summary | None:
    """Summarise one entry of the cost, such as `seconds`, over a cell's runs."""
    return summarise(getattr(record.cost, key) for record in cell)


def by_seed(cell: Iterable[Record], *path: str) -> dict[Seeds, float]:
    """Return one entry of the metrics for each seed of a cell that has it."""
    found = {(r.spec.seed, r.spec.noise.seed): entry(r, *path) for r in cell}
    return {seeds: value for seeds, value in found.items() if value is not None}


def metric_names(record: Record) -> list[str]:
    """Return the dotted names of all entries of a run's metrics: `scores.own.auroc`."""
    return list(flat(record.metrics.entries()))


def flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested entries by their names joined by dots: `scores.own.auroc`."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def undefined(group: Group, *names: str) -> list[str]:
    """Return a note for each reason why one of these things is undefined in some run.

    They begin with the sign of a cell without a value; `(1 of 3)` is one with fewer runs.
    """
    reasons = {entry(record, "undefined", name) for record in group.records for name in names}
    return [f"–, or of fewer runs: {reason}." for reason in sorted(reasons - {None})]


def epoch_sum(log: Columns, key: str) -> float | None:
    """Return the sum of a column of the log over all epochs, None if there is no such column."""
    return float(np.nansum(log[key])) if key in log else None


def remaining(log: Columns) -> float | None:
    """Return the part of the labels that is wrong after the last epoch, if the run relabelled."""
    return float(log["remaining_noise"][-1]) if "remaining_noise" in log else None


def repeated(group: Group) -> bool:
    """Return whether some cell has more than one run."""
    return any(len(cell) > 1 for _, _, cell in group.cells())
